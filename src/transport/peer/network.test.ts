import t from 'tap'
import { index } from '../../base/index.js'
import { raftpb } from '../../proto/index.js'
import { connected, entries, join, message, startMember, until } from './testing.js'

const { MessageType } = raftpb

t.test('messages arrive in order and as they were sent', async (t) => {
  const [a, b] = [await startMember(1), await startMember(2)]
  t.teardown(() => Promise.all([a.close(), b.close()]))
  join(a, b)
  await connected(a, b)
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
})
