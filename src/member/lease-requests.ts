// Lease calls that do not go through the log: renewals, remaining times, lists.

import { type LeaseId, bytesOfKey, leaseId } from '../base/index.js'
import type { Clock } from '../env/index.js'
import type { Lessor } from '../lease/index.js'
import { errors } from '../proto/index.js'
import type { LeaseApi, LeaseTimeToLive, ProposalWaiter, ResultWaiter } from './api.js'
import type { etcdserverpb } from '../proto/index.js'
import { leaseCheckpointRequest } from './requests.js'

export interface LeaseHost {
  readonly lessor: Lessor
  readonly clock: Clock
  nextRequestId(): bigint
  propose(request: etcdserverpb.InternalRaftRequest, waiter: ProposalWaiter): void
}

const NO_SUCH_LEASE: LeaseTimeToLive = { ttl: -1, grantedTtl: 0, keys: [] }

export class LeaseRequests implements LeaseApi {
  readonly #host: LeaseHost

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
    const { lessor, clock } = this.#host
    const outcome = lessor.renew(id, clock.monotonicMs())
    switch (outcome.kind) {
      case 'ok':
        return waiter.onResult(outcome.ttlSeconds)
      case 'not-found':
        return waiter.onResult(0)
      case 'not-primary':
        return waiter.onFailed(errors.notPrimaryLessor)
      case 'expired-pending':
        // Cannot be revived: the answer is that it is gone, once it is. The listener runs inside apply, hence `soon`.
        lessor.onSettled(id, () => clock.soon(() => this.renew(id, waiter)))
        return
      case 'checkpoint-first':
        this.#host.propose(leaseCheckpointRequest([{ id, remainingTtlSeconds: 0 }]), {
          onApplied: () => this.renew(id, waiter),
          onFailed: (status) => waiter.onFailed(status),
        })
    }
  }

  timeToLive(id: LeaseId, withKeys: boolean, waiter: ResultWaiter<LeaseTimeToLive>): void {
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
