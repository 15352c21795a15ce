// Whether a leader sends its heartbeats in time. When it does not, its process or its disk has too much to do
// (etcd server/etcdserver/raft.go and pkg/contention).

import type { MemberId } from '../base/index.js'
import type { Clock, Counter } from '../env/index.js'

/** Heartbeat intervals between two heartbeats to the same member, beyond which the later one is late. */
const LATE_INTERVALS = 2

/** Bound: one time per member that was sent a heartbeat under one leadership. */
export class HeartbeatGaps {
  readonly #clock: Clock
  readonly #maxMs: number
  readonly #late: Counter
  readonly #sentMs = new Map<MemberId, number>()

  constructor(options: { clock: Clock; heartbeatMs: number; late: Counter }) {
    this.#clock = options.clock
    this.#maxMs = LATE_INTERVALS * options.heartbeatMs
    this.#late = options.late
  }

  onSent(to: MemberId): void {
    const nowMs = this.#clock.monotonicMs()
    const beforeMs = this.#sentMs.get(to)
    if (beforeMs !== undefined && nowMs - beforeMs > this.#maxMs) this.#late.inc()
    this.#sentMs.set(to, nowMs)
  }

  /** Another role or another leader: what was sent before says nothing any more. */
  reset(): void {
    this.#sentMs.clear()
  }
}
