import t from 'tap'
import { index, InvariantViolation, term } from '../base/index.js'
import { ENTRY_OVERHEAD_BYTES } from './entry-bytes.js'
import { committedByChange, followsOn, RaftLog } from './log.js'
import type { LogStart } from './log.js'
import { Entry, EntryType, Snapshot, SnapshotMetadata } from './pb.js'

const entry = (at: number, of: number, data = ''): Entry => {
  const e = new Entry()
  e.index = index(at)
  e.term = term(of)
  e.data = Buffer.from(data)
  return e
}

/** Entries from `first` on, one per term given. */
const entries = (first: number, ...terms: number[]): Entry[] => terms.map((of, i) => entry(first + i, of))

const log = (start: Partial<{ [K in keyof LogStart]: unknown }> = {}): RaftLog =>
  new RaftLog({
    compacted: { index: index(0), term: term(0) },
    entries: [],
    committed: index(0),
    applied: index(0),
    maxApplyingBytes: 1 << 20,
    ...start,
  } as LogStart)

const at = (i: number, of: number) => ({ index: index(i), term: term(of) })
const terms = (l: RaftLog): (number | undefined)[] => {
  const list = []
  for (let i = l.firstIndex; i <= l.lastIndex; i = index(i + 1)) list.push(l.term(i))
  return list
}

const snapshot = (i: number, of: number): Snapshot => {
  const s = new Snapshot()
  s.metadata = new SnapshotMetadata()
  s.metadata.index = index(i)
  s.metadata.term = term(of)
  return s
}

/** Hands out everything and makes it durable. */
const settle = (l: RaftLog): void => {
  const { snapshot: taken } = l.takeUnwritten()
  const mark = l.stableMark()
  if (taken !== undefined) l.onSnapshotStable(taken.metadata!.index)
  l.onStable(mark)
}

t.test('refuses to start from parts that do not fit', async (t) => {
  const compacted = at(3, 1)
  const after = entries(4, 1, 2)
  const fit = { compacted, entries: after, committed: 4, applied: 3 }
  t.doesNotThrow(() => log(fit))
  for (const [name, broken] of [
    ['a gap after the snapshot', { ...fit, entries: entries(5, 1) }],
    ['a term that falls', { ...fit, entries: entries(4, 2, 1) }],
    ['a commit index beyond the end', { ...fit, committed: 6 }],
    ['a commit index before the snapshot', { ...fit, committed: 2, applied: 2 }],
    ['an applied index beyond the commit index', { ...fit, applied: 5 }],
    ['an applied index before the snapshot', { ...fit, applied: 2 }],
  ] as const) {
    t.throws(() => log(broken), InvariantViolation, name)
  }
})

t.test('knows terms from just before the first entry to the last', async (t) => {
  const l = log({ compacted: at(3, 2), entries: entries(4, 2, 5), committed: 3, applied: 3 })
  for (const [i, expected] of [
    [2, undefined],
    [3, 2],
    [4, 2],
    [5, 5],
    [6, undefined],
  ] as const) {
    t.equal(l.term(index(i)), expected, `at ${i}`)
  }
  t.same([l.firstIndex, l.lastIndex, l.lastTerm], [4, 5, 5])
  t.equal(log({ compacted: at(3, 2), committed: 3, applied: 3 }).lastTerm, 2, 'an empty log ends at its snapshot')
})

t.test('a log is newer by its last term, then by its length', async (t) => {
  const l = log({ entries: entries(1, 1, 2, 3) })
  for (const [i, of, expected] of [
    [3, 3, true],
    [4, 3, true],
    [2, 3, false],
    [1, 4, true],
    [9, 2, false],
  ] as const) {
    t.equal(l.isUpToDate(at(i, of)), expected, `${of}/${i}`)
  }
})

t.test('appends after a match, keeps what is there, replaces what conflicts', async (t) => {
  const cases: [string, [number, number], [number, ...number[]] | [], number | undefined, number[]][] = [
    ['unknown predecessor', [9, 3], [10, 3], undefined, [1, 2, 2, 3]],
    ['predecessor of another term', [4, 2], [5, 3], undefined, [1, 2, 2, 3]],
    ['at the end', [4, 3], [5, 3, 4], 6, [1, 2, 2, 3, 3, 4]],
    ['nothing', [4, 3], [], 4, [1, 2, 2, 3]],
    ['nothing, in the middle', [2, 2], [], 2, [1, 2, 2, 3]],
    ['a repetition', [2, 2], [3, 2, 3], 4, [1, 2, 2, 3]],
    ['a short repetition keeps the tail', [2, 2], [3, 2], 3, [1, 2, 2, 3]],
    ['a repetition that goes on', [3, 2], [4, 3, 3], 5, [1, 2, 2, 3, 3]],
    ['a conflict at the end', [3, 2], [4, 4], 4, [1, 2, 2, 4]],
    ['a conflict after a repetition', [1, 1], [2, 2, 5, 5, 5], 5, [1, 2, 5, 5, 5]],
  ]
  for (const [name, prev, [first, ...of], last, expected] of cases) {
    const l = log({ entries: entries(1, 1, 2, 2, 3), committed: 1, applied: 0 })
    t.equal(l.maybeAppend(at(...prev), first === undefined ? [] : entries(first, ...of)), last, name)
    t.same(terms(l), expected, name)
  }
})

t.test('never replaces a committed entry', async (t) => {
  const l = log({ entries: entries(1, 1, 1, 1), committed: 2 })
  t.throws(() => l.maybeAppend(at(1, 1), entries(2, 9)), InvariantViolation)
  t.doesNotThrow(() => l.maybeAppend(at(2, 1), entries(3, 9)))
})

t.test('finds where two logs may agree', async (t) => {
  const l = log({ compacted: at(2, 1), entries: entries(3, 1, 3, 3, 5), committed: 2, applied: 2 })
  for (const [from, of, i, found] of [
    [6, 5, 6, 5],
    [Number.MAX_SAFE_INTEGER, 5, 6, 5],
    [6, 4, 5, 3],
    [6, 2, 3, 1],
    [4, 9, 4, 3],
    [2, 1, 2, 1],
    [6, 0, 1, 0], // reaches below the log: unknown
    [1, 1, 1, 0],
  ] as const) {
    t.same(l.agreementAtOrBelow(index(from), term(of)), at(i, found), `${from} at term ${of}`)
  }
  t.same(log({ entries: entries(1, 4, 4) }).agreementAtOrBelow(index(2), term(3)), at(0, 0), 'the empty log agrees')
})

t.test('slices by bytes, but never below one entry', async (t) => {
  const size = ENTRY_OVERHEAD_BYTES + 4
  const l = log({ entries: [1, 2, 3, 4].map((i) => entry(i, 1, 'abcd')) })
  for (const [lo, hi, bytes, expected] of [
    [1, 5, 1 << 20, [1, 2, 3, 4]],
    [1, 5, size * 2, [1, 2]],
    [1, 5, size * 2 - 1, [1]],
    [2, 5, 0, [2]],
    [2, 3, 1 << 20, [2]],
    [3, 3, 1 << 20, []],
  ] as const) {
    t.same(
      l.slice(index(lo), index(hi), bytes).map((e) => e.index),
      expected,
      `[${lo}, ${hi}) in ${bytes}`,
    )
  }
  t.throws(() => l.slice(index(0), index(2), 1), InvariantViolation)
  t.throws(() => l.slice(index(1), index(6), 1), InvariantViolation)
})

t.test('the commit index only rises, and not beyond the end', async (t) => {
  const l = log({ entries: entries(1, 1, 1) })
  l.commitTo(index(1))
  l.commitTo(index(0))
  t.equal(l.committed, 1)
  t.throws(() => {
    l.commitTo(index(3))
  }, InvariantViolation)
})

t.test('applies only what is committed and durable, in order, once', async (t) => {
  const l = log()
  l.append(entries(1, 1, 1, 1))
  l.commitTo(index(2))
  t.notOk(l.hasCommittedToApply, 'nothing is durable')
  l.takeUnwritten()
  const mark = l.stableMark()
  t.notOk(l.hasCommittedToApply, 'handed out is not durable')
  l.onStable(mark)
  t.same(
    l.takeCommitted().map((e) => e.index),
    [1, 2],
  )
  t.same(l.takeCommitted(), [])
  l.commitTo(index(3))
  t.same(
    l.takeCommitted().map((e) => e.index),
    [3],
  )
  t.throws(() => l.appliedTo(index(4), term(1)), InvariantViolation)
  l.appliedTo(index(3), term(1))
  t.equal(l.applied, 3)
  t.equal(l.appliedTo(index(2), term(1)), 0, 'an older report is no news')
})

t.test('limits the bytes that are being applied over all batches', async (t) => {
  const size = ENTRY_OVERHEAD_BYTES + 4
  const l = log({ entries: [1, 2, 3, 4, 5].map((i) => entry(i, 1, 'abcd')), committed: 5, maxApplyingBytes: size * 2 })
  const take = (): number[] => l.takeCommitted().map((e) => e.index)
  t.same(take(), [1, 2])
  t.notOk(l.hasCommittedToApply)
  t.equal(l.appliedTo(index(1), term(1)), 4, 'payload of the own term')
  t.same(take(), [3])
  t.equal(l.appliedTo(index(3), term(2)), 0, 'payload of other terms does not count')
  t.same(take(), [4, 5])
})

t.test('a durable mark counts only while nothing handed out was overwritten', async (t) => {
  const l = log({ entries: entries(1, 1), committed: 1, applied: 1 })
  l.append(entries(2, 2, 2))
  l.takeUnwritten()
  const first = l.stableMark()
  // Another leader replaces them, and then the very same entries come back (ABA).
  l.maybeAppend(at(1, 1), entries(2, 3))
  l.takeUnwritten()
  const second = l.stableMark()
  l.append(entries(2, 2, 2))
  l.takeUnwritten()
  const third = l.stableMark()

  l.onStable(first)
  t.equal(l.stable, 1, 'the same index and term, but a later write will replace it on disk')
  l.onStable(second)
  t.equal(l.stable, 1)
  l.onStable(third)
  t.equal(l.stable, 3)
})

t.test('what was never handed out may be replaced without doubt about earlier writes', async (t) => {
  const l = log({ entries: entries(1, 1), committed: 1, applied: 1 })
  l.append(entries(2, 2))
  l.takeUnwritten()
  const mark = l.stableMark()
  l.append(entries(3, 2))
  l.append(entries(3, 4))
  l.onStable(mark)
  t.equal(l.stable, 2)
})

t.test('durable entries that are replaced are not durable any more', async (t) => {
  const l = log({ entries: entries(1, 1, 1, 1) })
  t.equal(l.stable, 3)
  l.append(entries(2, 2))
  t.equal(l.stable, 1)
  t.same(
    l.takeUnwritten().entries.map((e) => e.term),
    [2],
  )
})

t.test('a snapshot replaces the log and holds back entries until it is durable', async (t) => {
  const l = log({ entries: entries(1, 1, 1, 1), committed: 2 })
  t.equal(l.takeCommitted().length, 2)
  l.restore(snapshot(5, 3), at(5, 3))
  t.same([l.firstIndex, l.lastIndex, l.lastTerm, l.committed], [6, 5, 3, 5])
  l.append(entries(6, 3))
  l.commitTo(index(6))
  const { snapshot: taken, entries: following } = l.takeUnwritten()
  t.equal(taken?.metadata?.index, 5)
  t.same(
    following.map((e) => e.index),
    [6],
  )
  t.equal(l.takeUnwritten().snapshot, undefined, 'handed out once')
  const mark = l.stableMark()
  t.notOk(l.hasCommittedToApply)
  t.equal(l.appliedTo(index(2), term(1)), 0, 'a report of entries from before')
  l.onSnapshotStable(index(5))
  l.onStable(mark)
  t.same([l.applied, l.stable, l.pendingSnapshot], [5, 6, undefined])
  t.equal(l.appliedTo(index(2), term(1)), 0, 'and another one after')
  t.same(
    l.takeCommitted().map((e) => e.index),
    [6],
  )
})

t.test('durable entries of a replaced history do not count for the new one', async (t) => {
  const l = log({ entries: entries(1, 1, 1, 1, 1, 1, 1), committed: 2, applied: 2 })
  l.restore(snapshot(4, 3), at(4, 3))
  l.append(entries(5, 3, 3))
  settle(l)
  t.equal(l.stable, 6)
  t.throws(() => {
    l.restore(snapshot(3, 3), at(3, 3))
  }, InvariantViolation)
})

t.test('compaction keeps the term before the first entry, and everything not applied', async (t) => {
  const l = log({ entries: entries(1, 1, 1, 2, 2), committed: 3, applied: 0 })
  l.takeCommitted()
  l.appliedTo(index(3), term(2))
  t.throws(() => {
    l.compact(index(4))
  }, InvariantViolation)
  const before = l.bytes
  l.compact(index(3))
  t.same([l.firstIndex, l.term(index(3)), l.term(index(2)), l.lastIndex], [4, 2, undefined, 4])
  t.equal(l.bytes, before - 3 * ENTRY_OVERHEAD_BYTES)
  l.compact(index(2))
  t.equal(l.firstIndex, 4, 'never goes back')
  t.equal(l.maybeAppend(at(3, 2), entries(4, 2, 2)), 5)
})

t.test('sees configuration changes that are committed but not applied', async (t) => {
  const change = entry(2, 1)
  change.type = EntryType.EntryConfChangeV2
  const l = log({ entries: [entry(1, 1), change, entry(3, 1)], committed: 1 })
  t.notOk(l.hasUnappliedConfChange, 'not committed')
  l.commitTo(index(3))
  t.ok(l.hasUnappliedConfChange)
  l.takeCommitted()
  t.ok(l.hasUnappliedConfChange, 'handed out is not applied')
  l.appliedTo(index(2), term(1))
  t.notOk(l.hasUnappliedConfChange)
})

t.test('entries follow on when indexes are consecutive and terms never fall', async (t) => {
  t.ok(followsOn(at(3, 2), []))
  t.ok(followsOn(at(3, 2), entries(4, 2, 2, 5)))
  t.notOk(followsOn(at(3, 2), entries(5, 2)))
  t.notOk(followsOn(at(3, 2), entries(4, 1)))
  t.notOk(followsOn(at(3, 2), [...entries(4, 2), ...entries(6, 2)]))
})

t.test('a long backlog is handed out for apply in pieces, in order and without gap', async (t) => {
  const count = 75
  const l = log({ entries: entries(1, ...new Array<number>(count).fill(1)), committed: index(count) })
  const sizes: number[] = []
  let next = 1
  while (l.hasCommittedToApply) {
    const taken = l.takeCommitted()
    t.same(
      taken.map((e) => e.index),
      taken.map((_, i) => next + i),
    )
    next += taken.length
    sizes.push(taken.length)
  }
  t.same(sizes, [32, 32, 11])
})

/** A log of `count` entries of term 1, and then of term 2 from `count / 2` on; all applied, in batches as they come. */
const appliedLog = (count: number, size = 8): RaftLog => {
  const l = log()
  l.append(Array.from({ length: count }, (_, i) => sized(i + 1, i < count / 2 ? 1 : 2, size)))
  settle(l)
  l.commitTo(index(count))
  applyAll(l)
  return l
}

const sized = (at: number, of: number, size: number): Entry => {
  const e = entry(at, of)
  e.data = Buffer.alloc(size, (at * 31 + of) % 251)
  return e
}

const applyAll = (l: RaftLog): void => {
  while (l.hasCommittedToApply) {
    l.appliedTo(l.takeCommitted().at(-1)!.index, term(1))
    l.packApplied(32)
  }
}

const isSame = (a: readonly Entry[], b: readonly Entry[]): boolean =>
  a.length === b.length &&
  a.every(({ index, term, type, data }, i) => {
    const other = b[i]!
    return index === other.index && term === other.term && type === other.type && Buffer.compare(data, other.data) === 0
  })

t.test('entries are packed when they are applied, and no earlier', async (t) => {
  const l = log()
  const given = Array.from({ length: 600 }, (_, i) => sized(i + 1, 1, 8))
  l.append(given)
  settle(l)
  l.commitTo(index(500))
  const own = (at: number): boolean => l.slice(index(at), index(at + 1), 0)[0] === given[at - 1]
  while (l.hasCommittedToApply) l.takeCommitted()
  l.packApplied(1)
  t.ok(own(1), 'being applied')
  l.appliedTo(index(300), term(1))
  l.packApplied(301)
  t.ok(own(1), 'a short run stays')
  l.packApplied(300)
  t.notOk(own(1) || own(300), 'packed')
  t.ok(own(301), 'not applied')
  l.appliedTo(index(500), term(1))
  l.packApplied(1)
  t.ok(isSame(l.slice(index(1), index(601), 1 << 20), given), 'and all are there')
})

t.test('the places of packed entries are as exact as those of others', async (t) => {
  const l = appliedLog(1000)
  l.append([sized(1001, 3, 8), sized(1002, 3, 8)])
  const size = 8 + ENTRY_OVERHEAD_BYTES
  t.equal(l.bytes, 1002 * size)
  t.same(terms(l), [...new Array<number>(500).fill(1), ...new Array<number>(500).fill(2), 3, 3])
  t.same([l.term(index(0)), l.term(index(1003))], [0, undefined])
  for (const [lo, hi, bytes, count] of [
    [1, 1003, 1 << 20, 1002],
    [1, 1003, size * 3, 3],
    [1, 1003, size * 3 - 1, 2],
    [7, 1003, 0, 1],
    [7, 7, 1 << 20, 0],
    [999, 1003, size * 3, 3],
    [900, 1003, 1 << 20, 103],
  ] as const) {
    t.same(
      l.slice(index(lo), index(hi), bytes).map((e) => e.index),
      Array.from({ length: count }, (_, i) => lo + i),
      `[${lo}, ${hi}) in ${bytes}`,
    )
  }
  t.same(l.agreementAtOrBelow(index(1002), term(1)), at(500, 1))
  t.same(
    l.takeUnwritten().entries.map((e) => e.index),
    [1001, 1002],
  )
  t.equal(l.maybeAppend(at(400, 1), [sized(401, 1, 8), sized(402, 1, 8)]), 402, 'a repetition of packed ones')
  t.equal(l.lastIndex, 1002)
  t.throws(() => l.maybeAppend(at(400, 1), entries(401, 9)), InvariantViolation)
})

t.test('a log of packed entries alone ends at the last of them', async (t) => {
  const l = appliedLog(512)
  t.not(l.slice(index(512), index(513), 0)[0], l.slice(index(512), index(513), 0)[0], 'the last one is packed')
  t.same([l.lastIndex, l.lastTerm, l.isUpToDate(at(512, 1))], [512, 2, false])
  l.append(entries(513, 2))
  t.same([l.lastIndex, l.term(index(513))], [513, 2])
})

t.test('compaction cuts anywhere among packed entries and behind them', async (t) => {
  const l = appliedLog(1000)
  const size = 8 + ENTRY_OVERHEAD_BYTES
  for (const to of [1, 2, 300, 499, 500, 501, 700, 999, 1000]) {
    l.compact(index(to))
    t.same([l.firstIndex, l.lastIndex, l.lastTerm], [to + 1, 1000, 2])
    t.same(l.compacted, at(to, to <= 500 ? 1 : 2))
    t.same([l.term(index(to)), l.term(index(to - 1))], [to <= 500 ? 1 : 2, undefined])
    t.equal(l.bytes, (1000 - to) * size)
    t.equal(l.slice(l.firstIndex, index(1001), 1 << 20)[0]?.index, to === 1000 ? undefined : to + 1)
    t.throws(() => l.slice(index(to), index(1001), 1 << 20), InvariantViolation)
  }
})

t.test('a snapshot replaces packed entries too', async (t) => {
  const l = appliedLog(1000)
  l.append(entries(1001, 2, 2))
  l.restore(snapshot(1500, 4), at(1500, 4))
  t.same([l.firstIndex, l.lastIndex, l.lastTerm, l.bytes], [1501, 1500, 4, 0])
  t.same([l.term(index(1000)), l.term(index(1499)), l.term(index(1500))], [undefined, undefined, 4])
  l.append(Array.from({ length: 400 }, (_, i) => sized(1501 + i, 4, 8)))
  t.notOk(l.hasUnappliedConfChange)
  settle(l)
  l.commitTo(index(1900))
  applyAll(l)
  t.same([l.applied, l.lastIndex], [1900, 1900])
  t.same(terms(l), new Array<number>(400).fill(4))
})

t.test('entries handed out stay as they are when the log goes on in the same memory', async (t) => {
  const l = appliedLog(1000, 200)
  const before = l.slice(index(100), index(500), 1 << 20)
  const copies = before.map((e) => sized(e.index, e.term, 200))
  for (let last = 1000; last < 10_000; last += 500) {
    l.append(Array.from({ length: 500 }, (_, i) => sized(last + 1 + i, 3, 200)))
    settle(l)
    l.commitTo(l.lastIndex)
    applyAll(l)
    l.compact(index(last - 500))
  }
  t.ok(isSame(before, copies))
})

t.test('all changes of the members but the last one are committed', async (t) => {
  const log = entries(7, 1, 1, 2, 2, 3)
  t.equal(committedByChange([]), 0)
  t.equal(committedByChange(log), 0)
  log[3]!.type = EntryType.EntryConfChangeV2
  t.equal(committedByChange(log), 0, 'the last one may be lost')
  log[1]!.type = EntryType.EntryConfChange
  t.equal(committedByChange(log), 8)
  log[4]!.type = EntryType.EntryConfChange
  t.equal(committedByChange(log), 10)
})
