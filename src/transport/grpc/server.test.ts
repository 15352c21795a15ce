import http2 from 'node:http2'
import { connect } from 'node:net'
import t from 'tap'
import { Code } from '../../env/index.js'
import { chat, count, echoService, ended, framed, grpcOptions, path, realClock, say, serve, until } from '../testing.js'
import { GRPC_LIMITS } from './limits.js'
import { createGrpcServer } from './server.js'

interface RawAnswer {
  readonly headers: http2.IncomingHttpHeaders
  readonly trailers: http2.IncomingHttpHeaders
  readonly body: Buffer
}

/** A call with headers and bytes that no gRPC client would send. */
function raw(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders, body?: Buffer, open = false) {
  const stream = session.request(
    {
      ':method': 'POST',
      ':path': path('Say'),
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    },
    { endStream: body === undefined && !open },
  )
  if (body !== undefined) {
    if (open) stream.write(body)
    else stream.end(body)
  }
  return new Promise<RawAnswer>((resolve, reject) => {
    const chunks: Buffer[] = []
    let first: http2.IncomingHttpHeaders = {}
    let trailers: http2.IncomingHttpHeaders = {}
    stream.on('response', (received: http2.IncomingHttpHeaders) => (first = received))
    stream.on('trailers', (received: http2.IncomingHttpHeaders) => (trailers = received))
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', reject)
    stream.on('close', () => resolve({ headers: first, trailers, body: Buffer.concat(chunks) }))
  })
}

t.test('answers unary calls and their failures', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  t.equal(await say(served.client, 'Say', 'hello'), 'hello')
  t.equal(await say(served.client, 'Say', ''), '', 'an empty message is a message')
  t.equal(await say(served.client, 'Say', 'fail etcdserver: 50% of "it" ä'), '11 etcdserver: 50% of "it" ä')
  await until(() => served.grpc.openCallCount === 0)
})

t.test('unknown services and methods get the texts of grpc-go', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  t.equal(await say(served.client, '/etcdserverpb.KV/Range', ''), '12 unknown service etcdserverpb.KV')
  t.equal(await say(served.client, '/test.Echo/Shout', ''), '12 unknown method Shout for service test.Echo')
  t.equal(await say(served.client, '/nonsense', ''), '12 malformed method name: "/nonsense"')
  t.equal(
    await say(served.client, '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', ''),
    '12 unknown service grpc.reflection.v1.ServerReflection',
  )
})

t.test('malformed and oversize requests get the texts of grpc-go', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const bad = Buffer.from([0xff])
  t.equal(
    await say(served.client, 'Say', bad),
    '13 grpc: error unmarshalling request: proto: cannot parse invalid wire-format data',
  )
  t.equal(await say(served.client, 'Say', 'x'.repeat(1000)), 'x'.repeat(1000), 'the limit itself passes')
  t.equal(await say(served.client, 'Say', 'x'.repeat(1001)), '8 grpc: received message larger than max (1001 vs. 1000)')
  const stream = chat(served.client)
  const status = ended(stream)
  stream.write(bad)
  t.equal(
    await status,
    '13 grpc: failed to unmarshal the received message: proto: cannot parse invalid wire-format data',
  )
  await served.echo.events.until('chat canceled')
  const large = chat(served.client)
  const largeStatus = ended(large)
  large.write(Buffer.alloc(5000))
  t.equal(await largeStatus, '8 grpc: received message larger than max (5000 vs. 1000)')
  await until(() => served.grpc.openCallCount === 0)
})

t.test('requests that no client library sends', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const session = http2.connect(`http://127.0.0.1:${served.tcpPort}`)
  t.teardown(() => session.destroy())
  const hello = framed(Buffer.from('hello'))

  const plain = await raw(session, {}, hello)
  t.equal(plain.trailers['grpc-status'], '0')
  t.same(plain.body, hello)

  const none = await raw(session, {})
  t.match(none.headers, { ':status': 200, 'grpc-status': '13' }, 'no message at all')
  const cut = await raw(session, {}, hello.subarray(0, 7))
  t.match(cut.headers, { 'grpc-status': '13' }, 'half a message')

  const json = await raw(session, { 'content-type': 'application/json' }, hello)
  t.match(json.headers, { ':status': 415, 'content-type': 'application/grpc', 'grpc-status': '3' })
  t.equal(
    decodeURIComponent(String(json.headers['grpc-message'])),
    'invalid gRPC request content-type "application/json"',
  )
  const similar = await raw(session, { 'content-type': 'application/grpc-web' }, hello)
  t.equal(similar.headers[':status'], 415)
  const named = await raw(session, { 'content-type': 'application/grpc+proto' }, hello)
  t.equal(named.trailers['grpc-status'], '0')

  const get = await raw(session, { ':method': 'GET' })
  t.match(get.headers, { ':status': 405, 'grpc-status': '13' })

  for (const timeout of ['1', '5x', '123456789S', 'aS']) {
    const answer = await raw(session, { 'grpc-timeout': timeout }, hello)
    t.match(answer.headers, { ':status': 400, 'grpc-status': '13' }, timeout)
    t.match(decodeURIComponent(String(answer.headers['grpc-message'])), /^malformed grpc-timeout: /)
  }
  const long = await raw(session, { 'grpc-timeout': '99999999H' }, hello)
  t.equal(long.trailers['grpc-status'], '0', 'eleven thousand years are no overflow')

  const encoding = await raw(session, { 'grpc-encoding': 'snappy' }, framed(Buffer.from('x'), 1))
  t.match(encoding.headers, { 'grpc-status': '12' })
  t.equal(
    decodeURIComponent(String(encoding.headers['grpc-message'])),
    'grpc: Decompressor is not installed for grpc-encoding "snappy"',
  )
  const { gzipSync } = await import('node:zlib')
  const zipped = await raw(session, { 'grpc-encoding': 'gzip' }, framed(gzipSync('hello'), 1))
  t.same(zipped.body, hello, 'gzip is understood')
  const bomb = await raw(session, { 'grpc-encoding': 'gzip' }, framed(gzipSync(Buffer.alloc(100_000)), 1))
  t.match(bomb.headers, { 'grpc-status': '8' }, 'the limit holds after decompression too')

  const open = await raw(session, {}, hello, true)
  t.equal(open.trailers['grpc-status'], '0', 'a unary call needs no half-close to be answered, and its stream is freed')
  await until(() => served.grpc.openCallCount === 0)
})

t.test('metadata: first value, UTF-8, and U+FFFD for what is none', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const session = http2.connect(`http://127.0.0.1:${served.tcpPort}`)
  t.teardown(() => session.destroy())
  const ask = async (headers: http2.OutgoingHttpHeaders): Promise<string> => {
    const { body } = await raw(
      session,
      { ':path': path('Meta'), ...headers },
      framed(Buffer.from('client-api-version')),
    )
    return body.subarray(5).toString('utf8').split('|')[0]!
  }
  t.equal(await ask({}), 'none')
  t.equal(await ask({ 'client-api-version': '3.7' }), '3.7')
  t.equal(await ask({ 'client-api-version': ['3.7, a', 'second'] }), '3.7, a')
  t.equal(await ask({ 'client-api-version': Buffer.from('grün').toString('latin1') }), 'grün')
  t.equal(await ask({ 'client-api-version': '\xff\xfe' }), '\uFFFD\uFFFD')
  t.match(await say(served.client, 'Meta', 'x'), /^none\|127\.0\.0\.1:\d+$/, 'the peer is known')
})

t.test('a deadline ends calls on the server, and tells why', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const session = http2.connect(`http://127.0.0.1:${served.tcpPort}`)
  t.teardown(() => session.destroy())
  const answer = await raw(session, { ':path': path('Hang'), 'grpc-timeout': '20m' }, framed(Buffer.from('x')))
  t.match(answer.headers, { 'grpc-status': '4' })
  t.equal(decodeURIComponent(String(answer.headers['grpc-message'])), 'context deadline exceeded')
  await served.echo.events.until('hang deadline')
  t.equal(served.echo.hanging[0]!.canceled, true)
  served.echo.hanging[0]!.respond('too late')
  const stream = await raw(session, { ':path': path('Chat'), 'grpc-timeout': '20m' }, framed(Buffer.from('stay')), true)
  t.match(stream.trailers, { 'grpc-status': '4' })
  await served.echo.events.until('chat deadline')
  t.ok(served.echo.hanging[0]!.deadlineMs! <= realClock.monotonicMs())
})

t.test('a client that cancels, and one whose connection breaks', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const call = served.client.makeUnaryRequest(
    path('Hang'),
    (b: Buffer) => b,
    (b: Buffer) => b,
    Buffer.from('x'),
    () => undefined,
  )
  await served.echo.events.until('hang')
  call.cancel()
  await served.echo.events.until('hang canceled')
  const stream = chat(served.client)
  stream.on('error', () => undefined)
  stream.write(Buffer.from('stay'))
  await served.echo.events.until('chat stay')
  stream.cancel()
  await served.echo.events.until('chat canceled')

  const socket = connect(served.tcpPort, '127.0.0.1')
  const session = http2.connect('http://test', { createConnection: () => socket })
  session.on('error', () => undefined)
  raw(session, { ':path': path('Chat') }, framed(Buffer.from('b')), true).catch(() => undefined)
  await served.echo.events.until('chat b')
  socket.destroy()
  await served.echo.events.until('chat transport')
  await until(() => served.grpc.openCallCount === 0)
})

t.test('streams: order, half-close, server end, server failure', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const got: string[] = []
  const stream = chat(served.client)
  stream.on('data', (bytes: Buffer) => got.push(bytes.toString()))
  const status = ended(stream)
  for (const text of ['a', 'b', 'c']) stream.write(Buffer.from(text))
  stream.end()
  t.equal(await status, '0 OK')
  t.same(got, ['a', 'b', 'c'])

  const staying = chat(served.client)
  staying.write(Buffer.from('stay'))
  staying.end()
  await until(() => served.echo.events.count('chat half-closed') === 2)
  const late = new Promise((resolve) =>
    staying.on('data', (bytes: Buffer) => bytes.toString() === 'late' && resolve(true)),
  )
  served.echo.streams.at(-1)!.send('late')
  await late
  const stayingEnd = ended(staying)
  served.echo.streams.at(-1)!.end()
  t.equal(await stayingEnd, '0 OK', 'a half-closed stream stays open for answers')

  const failing = chat(served.client)
  const failed = ended(failing)
  failing.write(Buffer.from('fail'))
  t.equal(await failed, '5 no such 100% thing "ä"')

  const numbers: number[] = []
  const counting = count(served.client, '5')
  counting.on('data', (bytes: Buffer) => numbers.push(Number(bytes)))
  t.equal(await ended(counting), '0 OK')
  t.same(numbers, [1, 2, 3, 4, 5])
  t.equal(await ended(count(served.client, '\xff'.slice(0, 0))), '0 OK', 'nothing to send')
})

t.test('a slow reader blocks the sender until it reads', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const messages = 40
  const paddingBytes = 100_000
  const stream = count(served.client, `${messages} ${paddingBytes}`)
  stream.pause()
  await served.echo.events.until('count blocked')
  await realClock.yieldTurn()
  t.equal(served.echo.events.count('count drained'), 0)
  let received = 0
  stream.on('data', () => received++)
  t.equal(await ended(stream), '0 OK')
  t.equal(received, messages, 'nothing is lost')
  t.ok(served.echo.events.count('count drained') >= 1)
})

t.test('a client that asks without reading is not read from', async (t) => {
  const served = await serve({ receiveBytesMax: 1_000_000 })
  t.teardown(() => served.close())
  const session = http2.connect(`http://127.0.0.1:${served.tcpPort}`)
  t.teardown(() => session.destroy())
  const stream = session.request({
    ':method': 'POST',
    ':path': path('Chat'),
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  stream.on('error', () => undefined)
  stream.pause()
  const message = framed(Buffer.alloc(100_000, 'x'))
  const total = 100
  for (let i = 0; i < total; i++) stream.write(message)
  await until(() => (served.echo.streams[0]?.bufferedBytes ?? 0) > GRPC_LIMITS.highWaterBytes)
  for (let i = 0; i < 20; i++) await realClock.yieldTurn()
  const answered = served.echo.events.count('chat long')
  t.ok(answered < total / 2, `stopped after ${answered} of ${total}`)
  t.ok(served.echo.streams[0]!.bufferedBytes < GRPC_LIMITS.highWaterBytes + 2 * message.length)
  let bytes = 0
  stream.on('data', (chunk: Buffer) => (bytes += chunk.length))
  stream.resume()
  await until(() => bytes === total * message.length)
  t.equal(served.echo.events.count('chat long'), total)
})

t.test('ten thousand cancelled calls leave nothing behind', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const total = 10_000
  for (let round = 0; round < 10; round++) {
    const calls = Array.from({ length: total / 10 }, (_, i) => {
      if (i % 2 === 0) {
        const stream = chat(served.client)
        stream.on('error', () => undefined)
        stream.write(Buffer.from('stay'))
        return stream
      }
      return served.client.makeUnaryRequest(
        path('Hang'),
        (b: Buffer) => b,
        (b: Buffer) => b,
        Buffer.from('x'),
        () => undefined,
      )
    })
    await until(() => served.grpc.openCallCount === calls.length)
    for (const call of calls) call.cancel()
    await until(() => served.grpc.openCallCount === 0)
  }
  t.equal(served.echo.events.count('chat canceled'), total / 2, 'every handler was told once')
  t.equal(served.echo.events.count('hang canceled'), total / 2)
  t.equal(await say(served.client, 'Say', 'still here'), 'still here')
  t.equal(served.grpc.connectionCount, 1)
})

t.test('ten thousand calls whose deadline passes leave nothing behind', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const total = 10_000
  const rounds = 10
  for (let round = 0; round < rounds; round++) {
    const ended = Array.from({ length: total / rounds }, (_, i) => {
      const options = { deadline: Date.now() + 500 }
      if (i % 2 === 0) {
        const stream = served.client.makeBidiStreamRequest(path('Chat'), sameBytes, sameBytes, options)
        stream.write(Buffer.from('stay'))
        stream.resume()
        return new Promise<number>((resolve) => stream.on('error', ({ code }: { code: number }) => resolve(code)))
      }
      const request = Buffer.from('x')
      return new Promise<number>((resolve) => {
        served.client.makeUnaryRequest(path('Hang'), sameBytes, sameBytes, request, options, (error) =>
          resolve(error?.code ?? Code.ok),
        )
      })
    })
    const codes = new Set(await Promise.all(ended))
    t.same([...codes], [Code.deadlineExceeded])
    await until(() => served.grpc.openCallCount === 0)
  }
  // The client may be first to give up, and resets its stream then; either way every handler hears of it, once.
  const { events } = served.echo
  for (const kind of ['hang', 'chat']) {
    const opened = events.count(kind === 'hang' ? 'hang' : 'chat open')
    t.equal(events.count(`${kind} deadline`) + events.count(`${kind} canceled`), opened, kind)
  }
  t.equal(await say(served.client, 'Say', 'still here'), 'still here')
  t.equal(served.grpc.connectionCount, 1)
})

const sameBytes = (bytes: Buffer): Buffer => bytes

t.test('more streams than allowed wait or are refused', async (t) => {
  const served = await serve({ concurrentStreamsMax: 2 })
  t.teardown(() => served.close())
  const session = http2.connect(`http://127.0.0.1:${served.tcpPort}`)
  t.teardown(() => session.destroy())
  const settings = await new Promise<http2.Settings>((resolve) => session.on('remoteSettings', resolve))
  t.equal(settings.maxConcurrentStreams, 2)
})

t.test('closing ends endless streams at once and waits for the rest', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const endless = chat(served.client, 'Endless')
  const endlessEnd = ended(endless)
  endless.write(Buffer.from('a'))
  await served.echo.events.until('chat a')
  const unary = say(served.client, 'Hang', 'x')
  await served.echo.events.until('hang')
  let closed = false
  const closing = served.port.close(5000).then(() => (closed = true))
  t.equal(await endlessEnd, '14 etcdserver: server stopped')
  t.equal(served.echo.events.count('chat shutdown'), 1)
  await realClock.yieldTurn()
  t.equal(closed, false, 'a call under way is waited for')
  served.echo.hanging[0]!.respond('done')
  t.equal(await unary, 'done')
  await closing
  t.equal(served.grpc.connectionCount, 0)
  t.equal(served.grpc.openCallCount, 0)
  t.match(await say(served.client, 'Say', 'x', 200), /^(4|14) /, 'nobody listens any more')
})

t.test('closing cuts what does not end in time', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const unary = say(served.client, 'Hang', 'x')
  await served.echo.events.until('hang')
  await served.port.close(30)
  t.match(await unary, /^14 /)
  t.equal(served.echo.events.count('hang shutdown'), 1)
  t.equal(served.grpc.connectionCount, 0)
})

t.test('a client that pings too often has to go', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const session = http2.connect(`http://127.0.0.1:${served.tcpPort}`)
  session.on('error', () => undefined)
  const gone = new Promise<string>((resolve) =>
    session.on('goaway', (code: number, _last: number, data?: Buffer) => resolve(`${code} ${data?.toString() ?? ''}`)),
  )
  await raw(session, {}, framed(Buffer.from('x')))
  for (let i = 0; i < 6 && !session.destroyed; i++) {
    await new Promise((resolve) => (session.destroyed ? resolve(true) : session.ping(resolve)))
  }
  t.equal(await gone, `${http2.constants.NGHTTP2_ENHANCE_YOUR_CALM} too_many_pings`)
  await until(() => served.grpc.connectionCount === 0)
})

t.test('calls that are reset, or whose connection breaks, in the moment they arrive', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  // HEADERS as a raw block: indexed and literal fields without Huffman coding.
  const literal = (name: string, value: string): Buffer =>
    Buffer.concat([
      Buffer.from([0x00, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ])
  const block = Buffer.concat([
    Buffer.from([0x83, 0x86]), // POST, http
    literal(':path', path('Chat')),
    literal(':authority', 'test'),
    literal('content-type', 'application/grpc'),
    literal('te', 'trailers'),
  ])
  const frame = (type: number, flags: number, id: number, payload: Buffer): Buffer => {
    const head = Buffer.alloc(9)
    head.writeUIntBE(payload.length, 0, 3)
    head[3] = type
    head[4] = flags
    head.writeUInt32BE(id, 5)
    return Buffer.concat([head, payload])
  }
  const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0))])
  const cancel = Buffer.from([0, 0, 0, 8])
  const calls = Array.from({ length: 50 }, (_, i) =>
    Buffer.concat([frame(1, 4, 2 * i + 1, block), frame(3, 0, 2 * i + 1, cancel)]),
  )
  const resetting = connect(served.tcpPort, '127.0.0.1')
  resetting.resume()
  resetting.write(Buffer.concat([preface, ...calls]))
  await until(() => served.grpc.connectionCount === 1)
  for (let round = 0; round < 20; round++) {
    const breaking = connect(served.tcpPort, '127.0.0.1')
    breaking.on('error', () => undefined)
    breaking.write(Buffer.concat([preface, frame(1, 4, 1, block)]), () => breaking.resetAndDestroy())
  }
  for (let i = 0; i < 10; i++) await realClock.yieldTurn()
  await until(() => served.grpc.openCallCount === 0 && served.grpc.connectionCount <= 1)
  resetting.destroy()
  t.equal(await say(served.client, 'Say', 'alive'), 'alive')
  const { events } = served.echo
  t.equal(events.count('chat open'), events.count('chat canceled') + events.count('chat transport'))
})

t.test('a service may be registered only once', async (t) => {
  const { service } = echoService()
  t.throws(() => createGrpcServer(grpcOptions([service, service])), /registered twice/)
})

t.test('a silent connection is asked for a sign of life, and cut without one', async (t) => {
  const served = await serve({ keepaliveTimeMs: 60, keepaliveTimeoutMs: 60 })
  t.teardown(() => served.close())
  t.equal(await say(served.client, 'Say', 'hello'), 'hello')
  const deaf = connect(served.tcpPort, '127.0.0.1')
  deaf.on('error', () => undefined)
  deaf.resume()
  deaf.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  deaf.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]))
  await until(() => served.grpc.connectionCount === 2)
  await until(() => served.grpc.connectionCount === 1)
  await new Promise((resolve) => setTimeout(resolve, 150))
  t.equal(served.grpc.connectionCount, 1, 'who answers stays')
  t.equal(await say(served.client, 'Say', 'hello'), 'hello')
})

t.test('large messages both ways, in many streams at once', async (t) => {
  const served = await serve({ receiveBytesMax: 2 ** 22 })
  t.teardown(() => served.close())
  const texts = Array.from({ length: 30 }, (_, i) => String.fromCharCode(97 + (i % 26)).repeat(1_000_000 + i))
  const answers = await Promise.all(texts.map((text) => say(served.client, 'Say', text)))
  t.ok(answers.every((answer, i) => answer === texts[i]))
})

t.test('binary metadata is decoded', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const session = http2.connect(`http://127.0.0.1:${served.tcpPort}`)
  t.teardown(() => session.destroy())
  const value = Buffer.from('grün').toString('base64')
  const { body } = await raw(session, { ':path': path('Meta'), 'x-own-bin': value }, framed(Buffer.from('x-own-bin')))
  t.equal(body.subarray(5).toString('utf8').split('|')[0], 'grün')
})
