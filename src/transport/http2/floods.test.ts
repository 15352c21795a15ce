import t, { type Test } from 'tap'
import { realClock, until } from '../testing.js'
import { HTTP2_LIMITS } from './limits.js'
import { ErrorCode } from './protocol.js'
import { type BareServer, GET, POST, RawClient, frame, hex, literal, serveBare, setting, uint32 } from './testing.js'

const CALM = `GOAWAY ${ErrorCode.enhanceYourCalm}`

async function attack(t: Test, body: (server: BareServer, attacker: RawClient) => Promise<void>): Promise<void> {
  const server = await serveBare(realClock)
  t.teardown(() => server.close())
  const bystander = new RawClient(server.port)
  bystander.start(frame(1, 5, 1, GET))
  await bystander.until(({ texts }) => texts.includes('DATA 1 0 end'))
  const attacker = new RawClient(server.port)
  attacker.start()
  await body(server, attacker)
  attacker.close()
  bystander.send(frame(1, 5, 3, GET))
  await bystander.until(({ texts }) => texts.includes('DATA 3 0 end'))
  await until(() => server.connections.size === 1)
  bystander.close()
}

/** A frame that brings nothing, over and over. */
const IDLE_FLOODS: readonly [name: string, frame: Buffer, first?: Buffer][] = [
  ['SETTINGS', frame(4, 0, 0)],
  ['SETTINGS with values', frame(4, 0, 0, setting(4, 1000))],
  ['acknowledgements of SETTINGS', frame(4, 1, 0)],
  ['PING', frame(6, 0, 0, Buffer.alloc(8))],
  ['answers to PING', frame(6, 1, 0, Buffer.alloc(8))],
  ['PRIORITY', frame(2, 0, 1, hex('00000003 01'))],
  ['WINDOW_UPDATE', frame(8, 0, 0, uint32(1))],
  ['unknown frames', frame(99, 0, 0)],
  ['empty DATA', frame(0, 0, 1), frame(1, 4, 1, POST)],
  ['DATA of padding alone', frame(0, 8, 1, hex('00')), frame(1, 4, 1, POST)],
  ['DATA on a closed stream', frame(0, 0, 1, hex('01')), frame(1, 5, 1, GET)],
]

t.test('floods of frames without use end with ENHANCE_YOUR_CALM', async (t) => {
  for (const [name, piece, first] of IDLE_FLOODS) {
    await attack(t, async (_server, attacker) => {
      if (first !== undefined) attacker.send(first)
      const burst = Buffer.concat(new Array<Buffer>(1000).fill(piece))
      for (let i = 0; i <= HTTP2_LIMITS.idleFrames / 1000 && !attacker.isClosed; i++) attacker.send(burst)
      await attacker.untilClosed()
      t.equal(attacker.texts.at(-1), CALM, name)
    })
  }
})

t.test('streams that are opened and reset at once (rapid reset)', async (t) => {
  await attack(t, async (server, attacker) => {
    let id = 1
    const total = HTTP2_LIMITS.resetBurst + 5 * HTTP2_LIMITS.resetsPerSecond
    for (let sent = 0; sent < total && !attacker.isClosed; sent += 500) {
      const parts: Buffer[] = []
      for (let i = 0; i < 500; i++, id += 2) parts.push(frame(1, 4, id, POST), frame(3, 0, id, uint32(8)))
      attacker.send(...parts)
    }
    await attacker.untilClosed()
    t.equal(attacker.texts.at(-1), CALM)
    const count = (end: string): number => server.events.filter((text) => text.endsWith(end)).length
    t.equal(count('reset') + count('lost'), count('request /') - 1, 'all but the bystander’s were told')
  })
})

t.test('streams that the server is made to reset', async (t) => {
  await attack(t, async (_server, attacker) => {
    let id = 1
    for (let i = 0; i < 60 && !attacker.isClosed; i++) {
      const parts: Buffer[] = []
      for (let n = 0; n < 100; n++, id += 2) parts.push(frame(1, 4, id, POST), frame(8, 0, id, uint32(0)))
      attacker.send(...parts)
    }
    await attacker.untilClosed()
    t.equal(attacker.texts.at(-1), CALM)
  })
})

t.test('a header block without end (CONTINUATION flood)', async (t) => {
  for (const piece of [Buffer.alloc(0), literal('a', 'b'.repeat(100))]) {
    await attack(t, async (_server, attacker) => {
      attacker.send(frame(1, 0, 1, GET))
      for (let i = 0; i < 2000; i++) attacker.send(frame(9, 0, 1, piece))
      await attacker.untilClosed()
      t.equal(attacker.texts.at(-1), CALM)
    })
  }
  await attack(t, async (_server, attacker) => {
    attacker.send(
      frame(1, 0, 1, Buffer.alloc(16_384)),
      ...new Array<Buffer>(5).fill(frame(9, 0, 1, Buffer.alloc(16_384))),
    )
    await attacker.untilClosed()
    t.equal(attacker.texts.at(-1), CALM)
  })
})

t.test('a small block that means a large list (HPACK bomb)', async (t) => {
  await attack(t, async (_server, attacker) => {
    const value = 'v'.repeat(3900)
    const length = Buffer.of(0x7f, ((value.length - 127) & 0x7f) | 0x80, (value.length - 127) >>> 7)
    const big = Buffer.concat([hex('40 01 61'), length, Buffer.from(value)])
    const bomb = Buffer.concat([GET, big, Buffer.alloc(12_000, 0xbe)])
    attacker.send(frame(1, 5, 1, bomb), frame(1, 5, 3, Buffer.concat([GET, hex('be')])))
    await attacker.until(({ texts }) => texts.includes('DATA 3 0 end'))
    t.equal(attacker.texts[0], `RST 1 ${ErrorCode.enhanceYourCalm}`)
    t.equal(attacker.isClosed, false, 'the table is the same on both sides')
  })
})

t.test('a client that does not read holds little memory, and is cut', async (t) => {
  let offsetMs = 0
  const clock = { ...realClock, monotonicMs: () => performance.now() + offsetMs }
  const server = await serveBare(clock)
  t.teardown(() => server.close())
  const client = new RawClient(server.port)
  client.start(frame(4, 0, 0, setting(4, 2 ** 31 - 1)), frame(8, 0, 0, uint32(2 ** 31 - 65_536)))
  await client.settled()
  client.socket.pause()
  const ask = Buffer.concat([hex('82 86'), literal(':path', '/large')])
  for (let id = 1; id < 200; id += 2) client.send(frame(1, 5, id, ask))
  const [connection] = server.connections
  await until(() => server.streams.length === 100)
  for (let i = 0; i < 50; i++) await clock.yieldTurn()
  t.ok(connection!.sender.queuedBytes > 10_000_000, 'answers wait at their streams')
  connection!.check(clock.monotonicMs())
  t.equal(server.connections.size, 1)
  offsetMs = HTTP2_LIMITS.stalledWriteMs + 1000
  connection!.check(clock.monotonicMs())
  await until(() => server.connections.size === 0)
  t.equal(connection!.sender.queuedBytes, 0)
  client.close()
})

t.test('a client that pings without reading is not read from any more', async (t) => {
  const server = await serveBare(realClock)
  t.teardown(() => server.close())
  const client = new RawClient(server.port)
  client.start(frame(1, 4, 1, POST))
  await client.settled()
  client.socket.pause()
  // One byte of a request among them keeps the flood guard quiet.
  const burst = Buffer.concat([
    ...new Array<Buffer>(900).fill(frame(6, 0, 0, Buffer.alloc(8))),
    frame(0, 0, 1, hex('01')),
  ])
  let taken = 0
  let rounds = 0
  const send = (): void => {
    if (client.isClosed || rounds++ > 5000) return
    client.socket.write(burst, () => {
      taken++
      send()
    })
  }
  send()
  let before = -1
  while (taken !== before) {
    before = taken
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
  t.ok(taken < 5000, `the server stopped reading after ${taken} bursts`)
  client.socket.resume()
  await until(() => rounds > 5000 || taken > before + 100)
  t.equal(client.isClosed, false, 'and goes on when it can')
  client.close()
})

t.test('answers that nobody fetches: new streams are refused, and come again later', async (t) => {
  const server = await serveBare(realClock, 1000)
  t.teardown(() => server.close())
  const client = new RawClient(server.port)
  client.start(frame(4, 0, 0, setting(4, 0)))
  const ask = Buffer.concat([hex('82 86'), literal(':path', '/large')])
  let id = 1
  const needed = Math.ceil(HTTP2_LIMITS.queuedBytes / 300_000) + 2 // the largest does not count
  for (let i = 0; i < needed; i++, id += 2) client.send(frame(1, 5, id, ask))
  client.send(frame(1, 5, id, GET))
  await client.until(({ texts }) => texts.includes(`RST ${id} ${ErrorCode.refusedStream}`))
  client.send(frame(8, 0, 0, uint32(2 ** 30)), frame(4, 0, 0, setting(4, 2 ** 20)))
  const next = id + 2
  await until(() => [...server.connections][0]!.sender.queuedBytes === 0)
  client.send(frame(1, 5, next, GET))
  await client.until(({ texts }) => texts.includes(`DATA ${next} 0 end`))
  client.close()
})

t.test('one huge answer that waits does not shut the connection for others', async (t) => {
  const server = await serveBare(realClock, 1000)
  t.teardown(() => server.close())
  const client = new RawClient(server.port)
  client.start(
    frame(4, 0, 0, setting(4, 100)),
    frame(1, 5, 1, Buffer.concat([hex('82 86'), literal(':path', '/huge')])),
  )
  const ended = (id: number): boolean =>
    client.texts.some((text) => text.startsWith(`DATA ${id} `) && text.endsWith(' end'))
  for (const id of [3, 5]) {
    client.send(frame(1, 5, id, GET))
    await client.until(() => ended(id))
  }
  client.send(frame(3, 0, 1, uint32(8)), frame(1, 5, 7, GET))
  await client.until(() => ended(7))
  t.equal([...server.connections][0]!.sender.queuedBytes, 0)
  client.close()
})

t.test('windows of one byte, and windows that open byte by byte', async (t) => {
  await attack(t, async (_server, attacker) => {
    attacker.send(frame(4, 0, 0, setting(4, 1)))
    for (let id = 1; id < 101; id += 2) attacker.send(frame(1, 5, id, GET))
    for (let round = 0; round < 43; round++) {
      for (let id = 1; id < 101; id += 2) attacker.send(frame(8, 0, id, uint32(1)))
    }
    await attacker.until(({ texts }) => texts.filter((text) => text.endsWith(' end')).length === 50)
    t.equal(attacker.isClosed, false)
  })
})
