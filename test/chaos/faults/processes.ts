// Faults of processes: killed, frozen, ended in order.
import { delay, waitFor } from '../../support/wait.js'
import type { Cluster } from '../cluster/cluster.js'
import type { Member } from '../cluster/member.js'
import { between, type Fault, type FaultContext, type Marks } from './fault.js'

export const killMember: Fault = {
  name: 'kill-member',
  summary: 'SIGKILL of any member, restart after 0.2-3 s',
  async run({ cluster, random, note }) {
    const member = random.pick(cluster.members)
    note(`kill ${member.name}`)
    const quorumFromMs = performance.now()
    await member.kill()
    await delay(between(random, 200, 3000))
    note(`start ${member.name}`)
    member.start()
    return { quorumFromMs }
  },
}

export const killLeader: Fault = {
  name: 'kill-leader',
  summary: 'SIGKILL of the leader, restart after the next one was elected',
  async run({ cluster, random, note }) {
    const { member, term } = await mustLead(cluster)
    note(`kill ${member.name}, leader of term ${term}`)
    const quorumFromMs = performance.now()
    await member.kill()
    const electionMs = await cluster.timeElection(member, term, quorumFromMs)
    note(`new leader after ${electionMs.toFixed(0)} ms`)
    await delay(between(random, 100, 1500))
    member.start()
    return { quorumFromMs, electionMs }
  },
}

export const killAll: Fault = {
  name: 'kill-all',
  summary: 'SIGKILL of all members at once, restart of all',
  async run({ cluster, random, note }) {
    note('kill all')
    await Promise.all(cluster.members.map((member) => member.kill()))
    await delay(between(random, 0, 500))
    note('start all')
    for (const member of cluster.members) member.start()
    return { quorumFromMs: performance.now() }
  },
}

/** A member that dies again while it starts. */
export const crashLoop: Fault = {
  name: 'crash-loop',
  summary: 'SIGKILL of one member three times, each time while it starts',
  async run({ cluster, random, note }) {
    const member = random.pick(cluster.members)
    const quorumFromMs = performance.now()
    for (let i = 0; i < 3; i++) {
      note(`kill ${member.name}`)
      await member.kill()
      member.start()
      await delay(between(random, 50, 900))
    }
    await member.kill()
    member.start()
    return { quorumFromMs }
  },
}

export const pauseLeader: Fault = {
  name: 'pause-leader',
  summary: 'SIGSTOP of the leader for 0.5-15 s',
  run: async (context) => pause(context, (await mustLead(context.cluster)).member, 15_000),
}

export const pauseMember: Fault = {
  name: 'pause-member',
  summary: 'SIGSTOP of any member for 0.5-8 s',
  run: async (context) => pause(context, context.random.pick(context.cluster.members), 8_000),
}

export const rollingRestart: Fault = {
  name: 'rolling-restart',
  summary: 'SIGTERM and restart of every member, the leader first',
  async run({ cluster, note }) {
    const { member: leader, term } = await mustLead(cluster)
    const quorumFromMs = performance.now()
    const others = cluster.members.filter((member) => member !== leader)
    for (const member of [leader, ...others]) {
      note(`terminate ${member.name}`)
      const startedMs = performance.now()
      const stopping = member.terminate()
      // Not judged: an ending leader may finish its clients' calls before it hands over.
      if (member === leader)
        note(`new leader after ${(await cluster.timeElection(leader, term, startedMs)).toFixed(0)} ms`)
      await stopping
      note(`ended after ${(performance.now() - startedMs).toFixed(0)} ms`)
      member.start()
      await cluster.waitHealthy()
    }
    return { quorumFromMs }
  },
}

const pause = async ({ random, note }: FaultContext, member: Member, maxMs: number): Promise<Marks> => {
  // Short pauses are as interesting as long ones.
  const ms = random.chance(50) ? between(random, 500, 2500) : between(random, 2500, maxMs)
  note(`stop ${member.name} for ${ms} ms`)
  const quorumFromMs = performance.now()
  member.stop()
  await delay(ms)
  member.continue()
  note(`continue ${member.name}`)
  return { quorumFromMs }
}

export const mustLead = async (cluster: Cluster): Promise<{ member: Member; term: number }> =>
  waitFor('leader', () => cluster.maybeLeader(), { timeoutMs: 30_000, intervalMs: 20 })
