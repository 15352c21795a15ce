// Questions that only the leader can answer, asked from any member: forwarded until somebody who leads has answered, or the
// time of a request is over (reference: raft 2.9).

import { type MemberId, NO_MEMBER, RingQueue } from '../base/index.js'
import { type Clock, type PeerNetwork, PeerUnavailable, type QueryMethod, type Status } from '../env/index.js'
import { errors } from '../proto/index.js'

/** Pause between two tries, and between two looks for a leader. */
const PAUSE_MS = 50
/** Questions under way at most, fewer than another member takes at once; the next wait. */
const UNDER_WAY_MAX = 48
/** Questions waiting for their turn at most; more are refused. */
const WAITING_MAX = 100_000

export interface Refused {
  readonly kind: 'refused'
  readonly status: Status
}

export type LeaderAnswer<T> = { readonly kind: 'ok'; readonly value: T } | Refused

export const answered = <T>(value: T): LeaderAnswer<T> => ({ kind: 'ok', value })
export const refusedWith = (status: Status): Refused => ({ kind: 'refused', status })

export interface LeaderQuestion<Req, Res, T> {
  readonly method: QueryMethod<Req, Res>
  readonly request: Req
  /** Answers here, when this member itself turns out to lead. Undefined: it does not, or not yet. */
  local(): Promise<LeaderAnswer<T> | undefined>
  /** Undefined: whoever was asked does not lead, or not yet. */
  read(response: Res): LeaderAnswer<T> | undefined
}

export interface LeaderCallsOptions {
  readonly self: MemberId
  /** NO_MEMBER while none is known. */
  readonly leader: () => MemberId
  readonly network: Pick<PeerNetwork<never>, 'query'>
  readonly clock: Clock
  readonly timeoutMs: number
}

interface Waiting {
  readonly deadlineMs: number
  /** Undefined: it is this question's turn. */
  readonly go: (refusal: Status | undefined) => void
}

export class LeaderCalls {
  readonly #options: LeaderCallsOptions
  readonly #waiting = new RingQueue<Waiting>()
  readonly #pauses = new Set<() => void>()
  #underWay = 0
  #closed = false

  constructor(options: LeaderCallsOptions) {
    this.#options = options
  }

  /** Rejects only when `local` or `read` do. */
  async ask<Req, Res, T>(question: LeaderQuestion<Req, Res, T>): Promise<LeaderAnswer<T>> {
    const deadlineMs = this.#options.clock.monotonicMs() + this.#options.timeoutMs
    const refusal = await this.#turn(deadlineMs)
    if (refusal !== undefined) return refusedWith(refusal)
    try {
      return await this.#askUntil(deadlineMs, question)
    } finally {
      this.#underWay--
      this.#next()
    }
  }

  /** Ends the waits of those whose time is over. */
  tick(nowMs: number): void {
    for (let head = this.#waiting.peek(); head !== undefined; head = this.#waiting.peek()) {
      if (nowMs < head.deadlineMs) return
      this.#waiting.shift()
      head.go(this.#lateStatus())
    }
  }

  /** Refuses what waits; what is under way ends with its next try. Idempotent. */
  close(): void {
    this.#closed = true
    for (const { go } of this.#waiting.drain()) go(errors.stopped)
    for (const wake of [...this.#pauses]) wake()
  }

  async #askUntil<Req, Res, T>(deadlineMs: number, question: LeaderQuestion<Req, Res, T>): Promise<LeaderAnswer<T>> {
    const { clock } = this.#options
    for (;;) {
      if (this.#closed) return refusedWith(errors.stopped)
      const leftMs = deadlineMs - clock.monotonicMs()
      if (leftMs <= 0) return refusedWith(this.#lateStatus())
      const answer = await this.#try(question, leftMs)
      if (answer !== undefined) return answer
      await this.#pause(Math.min(PAUSE_MS, Math.max(0, deadlineMs - clock.monotonicMs())))
    }
  }

  async #try<Req, Res, T>(
    { method, request, local, read }: LeaderQuestion<Req, Res, T>,
    leftMs: number,
  ): Promise<LeaderAnswer<T> | undefined> {
    const { self, leader, network } = this.#options
    const asked = leader()
    if (asked === NO_MEMBER) return undefined
    if (asked === self) return local()
    try {
      return read(await network.query(asked, method, request, leftMs))
    } catch (error) {
      if (error instanceof PeerUnavailable) return undefined
      throw error
    }
  }

  #lateStatus(): Status {
    return this.#options.leader() === NO_MEMBER ? errors.noLeader : errors.timeout
  }

  #turn(deadlineMs: number): Promise<Status | undefined> {
    if (this.#closed) return Promise.resolve(errors.stopped)
    if (this.#underWay < UNDER_WAY_MAX) {
      this.#underWay++
      return Promise.resolve(undefined)
    }
    if (this.#waiting.length >= WAITING_MAX) return Promise.resolve(errors.tooManyRequests)
    return new Promise((go) => this.#waiting.push({ deadlineMs, go }))
  }

  #next(): void {
    const next = this.#waiting.shift()
    if (next === undefined) return
    this.#underWay++
    next.go(undefined)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel()
        this.#pauses.delete(wake)
        resolve()
      }
      const timer = this.#options.clock.after(ms, wake)
      this.#pauses.add(wake)
    })
  }
}
