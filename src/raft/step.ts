// The door for messages of other members: what is malformed, foreign or of another term is sorted out here (etcd raft 3.7).

import { NO_MEMBER, NO_TERM } from '../base/index.js'
import { handleVoteRequest, isTransferVote, learnCommit, stepCandidate } from './candidate.js'
import { stepFollower } from './follower.js'
import { stepLeader } from './leader.js'
import { followsOn } from './log.js'
import { MessageType } from './pb.js'
import type { Message } from './pb.js'
import type { Raft } from './raft.js'

/** Takes one message of another member. It is frozen from here on, its entries included. */
export const step = (raft: Raft, message: Message): void => {
  if (!isWellFormed(raft, message)) {
    raft.trace({ kind: 'malformedMessage', from: message.from, type: message.type })
    return
  }
  // Proposals and reads carry no term: they go to whoever leads.
  if (message.term > raft.term) {
    if (!enterLaterTerm(raft, message)) return
  } else if (message.term !== NO_TERM && message.term < raft.term) {
    answerEarlierTerm(raft, message)
    return
  }
  if (message.type === MessageType.MsgVote || message.type === MessageType.MsgPreVote) {
    handleVoteRequest(raft, message)
    return
  }
  if (raft.role === 'leader') {
    stepLeader(raft, message)
    return
  }
  if (isVoteRefusal(message)) learnCommit(raft, message)
  if (raft.role !== 'follower') {
    // Somebody else has won this term.
    if (isFromLeader(message)) raft.becomeFollower(raft.term, message.from)
    else {
      stepCandidate(raft, message)
      return
    }
  }
  stepFollower(raft, message)
}

const isFromLeader = ({ type }: Message): boolean =>
  type === MessageType.MsgApp || type === MessageType.MsgHeartbeat || type === MessageType.MsgSnap

const isVoteRefusal = ({ type, reject }: Message): boolean =>
  reject && (type === MessageType.MsgVoteResp || type === MessageType.MsgPreVoteResp)

/** False when the message must not be looked at further. */
const enterLaterTerm = (raft: Raft, message: Message): boolean => {
  const isVote = message.type === MessageType.MsgVote || message.type === MessageType.MsgPreVote
  if (isVote && raft.inLease && !isTransferVote(message)) {
    raft.trace({ kind: 'voteIgnoredInLease', from: message.from, term: message.term })
    return false
  }
  // A pre-vote only asks about the next term, and a granted answer repeats that term.
  if (message.type === MessageType.MsgPreVote) return true
  if (message.type === MessageType.MsgPreVoteResp && !message.reject) return true
  raft.becomeFollower(message.term, isFromLeader(message) ? message.from : NO_MEMBER)
  return true
}

const answerEarlierTerm = (raft: Raft, message: Message): void => {
  const { type } = message
  if (type === MessageType.MsgApp || type === MessageType.MsgHeartbeat) {
    // The stale leader learns of this term and steps down; else a member whose term ran ahead while it was cut off could
    // neither follow the leader nor, for the others' leases, win an election.
    // Differs: etcd stays silent when neither pre-vote nor the quorum check is on; then a new member with a later term,
    // which may not campaign, is cut off for good.
    raft.send(raft.newMessage(MessageType.MsgAppResp, message.from))
  } else if (type === MessageType.MsgPreVote) {
    const response = raft.newMessage(MessageType.MsgPreVoteResp, message.from)
    response.reject = true
    raft.send(response)
  }
}

const isForwarded = (type: number): boolean =>
  type === MessageType.MsgProp || type === MessageType.MsgReadIndex || type === MessageType.MsgTransferLeader

const isWellFormed = (raft: Raft, message: Message): boolean => {
  const { type, from, to, term, entries } = message
  if (from === NO_MEMBER || (to !== raft.id && to !== NO_MEMBER)) return false
  // What followers forward keeps its sender, and may come back to it when it leads by now.
  if (from === raft.id && !isForwarded(type)) return false
  switch (type) {
    case MessageType.MsgProp:
      return term === NO_TERM && entries.length > 0
    case MessageType.MsgReadIndex:
      return term === NO_TERM && entries.length === 1
    case MessageType.MsgReadIndexResp:
      return term > NO_TERM && entries.length === 1
    case MessageType.MsgApp: {
      const prev = { index: message.index, term: message.logTerm }
      return term > NO_TERM && prev.term <= term && followsOn(prev, entries) && (entries.at(-1)?.term ?? 0) <= term
    }
    case MessageType.MsgSnap: {
      const at = message.snapshot?.metadata
      return at?.confState !== undefined && at.index > 0 && at.term > 0 && at.term <= term
    }
    case MessageType.MsgVote:
    case MessageType.MsgPreVote:
      return term > NO_TERM && message.logTerm < term
    case MessageType.MsgAppResp:
    case MessageType.MsgVoteResp:
    case MessageType.MsgPreVoteResp:
    case MessageType.MsgHeartbeat:
    case MessageType.MsgHeartbeatResp:
    case MessageType.MsgTransferLeader:
    case MessageType.MsgTimeoutNow:
      return term > NO_TERM
    default:
      return false // local kinds of etcd raft: they never come from another member
  }
}
