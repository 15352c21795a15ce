// The ordered store under the state machine. Buckets carry etcd's names (reference: bbolt buckets of etcd 3.7).

export type Bucket =
  'alarm' | 'auth' | 'authRoles' | 'authUsers' | 'cluster' | 'key' | 'lease' | 'members' | 'members_removed' | 'meta'

/** All buckets in byte order of their names. */
export const BUCKETS: readonly Bucket[] = [
  'alarm',
  'auth',
  'authRoles',
  'authUsers',
  'cluster',
  'key',
  'lease',
  'members',
  'members_removed',
  'meta',
]

export interface BackendRow {
  readonly bucket: Bucket
  readonly key: Uint8Array
  /** Undefined deletes the row. */
  readonly value: Uint8Array | undefined
}

/** Collects the changes of one batch; a later change of a row replaces an earlier one. Arguments become frozen. */
export interface RowSink {
  put(bucket: Bucket, key: Uint8Array, value: Uint8Array): void
  delete(bucket: Bucket, key: Uint8Array): void
}

/** The rows as of one moment, whatever is written later. Holds the space of replaced rows until it is closed. */
export interface BackendView {
  /** As `Backend.scan`, as of the making of the view. */
  scan(bucket: Bucket, lo: Uint8Array, hi: Uint8Array | undefined, sliceBytes?: number): AsyncIterable<BackendSlice>
  /** Idempotent; scans under way end with an error. */
  close(): Promise<void>
}

export interface Backend {
  /**
   * Point read of what completed writes left. The result is owned. Blocks for a read of the page cache, and while LevelDB makes a file: up
   * to 24 ms were seen under a thousand writers; not for the bucket `meta`.
   */
  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined
  /**
   * Rows of `[lo, hi)` in key order (`hi` undefined: to the end of the bucket), as of the call, in slices of about
   * `sliceBytes` each. Rows are owned.
   */
  scan(bucket: Bucket, lo: Uint8Array, hi: Uint8Array | undefined, sliceBytes?: number): AsyncIterable<BackendSlice>
  /** All rows as completed writes left them. Made in this turn; the caller closes it. */
  view(): BackendView
  /**
   * One atomic batch; calls may overlap and are written in call order, later rows win over earlier ones of the same batch.
   * Durable when it resolves (docs/design/0003), and then the rows are not read any more: their memory may get other content.
   * After a failed write every later one fails.
   */
  write(rows: readonly BackendRow[]): Promise<void>
  /** Makes all completed writes durable. */
  sync(): Promise<void>
  /** Gives space of deleted rows back to the file system without blocking reads or writes. */
  reclaim(): Promise<void>
  /** Bytes of the files on disk. */
  fileBytes(): Promise<number>
  close(): Promise<void>
}

/** A member has two places for a store: one is in use, in the other the state of a received snapshot is put together. */
export const STORE_FOLDERS = ['store', 'store.next'] as const
export type StoreFolder = (typeof STORE_FOLDERS)[number]

export interface BackendFolders {
  /** Those that exist. */
  list(): Promise<readonly StoreFolder[]>
  /** Made when it is missing; durable when it resolves. The caller closes the backend. */
  open(folder: StoreFolder): Promise<Backend>
  /** Makes the names of the files in it durable, so that another store may be removed for it. */
  sync(folder: StoreFolder): Promise<void>
  /** With all it holds; no error when it does not exist. Nobody has it open. */
  remove(folder: StoreFolder): Promise<void>
}

export type BackendSlice = readonly { readonly key: Uint8Array; readonly value: Uint8Array }[]
