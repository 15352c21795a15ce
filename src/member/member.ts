// The running member: joins consensus, the log, the state machine and everything that happens by the clock. The services
// of rpc/ talk to it and to nothing below it.

import { type AppliedPoint, type ApplyOutcome, type ConfigDecision, StateMachine } from '../apply/index.js'
import { type ClusterId, type Index, type MemberId, NO_INDEX, NO_MEMBER, type Term, hexId } from '../base/index.js'
import type { LogSnapshot, LogStorage, SnapshotReceipt, Status, Timer } from '../env/index.js'
import { errors, etcdserverpb, type raftpb } from '../proto/index.js'
import type { ProposalWaiter, ReadWaiter } from './api.js'
import { AppliedWaits } from './applied-waits.js'
import { type AutoCompactor, startCompactor } from './auto-compactor.js'
import { BackendCommitter } from './backend-committer.js'
import { ClusterWork } from './cluster-work.js'
import { HeartbeatGaps } from './heartbeat-gaps.js'
import { Leadership } from './leadership.js'
import { LeaseKeeper } from './lease-keeper.js'
import type { LogRetention } from './log-retention.js'
import { type MemberMetrics, memberMetrics } from './member-metrics.js'
import { type MemberOptions, type MemberParts, confStateJson, confStateOf } from './member-parts.js'
import { NoSpaceAlarm } from './no-space.js'
import { Proposer } from './proposer.js'
import { Publisher } from './publisher.js'
import { RaftDriver } from './raft-driver.js'
import { advanceTicks, reachPeers } from './reach.js'
import { ReadBarrier } from './read-barrier.js'
import { RequestIds } from './request-ids.js'
import { compactionRequest, leaseCheckpointRequest, leaseRevokeRequest, noSpaceAlarmRequest } from './requests.js'
import { SnapshotWork, describeState } from './snapshot-work.js'
import { Snapshotter } from './snapshotter.js'
import { startNode, startRetention } from './startup.js'
import { TickSource } from './tick-source.js'
import { timeoutCause } from './timeout-cause.js'

/** Committed entries that wait to be applied, beyond which callers get "too many requests". */
const BACKLOG_MAX = 5000
/** Readers waiting for a barrier at most. */
const READERS_MAX = 100_000
const HOUSEKEEPING_MS = 100
const PURGE_PERIOD_MS = 30_000

export class Member {
  readonly #options: MemberOptions
  readonly #parts: MemberParts
  readonly #log: LogStorage
  readonly #machine: StateMachine
  readonly #driver: RaftDriver
  readonly #leadership: Leadership
  readonly #proposer: Proposer
  readonly #noSpace: NoSpaceAlarm
  readonly #barrier: ReadBarrier
  readonly #appliedWaits: AppliedWaits
  readonly #committer: BackendCommitter
  readonly #snapshotter: Snapshotter
  readonly #snapshots: SnapshotWork
  readonly #retention: LogRetention
  readonly #leaseKeeper: LeaseKeeper
  readonly #publisher: Publisher
  readonly #cluster: ClusterWork
  readonly #ids: RequestIds
  readonly #metrics: MemberMetrics
  readonly #ticks: TickSource
  readonly #timers: Timer[] = []
  #compactor: AutoCompactor | undefined
  #purging: Promise<void> | undefined
  #failed = false
  #isRemoved = false
  #closing: Promise<void> | undefined
  readonly #resume = (): void => this.#proposer.flush()
  /** Wakes whoever waits for a leader while the member opens. */
  #wake: (() => void) | undefined

  constructor(parts: MemberParts, options: MemberOptions) {
    this.#parts = parts
    this.#options = options
    const { started, clock, logger, applied } = parts
    const onFatal = (error: Error): void => this.#fail(error)
    const describe = (): LogSnapshot => describeState(this.#machine.applied, parts)
    this.#log = started.log
    this.#ids = new RequestIds(started.memberId, clock.wallMs())
    this.#metrics = memberMetrics(parts.metrics)
    this.#leadership = new Leadership({
      self: started.memberId,
      tickMs: options.heartbeatMs,
      nowMs: clock.monotonicMs(),
    })
    this.#proposer = new Proposer({
      clock,
      ids: this.#ids,
      timeoutMs: options.requestTimeoutMs,
      requestBytesMax: options.maxRequestBytes,
      path: {
        // Without a leader proposals wait, as in etcd: a leader appears or they time out.
        isOpen: () => this.leader !== NO_MEMBER && !this.#committer.overloaded(this.#resume),
        isLeader: () => this.#driver.node.role === 'leader',
        send: (batch) => this.#driver.propose(batch),
        timeoutCause: (startedMs, taken) => this.#timeoutCause(startedMs, taken),
      },
    })
    this.#noSpace = new NoSpaceAlarm(parts.alarms, () => {
      logger.warn('database space exceeded; raising alarm', { 'quota-bytes': options.quotaBytes })
      return this.proposeAsync(noSpaceAlarmRequest(this.id))
    })
    this.#barrier = new ReadBarrier({
      clock,
      timeoutMs: options.requestTimeoutMs,
      waitersMax: READERS_MAX,
      applied: applied.index,
      nextId: () => this.#ids.next(),
      ask: (context) => this.#driver.readIndex(context),
      onSlow: () => this.#metrics.slowReadIndexes.inc(),
    })
    this.#appliedWaits = new AppliedWaits(clock)
    this.#machine = new StateMachine(
      { ...parts, quotaBytes: options.quotaBytes, now: () => clock.monotonicMs() },
      applied,
      {
        onResult: (id, outcome) => this.#answer(id, outcome),
        onConfigChange: (change, decision) => this.#configChanged(change, decision),
        onTermStart: (term) => this.#termStarted(term),
      },
    )
    this.#driver = new RaftDriver({
      node: startNode(parts, options, () => this.#snapshots.source()),
      log: this.#log,
      peers: parts.network,
      clock,
      logger,
      observer: {
        onCommitted: (entries) => this.#apply(entries),
        onReadIndex: (context, index) => this.#barrier.onReadIndex(context, index),
        onLeadership: (leader, term) => this.#leadershipChanged(leader, term),
        onSnapshotMessage: (message) => this.#snapshots.send(message),
        installSnapshot: (snapshot) => this.#snapshots.install(snapshot),
        onFatal,
      },
      heartbeats: new HeartbeatGaps({ ...options, clock, late: this.#metrics.lateHeartbeats }),
    })
    this.#ticks = new TickSource(clock, options.heartbeatMs, () => this.#tick())
    this.#committer = new BackendCommitter({
      ...parts,
      machine: this.#machine,
      pacing: options.commit,
      duration: this.#metrics.backendCommitSeconds,
      describe,
      onFatal,
    })
    this.#snapshotter = new Snapshotter({
      committer: this.#committer,
      log: this.#log,
      policy: options.snapshot,
      logger,
      lastIndex: started.recovered.snapshot?.index ?? NO_INDEX,
      describe,
      isHeld: () => this.#snapshots.isInFlight,
      onFatal,
    })
    this.#snapshots = new SnapshotWork({
      parts,
      machine: this.#machine,
      committer: this.#committer,
      termAt: (index) => this.#driver.node.termAt(index),
      committed: () => this.committedIndex,
      installing: this.#metrics.installing,
      step: (message) => this.receive([message]),
      onReport: (to, ok) => this.#driver.reportSnapshot(to, ok),
      onInstalled: (point) => this.#installed(point),
    })
    this.#retention = startRetention(parts, options)
    this.#leaseKeeper = new LeaseKeeper({
      lessor: parts.lessor,
      clock,
      proposer: {
        whenLeading: (proceed) => this.confirmLeadership({ onReady: proceed, onFailed: () => undefined }),
        revoke: (id, done) => this.#proposer.submit(leaseRevokeRequest(id), { onApplied: done, onFailed: done }, true),
        checkpoint: (due) => this.#proposer.submit(leaseCheckpointRequest(due), NOBODY, true),
      },
    })
    this.#publisher = new Publisher({
      ...options,
      memberId: started.memberId,
      clusterId: started.clusterId,
      retryMs: options.heartbeatMs,
      clock,
      logger,
      propose: async (request) => (await this.proposeAsync(request)).status,
    })
    this.#cluster = new ClusterWork({
      parts: { ...parts, onFatal, onRemoved: () => this.#removed() },
      options,
      leader: () => this.leader,
      isLeader: () => this.isLeader,
      isOpen: () => this.leader !== NO_MEMBER,
      nextRequestId: () => this.#ids.next(),
      proposeConfChange: (change) => this.#driver.proposeConfChange(change),
      transferLeader: (target) => this.#driver.transferLeader(target),
      raftStatus: () => this.#driver.node.status(),
      proposeAsync: (request) => this.proposeAsync(request),
      waitApplied: (waiter) => this.waitApplied(waiter),
      readBarrier: (waiter) => this.readBarrier(waiter),
      timeoutCause: (startedMs, taken) => this.#timeoutCause(startedMs, taken),
      noteRows: () => this.noteRows(),
    })
  }

  get id(): MemberId {
    return this.#parts.started.memberId
  }

  get clusterId(): ClusterId {
    return this.#parts.started.clusterId
  }

  /** NO_MEMBER while none is known. */
  get leader(): MemberId {
    return this.#leadership.leader
  }

  get isLeader(): boolean {
    return this.#leadership.isLeader
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
    return this.#proposer.pending
  }

  get cluster(): ClusterWork {
    return this.#cluster
  }

  get parts(): MemberParts {
    return this.#parts
  }

  get options(): MemberOptions {
    return this.#options
  }

  /**
   * Starts ticking and resolves once the member has a leader and has published its name through the log, or is closed.
   * @throws VersionTooLow, or DataInconsistent when the initial check was asked for
   */
  async open(): Promise<void> {
    const { clock, membership, started } = this.#parts
    this.#cluster.version.verify()
    reachPeers(this.#parts)
    if (!started.isNew && this.#options.corruption.initialCheck) await this.#cluster.checkBeforeServing()
    if (this.#isClosing()) return
    this.#ticks.open()
    this.#timers.push(
      clock.every(HOUSEKEEPING_MS, () => this.#housekeep()),
      clock.every(PURGE_PERIOD_MS, () => this.#purge()),
    )
    this.#driver.pump()
    // With a single voter there is nobody to wait for: the election needs no time-out.
    const members = membership.members()
    if (members.length === 1 && members[0]!.id === this.id) this.#driver.campaign()
    else if (this.#options.initialTickAdvance) {
      const tick = (): void => this.#driver.tick()
      this.#timers.push(advanceTicks(this.#parts, this.#options.electionTicks, () => this.leader, tick))
    }
    this.#leaseKeeper.open()
    await this.#knowsLeader()
    await this.#publisher.publish()
    if (this.#isClosing()) return
    this.#cluster.version.verify()
    await this.#cluster.version.open()
    if (this.#isClosing()) return
    this.#compactor = this.#startCompactor()
    this.#cluster.corruption.open()
  }

  /**
   * Proposes a request through the log. Everything proposed in one turn goes in as one batch.
   * Refusals that need no consensus are answered before the call returns.
   */
  propose(request: etcdserverpb.InternalRaftRequest, waiter: ProposalWaiter): void {
    if (this.committedIndex - this.applied.index > BACKLOG_MAX) return waiter.onFailed(errors.tooManyRequests)
    this.#proposer.submit(request, waiter)
  }

  nextRequestId(): bigint {
    return this.#ids.next()
  }

  /** As `propose`, for work of the member itself. Never rejects. */
  proposeAsync(request: etcdserverpb.InternalRaftRequest): Promise<ApplyOutcome> {
    return this.#proposer.submitAsync(request)
  }

  /** What other members sent, in order. Frozen from here on. */
  receive(messages: readonly raftpb.Message[]): void {
    // While it closes too, as long as the driver runs: it may have to hand over its leadership.
    this.#driver.step(messages)
  }

  /** Other members say that this one was removed for good. */
  onRemoved(): void {
    this.#cluster.onRemoved()
  }

  /** Something sent to `id` was lost. */
  onUnreachable(id: MemberId): void {
    this.#driver.reportUnreachable(id)
  }

  /** Opens a place for a snapshot that is about to arrive. */
  beginSnapshot(message: raftpb.Message): Promise<SnapshotReceipt | undefined> {
    return this.#isClosing() ? Promise.resolve(undefined) : this.#snapshots.begin(message)
  }

  /** Calls back when the local state holds everything that was acknowledged anywhere before the call. */
  readBarrier(waiter: ReadWaiter): void {
    if (this.#isClosing()) return waiter.onFailed(errors.stopped)
    this.#barrier.wait(waiter)
  }

  /** Calls back, mostly at once, when this member surely leads; fails when it does not, or cannot find out. */
  confirmLeadership(waiter: ReadWaiter): void {
    const askedMs = this.#parts.clock.monotonicMs()
    if (this.#leadership.isSure(askedMs)) return waiter.onReady()
    if (!this.isLeader) return waiter.onFailed(errors.notPrimaryLessor)
    this.readBarrier({
      onReady: () => {
        if (!this.isLeader) return waiter.onFailed(errors.notPrimaryLessor)
        this.#leadership.onConfirmed(askedMs)
        waiter.onReady()
      },
      onFailed: (status) => waiter.onFailed(status),
    })
  }

  /** Calls back when everything committed at the time of the call is applied; fails after a second. */
  waitApplied(waiter: ReadWaiter): void {
    if (this.#isClosing()) return waiter.onFailed(errors.stopped)
    this.#appliedWaits.wait(this.committedIndex, this.applied.index, waiter)
  }

  /** Whether the store has room; raises the NOSPACE alarm of this member when it has not. */
  hasRoomFor(costBytes: number): boolean {
    if (costBytes === 0 || this.#parts.store.allocatedBytes + costBytes < this.#options.quotaBytes) return true
    void this.#noSpace.raise()
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

  /** Background work left rows to commit. */
  noteRows(): void {
    this.#committer.noteApplied(0)
  }

  /** Gives space of deleted data back to the file system; reads and writes go on. */
  async defragment(): Promise<void> {
    await this.#committer.commit()
    await this.#parts.backend.reclaim()
    this.#parts.store.noteReclaimed()
  }

  /** Fails what waits, finishes writes under way, and closes the log. The backend belongs to the caller. Idempotent. */
  close(): Promise<void> {
    this.#proposer.close()
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // From the next line on `#closing` is set, and everything new is refused.
    await Promise.resolve()
    if (!this.#failed && !this.#isRemoved) await this.#cluster.beforeStop()
    this.#ticks.close()
    for (const timer of this.#timers) timer.cancel()
    this.#wake?.()
    this.#publisher.close()
    this.#compactor?.close()
    this.#cluster.close()
    this.#leaseKeeper.close()
    this.#barrier.close()
    this.#appliedWaits.close()
    // Stopped first: an installation that is cut short is no failure then.
    const stopped = this.#driver.stop()
    await this.#snapshots.close()
    await stopped
    this.#proposer.failAll(errors.stopped)
    this.#parts.lessor.demote()
    await this.#snapshotter.close()
    await this.#purging
    // A committer that failed has reported it; there is nothing more to save.
    await this.#committer.commit().catch(() => undefined)
    await this.#committer.close()
    await this.#log.close()
  }

  /** Whether `close` was called, or has to be. */
  get isClosing(): boolean {
    return this.#isClosing()
  }

  #isClosing(): boolean {
    return this.#closing !== undefined || this.#isRemoved
  }

  /** Stops at once: nothing that is in memory may reach the disk any more. */
  #fail(error: Error): void {
    if (this.#failed) return
    this.#failed = true
    this.#committer.halt()
    this.#parts.onFatal(error)
  }

  /** Serves nobody any more; the owner closes it. */
  #removed(): void {
    this.#isRemoved = true
    this.#proposer.close()
    this.#proposer.failAll(errors.stopped)
    this.#barrier.close()
    this.#appliedWaits.close()
    this.#cluster.close()
    this.#wake?.()
    this.#publisher.close()
    this.#parts.onRemoved()
  }

  #tick(): void {
    this.#leadership.onTick(this.#parts.clock.monotonicMs())
    this.#driver.tick()
  }

  #housekeep(): void {
    const nowMs = this.#parts.clock.monotonicMs()
    const expired = this.#proposer.tick(nowMs) + this.#cluster.tick(nowMs)
    if (expired > 0) this.#metrics.proposalsFailed.inc(expired)
    if (this.#barrier.tick(nowMs)) this.#metrics.readIndexesFailed.inc()
    this.#appliedWaits.tick(nowMs)
  }

  #timeoutCause(startedMs: number, taken: boolean): Status {
    const { electionTicks, heartbeatMs } = this.#options
    return timeoutCause(startedMs, taken, {
      self: this.id,
      leader: this.leader,
      electedMs: this.#leadership.electedMs,
      electionMs: electionTicks * heartbeatMs,
      members: this.#parts.membership.members().map(({ id }) => id),
      links: this.#parts.network,
    })
  }

  // --- what consensus reports

  #apply(entries: readonly raftpb.Entry[]): void {
    this.#parts.applyObserver?.onBatch(entries)
    this.#machine.applyAll(entries)
    const { index } = this.#machine.applied
    const { node } = this.#driver
    node.onApplied(index)
    this.#cluster.onAdvanced()
    this.#barrier.onApplied(index)
    this.#appliedWaits.onApplied(index)
    this.#committer.noteApplied(entries.length)
    let bytes = 0
    for (const entry of entries) bytes += entry.data.length
    this.#snapshotter.noteApplied(index, bytes)
    this.#retention.note(entries)
    const droppable = this.#retention.takeDue(this.#snapshots.isInFlight)
    if (droppable !== undefined) node.compact(droppable)
    this.#proposer.onApplied()
  }

  /** The state is that of another member's snapshot now. */
  #installed({ index }: AppliedPoint): void {
    this.#snapshotter.noteInstalled(index)
    this.#cluster.onInstalled()
    this.#retention.restart(index)
    reachPeers(this.#parts)
    this.#barrier.onApplied(index)
    this.#appliedWaits.onApplied(index)
    this.#proposer.onApplied()
  }

  #answer(id: bigint, outcome: ApplyOutcome): void {
    this.#parts.applyObserver?.onResult(this.#machine.applied.index, outcome)
    if (!this.#noSpace.mustWait(outcome)) return this.#proposer.resolve(id, outcome)
    void this.#noSpace.raise().then(() => this.#proposer.resolve(id, outcome))
  }

  #configChanged(change: raftpb.ConfChange, decision: ConfigDecision): string {
    // A rejected change changes nothing; consensus learns from `onApplied` that it is over.
    if (decision.kind === 'accepted') {
      this.#driver.node.applyConfChange(change, this.#machine.applied.index)
      reachPeers(this.#parts)
    }
    this.#cluster.onDecided(change, decision)
    return confStateJson(confStateOf(this.#parts.membership))
  }

  #termStarted(term: Term): void {
    if (this.isLeader && term === this.term) {
      const extendMs = this.#options.electionTicks * this.#options.heartbeatMs
      this.#parts.lessor.promote(this.#parts.clock.monotonicMs(), extendMs)
      this.#cluster.onTermStart()
    }
    // A leader answers reads from now on; what was asked before may have been lost.
    this.#barrier.retry()
  }

  #leadershipChanged(leader: MemberId, term: Term): void {
    const { logger, clock, lessor } = this.#parts
    const before = this.leader
    const { isOther, lost } = this.#leadership.change(leader, clock.monotonicMs())
    if (leader !== NO_MEMBER && leader !== before) {
      logger.info(`raft.node: ${hexId(this.id)} elected leader ${hexId(leader)} at term ${term}`)
      this.#metrics.leaderChanges.inc()
    }
    if (isOther) this.#barrier.onLeaderChanged()
    if (lost) lessor.demote()
    this.#metrics.hasLeader.set(leader === NO_MEMBER ? 0 : 1)
    this.#metrics.isLeader.set(this.isLeader ? 1 : 0)
    if (leader === NO_MEMBER) return
    this.#wake?.()
    this.#proposer.flush()
    this.#cluster.onLeader()
  }

  // --- work of the member itself

  async #knowsLeader(): Promise<void> {
    while (this.leader === NO_MEMBER && !this.#isClosing()) {
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    this.#wake = undefined
  }

  #purge(): void {
    const { segmentsMax, snapshotsMax } = this.#options
    this.#purging ??= this.#log
      .purge(segmentsMax, snapshotsMax)
      .catch((error: unknown) => this.#parts.logger.error('failed to purge files', { error }))
      .finally(() => (this.#purging = undefined))
  }

  #startCompactor(): AutoCompactor | undefined {
    const { clock, logger, store } = this.#parts
    return startCompactor(this.#options.autoCompaction, clock, logger, {
      revision: () => store.revision,
      isLeader: () => this.isLeader,
      compact: async (to) => {
        const { status } = await this.proposeAsync(compactionRequest(to))
        return status === undefined || status === errors.compacted
      },
    })
  }
}

/** For proposals whose result shows in the state alone. */
const NOBODY: ProposalWaiter = { onApplied: () => undefined, onFailed: () => undefined }
