// Proposals on their way through the log: who waits for which request id, until when, and what was not handed to consensus
// yet.

import { RingQueue } from '../base/index.js'
import type { Status } from '../env/index.js'
import { errors } from '../proto/index.js'
import type { ProposalOutcome, ProposalWaiter } from './api.js'

class Pending {
  readonly id: bigint
  readonly startedMs: number
  readonly sizeBytes: number
  readonly leaderOnly: boolean
  /** Until it was told. */
  waiter: ProposalWaiter | undefined
  /** Until consensus has taken it. */
  data: Uint8Array | undefined

  constructor(id: bigint, data: Uint8Array, waiter: ProposalWaiter, startedMs: number, leaderOnly: boolean) {
    this.id = id
    this.startedMs = startedMs
    this.sizeBytes = data.length
    this.leaderOnly = leaderOnly
    this.waiter = waiter
    this.data = data
  }
}

/**
 * All proposals have the same time-out, so the order of arrival is the order of expiry: one queue and one periodic look at
 * its head replace a timer per proposal. A proposal that nobody waits for any more before consensus took it is forgotten: it
 * never happens.
 * Bounds: `countMax` proposals and `bytesMax` encoded bytes; the owner refuses new ones while `full`.
 */
export class PendingProposals {
  readonly #byId = new Map<bigint, Pending>()
  readonly #byAge = new RingQueue<Pending>()
  readonly #unsent = new RingQueue<Pending>()
  readonly #timeoutMs: number
  readonly #countMax: number
  readonly #bytesMax: number
  #bytes = 0

  constructor(options: { timeoutMs: number; countMax: number; bytesMax: number }) {
    this.#timeoutMs = options.timeoutMs
    this.#countMax = options.countMax
    this.#bytesMax = options.bytesMax
  }

  get count(): number {
    return this.#byId.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get full(): boolean {
    return this.#byId.size >= this.#countMax || this.#bytes >= this.#bytesMax
  }

  /** Whether something waits to be handed over. */
  get hasUnsent(): boolean {
    return this.#unsent.length > 0
  }

  /** `leaderOnly`: not to be forwarded to another member once this one does not lead any more. `data` becomes frozen. */
  add(id: bigint, data: Uint8Array, waiter: ProposalWaiter, nowMs: number, leaderOnly = false): void {
    const pending = new Pending(id, data, waiter, nowMs, leaderOnly)
    this.#byId.set(id, pending)
    this.#byAge.push(pending)
    this.#unsent.push(pending)
    this.#bytes += pending.sizeBytes
  }

  /** Gives everything that waits to `propose`, as one batch in order of arrival; when that refuses, it stays for later. */
  handOver(isLeader: boolean, propose: (batch: readonly Uint8Array[]) => boolean): void {
    const batch: Pending[] = []
    for (const pending of this.#unsent.drain()) {
      if (pending.data === undefined) continue
      if (pending.leaderOnly && !isLeader) this.fail(pending.id, errors.leaderChanged)
      else batch.push(pending)
    }
    if (batch.length === 0) return
    if (propose(batch.map(({ data }) => data!))) {
      for (const pending of batch) pending.data = undefined
      return
    }
    const later = this.#unsent.drain()
    for (const pending of [...batch, ...later]) this.#unsent.push(pending)
  }

  /** True when somebody here waited for the result. */
  resolve(id: bigint, outcome: ProposalOutcome): boolean {
    const waiter = this.#take(id)
    waiter?.onApplied(outcome)
    return waiter !== undefined
  }

  fail(id: bigint, status: Status): void {
    this.#take(id)?.onFailed(status)
  }

  /**
   * Fails what has waited too long; `statusOf` names the cause from the time the proposal was made and from whether
   * consensus ever took it. Returns how many.
   */
  expire(nowMs: number, statusOf: (startedMs: number, taken: boolean) => Status): number {
    let expired = 0
    for (let head = this.#byAge.peek(); head !== undefined; head = this.#byAge.peek()) {
      const open = head.waiter !== undefined
      if (open && nowMs - head.startedMs < this.#timeoutMs) break
      this.#byAge.shift()
      if (!open) continue
      this.fail(head.id, statusOf(head.startedMs, head.data === undefined))
      expired++
    }
    return expired
  }

  failAll(status: Status): void {
    for (const id of [...this.#byId.keys()]) this.fail(id, status)
    this.#byAge.clear()
    this.#unsent.clear()
  }

  #take(id: bigint): ProposalWaiter | undefined {
    const pending = this.#byId.get(id)
    if (pending === undefined) return undefined
    this.#byId.delete(id)
    this.#bytes -= pending.sizeBytes
    const { waiter } = pending
    // What stays in the queues until its turn comes must not hold a call, or bytes.
    pending.waiter = undefined
    pending.data = undefined
    // Most are told in order of arrival: they leave at once, and not with the next look at the clock as thousands.
    let head = this.#byAge.peek()
    while (head !== undefined && head.waiter === undefined) {
      this.#byAge.shift()
      head = this.#byAge.peek()
    }
    return waiter
  }
}
