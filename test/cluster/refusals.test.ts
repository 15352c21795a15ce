// Changes of members that must be refused, and calls while there is no quorum: codes and texts as real etcd gives them.
//
//   QUORATE_SUBJECT=reference    real etcd on both sides: proves the suite itself
//   TRANSCRIPT=1                 prints what real etcd showed
import t from 'tap'
import { status } from '@grpc/grpc-js'
import type { Cluster } from '../support/cluster.js'
import type { CallFailure, Stream } from '../support/grpc-client.js'
import type { LeaseGrantResponse } from '../support/messages.js'
import { waitFor } from '../support/wait.js'
import type { Operator } from './operator.js'
import { compareScenario, tellAllowed } from './scenario.js'

const UNHEALTHY = /unhealthy cluster/
const KEY = { key: Buffer.from('some') }
const PUT = { ...KEY, value: Buffer.from('v') }
const REQUIRE_LEADER = { metadata: { hasleader: 'true' } } as const
const CALL_TIMEOUT_MS = 20_000
/** Longer than the server's own limit, for calls that have none on real etcd. */
const LONG_ENOUGH = { timeoutMs: 8_000 }

t.setTimeout(10 * 60_000)

const ids = async (cluster: Cluster, name: string): Promise<string> => cluster.member(name).id()

/** Until the members `at` know that `gone` does not answer any more: what they refuse depends on it. */
const noticed = async (cluster: Cluster, at: readonly string[], gone: string): Promise<void> => {
  const line = new RegExp(`^etcd_network_active_peers\\{.*Remote="${BigInt(gone).toString(16)}".*\\} 0$`, 'm')
  for (const name of at) {
    await waitFor(`${name} misses a member`, async () => {
      const page = await fetch(`http://${cluster.member(name).endpoint}/metrics`)
      return line.test(await page.text())
    })
  }
}

t.test('changes of members that are refused', (t) =>
  compareScenario(t, { size: 3, spare: 1 }, async (operator, cluster, spare) => {
    const [m1, m2, m3] = await Promise.all(['m1', 'm2', 'm3'].map((name) => ids(cluster, name)))
    await operator.learnIds()
    await cluster.lead(operator.member('m1'))
    const m4 = await cluster.prepare(spare[0])
    const urls = (name: string): string[] => [operator.member(name).peerUrl]

    await operator.call('Cluster/MemberAdd', { peerURLs: urls('m2') }, { whileShown: UNHEALTHY })
    await operator.call('Cluster/MemberAdd', { peerURLs: urls('m2') }, { at: 'm3' })
    const bad = ['nonsense', 'http://127.0.0.1', 'ftp://127.0.0.1:1', 'http://127.0.0.1:1/path', 'http://127.0.0.1:1/']
    for (const peerURLs of [[], ...bad.map((url) => [url]), [...urls('m4'), 'nonsense']]) {
      await operator.call('Cluster/MemberAdd', { peerURLs })
    }
    for (const at of ['m1', 'm2']) {
      await operator.call('Cluster/MemberRemove', { ID: '1234' }, { at })
      await operator.call('Cluster/MemberUpdate', { ID: '1234', peerURLs: ['http://127.0.0.1:9'] }, { at })
      await operator.call('Cluster/MemberUpdate', { ID: m1, peerURLs: urls('m2') }, { at })
      await operator.call('Cluster/MemberPromote', { ID: '1234' }, { at })
      await operator.call('Cluster/MemberPromote', { ID: m2 }, { at })
    }
    await operator.call('Maintenance/MoveLeader', { targetID: '1234' })
    await operator.call('Maintenance/MoveLeader', { targetID: '0' })
    await operator.call('Maintenance/MoveLeader', { targetID: m3 }, { at: 'm2' })
    await operator.call('Maintenance/MoveLeader', { targetID: m1 })

    await refusedLearners(operator, cluster)
    await unstartedVoter(operator, cluster)

    // One of three is gone: no other may be removed, but that one may.
    await operator.member('m3').kill()
    await noticed(cluster, ['m1', 'm2'], m3!)
    await operator.call('Cluster/MemberRemove', { ID: m2 })
    await operator.ctl('member remove $M2', { at: 'm2' })
    await operator.call('Cluster/MemberAdd', { peerURLs: m4.peerUrl.split(',') })
    await operator.call('Cluster/MemberRemove', { ID: m3 })
    await operator.call('Cluster/MemberRemove', { ID: m3 })
    await operator.call('Cluster/MemberUpdate', { ID: m3, peerURLs: urls('m3') })
    await operator.call('Cluster/MemberPromote', { ID: m3 }, { at: 'm2' })
    await operator.ctl('member list')
    // One of two is gone: no quorum, and no way out by removing it.
    await operator.member('m2').kill()
    await cluster.leaderless()
    await operator.call('Cluster/MemberRemove', { ID: m1 })
    await operator.call('Cluster/MemberRemove', { ID: m2 }, LONG_ENOUGH)
    await operator.member('m2').start()
    await cluster.leader()
    await operator.ctl('put still works')
  }),
)

const refusedLearners = async (operator: Operator, cluster: Cluster): Promise<void> => {
  const peer = operator.member('m4').peerUrl
  const save = { LEARNER: /Member\s+(\w+) added/ }
  await operator.ctl('member add m4 --learner --peer-urls=$M4-PEER', { save, whileShown: UNHEALTHY, anyOrder: true })
  const ID = BigInt(`0x${operator.saved('LEARNER')}`).toString()
  await operator.call('Cluster/MemberAdd', { peerURLs: ['http://127.0.0.1:9'], isLearner: true })
  // With a second URL, since the same ones give the same id within a second.
  await operator.call('Cluster/MemberAdd', { peerURLs: [peer, 'http://127.0.0.1:9'], isLearner: true })
  await operator.call('Cluster/MemberAdd', { peerURLs: [peer, 'http://127.0.0.1:9'] })
  await operator.call('Cluster/MemberPromote', { ID })
  await operator.call('Cluster/MemberPromote', { ID }, { at: 'm2' })
  await operator.call('Maintenance/MoveLeader', { targetID: ID })
  await operator.member('m4').start({ initialCluster: cluster.initialCluster(), state: 'existing' })
  // A learner that serves: reads of its own store, its status and a snapshot; nothing else.
  await operator.call('KV/Range', { ...KEY, serializable: true }, { at: 'm4' })
  await operator.call('Maintenance/Status', {}, { at: 'm4' })
  for (const [method, request] of [
    ['KV/Range', KEY],
    ['KV/Put', PUT],
    ['KV/Txn', {}],
    ['Lease/LeaseGrant', { TTL: 60 }],
    ['Lease/LeaseLeases', {}],
    ['Cluster/MemberList', {}],
    ['Cluster/MemberPromote', { ID }],
    ['Maintenance/Alarm', {}],
    ['Maintenance/HashKV', {}],
    ['Maintenance/Defragment', {}],
    ['Maintenance/MoveLeader', { targetID: ID }],
  ] as const) {
    await operator.call(method, request, { at: 'm4' })
  }
  for (const method of ['Watch/Watch', 'Lease/LeaseKeepAlive']) {
    operator.note(`${method} (at m4)`, await endOf(operator.member('m4').client.stream(method)))
  }
  await operator.ctl('member remove $LEARNER')
  await operator.noteExit(operator.member('m4'))
  operator.member('m4').wipe()
  await operator.call('Cluster/MemberPromote', { ID })
  await operator.call('Cluster/MemberPromote', { ID }, { at: 'm2' })
}

const unstartedVoter = async (operator: Operator, cluster: Cluster): Promise<void> => {
  const save = { VOTER: /Member\s+(\w+) added/ }
  await operator.ctl('member add m5 --peer-urls=http://127.0.0.1:9', { save, whileShown: UNHEALTHY, anyOrder: true })
  const ID = BigInt(`0x${operator.saved('VOTER')}`).toString()
  // Three of five would be a quorum of started members, three of six are none.
  const saveOther = { OTHER: /Member\s+(\w+) added/ }
  await operator.ctl('member add m6 --peer-urls=http://127.0.0.1:10', { save: saveOther, anyOrder: true })
  await operator.call('Cluster/MemberAdd', { peerURLs: ['http://127.0.0.1:11'] })
  await operator.call('Cluster/MemberAdd', { peerURLs: ['http://127.0.0.1:11'] }, { at: 'm2' })
  await operator.ctl('member remove $OTHER')
  await operator.call('Cluster/MemberPromote', { ID })
  await operator.call('Maintenance/MoveLeader', { targetID: ID }, { timeoutMs: 3_000 })
  await cluster.lead(operator.member('m1'))
  await operator.ctl('member remove $VOTER')
}

const endOf = async (stream: Stream<unknown>): Promise<string> => {
  try {
    while ((await stream.next(CALL_TIMEOUT_MS)) !== undefined);
    return 'ended well'
  } catch (error) {
    const { code, details } = error as CallFailure
    return `${status[code]}: ${details}`
  }
}

t.test('calls while there is no quorum', (t) =>
  compareScenario(t, { size: 3 }, async (operator, cluster) => {
    await operator.learnIds()
    await cluster.lead(operator.member('m1'))
    const m1 = operator.member('m1')
    const [id1, id2] = [await m1.id(), await ids(cluster, 'm2')]
    await operator.call('KV/Put', PUT)
    const { ID } = await m1.client.call<LeaseGrantResponse>('Lease/LeaseGrant', { TTL: 600, ID: '77' })
    await cluster.hashes()
    await Promise.all(['m2', 'm3'].map((name) => operator.member(name).kill()))
    // The leader still takes these, and gives up leadership while they wait.
    await Promise.all([
      operator.call('KV/Put', { ...PUT, key: Buffer.from('other') }, { timeoutMs: CALL_TIMEOUT_MS }),
      cluster.leaderless(),
    ])
    await operator.callAll([
      ['KV/Put', PUT],
      ['KV/DeleteRange', KEY],
      ['KV/Range', KEY],
      ['KV/Range', { ...KEY, serializable: true }],
      ['KV/Txn', { success: [{ request_put: PUT }] }],
      ['KV/Txn', { success: [{ request_range: KEY }] }],
      ['KV/Txn', { success: [{ request_range: { ...KEY, serializable: true } }] }],
      ['KV/Compact', { revision: '1' }],
      ['Lease/LeaseGrant', { TTL: 600 }],
      ['Lease/LeaseRevoke', { ID }],
      ['Lease/LeaseTimeToLive', { ID }],
      ['Lease/LeaseLeases', {}],
      ['Cluster/MemberList', { linearizable: true }],
      ['Cluster/MemberList', {}],
      ['Cluster/MemberAdd', { peerURLs: ['http://127.0.0.1:9'] }],
      ['Cluster/MemberAdd', { peerURLs: ['http://127.0.0.1:9'], isLearner: true }],
      ['Cluster/MemberRemove', { ID: id2 }, LONG_ENOUGH],
      ['Cluster/MemberRemove', { ID: id1 }],
      ['Cluster/MemberUpdate', { ID: id2, peerURLs: ['http://127.0.0.1:9'] }, LONG_ENOUGH],
      ['Cluster/MemberPromote', { ID: id2 }],
      ['Maintenance/Alarm', {}],
      ['Maintenance/Status', {}],
      ['Maintenance/HashKV', {}],
      ['Maintenance/Hash', {}],
      ['Maintenance/Defragment', {}],
      ['Maintenance/MoveLeader', { targetID: id2 }],
      ['KV/Put', PUT, REQUIRE_LEADER],
      ['KV/Range', { ...KEY, serializable: true }, REQUIRE_LEADER],
      ['Maintenance/Status', {}, REQUIRE_LEADER],
      ['KV/Put', PUT, { timeoutMs: 1_000 }],
      ['KV/Range', KEY, { timeoutMs: 1_000 }],
    ])
    const keepAlive = m1.client.stream('Lease/LeaseKeepAlive')
    keepAlive.send({ ID })
    operator.note('a keep-alive without quorum', await endOf(keepAlive))
    for (const method of ['Watch/Watch', 'Lease/LeaseKeepAlive']) {
      operator.note(`${method} that requires a leader`, await endOf(m1.client.stream(method, REQUIRE_LEADER)))
    }
    await operator.ctl('get some --consistency=s')
    await operator.ctl('get some --command-timeout=8s')
    await operator.ctl('put some w --command-timeout=8s')
    await operator.ctl('endpoint health --command-timeout=1s')
    await operator.ctl('endpoint status')
    await Promise.all(['m2', 'm3'].map((name) => operator.member(name).start()))
    await cluster.leader()
    await operator.call('KV/Put', PUT)
    await operator.call('KV/Range', KEY, REQUIRE_LEADER)
  }),
)

t.teardown(tellAllowed)
