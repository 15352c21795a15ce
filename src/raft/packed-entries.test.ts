import t from 'tap'
import { index, InvariantViolation, term } from '../base/index.js'
import { SeededRandom } from '../proto/testing.js'
import { ENTRY_OVERHEAD_BYTES, entryBytes } from './entry-bytes.js'
import { PackedEntries, SEGMENT_BYTES, SPARES_MAX } from './packed-entries.js'
import { Entry, EntryType } from './pb.js'

const HEADER_BYTES = 16

const entry = (at: number, of: number, data: Uint8Array, type: number = EntryType.EntryNormal): Entry => {
  const e = new Entry()
  e.index = index(at)
  e.term = term(of)
  e.type = type
  e.data = data
  return e
}

/** `count` entries from `first` on, each of `size` bytes that tell its index. */
const run = (first: number, count: number, size: number): Entry[] =>
  Array.from({ length: count }, (_, i) => entry(first + i, 1, Buffer.alloc(size, (first + i) % 251)))

/** Equal in every field; `t.same` over thousands of buffers takes too long. */
const isSame = (a: Entry, b: Entry): boolean =>
  a.index === b.index && a.term === b.term && a.type === b.type && Buffer.compare(a.data, b.data) === 0

const isSameList = (a: readonly Entry[], b: readonly Entry[]): boolean =>
  a.length === b.length && a.every((one, i) => isSame(one, b[i]!))

const read = (packed: PackedEntries, lo: number, hi: number): Entry[] => packed.read(index(lo), index(hi))

t.test('gives back every field as it was', async (t) => {
  const fits = SEGMENT_BYTES - HEADER_BYTES
  const list = [
    entry(8, 1, Buffer.from('a')),
    entry(9, 1, new Uint8Array(0), EntryType.EntryConfChange),
    entry(10, 2, Buffer.from('bcd'), EntryType.EntryConfChangeV2),
    entry(11, Number.MAX_SAFE_INTEGER, Buffer.alloc(fits, 1), -1),
    entry(12, Number.MAX_SAFE_INTEGER, Buffer.alloc(fits + 1, 2)),
    entry(13, Number.MAX_SAFE_INTEGER, Buffer.alloc(SEGMENT_BYTES * 3, 3)),
    entry(14, Number.MAX_SAFE_INTEGER, Buffer.from('e'), 0x7fffffff),
  ]
  const packed = new PackedEntries(index(7))
  packed.append(list)
  t.ok(isSameList(read(packed, 8, 15), list))
  for (const one of list) {
    t.ok(isSameList(read(packed, one.index, one.index + 1), [one]), `alone: ${one.index}`)
    t.equal(packed.term(one.index), one.term)
    t.equal(packed.entryBytes(one.index), entryBytes(one))
  }
  t.same([packed.term(index(7)), packed.term(index(15))], [undefined, undefined])
  t.equal(packed.last, 14)
  t.equal(
    packed.bytes,
    list.reduce((sum, one) => sum + entryBytes(one), 0),
  )
})

t.test('refuses what does not follow on, and to read what is not there', async (t) => {
  const packed = new PackedEntries(index(7))
  packed.append([])
  t.throws(() => {
    packed.append(run(9, 1, 1))
  }, InvariantViolation)
  t.throws(() => {
    packed.append([...run(8, 1, 1), ...run(10, 1, 1)])
  }, InvariantViolation)
  packed.append(run(8, 4, 1))
  packed.dropThrough(index(8))
  t.throws(() => read(packed, 8, 10), InvariantViolation)
  t.throws(() => read(packed, 9, 13), InvariantViolation)
  t.same(read(packed, 9, 9), [])
})

t.test('drops in the middle of a segment exactly, and all of it at once', async (t) => {
  const packed = new PackedEntries(index(0))
  packed.append(run(1, 10, 4))
  packed.dropThrough(index(3))
  t.same([packed.term(index(3)), packed.term(index(4))], [undefined, 1])
  t.equal(packed.bytes, 7 * (4 + ENTRY_OVERHEAD_BYTES))
  packed.dropThrough(index(2))
  t.ok(isSameList(read(packed, 4, 11), run(4, 7, 4)), 'never goes back')
  packed.dropThrough(index(20))
  t.same([packed.last, packed.bytes, packed.term(index(10))], [20, 0, undefined])
  packed.append(run(21, 2, 4))
  t.ok(isSameList(read(packed, 21, 23), run(21, 2, 4)))
})

t.test('needs no further memory while as much is dropped as comes', async (t) => {
  const size = 100
  const perSegment = Math.floor(SEGMENT_BYTES / (HEADER_BYTES + size))
  const packed = new PackedEntries(index(0))
  for (let round = 0; round < 20; round++) {
    packed.append(run(round * perSegment + 1, perSegment, size))
    packed.dropThrough(index(round * perSegment))
    t.equal(packed.reused, Math.max(0, round - 1), `round ${round}`)
  }
})

t.test('keeps few unused segments, and none of another size', async (t) => {
  const packed = new PackedEntries(index(0))
  const count = SPARES_MAX + 10
  packed.append(run(1, count, SEGMENT_BYTES - HEADER_BYTES))
  packed.dropThrough(index(count))
  packed.append(run(count + 1, count, SEGMENT_BYTES - HEADER_BYTES))
  t.equal(packed.reused, SPARES_MAX)

  const large = new PackedEntries(index(0))
  large.append(run(1, 5, SEGMENT_BYTES))
  large.dropThrough(index(5))
  large.append([...run(6, 5, SEGMENT_BYTES), ...run(11, 5, 1)])
  t.equal(large.reused, 0)
})

t.test('what was read stays when its memory is lent again', async (t) => {
  const packed = new PackedEntries(index(0))
  packed.append(run(1, 100, 50))
  const before = read(packed, 1, 101)
  packed.dropThrough(index(100))
  packed.append(run(101, 100, 50))
  t.equal(packed.reused, 1)
  t.ok(isSameList(before, run(1, 100, 50)))
})

t.test('keeps what it was given when the giver writes over it', async (t) => {
  const packed = new PackedEntries(index(0))
  const given = run(1, 3, 10)
  packed.append(given)
  for (const { data } of given) data.fill(0xdb)
  t.ok(isSameList(read(packed, 1, 4), run(1, 3, 10)))
})

t.test('agrees with a plain array', async (t) => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`SEED=${seed}`)
  const random = new SeededRandom(seed)
  const types = Object.values(EntryType)
  const randomSize = (): number => {
    const dice = random.below(100)
    if (dice < 20) return 0
    if (dice < 92) return random.below(300)
    if (dice < 98) return random.below(SEGMENT_BYTES / 4)
    return random.chance(70) ? SEGMENT_BYTES - HEADER_BYTES - 2 + random.below(4) : random.below(3 * SEGMENT_BYTES)
  }
  let first = 1 + random.below(1000)
  const packed = new PackedEntries(index(first - 1))
  let model: Entry[] = []
  let of = 1
  const kept: { got: Entry[]; expected: Entry[] }[] = []
  const fail = (step: number, what: string): void => void t.fail(`SEED=${seed}, step ${step}: ${what}`)

  for (let step = 0; step < 800; step++) {
    const next = first + model.length
    if (random.chance(50)) {
      const fresh = Array.from({ length: random.below(random.pick([2, 40, 200])) }, (_, i) => {
        if (random.chance(3)) of += 1 + random.below(5)
        return entry(next + i, of, random.bytes(randomSize()), random.pick(types))
      })
      packed.append(fresh)
      model.push(...fresh)
    } else {
      // Mostly a little, now and then all or beyond the end, so that the next entry is not the one that would follow.
      const through = random.chance(5)
        ? next - 1 + random.below(3)
        : Math.min(next - 1, first - 2 + random.below(random.pick([3, 40, 220])))
      packed.dropThrough(index(through))
      model = model.slice(Math.max(0, through + 1 - first))
      first = Math.max(first, through + 1)
    }

    const end = first + model.length
    if (packed.last !== end - 1) fail(step, `ends at ${packed.last} instead of ${end - 1}`)
    if (packed.bytes !== model.reduce((sum, one) => sum + entryBytes(one), 0)) fail(step, `${packed.bytes} bytes`)
    if (packed.term(index(first - 1)) !== undefined || packed.term(index(end)) !== undefined)
      fail(step, 'reaches too far')
    const at = first - 1 + random.below(model.length + 2)
    if (packed.term(index(at)) !== model[at - first]?.term) fail(step, `term at ${at}`)
    if (model[at - first] !== undefined && packed.entryBytes(index(at)) !== entryBytes(model[at - first]!)) {
      fail(step, `bytes of ${at}`)
    }
    const lo = first + random.below(model.length + 1)
    const hi = lo + random.below(Math.min(end - lo, 200) + 1)
    const got = read(packed, lo, hi)
    const expected = model.slice(lo - first, hi - first)
    if (!isSameList(got, expected)) fail(step, `[${lo}, ${hi})`)
    kept.push({ got, expected })
    if (kept.length > 50) {
      const { got: old, expected: oldExpected } = kept.shift()!
      if (!isSameList(old, oldExpected)) fail(step, 'entries read earlier have changed')
    }
  }
  t.ok(packed.reused > 10, `segments took each other's place ${packed.reused} times`)
})
