// Reference: flags 4.7, raft 2.10.
import t from 'tap'
import { startCompactor } from './auto-compactor.js'
import { LogLines, SimClock } from './testing.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A store that makes one revision a second. */
const setup = (mode: 'periodic' | 'revision', retention: number) => {
  const clock = new SimClock()
  const log = new LogLines()
  const state = { leads: true, succeeds: true, stands: false, revision: undefined as number | undefined }
  const compactions: { minute: number; to: number }[] = []
  const revision = (): number => state.revision ?? 1 + Math.floor(clock.monotonicMs() / 1000)
  const compactor = startCompactor({ mode, retention }, clock, log, {
    revision,
    isLeader: () => state.leads,
    compact: async (to) => {
      compactions.push({ minute: clock.monotonicMs() / MINUTE, to })
      return state.succeeds
    },
  })
  return { clock, log, state, compactions, compactor: compactor! }
}

/** The revision that was newest at a minute. */
const at = (minute: number): number => 1 + minute * 60

t.test('off without settings', async (t) => {
  const target = { revision: () => 1, isLeader: () => true, compact: async () => true }
  t.equal(startCompactor(undefined, new SimClock(), new LogLines(), target), undefined)
})

t.test('periodic, up to an hour: first after a whole period, always to what was newest one period ago', async (t) => {
  for (const periodMs of [10 * MINUTE, HOUR]) {
    const { clock, compactions } = setup('periodic', periodMs)
    const period = periodMs / MINUTE
    await clock.advance(periodMs - 1)
    t.same(compactions, [])
    await clock.advance(2 * periodMs + 1)
    t.same(compactions, [
      { minute: period, to: at(0) },
      { minute: 2 * period, to: at(period) },
      { minute: 3 * period, to: at(2 * period) },
    ])
  }
})

t.test('periodic, longer than an hour: then every hour', async (t) => {
  const { clock, compactions } = setup('periodic', 3 * HOUR)
  await clock.advance(6 * HOUR)
  t.same(compactions, [
    { minute: 180, to: at(0) },
    { minute: 240, to: at(60) },
    { minute: 300, to: at(120) },
    { minute: 360, to: at(180) },
  ])
})

t.test('periodic: skipped while nothing changed', async (t) => {
  const { clock, compactions, state, log } = setup('periodic', HOUR)
  state.revision = 50
  await clock.advance(5 * HOUR)
  t.same(compactions.length, 2, 'the revision of the start, then the 50')
  state.revision = 60
  await clock.advance(2 * HOUR)
  t.equal(compactions.length, 3)
  t.same(log.lines.slice(0, 2), ['info starting auto periodic compaction', 'info completed auto periodic compaction'])
})

t.test('periodic: a failure is retried at the next sample', async (t) => {
  const { clock, compactions, state, log } = setup('periodic', HOUR)
  state.succeeds = false
  await clock.advance(HOUR + 12 * MINUTE)
  t.same(
    compactions.map(({ minute }) => minute),
    [60, 66, 72],
  )
  state.succeeds = true
  await clock.advance(HOUR + 6 * MINUTE)
  t.same(
    compactions.map(({ minute }) => minute),
    [60, 66, 72, 78, 138],
  )
  t.ok(log.lines.includes('warn failed auto periodic compaction'))
})

t.test('periodic: only the leader compacts, a new one with the samples that it took before', async (t) => {
  const { clock, compactions, state } = setup('periodic', HOUR)
  state.leads = false
  await clock.advance(5 * HOUR)
  t.same(compactions, [])
  state.leads = true
  await clock.advance(6 * MINUTE)
  t.same(compactions, [{ minute: 306, to: at(246) }])
})

t.test('revision: every five minutes to as many revisions ago', async (t) => {
  const { clock, compactions, state } = setup('revision', 1000)
  await clock.advance(15 * MINUTE)
  t.same(compactions, [], 'there are not so many')
  await clock.advance(10 * MINUTE)
  t.same(compactions, [
    { minute: 20, to: at(20) - 1000 },
    { minute: 25, to: at(25) - 1000 },
  ])
  state.revision = at(25)
  await clock.advance(10 * MINUTE)
  t.equal(compactions.length, 2, 'unchanged')
  state.revision = undefined
  state.leads = false
  await clock.advance(5 * MINUTE)
  t.equal(compactions.length, 2)
  state.leads = true
  state.succeeds = false
  await clock.advance(5 * MINUTE)
  state.succeeds = true
  state.revision = at(45)
  await clock.advance(5 * MINUTE)
  t.same(
    compactions.slice(2).map(({ to }) => to),
    [at(45) - 1000, at(45) - 1000],
    'a failure is no success',
  )
})

t.test('closed, it does nothing more', async (t) => {
  for (const mode of ['periodic', 'revision'] as const) {
    const { clock, compactions, compactor } = setup(mode, 10)
    compactor.close()
    await clock.advance(HOUR)
    t.same(compactions, [])
    t.equal(clock.timers, 0)
  }
})
