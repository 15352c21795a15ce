// What the services of rpc/ and the endpoints of http/ may ask of the running member. Interfaces only.
//
// Calls on the way of every request take waiter objects instead of returning promises: the hot path makes none. A waiter is
// told exactly once, possibly before the call that took it returns, and whether or not anybody still listens behind it.

import type { Index, LeaseId, MemberId, Term } from '../base/index.js'
import type { Status } from '../env/index.js'
import type { etcdserverpb, raftpb } from '../proto/index.js'

/** Answers that an applied request can have. */
export type ProposalResponse =
  | etcdserverpb.PutResponse
  | etcdserverpb.DeleteRangeResponse
  | etcdserverpb.TxnResponse
  | etcdserverpb.CompactionResponse
  | etcdserverpb.LeaseGrantResponse
  | etcdserverpb.LeaseRevokeResponse
  | etcdserverpb.LeaseCheckpointResponse
  | etcdserverpb.AlarmResponse

/** What applying a request gave. */
export interface ProposalOutcome {
  /**
   * Owned by whoever waited. Its header holds the revision that the answer has to name; the service completes the rest.
   * Undefined when `status` is set, and for requests without an answer.
   */
  readonly response: ProposalResponse | undefined
  readonly status: Status | undefined
  /** Compaction only, also beside a `status`: settles when the running sweep of old revisions has ended. Never rejects. */
  readonly swept: Promise<void> | undefined
}

/** Hears what applying costs. On the way of every write: both calls must be cheap. */
export interface ApplyObserver {
  /** Before `entries` are applied; borrowed until the next call. */
  onBatch(entries: readonly raftpb.Entry[]): void
  /** The request of entry `index` was applied, its answer is about to be sent. */
  onResult(index: Index, outcome: ProposalOutcome): void
}

export interface ProposalWaiter {
  onApplied(outcome: ProposalOutcome): void
  /** Not applied, or not known to be: refusals, time-outs, shutdown. */
  onFailed(status: Status): void
}

export interface ReadWaiter {
  onReady(): void
  onFailed(status: Status): void
}

export interface ResultWaiter<T> {
  onResult(result: T): void
  onFailed(status: Status): void
}

export interface MemberApi {
  readonly id: MemberId
  readonly clusterId: bigint
  /** `NO_MEMBER` while none is known. */
  readonly leader: MemberId
  readonly isLearner: boolean
  /** False until the cluster version is known and this server supports it. */
  readonly isCapable: boolean
  /** `major.minor.0`; undefined until the leader has decided it. */
  readonly clusterVersion: string | undefined
  /** Newest revision of the store. */
  readonly revision: number

  /** A complete header for an answer; `revision` defaults to the store's. Owned by the caller. */
  header(revision?: number): etcdserverpb.ResponseHeader
  /** Fills in cluster, member and term, sets `revision`, and returns `header`. */
  completeHeader(header: etcdserverpb.ResponseHeader, revision: number): etcdserverpb.ResponseHeader

  /**
   * API side of the quota, asked before anything else is looked at: whether there is room for what `request` may add.
   * False has raised this member's NOSPACE alarm; the caller answers `errors.noSpace`.
   */
  hasRoomFor(request: etcdserverpb.InternalRaftRequest): boolean
  /**
   * Sends a request through the log and waits for it to be applied here. `request` is owned; its header and id are the
   * member's to set. Backlog, size limit, time-outs and the texts of their errors are the member's work.
   */
  propose(request: etcdserverpb.InternalRaftRequest, waiter: ProposalWaiter): void
  /** Calls back when the local state holds everything that was acknowledged anywhere before the call; batched. */
  readBarrier(waiter: ReadWaiter): void

  /**
   * Reads as of now, without a barrier: revision checks, bounds, order, limit. The request was validated.
   * The response's header holds the store's revision at the time of reading; the service completes the rest.
   * With `needsCount` false (default true) nobody looks at `count`: reading may stop one key behind the limit.
   */
  range(
    request: etcdserverpb.RangeRequest,
    waiter: ResultWaiter<etcdserverpb.RangeResponse>,
    needsCount?: boolean,
  ): void
  /** As `range` for a transaction of which every operation in both branches is a range. */
  executeReadTxn(request: etcdserverpb.TxnRequest, waiter: ResultWaiter<etcdserverpb.TxnResponse>): void

  /** A new stream of watchers; the caller closes it. */
  openWatch(sink: WatchResponses): WatchRequests

  readonly leases: LeaseApi
  readonly cluster: ClusterApi

  /** In any order; owned. */
  members(): etcdserverpb.Member[]
  status(): MemberStatus
  /** Checksum of the whole backend; for tests of clusters only. */
  hash(): Promise<number>
  /** `revision` 0: the newest. */
  hashKv(revision: number): Promise<HashKvOutcome>
  /** Gives space of deleted data back; reads and writes go on. */
  defragment(): Promise<void>
}

export interface LeaseApi {
  /** A positive id that no lease has. */
  newId(): LeaseId
  /**
   * Renews: on the leader when its leadership is believable, else forwarded to it. Gives the granted TTL in seconds, 0 when
   * there is no such lease (any more). For a lease past its deadline it waits until the revocation is applied.
   */
  renew(id: LeaseId, waiter: ResultWaiter<number>): void
  /** As `renew`, never forwarded: fails with `errors.notPrimaryLessor` on a member that does not lead. */
  renewHere(id: LeaseId, waiter: ResultWaiter<number>): void
  /** Asks the leader. */
  timeToLive(id: LeaseId, withKeys: boolean, waiter: ResultWaiter<LeaseTimeToLive>): void
  /** As `timeToLive`, never forwarded: fails with `errors.leaderChanged` on a member that does not lead. */
  timeToLiveHere(id: LeaseId, withKeys: boolean, waiter: ResultWaiter<LeaseTimeToLive>): void
  /** This member's leases; on the leader soonest expiry first. */
  ids(): readonly LeaseId[]
}

/** Changes of the membership and of the leadership. Each goes through the log, or fails as a proposal does. */
export interface ClusterApi {
  /** `peerUrls` are valid and sorted. */
  add(peerUrls: readonly string[], isLearner: boolean): Promise<MemberAddOutcome>
  remove(id: MemberId): Promise<MembersOutcome>
  update(id: MemberId, peerUrls: readonly string[]): Promise<MembersOutcome>
  /** Asks the leader, who knows how far the learner is. */
  promote(id: MemberId): Promise<MembersOutcome>
  /** As `promote`, never forwarded: refused with `errors.notLeader` on a member that does not lead. */
  promoteHere(id: MemberId): Promise<MembersOutcome>
  /** Hands the leadership to another voter and waits until it leads. Undefined: it does. `signal`: nobody waits any more. */
  moveLeader(target: MemberId, signal: AbortSignal): Promise<Status | undefined>
}

export type MembersOutcome =
  /** All members right after the change, in any order; owned. */
  | { readonly kind: 'ok'; readonly members: etcdserverpb.Member[] }
  | { readonly kind: 'refused'; readonly status: Status }

export type MemberAddOutcome =
  | { readonly kind: 'ok'; readonly member: etcdserverpb.Member; readonly members: etcdserverpb.Member[] }
  | { readonly kind: 'refused'; readonly status: Status }

export interface LeaseTimeToLive {
  /** Seconds left, rounded toward zero; -1: no such lease. */
  readonly ttl: number
  /** Seconds; 0: no such lease. */
  readonly grantedTtl: number
  readonly keys: readonly Uint8Array[]
}

/** Where the responses of one stream of watchers go. */
export interface WatchResponses {
  /** Complete, in order; header and events are frozen. False: wait with more until `drained`. */
  send(response: etcdserverpb.WatchResponse): boolean
  /** The client asks and asks and does not read; the stream has to be ended. */
  onOverflow(): void
}

/** One stream of watchers, seen from the client. */
export interface WatchRequests {
  /** Create, cancel or progress; a request of no known kind is ignored. */
  onRequest(request: etcdserverpb.WatchRequest): void
  /** What was sent has been taken; more may come. */
  drained(): void
  /** Frees all watchers; idempotent. */
  close(): void
}

/** The facts behind `Maintenance.Status`. */
export interface MemberStatus {
  /** `major.minor.patch` of the server. */
  readonly version: string
  /** Bytes the backend occupies, and those of them that hold data. */
  readonly dbSizeBytes: number
  readonly dbSizeInUseBytes: number
  readonly committedIndex: Index
  readonly appliedIndex: Index
  readonly term: Term
  /** `major.minor.patch`; empty while undecided. */
  readonly storageVersion: string
  /** As configured: 0 for the default, negative for none. */
  readonly quotaBytes: number
  readonly downgrade: { readonly enabled: boolean; readonly targetVersion: string }
  readonly alarms: readonly { readonly memberId: MemberId; readonly alarm: number }[]
}

export type HashKvOutcome =
  | {
      readonly kind: 'ok'
      readonly hash: number
      readonly compactRevision: number
      readonly hashRevision: number
      /** Of the store when the hash was taken. */
      readonly revision: number
    }
  | { readonly kind: 'refused'; readonly status: Status }
