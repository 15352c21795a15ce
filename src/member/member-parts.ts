// What a member is made of and how it is set up.

import type { AlarmSet, AppliedPoint, Membership, RowBuffer } from '../apply/index.js'
import type {
  Backend,
  BusyPoll,
  Clock,
  LabelledMetrics,
  LogConfState,
  Logger,
  PeerNetwork,
  Random,
} from '../env/index.js'
import type { Lessor } from '../lease/index.js'
import type { Store } from '../mvcc/index.js'
import type { raftpb } from '../proto/index.js'
import type { ApplyObserver } from './api.js'
import type { CommitPacing } from './backend-committer.js'
import type { Started } from './bootstrap.js'
import type { CorruptionOptions } from './corruption-checks.js'
import type { SnapshotParts } from './snapshot-work.js'
import type { SnapshotPolicy } from './snapshotter.js'

export interface MemberOptions {
  readonly name: string
  readonly clientUrls: readonly string[]
  readonly heartbeatMs: number
  readonly electionTicks: number
  readonly preVote: boolean
  /** After a start, wait for the leader of an existing cluster for two ticks only, not a whole time-out. */
  readonly initialTickAdvance: boolean
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
  /** Refuse changes of the membership that could cost the quorum. */
  readonly strictReconfigCheck: boolean
  readonly corruption: CorruptionOptions
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
  /** To the other members. Belongs to the caller, who hands what arrives to `Member.receiver`. */
  readonly network: PeerNetwork<raftpb.Message>
  readonly membershipData: (membership: Membership) => Uint8Array
  readonly clock: Clock
  readonly random: Random
  /** Undefined: nobody's answer is worth processor time. */
  readonly busyPoll?: BusyPoll | undefined
  readonly logger: Logger
  readonly metrics: LabelledMetrics
  /** The member cannot go on; the process has to end. Called once. */
  readonly onFatal: (error: Error) => void
  /** The member was removed from the cluster for good and serves nobody any more: to be closed. Called once. */
  readonly onRemoved: () => void
  readonly applyObserver?: ApplyObserver
  /** Undefined: no snapshots to or from other members. */
  readonly snapshots?: SnapshotParts
}

const EMPTY_CONF_STATE: LogConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
}

/** etcd never uses joint configurations, so the membership is the whole configuration. */
export function confStateOf(membership: Membership): LogConfState {
  const members = membership.members()
  return {
    ...EMPTY_CONF_STATE,
    voters: members.filter(({ isLearner }) => !isLearner).map(({ id }) => id),
    learners: members.filter(({ isLearner }) => isLearner).map(({ id }) => id),
  }
}

/** As etcd keeps it under `meta/confState`. */
export function confStateJson({ voters, learners }: LogConfState): string {
  const parts = [`"voters":[${voters.join(',')}]`]
  if (learners.length > 0) parts.push(`"learners":[${learners.join(',')}]`)
  return `{${parts.join(',')},"auto_leave":false}`
}
