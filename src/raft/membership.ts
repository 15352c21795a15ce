// The membership that elections and commits are counted over, as an immutable value, and its form on disk (ConfState).

import { invariant, NO_MEMBER } from '../base/index.js'
import type { MemberId } from '../base/index.js'
import { ConfState } from './pb.js'

/** What etcd's ConfState says, read only. */
export interface ConfStateView {
  readonly voters: readonly MemberId[]
  readonly learners: readonly MemberId[]
  readonly votersOutgoing: readonly MemberId[]
  readonly learnersNext: readonly MemberId[]
  readonly autoLeave: boolean
}

/**
 * All lists ascend. Invariants: voters and outgoing never meet learners; `learnersNext` are outgoing voters that become
 * learners when the joint configuration is left; outside a joint configuration `outgoing` and `learnersNext` are empty and
 * `autoLeave` is false.
 */
export interface Membership {
  readonly voters: readonly MemberId[]
  /** The voters of the configuration being left; empty outside a joint configuration. */
  readonly outgoing: readonly MemberId[]
  readonly learners: readonly MemberId[]
  readonly learnersNext: readonly MemberId[]
  /** The leader leaves the joint configuration on its own once it is applied. */
  readonly autoLeave: boolean
}

export const EMPTY_MEMBERSHIP: Membership = {
  voters: [],
  outgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
}

export const isJoint = (members: Membership): boolean => members.outgoing.length > 0

export const isVoter = (members: Membership, id: MemberId): boolean =>
  members.voters.includes(id) || members.outgoing.includes(id)

/** Everyone, once, ascending. */
export const allMembers = (members: Membership): MemberId[] =>
  ascending(new Set([...members.voters, ...members.outgoing, ...members.learners]))

/** The voters of both halves, once, ascending. */
export const allVoters = (members: Membership): MemberId[] =>
  ascending(new Set([...members.voters, ...members.outgoing]))

/** @throws InvariantViolation when the state contradicts itself. */
export const membershipOf = (state: ConfStateView): Membership => checked(draftOf(state))

export const confStateOf = (members: Membership): ConfState => {
  const state = new ConfState()
  state.voters = [...members.voters]
  state.learners = [...members.learners]
  state.votersOutgoing = [...members.outgoing]
  state.learnersNext = [...members.learnersNext]
  state.autoLeave = members.autoLeave
  return state
}

/** Returns `members` after checking the invariants above. @throws InvariantViolation */
export const checked = (members: Membership): Membership => {
  const error = contradiction(members)
  invariant(error === undefined, 'membership: %', error)
  return members
}

/** What is wrong with a configuration that came from outside; undefined when it is sound. */
export const membershipError = (state: ConfStateView): string | undefined =>
  state.voters.length === 0 ? 'no voters' : contradiction(draftOf(state))

const draftOf = (state: ConfStateView): Membership => ({
  voters: ascending(state.voters),
  outgoing: ascending(state.votersOutgoing),
  learners: ascending(state.learners),
  learnersNext: ascending(state.learnersNext),
  autoLeave: state.autoLeave,
})

const contradiction = (members: Membership): string | undefined => {
  const { voters, outgoing, learners, learnersNext } = members
  for (const ids of [voters, outgoing, learners, learnersNext]) {
    if (new Set(ids).size !== ids.length) return 'a member is named twice'
    if (ids.includes(NO_MEMBER)) return 'member 0 is named'
  }
  if (learners.some((id) => isVoter(members, id))) return 'a learner is a voter'
  if (learnersNext.some((id) => !outgoing.includes(id) || voters.includes(id)))
    return 'a future learner is no leaving voter'
  if (!isJoint(members) && (learnersNext.length > 0 || members.autoLeave))
    return 'joint state outside a joint configuration'
  return undefined
}

/** Sorted copy without repetition checks: ids compare as unsigned integers. */
export const ascending = (ids: Iterable<MemberId>): MemberId[] => [...ids].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
