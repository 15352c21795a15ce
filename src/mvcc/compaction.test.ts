import t from 'tap'
import { NO_LEASE } from '../base/index.js'
import { hashBackend } from './backend-hash.js'
import { isDeadRowKey } from './chunk.js'
import { OPEN_END } from './key-index.js'
import { RangeQuery } from './range.js'
import { type RevisionRow, RevisionRows, scanRevisions } from './revision-rows.js'
import type { Store } from './store.js'
import { commit, key, MemoryBackend, openStore, RowList, sweep, TurnClock, value } from './testing.js'

const put = (store: Store, name: string, text = name): void => {
  const txn = store.beginWrite()
  txn.put(key(name), value(text), NO_LEASE)
  txn.end()
}
const del = (store: Store, name: string): void => {
  const txn = store.beginWrite()
  txn.deleteRange(key(name), undefined)
  txn.end()
}
const names = (store: Store): string => {
  const outcome = store.rangeSync(Object.assign(new RangeQuery(key('\0'), OPEN_END), { keysOnly: true }))
  return outcome.kind === 'ok' ? String(outcome.kvs.length) : outcome.kind
}
const revisions = async (backend: MemoryBackend): Promise<RevisionRow[]> => {
  const rows: RevisionRow[] = []
  for await (const slice of scanRevisions(backend)) rows.push(...slice)
  return rows
}
const chunkRows = async (backend: MemoryBackend): Promise<{ chunks: number; lists: number }> => {
  let chunks = 0
  let lists = 0
  for await (const slice of backend.scan('key', new Uint8Array(0), undefined))
    for (const { key: name } of slice) {
      if (isDeadRowKey(name)) lists++
      else chunks++
    }
  return { chunks, lists }
}

t.test('a pass is over with the batch that holds its last row, however soon that begins', async (t) => {
  const backend = new MemoryBackend()
  const refs: { store?: Store } = {}
  // The owner collects in the very call that tells it of rows, and after that nobody writes any more.
  const store = await openStore(backend, { onRows: () => void commit(refs.store!, backend) })
  refs.store = store
  for (const text of ['1', '2', '3']) put(store, 'a', text)
  await commit(store, backend)
  await store.compact(3).swept
  await store.compact(4).swept
  t.equal(names(store), '1')
  await store.close()
})

t.test('a compaction does not wait until the one before it is written; each is over when it is', async (t) => {
  const backend = new MemoryBackend()
  const store = await openStore(backend)
  for (const text of ['1', '2', '3']) put(store, 'a', text)
  await commit(store, backend)
  const over: number[] = []
  void store.compact(3).swept.then(() => over.push(3))
  void store.compact(4).swept.then(() => over.push(4))
  // Both passes, and nothing is committed meanwhile.
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
  t.equal(store.counts.compactedRevisions, 2, 'both have passed')
  t.same(over, [], 'neither is written')
  await commit(store, backend)
  await new Promise((resolve) => setImmediate(resolve))
  t.same(over, [3, 4])
  const again = await openStore(backend)
  t.equal(names(again), '1')
  t.equal(again.compactRevision, 4)
  await store.close()
  await again.close()
})

t.test('compact revisions: what is refused, and when', async (t) => {
  const store = await openStore(new MemoryBackend())
  put(store, 'a')
  t.equal(store.compactRevision, -1)
  t.equal(store.compact(-1).kind, 'compacted')
  t.equal(store.compact(3).kind, 'future')
  t.equal(store.compact(0).kind, 'ok', 'the first compaction may be at 0')
  t.equal(store.compact(0).kind, 'compacted')
  t.equal(store.compact(2).kind, 'ok', 'the newest revision may be compacted')
  t.equal(store.compact(2).kind, 'compacted')
  t.equal(store.compactRevision, 2, 'at once')
  await store.close()
})

t.test('a dead chunk goes, a half-dead one is rewritten, of others a list is kept', async (t) => {
  const backend = new MemoryBackend()
  const store = await openStore(backend)
  const text = 'x'.repeat(1000)
  for (let i = 0; i < 160; i++) put(store, `k${i}`, text)
  await commit(store, backend)
  const before = await chunkRows(backend)
  t.ok(before.chunks >= 10 && before.lists === 0, `${before.chunks} chunks`)
  // All of the first quarter, most of the second, one key in twelve of the rest.
  for (let i = 0; i < 160; i++) if (i < 40 || (i < 80 && i % 4 !== 0) || i % 12 === 0) del(store, `k${i}`)
  await sweep(store, backend, store.compact(store.revision).swept)
  // The tombstones at the compact revision itself remain for now: a further compaction takes them.
  put(store, 'last')
  await sweep(store, backend, store.compact(store.revision).swept)
  const after = await chunkRows(backend)
  t.ok(after.lists >= 3, `${after.lists} lists of gone revisions`)
  t.ok(after.chunks <= before.chunks * 0.75, `${after.chunks} of ${before.chunks} chunks are left`)
  const left = names(store)
  t.equal((await revisions(backend)).length, Number(left), 'an export shows live revisions only')
  const again = await openStore(backend)
  t.equal(names(again), left, 'gone revisions stay gone after a restart')
  t.equal(again.indexedKeys, Number(left))
  for (let i = 80; i < 160; i++) if (i % 12 === 1) del(again, `k${i}`)
  put(again, 'last')
  await sweep(again, backend, again.compact(again.revision).swept)
  t.equal((await revisions(backend)).length, Number(names(again)))
  await store.close()
  await again.close()
})

t.test('rows of a slow trickle grow together, at once or at the next compaction', async (t) => {
  const backend = new MemoryBackend()
  const store = await openStore(backend)
  for (let i = 0; i < 1000; i++) {
    put(store, `k${i}`)
    await commit(store, backend)
  }
  const { chunks } = await chunkRows(backend)
  t.ok(chunks < 20, `${chunks} chunks for 1000 commits`)
  // Without the newest row in memory each commit starts one.
  const scattered = await openStore(backend, { cacheBytes: 0 })
  for (let i = 0; i < 100; i++) {
    put(scattered, `m${i}`)
    await commit(scattered, backend)
  }
  t.ok((await chunkRows(backend)).chunks >= chunks + 100)
  await sweep(scattered, backend, scattered.compact(scattered.revision).swept)
  const merged = await chunkRows(backend)
  t.ok(merged.chunks < 15, `${merged.chunks} chunks after a compaction`)
  t.equal(names(await openStore(backend)), '1100')
})

t.test('a small row is not written again when more comes than fits in it', async (t) => {
  const backend = new MemoryBackend()
  const store = await openStore(backend)
  const keyRows = (): string[] =>
    backend.batches.at(-1)!.flatMap(({ bucket, key }) => (bucket === 'key' ? [Buffer.from(key).toString('hex')] : []))
  put(store, 'first')
  await commit(store, backend)
  const [row] = keyRows()
  put(store, 'second')
  await commit(store, backend)
  t.same(keyRows(), [row], 'one more small one goes into it')
  for (let i = 0; i < 30; i++) put(store, `k${i}`, 'x'.repeat(600))
  await commit(store, backend)
  t.equal(keyRows().length, 2)
  t.notOk(keyRows().includes(row!), 'newer rows only')
  t.equal(names(await openStore(backend)), '32')
})

t.test('an interrupted compaction is taken up from wherever a crash left it', async (t) => {
  const backend = new MemoryBackend()
  const store = await openStore(backend, { compactionBatchLimit: 10 })
  const text = 'x'.repeat(300)
  for (let round = 0; round < 3; round++) for (let i = 0; i < 60; i++) put(store, `k${i}`, text)
  for (let i = 0; i < 60; i += 2) del(store, `k${i}`)
  const at = store.revision
  del(store, 'k59')
  await commit(store, backend)
  const written = backend.batches.length
  await sweep(store, backend, store.compact(at).swept)
  t.ok(backend.batches.length > written + 3, `${backend.batches.length - written} batches`)
  const expected = (await revisions(backend)).length
  t.equal(expected, 30 + 1 + 1, 'live keys, the tombstone at the compact revision, the one behind it')
  for (let kept = written + 1; kept <= backend.batches.length; kept++) {
    const survivor = backend.crashed(kept)
    const again = await openStore(survivor)
    t.equal(again.compactRevision, at, `after ${kept} batches`)
    t.equal(names(again), '29')
    await sweep(again, survivor, again.compact(at).swept)
    t.equal((await revisions(survivor)).length, expected)
    await again.close()
  }
  await store.close()
})

t.test('the pass waits for reads below its revision, and while too much is unwritten', async (t) => {
  const backend = new MemoryBackend()
  const clock = new TurnClock()
  const store = await openStore(backend, { clock })
  const large = 'x'.repeat(1_000_000)
  for (let i = 0; i < 30; i++) put(store, `k${i}`, large)
  // Two revisions a chunk, one of them dead: all chunks are rewritten.
  for (let i = 0; i < 30; i++) {
    put(store, 'a', 'x'.repeat(10))
    put(store, `m${i}`, 'y'.repeat(9000))
    put(store, 'a', 'x'.repeat(9000))
    await commit(store, backend)
  }
  clock.manual = true
  clock.lookMs = 10
  let answered = 0
  for (let i = 0; i < 3; i++) store.range(new RangeQuery(key('\0'), OPEN_END), () => answered++)
  put(store, 'a')
  const swept = store.compact(store.revision).swept
  let rowsWhileReading = 0
  while (answered < 3) {
    if (store.pendingBytes > 2000) rowsWhileReading++
    await clock.turn()
  }
  t.equal(rowsWhileReading, 0, 'no chunk was touched before the reads ended')
  for (let i = 0; i < 2000; i++) await clock.turn()
  t.ok(store.pendingBytes < 12 * 1024 * 1024, `${store.pendingBytes} bytes wait when nobody commits`)
  clock.manual = false
  clock.lookMs = 0
  const turning = setInterval(() => void clock.turn(), 1)
  await sweep(store, backend, swept)
  clearInterval(turning)
  t.equal((await revisions(backend)).length, Number(names(store)))
  await store.close()
})

t.test('a store that closes ends its pass; the promise settles', async (t) => {
  const backend = new MemoryBackend()
  const store = await openStore(backend, { compactionBatchLimit: 1 })
  for (let i = 0; i < 100; i++) put(store, 'k')
  const { swept } = store.compact(50)
  await commit(store, backend)
  await store.close()
  await swept
  const again = await openStore(backend)
  t.equal(again.compactRevision, 50)
  await sweep(again, backend, again.compact(50).swept)
  t.ok((await revisions(backend)).length === 101 - 50 + 1)
  await again.close()
})

t.test('sizes: those of an empty database at first, in use falls by compaction, allocated by reclaiming', async (t) => {
  const backend = new MemoryBackend()
  const store = await openStore(backend)
  t.same([store.inUseBytes, store.allocatedBytes], [16_384, 20_480])
  put(store, 'k', 'v')
  t.same([store.inUseBytes, store.allocatedBytes], [20_480, 24_576])
  await commit(store, backend)
  t.same([store.inUseBytes, store.allocatedBytes], [20_480, 24_576])
  for (let i = 0; i < 100; i++) put(store, 'k', 'x'.repeat(10_000))
  const { allocatedBytes } = store
  t.ok(store.inUseBytes > 1_000_000 && allocatedBytes > store.inUseBytes)
  await sweep(store, backend, store.compact(store.revision).swept)
  t.ok(store.inUseBytes < 40_000, `${store.inUseBytes} bytes in use`)
  t.ok(store.allocatedBytes >= allocatedBytes, 'space once taken stays allocated')
  store.noteReclaimed()
  t.ok(store.allocatedBytes < 44_000)
  await store.close()
})

t.test('what was exported row by row is imported as the same store', async (t) => {
  const backend = new MemoryBackend()
  const store = await openStore(backend)
  for (let i = 0; i < 300; i++) put(store, `k${i % 70}`, 'x'.repeat(i))
  for (let i = 0; i < 20; i++) del(store, `k${i}`)
  await sweep(store, backend, store.compact(200).swept)
  const other = new MemoryBackend()
  const sink = new RowList()
  const packer = new RevisionRows()
  for (const row of await revisions(backend)) packer.add(sink, row)
  packer.finish(sink)
  await other.write(sink.rows)
  const copy = await openStore(other)
  t.equal(copy.revision, store.revision)
  t.equal(names(copy), names(store))
  t.same(await revisions(other), await revisions(backend))
  const finished = backend.get('meta', Buffer.from('finishedCompactRev'))!
  await other.write([
    { bucket: 'meta', key: Buffer.from('finishedCompactRev'), value: finished },
    { bucket: 'meta', key: Buffer.from('scheduledCompactRev'), value: finished },
    { bucket: 'meta', key: Buffer.from('term'), value: Buffer.from('ignored') },
  ])
  const whole = await openStore(other)
  t.equal(whole.compactRevision, 200)
  t.equal(await hashBackend(other, whole), await hashBackend(backend, store), 'the hash is of revisions, not of chunks')
  t.same(await whole.hashKv(0), await store.hashKv(0))
  await store.close()
})

t.test('a bumped revision: a row without content moves the revision and shows nowhere', async (t) => {
  const backend = new MemoryBackend()
  const sink = new RowList()
  const packer = new RevisionRows()
  packer.add(sink, { key: Buffer.from('00000000000003e85f0000000000000000', 'hex'), value: new Uint8Array(0) })
  packer.finish(sink)
  await backend.write(sink.rows)
  await backend.write([
    {
      bucket: 'meta',
      key: Buffer.from('scheduledCompactRev'),
      value: Buffer.from('00000000000003e85f0000000000000000', 'hex'),
    },
  ])
  const store = await openStore(backend)
  t.same([store.revision, store.compactRevision], [1000, 1000])
  await sweep(store, backend, store.compact(1000).swept)
  t.equal((await revisions(backend)).length, 1, 'the row survives')
  t.equal(names(store), '0')
  put(store, 'k')
  t.equal(store.revision, 1001)
  t.equal(names(await openStore(backend)), '0')
})
