// The log against an obvious one: a plain array, and cursors that the test moves itself.

import t from 'tap'
import { index, term } from '../base/index.js'
import { SeededRandom } from '../proto/testing.js'
import { entryBytes } from './entry-bytes.js'
import { RaftLog } from './log.js'
import type { LogPosition } from './log.js'
import { Entry, EntryType, Snapshot, SnapshotMetadata } from './pb.js'

const STEPS = 4000

const isSame = (a: readonly Entry[], b: readonly Entry[]): boolean =>
  a.length === b.length &&
  a.every(({ index, term, type, data }, i) => {
    const other = b[i]!
    return index === other.index && term === other.term && type === other.type && Buffer.compare(data, other.data) === 0
  })

const sumBytes = (entries: readonly Entry[]): number => entries.reduce((sum, entry) => sum + entryBytes(entry), 0)

/** Does the same to a log and to the model, and throws where they differ. */
class Pair {
  readonly #random: SeededRandom
  readonly #log = new RaftLog({
    compacted: { index: index(0), term: term(0) },
    entries: [],
    committed: index(0),
    applied: index(0),
    maxApplyingBytes: 1 << 20,
  })
  /** All entries behind `#base`. */
  #model: Entry[] = []
  #base: LogPosition = { index: index(0), term: term(0) }
  #term = 1
  #committed = 0
  #applying = 0
  #applied = 0
  #handedOut = 0
  readonly #read: { got: Entry[]; expected: Entry[] }[] = []
  /** Entries that the log gave back as others than it was given. */
  packedSeen = 0
  restores = 0

  constructor(random: SeededRandom) {
    this.#random = random
  }

  step(): void {
    const dice = this.#random.below(2000)
    if (dice < 300) this.#append()
    else if (dice < 340) this.#replaceTail()
    else if (dice < 740) this.#write()
    else if (dice < 1140) this.#commit()
    else if (dice < 1540) this.#takeCommitted()
    else if (dice < 1920) this.#apply()
    else if (dice < 1995) this.#compact()
    else this.#restore()
    this.#check()
  }

  get #last(): number {
    return this.#base.index + this.#model.length
  }

  /** What the model holds in [lo, hi). */
  #range(lo: number, hi: number): Entry[] {
    const start = this.#base.index + 1
    return this.#model.slice(Math.max(0, lo - start), Math.max(0, hi - start))
  }

  #termAt(at: number): number | undefined {
    return at === this.#base.index ? this.#base.term : this.#range(at, at + 1)[0]?.term
  }

  #fresh(first: number, count: number): Entry[] {
    return Array.from({ length: count }, (_, i) => {
      const entry = new Entry()
      entry.index = index(first + i)
      entry.term = term(this.#term)
      entry.data = this.#random.bytes(this.#random.below(this.#random.chance(5) ? 5000 : 100))
      if (this.#random.chance(1)) entry.type = EntryType.EntryConfChangeV2
      return entry
    })
  }

  #append(): void {
    const entries = this.#fresh(this.#last + 1, 1 + this.#random.below(150))
    this.#log.append(entries)
    this.#model.push(...entries)
  }

  /** Another leader's entries come, and sometimes repeat some that are here, packed ones too. */
  #replaceTail(): void {
    this.#term++
    const first = this.#committed + 1 + this.#random.below(this.#last - this.#committed + 1)
    const prev = first - 1 - this.#random.below(Math.min(first - this.#base.index, 600))
    const fresh = this.#fresh(first, 1 + this.#random.below(20))
    const position = { index: index(prev), term: term(this.#termAt(prev)!) }
    const end = this.#log.maybeAppend(position, [...this.#range(prev + 1, first), ...fresh])
    equal(end, first - 1 + fresh.length, 'end of an append')
    this.#model = [...this.#range(this.#base.index + 1, first), ...fresh]
    this.#handedOut = Math.min(this.#handedOut, first - 1)
  }

  #write(): void {
    const { entries } = this.#log.takeUnwritten()
    truth(isSame(entries, this.#range(this.#handedOut + 1, this.#last + 1)), 'entries to write')
    this.#handedOut = this.#last
    this.#log.onStable(this.#log.stableMark())
  }

  #commit(): void {
    this.#committed += this.#random.below(this.#last - this.#committed + 1)
    this.#log.commitTo(index(this.#committed))
  }

  #takeCommitted(): void {
    const entries = this.#log.takeCommitted()
    truth(isSame(entries, this.#range(this.#applying + 1, this.#applying + 1 + entries.length)), 'entries to apply')
    this.#applying += entries.length
  }

  #apply(): void {
    const to = this.#applied + this.#random.below(this.#applying - this.#applied + 1)
    const own = this.#range(this.#applied + 1, to + 1).filter((entry) => entry.term === this.#term)
    const payload = own.reduce((sum, { data }) => sum + data.length, 0)
    equal(this.#log.appliedTo(index(to), term(this.#term)), payload, 'payload applied')
    this.#applied = to
    this.#log.packApplied(this.#random.pick([1, 30, 300]))
  }

  #compact(): void {
    const to = Math.min(this.#applied, this.#base.index + this.#random.below(this.#random.pick([3, 300, 3000])))
    this.#log.compact(index(to))
    const base = { index: index(to), term: term(this.#termAt(to)!) }
    this.#model = this.#range(to + 1, this.#last + 1)
    this.#base = base
  }

  #restore(): void {
    const at = this.#committed + 1 + this.#random.below(this.#last - this.#committed + 500)
    const snapshot = new Snapshot()
    snapshot.metadata = new SnapshotMetadata()
    this.#base = { index: (snapshot.metadata.index = index(at)), term: (snapshot.metadata.term = term(++this.#term)) }
    this.#log.restore(snapshot, this.#base)
    this.#model = []
    this.#check()
    this.#committed = this.#handedOut = this.#applying = this.#applied = at
    this.#log.takeUnwritten()
    this.#log.onSnapshotStable(index(at))
    this.restores++
  }

  #check(): void {
    const log = this.#log
    equal(log.firstIndex, this.#base.index + 1, 'first index')
    equal(log.lastIndex, this.#last, 'last index')
    equal(log.lastTerm, this.#termAt(this.#last), 'last term')
    equal(log.bytes, sumBytes(this.#model), 'bytes')
    for (const at of [this.#base.index - 1, this.#base.index, this.#last, this.#last + 1, this.#somewhere()]) {
      equal(log.term(index(at)), this.#termAt(at), `term at ${at}`)
    }
    const unapplied = this.#range(Math.max(this.#applied, this.#base.index) + 1, log.committed + 1)
    equal(log.hasUnappliedConfChange, unapplied.some(({ type }) => type !== EntryType.EntryNormal), 'pending change') // prettier-ignore
    this.#checkAgreement(this.#somewhere(), Math.max(0, this.#term - this.#random.below(10)))
    const lo = Math.max(this.#somewhere(), this.#base.index + 1)
    this.#checkSlice(lo, lo + this.#random.below(Math.min(this.#last + 1 - lo, 500) + 1))
    // Around the place where packed entries may end.
    const applied = Math.max(this.#applied, this.#base.index)
    this.#checkSlice(Math.max(applied - 300, this.#base.index + 1), Math.min(applied + 20, this.#last + 1))
  }

  #somewhere(): number {
    return this.#base.index + this.#random.below(this.#model.length + 1)
  }

  #checkAgreement(from: number, of: number): void {
    let at = from
    while (at >= this.#base.index && this.#termAt(at)! > of) at--
    const expected = at >= this.#base.index ? this.#termAt(at) : 0
    const found = this.#log.agreementAtOrBelow(index(from), term(of))
    equal(found.term, expected, `term of the agreement below ${from}`)
    if (at >= this.#base.index) equal(found.index, at, `agreement below ${from}`)
  }

  #checkSlice(lo: number, hi: number): void {
    const maxBytes = this.#random.below(this.#random.pick([50, 10_000, 1 << 20]))
    const expected = this.#range(lo, hi)
    while (expected.length > 1 && sumBytes(expected) > maxBytes) expected.pop()
    const got = this.#log.slice(index(lo), index(hi), maxBytes)
    truth(isSame(got, expected), `[${lo}, ${hi}) in ${maxBytes}`)
    this.packedSeen += got.filter((entry, i) => entry !== expected[i]).length
    this.#read.push({ got, expected })
    if (this.#read.length <= 60) return
    const earlier = this.#read.shift()!
    truth(isSame(earlier.got, earlier.expected), 'entries read earlier')
  }
}

const truth = (condition: boolean, what: string): void => {
  if (!condition) throw new Error(`${what}: not what was expected`)
}

const equal = (got: unknown, expected: unknown, what: string): void => {
  truth(got === expected, `${what}: ${String(got)} and ${String(expected)}`)
}

t.test('agrees with a plain array', async (t) => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`SEED=${seed}`)
  const pair = new Pair(new SeededRandom(seed))
  for (let step = 0; step < STEPS; step++) {
    try {
      pair.step()
    } catch (error) {
      t.fail(`SEED=${seed}, step ${step}`, { error: String(error) })
      return
    }
  }
  t.ok(pair.packedSeen > 1000, `read ${pair.packedSeen} packed entries`)
  t.comment(`${pair.restores} snapshots`)
})
