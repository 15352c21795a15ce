// Who leads, since when, and whether this member can still believe that it does.

import { type MemberId, NO_MEMBER } from '../base/index.js'

/** Ticks that may be late before a leader has to ask the others whether it still is one. */
const LATE_TICKS = 3

export interface LeadershipChange {
  /** A leader is known that is not the one known last. */
  readonly isOther: boolean
  readonly gained: boolean
  readonly lost: boolean
}

export class Leadership {
  readonly #self: MemberId
  readonly #tickMs: number
  #leader: MemberId = NO_MEMBER
  #lastKnown: MemberId = NO_MEMBER
  #electedMs = -Infinity
  #lastTickMs: number
  /** When the process was found to have stood still, until the others have confirmed this leader. */
  #doubtSinceMs: number | undefined

  constructor(options: { self: MemberId; tickMs: number; nowMs: number }) {
    this.#self = options.self
    this.#tickMs = options.tickMs
    this.#lastTickMs = options.nowMs
  }

  /** NO_MEMBER while none is known. */
  get leader(): MemberId {
    return this.#leader
  }

  get isLeader(): boolean {
    return this.#leader === this.#self
  }

  /** When this member was last elected, monotonic milliseconds; -Infinity if never. */
  get electedMs(): number {
    return this.#electedMs
  }

  change(leader: MemberId, nowMs: number): LeadershipChange {
    const wasLeader = this.isLeader
    this.#leader = leader
    const change = {
      isOther: leader !== NO_MEMBER && this.#lastKnown !== NO_MEMBER && leader !== this.#lastKnown,
      gained: this.isLeader && !wasLeader,
      lost: wasLeader && !this.isLeader,
    }
    if (leader !== NO_MEMBER) this.#lastKnown = leader
    if (change.gained) {
      this.#electedMs = nowMs
      this.#doubtSinceMs = undefined
    }
    return change
  }

  /** A tick of consensus. One that comes late tells that the process stood still: others may have elected meanwhile. */
  onTick(nowMs: number): void {
    if (nowMs - this.#lastTickMs > LATE_TICKS * this.#tickMs) this.#doubtSinceMs = nowMs
    this.#lastTickMs = nowMs
  }

  /** Whether this member leads for all it knows, and has no reason to ask. */
  isSure(nowMs: number): boolean {
    return this.isLeader && this.#doubtSinceMs === undefined && nowMs - this.#lastTickMs <= LATE_TICKS * this.#tickMs
  }

  /** The others have confirmed that this member led at `askedMs` or later. */
  onConfirmed(askedMs: number): void {
    this.#lastTickMs = Math.max(this.#lastTickMs, askedMs)
    if (this.#doubtSinceMs !== undefined && askedMs >= this.#doubtSinceMs) this.#doubtSinceMs = undefined
  }
}
