import t from 'tap'
import { type ClusterId, type Index, type Term } from '../../base/index.js'
import { type BackendView, type Bucket, BUCKETS, type Random } from '../../env/index.js'
import { MemoryBackend, seededRandom } from '../../mvcc/testing.js'
import { CHUNK_BYTES, MalformedRows, RowStreamReader, encodeRows } from './row-stream.js'

const HEADER = { clusterId: 0xfeed_0000_0000_0001n as ClusterId, index: 12345678901 as Index, term: 7 as Term }

interface Row {
  readonly bucket: Bucket
  readonly key: Buffer
  readonly value: Buffer
}

const viewOf = async (rows: readonly Row[]): Promise<BackendView> => {
  const backend = new MemoryBackend()
  await backend.write(rows)
  return backend.view()
}

const chunksOf = async (rows: readonly Row[]): Promise<Buffer[]> => {
  const chunks: Buffer[] = []
  for await (const chunk of encodeRows(await viewOf(rows), HEADER)) chunks.push(Buffer.from(chunk))
  return chunks
}

/** Reads `bytes` in pieces of sizes that `next` gives. */
const read = (bytes: Uint8Array, next: () => number): { rows: Row[]; header: RowStreamReader['header'] } => {
  const rows: Row[] = []
  const reader = new RowStreamReader((bucket, key, value) => {
    rows.push({ bucket, key: Buffer.from(key), value: Buffer.from(value) })
  })
  for (let at = 0; at < bytes.length;) {
    const size = next()
    reader.push(bytes.subarray(at, at + size))
    at += size
  }
  reader.finish()
  t.equal(reader.rows, rows.length)
  return { rows, header: reader.header }
}

const whole = (bytes: Uint8Array) => read(bytes, () => bytes.length)

const row = (bucket: Bucket, key: string, value: string | Buffer): Row => ({
  bucket,
  key: Buffer.from(key),
  value: Buffer.from(value),
})

t.test('the bytes of a small stream', async (t) => {
  const bytes = Buffer.concat(await chunksOf([row('key', 'k', 'v'.repeat(200)), row('alarm', 'a', '')]))
  t.equal(
    bytes.toString('latin1').slice(0, -4),
    '\x51\x52\x6f\x77\x01' +
      '\xfe\xed\0\0\0\0\0\x01' +
      '\0\0\0\x02\xdf\xdc\x1c\x35' +
      '\0\0\0\0\0\0\0\x07' +
      `\x00\x01a\x00\x05\x01k\xc8\x01${'v'.repeat(200)}\xff\x02`,
  )
  t.same(whole(bytes).header, HEADER)
})

t.test('an empty store is a header and an end', async (t) => {
  const bytes = Buffer.concat(await chunksOf([]))
  t.equal(bytes.length, 29 + 2 + 4)
  t.same(whole(bytes).rows, [])
})

t.test('chunks end at rows and are about as large as they should be', async (t) => {
  const rows = Array.from({ length: 200 }, (_, i) => row('key', `k${1000 + i}`, Buffer.alloc(16_000, i)))
  const chunks = await chunksOf(rows)
  t.ok(chunks.slice(0, -1).every(({ length }) => length >= CHUNK_BYTES && length < CHUNK_BYTES + 17_000))
  t.equal(chunks.length, Math.ceil(200 / 17))
  t.same(whole(Buffer.concat(chunks)).rows, rows)
})

t.test('a row larger than many chunks', async (t) => {
  const rows = [row('key', 'large', Buffer.alloc(5_000_000, 1)), row('meta', 'm', 'v')]
  const bytes = Buffer.concat(await chunksOf(rows))
  t.same(read(bytes, () => 1000).rows, rows)
})

const randomRows = (random: Random): Row[] => {
  const rows = new Map<string, Row>()
  for (let n = random.below(30); n > 0; n--) {
    const bucket = BUCKETS[random.below(BUCKETS.length)]!
    const key = Buffer.from(Array.from({ length: random.below(20) }, () => random.below(256)))
    const size = random.below(10) === 0 ? random.below(70_000) : random.below(300)
    const id = String.fromCharCode(BUCKETS.indexOf(bucket)) + key.toString('latin1')
    rows.set(id, { bucket, key, value: Buffer.alloc(size, random.below(256)) })
  }
  return [...rows.keys()].sort().map((id) => rows.get(id)!)
}

t.test('whatever rows and pieces, the same rows come out', async (t) => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed)
    const rows = randomRows(random)
    const bytes = Buffer.concat(await chunksOf(rows))
    const most = 1 + random.below(random.below(2) === 0 ? 5 : 10_000)
    const result = read(bytes, () => 1 + random.below(most))
    t.same(result.rows, rows, `seed ${seed}`)
  }
})

t.test('every cut and every flipped byte is found', async (t) => {
  const bytes = Buffer.concat(await chunksOf([row('key', 'k', 'v'.repeat(150)), row('lease', 'l', 'w')]))
  for (let cut = 0; cut < bytes.length; cut++) t.throws(() => whole(bytes.subarray(0, cut)), MalformedRows)
  for (let at = 0; at < bytes.length; at++) {
    for (const flip of [1, 0x80, 0xff]) {
      const damaged = Buffer.from(bytes)
      damaged[at] = damaged[at]! ^ flip
      t.throws(() => whole(damaged), MalformedRows, `byte ${at} ^ ${flip}`)
    }
  }
  t.throws(() => whole(Buffer.concat([bytes, Buffer.from('x')])), MalformedRows)
  t.throws(() => read(Buffer.concat([bytes, Buffer.from('x')]), () => bytes.length), MalformedRows)
})

t.test('garbage ends in an error of its own, and never in more memory than it has bytes', (t) => {
  for (let seed = 1; seed <= 20_000; seed++) {
    const random = seededRandom(seed)
    const header = Buffer.from('QRow\x01').subarray(0, random.below(8) === 0 ? random.below(6) : 5)
    const body = Buffer.from(Array.from({ length: 24 + random.below(60) }, () => random.below(256)))
    // Numbers that are not refused at once.
    if (random.below(2) === 0) body.fill(0, 8, 10).fill(0, 16, 18)
    if (random.below(2) === 0 && body.length > 25) body[24] = random.below(11)
    let rowBytes = 0
    const reader = new RowStreamReader((_bucket, key, value) => {
      rowBytes += key.length + value.length
    })
    try {
      for (const part of [header, body]) for (const byte of part) reader.push(Buffer.of(byte))
      reader.finish()
      t.fail(`seed ${seed}: accepted`)
    } catch (error) {
      if (!(error instanceof MalformedRows)) throw error
    }
    if (rowBytes > body.length) t.fail(`seed ${seed}: ${rowBytes} bytes of rows`)
  }
  t.end()
})
