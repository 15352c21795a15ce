// The npm client `etcd3`, unchanged, on our server: what a Node.js program does with etcd.
import { Etcd3, type IOptions } from 'etcd3'
import t, { type Test } from 'tap'
import { waitFor } from '../support/wait.js'
import { Workbench } from '../support/workbench.js'

const open = async (t: Test, options: Partial<IOptions> = {}) => {
  const workbench = new Workbench(t)
  const server = await workbench.start('quorate')
  const client = workbench.own(new Etcd3({ hosts: server.endpoint, ...options }))
  return { workbench, server, client }
}

t.test('keys: put, get, lists, deletes, transactions', async (t) => {
  const { client } = await open(t)
  await client.put('a').value('1')
  await client.put('b').value(2)
  t.equal(await client.get('a').string(), '1')
  t.equal(await client.get('b').number(), 2)
  t.equal(await client.get('none').string(), null)
  t.same(await client.getAll().strings(), { a: '1', b: '2' })
  t.same(await client.getAll().prefix('a').keys(), ['a'])
  t.equal(await client.getAll().count(), 2)
  const touched = await client
    .if('a', 'Value', '==', '1')
    .then(client.put('a').value('3'))
    .else(client.get('a'))
    .commit()
  t.equal(touched.succeeded, true)
  const refused = await client
    .if('a', 'Version', '==', 1)
    .then(client.put('a').value('4'))
    .else(client.get('a'))
    .commit()
  t.equal(refused.succeeded, false)
  t.equal(refused.responses[0]?.response_range?.kvs[0]?.value.toString(), '3')
  await client.delete().key('a')
  t.equal(
    await client
      .delete()
      .all()
      .then(({ deleted }) => deleted),
    '1',
  )
})

t.test('namespaces see only their own keys', async (t) => {
  const { client } = await open(t)
  const inner = client.namespace('users/')
  await inner.put('ann').value('x')
  await client.put('other').value('y')
  t.same(await inner.getAll().strings(), { ann: 'x' })
  t.equal(await client.get('users/ann').string(), 'x')
  await inner.delete().all()
  t.same(await client.getAll().keys(), ['other'])
})

t.test('a watcher goes on through a restart of the server and misses nothing', async (t) => {
  const { server, client } = await open(t)
  const seen: string[] = []
  const watcher = await client.watch().prefix('w/').create()
  watcher.on('put', (kv) => seen.push(kv.value.toString()))
  watcher.on('delete', (kv) => seen.push(`-${kv.key.toString()}`))
  await client.put('w/1').value('one')
  await waitFor('the first event', () => seen.length === 1)
  await server.kill()
  await server.restart()
  await waitFor('a write after the restart', async () => {
    try {
      await client.put('w/2').value('two')
      return true
    } catch {
      return false // The client still finds out that its connection is gone.
    }
  })
  await client.delete().key('w/1')
  await waitFor('the events after the restart', () => seen.includes('-w/1'))
  t.same([...new Set(seen)], ['one', 'two', '-w/1'])
  await watcher.cancel()
})

t.test('leases: keys live while they are kept alive and go when they are revoked', async (t) => {
  const { client } = await open(t)
  const lease = client.lease(2)
  await lease.put('leased').value('x')
  await new Promise((resolve) => setTimeout(resolve, 4000))
  t.equal(await client.get('leased').string(), 'x', 'kept alive beyond its TTL')
  await lease.revoke()
  t.equal(await client.get('leased').string(), null)
  const short = client.lease(2, { autoKeepAlive: false })
  await short.put('short').value('x')
  await waitFor('expiry', async () => (await client.get('short').string()) === null)
})

t.test('a lock is held by one and passed on', async (t) => {
  const { client } = await open(t)
  const first = client.lock('resource').ttl(5)
  await first.acquire()
  await t.rejects(client.lock('resource').ttl(5).acquire(), /lock/i)
  await first.release()
  const second = client.lock('resource').ttl(5)
  await second.acquire()
  await second.release()
  t.equal(await client.getAll().count(), 0, 'nothing is left behind')
})

t.test('an election has one leader, and the next candidate follows', async (t) => {
  const { client } = await open(t)
  const election = client.election('job', 5)
  const first = election.campaign('one')
  await new Promise<void>((resolve, reject) => first.on('elected', resolve).on('error', reject))
  const second = election.campaign('two')
  let secondElected = false
  second.on('elected', () => (secondElected = true)).on('error', (error) => t.fail(error.message))
  await waitFor('the leader', async () => (await election.leader()) === 'one')
  t.equal(secondElected, false)
  await first.resign()
  await waitFor('the second leader', () => secondElected)
  t.equal(await election.leader(), 'two')
  await second.resign()
})

t.test('software transactional memory retries until nobody interfered', async (t) => {
  const { client } = await open(t)
  await client.put('counter').value(0)
  const increment = () =>
    client.stm({ retries: 50 }).transact(async (tx) => {
      const value = Number(await tx.get('counter').string())
      await tx.put('counter').value(value + 1)
    })
  await Promise.all(Array.from({ length: 8 }, increment))
  t.equal(await client.get('counter').number(), 8)
})
