// Phase two: faults end and progress is demanded, of everyone or of a quorum only.

import { index as toIndex } from '#src/base/index.js'
import type { Index, MemberId } from '#src/base/index.js'
import { EntryType, MessageType } from '#src/raft/pb.js'
import type { Entry, Message } from '#src/raft/pb.js'
import { allOf } from './member.js'
import type { SimMember } from './member.js'
import { direction } from './network.js'
import { Violation } from './oracle.js'
import { shuffled } from './partitions.js'
import { holdsQuorum } from './quorums.js'
import type { World } from './world.js'

/**
 * Election timeouts in which the healthy part must have a leader that has committed. Without pre-vote, and when only the
 * longest log of an exact quorum can win, each round may fail by two chances in three: few would make seeds fail by luck.
 */
const LEADER_WITHIN = 100
/** And after that, with a leader, in which everybody healthy must hold a new entry; it may still remove itself first. */
const CONVERGED_WITHIN = 20

export const heal = (world: World): void => {
  world.healed = true
  // A frozen member too: what it has in memory alone, as a change of the members, will leave it later.
  for (const member of world.members.values()) if (member.up) world.act(member, () => undefined)
  const healthy = (world.options.healQuorumOnly ? chooseQuorum(world) : undefined) ?? everyone(world)
  const isPartial = healthy.length < everyone(world).length
  if (isPartial) world.count('only a quorum was healed')
  isolate(world, healthy, isPartial)
  for (const member of healthy) {
    member.pausedUntil = 0
    if (!member.up) world.restart(member)
  }
  reportLostSnapshots(world)

  const { electionTicks } = world.options
  let tick = 0
  while (!leaderHasCommitted(world, healthy)) {
    if (tick++ > LEADER_WITHIN * electionTicks) throw new Violation('liveness: no leader commits in its term')
    passTick(world, tick)
  }
  world.count('healed')
  const goal = toIndex(world.oracle.maxApplied + 1)
  let hasRead = false
  let led = 0
  let leaderless = 0
  for (; led < CONVERGED_WITHIN * electionTicks && leaderless < LEADER_WITHIN * electionTicks; tick++) {
    const leader = newestLeader(healthy)
    if (leader === undefined) leaderless++
    else {
      led++
      if (isDone(leader, healthy, goal) && hasRead) return
      if (!hasRead) world.read(leader)
      hasRead = true
      world.propose(leader)
      settle(world)
    }
    passTick(world, tick)
  }
  throw new Violation(`liveness: no progress within ${CONVERGED_WITHIN} healthy election timeouts`)
}

const everyone = (world: World): SimMember[] => [...world.members.values()].filter(({ retired }) => !retired)

/**
 * A random smallest set that is a quorum of every membership that one of the members knows. Undefined when a change is under
 * way, on a disk, on its way there or on its way to others: it could make another set the quorum.
 */
const chooseQuorum = (world: World): SimMember[] | undefined => {
  const all = everyone(world)
  const isChange = ({ type }: Entry): boolean => type !== EntryType.EntryNormal
  const travelling = world.network.drain()
  for (const message of travelling) world.network.send(message.from, message)
  if (travelling.some(({ entries }) => entries.some(isChange))) return undefined
  for (const { disk, jobs, saved } of all) {
    if (disk.entries.some((entry) => entry.index > saved.applied && isChange(entry))) return undefined
    if (jobs.some((job) => job.snapshot !== undefined || job.entries.some(isChange))) return undefined
  }
  const healthy: SimMember[] = []
  const has = (id: MemberId): boolean => healthy.some((member) => member.id === id)
  for (const member of shuffled(world.random, all)) {
    healthy.push(member)
    if (all.every(({ image, saved }) => [image, saved].every(({ confState }) => holdsQuorum(confState, has)))) {
      return healthy.sort((a, b) => Number(a.id - b.id))
    }
  }
  return undefined
}

/**
 * The healthy ones hear each other. Across to the others at most one direction works, if any: a leader needs both, and so
 * no one outside can take part in a decision. Without both pre-vote and the quorum check it is cut off whole, since
 * nothing protects a leader from campaigns that it cannot answer.
 */
const isolate = (world: World, healthy: readonly SimMember[], isPartial: boolean): void => {
  const cuts = new Set<number>()
  const { preVote, checkQuorum } = world.options
  for (const { id } of isPartial ? everyone(world) : []) {
    if (healthy.some((member) => member.id === id)) continue
    const open = preVote && checkQuorum ? world.random.below(3) : 0
    for (const inside of healthy) {
      if (open !== 1) cuts.add(direction(id, inside.id))
      if (open !== 2) cuts.add(direction(inside.id, id))
    }
  }
  world.network.heal(cuts)
}

/** The transport reports every transfer in the end, those of the faulty time as failed. */
const reportLostSnapshots = (world: World): void => {
  for (const message of world.network.drain()) {
    if (message.type !== MessageType.MsgSnap && !world.network.isCut(message)) world.network.send(message.from, message)
  }
  for (const member of world.members.values()) {
    if (!world.isRunning(member)) continue
    world.act(member, () => {
      for (const id of world.members.keys()) member.node.reportSnapshot(id, false)
    })
  }
}

const passTick = (world: World, tick: number): void => {
  for (const member of world.members.values()) {
    if (world.isRunning(member)) world.tick(member)
  }
  settle(world)
  if (tick % 20 === 19) stopRemovedLeaders(world)
}

/** A leader that applied its own removal stops after a while, as a server does. */
const stopRemovedLeaders = (world: World): void => {
  for (const member of world.members.values()) {
    if (!member.up || member.node.role !== 'leader' || !member.image.removed.includes(member.id)) continue
    world.crash(member)
  }
}

/** Everything that was sent arrives, everything that was handed out is written and applied. */
const settle = (world: World): void => {
  for (let round = 0; round < 5000; round++) {
    let moved = false
    for (const member of world.members.values()) {
      if (!world.isRunning(member)) continue
      for (; member.jobs.length > 0; moved = true) world.finishJob(member)
      for (; member.applyQueue.length > 0; moved = true) world.apply(member)
    }
    const reachable = (to: MemberId): boolean => (world.members.get(to)?.pausedUntil ?? 0) <= world.steps
    for (const message of world.network.drain()) {
      const arrives = !world.network.isCut(message) && reachable(message.to)
      if (arrives) world.deliver(message)
      if (message.type === MessageType.MsgSnap) reportSnapshot(world, message, arrives)
      if (!arrives) continue
      moved = true
    }
    if (!moved) return
  }
  throw new Violation('liveness: the network never falls silent')
}

/** A transport tells how each transfer ended. */
const reportSnapshot = (world: World, { from, to }: Message, ok: boolean): void => {
  const sender = world.members.get(from)
  if (sender !== undefined && world.isRunning(sender)) world.act(sender, () => sender.node.reportSnapshot(to, ok))
}

/** A removed member may believe for ever that it leads an earlier term, since nobody listens to it. */
const newestLeader = (healthy: readonly SimMember[]): SimMember | undefined => {
  const leaders = healthy.filter(
    (member) => member.up && member.node.role === 'leader' && !member.image.removed.includes(member.id),
  )
  return leaders.sort((a, b) => b.node.term - a.node.term)[0]
}

/** Its first entry alone must have brought this about: nobody has proposed anything for a while. */
const leaderHasCommitted = (world: World, healthy: readonly SimMember[]): boolean => {
  const leader = newestLeader(healthy)
  if (leader === undefined) return false
  const { node, image } = leader
  const members = allOf(image.confState)
  if (healthy.some((member) => members.includes(member.id) && member.node.term > node.term)) return false
  return node.termAt(node.committed) === node.term && node.applied >= world.oracle.maxApplied
}

const isDone = (leader: SimMember, healthy: readonly SimMember[], goal: Index): boolean => {
  const members = allOf(leader.image.confState)
  const follow = healthy.filter((member) => member.up && members.includes(member.id))
  return follow.every((member) => member.image.applied >= goal) && leader.node.status().pendingReads === 0
}
