// Limits repeated log lines, as the reference does: a storm of one message must not fill disks or slow the server.

/** Lines of one level and message that are written in a second before sampling starts, and of which the nth after it. */
const FIRST = 100
const THEREAFTER = 100
const WINDOW_MS = 1_000
/** Different messages counted in a second; the ones beyond share a count. */
const MESSAGES_MAX = 4_096

export class LogSampler {
  readonly #counts = new Map<string, number>()
  #windowEndMs = 0

  /** Whether the line may be written; `nowMs` never goes back. */
  admit(level: string, message: string, nowMs: number): boolean {
    if (nowMs >= this.#windowEndMs) {
      this.#counts.clear()
      this.#windowEndMs = nowMs + WINDOW_MS
    }
    const name = `${level} ${message}`
    const key = this.#counts.has(name) || this.#counts.size < MESSAGES_MAX ? name : ''
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    return count <= FIRST || (count - FIRST) % THEREAFTER === 0
  }
}
