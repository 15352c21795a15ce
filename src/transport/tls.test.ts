import { Client, credentials } from '@grpc/grpc-js'
import { copyFileSync, rmSync, writeFileSync } from 'node:fs'
import http2 from 'node:http2'
import https from 'node:https'
import { connect } from 'node:net'
import tls from 'node:tls'
import t from 'tap'
import type { LogFields, Logger } from '../env/index.js'
import { silentLogger } from '../env/index.js'
import { listenSpecs } from './address.js'
import { ClientPort } from './client-port.js'
import { createGrpcServer } from './grpc/index.js'
import { echoService, exchange, grpcOptions, realClock, say, until } from './testing.js'
import { CertificateLab, missingOpenssl } from './testing-certificates.js'
import { revokedSerials, tlsFiles } from './tls-files.js'
import type { TlsSettings } from './tls-settings.js'

const skip = missingOpenssl === false ? {} : { skip: missingOpenssl }

const lab = new CertificateLab()
t.teardown(() => lab.close())
const file = (name: string): string => lab.path(name)
const read = (name: string): Buffer => lab.read(name)

if (missingOpenssl === false) {
  lab.authority('ca')
  lab.authority('other-ca')
  lab.certificate('ca', 'server', { usage: 'serverAuth' })
  lab.certificate('ca', 'server2', { usage: 'serverAuth' })
  lab.certificate('ca', 'client', { usage: 'clientAuth' })
  lab.certificate('other-ca', 'stranger', { usage: 'clientAuth' })
  copyFileSync(file('server.crt'), file('current.crt'))
  copyFileSync(file('server.key'), file('current.key'))
}

class LogProbe implements Logger {
  readonly debugEnabled = true
  readonly lines: string[] = []
  debug(message: string, fields?: LogFields): void {
    this.#add('debug', message, fields)
  }
  info = silentLogger.info
  warn(message: string, fields?: LogFields): void {
    this.#add('warn', message, fields)
  }
  error = silentLogger.error

  #add(level: string, message: string, fields: LogFields | undefined): void {
    this.lines.push(`${level} ${message}: ${String(fields?.error)}`)
  }
}

async function serveTls(overrides: Partial<TlsSettings> = {}, urls = ['https://127.0.0.1:0']) {
  const logger = new LogProbe()
  const echo = echoService()
  const settings: TlsSettings = {
    material: tlsFiles(file('current.crt'), file('current.key')),
    clientAuthorities: undefined,
    requireClientCert: false,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: undefined,
    allowedCommonNames: [],
    allowedHostnames: [],
    revoked: undefined,
    clientNames: undefined,
    ...overrides,
  }
  const specs = listenSpecs(urls)
  const port = new ClientPort({
    specs,
    tls: settings,
    clock: realClock,
    logger,
    endpoint: 'client',
    connectionsMax: 100,
  })
  await port.open()
  const http = (request: { url?: string | undefined }, response: { end(text: string): unknown }): void =>
    void response.end(`you want ${request.url}`)
  const grpc = createGrpcServer({ ...grpcOptions([echo.service]), http })
  port.serve({ grpc, http })
  return { port, grpc, echo, logger, tcpPort: port.listeners[0]!.port }
}

const grpcClient = (tcpPort: number, cert?: string): Client =>
  new Client(
    `localhost:${tcpPort}`,
    cert === undefined
      ? credentials.createSsl(read('ca.crt'))
      : credentials.createSsl(read('ca.crt'), read(`${cert}.key`), read(`${cert}.crt`)),
    { 'grpc.use_local_subchannel_pool': 1 },
  )

const getHttps = (tcpPort: number, options: https.RequestOptions = {}): Promise<string> =>
  new Promise((resolve) => {
    const request = https.get(
      { host: '127.0.0.1', port: tcpPort, path: '/health', ca: read('ca.crt'), agent: false, ...options },
      (response) => {
        let body = ''
        response.on('data', (chunk) => (body += String(chunk)))
        response.on('end', () => resolve(`${response.statusCode} ${body}`))
      },
    )
    request.on('error', (error: NodeJS.ErrnoException) => resolve(`error ${error.code}`))
  })

t.test('gRPC, HTTP/1.1 and HTTP/2 over one TLS port', skip, async (t) => {
  const served = await serveTls()
  t.teardown(() => served.port.close(1000))
  const client = grpcClient(served.tcpPort)
  t.teardown(() => client.close())
  t.equal(await say(client, 'Say', 'hello'), 'hello')
  t.equal(await getHttps(served.tcpPort), '200 you want /health')

  const session = http2.connect(`https://127.0.0.1:${served.tcpPort}`, { ca: read('ca.crt') })
  const stream = session.request({ ':path': '/version' })
  let body = ''
  stream.on('data', (chunk) => (body += String(chunk)))
  await new Promise((resolve) => stream.on('end', resolve))
  t.equal(body, 'you want /version', 'curl asks for h2 by itself')
  session.close()
})

t.test('closing lets calls over TLS finish, and breaks off handshakes', skip, async (t) => {
  const served = await serveTls()
  const client = grpcClient(served.tcpPort)
  const unary = say(client, 'Hang', 'x')
  await served.echo.events.until('hang')
  const shaking = connect(served.tcpPort, '127.0.0.1', () => shaking.write(Buffer.from([0x16, 0x03, 0x01])))
  const broken = new Promise((resolve) => shaking.on('close', resolve))
  shaking.on('error', () => undefined)
  shaking.resume()
  await until(() => served.port.listeners[0]!.unclaimedCount === 1)
  const closing = served.port.close(5000)
  await broken
  served.echo.hanging[0]!.respond('done')
  t.equal(await unary, 'done')
  await closing
  t.equal(served.grpc.connectionCount, 0)
  client.close()
})

t.test('ALPN: h2 and http/1.1 are offered, none is fine, others are refused', skip, async (t) => {
  const served = await serveTls()
  t.teardown(() => served.port.close(1000))
  const shake = (ALPNProtocols: string[] | undefined): Promise<string> =>
    new Promise((resolve) => {
      const socket = tls.connect(
        { host: '127.0.0.1', port: served.tcpPort, ca: read('ca.crt'), ...(ALPNProtocols && { ALPNProtocols }) },
        () => {
          resolve(String(socket.alpnProtocol))
          socket.destroy()
        },
      )
      socket.on('error', () => resolve('error'))
    })
  t.equal(await shake(['http/1.1', 'h2']), 'h2')
  t.equal(await shake(['http/1.1']), 'http/1.1')
  t.equal(await shake(undefined), 'false')
  t.equal(await shake(['spdy/3']), 'error')

  const session = http2.connect('https://127.0.0.1', {
    createConnection: () => tls.connect({ host: '127.0.0.1', port: served.tcpPort, ca: read('ca.crt') }),
  })
  const stream = session.request({ ':path': '/prior' })
  let body = ''
  stream.on('data', (chunk) => (body += String(chunk)))
  await new Promise((resolve) => stream.on('close', resolve))
  t.equal(body, 'you want /prior', 'HTTP/2 without ALPN')
  session.destroy()
})

t.test('http and https on the same port', skip, async (t) => {
  const probe = new ClientPort({
    specs: listenSpecs(['http://127.0.0.1:0']),
    tls: undefined,
    clock: realClock,
    logger: silentLogger,
    endpoint: 'client',
    connectionsMax: 1,
  })
  await probe.open()
  const free = probe.listeners[0]!.port
  await probe.close(10)
  const served = await serveTls({}, [`http://127.0.0.1:${free}`, `https://127.0.0.1:${free}`])
  t.teardown(() => served.port.close(1000))
  const secure = grpcClient(free)
  const plain = new Client(`127.0.0.1:${free}`, credentials.createInsecure())
  t.teardown(() => {
    secure.close()
    plain.close()
  })
  t.equal(await say(secure, 'Say', 'secure'), 'secure')
  t.equal(await say(plain, 'Say', 'plain'), 'plain')
  t.equal(await getHttps(free), '200 you want /health')
})

t.test('plain clients of a TLS port are closed without a byte, and logged', skip, async (t) => {
  const served = await serveTls()
  t.teardown(() => served.port.close(1000))
  t.equal((await exchange(served.tcpPort, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n')).length, 0)
  t.same(served.logger.lines, [
    'warn rejected connection on client endpoint: tls: first record does not look like a TLS handshake',
  ])
  const hello = Buffer.concat([Buffer.from([0x16, 0x03, 0x01, 0x00, 0x05]), Buffer.alloc(5)])
  await exchange(served.tcpPort, hello)
  t.equal(served.logger.lines.length, 2, 'a broken handshake too')
  const socket = connect(served.tcpPort, '127.0.0.1', () => socket.end(Buffer.from([0x16])))
  socket.on('error', () => undefined)
  await until(() => served.logger.lines.length === 3)
  await until(() => served.port.listeners[0]!.unclaimedCount === 0)
})

t.test('a client certificate is demanded and verified', skip, async (t) => {
  const served = await serveTls({ requireClientCert: true, clientAuthorities: [read('ca.crt').toString()] })
  t.teardown(() => served.port.close(1000))
  const known = grpcClient(served.tcpPort, 'client')
  t.teardown(() => known.close())
  t.equal(await say(known, 'Say', 'hello'), 'hello')
  for (const [name, options, logged] of [
    ['none', {}, "tls: client didn't provide a certificate"],
    [
      'of an unknown authority',
      { key: read('stranger.key'), cert: read('stranger.crt') },
      'tls: failed to verify certificate: x509: certificate signed by unknown authority',
    ],
    [
      'made for servers',
      { key: read('server.key'), cert: read('server.crt') },
      'tls: failed to verify certificate: x509: certificate specifies an incompatible key usage',
    ],
  ] as const) {
    served.logger.lines.length = 0
    t.match(await getHttps(served.tcpPort, options), /^error /, name)
    await until(() => served.logger.lines.length === 1)
    t.equal(served.logger.lines[0], `warn rejected connection on client endpoint: ${logged}`, name)
  }
  t.equal(await say(known, 'Say', 'still'), 'still')
})

t.test('old versions are refused', skip, async (t) => {
  const served = await serveTls({ minVersion: 'TLSv1.3' })
  t.teardown(() => served.port.close(1000))
  t.match(await getHttps(served.tcpPort, { maxVersion: 'TLSv1.2' }), /^error /)
  t.equal(await getHttps(served.tcpPort), '200 you want /health')
  t.match(served.logger.lines[0], /tls: client offered only unsupported versions/)
})

t.test('allowed names', skip, async (t) => {
  const ask = async (settings: Partial<TlsSettings>): Promise<string> => {
    const served = await serveTls({
      requireClientCert: true,
      clientAuthorities: [read('ca.crt').toString()],
      ...settings,
    })
    const answer = await getHttps(served.tcpPort, { key: read('client.key'), cert: read('client.crt') })
    await served.port.close(1000)
    return `${answer} ${served.logger.lines.join()}`
  }
  t.match(await ask({ allowedCommonNames: ['nobody', 'client'] }), /^200/)
  t.match(await ask({ allowedCommonNames: ['nobody'] }), /^error .*client certificate authentication failed/)
  t.match(await ask({ allowedHostnames: ['client.example'] }), /^200/)
  t.match(await ask({ allowedHostnames: ['client'] }), /^error/, 'the common name is no host name')
})

t.test('names are only asked for where certificates are', skip, async (t) => {
  const served = await serveTls({ allowedHostnames: ['nobody'] })
  t.teardown(() => served.port.close(1000))
  t.equal(await getHttps(served.tcpPort), '200 you want /health')
})

t.test('an authority file without certificates trusts nobody', skip, async (t) => {
  const served = await serveTls({ requireClientCert: true, clientAuthorities: [] })
  t.teardown(() => served.port.close(1000))
  t.match(await getHttps(served.tcpPort, { key: read('client.key'), cert: read('client.crt') }), /^error /)
  await until(() => served.logger.lines.length === 1)
  t.match(served.logger.lines[0], /certificate signed by unknown authority/)
})

t.test('revoked certificates are refused; the list is read again when it changes', skip, async (t) => {
  lab.certificate('ca', 'lost', { usage: 'clientAuth' })
  lab.revoke('ca')
  const served = await serveTls({
    requireClientCert: true,
    clientAuthorities: [read('ca.crt').toString()],
    revoked: await revokedSerials(file('ca.crl')),
  })
  t.teardown(() => served.port.close(1000))
  const ask = async (name: string): Promise<string> => {
    served.logger.lines.length = 0
    const answer = await getHttps(served.tcpPort, { key: read(`${name}.key`), cert: read(`${name}.crt`) })
    return `${answer}${served.logger.lines.join().replace('warn rejected connection on client endpoint', '')}`
  }
  t.equal(await ask('lost'), '200 you want /health')
  lab.revoke('ca', 'lost')
  t.match(await ask('lost'), /^error .*: transport: certificate serial [0-9a-f]+ revoked$/)
  t.equal(await ask('client'), '200 you want /health')
  writeFileSync(file('ca.crl'), read('ca.crl.pem'))
  t.match(await ask('client'), /^error .*: x509: malformed crl$/)
  rmSync(file('ca.crl'))
  t.match(await ask('client'), /^error .*: open .*ca\.crl: no such file or directory$/)
})

t.test('a certificate counts only from an address that its names lead to', skip, async (t) => {
  lab.certificate('ca', 'afar', { names: 'IP:10.9.8.7' })
  lab.certificate('ca', 'named', { names: 'DNS:a.example,DNS:*.b.example' })
  lab.certificate('ca', 'nameless', { names: '' })
  const lookups = { reverse: ['x.b.example.'], addresses: ['10.1.1.1'] }
  const served = await serveTls({
    requireClientCert: true,
    clientAuthorities: [read('ca.crt').toString()],
    clientNames: { reverse: async () => lookups.reverse, addresses: async () => lookups.addresses },
  })
  t.teardown(() => served.port.close(1000))
  const ask = async (name: string): Promise<string> => {
    served.logger.lines.length = 0
    const answer = await getHttps(served.tcpPort, { key: read(`${name}.key`), cert: read(`${name}.crt`) })
    return `${answer}${served.logger.lines.join().replace('warn rejected connection on client endpoint', '')}`
  }
  t.match(await ask('nameless'), /^200/)
  t.match(await ask('client'), /^200/)
  t.match(await ask('afar'), /^error .*: x509: certificate is valid for 10\.9\.8\.7, not 127\.0\.0\.1$/)
  t.match(await ask('named'), /^200/)
  lookups.reverse = []
  t.match(
    await ask('named'),
    /^error .*: tls: "127\.0\.0\.1" does not match any of DNSNames \["a\.example" "\*\.b\.example"\]$/,
  )
})

t.test('a client whose names are being looked up can be closed', skip, async (t) => {
  let asked = 0
  const served = await serveTls({
    requireClientCert: true,
    clientAuthorities: [read('ca.crt').toString()],
    clientNames: { reverse: () => (asked++, new Promise(() => undefined)), addresses: async () => [] },
  })
  lab.certificate('ca', 'slow', { names: 'DNS:slow.example' })
  const answer = getHttps(served.tcpPort, { key: read('slow.key'), cert: read('slow.crt') })
  await until(() => asked === 1)
  await served.port.close(1000)
  t.match(await answer, /^error/)
  // The server's end of the socket closes on its own time.
  await until(() => served.port.listeners[0]!.unclaimedCount === 0)
  t.pass('nothing is left')
})

t.test('replaced files count for new connections; broken ones refuse them', skip, async (t) => {
  const served = await serveTls()
  t.teardown(() => served.port.close(1000))
  const name = (): Promise<string> =>
    new Promise((resolve) => {
      const socket = tls.connect({ host: '127.0.0.1', port: served.tcpPort, ca: read('ca.crt') }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN))
        socket.destroy()
      })
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
    })
  t.equal(await name(), 'server')
  copyFileSync(file('server2.crt'), file('current.crt'))
  copyFileSync(file('server2.key'), file('current.key'))
  t.equal(await name(), 'server2')
  copyFileSync(file('server.key'), file('current.key'))
  t.equal(await name(), 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', 'a pair that does not match')
  writeFileSync(file('current.crt'), 'nonsense')
  t.equal(await name(), 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR')
  rmSync(file('current.crt'))
  t.equal(await name(), 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR')
  copyFileSync(file('server.crt'), file('current.crt'))
  t.equal(await name(), 'server', 'and it is served again once it is whole')
})
