// Three members in one process; one is cut off for so long that it needs a snapshot.
import t, { type Test } from 'tap'
import { stateOf } from '#src/apply/testing.js'
import { noMetrics } from '#src/env/index.js'
import { etcdserverpb } from '#src/proto/index.js'
import { MemoryBackend, TurnClock, seededRandom } from '#src/mvcc/testing.js'
import { type ClusterNode, SimCluster, type SimWorld } from '#src/member/testing-cluster.js'
import { Told } from '#src/member/testing.js'
import { peerQueryService } from '#src/rpc/index.js'
import { SimFolders } from '../support/sim-folders.js'
import { SimFileSystem } from '../support/sim-file-system.js'

t.setTimeout(0)

const WORLD: SimWorld = {
  serve: peerQueryService,
  newBackend: () => new MemoryBackend(),
  newRandom: seededRandom,
  newFolders: () => {
    const random = seededRandom(1)
    return new SimFolders(new SimFileSystem({ random }), { clock: new TurnClock(), random })
  },
}

const MARK = Buffer.from('storageVersion')
const OPTIONS = { snapshot: { everyEntries: 1000, everyBytes: 1e9, catchUpEntries: 5 } }

const propose = async (cluster: SimCluster, node: ClusterNode, fill: (r: etcdserverpb.InternalRaftRequest) => void) => {
  const request = new etcdserverpb.InternalRaftRequest()
  fill(request)
  const told = new Told()
  node.member.propose(request, told)
  await cluster.clock.until(() => told.last !== undefined)
  return told.last
}

const put = (cluster: SimCluster, node: ClusterNode, key: string, value: string, lease = 0n) =>
  propose(cluster, node, (request) => {
    request.put = new etcdserverpb.PutRequest()
    request.put.key = Buffer.from(key)
    request.put.value = Buffer.from(value)
    request.put.lease = lease as typeof request.put.lease
  })

/** What a watch of all keys on `node` is told. */
const watchAll = (node: ClusterNode) => {
  const events: string[] = []
  const cancels: number[] = []
  const stream = node.watches.openStream({
    send: (response) => {
      if (response.canceled) cancels.push(response.compactRevision)
      for (const bytes of response.events) {
        const event = eventOf(bytes)
        events.push(event)
      }
      return true
    },
    onOverflow: () => undefined,
  })
  const create = new etcdserverpb.WatchCreateRequest()
  create.key = Buffer.of(0)
  create.rangeEnd = Buffer.of(0)
  const request = new etcdserverpb.WatchRequest()
  request.createRequest = create
  stream.onRequest(request)
  return { events, cancels }
}

const eventOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const asText = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}` : one))

const catchUp = async (cluster: SimCluster, node: ClusterNode, leader: ClusterNode): Promise<void> => {
  await cluster.clock.until(() => node.member.applied.index >= leader.member.applied.index)
}

const compare = async (t: Test, cluster: SimCluster, node: ClusterNode, leader: ClusterNode): Promise<void> => {
  t.equal(asText(stateOf(node.state)), asText(stateOf(leader.state)))
  t.same(node.state.membership.members(), leader.state.membership.members())
  t.same(node.state.alarms.list(), leader.state.alarms.list())
  const hashes = []
  for (const { state } of [node, leader]) hashes.push(await cluster.drive(state.store.hashKv(0)))
  t.same(hashes[0], hashes[1])
  t.same(node.fatal, [])
}

for (const compacts of [false, true]) {
  t.test(
    `a member that was cut off gets everything by a snapshot${compacts ? ', watchers behind a compaction end' : ''}`,
    async (t) => {
      const cluster = new SimCluster(WORLD, OPTIONS)
      await cluster.boot('a', 'b', 'c')
      await cluster.clock.advance(9000)
      const leader = cluster.leader!
      const [lagging, other] = cluster.followers as [ClusterNode, ClusterNode]
      await put(cluster, leader, 'before', '1')
      await catchUp(cluster, lagging, leader)
      const watched = watchAll(lagging)
      const reference = watchAll(other)

      cluster.cut(lagging, leader, other)
      await propose(cluster, leader, (request) => {
        request.leaseGrant = new etcdserverpb.LeaseGrantRequest()
        request.leaseGrant.id = 77n as typeof request.leaseGrant.id
        request.leaseGrant.ttl = 1000
      })
      await propose(cluster, leader, (request) => {
        request.alarm = new etcdserverpb.AlarmRequest()
        request.alarm.action = etcdserverpb.AlarmAction.ACTIVATE
        request.alarm.memberId = leader.member.id
        request.alarm.alarm = etcdserverpb.AlarmType.NOSPACE
      })
      await propose(cluster, leader, (request) => {
        request.alarm = new etcdserverpb.AlarmRequest()
        request.alarm.action = etcdserverpb.AlarmAction.DEACTIVATE
        request.alarm.memberId = leader.member.id
        request.alarm.alarm = etcdserverpb.AlarmType.NOSPACE
      })
      for (let i = 0; i < 200; i++) await put(cluster, leader, `k${i % 20}`, `v${i}`, i % 3 === 0 ? 77n : 0n)
      if (compacts) {
        await propose(cluster, leader, (request) => {
          request.compaction = new etcdserverpb.CompactionRequest()
          request.compaction.revision = 150
        })
        await cluster.clock.advance(2000)
      }
      cluster.heal()
      await catchUp(cluster, lagging, leader)
      t.ok(
        lagging.logger.lines.some((line) => line.includes('applied snapshot')),
        'by a snapshot',
      )
      t.ok((lagging.disk.provider.log!.snapshot?.index ?? 0) > 100, 'the log begins with it')
      for (let i = 0; i < 10; i++) await put(cluster, lagging, `after${i}`, 'x')
      await catchUp(cluster, lagging, leader)
      await cluster.clock.advance(3000)
      await compare(t, cluster, lagging, leader)
      if (compacts) {
        t.same(watched.cancels, [150])
        t.same(watched.events, [])
      } else {
        t.same(watched.events, reference.events)
        t.equal(watched.events.length, 210)
      }

      // Nothing of it is only in memory: another life starts from the disk.
      await cluster.clock.advance(1000)
      await cluster.stop(lagging)
      t.equal((await lagging.disk.folders!.list()).length, 1, 'the replaced store is gone')
      const again = await cluster.start(
        lagging.name,
        { kind: 'join', memberId: lagging.member.id, clusterId: lagging.member.clusterId, remotes: [] },
        lagging.disk,
      )
      await cluster.drive(again.member.open())
      await catchUp(cluster, again, leader)
      await compare(t, cluster, again, leader)
      for (const node of [...cluster.nodes.values()]) await cluster.stop(node)
      t.equal(cluster.clock.timers, 0, 'nothing runs on')
    },
  )
}

t.test('a leader of before that falls behind twice takes both snapshots at once', async (t) => {
  const cluster = new SimCluster(WORLD, OPTIONS)
  await cluster.boot('a', 'b', 'c')
  await cluster.clock.advance(9000)
  const first = cluster.leader!
  const [second, third] = cluster.followers as [ClusterNode, ClusterNode]
  /** Milliseconds from the end of the cut until `node` is where the others are. */
  const fallBehind = async (node: ClusterNode, others: readonly [ClusterNode, ClusterNode]): Promise<number> => {
    cluster.cut(node, ...others)
    await cluster.clock.advance(4000)
    const leader = others.find(({ member }) => member.isLeader)!
    for (let i = 0; i < 200; i++) await put(cluster, leader, `k${i % 20}`, `v${i}`)
    cluster.heal()
    const healedMs = cluster.clock.monotonicMs()
    await catchUp(cluster, node, leader)
    return cluster.clock.monotonicMs() - healedMs
  }
  const installed = (node: ClusterNode): number =>
    node.logger.lines.filter((line) => line.includes('applied snapshot')).length

  // It keeps this one for others that may need it, for 30 s, and with it the store that it is of.
  await fallBehind(third, [first, second])
  t.equal(installed(third), 1)
  for (let times = 1; times <= 2; times++) {
    const tookMs = await fallBehind(first, [second, third])
    t.equal(installed(first), times)
    t.ok(tookMs < 3000, `${tookMs} ms for the snapshot ${times}`)
    // Whoever sent one keeps the log behind it, so the next one has to come of the other.
    const target = second.member.isLeader ? third : second
    const moved = cluster.leader!.facade.cluster.moveLeader(target.member.id, new AbortController().signal)
    t.equal(await cluster.drive(moved), undefined)
  }
  const leader = cluster.leader!
  await compare(t, cluster, first, leader)
  for (const node of [...cluster.nodes.values()]) await cluster.stop(node)
  t.equal(cluster.clock.timers, 0)
})

t.test('a member marks the store that a snapshot has brought without a mark', async (t) => {
  const installing: number[] = []
  const gauge = (name: string) => ({
    set: (value: number) => void (name === 'etcd_server_snapshot_apply_in_progress_total' && installing.push(value)),
  })
  const cluster = new SimCluster({ ...WORLD, metrics: { ...noMetrics, gauge } }, OPTIONS)
  await cluster.boot('a', 'b', 'c')
  await cluster.clock.advance(9000)
  const leader = cluster.leader!
  const [lagging, other] = cluster.followers as [ClusterNode, ClusterNode]
  const markOf = (node: ClusterNode): string | undefined => {
    const mark = node.member.parts.backend.get('meta', MARK)
    return mark && Buffer.from(mark).toString()
  }
  t.equal(markOf(lagging), '3.7.0')
  cluster.cut(lagging, leader, other)
  // As of a leader that has not marked its store when the snapshot is taken.
  leader.member.parts.rows.delete('meta', MARK)
  for (let i = 0; i < 200; i++) await put(cluster, leader, `k${i}`, 'v')
  cluster.heal()
  await catchUp(cluster, lagging, leader)
  t.equal(markOf(leader), undefined)
  t.equal(markOf(lagging), undefined, 'by a snapshot')
  t.same(installing, [1, 0])
  await cluster.clock.advance(5000)
  t.equal(markOf(lagging), '3.7.0')
  for (const node of [...cluster.nodes.values()]) await cluster.stop(node)
})

t.test(
  'a lone member keeps next to nothing of its log; a second one that joins gets a snapshot, then entries',
  async (t) => {
    const cluster = new SimCluster(WORLD, { snapshot: { ...OPTIONS.snapshot, catchUpEntries: 5000 } })
    const [alone] = (await cluster.boot('a')) as [ClusterNode]
    await cluster.clock.advance(9000)
    for (let i = 0; i < 300; i++) await put(cluster, alone, `k${i % 20}`, `v${i}`)
    const added = await cluster.drive(alone.facade.cluster.add(['http://b:1'], true))
    if (added.kind !== 'ok') throw new Error(added.status.message)
    const { id } = added.member
    const remotes = [{ id: alone.member.id, urls: ['http://a:1'] }]
    const second = await cluster.start('b', { kind: 'join', memberId: id, clusterId: alone.member.clusterId, remotes })
    const openedMs = cluster.clock.monotonicMs()
    await cluster.drive(second.member.open())
    t.ok(cluster.clock.monotonicMs() - openedMs < 3000, 'what it says of itself came to it with the snapshot')
    await catchUp(cluster, second, alone)
    t.ok(second.logger.lines.some((line) => line.includes('applied snapshot')))
    cluster.cut(second, alone)
    for (let i = 0; i < 300; i++) await put(cluster, alone, `k${i % 20}`, `w${i}`)
    const before = second.disk.provider.log!.snapshot?.index
    cluster.heal()
    await catchUp(cluster, second, alone)
    t.equal(second.disk.provider.log!.snapshot?.index, before, 'now that there is another one, entries are kept for it')
    await cluster.clock.advance(3000)
    await compare(t, cluster, second, alone)
    for (const node of [...cluster.nodes.values()]) await cluster.stop(node)
  },
)
