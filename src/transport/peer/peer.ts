// One other member: the lanes to it.

import { type MemberId, hexId } from '../../base/index.js'
import type { raftpb } from '../../proto/index.js'
import type { NetworkHooks, PeerContext } from './context.js'
import { APPEND_LANE, CONTROL_LANE, Lane, type LaneOwner } from './lane.js'
import { isForAppendLane } from './messages.js'
import { QueryLane } from './queries.js'

/** etcd complains from here on, every ... */
const DRIFT_MAX_MS = 1000
const COMPLAIN_AGAIN_MS = 30_000

export class Peer implements LaneOwner {
  readonly id: MemberId
  urls: readonly string[]
  /** In no list of members; known from its own words. */
  isStranger: boolean
  readonly queries: QueryLane
  readonly #context: PeerContext
  readonly #hooks: NetworkHooks
  readonly #control: Lane
  readonly #append: Lane
  #activeSinceMs: number | undefined
  #complainedMs = Number.NEGATIVE_INFINITY

  constructor(context: PeerContext, hooks: NetworkHooks, id: MemberId, urls: readonly string[], isStranger: boolean) {
    this.#context = context
    this.#hooks = hooks
    this.id = id
    this.urls = urls
    this.isStranger = isStranger
    this.#control = new Lane(context, this, CONTROL_LANE)
    this.#append = new Lane(context, this, APPEND_LANE)
    this.queries = new QueryLane(context, id, () => this.urls)
  }

  get activeSinceMs(): number | undefined {
    return this.#activeSinceMs
  }

  /** An address that answers, or the first one to try. */
  get url(): string | undefined {
    return this.#control.isOpen ? this.#control.url : this.urls[0]
  }

  /** Dials, at once if a lane was waiting to. */
  start(): void {
    this.#control.start()
  }

  stop(): void {
    this.#control.stop()
    this.#append.stop()
    this.queries.stop()
    this.#setInactive()
    this.#context.options.logger.info('stopped remote peer', { 'remote-peer-id': hexId(this.id) })
  }

  send(message: raftpb.Message): void {
    ;(isForAppendLane(message.type) ? this.#append : this.#control).push(message)
  }

  flush(): void {
    this.#control.flush()
    this.#append.flush()
  }

  check(nowMs: number, pausedMs: number): void {
    this.#control.check(nowMs, pausedMs)
    this.#append.check(nowMs, pausedMs)
  }

  // ---- what the lanes tell

  onOpen(lane: Lane): void {
    if (lane !== this.#control) return
    const { options, metrics } = this.#context
    this.#activeSinceMs = this.#context.nowMs()
    metrics.of(this.id).active.set(1)
    options.logger.info('peer became active', { 'peer-id': hexId(this.id) })
    // One dial at a time to a member that may be down: the other lane follows the first.
    this.#append.start()
  }

  onBroken(lane: Lane, reason: string): void {
    if (lane !== this.#control) return
    this.#setInactive()
    this.#context.options.logger.warn('peer became inactive (message send to peer failed)', {
      'peer-id': hexId(this.id),
      error: reason,
    })
  }

  onDropped(): void {
    this.#hooks.onUnreachable(this.id)
  }

  onRemoved(): void {
    this.#hooks.onRemoved()
  }

  onRoundTrip(seconds: number, driftMs: number): void {
    const { options, metrics } = this.#context
    metrics.of(this.id).roundTrip.observe(seconds)
    const nowMs = this.#context.nowMs()
    if (Math.abs(driftMs) <= DRIFT_MAX_MS || nowMs - this.#complainedMs < COMPLAIN_AGAIN_MS) return
    this.#complainedMs = nowMs
    options.logger.warn('prober found high clock drift', {
      'remote-peer-id': hexId(this.id),
      'clock-drift': `${Math.round(driftMs)}ms`,
      rtt: `${(seconds * 1000).toFixed(3)}ms`,
    })
  }

  #setInactive(): void {
    if (this.#activeSinceMs === undefined) return
    this.#activeSinceMs = undefined
    const instruments = this.#context.metrics.of(this.id)
    instruments.active.set(0)
    instruments.disconnected.inc()
  }
}
