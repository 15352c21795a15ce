import t from 'tap'
import type { MemberId } from '../base/index.js'
import { parsePeerUrls } from '../config/index.js'
import type { Service } from '../env/index.js'
import { errors, etcdserverpb, quoratepeer } from '../proto/index.js'
import { clusterService } from './cluster.js'
import { maintenanceService } from './maintenance.js'
import { peerQueryService } from './peer-queries.js'
import { FakeMember, UnaryProbe, make } from './testing.js'

const { MemberAddRequest, MemberPromoteRequest, MemberRemoveRequest, MemberUpdateRequest, MoveLeaderRequest } =
  etcdserverpb
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const id = (value: bigint) => value as MemberId

const setUp = (serviceOf: (member: FakeMember) => Service) => {
  const member = new FakeMember()
  const service = serviceOf(member)
  const ask = async <Res>(name: string, request: unknown): Promise<UnaryProbe<Res>> => {
    const probe = new UnaryProbe<Res>()
    const method = service.methods.find((one) => one.name === name)
    if (method?.kind !== 'unary') throw new Error(name)
    method.handle(request, probe)
    await settled()
    return probe
  }
  return { member, ask }
}

const cluster = () => setUp((member) => clusterService({ member, parsePeerUrls }))
/** Of this service: no revision. */
const header = { clusterId: 0xdefn, memberId: 0xabcn, raftTerm: 4, revision: 0 }

t.test('MemberAdd: URLs are checked, trimmed and sorted', async (t) => {
  const { member, ask } = cluster()
  const add = (peerUrls: string[], isLearner = false) =>
    ask<etcdserverpb.MemberAddResponse>('MemberAdd', make(MemberAddRequest, { peerUrls, isLearner }))
  const bad = [
    [],
    [''],
    ['127.0.0.1:2380'],
    ['http://host'],
    ['http://host:1/'],
    ['ftp://host:1'],
    ['http://a:1', 'nonsense'],
  ]
  for (const urls of bad) t.equal((await add(urls)).status, errors.memberBadUrls, JSON.stringify(urls))
  t.same(member.cluster.calls, [])
  const { answer } = await add([' http://b:1 ', 'unix://sock:1', 'HTTP://a:1'], true)
  t.same(member.cluster.calls, ['add http://a:1,http://b:1,unix://sock:1 true'])
  t.match(answer, { header, member: { id: 2n, isLearner: true }, members: [{ id: 2n }, { id: 9n }] })
  member.cluster.refusal = errors.notEnoughStarted
  t.equal((await add(['http://a:1'])).status, errors.notEnoughStarted)
})

t.test('MemberRemove, MemberUpdate, MemberPromote', async (t) => {
  const { member, ask } = cluster()
  const requests: [string, unknown, string][] = [
    ['MemberRemove', make(MemberRemoveRequest, { id: id(5n) }), 'remove 5'],
    // Nobody checks these URLs.
    ['MemberUpdate', make(MemberUpdateRequest, { id: id(5n), peerUrls: ['x', 'a'] }), 'update 5 x,a'],
    ['MemberPromote', make(MemberPromoteRequest, { id: id(5n) }), 'promote 5'],
  ]
  for (const [name, request, call] of requests) {
    const { answer } = await ask(name, request)
    t.equal(member.cluster.calls.at(-1), call)
    t.match(answer, { header, members: [{ id: 2n }, { id: 9n }] })
    member.cluster.refusal = errors.memberNotFound
    t.equal((await ask(name, request)).status, errors.memberNotFound)
    member.cluster.refusal = undefined
  }
})

t.test('MoveLeader: an empty answer, or why not; a client that leaves ends the wait', async (t) => {
  const { member, ask } = setUp(maintenanceService)
  const request = make(MoveLeaderRequest, { targetId: id(5n) })
  const call = await ask<etcdserverpb.MoveLeaderResponse>('MoveLeader', request)
  t.same([member.cluster.calls, call.answer?.header], [['move 5'], undefined])
  t.equal(member.cluster.signal?.aborted, false)
  call.leave()
  t.equal(member.cluster.signal?.aborted, true)
  member.cluster.refusal = errors.notLeader
  t.equal((await ask('MoveLeader', request)).status, errors.notLeader)
})

t.test('what other members ask', async (t) => {
  const { member, ask } = setUp(peerQueryService)
  const { QueryCode, HashKVRequest, LeaseRenewRequest, LeaseTimeToLiveRequest, PromoteMemberRequest, VersionRequest } =
    quoratepeer
  const ok = { code: QueryCode.OK, grpcCode: 0, error: '' }
  t.match((await ask('Version', new VersionRequest())).answer, { status: ok, server: '3.7.1', cluster: '3.7.0' })
  member.clusterVersion = undefined
  t.match((await ask('Version', new VersionRequest())).answer, { cluster: '' })

  member.leases.ttl = 12
  t.match((await ask('LeaseRenew', new LeaseRenewRequest())).answer, { status: ok, ttl: 12 })
  member.leases.ttl = undefined
  const renewal = await ask('LeaseRenew', new LeaseRenewRequest())
  member.leases.renewals[0]!.waiter.onFailed(errors.notPrimaryLessor)
  t.match(renewal.answer, { status: { code: QueryCode.NOT_LEADER, grpcCode: 2, error: 'not a primary lessor' } })

  member.leases.left = { ttl: 3, grantedTtl: 10, keys: [Buffer.from('k')] }
  t.match((await ask('LeaseTimeToLive', make(LeaseTimeToLiveRequest, { keys: true }))).answer, {
    status: ok,
    ttl: 3,
    grantedTtl: 10,
    keys: [{ length: 1 }],
  })
  member.leases.failure = errors.timeoutWaitAppliedIndex
  t.match((await ask('LeaseTimeToLive', new LeaseTimeToLiveRequest())).answer, {
    status: { code: QueryCode.APPLY_TIMEOUT },
  })

  const promote = make(PromoteMemberRequest, { id: id(5n) })
  t.match((await ask('PromoteMember', promote)).answer, { status: ok, members: [{ id: 9n }, { id: 2n }] })
  t.same(member.cluster.calls, ['promote here 5'], 'never forwarded')
  member.cluster.refusal = errors.memberNotFound
  t.match((await ask('PromoteMember', promote)).answer, { status: { code: QueryCode.NOT_FOUND } })
  member.cluster.refusal = errors.learnerNotReady
  t.match((await ask('PromoteMember', promote)).answer, {
    status: { code: QueryCode.REFUSED, grpcCode: 9, error: errors.learnerNotReady.message },
  })

  t.match((await ask('HashKV', new HashKVRequest())).answer, {
    status: ok,
    hash: 7,
    compactRevision: -1,
    hashRevision: 3,
    revision: 9,
  })
  t.match((await ask('HashKV', make(HashKVRequest, { revision: 1000 }))).answer, {
    status: { code: QueryCode.REFUSED, error: errors.futureRevision.message },
  })
})
