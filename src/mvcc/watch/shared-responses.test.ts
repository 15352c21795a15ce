import t from 'tap'
import { SharedResponses } from './shared-responses.js'
import { headerFor } from './testing.js'
import { type EventStream, Watcher, type WatcherOptions } from './watcher.js'

/** Nothing here is sent, or depends on what is watched. */
const stream = {} as EventStream
const range = {} as Watcher['range']
const watcherOf = (id: bigint): Watcher => new Watcher(stream, id, range, 1, {} as WatcherOptions)

const EVENTS = [Buffer.from('an event')]

t.test('watchers of the same id get the same response, those of other streams too', async (t) => {
  const responses = new SharedResponses(headerFor(7))
  const ids = [0n, 1n, 63n, 2n ** 62n + 5n]
  const first = ids.map((id) => responses.get(watcherOf(id), EVENTS))
  const second = ids.map((id) => responses.get(watcherOf(id), EVENTS))
  t.ok(first.every((response, i) => response === second[i]))
  t.strictSame(
    first.map(({ watchId }) => watchId),
    ids,
  )
  t.ok(first.every(({ header, events }) => header === first[0]!.header && events === EVENTS))
  t.equal(first[0]!.header!.revision, headerFor(7).revision)
})

t.test('ids that meet in one place do not get each other\u2019s response', async (t) => {
  const responses = new SharedResponses(headerFor(7))
  const ids = [3n, 67n, -61n, 3n, 2n ** 63n - 61n]
  t.strictSame(
    ids.map((id) => responses.get(watcherOf(id), EVENTS).watchId),
    ids,
  )
})

t.test('whoever gets other events gets another response', async (t) => {
  const responses = new SharedResponses(headerFor(7))
  const others = [Buffer.from('with the previous value')]
  const plain = responses.get(watcherOf(0n), EVENTS)
  t.equal(responses.get(watcherOf(0n), others).events, others)
  t.not(responses.get(watcherOf(0n), EVENTS), plain, 'only the last is kept')
  t.equal(plain.events, EVENTS)
})
