// The running member: joins consensus, the log, the state machine and everything that happens by the clock. The services
// of rpc/ talk to it and to nothing below it.

import {
  type ApplyOutcome,
  type AppliedPoint,
  type ConfigDecision,
  type Membership,
  type AlarmSet,
  RowBuffer,
  StateMachine,
} from '../apply/index.js'
import {
  type ClusterId,
  type Index,
  type MemberId,
  NO_INDEX,
  NO_MEMBER,
  NO_TERM,
  type Term,
  hexId,
} from '../base/index.js'
import type { Backend, Clock, LogConfState, Logger, LogStorage, Metrics, Random, Status, Timer } from '../env/index.js'
import type { Lessor } from '../lease/index.js'
import type { Store } from '../mvcc/index.js'
import { errors, etcdserverpb, type raftpb } from '../proto/index.js'
import { DEFAULT_LIMITS, RawNode } from '../raft/index.js'
import type { ApplyObserver, ProposalWaiter, ReadWaiter } from './api.js'
import { type AutoCompactor, periodicCompactor, revisionCompactor } from './auto-compactor.js'
import { BackendCommitter, type CommitPacing } from './backend-committer.js'
import { recoveredCommit, type Started } from './bootstrap.js'
import { LeaseKeeper } from './lease-keeper.js'
import { type MemberMetrics, memberMetrics } from './member-metrics.js'
import { PendingProposals } from './pending-proposals.js'
import { type PeerSender, RaftDriver } from './raft-driver.js'
import { ReadBarrier } from './read-barrier.js'
import { RequestIds } from './request-ids.js'
import {
  clusterVersionRequest,
  compactionRequest,
  leaseCheckpointRequest,
  leaseRevokeRequest,
  noSpaceAlarmRequest,
  publishRequest,
} from './requests.js'
import { type SnapshotPolicy, Snapshotter } from './snapshotter.js'

export interface MemberOptions {
  readonly name: string
  readonly clientUrls: readonly string[]
  readonly heartbeatMs: number
  readonly electionTicks: number
  readonly preVote: boolean
  /** Time-out of proposals, read barriers and publications. */
  readonly requestTimeoutMs: number
  /** Largest encoded proposal, bytes. */
  readonly maxRequestBytes: number
  /** Bytes; Infinity: no quota. */
  readonly quotaBytes: number
  /** As the operator gave it, for Status: 0 the default, negative none. */
  readonly quotaConfiguredBytes: number
  readonly commit: CommitPacing
  readonly snapshot: SnapshotPolicy
  readonly segmentsMax: number
  readonly snapshotsMax: number
  readonly autoCompaction: { readonly mode: 'periodic' | 'revision'; readonly retention: number } | undefined
  /** `major.minor.patch` of this server. */
  readonly serverVersion: string
}

export interface MemberParts {
  readonly started: Started
  readonly applied: AppliedPoint
  readonly backend: Backend
  readonly store: Store
  readonly lessor: Lessor
  readonly alarms: AlarmSet
  readonly membership: Membership
  readonly rows: RowBuffer
  readonly peers: PeerSender
  readonly membershipData: (membership: Membership) => Uint8Array
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  /** The member cannot go on; the process has to end. */
  readonly onFatal: (error: Error) => void
  readonly applyObserver?: ApplyObserver
}

/** Proposals under way at most; beyond, callers get "too many requests". */
const PROPOSALS_MAX = 100_000
const PROPOSAL_BYTES_MAX = 256 * 1024 * 1024
/** Bytes of entries handed to one apply turn: about 200 small writes, a few milliseconds. */
const APPLY_TURN_BYTES = 64 * 1024
const HOUSEKEEPING_MS = 100
const PURGE_PERIOD_MS = 30_000

export class Member {
  readonly #options: MemberOptions
  readonly #parts: MemberParts
  readonly #log: LogStorage
  readonly #machine: StateMachine
  readonly #driver: RaftDriver
  readonly #pending: PendingProposals
  readonly #barrier: ReadBarrier
  readonly #committer: BackendCommitter
  readonly #snapshotter: Snapshotter
  readonly #leaseKeeper: LeaseKeeper
  readonly #ids: RequestIds
  readonly #metrics: MemberMetrics
  readonly #timers: Timer[] = []
  #compactor: AutoCompactor | undefined
  #queued: Uint8Array[] = []
  #flushScheduled = false
  #leader: MemberId = NO_MEMBER
  #isLeader = false
  #electedMs = -Infinity
  #noSpaceRaised = false
  #closed = false
  #onReady: (() => void) | undefined

  constructor(parts: MemberParts, options: MemberOptions) {
    this.#parts = parts
    this.#options = options
    const { started, clock, logger, store } = parts
    this.#log = started.log
    this.#ids = new RequestIds(started.memberId, clock.wallMs())
    this.#metrics = memberMetrics(parts.metrics)
    this.#pending = new PendingProposals({
      timeoutMs: options.requestTimeoutMs,
      countMax: PROPOSALS_MAX,
      bytesMax: PROPOSAL_BYTES_MAX,
    })
    this.#barrier = new ReadBarrier({
      clock,
      timeoutMs: options.requestTimeoutMs,
      ask: (context) => this.#driver.readIndex(context),
      onSlow: () => this.#metrics.slowReadIndexes.inc(),
    })
    this.#machine = new StateMachine(
      { ...parts, quotaBytes: options.quotaBytes, now: () => clock.monotonicMs() },
      parts.applied,
      {
        onResult: (id, outcome) => {
          parts.applyObserver?.onResult(this.#machine.applied.index, outcome)
          this.#pending.resolve(id, outcome)
        },
        onConfigChange: (change, decision) => this.#configChanged(change, decision),
        onTermStart: (term) => this.#termStarted(term),
        onQuotaExceeded: () => this.#raiseNoSpace(),
      },
    )
    this.#driver = new RaftDriver({
      node: this.#startNode(),
      log: this.#log,
      peers: parts.peers,
      clock,
      logger,
      observer: {
        onCommitted: (entries) => this.#apply(entries),
        onReadIndex: (context, index) => this.#barrier.onReadIndex(context, index),
        onLeadership: (leader, term, isSelf) => this.#leadershipChanged(leader, term, isSelf),
        onFatal: parts.onFatal,
      },
    })
    this.#committer = new BackendCommitter({
      machine: this.#machine,
      store,
      rows: parts.rows,
      backend: parts.backend,
      clock,
      pacing: options.commit,
      duration: this.#metrics.backendCommitSeconds,
      onFatal: parts.onFatal,
    })
    this.#snapshotter = new Snapshotter({
      committer: this.#committer,
      log: this.#log,
      policy: options.snapshot,
      logger,
      lastIndex: started.recovered.snapshot?.index ?? NO_INDEX,
      source: this.#snapshotSource(),
    })
    this.#leaseKeeper = new LeaseKeeper({
      lessor: parts.lessor,
      clock,
      proposer: {
        revoke: (id, done) => this.propose(leaseRevokeRequest(id), { onApplied: done, onFailed: done }),
        checkpoint: (due) => void this.proposeAsync(leaseCheckpointRequest(due)),
      },
    })
  }

  get id(): MemberId {
    return this.#parts.started.memberId
  }

  get clusterId(): ClusterId {
    return this.#parts.started.clusterId
  }

  get leader(): MemberId {
    return this.#leader
  }

  get isLeader(): boolean {
    return this.#isLeader
  }

  get applied(): AppliedPoint {
    return this.#machine.applied
  }

  get committedIndex(): Index {
    return this.#driver.node.committed
  }

  get term(): Term {
    return this.#driver.node.term
  }

  get pendingProposals(): number {
    return this.#pending.count
  }

  get parts(): MemberParts {
    return this.#parts
  }

  get options(): MemberOptions {
    return this.#options
  }

  /** Starts ticking and resolves once the member has a leader and has published its name through the log. */
  async open(): Promise<void> {
    const { clock } = this.#parts
    this.#timers.push(
      clock.every(this.#options.heartbeatMs, () => this.#driver.tick()),
      clock.every(HOUSEKEEPING_MS, () => this.#housekeep()),
      clock.every(PURGE_PERIOD_MS, () => void this.#log.purge(this.#options.segmentsMax, this.#options.snapshotsMax)),
    )
    this.#driver.pump()
    // With a single voter there is nobody to wait for: the election needs no time-out.
    if (this.#parts.membership.members().length === 1) this.#driver.campaign()
    const ready = new Promise<void>((resolve) => (this.#onReady = resolve))
    this.#leaseKeeper.open()
    await ready
    await this.#publish()
    this.#compactor = this.#startCompactor()
  }

  /**
   * Proposes a request through the log. Everything proposed in one turn goes in as one batch.
   * Refusals that need no consensus are answered before the call returns.
   */
  propose(request: etcdserverpb.InternalRaftRequest, waiter: ProposalWaiter): void {
    if (this.#closed) return waiter.onFailed(errors.stopped)
    if (this.#pending.full) return waiter.onFailed(errors.tooManyRequests)
    const id = this.#ids.next()
    request.header = new etcdserverpb.RequestHeader()
    request.header.id = id
    const data = etcdserverpb.InternalRaftRequestCodec.encode(request)
    if (data.length > this.#options.maxRequestBytes) return waiter.onFailed(errors.requestTooLarge)
    this.#pending.add(id, waiter, this.#parts.clock.monotonicMs(), data.length)
    this.#queued.push(data)
    this.#scheduleFlush()
  }

  nextRequestId(): bigint {
    return this.#ids.next()
  }

  /** As `propose`, for work of the member itself. */
  proposeAsync(request: etcdserverpb.InternalRaftRequest): Promise<ApplyOutcome> {
    return new Promise((resolve) => {
      this.propose(request, {
        onApplied: resolve,
        onFailed: (status) => resolve({ response: undefined, status, swept: undefined }),
      })
    })
  }

  /** Calls back when the local state holds everything that was acknowledged anywhere before the call. */
  readBarrier(waiter: ReadWaiter): void {
    if (this.#closed) return waiter.onFailed(errors.stopped)
    this.#barrier.wait(waiter)
  }

  /** Whether the store has room; raises the NOSPACE alarm of this member when it has not. */
  hasRoomFor(costBytes: number): boolean {
    if (costBytes === 0 || this.#parts.store.allocatedBytes + costBytes < this.#options.quotaBytes) return true
    this.#raiseNoSpace()
    return false
  }

  /** A complete header for answers: this member, the term of the last applied entry, and a revision of the store. */
  header(revision = this.#parts.store.revision): etcdserverpb.ResponseHeader {
    return this.completeHeader(new etcdserverpb.ResponseHeader(), revision)
  }

  completeHeader(header: etcdserverpb.ResponseHeader, revision: number): etcdserverpb.ResponseHeader {
    header.clusterId = this.clusterId
    header.memberId = this.id
    header.revision = revision
    header.raftTerm = this.#machine.applied.term
    return header
  }

  /** Makes everything applied so far durable in the backend, for backups and hashes of the whole store. */
  commitBackend(): Promise<void> {
    return this.#committer.commit()
  }

  /** Background work of the store left rows to commit. */
  noteRows(): void {
    this.#committer.noteApplied(0)
  }

  /** Gives space of deleted data back to the file system; reads and writes go on. */
  async defragment(): Promise<void> {
    await this.#committer.commit()
    await this.#parts.backend.reclaim()
    this.#parts.store.noteReclaimed()
  }

  /** Fails what waits, finishes writes under way, and closes the log. The backend belongs to the caller. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const timer of this.#timers) timer.cancel()
    this.#compactor?.close()
    this.#leaseKeeper.close()
    this.#barrier.close()
    await this.#driver.stop()
    this.#pending.failAll(errors.stopped)
    await this.#snapshotter.close()
    await this.#committer.commit()
    await this.#committer.close()
    await this.#log.close()
  }

  #startNode(): RawNode {
    const { started, applied, membership, random } = this.#parts
    const { recovered } = started
    return new RawNode(
      {
        id: started.memberId,
        electionTicks: this.#options.electionTicks,
        heartbeatTicks: 1,
        preVote: this.#options.preVote,
        checkQuorum: true,
        ...DEFAULT_LIMITS,
        maxCommittedBytesPerReady: APPLY_TURN_BYTES,
        stepDownOnRemoval: false,
        random,
        // Transfers to members that lag behind the log come with clusters: a single member has nobody to send to.
        snapshotSource: () => undefined,
      },
      {
        hardState: { ...recovered.hardState, commit: recoveredCommit(recovered, applied.index) },
        compacted: { index: recovered.snapshot?.index ?? NO_INDEX, term: recovered.snapshot?.term ?? NO_TERM },
        entries: recovered.entries,
        applied: applied.index,
        confState: confStateOf(membership),
      },
    )
  }

  // --- proposals

  #scheduleFlush(): void {
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    this.#parts.clock.soon(() => {
      this.#flushScheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#queued.length === 0 || this.#closed) return
    if (this.#committer.overloaded(() => this.#flush())) return
    // Without a leader the queue waits, as in etcd: a leader appears or the proposals time out.
    if (this.#leader === NO_MEMBER) return
    const batch = this.#queued
    this.#queued = []
    if (!this.#driver.propose(batch)) this.#queued = batch.concat(this.#queued)
  }

  #housekeep(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    this.#metrics.proposalsFailed.inc(this.#pending.expire(nowMs, (startedMs) => this.#timeoutCause(startedMs)))
    if (this.#barrier.tick(nowMs)) this.#metrics.readIndexesFailed.inc()
    this.#flush()
  }

  #timeoutCause(startedMs: number): Status {
    if (this.#leader === NO_MEMBER) return errors.deadlineExceeded
    const window = 2 * this.#options.electionTicks * this.#options.heartbeatMs
    const duringElection = startedMs > this.#electedMs - window && startedMs < this.#electedMs
    return this.#isLeader && duringElection ? errors.timeoutLeaderFailure : errors.timeout
  }

  // --- what consensus reports

  #apply(entries: readonly raftpb.Entry[]): void {
    this.#parts.applyObserver?.onBatch(entries)
    this.#machine.applyAll(entries)
    const { index } = this.#machine.applied
    this.#driver.node.onApplied(index)
    this.#barrier.onApplied(index)
    this.#committer.noteApplied(entries.length)
    let bytes = 0
    for (const entry of entries) bytes += entry.data.length
    this.#snapshotter.noteApplied(index, bytes)
  }

  #configChanged(change: raftpb.ConfChange, decision: ConfigDecision): string {
    // A rejected change changes nothing; consensus learns from `onApplied` that it is over.
    if (decision.kind === 'accepted') this.#driver.node.applyConfChange(change, this.#machine.applied.index)
    return confStateJson(confStateOf(this.#parts.membership))
  }

  #termStarted(term: Term): void {
    if (!this.#isLeader || term !== this.term) return
    const extendMs = this.#options.electionTicks * this.#options.heartbeatMs
    this.#parts.lessor.promote(this.#parts.clock.monotonicMs(), extendMs)
    this.#barrier.retry()
  }

  #leadershipChanged(leader: MemberId, term: Term, isSelf: boolean): void {
    const { logger, clock, lessor } = this.#parts
    const wasLeader = this.#isLeader
    const hadLeader = this.#leader
    this.#leader = leader
    this.#isLeader = isSelf
    if (leader !== NO_MEMBER && leader !== hadLeader) {
      logger.info(`raft.node: ${hexId(this.id)} elected leader ${hexId(leader)} at term ${term}`)
      this.#metrics.leaderChanges.inc()
      if (hadLeader !== NO_MEMBER) this.#barrier.onLeaderChanged()
    }
    if (isSelf && !wasLeader) this.#electedMs = clock.monotonicMs()
    if (!isSelf && wasLeader) lessor.demote()
    this.#metrics.hasLeader.set(leader === NO_MEMBER ? 0 : 1)
    this.#metrics.isLeader.set(isSelf ? 1 : 0)
    if (leader !== NO_MEMBER) {
      this.#onReady?.()
      this.#flush()
    }
  }

  // --- work of the member itself

  /** Tells the cluster this member's name and client URLs; retried until it succeeds. */
  async #publish(): Promise<void> {
    const { logger } = this.#parts
    for (;;) {
      const outcome = await this.proposeAsync(publishRequest(this.id, this.#options.name, this.#options.clientUrls))
      if (outcome.status === undefined) break
      if (this.#closed) return
      logger.warn('failed to publish local member to cluster through raft', { error: outcome.status.message })
    }
    logger.info('published local member to cluster through raft', {
      'local-member-id': hexId(this.id),
      'local-member-attributes': `{Name:${this.#options.name} ClientURLs:[${this.#options.clientUrls.join(' ')}]}`,
      'cluster-id': hexId(this.clusterId),
      'publish-timeout': `${this.#options.requestTimeoutMs / 1000}s`,
    })
    await this.#decideClusterVersion()
  }

  /** The cluster version is the lowest minor version of all members; with one member that is its own. */
  async #decideClusterVersion(): Promise<void> {
    const { membership, logger, rows } = this.#parts
    const version = `${this.#options.serverVersion.split('.').slice(0, 2).join('.')}.0`
    if (this.#isLeader && membership.clusterVersion !== version) {
      logger.info('setting up initial cluster version using v3 API', { 'cluster-version': version })
      const outcome = await this.proposeAsync(clusterVersionRequest(version))
      if (outcome.status === undefined) logger.info('cluster version is updated', { 'cluster-version': version })
    }
    rows.put('meta', Buffer.from('storageVersion'), Buffer.from(version))
  }

  #raiseNoSpace(): void {
    if (this.#noSpaceRaised || this.#parts.alarms.has(etcdserverpb.AlarmType.NOSPACE)) return
    this.#noSpaceRaised = true
    this.#parts.logger.warn('database space exceeded; raising alarm', { 'quota-bytes': this.#options.quotaBytes })
    void this.proposeAsync(noSpaceAlarmRequest(this.id)).then(() => (this.#noSpaceRaised = false))
  }

  #startCompactor(): AutoCompactor | undefined {
    const settings = this.#options.autoCompaction
    if (settings === undefined) return undefined
    const { clock, logger } = this.#parts
    const isLeader = (): boolean => this.#isLeader
    const revision = (): number => this.#parts.store.revision
    const target = {
      get revision() {
        return revision()
      },
      get isLeader() {
        return isLeader()
      },
      compact: async (to: number) => {
        const { status } = await this.proposeAsync(compactionRequest(to))
        return status === undefined || status === errors.compacted
      },
    }
    return settings.mode === 'periodic'
      ? periodicCompactor(target, settings.retention, clock, logger)
      : revisionCompactor(target, settings.retention, clock, logger)
  }

  #snapshotSource(): ConstructorParameters<typeof Snapshotter>[0]['source'] {
    const machine = (): StateMachine => this.#machine
    const { membership, membershipData } = this.#parts
    return {
      get applied() {
        return machine().applied
      },
      get confState() {
        return confStateOf(membership)
      },
      membershipData: () => membershipData(membership),
      compactLog: (index: Index) => this.#driver.node.compact(index),
    }
  }
}

const EMPTY_CONF_STATE: LogConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
}

/** etcd never uses joint configurations, so the membership is the whole configuration. */
export const confStateOf = (membership: Membership): LogConfState => ({
  ...EMPTY_CONF_STATE,
  voters: membership
    .members()
    .filter((m) => !m.isLearner)
    .map((m) => m.id),
  learners: membership
    .members()
    .filter((m) => m.isLearner)
    .map((m) => m.id),
})

/** As etcd keeps it under `meta/confState`. */
const confStateJson = ({ voters, learners }: LogConfState): string => {
  const parts = [`"voters":[${voters.join(',')}]`]
  if (learners.length > 0) parts.push(`"learners":[${learners.join(',')}]`)
  return `{${parts.join(',')},"auto_leave":false}`
}
