// How many pings a client may send, as grpc-go's keepalive enforcement counts them.

const STRIKES_MAX = 2
/** Between pings of a connection without open calls. */
const IDLE_INTERVAL_MS = 2 * 3_600_000
/** In force when no interval is configured. */
const DEFAULT_INTERVAL_MS = 5 * 60_000

export class PingPolicy {
  readonly #intervalMs: number
  #lastPingMs = Number.NEGATIVE_INFINITY
  #strikes = 0
  #sentSincePing = false

  /** Zero or a negative interval does not switch the rule off: then the default of five minutes holds. */
  constructor(minIntervalMs: number) {
    this.#intervalMs = minIntervalMs > 0 ? minIntervalMs : DEFAULT_INTERVAL_MS
  }

  /** We sent headers or data: the client has a reason to ping, its strikes are forgotten. */
  onSent(): void {
    this.#sentSincePing = true
  }

  /** True when the connection has to go (GOAWAY, ENHANCE_YOUR_CALM, `too_many_pings`). */
  onPing(nowMs: number, openCalls: number): boolean {
    const sinceLastMs = nowMs - this.#lastPingMs
    this.#lastPingMs = nowMs
    if (this.#sentSincePing) {
      this.#sentSincePing = false
      this.#strikes = 0
      return false
    }
    if (sinceLastMs < (openCalls === 0 ? IDLE_INTERVAL_MS : this.#intervalMs)) this.#strikes++
    return this.#strikes > STRIKES_MAX
  }
}
