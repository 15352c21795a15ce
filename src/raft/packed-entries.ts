// Applied entries, kept for members that lag. Thousands of them live for seconds and nearly nobody reads them; as objects each
// would be a record, a view and memory outside of V8's heap: every young collection would copy them, and what they hold outside
// brings full collections. Here many entries share one segment, and segments are lent again.
//
// A segment is filled from both ends until they meet:
//
//   offset      size   content
//   16 i           8   term of entry i, float64 (terms are at most 2^53 - 1)
//   16 i + 8       4   its type, int32
//   16 i + 12      4   where its data starts, uint32; it ends where that of entry i - 1 starts, or with the segment
//   ...                unused
//   ...                data of the last entry, ..., data of entry 1, data of entry 0

import { copyBytes, index as toIndex, invariant, RingQueue } from '../base/index.js'
import type { Index, Term } from '../base/index.js'
import { ENTRY_OVERHEAD_BYTES } from './entry-bytes.js'
import { Entry } from './pb.js'

/**
 * The entry that did not fit any more begins the next segment, so two neighbours hold more than one segment's worth: at worst
 * about half of the memory is unused.
 */
export const SEGMENT_BYTES = 64 * 1024
const HEADER_BYTES = 16
/** Unused segments that are kept: about what dropping a run of entries sets free at once. */
export const SPARES_MAX = 32

/** A gapless run of entries, appended at the end and dropped from the front. */
export class PackedEntries {
  readonly #segments = new RingQueue<Segment>()
  readonly #spares: Segment[] = []
  #newest: Segment | undefined = undefined
  #first: Index
  #last: Index
  #bytes = 0
  /** Segments that took the place of another one. */
  reused = 0

  /** The first entry will be the one behind `after`. */
  constructor(after: Index) {
    this.#first = toIndex(after + 1)
    this.#last = after
  }

  /** The last entry held; when there is none, the one before the next to come. */
  get last(): Index {
    return this.#last
  }

  /** Entries held, counted with `entryBytes`. */
  get bytes(): number {
    return this.#bytes
  }

  /** `entries` are borrowed, and follow on without gap. */
  append(entries: readonly Entry[]): void {
    if (entries.length === 0) return
    const first = entries[0]!.index
    const last = entries[entries.length - 1]!.index
    invariant(first === this.#last + 1 && last === this.#last + entries.length, '[%, %] leaves a gap', first, last)
    for (const entry of entries) this.#push(entry)
    this.#last = last
  }

  /** Undefined when there is no entry at `at`. */
  term(at: Index): Term | undefined {
    if (at < this.#first || at > this.#last) return undefined
    const segment = this.#segments.at(this.#find(at))
    return segment.term(at - segment.first)
  }

  /** `entryBytes` of the entry at `at`, which must be held. */
  entryBytes(at: Index): number {
    const segment = this.#segments.at(this.#find(at))
    const i = at - segment.first
    return segment.entryBytes(i, i + 1)
  }

  /** New entries in [lo, hi), which must be held. Their data is owned: it stays when the segment is lent again. */
  read(lo: Index, hi: Index): Entry[] {
    invariant(lo >= this.#first && hi <= this.#last + 1, '[%, %) is not packed', lo, hi)
    const entries: Entry[] = []
    if (lo >= hi) return entries
    for (let pos = this.#find(lo); pos < this.#segments.length; pos++) {
      const segment = this.#segments.at(pos)
      if (segment.first >= hi) break
      const end = Math.min(hi, segment.end)
      for (let at: number = Math.max(lo, segment.first); at < end; at++) entries.push(segment.read(at - segment.first))
    }
    return entries
  }

  /** Forgets entries up to `at`. Beyond the last one it forgets all, and the next to come is the one behind `at`. */
  dropThrough(at: Index): void {
    for (
      let segment = this.#segments.peek();
      segment !== undefined && this.#first <= at;
      segment = this.#segments.peek()
    ) {
      const end = Math.min(at + 1, segment.end)
      this.#bytes -= segment.entryBytes(this.#first - segment.first, end - segment.first)
      this.#first = toIndex(end)
      if (end === segment.end) this.#letGoOldest()
    }
    this.#first = toIndex(Math.max(this.#first, at + 1))
    this.#last = toIndex(Math.max(this.#last, at))
  }

  #push(entry: Entry): void {
    const dataBytes = entry.data.length
    if (this.#newest?.fits(dataBytes) !== true) {
      this.#newest = this.#take(HEADER_BYTES + dataBytes)
      this.#newest.first = entry.index
      this.#segments.push(this.#newest)
    }
    this.#newest.push(entry)
    this.#bytes += dataBytes + ENTRY_OVERHEAD_BYTES
  }

  /** The place of the segment with the entry at `at`: the last one that does not begin behind it. */
  #find(at: Index): number {
    let lo = 0
    let hi = this.#segments.length
    while (hi - lo > 1) {
      const middle = (lo + hi) >>> 1
      if (this.#segments.at(middle).first <= at) lo = middle
      else hi = middle
    }
    return lo
  }

  #take(sizeBytes: number): Segment {
    if (sizeBytes > SEGMENT_BYTES) return new Segment(sizeBytes)
    const spare = this.#spares.pop()
    if (spare === undefined) return new Segment(SEGMENT_BYTES)
    this.reused++
    return spare
  }

  #letGoOldest(): void {
    const segment = this.#segments.shift()!
    if (segment === this.#newest) this.#newest = undefined
    if (segment.sizeBytes !== SEGMENT_BYTES || this.#spares.length === SPARES_MAX) return
    segment.clear()
    this.#spares.push(segment)
  }
}

/** Positions in here count from `first`. */
class Segment {
  readonly #bytes: Uint8Array
  readonly #headers: DataView
  #count = 0
  /** Where the data of the last entry starts. */
  #dataStart: number
  first: Index = toIndex(0)

  constructor(sizeBytes: number) {
    this.#bytes = new Uint8Array(sizeBytes)
    this.#headers = new DataView(this.#bytes.buffer)
    this.#dataStart = sizeBytes
  }

  get sizeBytes(): number {
    return this.#bytes.length
  }

  /** Behind the last entry. */
  get end(): number {
    return this.first + this.#count
  }

  clear(): void {
    this.#count = 0
    this.#dataStart = this.#bytes.length
  }

  fits(dataBytes: number): boolean {
    return (this.#count + 1) * HEADER_BYTES + dataBytes <= this.#dataStart
  }

  push({ term, type, data }: Entry): void {
    const header = this.#count * HEADER_BYTES
    this.#dataStart -= data.length
    this.#headers.setFloat64(header, term)
    this.#headers.setInt32(header + 8, type)
    this.#headers.setUint32(header + 12, this.#dataStart)
    this.#bytes.set(data, this.#dataStart)
    this.#count++
  }

  term(i: number): Term {
    return this.#headers.getFloat64(i * HEADER_BYTES) as Term
  }

  /** Of the entries in [lo, hi) together. */
  entryBytes(lo: number, hi: number): number {
    return this.#dataEnd(lo) - this.#dataEnd(hi) + (hi - lo) * ENTRY_OVERHEAD_BYTES
  }

  read(i: number): Entry {
    const entry = new Entry()
    entry.type = this.#headers.getInt32(i * HEADER_BYTES + 8)
    entry.term = this.term(i)
    entry.index = toIndex(this.first + i)
    const start = this.#dataEnd(i + 1)
    const end = this.#dataEnd(i)
    if (end > start) entry.data = copyBytes(this.#bytes.subarray(start, end))
    return entry
  }

  #dataEnd(i: number): number {
    return i === 0 ? this.#bytes.length : this.#headers.getUint32((i - 1) * HEADER_BYTES + 12)
  }
}
