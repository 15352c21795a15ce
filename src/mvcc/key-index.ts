// The index: every key with its revisions, in key order, in memory.

import { type Key, keyOf } from '../base/index.js'
import { KeyRecord, type KeyState } from './key-record.js'
import { KeyTree } from './key-tree.js'
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

export class KeyIndex {
  readonly #tree = new KeyTree<KeyRecord>()

  /** Keys with any known revision, deleted ones included. */
  get size(): number {
    return this.#tree.size
  }

  get(key: Key): KeyRecord | undefined {
    return this.#tree.get(key)
  }

  /** Records a put; the record is that of the key from now on. */
  put(key: Key, main: number, sub: number): KeyRecord {
    const known = this.#tree.get(key)
    if (known !== undefined) {
      known.put(main, sub)
      return known
    }
    const record = new KeyRecord(main, 1, main, sub)
    this.#tree.add(key, record)
    return record
  }

  /** Fills the empty index from keys in ascending order and their records. */
  loadSteps(keys: readonly Key[], records: readonly KeyRecord[]): Steps<void> {
    return this.#tree.loadSteps(keys, records)
  }

  remove(key: Key): void {
    this.#tree.remove(key)
  }

  /** Whether `key` exists at revision `at`; fills `found` when it does. */
  lookup(key: Key, at: number, found: KeyState): boolean {
    return this.#tree.get(key)?.lookup(at, found) ?? false
  }

  /**
   * Visits up to `max` records of [lo, hi) in key order, deleted ones included; `hi` may be OPEN_END.
   * Returns where to go on, undefined at the end. `visit` must not add or remove keys.
   */
  walk(lo: Key, hi: Key, max: number, visit: (key: Key, record: KeyRecord) => void): Key | undefined {
    const last = this.#tree.walk(lo, hi, max, visit)
    return last === undefined ? undefined : nextKey(last)
  }
}
