// A picture of a node for operators, metrics, promotion rules and tests.

import type { Index, MemberId, Term } from '../base/index.js'
import { confStateOf } from './membership.js'
import type { ConfState } from './pb.js'
import type { Progress, ProgressState } from './progress.js'
import type { Raft } from './raft.js'
import type { Role } from './trace.js'

export interface PeerStatus {
  readonly id: MemberId
  readonly match: Index
  readonly next: Index
  readonly state: ProgressState
  readonly isLearner: boolean
  readonly recentActive: boolean
  readonly paused: boolean
  /** 0 outside the snapshot state. */
  readonly pendingSnapshot: Index
  readonly inflightMessages: number
  readonly inflightBytes: number
}

export interface RaftStatus {
  readonly id: MemberId
  readonly role: Role
  readonly term: Term
  readonly vote: MemberId
  readonly leader: MemberId
  readonly commit: Index
  readonly applied: Index
  /** Last entry known to be durable here. */
  readonly stable: Index
  readonly firstIndex: Index
  readonly lastIndex: Index
  /** Memory held by entries. */
  readonly logBytes: number
  readonly uncommittedBytes: number
  readonly pendingReads: number
  readonly transferee: MemberId
  readonly promotable: boolean
  readonly confState: ConfState
  /** Ascending by id, this node included; meaningful on the leader, empty elsewhere. */
  readonly progress: readonly PeerStatus[]
}

export const statusOf = (raft: Raft): RaftStatus => ({
  id: raft.id,
  role: raft.role,
  term: raft.term,
  vote: raft.vote,
  leader: raft.leader,
  commit: raft.log.committed,
  applied: raft.log.applied,
  stable: raft.log.stable,
  firstIndex: raft.log.firstIndex,
  lastIndex: raft.log.lastIndex,
  logBytes: raft.log.bytes,
  uncommittedBytes: raft.uncommittedBytes,
  pendingReads: raft.reads.length,
  transferee: raft.transferee,
  promotable: raft.promotable,
  confState: confStateOf(raft.members),
  progress: raft.role === 'leader' ? [...raft.peers].map(([id, peer]) => peerStatus(id, peer)) : [],
})

const peerStatus = (id: MemberId, peer: Progress): PeerStatus => ({
  id,
  match: peer.match,
  next: peer.next,
  state: peer.state,
  isLearner: peer.isLearner,
  recentActive: peer.recentActive,
  paused: peer.isPaused,
  pendingSnapshot: peer.pendingSnapshot,
  inflightMessages: peer.inflights.count,
  inflightBytes: peer.inflights.bytes,
})
