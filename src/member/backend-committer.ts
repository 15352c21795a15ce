// Carries applied changes to the backend: one atomic batch at a time, as soon as enough has gathered or enough time has
// passed. Nothing waits for it: the log makes writes durable, the backend only shortens recovery.

import { type AppliedPoint, type RowBuffer, collectBatch } from '../apply/index.js'
import type { Backend, BackendView, Clock, Histogram, LogSnapshot, Random, Timer } from '../env/index.js'
import type { Store } from '../mvcc/index.js'

export interface CommitPacing {
  /** Longest time that applied changes stay in memory only, milliseconds (--backend-batch-interval). */
  readonly intervalMs: number
  /** Operations that start a commit at once (--backend-batch-limit). */
  readonly operationsMax: number
  /** Bytes of changes that start a commit at once. */
  readonly bytesMax: number
  /** Bytes of changes not yet in the backend above which no further proposals are taken. */
  readonly unflushedBytesMax: number
}

/** A state of the member and the rows that hold it. */
export interface Capture {
  readonly snapshot: LogSnapshot
  /** Holds exactly what was applied at `snapshot.index`. Whoever asked closes it. */
  readonly view: BackendView
}

/** Longest time that rows of background work wait, milliseconds. */
const BACKGROUND_MS = 100
/**
 * An interval is shorter than its setting by up to this share of it. Members apply the same entries at the same time: where they share
 * a disk or cores, batches of all of them at once delay the log of each.
 */
const SPREAD = 0.3

interface CaptureWaiter {
  readonly resolve: (capture: Capture) => void
  readonly reject: (error: Error) => void
}

/** The backend does not hold what it should: a write failed, or the member has stopped before. */
export class CommitFailed extends Error {
  override readonly name = 'CommitFailed'
}

export class BackendCommitter {
  readonly #machine: { readonly applied: AppliedPoint }
  readonly #store: Store
  readonly #rows: RowBuffer
  readonly #backend: Backend
  readonly #clock: Clock
  readonly #random: Random
  readonly #pacing: CommitPacing
  readonly #duration: Histogram
  readonly #describe: () => LogSnapshot
  readonly #onFatal: (error: Error) => void
  /** Who wants the state of the next batch. */
  #captures: CaptureWaiter[] = []
  #timer: Timer | undefined
  #operations = 0
  #hasBackgroundRows = false
  #running: Promise<void> | undefined
  /** Batches begun and batches durable; they differ by one at most. */
  #begun = 0
  #done = 0
  /** The applied point of the last batch begun, and of the last one durable. */
  #collected: AppliedPoint
  #committed: AppliedPoint
  #onRelief: (() => void) | undefined
  #failure: CommitFailed | undefined
  /** While it is set, no batch begins. */
  #paused: { readonly over: Promise<void>; readonly end: () => void } | undefined
  #closed = false

  /** `describe`: the applied point with the configuration and the membership as of it, asked for in the turn of a batch. */
  constructor(options: {
    machine: { readonly applied: AppliedPoint }
    store: Store
    rows: RowBuffer
    backend: Backend
    clock: Clock
    random: Random
    pacing: CommitPacing
    duration: Histogram
    describe: () => LogSnapshot
    onFatal: (error: Error) => void
  }) {
    this.#machine = options.machine
    this.#store = options.store
    this.#rows = options.rows
    this.#backend = options.backend
    this.#clock = options.clock
    this.#random = options.random
    this.#pacing = options.pacing
    this.#duration = options.duration
    this.#describe = options.describe
    this.#onFatal = options.onFatal
    this.#collected = this.#committed = options.machine.applied
  }

  /** The applied point that the backend holds durably. */
  get committed(): AppliedPoint {
    return this.#committed
  }

  /** Bytes of changes that the backend does not hold yet. */
  get unflushedBytes(): number {
    return this.#store.pendingBytes + this.#store.writingBytes + this.#rows.bytes
  }

  /**
   * True while so much is unflushed that the owner should hold back proposals; `listener` is called when a batch is done, and
   * should look again. One listener at a time.
   */
  overloaded(listener: () => void): boolean {
    if (this.unflushedBytes <= this.#pacing.unflushedBytesMax) return false
    this.#onRelief = listener
    void this.#start()
    return true
  }

  /** Called after applying `operations` entries. */
  noteApplied(operations: number): void {
    if (this.#closed || this.#failure !== undefined) return
    this.#operations += operations
    if (this.#running !== undefined || this.#paused !== undefined) return
    const { operationsMax, bytesMax } = this.#pacing
    if (this.#operations >= operationsMax || this.unflushedBytes >= bytesMax) void this.#start()
    else this.#timer ??= this.#clock.after(this.#intervalMs(), () => void this.#start())
  }

  #intervalMs(): number {
    const { intervalMs } = this.#pacing
    return intervalMs - this.#random.below(Math.floor(intervalMs * SPREAD) + 1)
  }

  /** Rows of background work wait. That work may wait for them, so they wait no longer than `BACKGROUND_MS`. */
  noteRows(): void {
    if (this.#closed || this.#failure !== undefined || this.#hasBackgroundRows) return
    this.#hasBackgroundRows = true
    if (this.#running === undefined && this.#paused === undefined) this.#startSoon()
  }

  /**
   * Resolves when everything applied before the call is durable in the backend; what is applied later does not delay it.
   * @throws CommitFailed
   */
  async commit(): Promise<void> {
    // The batch under way was collected before this call: what came since is in the next one.
    const wanted = this.#begun + (this.#isDirty() ? 1 : 0)
    while (this.#done < wanted) {
      await this.#start()
      if (this.#failure !== undefined) throw this.#failure
    }
  }

  /**
   * The state at the end of a batch that begins after this call, with a view of the backend made when that batch is durable and
   * before the next one begins.
   * @throws CommitFailed
   */
  async capture(): Promise<Capture> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#closed) throw new CommitFailed('the member is closing')
    return new Promise((resolve, reject) => {
      this.#captures.push({ resolve, reject })
      // A batch under way was collected before: the next one is started when it is over.
      void this.#start()
    })
  }

  /** No batch begins any more; resolves when none is under way. `resume` ends it. */
  async pause(): Promise<void> {
    let end = (): void => undefined
    const over = new Promise<void>((resolve) => (end = resolve))
    this.#paused = { over, end }
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#running
  }

  /**
   * Ends a pause. With `point`, the store, the rows and the backend were exchanged meanwhile and hold everything up to there.
   * Without one nothing was exchanged; without a pause nothing happens.
   */
  resume(point?: AppliedPoint): void {
    if (point !== undefined) {
      this.#collected = this.#committed = point
      this.#operations = 0
    }
    this.#endPause()
    this.#goOn()
  }

  /** Nothing is written from now on: what is in memory cannot be trusted. */
  halt(): void {
    this.#timer?.cancel()
    this.#failure ??= new CommitFailed('the member has stopped')
    this.#dropCaptures(this.#failure)
    this.#endPause()
  }

  /** Starts nothing by itself any more and resolves when the batch under way is done. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#endPause()
    await this.#running
    this.#dropCaptures(new CommitFailed('the member is closing'))
  }

  #startSoon(): void {
    if (this.#closed || this.#failure !== undefined) return
    this.#timer?.cancel()
    this.#timer = this.#clock.after(Math.min(this.#pacing.intervalMs, BACKGROUND_MS), () => void this.#start())
  }

  /** What came while no batch could begin has its turn. */
  #goOn(): void {
    if (this.#captures.length > 0) void this.#start()
    // The rows that were noted went with a store that was exchanged, or with the batch before.
    else if (!this.#isDirty()) this.#hasBackgroundRows = false
    else if (this.#hasBackgroundRows) this.#startSoon()
    else this.noteApplied(0)
  }

  #endPause(): void {
    this.#paused?.end()
    this.#paused = undefined
  }

  /** The batch under way, or a new one; while paused, the end of the pause. Never rejects. */
  #start(): Promise<void> {
    if (this.#running === undefined && this.#paused !== undefined) return this.#paused.over
    this.#running ??= this.#write().finally(() => (this.#running = undefined))
    return this.#running
  }

  async #write(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#failure !== undefined) return
    this.#operations = 0
    this.#hasBackgroundRows = false
    this.#begun++
    const point = (this.#collected = this.#machine.applied)
    const { rows, token } = collectBatch(this.#machine, this.#store, this.#rows)
    const captures = this.#captures
    this.#captures = []
    const snapshot = captures.length > 0 ? this.#describe() : undefined
    const startedMs = this.#clock.monotonicMs()
    try {
      await this.#backend.write(rows)
    } catch (cause) {
      this.#failure = new CommitFailed('the backend failed', { cause })
      for (const { reject } of captures) reject(this.#failure)
      this.#dropCaptures(this.#failure)
      this.#onFatal(cause instanceof Error ? cause : new Error(String(cause)))
      return
    }
    this.#duration.observe((this.#clock.monotonicMs() - startedMs) / 1000)
    this.#store.flushed(token)
    this.#committed = point
    this.#done++
    if (snapshot !== undefined) for (const { resolve } of captures) resolve({ snapshot, view: this.#backend.view() })
    const relieved = this.#onRelief
    this.#onRelief = undefined
    // In a turn of its own: this batch must be over before the next can begin.
    this.#clock.soon(() => {
      this.#goOn()
      relieved?.()
    })
  }

  #dropCaptures(error: CommitFailed): void {
    for (const { reject } of this.#captures.splice(0)) reject(error)
  }

  #isDirty(): boolean {
    return this.#machine.applied.index > this.#collected.index || this.#rows.length > 0 || this.#store.hasPendingRows
  }
}
