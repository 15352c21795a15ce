import t from 'tap'
import { index } from '../base/index.js'
import { errors } from '../proto/index.js'
import { ReadBarrier } from './read-barrier.js'
import { SimClock, Told } from './testing.js'

const setup = (options: { applied?: number; waitersMax?: number } = {}) => {
  const clock = new SimClock()
  const asked: Uint8Array[] = []
  const polls: (number | 'end')[] = []
  let id = 1000n
  let isAnsweredAtOnce = false
  const barrier: ReadBarrier = new ReadBarrier({
    clock,
    timeoutMs: 7000,
    waitersMax: options.waitersMax ?? 100,
    applied: index(options.applied ?? 0),
    nextId: () => ++id,
    ask: (context) => {
      asked.push(context)
      if (isAnsweredAtOnce) barrier.onReadIndex(context, index(0))
    },
    busyPoll: { begin: (limitMs) => polls.push(limitMs), end: () => polls.push('end') },
  })
  const answerAtOnce = (): void => {
    isAnsweredAtOnce = true
  }
  const read = (): Told => {
    const told = new Told()
    barrier.wait(told)
    return told
  }
  const answer = (nth: number, at: number): void => barrier.onReadIndex(asked[nth]!, index(at))
  return { clock, asked, polls, barrier, read, answer, answerAtOnce }
}

t.test('everyone of one turn shares one request and waits for its index', async (t) => {
  const { clock, asked, barrier, read, answer } = setup()
  const readers = [read(), read(), read()]
  t.equal(asked.length, 0, 'not before the turn is over')
  await clock.settle()
  t.equal(asked.length, 1)
  answer(0, 5)
  barrier.onApplied(index(4))
  t.same(
    readers.map(({ last }) => last),
    [undefined, undefined, undefined],
  )
  barrier.onApplied(index(5))
  t.same(
    readers.map(({ last }) => last),
    ['ok', 'ok', 'ok'],
  )
  t.equal(barrier.waiting, 0)
})

t.test('where the answer takes a round trip nobody waits for the end of the turn', async (t) => {
  const { clock, asked, read, answer } = setup()
  read()
  await Promise.resolve()
  t.equal(asked.length, 1, 'after the current callback')
  const later = [read(), read()]
  answer(0, 0)
  await Promise.resolve()
  t.equal(asked.length, 2, 'who came meanwhile shares the next')
  answer(1, 0)
  t.same(
    later.map(({ last }) => last),
    ['ok', 'ok'],
  )
  await clock.settle()
  t.equal(asked.length, 2)
})

t.test('where the answer comes at once the turn gathers', async (t) => {
  const { clock, asked, read, answerAtOnce } = setup()
  answerAtOnce()
  t.equal(read().last, undefined)
  await clock.settle()
  const readers = [read(), read()]
  await Promise.resolve()
  readers.push(read())
  t.equal(asked.length, 1)
  await clock.settle()
  t.equal(asked.length, 2)
  t.same(
    readers.map(({ last }) => last),
    ['ok', 'ok', 'ok'],
  )
})

t.test('later readers never get an earlier index: they wait for a request of their own', async (t) => {
  const { clock, asked, barrier, read, answer } = setup()
  const early = read()
  await clock.settle()
  const late = read()
  await clock.settle()
  t.equal(asked.length, 1, 'one request at a time')
  barrier.onApplied(index(9))
  answer(0, 5)
  t.same([early.last, late.last], ['ok', undefined])
  await clock.settle()
  t.equal(asked.length, 2)
  answer(0, 5)
  t.equal(late.last, undefined, 'an answer to the earlier request is stale')
  answer(1, 8)
  t.equal(late.last, 'ok')
})

t.test('a restarted member with nothing left to apply serves at once', async (t) => {
  const { clock, read, answer } = setup({ applied: 100 })
  const reader = read()
  await clock.settle()
  answer(0, 100)
  t.equal(reader.last, 'ok')
})

t.test('without answer it asks again under a new id; any of its ids counts', async (t) => {
  for (const nth of [0, 1, 2]) {
    const { clock, asked, barrier, read, answer } = setup()
    const reader = read()
    await clock.settle()
    await clock.advance(400)
    barrier.tick(clock.monotonicMs())
    t.equal(asked.length, 1, 'not before half a second')
    await clock.advance(100)
    barrier.tick(clock.monotonicMs())
    barrier.retry()
    t.equal(asked.length, 3)
    t.equal(new Set(asked.map((context) => Buffer.from(context).toString('hex'))).size, 3)
    answer(nth, 0)
    t.equal(reader.last, 'ok')
  }
})

t.test('foreign, malformed and repeated answers are ignored', async (t) => {
  const { clock, asked, barrier, read } = setup()
  const reader = read()
  await clock.settle()
  for (const context of [new Uint8Array(0), new Uint8Array(8), new Uint8Array(9), Buffer.from('somebody')]) {
    barrier.onReadIndex(context, index(0))
  }
  t.equal(reader.last, undefined)
  barrier.onReadIndex(asked[0]!, index(0))
  barrier.onReadIndex(asked[0]!, index(0))
  t.same(reader.answers, ['ok'])
})

t.test('another leader fails who was being asked for, not who only gathers or waits for apply', async (t) => {
  const { clock, asked, barrier, read, answer } = setup()
  const confirmed = read()
  await clock.settle()
  answer(0, 50)
  const asking = read()
  await clock.settle()
  const gathering = read()
  barrier.onLeaderChanged()
  t.same([confirmed.last, asking.last, gathering.last], [undefined, errors.leaderChanged.message, undefined])
  await clock.settle()
  t.equal(asked.length, 3)
  answer(1, 0)
  t.equal(gathering.last, undefined, 'the answer to the failed request is stale')
  answer(2, 50)
  barrier.onApplied(index(50))
  t.same([confirmed.last, gathering.last], ['ok', 'ok'])
  barrier.onLeaderChanged()
  t.equal(asking.answers.length, 1)
})

t.test('times out, and the next batch gets its turn', async (t) => {
  const { clock, asked, barrier, read } = setup()
  const first = read()
  await clock.settle()
  await clock.advance(6999)
  const second = read()
  t.equal(barrier.tick(clock.monotonicMs()), false)
  t.equal(first.last, undefined)
  await clock.advance(1)
  t.equal(barrier.tick(clock.monotonicMs()), true)
  t.same([first.last, second.last], [errors.timeout.message, undefined])
  const before = asked.length
  await clock.settle()
  t.equal(asked.length, before + 1)
  t.equal(barrier.tick(clock.monotonicMs()), false)
})

t.test('confirmed batches are released in order of their index', async (t) => {
  const { clock, barrier, read, answer } = setup()
  const readers: Told[] = []
  for (const [nth, at] of [3, 3, 8].entries()) {
    readers.push(read())
    await clock.settle()
    answer(nth, at)
  }
  barrier.onApplied(index(3))
  t.same(
    readers.map(({ last }) => last),
    ['ok', 'ok', undefined],
  )
  barrier.onApplied(index(100))
  t.same(
    readers.map(({ last }) => last),
    ['ok', 'ok', 'ok'],
  )
})

t.test('bounded: too many readers are refused', async (t) => {
  const { clock, read, answer } = setup({ waitersMax: 2 })
  const readers = [read(), read(), read()]
  t.same(
    readers.map(({ last }) => last),
    [undefined, undefined, errors.tooManyRequests.message],
  )
  await clock.settle()
  answer(0, 0)
  t.equal(read().last, undefined, 'there is room again')
})

t.test('closing fails everyone once', async (t) => {
  const { clock, barrier, read, answer, asked } = setup()
  const readers = [read()]
  await clock.settle()
  answer(0, 9)
  readers.push(read())
  await clock.settle()
  readers.push(read())
  barrier.close()
  await clock.settle()
  barrier.onApplied(index(10))
  barrier.onReadIndex(asked[1]!, index(1))
  for (const { answers } of readers) t.same(answers, [errors.stopped.message])
  t.equal(barrier.waiting, 0)
})

/** Readers of whom two fill a turn's budget. */
const slowReaders = async (count: number) => {
  const { clock, barrier, answer } = setup()
  const turns: (() => void)[] = []
  let nowMs = 0
  const order: string[] = []
  const reader = (name: string) => ({
    onReady: () => {
      order.push(name)
      nowMs += 0.5
    },
    onFailed: () => void order.push(`${name} failed`),
  })
  for (let i = 0; i < count; i++) barrier.wait(reader(`r${i}`))
  await clock.settle()
  clock.monotonicMs = () => nowMs
  clock.soon = (callback) => void turns.push(callback)
  const endTurn = (): void => {
    for (const turn of turns.splice(0)) turn()
  }
  return { clock, barrier, answer, order, endTurn, turns, reader }
}

t.test('readers that take long go on in several turns, in order', async (t) => {
  const { barrier, answer, order, endTurn, turns, reader } = await slowReaders(5)
  answer(0, 0)
  t.same(order, ['r0', 'r1'])
  t.equal(barrier.waiting, 3)
  barrier.wait(reader('later'))
  await Promise.resolve()
  answer(1, 0)
  t.equal(order.length, 2, 'a later batch does not overtake them')
  endTurn()
  endTurn()
  t.same(order, ['r0', 'r1', 'r2', 'r3', 'r4', 'later'])
  t.equal(barrier.waiting, 0)
  t.equal(turns.length, 0)
})

t.test('closing fails those whose turn has not come', async (t) => {
  const { barrier, answer, order, endTurn } = await slowReaders(4)
  answer(0, 0)
  barrier.close()
  endTurn()
  t.same(order, ['r0', 'r1', 'r2 failed', 'r3 failed'])
  t.equal(barrier.waiting, 0)
})

t.test('the answer to a lone reader is polled for while such answers are quick', async (t) => {
  const { clock, polls, read, answer } = setup()
  let nth = 0
  const round = async (readers: number, tookMs: number): Promise<(number | 'end')[]> => {
    polls.length = 0
    for (let i = 0; i < readers; i++) read()
    await clock.settle()
    clock.skip(tookMs)
    const before = [...polls]
    answer(nth++, 0)
    t.same(polls, [...before, 'end'], 'not beyond the answer')
    return before
  }
  t.same(await round(1, 0.1), [0.3])
  t.same(await round(2, 0.1), [], 'several readers have work enough between them')
  t.same(await round(1, 5), [0.3])
  t.same(await round(1, 0.1), [], 'answers have become slow')
  for (let i = 0; i < 20; i++) await round(1, 0.1)
  t.same(await round(1, 0.1), [0.3], 'and quick again')
})

t.test('nothing is polled for where there is nobody to ask', async (t) => {
  const { clock, polls, read, answerAtOnce } = setup()
  answerAtOnce()
  read()
  await clock.settle()
  t.notOk(polls.some((poll) => poll !== 'end'))
})
