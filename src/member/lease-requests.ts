// Lease calls that do not go through the log: renewals, remaining times, lists. Only the leader counts the time of leases;
// other members ask it.

import { type LeaseId, bytesOfKey, leaseId } from '../base/index.js'
import type { Clock, Status } from '../env/index.js'
import type { Lessor } from '../lease/index.js'
import { errors, quoratepeer } from '../proto/index.js'
import type { LeaseApi, LeaseTimeToLive, ProposalWaiter, ReadWaiter, ResultWaiter } from './api.js'
import type { etcdserverpb } from '../proto/index.js'
import { type LeaderAnswer, type LeaderCalls, answered, refusedWith } from './leader-calls.js'
import { readQueryStatus } from './query-status.js'
import { leaseCheckpointRequest } from './requests.js'

export interface LeaseHost {
  readonly lessor: Lessor
  readonly clock: Clock
  readonly isClosing: boolean
  readonly isLeader: boolean
  readonly leaderCalls: Pick<LeaderCalls, 'ask'>
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
    if (this.#host.isLeader) this.#renewAsLeader(id, waiter, true)
    else this.#forwardRenewal(id, waiter)
  }

  renewHere(id: LeaseId, waiter: ResultWaiter<number>): void {
    if (this.#host.isClosing) return waiter.onFailed(errors.stopped)
    this.#renewAsLeader(id, waiter, false)
  }

  /** `mayForward`: when this member turns out not to count the time of leases, it asks the one that does. */
  #renewAsLeader(id: LeaseId, waiter: ResultWaiter<number>, mayForward: boolean): void {
    this.#host.confirmLeadership({
      onReady: () => this.#renew(id, waiter, mayForward, false),
      onFailed: (status) => waiter.onFailed(status === errors.stopped ? status : errors.notPrimaryLessor),
    })
  }

  /** `isCurrent`: everything committed when the renewal came in has been applied. */
  #renew(id: LeaseId, waiter: ResultWaiter<number>, mayForward: boolean, isCurrent: boolean): void {
    const { lessor, clock } = this.#host
    const outcome = lessor.renew(id, clock.monotonicMs())
    switch (outcome.kind) {
      case 'ok':
        return waiter.onResult(outcome.ttlSeconds)
      case 'not-found':
        if (isCurrent) return waiter.onResult(0)
        // Its grant may be committed and not applied yet.
        return this.#host.waitApplied({
          onReady: () => this.#renew(id, waiter, mayForward, true),
          onFailed: (status) => waiter.onFailed(status),
        })
      case 'not-primary':
        return mayForward ? this.#forwardRenewal(id, waiter) : waiter.onFailed(errors.notPrimaryLessor)
      case 'expired-pending':
        return this.#renewSettled(id, waiter, mayForward)
      case 'checkpoint-first':
        return this.#host.propose(leaseCheckpointRequest([{ id, remainingTtlSeconds: 0 }]), {
          onApplied: ({ status }) =>
            status === undefined ? this.#again(id, waiter, mayForward) : waiter.onFailed(status),
          onFailed: (status) => waiter.onFailed(status),
        })
    }
  }

  /** Cannot be revived: the answer is that it is gone, once it is. The listener runs inside apply, hence `soon`. */
  #renewSettled(id: LeaseId, waiter: ResultWaiter<number>, mayForward: boolean): void {
    const { lessor, clock } = this.#host
    if (this.#waiting >= WAITING_MAX) return waiter.onFailed(errors.tooManyRequests)
    this.#waiting++
    lessor.onSettled(id, () => {
      this.#waiting--
      clock.soon(() => this.#again(id, waiter, mayForward))
    })
  }

  #again(id: LeaseId, waiter: ResultWaiter<number>, mayForward: boolean): void {
    if (mayForward) this.renew(id, waiter)
    else this.renewHere(id, waiter)
  }

  #forwardRenewal(id: LeaseId, waiter: ResultWaiter<number>): void {
    const request = new quoratepeer.LeaseRenewRequest()
    request.id = id
    const asked = this.#host.leaderCalls.ask({
      method: quoratepeer.QueryService.methods.leaseRenew,
      request,
      local: () => answerOf((here: ResultWaiter<number>) => this.renewHere(id, here)),
      read: (response) => readAnswer(response.status, () => response.ttl),
    })
    void asked.then((answer) => tell(answer, waiter))
  }

  timeToLive(id: LeaseId, withKeys: boolean, waiter: ResultWaiter<LeaseTimeToLive>): void {
    if (this.#host.isClosing || this.#host.isLeader) return this.timeToLiveHere(id, withKeys, waiter)
    const request = new quoratepeer.LeaseTimeToLiveRequest()
    request.id = id
    request.keys = withKeys
    const asked = this.#host.leaderCalls.ask({
      method: quoratepeer.QueryService.methods.leaseTimeToLive,
      request,
      local: () => answerOf((here: ResultWaiter<LeaseTimeToLive>) => this.timeToLiveHere(id, withKeys, here)),
      read: ({ status, ttl, grantedTtl, keys }) => readAnswer(status, () => ({ ttl, grantedTtl, keys })),
    })
    void asked.then((answer) => tell(answer, waiter))
  }

  timeToLiveHere(id: LeaseId, withKeys: boolean, waiter: ResultWaiter<LeaseTimeToLive>): void {
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

/** What is tried again when this member leads no more, or not yet. */
const NOT_NOW: ReadonlySet<Status> = new Set([errors.notPrimaryLessor, errors.leaderChanged])

const answerOf = <T>(ask: (waiter: ResultWaiter<T>) => void): Promise<LeaderAnswer<T> | undefined> =>
  new Promise((resolve) =>
    ask({
      onResult: (result) => resolve(answered(result)),
      onFailed: (status) => resolve(NOT_NOW.has(status) ? undefined : refusedWith(status)),
    }),
  )

function readAnswer<T>(message: quoratepeer.QueryStatus | undefined, value: () => T): LeaderAnswer<T> | undefined {
  const status = readQueryStatus(message, errors.leaseNotFound)
  if (status === 'ok') return answered(value())
  return status === 'again' ? undefined : refusedWith(status)
}

function tell<T>(answer: LeaderAnswer<T>, waiter: ResultWaiter<T>): void {
  if (answer.kind === 'ok') waiter.onResult(answer.value)
  else waiter.onFailed(answer.status)
}
