import t from 'tap'
import { encodeDeletion, encodeKeyValue, mvccpb } from '../../proto/index.js'
import { NO_LEASE } from '../../base/index.js'
import { encodeEvent, varintSize } from './event.js'
import { bytes, key } from './testing.js'

t.test('encodes what the codec of mvccpb.Event encodes', async (t) => {
  for (const length of [0, 1, 100, 127, 128, 16_383, 16_384, 3_000_000]) {
    const value = new Uint8Array(length).fill(7)
    const kv = encodeKeyValue(key('k'), 2, 3, 4, value, NO_LEASE)
    const cases = [
      { kind: 'put', type: mvccpb.EventType.PUT, kv, prevKv: undefined },
      { kind: 'put', type: mvccpb.EventType.PUT, kv, prevKv: kv },
      { kind: 'delete', type: mvccpb.EventType.DELETE, kv: encodeDeletion(key('k'), 3), prevKv: kv },
      { kind: 'delete', type: mvccpb.EventType.DELETE, kv: encodeDeletion(key('k'), 3), prevKv: undefined },
    ] as const
    for (const { kind, type, kv: current, prevKv } of cases) {
      const want = mvccpb.EventCodec.encode(Object.assign(new mvccpb.Event(), { type, kv: current, prevKv }))
      const got = encodeEvent(kind, current, prevKv)
      t.ok(Buffer.compare(got, want) === 0, `${kind}, ${length} bytes, prev_kv ${prevKv !== undefined}`)
    }
  }
})

t.test('a put has no type field, a delete starts with it', async (t) => {
  t.same(encodeEvent('put', bytes('ab'), undefined), Buffer.from('12026162', 'hex'))
  t.same(encodeEvent('delete', bytes('a'), bytes('b')), Buffer.from('08011201611a0162', 'hex'))
})

t.test('varint sizes', async (t) => {
  for (const [value, size] of [
    [0, 1],
    [127, 1],
    [128, 2],
    [2 ** 31, 5],
    [2 ** 32, 5],
    [2 ** 35 - 1, 5],
    [2 ** 35, 6],
    [Number.MAX_SAFE_INTEGER, 8],
  ] as const) {
    t.equal(varintSize(value), size, String(value))
  }
})
