// How one committed configuration change turns a membership into the next (Raft thesis 4.1 and 4.3).

import { NO_MEMBER } from '../base/index.js'
import type { MemberId } from '../base/index.js'
import { ascending, checked, isJoint } from './membership.js'
import type { Membership } from './membership.js'
import { ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2 } from './pb.js'
import type { ConfChange } from './pb.js'

/** A change that the membership cannot take: an outcome, since a proposal may carry anything. */
export interface InvalidChange {
  readonly kind: 'invalid'
  readonly reason: string
}
export type ChangeOutcome = { readonly kind: 'changed'; readonly members: Membership } | InvalidChange

const invalid = (reason: string): InvalidChange => ({ kind: 'invalid', reason })

/** The one-operation form as the list form. */
export const asV2 = (change: ConfChange | ConfChangeV2): ConfChangeV2 => {
  if ('changes' in change) return change
  const single = new ConfChangeSingle()
  single.type = change.type
  single.nodeId = change.nodeId
  const v2 = new ConfChangeV2()
  v2.changes = [single]
  v2.context = change.context
  return v2
}

/** An empty list with the automatic transition asks to leave the joint configuration. */
export const asksToLeave = (change: ConfChangeV2): boolean =>
  change.changes.length === 0 && change.transition === ConfChangeTransition.ConfChangeTransitionAuto

/** More than one operation, or an explicit wish, goes through a joint configuration. */
export const asksToEnter = (change: ConfChangeV2): boolean =>
  change.changes.length > 1 || change.transition !== ConfChangeTransition.ConfChangeTransitionAuto

export const changeMembership = (members: Membership, change: ConfChangeV2): ChangeOutcome => {
  if (asksToLeave(change)) return leaveJoint(members)
  if (asksToEnter(change)) {
    const autoLeave = change.transition !== ConfChangeTransition.ConfChangeTransitionJointExplicit
    return enterJoint(members, change.changes, autoLeave)
  }
  return changeSimply(members, change.changes)
}

/** Keeps today's voters as the outgoing half and applies all operations to the incoming half. */
const enterJoint = (members: Membership, changes: readonly ConfChangeSingle[], autoLeave: boolean): ChangeOutcome => {
  if (isJoint(members)) return invalid('the configuration is already joint')
  if (members.voters.length === 0) return invalid('a configuration without voters cannot become joint')
  const draft = new Draft(members)
  draft.outgoing = new Set(members.voters)
  draft.autoLeave = autoLeave
  return draft.applyAll(changes)
}

/** Drops the outgoing half; voters that were demoted meanwhile become learners. */
const leaveJoint = (members: Membership): ChangeOutcome => {
  if (!isJoint(members)) return invalid('the configuration is not joint')
  return {
    kind: 'changed',
    members: checked({
      voters: members.voters,
      outgoing: [],
      learners: ascending([...members.learners, ...members.learnersNext]),
      learnersNext: [],
      autoLeave: false,
    }),
  }
}

/** Changes the voters by at most one, so that every old quorum meets every new one. */
const changeSimply = (members: Membership, changes: readonly ConfChangeSingle[]): ChangeOutcome => {
  if (isJoint(members)) return invalid('a simple change cannot be applied to a joint configuration')
  const outcome = new Draft(members).applyAll(changes)
  if (outcome.kind === 'changed' && difference(members.voters, outcome.members.voters) > 1) {
    return invalid('more than one voter changes without a joint configuration')
  }
  return outcome
}

/** Members that are in exactly one of two lists. */
export const difference = (a: readonly MemberId[], b: readonly MemberId[]): number =>
  a.filter((id) => !b.includes(id)).length + b.filter((id) => !a.includes(id)).length

/** A membership being changed. */
class Draft {
  readonly voters: Set<MemberId>
  outgoing: ReadonlySet<MemberId>
  readonly learners: Set<MemberId>
  readonly learnersNext: Set<MemberId>
  autoLeave: boolean

  constructor(members: Membership) {
    this.voters = new Set(members.voters)
    this.outgoing = new Set(members.outgoing)
    this.learners = new Set(members.learners)
    this.learnersNext = new Set(members.learnersNext)
    this.autoLeave = members.autoLeave
  }

  applyAll(changes: readonly ConfChangeSingle[]): ChangeOutcome {
    for (const { type, nodeId } of changes) {
      // Member 0: the application refused this operation when it applied the entry.
      if (nodeId === NO_MEMBER) continue
      switch (type) {
        case ConfChangeType.ConfChangeAddNode:
          this.#forget(nodeId)
          this.voters.add(nodeId)
          break
        case ConfChangeType.ConfChangeAddLearnerNode:
          this.#forget(nodeId)
          if (this.outgoing.has(nodeId)) this.learnersNext.add(nodeId)
          else this.learners.add(nodeId)
          break
        case ConfChangeType.ConfChangeRemoveNode:
          this.#forget(nodeId)
          break
        case ConfChangeType.ConfChangeUpdateNode:
          break
        default:
          return invalid(`unknown kind of configuration change ${String(type)}`)
      }
    }
    if (this.voters.size === 0) return invalid('the change removes all voters')
    return {
      kind: 'changed',
      members: checked({
        voters: ascending(this.voters),
        outgoing: ascending(this.outgoing),
        learners: ascending(this.learners),
        learnersNext: ascending(this.learnersNext),
        autoLeave: this.autoLeave,
      }),
    }
  }

  #forget(id: MemberId): void {
    this.voters.delete(id)
    this.learners.delete(id)
    this.learnersNext.delete(id)
  }
}
