// Counts what costs us more than its sender, and says when a client asks for too much.

import { HTTP2_LIMITS } from './limits.js'

export class FloodGuard {
  #idleFrames = 0
  #resetTokens: number = HTTP2_LIMITS.resetBurst
  #refilledMs: number

  constructor(nowMs: number) {
    this.#refilledMs = nowMs
  }

  /** A request or its bytes came, or an answer went: the connection is of use. */
  onUse(): void {
    this.#idleFrames = 0
  }

  /** A frame that brings nothing. False: too many in a row. */
  onIdleFrame(): boolean {
    return ++this.#idleFrames <= HTTP2_LIMITS.idleFrames
  }

  /** A stream was cut short; `cost` in resets. False: too many of late. */
  onReset(nowMs: number, cost: number): boolean {
    const earned = ((nowMs - this.#refilledMs) / 1000) * HTTP2_LIMITS.resetsPerSecond
    this.#refilledMs = nowMs
    this.#resetTokens = Math.min(this.#resetTokens + earned, HTTP2_LIMITS.resetBurst) - cost
    return this.#resetTokens >= 0
  }
}
