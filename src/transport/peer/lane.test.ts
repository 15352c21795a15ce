// Lanes against a member that a test plays, with time moved by hand.

import { type AddressInfo, type Socket, createServer } from 'node:net'
import t from 'tap'
import { index } from '../../base/index.js'
import { type StreamCall, type StreamHandler, streamMethod } from '../../env/index.js'
import { quoratepeer, raftpb } from '../../proto/index.js'
import { listenSpecs } from '../address.js'
import { ClientPort } from '../client-port.js'
import { createGrpcServer } from '../grpc/index.js'
import { grpcOptions, realClock } from '../testing.js'
import { ReceivedBatch, type ReceivedFrame, receivedFrameCodec } from './frames.js'
import { PEER_LIMITS } from './limits.js'
import { CLUSTER, HandClock, TestLog, type TestMember, entries, message, startMember, until } from './testing.js'

const { MessageType } = raftpb
const { RaftService, LaneReply, PeerCode } = quoratepeer

class PlayedStream implements StreamHandler<ReceivedFrame> {
  readonly method: string
  readonly call: StreamCall<quoratepeer.LaneReply>
  readonly messages: raftpb.Message[] = []
  readonly batchBytes: number[] = []
  readonly pings: bigint[] = []
  hello: quoratepeer.Hello | undefined
  isOver = false

  constructor(method: string, call: StreamCall<quoratepeer.LaneReply>) {
    this.method = method
    this.call = call
  }

  onMessage(frame: ReceivedFrame): void {
    if (frame instanceof ReceivedBatch) {
      this.batchBytes.push(frame.sizeBytes)
      for (let m = frame.next(); m !== undefined; m = frame.next()) this.messages.push(m)
    } else if (frame.hello !== undefined) this.hello = frame.hello
    else if (frame.ping !== undefined) this.pings.push(frame.ping.nonce)
  }

  onHalfClose(): void {
    this.isOver = true
  }

  onCancel(): void {
    this.isOver = true
  }

  onDrain(): void {
    // Nothing waits.
  }

  ack(fields: Partial<quoratepeer.HelloAck> = {}): void {
    const reply = new LaneReply()
    reply.ack = Object.assign(
      new quoratepeer.HelloAck(),
      { clusterId: CLUSTER, memberId: 2n, creditBytes: 1 << 20 },
      fields,
    )
    this.call.send(reply)
  }

  credit(addBytes: number): void {
    const reply = new LaneReply()
    reply.credit = new quoratepeer.Credit()
    reply.credit.addBytes = addBytes
    this.call.send(reply)
  }

  pong(nonce: bigint, unixMs: number): void {
    const reply = new LaneReply()
    reply.pong = new quoratepeer.Pong()
    reply.pong.nonce = nonce
    reply.pong.unixMs = unixMs
    this.call.send(reply)
  }
}

/** Member 1 for real, member 2 played. */
async function setup(t: { teardown(run: () => unknown): void }) {
  const streams: PlayedStream[] = []
  const play = (name: string) =>
    streamMethod<ReceivedFrame, quoratepeer.LaneReply>({
      name,
      kind: 'bidi_stream',
      endless: true,
      request: receivedFrameCodec,
      response: quoratepeer.LaneReplyCodec,
      open: (call) => {
        const stream = new PlayedStream(name, call)
        streams.push(stream)
        return stream
      },
    })
  const port = new ClientPort({
    specs: listenSpecs(['http://127.0.0.1:0']),
    tls: undefined,
    clock: realClock,
    logger: new TestLog(),
    endpoint: 'peer',
    connectionsMax: 100,
  })
  await port.open()
  const methods = [play(RaftService.methods.control.name), play(RaftService.methods.append.name)]
  port.serve({
    grpc: createGrpcServer({ ...grpcOptions([{ name: RaftService.name, methods }]), receiveBytesMax: 1 << 25 }),
  })
  const clock = new HandClock()
  const a = await startMember(1, { clock })
  t.teardown(async () => {
    await a.close()
    mustBeIdle(clock)
    await port.close(100)
  })
  const b = 2n as TestMember['id']
  a.network.setPeers([{ id: b, urls: [`http://127.0.0.1:${port.listeners[0]!.port}`] }], [])
  const stream = async (method: string, nth = 1): Promise<PlayedStream> => {
    const found = () => streams.filter((s) => s.method === method && s.hello !== undefined)
    await until(() => found().length >= nth)
    return found()[nth - 1]!
  }
  return { a, b, clock, streams, stream }
}
const mustBeIdle = (clock: HandClock): void => {
  if (clock.timerCount > 0) throw new Error(`${clock.timerCount} timers are left`)
}

const isActive = (a: TestMember, b: TestMember['id']) => () => a.network.activeSinceMs(b) !== undefined
const turns = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve))
}

t.test('the handshake says who dials', async (t) => {
  const { a, b, stream, streams } = await setup(t)
  const control = await stream('Control')
  t.match(control.hello, {
    protocolVersion: 1,
    lane: 1,
    clusterId: CLUSTER,
    fromId: 1n,
    toId: 2n,
    serverVersion: '3.7.0',
    peerUrls: [a.url],
    maxFrameBytes: 16 * 1024 * 1024,
  })
  t.equal(streams.length, 1, 'the append lane waits for the first')
  t.equal(a.network.activeSinceMs(b), undefined)
  control.ack()
  const append = await stream('Append')
  t.equal(append.hello?.lane, 2)
  t.equal(append.hello?.incarnationId, control.hello?.incarnationId)
  t.not(a.network.activeSinceMs(b), undefined)
})

t.test('an answer of another member or cluster is none', async (t) => {
  const { a, b, clock, stream } = await setup(t)
  ;(await stream('Control')).ack({ memberId: 3n as never })
  await until(() => clock.timerCount === 2)
  clock.advance(PEER_LIMITS.redialMs * 1.2)
  ;(await stream('Control', 2)).ack({ clusterId: 9n as never, code: PeerCode.MEMBER_REMOVED })
  await until(() => clock.timerCount === 2)
  clock.advance(PEER_LIMITS.refusedRedialMs * 1.2)
  const reply = new LaneReply()
  reply.goAway = Object.assign(new quoratepeer.GoAway(), { code: PeerCode.MEMBER_REMOVED, message: 'removed' })
  ;(await stream('Control', 3)).call.send(reply)
  await until(() => clock.timerCount === 2)
  clock.advance(PEER_LIMITS.redialMs * 1.2)
  await stream('Control', 4)
  t.equal(a.network.activeSinceMs(b), undefined)
  t.equal(a.receiver.removed, 0)
})

t.test('signs of life, and their absence', async (t) => {
  const { a, b, clock, stream } = await setup(t)
  const control = await stream('Control')
  control.ack()
  const append = await stream('Append')
  append.ack()
  await until(isActive(a, b))
  const since = a.network.activeSinceMs(b)
  await turns(20)
  clock.advance(PEER_LIMITS.pingMs)
  await until(() => control.pings.length === 1 && append.pings.length === 1)
  clock.advance(40)
  control.pong(control.pings[0]!, clock.wallMs() - 5000)
  append.pong(append.pings[0]!, clock.wallMs())
  await until(() => a.metrics.of('etcd_network_peer_round_trip_time_seconds', '2') === 1)
  t.equal(a.log.count('prober found high clock drift'), 1)
  // Frames of any kind are signs of life.
  for (let i = 0; i < 5; i++) {
    clock.advance(PEER_LIMITS.pingMs)
    await until(() => control.pings.length === i + 2)
    control.credit(1)
    append.credit(1)
    await turns(20)
  }
  t.equal(a.network.activeSinceMs(b), since, 'active without a break')
  for (let ms = 0; ms < PEER_LIMITS.silenceMs + 400; ms += 200) clock.advance(200)
  t.equal(a.network.activeSinceMs(b), undefined)
  await until(() => control.isOver && append.isOver)
  t.equal(a.log.count('lost TCP streaming connection with remote peer'), 2)
  await until(() => a.receiver.unreachable.length === 1)
})

t.test('a loop that stood still does not blame the others', async (t) => {
  const { a, b, clock, stream } = await setup(t)
  ;(await stream('Control')).ack()
  await until(isActive(a, b))
  const start = clock.monotonicMs()
  clock.jump(60_000)
  t.equal(clock.monotonicMs(), start + 60_000)
  clock.advance(PEER_LIMITS.checkMs)
  t.not(a.network.activeSinceMs(b), undefined)
})

t.test('who does not answer the dial in time is dialled again', async (t) => {
  const { a, b, clock, stream } = await setup(t)
  const first = await stream('Control')
  a.network.send([message(MessageType.MsgVote, a, b)])
  for (let ms = 0; ms < 2400; ms += 200) clock.advance(200)
  await until(() => first.isOver)
  // What waited for the dial is stale; so is what comes between two dials.
  await until(() => a.receiver.unreachable.length === 1)
  clock.advance(PEER_LIMITS.redialMs * 1.2)
  const second = await stream('Control', 2)
  a.network.send([message(MessageType.MsgVote, a, b, { index: index(5) })])
  second.ack()
  await until(() => second.messages.length === 1)
  t.equal(second.messages[0]!.index, 5)
})

t.test('a proposal does not wait for the control lane', async (t) => {
  const { a, b, stream } = await setup(t)
  await stream('Control')
  a.network.send([message(MessageType.MsgProp, a, b, { index: index(7) })])
  const append = await stream('Append')
  append.ack()
  await until(() => append.messages.length === 1)
  t.equal(append.messages[0]!.index, 7)
})

t.test('a proposal between two dials goes with the next, other messages are dropped', async (t) => {
  const { a, b, clock, stream } = await setup(t)
  ;(await stream('Control')).ack()
  ;(await stream('Append')).ack({ code: PeerCode.NOT_READY })
  await until(() => clock.timerCount === 2)
  a.network.send([message(MessageType.MsgApp, a, b), message(MessageType.MsgProp, a, b, { index: index(7) })])
  await until(() => a.receiver.unreachable.length === 1)
  clock.advance(PEER_LIMITS.redialMs * 1.2)
  const second = await stream('Append', 2)
  second.ack()
  await until(() => second.messages.length === 1)
  t.match(second.messages[0], { type: MessageType.MsgProp, index: 7 })
})

t.test('redials are jittered and never rarer than promised', async (t) => {
  const { a, clock, stream } = await setup(t)
  const delays: number[] = []
  for (let i = 1; i <= 12; i++) {
    const control = await stream('Control', i)
    control.ack({ code: PeerCode.NOT_READY })
    await until(() => clock.timerCount === 2)
    const start = clock.monotonicMs()
    for (let ms = 0; ms < 130 && clock.timerCount === 2; ms++) clock.advance(1)
    delays.push(clock.monotonicMs() - start)
  }
  t.ok(Math.min(...delays) >= 80 && Math.max(...delays) <= 121, String(delays))
  t.ok(new Set(delays).size > 3, String(delays))
  t.equal(a.log.count('request sent was ignored by remote peer'), 1, 'said once')
})

t.test('a retry time that the other names is kept, within reason', async (t) => {
  const { clock, stream } = await setup(t)
  ;(await stream('Control')).ack({ code: PeerCode.DUPLICATE_INCARNATION, retryAfterMs: 4_000_000 })
  await until(() => clock.timerCount === 2)
  clock.advance(PEER_LIMITS.silenceMs * 0.7)
  t.equal(clock.timerCount, 2)
  clock.advance(PEER_LIMITS.silenceMs * 0.5)
  await stream('Control', 2)
})

t.test('appends wait for credit', async (t) => {
  const { a, b, stream } = await setup(t)
  ;(await stream('Control')).ack()
  const append = await stream('Append')
  append.ack({ creditBytes: 500_000 })
  await until(() => {
    a.network.send([message(MessageType.MsgApp, a, b)])
    return append.messages.length > 0
  })
  await turns(50)
  append.messages.length = append.batchBytes.length = 0
  const all = Array.from({ length: 40 }, (_, i) =>
    message(MessageType.MsgApp, a, b, { index: index(i), entries: entries(i, 1, 100_000) }),
  )
  a.network.send(all)
  await until(() => append.messages.length >= 4)
  await turns(50)
  const first = append.messages.length
  t.ok(first < 10, `${first} messages for 500,000 bytes`)
  t.ok(Math.max(...append.batchBytes) <= PEER_LIMITS.batchBytes + 1000)
  append.credit(1_000_000)
  await until(() => append.messages.length >= first + 8)
  await turns(50)
  t.ok(append.messages.length < first + 16)
  append.credit(10_000_000)
  await until(() => append.messages.length === 40)
  t.same(
    append.messages.map((m) => m.index),
    all.map((m) => m.index),
  )
})

t.test('heartbeats and votes do not wait for credit', async (t) => {
  const { a, b, stream } = await setup(t)
  const control = await stream('Control')
  control.ack({ creditBytes: 1 })
  await until(isActive(a, b))
  a.network.send([message(MessageType.MsgAppResp, a, b)])
  await until(() => control.messages.length === 1)
  a.network.send([
    message(MessageType.MsgAppResp, a, b, { index: index(2) }),
    message(MessageType.MsgHeartbeat, a, b, { index: index(3) }),
    message(MessageType.MsgVote, a, b, { index: index(4) }),
  ])
  await until(() => control.messages.length === 3)
  await turns(50)
  t.same(
    control.messages.map((m) => m.index),
    [0, 3, 4],
  )
  control.credit(1000)
  await until(() => control.messages.length === 4)
  t.equal(control.messages[3]!.index, 2)
})

t.test('who is removed while connected is told', async (t) => {
  const { a, stream } = await setup(t)
  const control = await stream('Control')
  control.ack()
  await stream('Append')
  const reply = new LaneReply()
  reply.goAway = Object.assign(new quoratepeer.GoAway(), { code: PeerCode.MEMBER_REMOVED, message: 'removed' })
  control.call.send(reply)
  await until(() => a.receiver.removed === 1)
  await until(() => control.isOver)
})

t.test('a dial that nobody answers leaves no socket behind', async (t) => {
  const sockets = new Set<Socket>()
  let count = 0
  const silent = createServer((socket) => {
    count++
    sockets.add(socket.resume())
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  t.teardown(() => silent.close())
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const clock = new HandClock()
  const a = await startMember(1, { clock })
  t.teardown(() => a.close())
  a.network.setPeers([{ id: 2n as never, urls: [`http://127.0.0.1:${(silent.address() as AddressInfo).port}`] }], [])
  for (let i = 1; i <= 3; i++) {
    await until(() => count === i && sockets.size === 1)
    clock.advance(2000 + PEER_LIMITS.checkMs)
    clock.advance(PEER_LIMITS.redialMs * 1.2)
  }
})
