// How the process ends: by signals at every stage, and when the disk fails.
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { status } from '@grpc/grpc-js'
import t from 'tap'
import { GrpcClient, type Outcome } from '../support/grpc-client.js'
import { freePort } from '../support/ports.js'
import { repositoryRoot } from '../support/repository.js'
import { waitFor, within } from '../support/wait.js'
import { Workbench } from '../support/workbench.js'

const KEY = Buffer.from('k')
/** Less than the request time-out of 7 s by far. */
const PROMPT_MS = 3000

t.test('open watches and keep-alive streams do not delay the stop, and calls under way end well', async (t) => {
  const workbench = new Workbench(t)
  const server = await workbench.start('quorate')
  const client = workbench.own(new GrpcClient(server.endpoint))
  const watches = Array.from({ length: 100 }, () => client.stream<{ created: boolean }>('Watch/Watch'))
  for (const watch of watches) watch.send({ create_request: { key: KEY } })
  for (const watch of watches) t.equal((await watch.next())?.created, true)
  const lease = client.stream('Lease/LeaseKeepAlive')
  lease.send({ ID: '5' })
  await lease.next()
  const puts = Array.from({ length: 200 }, () => client.attempt('KV/Put', { key: KEY, value: KEY }))
  const startedMs = Date.now()
  const exit = await server.terminate(PROMPT_MS * 2)
  const tookMs = Date.now() - startedMs
  t.same(exit, { code: null, signal: 'SIGTERM' }, 'the signal is raised again')
  t.ok(tookMs < PROMPT_MS, `took ${tookMs} ms`)
  for (const watch of watches) await t.rejects(watch.next(), { code: status.UNAVAILABLE })
  const lost = (await Promise.all(puts)).filter((put) => !put.ok && put.failure.code !== status.UNAVAILABLE)
  t.same(lost, [], 'unavailable at worst')
  t.match(server.log, /"received signal; shutting down"[^]*"closing etcd server"[^]*"closed etcd server"/)
  t.notMatch(server.log, /"level":"(error|fatal)"/)
})

t.test('before the member is ready a signal ends the process at once', async (t) => {
  const workbench = new Workbench(t)
  const dataDir = join(workbench.folder(), 'data')
  // Whoever holds the store keeps a second process waiting for ever.
  await workbench.start('quorate', { dataDir })
  const [client, peer] = [await freePort(), await freePort()]
  const child = workbench.spawn(process.execPath, [
    ...[join(repositoryRoot, 'dist/main.js'), '--data-dir', dataDir],
    ...['--listen-client-urls', `http://127.0.0.1:${client}`, '--advertise-client-urls', `http://127.0.0.1:${client}`],
    ...['--listen-peer-urls', `http://127.0.0.1:${peer}`],
  ])
  await waitFor('the start line', () => child.stderr.includes('"starting an etcd server"'))
  await waitFor('the client port', () => connects(client))
  t.same(await within('the end', PROMPT_MS, child.terminate()), { code: null, signal: 'SIGTERM' })
  t.notMatch(child.stderr, /received signal/)
})

/** Whether something listens there. */
const connects = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(true))
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(false)))
  })

const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0

t.test(
  'when the disk takes no more, nothing is acknowledged and one fatal line ends the process',
  { skip: hasPrlimit ? false : 'no prlimit' },
  async (t) => {
    const workbench = new Workbench(t)
    const server = await workbench.start('quorate', { flags: ['--backend-batch-interval=1h'] })
    const client = workbench.own(new GrpcClient(server.endpoint, { timeoutMs: 5000 }))
    await client.call('KV/Put', { key: KEY, value: Buffer.from('before') })
    // From now on every write to a file beyond its first bytes fails.
    t.equal(spawnSync('prlimit', ['--pid', String(server.pid), '--fsize=64:64']).status, 0)
    const outcomes: Outcome<unknown>[] = await Promise.all(
      Array.from({ length: 50 }, (_, i) => client.attempt('KV/Put', { key: Buffer.from(`lost ${i}`), value: KEY })),
    )
    t.same(await within('the end', PROMPT_MS, server.exited), { code: 1, signal: null })
    const acknowledged = outcomes.filter(({ ok }) => ok)
    t.same(acknowledged, [])
    const fatal = server.log.split('\n').filter((line) => line.includes('"level":"fatal"'))
    t.equal(fatal.length, 1)
    t.match(fatal[0], '"msg":"the server cannot go on"')
    t.match(fatal[0], /"error":"[^"]*the log failed: EFBIG/)
    await server.restart()
    const again = workbench.own(new GrpcClient(server.endpoint))
    const found = await again.call<{ kvs: { value: Buffer }[]; count: string }>('KV/Range', {
      key: Buffer.from('\0'),
      range_end: Buffer.from('\0'),
    })
    t.equal(found.count, '1')
    t.equal(found.kvs[0]?.value.toString(), 'before')
  },
)
