// The raft simulator itself: a seed is a run, watching changes nothing, and a failure comes with a smaller one.
import t from 'tap'
import { failureReport, shrink, simulate } from './raft/simulate.js'
import { World } from './raft/world.js'

const STEPS = 1500

t.test('seeds differ', async (t) => {
  t.not(simulate(1, STEPS).world.traceHash, simulate(2, STEPS).world.traceHash)
})

t.test('watching a run does not change it', async (t) => {
  const lines: string[] = []
  const watched = simulate(7, STEPS, {}, (line) => lines.push(line)).world
  t.equal(watched.traceHash, simulate(7, STEPS).world.traceHash)
  t.ok(lines.length > 100)
})

t.test('a mistake of the simulator itself is not a pass', async (t) => {
  const { error } = simulate(1, STEPS, {
    beforeEvent: () => {
      throw new Error('broken hook')
    },
  })
  t.match(error, /broken hook/)
  t.doesNotThrow(() => new World(1))
})

t.test('a failing seed is shrunk to a smaller run that fails', async (t) => {
  const hooks = { acknowledgeEarly: true }
  const { error } = simulate(3, STEPS, hooks)
  t.match(error, /Violation/)
  const { steps, options } = shrink(3, STEPS, hooks)
  t.ok(steps < STEPS, `${steps} steps`)
  t.equal(options.partitions, 0)
  t.match(simulate(3, steps, { ...hooks, options }).error, /Violation/)
})

t.test('a report names the seed, the replay, the options and the last events', async (t) => {
  const report = failureReport(5, 400, new Error('as an example'))
  t.match(report, /as an example/)
  t.match(report, /npm run sim -- --seed 5 --steps 400/)
  t.match(report, /"electionTicks"/)
  t.ok(report.split('\n').length > 100)
})
