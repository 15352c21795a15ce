// Ticks of consensus from the monotonic clock: as many as heartbeat intervals have passed, but never a burst after the process
// stood still, which would start an election before the heartbeats that wait in the sockets are read.

import type { Clock, Timer } from '../env/index.js'

/** Ticks delivered for one firing of the timer at most; what is missed beyond is skipped. */
const CATCH_UP_MAX = 2

export class TickSource {
  readonly #clock: Clock
  readonly #tickMs: number
  readonly #onTick: () => void
  #timer: Timer | undefined
  /** When the next tick is due. */
  #nextMs = 0

  constructor(clock: Clock, tickMs: number, onTick: () => void) {
    this.#clock = clock
    this.#tickMs = tickMs
    this.#onTick = onTick
  }

  open(): void {
    this.#nextMs = this.#clock.monotonicMs() + this.#tickMs
    this.#schedule()
  }

  close(): void {
    this.#timer?.cancel()
  }

  /** Aimed at the due time and not at an interval: late firings of a busy loop must not add up. */
  #schedule(): void {
    this.#timer = this.#clock.after(Math.max(0, this.#nextMs - this.#clock.monotonicMs()), () => this.#fire())
  }

  #fire(): void {
    const nowMs = this.#clock.monotonicMs()
    // A timer may fire a little early: it still stands for its tick.
    const due = Math.max(1, 1 + Math.floor((nowMs - this.#nextMs) / this.#tickMs))
    this.#nextMs += due * this.#tickMs
    // Scheduled first: a tick may close this source.
    this.#schedule()
    for (let i = 0; i < Math.min(due, CATCH_UP_MAX); i++) this.#onTick()
  }
}
