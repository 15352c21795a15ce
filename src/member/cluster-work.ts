// What a member does for being one of several: it changes who they are, asks the leader what only that knows, agrees on a
// version, hands over the leadership and leaves when it was removed.

import type { ApplyOutcome, ConfigDecision, Membership } from '../apply/index.js'
import { type MemberId, hexId } from '../base/index.js'
import type { Logger, Status } from '../env/index.js'
import { errors, type etcdserverpb, quoratepeer, raftpb } from '../proto/index.js'
import type { RaftStatus } from '../raft/index.js'
import type { ClusterApi, MemberAddOutcome, MembersOutcome, ReadWaiter } from './api.js'
import { ClusterVersion } from './cluster-version.js'
import { ConfigProposals } from './config-proposals.js'
import { CorruptionChecks, type PeerHash } from './corruption-checks.js'
import { LeaderCalls } from './leader-calls.js'
import { LeaderTransfer } from './leader-transfer.js'
import { MemberChanges, type MemberProgress } from './member-changes.js'
import type { MemberOptions, MemberParts } from './member-parts.js'
import { readQueryStatus } from './query-status.js'
import { clusterVersionRequest, corruptAlarmRequest } from './requests.js'
import { Removal } from './removal.js'

const STORAGE_VERSION = Buffer.from('storageVersion')

/** What consensus and the member's loop have to offer. */
export interface ClusterHost {
  readonly parts: Pick<
    MemberParts,
    | 'started'
    | 'membership'
    | 'backend'
    | 'rows'
    | 'store'
    | 'network'
    | 'clock'
    | 'logger'
    | 'metrics'
    | 'onFatal'
    | 'onRemoved'
  >
  readonly options: Pick<
    MemberOptions,
    'heartbeatMs' | 'requestTimeoutMs' | 'serverVersion' | 'strictReconfigCheck' | 'corruption'
  >
  /** NO_MEMBER while none is known. */
  leader(): MemberId
  isLeader(): boolean
  /** Whether proposals are taken at all. */
  isOpen(): boolean
  nextRequestId(): bigint
  proposeConfChange(change: raftpb.ConfChange): boolean
  transferLeader(target: MemberId): void
  raftStatus(): Pick<RaftStatus, 'role' | 'progress'>
  proposeAsync(request: etcdserverpb.InternalRaftRequest): Promise<ApplyOutcome>
  waitApplied(waiter: ReadWaiter): void
  readBarrier(waiter: ReadWaiter): void
  timeoutCause(startedMs: number, taken: boolean): Status
  /** Rows of the member's own wait to be committed. */
  noteRows(): void
}

export class ClusterWork implements ClusterApi {
  readonly leaderCalls: LeaderCalls
  readonly version: ClusterVersion
  readonly corruption: CorruptionChecks
  readonly #self: MemberId
  readonly #membership: Membership
  readonly #logger: Logger
  readonly #config: ConfigProposals
  readonly #changes: MemberChanges
  readonly #transfer: LeaderTransfer
  readonly #removal: Removal

  constructor(host: ClusterHost) {
    const { backend, clock, logger, metrics, membership, network, rows, started, store } = host.parts
    const { onFatal, onRemoved } = host.parts
    const { requestTimeoutMs, heartbeatMs, serverVersion } = host.options
    const self = started.memberId
    this.#self = self
    this.#membership = membership
    this.#logger = logger
    this.#config = new ConfigProposals({
      clock,
      nextId: () => host.nextRequestId(),
      timeoutMs: requestTimeoutMs,
      path: {
        isOpen: () => host.isOpen(),
        send: (change) => host.proposeConfChange(change),
        timeoutCause: (startedMs, taken) => host.timeoutCause(startedMs, taken),
      },
    })
    this.leaderCalls = new LeaderCalls({
      self,
      leader: () => host.leader(),
      network,
      clock,
      timeoutMs: requestTimeoutMs,
    })
    const failures = metrics.counters('etcd_server_learner_promote_failures', 'Refused promotions.', ['Reason'])
    this.#changes = new MemberChanges({
      self,
      membership,
      links: network,
      clock,
      logger,
      strict: host.options.strictReconfigCheck,
      leaderCalls: this.leaderCalls,
      submit: (change) => this.#config.submit(change),
      waitApplied: (waiter) => host.waitApplied(waiter),
      progress: () => progressOf(host.raftStatus()),
      promotions: metrics.counter('etcd_server_learner_promote_successes', 'Learners promoted on this member.'),
      promotionFailures: (reason) => failures(reason),
    })
    this.#transfer = new LeaderTransfer({
      self,
      membership,
      links: network,
      clock,
      logger,
      heartbeatMs,
      timeoutMs: requestTimeoutMs,
      leader: () => host.leader(),
      transferLeader: (target) => host.transferLeader(target),
    })
    this.#removal = new Removal({ clock, logger, stop: () => onRemoved() })
    this.version = new ClusterVersion({
      self,
      membership,
      serverVersion,
      readMark: () => textOf(backend.get('meta', STORAGE_VERSION)),
      clock,
      logger,
      isLeader: () => host.isLeader(),
      versionOf: async (id) => {
        const { version } = quoratepeer.QueryService.methods
        const asked = network.query(id, version, new quoratepeer.VersionRequest(), requestTimeoutMs)
        return asked.then(
          ({ server }) => server,
          (error: unknown) => {
            logger.warn('failed to get version', { 'remote-member-id': hexId(id), error })
            return undefined
          },
        )
      },
      propose: async (version) => (await host.proposeAsync(clusterVersionRequest(version))).status,
      mark: (version) => {
        rows.put('meta', STORAGE_VERSION, Buffer.from(version))
        host.noteRows()
      },
      onTooLow: onFatal,
    })
    this.corruption = new CorruptionChecks({
      self,
      clock,
      logger,
      options: host.options.corruption,
      others: () => membership.members().flatMap(({ id }) => (id === self ? [] : [id])),
      isLeader: () => host.isLeader(),
      hashKv: (revision) => store.hashKv(revision),
      compactionHashes: () => store.compactionHashes(),
      hashOf: (id, revision) => hashOf(id, revision, host),
      readBarrier: () =>
        new Promise((resolve) => host.readBarrier({ onReady: () => resolve(undefined), onFailed: resolve })),
      raiseAlarm: (id) => void host.proposeAsync(corruptAlarmRequest(id)),
    })
  }

  /** Whether this member was removed and is about to stop. */
  get isRemoved(): boolean {
    return this.#removal.isKnown
  }

  add(peerUrls: readonly string[], isLearner: boolean): Promise<MemberAddOutcome> {
    return this.#changes.add(peerUrls, isLearner)
  }

  remove(id: MemberId): Promise<MembersOutcome> {
    return this.#changes.remove(id)
  }

  update(id: MemberId, peerUrls: readonly string[]): Promise<MembersOutcome> {
    return this.#changes.update(id, peerUrls)
  }

  promote(id: MemberId): Promise<MembersOutcome> {
    return this.#changes.promote(id)
  }

  promoteHere(id: MemberId): Promise<MembersOutcome> {
    return this.#changes.promoteHere(id)
  }

  moveLeader(target: MemberId, signal: AbortSignal): Promise<Status | undefined> {
    return this.#transfer.move(target, signal)
  }

  /** @throws DataInconsistent */
  async checkBeforeServing(): Promise<void> {
    try {
      await this.corruption.initialCheck()
    } catch (error) {
      this.#logger.error('checkInitialHashKV failed', { error })
      throw error
    }
  }

  // --- what the member's loop reports

  /** A committed change was judged; the membership is as it left it. */
  onDecided(change: raftpb.ConfChange, decision: ConfigDecision): void {
    this.#config.onDecided(change, decision, this.#membership.members())
    const isRemoval = change.type === raftpb.ConfChangeType.ConfChangeRemoveNode
    if (decision.kind === 'accepted' && isRemoval && decision.member === this.#self) this.#removal.onApplied()
  }

  /** Consensus knows what was applied. */
  onAdvanced(): void {
    this.#config.onAdvanced()
  }

  /** The state is that of another member's snapshot now. */
  onInstalled(): void {
    this.version.onInstalled()
  }

  /** A leader is known. */
  onLeader(): void {
    this.#config.flush()
  }

  /** A leader's first commit: the time to look at the version. */
  onTermStart(): void {
    void this.version.check()
  }

  /** Other members say that this one was removed for good. */
  onRemoved(): void {
    this.#removal.onTold()
  }

  /** Returns how many changes got no answer in time. */
  tick(nowMs: number): number {
    this.leaderCalls.tick(nowMs)
    return this.#config.tick(nowMs)
  }

  /** Hands the leadership to somebody who stays. */
  async beforeStop(): Promise<void> {
    if (!this.isRemoved) await this.#transfer.beforeStop()
  }

  close(): void {
    this.version.close()
    this.corruption.close()
    this.leaderCalls.close()
    this.#config.close()
    this.#removal.close()
  }
}

async function hashOf(id: MemberId, revision: number, { parts, options }: ClusterHost): Promise<PeerHash | undefined> {
  const { hashKv } = quoratepeer.QueryService.methods
  const request = new quoratepeer.HashKVRequest()
  request.revision = revision
  try {
    const response = await parts.network.query(id, hashKv, request, options.requestTimeoutMs)
    const status = readQueryStatus(response.status, errors.memberNotFound)
    if (status === 'again') return undefined
    if (status !== 'ok') return { kind: 'refused', status }
    const { hash, compactRevision, revision: newest } = response
    return { kind: 'ok', hash, compactRevision, revision: newest }
  } catch (error) {
    parts.logger.warn('failed hash kv request', {
      'local-member-id': hexId(parts.started.memberId),
      'requested-revision': revision,
      'remote-peer-id': hexId(id),
      error,
    })
    return undefined
  }
}

const progressOf = ({
  role,
  progress,
}: Pick<RaftStatus, 'role' | 'progress'>): readonly MemberProgress[] | undefined =>
  role === 'leader' ? progress : undefined

const textOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString()
