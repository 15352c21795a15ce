import t from 'tap'
import { index } from '../base/index.js'
import { Inflights } from './inflights.js'

t.test('is full by count', async (t) => {
  const window = new Inflights(3, 0)
  for (const last of [5, 7, 9]) {
    t.notOk(window.full)
    window.add(index(last), 1000)
  }
  t.ok(window.full)
  t.throws(() => {
    window.add(index(10), 1)
  }, /full/)
})

t.test('is full by bytes, which the last message may pass', async (t) => {
  const window = new Inflights(100, 10)
  window.add(index(1), 9)
  t.notOk(window.full)
  window.add(index(2), 50)
  t.ok(window.full)
  t.equal(window.bytes, 59)
  window.freeUpTo(index(1))
  t.ok(window.full)
  window.freeUpTo(index(2))
  t.notOk(window.full)
  t.equal(window.bytes, 0)
})

t.test('a window that starts small admits one append, and more with each that is acknowledged', async (t) => {
  const KIB = 1024
  const window = new Inflights(100, 128 * KIB)
  window.reset(true)
  let last = 0
  /** Appends of 32 KiB until it is full. */
  const fill = (): number => {
    for (let added = 0; ; added++) {
      if (window.full) return added
      window.add(index(++last), 32 * KIB)
    }
  }
  t.equal(fill(), 1)
  for (const admitted of [2, 2, 2, 1, 1, 1]) {
    window.freeUpTo(index(last - window.count + 1))
    t.equal(fill(), admitted, `${window.count} on the way`)
  }
  t.equal(window.bytes, 128 * KIB, 'the limit stays')
  window.reset()
  t.equal(fill(), 4, 'at once')
  const unlimited = new Inflights(2, 0)
  unlimited.reset(true)
  unlimited.add(index(1), KIB)
  t.notOk(unlimited.full)
})

t.test('an ack frees everything up to it', async (t) => {
  for (const [acked, left] of [
    [0, 4],
    [9, 4],
    [10, 3],
    [15, 3],
    [20, 2],
    [39, 1],
    [40, 0],
    [99, 0],
  ] as const) {
    const window = new Inflights(8, 0)
    for (const last of [10, 20, 30, 40]) window.add(index(last), 1)
    window.freeUpTo(index(acked))
    t.equal(window.count, left, `ack ${acked}`)
    t.equal(window.bytes, left)
  }
})

t.test('indexes must rise', async (t) => {
  const window = new Inflights(8, 0)
  window.add(index(4), 1)
  t.throws(() => {
    window.add(index(4), 1)
  }, /rise/)
})

t.test('agrees with a plain list while it wraps and grows', async (t) => {
  const window = new Inflights(50, 0)
  let model: { last: number; bytes: number }[] = []
  let state = 12345
  const next = (bound: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % bound
  }
  let last = 0
  for (let n = 0; n < 20_000; n++) {
    if (next(3) > 0 && !window.full) {
      last += 1 + next(3)
      const bytes = next(100)
      window.add(index(last), bytes)
      model.push({ last, bytes })
    } else if (next(200) === 0) {
      window.reset()
      model = []
    } else {
      const acked = (model[0]?.last ?? 0) + next(60) - 5
      window.freeUpTo(index(acked))
      model = model.filter((item) => item.last > acked)
    }
    if (window.count !== model.length || window.full !== model.length >= 50) t.fail(`count at ${n}`)
    if (window.bytes !== model.reduce((sum, item) => sum + item.bytes, 0)) t.fail(`bytes at ${n}`)
  }
  t.ok(last > 1000)
})
