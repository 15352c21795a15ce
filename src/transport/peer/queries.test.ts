import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { Client, Metadata, credentials } from '@grpc/grpc-js'
import { PeerUnavailable, type UnaryCall, unaryMethod } from '../../env/index.js'
import { quoratepeer } from '../../proto/index.js'
import { PEER_LIMITS } from './limits.js'
import { guardedQueries } from './queries.js'
import { CLUSTER, HandClock, type TestMember, connected, join, startMember, until } from './testing.js'

const { QueryService } = quoratepeer
const { version, leaseRenew } = QueryService.methods

/** Answers `version` at once, and `leaseRenew` when it is told to. */
const asked = async (t: { teardown(run: () => unknown): void }, clock?: HandClock) => {
  const hanging: UnaryCall<quoratepeer.LeaseRenewResponse>[] = []
  const removed = new Set<bigint>()
  const a = await startMember(1, clock === undefined ? {} : { clock })
  const b = await startMember(2, {
    services: () => [
      guardedQueries(
        {
          name: QueryService.name,
          methods: [
            unaryMethod({
              ...version,
              handle: (_request, call: UnaryCall<quoratepeer.VersionResponse>) => {
                const answer = new quoratepeer.VersionResponse()
                answer.server = '3.7.0'
                call.respond(answer)
              },
            }),
            unaryMethod({
              ...leaseRenew,
              handle: (_request: quoratepeer.LeaseRenewRequest, call: UnaryCall<quoratepeer.LeaseRenewResponse>) =>
                void hanging.push(call),
            }),
          ],
        },
        { memberId: 2n as never, clusterId: CLUSTER, isRemoved: (id) => removed.has(id) },
      ),
    ],
  })
  t.teardown(() => Promise.all([a.close(), b.close()]))
  join(a, b)
  await connected(a, b)
  return { a, b, hanging, removed }
}

const ask = (from: TestMember, to: TestMember) =>
  from.network.query(to.id, version, new quoratepeer.VersionRequest(), 5000)
const renew = (from: TestMember, to: TestMember, timeoutMs = 5000) =>
  from.network.query(to.id, leaseRenew, new quoratepeer.LeaseRenewRequest(), timeoutMs)

t.test('a question is answered', async (t) => {
  const { a, b } = await asked(t)
  t.equal((await ask(a, b)).server, '3.7.0')
  await t.rejects(ask(b, a), PeerUnavailable, 'who does not offer the service')
  await t.rejects(a.network.query(9n as never, version, new quoratepeer.VersionRequest(), 10), PeerUnavailable)
})

t.test('time is up', async (t) => {
  const clock = new HandClock()
  const { a, b, hanging } = await asked(t, clock)
  const answer = renew(a, b, 700)
  const failed = t.rejects(answer, { name: 'PeerUnavailable', message: 'no answer in time' })
  await until(() => hanging.length === 1)
  clock.advance(699)
  t.equal(hanging[0]!.canceled, false)
  clock.advance(1)
  await failed
  await until(() => hanging[0]!.canceled)
})

t.test('after a question without an answer the next one dials, and those under way go on', async (t) => {
  const { a, b, hanging } = await asked(t)
  const patient = renew(a, b)
  await until(() => hanging.length === 1)
  await t.rejects(renew(a, b, 20), { message: 'no answer in time' })
  hanging[0]!.respond(new quoratepeer.LeaseRenewResponse())
  await patient

  const silent = createServer((socket) => void socket.resume())
  t.teardown(() => silent.close())
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo
  const c = await startMember(3)
  t.teardown(() => c.close())
  c.network.setPeers([{ id: b.id, urls: [`http://127.0.0.1:${port}`, b.url] }], [])
  await t.rejects(c.network.query(b.id, version, new quoratepeer.VersionRequest(), 50), {
    message: 'no answer in time',
  })
  t.equal((await ask(c, b)).server, '3.7.0', 'at the next address')
})

t.test('so many wait, and no more', async (t) => {
  const { a, b, hanging } = await asked(t)
  const waiting = Array.from({ length: PEER_LIMITS.queries }, () => renew(a, b))
  await t.rejects(renew(a, b), { name: 'PeerUnavailable', message: 'too many questions wait for an answer' })
  await until(() => hanging.length === PEER_LIMITS.queries)
  for (const call of hanging) call.respond(new quoratepeer.LeaseRenewResponse())
  await Promise.all(waiting)
  const last = renew(a, b)
  await until(() => hanging.length === PEER_LIMITS.queries + 1)
  const closed = t.rejects(last, { name: 'PeerUnavailable', message: 'the link is closed' })
  await a.network.close()
  await closed
  await t.rejects(renew(a, b), PeerUnavailable)
})

t.test('a member that went away is reached again when it is back', async (t) => {
  const { a, b } = await asked(t)
  await b.close()
  await t.rejects(ask(a, b), PeerUnavailable)
  const again = await startMember(2, { port: b.port })
  t.teardown(() => again.close())
  await connected(a, again)
  await t.rejects(ask(a, b), /unknown service/, 'it answers, though it does not know')
})

t.test('only members that mean this one are answered', async (t) => {
  const { b, removed } = await asked(t)
  const client = new Client(b.url.slice(7), credentials.createInsecure())
  t.teardown(() => client.close())
  const call = (fields: Record<string, string>): Promise<string> => {
    const metadata = new Metadata()
    for (const [name, value] of Object.entries(fields)) metadata.set(name, value)
    return new Promise((resolve) => {
      const bytes = (): Buffer => Buffer.alloc(0)
      client.makeUnaryRequest(`/${QueryService.name}/${version.name}`, bytes, bytes, {}, metadata, (error) =>
        resolve(error === null ? 'ok' : `${error.code} ${error.details}`),
      )
    })
  }
  const right = { 'quorate-cluster-id': 'c1', 'quorate-from-id': '1', 'quorate-to-id': '2' }
  t.equal(await call(right), 'ok')
  t.equal(await call({}), '9 cluster ID mismatch')
  t.equal(await call({ ...right, 'quorate-cluster-id': 'c2' }), '9 cluster ID mismatch')
  t.equal(await call({ ...right, 'quorate-cluster-id': 'c1 ' + 'f'.repeat(40) }), '9 cluster ID mismatch')
  t.equal(await call({ ...right, 'quorate-from-id': 'nobody' }), '9 cluster ID mismatch')
  t.equal(await call({ ...right, 'quorate-to-id': '3' }), '9 wrong to field')
  removed.add(1n)
  t.equal(await call(right), '7 the member has been permanently removed from the cluster')
})

t.test('streams cannot be guarded', (t) => {
  const guard = { memberId: 1n as never, clusterId: CLUSTER, isRemoved: () => false }
  const stream = { kind: 'bidi_stream', name: 'Chat' } as never
  t.throws(() => guardedQueries({ name: 'x', methods: [stream] }, guard), TypeError)
  t.end()
})
