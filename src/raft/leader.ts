// A leader: takes proposals, counts acknowledgements, answers reads, watches its quorum, hands over.

import { EMPTY_BYTES, index as toIndex, invariant, NO_MEMBER, NO_TERM } from '../base/index.js'
import type { Index, MemberId } from '../base/index.js'
import { asksToLeave } from './config-change.js'
import { decodeConfChange } from './conf-change-entry.js'
import { isJoint, isVoter } from './membership.js'
import { Entry, EntryType, MessageType } from './pb.js'
import type { Message } from './pb.js'
import { WantsAppend } from './progress.js'
import type { Progress } from './progress.js'
import { quorumReached } from './quorum.js'
import type { Payload, Raft } from './raft.js'
import { decodePosition } from './read-index.js'
import type { ReadAnswer, ReadRequest } from './read-index.js'
import type { ProposalDropReason } from './trace.js'

export const becomeLeading = (raft: Raft): void => {
  raft.becomeLeader()
  raft.wantAppendToAll()
}

export const stepLeader = (raft: Raft, message: Message): void => {
  switch (message.type) {
    case MessageType.MsgProp:
      proposeAsLeader(raft, message.entries)
      return
    case MessageType.MsgReadIndex:
      readAsLeader(raft, { from: message.from, askedIn: message.logTerm, context: message.entries[0]!.data })
      return
    case MessageType.MsgTransferLeader:
      startTransfer(raft, message.from)
      return
    default:
      break
  }
  const peer = raft.peers.get(message.from)
  if (peer === undefined || message.from === raft.id) return
  switch (message.type) {
    case MessageType.MsgAppResp:
      peer.recentActive = true
      if (message.reject) onRejected(raft, peer, message)
      else onAcknowledged(raft, message.from, peer, message.index)
      break
    case MessageType.MsgHeartbeatResp:
      peer.recentActive = true
      if (peer.repeatDue) repeatLost(raft, peer)
      raft.reads.acknowledge(message.from, decodePosition(message.context))
      answerConfirmedReads(raft)
      break
    default:
      break
  }
}

/**
 * The follower lives: repeat what may have been lost on the way.
 * Differs: etcd does so after every heartbeat response; here only after regular heartbeats, not after those sent for reads,
 * or many reads would each cost an append to every follower that is not quite up to date.
 */
const repeatLost = (raft: Raft, peer: Progress): void => {
  peer.repeatDue = false
  peer.paused = false
  if (peer.match < raft.log.lastIndex || peer.state === 'probe') raft.wantAppend(peer, WantsAppend.always)
}

// --- Proposals ---

/** Appends all payloads or none; the reason when it is none. */
export const proposeAsLeader = (raft: Raft, payloads: readonly Payload[]): ProposalDropReason | undefined => {
  const dropped = tryPropose(raft, payloads)
  if (dropped !== undefined) raft.trace({ kind: 'proposalDropped', reason: dropped })
  return dropped
}

const tryPropose = (raft: Raft, payloads: readonly Payload[]): ProposalDropReason | undefined => {
  if (!raft.peers.has(raft.id)) return 'not a member'
  if (raft.transferee !== NO_MEMBER) return 'transfer'
  const accepted: Payload[] = []
  let pendingConfIndex = raft.pendingConfIndex
  for (const [i, payload] of payloads.entries()) {
    if (payload.type === EntryType.EntryNormal) {
      accepted.push(payload)
      continue
    }
    const change = decodeConfChange(payload.type, payload.data)
    if (change === undefined) return 'malformed'
    const refused = refusal(raft, pendingConfIndex, asksToLeave(change))
    if (refused === undefined) {
      pendingConfIndex = toIndex(raft.log.lastIndex + i + 1)
      accepted.push(payload)
    } else {
      // Not an error: an empty entry takes its place, and the proposer sees its change not happen.
      raft.trace({ kind: 'confChangeRefused', reason: refused })
      accepted.push({ type: EntryType.EntryNormal, data: EMPTY_BYTES })
    }
  }
  if (!raft.appendOwn(accepted)) return 'uncommitted limit'
  raft.pendingConfIndex = pendingConfIndex
  raft.wantAppendToAll()
  return undefined
}

/** One change at a time: the earlier one must be applied here, and a joint configuration must be left first. */
const refusal = (
  raft: Raft,
  pendingConfIndex: Index,
  leaves: boolean,
): 'pending' | 'joint' | 'not joint' | undefined => {
  if (pendingConfIndex > raft.log.applied) return 'pending'
  if (isJoint(raft.members) && !leaves) return 'joint'
  if (!isJoint(raft.members) && leaves) return 'not joint'
  return undefined
}

/** Proposes to leave a joint configuration that leaves by itself; asked again after every apply until it got through. */
export const maybeLeaveJoint = (raft: Raft): void => {
  if (raft.role !== 'leader' || !raft.members.autoLeave || raft.log.applied < raft.pendingConfIndex) return
  proposeAsLeader(raft, [{ type: EntryType.EntryConfChangeV2, data: EMPTY_BYTES }])
}

// --- Acknowledgements ---

const onRejected = (raft: Raft, peer: Progress, message: Message): void => {
  let hint = message.rejectHint
  // The follower has `logTerm` at the hint: whatever this log holds there of later terms cannot match either.
  if (message.logTerm !== NO_TERM) hint = raft.log.agreementAtOrBelow(hint, message.logTerm).index
  if (!peer.maybeStepBack(message.index, hint)) return
  if (peer.state === 'replicate') peer.becomeProbe()
  raft.wantAppend(peer, WantsAppend.always)
}

const onAcknowledged = (raft: Raft, from: MemberId, peer: Progress, acked: Index): void => {
  invariant(acked <= raft.log.lastIndex, "member % acknowledged %, beyond the log's end", from, acked)
  const isNews = peer.maybeUpdate(acked)
  if (!isNews && !(peer.match === acked && peer.state === 'probe')) return
  if (peer.state === 'probe') {
    peer.becomeReplicate()
  } else if (peer.state === 'snapshot') {
    // Back in reach of the log, through the snapshot on the way or any other: no need to wait for the report.
    if (peer.match + 1 >= raft.log.firstIndex) {
      peer.becomeProbe()
      peer.becomeReplicate()
    }
  } else {
    peer.inflights.freeUpTo(acked)
  }
  if (raft.maybeCommit()) onCommitted(raft)
  else wantCommitTold(raft, peer)
  if (from === raft.transferee && peer.match === raft.log.lastIndex) sendTimeoutNow(raft)
}

/** This node's own entries up to `log.stable` are durable: only now they count. */
export const onOwnAppendDurable = (raft: Raft): void => {
  if (raft.role !== 'leader') return
  if (raft.peers.get(raft.id)?.maybeUpdate(raft.log.stable) === true && raft.maybeCommit()) onCommitted(raft)
}

const onCommitted = (raft: Raft): void => {
  // Only an entry of this term commits, so the parked reads may go on.
  for (const request of raft.reads.takeParked()) addRead(raft, request)
  for (const [id, peer] of raft.peers) if (id !== raft.id) wantCommitTold(raft, peer)
}

/**
 * The next entries, or an empty append when that can still raise the follower's commit index. While later entries are under
 * way it waits for what follows on them: their own commit, the next entries, or the next heartbeat, which tells it as well.
 * Differs: etcd sends one for every commit, and under load half of its appends are empty.
 */
const wantCommitTold = (raft: Raft, peer: Progress): void => {
  const { committed, lastIndex } = raft.log
  const isAlone = committed === lastIndex && peer.canRaiseCommit(committed)
  raft.wantAppend(peer, isAlone ? WantsAppend.always : WantsAppend.entries)
}

/** The set of voters may have shrunk: what waits for a quorum may have one now. */
export const onMembersChanged = (raft: Raft): void => {
  const own = raft.peers.get(raft.id)
  if (own === undefined || own.isLearner) {
    if (raft.config.stepDownOnRemoval) {
      raft.becomeFollower(raft.term, NO_MEMBER)
      return
    }
  }
  if (raft.transferee !== NO_MEMBER && !isVoter(raft.members, raft.transferee)) raft.endTransfer()
  if (raft.maybeCommit()) onCommitted(raft)
  else for (const [id, peer] of raft.peers) if (id !== raft.id) raft.wantAppend(peer, WantsAppend.entries)
  answerConfirmedReads(raft)
}

// --- Reads ---

export const readAsLeader = (raft: Raft, request: ReadRequest): void => {
  if (raft.committedInTerm) {
    addRead(raft, request)
    return
  }
  // Until an entry of its own term commits, a leader does not know how far its predecessors had committed.
  raft.trace({ kind: raft.reads.park(request) ? 'readParked' : 'readDropped' })
}

const addRead = (raft: Raft, request: ReadRequest): void => {
  if (isConfirmedByAsking(raft, request)) {
    answerRead(raft, { from: request.from, context: request.context, index: raft.log.committed })
    return
  }
  if (!raft.reads.add(request, raft.log.committed)) {
    raft.trace({ kind: 'readDropped' })
    return
  }
  answerConfirmedReads(raft)
  if (raft.reads.newest !== 0) raft.heartbeatWanted = true
}

/**
 * A follower that asks in this term or an earlier one had, when its reader came, voted for nobody later: where it makes a
 * quorum with this leader, nobody later can have committed anything by then, and the read needs no round of heartbeats.
 * It says nothing about other reads: those may have come after it asked.
 * Differs: etcd's followers do not tell their term, and each of their reads costs the leader a round.
 */
const isConfirmedByAsking = (raft: Raft, { from, askedIn }: ReadRequest): boolean =>
  askedIn !== NO_TERM &&
  askedIn <= raft.term &&
  quorumReached(raft.members, (id) => (id === raft.id || id === from ? 1 : 0)) >= 1

const answerConfirmedReads = (raft: Raft): void => {
  for (const answer of raft.reads.takeConfirmed(raft.members, raft.id)) answerRead(raft, answer)
}

const answerRead = (raft: Raft, answer: ReadAnswer): void => {
  if (answer.from === raft.id || answer.from === NO_MEMBER) {
    raft.readStates.push({ index: answer.index, context: answer.context })
    return
  }
  const response = raft.newMessage(MessageType.MsgReadIndexResp, answer.from)
  response.index = answer.index
  const entry = new Entry()
  entry.data = answer.context
  response.entries = [entry]
  raft.send(response)
}

// --- Time ---

export const tickLeader = (raft: Raft): void => {
  raft.heartbeatElapsed++
  raft.electionElapsed++
  if (raft.electionElapsed >= raft.config.electionTicks) {
    raft.electionElapsed = 0
    if (raft.config.checkQuorum && !raft.checkQuorumActive()) {
      raft.trace({ kind: 'quorumLost', term: raft.term })
      raft.becomeFollower(raft.term, NO_MEMBER)
      return
    }
    raft.endTransfer()
    maybeLeaveJoint(raft)
  }
  if (raft.heartbeatElapsed >= raft.config.heartbeatTicks) {
    raft.heartbeatElapsed = 0
    raft.heartbeatWanted = true
    for (const peer of raft.peers.values()) peer.repeatDue = true
  }
}

// --- Handing over ---

/** Stops taking proposals, brings `target` up to date, then tells it to campaign. Given up after one election timeout. */
export const startTransfer = (raft: Raft, target: MemberId): void => {
  const peer = raft.peers.get(target)
  if (peer === undefined || peer.isLearner || target === raft.id || target === raft.transferee) return
  raft.endTransfer()
  raft.electionElapsed = 0
  raft.transferee = target
  raft.trace({ kind: 'transfer', target, phase: 'started' })
  if (peer.match === raft.log.lastIndex) sendTimeoutNow(raft)
  else raft.wantAppend(peer, WantsAppend.always)
}

const sendTimeoutNow = (raft: Raft): void => {
  raft.send(raft.newMessage(MessageType.MsgTimeoutNow, raft.transferee))
  raft.trace({ kind: 'transfer', target: raft.transferee, phase: 'timeoutNow' })
}

// --- Reports of the transport ---

export const onSnapshotReported = (peer: Progress, ok: boolean): void => {
  if (peer.state !== 'snapshot') return
  if (!ok) peer.pendingSnapshot = toIndex(0)
  peer.becomeProbe()
  // Wait for the follower's word, or its next heartbeat response, before sending on.
  peer.paused = true
}

export const onUnreachable = (peer: Progress): void => {
  // Optimistic appends are probably lost; find out by probing.
  if (peer.state === 'replicate') peer.becomeProbe()
}
