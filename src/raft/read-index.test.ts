import t from 'tap'
import { index, memberId, NO_TERM } from '../base/index.js'
import type { MemberId } from '../base/index.js'
import { decodePosition, encodePosition, MAX_PENDING_READS, ReadQueue } from './read-index.js'

const [one, two, three, four] = [1n, 2n, 3n, 4n].map(memberId) as [MemberId, MemberId, MemberId, MemberId]
const of3 = { voters: [one, two, three], outgoing: [] }
const request = (mark: string) => ({ from: one, askedIn: NO_TERM, context: Buffer.from(mark) })
const marks = (queue: ReadQueue, sets = of3 as Parameters<ReadQueue['takeConfirmed']>[0]): string[] =>
  queue.takeConfirmed(sets, one).map(({ index: at, context }) => `${Buffer.from(context).toString()}@${at}`)

t.test('a quorum confirms every read up to the position it returned', async (t) => {
  const queue = new ReadQueue()
  queue.add(request('a'), index(5))
  queue.add(request('b'), index(6))
  const position = queue.newest
  queue.add(request('c'), index(7))
  t.same(marks(queue), [])
  queue.acknowledge(two, position)
  t.same(marks(queue), ['a@5', 'b@6'])
  t.same(marks(queue), [], 'once')
  queue.acknowledge(three, queue.newest)
  t.same(marks(queue), ['c@7'])
  t.equal(queue.newest, 0, 'nothing waits')
})

t.test('equal marks are different reads', async (t) => {
  const queue = new ReadQueue()
  queue.add(request('same'), index(5))
  const first = queue.newest
  queue.add(request('same'), index(9))
  queue.acknowledge(two, first)
  queue.acknowledge(three, first)
  t.same(marks(queue), ['same@5'])
})

t.test('a joint pair needs both halves, strangers and learners do not count', async (t) => {
  const joint = { voters: [one, two, three], outgoing: [one, four] }
  const queue = new ReadQueue()
  queue.add(request('a'), index(5))
  queue.acknowledge(two, 1)
  queue.acknowledge(memberId(9n), 1)
  t.same(marks(queue, joint), [])
  queue.acknowledge(four, 1)
  t.same(marks(queue, joint), ['a@5'])
})

t.test('a single voter confirms its own reads at once; a leader that left the voters does not', async (t) => {
  const queue = new ReadQueue()
  queue.add(request('a'), index(5))
  t.same(marks(queue, { voters: [two], outgoing: [] }), [])
  t.same(marks(queue, { voters: [one], outgoing: [] }), ['a@5'])
})

t.test('positions that were never given out, and those of an earlier leadership, confirm nothing', async (t) => {
  const queue = new ReadQueue()
  queue.add(request('a'), index(5))
  queue.acknowledge(two, 1)
  queue.acknowledge(three, 99)
  queue.reset()
  queue.add(request('b'), index(6))
  queue.acknowledge(three, 99)
  t.same(marks(queue), [])
  queue.acknowledge(three, 1)
  t.same(marks(queue), ['b@6'])
})

t.test('parked reads come back in order, and the queue is bounded', async (t) => {
  const queue = new ReadQueue()
  for (let n = 0; n < MAX_PENDING_READS - 1; n++) if (!queue.park(request(`${n}`))) t.fail(`at ${n}`)
  t.ok(queue.add(request('x'), index(1)))
  t.notOk(queue.park(request('full')))
  t.notOk(queue.add(request('full'), index(1)))
  t.same(Buffer.from(queue.takeParked()[3]!.context).toString(), '3')
  t.equal(queue.length, 1)
})

t.test('positions travel as 8 bytes, and nothing else is one', async (t) => {
  for (const position of [0, 1, 255, 256, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    t.equal(decodePosition(encodePosition(position)), position)
  }
  t.same([...encodePosition(0x010203)], [0, 0, 0, 0, 0, 1, 2, 3])
  for (const bytes of [[], [1], [0, 0, 0, 0, 0, 0, 0, 1, 0], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]]) {
    t.equal(decodePosition(Uint8Array.from(bytes)), 0)
  }
  const inside = Uint8Array.from([9, 0, 0, 0, 0, 0, 0, 0, 5, 9]).subarray(1, 9)
  t.equal(decodePosition(inside), 5, 'a view into a larger buffer')
})
