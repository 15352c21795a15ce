// Calls that must see everything committed so far, but may not wait long for it.

import { type Index, RingQueue } from '../base/index.js'
import type { Clock } from '../env/index.js'
import { errors } from '../proto/index.js'
import type { ReadWaiter } from './api.js'

/** As long as etcd's lease calls wait. */
const LIMIT_MS = 1000

interface Wait {
  readonly index: Index
  readonly startedMs: number
  readonly waiter: ReadWaiter
}

/**
 * The commit index and time only grow, so the oldest wait is both the first to be over and the first to expire.
 * Bound: the caller's, who has one wait per stream or call.
 */
export class AppliedWaits {
  readonly #clock: Clock
  readonly #waits = new RingQueue<Wait>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `applied`: where the state machine is. Calls back at once when it has `index` already. */
  wait(index: Index, applied: Index, waiter: ReadWaiter): void {
    if (index <= applied) return waiter.onReady()
    this.#waits.push({ index, startedMs: this.#clock.monotonicMs(), waiter })
  }

  onApplied(applied: Index): void {
    for (let head = this.#waits.peek(); head !== undefined && head.index <= applied; head = this.#waits.peek()) {
      this.#waits.shift()
      head.waiter.onReady()
    }
  }

  tick(nowMs: number): void {
    for (let head = this.#waits.peek(); head !== undefined; head = this.#waits.peek()) {
      if (nowMs - head.startedMs < LIMIT_MS) return
      this.#waits.shift()
      head.waiter.onFailed(errors.timeoutWaitAppliedIndex)
    }
  }

  close(): void {
    for (const { waiter } of this.#waits.drain()) waiter.onFailed(errors.stopped)
  }
}
