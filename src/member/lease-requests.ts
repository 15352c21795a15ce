// Lease calls that do not go through the log: renewals, remaining times, lists.

import { type LeaseId, bytesOfKey, leaseId } from '../base/index.js'
import type { Clock } from '../env/index.js'
import type { Lessor } from '../lease/index.js'
import { errors } from '../proto/index.js'
import type { LeaseApi, LeaseTimeToLive, ProposalWaiter, ReadWaiter, ResultWaiter } from './api.js'
import type { etcdserverpb } from '../proto/index.js'
import { leaseCheckpointRequest } from './requests.js'

export interface LeaseHost {
  readonly lessor: Lessor
  readonly clock: Clock
  readonly isClosing: boolean
  nextRequestId(): bigint
  propose(request: etcdserverpb.InternalRaftRequest, waiter: ProposalWaiter): void
  confirmLeadership(waiter: ReadWaiter): void
  waitApplied(waiter: ReadWaiter): void
}

/** Renewals of expired leases that wait for the revocation; more are refused. */
const WAITING_MAX = 100_000

const NO_SUCH_LEASE: LeaseTimeToLive = { ttl: -1, grantedTtl: 0, keys: [] }

export class LeaseRequests implements LeaseApi {
  readonly #host: LeaseHost
  #waiting = 0

  constructor(host: LeaseHost) {
    this.#host = host
  }

  /** Positive 63-bit ids, made like request ids. */
  newId(): LeaseId {
    for (;;) {
      const id = leaseId(BigInt.asUintN(63, this.#host.nextRequestId()))
      if (!this.#host.lessor.has(id)) return id
    }
  }

  renew(id: LeaseId, waiter: ResultWaiter<number>): void {
    if (this.#host.isClosing) return waiter.onFailed(errors.stopped)
    this.#host.confirmLeadership({
      onReady: () => this.#renew(id, waiter, false),
      onFailed: (status) => waiter.onFailed(status === errors.stopped ? status : errors.notPrimaryLessor),
    })
  }

  /** `isCurrent`: everything committed when the renewal came in has been applied. */
  #renew(id: LeaseId, waiter: ResultWaiter<number>, isCurrent: boolean): void {
    const { lessor, clock } = this.#host
    const outcome = lessor.renew(id, clock.monotonicMs())
    switch (outcome.kind) {
      case 'ok':
        return waiter.onResult(outcome.ttlSeconds)
      case 'not-found':
        if (isCurrent) return waiter.onResult(0)
        // Its grant may be committed and not applied yet.
        return this.#host.waitApplied({
          onReady: () => this.#renew(id, waiter, true),
          onFailed: (status) => waiter.onFailed(status),
        })
      case 'not-primary':
        return waiter.onFailed(errors.notPrimaryLessor)
      case 'expired-pending':
        return this.#renewSettled(id, waiter)
      case 'checkpoint-first':
        return this.#host.propose(leaseCheckpointRequest([{ id, remainingTtlSeconds: 0 }]), {
          onApplied: ({ status }) => (status === undefined ? this.renew(id, waiter) : waiter.onFailed(status)),
          onFailed: (status) => waiter.onFailed(status),
        })
    }
  }

  /** Cannot be revived: the answer is that it is gone, once it is. The listener runs inside apply, hence `soon`. */
  #renewSettled(id: LeaseId, waiter: ResultWaiter<number>): void {
    const { lessor, clock } = this.#host
    if (this.#waiting >= WAITING_MAX) return waiter.onFailed(errors.tooManyRequests)
    this.#waiting++
    lessor.onSettled(id, () => {
      this.#waiting--
      clock.soon(() => this.renew(id, waiter))
    })
  }

  timeToLive(id: LeaseId, withKeys: boolean, waiter: ResultWaiter<LeaseTimeToLive>): void {
    this.#host.waitApplied({
      onReady: () => this.#timeToLive(id, withKeys, waiter),
      onFailed: (status) => waiter.onFailed(status),
    })
  }

  #timeToLive(id: LeaseId, withKeys: boolean, waiter: ResultWaiter<LeaseTimeToLive>): void {
    const outcome = this.#host.lessor.timeToLive(id, this.#host.clock.monotonicMs(), withKeys)
    switch (outcome.kind) {
      case 'ok':
        return waiter.onResult({
          ttl: outcome.ttlSeconds,
          grantedTtl: outcome.grantedTtlSeconds,
          keys: outcome.keys.map(bytesOfKey),
        })
      case 'not-found':
        return waiter.onResult(NO_SUCH_LEASE)
      case 'not-primary':
        return waiter.onFailed(errors.leaderChanged)
    }
  }

  ids(): readonly LeaseId[] {
    return this.#host.lessor.list()
  }
}
