// LevelDB backend.
export { BackendLocked, LevelBackend, type LevelBackendOptions, levelFolders } from './leveldb/index.js'

// etcd's log and snapshot files.
export { WalCorrupt, MalformedRecord } from './wal/errors.js'
export { createWal, hasWal, openWal, readWal, type OpenedWal } from './wal/open.js'
export { SEGMENT_BYTES, type Wal, type WalOptions } from './wal/wal.js'
export { type Metadata } from './wal/messages.js'
export { listSnapFiles, readSnapFile } from './snap/snap-directory.js'
export { decodeV2Store, encodeV2Store, type SnapshotMember, type SnapshotMembership } from './snap/v2-store.js'
