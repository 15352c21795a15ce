// Carries applied changes to the backend: one atomic batch at a time, as soon as enough has gathered or enough time has
// passed. Nothing waits for it: the log makes writes durable, the backend only shortens recovery.

import { type AppliedPoint, type RowBuffer, collectBatch } from '../apply/index.js'
import type { Backend, Clock, Histogram, Timer } from '../env/index.js'
import type { Store } from '../mvcc/index.js'

export interface CommitPacing {
  /** Longest time that applied changes stay in memory only, milliseconds (--backend-batch-interval). */
  readonly intervalMs: number
  /** Operations that start a commit at once (--backend-batch-limit). */
  readonly operationsMax: number
  /** Bytes of changes not yet in the backend above which no further proposals are taken. */
  readonly unflushedBytesMax: number
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
  readonly #pacing: CommitPacing
  readonly #duration: Histogram
  readonly #onFatal: (error: Error) => void
  #timer: Timer | undefined
  #operations = 0
  #running: Promise<void> | undefined
  /** Batches begun and batches durable; they differ by one at most. */
  #begun = 0
  #done = 0
  /** The applied point of the last batch begun, and of the last one durable. */
  #collected: AppliedPoint
  #committed: AppliedPoint
  #onRelief: (() => void) | undefined
  #failure: CommitFailed | undefined
  #closed = false

  constructor(options: {
    machine: { readonly applied: AppliedPoint }
    store: Store
    rows: RowBuffer
    backend: Backend
    clock: Clock
    pacing: CommitPacing
    duration: Histogram
    onFatal: (error: Error) => void
  }) {
    this.#machine = options.machine
    this.#store = options.store
    this.#rows = options.rows
    this.#backend = options.backend
    this.#clock = options.clock
    this.#pacing = options.pacing
    this.#duration = options.duration
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

  /** Called after applying `operations` entries, and with 0 when rows of background work wait. */
  noteApplied(operations: number): void {
    if (this.#closed || this.#failure !== undefined) return
    this.#operations += operations
    if (this.#running !== undefined) return
    if (this.#operations >= this.#pacing.operationsMax) void this.#start()
    else this.#timer ??= this.#clock.after(this.#pacing.intervalMs, () => void this.#start())
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

  /** Nothing is written from now on: what is in memory cannot be trusted. */
  halt(): void {
    this.#timer?.cancel()
    this.#failure ??= new CommitFailed('the member has stopped')
  }

  /** Starts nothing by itself any more and resolves when the batch under way is done. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await this.#running
  }

  /** The batch under way, or a new one. Never rejects. */
  #start(): Promise<void> {
    this.#running ??= this.#write().finally(() => (this.#running = undefined))
    return this.#running
  }

  async #write(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#failure !== undefined) return
    this.#operations = 0
    this.#begun++
    const point = (this.#collected = this.#machine.applied)
    const { rows, token } = collectBatch(this.#machine, this.#store, this.#rows)
    const startedMs = this.#clock.monotonicMs()
    try {
      await this.#backend.write(rows)
    } catch (cause) {
      this.#failure = new CommitFailed('the backend failed', { cause })
      this.#onFatal(cause instanceof Error ? cause : new Error(String(cause)))
      return
    }
    this.#duration.observe((this.#clock.monotonicMs() - startedMs) / 1000)
    this.#store.flushed(token)
    this.#committed = point
    this.#done++
    const relieved = this.#onRelief
    this.#onRelief = undefined
    // In a turn of its own: this batch must be over before the next can begin.
    this.#clock.soon(() => {
      if (this.#isDirty()) this.noteApplied(0)
      relieved?.()
    })
  }

  #isDirty(): boolean {
    return this.#machine.applied.index > this.#collected.index || this.#rows.length > 0 || this.#store.hasPendingRows
  }
}
