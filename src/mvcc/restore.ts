// Rebuilds the index from the rows of the bucket `key`: those of a store, or as they arrive for a new one.

import { EMPTY_BYTES, equalBytes, type Key, type LeaseId, NO_LEASE } from '../base/index.js'
import type { Backend, BackendSlice, Logger } from '../env/index.js'
import { KeyValueView, MalformedMessage } from '../proto/index.js'
import { ChunkView, isDead, isDeadRowKey } from './chunk.js'
import { CorruptStore } from './corrupt-store.js'
import { KeyIndex } from './key-index.js'
import { KeyRecord } from './key-record.js'
import { compareRevisions, isTombstoneKey, mainOf, REVISION_KEY_BYTES, subOf } from './revision-key.js'
import { RevisionLog } from './revision-log.js'
import type { RowMemory } from './row-memory.js'
import type { Steps } from './slices.js'

/** Bytes per slice of the scan: a few milliseconds of work. */
const SCAN_BYTES = 1024 * 1024
/** Keys sorted in one go: about 5 ms. */
const RUN_LENGTH = 8192
const STEP = 1024

/** Called for every live key that has a lease. */
export type OnLeasedKey = (key: Key, lease: LeaseId) => void

type Row = BackendSlice[number]

export interface RestoreOptions {
  readonly logger: Logger
  /** Bound of the rows kept in memory because they were read or written lately. Default 96 MiB. */
  readonly cacheBytes?: number
  /** Where rows have their memory; of the store alone. */
  readonly rowMemory?: RowMemory
  /**
   * Each key enters the index as it comes: dearer as a whole, but nothing is left for the end. Default false: all enter it in the end, in
   * their order.
   */
  readonly indexesAtOnce?: boolean
}

const CACHE_BYTES = 96 * 1024 * 1024

/** Takes all rows in their order (`add`, `end`), then makes the index whole (`fillSteps`). */
export class Restore {
  /** Whole once `fillSteps` has ended. */
  readonly index = new KeyIndex()
  /** Reads from the backend that has the rows, or will have them. */
  readonly log: RevisionLog
  readonly #backend: Backend
  readonly #logger: Logger
  readonly #kv = new KeyValueView()
  readonly #record = new KeyRecord(this.index.records)
  readonly #indexesAtOnce: boolean
  /** Of the index's records, of keys that are not in it yet. */
  readonly #ids = new Map<Key, number>()
  /** Of live keys with a lease. */
  readonly #leases = new Map<Key, LeaseId>()
  /** A chunk whose list of gone revisions, the row right behind it, may come yet. */
  #pending: Row | undefined
  #lastMain = 0
  #lastSub = -1

  constructor(
    backend: Backend,
    { logger, cacheBytes = CACHE_BYTES, rowMemory, indexesAtOnce = false }: RestoreOptions,
  ) {
    this.#backend = backend
    this.log = new RevisionLog(backend, cacheBytes, rowMemory)
    this.#logger = logger
    this.#indexesAtOnce = indexesAtOnce
  }

  /** Main revision of the last row, 0 for an empty store. */
  get lastMain(): number {
    return this.#lastMain
  }

  /** All rows of the backend. @throws CorruptStore */
  async scan(): Promise<void> {
    for await (const slice of this.#backend.scan('key', EMPTY_BYTES, undefined, SCAN_BYTES)) this.add(slice)
    this.end()
  }

  /** The next rows; borrowed until it returns. @throws CorruptStore when rows are malformed or out of order. */
  add(slice: BackendSlice): void {
    for (const row of slice) {
      const chunk = this.#pending
      if (!isDeadRowKey(row.key)) {
        if (chunk !== undefined) this.#chunk(chunk, undefined)
        this.#pending = row
      } else if (chunk !== undefined && equalBytes(chunk.key, row.key.subarray(0, REVISION_KEY_BYTES))) {
        this.#chunk(chunk, row)
        this.#pending = undefined
      } else {
        throw new CorruptStore('list of gone revisions without its chunk')
      }
    }
    if (this.#pending !== undefined) this.#pending = copyOf(this.#pending)
  }

  /** Everything was added. @throws CorruptStore */
  end(): void {
    const chunk = this.#pending
    this.#pending = undefined
    if (chunk !== undefined) this.#chunk(chunk, undefined)
  }

  #chunk({ key, value }: Row, deadRow: Row | undefined): void {
    if (isTombstoneKey(key)) throw new CorruptStore('chunk named by a tombstone')
    const view = new ChunkView(value)
    view.check()
    if (view.main(0) !== mainOf(key, 0) || view.sub(0) !== subOf(key, 0) || key.length !== REVISION_KEY_BYTES)
      throw new CorruptStore('chunk under a foreign name')
    const dead = deadRow?.value
    let deadCount = 0
    for (let i = 0; i < view.count; i++) {
      const main = view.main(i)
      const sub = view.sub(i)
      if (i === 0 && compareRevisions(this.#lastMain, this.#lastSub, main, sub) >= 0)
        throw new CorruptStore(`revision ${main}.${sub} after ${this.#lastMain}.${this.#lastSub}`)
      this.#lastMain = main
      this.#lastSub = sub
      if (isDead(dead, i)) deadCount++
      else this.#revision(view, i, main, sub)
    }
    this.log.adopt(
      view.main(0),
      view.sub(0),
      value.length,
      deadCount,
      deadRow === undefined ? 0 : deadRow.key.length + deadRow.value.length,
    )
  }

  #revision(view: ChunkView, i: number, main: number, sub: number): void {
    try {
      if (view.tombstone(i)) this.#tombstone(view, i, main, sub)
      else this.#put(view, i, main, sub)
    } catch (error) {
      if (error instanceof MalformedMessage) throw new CorruptStore(`revision ${main}.${sub}`, { cause: error })
      throw error
    }
  }

  #put(view: ChunkView, i: number, main: number, sub: number): void {
    const kv = this.#kv.load(view.bytes, view.valueStart(i), view.end(i))
    const key = kv.key()
    const { lease } = kv
    const id = this.#idOf(key)
    if (id === undefined) this.#enter(key, this.index.records.add(key, kv.createRevision, kv.version, main, sub))
    else this.#record.moveTo(id).put(main, sub)
    if (lease !== NO_LEASE) this.#leases.set(key, lease)
    else if (this.#leases.size > 0) this.#leases.delete(key)
  }

  #tombstone(view: ChunkView, i: number, main: number, sub: number): void {
    const key = this.#kv.load(view.bytes, view.valueStart(i), view.end(i)).key()
    const id = this.#idOf(key)
    if (id === undefined) this.#enter(key, this.index.records.addTombstone(key, main, sub))
    else if (this.#record.moveTo(id).live) this.#record.tombstone(main, sub)
    else this.#logger.warn('ignored tombstone of a deleted key', { revision: `${main}.${sub}` })
    this.#leases.delete(key)
  }

  #idOf(key: Key): number | undefined {
    return this.#indexesAtOnce ? this.index.idOf(key) : this.#ids.get(key)
  }

  #enter(key: Key, id: number): void {
    if (this.#indexesAtOnce) this.index.add(key, id)
    else this.#ids.set(key, id)
  }

  /** Everything that is not in the index yet enters it, in key order, much cheaper than in the order of revisions. */
  *fillSteps(onLeasedKey: OnLeasedKey): Steps<void> {
    if (!this.#indexesAtOnce) {
      const { ids } = yield* this.#sortSteps()
      yield* this.index.loadSteps(ids)
    }
    let told = 0
    for (const [key, lease] of this.#leases) {
      onLeasedKey(key, lease)
      if (++told % STEP === 0) yield
    }
    this.#leases.clear()
  }

  /** All ids by key: short runs sorted natively, then merged. */
  *#sortSteps(): Steps<Run> {
    const all = [...this.#ids.keys()]
    let runs: Run[] = []
    for (let lo = 0; lo < all.length; lo += RUN_LENGTH) {
      const keys = all.slice(lo, lo + RUN_LENGTH).sort()
      // Looked up now, while the run's entries lie together; in key order over all of them each would be a cache miss.
      runs.push({ keys, ids: keys.map((key) => this.#ids.get(key)!) })
      yield
    }
    this.#ids.clear()
    while (runs.length > 1) {
      const merged: Run[] = []
      for (let i = 0; i < runs.length; i += 2) merged.push(yield* mergeSteps(runs[i]!, runs[i + 1] ?? EMPTY_RUN))
      runs = merged
    }
    return runs[0] ?? EMPTY_RUN
  }
}

const copyOf = ({ key, value }: Row): Row => ({ key: Uint8Array.from(key), value: Uint8Array.from(value) })

interface Run {
  readonly keys: Key[]
  readonly ids: number[]
}

const EMPTY_RUN: Run = { keys: [], ids: [] }

function* mergeSteps(left: Run, right: Run): Steps<Run> {
  const length = left.keys.length + right.keys.length
  const keys = new Array<Key>(length)
  const ids = new Array<number>(length)
  let l = 0
  let r = 0
  for (let at = 0; at < length; at++) {
    const takeLeft = l < left.keys.length && (r >= right.keys.length || left.keys[l]! < right.keys[r]!)
    keys[at] = takeLeft ? left.keys[l]! : right.keys[r]!
    ids[at] = takeLeft ? left.ids[l++]! : right.ids[r++]!
    if (at % STEP === 0) yield
  }
  return { keys, ids }
}
