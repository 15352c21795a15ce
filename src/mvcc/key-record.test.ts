import t from 'tap'
import type { Key } from '../base/index.js'
import { KeyRecord, KeyRecords, KeyState } from './key-record.js'

const KEY = 'key' as Key

const recordOf = (fill: (records: KeyRecords) => number): KeyRecord => {
  const records = new KeyRecords()
  return new KeyRecord(records).moveTo(fill(records))
}

/** Its first known revision is this put. */
const putAt = (main: number): KeyRecord => recordOf((records) => records.add(KEY, main, 1, main, 0))

/** put 1, put 2, delete 3, put 4, delete 5: the worked example. */
const example = (): KeyRecord => {
  const record = putAt(1)
  record.put(2, 0)
  record.tombstone(3, 0)
  record.put(4, 0)
  record.tombstone(5, 0)
  return record
}

/** What the record still knows, as main revisions. */
const known = (record: KeyRecord): number[] => [1, 2, 3, 4, 5].filter((main) => record.contains(main, 0))

const lookup = (record: KeyRecord, at: number): number[] | undefined => {
  const state = new KeyState()
  return record.lookup(at, state) ? [state.create, state.mod, state.version] : undefined
}

t.test('a compaction keeps what is alive at its revision, later changes, and a tombstone exactly there', async (t) => {
  for (const [at, kept, left] of [
    [1, [1, 2, 3, 4, 5], true],
    [2, [2, 3, 4, 5], true],
    [3, [3, 4, 5], true],
    [4, [4, 5], true],
    [5, [5], true],
    [6, [], false],
  ] as const) {
    const record = example()
    t.equal(record.compact(at), left, `compact ${at}`)
    if (left) t.same(known(record), kept, `compact ${at}`)
  }
})

t.test('available is what a compaction leaves at or below its revision; kept is that without tombstones', async (t) => {
  const record = example()
  const pick = (test: (main: number) => boolean, at: number): number[] =>
    [1, 2, 3, 4, 5].filter((main) => main <= at && test(main))
  for (const [at, available, kept] of [
    [1, [1], [1]],
    [2, [2], [2]],
    [3, [3], []],
    [4, [4], [4]],
    [5, [5], []],
    [6, [], []],
  ] as const) {
    t.same(
      pick((main) => record.isAvailable(at, main, 0), at),
      available,
      `available at ${at}`,
    )
    t.same(
      pick((main) => record.isKept(at, main, 0), at),
      kept,
      `kept at ${at}`,
    )
    t.equal(record.survivesAny(at, true), available.length > 0, `any available at ${at}`)
    t.equal(record.survivesAny(at, false), kept.length > 0, `any kept at ${at}`)
  }
})

t.test('a lookup finds the generation and the version of a revision', async (t) => {
  const record = example()
  for (const [at, expected] of [
    [0, undefined],
    [1, [1, 1, 1]],
    [2, [1, 2, 2]],
    [3, undefined],
    [4, [4, 4, 1]],
    [5, undefined],
    [9, undefined],
  ] as const)
    t.same(lookup(record, at), expected, `at ${at}`)
})

t.test('versions stay right after older revisions are gone', async (t) => {
  const record = putAt(2)
  for (const main of [3, 4, 5, 6]) record.put(main, 0)
  record.compact(4)
  t.same(lookup(record, 4), [2, 4, 3])
  t.same(lookup(record, 5), [2, 5, 4])
  t.same(lookup(record, 6), [2, 6, 5])
  t.equal(lookup(record, 3), undefined)
})

t.test('delete and put in one transaction: the key is new, and compaction at that revision keeps it', async (t) => {
  const record = putAt(2)
  record.tombstone(5, 0)
  record.put(5, 1)
  t.same(lookup(record, 5), [5, 5, 1])
  t.ok(record.isAvailable(5, 5, 0), 'the tombstone, for watches from here')
  t.ok(record.isAvailable(5, 5, 1), 'the put')
  t.notOk(record.isKept(5, 5, 0))
  t.ok(record.isKept(5, 5, 1))
  t.ok(record.compact(5))
  t.same(lookup(record, 5), [5, 5, 1])
  t.ok(record.compact(6))
  t.same([record.contains(5, 0), record.contains(5, 1)], [false, true])
})

t.test('put and delete in one transaction leave the tombstone alone', async (t) => {
  const record = putAt(5)
  record.tombstone(5, 1)
  t.equal(lookup(record, 5), undefined)
  t.notOk(record.isAvailable(5, 5, 0))
  t.ok(record.isAvailable(5, 5, 1))
  t.notOk(record.compact(6))
})

t.test('a key that compaction left as a tombstone starts anew', async (t) => {
  const record = recordOf((records) => records.addTombstone(KEY, 5, 0))
  t.notOk(record.live)
  t.equal(lookup(record, 5), undefined)
  record.put(7, 0)
  t.same(lookup(record, 7), [7, 7, 1])
  t.equal(lookup(record, 6), undefined)
})

t.test('ids of removed records are given out again, without what the old ones knew', async (t) => {
  const records = new KeyRecords()
  const COUNT = 40_000
  const ids = Array.from({ length: COUNT }, (_, i) => records.add(`first ${i}` as Key, i + 1, 1, i + 1, 0))
  const record = new KeyRecord(records)
  for (const id of ids) if (id % 3 === 0) record.moveTo(id).put(COUNT + 1, 0)
  for (const id of ids) if (id % 2 === 0) records.remove(id)
  const again = Array.from({ length: COUNT / 2 }, (_, i) =>
    records.add(`again ${i}` as Key, COUNT + 2, 1, COUNT + 2, 7),
  )
  t.same(
    again.toSorted((a, b) => a - b),
    ids.filter((id) => id % 2 === 0),
  )
  t.ok(again.every((id) => lookup(record.moveTo(id), COUNT + 1) === undefined))
  t.ok(again.every((id) => record.moveTo(id).sub === 7 && record.contains(COUNT + 2, 7)))
  const others = ids.filter((id) => id % 2 === 1)
  t.ok(others.every((id) => lookup(record.moveTo(id), COUNT)?.join() === `${id + 1},${id + 1},1`))
  t.ok(others.every((id) => records.keyOf(id) === `first ${id}` && record.moveTo(id).key === `first ${id}`))
  t.ok(again.every((id, i) => records.keyOf(id) === `again ${i}`))
})
