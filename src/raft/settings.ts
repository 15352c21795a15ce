// What a node is started with: its parameters and what its log held.

import { invariant } from '../base/index.js'
import type { Index, MemberId } from '../base/index.js'
import type { LogHardState, Random } from '../env/index.js'
import type { LogPosition } from './log.js'
import type { ConfStateView } from './membership.js'
import type { Entry, Snapshot } from './pb.js'
import type { RaftTracer } from './trace.js'

export interface RaftConfig {
  /** Never 0, never reused for another member. */
  readonly id: MemberId
  /** Ticks without a leader before a campaign; the actual timeout is drawn from [electionTicks, 2 * electionTicks - 1]. */
  readonly electionTicks: number
  /** Ticks between heartbeats, below `electionTicks`. */
  readonly heartbeatTicks: number
  /** Ask first whether an election could be won, so that a member that was cut off does not disturb a working leader. */
  readonly preVote: boolean
  /** A leader steps down when a quorum was silent for `electionTicks`; voters protect a leader they heard of since then. */
  readonly checkQuorum: boolean
  /** Limit of the entries in one append; 0 sends one entry at a time. One entry always passes. */
  readonly maxSizePerMessageBytes: number
  /** Limit of entries handed out for apply and not yet reported as applied. One entry always passes. */
  readonly maxCommittedBytesPerReady: number
  /** Appends on the way to one follower, at least 1. */
  readonly maxInflightMessages: number
  /** Payload bytes on the way to one follower; 0 is no limit. */
  readonly maxInflightBytes: number
  /** Payload bytes proposed by this leader and not yet applied; beyond it proposals are dropped. 0 is no limit. */
  readonly maxUncommittedBytes: number
  /** Applied entries are packed when there are so many, at least 1: young objects until then, which collections copy. */
  readonly packRun: number
  readonly random: Random
  /** A leader that applies its own removal or demotion becomes follower; else it leads on but takes no proposals. */
  readonly stepDownOnRemoval: boolean
  /**
   * A snapshot for a follower that needs compacted entries; its metadata must name a position that is applied here and not
   * before the compaction. Undefined means "not now": it is asked again later.
   */
  readonly snapshotSource: () => Snapshot | undefined
  readonly tracer?: RaftTracer
}

/** What a log held when it was opened. */
export interface RaftState {
  readonly hardState: LogHardState
  /** What the log's first entry follows on; (0, 0) for a log from its beginning. */
  readonly compacted: LogPosition
  /** Entries after `compacted`, all durable. Frozen. */
  readonly entries: readonly Entry[]
  /**
   * Up to where the state machine holds the effects, within [compacted.index, hardState.commit]. The caller raises
   * `hardState.commit` to it first when the state machine was saved later than the hard state.
   */
  readonly applied: Index
  /** The membership as of `applied`. */
  readonly confState: ConfStateView
}

/**
 * Those of etcd, and ours (docs/limits.md). What is on the way to one follower is less than etcd allows: to a member that has just
 * got a snapshot everything since then would leave in one turn of the leader.
 */
export const DEFAULT_LIMITS = {
  maxSizePerMessageBytes: 256 * 1024,
  maxCommittedBytesPerReady: 1024 * 1024,
  maxInflightMessages: 512,
  maxInflightBytes: 1024 * 1024,
  maxUncommittedBytes: 128 * 1024 * 1024,
  packRun: 32,
} as const

/** @throws InvariantViolation for values that no configuration check lets through. */
export const checkConfig = (config: RaftConfig): void => {
  const whole = (name: string, value: number, atLeast: number): void =>
    invariant(Number.isSafeInteger(value) && value >= atLeast, '% must be an integer of at least %', name, atLeast)
  invariant(config.id !== 0n, 'member id 0 is reserved')
  whole('heartbeatTicks', config.heartbeatTicks, 1)
  whole('electionTicks', config.electionTicks, config.heartbeatTicks + 1)
  whole('maxSizePerMessageBytes', config.maxSizePerMessageBytes, 0)
  whole('maxCommittedBytesPerReady', config.maxCommittedBytesPerReady, 1)
  whole('maxInflightMessages', config.maxInflightMessages, 1)
  whole('maxInflightBytes', config.maxInflightBytes, 0)
  whole('maxUncommittedBytes', config.maxUncommittedBytes, 0)
  whole('packRun', config.packRun, 1)
}
