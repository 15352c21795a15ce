// How many stopped members a cluster of each size endures, and what its clients see when it is one more.
//
//   QUORATE_SUBJECT=reference    real etcd: proves the expectations
import t, { type Test } from 'tap'
import { status } from '@grpc/grpc-js'
import type { Cluster, ClusterMember } from '../support/cluster.js'
import type { CallFailure, CallOptions, Stream } from '../support/grpc-client.js'
import type { LeaseGrantResponse, RangeResponse, StatusResponse, WatchResponse } from '../support/messages.js'
import { Workbench } from '../support/workbench.js'
import { Ledger } from './ledger.js'
import { QUICK } from './scenario.js'

const SIZES = [
  { size: 1, tolerated: 0 },
  { size: 2, tolerated: 0 },
  { size: 3, tolerated: 1 },
  { size: 5, tolerated: 2 },
  { size: 7, tolerated: 3 },
] as const

const REQUIRE_LEADER = { metadata: { hasleader: 'true' } } as const
const KEY = { key: Buffer.from('some') }
const PUT = { ...KEY, value: Buffer.from('v') }
/** Longer than the server's own limit for a request. */
const PATIENT_MS = 20_000
const WRITES = 10

t.setTimeout(10 * 60_000)

/** What a client sees: `ok`, or the code and the text. */
const seen = async (member: ClusterMember, method: string, request: object, options: CallOptions = {}) => {
  const outcome = await member.client.attempt(method, request, { timeoutMs: PATIENT_MS, ...options })
  return outcome.ok ? 'ok' : `${status[outcome.failure.code]} ${outcome.failure.details}`
}

/** The end of a stream that was given up by the server: everything before it is taken. */
const endOf = async (stream: Stream<unknown>): Promise<string> => {
  try {
    while ((await stream.next(PATIENT_MS)) !== undefined);
    return 'ended well'
  } catch (error) {
    const { code, details } = error as CallFailure
    return `${status[code]} ${details}`
  }
}

const watchOf = async (member: ClusterMember, options: CallOptions = {}): Promise<Stream<WatchResponse>> => {
  const stream = member.client.stream<WatchResponse>('Watch/Watch', options)
  stream.send({ create_request: { ...KEY } })
  await stream.next()
  return stream
}

const keepAliveOf = async (member: ClusterMember): Promise<Stream<unknown>> => {
  const { ID } = await member.client.call<LeaseGrantResponse>('Lease/LeaseGrant', { TTL: 600 })
  const stream = member.client.stream('Lease/LeaseKeepAlive', REQUIRE_LEADER)
  stream.send({ ID })
  await stream.next()
  return stream
}

const killFirstTheLeader = async (cluster: Cluster, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await (await cluster.leader()).kill()
}

/** Every survivor takes writes, and reads what it took. */
const writesGoOn = async (t: Test, cluster: Cluster, ledger: Ledger): Promise<void> => {
  await cluster.leader()
  for (const member of cluster.running) {
    const before = ledger.size
    await ledger.write(member, WRITES)
    t.equal(ledger.size - before, WRITES, `${member.name} takes writes`)
    t.equal(await seen(member, 'KV/Range', KEY), 'ok', `${member.name} takes linearizable reads`)
  }
}

const withoutQuorum = async (t: Test, cluster: Cluster, ledger: Ledger): Promise<void> => {
  const survivors = cluster.running
  const [first] = survivors
  if (first === undefined) throw new Error('nobody is left')
  await cluster.leaderless()
  const calls: [string, object, string, CallOptions?][] = [
    ['KV/Put', PUT, 'DEADLINE_EXCEEDED context deadline exceeded'],
    ['KV/DeleteRange', KEY, 'DEADLINE_EXCEEDED context deadline exceeded'],
    ['KV/Txn', { success: [{ request_put: PUT }] }, 'DEADLINE_EXCEEDED context deadline exceeded'],
    ['KV/Range', KEY, 'UNAVAILABLE etcdserver: request timed out'],
    ['KV/Txn', { success: [{ request_range: KEY }] }, 'UNAVAILABLE etcdserver: request timed out'],
    ['KV/Range', { ...KEY, serializable: true }, 'ok'],
    ['KV/Range', { ...KEY, serializable: true }, 'UNAVAILABLE etcdserver: no leader', REQUIRE_LEADER],
    ['KV/Put', PUT, 'UNAVAILABLE etcdserver: no leader', REQUIRE_LEADER],
    ['Lease/LeaseGrant', { TTL: 600 }, 'DEADLINE_EXCEEDED context deadline exceeded'],
    ['Cluster/MemberList', { linearizable: true }, 'UNAVAILABLE etcdserver: request timed out'],
    ['Cluster/MemberList', { linearizable: false }, 'ok'],
    ['Maintenance/Status', {}, 'ok'],
  ]
  const answers = await Promise.all(calls.map(([method, request, , options]) => seen(first, method, request, options)))
  for (const [i, [method, , expected]] of calls.entries()) t.equal(answers[i], expected, `${method} without quorum`)
  const fresh = first.client.stream('Watch/Watch', REQUIRE_LEADER)
  t.equal(await endOf(fresh), 'UNAVAILABLE etcdserver: no leader', 'a new stream that requires a leader')
  const { errors, leader } = await first.client.call<StatusResponse>('Maintenance/Status')
  t.same([errors, leader], [['etcdserver: no leader'], '0'], 'the status says so')
  for (const member of survivors) {
    const { kvs } = await member.client.call<RangeResponse>('KV/Range', { ...KEY, serializable: true })
    t.equal(kvs.length, 1, `${member.name} reads its own store`)
  }
  t.same(await ledger.lostOn(first), [], 'which has what was acknowledged')
}

for (const { size, tolerated } of SIZES) {
  t.test(`${size} members endure ${tolerated} stopped ones`, async (t) => {
    const workbench = new Workbench(t)
    const cluster = await workbench.startCluster({ size, flags: QUICK })
    const ledger = new Ledger()
    await (await cluster.leader()).client.call('KV/Put', PUT)
    await writesGoOn(t, cluster, ledger)
    if (tolerated > 0) {
      await killFirstTheLeader(cluster, tolerated)
      await writesGoOn(t, cluster, ledger)
    }

    const lastLeader = await cluster.leader()
    if (size === 1) {
      await lastLeader.kill()
      t.match(await seen(lastLeader, 'KV/Put', PUT), /^UNAVAILABLE /, 'nobody is there')
    } else {
      // The leader survives once, a follower the other times: both have to find out.
      const victim = size === 3 ? cluster.running.find((member) => member !== lastLeader) : lastLeader
      const survivor = cluster.running.find((member) => member !== victim)
      if (victim === undefined || survivor === undefined) throw new Error('nobody is left')
      await cluster.hashes()
      const watch = await watchOf(survivor, REQUIRE_LEADER)
      const patientWatch = await watchOf(survivor)
      const keepAlive = await keepAliveOf(survivor)
      await victim.kill()
      const noLeader = 'UNAVAILABLE etcdserver: no leader'
      t.same(
        await Promise.all([endOf(watch), endOf(keepAlive)]),
        [noLeader, noLeader],
        'streams that require a leader end',
      )
      await withoutQuorum(t, cluster, ledger)
      await restartAll(cluster)
      await survivor.client.call('KV/Put', { ...KEY, value: Buffer.from('again') })
      const value = async (): Promise<string | undefined> => (await patientWatch.next())?.events[0]?.kv.value.toString()
      let last = await value()
      // Calls that timed out may have been carried out since.
      while (last === 'v') last = await value()
      t.equal(last, 'again', 'a stream that requires none goes on')
      patientWatch.cancel()
    }
    if (size === 1) await restartAll(cluster)
    await writesGoOn(t, cluster, ledger)
    t.same(await ledger.lost(cluster), [], 'no acknowledged write is lost on any member')
    t.equal(new Set((await cluster.hashes()).map(({ hash }) => hash)).size, 1, 'all members hold the same')
  })
}

const restartAll = async (cluster: Cluster): Promise<void> => {
  const stopped = cluster.members.filter(({ running }) => !running)
  await Promise.all(stopped.map((member) => member.start()))
  await cluster.leader()
}
