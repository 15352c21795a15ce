// How requests get into the log: checked, encoded, gathered into one batch per turn, and told what became of them.

import type { ApplyOutcome } from '../apply/index.js'
import type { Clock, Status } from '../env/index.js'
import { errors, etcdserverpb } from '../proto/index.js'
import type { ProposalWaiter } from './api.js'
import { PendingProposals } from './pending-proposals.js'
import type { RequestIds } from './request-ids.js'

/** Proposals under way at most; beyond, callers get "too many requests". */
const PROPOSALS_MAX = 100_000
const PROPOSAL_BYTES_MAX = 256 * 1024 * 1024

/** The way to consensus. */
export interface ProposalPath {
  /** False: keep everything; `flush` is called again when that changes. */
  isOpen(): boolean
  /** Whether consensus leads at this moment. */
  isLeader(): boolean
  /** All or nothing; false when consensus refuses. */
  send(batch: readonly Uint8Array[]): boolean
  /** Why a proposal made at `startedMs` got no answer in time; `taken`: consensus had it. */
  timeoutCause(startedMs: number, taken: boolean): Status
}

export interface ProposerOptions {
  readonly clock: Clock
  readonly ids: RequestIds
  readonly timeoutMs: number
  /** Largest encoded request, bytes. */
  readonly requestBytesMax: number
  readonly path: ProposalPath
}

export class Proposer {
  readonly #options: ProposerOptions
  readonly #pending: PendingProposals
  #flushScheduled = false
  #closed = false

  constructor(options: ProposerOptions) {
    this.#options = options
    this.#pending = new PendingProposals({
      timeoutMs: options.timeoutMs,
      countMax: PROPOSALS_MAX,
      bytesMax: PROPOSAL_BYTES_MAX,
    })
  }

  /** Proposals that were not told yet. */
  get pending(): number {
    return this.#pending.count
  }

  /**
   * Refusals that need no consensus are answered before the call returns. `request` is owned; its header is set.
   * `leaderOnly`: dropped rather than forwarded to another leader.
   */
  submit(request: etcdserverpb.InternalRaftRequest, waiter: ProposalWaiter, leaderOnly = false): void {
    const { clock, ids, requestBytesMax } = this.#options
    if (this.#closed) return waiter.onFailed(errors.stopped)
    if (this.#pending.full) return waiter.onFailed(errors.tooManyRequests)
    const id = ids.next()
    request.header = new etcdserverpb.RequestHeader()
    request.header.id = id
    const data = etcdserverpb.InternalRaftRequestCodec.encode(request)
    if (data.length > requestBytesMax) return waiter.onFailed(errors.requestTooLarge)
    this.#pending.add(id, data, waiter, clock.monotonicMs(), leaderOnly)
    this.#scheduleFlush()
  }

  /** As `submit`, for work of the member itself. Never rejects. */
  submitAsync(request: etcdserverpb.InternalRaftRequest): Promise<ApplyOutcome> {
    return new Promise((resolve) => {
      const onFailed = (status: Status): void => resolve({ response: undefined, status, swept: undefined })
      this.submit(request, { onApplied: resolve, onFailed })
    })
  }

  /** Hands over what waits, as far as the path is open. */
  flush(): void {
    if (!this.#pending.hasUnsent || this.#closed) return
    const { path } = this.#options
    if (path.isOpen()) this.#pending.handOver(path.isLeader(), (batch) => path.send(batch))
  }

  /** The state machine has moved: what consensus refused for having too much under way may pass now. */
  onApplied(): void {
    if (this.#pending.hasUnsent) this.#scheduleFlush()
  }

  resolve(id: bigint, outcome: ApplyOutcome): void {
    this.#pending.resolve(id, outcome)
  }

  /** Fails what has waited too long, and tries again with what waits. Returns how many failed. */
  tick(nowMs: number): number {
    const { path } = this.#options
    const expired = this.#pending.expire(nowMs, (startedMs, taken) => path.timeoutCause(startedMs, taken))
    this.flush()
    return expired
  }

  /** Takes nothing more and sends nothing more; what waits may still be resolved until `failAll`. */
  close(): void {
    this.#closed = true
  }

  failAll(status: Status): void {
    this.#pending.failAll(status)
  }

  /** A proposal that is alone leaves after the current callback; others gather while the turn lasts. */
  #scheduleFlush(): void {
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    if (this.#pending.count === 1) this.#options.clock.afterCallback(this.#flushDue)
    else this.#options.clock.soon(this.#flushDue)
  }

  readonly #flushDue = (): void => {
    this.#flushScheduled = false
    this.flush()
  }
}
