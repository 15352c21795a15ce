// What the index knows of one key. A life from creation to deletion is a *generation*; every generation but the current
// one ends in a tombstone. Worked trace (main revisions, `t` marks a tombstone):
//
//   put 1, put 2, delete 3, put 4, delete 5   {1 2 3t} {4 5t} {}
//   compact 2                                 {2 3t} {4 5t} {}
//   compact 4                                 {4 5t} {}
//   compact 5                                 {5t} {}
//   compact 6                                 the key is gone
//
// Most keys live in their first generation. Its newest revision and what else is said of it are four numbers in pages (32 bytes a key),
// which a collection does not look into, as it would into a million objects; its revisions before are a chain (revision-chains.ts).
// Ended generations are objects. Keys lie in pages of their own, in the order in which they came: what is written there lies together.

import type { Key } from '../base/index.js'
import type { KeyNames } from './key-leaves.js'
import { NO_CHAIN, RevisionChains } from './revision-chains.js'

/** Revisions as pairs main, sub, ascending. */
type RevisionPairs = number[]

class EndedGeneration {
  /** Main revision of its first put; 0 when compaction left only the tombstone before a restart. */
  readonly create: number
  /** Puts since the creation plus the tombstone. */
  readonly version: number
  /** Never empty; the last one is the tombstone. */
  revisions: RevisionPairs

  constructor(create: number, version: number, revisions: RevisionPairs) {
    this.create = create
    this.version = version
    this.revisions = revisions
  }

  get tombstoneMain(): number {
    return this.revisions[this.revisions.length - 2]!
  }
}

/** A key as of some revision; filled by lookups. */
export class KeyState {
  create = 0
  /** Main revision of the put that is visible. */
  mod = 0
  sub = 0
  version = 0
}

/** Where a record's numbers are, from its place in the page on. */
const CREATE = 0
const VERSION = 1
const MAIN = 2
const SUB = 3
const NUMBERS = 4

const PAGE_BITS = 14
const PAGE_RECORDS = 1 << PAGE_BITS
const NO_RECORD = -1
const NONE: readonly EndedGeneration[] = []

class Page {
  readonly numbers: Float64Array
  /** Holes where no record is. */
  readonly keys: Key[]
  /** Of each key, the revisions of the current generation before the newest one. None before the first key of the page has any. */
  chains: Uint32Array | undefined
  /** Of each key, its earlier generations, oldest first. None before the first key of the page has any. */
  ended: (EndedGeneration[] | undefined)[] | undefined

  constructor(records: number) {
    this.numbers = new Float64Array(records * NUMBERS)
    this.keys = new Array<Key>(records)
    this.chains = undefined
    this.ended = undefined
  }
}

const NO_PAGE = new Page(0)

/** The records of an index, by ids from 0 on; ids of removed records are given out again, memory is kept. */
export class KeyRecords implements KeyNames {
  readonly chains = new RevisionChains()
  readonly #pages: Page[] = []
  #count = 0
  /** Removed records; each names the next one where its creation was. */
  #firstFree = NO_RECORD
  readonly #cursor = new KeyRecord(this)

  /** A record whose first known revision is a put. */
  add(key: Key, create: number, version: number, main: number, sub: number): number {
    const id = this.#take()
    this.page(id).keys[id % PAGE_RECORDS] = key
    this.#cursor.moveTo(id).set(create, version, main, sub)
    return id
  }

  /** A record whose first known revision is a tombstone: what a compaction at that revision leaves. */
  addTombstone(key: Key, main: number, sub: number): number {
    const id = this.add(key, 0, 0, 0, 0)
    this.#cursor.moveTo(id).beginWithTombstone(main, sub)
    return id
  }

  remove(id: number): void {
    this.#cursor.moveTo(id).clear(this.#firstFree)
    this.#firstFree = id
  }

  keyOf(id: number): Key {
    return this.page(id).keys[id % PAGE_RECORDS]!
  }

  page(id: number): Page {
    return this.#pages[id >>> PAGE_BITS]!
  }

  #take(): number {
    const id = this.#firstFree
    if (id !== NO_RECORD) {
      this.#firstFree = this.#cursor.moveTo(id).create
      return id
    }
    if (this.#count % PAGE_RECORDS === 0) this.#pages.push(new Page(PAGE_RECORDS))
    return this.#count++
  }
}

/** Reads and changes one record at a time, the one it was moved to. */
export class KeyRecord {
  readonly #records: KeyRecords
  #page = NO_PAGE
  /** Place in the page, and of its numbers. */
  #slot = 0
  #at = 0

  constructor(records: KeyRecords) {
    this.#records = records
  }

  moveTo(id: number): this {
    this.#page = this.#records.page(id)
    this.#slot = id % PAGE_RECORDS
    this.#at = this.#slot * NUMBERS
    return this
  }

  get key(): Key {
    return this.#page.keys[this.#slot]!
  }

  /** Main revision that created the current generation; 0 while the key is deleted. */
  get create(): number {
    return this.#page.numbers[this.#at + CREATE]!
  }

  get version(): number {
    return this.#page.numbers[this.#at + VERSION]!
  }

  /** Newest revision of the current generation; 0 while the key is deleted. */
  get main(): number {
    return this.#page.numbers[this.#at + MAIN]!
  }

  get sub(): number {
    return this.#page.numbers[this.#at + SUB]!
  }

  /** All four numbers. */
  set(create: number, version: number, main: number, sub: number): void {
    const { numbers } = this.#page
    const at = this.#at
    numbers[at + CREATE] = create
    numbers[at + VERSION] = version
    numbers[at + MAIN] = main
    numbers[at + SUB] = sub
  }

  /** Revisions of the current generation before the newest one. */
  get #older(): number {
    const { chains } = this.#page
    return chains === undefined ? NO_CHAIN : chains[this.#slot]!
  }

  #setOlder(chain: number): void {
    const chains = (this.#page.chains ??= new Uint32Array(PAGE_RECORDS).fill(NO_CHAIN))
    chains[this.#slot] = chain
  }

  /** Earlier generations, oldest first. */
  get #ended(): readonly EndedGeneration[] {
    return this.#page.ended?.[this.#slot] ?? NONE
  }

  #addEnded(generation: EndedGeneration): void {
    const ended = (this.#page.ended ??= new Array<EndedGeneration[] | undefined>(PAGE_RECORDS).fill(undefined))
    const before = ended[this.#slot]
    if (before === undefined) ended[this.#slot] = [generation]
    else before.push(generation)
  }

  #dropOlder(): void {
    const chain = this.#older
    if (chain === NO_CHAIN) return
    this.#records.chains.giveBack(chain)
    this.#setOlder(NO_CHAIN)
  }

  #dropEnded(): void {
    if (this.#page.ended !== undefined) this.#page.ended[this.#slot] = undefined
  }

  /** For `KeyRecords` alone, as the next one. */
  beginWithTombstone(main: number, sub: number): void {
    this.#addEnded(new EndedGeneration(0, 1, [main, sub]))
  }

  clear(next: number): void {
    this.#page.keys[this.#slot] = undefined!
    this.#dropOlder()
    this.#dropEnded()
    this.set(next, 0, 0, 0)
  }

  get live(): boolean {
    return this.main !== 0
  }

  put(main: number, sub: number): void {
    const isLive = this.live
    if (isLive) this.#setOlder(this.#records.chains.push(this.#older, this.main, this.sub))
    this.set(isLive ? this.create : main, this.version + 1, main, sub)
  }

  /** The record is live. */
  tombstone(main: number, sub: number): void {
    const revisions = this.#records.chains.pairs(this.#older)
    revisions.push(this.main, this.sub, main, sub)
    this.#addEnded(new EndedGeneration(this.create, this.version + 1, revisions))
    this.#dropOlder()
    this.set(0, 0, 0, 0)
  }

  /** Whether the key exists at revision `at`; fills `found` when it does. */
  lookup(at: number, found: KeyState): boolean {
    const { main } = this
    if (main !== 0 && main <= at) {
      found.create = this.create
      found.mod = main
      found.sub = this.sub
      found.version = this.version
      return true
    }
    return this.#lookupOlder(at, found)
  }

  #lookupOlder(at: number, found: KeyState): boolean {
    const { chains } = this.#records
    if (chains.newestAt(this.#older, at)) {
      found.create = this.create
      found.mod = chains.main
      found.sub = chains.sub
      found.version = this.version - 1 - chains.newer
      return true
    }
    const ended = this.#ended
    for (let i = ended.length - 1; i >= 0; i--) {
      const generation = ended[i]!
      if (generation.tombstoneMain <= at) return false
      if (generation.revisions[0]! > at) continue
      fill(found, generation, newestAt(generation.revisions, at))
      return true
    }
    return false
  }

  /** Whether the index still knows this revision. */
  contains(main: number, sub: number): boolean {
    if (this.main === main && this.sub === sub) return true
    if (this.#records.chains.has(this.#older, main, sub)) return true
    return this.#ended.some(({ revisions }) => holds(revisions, main, sub))
  }

  /**
   * Whether a compaction at `at` keeps the revision `main <= at`: the newest one of a key alive at `at`, or a tombstone
   * exactly at `at`.
   * Differs: etcd loses a key that one transaction at `at` deleted and then put again; here the put is kept as well.
   */
  isAvailable(at: number, main: number, sub: number): boolean {
    return this.#survives(at, main, sub, true)
  }

  /** As `isAvailable`, but tombstones never count: the set that HashKV calls keep. */
  isKept(at: number, main: number, sub: number): boolean {
    return this.#survives(at, main, sub, false)
  }

  #survives(at: number, main: number, sub: number, tombstones: boolean): boolean {
    for (const { revisions, tombstoneMain } of this.#ended) {
      if (tombstoneMain < at) continue
      const pos = newestAt(revisions, at)
      if (pos >= 0 && revisions[pos] === main && revisions[pos + 1] === sub)
        return tombstones || pos < revisions.length - 2
      // Only a generation that ends exactly here can be followed by another one that starts here.
      if (tombstoneMain > at) return false
    }
    if (this.main <= at) return this.main === main && this.sub === sub
    const { chains } = this.#records
    return chains.newestAt(this.#older, at) && chains.main === main && chains.sub === sub
  }

  /** Whether a compaction at `at` keeps any revision of this key (with `tombstones`) or any put of it (without). */
  survivesAny(at: number, tombstones: boolean): boolean {
    for (const { revisions, tombstoneMain } of this.#ended) {
      if (tombstoneMain < at) continue
      const pos = newestAt(revisions, at)
      if (pos >= 0 && (tombstones || pos < revisions.length - 2)) return true
      if (tombstoneMain > at) return false
    }
    return (this.live && this.main <= at) || this.#records.chains.newestAt(this.#older, at)
  }

  /** Forgets what a compaction at `at` removes; false when nothing is left of the key. */
  compact(at: number): boolean {
    this.#compactEnded(at)
    if (this.main <= at) this.#dropOlder()
    else this.#records.chains.dropBefore(this.#older, at)
    return this.live || this.#ended.length > 0
  }

  #compactEnded(at: number): void {
    const ended = this.#page.ended?.[this.#slot]
    if (ended === undefined) return
    let drop = 0
    while (drop < ended.length && ended[drop]!.tombstoneMain < at) drop++
    ended.splice(0, drop)
    for (const generation of ended) {
      generation.revisions = from(generation.revisions, newestAt(generation.revisions, at))
      if (generation.tombstoneMain > at) break
    }
    if (ended.length === 0) this.#dropEnded()
  }
}

/** The pair at `pos` is visible. */
const fill = (found: KeyState, { create, version, revisions }: EndedGeneration, pos: number): void => {
  found.create = create
  found.mod = revisions[pos]!
  found.sub = revisions[pos + 1]!
  found.version = version - (revisions.length - 2 - pos) / 2
}

/** Position of the newest pair with main <= `at`, -2 when there is none. */
const newestAt = (pairs: RevisionPairs, at: number): number => {
  let lo = 0
  let hi = pairs.length / 2
  while (lo < hi) {
    const mid = (lo + hi) >>> 1
    if (pairs[2 * mid]! <= at) lo = mid + 1
    else hi = mid
  }
  return 2 * (lo - 1)
}

const holds = (pairs: RevisionPairs, main: number, sub: number): boolean => {
  for (let pos = newestAt(pairs, main); pos >= 0 && pairs[pos] === main; pos -= 2)
    if (pairs[pos + 1] === sub) return true
  return false
}

const from = (pairs: RevisionPairs, pos: number): RevisionPairs => (pos <= 0 ? pairs : pairs.slice(pos))
