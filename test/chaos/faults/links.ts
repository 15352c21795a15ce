// Faults of the network between members.
import { delay } from '../../support/wait.js'
import { violation } from '../check/violation.js'
import { ELECTION_TIMEOUT_MS, type Cluster } from '../cluster/cluster.js'
import type { Member } from '../cluster/member.js'
import type { Condition } from '../cluster/pipe.js'
import { between, type Fault, type FaultContext, type Marks } from './fault.js'
import { mustLead } from './processes.js'

/** The two ways in which a link can be dead: packets are sent again when it heals, or connections are lost. */
const dead = ({ random }: FaultContext): Condition => ({ kind: random.pick(['hold', 'drop']) })

/** Disturbs links for a while and heals them. */
const disturb = async (
  context: FaultContext,
  text: string,
  set: (network: Cluster['network']) => void,
  [minMs, maxMs]: readonly [number, number],
): Promise<Marks> => {
  const { cluster, random, note } = context
  const quorumFromMs = performance.now()
  note(text)
  set(cluster.network)
  await delay(between(random, minMs, maxMs))
  heal(context)
  return { quorumFromMs }
}

/** `side` without a link to anybody else. */
const cutOff = (context: FaultContext, side: readonly Member[], rangeMs: readonly [number, number]): Promise<Marks> => {
  const condition = dead(context)
  const names = side.map(({ name }) => name)
  const set = (network: Cluster['network']): void =>
    network.setBetween(names, context.cluster.others(...side), condition)
  return disturb(context, `${condition.kind} links of ${names.join(' and ')}`, set, rangeMs)
}

const isolateLeader = (minMs: number, maxMs: number): Fault['run'] => {
  return async (context) => {
    const { member, term } = await mustLead(context.cluster)
    context.note(`${member.name} leads term ${term}`)
    return cutOff(context, [member], [minMs, maxMs])
  }
}

export const partitionLeader: Fault = {
  name: 'partition-leader',
  summary: 'the leader alone for 1-8 s',
  run: isolateLeader(1000, 8000),
}

/** Long enough for another leader: what the old one knows is stale for sure. */
export const partitionLeaderLong: Fault = {
  name: 'partition-leader-long',
  summary: 'the leader alone for 5-6 s',
  run: isolateLeader(5000, 6000),
}

export const partitionMinority: Fault = {
  name: 'partition-minority',
  summary: 'the smaller half, without the leader, for 1-8 s; the leader must stay',
  async run(context) {
    const { cluster, report } = context
    const { member: leader, term } = await mustLead(cluster)
    const size = Math.floor((cluster.members.length - 1) / 2)
    const marks = await cutOff(context, pickSome(context, size, leader), [1000, 8000])
    await cluster.waitHealthy()
    const after = await mustLead(cluster)
    // PreVote: who cannot win does not disturb.
    if (after.member !== leader || after.term !== term)
      report(
        violation(
          'leader kept',
          `${leader.name} led term ${term} with a quorum, then ${after.member.name} led ${after.term}`,
        ),
      )
    return marks
  },
}

export const partitionHalves: Fault = {
  name: 'partition-majority',
  summary: 'the leader with less than a quorum for 1-8 s',
  membersMin: 5,
  async run(context) {
    const { cluster } = context
    const { member: leader } = await mustLead(cluster)
    const size = Math.floor((cluster.members.length - 1) / 2)
    return cutOff(context, [leader, ...pickSome(context, size - 1, leader)], [1000, 8000])
  },
}

export const oneWay: Fault = {
  name: 'partition-one-way',
  summary: 'the leader cannot hear, or cannot be heard, or one link is dead in one direction, for 1-6 s',
  async run(context) {
    const { cluster, random } = context
    const { member: leader } = await mustLead(cluster)
    const others = cluster.others(leader)
    const condition = dead(context)
    const kind = random.pick(['deaf leader', 'mute leader', 'one link'] as const)
    const [from, to] = random.chance(50) ? [leader.name, random.pick(others)] : [random.pick(others), leader.name]
    const text = `${kind}: ${condition.kind}${kind === 'one link' ? ` ${from} to ${to}` : ` of ${leader.name}`}`
    const set = (network: Cluster['network']): void => {
      if (kind === 'one link') network.set(from, to, condition)
      for (const other of others) {
        if (kind === 'deaf leader') network.set(other, leader.name, condition)
        if (kind === 'mute leader') network.set(leader.name, other, condition)
      }
    }
    return disturb(context, text, set, [1000, 6000])
  },
}

/** Nobody has a quorum. */
export const partitionAll: Fault = {
  name: 'partition-all',
  summary: 'every member alone for 1-5 s',
  async run(context) {
    const { names } = context.cluster
    const condition = dead(context)
    const set = (network: Cluster['network']): void => network.setBetween(names, names, condition)
    await disturb(context, `${condition.kind} all links`, set, [1000, 5000])
    return { quorumFromMs: performance.now() }
  },
}

export const slowLinks: Fault = {
  name: 'delay',
  summary: 'all links 75 ± 50 ms slower for 4-8 s; the leader must stay',
  async run(context) {
    const { cluster, random, note, report } = context
    const { member: leader, term } = await mustLead(cluster)
    const quorumFromMs = performance.now()
    note('delay all links by 75 ± 50 ms')
    cluster.network.setBetween(cluster.names, cluster.names, { kind: 'delay', ms: 75, jitterMs: 50 })
    await delay(between(random, 4000, 8000))
    const after = await mustLead(cluster)
    heal(context)
    // Far below the election timeout.
    if (after.term > term + 1)
      report(violation('leader kept', `${leader.name} led term ${term}, with slow links ${after.term} was reached`))
    return { quorumFromMs }
  },
}

export const lossyLinks: Fault = {
  name: 'loss',
  summary: 'connections of all links are reset at random for 3-6 s',
  slowsWrites: true,
  async run(context) {
    const { names } = context.cluster
    const percent = context.random.pick([1, 5, 20])
    const set = (network: Cluster['network']): void => network.setBetween(names, names, { kind: 'lossy', percent })
    return disturb(context, `${percent} % of all chunks reset their connection`, set, [3000, 6000])
  },
}

export const flakyLinks: Fault = {
  name: 'flaky',
  summary: 'links change at random between open, dead, closed and slow for 4-8 s',
  slowsWrites: true,
  async run(context) {
    const { cluster, random, note } = context
    const quorumFromMs = performance.now()
    note('links change at random')
    const endMs = quorumFromMs + between(random, 4000, 8000)
    while (performance.now() < endMs) {
      const [from, to] = [random.pick(cluster.names), random.pick(cluster.names)]
      const condition = random.weighted<Condition>([
        [6, { kind: 'open' }],
        [2, { kind: 'hold' }],
        [2, { kind: 'drop' }],
        [1, { kind: 'closed' }],
        [1, { kind: 'delay', ms: 75, jitterMs: 50 }],
      ])
      cluster.network.set(from, to, condition)
      await delay(random.below(ELECTION_TIMEOUT_MS / 4))
    }
    heal(context)
    return { quorumFromMs: performance.now() }
  },
}

const heal = ({ cluster, note }: FaultContext): void => {
  note('heal')
  cluster.network.heal()
}

const pickSome = ({ cluster, random }: FaultContext, count: number, without: Member): Member[] => {
  const left = cluster.members.filter((member) => member !== without)
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)[0]!)
}

/** Any member but the leader. */
export const anyFollower = async ({ cluster, random }: FaultContext): Promise<Member> => {
  const { member: leader } = await mustLead(cluster)
  return random.pick(cluster.members.filter((member) => member !== leader))
}
