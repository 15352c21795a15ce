// Compactions in the order they were asked for, each in slices behind the back of reads and writes:
// wait for reads below it - pass over the chunks (sweep.ts) - prune the index - note that it is finished.

import type { Key } from '../base/index.js'
import type { Clock, Logger } from '../env/index.js'
import { type CompactionHashes, survivorSteps } from './hash.js'
import { FIRST_KEY, type KeyIndex, OPEN_END } from './key-index.js'
import type { ReadPins } from './read-pins.js'
import { revisionKey } from './revision-key.js'
import type { RevisionLog } from './revision-log.js'
import type { SliceRunner, Steps } from './slices.js'
import { Sweep } from './sweep.js'

export const SCHEDULED_COMPACT_KEY = 'scheduledCompactRev'
export const FINISHED_COMPACT_KEY = 'finishedCompactRev'

/** The pass pauses while this much waits to be written. */
const UNWRITTEN_BYTES_MAX = 8 * 1024 * 1024
const WALK_STEP = 512

/** Hears how compactions go, for the metrics. */
export interface CompactionObserver {
  /** One slice of the pass took so long. */
  onSlice(tookMs: number): void
  /** A compaction is over; `tookMs` includes its pauses. */
  onFinished(tookMs: number): void
}

export interface CompactorParts {
  readonly index: KeyIndex
  readonly log: RevisionLog
  readonly pins: ReadPins
  readonly hashes: CompactionHashes
  readonly runner: SliceRunner
  readonly clock: Clock
  readonly logger: Logger
  /** Revisions per slice of the pass. */
  readonly batchLimit: number
  /** Pause between two slices. */
  readonly sleepMs: number
  /** Rows wait to be committed. */
  readonly onRows: () => void
  readonly onFailure: (error: unknown) => void
  readonly observer: CompactionObserver | undefined
}

interface Waiter {
  /** A batch or a revision. */
  readonly at: number
  readonly resolve: () => void
}

export class Compactor {
  readonly #parts: CompactorParts
  /** Resolves when all passes asked for so far are over, written or not. */
  #passes: Promise<void> = Promise.resolve()
  #written: Promise<void> = Promise.resolve()
  #flushWaiters: Waiter[] = []
  #finishWaiters: Waiter[] = []
  #writtenBatch = 0
  #scheduled: number
  #finished: number
  /** Holds the row that says that the newest finished compaction is finished. */
  #finishedBatch = 0
  #stopped = false
  #wake: (() => void) | undefined
  /** Revisions removed so far. */
  removed = 0

  /** The revisions of the rows that say which compaction was last begun and ended; -1 for none. */
  constructor(parts: CompactorParts, scheduled: number, finished: number) {
    this.#parts = parts
    this.#scheduled = scheduled
    this.#finished = finished
  }

  /**
   * Begins a compaction at `at`; `previous` was the compact revision before. Rows are touched in later turns only, in
   * batches after (or with) the row that says that it was begun.
   * Resolves when the pass is written to the backend, or when the compactor stops.
   */
  schedule(at: number, previous: number): Promise<void> {
    const storesHash = this.#scheduled === this.#finished
    this.#scheduled = at
    this.#parts.log.queueRow('meta', Buffer.from(SCHEDULED_COMPACT_KEY), revisionKey(at, 0))
    // A failed pass leaves everything readable; it is taken up again at the next start.
    const pass = this.#passes.then(() => this.#run(at, previous, storesHash)).catch(this.#parts.onFailure)
    // The next pass does not wait until this one is written: batches keep their order, and a write may be 100 ms away.
    this.#passes = pass
    this.#written = pass.then(() => this.#writtenUpTo(this.#finishedBatch))
    return this.#written
  }

  /** Resolves when the pass of the compaction at `at` is over, or when the compactor stops. */
  finished(at: number): Promise<void> {
    if (this.#stopped || this.#finished >= at) return Promise.resolve()
    return new Promise((resolve) => {
      this.#finishWaiters.push({ at, resolve })
    })
  }

  /** Resolves when all compactions asked for so far are written. */
  idle(): Promise<void> {
    return this.#written
  }

  /** The backend has all batches up to `batch`. */
  flushed(batch: number): void {
    this.#writtenBatch = batch
    this.#flushWaiters = release(this.#flushWaiters, batch)
  }

  /** Ends at the next pause; what is left is done after the next start. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#wake?.()
    this.flushed(Infinity)
    this.#finishWaiters = release(this.#finishWaiters, Infinity)
    await this.#written
  }

  async #run(at: number, previous: number, storesHash: boolean): Promise<void> {
    const { index, log, pins, hashes, runner, batchLimit, logger, clock, observer } = this.#parts
    await pins.releasedBelow(at)
    if (this.#stopped) return
    const begun = clock.monotonicMs()
    const filtered = await runner.runAsync(survivorSteps(index, at, true))
    const sweep = new Sweep(index, log, at, previous, filtered)
    for (let done = false; !done;) {
      if (this.#stopped) return
      const sliceMs = clock.monotonicMs()
      const before = sweep.removed
      done = sweep.step(batchLimit)
      this.removed += sweep.removed - before
      observer?.onSlice(clock.monotonicMs() - sliceMs)
      if (log.queuedRows > 0) this.#parts.onRows()
      if (log.pendingBytes + log.writingBytes > UNWRITTEN_BYTES_MAX) await this.#writtenUpTo(log.nextBatch)
      if (!done) await this.#pause()
    }
    await runner.runAsync(pruneSteps(index, at))
    if (this.#stopped) return
    this.#finished = at
    this.#finishWaiters = release(this.#finishWaiters, at)
    log.queueRow('meta', Buffer.from(FINISHED_COMPACT_KEY), revisionKey(at, 0))
    // Asked before the owner hears of the row: it may begin that very batch at once.
    this.#finishedBatch = log.nextBatch
    this.#parts.onRows()
    if (storesHash) hashes.store(sweep.hash())
    observer?.onFinished(clock.monotonicMs() - begun)
    logger.info('finished scheduled compaction', {
      'compact-revision': at,
      removed: sweep.removed,
      'took-ms': Math.round(clock.monotonicMs() - begun),
    })
  }

  #writtenUpTo(batch: number): Promise<void> {
    if (this.#stopped || this.#writtenBatch >= batch) return Promise.resolve()
    return new Promise((resolve) => {
      this.#flushWaiters.push({ at: batch, resolve })
    })
  }

  #pause(): Promise<void> {
    if (this.#parts.sleepMs === 0) return this.#parts.clock.yieldTurn()
    return new Promise((resolve) => {
      const timer = this.#parts.clock.after(this.#parts.sleepMs, () => {
        this.#wake = undefined
        resolve()
      })
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }
}

/** Resolves the waiters for `at` and below; returns the others. */
const release = (waiters: readonly Waiter[], at: number): Waiter[] => {
  for (const waiter of waiters) if (waiter.at <= at) waiter.resolve()
  return waiters.filter((waiter) => waiter.at > at)
}

/** Takes out of the index what a compaction at `at` removes. */
function* pruneSteps(index: KeyIndex, at: number): Steps<void> {
  let from: Key | undefined = FIRST_KEY
  while (from !== undefined) {
    const gone: Key[] = []
    from = index.walk(from, OPEN_END, WALK_STEP, (record) => {
      if (!record.compact(at)) gone.push(record.key)
    })
    for (const key of gone) index.remove(key)
    yield
  }
}
