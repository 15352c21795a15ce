import t from 'tap'
import { NO_LEASE, keyOf } from '../base/index.js'
import * as etcdserverpb from './generated/etcdserverpb.js'
import { encodeKeyValue } from './key-value.js'
import { PairBlocks, RangeAnswer, RangeAnswerCodec, RangeStreamAnswerCodec, pairCount } from './range-answer.js'

const pair = (i: number, valueBytes: number): Uint8Array =>
  encodeKeyValue(keyOf(Buffer.from(`key-${i}`)), i + 1, i + 2, 1, Buffer.alloc(valueBytes, i), NO_LEASE)

function answerOf(pairs: readonly Uint8Array[], expected = pairs.length): RangeAnswer {
  const blocks = new PairBlocks(expected)
  for (const [i, bytes] of pairs.entries()) {
    // Some lie in the middle of something larger, as in a row.
    if (i % 2 === 0) blocks.add(bytes, 0, bytes.length)
    else blocks.add(Buffer.concat([Buffer.alloc(7, 255), bytes, Buffer.alloc(3, 255)]), 7, 7 + bytes.length)
  }
  const answer = new RangeAnswer(blocks)
  answer.header = new etcdserverpb.ResponseHeader()
  answer.header.revision = 77
  answer.more = pairs.length % 2 === 1
  answer.count = pairs.length + 5
  return answer
}

function plainOf(pairs: readonly Uint8Array[]): etcdserverpb.RangeResponse {
  const plain = new etcdserverpb.RangeResponse()
  const { header, more, count } = answerOf(pairs)
  plain.header = header
  plain.more = more
  plain.count = count
  plain.kvs = [...pairs]
  return plain
}

const LISTS: readonly [name: string, sizes: readonly number[]][] = [
  ['none', []],
  ['one', [10]],
  ['an empty value', [0]],
  ['lengths around those of varints', [100, 126, 127, 128, 129, 16_000, 16_383, 16_384, 16_385]],
  ['many small ones', new Array<number>(5000).fill(40)],
  ['much larger ones than before', [...new Array<number>(300).fill(10), 3_000_000, 10, 2_500_000]],
  ['of objects', new Array<number>(400).fill(7500)],
]

t.test('an answer in blocks is the plain answer, byte for byte', async (t) => {
  for (const [name, sizes] of LISTS) {
    const pairs = sizes.map((valueBytes, i) => pair(i, valueBytes))
    const expected = etcdserverpb.RangeResponseCodec.encode(plainOf(pairs))
    // Whatever was expected of their number.
    for (const guess of [0, 1, pairs.length, 10 * pairs.length]) {
      const answer = answerOf(pairs, guess)
      t.ok(Buffer.from(RangeAnswerCodec.encode(answer)).equals(expected), `${name}, ${guess} expected`)
      t.equal(RangeAnswerCodec.encodedSize(answer), expected.length)
      const pieces = RangeAnswerCodec.pieces(answer)
      if (pieces !== undefined) t.ok(Buffer.concat(pieces).equals(expected), `${name} in pieces`)
      t.equal(pieces !== undefined, answer.pairs.sizeBytes > 16_384, 'only large ones come in pieces')
      t.equal(pairCount(answer), pairs.length)
    }
    t.equal(pairCount(plainOf(pairs)), pairs.length)
    t.equal(RangeAnswerCodec.encodedSize(plainOf(pairs)), expected.length)
    t.ok(Buffer.from(RangeAnswerCodec.encode(plainOf(pairs))).equals(expected))
    t.equal(RangeAnswerCodec.pieces(plainOf(pairs)), undefined)
  }
})

t.test('and so it is inside the messages of RangeStream', async (t) => {
  for (const [name, sizes] of LISTS) {
    const pairs = sizes.map((valueBytes, i) => pair(i, valueBytes))
    const plain = new etcdserverpb.RangeStreamResponse()
    plain.rangeResponse = plainOf(pairs)
    const expected = etcdserverpb.RangeStreamResponseCodec.encode(plain)
    const message = new etcdserverpb.RangeStreamResponse()
    message.rangeResponse = answerOf(pairs)
    t.ok(Buffer.concat(RangeStreamAnswerCodec.pieces(message)!).equals(expected), name)
    t.ok(Buffer.from(RangeStreamAnswerCodec.encode(message)).equals(expected))
    t.equal(RangeStreamAnswerCodec.encodedSize(message), expected.length)
    t.equal(RangeStreamAnswerCodec.encodedSize(plain), expected.length)
    t.ok(Buffer.from(RangeStreamAnswerCodec.encode(plain)).equals(expected))
    t.equal(RangeStreamAnswerCodec.decode(expected).rangeResponse?.kvs.length, pairs.length)
  }
})

t.test('the key of the last pair', async (t) => {
  const blocks = new PairBlocks(3, true)
  for (const [i, size] of [10, 20_000, 5].entries()) blocks.add(pair(i, size), 0, pair(i, size).length)
  t.equal(Buffer.from(blocks.lastKey()).toString(), 'key-2')
  t.equal(blocks.count, 3)
})
