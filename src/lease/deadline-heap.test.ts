import t from 'tap'
import { Alarm, DeadlineHeap } from './deadline-heap.js'
import { seededRandom } from './testing.js'

t.test('yields alarms by time, equal times in their order, after any mix of sets and deletes', async (t) => {
  const seed = Number(process.env['SEED'] ?? 3)
  const random = seededRandom(seed)
  for (let round = 0; round < 30; round++) {
    const heap = new DeadlineHeap<number>()
    const alarms = Array.from({ length: 60 }, (_, i) => new Alarm(i, i))
    if (round % 3 === 0) {
      alarms.forEach((alarm, i) => (alarm.timeMs = i >> 1))
      heap.fill([...alarms])
    }
    for (let i = 0; i < 400; i++) {
      const alarm = alarms[random.below(alarms.length)]!
      if (random.below(4) === 0) heap.delete(alarm)
      else heap.set(alarm, random.below(40))
    }
    const want = alarms
      .filter(({ slot }) => slot >= 0)
      .sort((a, b) => a.timeMs - b.timeMs || a.order - b.order)
      .map(({ owner }) => owner)
    const got: number[] = []
    for (let alarm = heap.peek(); alarm !== undefined; alarm = heap.peek()) {
      got.push(alarm.owner)
      heap.delete(alarm)
    }
    t.same(got, want, `seed ${seed}, round ${round}`)
    t.equal(heap.size, 0)
    t.ok(alarms.every(({ slot }) => slot === -1))
  }
})

t.test('clear lets go of every alarm', async (t) => {
  const heap = new DeadlineHeap<string>()
  const alarm = new Alarm('a', 0)
  heap.set(alarm, 5)
  heap.clear()
  heap.delete(alarm)
  t.equal(heap.peek(), undefined)
  heap.set(alarm, 6)
  t.equal(heap.peek()?.timeMs, 6)
})
