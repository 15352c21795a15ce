// The network between simulated members: one lane per direction and kind of message, as the transport has them.

import type { MemberId } from '#src/base/index.js'
import { MessageType } from '#src/raft/pb.js'
import type { Message } from '#src/raft/pb.js'
import type { SeededRandom } from '../random.js'

/** Messages that one lane holds; more are lost, newest first. */
const LANE_LIMIT = 120
const TRIES = 6

export interface Lane {
  readonly from: MemberId
  readonly to: MemberId
  /** Likelihood in (0, 1] that a message arrives when its turn comes. */
  readonly speed: number
  queue: Message[]
}

/** A direction between two members, as a number. */
export type Direction = number
export const direction = (from: MemberId, to: MemberId): Direction => Number(from) * 1024 + Number(to)

const kindOf = (type: number): number => {
  if (type === MessageType.MsgSnap) return 2
  return type === MessageType.MsgApp || type === MessageType.MsgProp ? 1 : 0
}

export class Network {
  readonly #random: SeededRandom
  readonly #reorderWindow: number
  readonly #latencySpread: number
  readonly #lanes = new Map<number, Lane>()
  /** Lanes that hold messages. */
  readonly #busy: Lane[] = []
  /** Directions in which nothing arrives. */
  cuts: ReadonlySet<Direction> = new Set()
  #holds: boolean
  #limit = LANE_LIMIT

  /** `holds`: what is sent across a cut waits for its end; else it is lost. */
  constructor(random: SeededRandom, reorderWindow: number, latencySpread: number, holds: boolean) {
    this.#random = random
    this.#reorderWindow = reorderWindow
    this.#latencySpread = latencySpread
    this.#holds = holds
  }

  isCut({ from, to }: { readonly from: MemberId; readonly to: MemberId }): boolean {
    return this.cuts.size > 0 && this.cuts.has(direction(from, to))
  }

  /** False when the lane is full and the message is lost. */
  send(sender: MemberId, message: Message): boolean {
    const lane = this.#laneOf(sender, message)
    if (lane.queue.length >= this.#limit) return false
    if (lane.queue.length === 0) this.#busy.push(lane)
    lane.queue.push(message)
    return true
  }

  /** The next message that arrives, if one does; `reachable` tells whether its receiver takes anything now. */
  take(reachable: (to: MemberId) => boolean): { readonly message: Message; readonly lost: boolean } | undefined {
    for (let n = 0; n < TRIES && this.#busy.length > 0; n++) {
      const pos = this.#random.below(this.#busy.length)
      const lane = this.#busy[pos]!
      const cut = this.isCut(lane)
      if ((cut && this.#holds) || !reachable(lane.to)) continue
      if (lane.speed < 1 && n < TRIES - 1 && !this.#random.chance(lane.speed)) continue
      const at = this.#reorderWindow === 1 ? 0 : this.#random.below(Math.min(this.#reorderWindow, lane.queue.length))
      const [message] = at === 0 ? [lane.queue.shift()] : lane.queue.splice(at, 1)
      if (lane.queue.length === 0) this.#forget(pos)
      return { message: message!, lost: cut }
    }
    return undefined
  }

  /** The connection of one lane breaks: the newest part of what it holds is lost. Returns the lane, if one holds anything. */
  breakLane(): Lane | undefined {
    if (this.#busy.length === 0) return undefined
    const pos = this.#random.below(this.#busy.length)
    const lane = this.#busy[pos]!
    lane.queue.length = this.#random.below(lane.queue.length)
    if (lane.queue.length === 0) this.#forget(pos)
    return lane
  }

  /** The network works from now on: nothing is lost but what is sent across a cut. */
  heal(cuts: ReadonlySet<Direction>): void {
    this.cuts = cuts
    this.#holds = false
    this.#limit = Infinity
  }

  /** Everything on its way, lane by lane; the lanes are empty then. */
  drain(): Message[] {
    const messages = this.#busy.flatMap((lane) => lane.queue)
    for (const lane of this.#busy) lane.queue = []
    this.#busy.length = 0
    return messages
  }

  #laneOf(from: MemberId, { to, type }: Message): Lane {
    const key = direction(from, to) * 4 + kindOf(type)
    let lane = this.#lanes.get(key)
    if (lane === undefined) {
      lane = { from, to, speed: this.#drawSpeed(), queue: [] }
      this.#lanes.set(key, lane)
    }
    return lane
  }

  /** Log-normal latencies, as likelihoods. */
  #drawSpeed(): number {
    if (this.#latencySpread === 0) return 1
    const normal =
      Math.sqrt(-2 * Math.log(1 - this.#random.fraction())) * Math.cos(2 * Math.PI * this.#random.fraction())
    return Math.min(1, Math.max(0.02, Math.exp(-this.#latencySpread * Math.abs(normal))))
  }

  #forget(pos: number): void {
    const last = this.#busy.pop()!
    if (pos < this.#busy.length) this.#busy[pos] = last
  }
}
