// The open streams of a connection by their ids.
//
// Not a Map: V8 links each table that a Map outgrew to the next one. Under churn, where a few streams come and go all the time,
// one such table in the old generation takes all later ones with it, and through them every stream that was open when a table
// was outgrown. Measured with 1000 clients that put: two fifths of all that was moved to the old generation.

import type { Http2Stream } from './stream.js'

/** A power of two: more streams than most connections ever have open at once. */
const SLOTS_MIN = 16
/** A table of more slots shrinks once it is empty. */
const SLOTS_KEPT_MAX = 1024

/** A hash table whose chains run through the streams themselves; at most as many streams as slots. */
export class StreamTable implements Iterable<Http2Stream> {
  /** Odd and unknown to the client, who chooses the ids and must not choose the length of a chain. */
  readonly #factor = Math.floor(Math.random() * 2 ** 32) | 1
  #slots = emptySlots(SLOTS_MIN)
  /** 32 less the bits that choose a slot. */
  #shift = 32 - Math.log2(SLOTS_MIN)
  #size = 0

  get size(): number {
    return this.#size
  }

  get(id: number): Http2Stream | undefined {
    let stream = this.#slots[this.#slotOf(id)]
    while (stream !== undefined && stream.id !== id) stream = stream.nextInSlot
    return stream
  }

  /** The id is new. */
  add(stream: Http2Stream): void {
    if (this.#size === this.#slots.length) this.#resize(this.#size * 2)
    this.#size++
    this.#link(stream)
  }

  /** Nothing happens when it is not here. */
  delete(stream: Http2Stream): void {
    const slot = this.#slotOf(stream.id)
    let before: Http2Stream | undefined
    let at = this.#slots[slot]
    while (at !== undefined && at !== stream) {
      before = at
      at = at.nextInSlot
    }
    if (at === undefined) return
    if (before === undefined) this.#slots[slot] = stream.nextInSlot
    else before.nextInSlot = stream.nextInSlot
    stream.nextInSlot = undefined
    this.#size--
    if (this.#size === 0 && this.#slots.length > SLOTS_KEPT_MAX) this.#resize(SLOTS_MIN)
  }

  clear(): void {
    for (const stream of [...this]) this.delete(stream)
  }

  /** In no order. Nothing may be added or deleted meanwhile. */
  *[Symbol.iterator](): Generator<Http2Stream> {
    for (const first of this.#slots) {
      for (let stream = first; stream !== undefined; stream = stream.nextInSlot) yield stream
    }
  }

  /**
   * Multiply-shift hashing (Dietzfelbinger et al., 1997): two ids share a slot with a chance of at most 2 in the number of slots.
   */
  #slotOf(id: number): number {
    return Math.imul(id, this.#factor) >>> this.#shift
  }

  #link(stream: Http2Stream): void {
    const slot = this.#slotOf(stream.id)
    stream.nextInSlot = this.#slots[slot]
    this.#slots[slot] = stream
  }

  #resize(slots: number): void {
    const streams = [...this]
    this.#slots = emptySlots(slots)
    this.#shift = 32 - Math.log2(slots)
    for (const stream of streams) this.#link(stream)
  }
}

const emptySlots = (count: number): (Http2Stream | undefined)[] =>
  new Array<Http2Stream | undefined>(count).fill(undefined)
