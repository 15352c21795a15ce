import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { type Socket, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { silentLogger } from '../env/index.js'
import { listenSpecs } from './address.js'
import { ClientPort } from './client-port.js'
import { ListenFailed } from './listener.js'
import { chat, exchange, realClock, say, serve, until } from './testing.js'

const get = (options: http.RequestOptions): Promise<string> =>
  new Promise((resolve, reject) => {
    const request = http.get(options, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => (body += text))
      response.on('end', () => resolve(`${response.statusCode} ${body}`))
    })
    request.on('error', reject)
  })

const opened = (port: number): Promise<Socket> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => resolve(socket))
    socket.on('error', () => undefined)
  })

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      socket.destroy()
      resolve()
    }
    if (socket.destroyed || socket.readableEnded) done()
    else socket.once('end', done).once('close', done)
  })

const folder = (t: { teardown(fn: () => void): void }): string => {
  const path = mkdtempSync(join(tmpdir(), 'listener-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

const bare = (urls: string[], connectionsMax = 100): ClientPort =>
  new ClientPort({
    specs: listenSpecs(urls),
    tls: undefined,
    clock: realClock,
    logger: silentLogger,
    endpoint: 'client',
    connectionsMax,
  })

t.test('gRPC and HTTP/1.1 share a port', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const answers = await Promise.all([
    say(served.client, 'Say', 'hello'),
    get({ host: '127.0.0.1', port: served.tcpPort, path: '/health' }),
    say(served.client, 'Say', 'again'),
  ])
  t.same(answers, ['hello', '200 you want /health', 'again'])
  const upgrade = await get({
    host: '127.0.0.1',
    port: served.tcpPort,
    path: '/v',
    headers: { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' },
  })
  t.equal(upgrade, '200 you want /v', 'an offer of h2c is ignored')
})

t.test('a request that arrives byte by byte is put together again', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const socket = await opened(served.tcpPort)
  const answer = new Promise<string>((resolve) => {
    let text = ''
    socket.on('data', (chunk) => (text += String(chunk)))
    socket.on('end', () => resolve(text))
  })
  socket.setNoDelay(true)
  for (const byte of 'GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n') {
    socket.write(byte)
    await realClock.yieldTurn()
  }
  t.match(await answer, /^HTTP\/1\.1 200 OK[\s\S]*you want \/slow/)
})

t.test('garbage is closed without a byte', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  for (const bytes of ['\0\0\0\0', 'hello\r\n', 'PRI * HTTP/3', 'get / http/1.1\r\n\r\n', '\x16\x03\x01\0\0']) {
    t.equal((await exchange(served.tcpPort, Buffer.from(bytes, 'latin1'))).length, 0, JSON.stringify(bytes))
  }
  await until(() => served.port.listeners[0]!.unclaimedCount === 0)
})

t.test('random bytes never break the port', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`seed ${seed}`)
  let state = seed
  const next = (bound: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state % bound
  }
  const starts = ['', 'GET ', 'POST /', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'PRI * ']
  await Promise.all(
    Array.from({ length: 60 }, async () => {
      const tail = Buffer.from(Array.from({ length: next(60) }, () => next(256)))
      const socket = await opened(served.tcpPort)
      socket.resume()
      socket.end(Buffer.concat([Buffer.from(starts[next(starts.length)]!), tail]))
      await closed(socket)
    }),
  )
  t.equal(await say(served.client, 'Say', 'alive'), 'alive')
  await until(() => served.port.listeners[0]!.unclaimedCount === 0 && served.grpc.connectionCount === 1)
})

t.test('a client that says nothing is closed after the header timeout', async (t) => {
  const served = await serve({ headerTimeoutMs: 30 })
  t.teardown(() => served.close())
  const silent = await opened(served.tcpPort)
  const trickling = await opened(served.tcpPort)
  trickling.write('GE')
  const halfRequest = await opened(served.tcpPort)
  halfRequest.resume()
  halfRequest.write('GET / HTTP/1.1\r\nhos')
  silent.resume()
  trickling.resume()
  await Promise.all([closed(silent), closed(trickling), closed(halfRequest)])
  await until(() => served.port.listeners[0]!.unclaimedCount === 0)
  t.equal(await say(served.client, 'Say', 'I speak'), 'I speak')
})

t.test('half-open connections do not stay', async (t) => {
  const served = await serve()
  t.teardown(() => served.close())
  const mute = await opened(served.tcpPort)
  mute.resume()
  mute.end()
  await closed(mute)
  const partial = await opened(served.tcpPort)
  partial.resume()
  partial.end('PRI')
  await closed(partial)

  const preface = await opened(served.tcpPort)
  preface.resume()
  preface.end('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0')
  await closed(preface)
  await until(() => served.grpc.connectionCount === 0)

  const asking = await opened(served.tcpPort)
  const answer = new Promise<string>((resolve) => {
    let text = ''
    asking.on('data', (chunk) => (text += String(chunk)))
    asking.on('end', () => resolve(text))
  })
  asking.end('GET /half HTTP/1.0\r\n\r\n')
  t.match(await answer, /you want \/half/, 'HTTP/1 clients may close their side after the request')
  await closed(asking)
  t.equal(served.port.listeners[0]!.unclaimedCount, 0)
})

t.test('connections beyond the limit are closed, and the others go on', async (t) => {
  const served = await serve({ connectionsMax: 2 })
  t.teardown(() => served.close())
  t.equal(await say(served.client, 'Say', 'one'), 'one')
  const second = await opened(served.tcpPort)
  const third = await opened(served.tcpPort)
  third.resume()
  await closed(third)
  t.equal(await say(served.client, 'Say', 'two'), 'two')
  second.destroy()
  await until(() => served.port.listeners[0]!.unclaimedCount === 0)
  const free = await opened(served.tcpPort)
  free.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
  free.resume()
  await closed(free)
})

t.test('clients may connect before the server serves, and are answered then', async (t) => {
  const port = bare(['http://127.0.0.1:0'])
  await port.open()
  const answer = get({ host: '127.0.0.1', port: port.listeners[0]!.port, path: '/early' })
  await until(() => port.listeners[0]!.unclaimedCount === 1)
  await realClock.yieldTurn()
  port.serve({ http: (request, response) => response.end(`at last ${request.url}`) })
  t.equal(await answer, '200 at last /early')
  await port.close(1000)
})

t.test('a protocol without a server is closed unanswered', async (t) => {
  const served = await serve({ withoutHttp: true })
  t.teardown(() => served.close())
  t.equal((await exchange(served.tcpPort, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n')).length, 0)
  t.equal(await say(served.client, 'Say', 'hello'), 'hello')
})

t.test('0.0.0.0 takes both families, localhost IPv4 first', async (t) => {
  for (const [url, hosts] of [
    ['http://0.0.0.0:0', ['127.0.0.1', '::1']],
    ['http://localhost:0', ['127.0.0.1']],
  ] as const) {
    const port = bare([url])
    await port.open()
    port.serve({ http: (request, response) => response.end(`you want ${request.url}`) })
    for (const host of hosts) {
      if (host === '::1' && !(await hasIpv6())) {
        t.comment('no IPv6 on this machine')
        continue
      }
      t.equal(await get({ host, port: port.listeners[0]!.port, path: '/x' }), '200 you want /x', `${url} ${host}`)
    }
    await port.close(1000)
  }
})

const hasIpv6 = (): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.on('error', () => resolve(false))
    probe.listen(0, '::1', () => probe.close(() => resolve(true)))
  })

t.test('unix sockets: a stale file is replaced, and removed at close', async (t) => {
  const path = join(folder(t), 'e.sock')
  const stale = createServer()
  await new Promise<void>((resolve) => stale.listen(path, resolve))
  // The owner of the file dies without cleaning up.
  stale.removeAllListeners()
  const port = bare([`unix://${path}`])
  await port.open()
  t.equal(port.listeners[0]!.address, path)
  port.serve({ http: (request, response) => response.end(`you want ${request.url}`) })
  t.equal(await get({ socketPath: path, path: '/u' }), '200 you want /u')
  await port.close(1000)
  t.notOk(existsSync(path))
  stale.close()
  writeFileSync(path, 'not a socket')
  await t.rejects(bare([`unix://${path}`]).open(), /address already in use/, 'other files are never removed')
  t.ok(existsSync(path))
})

t.test('a port in use is told in the words of Go, and nothing stays open', async (t) => {
  const first = bare(['http://127.0.0.1:0'])
  await first.open()
  t.teardown(() => first.close(1000))
  const taken = first.listeners[0]!.port
  const second = bare(['http://127.0.0.1:0', `http://127.0.0.1:${taken}`])
  const error = await second.open().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  t.ok(error instanceof ListenFailed)
  t.equal((error as Error).message, `listen tcp 127.0.0.1:${taken}: bind: address already in use`)
  t.equal(second.listeners[0]!.port, 0, 'the one that was bound is closed again')
})

t.test('close: idle HTTP connections go at once, requests under way may finish, the rest is cut', async (t) => {
  const waiting: http.ServerResponse[] = []
  const port = bare(['http://127.0.0.1:0'])
  await port.open()
  port.serve({
    http: (request, response) => (request.url === '/wait' ? void waiting.push(response) : response.end('ok')),
  })
  const tcpPort = port.listeners[0]!.port
  const idle = await opened(tcpPort)
  idle.resume()
  idle.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  const unspoken = await opened(tcpPort)
  unspoken.resume()
  const first = get({ host: '127.0.0.1', port: tcpPort, path: '/wait' })
  const second = get({ host: '127.0.0.1', port: tcpPort, path: '/wait' })
  second.catch(() => undefined)
  await until(() => waiting.length === 2)
  const closing = port.close(50)
  await Promise.all([closed(idle), closed(unspoken)])
  waiting[0]!.end('done')
  t.equal(await first, '200 done')
  await closing
  await t.rejects(second)
  await t.rejects(get({ host: '127.0.0.1', port: tcpPort, path: '/' }), /ECONNREFUSED/)
  t.equal(port.close(1), port.close(2), 'closing twice is closing once')
})

t.test('closing before serving, and before opening', async (t) => {
  const unopened = bare(['http://127.0.0.1:0'])
  await unopened.close(10)
  const port = bare(['http://127.0.0.1:0'])
  await port.open()
  const early = await opened(port.listeners[0]!.port)
  early.resume()
  await port.close(10)
  await closed(early)
  t.pass('both resolve')
})

t.test('an open chat holds the port open until its limit', async (t) => {
  const served = await serve()
  const stream = chat(served.client)
  stream.on('error', () => undefined)
  stream.write(Buffer.from('stay'))
  await served.echo.events.until('chat stay')
  await served.port.close(40)
  await served.echo.events.until('chat shutdown')
  served.client.close()
  t.equal(served.grpc.connectionCount, 0)
})
