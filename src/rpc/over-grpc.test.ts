// The services with their real codecs behind the real client port, asked by a grpc-js client.
import { Client, Metadata, type ServiceError, credentials } from '@grpc/grpc-js'
import t from 'tap'
import type { LeaseId } from '../base/index.js'
import { parsePeerUrls } from '../config/index.js'
import { type Clock, type Codec, silentLogger } from '../env/index.js'
import { errors, etcdserverpb, healthpb } from '../proto/index.js'
import { ClientPort, createGrpcServer, listenSpecs } from '../transport/index.js'
import { HealthState } from './health.js'
import { RequestGate } from './request-gate.js'
import { createServices } from './services.js'
import { FakeMember, bytes, make } from './testing.js'

const { KVService, LeaseService, MaintenanceService, WatchService } = etcdserverpb

const clock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs).unref()
    return { cancel: () => clearTimeout(timer) }
  },
  every: (periodMs, callback) => {
    const timer = setInterval(callback, periodMs).unref()
    return { cancel: () => clearInterval(timer) }
  },
  soon: (callback) => void setImmediate(callback),
  afterCallback: (callback) => queueMicrotask(callback),
  yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
}

const MAX_REQUEST_BYTES = 1.5 * 1024 * 1024

interface Descriptor<Req, Res> {
  readonly name: string
  readonly request: Codec<Req>
  readonly response: Codec<Res>
}

const encodeWith =
  <T>(codec: Codec<T>) =>
  (message: T): Buffer =>
    Buffer.from(codec.encode(message))
const decodeWith =
  <T>(codec: Codec<T>) =>
  (received: Buffer): T =>
    codec.decode(received, 0, received.length)

async function setUp() {
  const member = new FakeMember()
  const gate = new RequestGate({ member, clock, electionTimeoutMs: 20 })
  gate.open()
  const health = new HealthState()
  const services = createServices({
    member,
    clock,
    txnOpsMax: 128,
    parsePeerUrls,
    requestBytesMax: MAX_REQUEST_BYTES,
    health,
  })
  const port = new ClientPort({
    specs: listenSpecs(['http://127.0.0.1:0']),
    tls: undefined,
    clock,
    logger: silentLogger,
    endpoint: 'client',
    connectionsMax: 100,
  })
  await port.open()
  const grpc = createGrpcServer({
    services,
    clock,
    gate,
    receiveBytesMax: MAX_REQUEST_BYTES + 524_288,
    concurrentStreamsMax: 2 ** 32 - 1,
    keepaliveTimeMs: 7_200_000,
    keepaliveTimeoutMs: 20_000,
    keepaliveMinTimeMs: 5000,
    stoppedStatus: errors.stopped,
  })
  port.serve({ grpc })
  const client = new Client(`127.0.0.1:${port.listeners[0]!.port}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
  })
  const unary = <Req, Res>(
    service: { readonly name: string },
    method: Descriptor<Req, Res>,
    request: Req,
    metadata = new Metadata(),
  ): Promise<Res | string> =>
    new Promise((resolve) => {
      client.makeUnaryRequest(
        `/${service.name}/${method.name}`,
        encodeWith(method.request),
        decodeWith(method.response),
        request,
        metadata,
        (error: ServiceError | null, response?: Res) =>
          resolve(error === null ? response! : `${error.code} ${error.details}`),
      )
    })
  const bidi = <Req, Res>(
    service: { readonly name: string },
    method: Descriptor<Req, Res>,
    metadata = new Metadata(),
  ) =>
    client.makeBidiStreamRequest<Req, Res>(
      `/${service.name}/${method.name}`,
      encodeWith(method.request),
      decodeWith(method.response),
      metadata,
    )
  const close = async (): Promise<void> => {
    gate.close()
    client.close()
    await port.close(500)
  }
  return { member, grpc, gate, health, port, client, unary, bidi, close }
}

const next = <T>(stream: { once(event: 'data', listener: (message: T) => void): unknown }): Promise<T> =>
  new Promise((resolve) => stream.once('data', resolve))
const statusOf = (stream: NodeJS.EventEmitter): Promise<string> =>
  new Promise((resolve) => {
    stream.on('error', () => undefined)
    stream.on('data', () => undefined)
    stream.on('status', ({ code, details }: { code: number; details: string }) =>
      resolve(code === 0 ? '0 OK' : `${code} ${details}`),
    )
  })
const until = async (condition: () => boolean): Promise<void> => {
  for (let i = 0; i < 2000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 1))
  if (!condition()) throw new Error(`never came true: ${condition.toString()}`)
}

t.test('a write and a read', async (t) => {
  const { member, unary, close } = await setUp()
  t.teardown(close)
  const put = unary(
    KVService,
    KVService.methods.put,
    make(etcdserverpb.PutRequest, { key: bytes('k'), value: bytes('v') }),
  )
  await until(() => member.proposals.length === 1)
  t.same(Buffer.from(member.proposals[0]!.request.put!.value).toString(), 'v')
  member.put('k', 'v')
  const header = make(etcdserverpb.ResponseHeader, { revision: member.revision })
  member.apply({ response: make(etcdserverpb.PutResponse, { header }) })
  t.match(await put, { header: { clusterId: 0xdefn, memberId: 0xabcn, revision: 2, raftTerm: 4 } })
  const range = await unary(KVService, KVService.methods.range, make(etcdserverpb.RangeRequest, { key: bytes('k') }))
  t.match(range, { count: 1, header: { revision: 2 } })
})

t.test('errors arrive with code and text', async (t) => {
  const { client, member, unary, close } = await setUp()
  t.teardown(close)
  const { put, txn } = KVService.methods
  t.equal(await unary(KVService, put, new etcdserverpb.PutRequest()), '3 etcdserver: key is not provided')
  const dup = make(etcdserverpb.RequestOp, { requestPut: make(etcdserverpb.PutRequest, { key: bytes('a') }) })
  t.equal(
    await unary(KVService, txn, make(etcdserverpb.TxnRequest, { success: [dup, dup] })),
    '3 etcdserver: duplicate key given in txn request',
  )
  const waiting = unary(KVService, put, make(etcdserverpb.PutRequest, { key: bytes('a') }))
  await until(() => member.proposals.length === 1)
  member.proposals.shift()!.waiter.onFailed(errors.tooManyRequests)
  t.equal(await waiting, '2 etcdserver: too many requests', 'the wire code differs from the catalogue of etcd')
  const large = make(etcdserverpb.PutRequest, { key: bytes('a'), value: new Uint8Array(MAX_REQUEST_BYTES + 524_288) })
  const size = put.request.encode(large).length
  t.equal(await unary(KVService, put, large), `8 grpc: received message larger than max (${size} vs. 2097152)`)
  const malformed = { ...put, request: { ...put.request, encode: () => Buffer.from([0x0a, 0x7f, 1]) } }
  t.equal(
    await unary(KVService, malformed, new etcdserverpb.PutRequest()),
    '13 grpc: error unmarshalling request: proto: cannot parse invalid wire-format data',
  )
  const unbuilt = { ...MaintenanceService.methods.status, name: 'Nonesuch' }
  t.equal(
    await unary(MaintenanceService, unbuilt, new etcdserverpb.StatusRequest()),
    '12 unknown method Nonesuch for service etcdserverpb.Maintenance',
  )
  const { range } = KVService.methods
  member.loseLeader()
  const leader = new Metadata()
  leader.set('hasleader', 'true')
  t.equal(
    await unary(KVService, range, make(etcdserverpb.RangeRequest, { key: bytes('a') }), leader),
    '14 etcdserver: no leader',
  )
  t.ok(client)
})

t.test('a streamed range of a megabyte equals the range', async (t) => {
  const { client, member, unary, close } = await setUp()
  t.teardown(close)
  for (let i = 0; i < 3000; i++) member.put(`k${i}`, 'x'.repeat(400 + (i % 7)))
  const request = make(etcdserverpb.RangeRequest, { key: bytes('\0'), rangeEnd: bytes('\0') })
  const { rangeStream, range } = KVService.methods
  const stream = client.makeServerStreamRequest(
    `/${KVService.name}/RangeStream`,
    encodeWith(rangeStream.request),
    decodeWith(rangeStream.response),
    request,
  )
  const kvs: Uint8Array[] = []
  let last: etcdserverpb.RangeResponse | undefined
  let pieces = 0
  stream.on('data', ({ rangeResponse }: etcdserverpb.RangeStreamResponse) => {
    pieces++
    kvs.push(...rangeResponse!.kvs)
    last = rangeResponse
  })
  t.equal(await statusOf(stream), '0 OK')
  const whole = (await unary(KVService, range, request)) as etcdserverpb.RangeResponse
  t.ok(pieces > 3, `${pieces} pieces`)
  t.ok(Buffer.concat(kvs).equals(Buffer.concat(whole.kvs)))
  t.same({ ...last, kvs: [] }, { ...whole, kvs: [] })
})

t.test('a watch stream: requests, responses, half-close, loss of the leader', async (t) => {
  const { member, gate, bidi, close } = await setUp()
  t.teardown(close)
  const leader = new Metadata()
  leader.set('hasleader', 'true')
  const stream = bidi(WatchService, WatchService.methods.watch, leader)
  const created = next<etcdserverpb.WatchResponse>(stream)
  stream.write(
    make(etcdserverpb.WatchRequest, {
      createRequest: make(etcdserverpb.WatchCreateRequest, { key: bytes('a'), watchId: -7n }),
    }),
  )
  await until(() => member.watches[0]?.requests.length === 1)
  const watch = member.watches[0]!
  t.equal(watch.requests[0]!.createRequest!.watchId, -7n)
  watch.sink.send(make(etcdserverpb.WatchResponse, { header: member.header(), watchId: -7n, created: true }))
  t.match(await created, { created: true, watchId: -7n, header: { revision: 1 } })
  stream.end()
  const event = next<etcdserverpb.WatchResponse>(stream)
  await new Promise((resolve) => setTimeout(resolve, 5))
  watch.sink.send(make(etcdserverpb.WatchResponse, { watchId: -7n, events: [bytes('\x08\x01')] }))
  t.match(await event, { watchId: -7n, events: [{ length: 2 }] }, 'events go on after the half-close')
  t.equal(gate.watchedCount, 1)
  const status = statusOf(stream)
  member.loseLeader()
  t.equal(await status, '14 etcdserver: no leader')
  t.equal(watch.closes, 1)
  t.equal(gate.watchedCount, 0)
})

t.test('renewals in order; half-close ends with OK', async (t) => {
  const { member, bidi, close } = await setUp()
  t.teardown(close)
  member.leases.ttl = 60
  const stream = bidi(LeaseService, LeaseService.methods.leaseKeepAlive)
  const ids: bigint[] = []
  stream.on('data', ({ id, ttl }: etcdserverpb.LeaseKeepAliveResponse) => ttl === 60 && ids.push(id))
  const status = statusOf(stream)
  for (const id of [1n, -2n, 2n ** 62n]) stream.write(make(etcdserverpb.LeaseKeepAliveRequest, { id: id as LeaseId }))
  stream.end()
  t.equal(await status, '0 OK')
  t.same(ids, [1n, -2n, 2n ** 62n])
})

t.test('status and health', async (t) => {
  const { unary, close } = await setUp()
  t.teardown(close)
  const status = await unary(MaintenanceService, MaintenanceService.methods.status, new etcdserverpb.StatusRequest())
  t.match(status, { version: '3.7.1', leader: 0xabcn, dbSizeQuota: 2147483648 })
  const { HealthService } = healthpb
  t.match(await unary(HealthService, HealthService.methods.check, new healthpb.HealthCheckRequest()), { status: 1 })
  t.equal(
    await unary(HealthService, HealthService.methods.check, make(healthpb.HealthCheckRequest, { service: 'x' })),
    '5 unknown service',
  )
})

t.test('stopping ends watch streams with "server stopped", which clients take for a reason to reconnect', async (t) => {
  const { member, port, bidi, close } = await setUp()
  t.teardown(close)
  const stream = bidi(WatchService, WatchService.methods.watch)
  const status = statusOf(stream)
  stream.write(make(etcdserverpb.WatchRequest, { progressRequest: {} }))
  await until(() => member.watches[0]?.requests.length === 1)
  await port.close(5000)
  t.equal(await status, '14 etcdserver: server stopped')
  t.equal(member.watches[0]!.closes, 1)
})
