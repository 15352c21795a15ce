// The index: every key with its revisions, in key order, in memory.

import { type Key, keyOf } from '../base/index.js'
import { KeyRecord, KeyRecords, type KeyState } from './key-record.js'
import { KeyTree, NOTHING } from './key-tree.js'
import type { Steps } from './slices.js'

/** Sorts behind every key: no byte has this code unit. */
export const OPEN_END = '\u0100' as Key

/** The end of a key range as requests spell it: nothing for a single key, one zero byte for the open end. */
export const rangeEnd = (bytes: Uint8Array): Key | undefined =>
  bytes.length === 0 ? undefined : bytes.length === 1 && bytes[0] === 0 ? OPEN_END : keyOf(bytes)

/** Sorts before every other key. */
export const FIRST_KEY = '' as Key

/** The key right behind `key` in byte order. */
export const nextKey = (key: Key): Key => (key + '\u0000') as Key

/** Records between two searches of a walk that nothing interrupts. */
const WALK_STEP = 4096

export class KeyIndex {
  readonly records = new KeyRecords()
  readonly #tree = new KeyTree(this.records)
  readonly #found = new KeyRecord(this.records)
  readonly #visited = new KeyRecord(this.records)

  /** Keys with any known revision, deleted ones included. */
  get size(): number {
    return this.#tree.size
  }

  /** Lent until the next call of `get`, `put` or `lookup`. */
  get(key: Key): KeyRecord | undefined {
    const id = this.#tree.get(key)
    return id === NOTHING ? undefined : this.#found.moveTo(id)
  }

  /** Records a put; the record, lent as by `get`, is that of the key from now on. */
  put(key: Key, main: number, sub: number): KeyRecord {
    const known = this.get(key)
    if (known !== undefined) {
      known.put(main, sub)
      return known
    }
    const id = this.records.add(key, main, 1, main, sub)
    this.#tree.add(key, id)
    return this.#found.moveTo(id)
  }

  /** Where in `records` the key's is. */
  idOf(key: Key): number | undefined {
    const id = this.#tree.get(key)
    return id === NOTHING ? undefined : id
  }

  /** `key` is not in the index; its record is there, by that id. */
  add(key: Key, id: number): void {
    this.#tree.add(key, id)
  }

  /** Fills the empty index with ids of `records` whose keys ascend. */
  loadSteps(ids: readonly number[]): Steps<void> {
    return this.#tree.loadSteps(ids)
  }

  remove(key: Key): void {
    const id = this.#tree.remove(key)
    if (id !== NOTHING) this.records.remove(id)
  }

  /** Whether `key` exists at revision `at`; fills `found` when it does. */
  lookup(key: Key, at: number, found: KeyState): boolean {
    return this.get(key)?.lookup(at, found) ?? false
  }

  /**
   * Visits up to `max` records of [lo, hi) in key order, deleted ones included; `hi` may be OPEN_END. Each is lent to `visit`, which
   * must not add or remove keys. Returns where to go on, undefined at the end.
   */
  walk(lo: Key, hi: Key, max: number, visit: (record: KeyRecord) => void): Key | undefined {
    const last = this.#tree.walk(lo, hi, max, (id) => visit(this.#visited.moveTo(id)))
    return last === undefined ? undefined : nextKey(last)
  }

  /** `walk` to the end, or for the record of `lo` alone where `hi` is undefined; in one go, since an applied entry is one step. */
  walkAll(lo: Key, hi: Key | undefined, visit: (record: KeyRecord) => void): void {
    if (hi === undefined) {
      const record = this.get(lo)
      if (record !== undefined) visit(record)
      return
    }
    let from: Key | undefined = lo
    while (from !== undefined && (hi === OPEN_END || from < hi)) from = this.walk(from, hi, WALK_STEP, visit)
  }
}
