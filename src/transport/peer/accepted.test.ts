// The accepting side alone: a test plays the dialer on a call that is only in memory.

import { createHash } from 'node:crypto'
import t from 'tap'
import { crc32c } from '@node-rs/crc32'
import { index } from '../../base/index.js'
import type { Method, Status, StreamCall, StreamHandler, StreamMethod } from '../../env/index.js'
import { quoratepeer, raftpb } from '../../proto/index.js'
import { BatchWriter, ReceivedBatch, type ReceivedFrame, creditOf, helloFrame, receivedFrameCodec } from './frames.js'
import { helloOf } from './handshake.js'
import { PEER_LIMITS, peerFrameBytes } from './limits.js'
import { createPeerNetwork } from './network.js'
import type { PeerNetworkOptions } from './options.js'
import { CLUSTER, HandClock, TestLog, TestMetrics, TestReceiver, entries, message, seeded } from './testing.js'

const { MessageType } = raftpb
const { SnapshotCode, SnapshotFrame, PeerCode } = quoratepeer
const [SELF, OTHER] = [1n, 2n] as unknown as [PeerNetworkOptions['memberId'], PeerNetworkOptions['memberId']]

class MemoryCall<Res> implements StreamCall<Res> {
  readonly metadata = { get: () => undefined }
  readonly peer = '127.0.0.1:1'
  readonly deadlineMs = undefined
  readonly bufferedBytes = 0
  readonly sent: Res[] = []
  end_: 'open' | 'ended' | Status = 'open'

  send(reply: Res): boolean {
    if (this.end_ === 'open') this.sent.push(reply)
    return true
  }

  end(): void {
    if (this.end_ === 'open') this.end_ = 'ended'
  }

  fail(status: Status): void {
    if (this.end_ === 'open') this.end_ = status
  }
}

function setup() {
  const clock = new HandClock()
  const metrics = new TestMetrics()
  const options: PeerNetworkOptions = {
    memberId: SELF,
    clusterId: CLUSTER,
    serverVersion: '3.7.0',
    minClusterVersion: '3.0.0',
    peerUrls: ['http://127.0.0.1:1'],
    dialTimeoutMs: 2000,
    maxRequestBytes: 1_572_864,
    clock,
    random: seeded(1),
    logger: new TestLog(),
    metrics,
  }
  const network = createPeerNetwork(options)
  const receiver = new TestReceiver()
  network.open(receiver)
  network.setPeers([{ id: OTHER, urls: [] }], [])
  const methods = network.services[0]!.methods
  const open = <Req, Res>(name: string, call: StreamCall<Res>): StreamHandler<Req> =>
    (methods.find((method: Method) => method.name === name) as unknown as StreamMethod<Req, Res>).open(call)
  const hello = (lane: number) => helloOf({ ...options, memberId: OTHER }, lane, SELF, 5n)
  const lane = (name: 'Control' | 'Append') => {
    const call = new MemoryCall<quoratepeer.LaneReply>()
    const handler = open<ReceivedFrame, quoratepeer.LaneReply>(name, call)
    const send = (bytes: Uint8Array): void => handler.onMessage(receivedFrameCodec.decode(bytes, 0, bytes.length))
    send(helloFrame(hello(name === 'Control' ? 1 : 2)))
    return { call, handler, send }
  }
  return { clock, metrics, network, receiver, open, hello, lane }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const turns = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i++) await turn()
}
const append = (bytes: number): Uint8Array =>
  new BatchWriter().write([message(MessageType.MsgApp, OTHER, SELF, { entries: entries(1, 1, bytes) })], 1)

t.test('credit comes back for what was decoded, in quarters', async (t) => {
  const { network, lane } = setup()
  const { call, send } = lane('Append')
  t.equal(call.sent[0]?.ack?.creditBytes, PEER_LIMITS.appendCreditBytes)
  const frame = append(1024 * 1024)
  const credits = () => call.sent.filter((reply) => reply.credit !== undefined)
  for (let i = 0; i < 3; i++) send(frame)
  await turn()
  t.equal(credits().length, 0)
  send(frame)
  t.equal(credits().length, 0, 'not before it is decoded')
  await turn()
  t.equal(credits()[0]?.credit?.addBytes, 4 * creditOf(frame.length))
  await network.close()
})

t.test('who exceeds the credit by more than a frame is cut off', async (t) => {
  const { network, receiver, lane } = setup()
  const { call, send } = lane('Append')
  const frame = append(1024 * 1024)
  const bound = PEER_LIMITS.appendCreditBytes + peerFrameBytes(0) + PEER_LIMITS.urgentBytes
  let sent = 0
  for (; call.end_ === 'open' && sent < 100; sent++) send(frame)
  t.ok(sent * frame.length <= bound + 2 * frame.length, `${sent} frames`)
  t.match(call.end_, { message: 'peer: sent more than its credit' })
  await turns(3)
  t.equal(receiver.messages.length, 0, 'what it sent is dropped')
  await network.close()
})

t.test('empty frames cost credit too', async (t) => {
  const { network, lane } = setup()
  const { call, send } = lane('Control')
  const frame = new BatchWriter().write([], 1)
  let sent = 0
  for (; call.end_ === 'open' && sent < 1_000_000; sent++) send(frame)
  t.ok(sent < 500_000, `${sent} frames`)
  await network.close()
})

t.test('decoding gives way, control first, and streams that ended are not read on', async (t) => {
  const { clock, network, receiver, lane } = setup()
  const control = lane('Control')
  const appends = lane('Append')
  // Every look at the clock costs a millisecond.
  const read = clock.monotonicMs.bind(clock)
  let costMs = 0
  clock.monotonicMs = () => {
    clock.advance(costMs)
    return read()
  }
  costMs = 1
  const list = Array.from({ length: 10 }, (_, i) => message(MessageType.MsgApp, OTHER, SELF, { index: index(i) }))
  appends.send(new BatchWriter().write(list, 1))
  control.send(new BatchWriter().write([message(MessageType.MsgHeartbeat, OTHER, SELF)], 1))
  await turn()
  t.equal(receiver.batches.length, 1)
  t.ok(receiver.messages.length < 5, `${receiver.messages.length} in the first turn`)
  t.equal(receiver.messages[0]?.type, MessageType.MsgHeartbeat)
  await turns(20)
  t.same(
    receiver.messages.slice(1).map((m) => m.index),
    list.map((m) => m.index),
  )
  appends.send(new BatchWriter().write(list, 2))
  await turn()
  const before = receiver.messages.length
  appends.handler.onCancel('transport')
  await turns(20)
  t.ok(receiver.messages.length <= before + 3)
  costMs = 0
  await network.close()
})

t.test('proposals beyond the bound are dropped', async (t) => {
  const { metrics, network, receiver, lane } = setup()
  const { send } = lane('Append')
  const list = Array.from({ length: 3000 }, () => message(MessageType.MsgProp, OTHER, SELF))
  send(new BatchWriter().write(list, 1))
  send(new BatchWriter().write(list, 2))
  await turn()
  t.equal(receiver.messages.length, PEER_LIMITS.proposalsPerTurn)
  await turns(10)
  t.equal(receiver.messages.length, PEER_LIMITS.proposals)
  t.equal(metrics.of('etcd_network_peer_received_failures_total', '2'), 6000 - PEER_LIMITS.proposals)
  await network.close()
})

t.test('one stream per lane, and silence ends it', async (t) => {
  const { clock, network, lane } = setup()
  const first = lane('Control')
  const second = lane('Control')
  t.equal(first.call.end_, 'ended')
  t.equal(first.call.sent.at(-1)?.goAway?.code, PeerCode.CLOSING)
  t.equal(second.call.end_, 'open')
  for (let ms = 0; ms < PEER_LIMITS.silenceMs + 400; ms += 200) clock.advance(200)
  t.equal(second.call.end_, 'ended')
  await network.close()
})

t.test('strangers and the nameless are few', async (t) => {
  const { clock, network, open, hello } = setup()
  const dial = (id: number): MemoryCall<quoratepeer.LaneReply> => {
    const call = new MemoryCall<quoratepeer.LaneReply>()
    const handler = open<ReceivedFrame, quoratepeer.LaneReply>('Control', call)
    if (id > 0) {
      const bytes = helloFrame(Object.assign(hello(1), { fromId: BigInt(100 + id) }))
      handler.onMessage(receivedFrameCodec.decode(bytes, 0, bytes.length))
    }
    return call
  }
  for (let i = 1; i <= PEER_LIMITS.strangers; i++) t.equal(dial(i).sent[0]?.ack?.code, PeerCode.ACCEPTED)
  t.equal(dial(99).sent[0]?.ack?.code, PeerCode.UNKNOWN_MEMBER)
  const silent = Array.from({ length: PEER_LIMITS.nameless }, () => dial(0))
  t.ok(silent.every((call) => call.end_ === 'open'))
  t.match(dial(0).end_, { message: 'peer: too many streams' })
  for (let ms = 0; ms < PEER_LIMITS.silenceMs + 400; ms += 200) clock.advance(200)
  t.ok(silent.every((call) => call.end_ === 'ended'))
  t.equal(dial(0).end_, 'open')
  await network.close()
})

t.test('frames out of their order end the stream', async (t) => {
  const { network, open, lane } = setup()
  const call = new MemoryCall<quoratepeer.LaneReply>()
  const bytes = append(1)
  open<ReceivedFrame, quoratepeer.LaneReply>('Append', call).onMessage(new ReceivedBatch(bytes, 0, bytes.length))
  t.match(call.end_, { message: 'peer: not the frames of a member' })
  const again = lane('Append')
  again.send(helloFrame(new quoratepeer.Hello()))
  t.match(again.call.end_, { message: 'peer: not the frames of a member' })
  await network.close()
})

/** Frames of a good transfer of `pieces`, which a test may spoil. */
function transfer(hello: quoratepeer.Hello, pieces: readonly Uint8Array[]): quoratepeer.SnapshotFrame[] {
  const snapshot = new raftpb.Snapshot()
  snapshot.metadata = new raftpb.SnapshotMetadata()
  const hash = createHash('sha256')
  let offset = 0
  const chunks = pieces.map((data) => {
    const chunk = Object.assign(new quoratepeer.SnapshotChunk(), { offset, data, crc: crc32c(data) })
    offset += data.length
    hash.update(data)
    return Object.assign(new SnapshotFrame(), { chunk })
  })
  const begin = new quoratepeer.SnapshotBegin()
  begin.raftMessage = raftpb.MessageCodec.encode(message(MessageType.MsgSnap, OTHER, SELF, { snapshot }))
  const end = Object.assign(new quoratepeer.SnapshotEnd(), { totalBytes: offset, sha256: hash.digest() })
  return [
    Object.assign(new SnapshotFrame(), { hello }),
    Object.assign(new SnapshotFrame(), { begin }),
    ...chunks,
    Object.assign(new SnapshotFrame(), { end }),
  ]
}

t.test('a snapshot that is not what was sent', async (t) => {
  const pieces = [Buffer.alloc(1000, 1), Buffer.alloc(1000, 2), Buffer.alloc(10, 3)]
  type Frames = quoratepeer.SnapshotFrame[]
  const cases: Record<string, [(frames: Frames) => void, number | string]> = {
    nothing: [() => undefined, SnapshotCode.SNAPSHOT_OK],
    'a flipped bit': [(f) => (f[3]!.chunk!.data[500]! ^= 4), SnapshotCode.SNAPSHOT_CHECKSUM],
    'another checksum': [(f) => (f[2]!.chunk!.crc ^= 1), SnapshotCode.SNAPSHOT_CHECKSUM],
    'a chunk left out': [(f) => f.splice(3, 1), SnapshotCode.SNAPSHOT_CHECKSUM],
    'a chunk twice': [(f) => f.splice(3, 0, f[3]!), SnapshotCode.SNAPSHOT_CHECKSUM],
    'the last chunk left out': [(f) => f.splice(4, 1), SnapshotCode.SNAPSHOT_CHECKSUM],
    'another length': [(f) => f[5]!.end!.totalBytes++, SnapshotCode.SNAPSHOT_CHECKSUM],
    'another hash': [(f) => (f[5]!.end!.sha256[0]! ^= 1), SnapshotCode.SNAPSHOT_CHECKSUM],
    'another sender': [(f) => (f[1]!.begin!.raftMessage[5]! ^= 7), 'a message that is no snapshot'],
    'no message': [(f) => (f[1]!.begin!.raftMessage = Uint8Array.of(255)), 'a malformed message'],
    'no begin': [(f) => f.splice(1, 1), 'no begin'],
    'no hello': [(f) => f.splice(0, 1), 'no hello'],
    'a second begin': [(f) => f.splice(2, 0, f[1]!), 'an unexpected frame'],
  }
  for (const [name, [spoil, want]] of Object.entries(cases)) {
    const { metrics, network, receiver, open, hello } = setup()
    const log: string[] = []
    receiver.receipt = async () => ({
      write: async () => void log.push('write'),
      finish: async () => void log.push('finish'),
      abort: async () => void log.push('abort'),
    })
    const call = new MemoryCall<quoratepeer.SnapshotReply>()
    const handler = open<quoratepeer.SnapshotFrame, quoratepeer.SnapshotReply>('InstallSnapshot', call)
    const frames = transfer(
      hello(3),
      pieces.map((piece) => Buffer.from(piece)),
    )
    spoil(frames)
    for (const frame of frames) handler.onMessage(frame)
    await turns(30)
    const isGood = want === SnapshotCode.SNAPSHOT_OK
    if (typeof want === 'string') t.match(call.end_, { message: new RegExp(want) }, name)
    else t.equal(call.sent.at(-1)?.result?.code, want, name)
    t.equal(log.includes('finish'), isGood, name)
    if (log.length > 0) t.equal(log.at(-1), isGood ? 'finish' : 'abort', name)
    t.ok(log.filter((word) => word !== 'write').length <= 1, name)
    await network.close()
    t.equal(metrics.of('etcd_network_snapshot_receive_inflights_total', '2'), 0, name)
  }
})

t.test('who sends more of a snapshot than the window is cut off', async (t) => {
  const { network, receiver, open, hello } = setup()
  let isAborted = false
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => (release = resolve))
  receiver.receipt = async () => ({
    write: () => gate,
    finish: async () => undefined,
    abort: async () => void (isAborted = true),
  })
  const call = new MemoryCall<quoratepeer.SnapshotReply>()
  const handler = open<quoratepeer.SnapshotFrame, quoratepeer.SnapshotReply>('InstallSnapshot', call)
  const pieces = Array.from({ length: 30 }, () => Buffer.alloc(PEER_LIMITS.snapshotChunkBytes))
  for (const frame of transfer(hello(3), pieces)) handler.onMessage(frame)
  t.match(call.end_, { message: 'peer: more than the window' })
  release()
  await network.close()
  t.equal(isAborted, true)
})

t.test('too many snapshots at once', async (t) => {
  const { network, receiver, open, hello } = setup()
  let release = (): void => undefined
  const gate = new Promise<undefined>((resolve) => (release = () => resolve(undefined)))
  receiver.receipt = () => gate
  const calls = Array.from({ length: PEER_LIMITS.snapshots + 1 }, (_, i) => {
    const call = new MemoryCall<quoratepeer.SnapshotReply>()
    const handler = open<quoratepeer.SnapshotFrame, quoratepeer.SnapshotReply>('InstallSnapshot', call)
    const id = BigInt(100 + i) as typeof OTHER
    const frames = transfer(Object.assign(hello(3), { fromId: id }), [])
    frames[1]!.begin!.raftMessage = raftpb.MessageCodec.encode(
      Object.assign(raftpb.MessageCodec.decode(frames[1]!.begin!.raftMessage), { from: id }),
    )
    for (const frame of frames) handler.onMessage(frame)
    return call
  })
  await turns(3)
  t.equal(calls.at(-1)?.sent.at(-1)?.result?.code, SnapshotCode.SNAPSHOT_BUSY)
  t.equal(calls[0]?.end_, 'open')
  release()
  await turns(3)
  t.equal(calls[0]?.sent.at(-1)?.result?.code, SnapshotCode.SNAPSHOT_REFUSED)
  await network.close()
})
