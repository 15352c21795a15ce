import t from 'tap'
import { type LeaseId, type MemberId, NO_MEMBER } from '../base/index.js'
import { type Status, noMetrics } from '../env/index.js'
import { Lessor } from '../lease/index.js'
import { RowBuffer } from '../apply/index.js'
import { errors, type etcdserverpb, quoratepeer } from '../proto/index.js'
import type { ProposalWaiter, ReadWaiter } from './api.js'
import { LeaderCalls } from './leader-calls.js'
import { LeaseRequests } from './lease-requests.js'
import { queryStatus } from './query-status.js'
import { FakeQueries, SimClock, Told } from './testing.js'

const id = (value: bigint) => value as LeaseId
const SELF = 1n as MemberId
const OTHER = 2n as MemberId

const setup = (checkpoints = false) => {
  const clock = new SimClock()
  const rows = new RowBuffer()
  const lessor = new Lessor({
    minTtlSeconds: 2,
    checkpointIntervalMs: checkpoints ? 300_000 : undefined,
    persistCheckpoints: () => true,
    expiredRetryMs: 7000,
    metrics: noMetrics,
  })
  lessor.promote(0, 0)
  lessor.grant(id(1n), 10, 0, rows)
  const network = new FakeQueries()
  const leader = { id: SELF }
  const leaderCalls = new LeaderCalls({ self: SELF, leader: () => leader.id, network, clock, timeoutMs: 7000 })
  const host = {
    lessor,
    clock,
    isClosing: false,
    isLeader: true,
    leaderCalls,
    ids: [1n, 1n | (1n << 63n), 77n],
    leads: true as boolean | 'asking',
    isCurrent: true,
    confirmations: [] as ReadWaiter[],
    waits: [] as ReadWaiter[],
    proposals: [] as { request: etcdserverpb.InternalRaftRequest; waiter: ProposalWaiter }[],
    nextRequestId: () => host.ids.shift()!,
    propose: (request: etcdserverpb.InternalRaftRequest, waiter: ProposalWaiter) => {
      host.proposals.push({ request, waiter })
    },
    confirmLeadership: (waiter: ReadWaiter) => {
      if (host.leads === true) waiter.onReady()
      else if (host.leads === false) waiter.onFailed(errors.notPrimaryLessor)
      else host.confirmations.push(waiter)
    },
    waitApplied: (waiter: ReadWaiter) => {
      if (host.isCurrent) waiter.onReady()
      else host.waits.push(waiter)
    },
  }
  const leases = new LeaseRequests(host)
  const renew = (lease = 1n): Told => {
    const told = new Told()
    leases.renew(id(lease), told)
    return told
  }
  const timeToLive = (lease: bigint): unknown[] => {
    const found: unknown[] = []
    const onFailed = ({ message }: { message: string }) => found.push(message)
    leases.timeToLive(id(lease), true, { onResult: (result) => found.push(result), onFailed })
    return found
  }
  return { clock, rows, lessor, host, leases, renew, timeToLive, network, leader }
}

t.test('new ids are positive and free', async (t) => {
  const { leases } = setup()
  t.equal(leases.newId(), 77n, '1 is taken, with or without the top bit')
})

t.test('a renewal gives the granted TTL and starts a new turn', async (t) => {
  const { clock, lessor, renew } = setup()
  clock.skip(9000)
  t.same(renew().answers, ['ok 10'])
  t.same(lessor.expired(18_999), [])
  t.same(lessor.expired(19_000), [1n])
})

t.test('an unknown lease: TTL 0, once everything committed is applied', async (t) => {
  const { host, lessor, rows, clock, renew } = setup()
  t.same(renew(5n).answers, ['ok 0'])
  t.same(renew(0n).answers, ['ok 0'])
  host.isCurrent = false
  const behind = renew(5n)
  t.same(behind.answers, [], 'its grant may be on the way')
  lessor.grant(id(5n), 20, clock.monotonicMs(), rows)
  host.waits[0]!.onReady()
  t.same(behind.answers, ['ok 20'])
  const late = renew(6n)
  host.waits[1]!.onFailed(errors.timeoutWaitAppliedIndex)
  t.same(late.answers, [errors.timeoutWaitAppliedIndex.message])
  t.same(renew(1n).answers, ['ok 10'], 'a known lease does not wait')
})

t.test('an expired lease cannot be revived: the answer waits for the revocation', async (t) => {
  const { clock, lessor, rows, renew } = setup()
  clock.skip(10_000)
  const told = renew()
  await clock.advance(5000)
  t.same(told.answers, [])
  lessor.revoke(id(1n), rows)
  await clock.settle()
  t.same(told.answers, ['ok 0'])
})

t.test('an expired lease while this member stops being leader, or stops', async (t) => {
  const { clock, lessor, host, leader, network, renew } = setup()
  clock.skip(10_000)
  const told = renew()
  host.leads = false
  host.isLeader = false
  leader.id = OTHER
  lessor.demote()
  await clock.settle()
  t.same([told.answers, network.asked], [[], ['2 LeaseRenew']], 'the new leader is asked')

  const other = setup()
  other.clock.skip(10_000)
  const waiting = other.renew()
  other.host.isClosing = true
  other.lessor.demote()
  await other.clock.settle()
  t.same([waiting.last, other.renew().last], [errors.stopped.message, errors.stopped.message])
})

t.test('a leader in doubt asks the others first', async (t) => {
  const { host, renew } = setup()
  host.leads = 'asking'
  const told = [renew(), renew(), renew()]
  t.same(
    told.map(({ last }) => last),
    [undefined, undefined, undefined],
  )
  host.confirmations[0]!.onReady()
  host.confirmations[1]!.onFailed(errors.timeout)
  host.confirmations[2]!.onFailed(errors.stopped)
  t.same(
    told.map(({ last }) => last),
    ['ok 10', errors.notPrimaryLessor.message, errors.stopped.message],
  )
})

t.test('after a checkpoint, the first renewal logs a reset before it answers', async (t) => {
  const { clock, lessor, rows, host, renew } = setup(true)
  lessor.grant(id(2n), 1000, 0, rows)
  lessor.applyCheckpoint(id(2n), 400, 0, rows)
  const told = renew(2n)
  t.same(told.answers, [])
  t.match(host.proposals[0]?.request.leaseCheckpoint?.checkpoints, [{ id: 2n, remainingTtl: 0 }])
  lessor.applyCheckpoint(id(2n), 0, clock.monotonicMs(), rows)
  host.proposals[0]!.waiter.onApplied({ response: undefined, status: undefined, swept: undefined })
  t.same(told.answers, ['ok 1000'])
  lessor.applyCheckpoint(id(2n), 300, 0, rows)
  const refused = renew(2n)
  host.proposals[1]!.waiter.onFailed(errors.timeout)
  t.same(refused.answers, [errors.timeout.message])
})

t.test('time to live', async (t) => {
  const { clock, lessor, host, timeToLive } = setup()
  lessor.attach(id(1n), 'k' as never)
  clock.skip(2500)
  t.same(timeToLive(1n), [{ ttl: 7, grantedTtl: 10, keys: [Buffer.from('k')] }])
  t.same(timeToLive(9n), [{ ttl: -1, grantedTtl: 0, keys: [] }])
  host.isCurrent = false
  const behind = timeToLive(1n)
  t.same(behind, [])
  host.waits[0]!.onFailed(errors.timeoutWaitAppliedIndex)
  t.same(behind, [errors.timeoutWaitAppliedIndex.message])
  host.isCurrent = true
  lessor.demote()
  t.same(timeToLive(1n), [errors.leaderChanged.message])
})

const { LeaseRenewResponse, LeaseRenewResponseCodec, LeaseTimeToLiveResponse, LeaseTimeToLiveResponseCodec } =
  quoratepeer

const renewed = (ttl: number, status?: Status): Uint8Array => {
  const response = new LeaseRenewResponse()
  response.status = queryStatus(status)
  response.ttl = ttl
  return LeaseRenewResponseCodec.encode(response)
}

const following = () => {
  const world = setup()
  world.host.isLeader = false
  world.host.leads = false
  world.lessor.demote()
  world.leader.id = OTHER
  return world
}

t.test('elsewhere the leader is asked', async (t) => {
  const { clock, network, renew, timeToLive } = following()
  const requests: Uint8Array[] = []
  network.answer = async (_to, request) => {
    requests.push(request)
    return renewed(30)
  }
  const told = renew(-5n)
  await clock.settle()
  t.same([told.answers, network.asked], [['ok 30'], ['2 LeaseRenew']])
  t.equal(quoratepeer.LeaseRenewRequestCodec.decode(requests[0]!, 0, requests[0]!.length).id, -5n)

  network.answer = async () => renewed(0)
  const gone = renew(6n)
  await clock.settle()
  t.same(gone.answers, ['ok 0'])

  const response = new LeaseTimeToLiveResponse()
  Object.assign(response, { ttl: 7, grantedTtl: 10, keys: [Buffer.from('k')] })
  network.answer = async () => LeaseTimeToLiveResponseCodec.encode(response)
  const left = timeToLive(1n)
  await clock.settle()
  t.match(left, [{ ttl: 7, grantedTtl: 10, keys: [{ length: 1 }] }])
  t.equal(network.asked.at(-1), '2 LeaseTimeToLive')
})

t.test('whoever cannot answer is asked again after a pause, and in the end the call fails', async (t) => {
  const { clock, network, leader, renew } = following()
  const refusals = [errors.notPrimaryLessor, errors.timeoutWaitAppliedIndex, errors.stopped]
  network.answer = async () => renewed(9, refusals.shift())
  const told = renew()
  await clock.advance(149)
  t.same(told.answers, [])
  await clock.advance(1)
  t.same([told.answers, network.asked.length], [['ok 9'], 4])

  network.answer = undefined
  const unreachable = renew()
  await clock.advance(6999)
  t.same(unreachable.answers, [])
  await clock.advance(1)
  t.same(unreachable.answers, [errors.timeout.message])

  leader.id = NO_MEMBER
  const leaderless = renew()
  await clock.advance(7000)
  t.same(leaderless.answers, [errors.noLeader.message])

  leader.id = OTHER
  network.answer = async () => renewed(0, errors.corrupt)
  const refused = renew()
  await clock.settle()
  t.same(refused.answers, [errors.corrupt.message], 'any other refusal is the answer')
})

t.test('a member that is elected meanwhile answers itself', async (t) => {
  const { clock, host, lessor, leader, renew, timeToLive } = following()
  const told = renew()
  const left = timeToLive(1n)
  await clock.advance(500)
  leader.id = SELF
  host.isLeader = true
  await clock.advance(500)
  t.same([told.answers, left], [[], []], 'not before it counts the time of leases')
  host.leads = true
  lessor.promote(clock.monotonicMs(), 0)
  await clock.advance(50)
  t.same(told.answers, ['ok 10'])
  t.match(left, [{ ttl: 10 }])
})

t.test('a leader that does not count the time of leases yet asks again; asked by others it says so', async (t) => {
  const { clock, host, lessor, leases, renew } = setup()
  lessor.demote()
  const told = renew()
  const here = new Told()
  leases.renewHere(id(1n), here)
  await clock.advance(200)
  t.same([told.answers, here.answers], [[], [errors.notPrimaryLessor.message]])
  lessor.promote(clock.monotonicMs(), 0)
  await clock.advance(50)
  t.same(told.answers, ['ok 10'])
  host.isClosing = true
  leases.renewHere(id(1n), here)
  t.equal(here.last, errors.stopped.message)
})
