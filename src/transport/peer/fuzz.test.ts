// The accepting side against members that send nonsense: mutated frames of every kind on every stream, cut off and mixed.
// Nothing crashes or is kept, and a link of the same server goes on undisturbed.

import t from 'tap'
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js'
import { index } from '../../base/index.js'
import { quoratepeer, raftpb } from '../../proto/index.js'
import { BatchWriter, helloFrame, pingFrame } from './frames.js'
import { helloOf } from './handshake.js'
import type { PeerNetworkOptions } from './options.js'
import { CLUSTER, connected, entries, join, message, seeded, startMember, until } from './testing.js'

const { MessageType } = raftpb
const { RaftService } = quoratepeer
const METHODS = Object.values(RaftService.methods).map(({ name }) => `/${RaftService.name}/${name}`)
const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 300)
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261)

const asIs = (bytes: Buffer): Buffer => bytes

t.test(`mutated streams, FUZZ_SEED=${SEED}`, async (t) => {
  const random = seeded(SEED)
  const members = [await startMember(1), await startMember(2)] as const
  const [a, b] = members
  t.teardown(() => Promise.all(members.map((member) => member.close())))
  join(a, b)
  await connected(a, b)
  let begun = 0
  let ended = 0
  b.receiver.receipt = async () => {
    begun++
    return {
      write: async () => undefined,
      finish: async () => void ended++,
      abort: async () => void ended++,
    }
  }

  const dialer = {
    memberId: 3n,
    clusterId: CLUSTER,
    serverVersion: '3.7.0',
    minClusterVersion: '3.0.0',
    peerUrls: [a.url],
    maxRequestBytes: 1,
  }
  const batches = new BatchWriter()
  const laneFrame = (): Uint8Array => {
    const kind = random.below(6)
    if (kind === 0) return pingFrame(random.uint64())
    if (kind === 1) {
      const frame = new quoratepeer.LaneFrame()
      frame.goAway = new quoratepeer.GoAway()
      return quoratepeer.LaneFrameCodec.encode(frame)
    }
    const list = Array.from({ length: random.below(5) }, () =>
      message(random.below(25), 3n as never, b, {
        index: index(random.below(99)),
        entries: entries(1, random.below(4), random.below(3000)),
      }),
    )
    return batches.write(list, random.below(9))
  }
  const snapshotFrame = (i: number): Uint8Array => {
    const frame = new quoratepeer.SnapshotFrame()
    if (i === 1) {
      const snapshot = new raftpb.Snapshot()
      snapshot.metadata = new raftpb.SnapshotMetadata()
      frame.begin = new quoratepeer.SnapshotBegin()
      frame.begin.raftMessage = raftpb.MessageCodec.encode(message(MessageType.MsgSnap, 3n as never, b, { snapshot }))
    } else if (random.below(5) === 0) frame.end = new quoratepeer.SnapshotEnd()
    else {
      frame.chunk = new quoratepeer.SnapshotChunk()
      frame.chunk.data = new Uint8Array(random.below(3000))
    }
    return quoratepeer.SnapshotFrameCodec.encode(frame)
  }

  const client = new Client(b.url.slice(7), credentials.createInsecure())
  t.teardown(() => client.close())
  const codes = new Map<number, number>()
  const run = (): Promise<void> =>
    new Promise((resolve) => {
      const lane = random.below(METHODS.length)
      const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(METHODS[lane]!, asIs, asIs)
      call.on('data', () => undefined)
      call.on('error', () => undefined)
      call.on('status', ({ code }: { code: number }) => {
        codes.set(code, (codes.get(code) ?? 0) + 1)
        resolve()
      })
      const frames = random.below(8)
      for (let i = 0; i < frames; i++) {
        const hello = helloOf(
          dialer as unknown as PeerNetworkOptions,
          lane + 1,
          b.id,
          random.below(4) === 0 ? random.uint64() : 7n,
        )
        const isHello = i === 0 ? random.below(10) > 0 : random.below(20) === 0
        const bytes = Buffer.from(isHello ? helloFrame(hello) : lane === 2 ? snapshotFrame(i) : laneFrame())
        if (random.below(3) === 0 && bytes.length > 0) {
          for (let k = 1 + random.below(3); k > 0; k--) bytes[random.below(bytes.length)] = random.below(256)
        }
        call.write(random.below(10) === 0 ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes)
      }
      if (random.below(2) === 0) call.end()
      else setImmediate(() => call.cancel())
    })

  const since = a.network.activeSinceMs(b.id)
  for (let i = 0; i < ROUNDS; i++) {
    await Promise.all([run(), run(), run()])
    a.network.send([message(MessageType.MsgHeartbeat, a, b, { commit: index(i) })])
  }
  const ours = () => b.receiver.messages.filter((m) => m.from === a.id && m.type === MessageType.MsgHeartbeat)
  await until(() => ours().length >= ROUNDS)
  t.equal(a.network.activeSinceMs(b.id), since, 'the other link is undisturbed')
  t.ok(
    b.receiver.messages.every((m) => m.to === b.id && m.type !== MessageType.MsgHup && m.type < 19),
    'only what members send was handed on',
  )
  t.ok(codes.size > 1, [...codes].join(' '))
  await until(() => begun === ended)
  t.ok(begun > 0)
  // Nothing is left of the third member: a true one is taken.
  const c = await startMember(3)
  t.teardown(() => c.close())
  c.network.setPeers([{ id: b.id, urls: [b.url] }], [])
  await until(() => c.network.activeSinceMs(b.id) !== undefined)
})
