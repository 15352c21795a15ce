// Random transactions, reads at any revision, compactions in any state of progress, hashes, commits, crashes and restarts
// against the obvious model (testing-model.ts). SEED=n runs one seed, SEEDS=n that many.
import t from 'tap'
import { EMPTY_BYTES, type Key, type LeaseId, leaseId, NO_LEASE } from '../base/index.js'
import { type BackendRow, type BackendSlice, type Random, silentLogger } from '../env/index.js'
import type { Change } from './change.js'
import { OPEN_END } from './key-index.js'
import { type RangeOutcome, RangeQuery, SortOrder, SortTarget } from './range.js'
import { Restore } from './restore.js'
import { RowMemory } from './row-memory.js'
import type { Store } from './store.js'
import { key, MemoryBackend, openStore, plainOutcome, RowList, seededRandom, TurnClock } from './testing.js'
import { Model, storedValue } from './testing-model.js'

const FIRST_SEED = Number(process.env['SEED'] ?? 1)
const SEEDS = Number(process.env['SEEDS'] ?? (process.env['SEED'] === undefined ? 60 : 1))
const STEPS = 300
const KEPT_MAX = 400

/** What the backend held after a batch. */
interface Mark {
  readonly revision: number
  readonly compactRevision: number
}

class Run {
  readonly seed: number
  readonly random: Random
  model = new Model()
  backend = new MemoryBackend()
  clock = new TurnClock()
  store!: Store
  leases = new Map<Key, LeaseId>()
  /** Collected and not yet in the backend, oldest first. */
  writing: { rows: readonly BackendRow[]; token: number; mark: Mark }[] = []
  /** One per batch of the backend. */
  marks: Mark[] = []
  /** Expected hashes of compactions: revision to hash and previous compact revision. */
  compactionHashes = new Map<number, { hash: number; previous: number }>()
  /** Sliced reads and hashes under way; they check themselves. */
  waiting = new Set<Promise<void>>()
  failure: unknown
  /** What the store gave out, and what it has to be for as long as somebody has it. */
  kept: { bytes: Uint8Array; expected: Uint8Array }[] = []
  published: Change[] = []
  counts = { txns: 0, ranges: 0, hashes: 0, compactions: 0, crashes: 0, histories: 0 }

  constructor(seed: number) {
    this.seed = seed
    this.random = seededRandom(seed)
  }

  check(ok: boolean, what: string): void {
    if (!ok) throw new Error(`SEED=${this.seed}: ${what}`)
  }

  chance(percent: number): boolean {
    return this.random.below(100) < percent
  }

  async open(): Promise<void> {
    this.clock = new TurnClock()
    this.leases = new Map()
    this.published = []
    const options = {
      clock: this.clock,
      cacheBytes: this.random.below(3) * 30_000,
      compactionBatchLimit: 1 + this.random.below(30),
      onLeasedKey: (name: Key, lease: LeaseId) => this.leases.set(name, lease),
      onFailure: (error: unknown) => (this.failure ??= error),
    }
    this.store = await openStore(this.backend, options, this.chance(50) ? await this.restore() : undefined)
    this.store.onCommit({ onTxn: (_revision, changes) => this.published.push(...changes) })
    this.clock.manual = true
    this.clock.lookMs = 10
    this.checkRestored()
  }

  /** As a store is received: rows in lent memory, in slices of any length. */
  async restore(): Promise<Restore> {
    const rowMemory = new RowMemory(true)
    const restore = new Restore(this.backend, {
      logger: silentLogger,
      cacheBytes: this.random.below(3) * 30_000,
      rowMemory,
    })
    const rows: BackendSlice[number][] = []
    for await (const slice of this.backend.scan('key', EMPTY_BYTES, undefined)) rows.push(...slice)
    for (let i = 0; i < rows.length;) {
      const end = i + this.random.below(6)
      const lent = rows.slice(i, end).map(({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(value) }))
      restore.add(lent)
      for (const { key, value } of lent) {
        key.fill(0xff)
        value.fill(0xff)
      }
      i = end
    }
    restore.end()
    return restore
  }

  checkRestored(): void {
    const { store, model } = this
    this.check(store.revision === model.revision, `revision ${store.revision}, model ${model.revision}`)
    this.check(
      store.compactRevision === model.compactRevision,
      `compact revision ${store.compactRevision}, model ${model.compactRevision}`,
    )
    const leased = model.live(model.revision).filter(({ lease }) => lease !== NO_LEASE)
    this.check(
      this.leases.size === leased.length,
      `${this.leases.size} keys with leases restored, not ${leased.length}`,
    )
    for (const { key: name, lease } of leased) this.check(this.leases.get(name) === lease, `lease of ${name}`)
  }

  name(): Key {
    return key(String.fromCharCode(97 + this.random.below(5)) + (this.chance(50) ? String(this.random.below(4)) : ''))
  }

  end(): Key | undefined {
    return this.chance(40) ? undefined : this.chance(40) ? OPEN_END : this.name()
  }

  value(): Uint8Array {
    const size = this.chance(85) ? this.random.below(20) : this.random.below(this.chance(80) ? 9000 : 40_000)
    return Buffer.alloc(size, 97 + this.random.below(4))
  }

  lease(): LeaseId {
    return this.chance(70) ? NO_LEASE : leaseId(this.random.uint64())
  }

  txn(): void {
    const { model } = this
    const txn = this.store.beginWrite()
    const main = model.revision + 1
    let sub = 0
    this.check(txn.beginRevision === model.revision, 'begin revision')
    for (let i = this.chance(60) ? 1 : this.random.below(6); i > 0; i--) {
      if (this.chance(65)) {
        const name = this.name()
        const bytes = this.value()
        const lease = this.lease()
        const before = model.inRange(main, name, undefined)[0]
        const previous = txn.lookup(name)
        this.check(previous?.mod === before?.main, `lookup of ${name}`)
        this.check(previous?.version === before?.version && previous?.create === before?.create, 'previous state')
        txn.put(name, bytes, lease)
        this.check(txn.revision === main && txn.lookup(name)?.mod === main, `put of ${name}`)
        model.put(main, sub++, name, bytes, lease)
      } else {
        const name = this.name()
        const end = this.end()
        const expected = model.inRange(main, name, end).map((change) => change.key)
        const deleted = txn.deleteRange(name, end)
        this.check(deleted.join() === expected.join(), `deleted ${deleted.join()}, not ${expected.join()}`)
        for (const gone of deleted) model.delete(main, sub++, gone)
      }
      if (this.chance(40)) {
        const query = this.query()
        const got = txn.rangeSync(query)
        this.same(got, model.range(query, main, sub > 0 ? main : model.revision), 'range inside the transaction')
      }
      const name = this.name()
      const live = model.inRange(main, name, undefined)[0]
      this.check(txn.lookup(name)?.mod === live?.main, 'lookup inside the transaction')
      const kv = txn.kv(name)
      if (live === undefined) this.check(kv === undefined, 'no value inside the transaction')
      else this.sameBytes(kv, storedValue(live), 'value inside the transaction')
    }
    this.published = []
    const { revision, changes } = txn.end()
    if (sub > 0) model.revision = main
    this.check(revision === model.revision && this.store.revision === revision, 'revision after the transaction')
    this.check(changes.length === sub && this.published.length === sub, 'all changes are published')
    const made = model.changes.slice(model.changes.length - sub)
    for (const [i, change] of changes.entries()) this.checkChange(change, made[i]!)
    this.counts.txns++
  }

  checkChange(change: Change, expected: Model['changes'][number]): void {
    this.check(
      change.key === expected.key &&
        change.main === expected.main &&
        change.sub === expected.sub &&
        change.kind === (expected.value === undefined ? 'delete' : 'put') &&
        change.create === expected.create,
      `change ${change.main}.${change.sub} of ${change.key}`,
    )
    if (expected.value !== undefined) this.sameBytes(change.kv, storedValue(expected), 'event bytes')
  }

  query(): RangeQuery {
    const { revision, compactRevision } = this.model
    const query = new RangeQuery(this.chance(20) ? key('\0') : this.name(), this.end())
    if (this.chance(60))
      query.revision = Math.max(compactRevision, 0) + this.random.below(revision - compactRevision + 2)
    if (this.chance(5)) query.revision = this.random.below(revision + 3) - 1
    if (this.chance(40)) query.limit = this.random.below(5) - 1
    query.countOnly = this.chance(10)
    query.keysOnly = this.chance(25)
    query.order = this.random.below(3) as SortOrder
    query.target = this.random.below(5) as SortTarget
    if (this.chance(10)) query.minMod = this.random.below(revision + 1)
    if (this.chance(10)) query.maxMod = this.random.below(revision + 1)
    if (this.chance(10)) query.minCreate = this.random.below(revision + 1)
    if (this.chance(10)) query.maxCreate = this.random.below(revision + 1)
    return query
  }

  range(): void {
    const query = this.query()
    const expected = this.model.range(query)
    const check = (read: (done: (outcome: RangeOutcome) => void) => void, name: string): void => {
      const finished = new Promise<void>((resolve, reject) => {
        read((outcome) => {
          try {
            this.same(outcome, expected, name)
            resolve()
          } catch (error) {
            reject(error instanceof Error ? error : new Error(name, { cause: error }))
          }
        })
      })
      this.await(finished)
    }
    check((done) => this.store.range(query, done), 'range')
    check((done) => this.store.rangeEncoded(query, (outcome) => done(plainOutcome(outcome))), 'encoded range')
    this.same(this.store.rangeSync(query), expected, 'range in one go')
    this.counts.ranges++
  }

  hash(): void {
    const { model, store } = this
    const at = this.chance(30) ? 0 : this.random.below(model.revision + 2)
    const revision = at === 0 ? model.revision : at
    const { compactRevision } = model
    const cached = this.compactionHashes.get(at)
    const expected = at === 0 || (at >= compactRevision && at <= model.revision) ? model.hashKv(revision) : undefined
    const finished = store.hashKv(at).then((outcome) => {
      if (outcome.kind !== 'ok') {
        this.check(outcome.kind === (at > model.revision ? 'future' : 'compacted'), `hash: ${outcome.kind}`)
        this.check(expected === undefined, `hash at ${at} was refused`)
      } else if (cached !== undefined && outcome.compactRevision === cached.previous) {
        this.check(outcome.hash === cached.hash, `hash of the compaction at ${at}`)
      } else {
        this.check(outcome.hash === expected, `hash at ${at}, compacted at ${compactRevision}`)
        this.check(outcome.compactRevision === compactRevision && outcome.hashRevision === revision, 'hash revisions')
      }
    })
    this.await(finished)
    this.counts.hashes++
  }

  history(): void {
    const { model, store } = this
    const from = Math.max(model.compactRevision, 1) + this.random.below(4)
    if (from > model.revision) return
    const to = from + this.random.below(model.revision - from + 1)
    const reader = store.history(from, to)
    const got: Change[] = []
    for (let slice = reader.next(3); slice !== undefined; slice = reader.next(1 + this.random.below(5)))
      got.push(...(slice as Change[]))
    // At the compact revision itself, what was superseded within that revision may or may not be there any more.
    const isSure = ({ main }: { main: number }): boolean => main > model.compactRevision
    const expected = model.changes.filter(({ main }) => main >= from && main <= to)
    const sure = got.filter(isSure)
    this.check(sure.length === expected.filter(isSure).length, `history ${from} to ${to}: ${sure.length} changes`)
    for (const [i, change] of expected.filter(isSure).entries()) this.checkChange(sure[i]!, change)
    const available = model.available(model.compactRevision)
    for (const change of expected.filter((at) => !isSure(at) && available.has(at)))
      this.check(
        got.some(({ main, sub }) => main === change.main && sub === change.sub),
        `history lacks what compaction keeps`,
      )
    this.counts.histories++
  }

  compact(): void {
    const { model } = this
    const at = model.compactRevision - 1 + this.random.below(model.revision - model.compactRevision + 3)
    const previous = model.compactRevision
    const { kind } = this.store.compact(at)
    this.check(kind === (at <= previous ? 'compacted' : at > model.revision ? 'future' : 'ok'), `compact: ${kind}`)
    if (kind !== 'ok') return
    this.compactionHashes.set(at, { hash: model.compactionHash(at, previous), previous })
    model.compactRevision = at
    this.counts.compactions++
  }

  /** Takes what is pending; the backend gets it later. */
  collect(): void {
    const sink = new RowList()
    const token = this.store.collectRows(sink)
    this.check(!this.store.hasPendingRows, 'a commit takes everything')
    const { revision, compactRevision } = this.model
    this.writing.push({ rows: sink.rows, token, mark: { revision, compactRevision } })
  }

  /** The backend finishes the oldest batch under way. */
  async write(): Promise<void> {
    const batch = this.writing.shift()
    if (batch === undefined) return
    if (batch.rows.length > 0) {
      await this.backend.write(batch.rows)
      this.marks.push(batch.mark)
    }
    this.store.flushed(batch.token)
    this.lookAgain()
    this.check(this.writing.some(({ rows }) => rows.length > 0) === this.store.writingBytes > 0, 'bytes being written')
  }

  async commit(): Promise<void> {
    this.collect()
    while (this.writing.length > 0) await this.write()
    this.check(this.store.writingBytes === 0, 'nothing is left to be written')
  }

  async crash(): Promise<void> {
    const kept = this.marks.length - this.random.below(Math.min(this.marks.length, 6) + 1)
    const mark = this.marks[kept - 1] ?? { revision: 1, compactRevision: -1 }
    this.backend = this.backend.crashed(kept)
    this.marks.length = kept
    const model = new Model()
    model.changes = this.model.changes.filter(({ main }) => main <= mark.revision)
    model.revision = Math.max(mark.revision, 1)
    model.compactRevision = mark.compactRevision
    this.model = model
    this.compactionHashes.clear()
    this.waiting.clear()
    this.writing = []
    await this.open()
    this.counts.crashes++
  }

  await(promise: Promise<void>): void {
    this.waiting.add(promise)
    promise.then(
      () => this.waiting.delete(promise),
      (error: unknown) => {
        if (this.waiting.delete(promise)) this.failure ??= error
      },
    )
  }

  /** Lets everything in the background end, then looks at what is left on disk. */
  async settle(): Promise<void> {
    let quiet = 0
    for (let turns = 0; quiet < 3; turns++) {
      const moved = await this.clock.turn()
      await this.commit()
      quiet = moved ? 0 : quiet + 1
      this.check(turns < 10_000, 'background work ends')
    }
    this.check(this.waiting.size === 0, 'all reads were answered')
    const rows = this.model.rows()
    const keys = new Set(rows.map((row) => row.key))
    this.check(this.store.indexedKeys === keys.size, `${this.store.indexedKeys} keys indexed, not ${keys.size}`)
    const sizeBytes = this.store.inUseBytes - 16_384
    this.check(sizeBytes === Math.ceil(this.backend.keyRowBytes / 4096) * 4096, `size ${sizeBytes} is counted right`)
  }

  async step(): Promise<void> {
    const dice = this.random.below(100)
    if (dice < 35) this.txn()
    else if (dice < 55) this.range()
    else if (dice < 60) this.hash()
    else if (dice < 63) this.history()
    else if (dice < 67) this.compact()
    else if (dice < 73) this.collect()
    else if (dice < 80) await this.write()
    else if (dice < 82) await this.commit()
    else if (dice < 97) await this.clock.turn()
    else if (dice < 98) await this.settle()
    else await this.crash()
    for (let i = 0; i < 3; i++) await Promise.resolve()
    if (this.failure !== undefined) throw new Error(`SEED=${this.seed}`, { cause: this.failure })
  }

  same(got: ReturnType<Model['range']>, expected: ReturnType<Model['range']>, what: string): void {
    this.check(got.kind === expected.kind, `${what}: ${got.kind}, not ${expected.kind}`)
    if (got.kind !== 'ok' || expected.kind !== 'ok') return
    const { revision, count, more, kvs } = expected
    this.check(got.revision === revision && got.count === count && got.more === more, `${what}: header`)
    this.check(got.kvs.length === kvs.length, `${what}: ${got.kvs.length} keys, not ${kvs.length}`)
    for (const [i, kv] of kvs.entries()) this.sameBytes(got.kvs[i], kv, `${what}: key ${i}`)
  }

  sameBytes(bytes: Uint8Array | undefined, expected: Uint8Array, what: string): void {
    this.check(bytes !== undefined && Buffer.compare(bytes, expected) === 0, what)
    this.kept.push({ bytes: bytes!, expected })
  }

  /** Rows of the store may have moved meanwhile: nobody who was given a value may notice. */
  lookAgain(): void {
    for (const { bytes, expected } of this.kept)
      this.check(Buffer.compare(bytes, expected) === 0, 'a value changed after it was given out')
    if (this.kept.length > KEPT_MAX) this.kept = []
  }
}

t.test('the store behaves as the list of all changes, through compactions and crashes', async (t) => {
  const totals = { txns: 0, ranges: 0, hashes: 0, compactions: 0, crashes: 0, histories: 0 }
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const run = new Run(seed)
    await run.open()
    for (let i = 0; i < STEPS; i++) await run.step()
    await run.settle()
    for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += run.counts[name]
  }
  t.comment(`note: ${SEEDS} seeds from ${FIRST_SEED}: ${JSON.stringify(totals)}`)
  t.ok(SEEDS === 1 || Object.values(totals).every((count) => count > SEEDS), 'every kind of step was taken')
})
