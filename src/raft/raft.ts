// The state of one consensus node and its transitions. What a role does with messages is in follower.ts, candidate.ts and
// leader.ts; step.ts decides which of them a message reaches.

import { index as toIndex, invariant, NO_INDEX, NO_MEMBER, NO_TERM } from '../base/index.js'
import type { Index, MemberId, Term } from '../base/index.js'
import { committedByChange, RaftLog } from './log.js'
import { changeMembership } from './config-change.js'
import type { ChangeOutcome } from './config-change.js'
import { MembershipHistory } from './membership-history.js'
import { allMembers, confStateOf, isVoter, membershipOf } from './membership.js'
import type { Membership } from './membership.js'
import { Entry, HardState, Message, MessageType } from './pb.js'
import type { ConfChangeV2 } from './pb.js'
import { Progress, WantsAppend } from './progress.js'
import { quorumReached, voteResult } from './quorum.js'
import type { VoteResult } from './quorum.js'
import { ReadQueue } from './read-index.js'
import type { ReadState } from './read-index.js'
import { checkConfig } from './settings.js'
import type { RaftConfig, RaftState } from './settings.js'
import type { RaftEvent, Role } from './trace.js'

/** What a proposal puts into one entry. */
export interface Payload {
  /** An `EntryType`. */
  readonly type: number
  readonly data: Uint8Array
}

/** Messages that promise something about this node's storage: they leave only after everything written before them. */
const isPromise = (type: number): boolean =>
  type === MessageType.MsgAppResp ||
  type === MessageType.MsgVote ||
  type === MessageType.MsgVoteResp ||
  type === MessageType.MsgPreVoteResp

/** Of acknowledgements in a row to one leader, the last one says it all. */
const supersedes = (message: Message, before: Message | undefined): boolean =>
  before !== undefined &&
  message.type === MessageType.MsgAppResp &&
  before.type === MessageType.MsgAppResp &&
  !message.reject &&
  !before.reject &&
  message.to === before.to &&
  message.term === before.term &&
  message.index >= before.index

export class Raft {
  readonly id: MemberId
  readonly config: RaftConfig
  readonly log: RaftLog
  readonly reads = new ReadQueue()

  role: Role = 'follower'
  term: Term
  vote: MemberId
  /** The leader of `term` as far as known, else NO_MEMBER. */
  leader: MemberId = NO_MEMBER

  readonly #history: MembershipHistory
  /** Everyone in `members`, this node included, in ascending order of id. */
  peers: ReadonlyMap<MemberId, Progress> = new Map()
  readonly votes = new Map<MemberId, boolean>()

  electionElapsed = 0
  heartbeatElapsed = 0
  /** Ticks of silence until this node campaigns; redrawn at every reset. */
  electionTimeout = 0
  /** Whom leadership is being handed to, else NO_MEMBER. */
  transferee: MemberId = NO_MEMBER
  /** No configuration change may be proposed until this index is applied. */
  pendingConfIndex: Index = NO_INDEX
  /** Payload bytes of this leader's entries that are not applied yet. */
  uncommittedBytes = 0
  /** Set by a campaign: the term in which this node's own vote counts as soon as it is durable. */
  ownVoteTerm: Term = NO_TERM
  /** Follower: how far it has told the leader of this term that it holds the log. */
  acknowledged: Index = NO_INDEX

  /** May leave at once. */
  outbox: Message[] = []
  /** Leave once everything handed to storage before them is durable. */
  outboxAfterAppend: Message[] = []
  readStates: ReadState[] = []
  /** Leader: heartbeats, appends to build at the next `ready`; collected so that one turn sends each peer at most one round. */
  heartbeatWanted = false
  appendsWanted = false

  constructor(config: RaftConfig, state: RaftState) {
    checkConfig(config)
    this.id = config.id
    this.config = config
    this.log = new RaftLog({
      compacted: state.compacted,
      entries: state.entries,
      committed: toIndex(Math.max(state.hardState.commit, committedByChange(state.entries))),
      applied: state.applied,
      maxApplyingBytes: config.maxCommittedBytesPerReady,
      onReplaced: (from, through) => {
        this.trace({ kind: 'entriesReplaced', from, through })
      },
    })
    // A torn write may have left entries of a later term without its hard state: that term exists, and no vote in it left.
    const isTermLost = this.log.lastTerm > state.hardState.term
    this.term = isTermLost ? this.log.lastTerm : state.hardState.term
    this.vote = isTermLost ? NO_MEMBER : state.hardState.vote
    this.#history = new MembershipHistory(state.applied, membershipOf(state.confState))
    this.rebuildPeers()
    this.#drawElectionTimeout()
  }

  get hardState(): HardState {
    const state = new HardState()
    state.term = this.term
    state.vote = this.vote
    state.commit = this.log.committed
    return state
  }

  /** Whether this node may stand for election at all. */
  get promotable(): boolean {
    return isVoter(this.members, this.id) && this.log.pendingSnapshot === undefined
  }

  /** A leader was heard of within the shortest election timeout: others' campaigns are not welcome. */
  get inLease(): boolean {
    return this.config.checkQuorum && this.leader !== NO_MEMBER && this.electionElapsed < this.config.electionTicks
  }

  get committedInTerm(): boolean {
    return this.log.matches(this.log.committed, this.term)
  }

  trace(event: RaftEvent): void {
    this.config.tracer?.trace(event)
  }

  // --- Transitions ---

  becomeFollower(term: Term, leader: MemberId): void {
    invariant(term >= this.term, 'term % is behind %', term, this.term)
    this.#reset(term)
    this.role = 'follower'
    this.leader = leader
    this.#traceRole()
  }

  /** Changes neither term nor vote nor timers. */
  becomePreCandidate(): void {
    invariant(this.role !== 'leader', 'a leader cannot become pre-candidate')
    this.votes.clear()
    this.role = 'preCandidate'
    this.leader = NO_MEMBER
    this.#traceRole()
  }

  becomeCandidate(): void {
    invariant(this.role !== 'leader', 'a leader cannot become candidate')
    this.#reset((this.term + 1) as Term)
    this.role = 'candidate'
    this.vote = this.id
    this.ownVoteTerm = this.term
    this.#traceRole()
  }

  /** Appends the empty entry of the new term; its commit carries earlier terms' entries and opens reads. */
  becomeLeader(): void {
    invariant(this.role === 'candidate', 'a % cannot become leader', this.role)
    this.#reset(this.term)
    this.role = 'leader'
    this.leader = this.id
    const own = this.peers.get(this.id)
    if (own !== undefined) {
      own.becomeReplicate()
      own.recentActive = true
    }
    // An earlier leader's change may sit in the tail of the log: wait until all of it is applied.
    this.pendingConfIndex = this.log.lastIndex
    this.#traceRole()
    this.appendFirstOfTerm()
  }

  /** The empty entry has no payload, so no limit can refuse it. */
  appendFirstOfTerm(): void {
    this.appendOwn([{ type: 0, data: new Uint8Array(0) }])
  }

  #reset(term: Term): void {
    if (term !== this.term) {
      this.term = term
      this.vote = NO_MEMBER
    }
    this.leader = NO_MEMBER
    this.electionElapsed = 0
    this.heartbeatElapsed = 0
    this.#drawElectionTimeout()
    this.endTransfer()
    this.votes.clear()
    this.pendingConfIndex = NO_INDEX
    this.uncommittedBytes = 0
    this.ownVoteTerm = NO_TERM
    this.acknowledged = NO_INDEX
    this.reads.reset()
    this.heartbeatWanted = false
    this.appendsWanted = false
    this.peers = new Map()
    this.rebuildPeers()
  }

  #drawElectionTimeout(): void {
    this.electionTimeout = this.config.electionTicks + this.config.random.below(this.config.electionTicks)
  }

  #traceRole(): void {
    this.trace({ kind: 'role', role: this.role, term: this.term, leader: this.leader })
  }

  endTransfer(): void {
    if (this.transferee === NO_MEMBER) return
    this.trace({ kind: 'transfer', target: this.transferee, phase: 'aborted' })
    this.transferee = NO_MEMBER
  }

  // --- Votes and quorums ---

  /** Counts an answer, the first one per voter, and tells where the election stands. */
  countVote(from: MemberId, granted: boolean): VoteResult {
    if (!this.votes.has(from)) this.votes.set(from, granted)
    return voteResult(this.members, (id) => this.votes.get(id))
  }

  /** Whether a quorum was heard of since the last call. */
  checkQuorumActive(): boolean {
    const result = voteResult(this.members, (id) => id === this.id || this.peers.get(id)?.recentActive === true)
    for (const [id, peer] of this.peers) if (id !== this.id) peer.recentActive = false
    return result === 'won'
  }

  /**
   * Commits what a quorum holds durably, but only up to an entry of the current term: an earlier one could still be replaced
   * (Raft paper, figure 8). True when the commit index rose.
   */
  maybeCommit(): boolean {
    const reached = quorumReached(this.members, (id) => this.peers.get(id)?.match ?? 0)
    if (reached <= this.log.committed || !this.log.matches(toIndex(reached), this.term)) return false
    this.log.commitTo(toIndex(reached))
    return true
  }

  // --- Membership ---

  /** The membership in force. */
  get members(): Membership {
    return this.#history.current
  }

  /** What the configuration change in the entry at `at` makes of the membership before it. */
  changeAt(at: Index, change: ConfChangeV2): ChangeOutcome {
    return changeMembership(this.#history.before(at), change)
  }

  /** The membership is `members` as of `at`. False when a later snapshot has replaced it already. */
  setMembersAt(at: Index, members: Membership): boolean {
    if (!this.#history.change(at, members)) return false
    this.#onMembership()
    return true
  }

  restoreMembers(at: Index, members: Membership): void {
    this.#history.restore(at, members, this.log.applying)
    this.#onMembership()
  }

  onApplied(at: Index): void {
    this.#history.appliedTo(at)
    const payload = this.log.appliedTo(at, this.term)
    this.uncommittedBytes = Math.max(0, this.uncommittedBytes - payload)
    // A lone member drops them soon: nobody asks for them.
    if (this.peers.size > 1) this.log.packApplied(this.config.packRun)
  }

  /** Peers that stay keep their progress, new ones start at the end of the log and count as active. */
  #onMembership(): void {
    this.rebuildPeers(true)
    this.trace({ kind: 'membership', confState: confStateOf(this.members) })
  }

  rebuildPeers(newAreActive = false): void {
    const { maxInflightMessages, maxInflightBytes } = this.config
    const peers = new Map<MemberId, Progress>()
    for (const id of allMembers(this.members)) {
      const isLearner = this.members.learners.includes(id)
      let peer = this.peers.get(id)
      if (peer === undefined) {
        const next = newAreActive ? Math.max(this.log.lastIndex, 1) : this.log.lastIndex + 1
        peer = new Progress(toIndex(next), isLearner, maxInflightMessages, maxInflightBytes)
        peer.recentActive = newAreActive
        if (id === this.id) peer.maybeUpdate(this.log.stable)
      }
      peer.isLearner = isLearner
      peers.set(id, peer)
    }
    this.peers = peers
  }

  // --- The log as a leader sees it ---

  /** Appends entries of this term. False, and nothing appended, when too much is waiting already. */
  appendOwn(payloads: readonly Payload[]): boolean {
    const bytes = payloads.reduce((sum, { data }) => sum + data.length, 0)
    const { maxUncommittedBytes } = this.config
    const limited = maxUncommittedBytes !== 0 && bytes > 0 && this.uncommittedBytes > 0
    if (limited && this.uncommittedBytes + bytes > maxUncommittedBytes) return false
    this.uncommittedBytes += bytes
    let at = this.log.lastIndex
    this.log.append(
      payloads.map(({ type, data }) => {
        const entry = new Entry()
        entry.type = type
        entry.term = this.term
        entry.index = at = toIndex(at + 1)
        entry.data = data
        return entry
      }),
    )
    return true
  }

  wantAppend(peer: Progress, level: WantsAppend): void {
    if (level === WantsAppend.entries && peer.next > this.log.lastIndex) return
    if (level > peer.wantsAppend) peer.wantsAppend = level
    this.appendsWanted = true
  }

  /** New entries, or a commit index to tell: every peer gets an append, an empty one if need be. */
  wantAppendToAll(): void {
    for (const [id, peer] of this.peers) if (id !== this.id) this.wantAppend(peer, WantsAppend.always)
  }

  // --- Messages ---

  newMessage(type: MessageType, to: MemberId): Message {
    const message = new Message()
    message.type = type
    message.to = to
    message.from = this.id
    message.term = this.term
    return message
  }

  send(message: Message): void {
    invariant(message.to !== this.id && message.to !== NO_MEMBER, 'message % to %', message.type, message.to)
    if (!isPromise(message.type)) this.outbox.push(message)
    else if (supersedes(message, this.outboxAfterAppend.at(-1))) this.outboxAfterAppend.splice(-1, 1, message)
    else this.outboxAfterAppend.push(message)
  }
}
