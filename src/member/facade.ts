// The member as services see it (api.ts).

import { costOf } from '../apply/index.js'
import type { MemberId } from '../base/index.js'
import { hashBackend } from '../mvcc/index.js'
import { errors, type etcdserverpb } from '../proto/index.js'
import type {
  ClusterApi,
  HashKvOutcome,
  LeaseApi,
  MemberApi,
  MemberStatus,
  ProposalWaiter,
  ReadWaiter,
  ResultWaiter,
  WatchRequests,
  WatchResponses,
} from './api.js'
import { LeaseRequests } from './lease-requests.js'
import { memberMessage } from './member-messages.js'
import type { Member } from './member.js'
import { readRange, readTxn } from './reads.js'
import type { WatchPump } from './watch-pump.js'

export class MemberFacade implements MemberApi {
  readonly leases: LeaseApi
  readonly cluster: ClusterApi
  readonly #member: Member
  readonly #watches: WatchPump
  readonly #aroundDefragment: (run: () => Promise<void>) => Promise<void>

  /** `aroundDefragment` runs what it is given, once. */
  constructor(
    member: Member,
    watches: WatchPump,
    aroundDefragment: (run: () => Promise<void>) => Promise<void> = (run) => run(),
  ) {
    this.#aroundDefragment = aroundDefragment
    this.#member = member
    this.#watches = watches
    this.cluster = member.cluster
    this.leases = new LeaseRequests({
      lessor: member.parts.lessor,
      clock: member.parts.clock,
      get isClosing() {
        return member.isClosing
      },
      get isLeader() {
        return member.isLeader
      },
      leaderCalls: member.cluster.leaderCalls,
      nextRequestId: () => member.nextRequestId(),
      propose: (request, waiter) => member.propose(request, waiter),
      confirmLeadership: (waiter) => member.confirmLeadership(waiter),
      waitApplied: (waiter) => member.waitApplied(waiter),
    })
  }

  get id(): MemberId {
    return this.#member.id
  }

  get clusterId(): bigint {
    return this.#member.clusterId
  }

  get leader(): MemberId {
    return this.#member.leader
  }

  get isLearner(): boolean {
    return this.#member.parts.membership.get(this.id)?.isLearner ?? false
  }

  get isCapable(): boolean {
    return this.clusterVersion !== undefined
  }

  get clusterVersion(): string | undefined {
    return this.#member.parts.membership.clusterVersion
  }

  get revision(): number {
    return this.#member.parts.store.revision
  }

  header(revision?: number): etcdserverpb.ResponseHeader {
    return this.#member.header(revision)
  }

  completeHeader(header: etcdserverpb.ResponseHeader, revision: number): etcdserverpb.ResponseHeader {
    return this.#member.completeHeader(header, revision)
  }

  hasRoomFor(request: etcdserverpb.InternalRaftRequest): boolean {
    return this.#member.hasRoomFor(costOf(request))
  }

  propose(request: etcdserverpb.InternalRaftRequest, waiter: ProposalWaiter): void {
    this.#member.propose(request, waiter)
  }

  readBarrier(waiter: ReadWaiter): void {
    this.#member.readBarrier(waiter)
  }

  range(request: etcdserverpb.RangeRequest, waiter: ResultWaiter<etcdserverpb.RangeResponse>, needsCount = true): void {
    readRange(this.#member.parts.store, request, waiter, needsCount)
  }

  executeReadTxn(request: etcdserverpb.TxnRequest, waiter: ResultWaiter<etcdserverpb.TxnResponse>): void {
    const { store } = this.#member.parts
    if (request.compare.length + request.success.length + request.failure.length > 1) store.noteReadTxn()
    readTxn(store, request, waiter)
  }

  openWatch(sink: WatchResponses): WatchRequests {
    return this.#watches.openStream(sink)
  }

  members(): etcdserverpb.Member[] {
    return this.#member.parts.membership.members().map(memberMessage)
  }

  status(): MemberStatus {
    const member = this.#member
    const { store, alarms, membership } = member.parts
    return {
      version: member.options.serverVersion,
      dbSizeBytes: store.allocatedBytes,
      dbSizeInUseBytes: store.inUseBytes,
      committedIndex: member.committedIndex,
      appliedIndex: member.applied.index,
      term: member.term,
      storageVersion: membership.clusterVersion ?? '',
      quotaBytes: member.options.quotaConfiguredBytes,
      downgrade: { enabled: false, targetVersion: '' },
      alarms: alarms.list(),
    }
  }

  /** Differs: writes may go on while the rows are read, so on a busy member the hash belongs to no single revision. */
  async hash(): Promise<number> {
    await this.#member.commitBackend()
    return hashBackend(this.#member.parts.backend, this.#member.parts.store)
  }

  async hashKv(revision: number): Promise<HashKvOutcome> {
    const outcome = await this.#member.parts.store.hashKv(revision)
    switch (outcome.kind) {
      case 'compacted':
        return { kind: 'refused', status: errors.compacted }
      case 'future':
        return { kind: 'refused', status: errors.futureRevision }
      case 'ok':
        return { ...outcome, revision: outcome.currentRevision }
    }
  }

  defragment(): Promise<void> {
    return this.#aroundDefragment(() => this.#member.defragment())
  }
}
