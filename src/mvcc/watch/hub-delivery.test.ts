// What watchers get, and when: compaction, catching up, slow streams, fragments, publishing.
import t from 'tap'
import { WatchAnswerCodec, etcdserverpb } from '../../proto/index.js'
import { DEFAULT_WATCH_LIMITS } from './hub.js'
import { Bench, FRAGMENT_BYTES, text } from './testing-bench.js'
import { bytes, put, seededRandom, type Operation } from './testing.js'

// Compaction

t.test('a start below the compact revision is created, then cancelled by compaction; the id stays taken', async (t) => {
  const bench = new Bench()
  for (let i = 0; i < 5; i++) bench.commit(put('a'))
  bench.source.compactRevision = 4
  const client = bench.open().watch({ on: 'a', startRevision: 3 }).watch({ on: 'a', startRevision: 4 })
  bench.catchUp()
  t.same(client.read(), [
    'id=0 rev=6 created',
    'id=1 rev=6 created',
    'id=0 rev=0 canceled compacted=4',
    'id=1 rev=6, put a@4, put a@5, put a@6',
  ])
  client.watch({ on: 'a', watchId: 0n }).stream.requestProgress()
  t.same(client.read(), ['id=2 rev=6 created'], 'no progress while it blocks the stream')
  client.watch({ on: 'a', watchId: 2n })
  client.stream.cancel(0n)
  client.stream.requestProgress()
  t.same(client.read(), [
    'id=-1 rev=6 created canceled mvcc: duplicate watch ID provided on the WatchStream',
    'id=0 rev=6 canceled',
    'id=-1 rev=6',
  ])
})

t.test('explicit id 0 cannot be asked for: it means "pick one"', async (t) => {
  const client = new Bench().open().watch({ on: 'a', watchId: 0n }).watch({ on: 'a', watchId: 0n })
  t.same(client.read(), ['id=0 rev=1 created', 'id=1 rev=1 created'])
})

t.test('compaction never hits a watcher in sync or waiting for a future revision', async (t) => {
  const bench = new Bench()
  const client = bench.open().watch({ on: 'a' }).watch({ on: 'a', startRevision: 6 })
  for (let i = 0; i < 3; i++) bench.commit(put('x'))
  bench.source.compactRevision = 4
  bench.catchUp()
  bench.commit(put('a'))
  bench.commit(put('a'))
  t.same(client.read().slice(2), ['id=0 rev=5, put a@5', 'id=0 rev=6, put a@6', 'id=1 rev=6, put a@6'])
})

t.test('a slow watcher overtaken by compaction is cancelled with the compact revision', async (t) => {
  const bench = new Bench()
  const client = bench.open(10).watch({ on: 'a' })
  t.same(client.read(0), [], 'the created response filled the stream')
  for (let i = 0; i < 4; i++) bench.commit(put('a'))
  bench.source.compactRevision = 3
  bench.catchUp()
  t.same(client.read(), ['id=0 rev=1 created'])
  bench.catchUp()
  t.same(client.read(), ['id=0 rev=0 canceled compacted=3'])
})

t.test('a compaction during a pass: complete revisions are handed over, then the watcher is cancelled', async (t) => {
  const bench = new Bench()
  for (let i = 0; i < 10; i++) bench.commit(put('a'), put('b'), put('c'))
  bench.source.sliceMax = 4
  const client = bench.open().watch({ on: 'a', end: 'd', startRevision: 2 }).watch({ on: 'a', startRevision: 8 })
  bench.hub.catchUp(5)
  t.equal(bench.source.reads, 1, 'one revision and a third were read')
  bench.source.compactRevision = 7
  bench.catchUp()
  t.same(client.read().slice(2), [
    'id=0 rev=11, put a@2, put b@2, put c@2',
    'id=0 rev=0 canceled compacted=7',
    'id=1 rev=11, put a@8, put a@9, put a@10, put a@11',
  ])
})

// Delivery

t.test('one response per watcher and transaction, events in order of operations', async (t) => {
  const bench = new Bench()
  const client = bench.open().watch({ on: 'a', end: 'z' }).watch({ on: 'b' })
  bench.commit(put('c'), put('b'), put('a'))
  t.same(client.read().slice(2), ['id=0 rev=2, put c@2, put b@2, put a@2', 'id=1 rev=2, put b@2'])
})

t.test('catch-up batches hold at most so many revisions and are cut between revisions', async (t) => {
  const bench = new Bench({ batchRevisions: 3 })
  for (let i = 0; i < 8; i++) bench.commit(put('a'), put('x'), put('b'))
  bench.source.sliceMax = 2
  const client = bench.open().watch({ on: 'a', end: 'c', startRevision: 2 })
  bench.catchUp()
  t.same(client.read().slice(1), [
    'id=0 rev=9, put a@2, put b@2, put a@3, put b@3, put a@4, put b@4',
    'id=0 rev=9, put a@5, put b@5, put a@6, put b@6, put a@7, put b@7',
    'id=0 rev=9, put a@8, put b@8, put a@9, put b@9',
  ])
  t.equal(DEFAULT_WATCH_LIMITS.batchRevisions, 1000)
})

t.test('catch-up batches are cut by size between revisions, and 10 MiB still go out whole', async (t) => {
  const bench = new Bench({ batchBytes: 100 })
  const big = bytes('v'.repeat(60))
  for (let i = 0; i < 4; i++) {
    bench.source.commit([put('a'), put('b')], big)
    bench.hub.publish(bench.source.revision, bench.source.log.slice(-2))
  }
  const client = bench.open().watch({ on: 'a', end: 'c', startRevision: 2 })
  bench.catchUp()
  t.same(
    client.read().slice(1),
    [2, 3, 4, 5].map((revision) => `id=0 rev=5, put a@${revision}, put b@${revision}`),
  )
  t.ok(DEFAULT_WATCH_LIMITS.batchBytes > 11 << 20)
})

t.test('watchers that are behind share one reading of history', async (t) => {
  const bench = new Bench()
  for (let i = 0; i < 100; i++) bench.commit(put('a'))
  const client = bench.open()
  for (let i = 0; i < 50; i++) client.watch({ on: 'a', startRevision: 2 + i })
  bench.catchUp()
  t.equal(bench.source.reads, 1)
  t.equal(client.read().length, 100)
})

t.test('a pass reads on to what was published meanwhile', async (t) => {
  const bench = new Bench()
  for (let i = 0; i < 4; i++) bench.commit(put('a'))
  bench.source.sliceMax = 1
  const client = bench.open().watch({ on: 'a', startRevision: 4 })
  bench.hub.catchUp(1)
  bench.commit(put('a'))
  bench.catchUp()
  bench.commit(put('a'))
  t.same(client.read(), ['id=0 rev=5 created', 'id=0 rev=6, put a@4, put a@5, put a@6', 'id=0 rev=7, put a@7'])
})

t.test('a long history starves nobody: passes are limited and the watchers take turns', async (t) => {
  const bench = new Bench({ passRevisions: 10 })
  for (let i = 0; i < 4000; i++) bench.commit(put('a'))
  const slow = bench.open().watch({ on: 'a', startRevision: 2 })
  const near = bench.open().watch({ on: 'a', startRevision: 4001 })
  slow.read()
  near.read()
  bench.hub.catchUp(30)
  t.same(near.read(), ['id=0 rev=4001, put a@4001'])
  t.ok(bench.hub.behindCount === 1, 'the other one is still on its way')
  bench.catchUp()
  t.equal(slow.read().flatMap((line) => line.split(', ').slice(1)).length, 4000)
})

t.test('a full stream gets nothing more; drained, its watchers continue where they were', async (t) => {
  const bench = new Bench()
  const client = bench.open(30).watch({ on: 'a' }).watch({ on: 'b' })
  const fast = bench.open().watch({ on: 'a' })
  t.same(client.read(), ['id=0 rev=1 created', 'id=1 rev=1 created'])
  for (let i = 0; i < 3; i++) bench.commit(put('a'), put('b'))
  bench.catchUp()
  t.equal(fast.read().length, 4, 'others are not held up')
  t.same(client.read(), ['id=0 rev=2, put a@2'], 'one response was over the mark')
  t.equal(bench.hub.behindCount, 2)
  bench.catchUp()
  t.same(client.read(), ['id=1 rev=4, put b@2, put b@3, put b@4'], 'the one that waits longest comes first')
  bench.catchUp()
  t.same(client.read(), ['id=0 rev=4, put a@3, put a@4'])
  t.equal(bench.hub.behindCount, 0)
  bench.commit(put('b'))
  t.same(client.read(), ['id=1 rev=5, put b@5'])
})

t.test('watchers of a full stream that have nothing to get stay in sync', async (t) => {
  const bench = new Bench()
  const client = bench.open(10).watch({ on: 'a' }).watch({ on: 'b' })
  bench.commit(put('x'))
  t.equal(bench.hub.behindCount, 0)
  bench.commit(put('a'))
  t.equal(bench.hub.behindCount, 1)
  client.read()
  bench.catchUp()
  t.same(client.read(), ['id=0 rev=3, put a@3'])
})

t.test('1000 watchers on 100 streams, half of them slow: everybody gets everything, buffers stay small', async (t) => {
  const bench = new Bench()
  const random = seededRandom(5)
  const clients = Array.from({ length: 100 }, (_, i) => ({
    client: bench.open(i % 2 === 0 ? 200 : undefined),
    got: 0,
    most: 0,
  }))
  for (const { client } of clients) {
    for (let i = 0; i < 10; i++) {
      if (i % 2 === 0) client.watch({ on: `k${i}` })
      else client.watch({ on: 'k', end: 'l' })
    }
    client.read()
  }
  // Every watcher of a range gets each event, those of single keys a tenth in turn.
  const transactions = 500
  for (let n = 0; n < transactions; n++) {
    bench.commit(put(`k${n % 10}`))
    if (n % 5 === 0) bench.hub.catchUp(200)
    for (let i = 0; i < 10; i++) {
      const entry = clients[random.below(clients.length)]!
      entry.most = Math.max(entry.most, entry.client.sink.bufferedBytes)
      entry.got += entry.client.read().reduce((sum, line) => sum + line.split(', ').length - 1, 0)
    }
  }
  t.ok(bench.hub.behindCount > 0, 'some could not keep up')
  for (let i = 0; i < 100; i++) {
    bench.catchUp()
    for (const entry of clients) {
      entry.got += entry.client.read().reduce((sum, line) => sum + line.split(', ').length - 1, 0)
    }
  }
  t.equal(bench.hub.behindCount, 0)
  const want = 5 * transactions + (5 * transactions) / 10
  t.ok(
    clients.every(({ got }) => got === want),
    `each of 100 streams got ${want} events`,
  )
  // One event is some 20 bytes; a batch holds at most all events of one watcher.
  const most = Math.max(...clients.filter((_, i) => i % 2 === 0).map((entry) => entry.most))
  t.ok(most > 200 && most < 200 + 25 * transactions, `at most ${most} bytes waited`)
})

t.test('a client that asks and never reads is cut off', async (t) => {
  const bench = new Bench({ controlWhileFullMax: 10 })
  const client = bench.open(10)
  for (let i = 0; i < 20; i++) client.watch({ on: 'a', watchId: 1n }).stream.cancel(1n)
  t.equal(client.sink.overflows, 1)
  t.equal(client.sink.responses.length, 11)
  t.equal(bench.hub.watcherCount, 0)
  t.equal(bench.hub.streamCount, 0)
})

t.test('the hub refuses watchers over its limit', async (t) => {
  const bench = new Bench({ watchersMax: 2 })
  const client = bench.open().watch({ on: 'a' }).watch({ on: 'a' }).watch({ on: 'a' })
  t.same(client.read()[2], 'id=-1 rev=1 created canceled etcdserver: too many requests')
  client.stream.cancel(0n)
  t.same(client.watch({ on: 'a' }).read()[1], 'id=2 rev=1 created')
})

t.test('a restored snapshot: streams stay, watchers continue from history, future ones keep waiting', async (t) => {
  const bench = new Bench()
  const client = bench.open().watch({ on: 'a' }).watch({ on: 'a', startRevision: 9 }).watch({ on: 'b' })
  bench.commit(put('a'))
  client.read()
  for (let i = 0; i < 3; i++) bench.source.commit([put('a')])
  bench.restored()
  t.ok(bench.work > 0)
  t.equal(bench.hub.revision, 5)
  bench.catchUp()
  bench.commit(put('b'))
  t.same(client.read(), ['id=0 rev=5, put a@3, put a@4, put a@5', 'id=2 rev=6, put b@6'])

  for (let i = 0; i < 3; i++) bench.source.commit([put('a')])
  bench.source.compactRevision = 8
  bench.restored()
  bench.catchUp()
  t.same(client.read(), ['id=0 rev=0 canceled compacted=8', 'id=2 rev=0 canceled compacted=8', 'id=1 rev=9, put a@9'])
})

t.test('a restored snapshot interrupts a pass', async (t) => {
  const bench = new Bench()
  for (let i = 0; i < 6; i++) bench.commit(put('a'))
  bench.source.sliceMax = 1
  const client = bench.open().watch({ on: 'a', startRevision: 3 })
  bench.hub.catchUp(1)
  bench.source.commit([put('a')])
  bench.restored()
  bench.catchUp()
  t.same(client.read()[1], 'id=0 rev=8, put a@3, put a@4, put a@5, put a@6, put a@7, put a@8')
})

// Fragments

t.test('fragment: pieces below the threshold, the last one unmarked, whole without the flag', async (t) => {
  const bench = new Bench()
  const value = bytes('v'.repeat(280))
  const plain = bench.open().watch({ on: 'a', end: 'z' })
  const split = bench.open().watch({ on: 'a', end: 'z', fragment: true })
  const commit = (...operations: Operation[]): void => {
    bench.hub.publish(bench.source.revision + 1, bench.source.commit(operations, value))
  }
  commit(put('a'), put('b'), put('c'))
  commit(put('d'), put('e'), put('f'), put('g'), put('h'), put('i'), put('j'))
  t.same(plain.read().length, 3)
  t.same(split.read().slice(1), [
    'id=0 rev=2, put a@2, put b@2, put c@2',
    'id=0 rev=3 fragment, put d@3, put e@3, put f@3',
    'id=0 rev=3 fragment, put g@3, put h@3, put i@3',
    'id=0 rev=3, put j@3',
  ])
})

t.test(
  'fragment: an event above the threshold goes alone, and a full sink does not tear the pieces apart',
  async (t) => {
    const bench = new Bench()
    const client = bench.open(100).watch({ on: 'a', end: 'z', fragment: true }).watch({ on: 'b' })
    client.read()
    bench.hub.publish(2, bench.source.commit([put('a'), put('b')], bytes('v'.repeat(2 * FRAGMENT_BYTES))))
    t.same(client.read(), ['id=0 rev=2 fragment, put a@2', 'id=0 rev=2, put b@2'])
    bench.catchUp()
    t.same(client.read(), ['id=1 rev=2, put b@2'])
  },
)

// Publishing

t.test('publishing out of order is a broken promise', async (t) => {
  const bench = new Bench()
  bench.commit(put('a'))
  t.throws(() => {
    bench.hub.publish(4, [])
  }, /one by one/)
  t.throws(() => {
    bench.hub.publish(3, [])
  }, /can be read/)
})

t.test('watchers that get the same share one response; others do not', async (t) => {
  const bench = new Bench()
  const alike = [bench.open(), bench.open(), bench.open()].map((client) => client.watch({ on: 'a', end: 'z' }))
  const other = bench.open().watch({ on: 'a', watchId: 7n }).watch({ on: 'a', prevKv: true, watchId: 8n })
  bench.commit(put('a'))
  bench.commit(put('a'))
  for (const client of [...alike, other]) client.sink.read(client === other ? 2 : 1) // created
  const [first, second, third] = alike.map((client) => client.sink.read())
  t.equal(first!.length, 2)
  t.ok(first!.every((response, i) => response === second![i] && response === third![i]))
  const shared = first![1]!
  t.equal(WatchAnswerCodec.encode(shared), WatchAnswerCodec.encode(shared), 'encoded once')
  t.same(WatchAnswerCodec.encode(shared), etcdserverpb.WatchResponseCodec.encode(shared))
  t.same(other.sink.read().map(text), [
    'id=7 rev=2, put a@2',
    'id=8 rev=2, put a@2',
    'id=7 rev=3, put a@3',
    'id=8 rev=3, put a@3<2',
  ])
})
