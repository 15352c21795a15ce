import t from 'tap'
import type { LeaseId, MemberId } from '../base/index.js'
import { parsePeerUrls } from '../config/index.js'
import type { Method, StreamHandler } from '../env/index.js'
import { errors, etcdserverpb, healthpb } from '../proto/index.js'
import { HealthState } from './health.js'
import { createServices } from './services.js'
import { FakeMember, ManualClock, StreamProbe, UnaryProbe, bytes, make } from './testing.js'

const { AlarmType, RangeRequest, PutRequest, TxnRequest, RequestOp, LeaseKeepAliveRequest, WatchRequest } = etcdserverpb

const setUp = () => {
  const member = new FakeMember()
  const clock = new ManualClock()
  const health = new HealthState()
  const services = createServices({ member, clock, txnOpsMax: 4, requestBytesMax: 1000, health, parsePeerUrls })
  const method = (path: string): Method => {
    const [service, name] = path.split('/')
    const found = services.find((s) => s.name === service)?.methods.find((m) => m.name === name)
    if (found === undefined) throw new Error(`no ${path}`)
    return found
  }
  const unary = <Res>(path: string, request: unknown): UnaryProbe<Res> => {
    const probe = new UnaryProbe<Res>()
    const found = method(path)
    if (found.kind !== 'unary') throw new Error(path)
    found.handle(request, probe)
    return probe
  }
  const stream = <Res>(path: string): { call: StreamProbe<Res>; handler: StreamHandler<unknown> } => {
    const call = new StreamProbe<Res>()
    const found = method(path)
    if (found.kind === 'unary') throw new Error(path)
    return { call, handler: found.open(call) }
  }
  return { member, clock, health, services, method, unary, stream }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const header = (revision: number) => ({ clusterId: 0xdefn, memberId: 0xabcn, raftTerm: 4, revision })
const key = bytes('k')

t.test('only what is built is registered', async (t) => {
  const { services } = setUp()
  t.same(
    services.map(({ name, methods }) => `${name}: ${methods.map((m) => m.name).join(' ')}`),
    [
      'etcdserverpb.KV: Range RangeStream Put DeleteRange Txn Compact',
      'etcdserverpb.Watch: Watch',
      'etcdserverpb.Lease: LeaseGrant LeaseRevoke LeaseKeepAlive LeaseTimeToLive LeaseLeases',
      'etcdserverpb.Cluster: MemberAdd MemberRemove MemberUpdate MemberList MemberPromote',
      'etcdserverpb.Maintenance: Alarm Status Defragment Hash HashKV MoveLeader',
      'grpc.health.v1.Health: Check List Watch',
    ],
  )
  const endless = services.flatMap(({ methods }) =>
    methods.filter((m) => m.kind !== 'unary' && m.endless).map((m) => m.name),
  )
  t.same(endless, ['Watch', 'LeaseKeepAlive', 'Watch'])
})

t.test('KV.Range: checks, barrier, answer', async (t) => {
  const { member, unary } = setUp()
  member.put('k', 'v')
  const range = (fields: Partial<etcdserverpb.RangeRequest>) =>
    unary<etcdserverpb.RangeResponse>('etcdserverpb.KV/Range', make(RangeRequest, fields))
  t.equal(range({}).status, errors.emptyKey)
  t.match(range({ key }).answer, { header: header(2), count: 1, more: false })
  t.equal(range({ key, revision: 9 }).status, errors.futureRevision)

  member.barriers = []
  const waiting = range({ key })
  t.equal(waiting.answer, undefined)
  t.equal(range({ key, serializable: true }).answer?.count, 1, 'serializable reads wait for nothing')
  member.put('k2', 'v')
  member.barriers.shift()!.onReady()
  t.match(waiting.answer, { header: header(3) }, 'the header is of the time of reading')

  const left = range({ key })
  left.canceled = true
  const reads = member.reads.length
  member.barriers.shift()!.onReady()
  t.equal(member.reads.length, reads, 'a client that left is not read for')

  member.barrierFailure = errors.leaderChanged
  t.equal(range({ key }).status, errors.leaderChanged)
  t.equal(range({ key: bytes('') }).status, errors.emptyKey, 'checks come before the barrier')
})

t.test('KV.Put: room before checks, then the log', async (t) => {
  const { member, unary } = setUp()
  const put = (fields: Partial<etcdserverpb.PutRequest>) =>
    unary<etcdserverpb.PutResponse>('etcdserverpb.KV/Put', make(PutRequest, fields))
  member.hasRoom = false
  t.equal(put({}).status, errors.noSpace)
  member.hasRoom = true
  t.equal(put({}).status, errors.emptyKey)
  t.equal(member.proposals.length, 0)

  const done = put({ key })
  t.match(member.proposals[0]!.request, { put: { key } })
  const response = make(etcdserverpb.PutResponse, { header: make(etcdserverpb.ResponseHeader, { revision: 7 }) })
  member.apply({ response })
  t.match(done.answer, { header: header(7) })
  const refused = put({ key })
  member.apply({ status: errors.leaseNotFound })
  t.equal(refused.status, errors.leaseNotFound)
  const failed = put({ key })
  member.proposals.shift()!.waiter.onFailed(errors.tooManyRequests)
  t.equal(failed.status, errors.tooManyRequests)
})

t.test('KV.DeleteRange asks for no room', async (t) => {
  const { member, unary } = setUp()
  member.hasRoom = false
  const path = 'etcdserverpb.KV/DeleteRange'
  t.equal(unary(path, new etcdserverpb.DeleteRangeRequest()).status, errors.emptyKey)
  const call = unary<etcdserverpb.DeleteRangeResponse>(path, make(etcdserverpb.DeleteRangeRequest, { key }))
  member.apply({ response: make(etcdserverpb.DeleteRangeResponse, { deleted: 3 }) })
  t.match(call.answer, { deleted: 3 })
})

t.test('KV.Txn: what goes through the log and what does not', async (t) => {
  const { member, unary } = setUp()
  const txn = (success: etcdserverpb.RequestOp[]) =>
    unary<etcdserverpb.TxnResponse>('etcdserverpb.KV/Txn', make(TxnRequest, { success }))
  const get = (serializable: boolean) => make(RequestOp, { requestRange: make(RangeRequest, { key, serializable }) })
  const put = make(RequestOp, { requestPut: make(PutRequest, { key }) })
  member.barriers = []

  t.match(txn([]).answer, { header: header(1) }, 'compares alone run on local state')
  t.match(txn([get(true)]).answer, { succeeded: true })
  const waiting = txn([get(false), get(true)])
  t.equal(waiting.answer, undefined)
  member.barriers.shift()!.onReady()
  t.match(waiting.answer, { succeeded: true })
  t.equal(member.readTxns, 3)

  const writing = txn([get(false), put])
  t.match(member.proposals[0]!.request, { txn: { success: [{}, {}] } })
  member.apply({
    response: make(etcdserverpb.TxnResponse, { header: make(etcdserverpb.ResponseHeader, { revision: 5 }) }),
  })
  t.match(writing.answer, { header: header(5) })
  txn([make(RequestOp, { requestTxn: new TxnRequest() })])
  t.equal(member.proposals.length, 1, 'nesting makes it a write')

  t.equal(txn([put, put]).status, errors.duplicateKey)
  t.equal(txn([get(true), get(true), get(true), get(true), get(true)]).status, errors.tooManyOps)
  member.hasRoom = false
  t.equal(txn([put, put]).status, errors.noSpace)
})

t.test('KV.Compact: physical waits for the sweep, refused or not', async (t) => {
  const { member, unary } = setUp()
  const compact = (physical: boolean) =>
    unary<etcdserverpb.CompactionResponse>(
      'etcdserverpb.KV/Compact',
      make(etcdserverpb.CompactionRequest, { revision: 3, physical }),
    )
  let finish: () => void = () => undefined
  const sweep = (): Promise<void> => new Promise((resolve) => (finish = resolve))
  const response = () =>
    make(etcdserverpb.CompactionResponse, { header: make(etcdserverpb.ResponseHeader, { revision: 9 }) })

  const quick = compact(false)
  member.apply({ response: response(), swept: sweep() })
  t.match(quick.answer, { header: header(9) })

  const slow = compact(true)
  member.apply({ response: response(), swept: sweep() })
  await settled()
  t.equal(slow.answer, undefined)
  finish()
  await settled()
  t.match(slow.answer, { header: header(9) })

  const refused = compact(true)
  member.apply({ status: errors.compacted, swept: sweep() })
  await settled()
  t.equal(refused.status, undefined)
  finish()
  await settled()
  t.equal(refused.status, errors.compacted)
  const failed = compact(true)
  member.proposals.shift()!.waiter.onFailed(errors.timeout)
  t.equal(failed.status, errors.timeout)
  const plain = compact(true)
  member.apply({ status: errors.futureRevision })
  t.equal(plain.status, errors.futureRevision)
})

t.test('Watch only forwards', async (t) => {
  const { member, stream } = setUp()
  const { call, handler } = stream<etcdserverpb.WatchResponse>('etcdserverpb.Watch/Watch')
  const watch = member.watches[0]!
  const request = make(WatchRequest, { createRequest: new etcdserverpb.WatchCreateRequest() })
  handler.onMessage(request)
  t.equal(watch.requests[0], request)
  const response = make(etcdserverpb.WatchResponse, { watchId: 4n })
  call.room = 1
  t.equal(watch.sink.send(response), false, 'back-pressure reaches the hub')
  t.equal(call.sent[0], response)
  handler.onDrain()
  t.equal(watch.drains, 1)
  handler.onHalfClose()
  t.equal(watch.closes, 0, 'a half-closed stream keeps its watchers')
  t.equal(call.ended, false)
  handler.onCancel('canceled')
  t.equal(watch.closes, 1)

  const greedy = stream('etcdserverpb.Watch/Watch')
  member.watches[1]!.sink.onOverflow()
  t.equal(greedy.call.status, errors.tooManyRequests)
  t.equal(member.watches[1]!.closes, 1)
})

t.test('Lease.LeaseGrant and LeaseRevoke', async (t) => {
  const { member, unary } = setUp()
  const grant = (fields: Partial<etcdserverpb.LeaseGrantRequest>) =>
    unary<etcdserverpb.LeaseGrantResponse>(
      'etcdserverpb.Lease/LeaseGrant',
      make(etcdserverpb.LeaseGrantRequest, fields),
    )
  grant({ ttl: 5 })
  t.equal(member.proposals[0]!.request.leaseGrant!.id, 77n, 'the server chooses an id')
  grant({ ttl: 5, id: -3n as LeaseId })
  t.equal(member.proposals[1]!.request.leaseGrant!.id, -3n)
  member.hasRoom = false
  t.equal(grant({}).status, errors.noSpace)
  const revoked = unary('etcdserverpb.Lease/LeaseRevoke', new etcdserverpb.LeaseRevokeRequest())
  t.match(member.proposals[2]!.request, { leaseRevoke: { id: 0n } })
  member.proposals[2]!.waiter.onFailed(errors.stopped)
  t.equal(revoked.status, errors.stopped)
})

t.test('Lease.LeaseKeepAlive answers one by one, in order', async (t) => {
  const { member, stream } = setUp()
  const { call, handler } = stream<etcdserverpb.LeaseKeepAliveResponse>('etcdserverpb.Lease/LeaseKeepAlive')
  const ask = (id: bigint): void => handler.onMessage(make(LeaseKeepAliveRequest, { id: id as LeaseId }))
  ask(1n)
  ask(2n)
  ask(3n)
  t.same(
    member.leases.renewals.map(({ id }) => id),
    [1n],
    'the next one waits for the first',
  )
  member.put('k', 'v')
  member.leases.renewals[0]!.waiter.onResult(10)
  t.match(call.sent, [{ id: 1n, ttl: 10, header: header(1) }], 'the header is from before the renewal')
  member.leases.renewals[1]!.waiter.onResult(0)
  t.match(call.sent[1], { id: 2n, ttl: 0, header: header(2) }, 'no such lease is no failure')
  handler.onHalfClose()
  t.equal(call.ended, false, 'what was asked is answered first')
  member.leases.renewals[2]!.waiter.onResult(7)
  t.equal(call.ended, true)
  t.equal(call.status, undefined)
  t.equal(call.sent.length, 3)
})

t.test('Lease.LeaseKeepAlive ends with the first failure', async (t) => {
  const { member, stream } = setUp()
  const { call, handler } = stream<etcdserverpb.LeaseKeepAliveResponse>('etcdserverpb.Lease/LeaseKeepAlive')
  const ask = (): void => handler.onMessage(new LeaseKeepAliveRequest())
  ask()
  ask()
  member.leases.renewals[0]!.waiter.onFailed(errors.notPrimaryLessor)
  t.equal(call.status, errors.notPrimaryLessor)
  ask()
  handler.onHalfClose()
  t.equal(member.leases.renewals.length, 1)
  t.equal(call.sent.length, 0)

  const idle = stream('etcdserverpb.Lease/LeaseKeepAlive')
  idle.handler.onHalfClose()
  t.equal(idle.call.ended, true)

  const gone = stream('etcdserverpb.Lease/LeaseKeepAlive')
  gone.handler.onMessage(new LeaseKeepAliveRequest())
  gone.handler.onCancel('transport')
  member.leases.renewals[1]!.waiter.onResult(3)
  t.equal(gone.call.sent.length, 0)
})

t.test('Lease.LeaseKeepAlive works off a long queue without recursion, and bounds it', async (t) => {
  const { member, stream } = setUp()
  const { call, handler } = stream<etcdserverpb.LeaseKeepAliveResponse>('etcdserverpb.Lease/LeaseKeepAlive')
  for (let i = 0; i < 50_000; i++) handler.onMessage(new LeaseKeepAliveRequest())
  member.leases.ttl = 5
  member.leases.renewals[0]!.waiter.onResult(5)
  t.equal(call.sent.length, 50_000)

  member.leases.ttl = undefined
  const greedy = stream('etcdserverpb.Lease/LeaseKeepAlive')
  for (let i = 0; i < 65_537; i++) greedy.handler.onMessage(new LeaseKeepAliveRequest())
  t.equal(greedy.call.status, undefined)
  greedy.handler.onMessage(new LeaseKeepAliveRequest())
  t.equal(greedy.call.status, errors.tooManyRequests)
})

t.test('Lease.LeaseTimeToLive and LeaseLeases', async (t) => {
  const { member, unary } = setUp()
  const path = 'etcdserverpb.Lease/LeaseTimeToLive'
  member.leases.left = { ttl: 3, grantedTtl: 10, keys: [key] }
  const ask = (fields: Partial<etcdserverpb.LeaseTimeToLiveRequest>) =>
    unary<etcdserverpb.LeaseTimeToLiveResponse>(path, make(etcdserverpb.LeaseTimeToLiveRequest, fields))
  t.match(ask({ id: 4n as LeaseId, keys: true }).answer, {
    header: header(1),
    id: 4n,
    ttl: 3,
    grantedTtl: 10,
    keys: [key],
  })
  t.match(ask({ id: 4n as LeaseId }).answer, { keys: [] })
  member.leases.left = { ttl: -1, grantedTtl: 0, keys: [] }
  t.match(ask({ id: 9n as LeaseId }).answer, { id: 9n, ttl: -1, grantedTtl: 0 }, 'unknown is no failure')
  member.leases.failure = errors.leaderChanged
  t.equal(ask({}).status, errors.leaderChanged)
  t.match(unary('etcdserverpb.Lease/LeaseLeases', {}).answer, { header: header(1), leases: [{ id: 9n }, { id: -1n }] })
})

t.test('Cluster.MemberList: sorted as unsigned, no revision, barrier only if asked', async (t) => {
  const { member, unary } = setUp()
  const list = (linearizable: boolean) =>
    unary<etcdserverpb.MemberListResponse>(
      'etcdserverpb.Cluster/MemberList',
      make(etcdserverpb.MemberListRequest, { linearizable }),
    )
  t.match(list(true).answer, { header: header(0), members: [{ id: 1n }, { id: 5n }, { id: 2n ** 64n - 1n }] })
  member.barrierFailure = errors.timeout
  t.equal(list(true).status, errors.timeout)
  t.equal(list(false).answer?.members.length, 3)
})

t.test('Maintenance.Status', async (t) => {
  const { member, unary } = setUp()
  const status = () => unary<etcdserverpb.StatusResponse>('etcdserverpb.Maintenance/Status', {}).answer
  t.match(status(), {
    header: header(1),
    version: '3.7.1',
    dbSize: 20480,
    dbSizeInUse: 16384,
    leader: 0xabcn,
    raftIndex: 12,
    raftAppliedIndex: 11,
    raftTerm: 4,
    errors: [],
    isLearner: false,
    storageVersion: '3.7.0',
    dbSizeQuota: 2147483648,
    downgradeInfo: { enabled: false, targetVersion: '' },
  })
  member.statusFacts = {
    dbSizeBytes: 0,
    quotaBytes: -1,
    alarms: [{ memberId: 10276657743932975437n as MemberId, alarm: AlarmType.NOSPACE }],
    downgrade: { enabled: true, targetVersion: '3.6.0' },
  }
  member.loseLeader()
  const bad = status()
  t.ok((bad?.dbSize ?? 0) > 0, 'etcdctl divides by it')
  t.match(bad, {
    leader: 0n,
    dbSizeQuota: -1,
    errors: ['etcdserver: no leader', 'memberID:10276657743932975437 alarm:NOSPACE'],
    downgradeInfo: { enabled: true, targetVersion: '3.6.0' },
  })
})

t.test('Maintenance: alarms, hashes, defragmentation', async (t) => {
  const { member, unary } = setUp()
  const alarm = unary<etcdserverpb.AlarmResponse>('etcdserverpb.Maintenance/Alarm', new etcdserverpb.AlarmRequest())
  t.ok(member.proposals[0]!.request.alarm, 'even asking goes through the log')
  member.apply({ response: new etcdserverpb.AlarmResponse() })
  t.same(alarm.answer?.alarms, [])

  const hash = unary('etcdserverpb.Maintenance/Hash', {})
  const hashKv = unary('etcdserverpb.Maintenance/HashKV', make(etcdserverpb.HashKVRequest, { revision: 0 }))
  const future = unary('etcdserverpb.Maintenance/HashKV', make(etcdserverpb.HashKVRequest, { revision: 99 }))
  const defragment = unary('etcdserverpb.Maintenance/Defragment', {})
  await settled()
  t.match(hash.answer, { header: header(1), hash: 42 })
  t.match(hashKv.answer, { header: header(9), hash: 7, compactRevision: -1, hashRevision: 3 })
  t.equal(future.status, errors.futureRevision)
  t.match(defragment.answer, { header: undefined })
  member.defragmentFailure = new Error('no space left')
  const failed = unary('etcdserverpb.Maintenance/Defragment', {})
  await settled()
  t.match(failed.status, { code: 2, message: 'no space left' })
})

t.test('Health: only the server as a whole is known', async (t) => {
  const { health, unary, stream } = setUp()
  const check = (service: string) =>
    unary<healthpb.HealthCheckResponse>('grpc.health.v1.Health/Check', make(healthpb.HealthCheckRequest, { service }))
  t.equal(check('').answer?.status, 1)
  t.match(check('etcdserverpb.KV').status, { code: 5, message: 'unknown service' })
  t.match(unary('grpc.health.v1.Health/List', {}).answer, { statuses: [{ key: '', value: { status: 1 } }] })

  const { call, handler } = stream<healthpb.HealthCheckResponse>('grpc.health.v1.Health/Watch')
  handler.onMessage(new healthpb.HealthCheckRequest())
  handler.onHalfClose()
  health.set(true)
  health.set(false)
  call.bufferedBytes = 5000
  health.set(true)
  health.set(false)
  health.set(true)
  call.bufferedBytes = 0
  handler.onDrain()
  t.same(
    call.sent.map(({ status }) => status),
    [1, 2, 1],
    'changes only, and the newest for one who did not read',
  )
  t.equal(health.watcherCount, 1)
  handler.onCancel('canceled')
  t.equal(health.watcherCount, 0)
  health.set(false)
  t.equal(call.sent.length, 3)
  t.equal(check('').answer?.status, 2)

  const other = stream<healthpb.HealthCheckResponse>('grpc.health.v1.Health/Watch')
  other.handler.onMessage(make(healthpb.HealthCheckRequest, { service: 'x' }))
  t.same(
    other.call.sent.map(({ status }) => status),
    [3],
  )
  t.equal(other.call.ended, false)
})
