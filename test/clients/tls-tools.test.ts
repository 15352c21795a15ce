// curl, nghttp and h2load on every kind of connection: HTTP/1.1, HTTP/2 by prior knowledge and by ALPN, and gRPC by hand.
import { X509Certificate } from 'node:crypto'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { encodeRequest, GrpcClient } from '../support/grpc-client.js'
import type { RangeResponse } from '../support/messages.js'
import { freePort } from '../support/ports.js'
import { findTool } from '../support/repository.js'
import type { Server } from '../support/server.js'
import { framed, missingCommand, type Mode, MODES, Site } from './site.js'

t.setTimeout(3 * 60_000)

const GRPC_HEADERS = ['content-type: application/grpc', 'te: trailers']
const PUT_PATH = '/etcdserverpb.KV/Put'

const open = async (site: Site, mode: Mode) => {
  const server = await site.start(mode)
  const client = site.workbench.own(new GrpcClient(server.endpoint, { tls: site.pems(mode) }))
  const body = join(site.workbench.folder(), 'put')
  writeFileSync(body, framed(encodeRequest('KV/Put', { key: Buffer.from('k'), value: Buffer.from('from outside') })))
  /** How often the key was written. */
  const written = async (): Promise<number> => {
    const { kvs } = await client.call<RangeResponse>('KV/Range', { key: Buffer.from('k') })
    return Number(kvs[0]?.version ?? 0)
  }
  return { server, body, written }
}

const curlFlags = (site: Site, mode: Mode): string[] => {
  const { ca, cert, key } = site.files(mode)
  return [
    ...['--silent', '--show-error', '--max-time', '20'],
    ...(ca === undefined ? [] : ['--cacert', ca]),
    ...(cert === undefined || key === undefined ? [] : ['--cert', cert, '--key', key]),
  ]
}

const noCurl = missingCommand('curl', 'curl')
const noNghttp = missingCommand('nghttp', 'nghttp2-client')
const noH2load = missingCommand('h2load', 'nghttp2-client')

for (const mode of MODES) {
  t.test(`curl, ${mode}`, { skip: noCurl }, async (t) => {
    const site = new Site(t)
    const { server, body, written } = await open(site, mode)
    const curl = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await site.run('curl', [...curlFlags(site, mode), ...args])
      t.equal(code, 0, `curl ${args.join(' ')}: ${stderr}`)
      return stdout
    }
    const facts = ['--write-out', ' %{http_version} %{http_code}']
    t.match(await curl(...facts, '--http1.1', `${server.url}/version`), /^\{"etcdserver":"3\.7\..*\} 1\.1 200$/)
    t.match(await curl(...facts, `${server.url}/health`, '--http1.1'), /^\{"health":"true".*\} 1\.1 200$/)
    if (mode === 'clear') {
      // An upgrade is ignored, and whoever knows HTTP/2 before is taken for a gRPC client.
      t.match(await curl(...facts, '--http2', `${server.url}/version`), /^\{"etcdserver".*\} 1\.1 200$/)
      t.match(await curl(...facts, '--http2-prior-knowledge', `${server.url}/version`), / 2 415$/)
    } else {
      t.match(await curl(...facts, '--http2', `${server.url}/version`), /^\{"etcdserver":"3\.7\..*\} 2 200$/)
      t.match(await curl(...facts, `${server.url}/metrics`, '--http2'), /etcd_server_has_leader 1\n[^]* 2 200$/)
    }
    const grpc = [
      '--request',
      'POST',
      ...GRPC_HEADERS.flatMap((header) => ['--header', header]),
      '--data-binary',
      `@${body}`,
    ]
    const http2 = mode === 'clear' ? '--http2-prior-knowledge' : '--http2'
    const answer = await curl(...grpc, http2, '--dump-header', '-', '--output', '/dev/null', `${server.url}${PUT_PATH}`)
    t.match(answer, /^HTTP\/2 200/)
    t.match(answer, /^grpc-status: 0/m)
    t.equal(await written(), 1)
  })

  t.test(`nghttp, ${mode}`, { skip: noNghttp }, async (t) => {
    const site = new Site(t)
    const { server, body, written } = await open(site, mode)
    const { cert, key } = site.files(mode)
    const pair = cert === undefined || key === undefined ? [] : [`--cert=${cert}`, `--key=${key}`]
    const headers = [':method: POST', ...GRPC_HEADERS].map((header) => `--header=${header}`)
    const args = [...pair, '--verbose', '--no-verify-peer', '--data', body, ...headers, `${server.url}${PUT_PATH}`]
    const { code, stdout, stderr } = await site.run('nghttp', args)
    t.equal(code, 0, stderr)
    t.match(plain(stdout), /grpc-status: 0/)
    if (mode !== 'clear') t.match(plain(stdout), /The negotiated protocol: h2/)
    t.equal(await written(), 1)
  })

  t.test(`h2load, ${mode}`, { skip: noH2load }, async (t) => {
    const site = new Site(t)
    const { server, body, written } = await open(site, mode)
    const args = ['--requests=2000', '--clients=10', '--max-concurrent-streams=20', '--data', body]
    const headers = GRPC_HEADERS.map((header) => `--header=${header}`)
    const { stdout, stderr } = await site.run('h2load', [...args, ...headers, `${server.url}${PUT_PATH}`])
    if (mode === 'mutual') {
      // It cannot show a certificate.
      t.match(stdout, /requests: 2000 total, \d+ started, 0 done, 0 succeeded/, stderr)
      t.equal(await written(), 0)
      return
    }
    t.match(stdout, /2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout/, stderr)
    t.equal(await written(), 2000)
  })
}

const noReference = noCurl === false ? findTool('etcd') === undefined && 'etcd 3.5 is missing' : noCurl

t.test('curl fails as against real etcd', { skip: noReference }, async (t) => {
  const site = new Site(t)
  const flags = ['--http1.1', '--silent', '--show-error', '--max-time', '20']
  const ca = ['--cacert', site.path('ca.crt')]
  const code = async ({ url }: Server, args: readonly string[], path = '/version'): Promise<number | null> =>
    (await site.run('curl', [...flags, ...args, `${url}${path}`])).code
  const both = async (rule: string, mode: Mode, pair: string, args: string[], expected: number[]): Promise<void> => {
    const servers = [
      await site.start(mode, { kind: 'reference', pair }),
      await site.start(mode, { kind: 'quorate', pair }),
    ]
    for (const server of servers) {
      const found = await code(server, args)
      t.ok(expected.includes(found ?? -1), `${rule}, ${server.kind}: curl ended with ${found}`)
      await server.kill()
    }
  }
  const closed = [35, 52, 55, 56] // in the handshake, without an answer, while sending, while receiving
  await both('a known server', 'tls', 'server', ca, [0])
  await both('an unknown authority', 'tls', 'server', [], [60])
  await both('another name', 'tls', 'elsewhere', ca, [60])
  await both('no certificate', 'mutual', 'server', ca, closed)
  await both('TLS 1.1', 'tls', 'server', [...ca, '--tls-max', '1.1', '--ciphers', 'DEFAULT@SECLEVEL=0'], [35])
})

t.test('clear and TLS URLs side by side, on one port too; certificates of its own', { skip: noCurl }, async (t) => {
  const site = new Site(t)
  const [clear, secure, both, metrics, peer] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ]
  const at = (scheme: string, port: number): string => `${scheme}://127.0.0.1:${port}`
  const urls = [at('http', clear), at('https', secure), at('http', both), at('https', both)].join(',')
  const server = await site.start('clear', {
    flags: [
      ...['--auto-tls', '--peer-auto-tls', '--listen-client-urls', urls, '--listen-metrics-urls', at('https', metrics)],
      ...['--listen-peer-urls', at('https', peer)],
    ],
  })
  const body = async (url: string): Promise<string> => {
    const { code, stdout } = await site.run('curl', ['--silent', '--insecure', '--max-time', '20', url])
    return code === 0 ? stdout : `curl ended with ${code}`
  }
  for (const url of [at('http', clear), at('https', secure), at('http', both), at('https', both), at('https', peer)]) {
    t.match(await body(`${url}/version`), /^\{"etcdserver":"3\.7/, url)
  }
  t.match(await body(`${at('https', metrics)}/metrics`), /etcd_server_has_leader 1\n/)
  t.match(await body(`${at('https', clear)}/version`), /^curl ended with 35$/)
  t.match(await body(`${at('http', secure)}/version`), /^curl ended with (52|56)$/)
  for (const side of ['client', 'peer']) {
    const { subject } = new X509Certificate(readFileSync(join(server.options.dataDir, 'fixtures', side, 'cert.pem')))
    t.equal(subject, 'O=etcd')
  }
  t.match(server.log, /"msg":"serving client traffic securely"/)
  t.match(server.log, /"msg":"serving client traffic insecurely; this is strongly discouraged!"/)
  await server.terminate()
  await server.restart()
  t.match(await body(`${at('https', secure)}/version`), /^\{"etcdserver":"3\.7/, 'the same pair after a restart')
  t.notMatch(server.log, /automatically generate certificates/)
})

t.test('replaced certificates count without a restart', { skip: noCurl }, async (t) => {
  const site = new Site(t)
  const copy = (name: string): void => {
    for (const end of ['crt', 'key']) copyFileSync(site.path(`${name}.${end}`), site.path(`current.${end}`))
  }
  const curl = async (): Promise<number | null> =>
    (await site.run('curl', [...curlFlags(site, 'tls'), `${server.url}/version`])).code
  copy('server')
  const server = await site.start('tls', { pair: 'current' })
  t.equal(await curl(), 0)
  copy('elsewhere')
  t.equal(await curl(), 60, 'another name now')
  copyFileSync(site.path('server.key'), site.path('current.key'))
  t.equal(await curl(), 35, 'a pair that does not fit is not served')
  copy('server')
  t.equal(await curl(), 0)
})

/** Without colours. */
const plain = (text: string): string => text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '')
