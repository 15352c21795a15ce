// Where every packed revision is: the chunks in revision order, and the rows of some of them in memory.

import type { ChunkView } from './chunk.js'
import type { RowMemory } from './row-memory.js'

/** One chunk row. The directory owns these; others may read them within one turn. */
export class Chunk {
  /** First revision: names the row. */
  readonly main: number
  readonly sub: number
  /** Bytes of the row value. */
  rowBytes = 0
  /** Revisions that compaction has removed but the row still holds. */
  deadCount = 0
  /** Bytes of the row that lists them, key and value; 0 without such a row. */
  deadRowBytes = 0
  /** The row value while it is in memory. */
  view: ChunkView | undefined = undefined
  /** Number of the batch that writes the row; 0 once the backend has it. Rows being written stay in memory. */
  batch = 0
  /** Used since the cache last looked. */
  used = false
  /** No longer in the directory. */
  dropped = false

  constructor(main: number, sub: number) {
    this.main = main
    this.sub = sub
  }
}

export class ChunkDirectory {
  readonly #chunks: Chunk[] = []
  /** Their first main revisions, side by side: looking for one touches no chunk. */
  readonly #mains: number[] = []

  get length(): number {
    return this.#chunks.length
  }

  at(pos: number): Chunk | undefined {
    return this.#chunks[pos]
  }

  get last(): Chunk | undefined {
    return this.#chunks[this.#chunks.length - 1]
  }

  /** `chunk` starts behind all others. */
  append(chunk: Chunk): void {
    this.#chunks.push(chunk)
    this.#mains.push(chunk.main)
  }

  /** Replaces the `count` chunks from `pos` on; the new ones are in order and fit between their neighbours. */
  replace(pos: number, count: number, chunks: readonly Chunk[]): void {
    this.#mains.splice(pos, count, ...chunks.map(({ main }) => main))
    for (const chunk of this.#chunks.splice(pos, count, ...chunks)) chunk.dropped = !chunks.includes(chunk)
  }

  /** Position of the chunk that would hold (main, sub): the last one that starts at or before it. -1: none does. */
  locate(main: number, sub: number): number {
    const mains = this.#mains
    let lo = 0
    let hi = mains.length
    while (lo < hi) {
      const mid = (lo + hi) >>> 1
      const first = mains[mid]!
      if (first < main || (first === main && this.#chunks[mid]!.sub <= sub)) lo = mid + 1
      else hi = mid
    }
    return lo - 1
  }
}

/** Rows that are in memory only because they were read or written, within a byte budget; a second chance before one is dropped. */
export class ChunkCache {
  readonly bytesMax: number
  readonly #memory: RowMemory
  readonly #queue = new Set<Chunk>()
  #bytes = 0

  /** Rows that are dropped go back to `memory`. */
  constructor(bytesMax: number, memory: RowMemory) {
    this.bytesMax = bytesMax
    this.#memory = memory
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Keeps `chunk.view`, which is set, until the budget needs its place. */
  add(chunk: Chunk): void {
    if (this.#queue.has(chunk)) return
    this.#queue.add(chunk)
    this.#bytes += chunk.rowBytes
    chunk.used = false
    if (this.#bytes > this.bytesMax) this.#shrink()
  }

  /** Forgets `chunk` without touching its view: the row changes, is pinned or goes away. */
  remove(chunk: Chunk): void {
    if (this.#queue.delete(chunk)) this.#bytes -= chunk.rowBytes
  }

  #shrink(): void {
    // A chunk that was used goes to the end of the queue once; the loop ends since flags are cleared on the way.
    for (const chunk of this.#queue) {
      if (this.#bytes <= this.bytesMax) return
      this.#queue.delete(chunk)
      if (chunk.used) {
        chunk.used = false
        this.#queue.add(chunk)
        continue
      }
      this.#bytes -= chunk.rowBytes
      this.#memory.letGo(chunk.view!)
      chunk.view = undefined
    }
  }
}
