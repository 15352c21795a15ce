// Membership changes as the simulator proposes them.

import { index as toIndex, memberId } from '#src/base/index.js'
import type { MemberId, Term } from '#src/base/index.js'
import { encodeConfChange } from '#src/raft/index.js'
import { ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2, Entry } from '#src/raft/pb.js'
import type { ConfState } from '#src/raft/pb.js'
import type { SeededRandom } from '../random.js'

/** A cluster's first entries name its members, committed in term 1 before anybody runs. */
export const bootstrapEntries = (voters: readonly MemberId[], learners: readonly MemberId[]): Entry[] =>
  [...voters, ...learners].map((id, i) => {
    const single = new ConfChangeSingle()
    single.nodeId = id
    single.type = i < voters.length ? ConfChangeType.ConfChangeAddNode : ConfChangeType.ConfChangeAddLearnerNode
    const change = new ConfChangeV2()
    change.changes = [single]
    const entry = new Entry()
    entry.term = 1 as Term
    entry.index = toIndex(i + 1)
    entry.type = encodeConfChange(change).type
    entry.data = encodeConfChange(change).data
    return entry
  })

/** A change of one to three operations, sensible or not; `addMember` starts a new member while there is room for one. */
export const drawChange = (
  random: SeededRandom,
  confState: ConfState,
  addMember: () => MemberId | undefined,
): ConfChangeV2 => {
  const change = new ConfChangeV2()
  if (confState.votersOutgoing.length > 0 && random.chance(0.7)) return change // asks to leave
  const replaced = random.chance(0.1) && confState.voters.length > 1 ? addMember() : undefined
  if (replaced !== undefined) {
    // One member's disk is gone: another one takes its place under a new id, in one step.
    change.changes = [
      operation(ConfChangeType.ConfChangeRemoveNode, random.pick(confState.voters)),
      operation(ConfChangeType.ConfChangeAddNode, replaced),
    ]
    return change
  }
  const count = random.pick([1, 1, 1, 2, 3])
  for (let n = 0; n < count; n++) change.changes.push(drawOperation(random, confState, addMember))
  change.transition = random.pick([
    ConfChangeTransition.ConfChangeTransitionAuto,
    ConfChangeTransition.ConfChangeTransitionAuto,
    ConfChangeTransition.ConfChangeTransitionJointImplicit,
    ConfChangeTransition.ConfChangeTransitionJointExplicit,
  ])
  return change
}

const drawOperation = (
  random: SeededRandom,
  { voters, learners }: ConfState,
  addMember: () => MemberId | undefined,
): ConfChangeSingle => {
  const kind = random.below(4)
  const added = kind === 0 ? addMember() : undefined
  if (added !== undefined) {
    const asVoter = random.chance(0.5)
    return operation(asVoter ? ConfChangeType.ConfChangeAddNode : ConfChangeType.ConfChangeAddLearnerNode, added)
  }
  if (kind === 1 && learners.length > 0) return operation(ConfChangeType.ConfChangeAddNode, random.pick(learners))
  if (kind === 2 && voters.length > 1) return operation(ConfChangeType.ConfChangeAddLearnerNode, random.pick(voters))
  if (voters.length > 1) return operation(ConfChangeType.ConfChangeRemoveNode, random.pick([...voters, ...learners]))
  return operation(ConfChangeType.ConfChangeUpdateNode, voters[0] ?? memberId(1n))
}

const operation = (type: number, id: MemberId): ConfChangeSingle => {
  const single = new ConfChangeSingle()
  single.type = type
  single.nodeId = id
  return single
}
