// Keeps the log short: once enough entries were applied since the last time, records that the backend holds everything up
// to here, releases older log segments and drops old entries from memory.

import type { AppliedPoint } from '../apply/index.js'
import type { Index } from '../base/index.js'
import type { LogConfState, LogStorage, Logger } from '../env/index.js'
import type { BackendCommitter } from './backend-committer.js'

export interface SnapshotPolicy {
  /** Entries applied since the last snapshot that trigger the next (--snapshot-count). */
  readonly everyEntries: number
  /** Entries kept in memory behind a snapshot for members that lag a little (--snapshot-catchup-entries). */
  readonly catchUpEntries: number
}

export interface SnapshotSource {
  readonly applied: AppliedPoint
  /** Of the last applied entry. */
  readonly confState: LogConfState
  /** Membership in the form of `.snap` files. */
  membershipData(): Uint8Array
  /** Drops log entries up to `index` from memory. */
  compactLog(index: Index): void
}

export class Snapshotter {
  readonly #committer: BackendCommitter
  readonly #log: LogStorage
  readonly #source: SnapshotSource
  readonly #policy: SnapshotPolicy
  readonly #logger: Logger
  #lastIndex: Index
  #running: Promise<void> | undefined

  constructor(options: {
    committer: BackendCommitter
    log: LogStorage
    source: SnapshotSource
    policy: SnapshotPolicy
    logger: Logger
    lastIndex: Index
  }) {
    this.#committer = options.committer
    this.#log = options.log
    this.#source = options.source
    this.#policy = options.policy
    this.#logger = options.logger
    this.#lastIndex = options.lastIndex
  }

  maybeSnapshot(applied: Index): void {
    if (this.#running !== undefined || applied - this.#lastIndex <= this.#policy.everyEntries) return
    this.#running = this.#snapshot()
      .catch((error: unknown) => this.#logger.error('failed to save a snapshot', { error }))
      .finally(() => (this.#running = undefined))
  }

  async close(): Promise<void> {
    await this.#running
  }

  async #snapshot(): Promise<void> {
    // One turn: the point, the configuration and the membership belong together. The backend may then get ahead of it.
    const { index, term } = this.#source.applied
    const snapshot = { index, term, confState: this.#source.confState, data: this.#source.membershipData() }
    this.#logger.info('triggering snapshot', { 'local-member-applied-index': index })
    await this.#committer.commit()
    await this.#log.saveSnapshot(snapshot)
    this.#lastIndex = index
    this.#logger.info('saved snapshot to disk', { 'snapshot-index': index })
    await this.#log.release(index)
    const compactTo = Math.max(1, index - this.#policy.catchUpEntries) as Index
    this.#source.compactLog(compactTo)
  }
}
