// What consensus needs of stable storage. Shapes are structural: the records of proto/raftpb satisfy them.

import type { ClusterId, Index, MemberId, Term } from '../base/index.js'

export interface LogEntry {
  readonly type: number
  readonly term: Term
  readonly index: Index
  readonly data: Uint8Array
}

export interface LogHardState {
  readonly term: Term
  readonly vote: MemberId
  readonly commit: Index
}

export interface LogConfState {
  readonly voters: readonly MemberId[]
  readonly learners: readonly MemberId[]
  readonly votersOutgoing: readonly MemberId[]
  readonly learnersNext: readonly MemberId[]
  readonly autoLeave: boolean
}

/** A point of the log up to which the state machine was saved. */
export interface SnapshotPoint {
  readonly index: Index
  readonly term: Term
  readonly confState: LogConfState
}

/** The content of a `.snap` file: the point, and the membership as of it (v2 store JSON, see storage/snap). */
export interface LogSnapshot extends SnapshotPoint {
  readonly data: Uint8Array
}

/** What a log held when it was opened. */
export interface RecoveredLog<E extends LogEntry = LogEntry> {
  readonly memberId: MemberId
  readonly clusterId: ClusterId
  readonly hardState: LogHardState
  /** The newest usable snapshot, undefined when the log starts at its first entry. */
  readonly snapshot: LogSnapshot | undefined
  /** Entries after the snapshot, without gap. */
  readonly entries: readonly E[]
}

export interface LogStorage {
  /**
   * Appends a batch; calls may overlap, are written and settle in call order. Whatever waits while a sync runs becomes the next
   * single write and single sync. Resolves once the batch is on stable storage; nothing in it may be acknowledged earlier
   * (Raft paper, figure 2). A commit-only hard state waits in memory for the next durable write (etcd raft
   * MustSync: it may be lost), and its promise does not.
   * `entries` and their data are frozen.
   * @throws WalFailed after any failed write or sync. The log is then unusable: a failed sync is never retried.
   */
  append(hardState: LogHardState | undefined, entries: readonly LogEntry[]): Promise<void>
  /**
   * Saves the snapshot file, then its record in the log, both durable when it resolves.
   * The caller has made sure that the backend holds everything up to `snapshot.index`.
   */
  saveSnapshot(snapshot: LogSnapshot): Promise<void>
  /**
   * Replaces the whole log by a snapshot that another member sent, its file and record durable before anything that follows on
   * it: then `hardState` and `entries`, as `append` does. Calls of `append` made later are written later.
   */
  install(snapshot: LogSnapshot, hardState: LogHardState | undefined, entries: readonly LogEntry[]): Promise<void>
  /** Unlocks the segments that recovery from a snapshot at `index` does not need; the purge may delete them. */
  release(index: Index): Promise<void>
  /** Deletes the oldest released segments and snapshot files beyond the limits; 0 keeps all. */
  purge(maxSegments: number, maxSnapshots: number): Promise<void>
  close(): Promise<void>
}

/** A write or sync of the log failed, or the log is closed: nothing can be appended any more. */
export class WalFailed extends Error {
  override readonly name = 'WalFailed'
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
  }
}

/** The log of one data directory, before it is open. */
export interface LogProvider {
  /** True when there is at least one segment: the member restarts instead of starting anew. */
  exists(): Promise<boolean>
  create(ids: { memberId: MemberId; clusterId: ClusterId }): Promise<LogStorage>
  /** @throws WalCorrupt naming file and offset when the log cannot be trusted. */
  open(): Promise<{ log: LogStorage; recovered: RecoveredLog }>
}
