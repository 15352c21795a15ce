// Proposals on their way through the log: who waits for which request id, and until when.

import { RingQueue } from '../base/index.js'
import type { Status } from '../env/index.js'
import type { ProposalOutcome, ProposalWaiter } from './api.js'

interface Pending {
  readonly id: bigint
  readonly waiter: ProposalWaiter
  readonly startedMs: number
  readonly sizeBytes: number
}

/**
 * All proposals have the same time-out, so the order of arrival is the order of expiry: one queue and one periodic look at
 * its head replace a timer per proposal.
 * Bounds: `countMax` proposals and `bytesMax` encoded bytes; the owner refuses new ones while `full`.
 */
export class PendingProposals {
  readonly #byId = new Map<bigint, Pending>()
  readonly #byAge = new RingQueue<Pending>()
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

  get full(): boolean {
    return this.#byId.size >= this.#countMax || this.#bytes >= this.#bytesMax
  }

  add(id: bigint, waiter: ProposalWaiter, nowMs: number, sizeBytes: number): void {
    const pending: Pending = { id, waiter, startedMs: nowMs, sizeBytes }
    this.#byId.set(id, pending)
    this.#byAge.push(pending)
    this.#bytes += sizeBytes
  }

  /** True when somebody here waited for the result. */
  resolve(id: bigint, outcome: ProposalOutcome): boolean {
    const pending = this.#take(id)
    pending?.waiter.onApplied(outcome)
    return pending !== undefined
  }

  fail(id: bigint, status: Status): void {
    this.#take(id)?.waiter.onFailed(status)
  }

  /** Fails what has waited too long; `statusOf` names the cause from the time the proposal was made. Returns how many. */
  expire(nowMs: number, statusOf: (startedMs: number) => Status): number {
    let expired = 0
    for (let head = this.#byAge.peek(); head !== undefined; head = this.#byAge.peek()) {
      const open = this.#byId.has(head.id)
      if (open && nowMs - head.startedMs < this.#timeoutMs) break
      this.#byAge.shift()
      if (!open) continue
      this.fail(head.id, statusOf(head.startedMs))
      expired++
    }
    return expired
  }

  failAll(status: Status): void {
    for (const id of [...this.#byId.keys()]) this.fail(id, status)
    this.#byAge.clear()
  }

  #take(id: bigint): Pending | undefined {
    const pending = this.#byId.get(id)
    if (pending === undefined) return undefined
    this.#byId.delete(id)
    this.#bytes -= pending.sizeBytes
    return pending
  }
}
