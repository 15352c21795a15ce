// Progress notices, asked for and periodic.
import t from 'tap'
import { WatchHub } from './hub.js'
import { Bench } from './testing-bench.js'
import { createRequest, headerFor, MemorySource, put, seededRandom, TestSink } from './testing.js'

t.test('manual progress answers for the stream with id -1 when every watcher is in sync', async (t) => {
  const bench = new Bench()
  bench.commit(put('a'))
  const client = bench.open()
  const progress = (): string[] => {
    client.read()
    client.stream.requestProgress()
    return client.read()
  }
  t.same(progress(), [], 'no watchers: no answer')
  client.watch({ on: 'a' })
  t.same(progress(), ['id=-1 rev=2'])
  client.watch({ on: 'a', startRevision: 3 })
  t.same(progress(), [], 'one waits for the next revision')
  bench.commit(put('x'))
  t.same(progress(), ['id=-1 rev=3'])
  client.watch({ on: 'a', startRevision: 2 })
  t.same(progress(), [], 'one catches up')
  bench.catchUp()
  t.same(progress(), ['id=-1 rev=3'])
})

t.test('manual progress by start revision', async (t) => {
  // Current revision 3; what is answered at once, and what after the catch-up.
  const cases: { starts: number[]; atOnce: boolean; later: boolean }[] = [
    { starts: [0], atOnce: true, later: true },
    { starts: [3], atOnce: false, later: true },
    { starts: [4], atOnce: false, later: false },
    { starts: [0, 3], atOnce: false, later: true },
    { starts: [0, 4], atOnce: false, later: false },
    { starts: [0, 0, 0], atOnce: true, later: true },
  ]
  for (const { starts, atOnce, later } of cases) {
    const bench = new Bench()
    bench.commit(put('x'))
    bench.commit(put('x'))
    const client = bench.open()
    for (const startRevision of starts) client.watch({ on: 'a', startRevision })
    client.read()
    client.stream.requestProgress()
    t.same(client.read(), atOnce ? ['id=-1 rev=3'] : [], `at once, starts ${starts.join()}`)
    bench.catchUp()
    client.stream.requestProgress()
    t.same(client.read(), later ? ['id=-1 rev=3'] : [], `in sync, starts ${starts.join()}`)
  }
})

t.test('progress is never answered while events are pending, and dropped while the stream is full', async (t) => {
  const bench = new Bench()
  const client = bench.open(30).watch({ on: 'a' })
  client.read()
  bench.commit(put('a'))
  bench.commit(put('a'))
  client.stream.requestProgress()
  t.same(client.read(), ['id=0 rev=2, put a@2'])
  client.stream.requestProgress()
  t.same(client.read(), [], 'behind')
  bench.catchUp()
  client.stream.requestProgress()
  t.same(client.read(), ['id=0 rev=3, put a@3'], 'full again: dropped')
  client.stream.requestProgress()
  t.same(client.read(), ['id=-1 rev=3'])
})

t.test('periodic progress: own id, only if asked for and in sync, skipped once after events', async (t) => {
  const bench = new Bench()
  const client = bench.open().watch({ on: 'a', progressNotify: true }).watch({ on: 'a' })
  client.watch({ on: 'b', startRevision: 4, progressNotify: true })
  client.read()
  bench.hub.tick(999)
  t.same(client.read(), [])
  bench.hub.tick(1000)
  t.same(client.read(), ['id=0 rev=1'], 'the one that waits for revision 4 gets none')
  bench.commit(put('a'))
  client.read()
  bench.hub.tick(1999)
  t.same(client.read(), [])
  bench.hub.tick(2000)
  t.same(client.read(), [], 'events came since the last tick')
  bench.hub.tick(3000)
  t.same(client.read(), ['id=0 rev=2'])
  bench.commit(put('x'))
  bench.commit(put('x'))
  bench.hub.tick(4000)
  t.same(client.read(), ['id=0 rev=4', 'id=2 rev=4'])
  bench.hub.tick(9500)
  t.same(client.read(), ['id=0 rev=4', 'id=2 rev=4'], 'missed ticks are not made up')
  bench.hub.tick(9999)
  t.same(client.read(), [])
  bench.hub.tick(10_000)
  t.equal(client.read().length, 2)
})

t.test('periodic progress is silent for a watcher that catches up and on a full stream', async (t) => {
  const bench = new Bench()
  bench.commit(put('a'))
  const client = bench.open(10).watch({ on: 'a', startRevision: 2, progressNotify: true })
  bench.hub.tick(1000)
  t.same(client.read(), ['id=0 rev=2 created'])
  bench.hub.tick(2000)
  t.same(client.read(), [])
  bench.catchUp()
  t.same(client.read(), ['id=0 rev=2, put a@2'])
  bench.hub.tick(3000)
  bench.hub.tick(4000)
  bench.hub.tick(5000)
  t.same(client.read(), ['id=0 rev=2'], 'the second was dropped')
})

t.test('the progress timer of a stream is drawn once, less than a tenth above the interval', async (t) => {
  const source = new MemorySource()
  const random = seededRandom(1)
  const hub = new WatchHub(source, {
    random,
    header: headerFor,
    onWork: () => undefined,
    fragmentBytes: 1000,
    progressIntervalMs: 50,
  })
  const sinks = Array.from({ length: 200 }, () => {
    const sink = new TestSink()
    hub.openStream(sink, 0).create(createRequest({ on: 'a', progressNotify: true }))
    sink.read()
    return sink
  })
  const count = (): number => sinks.reduce((sum, sink) => sum + sink.read().length, 0)
  hub.tick(99.9)
  t.equal(count(), 0, 'an interval below 100 ms counts as 100 ms')
  hub.tick(105)
  const early = count()
  t.ok(early > 50 && early < 150, `${early} of 200 in the first half of the spread`)
  hub.tick(110)
  t.equal(early + count(), 200)
})
