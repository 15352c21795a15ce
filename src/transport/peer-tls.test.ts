import { Client } from '@grpc/grpc-js'
import { copyFileSync, rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { silentLogger } from '../env/index.js'
import { listenSpecs } from './address.js'
import { opensslCiphers } from './cipher-suites.js'
import { ClientPort } from './client-port.js'
import { createGrpcServer } from './grpc/index.js'
import { fetchPage } from './page-client.js'
import { type PeerDialTls, peerCredentials, peerRequestOptions } from './peer-tls.js'
import { selfSignedPair } from './self-signed.js'
import { CertificateLab, missingOpenssl } from './testing-certificates.js'
import { echoService, grpcOptions, realClock, say } from './testing.js'
import { tlsFiles } from './tls-files.js'
import type { TlsSettings } from './tls-settings.js'

const skip = missingOpenssl === false ? {} : { skip: missingOpenssl }

const lab = new CertificateLab()
t.teardown(() => lab.close())
if (missingOpenssl === false) {
  lab.authority('ca')
  lab.authority('other-ca')
  for (const name of ['one', 'two']) lab.certificate('ca', name)
  lab.certificate('other-ca', 'stranger')
}
const pair = (name: string) => tlsFiles(lab.path(`${name}.crt`), lab.path(`${name}.key`))

const common = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', ciphers: opensslCiphers([]) } as const
const listening = (overrides: Partial<TlsSettings> = {}): TlsSettings => ({
  ...common,
  material: pair('one'),
  clientAuthorities: [lab.text('ca.crt')],
  requireClientCert: true,
  allowedCommonNames: [],
  allowedHostnames: [],
  revoked: undefined,
  clientNames: undefined,
  ...overrides,
})
const dialling = (overrides: Partial<PeerDialTls> = {}): PeerDialTls => ({
  ...common,
  material: pair('two'),
  authorities: [lab.text('ca.crt')],
  verifyServer: true,
  serverName: undefined,
  allowedCommonNames: [],
  allowedHostnames: [],
  ...overrides,
})

const serve = async (t: Test, tls: TlsSettings) => {
  const specs = listenSpecs(['https://127.0.0.1:0'])
  const port = new ClientPort({
    specs,
    tls,
    clock: realClock,
    logger: silentLogger,
    endpoint: 'peer',
    connectionsMax: 100,
  })
  t.teardown(() => port.close(1000))
  await port.open()
  const http = (_request: unknown, response: { end(text: string): unknown }): void => void response.end('a page')
  port.serve({ grpc: createGrpcServer({ ...grpcOptions([echoService().service]), http }), http })
  return port.listeners[0]!.port
}

/** What a call over gRPC and a page over HTTPS say: the answer, or why not. */
const dial = async (tcpPort: number, tls: PeerDialTls, host = '127.0.0.1'): Promise<string> => {
  const client = new Client(`${host}:${tcpPort}`, peerCredentials(tls, host), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 60_000,
  })
  const call = await say(client, 'Say', 'hello')
  client.close()
  const page = await fetchPage(`https://${host}:${tcpPort}/`, 10_000, peerRequestOptions(tls)).then(
    ({ body }) => body,
    (error: Error) => error.message,
  )
  return `${call} | ${page}`
}

const WELCOME = 'hello | a page'

t.test('members know each other by one authority', skip, async (t) => {
  const tcpPort = await serve(t, listening())
  t.equal(await dial(tcpPort, dialling()), WELCOME)
  t.equal(await dial(tcpPort, dialling(), 'localhost'), WELCOME, 'by name')
  t.equal(await dial(tcpPort, dialling({ minVersion: 'TLSv1.3' })), WELCOME)
  t.equal(await dial(tcpPort, dialling({ maxVersion: 'TLSv1.2' })), WELCOME)
})

t.test('a dial fails without, or with a foreign, certificate', skip, async (t) => {
  const tcpPort = await serve(t, listening())
  t.notMatch(await dial(tcpPort, dialling({ material: undefined })), /hello|page/)
  t.notMatch(await dial(tcpPort, dialling({ material: pair('stranger') })), /hello|page/)
})

t.test('the other side is verified: authority, name, allowed names', skip, async (t) => {
  const tcpPort = await serve(t, listening())
  const failed = async (overrides: Partial<PeerDialTls>, why: RegExp): Promise<void> => {
    const answer = await dial(tcpPort, dialling(overrides))
    t.match(answer, why)
    t.notMatch(answer, /hello|page/)
  }
  await failed({ authorities: [lab.text('other-ca.crt')] }, /self-signed certificate in certificate chain/)
  await failed({ authorities: [] }, /self-signed certificate in certificate chain/)
  await failed({ authorities: undefined }, /self-signed certificate in certificate chain/)
  await failed({ serverName: 'two.example' }, /two\.example/)
  t.equal(await dial(tcpPort, dialling({ serverName: 'one.example' })), WELCOME)
  t.equal(await dial(tcpPort, dialling({ allowedCommonNames: ['x', 'one'] })), WELCOME)
  t.equal(await dial(tcpPort, dialling({ allowedHostnames: ['one.example'] })), WELCOME)
  await failed({ allowedCommonNames: ['two'] }, /client certificate authentication failed/)
  await failed({ allowedHostnames: ['two.example'] }, /client certificate authentication failed/)
})

t.test('certificates that members made for themselves are taken from anybody', async (t) => {
  const parts = { clock: realClock, logger: silentLogger }
  const base = { allowedCommonNames: [], allowedHostnames: [], ...common }
  const request = { folder: lab.path('fixtures'), hosts: ['10.0.0.1'], validityYears: 1 }
  const { certFile, keyFile } = await selfSignedPair(request, parts)
  const own = tlsFiles(certFile, keyFile)
  const unchecked = {
    clientAuthorities: undefined,
    requireClientCert: false,
    revoked: undefined,
    clientNames: undefined,
  }
  const tcpPort = await serve(t, { ...base, ...unchecked, material: own })
  const tls: PeerDialTls = {
    ...base,
    material: own,
    authorities: undefined,
    verifyServer: false,
    serverName: undefined,
  }
  t.equal(await dial(tcpPort, tls), WELCOME)
  t.notMatch(await dial(tcpPort, { ...tls, verifyServer: true }), /hello|page/)
  t.notMatch(await dial(tcpPort, { ...tls, allowedCommonNames: ['one'] }), /hello|page/, 'who is nobody has no name')
})

t.test('replaced files count for the next connection of the same channel', skip, async (t) => {
  const tcpPort = await serve(t, listening())
  for (const end of ['crt', 'key']) copyFileSync(lab.path(`stranger.${end}`), lab.path(`own.${end}`))
  const tls = dialling({ material: pair('own') })
  const client = new Client(`127.0.0.1:${tcpPort}`, peerCredentials(tls, '127.0.0.1'), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 10,
    'grpc.max_reconnect_backoff_ms': 10,
  })
  t.teardown(() => client.close())
  t.match(await say(client, 'Say', 'hello'), /^14 /)
  rmSync(lab.path('own.key'))
  t.match(await say(client, 'Say', 'hello'), /^14 /)
  for (const end of ['crt', 'key']) copyFileSync(lab.path(`two.${end}`), lab.path(`own.${end}`))
  for (let attempt = 0; ; attempt++) {
    const answer = await say(client, 'Say', 'hello')
    if (answer === 'hello') break
    if (attempt === 500) throw new Error(answer)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  t.throws(
    () => peerRequestOptions(dialling({ material: pair('none') })),
    /open .*none\.crt: no such file or directory/,
  )
})

t.test('credentials are equal only for one rule and one host', async (t) => {
  const names = { allowedCommonNames: [], allowedHostnames: [], serverName: undefined }
  const tls: PeerDialTls = { ...common, ...names, material: undefined, authorities: undefined, verifyServer: true }
  const credentials = peerCredentials(tls, 'a')
  t.equal(credentials._isSecure(), true)
  t.equal(credentials._equals(peerCredentials(tls, 'a')), true)
  t.equal(credentials._equals(peerCredentials(tls, 'b')), false)
  t.equal(credentials._equals(peerCredentials({ ...tls }, 'a')), false)
})
