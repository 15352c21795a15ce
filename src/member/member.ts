// The running member: opens and closes everything, takes calls and does what happens by the clock; what follows from the log is
// in consensus-work.ts. The services of rpc/ talk to it and to nothing below it.

import type { AppliedPoint, ApplyOutcome, StateMachine } from '../apply/index.js'
import { type ClusterId, type Index, type MemberId, NO_MEMBER, type Term } from '../base/index.js'
import type { SnapshotReceipt, Timer } from '../env/index.js'
import { errors, etcdserverpb, type raftpb } from '../proto/index.js'
import type { ProposalWaiter, ReadWaiter } from './api.js'
import { type AutoCompactor, startCompactor } from './auto-compactor.js'
import type { ClusterWork } from './cluster-work.js'
import { ConsensusWork } from './consensus-work.js'
import type { Leadership } from './leadership.js'
import { LeaseKeeper } from './lease-keeper.js'
import type { MemberOptions, MemberParts } from './member-parts.js'
import type { Proposer } from './proposer.js'
import { Publisher } from './publisher.js'
import type { RaftDriver } from './raft-driver.js'
import { advanceTicks, reachPeers } from './reach.js'
import type { ReadBarrier } from './read-barrier.js'
import { compactionRequest, leaseCheckpointRequest, leaseRevokeRequest } from './requests.js'
import { TickSource } from './tick-source.js'

/** Committed entries that wait to be applied, beyond which callers get "too many requests". */
const BACKLOG_MAX = 5000
const HOUSEKEEPING_MS = 100
const PURGE_PERIOD_MS = 30_000

export class Member {
  readonly #options: MemberOptions
  readonly #parts: MemberParts
  readonly #work: ConsensusWork
  readonly #machine: StateMachine
  readonly #driver: RaftDriver
  readonly #leadership: Leadership
  readonly #proposer: Proposer
  readonly #barrier: ReadBarrier
  readonly #leaseKeeper: LeaseKeeper
  readonly #publisher: Publisher
  readonly #ticks: TickSource
  readonly #timers: Timer[] = []
  #compactor: AutoCompactor | undefined
  #purging: Promise<void> | undefined
  #isRemoved = false
  #closing: Promise<void> | undefined
  /** Wakes whoever waits for a leader while the member opens. */
  #wake: (() => void) | undefined

  constructor(parts: MemberParts, options: MemberOptions) {
    this.#parts = parts
    this.#options = options
    const { started, clock, logger } = parts
    this.#work = new ConsensusWork(parts, options, {
      readBarrier: (waiter) => this.readBarrier(waiter),
      waitApplied: (waiter) => this.waitApplied(waiter),
      onLeader: () => this.#wake?.(),
      onInstalled: () => this.#publisher.onInstalled(),
      onRemoved: () => this.#removed(),
    })
    this.#machine = this.#work.machine
    this.#driver = this.#work.driver
    this.#leadership = this.#work.leadership
    this.#proposer = this.#work.proposer
    this.#barrier = this.#work.barrier
    this.#ticks = new TickSource(clock, options.heartbeatMs, () => this.#tick())
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
      known: () => parts.membership.get(started.memberId),
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
    return this.#work.cluster
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
    this.#work.cluster.version.verify()
    reachPeers(this.#parts)
    if (!started.isNew && this.#options.corruption.initialCheck) await this.#work.cluster.checkBeforeServing()
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
    this.#work.cluster.version.verify()
    await this.#work.cluster.version.open()
    if (this.#isClosing()) return
    this.#compactor = this.#startCompactor()
    this.#work.cluster.corruption.open()
  }

  /**
   * Proposes a request through the log. Everything proposed in one turn goes in as one batch.
   * Refusals that need no consensus are answered before the call returns.
   */
  propose(request: etcdserverpb.InternalRaftRequest, waiter: ProposalWaiter): void {
    if (this.committedIndex - this.#machine.appliedIndex > BACKLOG_MAX) return waiter.onFailed(errors.tooManyRequests)
    this.#proposer.submit(request, waiter)
  }

  nextRequestId(): bigint {
    return this.#work.ids.next()
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
    this.#work.cluster.onRemoved()
  }

  /** Something sent to `id` was lost. */
  onUnreachable(id: MemberId): void {
    this.#driver.reportUnreachable(id)
  }

  /** Opens a place for a snapshot that is about to arrive. */
  beginSnapshot(message: raftpb.Message): Promise<SnapshotReceipt | undefined> {
    return this.#isClosing() ? Promise.resolve(undefined) : this.#work.snapshots.begin(message)
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
    this.#work.appliedWaits.wait(this.committedIndex, this.#machine.appliedIndex, waiter)
  }

  /** Whether the store has room; raises the NOSPACE alarm of this member when it has not. */
  hasRoomFor(costBytes: number): boolean {
    if (costBytes === 0 || this.#parts.store.allocatedBytes + costBytes < this.#options.quotaBytes) return true
    void this.#work.noSpace.raise()
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
    header.raftTerm = this.#machine.appliedTerm
    return header
  }

  /** Makes everything applied so far durable in the backend, for backups and hashes of the whole store. */
  commitBackend(): Promise<void> {
    return this.#work.committer.commit()
  }

  /** Background work left rows to commit. */
  noteRows(): void {
    this.#work.committer.noteRows()
  }

  /** Gives space of deleted data back to the file system; reads and writes go on. */
  async defragment(): Promise<void> {
    await this.#work.committer.commit()
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
    if (!this.#work.hasFailed && !this.#isRemoved) await this.#work.cluster.beforeStop()
    this.#ticks.close()
    for (const timer of this.#timers) timer.cancel()
    this.#wake?.()
    this.#publisher.close()
    this.#compactor?.close()
    this.#work.cluster.close()
    this.#leaseKeeper.close()
    this.#barrier.close()
    this.#work.appliedWaits.close()
    // Stopped first: an installation that is cut short is no failure then.
    const stopped = this.#driver.stop()
    await this.#work.snapshots.close()
    await stopped
    this.#proposer.failAll(errors.stopped)
    this.#parts.lessor.demote()
    await this.#work.snapshotter.close()
    await this.#purging
    // A committer that failed has reported it; there is nothing more to save.
    await this.#work.committer.commit().catch(() => undefined)
    await this.#work.committer.close()
    await this.#parts.started.log.close()
  }

  /** Whether `close` was called, or has to be. */
  get isClosing(): boolean {
    return this.#isClosing()
  }

  #isClosing(): boolean {
    return this.#closing !== undefined || this.#isRemoved
  }

  /** Serves nobody any more; the owner closes it. */
  #removed(): void {
    this.#isRemoved = true
    this.#proposer.close()
    this.#proposer.failAll(errors.stopped)
    this.#barrier.close()
    this.#work.appliedWaits.close()
    this.#work.cluster.close()
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
    const expired = this.#proposer.tick(nowMs) + this.#work.cluster.tick(nowMs)
    if (expired > 0) this.#work.metrics.proposalsFailed.inc(expired)
    if (this.#barrier.tick(nowMs)) this.#work.metrics.readIndexesFailed.inc()
    this.#work.appliedWaits.tick(nowMs)
  }

  async #knowsLeader(): Promise<void> {
    while (this.leader === NO_MEMBER && !this.#isClosing()) {
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    this.#wake = undefined
  }

  #purge(): void {
    const { segmentsMax, snapshotsMax } = this.#options
    this.#purging ??= this.#parts.started.log
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
