import t from 'tap'
import { SimClock } from '../testing.js'
import { paced } from './pace.js'

const MIB = 1024 * 1024

async function* chunks(count: number, bytes: number): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(bytes)
  for (let i = 0; i < count; i++) yield chunk
}

/** Bytes given after each second. */
const perSecond = async (count: number, bytes: number, stallMs = 0): Promise<number[]> => {
  const clock = new SimClock()
  const given: number[] = []
  let isOver = false
  const taking = (async () => {
    for await (const chunk of paced(chunks(count, bytes), clock)) {
      const second = Math.floor(clock.monotonicMs() / 1000)
      given[second] = (given[second] ?? 0) + chunk.length
      // The receiver takes nothing for a while.
      if (stallMs > 0 && given.length === 2 && given[1] === bytes)
        await new Promise<void>((go) => clock.after(stallMs, go))
    }
    isOver = true
  })()
  while (!isOver) await clock.advance(1)
  await taking
  return Array.from(given, (sum) => (sum ?? 0) / MIB)
}

t.test('8 MiB in the first second, then 32 in each, in chunks of any size', async (t) => {
  for (const bytes of [MIB, 256 * 1024, 100_000]) {
    const given = await perSecond(Math.ceil((160 * MIB) / bytes), bytes)
    t.ok(given.length >= 5 && given.length <= 6, `${given.length} seconds`)
    t.ok(given[0]! > 7 && given[0]! < 10, `${given[0]} MiB`)
    for (const sum of given.slice(1, -1)) t.ok(sum > 30 && sum < 34, `${sum} MiB`)
  }
})

t.test('what was not taken in time is not made up for', async (t) => {
  const given = await perSecond(256, MIB, 2000)
  t.ok(given[1]! < 3)
  for (const sum of given.slice(3, -1)) t.ok(sum < 34, `${sum} MiB`)
})

t.test('as fast as it can after 20 seconds', async (t) => {
  const given = await perSecond(4000, MIB)
  t.equal(given.length, 21)
  t.ok(given[20]! > 2000)
})
