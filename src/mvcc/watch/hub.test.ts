// How watchers come and go: creation, ids, filters, cancellation and the end of streams.
import t from 'tap'
import { Code } from '../../env/index.js'
import { etcdserverpb } from '../../proto/index.js'
import { Bench } from './testing-bench.js'
import { bytes, createRequest, del, put } from './testing.js'

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
