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
 * Ids ascend and all proposals have the same time-out, so the order of arrival is the order of the ids and that of expiry: one
 * queue is the table of ids, and one periodic look at its head replaces a timer per proposal. Most are told in their order too:
 * the head is the one to look at first. (A Map would be rebuilt every thousand proposals, see transport/http2/stream-table.ts.)
 * A proposal that nobody waits for any more before consensus took it is forgotten: it never happens.
 * Bounds: `countMax` proposals and `bytesMax` encoded bytes; the owner refuses new ones while `full`.
 */
export class PendingProposals {
  /** In order of arrival. Those that were told stay until they are at the head; the head is one that was not told. */
  readonly #byAge = new RingQueue<Pending>()
  readonly #unsent = new RingQueue<Pending>()
  readonly #timeoutMs: number
  readonly #countMax: number
  readonly #bytesMax: number
  /** Not told yet. */
  #count = 0
  #bytes = 0

  constructor(options: { timeoutMs: number; countMax: number; bytesMax: number }) {
    this.#timeoutMs = options.timeoutMs
    this.#countMax = options.countMax
    this.#bytesMax = options.bytesMax
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  get full(): boolean {
    return this.#count >= this.#countMax || this.#bytes >= this.#bytesMax
  }

  /** Whether something waits to be handed over. */
  get hasUnsent(): boolean {
    return this.#unsent.length > 0
  }

  /**
   * `id` is above all earlier ones. `leaderOnly`: not to be forwarded to another member once this one does not lead any more.
   * `data` becomes frozen.
   */
  add(id: bigint, data: Uint8Array, waiter: ProposalWaiter, nowMs: number, leaderOnly = false): void {
    const pending = new Pending(id, data, waiter, nowMs, leaderOnly)
    this.#byAge.push(pending)
    this.#count++
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
      if (nowMs - head.startedMs < this.#timeoutMs) break
      this.fail(head.id, statusOf(head.startedMs, head.data === undefined))
      expired++
    }
    return expired
  }

  failAll(status: Status): void {
    this.#unsent.clear()
    for (const pending of this.#byAge.drain()) this.#tell(pending)?.onFailed(status)
  }

  #take(id: bigint): ProposalWaiter | undefined {
    const pending = this.#find(id)
    if (pending === undefined) return undefined
    const waiter = this.#tell(pending)
    let head = this.#byAge.peek()
    while (head !== undefined && head.waiter === undefined) {
      this.#byAge.shift()
      head = this.#byAge.peek()
    }
    return waiter
  }

  #find(id: bigint): Pending | undefined {
    const queue = this.#byAge
    if (queue.peek()?.id === id) return queue.peek()
    let low = 0
    let high = queue.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (queue.at(middle).id < id) low = middle + 1
      else high = middle
    }
    const found = low < queue.length ? queue.at(low) : undefined
    return found?.id === id ? found : undefined
  }

  /** Who waits for it, for the last time. What stays in the queues until its turn comes must not hold a call, or bytes. */
  #tell(pending: Pending): ProposalWaiter | undefined {
    const { waiter } = pending
    if (waiter === undefined) return undefined
    this.#count--
    this.#bytes -= pending.sizeBytes
    pending.waiter = undefined
    pending.data = undefined
    return waiter
  }
}
