import t from 'tap'
import { GrpcClient } from './grpc-client.js'
import type { RangeResponse } from './messages.js'
import { freePort } from './ports.js'
import { SeededRandom } from './random.js'
import { findTool } from './repository.js'
import { Workbench } from './workbench.js'
import { etcdctl, EtcdctlSession } from './etcdctl.js'

t.test('one seed gives one sequence, spread over its range', async (t) => {
  const draw = (seed: number) => {
    const random = new SeededRandom(seed)
    return Array.from({ length: 1000 }, () => random.below(10))
  }
  t.same(draw(7), draw(7))
  t.notSame(draw(7), draw(8))
  t.equal(new Set(draw(7)).size, 10)
  const random = new SeededRandom(1)
  const shares = new Map<string, number>()
  for (let i = 0; i < 4000; i++) {
    const name = random.weighted([
      [3, 'often'],
      [1, 'seldom'],
    ])
    shares.set(name, (shares.get(name) ?? 0) + 1)
  }
  t.ok(shares.get('often')! > 2800 && shares.get('often')! < 3200, 'weights hold')
})

t.test('free ports are below those of outgoing connections, and each is given once', async (t) => {
  const ports = await Promise.all(Array.from({ length: 400 }, () => freePort()))
  t.ok(ports.every((port) => port >= 12_000 && port < 32_000))
  t.equal(new Set(ports).size, ports.length)
})

t.test('a real server is started, talked to, killed and restarted', { skip: !findTool('etcd') }, async (t) => {
  const workbench = new Workbench(t)
  const server = await workbench.start('reference')
  const client = workbench.own(new GrpcClient(server.endpoint))
  await client.call('KV/Put', { key: Buffer.from('k'), value: Buffer.from('v') })
  const before = await client.call<RangeResponse>('KV/Range', { key: Buffer.from('k') })
  t.equal(before.kvs[0]?.value.toString(), 'v')
  const refused = await client.attempt('KV/Put', { key: Buffer.alloc(0) })
  t.match(refused, { ok: false, failure: { code: 3, details: 'etcdserver: key is not provided' } })
  t.equal((await etcdctl(server.endpoint, ['get', 'k', '--print-value-only'])).stdout, 'v\n')
  const session = workbench.own(new EtcdctlSession(server.endpoint, ['watch', '-i']))
  session.say('watch k --rev 1')
  await session.expect(/PUT\nk\nv\n/)
  t.ok(server.residentBytes() > 1e6)
  await server.kill()
  await server.restart()
  const after = await client.call<RangeResponse>('KV/Range', { key: Buffer.from('k') })
  t.equal(after.kvs[0]?.value.toString(), 'v')
  const { pid } = server
  await workbench.close()
  t.throws(() => process.kill(pid, 0), 'the process is gone')
})
