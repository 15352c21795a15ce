import { createHash } from 'node:crypto'
import t from 'tap'
import { index } from '../../base/index.js'
import type { SnapshotReceipt } from '../../env/index.js'
import { raftpb } from '../../proto/index.js'
import { PEER_LIMITS } from './limits.js'
import { HandClock, type TestMember, connected, join, message, startMember, until } from './testing.js'

const { MessageType } = raftpb

/** Keeps the hash of what it is given; `gate` holds every write back. */
class TestReceipt implements SnapshotReceipt {
  readonly hash = createHash('sha256')
  sizeBytes = 0
  writes = 0
  ended: 'finished' | 'aborted' | undefined
  gate: Promise<void> | undefined
  failure: Error | undefined
  /** The member whose receipt this is, which gets `message` when everything is there. */
  readonly receiver: TestMember
  message: raftpb.Message | undefined

  constructor(receiver: TestMember) {
    this.receiver = receiver
    receiver.receiver.receipt = async (message) => {
      this.message = message
      return this
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.writes++
    await this.gate
    if (this.failure !== undefined) throw this.failure
    this.hash.update(chunk)
    this.sizeBytes += chunk.length
  }

  async finish(): Promise<void> {
    this.#end('finished')
    this.receiver.receiver.messages.push(this.message!)
  }

  async abort(): Promise<void> {
    this.#end('aborted')
  }

  #end(how: 'finished' | 'aborted'): void {
    if (this.ended !== undefined) throw new Error('ended twice')
    this.ended = how
  }
}

/** Pieces of odd sizes; counts what was asked for, and knows when it was ended. */
class Source {
  readonly hash = createHash('sha256')
  readonly #sizes: readonly number[]
  givenBytes = 0
  isEnded = false
  failure: Error | undefined

  constructor(sizes: readonly number[]) {
    this.#sizes = sizes
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const piece = Buffer.alloc(Math.max(...this.#sizes, 1))
    try {
      for (const [i, size] of this.#sizes.entries()) {
        // The same memory again: it is only lent.
        piece.fill(i & 0xff)
        this.hash.update(piece.subarray(0, size))
        this.givenBytes += size
        yield piece.subarray(0, size)
      }
      if (this.failure !== undefined) throw this.failure
    } finally {
      this.isEnded = true
    }
  }
}

const setup = async (
  t: { teardown(run: () => unknown): void },
  clock?: HandClock,
): Promise<{ a: TestMember; b: TestMember; receipt: TestReceipt; snapshot: raftpb.Message }> => {
  const options = clock === undefined ? {} : { clock }
  const [a, b] = [await startMember(1, options), await startMember(2, options)]
  t.teardown(() => Promise.all([a.close(), b.close()]))
  join(a, b)
  await connected(a, b)
  const receipt = new TestReceipt(b)
  return { a, b, receipt, snapshot: snapshotMessage(a, b) }
}

const snapshotMessage = (a: TestMember, b: TestMember): raftpb.Message => {
  const snapshot = new raftpb.Snapshot()
  snapshot.data = Buffer.from('{"members":[]}')
  snapshot.metadata = new raftpb.SnapshotMetadata()
  snapshot.metadata.index = index(1234)
  return message(MessageType.MsgSnap, a, b, { snapshot })
}

const never = (): AbortSignal => new AbortController().signal
const MIB = 1024 * 1024

t.test('a snapshot arrives whole, then its message', async (t) => {
  const { a, b, receipt, snapshot } = await setup(t)
  const source = new Source([1, 0, 300_000, 7 * MIB, 262_144, 5, 20 * MIB, 3])
  t.equal(await a.network.sendSnapshot(snapshot, source, never()), true)
  t.equal(receipt.ended, 'finished')
  t.equal(receipt.sizeBytes, source.givenBytes)
  t.equal(receipt.hash.digest('hex'), source.hash.digest('hex'))
  t.equal(receipt.writes, Math.ceil(source.givenBytes / PEER_LIMITS.snapshotChunkBytes), 'small pieces are joined')
  t.strictSame(raftpb.MessageCodec.encode(b.receiver.messages[0]!), raftpb.MessageCodec.encode(snapshot))
  t.equal(a.metrics.of('etcd_network_snapshot_send_success', '2'), 1)
  t.equal(a.metrics.of('etcd_network_snapshot_send_total_duration_seconds', '2'), 1)
  t.equal(a.metrics.of('etcd_network_snapshot_send_inflights_total', '2'), 0)
  t.equal(b.metrics.of('etcd_network_snapshot_receive_success', '1'), 1)
  t.equal(b.metrics.of('etcd_network_snapshot_receive_inflights_total', '1'), 0)
  t.equal(a.log.count('sent database snapshot'), 1)
  t.equal(b.log.count('successfully received and saved database snapshot'), 1)
})

t.test('an empty one too', async (t) => {
  const { a, b, receipt, snapshot } = await setup(t)
  t.equal(await a.network.sendSnapshot(snapshot, new Source([]), never()), true)
  t.equal(receipt.ended, 'finished')
  t.equal(b.receiver.messages.length, 1)
})

t.test('a slow receiver holds the sender back', async (t) => {
  const { a, receipt, snapshot } = await setup(t)
  let release = (): void => undefined
  receipt.gate = new Promise((resolve) => (release = resolve))
  const source = new Source(Array.from({ length: 64 }, () => MIB))
  const sending = a.network.sendSnapshot(snapshot, source, never())
  await until(() => receipt.writes === 1 && source.givenBytes >= PEER_LIMITS.snapshotWindowBytes)
  // Long enough for everything, if nothing held it back: the other lanes go on meanwhile.
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
  t.ok(source.givenBytes <= PEER_LIMITS.snapshotWindowBytes + 2 * MIB, `${source.givenBytes} bytes were asked for`)
  t.equal(receipt.writes, 1)
  release()
  t.equal(await sending, true)
  t.equal(receipt.sizeBytes, 64 * MIB)
})

t.test('it is not wanted', async (t) => {
  const { a, b, snapshot } = await setup(t)
  b.receiver.receipt = async () => undefined
  const source = new Source([10])
  t.equal(await a.network.sendSnapshot(snapshot, source, never()), false)
  b.receiver.receipt = async () => {
    throw new Error('no space left')
  }
  t.equal(await a.network.sendSnapshot(snapshot, source, never()), false)
  t.equal(b.receiver.messages.length, 0)
  t.equal(a.metrics.of('etcd_network_snapshot_send_failures', '2'), 2)
  t.equal(b.metrics.of('etcd_network_snapshot_receive_failures', '1'), 2)
  t.match(a.log.lines.findLast((line) => line.message === 'failed to send database snapshot')?.fields, {
    error: 'no space left',
  })
})

t.test('each end may fail', async (t) => {
  const { a, b, receipt, snapshot } = await setup(t)
  receipt.failure = new Error('the disk is full')
  let source = new Source(Array.from({ length: 64 }, () => MIB))
  t.equal(await a.network.sendSnapshot(snapshot, source, never()), false)
  t.equal(receipt.ended, 'aborted')
  t.equal(source.isEnded, true)

  const second = new TestReceipt(b)
  source = new Source([MIB, MIB])
  source.failure = new Error('the store is closed')
  t.equal(await a.network.sendSnapshot(snapshot, source, never()), false)
  await until(() => second.ended === 'aborted')
  t.equal(b.receiver.messages.length, 0)
  // The next one is not disturbed.
  const third = new TestReceipt(b)
  t.equal(await a.network.sendSnapshot(snapshot, new Source([100]), never()), true)
  t.equal(third.ended, 'finished')
})

t.test('it is called off', async (t) => {
  const { a, b, receipt, snapshot } = await setup(t)
  let release = (): void => undefined
  receipt.gate = new Promise((resolve) => (release = resolve))
  const abort = new AbortController()
  const source = new Source(Array.from({ length: 64 }, () => MIB))
  const sending = a.network.sendSnapshot(snapshot, source, abort.signal)
  await until(() => receipt.writes === 1)
  abort.abort()
  t.equal(await sending, false)
  t.equal(source.isEnded, true)
  const early = new Source([10])
  t.equal(await a.network.sendSnapshot(snapshot, early, abort.signal), false)
  t.equal(early.givenBytes, 0)
  t.equal(b.receiver.messages.length, 0)
  // A receipt is not left in the middle of a write: closing would wait for it.
  release()
  await until(() => receipt.ended === 'aborted')
})

t.test('one at a time to a member', async (t) => {
  const { a, receipt, snapshot } = await setup(t)
  let release = (): void => undefined
  receipt.gate = new Promise((resolve) => (release = resolve))
  const first = a.network.sendSnapshot(snapshot, new Source([MIB]), never())
  await until(() => receipt.writes === 1)
  t.equal(await a.network.sendSnapshot(snapshot, new Source([MIB]), never()), false)
  t.equal(await a.network.sendSnapshot(message(MessageType.MsgSnap, a, 9n as never), new Source([1]), never()), false)
  release()
  t.equal(await first, true)
})

t.test('no progress', async (t) => {
  const clock = new HandClock()
  const { a, b, receipt, snapshot } = await setup(t, clock)
  let release = (): void => undefined
  receipt.gate = new Promise((resolve) => (release = resolve))
  const source = new Source([10 * MIB])
  const sending = a.network.sendSnapshot(snapshot, source, never())
  await until(() => a.metrics.of('etcd_network_peer_sent_bytes_total', '2') === PEER_LIMITS.snapshotWindowBytes)
  for (let ms = 0; ms <= PEER_LIMITS.snapshotStallMs + 1000; ms += 500) {
    clock.advance(500)
    await clock.yieldTurn()
  }
  t.equal(await sending, false)
  release()
  await until(() => receipt.ended === 'aborted')
  t.equal(b.receiver.messages.length, 0)
})

t.test('closing ends transfers on both sides', async (t) => {
  const { a, b, receipt, snapshot } = await setup(t)
  let release = (): void => undefined
  receipt.gate = new Promise((resolve) => (release = resolve))
  const source = new Source([10 * MIB])
  const sending = a.network.sendSnapshot(snapshot, source, never())
  await until(() => receipt.writes === 1)
  const closed = b.network.close()
  release()
  await closed
  t.equal(receipt.ended, 'aborted', 'before close is done')
  t.equal(await sending, false)

  const c = await startMember(3)
  t.teardown(() => c.close())
  join(a, c)
  await connected(a, c)
  const other = new TestReceipt(c)
  c.receiver.receipt = async () => other
  other.gate = new Promise((resolve) => (release = resolve))
  const last = a.network.sendSnapshot(snapshotMessage(a, c), new Source([10 * MIB]), never())
  await until(() => other.writes === 1)
  await a.network.close()
  t.equal(await last, false)
  t.equal(await a.network.sendSnapshot(snapshot, new Source([1]), never()), false)
  release()
  await until(() => other.ended === 'aborted')
})
