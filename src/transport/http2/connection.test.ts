import t, { type Test } from 'tap'
import { realClock, until } from '../testing.js'
import { ErrorCode } from './protocol.js'
import { HTTP2_LIMITS } from './limits.js'
import {
  type BareServer,
  GET,
  POST,
  RawClient,
  SETTINGS,
  frame,
  hex,
  literal,
  serveBare,
  setting,
  uint32,
} from './testing.js'

const E = ErrorCode
const DATA = 0
const HEADERS = 1
const PRIORITY = 2
const RST = 3
const SETTINGS_TYPE = 4
const PUSH = 5
const PING = 6
const GOAWAY = 7
const WINDOW = 8
const CONTINUATION = 9
const END = 1
const WHOLE = 4 // END_HEADERS
const PADDED = 8
const PRIO = 32

const get = (id: number): Buffer => frame(HEADERS, WHOLE | END, id, GET)
const post = (id: number, ...fields: Buffer[]): Buffer => frame(HEADERS, WHOLE, id, Buffer.concat([POST, ...fields]))
const path = (value: string): Buffer => literal(':path', value)
/** GET, http and a path of its own. */
const ask = (id: number, value: string, flags = WHOLE | END): Buffer =>
  frame(HEADERS, flags, id, Buffer.concat([hex('82 86'), path(value)]))
const request = (...fields: Buffer[]): Buffer => frame(HEADERS, WHOLE | END, 1, Buffer.concat(fields))

/** All that is heard of a request for `/`. */
const answer = (id: number): string[] => [`HEADERS ${id}`, `DATA ${id} 44`, `DATA ${id} 0 end`]

async function withServer(
  t: Test,
  body: (server: BareServer, connect: () => RawClient) => Promise<void>,
  streamsMax?: number,
): Promise<void> {
  const server = await serveBare(realClock, streamsMax)
  const clients: RawClient[] = []
  t.teardown(() => server.close())
  await body(server, () => {
    const client = new RawClient(server.port)
    clients.push(client)
    return client
  })
  for (const client of clients) client.close()
  await until(() => server.connections.size === 0)
}

/** What a client sends after preface and SETTINGS, and the last thing that it hears before the connection is closed. */
const CONNECTION_ERRORS: readonly [rule: string, code: number, ...frames: Buffer[]][] = [
  ['DATA on stream 0', E.protocolError, frame(DATA, 0, 0, Buffer.from('x'))],
  ['DATA on an idle stream', E.protocolError, frame(DATA, 0, 1, Buffer.from('x'))],
  ['DATA with more padding than bytes', E.protocolError, post(1), frame(DATA, PADDED, 1, hex('05 01 02'))],
  ['DATA with padding and no length of it', E.protocolError, post(1), frame(DATA, PADDED, 1)],
  ['HEADERS on stream 0', E.protocolError, frame(HEADERS, WHOLE | END, 0, GET)],
  ['HEADERS on an even stream', E.protocolError, frame(HEADERS, WHOLE | END, 2, GET)],
  ['HEADERS with more padding than bytes', E.protocolError, frame(HEADERS, WHOLE | PADDED, 1, hex('09 82 86 84'))],
  ['HEADERS too short for its priority', E.frameSizeError, frame(HEADERS, WHOLE | PRIO, 1, hex('00 00 00'))],
  ['HEADERS on a lower stream than before', E.protocolError, get(5), get(3)],
  ['HEADERS on a stream that both sides ended', E.streamClosed, get(1), get(1)],
  ['a header block that cannot be decoded', E.compressionError, frame(HEADERS, WHOLE | END, 1, hex('80'))],
  [
    'another frame within a header block',
    E.protocolError,
    frame(HEADERS, 0, 1, GET),
    frame(PING, 0, 0, Buffer.alloc(8)),
  ],
  [
    'another stream within a header block',
    E.protocolError,
    frame(HEADERS, 0, 1, GET),
    frame(CONTINUATION, WHOLE, 3, GET),
  ],
  ['CONTINUATION without HEADERS', E.protocolError, frame(CONTINUATION, WHOLE, 1, GET)],
  ['PRIORITY on stream 0', E.protocolError, frame(PRIORITY, 0, 0, Buffer.alloc(5))],
  ['RST_STREAM on stream 0', E.protocolError, frame(RST, 0, 0, uint32(8))],
  ['RST_STREAM on an idle stream', E.protocolError, frame(RST, 0, 1, uint32(8))],
  ['RST_STREAM of wrong size', E.frameSizeError, post(1), frame(RST, 0, 1, hex('00'))],
  ['SETTINGS on a stream', E.protocolError, frame(SETTINGS_TYPE, 0, 1)],
  ['SETTINGS of wrong size', E.frameSizeError, frame(SETTINGS_TYPE, 0, 0, hex('00'))],
  ['an acknowledgement with settings', E.frameSizeError, frame(SETTINGS_TYPE, 1, 0, setting(4, 1))],
  ['ENABLE_PUSH of 2', E.protocolError, frame(SETTINGS_TYPE, 0, 0, setting(2, 2))],
  ['INITIAL_WINDOW_SIZE of 2^31', E.flowControlError, frame(SETTINGS_TYPE, 0, 0, setting(4, 2 ** 31))],
  ['MAX_FRAME_SIZE below the minimum', E.protocolError, frame(SETTINGS_TYPE, 0, 0, setting(5, 16_383))],
  ['MAX_FRAME_SIZE above the maximum', E.protocolError, frame(SETTINGS_TYPE, 0, 0, setting(5, 2 ** 24))],
  ['PUSH_PROMISE', E.protocolError, frame(PUSH, WHOLE, 1, GET)],
  ['PING on a stream', E.protocolError, frame(PING, 0, 1, Buffer.alloc(8))],
  ['PING of wrong size', E.frameSizeError, frame(PING, 0, 0, Buffer.alloc(7))],
  ['GOAWAY on a stream', E.protocolError, frame(GOAWAY, 0, 1, Buffer.alloc(8))],
  ['GOAWAY of wrong size', E.frameSizeError, frame(GOAWAY, 0, 0, Buffer.alloc(7))],
  ['WINDOW_UPDATE of 0 for the connection', E.protocolError, frame(WINDOW, 0, 0, uint32(0))],
  ['WINDOW_UPDATE of wrong size', E.frameSizeError, frame(WINDOW, 0, 0, hex('00 00 01'))],
  ['WINDOW_UPDATE on an idle stream', E.protocolError, frame(WINDOW, 0, 1, uint32(1))],
  ['a connection window above 2^31-1', E.flowControlError, frame(WINDOW, 0, 0, uint32(2 ** 31 - 1))],
  ['a frame larger than we take', E.frameSizeError, post(1), hex('004001 00 00 00000001')],
]

t.test('mistakes that end the connection', async (t) => {
  await withServer(t, async (_server, connect) => {
    await Promise.all(
      CONNECTION_ERRORS.map(async ([rule, code, ...frames]) => {
        const client = connect()
        client.start(...frames)
        await client.until(({ texts }) => texts.some((text) => text.startsWith('GOAWAY')))
        t.equal(client.texts.at(-1), `GOAWAY ${code}`, rule)
        await client.untilClosed()
      }),
    )
  })
})

t.test('what does not begin with the preface and SETTINGS is no HTTP/2', async (t) => {
  await withServer(t, async (_server, connect) => {
    const garbled = connect()
    garbled.send(Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'))
    await garbled.untilClosed()
    t.same(garbled.texts, ['GOAWAY 1'])
    const early = connect()
    early.send(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), get(1))
    await early.untilClosed()
    t.same(early.texts, ['GOAWAY 1'])
  })
})

const STREAM_ERRORS: readonly [rule: string, code: number, ...frames: Buffer[]][] = [
  ['DATA after the end of the request', E.streamClosed, ask(1, '/silent'), frame(DATA, 0, 1, Buffer.from('x'))],
  ['HEADERS after the end of the request', E.streamClosed, ask(1, '/silent'), ask(1, '/silent')],
  ['trailers that do not end the request', E.protocolError, post(1), frame(HEADERS, WHOLE, 1, literal('a', 'b'))],
  ['pseudo fields in trailers', E.protocolError, post(1), frame(HEADERS, WHOLE | END, 1, GET)],
  [
    'more bytes than content-length',
    E.protocolError,
    post(1, literal('content-length', '1')),
    frame(DATA, END, 1, hex('0102')),
  ],
  [
    'fewer bytes than content-length',
    E.protocolError,
    post(1, literal('content-length', '2')),
    frame(DATA, END, 1, hex('01')),
  ],
  [
    'trailers before content-length is reached',
    E.protocolError,
    post(1, literal('content-length', '2')),
    frame(HEADERS, 5, 1),
  ],
  ['no body at all where one is promised', E.protocolError, request(GET, literal('content-length', '2'))],
  [
    'two content-lengths',
    E.protocolError,
    request(GET, literal('content-length', '0'), literal('content-length', '1')),
  ],
  ['a content-length that is no number', E.protocolError, request(GET, literal('content-length', '-1'))],
  ['a field name in upper case', E.protocolError, request(GET, literal('X-A', 'b'))],
  ['a connection field', E.protocolError, request(GET, literal('connection', 'close'))],
  ['te other than trailers', E.protocolError, request(GET, literal('te', 'gzip'))],
  ['a line feed in a value', E.protocolError, request(GET, literal('a', 'b\nc'))],
  ['an unknown pseudo field', E.protocolError, request(GET, literal(':x', 'y'))],
  ['a pseudo field of responses', E.protocolError, request(GET, literal(':status', '200'))],
  ['a pseudo field after a regular one', E.protocolError, request(hex('82 86'), literal('a', 'b'), path('/'))],
  ['a pseudo field twice', E.protocolError, request(GET, path('/'))],
  ['no :method', E.protocolError, request(hex('86 84'))],
  ['no :scheme', E.protocolError, request(hex('82 84'))],
  ['no :path', E.protocolError, request(hex('82 86'))],
  ['an empty :path', E.protocolError, request(hex('82 86'), path(''))],
  [
    'CONNECT with a path',
    E.protocolError,
    request(hex('86 84'), literal(':method', 'CONNECT'), literal(':authority', 'a')),
  ],
  [
    'a stream that depends on itself',
    E.protocolError,
    frame(HEADERS, WHOLE | END | PRIO, 1, Buffer.concat([hex('00000001 00'), GET])),
  ],
  ['PRIORITY of wrong size', E.frameSizeError, post(1), frame(PRIORITY, 0, 1, hex('00'))],
  ['WINDOW_UPDATE of 0', E.protocolError, post(1), frame(WINDOW, 0, 1, uint32(0))],
  ['a stream window above 2^31-1', E.flowControlError, post(1), frame(WINDOW, 0, 1, uint32(2 ** 31 - 1))],
]

t.test('mistakes that end one stream, while the others go on', async (t) => {
  await withServer(t, async (_server, connect) => {
    await Promise.all(
      STREAM_ERRORS.map(async ([rule, code, ...frames]) => {
        const client = connect()
        client.start(...frames)
        await client.until(({ texts }) => texts.includes(`RST 1 ${code}`))
        client.send(get(9))
        await client.until(({ texts }) => texts.includes('DATA 9 0 end'))
        t.same(client.texts, [`RST 1 ${code}`, ...answer(9)], rule)
      }),
    )
  })
})

t.test('readers are told once of a stream that the client broke', async (t) => {
  await withServer(t, async (server, connect) => {
    const client = connect()
    client.start(post(1), frame(DATA, 0, 1, hex('01')), frame(WINDOW, 0, 1, uint32(0)))
    client.send(post(3), frame(RST, 0, 3, uint32(8)), post(5))
    await client.settled()
    client.close()
    await until(() => server.connections.size === 0)
    t.same(server.events, [
      ...['1 request /', '1 data 1', '1 reset', '3 request /', '3 reset', '5 request /', '5 lost'],
    ])
  })
})

t.test('what is odd but allowed', async (t) => {
  const cases: readonly [rule: string, ...frames: Buffer[]][] = [
    ['an unknown frame', frame(77, 255, 5, Buffer.from('x')), get(1)],
    ['unknown settings', frame(SETTINGS_TYPE, 0, 0, setting(99, 1)), get(1)],
    ['the reserved bit', Buffer.concat([hex('000003 01 05 80000001'), GET])],
    [
      'padding and priority',
      frame(HEADERS, WHOLE | END | PADDED | PRIO, 1, Buffer.concat([hex('02 00000000 10'), GET, hex('0000')])),
    ],
    [
      'a header block in single bytes',
      frame(HEADERS, END, 1, GET.subarray(0, 1)),
      frame(CONTINUATION, 0, 1, GET.subarray(1, 2)),
      frame(CONTINUATION, WHOLE, 1, GET.subarray(2)),
    ],
    ['an empty CONTINUATION', frame(HEADERS, END, 1, GET), frame(CONTINUATION, WHOLE, 1)],
    ['PRIORITY on an idle stream', frame(PRIORITY, 0, 7, hex('00000000 01')), get(1)],
    ['padding alone as body', post(1), frame(DATA, PADDED, 1, hex('02 0000')), frame(DATA, END, 1)],
    ['trailers', post(1), frame(DATA, 0, 1, hex('01')), frame(HEADERS, WHOLE | END, 1, literal('a', 'b'))],
    [
      'content-length that is kept',
      post(1, literal('content-length', '2')),
      frame(DATA, 0, 1, hex('01')),
      frame(DATA, END, 1, hex('02')),
    ],
    ['te: trailers', request(GET, literal('te', 'trailers'))],
    ['skipped stream ids', get(1)],
  ]
  await withServer(t, async (_server, connect) => {
    for (const [rule, ...frames] of cases) {
      const client = connect()
      client.start(...frames)
      await client.until(({ texts }) => texts.includes('DATA 1 0 end'))
      t.same(client.texts, [...answer(1)], rule)
    }
  })
})

t.test('bytes in any pieces mean the same', async (t) => {
  await withServer(t, async (_server, connect) => {
    const client = connect()
    const bytes = Buffer.concat([
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      SETTINGS,
      post(1),
      frame(DATA, 0, 1, Buffer.alloc(40)),
      frame(DATA, END, 1),
      get(3),
    ])
    for (const byte of bytes) {
      client.send(Buffer.of(byte))
      await realClock.yieldTurn()
    }
    await client.until(({ texts }) => texts.includes('DATA 3 0 end'))
    t.same(client.texts, [...answer(1), ...answer(3)])
  })
})

t.test('settings and pings are acknowledged', async (t) => {
  await withServer(t, async (_server, connect) => {
    const client = connect()
    client.start(frame(PING, 0, 0, hex('0102030405060708')))
    await client.until(({ frames }) => frames.some(({ type }) => type === PING))
    const types = client.frames.map(({ type, flags, payload }) => `${type} ${flags} ${payload.length}`)
    t.same(types, ['4 0 18', '8 0 4', '4 1 0', '6 1 8'])
    t.same(client.frames[3]!.payload, hex('0102030405060708'))
  })
})

t.test('sending keeps to the windows and frame size of the client', async (t) => {
  await withServer(t, async (_server, connect) => {
    const client = connect()
    client.start(frame(SETTINGS_TYPE, 0, 0, setting(4, 10)), ask(1, '/large'))
    await client.until(({ texts }) => texts.length === 2)
    t.same(client.texts, ['HEADERS 1', 'DATA 1 10'])
    client.send(frame(SETTINGS_TYPE, 0, 0, setting(4, 4)), frame(WINDOW, 0, 1, uint32(8)))
    await client.settled()
    t.same(client.texts.slice(2), ['PING ack', 'DATA 1 2'], 'the smaller setting took six bytes that were out already')
    client.send(frame(SETTINGS_TYPE, 0, 0, setting(4, 2 ** 31 - 1)))
    await client.until(({ frames }) => bodyBytes(frames, 1) === 65_535)
    await client.settled()
    t.equal(bodyBytes(client.frames, 1), 65_535, 'the window of the connection')
    t.ok(client.frames.every(({ payload }) => payload.length <= 16_384))
    client.send(frame(SETTINGS_TYPE, 0, 0, setting(5, 30_000)), frame(WINDOW, 0, 0, uint32(1_000_000)))
    await client.until(({ frames }) => bodyBytes(frames, 1) === 300_000)
    t.ok(client.frames.some(({ payload }) => payload.length === 30_000))
    t.match(client.texts.at(-1), / end$/)
  })
})

t.test('streams take turns', async (t) => {
  await withServer(t, async (_server, connect) => {
    const client = connect()
    client.start(frame(SETTINGS_TYPE, 0, 0, setting(4, 2 ** 31 - 1)), ask(1, '/large'), ask(3, '/large'), get(5))
    await client.until(({ frames }) => bodyBytes(frames, 1) + bodyBytes(frames, 3) >= 60_000)
    client.send(frame(WINDOW, 0, 0, uint32(1_000_000)))
    await client.until(({ frames }) => bodyBytes(frames, 1) === 300_000 && bodyBytes(frames, 3) === 300_000)
    const order = client.frames.filter(({ type }) => type === DATA).map(({ id }) => id)
    t.ok(order.indexOf(5) < 6, 'a small answer does not wait for large ones')
    const firstDone = client.frames.findIndex(({ type, id, flags }) => type === DATA && id === 1 && flags === 1)
    t.ok(bodyBytes(client.frames.slice(0, firstDone), 3) > 200_000, 'neither of two large ones waits for the other')
  })
})

t.test('received bytes are given back, those of closed streams too', async (t) => {
  await withServer(t, async (server, connect) => {
    const client = connect()
    client.start(post(1), post(3))
    const piece = Buffer.alloc(16_384)
    for (let i = 0; i < 40; i++) client.send(frame(DATA, 0, 1, piece))
    await client.until(({ texts }) => texts.filter((text) => text === 'WINDOW 1 262144').length === 2)
    server.streams[1]!.hold()
    for (let i = 0; i < 64; i++) client.send(frame(DATA, 0, 3, piece))
    await client.settled()
    t.notOk(
      client.texts.some((text) => text.startsWith('WINDOW 3')),
      'a held stream gets nothing',
    )
    t.ok(client.texts.includes('WINDOW 0 1048576'), 'the connection does')
    client.send(frame(DATA, 0, 3, Buffer.alloc(1)))
    await client.until(({ texts }) => texts.includes(`RST 3 ${E.flowControlError}`))
    for (let i = 0; i < 600; i++) client.send(frame(DATA, 0, 3, piece))
    await client.settled()
    t.equal(client.isClosed, false, 'what was on its way to a stream that we reset is no mistake')
  })
})

t.test('a window that is released is given back at once', async (t) => {
  await withServer(t, async (server, connect) => {
    const client = connect()
    client.start(post(1))
    await client.settled()
    server.streams[0]!.hold()
    for (let i = 0; i < 64; i++) client.send(frame(DATA, 0, 1, Buffer.alloc(16_384)))
    await client.settled()
    server.streams[0]!.release()
    await client.until(({ texts }) => texts.includes('WINDOW 1 1048576'))
  })
})

t.test('late frames on closed streams', async (t) => {
  await withServer(t, async (server, connect) => {
    const client = connect()
    client.start(get(1), post(3), frame(RST, 0, 3, uint32(8)), post(5))
    await client.until(({ texts }) => texts.includes('DATA 1 0 end'))
    client.send(frame(DATA, 0, 1, hex('01')), frame(DATA, 0, 3, hex('01')))
    client.send(frame(WINDOW, 0, 1, uint32(1)), frame(RST, 0, 1, uint32(8)), frame(PRIORITY, 0, 1, hex('00000000 01')))
    await client.settled()
    t.same(client.texts.slice(3), [`RST 1 ${E.streamClosed}`, `RST 3 ${E.streamClosed}`, 'PING ack'])
    server.streams[2]!.reset(E.cancel)
    client.send(
      frame(DATA, 0, 5, hex('01')),
      frame(HEADERS, WHOLE | END, 5, literal('a', 'b')),
      frame(RST, 0, 5, uint32(8)),
    )
    await client.settled()
    t.same(
      client.texts.slice(6),
      [`RST 5 ${E.cancel}`, 'PING ack'],
      'after a reset of ours all that is on its way is fine',
    )
  })
})

t.test('an answer before the end of the request lets the client stop', async (t) => {
  await withServer(t, async (_server, connect) => {
    const client = connect()
    client.start(
      frame(SETTINGS_TYPE, 0, 0, setting(4, 2 ** 31 - 1)),
      frame(WINDOW, 0, 0, uint32(2 ** 30)),
      ask(1, '/large', WHOLE),
    )
    await client.until(({ texts }) => texts.includes(`RST 1 ${E.noError}`))
    t.match(client.texts.at(-2), / end$/)
    client.send(frame(DATA, 0, 1, hex('01')), get(3))
    await client.until(({ texts }) => texts.includes('DATA 3 0 end'))
  })
})

t.test('more streams than allowed are refused', async (t) => {
  await withServer(
    t,
    async (_server, connect) => {
      const client = connect()
      client.start(post(1), post(3), post(5))
      await client.until(({ texts }) => texts.includes(`RST 5 ${E.refusedStream}`))
      client.send(frame(DATA, END, 1, hex('01')), post(7))
      await client.settled()
      t.same(client.texts.slice(1), [...answer(1), 'PING ack'], 'one that ended makes room')
      t.same(client.frames[0]!.payload.subarray(12), setting(3, 2))
    },
    2,
  )
})

t.test('leaving: GOAWAY twice, what is open finishes, what comes later is not served', async (t) => {
  await withServer(t, async (server, connect) => {
    const client = connect()
    client.start(post(1))
    await client.settled()
    const [connection] = server.connections
    connection!.leave()
    await client.until(({ frames }) => frames.some(({ type, flags }) => type === PING && flags === 0))
    client.send(post(3))
    const ping = client.frames.findLast(({ type, flags }) => type === PING && flags === 0)!
    client.send(frame(PING, 1, 0, ping.payload))
    await client.until(({ texts }) => texts.filter((text) => text === 'GOAWAY 0').length === 2)
    const [first, second] = client.frames
      .filter(({ type }) => type === GOAWAY)
      .map(({ payload }) => payload.readUInt32BE(0))
    t.same([first, second], [2 ** 31 - 1, 3], 'a stream that crossed the first one is served')
    client.send(get(5), frame(DATA, END, 3, hex('01')), frame(DATA, END, 1, hex('01')))
    await client.untilClosed()
    t.same(client.texts.slice(-6), [...answer(3), ...answer(1)])
    t.notOk(server.events.includes('5 request /'))
  })
})

t.test('leaving an idle connection closes it without the client', async (t) => {
  await withServer(t, async (server, connect) => {
    const client = connect()
    client.start()
    await client.settled()
    const [connection] = server.connections
    connection!.leave()
    await client.untilClosed()
    t.same(client.texts, ['PING ack', 'GOAWAY 0', 'PING', 'GOAWAY 0'])
  })
})

t.test('a client that leaves gets its answers, and the connection ends', async (t) => {
  await withServer(t, async (_server, connect) => {
    const client = connect()
    client.start(post(1), frame(GOAWAY, 0, 0, uint32(0, 0)), frame(DATA, END, 1, hex('01')))
    await client.untilClosed()
    t.same(client.texts, [...answer(1)])
  })
})

t.test('time-outs: no SETTINGS, no end of a header block', async (t) => {
  await withServer(t, async (server, connect) => {
    const silent = connect()
    const cut = connect()
    const fine = connect()
    silent.send(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'))
    cut.start(frame(HEADERS, 0, 1, GET))
    fine.start(post(1))
    await fine.settled()
    await until(() => server.connections.size === 3)
    await new Promise((resolve) => setTimeout(resolve, 20))
    const check = (afterMs: number): void => {
      for (const connection of server.connections) connection.check(realClock.monotonicMs() + afterMs)
    }
    check(HTTP2_LIMITS.settingsTimeoutMs - 1000)
    await fine.settled()
    t.equal(server.connections.size, 3)
    check(HTTP2_LIMITS.settingsTimeoutMs)
    await Promise.all([silent.untilClosed(), cut.untilClosed()])
    await fine.settled()
    t.equal(fine.isClosed, false)
  })
})

t.test('header compression of answers follows the client’s table size', async (t) => {
  await withServer(t, async (_server, connect) => {
    const client = connect()
    client.start(get(1), get(3))
    await client.until(({ texts }) => texts.includes('DATA 3 0 end'))
    client.send(frame(SETTINGS_TYPE, 0, 0, setting(1, 0)), get(5), ask(7, '/trailers'))
    await client.until(({ texts }) => texts.includes('HEADERS 7 end'))
    const blocks = client.frames.filter(({ type }) => type === HEADERS)
    const fields = blocks.map((block) => client.fieldsOf(block).join(', '))
    t.same(fields, [...new Array<string>(4).fill(':status: 200, content-type: text/plain'), 'x-end: yes'])
    t.equal(blocks[1]!.payload.length, 2, 'the second answer refers to the first')
    t.equal(blocks[2]!.payload[0], 0x20, 'the smaller table is announced')
  })
})

function bodyBytes(frames: readonly { type: number; id: number; payload: Buffer }[], id: number): number {
  return frames.reduce((sum, { type, id: of, payload }) => sum + (type === DATA && of === id ? payload.length : 0), 0)
}
