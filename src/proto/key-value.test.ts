import t from 'tap'
import { type Key, keyOf, leaseId, NO_LEASE } from '../base/index.js'
import {
  createRevisionOf,
  encodeDeletion,
  encodeKeyValue,
  encodeTombstone,
  keyOfKeyValue,
  KeyValueView,
  leaseOf,
  MalformedMessage,
  modRevisionOf,
  mvccpb,
  valueOf,
  withoutValue,
} from './index.js'
import { fromHex, hex, SeededRandom } from './testing.js'

/** SEED replays a run. */
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 32)
t.comment(`note: SEED=${seed}`)

const COUNTERS = [0, 1, 127, 128, 16384, 2 ** 28, 2 ** 32 - 1, 2 ** 32, 2 ** 35 - 1, 2 ** 35, 2 ** 42, 2 ** 53 - 1]
const LEASES = [0n, 1n, 2n ** 31n, 2n ** 35n, 2n ** 42n, 2n ** 63n - 1n, -1n, -(2n ** 63n)].map(leaseId)

const randomPair = (random: SeededRandom): mvccpb.KeyValue => {
  const pair = new mvccpb.KeyValue()
  pair.key = random.bytes(random.pick([0, 1, 7, 127, 128, 200]))
  pair.createRevision = random.pick(COUNTERS)
  pair.modRevision = random.pick(COUNTERS)
  pair.version = random.pick(COUNTERS)
  pair.value = random.bytes(random.pick([0, 1, 12, 127, 128, 3000]))
  pair.lease = random.pick(LEASES)
  return pair
}

const encode = (pair: mvccpb.KeyValue): Uint8Array =>
  encodeKeyValue(keyOf(pair.key), pair.createRevision, pair.modRevision, pair.version, pair.value, pair.lease)

t.test('encodeKeyValue writes what the codec of the message writes', async (t) => {
  const random = new SeededRandom(seed)
  for (let i = 0; i < 1000; i++) {
    const pair = randomPair(random)
    if (hex(encode(pair)) !== hex(mvccpb.KeyValueCodec.encode(pair))) {
      t.equal(hex(encode(pair)), hex(mvccpb.KeyValueCodec.encode(pair)))
      return
    }
  }
  t.equal(hex(encodeKeyValue('b' as Key, 4, 4, 1, fromHex('31'), NO_LEASE)), '0a0162100418042001' + '2a0131')
})

t.test('every reader finds what the codec decodes, wherever the pair lies and in whatever order', async (t) => {
  const random = new SeededRandom(seed + 1)
  const view = new KeyValueView()
  for (let i = 0; i < 1000; i++) {
    const first = mvccpb.KeyValueCodec.encode(randomPair(random))
    // Sometimes a second pair behind the first: its fields override, out of order.
    const second = random.chance(30) ? mvccpb.KeyValueCodec.encode(randomPair(random)) : new Uint8Array(0)
    const unknown = random.chance(30) ? fromHex('7a0161 3b 0801 3c') : new Uint8Array(0)
    const chunk = Buffer.concat([random.bytes(2), first, unknown, second, random.bytes(3)])
    const end = chunk.length - 3
    const expected = mvccpb.KeyValueCodec.decode(chunk, 2, end)
    view.load(chunk, 2, end)
    const found = {
      key: [keyOfKeyValue(chunk, 2, end), view.key(), keyOf(view.keyBytes())],
      numbers: [createRevisionOf(chunk, 2, end), modRevisionOf(chunk, 2, end)],
      viewed: [view.createRevision, view.modRevision, view.version],
      value: [hex(valueOf(chunk, 2, end)), hex(view.valueBytes())],
      lease: [leaseOf(chunk, 2, end), view.lease],
    }
    const numbers = [expected.createRevision, expected.modRevision, expected.version]
    const wanted = {
      key: Array<string>(3).fill(keyOf(expected.key)),
      numbers: numbers.slice(0, 2),
      viewed: numbers,
      value: Array<string>(2).fill(hex(expected.value)),
      lease: [expected.lease, expected.lease],
    }
    if (!t.same(found, wanted)) return
  }
})

t.test('a keys-only copy lacks the value, and the lease when that is not kept', async (t) => {
  const random = new SeededRandom(seed + 2)
  for (let i = 0; i < 300; i++) {
    const pair = randomPair(random)
    const chunk = Buffer.concat([random.bytes(2), encode(pair), random.bytes(3)])
    const bare = new mvccpb.KeyValue()
    Object.assign(bare, pair, { value: new Uint8Array(0) })
    if (!t.equal(hex(withoutValue(chunk, 2, chunk.length - 3, true)), hex(encode(bare)))) return
    bare.lease = NO_LEASE
    if (!t.equal(hex(withoutValue(chunk, 2, chunk.length - 3, false)), hex(encode(bare)))) return
  }
})

t.test('deletions are stored as the key and shown with their revision', async (t) => {
  const key = keyOf(fromHex('00ff62'))
  t.equal(hex(encodeTombstone(key)), '0a0300ff62')
  t.equal(hex(encodeDeletion(key, 300)), '0a0300ff62' + '18ac02')
  t.equal(encodeTombstone('' as Key).length, 0)
})

t.test('an empty pair has an empty key and zeros', async (t) => {
  const empty = new Uint8Array(0)
  t.equal(keyOfKeyValue(empty), '')
  t.equal(modRevisionOf(empty), 0)
  t.equal(leaseOf(empty), 0n)
  t.equal(valueOf(empty).length, 0)
  t.equal(new KeyValueView().load(empty).keyBytes().length, 0)
  t.equal(withoutValue(empty, 0, 0, true).length, 0)
})

t.test('a view that is loaded again keeps nothing of the pair before', async (t) => {
  const view = new KeyValueView().load(encodeKeyValue('k' as Key, 2, 3, 4, fromHex('aa'), leaseId(5n)))
  view.load(encodeTombstone('other' as Key))
  t.equal(view.key(), 'other')
  t.same([view.createRevision, view.modRevision, view.version, view.lease], [0, 0, 0, 0n])
  t.equal(view.valueBytes().length, 0)
})

t.test('whatever the bytes are, readers end with a result or with MalformedMessage', async (t) => {
  const random = new SeededRandom(seed + 3)
  const view = new KeyValueView()
  const readers: ((bytes: Uint8Array) => unknown)[] = [
    (bytes) => view.load(bytes),
    (bytes) => keyOfKeyValue(bytes),
    (bytes) => modRevisionOf(bytes),
    (bytes) => leaseOf(bytes),
    (bytes) => valueOf(bytes),
    (bytes) => withoutValue(bytes, 0, bytes.length, false),
  ]
  let refused = 0
  for (let i = 0; i < 5000; i++) {
    const bytes = Uint8Array.from(encode(randomPair(random)))
    for (let flips = random.below(4); flips >= 0 && bytes.length > 0; flips--) {
      bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
    }
    const input = random.chance(20) ? random.bytes(random.below(30)) : bytes.subarray(0, random.below(bytes.length + 1))
    for (const reader of readers) {
      try {
        reader(input)
      } catch (error) {
        refused++
        if (!(error instanceof MalformedMessage)) {
          t.fail(`${String(error)} for ${hex(input)}`)
          return
        }
      }
    }
  }
  t.ok(refused > 100, 'some inputs were refused')
  for (const bytes of ['0a0261', '0801', '1201', '18ffffffffffffffff7f', '31']) {
    t.throws(() => view.load(fromHex(bytes)), MalformedMessage, bytes)
  }
})
