export { hashBackend } from './backend-hash.js'
export { Change } from './change.js'
export type { CompactionObserver } from './compaction.js'
export { CorruptStore } from './corrupt-store.js'
export type { HashKvResult } from './hash.js'
export { FIRST_KEY, nextKey, OPEN_END, rangeEnd } from './key-index.js'
export type { KeyState } from './key-record.js'
export { type EncodedRangeOutcome, RangeQuery, type RangeOutcome, SortOrder, SortTarget } from './range.js'
export { Restore } from './restore.js'
export { type RevisionRow, RevisionRows, scanRevisions } from './revision-rows.js'
export {
  type CompactOutcome,
  type HashKvOutcome,
  Store,
  type StoreCounts,
  type StoreListener,
  type StoreOptions,
} from './store.js'
export type { TxnResult, WriteTxn } from './write-txn.js'

// The watch hub.
export {
  CANCEL_REASON,
  DEFAULT_WATCH_LIMITS,
  type HistoryReader as WatchHistory,
  type HubStream,
  WatchHub,
  type WatchHubLimits,
  type WatchHubOptions,
  type WatchPermission,
  type WatchSink,
  type WatchSource,
} from './watch/index.js'
