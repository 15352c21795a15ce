import { performance } from 'node:perf_hooks'
import t from 'tap'
import { LoopBusyPoll } from './busy-poll.js'

/** The share of the next 50 ms that the loop did not sleep. */
const awake = async (): Promise<number> => {
  const before = performance.eventLoopUtilization()
  await new Promise((resolve) => setTimeout(resolve, 50))
  return performance.eventLoopUtilization(before).utilization
}

t.test('the loop does not sleep until the end, or until the limit', async (t) => {
  const poll = new LoopBusyPoll()
  t.ok((await awake()) < 0.5, 'at first it sleeps')
  poll.begin(10_000)
  poll.begin(10_000)
  t.ok((await awake()) > 0.9, 'polls')
  poll.end()
  poll.end()
  t.ok((await awake()) < 0.5, 'ended')
  poll.begin(1)
  t.ok((await awake()) < 0.5, 'over by itself')
  poll.begin(10_000)
  poll.end()
  poll.begin(10_000)
  t.ok((await awake()) > 0.9, 'ended and begun in one turn')
  poll.end()
})
