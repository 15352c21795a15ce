import t from 'tap'
import { finish, SliceRunner, sortSteps, type Steps } from './slices.js'
import { seededRandom, TurnClock } from './testing.js'

function* count(to: number, log: string[] = [], name = ''): Steps<number> {
  for (let i = 0; i < to; i++) {
    log.push(name)
    yield
  }
  return to
}

function* failing(after: number): Steps<number> {
  yield* count(after)
  throw new Error('broken')
}

const manualClock = (lookMs: number): TurnClock => {
  const clock = new TurnClock()
  clock.manual = true
  clock.lookMs = lookMs
  return clock
}

t.test('short work is done before run returns', async (t) => {
  const runner = new SliceRunner(manualClock(0), () => t.fail())
  let result = 0
  runner.run(count(1000), (got) => (result = got))
  t.equal(result, 1000)
  t.equal(finish(count(7)), 7)
})

t.test('long work takes turns in rotation, one slice per turn', async (t) => {
  const clock = manualClock(3)
  const runner = new SliceRunner(clock, () => t.fail())
  const log: string[] = []
  const done: string[] = []
  runner.run(count(6, log, 'a'), () => done.push('a'))
  runner.run(count(6, log, 'b'), () => done.push('b'))
  t.equal(log.join(''), 'aab', 'the second one starts with a small slice')
  let perTurn = 0
  while (runner.waiting > 0) {
    const before = log.length
    await clock.turn()
    perTurn = Math.max(perTurn, log.length - before)
  }
  await runner.idle()
  t.equal(log.join(''), 'aabaabbaabbb')
  t.equal(perTurn, 2, 'a slice is 5 ms of 3 ms steps')
  t.same(done, ['a', 'b'])
})

t.test(
  'a failure reaches the caller in the first slice, the owner or the promise later, and stops nobody else',
  async (t) => {
    const clock = manualClock(3)
    const failures: unknown[] = []
    const runner = new SliceRunner(clock, (error) => failures.push(error))
    t.throws(() => runner.run(failing(0), () => t.fail()), /broken/)
    runner.run(failing(5), () => t.fail())
    const promise = runner.runAsync(failing(5))
    const fine = runner.runAsync(count(9))
    const settled = Promise.allSettled([promise, fine])
    while (await clock.turn());
    t.match(await settled, [{ status: 'rejected' }, { status: 'fulfilled', value: 9 }])
    t.match(failures, [{ message: 'broken' }])
    await t.rejects(runner.runAsync(failing(0)), /broken/)
  },
)

t.test('sorting in steps sorts, whatever the length', async (t) => {
  const random = seededRandom(3)
  for (const length of [0, 1, 5, 4096, 4097, 20_000, 33_333]) {
    const weights = Array.from({ length }, () => random.below(1000))
    const compare = (a: number, b: number): number => weights[a]! - weights[b]! || a - b
    const steps = sortSteps(Uint32Array.from(weights.keys()), compare)
    let pauses = 0
    let step = steps.next()
    for (; step.done !== true; step = steps.next()) pauses++
    t.same([...step.value], [...weights.keys()].sort(compare), `${length} positions`)
    t.ok(pauses >= Math.floor(length / 4096), `${pauses} pauses`)
  }
})
