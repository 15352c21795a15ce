// The leaves of the key tree, side by side in pages of numbers. Writing a new key waits for memory more than it computes. An object
// per leaf, with arrays of keys, ordinals and ids, spreads what an insertion touches, and collections copy and visit it; here it is
// one piece of twelve cache lines, and a collection looks into nothing. docs/bench.md has what that gains.
//
// A leaf of at most K keys, in words of 4 bytes, rounded up to whole cache lines:
//
//   0      1   number of keys
//   1      1   shared: every key that belongs here begins with the same so many bytes
//   2      1   the leaf behind this one, of an unused leaf the next unused one; NO_LEAF: none
//   3      1   not used
//   4      2K  ordinals: of each key the bytes from `shared` on as a number, in doubles; never descends, and may be equal for
//              different keys
//   4+2K   K   ids of the keys

import type { Key } from '../base/index.js'
import { firstAtLeast, ordinalOf, sharedLength } from './key-ordinal.js'

/** Whoever knows the keys by the ids that a tree holds. */
export interface KeyNames {
  /** Of an id that was added and not removed. */
  keyOf(id: number): Key
}

export const NO_LEAF = -1

const COUNT = 0
const SHARED = 1
const NEXT = 2
const HEAD_WORDS = 4
/** 64 bytes. */
const LINE_WORDS = 16

const PAGE_BITS = 7
const PAGE_LEAVES = 1 << PAGE_BITS

export class Leaves {
  readonly #names: KeyNames
  readonly #keysMax: number
  readonly #leafWords: number
  // Two views of each page.
  readonly #words: Int32Array[] = []
  readonly #numbers: Float64Array[] = []
  #count = 0
  #firstUnused = NO_LEAF

  constructor(names: KeyNames, keysMax: number) {
    this.#names = names
    this.#keysMax = keysMax
    this.#leafWords = Math.ceil((HEAD_WORDS + 3 * keysMax) / LINE_WORDS) * LINE_WORDS
  }

  /** An empty leaf, the last one. */
  add(): number {
    let leaf = this.#firstUnused
    if (leaf !== NO_LEAF) this.#firstUnused = this.next(leaf)
    else {
      leaf = this.#count++
      if (leaf % PAGE_LEAVES === 0) {
        const page = new ArrayBuffer(PAGE_LEAVES * this.#leafWords * 4)
        this.#words.push(new Int32Array(page))
        this.#numbers.push(new Float64Array(page))
      }
    }
    const words = this.#wordsOf(leaf)
    const at = this.#at(leaf)
    words[at + COUNT] = 0
    words[at + SHARED] = 0
    words[at + NEXT] = NO_LEAF
    return leaf
  }

  /** Nobody will name this leaf any more, before `add` does. */
  remove(leaf: number): void {
    this.setNext(leaf, this.#firstUnused)
    this.#firstUnused = leaf
  }

  count(leaf: number): number {
    return this.#wordsOf(leaf)[this.#at(leaf) + COUNT]!
  }

  next(leaf: number): number {
    return this.#wordsOf(leaf)[this.#at(leaf) + NEXT]!
  }

  setNext(leaf: number, next: number): void {
    this.#wordsOf(leaf)[this.#at(leaf) + NEXT] = next
  }

  idAt(leaf: number, pos: number): number {
    return this.#wordsOf(leaf)[this.#idsAt(leaf) + pos]!
  }

  keyAt(leaf: number, pos: number): Key {
    return this.#names.keyOf(this.idAt(leaf, pos))
  }

  /** Gives `visit` the ids from `from` to `end` in key order. */
  visit(leaf: number, from: number, end: number, visit: (id: number) => void): void {
    const words = this.#wordsOf(leaf)
    const ids = this.#idsAt(leaf)
    for (let i = from; i < end; i++) visit(words[ids + i]!)
  }

  /**
   * Position of `key`, which belongs to `leaf`, or the complement (`~`) of where it would be: below zero. Keys are looked at only
   * when their ordinals are the same: the others need not come from memory.
   */
  search(leaf: number, key: Key): number {
    const words = this.#wordsOf(leaf)
    const numbers = this.#numbersOf(leaf)
    const at = this.#at(leaf)
    const first = this.#ordinalsAt(leaf)
    const end = first + words[at + COUNT]!
    const ordinal = ordinalOf(key, words[at + SHARED]!)
    const found = firstAtLeast(numbers, first, end, ordinal)
    if (found === end || numbers[found] !== ordinal) return ~(found - first)
    let behind = found + 1
    while (behind < end && numbers[behind] === ordinal) behind++
    return this.#searchAmong(leaf, key, found - first, behind - first)
  }

  /** The same among the keys at `from` to `end`, whose ordinals are equal. */
  #searchAmong(leaf: number, key: Key, from: number, end: number): number {
    let lo = from
    let hi = end
    while (lo < hi) {
      const mid = (lo + hi) >>> 1
      if (this.keyAt(leaf, mid) < key) lo = mid + 1
      else hi = mid
    }
    return lo < end && this.keyAt(leaf, lo) === key ? lo : ~lo
  }

  /** Position of the first key that is not below `key`, which belongs to `leaf`. */
  positionOf(leaf: number, key: Key): number {
    const pos = this.search(leaf, key)
    return pos < 0 ? ~pos : pos
  }

  /** How many keys are below `hi`, which need not belong to `leaf`. */
  endIn(leaf: number, hi: Key): number {
    const count = this.count(leaf)
    if (count === 0 || this.keyAt(leaf, count - 1) < hi) return count
    // Between two keys of the leaf: it begins as they do.
    return this.keyAt(leaf, 0) < hi ? this.positionOf(leaf, hi) : 0
  }

  /** Enters a key where `search` said that it belongs; `leaf` is not full. */
  insert(leaf: number, pos: number, key: Key, id: number): void {
    const words = this.#wordsOf(leaf)
    const numbers = this.#numbersOf(leaf)
    const at = this.#at(leaf)
    const count = words[at + COUNT]!
    const first = this.#ordinalsAt(leaf)
    for (let i = first + count; i > first + pos; i--) numbers[i] = numbers[i - 1]!
    numbers[first + pos] = ordinalOf(key, words[at + SHARED]!)
    const ids = this.#idsAt(leaf)
    for (let i = ids + count; i > ids + pos; i--) words[i] = words[i - 1]!
    words[ids + pos] = id
    words[at + COUNT] = count + 1
  }

  takeOut(leaf: number, pos: number): void {
    const words = this.#wordsOf(leaf)
    const numbers = this.#numbersOf(leaf)
    const last = --words[this.#at(leaf) + COUNT]!
    const first = this.#ordinalsAt(leaf)
    const ids = this.#idsAt(leaf)
    for (let i = pos; i < last; i++) {
      numbers[first + i] = numbers[first + i + 1]!
      words[ids + i] = words[ids + i + 1]!
    }
  }

  /** Fills an empty leaf with ids of ascending keys that all belong there, at or above `low` and below `high`. */
  fill(leaf: number, ids: readonly number[], low: Key | undefined, high: Key | undefined): void {
    const words = this.#wordsOf(leaf)
    const start = this.#idsAt(leaf)
    for (let i = 0; i < ids.length; i++) words[start + i] = ids[i]!
    words[this.#at(leaf) + COUNT] = ids.length
    this.#share(leaf, sharedLength(low, high))
  }

  /** Moves the keys from `kept` on to a new leaf behind `leaf`, which is returned; see `setFences`. */
  split(leaf: number, kept: number): number {
    const right = this.add()
    this.#copy(leaf, kept, right)
    const at = this.#at(leaf)
    const words = this.#wordsOf(leaf)
    this.#wordsOf(right)[this.#at(right) + SHARED] = words[at + SHARED]!
    words[at + COUNT] = kept
    this.setNext(right, words[at + NEXT]!)
    words[at + NEXT] = right
    return right
  }

  /** Keys at or above `low` and below `high` belong to `leaf`, fewer than before. */
  setFences(leaf: number, low: Key | undefined, high: Key | undefined): void {
    // As long as the ordinals tell the keys apart they are good enough; others would mean to look at every key.
    if (this.count(leaf) === 0 || this.#hasTies(leaf)) this.#share(leaf, sharedLength(low, high))
  }

  /** Moves everything from the leaf behind `leaf` into it; then keys at or above `low` and below `high` belong there. */
  merge(leaf: number, low: Key | undefined, high: Key | undefined): void {
    const right = this.next(leaf)
    this.#copy(right, 0, leaf)
    this.setNext(leaf, this.next(right))
    this.#share(leaf, sharedLength(low, high))
    this.remove(right)
  }

  /** Adds the keys of `from` from its `pos`-th on behind those of `to`, with their ordinals. */
  #copy(from: number, pos: number, to: number): void {
    const count = this.count(from) - pos
    const filled = this.count(to)
    const words = this.#wordsOf(to)
    const ids = this.#idsAt(from) + pos
    words.set(this.#wordsOf(from).subarray(ids, ids + count), this.#idsAt(to) + filled)
    const first = this.#ordinalsAt(from) + pos
    this.#numbersOf(to).set(this.#numbersOf(from).subarray(first, first + count), this.#ordinalsAt(to) + filled)
    words[this.#at(to) + COUNT] = filled + count
  }

  #hasTies(leaf: number): boolean {
    const numbers = this.#numbersOf(leaf)
    const first = this.#ordinalsAt(leaf)
    const end = first + this.count(leaf)
    for (let i = first + 1; i < end; i++) if (numbers[i] === numbers[i - 1]) return true
    return false
  }

  /** All keys that belong to `leaf` begin with the same `shared` bytes: its ordinals are of what follows. */
  #share(leaf: number, shared: number): void {
    const numbers = this.#numbersOf(leaf)
    const words = this.#wordsOf(leaf)
    const at = this.#at(leaf)
    words[at + SHARED] = shared
    const count = words[at + COUNT]!
    const first = this.#ordinalsAt(leaf)
    for (let i = 0; i < count; i++) numbers[first + i] = ordinalOf(this.keyAt(leaf, i), shared)
  }

  #wordsOf(leaf: number): Int32Array {
    return this.#words[leaf >>> PAGE_BITS]!
  }

  #numbersOf(leaf: number): Float64Array {
    return this.#numbers[leaf >>> PAGE_BITS]!
  }

  /** Where the leaf is in the words of its page. */
  #at(leaf: number): number {
    return (leaf % PAGE_LEAVES) * this.#leafWords
  }

  /** Where its ordinals are in the numbers of its page, ... */
  #ordinalsAt(leaf: number): number {
    return (this.#at(leaf) + HEAD_WORDS) >> 1
  }

  /** ... and its ids in the words. */
  #idsAt(leaf: number): number {
    return this.#at(leaf) + HEAD_WORDS + 2 * this.#keysMax
  }
}
