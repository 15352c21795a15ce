// Changes of membership under load, and a follower so far behind that it needs a snapshot.
import { delay, waitFor, within } from '../../support/wait.js'
import { violation } from '../check/violation.js'
import type { Cluster } from '../cluster/cluster.js'
import type { Member } from '../cluster/member.js'
import { between, type Fault, type FaultContext } from './fault.js'
import { anyFollower } from './links.js'
import { mustLead } from './processes.js'

/** A removed process that can be reached ends by itself. */
const REMOVED_EXIT_MAX_MS = 15_000
/** So few entries are kept that a short outage needs a snapshot. */
export const SMALL_LOG_FLAGS = ['--snapshot-count=50', '--experimental-snapshot-catchup-entries=50']
const SNAPSHOT_METRIC = 'etcd_network_snapshot_receive_success'
/** For 30 s after it has sent a snapshot a member drops no entries. */
const LOG_KEPT_AFTER_SNAPSHOT_MS = 40_000
/** What the sender logs. */
const SENT_TEXT = '"sent database snapshot"'
const BLACKHOLE_MIN_REVISIONS = 300
const SNAPSHOT_TIMEOUT_MS = 30_000

export const replaceMember: Fault = {
  name: 'replace-member',
  summary: 'any member is removed, its folder wiped, and added again under a new id',
  flags: SMALL_LOG_FLAGS,
  async run(context) {
    const { cluster, random, note } = context
    const member = random.pick(cluster.members)
    const quorumFromMs = performance.now()
    await remove(context, member)
    note(`add ${member.name} again`)
    await cluster.addAgain(member)
    return { quorumFromMs }
  },
}

export const removeLeader: Fault = {
  name: 'remove-leader',
  summary: 'the leader is removed and another member added',
  flags: SMALL_LOG_FLAGS,
  async run(context) {
    const { cluster, note } = context
    const { member, term } = await mustLead(cluster)
    const quorumFromMs = performance.now()
    note(`remove ${member.name}, leader of term ${term}`)
    await cluster.remove(member)
    await cluster.timeElection(member, term, quorumFromMs)
    await removedExit(context, member)
    await cluster.discard(member)
    const added = await cluster.add(false)
    note(`added ${added.name}`)
    return { quorumFromMs }
  },
}

export const promoteLearner: Fault = {
  name: 'promote-learner',
  summary: 'a learner is added, caught up and promoted, and an old member removed',
  flags: SMALL_LOG_FLAGS,
  async run(context) {
    const { cluster, random, note } = context
    const quorumFromMs = performance.now()
    const learner = await cluster.add(true)
    note(`added learner ${learner.name}`)
    await delay(between(random, 0, 1000))
    await cluster.promote(learner)
    note(`promoted ${learner.name}`)
    await cluster.waitHealthy()
    const old = random.pick(cluster.members.filter((member) => member !== learner))
    await remove(context, old)
    await cluster.discard(old)
    return { quorumFromMs }
  },
}

export const blackholeUntilSnapshot: Fault = {
  name: 'blackhole-snapshot',
  summary: 'a follower is cut off until the others have dropped the log that it needs; it must install a snapshot',
  flags: SMALL_LOG_FLAGS,
  async run(context) {
    const { cluster, note, report } = context
    const follower = await anyFollower(context)
    const before = await snapshotsReceived(follower)
    const start = await appliedIndex(cluster)
    const quorumFromMs = performance.now()
    note(`cut off ${follower.name}`)
    // Held links would still hold the entries that fill the gap.
    cluster.network.setBetween([follower.name], cluster.others(follower), { kind: 'drop' })
    await waitFor('more entries', async () => (await appliedIndex(cluster)) >= start + BLACKHOLE_MIN_REVISIONS, {
      timeoutMs: SNAPSHOT_TIMEOUT_MS,
      intervalMs: 50,
    })
    note('heal')
    cluster.network.heal()
    await cluster.waitHealthy()
    const received = (await snapshotsReceived(follower)) - before
    note(`${follower.name} received ${received} snapshots`)
    if (received === 0 && sinceSnapshotMs(cluster) > LOG_KEPT_AFTER_SNAPSHOT_MS)
      report(violation('recovery', `${follower.name} received no snapshot (${SNAPSHOT_METRIC})`))
    return { quorumFromMs }
  },
}

const appliedIndex = async (cluster: Cluster): Promise<number> => {
  const statuses = await Promise.all(cluster.members.map((member) => member.status()))
  return Math.max(...statuses.map((status) => Number(status?.raftAppliedIndex ?? 0)))
}

const snapshotsReceived = async ({ endpoint }: Member): Promise<number> => {
  const response = await fetch(`http://${endpoint}/metrics`, { signal: AbortSignal.timeout(5_000) })
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith(`${SNAPSHOT_METRIC}{`))
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

/** Since any member last sent a snapshot, whatever was the cause; a process that has ended since keeps nothing any more. */
const sinceSnapshotMs = ({ members }: Cluster): number => {
  const sent = members.flatMap(({ log }) =>
    log.split('\n').filter((line) => line.startsWith('{') && line.includes(SENT_TEXT)),
  )
  const times = sent.map((line) => Date.parse((JSON.parse(line) as { readonly ts: string }).ts))
  return Date.now() - Math.max(-Infinity, ...times)
}

const remove = async (context: FaultContext, member: Member): Promise<void> => {
  context.note(`remove ${member.name}`)
  await context.cluster.remove(member)
  await removedExit(context, member)
}

const removedExit = async ({ note, report }: FaultContext, member: Member): Promise<void> => {
  const startedMs = performance.now()
  try {
    await within('exit', REMOVED_EXIT_MAX_MS, member.exited ?? Promise.resolve(undefined))
    note(`${member.name} ended by itself after ${(performance.now() - startedMs).toFixed(0)} ms`)
  } catch {
    report(violation('process', `${member.name} was removed and still ran after ${REMOVED_EXIT_MAX_MS} ms`))
    await member.kill()
  }
}
