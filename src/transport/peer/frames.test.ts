import t from 'tap'
import { index } from '../../base/index.js'
import { MalformedMessage, quoratepeer, raftpb } from '../../proto/index.js'
import { BatchWriter, ReceivedBatch, helloFrame, messageBytes, pingFrame, receivedFrameCodec } from './frames.js'
import { entries, message, seeded } from './testing.js'

const { MessageType } = raftpb

/** Some messages of all shapes; entries are shared between them now and then. */
function messages(seed: number): raftpb.Message[] {
  const random = seeded(seed)
  let shared = entries(1, 3, 10)
  return Array.from({ length: random.below(20) }, (_, i) => {
    if (random.below(3) === 0) shared = entries(i, random.below(5), random.below(2000))
    return message(random.below(20), random.uint64() as never, random.uint64() as never, {
      index: index(random.below(2 ** 31) * random.below(2 ** 21)),
      commit: index(random.below(1000)),
      logTerm: random.below(9) as never,
      reject: random.below(2) === 0,
      rejectHint: index(random.below(3)),
      context: new Uint8Array(random.below(20)),
      entries: random.below(2) === 0 ? shared : [],
    })
  })
}

const all = (batch: ReceivedBatch): raftpb.Message[] => {
  const list: raftpb.Message[] = []
  for (let next = batch.next(); next !== undefined; next = batch.next()) list.push(next)
  return list
}

const same = (x: readonly Uint8Array[], y: readonly Uint8Array[]): boolean =>
  x.length === y.length && x.every((bytes, i) => Buffer.compare(bytes, y[i]!) === 0)

t.test('batches are what the generated code reads and writes', (t) => {
  const writer = new BatchWriter()
  for (let seed = 1; seed <= 300; seed++) {
    const sent = messages(seed)
    const bytes = writer.write(sent, seed)
    if (seed % 7 === 0) writer.endTurn()
    const plain = quoratepeer.LaneFrameCodec.decode(bytes)
    const want = sent.map((m) => raftpb.MessageCodec.encode(m))
    const got = plain.batch!.messages.map((m) => raftpb.MessageCodec.encode(raftpb.MessageCodec.decode(m)))
    if (plain.batch!.seq !== seed || !same(got, want)) t.strictSame(got, want, `seed ${seed}`)
    const estimate = sent.reduce((sum, m) => sum + messageBytes(m), 0)
    if (bytes.length > estimate + 64 * (sent.length + 1)) t.fail(`seed ${seed}: ${bytes.length} of ${estimate}`)

    const batch = new ReceivedBatch(bytes, 0, bytes.length)
    const fast = all(batch).map((m) => raftpb.MessageCodec.encode(m))
    if (batch.seq !== seed || !same(fast, want)) t.strictSame(fast, want, `seed ${seed}`)

    // And what the generated code writes, in the middle of other bytes.
    const written = quoratepeer.LaneFrameCodec.encode(plain)
    const around = Buffer.concat([Buffer.alloc(9, 0xff), written, Buffer.alloc(9, 0xff)])
    const other = receivedFrameCodec.decode(around, 9, 9 + written.length)
    t.ok(other instanceof ReceivedBatch)
    const again = all(other as ReceivedBatch).map((m) => raftpb.MessageCodec.encode(m))
    if (!same(again, want)) t.strictSame(again, want, `seed ${seed}`)
    t.strictSame(Buffer.from(receivedFrameCodec.encode(other)), Buffer.from(written))
  }
  t.end()
})

t.test('other frames', (t) => {
  const hello = new quoratepeer.Hello()
  hello.fromId = 5n as never
  for (const bytes of [helloFrame(hello), pingFrame(3n)]) {
    const frame = receivedFrameCodec.decode(bytes, 0, bytes.length)
    t.notOk(frame instanceof ReceivedBatch)
    t.strictSame(Buffer.from(receivedFrameCodec.encode(frame)), Buffer.from(bytes))
  }
  const nothing = receivedFrameCodec.decode(new Uint8Array(0), 0, 0)
  t.match(nothing, { hello: undefined, ping: undefined, goAway: undefined }, 'an unknown kind of frame')
  t.end()
})

t.test('what is no single frame is malformed', (t) => {
  const batch = new BatchWriter().write([message(MessageType.MsgHeartbeat, 1n as never, 2n as never)], 1)
  const hello = helloFrame(new quoratepeer.Hello())
  const cases: Record<string, Uint8Array> = {
    'two batches': Buffer.concat([batch, batch]),
    'a hello and a batch': Buffer.concat([hello, batch]),
    'a hello and a ping': Buffer.concat([hello, pingFrame(1n)]),
    'a batch cut off': batch.subarray(0, batch.length - 1),
    'a length without end': Uint8Array.of(18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
  }
  for (const [name, bytes] of Object.entries(cases)) {
    t.throws(() => receivedFrameCodec.decode(bytes, 0, bytes.length), MalformedMessage, name)
  }
  const bad = receivedFrameCodec.decode(Uint8Array.of(18, 2, 18, 9), 0, 4)
  t.throws(() => (bad as ReceivedBatch).next(), MalformedMessage, 'a message longer than its batch')
  t.end()
})

t.test('mutated batches fail with MalformedMessage or not at all', (t) => {
  const writer = new BatchWriter()
  const random = seeded(99)
  let malformed = 0
  for (let i = 0; i < 4000; i++) {
    const bytes = Buffer.from(writer.write(messages(i % 50), i))
    for (let k = 1 + random.below(4); k > 0; k--) bytes[random.below(bytes.length)] = random.below(256)
    const end = random.below(4) === 0 ? random.below(bytes.length + 1) : bytes.length
    try {
      const frame = receivedFrameCodec.decode(bytes, 0, end)
      if (frame instanceof ReceivedBatch) all(frame)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      malformed++
    }
  }
  t.ok(malformed > 500, `${malformed} were malformed`)
  t.end()
})
