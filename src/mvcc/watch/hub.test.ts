// The rules of watching, one by one. `Bench` is a hub over a store in memory, with responses written as short texts.
import t from 'tap'
import { Code, type Status } from '../../env/index.js'
import { DEFAULT_WATCH_LIMITS, WatchHub, type WatchHubLimits } from './hub.js'
import { WatchAnswerCodec, etcdserverpb } from '../../proto/index.js'
import type { HubStream } from './stream.js'
import {
  bytes,
  createRequest,
  del,
  eventText,
  headerFor,
  MemorySource,
  type Operation,
  put,
  seededRandom,
  TestSink,
} from './testing.js'

const FRAGMENT_BYTES = 1000

class Bench {
  source = new MemorySource()
  readonly hub: WatchHub
  work = 0

  constructor(limits: Partial<WatchHubLimits> = {}, progressIntervalMs = 1000) {
    this.hub = new WatchHub(this.source, {
      random: { below: () => 0, uint64: () => 0n },
      header: headerFor,
      onWork: () => this.work++,
      fragmentBytes: FRAGMENT_BYTES,
      progressIntervalMs,
      limits,
    })
  }

  commit(...operations: Operation[]): void {
    const changes = this.source.commit(operations)
    if (changes.length > 0) this.hub.publish(this.source.revision, changes)
  }

  open(markBytes?: number, permission?: (key: Uint8Array, end: Uint8Array) => Status | undefined): Client {
    const sink = new TestSink(markBytes)
    return new Client(sink, this.hub.openStream(sink, 0, permission))
  }

  restored(): void {
    this.source = this.source.replaced()
    this.hub.restored(this.source)
  }

  catchUp(): void {
    for (let i = 0; this.hub.catchUp(100); i++) if (i > 10_000) throw new Error('the catch-up does not end')
  }
}

class Client {
  readonly sink: TestSink
  readonly stream: HubStream

  constructor(sink: TestSink, stream: HubStream) {
    this.sink = sink
    this.stream = stream
  }

  watch(fields: Partial<etcdserverpb.WatchCreateRequest> & { on: string; end?: string }): this {
    this.stream.create(createRequest(fields))
    return this
  }

  /** Everything sent since the last call; tells the stream that there is room again. */
  read(count?: number): string[] {
    const responses = this.sink.read(count)
    if (!this.sink.full) this.stream.drained()
    return responses.map(text)
  }
}

const text = (response: etcdserverpb.WatchResponse): string => {
  const { header, watchId, created, canceled, compactRevision, cancelReason, fragment, events } = response
  const parts = [`id=${watchId}`, `rev=${header?.revision ?? 'none'}`]
  if (created) parts.push('created')
  if (canceled) parts.push('canceled')
  if (compactRevision !== 0) parts.push(`compacted=${compactRevision}`)
  if (cancelReason !== '') parts.push(cancelReason)
  if (fragment) parts.push('fragment')
  return [parts.join(' '), ...events.map(eventText)].join(', ')
}

// Create

t.test('the created response comes first and names the revision of the registration', async (t) => {
  const bench = new Bench()
  t.same(bench.open().watch({ on: 'a' }).read(), ['id=0 rev=1 created'], 'an empty store has revision 1')
  bench.commit(put('a'))
  const client = bench.open().watch({ on: 'a' })
  bench.commit(put('a'))
  t.same(client.read(), ['id=0 rev=2 created', 'id=0 rev=3, put a@3'], 'nothing before it, nothing missed after it')
})

t.test('refusals are created and canceled with id -1, and register nothing', async (t) => {
  const bench = new Bench()
  bench.commit(put('a'))
  const client = bench.open()
  client.watch({ on: 'a', startRevision: -1 })
  client.watch({ on: 'b', end: 'b' })
  client.watch({ on: 'b', end: 'a' })
  client.watch({ on: 'a', watchId: 5n }).watch({ on: 'a', watchId: 5n })
  bench.commit(put('b'))
  t.same(client.read(), [
    'id=-1 rev=2 created canceled etcdserver: mvcc: required revision has been compacted',
    'id=-1 rev=2 created canceled mvcc: watcher range is empty',
    'id=-1 rev=2 created canceled mvcc: watcher range is empty',
    'id=5 rev=2 created',
    'id=-1 rev=2 created canceled mvcc: duplicate watch ID provided on the WatchStream',
  ])
  t.equal(bench.hub.watcherCount, 1)
})

t.test('permission is asked after the sign of the start revision and before the range is looked at', async (t) => {
  const bench = new Bench()
  const asked: [Uint8Array, Uint8Array][] = []
  const client = bench.open(undefined, (key, end) => {
    asked.push([key, end])
    return { code: Code.permissionDenied, message: 'etcdserver: permission denied' }
  })
  client.watch({ on: 'a', startRevision: -1 })
  t.equal(asked.length, 0)
  client.watch({ on: 'b', end: 'a' })
  client.watch({ on: '', end: '\0' })
  t.same(asked, [
    [bytes('b'), bytes('a')],
    [bytes('\0'), bytes('\0')],
  ])
  t.same(client.read().slice(1), [
    'id=-1 rev=1 created canceled rpc error: code = PermissionDenied desc = etcdserver: permission denied',
    'id=-1 rev=1 created canceled rpc error: code = PermissionDenied desc = etcdserver: permission denied',
  ])
})

t.test('the code in a refusal is spelled as Go spells it', async (t) => {
  const cases: [Code, string][] = [
    [Code.invalidArgument, 'InvalidArgument'],
    [Code.unauthenticated, 'Unauthenticated'],
    [Code.ok, 'OK'],
  ]
  for (const [code, name] of cases) {
    const client = new Bench().open(undefined, () => ({ code, message: 'm' })).watch({ on: 'a' })
    t.same(client.read(), [`id=-1 rev=1 created canceled rpc error: code = ${name} desc = m`])
  }
})

t.test('key ranges', async (t) => {
  const keys = ['\0', 'a', 'aa', 'b', '\xff']
  const cases: { on: string; end: string; sees: string[]; rule: string }[] = [
    { on: 'a', end: '', sees: ['a'], rule: 'no end: the key alone' },
    { on: 'a', end: 'b', sees: ['a', 'aa'], rule: 'half-open' },
    { on: 'aa', end: '\0', sees: ['aa', 'b', '\xff'], rule: 'end 0x00: everything from the key' },
    { on: '', end: '', sees: ['\0'], rule: 'no key: the key 0x00' },
    { on: '', end: '\0', sees: keys, rule: 'no key, end 0x00: everything' },
    { on: '\0', end: '\0', sees: keys, rule: 'key 0x00, end 0x00: everything' },
    { on: 'b', end: '\xff', sees: ['b'], rule: 'unsigned order' },
  ]
  for (const { on, end, sees, rule } of cases) {
    for (const startRevision of [0, 2]) {
      const bench = new Bench()
      const client = bench.open()
      if (startRevision === 0) client.watch({ on, end })
      for (const name of keys) bench.commit(put(name))
      if (startRevision !== 0) client.watch({ on, end, startRevision })
      bench.catchUp()
      const events = client.read().flatMap((line) => line.split(', ').slice(1))
      const want = keys.flatMap((name, i) => (sees.includes(name) ? [`put ${name}@${i + 2}`] : []))
      t.same(events, want, `${rule} (start ${startRevision})`)
    }
  }
})

t.test('ids: a counter from 0 on every stream, that skips ids in use and never goes back', async (t) => {
  const bench = new Bench()
  const client = bench.open()
  client.watch({ on: 'a', watchId: 1n })
  client.watch({ on: 'a' }).watch({ on: 'a' })
  client.stream.cancel(0n)
  client.watch({ on: 'a' }).watch({ on: 'a', watchId: 2n }).watch({ on: 'a', watchId: -7n })
  client.stream.cancel(1n)
  client.watch({ on: 'a', watchId: 1n })
  t.same(
    client.read().map((line) => line.split(' rev')[0] + (line.includes('canceled') ? ' canceled' : '')),
    ['id=1', 'id=0', 'id=2', 'id=0 canceled', 'id=3', 'id=-1 canceled', 'id=-7', 'id=1 canceled', 'id=1'],
  )
  t.same(bench.open().watch({ on: 'a' }).read(), ['id=0 rev=1 created'], 'another stream numbers from 0')
})

t.test(
  'start_revision: history up to now comes in one batch under the current revision, then live events',
  async (t) => {
    const bench = new Bench()
    bench.commit(put('a'))
    bench.commit(put('b'))
    bench.commit(put('a'), put('c'))
    const client = bench.open().watch({ on: 'a', startRevision: 2 }).watch({ on: 'a', startRevision: 3 })
    t.ok(bench.work > 0, 'the owner was told of work')
    bench.catchUp()
    bench.commit(del('a'))
    t.same(client.read(), [
      'id=0 rev=4 created',
      'id=1 rev=4 created',
      'id=0 rev=4, put a@2, put a@4',
      'id=1 rev=4, put a@4',
      'id=0 rev=5, delete a@5',
      'id=1 rev=5, delete a@5',
    ])
  },
)

t.test('start_revision in the future: waits silently and drops what comes before', async (t) => {
  const bench = new Bench()
  const client = bench.open().watch({ on: 'a', startRevision: 4 })
  t.equal(bench.work, 0)
  for (let i = 0; i < 4; i++) bench.commit(put('a'))
  t.same(client.read(), ['id=0 rev=1 created', 'id=0 rev=4, put a@4', 'id=0 rev=5, put a@5'])
})

t.test('filters drop events; a response left without events is not sent', async (t) => {
  for (const live of [true, false]) {
    const bench = new Bench()
    const client = bench.open()
    const startRevision = live ? 0 : 2
    const watch = (): void => {
      for (const filters of [[0], [1], [0, 1], [7]]) client.watch({ on: 'a', end: 'c', startRevision, filters })
    }
    if (live) watch()
    bench.commit(put('a'))
    bench.commit(del('a'), put('b'))
    if (!live) watch()
    bench.catchUp()
    const got = client.read().filter((line) => !line.includes('created'))
    const events = (id: number): string[] =>
      got.filter((line) => line.startsWith(`id=${id} `)).flatMap((line) => line.split(', ').slice(1))
    t.same(events(0), ['delete a@3'], 'NOPUT')
    t.same(events(1), ['put a@2', 'put b@3'], 'NODELETE')
    t.same(events(2), [], 'both')
    t.same(events(3), ['put a@2', 'delete a@3', 'put b@3'], 'an unknown filter')
    t.notOk(
      got.some((line) => !line.includes(',')),
      'no response without events',
    )
  }
})

t.test('prev_kv: the state one revision before; none for a creation nor below the compact revision', async (t) => {
  for (const live of [true, false]) {
    const bench = new Bench()
    const client = bench.open()
    const fields = { on: 'a', end: 'c', startRevision: live ? 0 : 2, prevKv: true }
    if (live) client.watch(fields)
    bench.commit(put('a'))
    bench.commit(put('a'))
    bench.commit(del('a'), put('a'))
    bench.commit(put('b'), del('b'))
    bench.commit(put('a'), del('a'))
    if (!live) client.watch(fields)
    bench.catchUp()
    t.same(
      client.read().flatMap((line) => line.split(', ').slice(1)),
      ['put a@2', 'put a@3<2', 'delete a@4<3', 'put a@4', 'put b@5', 'delete b@5', 'put a@6<4', 'delete a@6<4'],
      live ? 'live' : 'history',
    )
  }
  const bench = new Bench()
  bench.commit(put('a'))
  bench.commit(put('a'))
  bench.commit(put('a'))
  bench.source.compactRevision = 3
  const client = bench.open().watch({ on: 'a', startRevision: 3, prevKv: true })
  bench.catchUp()
  t.same(client.read()[1], 'id=0 rev=4, put a@3, put a@4<3')
})

t.test('an event is encoded once for all watchers that want the same form', async (t) => {
  const bench = new Bench()
  const client = bench.open()
  for (let i = 0; i < 3; i++) client.watch({ on: 'a', end: 'b' }).watch({ on: 'a', prevKv: true })
  bench.commit(put('a'))
  bench.commit(put('a'))
  const responses = client.sink.read().filter(({ header }) => header?.revision === 3)
  t.equal(responses.length, 6)
  t.equal(new Set(responses.map(({ events }) => events[0])).size, 2, 'with and without prev_kv')
  t.equal(new Set(responses.map(({ header }) => header)).size, 1, 'one header')
})

// Cancel and end

t.test('cancel answers once, stops events, and frees the id for explicit use', async (t) => {
  const bench = new Bench()
  bench.commit(put('a'))
  const client = bench.open().watch({ on: 'a' })
  client.stream.onRequest({ createRequest: undefined, cancelRequest: { watchId: 0n }, progressRequest: undefined })
  client.stream.cancel(0n)
  client.stream.cancel(9n)
  bench.commit(put('a'))
  client.watch({ on: 'a', watchId: 0n })
  t.same(client.read(), ['id=0 rev=2 created', 'id=0 rev=2 canceled', 'id=1 rev=3 created'])
  t.equal(bench.hub.watcherCount, 1)
})

t.test('a watcher can be cancelled in every state', async (t) => {
  const bench = new Bench()
  for (let i = 0; i < 20; i++) bench.commit(put('a'))
  bench.source.sliceMax = 1
  const client = bench.open()
  client.watch({ on: 'a', startRevision: 2 })
  client.stream.cancel(0n)
  bench.catchUp()
  client.watch({ on: 'a', startRevision: 2 }).watch({ on: 'a', startRevision: 2 })
  bench.hub.catchUp(1)
  client.stream.cancel(1n)
  bench.catchUp()
  bench.source.compactRevision = 10
  client.watch({ on: 'a', startRevision: 5 })
  bench.catchUp()
  client.stream.cancel(3n)
  client.stream.cancel(2n)
  t.same(
    client.read().map((line) => line.split(', ')[0]),
    [
      'id=0 rev=21 created',
      'id=0 rev=21 canceled',
      'id=1 rev=21 created',
      'id=2 rev=21 created',
      'id=1 rev=21 canceled',
      'id=2 rev=21',
      'id=3 rev=21 created',
      'id=3 rev=0 canceled compacted=10',
      'id=3 rev=21 canceled',
      'id=2 rev=21 canceled',
    ],
  )
  t.equal(bench.hub.watcherCount, 0)
  t.equal(bench.hub.behindCount, 0)
})

t.test('closing a stream frees its watchers and leaves the others alone', async (t) => {
  const bench = new Bench()
  const other = bench.open().watch({ on: 'a' })
  bench.commit(put('a'))
  const client = bench.open().watch({ on: 'a' }).watch({ on: 'a', startRevision: 2 })
  client.read()
  client.stream.close()
  client.stream.close()
  client.watch({ on: 'a' })
  client.stream.requestProgress()
  bench.catchUp()
  bench.commit(put('a'))
  t.same(client.read(), [])
  t.same(other.read(), ['id=0 rev=1 created', 'id=0 rev=2, put a@2', 'id=0 rev=3, put a@3'])
  t.equal(bench.hub.watcherCount, 1)
  t.equal(bench.hub.streamCount, 1)
})

t.test('a sink that closes its stream while it is sent to does no harm', async (t) => {
  const bench = new Bench()
  for (let i = 0; i < 5; i++) bench.commit(put('a'), put('b'))
  for (const startRevision of [0, 2]) {
    for (const at of [1, 2, 3, 4]) {
      const sent: etcdserverpb.WatchResponse[] = []
      const stream = bench.hub.openStream(
        {
          send: (response) => {
            sent.push(response)
            if (sent.length === at) stream.close()
            return true
          },
          onOverflow: () => undefined,
        },
        0,
      )
      for (let i = 0; i < 2; i++) stream.create(createRequest({ on: 'a', end: 'c', startRevision }))
      bench.catchUp()
      bench.commit(put('a'))
      bench.commit(put('a'), put('b'))
      const { eventsSent } = bench.hub
      bench.commit(put('a'))
      bench.catchUp()
      t.equal(sent.length, at)
      t.equal(bench.hub.eventsSent, eventsSent, 'no watcher lives on')
    }
  }
  t.equal(bench.hub.behindCount, 0)
  t.equal(bench.hub.watcherCount, 0)
  t.equal(bench.hub.streamCount, 0)
})

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

// Progress

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
