import { type IncomingMessage, createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { silentLogger } from '../env/index.js'
import { type ClientHttpDeps, createClientHandler, createMetricsHandler, createPeerHandler } from './handlers.js'
import type { HealthSource } from './health.js'
import { MetricsRegistry } from './metrics-registry.js'
import type { Respond } from './respond.js'

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly bytes: Buffer
}

type Ask = (method: string, path: string, headers?: Record<string, string>) => Promise<Answer>

/** Serves `listener` on a free port for the length of the test. */
const serve = async (t: Test, listener: Respond): Promise<Ask> => {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as AddressInfo
  return (method, path, headers = {}) =>
    new Promise((resolve, reject) => {
      const outgoing = httpRequest({ port, host: '127.0.0.1', method, path, headers, agent: false }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const bytes = Buffer.concat(chunks)
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes.toString(), bytes })
        })
      })
      outgoing.on('error', reject)
      outgoing.end()
    })
}

class FakeHealth implements HealthSource {
  active: string[] = []
  leader = true
  learner = false
  serializableError: string | undefined
  linearizableError: string | undefined
  limits: (number | undefined)[] = []
  hang = false
  aborted = 0

  alarms = () => this.active
  leaderKnown = () => this.leader
  isLearner = () => this.learner

  serializableRead = async (): Promise<void> => {
    if (this.serializableError !== undefined) throw new Error(this.serializableError)
  }

  linearizableRead = (limitMs: number | undefined, signal: AbortSignal): Promise<void> => {
    this.limits.push(limitMs)
    if (this.hang) {
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          this.aborted++
          reject(new Error('gone'))
        })
      })
    }
    return this.linearizableError === undefined ? Promise.resolve() : Promise.reject(new Error(this.linearizableError))
  }
}

const depsWith = (health: HealthSource, changes: Partial<ClientHttpDeps> = {}): ClientHttpDeps => ({
  health,
  metrics: new MetricsRegistry(),
  logger: silentLogger,
  requestTimeoutMs: 7000,
  versions: { server: () => '3.7.1', cluster: () => '3.7.0', storage: () => undefined },
  access: { corsOrigins: ['*'], hostWhitelist: ['*'], logger: silentLogger },
  debugVars: () => ({
    commandLine: ['etcd', '--name=<x>'],
    fileDescriptorLimit: 20000,
    memory: { rss: 5 },
    raft: { id: '8e9e05c52164694d', term: 2 },
  }),
  gateway: undefined,
  ...changes,
})

const CORS = {
  'access-control-allow-methods': 'POST, GET, OPTIONS, PUT, DELETE',
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'accept, content-type, authorization',
}
const PLAIN = 'text/plain; charset=utf-8'

t.test('pages of the client port', async (t) => {
  const ask = await serve(t, createClientHandler(depsWith(new FakeHealth())))
  const pages: [string, number, string, string][] = [
    ['/health', 200, PLAIN, '{"health":"true","reason":""}'],
    ['/livez', 200, PLAIN, 'ok\n'],
    ['/readyz', 200, PLAIN, 'ok\n'],
    ['/livez?verbose', 200, PLAIN, '[+]serializable_read ok\nok\n'],
    [
      '/readyz?verbose=0',
      200,
      PLAIN,
      '[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n',
    ],
    ['/livez/serializable_read', 200, PLAIN, 'ok\n'],
    ['/readyz/non_learner?verbose', 200, PLAIN, '[+]non_learner ok\nok\n'],
    [
      '/readyz?exclude=linearizable_read&exclude=foo&verbose',
      200,
      PLAIN,
      '[+]data_corruption ok\n[+]serializable_read ok\n[+]non_learner ok\nok\n',
    ],
    ['/version', 200, 'application/json', '{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"unknown"}'],
    [
      '/debug/vars',
      200,
      'application/json; charset=utf-8',
      '{\n"cmdline": ["etcd","--name=\\u003cx\\u003e"],\n"file_descriptor_limit": 20000,\n"memstats": {"rss":5},\n"raft.status": {"id":"8e9e05c52164694d","term":2}\n}\n',
    ],
  ]
  for (const [path, status, type, body] of pages) {
    const answer = await ask('GET', path)
    t.match(answer, { status, body, headers: { ...CORS, 'content-type': type } }, path)
    t.equal(answer.headers['content-length'], String(Buffer.byteLength(body)))
  }
  const absolute = await ask('GET', 'http://any/version')
  t.equal(absolute.status, 200, 'absolute form of the target')
})

t.test('what is not there is 404 in plain text', async (t) => {
  const ask = await serve(t, createClientHandler(depsWith(new FakeHealth())))
  const missing = [
    '/',
    '/config',
    '/v2/keys',
    '/livez/',
    '/livez/data_corruption',
    '/readyz/x',
    '/Health',
    '/v3/kv/range',
    '/debug/pprof/',
  ]
  for (const path of missing) {
    const answer = await ask('GET', path)
    t.match(
      answer,
      {
        status: 404,
        body: '404 page not found\n',
        headers: { ...CORS, 'content-type': PLAIN, 'x-content-type-options': 'nosniff' },
      },
      path,
    )
  }
  t.equal((await ask('POST', '/nothing')).status, 404)
  t.equal((await ask('GET', '/%zz')).status, 400)
})

t.test('untidy paths are redirected', async (t) => {
  const ask = await serve(t, createClientHandler(depsWith(new FakeHealth())))
  for (const [path, location] of [
    ['/foo//bar', '/foo/bar'],
    ['/a/../health?x=1', '/health?x=1'],
    ['/./health/', '/health/'],
  ] as const) {
    const answer = await ask('GET', path)
    t.match(answer, { status: 301, headers: { location, 'content-type': 'text/html; charset=utf-8' } })
    t.equal(answer.body, `<a href="${location}">Moved Permanently</a>.\n\n`)
  }
  t.equal((await ask('POST', '/foo//bar')).body, '')
})

t.test('other methods', async (t) => {
  const ask = await serve(t, createClientHandler(depsWith(new FakeHealth())))
  for (const path of ['/health', '/livez', '/readyz/non_learner', '/version', '/debug/vars']) {
    for (const method of ['POST', 'PUT', 'DELETE', 'HEAD']) {
      const answer = await ask(method, path)
      t.match(answer, {
        status: 405,
        body: method === 'HEAD' ? '' : 'Method Not Allowed\n',
        headers: {
          ...CORS,
          allow: 'GET',
          'content-type': PLAIN,
          'x-content-type-options': 'nosniff',
          'content-length': '19',
        },
      })
    }
  }
  for (const path of ['/health', '/nothing', '/metrics', '/v3/kv/range']) {
    t.match(await ask('OPTIONS', path), { status: 200, body: '', headers: { ...CORS, 'content-length': '0' } })
  }
  for (const method of ['GET', 'POST', 'PUT', 'HEAD']) t.equal((await ask(method, '/metrics')).status, 200, method)
})

t.test('/health: alarms, leader, then a read', async (t) => {
  const health = new FakeHealth()
  const deps = depsWith(health)
  const ask = await serve(t, createClientHandler(deps))
  const expect = async (path: string, reason: string) => {
    const answer = await ask('GET', path)
    if (reason === '') {
      t.match(answer, { status: 200, body: '{"health":"true","reason":""}' })
      t.notOk('x-content-type-options' in answer.headers)
    } else {
      t.match(answer, {
        status: 503,
        body: `{"health":"false","reason":"${reason}"}\n`,
        headers: { 'content-type': PLAIN, 'x-content-type-options': 'nosniff' },
      })
    }
  }
  health.active = ['NOSPACE']
  await expect('/health', 'ALARM NOSPACE')
  await expect('/health?exclude=nospace', 'ALARM NOSPACE')
  await expect('/health?exclude=NOSPACE', '')
  health.active = ['NOSPACE', 'CORRUPT']
  await expect('/health?exclude=NOSPACE', 'ALARM CORRUPT')
  await expect('/health?exclude=NOSPACE&exclude=CORRUPT', '')
  health.active = ['17']
  await expect('/health', 'ALARM UNKNOWN')
  health.active = []
  health.leader = false
  await expect('/health', 'RAFT NO LEADER')
  await expect('/health?serializable=true', '')
  await expect('/health?serializable=TRUE', 'RAFT NO LEADER')
  health.leader = true
  health.linearizableError = 'etcdserver: request timed out'
  await expect('/health', 'RANGE ERROR:etcdserver: request timed out')
  await expect('/health?serializable=true', '')
  health.serializableError = 'a <b>'
  await expect('/health?serializable=true', 'RANGE ERROR:a \\u003cb\\u003e')
  t.same(health.limits, [7000, 7000, 7000], 'within the request timeout')
  const text = deps.metrics.render()
  t.match(text, /^etcd_server_health_success 4$/m)
  t.match(text, /^etcd_server_health_failures 8$/m)
})

t.test('/livez and /readyz: failures are always told in detail', async (t) => {
  const health = new FakeHealth()
  const deps = depsWith(health)
  const ask = await serve(t, createClientHandler(deps))
  health.active = ['CORRUPT']
  health.linearizableError = 'etcdserver: leader changed'
  health.learner = true
  const answer = await ask('GET', '/readyz')
  t.match(answer, { status: 503, headers: { 'content-type': PLAIN, 'x-content-type-options': 'nosniff' } })
  t.equal(
    answer.body,
    '[-]data_corruption failed: alarm activated: CORRUPT\n[+]serializable_read ok\n' +
      '[-]linearizable_read failed: etcdserver: leader changed\n[-]non_learner failed: not supported for learner\n\n',
  )
  t.equal((await ask('GET', '/livez')).status, 200)
  t.equal((await ask('GET', '/readyz/linearizable_read?exclude=linearizable_read')).status, 503, 'only roots exclude')
  health.active = ['NOSPACE']
  health.linearizableError = undefined
  health.learner = false
  t.equal((await ask('GET', '/readyz')).status, 200, 'NOSPACE does not matter')
  t.ok(
    health.limits.every((limit) => limit === undefined),
    'bounded by the client alone',
  )
  const text = deps.metrics.render()
  t.match(text, 'etcd_server_healthcheck{type="readyz",name="data_corruption"} 1')
  t.match(text, 'etcd_server_healthchecks_total{type="readyz",name="data_corruption",status="error"} 1')
  t.match(text, 'etcd_server_healthchecks_total{type="readyz",name="non_learner",status="success"} 1')
})

t.test('a client that leaves ends its read', async (t) => {
  const health = new FakeHealth()
  health.hang = true
  const server = createServer(createClientHandler(depsWith(health)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const outgoing = httpRequest({ port, host: '127.0.0.1', path: '/readyz', agent: false })
  outgoing.on('error', () => undefined)
  outgoing.end()
  while (health.limits.length === 0) await new Promise((resolve) => setImmediate(resolve))
  outgoing.destroy()
  while (health.aborted === 0) await new Promise((resolve) => setImmediate(resolve))
  t.equal(health.aborted, 1)
  await new Promise((resolve) => server.close(resolve))
})

t.test('origins', async (t) => {
  const access = { corsOrigins: ['http://a:1', 'http://b:2'], hostWhitelist: [], logger: silentLogger }
  const ask = await serve(t, createClientHandler(depsWith(new FakeHealth(), { access })))
  const known = await ask('GET', '/version', { Origin: 'http://b:2' })
  t.match(known.headers, { ...CORS, 'access-control-allow-origin': 'http://b:2' })
  for (const headers of [{ Origin: 'http://c:3' }, {}]) {
    const other = await ask('GET', '/version', headers)
    t.equal(other.status, 200, 'still served')
    t.notOk('access-control-allow-origin' in other.headers)
  }
})

t.test('host names on plain connections', async (t) => {
  const warned: unknown[] = []
  const logger = { ...silentLogger, warn: (message: string, fields: unknown) => void warned.push([message, fields]) }
  const access = { corsOrigins: ['*'], hostWhitelist: ['good', '::1'], logger }
  const ask = await serve(t, createClientHandler(depsWith(new FakeHealth(), { access })))
  for (const host of ['good', 'good:2379', '[::1]:2379'])
    t.equal((await ask('GET', '/version', { Host: host })).status, 200, host)
  const refused = await ask('GET', '/version', { Host: 'evil:80' })
  t.equal(refused.status, 421)
  t.match(refused.body, /--host-whitelist/)
  t.match(refused.body, /CVE-2018-5702/)
  t.notOk('access-control-allow-origin' in refused.headers)
  t.same(warned, [['rejecting HTTP request to prevent DNS rebinding attacks', { host: 'evil' }]])
  t.equal((await ask('OPTIONS', '/version', { Host: 'evil' })).status, 421)
})

t.test('the gateway gets /v3/, also under its old name', async (t) => {
  const seen: string[] = []
  const gateway: Respond = (request, response) => {
    seen.push(`${request.method} ${request.url}`)
    response.end('{}')
  }
  const ask = await serve(t, createClientHandler(depsWith(new FakeHealth(), { gateway })))
  t.equal((await ask('POST', '/v3/kv/range')).body, '{}')
  t.match((await ask('POST', '/v3beta/kv/put?x=1')).headers, CORS)
  t.equal((await ask('POST', '/v3alpha/kv/put')).status, 404)
  t.same(seen, ['POST /v3/kv/range', 'POST /v3/kv/put?x=1'])
})

t.test('metrics URLs: monitoring alone, open to all', async (t) => {
  const deps = depsWith(new FakeHealth())
  const ask = await serve(t, createMetricsHandler(deps))
  for (const path of ['/health', '/livez', '/readyz', '/readyz/non_learner', '/metrics']) {
    const answer = await ask('GET', path, { Host: 'anything' })
    t.equal(answer.status, 200, path)
    t.notOk('access-control-allow-origin' in answer.headers)
  }
  for (const path of ['/version', '/debug/vars', '/v3/kv/range']) t.equal((await ask('GET', path)).status, 404, path)
  t.equal((await ask('OPTIONS', '/health')).status, 405)
})

t.test('peer port: version and members, whose ids are numbers', async (t) => {
  const ask = await serve(
    t,
    createPeerHandler({
      versions: { server: () => '3.7.1', cluster: () => undefined, storage: () => '3.7.0' },
      clusterId: () => 0xcdf818194e3a8c32n,
      members: () => [
        {
          id: 10276657743932975437n,
          name: 'default',
          peerUrls: ['http://localhost:2380'],
          clientUrls: ['http://a:1?x&y'],
          isLearner: false,
        },
        { id: 1n, name: '', peerUrls: [], clientUrls: [], isLearner: true },
      ],
    }),
  )
  t.equal((await ask('GET', '/version')).body, '{"etcdserver":"3.7.1","etcdcluster":"not_decided","storage":"3.7.0"}')
  const members = await ask('GET', '/members')
  t.equal(
    members.body,
    '[{"id":10276657743932975437,"peerURLs":["http://localhost:2380"],"name":"default","clientURLs":["http://a:1?x\\u0026y"]},' +
      '{"id":1,"peerURLs":[],"isLearner":true}]\n',
  )
  t.match(members.headers, { 'x-etcd-cluster-id': 'cdf818194e3a8c32', 'content-type': 'application/json' })
  t.equal((await ask('GET', '/health')).status, 404)
  t.equal((await ask('POST', '/members')).status, 405)
})

t.test('/metrics counts itself and packs when asked to', async (t) => {
  const ask = await serve(t, createMetricsHandler(depsWith(new FakeHealth())))
  const plain = await ask('GET', '/metrics')
  t.equal(plain.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  t.match(plain.body, /^promhttp_metric_handler_requests_in_flight 1$/m)
  const packed = await ask('GET', '/metrics', { 'Accept-Encoding': 'gzip;q=1.0' })
  t.equal(packed.headers['content-encoding'], 'gzip')
  t.match(gunzipSync(packed.bytes).toString(), /^promhttp_metric_handler_requests_total\{code="200"\} 1$/m)
  t.equal((await ask('GET', '/metrics', { 'Accept-Encoding': 'gzip;q=0' })).headers['content-encoding'], undefined)
})
