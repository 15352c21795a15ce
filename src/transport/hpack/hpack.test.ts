import http2 from 'node:http2'
import { createServer } from 'node:net'
import t from 'tap'
import { CompressionError, FieldKind, HeaderField, HpackDecoder, HpackEncoder, PreparedField } from './index.js'
import { huffmanDecode, huffmanEncode, huffmanLength } from './huffman.js'
import { STATIC_TABLE } from './static-table.js'

const LIST_MAX = 1 << 20
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
const decode = (decoder: HpackDecoder, bytes: Buffer): string[] =>
  decoder.decode(bytes, 0, bytes.length).map(({ name, value }) => `${name}: ${value}`)

/** RFC 7541, Appendix C.3 to C.6: blocks that follow each other on one connection. */
const REQUESTS = [
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
  [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'],
]
const [DATE_1, DATE_2] = ['Mon, 21 Oct 2013 20:13:21 GMT', 'Mon, 21 Oct 2013 20:13:22 GMT']
const LOCATION = 'location: https://www.example.com'
const RESPONSES = [
  [':status: 302', 'cache-control: private', `date: ${DATE_1}`, LOCATION],
  [':status: 307', 'cache-control: private', `date: ${DATE_1}`, LOCATION],
  [
    ':status: 200',
    'cache-control: private',
    `date: ${DATE_2}`,
    LOCATION,
    'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
]
const GOLDEN = [
  {
    name: 'C.3 requests without Huffman coding',
    tableBytes: 4096,
    expected: REQUESTS,
    blocks: [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
  },
  {
    name: 'C.4 requests with Huffman coding',
    tableBytes: 4096,
    expected: REQUESTS,
    blocks: [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
  },
  {
    name: 'C.5 responses without Huffman coding, in a table of 256 bytes',
    tableBytes: 256,
    expected: RESPONSES,
    blocks: [
      `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d
       546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
      '4803 3330 37c1 c0bf',
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f
       6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b
       2076 6572 7369 6f6e 3d31`,
    ],
  },
  {
    name: 'C.6 responses with Huffman coding, in a table of 256 bytes',
    tableBytes: 256,
    expected: RESPONSES,
    blocks: [
      `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7
       8f0b 97c8 e9ae 82ae 43d3`,
      '4883 640e ffc1 c0bf',
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335
       dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    ],
  },
  {
    name: 'C.2.1',
    tableBytes: 4096,
    expected: [['custom-key: custom-header']],
    blocks: ['400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572'],
  },
  {
    name: 'C.2.2',
    tableBytes: 4096,
    expected: [[':path: /sample/path']],
    blocks: ['040c 2f73 616d 706c 652f 7061 7468'],
  },
  {
    name: 'C.2.3',
    tableBytes: 4096,
    expected: [['password: secret']],
    blocks: ['1008 7061 7373 776f 7264 0673 6563 7265 74'],
  },
  { name: 'C.2.4', tableBytes: 4096, expected: [[':method: GET']], blocks: ['82'] },
]

t.test('decodes the examples of RFC 7541, Appendix C', async (t) => {
  for (const { name, tableBytes, expected, blocks } of GOLDEN) {
    const decoder = new HpackDecoder(tableBytes, LIST_MAX)
    for (const [i, block] of blocks.entries())
      t.same(decode(decoder, hex(block)), expected[i], `${name}, block ${i + 1}`)
  }
})

t.test('whatever cannot be followed is a CompressionError', async (t) => {
  const cases: [name: string, block: string][] = [
    ['index 0', '80'],
    ['an index beyond the tables', 'be'],
    ['an index far beyond the tables', 'ff ff ff ff 7f'],
    ['a name beyond the tables', '7f 00 01 61'],
    ['an integer of six bytes', 'ff 80 80 80 80 80 01'],
    ['an integer whose bytes never end', 'ff 80 80'],
    ['a field without value', '40 01 61'],
    ['a string longer than its block', '40 01 61 05 62'],
    ['a table larger than agreed', '3f e2 1f'],
    ['a size update after a field', '82 20'],
    ['Huffman padding with zeros', '40 01 61 81 18'],
    ['Huffman padding of eight bits', '40 01 61 82 1f ff'],
    ['EOS within a string', '40 01 61 84 ff ff ff ff'],
  ]
  for (const [name, block] of cases) {
    const decoder = new HpackDecoder(4096, LIST_MAX)
    t.throws(() => decode(decoder, hex(block)), CompressionError, name)
  }
  t.same(
    decode(new HpackDecoder(4096, LIST_MAX), hex('3f e1 1f 20 82')),
    [':method: GET'],
    'size updates in front are fine',
  )
})

t.test('a list beyond the limit is cut, and the table follows all the same', async (t) => {
  const decoder = new HpackDecoder(4096, 100)
  const block = hex('4003 616161 0162 4003 636363 0164 4003 656565 0166')
  t.same(decode(decoder, block), ['aaa: b', 'ccc: d'])
  t.equal(decoder.oversize, true)
  t.same(decode(decoder, hex('be')), ['eee: f'], 'the cut field joined the table')
  t.equal(decoder.oversize, false)
})

t.test('the generation changes with the table, and only with it', async (t) => {
  const decoder = new HpackDecoder(4096, LIST_MAX)
  const before = decoder.generation
  decode(decoder, hex('82 86'))
  decode(decoder, hex('00 01 61 01 62'))
  t.equal(decoder.generation, before)
  decode(decoder, hex('40 01 61 01 62'))
  t.not(decoder.generation, before)
})

t.test('Huffman coding: every symbol, and there and back', async (t) => {
  const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('')
  const coded = huffmanEncode(all)
  t.equal(coded.length, huffmanLength(all))
  t.equal(huffmanDecode(coded, 0, coded.length), all)
  t.same(Buffer.from(huffmanEncode('www.example.com')).toString('hex'), 'f1e3c2e5f23a6ba0ab90f4ff')
  const random = randomOf(7)
  for (let round = 0; round < 500; round++) {
    const text = Array.from({ length: random(60) }, () => String.fromCharCode(random(256))).join('')
    const bytes = huffmanEncode(text)
    if (huffmanDecode(bytes, 0, bytes.length) !== text) t.fail(`round ${round}`)
  }
})

t.test('what the encoder writes, a decoder reads', async (t) => {
  const fields = [
    new PreparedField(':status', '200'),
    new PreparedField('content-type', 'application/grpc', true),
    new PreparedField('grpc-status', '0', true),
    new PreparedField('x-own', 'v'.repeat(200)),
    new PreparedField('date', 'now'),
  ]
  const encoder = new HpackEncoder()
  const decoder = new HpackDecoder(4096, LIST_MAX)
  const random = randomOf(3)
  const write = (chosen: PreparedField[]): Buffer => {
    const out = Buffer.alloc(encoder.bound(chosen))
    return out.subarray(0, encoder.encode(chosen, out, 0))
  }
  const texts = [
    ':status: 200',
    'content-type: application/grpc',
    'grpc-status: 0',
    `x-own: ${'v'.repeat(200)}`,
    'date: now',
  ]
  for (let round = 0; round < 200; round++) {
    if (round === 100) encoder.onTableSize(0)
    const picks = Array.from({ length: random(4) + 1 }, () => random(fields.length))
    t.same(
      decode(decoder, write(picks.map((i) => fields[i]!))),
      picks.map((i) => texts[i]!),
    )
  }
  const again = new HpackEncoder()
  const first = again.encode(fields.slice(0, 2), Buffer.alloc(100), 0)
  t.ok(first > 10)
  t.equal(again.encode(fields.slice(0, 2), Buffer.alloc(100), 0), 2, 'a kept field costs one byte the second time')
})

t.test('random bytes give fields or a CompressionError, nothing else', async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.comment(`seed ${seed}`)
  const random = randomOf(seed)
  let failed = 0
  for (let round = 0; round < 20_000; round++) {
    const decoder = new HpackDecoder(4096, 1000)
    for (let block = 0; block < 3; block++) {
      const golden = GOLDEN[random(GOLDEN.length)]!
      const bytes =
        random(2) === 0
          ? Buffer.from(Array.from({ length: random(40) }, () => random(256)))
          : hex(golden.blocks[random(golden.blocks.length)]!)
      for (let i = random(3); i > 0 && bytes.length > 0; i--) bytes[random(bytes.length)] = random(256)
      try {
        const fields = decoder.decode(bytes, 0, bytes.length)
        const sizeBytes = fields.reduce((sum, field) => sum + field.sizeBytes, 0)
        if (sizeBytes > 1000) t.fail(`a list of ${sizeBytes} bytes`)
      } catch (error) {
        if (!(error instanceof CompressionError)) throw error
        failed++
        break
      }
    }
  }
  t.ok(failed > 1000, 'most of it is wrong')
})

t.test('understands the encoder of node', async (t) => {
  // node writes its own header blocks to a socket of ours; the HEADERS frames are cut out and decoded here.
  const blocks: Buffer[] = []
  const server = createServer((socket) => {
    let all = Buffer.alloc(0)
    let pos = 24
    socket.write(hex('000000 04 00 00000000'))
    socket.on('data', (chunk: Buffer) => {
      all = Buffer.concat([all, chunk])
      while (all.length >= pos + 9 && all.length >= pos + 9 + all.readUIntBE(pos, 3)) {
        const end = pos + 9 + all.readUIntBE(pos, 3)
        if (all[pos + 3] === 1) blocks.push(all.subarray(pos + 9 + ((all[pos + 4]! & 0x20) !== 0 ? 5 : 0), end))
        pos = end
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  const session = http2.connect(`http://127.0.0.1:${port}`)
  const random = randomOf(11)
  const sent: string[][] = []
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789-_'
  const word = (most: number) =>
    Array.from({ length: random(most) + 1 }, () => letters[random(letters.length)]).join('')
  const names = Array.from({ length: 30 }, () => `x-${word(12)}`)
  for (let i = 0; i < 300; i++) {
    const headers: Record<string, string> = {
      ':method': 'POST',
      ':scheme': 'http',
      ':authority': 'test',
      ':path': `/${word(20)}`,
    }
    for (let n = random(6); n > 0; n--) headers[names[random(names.length)]!] = random(3) === 0 ? 'again' : word(300)
    sent.push(Object.entries(headers).map(([name, value]) => `${name}: ${value}`))
    session.request(headers, { endStream: true }).on('error', () => undefined)
    if (i % 50 === 49) await new Promise((resolve) => setImmediate(resolve))
  }
  while (blocks.length < 100) await new Promise((resolve) => setImmediate(resolve))
  session.destroy()
  const decoder = new HpackDecoder(4096, LIST_MAX)
  for (const [i, block] of blocks.entries()) t.same(decode(decoder, block).sort(), sent[i]!.sort())
})

t.test('fields are judged as HTTP/2 demands', async (t) => {
  const cases: [name: string, value: string, kind: number][] = [
    ['x-own', 'fine', FieldKind.plain],
    ['x-own', '', FieldKind.plain],
    ['x-own', '\xe4\xff', FieldKind.plain],
    ['X-Own', 'a', FieldKind.bad],
    ['x own', 'a', FieldKind.bad],
    ['x:own', 'a', FieldKind.bad],
    ['x\x7f', 'a', FieldKind.bad],
    ['', 'a', FieldKind.bad],
    ['x', 'a\0b', FieldKind.bad],
    ['x', 'a\nb', FieldKind.bad],
    ['x', 'a\rb', FieldKind.bad],
    ['x', ' a', FieldKind.bad],
    ['x', 'a\t', FieldKind.bad],
    ['connection', 'close', FieldKind.bad],
    ['transfer-encoding', 'chunked', FieldKind.bad],
    ['te', 'trailers', FieldKind.te],
    ['te', 'gzip', FieldKind.bad],
    [':path', '/', FieldKind.path],
    [':status', '200', FieldKind.foreignPseudo],
    [':other', 'x', FieldKind.foreignPseudo],
  ]
  for (const [name, value, kind] of cases)
    t.equal(new HeaderField(name, value).kind, kind, JSON.stringify([name, value]))
  t.equal(STATIC_TABLE.length, 61)
})

function randomOf(seed: number): (below: number) => number {
  let state = seed | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}
