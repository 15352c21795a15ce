// What must hold whatever happens. The oracle sees everything at once: all disks, all state machines, all messages.

import { index as toIndex } from '#src/base/index.js'
import type { Index, MemberId, Term } from '#src/base/index.js'
import type { AppendJob, RaftConfig, RawNode } from '#src/raft/index.js'
import { difference } from '#src/raft/config-change.js'
import type { LogPosition } from '#src/raft/log.js'
import { EntryType, MessageType } from '#src/raft/pb.js'
import type { ConfState, Entry, HardState, Message } from '#src/raft/pb.js'
import { hashEntry, sameEntry } from './member.js'
import type { Applied, Image } from './member.js'
import { quorumsMeet } from './quorums.js'

export class Violation extends Error {
  override readonly name = 'Violation'
}

const violate = (rule: string, what: string): never => {
  throw new Violation(`${rule}: ${what}`)
}

/** What the oracle sees of a member. */
export interface Observed {
  readonly id: MemberId
  readonly incarnation: number
  readonly config: Pick<RaftConfig, 'maxInflightMessages' | 'maxInflightBytes' | 'maxSizePerMessageBytes'>
  readonly node: Pick<RawNode, 'id' | 'term' | 'role' | 'committed' | 'applied' | 'termAt' | 'confState' | 'status'>
  readonly disk: {
    readonly hardState: HardState
    readonly compacted: LogPosition
    readonly lastIndex: Index
    term(at: Index): Term | undefined
  }
  /** What a crash is sure to find of the hard state. */
  readonly syncedHardState: HardState
  readonly image: Pick<Image, 'applied' | 'hash' | 'confState'>
}

type Members = ReadonlyMap<MemberId, Observed>

interface Committed {
  readonly term: Term
  /** The lowest term in which some member knew of it. */
  inTerm: Term
}

/** A member as it was after its last event. */
interface Seen {
  incarnation: number
  term: Term
  commit: Index
  applied: Index
  wasLeader: boolean
  lastIndex: Index
  lastTerm: Term | undefined
}

/** What an append may carry beyond the limit of its bytes: one entry always passes. */
const LARGEST_PAYLOAD = 256

export class Oracle {
  readonly #leaders = new Map<Term, MemberId>()
  /** index -> term -> the entry and the term before it: with equal predecessors, equal logs (I3). */
  readonly #entries = new Map<number, Map<number, { entry: Entry; prevTerm: Term }>>()
  readonly #committed: (Committed | undefined)[] = []
  readonly #applied: (Entry | undefined)[] = []
  readonly #hashes: (number | undefined)[] = [0]
  readonly #confStates = new Map<Index, string>()
  readonly #adjacent = new Set<string>()
  readonly #votes = new Map<MemberId, { term: Term; vote: MemberId }>()
  readonly #seen = new Map<MemberId, Seen>()
  #maxApplied = toIndex(0)
  /** Nothing beyond this is committed by a leader's count. */
  #frontier = toIndex(0)

  /** Highest index whose effects somebody may have seen. */
  get maxApplied(): Index {
    return this.#maxApplied
  }

  /** Where all members start: the state (`index`, `hash`) without history, and entries up to `committed`. */
  start(index: Index, hash: number, committed: Index): void {
    this.#hashes[index] = hash
    this.#frontier = committed
  }

  // --- Events ---

  /** A node has handed out a write: its log and the others' must agree. */
  onHandedOut(member: Observed, job: AppendJob): void {
    for (const entry of job.entries) {
      const prevTerm = member.node.termAt(toIndex(entry.index - 1))
      if (prevTerm === undefined) continue
      const byTerm = this.#entries.get(entry.index) ?? new Map<number, { entry: Entry; prevTerm: Term }>()
      this.#entries.set(entry.index, byTerm)
      const known = byTerm.get(entry.term)
      if (known === undefined) byTerm.set(entry.term, { entry, prevTerm })
      else if (!sameEntry(known.entry, entry) || known.prevTerm !== prevTerm) {
        violate('I3 log matching', `two logs differ at or before ${entry.term}/${entry.index}`)
      }
      if (entry.type !== EntryType.EntryNormal) this.#checkOneChange(member, entry)
    }
  }

  /** Behind what is committed anywhere, a log holds at most one membership change. */
  #checkOneChange(member: Observed, change: Entry): void {
    for (let i = change.index - 1; i >= this.#committed.length; i--) {
      const term = member.node.termAt(toIndex(i))
      const type = term === undefined ? undefined : this.#entries.get(i)?.get(term)?.entry.type
      if (type !== undefined && type !== EntryType.EntryNormal) {
        violate('I10 membership', `uncommitted changes at ${i} and ${change.index} in the log of ${member.id}`)
      }
    }
  }

  /** A disk has changed. */
  onWritten(member: Observed): void {
    const { term, vote } = member.disk.hardState
    const before = this.#votes.get(member.id)
    if (before !== undefined) {
      if (term < before.term) violate('I6 durable term', `member ${member.id} went from ${before.term} to ${term}`)
      if (term === before.term && before.vote !== 0n && vote !== before.vote) {
        violate('I6 durable vote', `member ${member.id} voted twice in term ${term}`)
      }
    }
    this.#votes.set(member.id, { term, vote })
  }

  /** A message leaves its sender: what it promises must be on the sender's disk (I7). */
  onSent(member: Observed, message: Message, members: Members): void {
    const { disk } = member
    const { term, vote } = member.syncedHardState
    const isLater = term > message.term
    const hasVoted = (to: MemberId): boolean => isLater || (term === message.term && vote === to)
    switch (message.type) {
      case MessageType.MsgAppResp:
        if (!message.reject && !isLater) this.#checkAcknowledgement(member, message, members)
        break
      case MessageType.MsgHeartbeat: {
        const match = member.node.status().progress.find(({ id }) => id === message.to)?.match ?? 0
        if (message.commit > match)
          violate('heartbeat commit', `member ${message.to} is told to commit ${message.commit}, match ${match}`)
        if (!hasVoted(member.id)) this.#standsUndurably(member, message)
        break
      }
      case MessageType.MsgVote:
      case MessageType.MsgApp:
      case MessageType.MsgSnap:
      case MessageType.MsgTimeoutNow:
      case MessageType.MsgReadIndexResp:
        if (!hasVoted(member.id)) this.#standsUndurably(member, message)
        break
      case MessageType.MsgVoteResp:
        if (!message.reject && !hasVoted(message.to)) {
          violate('I7 persist before send', `member ${member.id} grants a vote of term ${message.term} undurably`)
        }
        break
      default:
        break
    }
    if (disk.lastIndex < disk.compacted.index) violate('I7 persist before send', `the disk of ${member.id} has a gap`)
  }

  #standsUndurably(member: Observed, message: Message): void {
    violate('I7 persist before send', `member ${member.id} stands or leads in term ${message.term} undurably`)
  }

  /** The disk holds what an acknowledgement speaks of: as many entries, and those of the leader while it leads. */
  #checkAcknowledgement({ id, disk }: Observed, { index, term, to }: Message, members: Members): void {
    if (disk.lastIndex < index) {
      violate('I7 persist before send', `member ${id} acknowledges ${index}, its disk ends at ${disk.lastIndex}`)
    }
    const leader = members.get(to)?.node
    if (leader?.role !== 'leader' || leader.term !== term || disk.compacted.index >= index) return
    const expected = leader.termAt(index)
    if (expected !== undefined && disk.term(index) !== expected) {
      violate('I7 persist before send', `member ${id} acknowledges ${expected}/${index}, which its disk does not hold`)
    }
  }

  onLeader(member: Observed, term: Term): void {
    const other = this.#leaders.get(term)
    if (other !== undefined && other !== member.id)
      violate('I1 election safety', `${other} and ${member.id} lead term ${term}`)
    this.#leaders.set(term, member.id)
    for (let i = this.#committed.length - 1; i > member.disk.compacted.index; i--) {
      const committed = this.#committed[i]
      if (committed === undefined || committed.inTerm >= term) continue
      if (member.node.termAt(toIndex(i)) !== committed.term) {
        violate(
          'I4 leader completeness',
          `leader ${member.id} of term ${term} lacks committed entry ${committed.term}/${i}`,
        )
      }
    }
  }

  onReplaced(member: Observed, from: Index): void {
    if (member.node.role === 'leader')
      violate('I2 leader append-only', `leader ${member.id} drops its entries from ${from}`)
  }

  onApplied(member: Observed, applications: readonly Applied[]): void {
    for (const { entry, before, after } of applications) {
      const known = this.#applied[entry.index]
      if (known === undefined) this.#applied[entry.index] = entry
      else if (!sameEntry(known, entry))
        violate('I5 state machine safety', `two entries were applied at ${entry.index}`)
      const hash = this.#hashes[entry.index - 1]
      if (hash === undefined) violate('I5 state machine safety', `member ${member.id} skipped to ${entry.index}`)
      else this.#hashes[entry.index] = hashEntry(hash, entry)
      if (entry.type !== EntryType.EntryNormal) this.#checkMembership(member, entry.index, before, after)
    }
    const { applied, hash } = member.image
    if (this.#hashes[applied] !== hash)
      violate('I5 state machine safety', `the state of member ${member.id} differs at ${applied}`)
    if (applied > this.#maxApplied) this.#maxApplied = applied
    this.#checkSameAt(member, applied, textOf(member.image.confState))
  }

  #checkSameAt(member: Observed, at: Index, text: string): void {
    const known = this.#confStates.get(at)
    if (known !== undefined && known !== text) {
      violate('I10 membership', `member ${member.id} has ${text} at ${at}, others ${known}`)
    }
    this.#confStates.set(at, text)
  }

  /** One membership per index, and from one to the next no two quorums that could decide apart (I10). */
  #checkMembership(member: Observed, at: Index, before: ConfState, after: ConfState): void {
    const text = textOf(after)
    this.#checkSameAt(member, at, text)
    const pair = `${textOf(before)} ${text}`
    if (this.#adjacent.has(pair)) return
    this.#adjacent.add(pair)
    const joint = before.votersOutgoing.length + after.votersOutgoing.length > 0
    if (!joint && before.voters.length > 0 && difference(before.voters, after.voters) > 1) {
      violate('I10 membership', `voters go from ${textOf(before)} to ${text} in one step`)
    }
    if (!quorumsMeet(before, after)) violate('I10 membership', `quorums of ${pair} need not meet`)
  }

  onReadAnswered(index: Index, maxAppliedAtRequest: Index): void {
    if (index < maxAppliedAtRequest) {
      violate(
        'I9 linearizable reads',
        `a read may be served at ${index}, but ${maxAppliedAtRequest} was applied before it was asked`,
      )
    }
  }

  // --- After every event ---

  /** Checks `member`, which has just moved, against its past and against everyone's disks. */
  check(member: Observed, members: Members): void {
    const { node } = member
    const { term, committed, applied, role } = node
    const lastIndex = node.status().lastIndex
    let seen = this.#seen.get(member.id)
    if (seen?.incarnation !== member.incarnation) {
      const { incarnation } = member
      seen = { incarnation, term, commit: committed, applied, wasLeader: false, lastIndex, lastTerm: undefined }
      this.#seen.set(member.id, seen)
      this.#onCommitted(member, toIndex(member.disk.compacted.index), committed)
    } else {
      if (term < seen.term || committed < seen.commit || applied < seen.applied) {
        violate('I6 monotony', `member ${member.id} went back in term, commit or applied index`)
      }
      if (committed > seen.commit) {
        if (role === 'leader') this.#checkLeaderCommit(member, members)
        else if (committed > this.#frontier) {
          violate('I8 commit rule', `member ${member.id} commits ${committed}, leaders no more than ${this.#frontier}`)
        }
        this.#onCommitted(member, seen.commit, committed)
      }
      if (role === 'leader' && seen.wasLeader && term === seen.term) this.#checkAppendOnly(member, seen, lastIndex)
    }
    seen.term = term
    seen.commit = committed
    seen.applied = applied
    seen.wasLeader = role === 'leader'
    seen.lastIndex = lastIndex
    seen.lastTerm = seen.wasLeader ? node.termAt(lastIndex) : undefined
    if (role === 'leader') this.#checkLeader(member, members)
  }

  /** A leader's log only grows (I2). */
  #checkAppendOnly({ id, node }: Observed, seen: Seen, lastIndex: Index): void {
    const term = node.termAt(seen.lastIndex)
    if (lastIndex < seen.lastIndex || (term !== undefined && term !== seen.lastTerm)) {
      violate('I2 leader append-only', `leader ${id} had ${String(seen.lastTerm)}/${seen.lastIndex} in its log`)
    }
  }

  #onCommitted(member: Observed, from: Index, to: Index): void {
    for (let i = from + 1; i <= to; i++) {
      const term = member.node.termAt(toIndex(i))
      if (term === undefined) continue
      const known = this.#committed[i]
      if (known === undefined) this.#committed[i] = { term, inTerm: member.node.term }
      else if (known.term !== term)
        violate('I5 state machine safety', `entries ${known.term}/${i} and ${term}/${i} are both committed`)
      else if (member.node.term < known.inTerm) known.inTerm = member.node.term
    }
  }

  /** A leader commits entries of its own term that a quorum of the membership in force holds on disk (I8). */
  #checkLeaderCommit(member: Observed, members: Members): void {
    const { node } = member
    const at = node.committed
    const term = node.termAt(at)
    if (term !== node.term) violate('I8 commit rule', `leader of term ${node.term} commits up to ${String(term)}/${at}`)
    const { voters, votersOutgoing } = node.confState()
    for (const half of [voters, votersOutgoing]) {
      const holders = half.filter((id) => {
        const disk = members.get(id)?.disk
        return disk !== undefined && (disk.compacted.index >= at || disk.term(at) === term)
      })
      if (half.length > 0 && holders.length * 2 <= half.length) {
        violate('I8 commit rule', `${at} is committed, but durable only on ${holders.join(' ')} of ${half.join(' ')}`)
      }
    }
    if (at > this.#frontier) this.#frontier = at
  }

  /** Progress as the leader sees it is never ahead of the follower's disk (I11), its own not ahead of its own (I7). */
  #checkLeader(member: Observed, members: Members): void {
    const { node, config } = member
    for (const peer of node.status().progress) {
      if (peer.match >= peer.next)
        violate('I11 progress', `match ${peer.match} of ${peer.id} is not below next ${peer.next}`)
      const { maxInflightMessages, maxInflightBytes, maxSizePerMessageBytes } = config
      const maxBytes = maxInflightBytes + Math.max(maxSizePerMessageBytes, LARGEST_PAYLOAD)
      if (
        peer.inflightMessages > maxInflightMessages ||
        (maxInflightBytes !== 0 && peer.inflightBytes > maxBytes) ||
        (peer.state !== 'replicate' && peer.inflightMessages > 0)
      ) {
        violate('I11 progress', `the window of ${peer.id} overflows`)
      }
      const disk = members.get(peer.id)?.disk
      if (disk === undefined || disk.hardState.term > node.term || disk.compacted.index >= peer.match) continue
      const expected = node.termAt(peer.match)
      if (expected !== undefined && disk.term(peer.match) !== expected) {
        violate(
          'I11 progress',
          `leader ${node.id} believes ${peer.match} durable on ${peer.id}, whose disk ends at ${disk.lastIndex}`,
        )
      }
    }
  }
}

const textOf = (state: ConfState): string =>
  `v(${state.voters.join(' ')}) o(${state.votersOutgoing.join(' ')}) l(${state.learners.join(' ')}) n(${state.learnersNext.join(' ')}) ${state.autoLeave}`
