// The same history on LevelDB and in memory, through restarts.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { leaseId, NO_LEASE } from '../base/index.js'
import type { Backend } from '../env/index.js'
import { LevelBackend } from '../storage/index.js'
import { hashBackend } from './backend-hash.js'
import { OPEN_END } from './key-index.js'
import { RangeQuery } from './range.js'
import type { Store } from './store.js'
import { commit, key, MemoryBackend, openStore, seededRandom, sweep } from './testing.js'

const ROUNDS = 6

/** One round of writes, commits and a compaction; the same for the same round. */
const play = async (store: Store, backend: Backend, round: number): Promise<void> => {
  const random = seededRandom(round)
  for (let i = 0; i < 1500; i++) {
    const txn = store.beginWrite()
    for (let n = random.below(3); n >= 0; n--) {
      const name = key(`k${random.below(400)}`)
      if (random.below(5) > 0) {
        const size = random.below(random.below(200) === 0 ? 50_000 : 400)
        txn.put(
          name,
          Buffer.alloc(size, random.below(256)),
          random.below(3) === 0 ? leaseId(random.uint64()) : NO_LEASE,
        )
      } else txn.deleteRange(name, random.below(20) === 0 ? key(`${name}5`) : undefined)
    }
    txn.end()
    if (i % 100 === 0) await commit(store, backend)
  }
  if (round % 2 === 1) await sweep(store, backend, store.compact(store.revision - random.below(500)).swept)
  await commit(store, backend)
}

t.test('a store on LevelDB is the same after every restart', async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), 'store-level-')), 'store')
  const memory = new MemoryBackend()
  let expected = await openStore(memory)
  for (let round = 0; round < ROUNDS; round++) {
    const backend = await LevelBackend.open(path, { syncWrites: false })
    const store = await openStore(backend, { cacheBytes: 200_000 })
    await play(store, backend, round)
    await play(expected, memory, round)
    const all = new RangeQuery(key('\0'), OPEN_END)
    t.same(store.rangeSync(all), expected.rangeSync(all), `round ${round}: all keys`)
    t.same([store.revision, store.compactRevision], [expected.revision, expected.compactRevision])
    t.same(await store.hashKv(0), await expected.hashKv(0))
    t.equal(await hashBackend(backend, store), await hashBackend(memory, expected))
    t.ok(store.cachedBytes <= 200_000)
    await store.close()
    await backend.close()
    // Hashes that compactions left are lost at a restart on both sides.
    await expected.close()
    expected = await openStore(memory)
  }
})
