import t from 'tap'
import { SeededRandom } from '../proto/testing.js'
import { ReadPins } from './read-pins.js'

t.test('a waiter is told when the last read below its revision ends, and not before', async (t) => {
  const pins = new ReadPins()
  const told: number[] = []
  const wait = (revision: number): void => void pins.releasedBelow(revision).then(() => told.push(revision))
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  await pins.releasedBelow(Infinity)
  for (const revision of [5, 7, 5, 9]) pins.pin(revision)
  for (const revision of [5, 6, 8, 10]) wait(revision)
  await turn()
  t.same(told, [5], 'nothing is below')
  pins.unpin(5)
  await turn()
  t.same(told, [5])
  pins.unpin(5)
  await turn()
  t.same(told, [5, 6])
  pins.pin(7)
  pins.unpin(7)
  pins.unpin(9)
  await turn()
  t.same(told, [5, 6])
  pins.unpin(7)
  await turn()
  t.same(told, [5, 6, 8, 10])
})

t.test('as many reads as began have to end, in any order', async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.comment(`seed ${seed}`)
  const random = new SeededRandom(seed)
  const pins = new ReadPins()
  const reads: number[] = []
  for (let step = 0; step < 2000; step++) {
    if (reads.length < 6 && random.chance(50)) {
      reads.push(1 + random.below(4))
      pins.pin(reads.at(-1)!)
    } else if (reads.length > 0) pins.unpin(reads.splice(random.below(reads.length), 1)[0]!)
    for (const revision of [2, 3, 4, 5]) {
      let isFree = false
      void pins.releasedBelow(revision).then(() => (isFree = true))
      await Promise.resolve()
      if (isFree !== reads.every((read) => read >= revision)) t.fail(`step ${step}: ${reads} below ${revision}`)
    }
  }
  t.pass('held exactly as long as one is below')
})
