// Carries applied changes to the backend: one atomic batch at a time, as soon as enough has gathered or enough time has
// passed. Nothing waits for it: the log makes writes durable, the backend only shortens recovery.

import { type AppliedPoint, type RowBuffer, type StateMachine, collectBatch } from '../apply/index.js'
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

export class BackendCommitter {
  readonly #machine: StateMachine
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
  #committed: AppliedPoint
  #onRelief: (() => void) | undefined

  constructor(options: {
    machine: StateMachine
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
    this.#committed = options.machine.applied
  }

  /** The applied point that the backend holds durably. */
  get committed(): AppliedPoint {
    return this.#committed
  }

  /** True while so much is unflushed that the owner should hold back proposals; `listener` is called once it is over. */
  overloaded(listener: () => void): boolean {
    if (this.#store.pendingBytes <= this.#pacing.unflushedBytesMax) return false
    this.#onRelief = listener
    void this.commit()
    return true
  }

  /** Called after applying `operations` entries, and with 0 when rows of background work wait. */
  noteApplied(operations: number): void {
    this.#operations += operations
    if (this.#running !== undefined) return
    if (this.#operations >= this.#pacing.operationsMax) void this.commit()
    else this.#timer ??= this.#clock.after(this.#pacing.intervalMs, () => void this.commit())
  }

  /** Resolves when everything applied before the call is durable in the backend. */
  async commit(): Promise<void> {
    const wanted = this.#machine.applied.index
    const hadRows = this.#hasRows()
    // A batch under way may have been collected before our changes; one that starts afterwards holds them all, so under
    // constant load this still ends.
    if (this.#running !== undefined) await this.#running
    if (this.#committed.index < wanted || (hadRows && this.#hasRows())) await this.#start()
  }

  async close(): Promise<void> {
    this.#timer?.cancel()
    await this.#running
  }

  /** The batch under way, or a new one: after waiting for an older batch either holds everything up to then. */
  #start(): Promise<void> {
    this.#running ??= this.#commitOnce().finally(() => (this.#running = undefined))
    return this.#running
  }

  async #commitOnce(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#operations = 0
    const point = this.#machine.applied
    const { rows, token } = collectBatch(this.#machine, this.#store, this.#rows)
    const startedMs = this.#clock.monotonicMs()
    try {
      await this.#backend.write(rows)
    } catch (error) {
      this.#onFatal(error instanceof Error ? error : new Error(String(error)))
      return await new Promise<never>(() => undefined)
    }
    this.#duration.observe((this.#clock.monotonicMs() - startedMs) / 1000)
    this.#store.flushed(token)
    this.#committed = point
    const relieved = this.#onRelief
    this.#onRelief = undefined
    relieved?.()
    // What was applied meanwhile gets its own turn.
    this.#clock.soon(() => {
      if (this.#machine.applied.index > this.#committed.index || this.#hasRows()) this.noteApplied(0)
    })
  }

  #hasRows(): boolean {
    return this.#rows.length > 0 || this.#store.hasPendingRows
  }
}
