import t from 'tap'
import type { MemberId } from '../base/index.js'
import { errors, quoratepeer } from '../proto/index.js'
import { type LeaderAnswer, LeaderCalls, answered, refusedWith } from './leader-calls.js'
import { queryStatus, readQueryStatus } from './query-status.js'
import { FakeQueries, SimClock } from './testing.js'

const SELF = 1n as MemberId
const OTHER = 2n as MemberId

const setup = () => {
  const clock = new SimClock()
  const network = new FakeQueries()
  const leader = { id: OTHER }
  const calls = new LeaderCalls({ self: SELF, leader: () => leader.id, network, clock, timeoutMs: 1000 })
  const timer = clock.every(100, () => calls.tick(clock.monotonicMs()))
  const ask = (): LeaderAnswer<string>[] => {
    const answers: LeaderAnswer<string>[] = []
    const asked = calls.ask({
      method: quoratepeer.QueryService.methods.version,
      request: new quoratepeer.VersionRequest(),
      local: async () => answered('here'),
      read: ({ server }) => (server === '' ? undefined : answered(server)),
    })
    void asked.then((answer) => answers.push(answer))
    return answers
  }
  return { clock, network, leader, calls, ask, timer }
}

const version = (server: string): Uint8Array => {
  const response = new quoratepeer.VersionResponse()
  response.server = server
  return quoratepeer.VersionResponseCodec.encode(response)
}

t.test('as many as another member takes are under way; the rest wait their turn, and not for ever', async (t) => {
  const { clock, network, ask, timer, calls } = setup()
  const held: ((bytes: Uint8Array) => void)[] = []
  network.answer = () => new Promise((resolve) => held.push(resolve))
  const all = Array.from({ length: 60 }, () => ask())
  await clock.settle()
  t.equal(network.asked.length, 48)
  for (const resolve of held.splice(0, 4)) resolve(version('3.7.1'))
  await clock.settle()
  t.equal(network.asked.length, 52)
  await clock.advance(1000)
  t.same(
    all.slice(52).map(([answer]) => answer),
    Array.from({ length: 8 }, () => refusedWith(errors.timeout)),
  )
  for (const resolve of held.splice(0)) resolve(version('3.7.1'))
  await clock.settle()
  t.ok(all.slice(0, 52).every(([answer]) => answer?.kind === 'ok'))
  const next = ask()
  await clock.settle()
  held[0]!(version('3.8.0'))
  await clock.settle()
  t.same(next, [answered('3.8.0')], 'the places are free again')
  calls.close()
  timer.cancel()
  t.equal(clock.timers, 0)
})

t.test('a question lasts no longer than the caller waits', async (t) => {
  const { clock, network, ask } = setup()
  const limits: number[] = []
  network.answer = async (_to, _request, timeoutMs) => {
    limits.push(timeoutMs)
    return version(limits.length < 3 ? '' : '3.7.1')
  }
  const answers = ask()
  await clock.advance(100)
  t.same([limits, answers], [[1000, 950, 900], [answered('3.7.1')]])
})

t.test('a bug is no refusal', async (t) => {
  const { clock, network, calls } = setup()
  network.answer = async () => {
    throw new TypeError('a bug')
  }
  const asked = calls.ask({
    method: quoratepeer.QueryService.methods.version,
    request: new quoratepeer.VersionRequest(),
    local: async () => undefined,
    read: () => undefined,
  })
  await t.rejects(asked, { message: 'a bug' })
  await clock.settle()
})

t.test('closed: what waits and what is asked later is told at once', async (t) => {
  const { clock, leader, calls, ask, timer } = setup()
  leader.id = 0n as MemberId
  const all = Array.from({ length: 50 }, () => ask())
  await clock.advance(70)
  calls.close()
  all.push(ask())
  await clock.settle()
  t.same(
    all.map(([answer]) => answer),
    all.map(() => refusedWith(errors.stopped)),
  )
  timer.cancel()
  t.equal(clock.timers, 0)
})

t.test('statuses pass from member to member', async (t) => {
  const { memberNotFound, learnerNotReady, notLeader, stopped, timeoutWaitAppliedIndex } = errors
  const passed = (status: Parameters<typeof queryStatus>[0]) =>
    readQueryStatus(queryStatus(status, memberNotFound), memberNotFound)
  t.equal(passed(undefined), 'ok')
  t.equal(readQueryStatus(undefined, memberNotFound), 'ok')
  t.equal(passed(memberNotFound), memberNotFound)
  t.equal(passed(learnerNotReady), learnerNotReady, 'the error of the catalogue itself')
  for (const status of [notLeader, stopped, timeoutWaitAppliedIndex]) t.equal(passed(status), 'again')
  t.same(passed({ code: 9, message: 'of a later version' }), { code: 9, message: 'of a later version' })
  const odd = queryStatus({ code: 9, message: 'x' })
  odd.grpcCode = 99
  t.same(readQueryStatus(odd, memberNotFound), { code: 2, message: 'x' })
})
