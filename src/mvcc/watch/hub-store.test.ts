// The hub over the real store: rows on their way to the backend, history that is read back from chunks, compaction sweeps.
import t from 'tap'
import { type Key, NO_LEASE } from '../../base/index.js'
import { MemoryBackend, commit, openStore, sweep } from '../testing.js'
import type { Store } from '../store.js'
import { WatchHub } from './hub.js'
import type { Change } from './source.js'
import { bytes, createRequest, eventText, headerFor, key, seededRandom, TestSink } from './testing.js'

const hubOver = (store: Store): WatchHub => {
  const hub = new WatchHub(store, {
    random: { below: () => 0, uint64: () => 0n },
    header: headerFor,
    onWork: () => undefined,
    fragmentBytes: 1 << 20,
    progressIntervalMs: 600_000,
    limits: { passRevisions: 50, batchRevisions: 7 },
  })
  store.onCommit({
    onTxn: (revision, changes) => {
      hub.publish(revision, changes)
    },
  })
  return hub
}

const eventsOf = (sink: TestSink): string[] => sink.read().flatMap(({ events }) => events.map(eventText))

const catchUp = (hub: WatchHub): void => {
  while (hub.catchUp(50)) continue
}

t.test('a tombstone at the compact revision is still delivered', async (t) => {
  const backend = new MemoryBackend()
  const store = await openStore(backend)
  const hub = hubOver(store)
  const write = (change: (txn: ReturnType<Store['beginWrite']>) => void): void => {
    const txn = store.beginWrite()
    change(txn)
    txn.end()
  }
  write((txn) => txn.put(key('a'), bytes('1'), NO_LEASE))
  write((txn) => txn.deleteRange(key('a'), undefined))
  write((txn) => txn.put(key('a'), bytes('2'), NO_LEASE))
  await sweep(store, backend, store.compact(3).swept)
  const sink = new TestSink()
  hub.openStream(sink, 0).create(createRequest({ on: 'a', startRevision: 3, prevKv: true }))
  catchUp(hub)
  t.same(eventsOf(sink), ['delete a@3', 'put a@4'])
  await store.close()
})

t.test('watchers from any revision get what the transactions changed', async (t) => {
  for (let seed = 1; seed <= 15; seed++) {
    const random = seededRandom(seed)
    const backend = new MemoryBackend()
    const store = await openStore(backend)
    const hub = hubOver(store)
    const log: Change[] = []
    store.onCommit({ onTxn: (_, changes) => void log.push(...changes) })
    /** Revision of the live value of a key at a revision, from the log alone. */
    const liveAt = (name: Key, revision: number): number | undefined => {
      const last = log.findLast((change) => change.key === name && change.main <= revision)
      return last?.kind === 'put' ? last.main : undefined
    }
    const watchers: { sink: TestSink; from: number; prevKv: boolean; got: string[] }[] = []
    const name = (): Key => key(`k${random.below(12)}`)
    for (let step = 0; step < 250; step++) {
      const dice = random.below(100)
      if (dice < 60) {
        const txn = store.beginWrite()
        const used = new Set<Key>()
        for (let i = 1 + random.below(3); i > 0; i--) {
          const chosen = name()
          if (used.has(chosen)) continue
          used.add(chosen)
          if (random.below(4) === 0) txn.deleteRange(chosen, undefined)
          else txn.put(chosen, bytes('v'.repeat(random.below(300))), NO_LEASE)
        }
        txn.end()
      } else if (dice < 70) hub.catchUp(1 + random.below(30))
      else if (dice < 80) await commit(store, backend)
      else if (dice < 82) {
        catchUp(hub)
        const { swept } = store.compact(store.revision - random.below(5))
        await sweep(store, backend, swept)
      } else if (dice < 90) {
        const sink = new TestSink()
        const low = Math.max(2, store.compactRevision)
        const from = low + random.below(Math.max(1, store.revision - low + 3))
        const prevKv = random.below(3) === 0
        hub.openStream(sink, 0).create(createRequest({ on: 'k', end: 'l', startRevision: from, prevKv }))
        watchers.push({ sink, from, prevKv, got: [] })
      }
      for (const watcher of watchers) watcher.got.push(...eventsOf(watcher.sink))
    }
    catchUp(hub)
    for (const watcher of watchers) {
      watcher.got.push(...eventsOf(watcher.sink))
      const wanted = log.filter(({ main }) => main >= watcher.from)
      const plain = wanted.map(({ kind, key: changed, main }) => `${kind} ${changed}@${main}`)
      t.same(
        watcher.got.map((text) => text.split('<')[0]),
        plain,
        `seed ${seed}, from ${watcher.from}`,
      )
      watcher.got.forEach((text, i) => {
        const before = text.split('<')[1]
        const { key: changed, main } = wanted[i]!
        if (before !== undefined) t.equal(Number(before), liveAt(changed, main - 1), `seed ${seed}: ${text}`)
        else if (watcher.prevKv && main - 1 >= store.compactRevision) {
          t.equal(liveAt(changed, main - 1), undefined, `seed ${seed}: ${text} lacks its previous state`)
        }
      })
    }
    t.ok(watchers.length > 5)
    await store.close()
  }
})
