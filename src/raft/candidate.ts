// Elections: who may start one, how it is counted, and how this node votes in others' (Raft paper 5.2, 5.4.1; thesis 9.6).

import { EMPTY_BYTES, equalBytes, index as toIndex, NO_MEMBER, NO_TERM, term as toTerm } from '../base/index.js'
import type { Term } from '../base/index.js'
import { becomeLeading } from './leader.js'
import { allVoters } from './membership.js'
import { MessageType } from './pb.js'
import type { Message } from './pb.js'
import type { Raft } from './raft.js'
import type { VoteResult } from './quorum.js'

export type Campaign = 'preElection' | 'election' | 'transfer'

/** Marks a vote request that a leader asked for: voters grant it in spite of their lease. */
export const TRANSFER_CONTEXT: Uint8Array = Buffer.from('CampaignTransfer', 'latin1')

export const isTransferVote = (message: Message): boolean => equalBytes(message.context, TRANSFER_CONTEXT)

/**
 * Stands for election, unless this node leads, may not lead, or has a committed configuration change still to apply: it would
 * count votes over a configuration that is no longer the newest.
 */
export const campaign = (raft: Raft, wish: 'election' | 'transfer'): void => {
  if (raft.role === 'leader' || !raft.promotable || raft.log.hasUnappliedConfChange) return
  if (wish === 'transfer') start(raft, 'transfer')
  else start(raft, raft.config.preVote ? 'preElection' : 'election')
}

const start = (raft: Raft, kind: Campaign): void => {
  if (kind === 'preElection') raft.becomePreCandidate()
  else raft.becomeCandidate()
  const preVote = kind === 'preElection'
  for (const id of allVoters(raft.members)) {
    if (id === raft.id) continue
    const request = raft.newMessage(preVote ? MessageType.MsgPreVote : MessageType.MsgVote, id)
    if (preVote) request.term = (raft.term + 1) as Term
    request.index = raft.log.lastIndex
    request.logTerm = raft.log.lastTerm
    tellCommit(raft, request)
    request.context = kind === 'transfer' ? TRANSFER_CONTEXT : EMPTY_BYTES
    raft.send(request)
  }
  // A pre-vote promises nothing. The real vote for oneself counts when it is durable (see `onOwnVoteDurable`).
  if (preVote) proceed(raft, raft.countVote(raft.id, true))
}

export const onOwnVoteDurable = (raft: Raft, term: Term): void => {
  if (raft.role === 'candidate' && raft.term === term) proceed(raft, raft.countVote(raft.id, true))
}

const proceed = (raft: Raft, result: VoteResult): void => {
  if (result === 'lost') raft.becomeFollower(raft.term, NO_MEMBER)
  else if (result === 'won' && raft.role === 'preCandidate') start(raft, 'election')
  else if (result === 'won') becomeLeading(raft)
}

/** Candidates and pre-candidates; a message of the term's leader has made this node a follower before. */
export const stepCandidate = (raft: Raft, message: Message): void => {
  const awaited = raft.role === 'preCandidate' ? MessageType.MsgPreVoteResp : MessageType.MsgVoteResp
  if (message.type === awaited) proceed(raft, raft.countVote(message.from, !message.reject))
  else if (message.type === MessageType.MsgProp) raft.trace({ kind: 'proposalDropped', reason: 'no leader' })
}

/**
 * Answers a vote or pre-vote request of the own term, or a pre-vote request of a later one. Learners answer too: the asker
 * may know of their promotion before they do.
 */
export const handleVoteRequest = (raft: Raft, message: Message): void => {
  const preVote = message.type === MessageType.MsgPreVote
  const free =
    raft.vote === message.from ||
    (raft.vote === NO_MEMBER && raft.leader === NO_MEMBER) ||
    (preVote && message.term > raft.term)
  const granted = free && raft.log.isUpToDate({ index: message.index, term: message.logTerm })
  if (!granted && raft.role !== 'leader') learnCommit(raft, message)
  const response = raft.newMessage(preVote ? MessageType.MsgPreVoteResp : MessageType.MsgVoteResp, message.from)
  response.term = granted ? message.term : raft.term
  response.reject = !granted
  if (!granted) tellCommit(raft, response)
  raft.send(response)
  raft.trace({ kind: granted ? 'voteGranted' : 'voteRejected', to: message.from, term: message.term, preVote })
  if (granted && !preVote) {
    raft.electionElapsed = 0
    raft.vote = message.from
  }
}

/** Requests and refusals name the commit index, and in the field of a hint, which is free in both, its entry's term. */
const tellCommit = (raft: Raft, message: Message): void => {
  message.commit = raft.log.committed
  message.rejectHint = toIndex(raft.log.term(raft.log.committed) ?? NO_TERM)
}

/**
 * Takes the commit index that comes with a refusal or with a request that is refused, if the own log holds that very entry.
 * Differs: etcd's votes do not carry it. There, nobody ever leads again when the longest logs are of members that may not
 * stand: those that are removed or demoted by a change of whose commit the others have not heard (the refusal tells them), or
 * those that have not heard themselves of the commit of the change that made them voters (the request tells them).
 */
export const learnCommit = (raft: Raft, { commit, rejectHint }: Message): void => {
  const { log } = raft
  if (commit <= log.committed || !log.matches(commit, toTerm(rejectHint))) return
  log.commitTo(commit)
  // Votes may not be counted over a configuration that is no longer the newest.
  if (raft.role !== 'follower' && log.hasUnappliedConfChange) raft.becomeFollower(raft.term, NO_MEMBER)
}

/** One tick of a node that does not lead. */
export const tickElection = (raft: Raft): void => {
  raft.electionElapsed++
  if (raft.electionElapsed < raft.electionTimeout || !raft.promotable) return
  raft.electionElapsed = 0
  campaign(raft, 'election')
}
