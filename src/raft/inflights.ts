// The window of appends that were sent to one follower and are not acknowledged yet.

import { invariant } from '../base/index.js'
import type { Index } from '../base/index.js'

const FIRST_CAPACITY = 16
/** What a window that started small gains with each acknowledged append. */
const GROWTH_BYTES = 32 * 1024

/** Circular buffer of (last index, bytes) per append, oldest first; grows by doubling up to `maxMessages`. */
export class Inflights {
  readonly #maxMessages: number
  readonly #maxBytes: number
  /** Up to `#maxBytes`. */
  #windowBytes: number
  #indexes: number[]
  #sizes: number[]
  #head = 0
  #count = 0
  #bytes = 0

  /** `maxMessages` >= 1. The byte limit may be passed by the last message admitted; 0 means no byte limit. */
  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages
    this.#maxBytes = this.#windowBytes = maxBytes
    const capacity = Math.min(FIRST_CAPACITY, maxMessages)
    this.#indexes = new Array<number>(capacity).fill(0)
    this.#sizes = new Array<number>(capacity).fill(0)
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  get full(): boolean {
    return this.#count >= this.#maxMessages || (this.#maxBytes !== 0 && this.#bytes >= this.#windowBytes)
  }

  /** Records an append whose last entry is `last`. Invariant: indexes rise, and nothing is added to a full window. */
  add(last: Index, bytes: number): void {
    invariant(!this.full, 'append beyond a full in-flight window')
    if (this.#count === this.#indexes.length) this.#grow()
    const capacity = this.#indexes.length
    if (this.#count > 0) {
      const newest = this.#indexes[(this.#head + this.#count - 1) % capacity]!
      invariant(last > newest, 'in-flight indexes must rise: % after %', last, newest)
    }
    const pos = (this.#head + this.#count) % capacity
    this.#indexes[pos] = last
    this.#sizes[pos] = bytes
    this.#count++
    this.#bytes += bytes
  }

  /** Forgets every append whose last entry is at or below `acked`. */
  freeUpTo(acked: Index): void {
    const capacity = this.#indexes.length
    while (this.#count > 0 && this.#indexes[this.#head]! <= acked) {
      this.#bytes -= this.#sizes[this.#head]!
      this.#head = (this.#head + 1) % capacity
      this.#count--
      if (this.#windowBytes < this.#maxBytes)
        this.#windowBytes = Math.min(this.#maxBytes, this.#windowBytes + GROWTH_BYTES)
    }
  }

  /** `startSmall`: one append at first, and more with each that is acknowledged. */
  reset(startSmall = false): void {
    this.#windowBytes = startSmall ? Math.min(1, this.#maxBytes) : this.#maxBytes
    this.#head = 0
    this.#count = 0
    this.#bytes = 0
  }

  #grow(): void {
    const old = this.#indexes.length
    const capacity = Math.min(old * 2, this.#maxMessages)
    const indexes = new Array<number>(capacity).fill(0)
    const sizes = new Array<number>(capacity).fill(0)
    for (let i = 0; i < this.#count; i++) {
      indexes[i] = this.#indexes[(this.#head + i) % old]!
      sizes[i] = this.#sizes[(this.#head + i) % old]!
    }
    this.#indexes = indexes
    this.#sizes = sizes
    this.#head = 0
  }
}
