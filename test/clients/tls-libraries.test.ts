// Client libraries on every kind of connection: npm etcd3, @grpc/grpc-js, and Python's etcd3 on gRPC's C core.
import { Etcd3 } from 'etcd3'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { missingOpenssl } from '#src/transport/testing-certificates.js'
import { GrpcClient, type GrpcClientOptions } from '../support/grpc-client.js'
import type { RangeResponse, WatchResponse } from '../support/messages.js'
import { repositoryRoot } from '../support/repository.js'
import { waitFor } from '../support/wait.js'
import { type Mode, MODES, Site } from './site.js'

t.setTimeout(3 * 60_000)

/** Debian's own interpreter: others do not see its packages. */
const PYTHON = '/usr/bin/python3'
const noPython =
  missingOpenssl !== false
    ? missingOpenssl
    : spawnSync(PYTHON, ['-c', 'import etcd3']).status !== 0 &&
      'python3-etcd3 is missing (apt-get install python3-etcd3)'

/** Connections that must not come about: who connects with what to a server that asks for certificates. */
const REFUSED: Record<string, (site: Site) => NonNullable<GrpcClientOptions['tls']>> = {
  'without a certificate': (site) => ({ ca: site.lab.read('ca.crt') }),
  'with a certificate of another authority': (site) => ({
    ca: site.lab.read('ca.crt'),
    cert: site.lab.read('stranger.crt'),
    key: site.lab.read('stranger.key'),
  }),
  'when the server is of another authority': (site) => ({ ...site.pems('mutual')!, ca: site.lab.read('other-ca.crt') }),
}

for (const mode of MODES) {
  t.test(`npm etcd3, ${mode}`, { skip: missingOpenssl }, async (t) => {
    const site = new Site(t)
    const { url } = await site.start(mode)
    const pems = site.pems(mode)
    const credentials =
      pems === undefined
        ? undefined
        : {
            rootCertificate: pems.ca,
            ...(pems.cert !== undefined && pems.key !== undefined && { certChain: pems.cert, privateKey: pems.key }),
          }
    const client = site.workbench.own(new Etcd3({ hosts: url, ...(credentials !== undefined && { credentials }) }))
    await client.put('a').value('1')
    t.equal(await client.get('a').string(), '1')
    const seen: string[] = []
    const watcher = await client.watch().prefix('w/').create()
    watcher.on('put', (kv) => seen.push(kv.value.toString()))
    await client.put('w/1').value('one')
    await waitFor('the event', () => seen.length === 1)
    await watcher.cancel()
    const lease = client.lease(30)
    await lease.put('leased').value('x')
    await lease.revoke()
    t.same(await client.getAll().keys(), ['a', 'w/1'])
    await Promise.all(Array.from({ length: 200 }, (_, i) => client.put(`many/${i}`).value('x'.repeat(5000))))
    t.equal((await client.getAll().prefix('many/').keys()).length, 200)
  })

  t.test(`@grpc/grpc-js, ${mode}`, { skip: missingOpenssl }, async (t) => {
    const site = new Site(t)
    const { endpoint } = await site.start(mode)
    const client = site.workbench.own(new GrpcClient(endpoint, { tls: site.pems(mode) }))
    const value = Buffer.alloc(1_000_000, 'v')
    await client.call('KV/Put', { key: Buffer.from('large'), value })
    const { kvs } = await client.call<RangeResponse>('KV/Range', { key: Buffer.from('large') })
    t.ok(kvs[0]?.value.equals(value), 'a megabyte there and back')
    const watch = client.stream<WatchResponse>('Watch/Watch')
    watch.send({ create_request: { key: Buffer.from('k'), range_end: Buffer.from('l') } })
    t.equal((await watch.next())?.created, true)
    const keys = Array.from({ length: 500 }, (_, i) => Buffer.from(`k${i}`))
    await Promise.all(keys.map((key) => client.call('KV/Put', { key, value: key })))
    let events = 0
    while (events < keys.length) events += (await watch.next())?.events.length ?? 0
    t.equal(events, keys.length)
    watch.cancel()
  })

  t.test(`Python etcd3, ${mode}`, { skip: noPython }, async (t) => {
    const site = new Site(t)
    const { clientPort } = await site.start(mode)
    const { code, stdout, stderr } = await python(site, mode, clientPort)
    t.equal(code, 0, stderr)
    t.same(JSON.parse(stdout), {
      get: '1',
      list: 300,
      deleted: 300,
      txn: [true, '2'],
      replace: [true, false],
      events: ['PutEvent', 'DeleteEvent'],
      ttl: 60,
      leased: null,
      lock: true,
      members: ['default'],
    })
  })
}

t.test('connections that must not come about', { skip: missingOpenssl }, async (t) => {
  const site = new Site(t)
  const { endpoint } = await site.start('mutual')
  for (const [rule, options] of Object.entries(REFUSED)) {
    const client = site.workbench.own(new GrpcClient(endpoint, { tls: options(site), timeoutMs: 5000 }))
    const outcome = await client.attempt('KV/Range', { key: Buffer.from('a') })
    t.equal(outcome.ok, false, rule)
    t.match(outcome, { failure: { code: 14 } }, rule)
  }
  const other = await site.start('tls', { pair: 'elsewhere' })
  const client = site.workbench.own(new GrpcClient(other.endpoint, { tls: site.pems('tls'), timeoutMs: 5000 }))
  const outcome = await client.attempt('KV/Range', { key: Buffer.from('a') })
  t.match(outcome, { ok: false, failure: { code: 14 } }, 'a server of another name')
})

t.test('Python etcd3 is refused without its certificate', { skip: noPython }, async (t) => {
  const site = new Site(t)
  const { clientPort } = await site.start('mutual')
  const { code, stderr } = await python(site, 'tls', clientPort)
  t.equal(code, 1)
  t.match(stderr, /etcd3\.exceptions\.ConnectionFailedError/)
})

const python = (site: Site, mode: Mode, port: number) => {
  const { ca, cert, key } = site.files(mode)
  const script = join(repositoryRoot, 'test/clients/session.py')
  const files = [ca, cert, key].filter((path) => path !== undefined)
  return site.runPath(PYTHON, [script, '127.0.0.1', String(port), ...files])
}
