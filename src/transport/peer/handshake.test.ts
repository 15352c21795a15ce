import t from 'tap'
import { clusterId } from '../../base/index.js'
import { raftpb } from '../../proto/index.js'
import { type Judge, PeerCode, ackOf, helloOf, judge } from './handshake.js'
import type { PeerNetworkOptions } from './options.js'
import { type TestMember, connected, join, message, startMember, until } from './testing.js'

const { MessageType } = raftpb

const open: Judge = {
  isReady: true,
  isRemoved: () => false,
  isMember: () => true,
  adopt: () => true,
  hasOtherIncarnation: () => false,
}

t.test('the checks, each before those below it', (t) => {
  const options = {
    memberId: 1n,
    clusterId: 7n,
    serverVersion: '3.7.1',
    minClusterVersion: '3.4.0',
    peerUrls: ['http://a:1'],
    maxRequestBytes: 1,
  }
  const self = options as unknown as PeerNetworkOptions
  const other = { ...options, memberId: 2n } as unknown as PeerNetworkOptions
  const everythingWrong: Judge = {
    isReady: false,
    isRemoved: () => true,
    isMember: () => false,
    adopt: () => false,
    hasOtherIncarnation: () => true,
  }
  const hello = helloOf(other, 1, 1n as never, 5n)
  t.equal(judge(self, hello, 1, open), PeerCode.ACCEPTED)
  const worst = Object.assign(helloOf(other, 1, 9n as never, 5n), { serverVersion: '3.3.9', clusterId: 8n })
  const cluster = { ...everythingWrong }
  const steps: [number, () => void][] = [
    [PeerCode.INCOMPATIBLE_VERSION, () => (worst.serverVersion = '3.4.0')],
    [PeerCode.CLUSTER_ID_MISMATCH, () => (worst.clusterId = clusterId(7n))],
    [PeerCode.MEMBER_REMOVED, () => (cluster.isRemoved = () => false)],
    [PeerCode.TO_MISMATCH, () => (worst.toId = 1n as never)],
    [PeerCode.NOT_READY, () => Object.assign(cluster, { isReady: true })],
    [PeerCode.DUPLICATE_INCARNATION, () => (cluster.hasOtherIncarnation = () => false)],
    [PeerCode.UNKNOWN_MEMBER, () => (cluster.adopt = () => true)],
    [PeerCode.ACCEPTED, () => undefined],
  ]
  for (const [code, mend] of steps) {
    t.equal(judge(self, worst, 1, cluster), code)
    t.equal(ackOf(self, judge(self, worst, 1, cluster), 0).code, code)
    mend()
  }
  const with_ = (fields: object) => judge(self, Object.assign(helloOf(other, 1, 1n as never, 5n), fields), 1, open)
  t.equal(with_({ minClusterVersion: '3.8.0' }), PeerCode.INCOMPATIBLE_VERSION)
  t.equal(with_({ minClusterVersion: '3.7.9' }), PeerCode.ACCEPTED)
  t.equal(with_({ serverVersion: '' }), PeerCode.INCOMPATIBLE_VERSION)
  t.equal(with_({ protocolVersion: 0 }), PeerCode.INCOMPATIBLE_VERSION)
  t.equal(with_({ lane: 2 }), PeerCode.TO_MISMATCH)
  t.equal(with_({ fromId: 1n }), PeerCode.DUPLICATE_INCARNATION, 'ourselves')
  const stranger = { ...open, isMember: () => false }
  for (const peerUrls of [
    [],
    ['nonsense'],
    ['http://' + 'x'.repeat(1000)],
    Array.from({ length: 9 }, () => 'http://a:1'),
  ]) {
    t.equal(
      judge(self, Object.assign(helloOf(other, 1, 1n as never, 5n), { peerUrls }), 1, stranger),
      PeerCode.UNKNOWN_MEMBER,
    )
  }
  t.end()
})

const start = async (
  t: { teardown(run: () => unknown): void },
  ...overrides: Parameters<typeof startMember>[1][]
): Promise<TestMember[]> => {
  const members = await Promise.all(overrides.map((options, i) => startMember(i + 1, options)))
  t.teardown(() => Promise.all(members.map((member) => member.close())))
  return members
}

t.test('another cluster', async (t) => {
  const [a, b] = (await start(t, {}, { clusterId: clusterId(0xdn) })) as [TestMember, TestMember]
  join(a, b)
  const refused = 'request sent was ignored by remote peer due to cluster ID mismatch'
  await until(() => a.log.count(refused) === 1 && b.log.count(refused) === 1)
  t.equal(a.log.count('request cluster ID mismatch'), 1)
  t.match(a.log.lines.find((line) => line.message === refused)?.fields, {
    'remote-peer-id': '2',
    'remote-peer-cluster-id': 'd',
    'local-member-cluster-id': 'c1',
  })
  t.equal(a.network.activeSinceMs(b.id), undefined)
  t.equal(a.receiver.removed, 0)
})

t.test('another version', async (t) => {
  const [a, b] = (await start(t, {}, { serverVersion: '4.0.0', minClusterVersion: '3.8.0' })) as [
    TestMember,
    TestMember,
  ]
  join(a, b)
  const refused = 'request sent was ignored by remote peer due to server version incompatibility'
  await until(() => a.log.count(refused) === 1 && b.log.count(refused) === 1)
  t.equal(b.log.count('failed to check version compatibility'), 1)
  t.equal(a.network.activeSinceMs(b.id), undefined)
})

t.test('a removed member of another cluster is not believed', async (t) => {
  const [a, b] = (await start(t, {}, { clusterId: clusterId(0xdn) })) as [TestMember, TestMember]
  b.network.setPeers([], [a.id])
  a.network.setPeers([{ id: b.id, urls: [b.url] }], [])
  await until(() => a.log.count('request sent was ignored by remote peer due to cluster ID mismatch') === 1)
  t.equal(a.receiver.removed, 0)
})

t.test('a member that starts is waited for', async (t) => {
  const [a, b] = (await start(t, {}, { isClosed: true })) as [TestMember, TestMember]
  join(a, b)
  await until(() => a.log.count('request sent was ignored by remote peer') === 1)
  t.equal(a.network.activeSinceMs(b.id), undefined)
  b.network.open(b.receiver)
  await connected(a, b)
})

t.test('a member that does not know the dialer yet learns its address and answers', async (t) => {
  const [a, b] = (await start(t, {}, {})) as [TestMember, TestMember]
  a.network.setPeers([{ id: b.id, urls: [b.url] }], [])
  await connected(a, b)
  a.network.send([message(MessageType.MsgHeartbeat, a, b)])
  b.network.send([message(MessageType.MsgHeartbeatResp, b, a)])
  await until(() => a.receiver.messages.length === 1 && b.receiver.messages.length === 1)
  // The list confirms it: nothing is dialled anew.
  const since = b.network.activeSinceMs(a.id)
  b.network.setPeers([{ id: a.id, urls: [a.url] }], [])
  t.equal(b.network.activeSinceMs(a.id), since)
  // It is gone with its streams only while no list has it.
  await a.close()
  await until(() => b.network.activeSinceMs(a.id) === undefined)
  t.equal(b.log.count('stopped remote peer'), 0)
})

t.test('a stranger is forgotten when its streams end', async (t) => {
  const [a, b] = (await start(t, {}, {})) as [TestMember, TestMember]
  a.network.setPeers([{ id: b.id, urls: [b.url] }], [])
  await connected(a, b)
  await a.close()
  await until(() => b.log.count('stopped remote peer') === 1)
})

t.test('two processes with one member id', async (t) => {
  const [a, b, twin] = (await start(t, {}, {}, { memberId: 2n as never })) as [TestMember, TestMember, TestMember]
  join(a, b)
  await connected(a, b)
  twin.network.setPeers([{ id: a.id, urls: [a.url] }], [])
  const text = 'rejected stream from remote peer; another process runs with its member ID (cloned data directory?)'
  await until(() => a.log.count(text) === 1)
  t.equal(twin.network.activeSinceMs(a.id), undefined)
  t.not(b.network.activeSinceMs(a.id), undefined)
  await b.close()
  await until(() => twin.network.activeSinceMs(a.id) !== undefined)
})
