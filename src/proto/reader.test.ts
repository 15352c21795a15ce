import t from 'tap'
import { MalformedMessage } from './malformed.js'
import { DEPTH_MAX, Reader } from './reader.js'
import { fromHex, hex } from './testing.js'

const read = <T>(text: string, method: (r: Reader, end: number) => T): T => {
  const bytes = fromHex(text)
  const reader = new Reader(bytes, 0, bytes.length, DEPTH_MAX)
  const value = method(reader, bytes.length)
  if (reader.pos !== bytes.length) throw new Error(`${text} was read up to ${reader.pos} only`)
  return value
}

const MAX = Number.MAX_SAFE_INTEGER
// Varints by what they hold as unsigned 64 bits: [bytes, as u64, as counter u64, as counter i64]; null is malformed.
const VARINTS: [string, bigint, number | null, number | null][] = [
  ['00', 0n, 0, 0],
  ['7f', 127n, 127, 127],
  ['8001', 128n, 128, 128],
  ['ffff7f', 2n ** 21n - 1n, 2 ** 21 - 1, 2 ** 21 - 1],
  ['ffffff7f', 2n ** 28n - 1n, 2 ** 28 - 1, 2 ** 28 - 1],
  ['8080808001', 2n ** 28n, 2 ** 28, 2 ** 28],
  ['ffffffff0f', 2n ** 32n - 1n, 2 ** 32 - 1, 2 ** 32 - 1],
  ['8080808010', 2n ** 32n, 2 ** 32, 2 ** 32],
  ['80808080808001', 2n ** 42n, 2 ** 42, 2 ** 42],
  ['ffffffffffffff0f', 2n ** 53n - 1n, MAX, MAX],
  ['8080808080808010', 2n ** 53n, null, null],
  ['ffffffffffffffff7f', 2n ** 63n - 1n, null, null],
  ['80808080808080808001', 2n ** 63n, null, null],
  ['ffffffffffffffffff01', 2n ** 64n - 1n, null, -1],
  ['818080808080 80f0ff01', 2n ** 64n - 2n ** 53n + 1n, null, -MAX],
  ['808080808080 80f0ff01', 2n ** 64n - 2n ** 53n, null, null],
  // Longer than needed, but legal.
  ['80808080808080808000', 0n, 0, 0],
  ['8500', 5n, 5, 5],
]

const orMalformed = (read: () => number): number | null => {
  try {
    return read()
  } catch (error) {
    if (error instanceof MalformedMessage) return null
    throw error
  }
}

t.test('varints of every length are read as the type of the field says', async (t) => {
  for (const [bytes, unsigned, counter, signedCounter] of VARINTS) {
    t.equal(
      read(bytes, (r, end) => r.uint64(end)),
      unsigned,
      `${bytes} as u64`,
    )
    t.equal(
      read(bytes, (r, end) => r.int64(end)),
      BigInt.asIntN(64, unsigned),
      `${bytes} as i64`,
    )
    t.equal(
      read(bytes, (r, end) => r.uint32(end)),
      Number(BigInt.asUintN(32, unsigned)),
      `${bytes} as u32`,
    )
    t.equal(
      read(bytes, (r, end) => r.int32(end)),
      Number(BigInt.asIntN(32, unsigned)),
      `${bytes} as i32`,
    )
    t.equal(
      read(bytes, (r, end) => r.bool(end)),
      unsigned !== 0n,
      `${bytes} as bool`,
    )
    t.equal(
      orMalformed(() => read(bytes, (r, end) => r.uint53(end))),
      counter,
      `${bytes} as strict u64 counter`,
    )
    t.equal(
      orMalformed(() => read(bytes, (r, end) => r.int53(end))),
      signedCounter,
      `${bytes} as strict i64 counter`,
    )
  }
})

t.test('saturating counters stop at 2^53-1 on both sides', async (t) => {
  for (const [bytes, unsigned, counter, signedCounter] of VARINTS) {
    t.equal(
      read(bytes, (r, end) => r.uint53Saturated(end)),
      counter ?? MAX,
      bytes,
    )
    const clamped = BigInt.asIntN(64, unsigned) < 0n ? -MAX : MAX
    t.equal(
      read(bytes, (r, end) => r.int53Saturated(end)),
      signedCounter ?? clamped,
      bytes,
    )
  }
})

t.test('a varint that is cut, too long or too big is malformed wherever it stands', async (t) => {
  const methods: [string, (r: Reader, end: number) => unknown][] = [
    ['tag', (r, end) => r.tag(end)],
    ['uint32', (r, end) => r.uint32(end)],
    ['int32', (r, end) => r.int32(end)],
    ['bool', (r, end) => r.bool(end)],
    ['uint53', (r, end) => r.uint53(end)],
    ['int53Saturated', (r, end) => r.int53Saturated(end)],
    ['uint64', (r, end) => r.uint64(end)],
    ['int64', (r, end) => r.int64(end)],
    ['stop', (r, end) => r.stop(end)],
    ['skip', (r, end) => r.skip(8, end)],
  ]
  for (const [name, method] of methods) {
    for (const bytes of [
      '80',
      '8080',
      'ffffff',
      'ffffffff',
      'ffffffffffffffffff',
      'ffffffffffffffffff02',
      '80'.repeat(11),
    ]) {
      t.throws(() => read(bytes, method), MalformedMessage, `${name} of ${bytes}`)
    }
  }
  // Bytes behind the end of the message do not belong to it, even when they are there.
  const reader = new Reader(fromHex('8001'), 0, 1, DEPTH_MAX)
  t.throws(() => reader.uint64(1), MalformedMessage)
})

t.test('tags hold field numbers 1 to 2^29-1', async (t) => {
  for (const [bytes, tag] of [
    ['08', 8],
    ['8001', 128],
    ['faffffff0f', 2 ** 32 - 6],
    ['8a00', 10],
  ] as const) {
    t.equal(
      read(bytes, (r, end) => r.tag(end)),
      tag,
      bytes,
    )
  }
  for (const bytes of ['00', '02', '07', '8000', '8080808010', 'ffffffffff01']) {
    t.throws(() => read(bytes, (r, end) => r.tag(end)), MalformedMessage, bytes)
  }
})

t.test('a length beyond the end of the message is malformed', async (t) => {
  const accepted = new Reader(fromHex('03616263'), 0, 4, DEPTH_MAX)
  t.equal(hex(accepted.view(4)), '616263')
  for (const bytes of ['04616263', 'ffffffff0f616263', 'ffffffffffffffff7f61', 'ffffffffffffffffff0161', '7f']) {
    t.throws(() => read(bytes, (r, end) => r.view(end)), MalformedMessage, bytes)
    t.throws(() => read(bytes, (r, end) => r.string(end, 'a.B.c')), MalformedMessage, bytes)
    t.throws(() => read(bytes, (r, end) => r.enter(end)), MalformedMessage, bytes)
  }
})

t.test('strings are UTF-8 or malformed', async (t) => {
  const string = (bytes: string): string => read(bytes, (r, end) => r.string(end, 'a.B.c'))
  for (const text of ['', 'etcd', 'größer', '\u{feff}with mark', 'キー', '\u{10ffff}', 'a\0b']) {
    const utf8 = Buffer.from(text)
    t.equal(string(hex(Buffer.concat([Buffer.of(utf8.length), utf8]))), text)
  }
  for (const bytes of ['0180', '01ff', '02c080', '03eda080', '04f4908080', '0361c328', '02e282']) {
    t.throws(() => string(bytes), new MalformedMessage('proto: field a.B.c contains invalid UTF-8'), bytes)
  }
})

t.test('unknown fields of every wire type are skipped', async (t) => {
  for (const content of [
    '08 ffff03',
    '09 0102030405060708',
    '0a 03616263',
    '0d 01020304',
    '0b 0c',
    '0b 13 1001 14 0a0161 0c',
  ]) {
    const bytes = fromHex(`${content}7a`)
    const reader = new Reader(bytes, 0, bytes.length, DEPTH_MAX)
    reader.skip(reader.tag(bytes.length), bytes.length)
    t.equal(reader.pos, bytes.length - 1, content)
    t.equal(reader.depth, DEPTH_MAX, 'all groups were left')
  }
  for (const content of [
    '09 01020304',
    '0d 010203',
    '0a 03 6162',
    '0b',
    '0b 14',
    '0c',
    '0e',
    '0f',
    '0b 0e',
    '0b 00 0c',
  ]) {
    const bytes = fromHex(content)
    const reader = new Reader(bytes, 0, bytes.length, DEPTH_MAX)
    t.throws(() => reader.skip(reader.tag(bytes.length), bytes.length), MalformedMessage, content)
  }
})

t.test('groups nest up to the limit and not beyond', async (t) => {
  const nested = (levels: number): Uint8Array => fromHex('0b'.repeat(levels) + '0c'.repeat(levels))
  const skip = (bytes: Uint8Array): void => {
    const reader = new Reader(bytes, 0, bytes.length, DEPTH_MAX)
    reader.skip(reader.tag(bytes.length), bytes.length)
  }
  t.doesNotThrow(() => skip(nested(DEPTH_MAX)))
  t.throws(() => skip(nested(DEPTH_MAX + 1)), MalformedMessage)
  t.throws(() => skip(new Uint8Array(1_000_000).fill(0x0b)), MalformedMessage)
})

t.test('views lie at the right place of any kind of array', async (t) => {
  const pool = Buffer.from('..\x03abc..', 'latin1')
  const small = Uint8Array.from(pool)
  for (const bytes of [pool, small, Uint8Array.from([9, ...pool]).subarray(1)]) {
    const view = new Reader(bytes, 2, 6, DEPTH_MAX).view(6)
    t.equal(hex(view), '616263')
    bytes[3] = 0x7a
    t.equal(view[0], 0x7a, 'shares memory')
  }
})

t.test('a range outside the bytes is a mistake of the caller', async (t) => {
  const bytes = new Uint8Array(4)
  for (const [start, end] of [
    [-1, 2],
    [3, 2],
    [0, 5],
    [Number.NaN, 4],
  ] as const) {
    t.throws(() => new Reader(bytes, start, end, DEPTH_MAX), RangeError)
  }
})
