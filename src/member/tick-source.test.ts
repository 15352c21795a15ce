import t from 'tap'
import { SimClock } from './testing.js'
import { TickSource } from './tick-source.js'

const ticking = (): { clock: SimClock; source: TickSource; ticks: number[] } => {
  const clock = new SimClock()
  const ticks: number[] = []
  const source = new TickSource(clock, 100, () => ticks.push(clock.monotonicMs()))
  source.open()
  return { clock, source, ticks }
}

t.test('one tick an interval', async (t) => {
  const { clock, ticks } = ticking()
  await clock.advance(350)
  t.same(ticks, [100, 200, 300])
})

t.test('a late tick does not move the ones after it', async (t) => {
  const { clock, ticks } = ticking()
  clock.skip(130)
  await clock.advance(0)
  await clock.advance(70)
  t.same(ticks, [130, 200])
})

t.test('a pause is not made up for by a burst', async (t) => {
  const { clock, ticks } = ticking()
  clock.skip(5050)
  await clock.advance(0)
  t.same(ticks, [5050, 5050], 'two at most')
  await clock.advance(50)
  t.same(ticks.slice(2), [5100], 'then on as before')
})

t.test('ends with close', async (t) => {
  const { clock, source, ticks } = ticking()
  source.close()
  await clock.advance(1000)
  t.same(ticks, [])
  t.equal(clock.timers, 0)
})
