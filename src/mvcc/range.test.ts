// The rules of Range that are easily got wrong, as worked examples; the property test covers the rest.
import t from 'tap'
import { NO_LEASE, leaseId } from '../base/index.js'
import { KeyValueView } from '../proto/index.js'
import { OPEN_END, rangeEnd } from './key-index.js'
import { RangeQuery, SortOrder, SortTarget } from './range.js'
import type { Store } from './store.js'
import { commit, key, MemoryBackend, openStore, plainOutcome, sweep, TurnClock, value } from './testing.js'

const put = (store: Store, name: string, text: string, lease = NO_LEASE): void => {
  const txn = store.beginWrite()
  txn.put(key(name), value(text), lease)
  txn.end()
}

const query = (from: string, end: string | undefined, set: Partial<RangeQuery> = {}): RangeQuery =>
  Object.assign(new RangeQuery(key(from), end === undefined ? undefined : key(end)), set)

/** Keys of the answer, joined; or its kind. */
const keys = (store: Store, asked: RangeQuery): string => {
  const outcome = store.rangeSync(asked)
  if (outcome.kind !== 'ok') return outcome.kind
  const names = outcome.kvs.map((kv) => new KeyValueView().load(kv).key()).join('')
  return `${names} of ${outcome.count}${outcome.more ? ', more' : ''}`
}

const { none, ascend, descend } = SortOrder

t.test('range ends', async (t) => {
  t.equal(rangeEnd(new Uint8Array(0)), undefined)
  t.equal(rangeEnd(Uint8Array.of(0)), OPEN_END)
  t.equal(rangeEnd(Uint8Array.of(0, 0)), '\0\0')
  const store = await openStore(new MemoryBackend())
  for (const name of ['a', 'b', 'c', '\xff\xff']) put(store, name, '')
  for (const [asked, expected] of [
    [query('a', undefined), 'a of 1'],
    [query('a', 'c'), 'ab of 2'],
    [query('c', 'c'), ' of 0'],
    [query('d', 'b'), ' of 0'],
    [query('b', OPEN_END), 'bc\xff\xff of 3'],
    [query('\0', OPEN_END), 'abc\xff\xff of 4'],
  ] as const)
    t.equal(keys(store, asked), expected, `${asked.key} to ${asked.end}`)
})

t.test('order, target, limit and filters', async (t) => {
  const store = await openStore(new MemoryBackend())
  // Mod revisions fall with the key: p3 at 2, p2 at 3, p1 at 4.
  for (const [name, text] of [
    ['3', 'x'],
    ['2', 'y'],
    ['1', 'x'],
  ] as const)
    put(store, name, text)
  const all = (set: Partial<RangeQuery>): string => keys(store, query('1', '4', set))
  for (const [set, expected] of [
    [{}, '123 of 3'],
    [{ limit: 2 }, '12 of 3, more'],
    [{ limit: 3 }, '123 of 3'],
    [{ limit: -1 }, '123 of 3'],
    [{ order: descend }, '321 of 3'],
    [{ order: descend, limit: 1 }, '3 of 3, more'],
    [{ order: ascend, limit: 1 }, '1 of 3, more'],
    [{ order: ascend, target: SortTarget.mod }, '321 of 3'],
    [{ order: descend, target: SortTarget.mod, limit: 1 }, '1 of 3, more'],
    [{ order: none, target: SortTarget.mod }, '321 of 3'],
    // Only the first two keys are fetched, then sorted.
    [{ order: none, target: SortTarget.mod, limit: 1 }, '2 of 3, more'],
    [{ order: ascend, target: SortTarget.mod, limit: 1 }, '3 of 3, more'],
    // With a filter the whole range is sorted.
    [{ order: none, target: SortTarget.mod, limit: 1, minMod: 1 }, '3 of 3, more'],
    [{ order: ascend, target: SortTarget.value }, '132 of 3'],
    [{ order: descend, target: SortTarget.value }, '213 of 3'],
    [{ minMod: 3 }, '12 of 3'],
    [{ maxMod: 3, minMod: 3 }, '2 of 3'],
    [{ maxCreate: 2, limit: 1 }, '3 of 3'],
    [{ minMod: 3, limit: 1 }, '1 of 3, more'],
    [{ countOnly: true, limit: 1, keysOnly: true }, ' of 3'],
    [{ revision: 1 }, ' of 0'],
    [{ revision: 3 }, '23 of 2'],
    [{ revision: -7 }, '123 of 3'],
    [{ revision: 5 }, 'future'],
  ] as const)
    t.equal(all(set), expected, JSON.stringify(set))
  const backend = new MemoryBackend()
  await sweep(store, backend, store.compact(3).swept)
  t.equal(all({ revision: 2 }), 'compacted')
  t.equal(all({ revision: 3 }), '23 of 2', 'the compact revision itself is readable')
})

t.test('a read that needs no count stops one key behind its limit', async (t) => {
  const store = await openStore(new MemoryBackend())
  for (let i = 0; i < 3000; i++) put(store, String(i).padStart(4, '0'), '')
  const asked = query('0', ':', { limit: 2, needsCount: false })
  const outcome = store.rangeSync(asked)
  if (outcome.kind !== 'ok') throw new Error(outcome.kind)
  t.same([outcome.kvs.length, outcome.more], [2, true])
  t.ok(outcome.count < 3000, 'the rest was not walked')
  t.equal(keys(store, query('0', ':', { limit: 1 })), '0000 of 3000, more')
})

t.test('keys only: the lease is dropped unless values were sorted by', async (t) => {
  const store = await openStore(new MemoryBackend())
  put(store, 'k', 'text', leaseId(-5n))
  const load = (set: Partial<RangeQuery>): KeyValueView => {
    const outcome = store.rangeSync(query('k', undefined, { keysOnly: true, ...set }))
    if (outcome.kind !== 'ok') throw new Error(outcome.kind)
    return new KeyValueView().load(outcome.kvs[0]!)
  }
  const plain = load({})
  t.same([plain.createRevision, plain.modRevision, plain.version], [2, 2, 1])
  t.same([plain.valueBytes().length, plain.lease], [0, NO_LEASE])
  const sorted = load({ target: SortTarget.value, order: ascend })
  t.same([sorted.valueBytes().length, sorted.lease], [0, leaseId(-5n)])
})

const MANY = 20_000

/** Keys in an order unlike that of their revisions, with values large enough for hundreds of chunks. */
const fillMany = async (store: Store, backend: MemoryBackend): Promise<void> => {
  for (let i = 0; i < MANY; i++) {
    put(store, manyKey((i * 7919) % MANY), `${'x'.repeat(100)}${i}`)
    if (i % 500 === 0) await commit(store, backend)
  }
  await commit(store, backend)
}
const manyKey = (i: number): string => `key/${String(i).padStart(6, '0')}`

t.test('a long read takes many turns and sees one revision, through writes, commits and compactions', async (t) => {
  const clock = new TurnClock()
  const backend = new MemoryBackend()
  const store = await openStore(backend, { clock, cacheBytes: 100_000, compactionBatchLimit: 200 })
  await fillMany(store, backend)
  clock.manual = true
  clock.lookMs = 10
  const at = store.revision
  const asked = [
    query('key/', 'key0'),
    query('key/', 'key0', { order: descend, limit: 9000 }),
    query('key/', 'key0', { order: descend, target: SortTarget.value, limit: 5000 }),
    query('key/', 'key0', { keysOnly: true, order: ascend, target: SortTarget.mod }),
  ]
  const expected = asked.map((one) => store.rangeSync(one))
  const got = new Map<RangeQuery, unknown>()
  let compactions = 0
  const gotEncoded = new Map<RangeQuery, unknown>()
  for (const one of asked) {
    store.range(one, (outcome) => got.set(one, outcome))
    store.rangeEncoded(one, (outcome) => gotEncoded.set(one, plainOutcome(outcome)))
  }
  t.equal(got.size + gotEncoded.size, 0, 'none was done in its first slice')
  let turns = 0
  for (; got.size + gotEncoded.size < 2 * asked.length && turns < 40_000; turns++) {
    await clock.turn()
    if (turns % 2 === 0) put(store, manyKey(turns % MANY), 'new')
    if (turns % 50 === 0) {
      const txn = store.beginWrite()
      txn.deleteRange(key(manyKey((turns * 31) % MANY)), key(manyKey(((turns * 31) % MANY) + 20)))
      txn.end()
    }
    if (turns % 100 === 0 && store.compact(store.revision).kind === 'ok') compactions++
    if (turns % 5 === 0) await commit(store, backend)
  }
  t.ok(turns > 500 && compactions > 5, `${turns} turns, ${compactions} compactions`)
  for (const [i, one] of asked.entries()) {
    t.ok(sameOutcome(got.get(one), expected[i]), `read ${i} is of revision ${at}`)
    t.ok(sameOutcome(gotEncoded.get(one), expected[i]), `encoded read ${i} is of revision ${at}`)
  }
  t.ok(store.cachedBytes <= 100_000, 'the cache keeps to its budget')
})

t.test('a long read holds no memory of rows that the cache drops between its slices', async (t) => {
  const clock = new TurnClock()
  const backend = new MemoryBackend()
  const store = await openStore(backend, { clock, cacheBytes: 300_000 })
  for (let i = 0; i < 1000; i++) put(store, manyKey(i), `${'x'.repeat(200)}${i}`)
  await commit(store, backend)
  const asked = [query('key/', 'key0'), query('key/', 'key0', { order: descend, target: SortTarget.value })]
  const expected = asked.map((one) => store.rangeSync(one))
  clock.manual = true
  clock.lookMs = 10
  for (const [i, one] of asked.entries()) {
    let got: unknown
    store.range(one, (outcome) => (got = outcome))
    for (let turns = 0; got === undefined && turns < 1000; turns++) {
      await clock.turn()
      for (let n = 0; n < 100; n++) put(store, 'other', 'z'.repeat(10_000))
      // Memory of a row that the first commit drops from the cache is lent again by the second.
      await commit(store, backend)
      await commit(store, backend)
    }
    const outcome = expected[i]!
    if (outcome.kind !== 'ok') throw new Error(outcome.kind)
    t.ok(sameOutcome({ ...(got as object), revision: outcome.revision }, outcome), `read ${i}`)
  }
})

const sameOutcome = (got: unknown, expected: unknown): boolean => {
  const a = got as { count: number; more: boolean; revision: number; kvs: Uint8Array[] }
  const b = expected as typeof a
  return (
    a.count === b.count &&
    a.more === b.more &&
    a.revision === b.revision &&
    a.kvs.length === b.kvs.length &&
    a.kvs.every((kv, i) => Buffer.compare(kv, b.kvs[i]!) === 0)
  )
}

t.test('a list reads each chunk about once, and does not hold chunks of which it shows little', async (t) => {
  const backend = new MemoryBackend()
  const store = await openStore(backend, { cacheBytes: 0 })
  await fillMany(store, backend)
  const chunks = backend.keyRowBytes / 16_384
  backend.reads = 0
  const outcome = store.rangeSync(query('key/', 'key0'))
  t.equal(outcome.kind === 'ok' && outcome.kvs.length, MANY)
  t.ok(backend.reads < chunks * 1.5, `${backend.reads} reads for ${Math.round(chunks)} chunks`)
  backend.reads = 0
  let count = 0
  store.rangeEncoded(query('key/', 'key0'), (encoded) => (count = encoded.kind === 'ok' ? encoded.pairs.count : 0))
  t.equal(count, MANY)
  t.ok(backend.reads < chunks * 1.5 + 64, `${backend.reads} reads when encoded`)
  // One key in a hundred, spread over all chunks.
  const few = store.rangeSync(query('key/', 'key0', { limit: 200 }))
  if (few.kind !== 'ok') throw new Error(few.kind)
  const held = new Set(few.kvs.map((kv) => kv.buffer))
  const heldBytes = [...held].reduce((sum, buffer) => sum + buffer.byteLength, 0)
  t.ok(heldBytes < 200 * 400, `${heldBytes} bytes held for 200 values`)
})

t.test('large values are answered from the rows they lie in, in key order', async (t) => {
  const backend = new MemoryBackend()
  const store = await openStore(backend, { cacheBytes: 100_000 })
  const count = 5000
  for (let i = 0; i < count; i++) {
    put(store, manyKey((i * 7919) % count), `${'y'.repeat(5000)}${i}`)
    if (i % 100 === 0) await commit(store, backend)
  }
  await commit(store, backend)
  for (const set of [{}, { order: descend }, { limit: 10 }, { keysOnly: true }, { countOnly: true }]) {
    const asked = query('key/', 'key0', set)
    const encoded = await new Promise<unknown>((resolve) => {
      store.rangeEncoded(asked, (outcome) => resolve(plainOutcome(outcome)))
    })
    t.ok(sameOutcome(encoded, store.rangeSync(asked)), JSON.stringify(set))
  }
})
