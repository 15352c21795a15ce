// What nobody should send. FUZZ_CONNECTIONS and FUZZ_BYTES make it run until both were had; FUZZ_SEED repeats a run.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { HTTP2_LIMITS } from '../http2/limits.js'
import { RawClient, frame, hex, literal, setting, uint32 } from '../http2/testing.js'
import { framed, path, realClock, say, serve, until } from '../testing.js'

const CONNECTIONS = Number(process.env.FUZZ_CONNECTIONS ?? 1000)
const BYTES = Number(process.env.FUZZ_BYTES ?? 500_000)
const TOGETHER = 20
/** Connections after which what is made once exists: heaps are compared from there on. */
const SETTLED = Math.ceil(CONNECTIONS / 2 / TOGETHER) * TOGETHER
/** What the heap may grow by in the second half: compiled code, and what the test itself keeps. */
const HEAP_GROWTH_BYTES = 2 * 1024 * 1024

function randomOf(seed: number): (below: number) => number {
  let state = seed | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

type Random = (below: number) => number

/** A header block of any bytes: indexes that there are not, sizes, integers and Huffman codes without end. */
function anyBlock(random: Random): Buffer {
  const parts: Buffer[] = random(2) === 0 ? [hex('83 86'), literal(':path', path('Say'))] : []
  for (let n = random(8); n >= 0; n--) {
    const kind = random(5)
    if (kind === 0) parts.push(Buffer.of(0x80 | random(128), random(256), random(256)))
    else if (kind === 1) parts.push(Buffer.of(0x20 | random(32), random(256)))
    else if (kind === 2)
      parts.push(Buffer.of(0x40, 0x80 | random(40)), anyBytes(random(40), random), Buffer.of(1, 0x61))
    else if (kind === 3) parts.push(literal(`x-${random(50)}`, 'v'.repeat(random(100))))
    else parts.push(anyBytes(random(30), random))
  }
  return Buffer.concat(parts)
}

const anyBytes = (length: number, random: Random): Buffer => Buffer.from(Array.from({ length }, () => random(256)))

/** The block in HEADERS and, sometimes, CONTINUATION frames. */
function blockFrames(id: number, block: Buffer, random: Random): Buffer[] {
  if (random(2) === 0) return [frame(1, 4 | random(2), id, block)]
  const cut = random(block.length + 1)
  return [frame(1, random(2), id, block.subarray(0, cut)), frame(9, random(4) === 0 ? 0 : 4, id, block.subarray(cut))]
}

/** Frames of a client that behaves well, in any order that it could send them. */
function session(random: Random): Buffer[] {
  const frames = [Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, setting(4, random(100_000)))]
  const methods = ['Say', 'Hang', 'Chat', 'Count', 'Meta', 'Endless', 'None']
  for (let n = random(12); n >= 0; n--) {
    const id = 2 * random(8) + 1
    const method = methods[random(methods.length)]!
    const fields = [
      hex('83 86'),
      literal(':path', path(method)),
      literal('content-type', random(20) === 0 ? 'text/html' : 'application/grpc'),
      literal('te', 'trailers'),
    ]
    if (random(3) === 0) fields.push(literal('grpc-timeout', `${random(50)}m`))
    if (random(5) === 0) fields.push(literal('grpc-encoding', 'gzip'))
    const text = method === 'Count' ? `${random(5)} ${random(20_000)}` : 'x'.repeat(random(100))
    const body = framed(Buffer.from(text), random(8) === 0 ? 1 : 0)
    const split = random(body.length)
    frames.push(frame(1, 4, id, Buffer.concat(fields)))
    frames.push(frame(0, 0, id, body.subarray(0, split)), frame(0, random(2), id, body.subarray(split)))
    const extras = [
      frame(6, 0, 0, Buffer.alloc(8)),
      frame(8, 0, random(2) === 0 ? 0 : id, uint32(random(100_000) + 1)),
      frame(3, 0, id, uint32(8)),
      frame(4, 0, 0, setting(random(7), random(70_000))),
      frame(2, 0, id, hex('00000000 01')),
      frame(7, 0, 0, uint32(0, 0)),
    ]
    if (random(2) === 0) frames.push(extras[random(extras.length)]!)
    if (random(6) === 0) frames.push(...blockFrames(2 * random(8) + 1, anyBlock(random), random))
  }
  return frames
}

/** Changes a few bytes, drops, doubles and swaps frames. */
function mutate(frames: Buffer[], random: Random): Buffer {
  const mutated = [...frames]
  for (let n = random(3); n > 0; n--) {
    const i = 1 + random(mutated.length - 1)
    const kind = random(4)
    if (kind === 0) mutated.splice(i, 1)
    else if (kind === 1) mutated.splice(i, 0, mutated[i]!)
    else if (kind === 2) mutated.push(mutated[i]!)
    else mutated[i] = mutated[i]!.subarray(0, random(mutated[i]!.length + 1))
    if (mutated.length < 2) break
  }
  const bytes = Buffer.concat(mutated)
  for (let n = random(4); n > 0; n--) bytes[24 + random(Math.max(bytes.length - 24, 1))] = random(256)
  return bytes
}

t.test('whatever clients send, the server stands, others are served, and nothing is left', async (t) => {
  const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`FUZZ_SEED=${seed}`)
  const random = randomOf(seed)
  const served = await serve()
  t.teardown(() => served.close())
  t.equal(await say(served.client, 'Say', 'before'), 'before')
  const handles = process.getActiveResourcesInfo().length
  const { echo } = served
  const counts = new Map<string, number>()
  let heapBytes = 0
  let bytesSent = 0
  let done = 0
  for (; done < CONNECTIONS || bytesSent < BYTES; done += TOGETHER) {
    if (done === SETTLED) heapBytes = await settledHeap()
    for (const event of echo.events.all) counts.set(event, (counts.get(event) ?? 0) + 1)
    // The test's own memory of what happened must not hide what the server keeps.
    echo.events.all.length = echo.hanging.length = echo.streams.length = 0
    const clients = Array.from({ length: TOGETHER }, () => {
      const client = new RawClient(served.tcpPort)
      const bytes = mutate(session(random), random)
      const cut = random(bytes.length + 1)
      bytesSent += bytes.length
      client.send(bytes.subarray(0, cut))
      client.send(bytes.subarray(cut))
      return client
    })
    if (done % 200 === 0) t.equal(await say(served.client, 'Say', `round ${done}`), `round ${done}`)
    for (let turn = random(6); turn >= 0; turn--) await realClock.yieldTurn()
    for (const client of clients) {
      if (random(2) === 0) client.socket.end()
      else if (random(2) === 0) client.socket.resetAndDestroy()
      else client.close()
    }
    for (const client of clients) await client.untilClosed()
  }
  t.equal(await say(served.client, 'Say', 'after'), 'after')
  await until(() => served.grpc.connectionCount === 1)
  t.equal(served.grpc.openCallCount, 0)
  await until(() => process.getActiveResourcesInfo().length <= handles + 2)
  const growth = (await settledHeap()) - heapBytes
  t.comment(
    `note: ${done} connections, ${bytesSent} bytes, heap ${Math.round(growth / 1024)} KiB larger than after ${SETTLED}`,
  )
  t.ok(growth < HEAP_GROWTH_BYTES, `the heap grew by ${growth} bytes`)
  for (const event of echo.events.all) counts.set(event, (counts.get(event) ?? 0) + 1)
  const count = (event: string): number => counts.get(event) ?? 0
  const ends = ['canceled', 'transport', 'deadline', 'shutdown'].map((cause) => count(`hang ${cause}`))
  t.equal(
    ends.reduce((sum, n) => sum + n, 0),
    count('hang'),
    'every hanging call was told once',
  )
  t.ok(count('hang') > 0)
})

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes in use once no closed connection is lingering any more and garbage is gone. */
async function settledHeap(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, HTTP2_LIMITS.lingerMs + 100))
  for (let turn = 0; turn < 5; turn++) {
    await realClock.yieldTurn()
    collectGarbage()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
