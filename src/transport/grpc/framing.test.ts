import t from 'tap'
import { gzipSync } from 'node:zlib'
import { framed } from '../testing.js'
import { encodeText } from './answers.js'
import { MessageReader, isStatus, unpack } from './framing.js'
import { GRPC_LIMITS } from './limits.js'

t.test('messages come out whole however the bytes were cut', async (t) => {
  const messages = [0, 1, 5, 100, 70_000, 3, 16_384].map((length, i) => Buffer.alloc(length, `${i}`))
  const bytes = Buffer.concat(messages.map((message, i) => framed(message, i % 2)))
  for (const step of [1, 2, 3, 4, 5, 6, 7, 100, 16_384, 65_536, bytes.length]) {
    const reader = new MessageReader(100_000)
    const got: [number, string][] = []
    for (let pos = 0; pos < bytes.length; pos += step) {
      let start = pos
      const end = Math.min(pos + step, bytes.length)
      while (start < end && reader.next(bytes, start, end)) {
        got.push([reader.flag, Buffer.from(reader.bytes.subarray(reader.start, reader.end)).toString()])
        start = reader.pos
      }
    }
    t.same(
      got,
      messages.map((message, i) => [i % 2, message.toString()]),
      `pieces of ${step}`,
    )
    t.equal(reader.isPartial, false)
    t.equal(reader.heldBytes, 0)
  }
})

t.test('a message above the limit is a problem at its fifth byte', async (t) => {
  const head = Buffer.of(0, 0, 0, 4, 1)
  for (const cut of [0, 3]) {
    const reader = new MessageReader(1024)
    if (cut > 0) t.equal(reader.next(head, 0, cut), false)
    t.equal(reader.next(head, cut, 5), false)
    t.same(reader.problem, { code: 8, message: 'grpc: received message larger than max (1025 vs. 1024)' })
  }
})

t.test('memory grows with what came, not with what was announced', async (t) => {
  const reader = new MessageReader(2 ** 31)
  reader.next(Buffer.of(0, 0x7f, 0, 0, 0, 1), 0, 6)
  t.ok(reader.heldBytes < 20_000)
})

t.test('compressed messages', async (t) => {
  const body = Buffer.from('hello')
  const open = (flag: number, encoding: string | undefined, bytes: Buffer, max = 100): string => {
    const plain = unpack(flag, encoding, bytes, 0, bytes.length, max)
    return isStatus(plain) ? `${plain.code} ${plain.message}` : Buffer.from(plain).toString()
  }
  t.equal(open(1, 'gzip', gzipSync(body)), 'hello')
  t.equal(open(1, 'gzip', gzipSync(Buffer.alloc(100))).length, 100, 'the limit itself passes')
  t.equal(
    open(1, 'gzip', gzipSync(Buffer.alloc(101))),
    '8 grpc: received message after decompression larger than max 100',
  )
  t.equal(open(1, 'gzip', body), '13 grpc: failed to decompress the received message')
  t.equal(open(1, undefined, body), '13 grpc: compressed flag set with identity or empty encoding')
  t.equal(open(1, 'identity', body), '13 grpc: compressed flag set with identity or empty encoding')
  t.equal(open(2, 'gzip', body), '13 grpc: received unexpected payload format 2')
})

t.test('status texts are percent-encoded as grpc-go does', async (t) => {
  t.equal(encodeText('etcdserver: "it" is fine ~'), 'etcdserver: "it" is fine ~')
  t.equal(encodeText('50% ä\n'), '50%25 %C3%A4%0A')
  t.ok(encodeText('ä'.repeat(100_000)).length < GRPC_LIMITS.statusTextBytes + 10)
})
