import t from 'tap'
import type { CallMetadata, GatedStream, MethodInfo, Status } from '../env/index.js'
import { errors, etcdserverpb } from '../proto/index.js'
import { RequestGate } from './request-gate.js'
import { FakeMember, ManualClock, make } from './testing.js'

const metadata = (values: Record<string, string> = {}): CallMetadata => ({ get: (name) => values[name] })
const LEADER = { hasleader: 'true' }
const unary: MethodInfo = { service: 'etcdserverpb.KV', method: 'Put', kind: 'unary' }
const watch: MethodInfo = { service: 'etcdserverpb.Watch', method: 'Watch', kind: 'bidi_stream' }
const snapshot: MethodInfo = { service: 'etcdserverpb.Maintenance', method: 'Snapshot', kind: 'server_stream' }
const put = new etcdserverpb.PutRequest()

const stream = (): GatedStream & { status: Status | undefined } => {
  const probe = { status: undefined as Status | undefined, fail: (status: Status) => void (probe.status ??= status) }
  return probe
}

const setUp = () => {
  const member = new FakeMember()
  const clock = new ManualClock()
  const seen: string[] = []
  const gate = new RequestGate({
    member,
    clock,
    electionTimeoutMs: 1000,
    onClientRequest: (kind, version) => void seen.push(`${kind} ${version}`),
  })
  gate.open()
  return { member, clock, gate, seen }
}

t.test('the checks come in order', async (t) => {
  const { member, gate, seen } = setUp()
  const bad = metadata({ 'client-api-version': '\uFFFD', ...LEADER })
  member.isCapable = false
  member.isLearner = true
  member.loseLeader()
  t.equal(gate.unary(unary, put, bad), errors.notCapable)
  member.isCapable = true
  t.equal(gate.unary(unary, put, bad), errors.notSupportedForLearner)
  member.isLearner = false
  t.equal(gate.unary(unary, put, bad), errors.invalidClientApiVersion)
  t.same(seen, [], 'only calls with a version are counted')
  t.equal(gate.unary(unary, put, metadata({ 'client-api-version': '3.7.1', ...LEADER })), errors.noLeader)
  t.equal(gate.unary(unary, put, metadata()), undefined, 'nobody asked for a leader')
  t.equal(gate.unary(unary, put, metadata({ hasleader: 'TRUE' })), undefined)
  member.leader = member.id
  t.equal(gate.unary(unary, put, metadata(LEADER)), undefined)
  t.equal(gate.openStream(watch, metadata(), stream()), undefined)
  t.same(seen, ['unary 3.7.1', 'unary unknown', 'unary unknown', 'unary unknown', 'stream unknown'])
})

t.test('what a learner answers', async (t) => {
  const { member, gate } = setUp()
  member.isLearner = true
  const ask = (request: unknown): Status | undefined => gate.unary(unary, request, metadata())
  t.equal(ask(new etcdserverpb.StatusRequest()), undefined)
  t.equal(ask(make(etcdserverpb.RangeRequest, { serializable: true })), undefined)
  t.equal(ask(new etcdserverpb.RangeRequest()), errors.notSupportedForLearner)
  t.equal(ask(put), errors.notSupportedForLearner)
  t.equal(gate.openStream(snapshot, metadata(), stream()), undefined)
  t.equal(gate.openStream(watch, metadata(), stream()), errors.notSupportedForLearner)
})

t.test('streams that asked for a leader end after three looks without one', async (t) => {
  const { member, clock, gate } = setUp()
  const [asking, other, gone] = [stream(), stream(), stream()]
  gate.openStream(watch, metadata(LEADER), asking)
  gate.openStream(watch, metadata(), other)
  gate.openStream(watch, metadata(LEADER), gone)
  gate.closeStream(gone)
  t.equal(gate.watchedCount, 1)
  member.loseLeader()
  clock.advance(2999)
  t.equal(asking.status, undefined)
  member.leader = member.id
  clock.advance(1)
  member.loseLeader()
  clock.advance(2000)
  t.equal(asking.status, undefined, 'a leader in between starts the count again')
  t.equal(gate.openStream(watch, metadata(LEADER), stream()), errors.noLeader)
  clock.advance(1000)
  t.equal(asking.status, errors.noLeader)
  t.equal(other.status, undefined)
  t.equal(gone.status, undefined)
  t.equal(gate.watchedCount, 0)
})

t.test('closing leaves no timer', async (t) => {
  const { clock, gate } = setUp()
  gate.open()
  t.equal(clock.liveTimers, 1)
  gate.close()
  gate.close()
  t.equal(clock.liveTimers, 0)
})
