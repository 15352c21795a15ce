// The index: every key with its revisions, in key order, in memory.

import sortedBtree from 'sorted-btree'
import { bulkLoad } from 'sorted-btree/extended/bulkLoad.js'
import { type Key, keyOf } from '../base/index.js'
import { KeyRecord, type KeyState } from './key-record.js'

const BTree = sortedBtree.default

/** Wide nodes: fewer levels and objects, and walks stay in one array longer. */
const NODE_KEYS_MAX = 64

/** Sorts behind every key: no byte has this code unit. */
export const OPEN_END = '\u0100' as Key

const compareKeys = (a: Key, b: Key): number => (a < b ? -1 : a === b ? 0 : 1)

/** The end of a key range as requests spell it: nothing for a single key, one zero byte for the open end. */
export const rangeEnd = (bytes: Uint8Array): Key | undefined =>
  bytes.length === 0 ? undefined : bytes.length === 1 && bytes[0] === 0 ? OPEN_END : keyOf(bytes)

/** Sorts before every other key. */
export const FIRST_KEY = '' as Key

/** The key right behind `key` in byte order. */
export const nextKey = (key: Key): Key => (key + '\u0000') as Key

export class KeyIndex {
  #tree = new BTree<Key, KeyRecord>(undefined, compareKeys, NODE_KEYS_MAX)
  // A put is nearly always looked up right before: remembering one record halves the searches.
  #lastKey: Key | undefined
  #lastRecord: KeyRecord | undefined

  /** Keys with any known revision, deleted ones included. */
  get size(): number {
    return this.#tree.size
  }

  get(key: Key): KeyRecord | undefined {
    if (key === this.#lastKey) return this.#lastRecord
    const record = this.#tree.get(key)
    this.#lastKey = key
    this.#lastRecord = record
    return record
  }

  /** Records a put; the record is that of the key from now on. */
  put(key: Key, main: number, sub: number): KeyRecord {
    const known = this.get(key)
    if (known !== undefined) {
      known.put(main, sub)
      return known
    }
    const record = new KeyRecord(main, 1, main, sub)
    this.#tree.set(key, record)
    this.#lastRecord = record
    return record
  }

  /**
   * Fills the empty index from keys in ascending order and their records; the arrays are owned.
   * In one go, 0.1 us per key: the only part of a restore that does not pause.
   */
  load(keys: Key[], records: KeyRecord[]): void {
    this.#tree = bulkLoad(keys, records, NODE_KEYS_MAX, compareKeys)
  }

  remove(key: Key): void {
    this.#tree.delete(key)
    this.#lastKey = undefined
    this.#lastRecord = undefined
  }

  /** Whether `key` exists at revision `at`; fills `found` when it does. */
  lookup(key: Key, at: number, found: KeyState): boolean {
    return this.get(key)?.lookup(at, found) ?? false
  }

  /**
   * Visits up to `max` records of [lo, hi) in key order, deleted ones included; `hi` may be OPEN_END.
   * Returns where to go on, undefined at the end. `visit` must not add or remove keys.
   */
  walk(lo: Key, hi: Key, max: number, visit: (key: Key, record: KeyRecord) => void): Key | undefined {
    let left = max
    let last: Key | undefined
    this.#tree.forRange(lo, hi, false, (key, record): { break: true } | undefined => {
      visit(key, record)
      if (--left > 0) return undefined
      last = key
      return BREAK
    })
    return last === undefined ? undefined : nextKey(last)
  }
}

const BREAK = { break: true } as const
