// Keeps the log on disk short: once enough entries were applied since the last time, records that the backend holds
// everything up to here, and releases older log segments.

import type { AppliedPoint } from '../apply/index.js'
import { type Index, index as toIndex } from '../base/index.js'
import type { LogConfState, LogStorage, Logger } from '../env/index.js'
import { type BackendCommitter, CommitFailed } from './backend-committer.js'

export interface SnapshotPolicy {
  /** Entries applied since the last snapshot that trigger the next (--snapshot-count). */
  readonly everyEntries: number
  /** Payload bytes applied since then that trigger it as well: a restart reads all entries behind the last snapshot. */
  readonly everyBytes: number
  /** Applied entries kept in memory for members that lag a little (--snapshot-catchup-entries). */
  readonly catchUpEntries: number
}

export interface SnapshotSource {
  readonly applied: AppliedPoint
  /** Of the last applied entry. */
  readonly confState: LogConfState
  /** Membership in the form of `.snap` files. */
  membershipData(): Uint8Array
}

export class Snapshotter {
  readonly #committer: Pick<BackendCommitter, 'commit'>
  readonly #log: LogStorage
  readonly #source: SnapshotSource
  readonly #policy: Pick<SnapshotPolicy, 'everyEntries' | 'everyBytes'>
  readonly #logger: Logger
  readonly #isHeld: () => boolean
  readonly #onFatal: (error: Error) => void
  #lastIndex: Index
  #bytesSinceLast = 0
  #running: Promise<void> | undefined
  #closed = false

  /**
   * `isHeld`: another member is getting a snapshot; older segments stay until the next one. `onFatal`: a snapshot could not be
   * saved; as in etcd the process has to end, before the log fills the disk.
   */
  constructor(options: {
    committer: Pick<BackendCommitter, 'commit'>
    log: LogStorage
    source: SnapshotSource
    policy: Pick<SnapshotPolicy, 'everyEntries' | 'everyBytes'>
    logger: Logger
    lastIndex: Index
    isHeld: () => boolean
    onFatal: (error: Error) => void
  }) {
    this.#committer = options.committer
    this.#log = options.log
    this.#source = options.source
    this.#policy = options.policy
    this.#logger = options.logger
    this.#lastIndex = options.lastIndex
    this.#isHeld = options.isHeld
    this.#onFatal = options.onFatal
  }

  /** After each applied batch: its last index and the payload bytes of its entries. */
  noteApplied(applied: Index, bytes: number): void {
    this.#bytesSinceLast += bytes
    if (this.#closed || this.#running !== undefined) return
    const { everyEntries, everyBytes } = this.#policy
    if (applied - this.#lastIndex <= everyEntries && this.#bytesSinceLast <= everyBytes) return
    this.#running = this.#snapshot()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => (this.#running = undefined))
  }

  /** The log begins with another member's snapshot at `index` now. */
  noteInstalled(index: Index): void {
    this.#lastIndex = index
    this.#bytesSinceLast = 0
  }

  /** Starts none any more and resolves when the one under way is over. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
  }

  async #snapshot(): Promise<void> {
    // One turn: the point, the configuration and the membership belong together. The backend may then get ahead of it.
    const { index, term } = this.#source.applied
    const snapshot = { index, term, confState: this.#source.confState, data: this.#source.membershipData() }
    this.#bytesSinceLast = 0
    this.#logger.info('triggering snapshot', { 'local-member-applied-index': index })
    // A recovery that starts from the record finds nothing older in the log: the backend must have it first.
    await this.#committer.commit()
    await this.#log.saveSnapshot(snapshot)
    this.#lastIndex = toIndex(Math.max(this.#lastIndex, index))
    this.#logger.info('saved snapshot to disk', { 'snapshot-index': index })
    if (!this.#isHeld()) await this.#log.release(index)
  }

  #failed(error: unknown): void {
    this.#logger.error('failed to save snapshot', { error })
    // A committer that failed has said so itself.
    if (!(error instanceof CommitFailed)) this.#onFatal(error instanceof Error ? error : new Error(String(error)))
  }
}
