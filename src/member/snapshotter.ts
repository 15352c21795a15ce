// Keeps the log short: once enough entries were applied since the last time, records that the backend holds everything up
// to here, releases older log segments and drops old entries from memory.

import type { AppliedPoint } from '../apply/index.js'
import { type Index, RingQueue } from '../base/index.js'
import type { LogConfState, LogStorage, Logger } from '../env/index.js'
import type { BackendCommitter } from './backend-committer.js'

export interface SnapshotPolicy {
  /** Entries applied since the last snapshot that trigger the next (--snapshot-count). */
  readonly everyEntries: number
  /** Payload bytes applied since the last snapshot that trigger the next as well: few large entries count like many small. */
  readonly everyBytes: number
  /** Entries kept in memory behind a snapshot for members that lag a little (--snapshot-catchup-entries). */
  readonly catchUpEntries: number
  /** Payload bytes of these entries at most. */
  readonly catchUpBytes: number
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
  readonly #committer: Pick<BackendCommitter, 'commit'>
  readonly #log: Pick<LogStorage, 'saveSnapshot' | 'release'>
  readonly #source: SnapshotSource
  readonly #policy: SnapshotPolicy
  readonly #logger: Logger
  /** Applied batches whose entries are still in memory: the last index and the payload bytes of each, oldest first. */
  readonly #inMemory = new RingQueue<{ readonly index: Index; readonly bytes: number }>()
  #inMemoryBytes = 0
  #bytesSinceLast = 0
  #lastIndex: Index
  #running: Promise<void> | undefined

  constructor(options: {
    committer: Pick<BackendCommitter, 'commit'>
    log: Pick<LogStorage, 'saveSnapshot' | 'release'>
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

  /** After each applied batch: its last index and the payload bytes of its entries. */
  noteApplied(applied: Index, bytes: number): void {
    this.#inMemory.push({ index: applied, bytes })
    this.#inMemoryBytes += bytes
    this.#bytesSinceLast += bytes
    if (this.#running !== undefined) return
    const due = applied - this.#lastIndex > this.#policy.everyEntries || this.#bytesSinceLast > this.#policy.everyBytes
    if (!due) return
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
    this.#bytesSinceLast = 0
    this.#logger.info('triggering snapshot', { 'local-member-applied-index': index })
    await this.#committer.commit()
    await this.#log.saveSnapshot(snapshot)
    this.#lastIndex = index
    this.#logger.info('saved snapshot to disk', { 'snapshot-index': index })
    await this.#log.release(index)
    this.#compactMemory(index)
  }

  /** Never beyond the snapshot; as far as the entry and the byte limit of the catch-up window ask for. */
  #compactMemory(snapshotIndex: Index): void {
    const { catchUpEntries, catchUpBytes } = this.#policy
    let compactTo = Math.max(1, snapshotIndex - catchUpEntries)
    for (let oldest = this.#inMemory.peek(); oldest !== undefined; oldest = this.#inMemory.peek()) {
      if (oldest.index > snapshotIndex || (oldest.index > compactTo && this.#inMemoryBytes <= catchUpBytes)) break
      this.#inMemory.shift()
      this.#inMemoryBytes -= oldest.bytes
      compactTo = Math.max(compactTo, oldest.index)
    }
    this.#source.compactLog(compactTo as Index)
  }
}
