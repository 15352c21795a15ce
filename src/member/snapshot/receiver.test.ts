import t from 'tap'
import { type ClusterId, NO_LEASE, index, keyOf, term } from '../../base/index.js'
import { type BackendRow, type StoreFolder, silentLogger } from '../../env/index.js'
import { CorruptStore } from '../../mvcc/index.js'
import { MemoryBackend, commit, openStore } from '../../mvcc/testing.js'
import type { raftpb } from '../../proto/index.js'
import { SnapshotReceiver } from './receiver.js'
import { MalformedRows } from './row-stream.js'
import { SnapshotLost, appliedIndexOf, receivedPointOf } from './stores.js'
import { MemoryFolders, appliedRows, chunksOf, snapshotMessageAt } from './testing.js'

const CLUSTER = 5n as ClusterId
const messageAt = (at: number): raftpb.Message => snapshotMessageAt(at, 1)
const pointAt = (at: number) => ({ index: index(at), term: term(1) })

/** Two fill a batch; the last one is larger than any. */
const valueOf = (i: number): Buffer => Buffer.alloc(i === 5 ? 2_000_000 : 600_000, i)

/** Of a store with so many keys, each put at its own revision from 2 on. */
const revisionRows = async (keys: number): Promise<BackendRow[]> => {
  const backend = new MemoryBackend()
  const store = await openStore(backend)
  for (let i = 0; i < keys; i++) {
    const txn = store.beginWrite()
    txn.put(keyOf(Buffer.from(`key${i}`)), Buffer.alloc(1000, i), NO_LEASE)
    txn.end()
  }
  await commit(store, backend)
  await store.close()
  return backend.batches.flat().filter(({ bucket }) => bucket === 'key')
}
const KEYS = 1000
const REVISIONS = await revisionRows(KEYS)

const chunksAt = (at: number, clusterId = CLUSTER): Promise<Uint8Array[]> => {
  const rows = [
    ...REVISIONS,
    ...Array.from({ length: 6 }, (_, i) => ({
      bucket: 'lease' as const,
      key: Buffer.from(`k${i}`),
      value: valueOf(i),
    })),
    ...appliedRows(index(at), 1),
  ]
  return chunksOf(rows, clusterId, at, 1)
}

const setup = () => {
  const folders = new MemoryFolders(() => new MemoryBackend())
  const stepped: raftpb.Message[] = []
  const state = { committed: 10, applied: 10, accepts: true, place: Promise.resolve<StoreFolder>('store.next') }
  const receiver = new SnapshotReceiver({
    folders,
    logger: silentLogger,
    clusterId: CLUSTER,
    place: () => state.place,
    isObsolete: (at) => at <= state.committed,
    committed: () => index(state.committed),
    applied: () => index(state.applied),
    step: (message) => {
      stepped.push(message)
      const at = message.snapshot!.metadata!.index
      if (state.accepts) state.committed = Math.max(state.committed, at)
    },
  })
  const receive = async (at: number): Promise<void> => {
    const receipt = await receiver.begin(messageAt(at))
    for (const chunk of await chunksAt(at)) await receipt!.write(chunk)
    await receipt!.finish()
  }
  return { folders, receiver, stepped, receive, state }
}

t.test('rows become a store that does not count before the log begins with it', async (t) => {
  const { folders, receiver, stepped } = setup()
  const message = messageAt(42)
  const receipt = await receiver.begin(message)
  for (const chunk of await chunksAt(42)) {
    await receipt!.write(chunk)
    chunk.fill(0xff) // It was lent.
  }
  t.same(stepped, [])
  await receipt!.finish()
  t.same(stepped, [message])
  const backend = folders.places.get('store.next')!
  t.equal(appliedIndexOf(backend), 0)
  t.same(receivedPointOf(backend), pointAt(42))
  t.same(folders.steps, ['remove store.next', 'open store.next', 'sync store.next'])
  await t.rejects(receiver.take({ index: index(42), term: term(2) }), SnapshotLost)

  const store = await receiver.take(pointAt(42))
  t.equal(store.folder, 'store.next')
  t.equal(appliedIndexOf(backend), 42)
  t.equal(receivedPointOf(backend), undefined)
  for (let i = 0; i < 6; i++) t.ok(valueOf(i).equals(backend.get('lease', Buffer.from(`k${i}`))!))
  t.ok(backend.batches.length >= 3, 'in batches')
  t.same(folders.steps.slice(3), ['sync store.next'])
  await t.rejects(receiver.take(pointAt(42)), SnapshotLost, 'once')
})

t.test('the index of its keys is made while it arrives', async (t) => {
  const { folders, receiver, receive } = setup()
  await receive(42)
  const { backend, restored } = await receiver.take(pointAt(42))
  const memory = folders.places.get('store.next')!
  memory.scan = () => t.fail('read again') as never
  const store = await openStore(backend, {}, restored)
  t.equal(store.indexedKeys, KEYS)
  t.equal(store.revision, KEYS + 1)
  for (const i of [0, 1, 500, KEYS - 1]) {
    const { create, mod, version } = store.lookup(keyOf(Buffer.from(`key${i}`)))!
    t.same([create, mod, version], [i + 2, i + 2, 1])
    t.ok(Buffer.from(store.get(keyOf(Buffer.from(`key${i}`)), KEYS + 1)!).includes(Buffer.alloc(1000, i)))
  }
})

t.test('revisions that contradict each other are refused', async (t) => {
  const { folders, receiver, stepped } = setup()
  const [first, second] = REVISIONS
  const broken = { ...first!, value: Buffer.from(first!.value!).fill(0xff, 5) }
  for (const rows of [[second!, first!], [first!, first!], [broken, second!], [broken]]) {
    const receipt = await receiver.begin(messageAt(20))
    const receive = async (): Promise<void> => {
      for (const chunk of await chunksOf([...rows, ...appliedRows(index(20), 1)], CLUSTER, 20, 1))
        await receipt!.write(chunk)
      await receipt!.finish()
    }
    await t.rejects(receive(), CorruptStore)
    await receipt!.abort()
    t.equal(folders.places.size, 0)
  }
  t.same(stepped, [])
})

t.test('one that brings nothing new goes to consensus without its rows', async (t) => {
  const { receiver, stepped, folders } = setup()
  t.equal(await receiver.begin(messageAt(10)), undefined)
  t.equal(stepped.length, 1)
  t.equal(await receiver.begin(messageAt(0)), undefined)
  t.equal(stepped.length, 1)
  t.same(folders.steps, [])
})

t.test('one at a time; an aborted one leaves nothing and makes room', async (t) => {
  const { receiver, folders, receive } = setup()
  const first = await receiver.begin(messageAt(20))
  t.equal(await receiver.begin(messageAt(21)), undefined)
  await first!.write((await chunksAt(20))[0]!)
  const aborted = first!.abort()
  t.equal(await receiver.begin(messageAt(20)), undefined, 'not while its store is being removed')
  await aborted
  t.equal(folders.places.size, 0)
  await receive(21)
  t.equal(folders.places.size, 1)
})

t.test('rows that are cut, or of another cluster or index, are refused and removed', async (t) => {
  const { receiver, folders, stepped } = setup()
  for (const chunks of [(await chunksAt(20)).slice(0, -1), await chunksAt(20, 6n as ClusterId), await chunksAt(21)]) {
    const receipt = await receiver.begin(messageAt(20))
    for (const chunk of chunks) await receipt!.write(chunk)
    await t.rejects(receipt!.finish(), MalformedRows)
    t.equal(folders.places.size, 0)
  }
  const withoutIndex = await receiver.begin(messageAt(20))
  for (const chunk of await chunksOf([], CLUSTER, 20, 1)) await withoutIndex!.write(chunk)
  await t.rejects(withoutIndex!.finish(), MalformedRows)
  const receipt = await receiver.begin(messageAt(20))
  await t.rejects(receipt!.write(Buffer.alloc(100)), MalformedRows)
  await receipt!.abort()
  t.equal(folders.places.size, 0)
  t.same(stepped, [])
})

t.test('a store that consensus does not want is removed at once', async (t) => {
  const { folders, receive, receiver, state } = setup()
  state.accepts = false
  await receive(20)
  t.equal(folders.places.size, 0)
  await t.rejects(receiver.take(pointAt(20)), SnapshotLost)
  state.accepts = true
  await receive(20)
  t.equal(folders.places.size, 1)
})

t.test('no other one takes the place of a store that the log may begin with', async (t) => {
  const { folders, receive, receiver, state } = setup()
  await receive(20)
  t.equal(await receiver.begin(messageAt(30)), undefined, 'consensus goes on from it')
  t.same(receivedPointOf(folders.places.get('store.next')!), pointAt(20))
  // Its log had all of that after all.
  state.applied = 20
  await receive(30)
  t.same(receivedPointOf(folders.places.get('store.next')!), pointAt(30))
})

t.test('it waits for the place', async (t) => {
  const { folders, receiver, state } = setup()
  let free = (_: StoreFolder): void => undefined
  state.place = new Promise((resolve) => (free = resolve))
  const beginning = receiver.begin(messageAt(20))
  await Promise.resolve()
  t.same(folders.steps, [])
  free('store')
  await (await beginning)!.abort()
  t.same(folders.steps, ['remove store', 'open store', 'close store', 'remove store'])
})

t.test('closing leaves what is there, and ends a transfer', async (t) => {
  const { folders, receiver } = setup()
  const receipt = await receiver.begin(messageAt(20))
  const [chunk] = await chunksAt(20)
  await receipt!.write(chunk!)
  await receiver.close()
  t.equal(folders.steps.at(-1), 'close store.next')
  await t.rejects(receipt!.write(chunk!), { message: 'the member is closing' })
  await receipt!.abort()
  t.equal(folders.places.size, 1)
  t.equal(await receiver.begin(messageAt(30)), undefined)
  await t.rejects(receiver.take(pointAt(20)), { message: 'the member is closing' })

  const other = setup()
  await other.receive(20)
  await other.receiver.close()
  t.equal(other.folders.steps.at(-1), 'close store.next')
  t.same(receivedPointOf(other.folders.places.get('store.next')!), pointAt(20))
})
