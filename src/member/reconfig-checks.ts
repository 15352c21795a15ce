// What --strict-reconfig-check asks before a change of the membership is proposed, so that no change by itself costs the
// cluster its quorum (reference: cluster 1.5; etcd server/etcdserver/server.go). Seen from the member that got the call.

import type { Membership } from '../apply/index.js'
import { type MemberId, hexId } from '../base/index.js'
import type { Logger, Status } from '../env/index.js'
import { type MemberRecord, errors } from '../proto/index.js'
import { type LinkActivity, countConnectedSince, quorumOf } from './connectivity.js'

/** Links younger than this prove nothing yet. */
const HEALTH_INTERVAL_MS = 5000

export interface ReconfigFacts {
  readonly self: MemberId
  readonly membership: Membership
  readonly links: LinkActivity
  readonly nowMs: number
  readonly logger: Logger
}

const votersOf = (membership: Membership): MemberRecord[] => membership.members().filter(({ isLearner }) => !isLearner)

/** A member has started when it has told its name. */
const startedOf = (members: readonly MemberRecord[]): number => members.filter(({ name }) => name !== '').length

const connectedOf = ({ links, nowMs, self }: ReconfigFacts, members: readonly MemberRecord[]): number =>
  countConnectedSince(
    links,
    nowMs - HEALTH_INTERVAL_MS,
    self,
    members.map(({ id }) => id),
  )

/** Undefined: nothing speaks against it. The new member counts as one that does not answer. */
export function mayAdd(member: MemberRecord, facts: ReconfigFacts): Status | undefined {
  const voters = votersOf(facts.membership)
  const started = startedOf(voters)
  const refuse = (status: Status, message: string): Status => {
    facts.logger.warn(message, {
      'local-member-id': hexId(facts.self),
      'requested-member-add': hexId(member.id),
      error: status.message,
    })
    return status
  }
  // From one member to two is allowed: that is how a restored member gets company.
  const isSecond = started === 1 && voters.length === 1
  if (!member.isLearner && !isSecond && started < quorumOf(voters.length + 1)) {
    return refuse(errors.notEnoughStarted, 'rejecting member add request; not enough healthy members')
  }
  if (voters.length !== 1 && connectedOf(facts, voters) < quorumOf(voters.length + 1)) {
    return refuse(
      errors.unhealthy,
      'rejecting member add request; local member has not been connected to majority peers, reconfigure breaks active quorum',
    )
  }
  return undefined
}

export function mayRemove(id: MemberId, facts: ReconfigFacts): Status | undefined {
  const { membership, links, self, logger } = facts
  // A learner is in no quorum.
  if (membership.get(id)?.isLearner === true) return undefined
  const refuse = (status: Status, message: string): Status => {
    logger.warn(message, {
      'local-member-id': hexId(self),
      'requested-member-remove': hexId(id),
      error: status.message,
    })
    return status
  }
  const voters = votersOf(membership)
  const left = voters.filter((voter) => voter.id !== id)
  if (startedOf(left) < quorumOf(left.length)) {
    return refuse(errors.notEnoughStarted, 'rejecting member remove request; not enough healthy members')
  }
  // One that does not answer is no part of the working quorum.
  if (id !== self && links.activeSinceMs(id) === undefined) return undefined
  if (connectedOf(facts, voters) - 1 < 1 + Math.floor((voters.length - 1) / 2)) {
    return refuse(
      errors.unhealthy,
      'rejecting member remove request; local member has not been connected to all peers, reconfigure breaks active quorum',
    )
  }
  return undefined
}

/** The learner counts as a voter that has started. */
export function mayPromote(id: MemberId, { membership, self, logger }: ReconfigFacts): Status | undefined {
  const voters = votersOf(membership)
  if (startedOf(voters) + 1 >= quorumOf(voters.length + 1)) return undefined
  logger.warn('rejecting member promote request; not enough healthy members', {
    'local-member-id': hexId(self),
    'requested-member-promote': hexId(id),
    error: errors.notEnoughStarted.message,
  })
  return errors.notEnoughStarted
}
