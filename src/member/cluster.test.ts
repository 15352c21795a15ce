// Members of one cluster in one process: how they change who they are, and what they ask of each other.
import t from 'tap'
import type { LeaseId, MemberId } from '../base/index.js'
import { errors, etcdserverpb } from '../proto/index.js'
import { MemoryBackend, seededRandom } from '../mvcc/testing.js'
import { peerQueryService } from '../rpc/index.js'
import type { MembersOutcome } from './api.js'
import { type ClusterNode, SimCluster, type SimWorld } from './testing-cluster.js'
import { Told } from './testing.js'

const WORLD: SimWorld = {
  serve: peerQueryService,
  newBackend: () => new MemoryBackend(),
  newRandom: seededRandom,
}

const booted = async (names: readonly string[], options: ConstructorParameters<typeof SimCluster>[1] = {}) => {
  const cluster = new SimCluster(WORLD, options)
  const nodes = await cluster.boot(...names)
  // Links count once they are up for five seconds; the version is looked at every four.
  await cluster.clock.advance(9000)
  return { cluster, clock: cluster.clock, nodes, leader: cluster.leader!, followers: cluster.followers }
}

const idsOf = (node: ClusterNode): MemberId[] => node.state.membership.members().map(({ id }) => id)
const refusal = (outcome: MembersOutcome): string | undefined =>
  outcome.kind === 'refused' ? outcome.status.message : undefined
const put = (node: ClusterNode, value = 'v'): Told => {
  const request = new etcdserverpb.InternalRaftRequest()
  request.put = new etcdserverpb.PutRequest()
  request.put.key = Buffer.from('k')
  request.put.value = Buffer.from(value)
  const told = new Told()
  node.member.propose(request, told)
  return told
}
const join = async (cluster: SimCluster, from: ClusterNode, name: string, memberId: MemberId): Promise<ClusterNode> => {
  const remotes = from.state.membership
    .members()
    .filter(({ id }) => id !== memberId)
    .map(({ id, peerUrls }) => ({ id, urls: peerUrls }))
  return cluster.start(name, { kind: 'join', memberId, clusterId: from.member.clusterId, remotes })
}

t.test('three members agree on their version; the first look may find less than all of them', async (t) => {
  const { nodes } = await booted(['a', 'b', 'c'])
  for (const { state } of nodes) t.equal(state.membership.clusterVersion, '3.7.0')
  const late = new SimCluster(WORLD)
  const initial = ['a', 'b', 'c'].map((name) => ({ name, peerUrls: [`http://${name}:1`] }))
  const two: ClusterNode[] = []
  for (const ownName of ['a', 'b']) two.push(await late.start(ownName, { kind: 'new', initial, ownName, token: 't' }))
  await late.drive(Promise.all(two.map(({ member }) => member.open())))
  await late.clock.advance(100)
  t.equal(two[0]!.state.membership.clusterVersion, '3.0.0')
  const third = await late.start('c', { kind: 'new', initial, ownName: 'c', token: 't' })
  await late.drive(third.member.open())
  await late.clock.advance(5000)
  for (const { state } of late.nodes.values()) t.equal(state.membership.clusterVersion, '3.7.0')
})

t.test('a member is added through any member, joins, and can be removed again', async (t) => {
  const { cluster, clock, followers, leader } = await booted(['a', 'b', 'c'])
  const asked = followers[0]!
  const seconds = Math.floor(clock.wallMs() / 1000)
  const added = await cluster.drive(asked.facade.cluster.add(['http://d:1'], false))
  if (added.kind !== 'ok') throw new Error(added.status.message)
  t.match(added.member, { peerUrls: ['http://d:1'], name: '', isLearner: false })
  t.equal(added.members.length, 4)
  t.ok(clock.wallMs() / 1000 - seconds < 2)
  for (const { network } of [leader, ...followers]) t.ok(network.peers.some(({ id }) => id === added.member.id))

  const fourth = await join(cluster, leader, 'd', added.member.id)
  await cluster.drive(fourth.member.open())
  t.same(idsOf(fourth), idsOf(leader))
  t.equal(leader.state.membership.get(added.member.id)?.name, 'd')
  t.equal(fourth.state.membership.clusterVersion, '3.7.0')
  t.equal(fourth.network.peers.length, 3)

  await clock.advance(6000)
  const removed = await cluster.drive(asked.facade.cluster.remove(added.member.id))
  t.equal(removed.kind === 'ok' && removed.members.length, 3)
  await clock.advance(900)
  t.equal(fourth.removals, 0, 'it goes on for a second')
  t.same(
    asked.network.removed.map((id) => id),
    [added.member.id],
  )
  await clock.advance(300)
  t.equal(fourth.removals, 1)
  t.equal(fourth.member.isClosing, true)
  t.same(put(fourth).answers, [errors.stopped.message])
  t.match(
    fourth.logger.lines.filter((line) => line.startsWith('warn')),
    ['warn server error', 'warn data-dir used by this member must be removed'],
  )
  await cluster.stop(fourth)
  t.match(put(leader).answers, [])
  await clock.advance(100)
  t.equal(leader.state.store.revision, 2)
})

t.test('what applying refuses is refused to the caller, on every member', async (t) => {
  const { cluster, followers, leader } = await booted(['a', 'b', 'c'])
  const { cluster: calls } = followers[0]!.facade
  const id = followers[1]!.member.id
  t.equal(refusal(await cluster.drive(calls.remove(99n as MemberId))), errors.memberNotFound.message)
  t.equal(refusal(await cluster.drive(calls.update(99n as MemberId, ['http://x:1']))), errors.memberNotFound.message)
  t.equal(refusal(await cluster.drive(calls.update(id, ['http://a:1']))), refusalUnlessOwn(id, 'a'))
  t.equal(refusal(await cluster.drive(calls.promote(id))), errors.memberNotLearner.message)
  t.equal(refusal(await cluster.drive(calls.promote(99n as MemberId))), errors.memberNotFound.message)
  const moved = await cluster.drive(calls.update(id, ['http://moved:1', 'not checked']))
  t.equal(moved.kind, 'ok')
  await cluster.clock.advance(200)
  t.match(
    leader.network.peers.find((peer) => peer.id === id),
    { urls: ['http://moved:1', 'not checked'] },
  )

  function refusalUnlessOwn(member: MemberId, name: string): string | undefined {
    return leader.state.membership.get(member)?.name === name ? undefined : errors.peerUrlsExist.message
  }
})

t.test('changes one after the other are never refused for being too soon', async (t) => {
  const { cluster, followers } = await booted(['a', 'b', 'c'])
  const { cluster: calls } = followers[0]!.facade
  const id = followers[1]!.member.id
  const all = (async () => {
    const outcomes: (string | undefined)[] = []
    for (let i = 0; i < 20; i++) outcomes.push(refusal(await calls.update(id, [`http://u${i}:1`])))
    return outcomes
  })()
  t.same(
    await cluster.drive(all, 3000),
    Array.from({ length: 20 }, () => undefined),
  )
})

t.test('of two changes at once one may be replaced by nothing: its caller hears a time-out', async (t) => {
  const { cluster, leader } = await booted(['a', 'b', 'c'])
  const [one, two] = cluster.followers.map(({ member }) => member.id)
  const changes = [
    leader.facade.cluster.update(one!, ['http://x:1']),
    leader.facade.cluster.update(two!, ['http://y:1']),
  ]
  const outcomes = await cluster.drive(Promise.all(changes))
  t.same(outcomes.map(refusal), [undefined, errors.timeout.message])
})

t.test('strict checks: a member that was added and never came takes the next one\u2019s chance', async (t) => {
  const { cluster, clock, leader } = await booted(['a'])
  t.equal((await cluster.drive(leader.facade.cluster.add(['http://b:1'], false))).kind, 'ok')
  const refused = await leader.facade.cluster.add(['http://c:1'], false)
  t.equal(refused.kind === 'refused' && refused.status, errors.notEnoughStarted)
  // One of two voters is no quorum: nothing goes on from here.
  const told = put(leader)
  await clock.advance(8000)
  t.same(told.answers, [errors.timeout.message], 'it leads no more, and knows nobody who does')
})

t.test('without strict checks the last voter still stays', async (t) => {
  const { cluster, leader } = await booted(['a'], { strictReconfigCheck: false })
  const outcome = await cluster.drive(leader.facade.cluster.remove(leader.member.id))
  t.equal(refusal(outcome), errors.notEnoughStarted.message)
  t.same(leader.fatal, [])
  t.same(put(leader).answers, [])
  await cluster.clock.advance(100)
  t.equal(leader.state.store.revision, 2)
})

t.test('a learner is promoted once it has caught up, asked through any member', async (t) => {
  const { cluster, clock, followers, leader } = await booted(['a', 'b', 'c'])
  for (let i = 0; i < 50; i++) put(leader)
  await clock.advance(100)
  const asked = followers[0]!
  const added = await cluster.drive(asked.facade.cluster.add(['http://d:1'], true))
  if (added.kind !== 'ok') throw new Error(added.status.message)
  const { id } = added.member
  t.equal(refusal(await cluster.drive(asked.facade.cluster.promote(id))), errors.learnerNotReady.message)
  t.equal(refusal(await cluster.drive(asked.facade.cluster.promoteHere(id))), errors.notLeader.message)
  const second = await cluster.drive(asked.facade.cluster.add(['http://e:1'], true))
  t.equal(second.kind === 'refused' && second.status, errors.tooManyLearners)

  const learner = await join(cluster, leader, 'd', id)
  await cluster.drive(learner.member.open())
  t.equal(learner.facade.isLearner, true)
  t.equal(await leader.facade.cluster.moveLeader(id, new AbortController().signal), errors.badLeaderTransferee)
  const promoted = await cluster.drive(asked.facade.cluster.promote(id))
  t.equal(promoted.kind, 'ok')
  await clock.advance(200)
  t.equal(learner.facade.isLearner, false)
  t.equal(leader.state.membership.get(id)?.name, 'd', 'what it published stays')
  t.equal(refusal(await cluster.drive(asked.facade.cluster.promote(id))), errors.memberNotLearner.message)
})

t.test('the leader can be removed: the others elect another at once or after a time-out', async (t) => {
  const { cluster, clock, followers, leader } = await booted(['a', 'b', 'c'])
  const removed = await cluster.drive(followers[0]!.facade.cluster.remove(leader.member.id))
  t.equal(removed.kind, 'ok')
  await clock.advance(1200)
  t.equal(leader.removals, 1)
  await cluster.stop(leader)
  await clock.until(() => cluster.leader !== undefined)
  const told = put(cluster.leader!)
  await clock.advance(200)
  t.same(told.answers, ['ok'])
})

t.test('a member that was removed while it was away is told, and stops', async (t) => {
  const { cluster, clock, followers, leader } = await booted(['a', 'b', 'c'])
  const away = followers[0]!
  cluster.kill(away)
  t.equal((await cluster.drive(leader.facade.cluster.remove(away.member.id))).kind, 'ok')
  const again = await cluster.start(
    away.name,
    { kind: 'join', memberId: away.member.id, clusterId: leader.member.clusterId, remotes: [] },
    away.disk,
  )
  const opening = again.member.open()
  await clock.advance(100)
  again.member.onRemoved()
  await cluster.drive(opening)
  again.member.onRemoved()
  t.equal(again.removals, 1)
  t.match(again.logger.lines, /the member|server error/)
  const reading = new Told()
  again.member.readBarrier(reading)
  t.same(reading.answers, [errors.stopped.message])
  await cluster.stop(again)
  await cluster.drive(away.member.close())
})

t.test('leadership moves where it is told to, and nowhere else', async (t) => {
  const { cluster, clock, followers, leader } = await booted(['a', 'b', 'c'])
  const [target, other] = followers
  const signal = new AbortController().signal
  t.equal(await target!.facade.cluster.moveLeader(other!.member.id, signal), errors.notLeader)
  t.equal(await leader.facade.cluster.moveLeader(99n as MemberId, signal), errors.badLeaderTransferee)
  t.equal(await leader.facade.cluster.moveLeader(leader.member.id, signal), undefined)
  const startedMs = clock.monotonicMs()
  t.equal(await cluster.drive(leader.facade.cluster.moveLeader(target!.member.id, signal)), undefined)
  t.equal(cluster.leader, target)
  t.ok(clock.monotonicMs() - startedMs <= 200)

  cluster.cut(target!, leader, other!)
  const stuck = cluster.drive(target!.facade.cluster.moveLeader(other!.member.id, signal))
  t.equal(await stuck, errors.timeoutLeaderTransfer)
})

t.test('a client that does not wait for a transfer any more', async (t) => {
  const { cluster, clock, followers, leader } = await booted(['a', 'b', 'c'])
  cluster.cut(followers[0]!, leader)
  const gone = new AbortController()
  const moving = leader.facade.cluster.moveLeader(followers[0]!.member.id, gone.signal)
  await clock.advance(300)
  gone.abort()
  t.equal(await cluster.drive(moving, 200), errors.timeoutLeaderTransfer)
})

t.test('a leader that stops hands over first, to the member with the oldest link', async (t) => {
  const { cluster, clock, followers, leader } = await booted(['a', 'b', 'c'])
  const [fresh, old] = followers
  cluster.cut(leader, fresh!)
  cluster.heal()
  await clock.advance(200)
  const startedMs = clock.monotonicMs()
  await cluster.stop(leader)
  t.ok(clock.monotonicMs() - startedMs <= 500, 'no election time-out')
  t.equal(cluster.leader, old)
  t.ok(leader.logger.lines.includes('info leadership transfer finished'))
  await cluster.stop(fresh!)
  t.ok(fresh!.logger.lines.includes('info skipped leadership transfer; local server is not leader'))
  await cluster.stop(old!)
  t.ok(old!.logger.lines.includes('warn leadership transfer failed'), 'nobody is left')
  t.equal(clock.timers, 0)
})

t.test('a leader without anybody to hand over to stops all the same', async (t) => {
  const { cluster, clock, followers, leader } = await booted(['a', 'b', 'c'])
  for (const follower of followers) cluster.kill(follower)
  const startedMs = clock.monotonicMs()
  await cluster.stop(leader)
  t.ok(clock.monotonicMs() - startedMs < 500)
  t.ok(leader.logger.lines.includes('warn leadership transfer failed'))
  for (const follower of followers) await cluster.drive(follower.member.close())
})

t.test('leases live on the leader, and every member answers for it', async (t) => {
  const { cluster, clock, followers, leader } = await booted(['a', 'b', 'c'])
  const grant = new etcdserverpb.InternalRaftRequest()
  grant.leaseGrant = new etcdserverpb.LeaseGrantRequest()
  grant.leaseGrant.id = 7n as LeaseId
  grant.leaseGrant.ttl = 10
  await cluster.drive(followers[0]!.member.proposeAsync(grant))
  const [a, b] = [new Told(), new Told()]
  for (let i = 0; i < 5; i++) {
    await clock.advance(5000)
    followers[0]!.facade.leases.renew(7n as LeaseId, a)
    followers[1]!.facade.leases.renew(8n as LeaseId, b)
  }
  await clock.advance(100)
  t.same([a.answers, b.answers], [Array(5).fill('ok 10'), Array(5).fill('ok 0')])
  const left: number[] = []
  followers[1]!.facade.leases.timeToLive(7n as LeaseId, false, {
    onResult: ({ ttl }) => left.push(ttl),
    onFailed: () => left.push(NaN),
  })
  await clock.settle()
  t.same(left, [9])
  t.same(followers[1]!.facade.leases.ids(), [7n])

  // The new leader gives every lease its full time again.
  await cluster.stop(leader)
  followers[0]!.facade.leases.renew(7n as LeaseId, a)
  await clock.advance(500)
  t.equal(a.last, 'ok 10')
  await clock.advance(12_000)
  for (const { state } of followers) t.equal(state.lessor.size, 0, 'revoked by the one that leads')
})

t.test('cut off from the leader: possibly due to connection lost', async (t) => {
  const { cluster, clock, followers, leader } = await booted(['a', 'b', 'c'])
  const [alone, other] = followers
  const told = put(alone!)
  cluster.cut(alone!, leader, other!)
  const leaderTold = put(leader)
  await clock.advance(500)
  t.equal(leaderTold.last, 'ok')
  const renewal = new Told()
  alone!.facade.leases.renew(7n as LeaseId, renewal)
  await clock.advance(8000)
  t.equal(renewal.last, errors.noLeader.message)
  // Its leader is unknown by now: nothing tells why.
  t.equal(told.last, errors.timeout.message)
})

t.test('a member whose version is below the minimum of the others is what counts', async (t) => {
  const cluster = new SimCluster(WORLD, { serverVersion: '3.6.4' })
  const nodes = await cluster.boot('a', 'b', 'c')
  await cluster.clock.advance(5000)
  t.equal(nodes[0]!.state.membership.clusterVersion, '3.6.0')
})

t.test('data that differs is found: by the leader from time to time, and by a member that starts', async (t) => {
  const corruption = { initialCheck: true, periodMs: 20_000, compactHashMs: 0 }
  const { cluster, clock, followers, leader } = await booted(['a', 'b', 'c'], { corruption })
  await clock.advance(30_000)
  t.same(leader.state.alarms.list(), [])
  const bad = followers[0]!
  // One member's key differs by a bit at the same revision.
  const own = put(leader)
  const write = bad.state.store.beginWrite.bind(bad.state.store)
  bad.state.store.beginWrite = () => {
    const txn = write()
    const change = txn.put.bind(txn)
    txn.put = (key, _value, lease) => change(key, Buffer.from('w'), lease)
    return txn
  }
  await clock.advance(100)
  t.equal(own.last, 'ok')
  await clock.advance(20_000)
  t.match(leader.state.alarms.list(), [{ memberId: bad.member.id, alarm: etcdserverpb.AlarmType.CORRUPT }])
  t.equal(put(leader).last, undefined)
  await cluster.stop(bad)
  const again = await cluster.start(
    bad.name,
    { kind: 'join', memberId: bad.member.id, clusterId: leader.member.clusterId, remotes: [] },
    bad.disk,
  )
  await t.rejects(cluster.drive(again.member.open()), { name: 'DataInconsistent' })
  await cluster.stop(again)
})
