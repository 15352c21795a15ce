// Flags and feature gates that can only be seen to work on a running server.
import { existsSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { GrpcClient } from '../support/grpc-client.js'
import { freePort } from '../support/ports.js'
import { waitFor } from '../support/wait.js'
import { Workbench } from '../support/workbench.js'

const KEY = Buffer.from('k')
const ALL = { key: Buffer.from('\0'), range_end: Buffer.from('\0') }

const fetchText = (url: string): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    get(url, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    }).on('error', reject)
  })

const valueOf = (metrics: string, name: string): number => {
  const line = metrics.split('\n').find((text) => text.startsWith(`${name} `))
  if (line === undefined) throw new Error(`no metric ${name}`)
  return Number(line.slice(name.length + 1))
}

t.test('lines of a start and of a stop come in order', async (t) => {
  const workbench = new Workbench(t)
  const metricsPort = await freePort()
  const server = await workbench.start('quorate', {
    flags: ['--listen-metrics-urls', `http://127.0.0.1:${metricsPort}`, '--name', 'default'],
  })
  await waitFor('the last line', () => server.log.includes('"successfully notified init daemon"'))
  await server.terminate()
  const lines = server.log
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => JSON.parse(text) as { msg: string; [field: string]: unknown })
  const order = [
    'Running: ',
    'Initialize and start etcd server',
    'configuring peer listeners',
    'configuring client listeners',
    'starting an etcd server',
    'opened backend db',
    'bootstrap successfully',
    'starting local member',
    'starting etcd server',
    'now serving peer/client/metrics',
    'serving peer traffic',
    'serving metrics',
    'published local member to cluster through raft',
    'ready to serve client requests',
    'serving client traffic insecurely; this is strongly discouraged!',
    'notifying init daemon',
    'received signal; shutting down',
    'closing etcd server',
    'skipped leadership transfer for single voting member cluster',
    'stopped serving peer traffic',
    'closed etcd server',
  ]
  const found = lines.map(({ msg }) => msg).filter((msg) => order.includes(msg))
  t.same(found, order, 'each once')
  t.match(
    lines.find(({ msg }) => msg === 'starting an etcd server'),
    {
      'etcd-version': '3.7.1',
      'go-version': `node ${process.version}`,
      'member-initialized': false,
      'data-dir': server.options.dataDir,
      'wal-dir': join(server.options.dataDir, 'member/wal'),
      'v2-deprecation': 'write-only',
    },
  )
  t.match(
    lines.find(({ msg }) => msg.startsWith('serving client traffic')),
    { traffic: 'grpc+http', address: server.endpoint },
  )
})

t.test('the store is committed as often as it was asked to be', async (t) => {
  const workbench = new Workbench(t)
  const commits = async (flags: readonly string[]): Promise<number> => {
    const server = await workbench.start('quorate', { flags })
    const client = workbench.own(new GrpcClient(server.endpoint))
    const name = 'etcd_disk_backend_commit_duration_seconds_count'
    const before = valueOf((await fetchText(`${server.url}/metrics`)).body, name)
    for (let i = 0; i < 20; i++) await client.call('KV/Put', { key: KEY, value: KEY })
    return valueOf((await fetchText(`${server.url}/metrics`)).body, name) - before
  }
  t.ok((await commits(['--backend-batch-interval=1h', '--backend-batch-limit=1'])) >= 10, 'after each operation')
  t.ok((await commits(['--backend-batch-interval=1h', '--backend-batch-limit=1000000'])) <= 1, 'hardly ever')
})

t.test('without syncs the server says so once, and works', async (t) => {
  const workbench = new Workbench(t)
  const server = await workbench.start('quorate', { flags: ['--unsafe-no-fsync', '--snapshot-count=10'] })
  const client = workbench.own(new GrpcClient(server.endpoint))
  for (let i = 0; i < 30; i++) await client.call('KV/Put', { key: KEY, value: Buffer.from(String(i)) })
  t.equal(server.log.split('files are not synced').length - 1, 1)
  await server.kill()
  await server.restart()
  const again = workbench.own(new GrpcClient(server.endpoint))
  const { kvs } = await again.call<{ kvs: { value: Buffer; version: string }[] }>('KV/Range', { key: KEY })
  t.match(kvs[0], { version: '30' })
})

t.test('slow requests are logged with etcd’s fields', async (t) => {
  const workbench = new Workbench(t)
  const server = await workbench.start('quorate', {
    flags: ['--warning-apply-duration=1ns', '--warning-unary-request-duration=1ns'],
  })
  const client = workbench.own(new GrpcClient(server.endpoint))
  await client.call('KV/Put', { key: Buffer.from('slow'), value: Buffer.from('secret') })
  await client.call('KV/Range', ALL)
  const line = (part: string): string => {
    const found = server.log.split('\n').find((text) => text.includes(part))
    if (found === undefined) throw new Error(`no line with ${part}`)
    return found
  }
  await waitFor('the lines', () => server.log.includes('read-only range '))
  t.match(line('put:<key:'), /"apply request took too long".*put:<key:\\"slow\\" value_size:6 >","response":"size:\d+"/)
  t.match(line('"prefix":"read-only range "'), /"response":"range_response_count:1 size:\d+"/)
  t.match(line('etcdserverpb.KV/Put'), /"msg":"request stats","start time":.*"request count":1,"request size":14/)
  t.notMatch(server.log, /secret/)
  t.ok(valueOf((await fetchText(`${server.url}/metrics`)).body, 'etcd_server_slow_apply_total') >= 2)
})

t.test('clients are told to stay away while a member defragments, if the gate says so', async (t) => {
  const workbench = new Workbench(t)
  for (const [flags, expected] of [
    [['--feature-gates=StopGRPCServiceOnDefrag=true'], ['SERVING', 'NOT_SERVING', 'SERVING']],
    [[], ['SERVING']],
  ] as const) {
    const server = await workbench.start('quorate', { flags })
    const client = workbench.own(new GrpcClient(server.endpoint))
    const health = client.stream<{ status: string | number }>('grpc.health.v1.Health/Watch')
    health.send({ service: '' })
    health.halfClose()
    const seen = [await health.next()]
    await client.call('Maintenance/Defragment')
    while (seen.length < expected.length) seen.push(await health.next())
    const names = ['UNKNOWN', 'SERVING', 'NOT_SERVING']
    t.same(
      seen.map((message) => (typeof message?.status === 'number' ? names[message.status] : message?.status)),
      expected,
    )
    t.equal(health.waiting, 0)
    const metrics = (await fetchText(`${server.url}/metrics`)).body
    t.equal(valueOf(metrics, 'etcd_disk_backend_defrag_duration_seconds_count'), 1)
    t.equal(valueOf(metrics, 'etcd_disk_defrag_inflight'), 0)
  }
})

t.test('there is no JSON gateway yet: its paths do not exist', async (t) => {
  const workbench = new Workbench(t)
  const server = await workbench.start('quorate')
  t.equal((await fetchText(`${server.url}/v3/kv/range`)).status, 404)
  t.notMatch(server.log, /no effect yet/, 'the default asks for nothing')
})

t.test('a folder of the log of its own', async (t) => {
  const workbench = new Workbench(t)
  const walDir = join(workbench.folder(), 'wal')
  const server = await workbench.start('quorate', { flags: ['--wal-dir', walDir] })
  t.ok(existsSync(walDir))
  t.notOk(existsSync(join(server.options.dataDir, 'member/wal')))
})
