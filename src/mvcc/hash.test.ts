import t from 'tap'
import { NO_LEASE } from '../base/index.js'
import type { Store } from './store.js'
import { key, MemoryBackend, openStore, sweep, value } from './testing.js'

const put = (store: Store, name: string, text: string): void => {
  const txn = store.beginWrite()
  txn.put(key(name), value(text), NO_LEASE)
  txn.end()
}

const del = (store: Store, name: string): void => {
  const txn = store.beginWrite()
  txn.deleteRange(key(name), undefined)
  txn.end()
}

/** put a=2, put b=1, del a, put a=3, put c=1, del c: revisions 2 to 7. */
const writeVectors = (store: Store): void => {
  put(store, 'a', '2')
  put(store, 'b', '1')
  del(store, 'a')
  put(store, 'a', '3')
  put(store, 'c', '1')
  del(store, 'c')
}

const VECTORS = [2305400355, 1098115129, 4066736742, 4094970984, 2979128502, 1779460965]

t.test('HashKV of an empty store', async (t) => {
  const store = await openStore(new MemoryBackend())
  t.same(await store.hashKv(0), {
    kind: 'ok',
    currentRevision: 1,
    hash: 1084519789,
    compactRevision: -1,
    hashRevision: 1,
  })
})

t.test('HashKV equals the reference at every revision', async (t) => {
  const store = await openStore(new MemoryBackend())
  writeVectors(store)
  for (const [i, hash] of VECTORS.entries()) {
    t.same(await store.hashKv(i + 2), {
      kind: 'ok',
      currentRevision: 7,
      hash,
      compactRevision: -1,
      hashRevision: i + 2,
    })
  }
  t.match(await store.hashKv(0), { hash: VECTORS[5], hashRevision: 7 })
  t.same(await store.hashKv(8), { kind: 'future' })
})

t.test('a compaction leaves its hash behind until the restart', async (t) => {
  const backend = new MemoryBackend()
  const store = await openStore(backend)
  writeVectors(store)
  await sweep(store, backend, store.compact(7).swept)
  t.match(await store.hashKv(7), { hash: 1779460965, compactRevision: -1, hashRevision: 7 }, 'from the cache')
  t.match(await store.hashKv(0), { hash: 1469481360, compactRevision: 7, hashRevision: 7 }, 'revision 0 never is')
  t.same(await store.hashKv(6), { kind: 'compacted' })
  const again = await openStore(backend)
  t.match(await again.hashKv(7), { hash: 1469481360, compactRevision: 7, hashRevision: 7 }, 'gone after a restart')
})
