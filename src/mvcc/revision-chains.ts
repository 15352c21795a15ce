// The revisions of keys before their newest ones, in pages of numbers. An array for every key that was ever overwritten costs a quarter
// of a kilobyte and several objects, which young collections copy twice and full ones look into; here it is 48 bytes and none.
//
// The revisions of one key are a *chain* of blocks, the newest first. A block has room for twice as many as the one before it, up to
// 512: little is unused, and a search meets few blocks. A block, in numbers:
//
//   offset    content
//   0         the next older block; NO_CHAIN in the oldest
//   1         n, revisions in it, at least 1
//   2 + 2i    main revision of the i-th of them, ascending
//   3 + 2i    its sub revision
//
// A page holds blocks of one size. Blocks that are given back are used again; pages stay.

import { invariant } from '../base/index.js'

/** Numbers of a page: 128 KiB. */
const PAGE_BITS = 14
const PAGE_NUMBERS = 1 << PAGE_BITS
const OLDER = 0
const COUNT = 1
const HEAD_NUMBERS = 2
/** Revisions in blocks of the smallest size and the largest, as powers of two. */
const SMALLEST = 1
const LARGEST = 9

/** Ids are kept in 32 bits: 32 GiB. */
const PAGES_MAX = 2 ** (32 - PAGE_BITS)

/** No block has this id: the chain without revisions. */
export const NO_CHAIN = 0

class Page {
  readonly numbers: Float64Array
  /** Its blocks have room for `1 << size` revisions. */
  readonly size: number

  constructor(numbers: number, size: number) {
    this.numbers = new Float64Array(numbers)
    this.size = size
  }
}

/** Where blocks of one size come from. */
class Supply {
  /** Blocks that were given back; each names the next one where its older one was. */
  free = NO_CHAIN
  /** The page that is not given out as a whole. */
  page = 0
  /** Where in it the next block begins. */
  next = PAGE_NUMBERS
}

/** A chain is known by the id of its newest block, which changes with what is done to it. */
export class RevisionChains {
  /** By number; no block lies in the first, so ids begin behind NO_CHAIN. */
  readonly #pages: Page[] = [new Page(0, 0)]
  /** By size. */
  readonly #supplies = Array.from({ length: LARGEST + 1 }, () => new Supply())
  // What `newestAt` found.
  main = 0
  sub = 0
  /** Revisions of the chain behind the one found. */
  newer = 0

  /** Memory that it has, in bytes. */
  get bytes(): number {
    return (this.#pages.length - 1) * PAGE_NUMBERS * Float64Array.BYTES_PER_ELEMENT
  }

  /** Adds a revision behind those of `chain`; returns what is the chain now. */
  push(chain: number, main: number, sub: number): number {
    let block = chain
    if (chain === NO_CHAIN) block = this.#take(SMALLEST, NO_CHAIN)
    else {
      const { numbers, size } = this.#page(chain)
      if (numbers[place(chain) + COUNT] === 1 << size) block = this.#take(Math.min(size + 1, LARGEST), chain)
    }
    const { numbers } = this.#page(block)
    const at = place(block)
    const count = numbers[at + COUNT]!
    const end = at + HEAD_NUMBERS + 2 * count
    numbers[end] = main
    numbers[end + 1] = sub
    numbers[at + COUNT] = count + 1
    return block
  }

  /** Finds the newest revision with a main revision of at most `at`; false when there is none. */
  newestAt(chain: number, at: number): boolean {
    this.newer = 0
    for (let block = chain; block !== NO_CHAIN; block = this.#older(block)) {
      const { numbers } = this.#page(block)
      const i = newestIn(numbers, place(block), at)
      const count = numbers[place(block) + COUNT]!
      this.newer += count - 1 - i
      if (i < 0) continue
      const found = place(block) + HEAD_NUMBERS + 2 * i
      this.main = numbers[found]!
      this.sub = numbers[found + 1]!
      return true
    }
    return false
  }

  has(chain: number, main: number, sub: number): boolean {
    for (let block = chain; block !== NO_CHAIN; block = this.#older(block)) {
      const { numbers } = this.#page(block)
      const first = place(block) + HEAD_NUMBERS
      let found = first + 2 * newestIn(numbers, place(block), main)
      for (; found >= first && numbers[found] === main; found -= 2) if (numbers[found + 1] === sub) return true
      // Those of one main revision may go on in the next older block.
      if (found >= first) return false
    }
    return false
  }

  /** Forgets what is older than the newest revision with a main revision of at most `at`. */
  dropBefore(chain: number, at: number): void {
    for (let block = chain; block !== NO_CHAIN; block = this.#older(block)) {
      const { numbers } = this.#page(block)
      const head = place(block)
      const i = newestIn(numbers, head, at)
      if (i < 0) continue
      const first = head + HEAD_NUMBERS
      const count = numbers[head + COUNT]!
      numbers.copyWithin(first, first + 2 * i, first + 2 * count)
      numbers[head + COUNT] = count - i
      this.giveBack(numbers[head + OLDER]!)
      numbers[head + OLDER] = NO_CHAIN
      return
    }
  }

  /** All revisions as pairs main, sub, ascending. Owned. */
  pairs(chain: number): number[] {
    const blocks: number[] = []
    for (let block = chain; block !== NO_CHAIN; block = this.#older(block)) blocks.unshift(block)
    const pairs: number[] = []
    for (const block of blocks) {
      const { numbers } = this.#page(block)
      const first = place(block) + HEAD_NUMBERS
      const end = first + 2 * numbers[place(block) + COUNT]!
      for (let i = first; i < end; i++) pairs.push(numbers[i]!)
    }
    return pairs
  }

  /** Nobody will name `chain` any more. */
  giveBack(chain: number): void {
    for (let block = chain; block !== NO_CHAIN;) {
      const { numbers, size } = this.#page(block)
      const older = numbers[place(block) + OLDER]!
      const supply = this.#supplies[size]!
      numbers[place(block) + OLDER] = supply.free
      supply.free = block
      block = older
    }
  }

  /** An empty block before `older`. */
  #take(size: number, older: number): number {
    const block = this.#unused(size)
    const { numbers } = this.#page(block)
    numbers[place(block) + OLDER] = older
    numbers[place(block) + COUNT] = 0
    return block
  }

  #unused(size: number): number {
    const supply = this.#supplies[size]!
    const { free } = supply
    if (free !== NO_CHAIN) {
      supply.free = this.#older(free)
      return free
    }
    const numbers = HEAD_NUMBERS + 2 * (1 << size)
    if (supply.next + numbers > PAGE_NUMBERS) {
      invariant(this.#pages.length < PAGES_MAX, 'too many older revisions')
      supply.page = this.#pages.length
      supply.next = 0
      this.#pages.push(new Page(PAGE_NUMBERS, size))
    }
    const block = supply.page * PAGE_NUMBERS + supply.next
    supply.next += numbers
    return block
  }

  #older(block: number): number {
    return this.#page(block).numbers[place(block) + OLDER]!
  }

  #page(block: number): Page {
    return this.#pages[block >>> PAGE_BITS]!
  }
}

/** Where in its page a block begins. */
const place = (block: number): number => block & (PAGE_NUMBERS - 1)

/** Which revision of the block at `head` is the newest with a main revision of at most `at`; -1: none. */
const newestIn = (numbers: Float64Array, head: number, at: number): number => {
  let lo = 0
  let hi = numbers[head + COUNT]!
  while (lo < hi) {
    const mid = (lo + hi) >>> 1
    if (numbers[head + HEAD_NUMBERS + 2 * mid]! <= at) lo = mid + 1
    else hi = mid
  }
  return lo - 1
}
