import t from 'tap'
import { NO_LEASE } from '../base/index.js'
import { CHUNK_BYTES, ChunkBuilder, ChunkView } from './chunk.js'
import { RowMemory } from './row-memory.js'
import { commit, key, MemoryBackend, openStore, value } from './testing.js'

const SLOT = CHUNK_BYTES

/** A row of about `bytes` in memory of `memory`. */
const rowOf = (memory: RowMemory, bytes: number): ChunkView => {
  const builder = new ChunkBuilder()
  builder.addRevision(2, 0, false, Buffer.alloc(bytes, 'v'))
  return new ChunkView(builder.build((sizeBytes) => memory.take(sizeBytes)))
}

t.test('memory of a row is lent again after the next reclaim, not before', async (t) => {
  const memory = new RowMemory(true)
  const first = rowOf(memory, 12_000)
  memory.letGo(first)
  t.not(rowOf(memory, 12_000).bytes.buffer, first.bytes.buffer)
  t.equal(first.bytes[100], 'v'.charCodeAt(0), 'it is as it was until then')
  memory.reclaim()
  t.not(first.bytes[100], 'v'.charCodeAt(0), 'tests find out who reads on')
  const second = rowOf(memory, 9000)
  t.equal(second.bytes.buffer, first.bytes.buffer)
  t.ok(second.bytes.length < 9100)
  t.equal(memory.reused, 1)
})

t.test('a row of which a part is held keeps its memory, whenever that is said', async (t) => {
  const memory = new RowMemory(true)
  const before = rowOf(memory, 12_000)
  before.isHeld = true
  memory.letGo(before)
  const after = rowOf(memory, 12_000)
  memory.letGo(after)
  after.isHeld = true
  memory.reclaim()
  rowOf(memory, 12_000)
  t.equal(memory.reused, 0)
  for (const { bytes } of [before, after]) t.equal(bytes[100], 'v'.charCodeAt(0))
})

t.test('small rows and those larger than a chunk have memory of their own', async (t) => {
  const memory = new RowMemory()
  for (const bytes of [10, SLOT / 2 - 100, SLOT + 1, 100_000]) {
    const row = rowOf(memory, bytes)
    t.equal(row.bytes.buffer.byteLength, row.bytes.length)
    memory.letGo(row)
    t.equal(memory.adopt(row.bytes), row.bytes)
  }
  memory.reclaim()
  t.equal(memory.take(SLOT).length, SLOT)
  t.equal(memory.reused, 0)
})

t.test('a row that came from elsewhere moves into a slot', async (t) => {
  const memory = new RowMemory()
  const from = Buffer.alloc(10_000, 'x')
  const row = memory.adopt(from)
  t.same(Buffer.compare(row, from), 0)
  t.equal(row.buffer.byteLength, SLOT)
})

t.test('what is let go beyond a bound is not kept', async (t) => {
  const memory = new RowMemory()
  const views = Array.from({ length: 2100 }, () => new ChunkView(rowOf(memory, 12_000).bytes))
  for (const view of views) memory.letGo(view)
  memory.reclaim()
  for (let i = 0; i < 2100; i++) memory.take(SLOT)
  t.equal(memory.reused, 2048)
})

t.test('a store under a steady load of writes makes no new rows once its cache is full', async (t) => {
  const backend = new MemoryBackend()
  const rowMemory = new RowMemory(true)
  const cacheBytes = 40 * SLOT
  const store = await openStore(backend, { cacheBytes, rowMemory })
  let taken = 0
  const take = rowMemory.take.bind(rowMemory)
  rowMemory.take = (sizeBytes) => {
    if (sizeBytes > SLOT / 2) taken++
    return take(sizeBytes)
  }
  const round = async (): Promise<void> => {
    for (let i = 0; i < 400; i++) {
      const txn = store.beginWrite()
      txn.put(key(`k${i}`), value('z'.repeat(1000)), NO_LEASE)
      txn.end()
    }
    await commit(store, backend)
  }
  for (let i = 0; i < 6; i++) await round()
  const [takenBefore, reusedBefore] = [taken, rowMemory.reused]
  for (let i = 0; i < 10; i++) await round()
  t.ok(taken - takenBefore > 200, `${taken - takenBefore} rows`)
  t.equal(rowMemory.reused - reusedBefore, taken - takenBefore, 'all in the place of others')
  t.ok(store.cachedBytes <= cacheBytes)
})
