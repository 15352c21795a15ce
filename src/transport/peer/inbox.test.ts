import t from 'tap'
import type { MemberId } from '../../base/index.js'
import { raftpb } from '../../proto/index.js'
import { realClock } from '../testing.js'
import type { ReceivedBatch } from './frames.js'
import { type BatchSource, Inbox } from './inbox.js'
import { PEER_LIMITS } from './limits.js'
import { TestReceiver } from './testing.js'

const { MessageType } = raftpb
const SELF = 1n as MemberId
const OTHER = 2n as MemberId

const source: BatchSource = {
  from: OTHER,
  isOpen: true,
  onConsumed: () => undefined,
  onBadBatch: (reason) => void t.fail(reason),
  onOverflow: () => void t.fail('dropped'),
}

const batchOf = (...types: number[]): ReceivedBatch => {
  const messages = types.map((type) => Object.assign(new raftpb.Message(), { type, from: OTHER, to: SELF }))
  return { next: () => messages.shift() } as unknown as ReceivedBatch
}

const open = () => {
  const inbox = new Inbox(SELF, realClock)
  const receiver = new TestReceiver()
  inbox.open(receiver)
  return { inbox, receiver }
}

t.test(
  'of what one callback brought, control comes first and proposals last, whatever lane was read first',
  async (t) => {
    const { inbox, receiver } = open()
    inbox.push(source, batchOf(MessageType.MsgProp, MessageType.MsgApp), false)
    inbox.push(source, batchOf(MessageType.MsgAppResp), true)
    t.same(receiver.batches, [], 'not inside the callback')
    await Promise.resolve()
    t.equal(receiver.batches.length, 1)
    t.same(
      receiver.messages.map(({ type }) => type),
      [MessageType.MsgAppResp, MessageType.MsgApp, MessageType.MsgProp],
    )
  },
)

t.test('proposals of one turn are bounded, the rest has the next ones', async (t) => {
  const { inbox, receiver } = open()
  const count = PEER_LIMITS.proposalsPerTurn + 1
  inbox.push(source, batchOf(...Array.from({ length: count }, () => MessageType.MsgProp)), false)
  await Promise.resolve()
  t.equal(receiver.messages.length, PEER_LIMITS.proposalsPerTurn)
  while (receiver.messages.length < count) await new Promise((resolve) => setImmediate(resolve))
  t.equal(receiver.messages.length, count)
})
