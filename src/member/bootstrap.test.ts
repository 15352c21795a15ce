import t from 'tap'
import { type ClusterId, type MemberId, index, term } from '../base/index.js'
import { decodeMemberJson, raftpb } from '../proto/index.js'
import {
  BootstrapFailed,
  type FirstStart,
  type InitialMember,
  initialMembers,
  recoveredCommit,
  startLog,
} from './bootstrap.js'
import { RequestIds } from './request-ids.js'
import { MemoryLogProvider } from './testing.js'

// Seen on real etcd (reference: cluster 1.1).
const THREE = [
  { name: 'a', peerUrls: ['http://127.0.0.1:34011'] },
  { name: 'b', peerUrls: ['http://127.0.0.1:34021'] },
  { name: 'c', peerUrls: ['http://127.0.0.1:34031'] },
]
const newCluster = (initial: readonly InitialMember[], ownName: string, token: string): FirstStart => ({
  kind: 'new',
  initial,
  ownName,
  token,
})
const IDS = [0x1b7fbe45bc01fe48n, 0x977b69ee0bece477n, 0xc1572f6a6d8d4bc2n]

t.test('ids are etcd\u2019s, in ascending order whatever the order of the flags', async (t) => {
  t.same(
    initialMembers([...THREE].reverse(), 'tok-x').map(({ id }) => id),
    IDS,
  )
  const one = await startLog(
    new MemoryLogProvider(),
    newCluster([{ name: 'm', peerUrls: ['http://localhost:2380'] }], 'm', 'etcd-cluster'),
  )
  t.same([one.memberId, one.clusterId], [0x8e9e05c52164694dn, 0xcdf818194e3a8c32n])
})

t.test('peer URLs are sorted, names are no part of the id', async (t) => {
  const [m] = initialMembers([{ name: 'x', peerUrls: ['http://b:1', 'http://a:1'] }], 'k')
  const [n] = initialMembers([{ name: 'y', peerUrls: ['http://a:1', 'http://b:1'] }], 'k')
  t.same(m!.peerUrls, ['http://a:1', 'http://b:1'])
  t.equal(m!.id, n!.id)
})

t.test('a new log begins with one committed AddNode entry per member, in term 1', async (t) => {
  const provider = new MemoryLogProvider()
  const started = await startLog(provider, newCluster(THREE, 'b', 'tok-x'))
  t.equal(started.isNew, true)
  t.same([started.memberId, started.clusterId], [IDS[1], 0x1b23b52218c69885n])
  t.same(provider.ids, { memberId: IDS[1], clusterId: 0x1b23b52218c69885n })
  t.same(provider.log!.hardState, { term: 1, vote: 0n, commit: 3 })
  t.same(started.recovered.entries, provider.log!.entries)
  for (const [i, entry] of provider.log!.entries.entries()) {
    t.match(entry, { index: i + 1, term: 1, type: raftpb.EntryType.EntryConfChange })
    const change = raftpb.ConfChangeCodec.decode(entry.data, 0, entry.data.length)
    t.match(change, { type: raftpb.ConfChangeType.ConfChangeAddNode, nodeId: IDS[i] })
    t.match(decodeMemberJson(Buffer.from(change.context).toString()), { id: IDS[i], name: 'abc'[i] })
  }
})

t.test('what cannot be started from', async (t) => {
  const provider = new MemoryLogProvider()
  await t.rejects(startLog(provider, newCluster(THREE, 'd', 'tok-x')), {
    name: 'BootstrapFailed',
    message: `couldn't find local name "d" in the initial cluster configuration`,
  })
  const twice = [THREE[0]!, { name: 'z', peerUrls: THREE[0]!.peerUrls }]
  await t.rejects(startLog(provider, newCluster(twice, 'a', 'tok-x')), /member exists with identical ID/)
  t.equal(provider.log, undefined, 'nothing was created')
})

t.test('a restart takes everything from the log, whatever the flags say', async (t) => {
  const provider = new MemoryLogProvider()
  await startLog(provider, newCluster(THREE, 'b', 'tok-x'))
  const again = await startLog(provider, newCluster([], 'other', 'other'))
  t.equal(again.isNew, false)
  t.same([again.memberId, again.clusterId], [IDS[1], 0x1b23b52218c69885n])
  t.equal(again.recovered.entries.length, 3)
})

t.test('a log that a crash left without its first entries is completed', async (t) => {
  for (const kept of [0, 1, 2, 3]) {
    const provider = new MemoryLogProvider()
    await startLog(provider, newCluster(THREE, 'b', 'tok-x'))
    const whole = [...provider.log!.entries]
    provider.log!.entries = whole.slice(0, kept)
    provider.log!.hardState = { term: term(0), vote: 0n as MemberId, commit: index(0) }
    const again = await startLog(provider, newCluster(THREE, 'b', 'tok-x'))
    t.equal(again.isNew, true)
    t.same(again.recovered.entries, whole)
    t.same([provider.log!.entries, provider.log!.hardState.commit], [whole, 3])
  }
})

t.test('such a log is not completed as another member', async (t) => {
  const provider = new MemoryLogProvider()
  await startLog(provider, newCluster(THREE, 'b', 'tok-x'))
  provider.log!.entries = []
  provider.log!.hardState = { term: term(0), vote: 0n as MemberId, commit: index(0) }
  await t.rejects(startLog(provider, newCluster(THREE, 'a', 'tok-x')), BootstrapFailed)
  await t.rejects(startLog(provider, newCluster(THREE, 'b', 'tok-y')), /never completed/)
  t.same(provider.log!.entries, [])
  t.ok(provider.log!.isClosed)
})

t.test('a member that joins begins with an empty log of the cluster that it joins', async (t) => {
  const provider = new MemoryLogProvider()
  const remotes = [{ id: 7n as MemberId, urls: ['http://r:1'] }]
  const join: FirstStart = { kind: 'join', memberId: 9n as MemberId, clusterId: 5n as ClusterId, remotes }
  const started = await startLog(provider, join)
  t.match(started, { memberId: 9n, clusterId: 5n, isNew: true, remotes })
  t.same([started.recovered.entries, started.recovered.hardState.commit], [[], 0])
  t.same(provider.log!.entries, [])
  const again = await startLog(provider, join)
  t.match(again, { memberId: 9n, clusterId: 5n, isNew: false, remotes }, 'and again, before anything arrived')
})

t.test('the commit index to go on with', async (t) => {
  const recovered = (commit: number, last: number, snapshot?: number) => ({
    memberId: 1n as MemberId,
    clusterId: 1n as ClusterId,
    hardState: { term: term(1), vote: 0n as MemberId, commit: index(commit) },
    snapshot: snapshot === undefined ? undefined : ({ index: index(snapshot) } as never),
    entries: last > (snapshot ?? 0) ? [{ type: 0, term: term(1), index: index(last), data: new Uint8Array(0) }] : [],
  })
  t.equal(recoveredCommit(recovered(5, 9), index(3)), 5)
  t.equal(recoveredCommit(recovered(5, 9), index(7)), 7, 'what was applied was committed')
  t.equal(recoveredCommit(recovered(5, 9), index(12)), 9, 'never beyond the log')
  t.equal(recoveredCommit(recovered(5, 0, 7), index(7)), 7)
})

t.test('request ids: 16 bits of the member, 40 of the time, a counter that carries over', async (t) => {
  const ms = 0x01_8c12_3456_789an
  const ids = new RequestIds(0xabcd_ef01_2345_6789n as MemberId, Number(ms) + 0.7)
  const base = (0x6789n << 48n) | (BigInt.asUintN(40, ms) << 8n)
  t.equal(ids.next(), base + 1n)
  const seen = new Set([base + 1n])
  for (let i = 0; i < 1000; i++) seen.add(ids.next())
  t.equal(seen.size, 1001)
  t.ok(seen.has(base + 1001n))
  const high = new RequestIds(1n as MemberId, 2 ** 40 - 1)
  for (let i = 0; i < 256; i++) high.next()
  t.equal(high.next() >> 48n, 1n, 'the prefix stays when the rest wraps around')
  const later = new RequestIds(0xabcd_ef01_2345_6789n as MemberId, Number(ms) + 10)
  t.notOk(seen.has(later.next()), 'another run gives others')
})
