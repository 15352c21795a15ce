import t from 'tap'
import { index } from '../../base/index.js'
import { raftpb } from '../../proto/index.js'
import { PEER_LIMITS } from './limits.js'
import { HandClock, type TestMember, connected, entries, join, message, startMember, until } from './testing.js'

const { MessageType } = raftpb

const pair = async (t: { teardown(run: () => unknown): void }): Promise<[TestMember, TestMember]> => {
  const members: [TestMember, TestMember] = [await startMember(1), await startMember(2)]
  t.teardown(() => Promise.all(members.map((member) => member.close())))
  join(...members)
  await connected(...members)
  return members
}

t.test('messages arrive in order and as they were sent', async (t) => {
  const [a, b] = await pair(t)
  const sent = [
    message(MessageType.MsgApp, a, b, {
      index: index(5),
      commit: index(4),
      entries: entries(6, 3, 100),
      context: Uint8Array.of(1, 2),
    }),
    message(MessageType.MsgApp, a, b, { index: index(8), entries: entries(9, 1, 300_000) }),
    message(MessageType.MsgApp, a, b, { index: index(9), entries: entries(10, 1, 0) }),
  ]
  a.network.send(sent)
  await until(() => b.receiver.messages.length === 3)
  t.strictSame(
    b.receiver.messages.map((m) => raftpb.MessageCodec.encode(m)),
    sent.map((m) => raftpb.MessageCodec.encode(m)),
  )
  const many = Array.from({ length: 1000 }, (_, i) => message(MessageType.MsgHeartbeat, b, a, { commit: index(i) }))
  b.network.send(many)
  await until(() => a.receiver.messages.length === 1000)
  t.strictSame(
    a.receiver.messages.map((m) => m.commit),
    many.map((m) => m.commit),
  )
  t.ok(a.metrics.of('etcd_network_peer_sent_bytes_total', '2') > 300_000)
  t.equal(
    b.metrics.of('etcd_network_peer_received_bytes_total', '1'),
    a.metrics.of('etcd_network_peer_sent_bytes_total', '2'),
  )
})

t.test('a member of 16 MiB requests sends them', async (t) => {
  const maxRequestBytes = 16 * 1024 * 1024
  const members = [await startMember(1, { maxRequestBytes }), await startMember(2, { maxRequestBytes })] as const
  const [a, b] = members
  t.teardown(() => Promise.all(members.map((member) => member.close())))
  join(a, b)
  await connected(a, b)
  for (let i = 0; i < 3; i++) {
    a.network.send([message(MessageType.MsgApp, a, b, { entries: entries(i, 1, maxRequestBytes) })])
  }
  await until(() => b.receiver.messages.length === 3)
  t.same(
    b.receiver.messages.map((m) => m.entries[0]!.data.length),
    [maxRequestBytes, maxRequestBytes, maxRequestBytes],
  )
})

t.test('what is sent in one turn travels together, and is encoded once for all', async (t) => {
  // While time stands still decoding does not give way.
  const clock = new HandClock()
  const members = [await startMember(1), await startMember(2, { clock }), await startMember(3, { clock })] as const
  const [a, b, c] = members
  t.teardown(() => Promise.all(members.map((member) => member.close())))
  join(...members)
  await connected(...members)
  const shared = entries(1, 50, 64)
  for (let i = 0; i < 10; i++) {
    a.network.send([
      message(MessageType.MsgApp, a, b, { index: index(i), entries: shared }),
      message(MessageType.MsgApp, a, c, { index: index(i), entries: shared }),
    ])
  }
  await until(() => b.receiver.messages.length === 10 && c.receiver.messages.length === 10)
  t.same(b.receiver.batches, [10])
  t.same(c.receiver.batches, [10])
  t.strictSame(
    c.receiver.messages.map((m) => m.entries.map((entry) => ({ ...entry }))),
    Array.from({ length: 10 }, () => shared.map((entry) => ({ ...entry }))),
  )
})

t.test('a full queue drops the newest and says so once', async (t) => {
  const [a, b] = await pair(t)
  const count = PEER_LIMITS.queueMessages + 500
  a.network.send(Array.from({ length: count }, (_, i) => message(MessageType.MsgApp, a, b, { index: index(i) })))
  await until(() => b.receiver.messages.length === PEER_LIMITS.queueMessages)
  t.same(
    b.receiver.messages.map((m) => m.index),
    Array.from({ length: PEER_LIMITS.queueMessages }, (_, i) => i),
  )
  t.same(a.receiver.unreachable, [b.id])
  t.equal(a.metrics.of('etcd_network_peer_sent_failures_total', '2'), 500)
  t.equal(a.log.count('dropped internal Raft message since sending buffer is full'), 500)
  // It was not the link that broke.
  t.not(a.network.activeSinceMs(b.id), undefined)
  a.network.send([message(MessageType.MsgApp, a, b, { index: index(9999) })])
  await until(() => b.receiver.messages.at(-1)?.index === 9999)
})

t.test('a broken link is reported once, drops what is sent, and comes back', async (t) => {
  const [a, b] = await pair(t)
  const since = a.network.activeSinceMs(b.id)!
  await b.close()
  await until(() => a.network.activeSinceMs(b.id) === undefined)
  await until(() => a.receiver.unreachable.length > 0)
  a.network.send([message(MessageType.MsgHeartbeat, a, b)])
  a.network.send([message(MessageType.MsgHeartbeat, a, b)])
  t.equal(a.metrics.of('etcd_network_active_peers', '1', '2'), 0)
  t.equal(a.metrics.of('etcd_network_disconnected_peers_total', '1', '2'), 1)
  t.equal(a.log.count('peer became inactive (message send to peer failed)'), 1)

  const again = await startMember(2, { port: b.port })
  t.teardown(() => again.close())
  join(a, again)
  await connected(a, again)
  t.ok(a.network.activeSinceMs(b.id)! > since)
  t.equal(a.metrics.of('etcd_network_active_peers', '1', '2'), 1)
  a.network.send([message(MessageType.MsgHeartbeat, a, b, { commit: index(3) })])
  await until(() => again.receiver.messages.some((m) => m.commit === 3))
  t.same(new Set(a.receiver.unreachable), new Set([b.id]))
  // One for each lane that was open, and one for the first dial that failed with something queued.
  t.ok(a.receiver.unreachable.length <= 3, `${a.receiver.unreachable.length} reports`)
})

t.test('addresses are tried in turn, and may change', async (t) => {
  const members = [await startMember(1), await startMember(2), await startMember(3)] as const
  const [a, b, c] = members
  t.teardown(() => Promise.all(members.map((member) => member.close())))
  await c.closePort()
  // Nobody listens at the first, another member at the second.
  a.network.setPeers([{ id: b.id, urls: [c.url, a.url, b.url] }], [])
  b.network.setPeers([{ id: a.id, urls: [c.url] }], [])
  await until(() => a.network.activeSinceMs(b.id) !== undefined)
  t.ok(a.log.count('ignored streaming request; ID mismatch') >= 1, 'the member itself refused')
  t.equal(b.network.activeSinceMs(a.id), undefined)
  b.network.setPeers([{ id: a.id, urls: [a.url] }], [])
  await connected(a, b)
  t.equal(b.log.count('updated remote peer'), 1)
})

t.test('proposals of others come last of their lane', async (t) => {
  const [a, b] = await pair(t)
  b.network.send([
    message(MessageType.MsgProp, 77n as never, a, { entries: entries(0, 1, 10) }),
    message(MessageType.MsgApp, b, a, { index: index(1) }),
    message(MessageType.MsgApp, b, a, { index: index(2) }),
  ])
  await until(() => a.receiver.messages.length === 3)
  t.equal(a.receiver.messages.at(-1)?.type, MessageType.MsgProp)
  t.equal(a.receiver.messages.at(-1)?.from, 77n, 'under the name of who asked')
})

t.test('a message under a false name or of the inside ends its stream', async (t) => {
  const [a, b] = await pair(t)
  a.network.send([message(MessageType.MsgAppResp, 9n as never, b), message(MessageType.MsgAppResp, a, b)])
  await until(() => b.log.count('closed a stream that sent what members do not send') === 1)
  t.equal(b.receiver.messages.length, 0)
  t.equal(b.metrics.of('etcd_network_peer_received_failures_total', '1'), 1)
  await connected(a, b)
  await until(() => {
    a.network.send([message(MessageType.MsgAppResp, a, b)])
    return b.receiver.messages.length > 0
  })
})

t.test('the list of members is the law', async (t) => {
  const members = [await startMember(1), await startMember(2), await startMember(3)] as const
  const [a, b, c] = members
  t.teardown(() => Promise.all(members.map((member) => member.close())))
  join(...members)
  await connected(...members)
  a.network.send([message(MessageType.MsgAppResp, a, 9n as never)])
  const rest = [a, b].map(({ id, url }) => ({ id, urls: [url] }))
  a.network.setPeers(rest, [c.id])
  a.network.setPeers(rest, [c.id])
  t.equal(a.network.activeSinceMs(c.id), undefined)
  await until(() => c.receiver.removed === 1)
  a.network.send([message(MessageType.MsgAppResp, a, c), message(MessageType.MsgAppResp, a, b)])
  await until(() => b.receiver.messages.length === 1)
  t.equal(c.receiver.messages.length, 0)
  // It goes on trying, and is told once.
  await until(() => a.log.count('rejected stream from remote peer because it was removed') === 1)
  t.equal(c.receiver.removed, 1)
  t.equal(a.log.count('removed remote peer'), 1)
})

t.test('a closed network is silent', async (t) => {
  const [a, b] = await pair(t)
  const closing = a.network.close()
  t.equal(a.network.close(), closing)
  await closing
  await until(() => b.network.activeSinceMs(a.id) === undefined)
  a.network.send([message(MessageType.MsgAppResp, a, b)])
  a.network.setPeers([{ id: b.id, urls: [b.url] }], [])
  b.network.send([message(MessageType.MsgAppResp, b, a)])
  await until(() => b.receiver.unreachable.length > 0)
  t.equal(a.receiver.messages.length, 0)
  t.equal(a.receiver.unreachable.length, 0)
  t.equal(a.network.activeSinceMs(b.id), undefined)
})
