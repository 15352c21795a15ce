import t from 'tap'
import { SeededRandom } from '../../proto/testing.js'
import { StreamTable } from './stream-table.js'
import { Http2Stream, type StreamOwner } from './stream.js'

/** The table never asks a stream's owner for anything. */
const owner = {} as StreamOwner
const streamOf = (id: number): Http2Stream => new Http2Stream(id, owner, 0, -1, false)
const idsOf = (table: StreamTable): number[] => [...table].map(({ id }) => id).sort((a, b) => a - b)

t.test('finds what a Map would find, while streams come and go', async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.comment(`seed ${seed}`)
  const random = new SeededRandom(seed)
  const table = new StreamTable()
  const map = new Map<number, Http2Stream>()
  let nextId = 1
  for (let round = 0; round < 30; round++) {
    const wanted = random.pick([0, 3, 40, 3000])
    while (map.size !== wanted) {
      if (map.size < wanted) {
        nextId += 2 * (1 + random.below(3))
        const stream = streamOf(nextId)
        table.add(stream)
        map.set(nextId, stream)
      } else {
        const [id, stream] = random.pick([...map].slice(0, 20))
        table.delete(stream)
        table.delete(stream)
        map.delete(id)
        if (table.get(id) !== undefined) t.fail(`${id} is still there`)
      }
      if (table.size !== map.size) t.fail(`${table.size} instead of ${map.size}`)
    }
    for (const [id, stream] of map) if (table.get(id) !== stream) t.fail(`${id} is missing`)
    t.strictSame(idsOf(table), [...map.keys()])
  }
  table.clear()
  t.same([table.size, idsOf(table)], [0, []])
})

t.test('ids that a client chose to collide do not: the slots depend on a number it does not know', async (t) => {
  const table = new StreamTable()
  const streams = Array.from({ length: 4096 }, (_, i) => streamOf(1 + i * 2 ** 18))
  for (const stream of streams) table.add(stream)
  let longest = 0
  for (const stream of streams) {
    let length = 0
    for (let at: Http2Stream | undefined = stream; at !== undefined; at = at.nextInSlot) length++
    longest = Math.max(longest, length)
  }
  t.ok(longest < 512, `${longest} of 4096 in one chain`)
})
