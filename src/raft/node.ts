// RawNode: the one object that the member's loop drives.
//
//   tick(), step(message), propose(list), ...      events in
//   while hasReady(): ready()                      what to send, write and apply, as plain data
//   onAppended(job)                                the job is on stable storage: its promises may leave now
//   onApplied(index)                               the state machine holds these entries
//
// Writes are always asynchronous: `ready` may be called again while earlier append jobs are on their way to the disk. Jobs
// become durable in the order in which they were handed out (one sync may cover many). Nothing waits for a write that need
// not: heartbeats, reads and a leader's appends are in `messages` at once.

import { invariant, InvariantViolation, NO_MEMBER, NO_TERM } from '../base/index.js'
import type { Index, MemberId, Term } from '../base/index.js'
import type { LogHardState } from '../env/index.js'
import { asV2 } from './config-change.js'
import { campaign, onOwnVoteDurable, tickElection } from './candidate.js'
import { encodeConfChange } from './conf-change-entry.js'
import { entryBytes } from './entry-bytes.js'
import { forwardToLeader } from './follower.js'
import {
  maybeLeaveJoint,
  onMembersChanged,
  onOwnAppendDurable,
  onSnapshotReported,
  onUnreachable,
  proposeAsLeader,
  readAsLeader,
  startTransfer,
  tickLeader,
} from './leader.js'
import type { StableMark } from './log.js'
import { confStateOf } from './membership.js'
import { Entry, EntryType, HardState, Message, MessageType } from './pb.js'
import type { ConfChange, ConfChangeV2, ConfState, Snapshot } from './pb.js'
import { Raft } from './raft.js'
import type { Payload } from './raft.js'
import type { ReadState } from './read-index.js'
import { flushReplication } from './replication.js'
import type { RaftConfig, RaftState } from './settings.js'
import { statusOf } from './status.js'
import type { RaftStatus } from './status.js'
import { step } from './step.js'
import type { Role } from './trace.js'

/** `dropped`: nobody will ever see it. `accepted`: it may commit, or be lost on the way; only applying it tells. */
export type ProposalOutcome = 'accepted' | 'dropped'

export interface SoftState {
  /** NO_MEMBER while unknown. */
  readonly leader: MemberId
  readonly role: Role
}

/** One write: the snapshot first, then the entries, then the hard state, durable in that order. Frozen. */
export interface AppendJob {
  readonly hardState: HardState | undefined
  /** Replaces the whole log; `entries` follow on it. */
  readonly snapshot: Snapshot | undefined
  /** Consecutive. Whatever storage holds at the first one's index and after is void. */
  readonly entries: readonly Entry[]
  /** False when only the commit index moved: that may be lost in a crash. */
  readonly mustSync: boolean
  /** Promises about this and all earlier jobs; returned by `onAppended`. */
  readonly messagesAfterAppend: readonly Message[]
  /** The node's own notes. */
  readonly sequence: number
  readonly mark: StableMark
  readonly ownVoteTerm: Term
}

export interface Ready {
  /** Present when it changed. */
  readonly softState: SoftState | undefined
  /** Present when term, vote or commit index changed; the append job carries the same value. */
  readonly hardState: HardState | undefined
  /** Reads that may be served once the state machine has applied `index`. */
  readonly readStates: readonly ReadState[]
  /** To be sent at once, in this order per receiver. Any of them may be lost. */
  readonly messages: readonly Message[]
  readonly append: AppendJob | undefined
  /**
   * Committed and durable here, next in order; the next call hands out what follows. Report each configuration change with
   * `applyConfChange` (unless the application refuses it), and all with `onApplied`.
   */
  readonly committedEntries: readonly Entry[]
}

export class RawNode {
  protected readonly raft: Raft
  #lastSoftState: SoftState
  #lastHardState: HardState
  #nextJob = 0
  #nextDurableJob = 0

  /**
   * Starts as a follower of the recovered term.
   * @throws InvariantViolation when configuration or state contradict themselves, for example a commit index beyond the log.
   */
  constructor(config: RaftConfig, state: RaftState) {
    this.raft = new Raft(config, state)
    this.#lastSoftState = this.#softState()
    // What the disk holds, not what the log told: a term that only entries bear witness to has still to be written.
    this.#lastHardState = hardStateOf(state.hardState)
  }

  // --- Events ---

  /** One heartbeat interval has passed. */
  tick(): void {
    if (this.raft.role === 'leader') tickLeader(this.raft)
    else tickElection(this.raft)
  }

  /** A message of another member; malformed, foreign and outdated ones are ignored. Frozen from here on. */
  step(message: Message): void {
    step(this.raft, message)
  }

  /** Stands for election now, if this node may. */
  campaign(): void {
    campaign(this.raft, 'election')
  }

  /** All of `data` in one append, in order, or forwarded to the leader. The bytes are frozen from here on. */
  propose(data: readonly Uint8Array[]): ProposalOutcome {
    if (data.length === 0) return 'accepted'
    return this.#propose(data.map((bytes) => ({ type: EntryType.EntryNormal, data: bytes })))
  }

  /**
   * Proposes a change of the membership. It takes the place of an ordinary empty entry, silently, while an earlier change
   * is not applied yet.
   */
  proposeConfChange(change: ConfChange | ConfChangeV2): ProposalOutcome {
    return this.#propose([encodeConfChange(change)])
  }

  /** Asks for an index at which a linearizable read may be served; `context` comes back with it. May be lost on the way. */
  readIndex(context: Uint8Array): ProposalOutcome {
    const { raft } = this
    if (raft.role === 'leader') {
      readAsLeader(raft, { from: raft.id, askedIn: raft.term, context })
      return 'accepted'
    }
    const entry = new Entry()
    entry.data = context
    return this.#forward(MessageType.MsgReadIndex, raft.id, [entry])
  }

  /** Asks the leader to hand over to `target`; ignored when that is no other voter. */
  transferLeader(target: MemberId): void {
    if (this.raft.role === 'leader') startTransfer(this.raft, target)
    else this.#forward(MessageType.MsgTransferLeader, target, [])
  }

  /** A follower forgets its leader, and so grants votes that it would have refused for the leader's sake. */
  forgetLeader(): void {
    if (this.raft.role === 'follower') this.raft.leader = NO_MEMBER
  }

  /** The transport could not deliver to `id`. */
  reportUnreachable(id: MemberId): void {
    const peer = this.raft.peers.get(id)
    if (this.raft.role === 'leader' && peer !== undefined) onUnreachable(peer)
  }

  /** How the transfer of a snapshot message ended. Must be called once for each, or that follower may stay cut off. */
  reportSnapshot(id: MemberId, ok: boolean): void {
    const peer = this.raft.peers.get(id)
    if (this.raft.role === 'leader' && peer !== undefined) onSnapshotReported(peer, ok)
  }

  // --- Work to do ---

  hasReady(): boolean {
    const { raft } = this
    return (
      raft.outbox.length > 0 ||
      raft.outboxAfterAppend.length > 0 ||
      raft.heartbeatWanted ||
      raft.appendsWanted ||
      raft.readStates.length > 0 ||
      raft.log.hasUnwritten ||
      raft.log.hasCommittedToApply ||
      this.#hardStateChanged() ||
      raft.role !== this.#lastSoftState.role ||
      raft.leader !== this.#lastSoftState.leader
    )
  }

  /** Hands out all there is to do; nothing is handed out twice. */
  ready(): Ready {
    const { raft } = this
    flushReplication(raft)
    const softState = this.#takeSoftState()
    const hardStateBefore = this.#lastHardState
    const hardState = this.#takeHardState()
    const readStates = raft.readStates
    raft.readStates = []
    const messages = raft.outbox
    raft.outbox = []

    let append: AppendJob | undefined = undefined
    const mustWait = raft.outboxAfterAppend.length > 0 && this.#nextDurableJob < this.#nextJob
    if (hardState !== undefined || raft.log.hasUnwritten || mustWait) {
      append = this.#takeAppendJob(hardState, hardStateBefore)
    } else if (raft.outboxAfterAppend.length > 0) {
      // Everything they speak of is durable already.
      messages.push(...raft.outboxAfterAppend)
      raft.outboxAfterAppend = []
    }
    return { softState, hardState, readStates, messages, append, committedEntries: raft.log.takeCommitted() }
  }

  #takeAppendJob(hardState: HardState | undefined, before: HardState): AppendJob {
    const { raft } = this
    const { snapshot, entries } = raft.log.takeUnwritten()
    const voteOrTermChanged =
      hardState !== undefined && (hardState.term !== before.term || hardState.vote !== before.vote)
    const messagesAfterAppend = raft.outboxAfterAppend
    raft.outboxAfterAppend = []
    const ownVoteTerm = raft.ownVoteTerm
    raft.ownVoteTerm = NO_TERM
    return {
      hardState,
      snapshot,
      entries,
      mustSync: entries.length > 0 || snapshot !== undefined || voteOrTermChanged,
      messagesAfterAppend,
      sequence: this.#nextJob++,
      mark: raft.log.stableMark(),
      ownVoteTerm,
    }
  }

  /**
   * `job` and all jobs before it are on stable storage. Returns the messages that waited for it, to be sent now.
   * @throws InvariantViolation when jobs are reported out of order.
   */
  onAppended(job: AppendJob): readonly Message[] {
    const { raft } = this
    invariant(
      job.sequence === this.#nextDurableJob,
      'append job % is reported before %',
      job.sequence,
      this.#nextDurableJob,
    )
    this.#nextDurableJob++
    if (job.snapshot !== undefined) raft.log.onSnapshotStable(job.snapshot.metadata!.index)
    raft.log.onStable(job.mark)
    onOwnAppendDurable(raft)
    if (job.ownVoteTerm !== NO_TERM) onOwnVoteDurable(raft, job.ownVoteTerm)
    return job.messagesAfterAppend
  }

  /** The state machine holds everything up to `index`, configuration changes included. */
  onApplied(index: Index): void {
    this.raft.onApplied(index)
    maybeLeaveJoint(this.raft)
  }

  /**
   * The committed change in the entry at `index` takes effect; to be called on every member for the same changes, in
   * order, before `onApplied` covers the entry. A change that the application refuses is simply not passed.
   * Returns the membership as of that entry, for the application to save with it; it need not be in force here any more
   * when a later snapshot has been accepted meanwhile.
   * @throws InvariantViolation when the membership cannot take the change: ask `confChangeError` first.
   */
  applyConfChange(change: ConfChange | ConfChangeV2, index: Index): ConfState {
    const { raft } = this
    const outcome = raft.changeAt(index, asV2(change))
    if (outcome.kind === 'invalid') throw new InvariantViolation(`committed configuration change: ${outcome.reason}`)
    if (raft.setMembersAt(index, outcome.members) && raft.role === 'leader') onMembersChanged(raft)
    return confStateOf(outcome.members)
  }

  /** Why the membership before the entry at `index` could not take `change`; undefined when it can. */
  confChangeError(change: ConfChange | ConfChangeV2, index: Index): string | undefined {
    const outcome = this.raft.changeAt(index, asV2(change))
    return outcome.kind === 'invalid' ? outcome.reason : undefined
  }

  /** Drops log entries up to `index` from memory, at most up to what is applied. Followers behind it need a snapshot. */
  compact(index: Index): void {
    this.raft.log.compact(index)
  }

  // --- What it knows ---

  get id(): MemberId {
    return this.raft.id
  }

  get term(): Term {
    return this.raft.term
  }

  get role(): Role {
    return this.raft.role
  }

  /** NO_MEMBER while unknown. */
  get leader(): MemberId {
    return this.raft.leader
  }

  get committed(): Index {
    return this.raft.log.committed
  }

  get applied(): Index {
    return this.raft.log.applied
  }

  /** The term of the entry at `index`; undefined when it is compacted or not there yet. */
  termAt(index: Index): Term | undefined {
    return this.raft.log.term(index)
  }

  confState(): ConfState {
    return confStateOf(this.raft.members)
  }

  status(): RaftStatus {
    return statusOf(this.raft)
  }

  // --- Inside ---

  #propose(payloads: readonly Payload[]): ProposalOutcome {
    if (this.raft.role === 'leader') return proposeAsLeader(this.raft, payloads) === undefined ? 'accepted' : 'dropped'
    let outcome: ProposalOutcome = 'accepted'
    for (const entries of chunksOf(payloads, this.raft.config.maxSizePerMessageBytes)) {
      outcome = this.#forward(MessageType.MsgProp, this.raft.id, entries)
    }
    return outcome
  }

  #forward(type: MessageType, from: MemberId, entries: Entry[]): ProposalOutcome {
    if (this.raft.role !== 'follower') return 'dropped'
    const message = new Message()
    message.type = type
    message.from = from
    if (type === MessageType.MsgReadIndex) message.logTerm = this.raft.term
    message.entries = entries
    return forwardToLeader(this.raft, message) ? 'accepted' : 'dropped'
  }

  #softState(): SoftState {
    return { leader: this.raft.leader, role: this.raft.role }
  }

  #takeSoftState(): SoftState | undefined {
    const state = this.#softState()
    if (state.leader === this.#lastSoftState.leader && state.role === this.#lastSoftState.role) return undefined
    this.#lastSoftState = state
    return state
  }

  #hardStateChanged(): boolean {
    const { raft } = this
    const last = this.#lastHardState
    return raft.term !== last.term || raft.vote !== last.vote || raft.log.committed !== last.commit
  }

  #takeHardState(): HardState | undefined {
    if (!this.#hardStateChanged()) return undefined
    this.#lastHardState = this.raft.hardState
    return this.#lastHardState
  }
}

const hardStateOf = ({ term, vote, commit }: LogHardState): HardState => {
  const state = new HardState()
  state.term = term
  state.vote = vote
  state.commit = commit
  return state
}

/** Proposals as entries without place, in messages of limited size. */
const chunksOf = (payloads: readonly Payload[], maxBytes: number): Entry[][] => {
  const chunks: Entry[][] = []
  let bytes = Infinity
  for (const { type, data } of payloads) {
    const entry = new Entry()
    entry.type = type
    entry.data = data
    bytes += entryBytes(entry)
    if (bytes > maxBytes) {
      chunks.push([])
      bytes = entryBytes(entry)
    }
    chunks[chunks.length - 1]!.push(entry)
  }
  return chunks
}
