// What a member does with what consensus reports: the parts that a committed entry, a new leader, a confirmed read or a received
// snapshot concerns, each told in its turn.

import { type AppliedPoint, type ApplyOutcome, type ConfigDecision, StateMachine } from '../apply/index.js'
import { type MemberId, NO_INDEX, NO_MEMBER, type Term, hexId } from '../base/index.js'
import type { LogSnapshot, Status } from '../env/index.js'
import type { raftpb } from '../proto/index.js'
import type { ReadWaiter } from './api.js'
import { AppliedWaits } from './applied-waits.js'
import { BackendCommitter } from './backend-committer.js'
import { ClusterWork } from './cluster-work.js'
import { HeartbeatGaps } from './heartbeat-gaps.js'
import { Leadership } from './leadership.js'
import type { EntryReaders, LogRetention } from './log-retention.js'
import { type MemberMetrics, memberMetrics } from './member-metrics.js'
import { type MemberOptions, type MemberParts, confStateJson, confStateOf } from './member-parts.js'
import { NoSpaceAlarm } from './no-space.js'
import { Proposer } from './proposer.js'
import { RaftDriver } from './raft-driver.js'
import { reachPeers } from './reach.js'
import { ReadBarrier } from './read-barrier.js'
import { RequestIds } from './request-ids.js'
import { noSpaceAlarmRequest } from './requests.js'
import { SnapshotWork, describeState } from './snapshot-work.js'
import { Snapshotter } from './snapshotter.js'
import { startNode, startRetention } from './startup.js'
import { timeoutCause } from './timeout-cause.js'

/** Readers waiting for a barrier at most. */
const READERS_MAX = 100_000

/** The member, which refuses while it closes. */
export interface ConsensusHost {
  readBarrier(waiter: ReadWaiter): void
  waitApplied(waiter: ReadWaiter): void
  /** A leader is known. */
  onLeader(): void
  /** The state is that of another member's snapshot now. */
  onInstalled(): void
  /** This member was removed from the cluster for good. */
  onRemoved(): void
}

/** Opens and closes nothing: that is the member's, in its order. */
export class ConsensusWork {
  readonly ids: RequestIds
  readonly metrics: MemberMetrics
  readonly leadership: Leadership
  readonly proposer: Proposer
  readonly noSpace: NoSpaceAlarm
  readonly barrier: ReadBarrier
  readonly appliedWaits: AppliedWaits
  readonly machine: StateMachine
  readonly driver: RaftDriver
  readonly committer: BackendCommitter
  readonly snapshotter: Snapshotter
  readonly snapshots: SnapshotWork
  readonly cluster: ClusterWork
  readonly #parts: MemberParts
  readonly #options: MemberOptions
  readonly #host: ConsensusHost
  readonly #retention: LogRetention
  readonly #resume = (): void => this.proposer.flush()
  #failed = false

  constructor(parts: MemberParts, options: MemberOptions, host: ConsensusHost) {
    this.#parts = parts
    this.#options = options
    this.#host = host
    const { started, clock, logger, applied } = parts
    const onFatal = (error: Error): void => this.#fail(error)
    const describe = (): LogSnapshot => describeState(this.machine.applied, parts)
    this.ids = new RequestIds(started.memberId, clock.wallMs())
    this.metrics = memberMetrics(parts.metrics)
    this.leadership = new Leadership({
      self: started.memberId,
      tickMs: options.heartbeatMs,
      nowMs: clock.monotonicMs(),
    })
    this.proposer = new Proposer({
      clock,
      ids: this.ids,
      timeoutMs: options.requestTimeoutMs,
      requestBytesMax: options.maxRequestBytes,
      path: {
        // Without a leader proposals wait, as in etcd: a leader appears or they time out.
        isOpen: () => this.leadership.leader !== NO_MEMBER && !this.committer.overloaded(this.#resume),
        isLeader: () => this.driver.node.role === 'leader',
        send: (batch) => this.driver.propose(batch),
        timeoutCause: (startedMs, taken) => this.#timeoutCause(startedMs, taken),
      },
    })
    this.noSpace = new NoSpaceAlarm(parts.alarms, () => {
      logger.warn('database space exceeded; raising alarm', { 'quota-bytes': options.quotaBytes })
      return this.proposer.submitAsync(noSpaceAlarmRequest(started.memberId))
    })
    this.barrier = new ReadBarrier({
      clock,
      timeoutMs: options.requestTimeoutMs,
      waitersMax: READERS_MAX,
      applied: applied.index,
      nextId: () => this.ids.next(),
      ask: (context) => this.driver.readIndex(context),
      onSlow: () => this.metrics.slowReadIndexes.inc(),
      busyPoll: parts.busyPoll,
    })
    this.appliedWaits = new AppliedWaits(clock)
    this.machine = new StateMachine(
      { ...parts, quotaBytes: options.quotaBytes, now: () => clock.monotonicMs() },
      applied,
      {
        onResult: (id, outcome) => this.#answer(id, outcome),
        onConfigChange: (change, decision) => this.#configChanged(change, decision),
        onTermStart: (term) => this.#termStarted(term),
      },
    )
    this.driver = new RaftDriver({
      node: startNode(parts, options, () => this.snapshots.source()),
      log: started.log,
      peers: parts.network,
      clock,
      logger,
      observer: {
        onCommitted: (entries) => this.#apply(entries),
        onReadIndex: (context, index) => this.barrier.onReadIndex(context, index),
        onLeadership: (leader, term) => this.#leadershipChanged(leader, term),
        onSnapshotMessage: (message) => this.snapshots.send(message),
        installSnapshot: (snapshot) => this.snapshots.install(snapshot),
        onFatal,
      },
      heartbeats: new HeartbeatGaps({ ...options, clock, late: this.metrics.lateHeartbeats }),
    })
    this.committer = new BackendCommitter({
      ...parts,
      machine: this.machine,
      pacing: options.commit,
      duration: this.metrics.backendCommitSeconds,
      describe,
      onFatal,
    })
    this.snapshotter = new Snapshotter({
      committer: this.committer,
      log: started.log,
      policy: options.snapshot,
      logger,
      lastIndex: started.recovered.snapshot?.index ?? NO_INDEX,
      describe,
      isHeld: () => this.snapshots.isInFlight,
      onFatal,
    })
    this.snapshots = new SnapshotWork({
      parts,
      machine: this.machine,
      committer: this.committer,
      termAt: (index) => this.driver.node.termAt(index),
      committed: () => this.driver.node.committed,
      installing: this.metrics.installing,
      step: (message) => this.driver.step([message]),
      onReport: (to, ok) => this.driver.reportSnapshot(to, ok),
      onInstalled: (point) => this.#installed(point),
    })
    this.#retention = startRetention(parts, options)
    this.cluster = new ClusterWork({
      parts: { ...parts, onFatal, onRemoved: () => host.onRemoved() },
      options,
      leader: () => this.leadership.leader,
      isLeader: () => this.leadership.isLeader,
      isOpen: () => this.leadership.leader !== NO_MEMBER,
      nextRequestId: () => this.ids.next(),
      proposeConfChange: (change) => this.driver.proposeConfChange(change),
      transferLeader: (target) => this.driver.transferLeader(target),
      raftStatus: () => this.driver.node.status(),
      proposeAsync: (request) => this.proposer.submitAsync(request),
      waitApplied: (waiter) => host.waitApplied(waiter),
      readBarrier: (waiter) => host.readBarrier(waiter),
      timeoutCause: (startedMs, taken) => this.#timeoutCause(startedMs, taken),
      noteRows: () => this.committer.noteRows(),
    })
  }

  /** The member cannot go on, and its owner was told. */
  get hasFailed(): boolean {
    return this.#failed
  }

  #apply(entries: readonly raftpb.Entry[]): void {
    this.#parts.applyObserver?.onBatch(entries)
    this.machine.applyAll(entries)
    const index = this.machine.appliedIndex
    const { node } = this.driver
    node.onApplied(index)
    this.cluster.onAdvanced()
    this.barrier.onApplied(index)
    this.appliedWaits.onApplied(index)
    this.committer.noteApplied(entries.length)
    let bytes = 0
    for (const entry of entries) bytes += entry.data.length
    this.snapshotter.noteApplied(index, bytes)
    this.#retention.note(entries)
    const droppable = this.#retention.takeDue(this.#entryReaders())
    if (droppable !== undefined) node.compact(droppable)
    this.proposer.onApplied()
  }

  #entryReaders(): EntryReaders {
    if (this.snapshots.isInFlight) return 'newcomer'
    return this.#parts.membership.size > 1 ? 'laggards' : 'nobody'
  }

  /** The state is that of another member's snapshot now. */
  #installed({ index }: AppliedPoint): void {
    this.snapshotter.noteInstalled(index)
    this.cluster.onInstalled()
    this.#retention.restart(index)
    reachPeers(this.#parts)
    this.barrier.onApplied(index)
    this.appliedWaits.onApplied(index)
    this.proposer.onApplied()
    this.#host.onInstalled()
  }

  #answer(id: bigint, outcome: ApplyOutcome): void {
    this.#parts.applyObserver?.onResult(this.machine.appliedIndex, outcome)
    if (!this.noSpace.mustWait(outcome)) return this.proposer.resolve(id, outcome)
    void this.noSpace.raise().then(() => this.proposer.resolve(id, outcome))
  }

  #configChanged(change: raftpb.ConfChange, decision: ConfigDecision): string {
    // A rejected change changes nothing; consensus learns from `onApplied` that it is over.
    if (decision.kind === 'accepted') {
      this.driver.node.applyConfChange(change, this.machine.appliedIndex)
      reachPeers(this.#parts)
    }
    this.cluster.onDecided(change, decision)
    return confStateJson(confStateOf(this.#parts.membership))
  }

  #termStarted(term: Term): void {
    if (this.leadership.isLeader && term === this.driver.node.term) {
      const extendMs = this.#options.electionTicks * this.#options.heartbeatMs
      this.#parts.lessor.promote(this.#parts.clock.monotonicMs(), extendMs)
      this.cluster.onTermStart()
    }
    // A leader answers reads from now on; what was asked before may have been lost.
    this.barrier.retry()
  }

  #leadershipChanged(leader: MemberId, term: Term): void {
    const { logger, clock, lessor } = this.#parts
    const before = this.leadership.leader
    const { isOther, lost } = this.leadership.change(leader, clock.monotonicMs())
    if (leader !== NO_MEMBER && leader !== before) {
      logger.info(`raft.node: ${hexId(this.#parts.started.memberId)} elected leader ${hexId(leader)} at term ${term}`)
      this.metrics.leaderChanges.inc()
    }
    if (isOther) this.barrier.onLeaderChanged()
    if (lost) lessor.demote()
    this.metrics.hasLeader.set(leader === NO_MEMBER ? 0 : 1)
    this.metrics.isLeader.set(this.leadership.isLeader ? 1 : 0)
    if (leader === NO_MEMBER) return
    this.#host.onLeader()
    this.proposer.flush()
    this.cluster.onLeader()
  }

  #timeoutCause(startedMs: number, taken: boolean): Status {
    const { electionTicks, heartbeatMs } = this.#options
    return timeoutCause(startedMs, taken, {
      self: this.#parts.started.memberId,
      leader: this.leadership.leader,
      electedMs: this.leadership.electedMs,
      electionMs: electionTicks * heartbeatMs,
      members: this.#parts.membership.members().map(({ id }) => id),
      links: this.#parts.network,
    })
  }

  /** Stops at once: nothing that is in memory may reach the disk any more. */
  #fail(error: Error): void {
    if (this.#failed) return
    this.#failed = true
    this.committer.halt()
    this.#parts.onFatal(error)
  }
}
