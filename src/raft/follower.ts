// A follower: takes the leader's entries, passes on what only a leader can do.

import { index as toIndex, NO_MEMBER } from '../base/index.js'
import { campaign } from './candidate.js'
import { membershipError, membershipOf } from './membership.js'
import { Message, MessageType } from './pb.js'
import type { Snapshot } from './pb.js'
import type { Raft } from './raft.js'

export const stepFollower = (raft: Raft, message: Message): void => {
  switch (message.type) {
    case MessageType.MsgApp:
      hearLeader(raft, message)
      handleAppend(raft, message)
      break
    case MessageType.MsgHeartbeat:
      hearLeader(raft, message)
      handleHeartbeat(raft, message)
      break
    case MessageType.MsgSnap:
      hearLeader(raft, message)
      handleSnapshot(raft, message)
      break
    case MessageType.MsgProp:
    case MessageType.MsgReadIndex:
    case MessageType.MsgTransferLeader:
      forwardToLeader(raft, message)
      break
    case MessageType.MsgTimeoutNow:
      // The leader wants this node to take over: no pre-vote, and voters forget their lease for once.
      campaign(raft, 'transfer')
      break
    case MessageType.MsgReadIndexResp:
      raft.readStates.push({ index: message.index, context: message.entries[0]!.data })
      break
    default:
      break // answers to a role that this node no longer has
  }
}

/** Sends a leader's business on, keeping its sender; false when no leader is known. */
export const forwardToLeader = (raft: Raft, message: Message): boolean => {
  if (raft.leader === NO_MEMBER || raft.leader === raft.id) {
    if (message.type === MessageType.MsgProp) raft.trace({ kind: 'proposalDropped', reason: 'no leader' })
    return false
  }
  const forward = new Message()
  forward.type = message.type
  forward.to = raft.leader
  forward.from = message.from
  // Proposals and reads belong to no term: the leader they find takes them.
  if (message.type === MessageType.MsgTransferLeader) forward.term = raft.term
  // For reads: the term in which the sender asked.
  forward.logTerm = message.logTerm
  forward.entries = message.entries
  raft.send(forward)
  return true
}

const hearLeader = (raft: Raft, message: Message): void => {
  raft.electionElapsed = 0
  raft.leader = message.from
}

const handleAppend = (raft: Raft, message: Message): void => {
  const { log } = raft
  const response = raft.newMessage(MessageType.MsgAppResp, message.from)
  if (message.index < log.committed) {
    response.index = log.committed
    raft.send(response)
    return
  }
  const last = log.maybeAppend({ index: message.index, term: message.logTerm }, message.entries)
  if (last === undefined) {
    // The hint lets the leader skip, in one round trip, all entries of terms that this log does not have.
    const from = toIndex(Math.min(message.index, log.lastIndex))
    const hint = log.agreementAtOrBelow(from, message.logTerm)
    response.index = message.index
    response.reject = true
    response.rejectHint = hint.index
    response.logTerm = hint.term
    raft.send(response)
    return
  }
  const committedBefore = log.committed
  log.commitTo(toIndex(Math.min(message.commit, last)))
  // Differs: etcd answers this as well. The leader only tells a commit, of what it was told is here: half of all answers of
  // a cluster that takes one write at a time would say nothing. Should the earlier answer have been lost, the leader repeats
  // the append after each heartbeat, and the first one that raises no commit is answered.
  if (message.entries.length === 0 && log.committed > committedBefore && last <= raft.acknowledged) return
  raft.acknowledged = toIndex(Math.max(raft.acknowledged, last))
  response.index = last
  raft.send(response)
}

const handleHeartbeat = (raft: Raft, message: Message): void => {
  raft.log.commitTo(message.commit)
  const response = raft.newMessage(MessageType.MsgHeartbeatResp, message.from)
  response.context = message.context
  raft.send(response)
}

const handleSnapshot = (raft: Raft, message: Message): void => {
  const restored = maybeRestore(raft, message.snapshot!)
  const response = raft.newMessage(MessageType.MsgAppResp, message.from)
  response.index = restored ? raft.log.lastIndex : raft.log.committed
  raft.send(response)
}

/** Takes a snapshot in place of the log, unless it brings nothing new. */
const maybeRestore = (raft: Raft, snapshot: Snapshot): boolean => {
  const { index, term, confState } = snapshot.metadata!
  if (index <= raft.log.committed) return false
  const isMember = [...confState!.voters, ...confState!.learners, ...confState!.votersOutgoing].includes(raft.id)
  if (!isMember || membershipError(confState!) !== undefined) {
    raft.trace({ kind: 'snapshotRefused', index })
    return false
  }
  if (raft.log.matches(index, term)) {
    raft.log.commitTo(index) // all of it is here already
    return false
  }
  raft.log.restore(snapshot, { index, term })
  raft.restoreMembers(index, membershipOf(confState!))
  raft.trace({ kind: 'snapshotRestored', index })
  return true
}
