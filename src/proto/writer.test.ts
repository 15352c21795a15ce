import t from 'tap'
import { DEPTH_MAX, Reader } from './reader.js'
import { hex } from './testing.js'
import { Writer } from './writer.js'

const written = (write: (w: Writer) => void, capacityBytes = 64): string => {
  const writer = new Writer(capacityBytes)
  write(writer)
  return hex(writer.take())
}

/** The definition of a varint. */
const varint = (value: bigint): string => {
  let rest = BigInt.asUintN(64, value)
  const bytes: number[] = []
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  return hex(Uint8Array.from([...bytes, Number(rest)]))
}

t.test('integers around every power of two are written as the definition says', async (t) => {
  for (let bit = 0n; bit <= 64n; bit++) {
    for (const value of [2n ** bit - 1n, 2n ** bit, -(2n ** bit), -(2n ** bit) + 1n]) {
      const expected = varint(value)
      t.equal(
        written((w) => w.int64(value)),
        expected,
        `${value} as bigint`,
      )
      const number = Number(value)
      if (Number.isSafeInteger(number))
        t.equal(
          written((w) => w.int53(number)),
          expected,
          `${value} as number`,
        )
      if (number >= 0 && number < 2 ** 32)
        t.equal(
          written((w) => w.varint32(number)),
          expected,
          `${value} as u32`,
        )
      if (number === (number | 0))
        t.equal(
          written((w) => w.int32(number)),
          expected,
          `${value} as i32`,
        )
    }
  }
})

t.test('strings are written as UTF-8', async (t) => {
  for (const text of ['', 'etcd', 'größer', 'キー', '\u{1f600}', 'a'.repeat(200), `${'a'.repeat(200)}é`]) {
    const utf8 = Buffer.from(text)
    t.equal(
      written((w) => w.string(text)),
      varint(BigInt(utf8.length)) + hex(utf8),
    )
  }
  t.equal(
    written((w) => w.string('\ud800!')),
    '04efbfbd21',
    'an unpaired surrogate becomes U+FFFD',
  )
})

t.test('what was written survives any number of growths', async (t) => {
  for (const capacityBytes of [1, 2, 7, 64]) {
    const writer = new Writer(capacityBytes)
    let expected = ''
    for (let i = 0; i < 300; i++) {
      const content = new Uint8Array((i * 7) % 40).fill(i)
      writer.bytes(content)
      writer.int53(i * 2 ** 40)
      writer.bool(i % 2 === 1)
      expected =
        (i % 2 === 1 ? '01' : '00') +
        varint(BigInt(i) * 2n ** 40n) +
        varint(BigInt(content.length)) +
        hex(content) +
        expected
      t.equal(writer.size() * 2, expected.length)
    }
    t.equal(hex(writer.take()), expected)
    t.equal(writer.size(), 0)
  }
})

t.test('one value larger than the whole buffer fits', async (t) => {
  const large = new Uint8Array(5_000_000).fill(7)
  const writer = new Writer(16)
  writer.bytes(large)
  writer.varint32(10)
  const result = writer.take()
  const reader = new Reader(result, 0, result.length, DEPTH_MAX)
  t.equal(reader.tag(result.length), 10)
  t.ok(Buffer.from(large).equals(reader.view(result.length)))
  writer.bool(true)
  t.equal(hex(writer.take()), '01', 'the writer goes on after it gave the large buffer back')
})

t.test('a view is what would be taken, and takes nothing', async (t) => {
  const writer = new Writer(4)
  writer.string('longer than its first memory')
  const view = hex(writer.view())
  t.equal(hex(writer.take()), view)
  t.equal(writer.view().length, 0)
})

t.test('taken results are not touched by later writes', async (t) => {
  const writer = new Writer(64)
  writer.string('first')
  const first = writer.take()
  const before = hex(first)
  writer.string('other')
  writer.take()
  t.equal(hex(first), before)
  writer.string('dropped')
  writer.clear()
  t.equal(writer.take().length, 0)
})
