// One compaction's pass over the chunks: hashes what it passes, drops dead chunks, rewrites half-dead and small ones.

import { KeyValueView } from '../proto/index.js'
import { Chunk } from './chunk-directory.js'
import {
  CHUNK_BYTES,
  CHUNK_ENTRY_BYTES,
  ChunkBuilder,
  type ChunkView,
  isDead,
  markDead,
  SMALL_CHUNK_BYTES,
} from './chunk.js'
import { type HashKvResult, RevisionHasher } from './hash.js'
import type { KeyIndex } from './key-index.js'
import type { RevisionLog } from './revision-log.js'

/** What the pass found out about one chunk. */
interface Verdict {
  readonly dead: Uint8Array
  readonly deadCount: number
  readonly deadBytes: number
}

/**
 * Works on the rows at or below `at`. The index is not pruned before the pass is over: it says of each revision whether
 * the compaction keeps it. The pass goes upwards, so that whatever a crash leaves never shows a put whose tombstone is
 * gone.
 */
export class Sweep {
  readonly #index: KeyIndex
  readonly #log: RevisionLog
  readonly #at: number
  readonly #previous: number
  /** Whether the hash filters at all: some revision at or below `at` stays. */
  readonly #filtered: boolean
  readonly #hasher = new RevisionHasher()
  readonly #kv = new KeyValueView()
  /** Chunks before this position are done. Only sweeps move chunks, and sweeps run one after the other. */
  #pos = 0
  #removed = 0

  constructor(index: KeyIndex, log: RevisionLog, at: number, previous: number, filtered: boolean) {
    this.#index = index
    this.#log = log
    this.#at = at
    this.#previous = previous
    this.#filtered = filtered
  }

  /** Revisions that the pass removed so far. */
  get removed(): number {
    return this.#removed
  }

  /** The reference's hash of this compaction; valid when the pass is over. */
  hash(): HashKvResult {
    return { hash: this.#hasher.digest(), compactRevision: this.#previous, hashRevision: this.#at }
  }

  /** Looks at about `revisionsMax` further revisions; true when the pass is over. */
  step(revisionsMax: number): boolean {
    this.#log.pack()
    const rewrite = new Rewrite(this.#log)
    let left = revisionsMax
    let chunk = this.#log.chunkAt(this.#pos)
    while (chunk !== undefined && chunk.main <= this.#at && left > 0) {
      const view = this.#log.view(chunk, false)
      const verdict = this.#judge(view)
      this.#removed += verdict.deadCount - chunk.deadCount
      if (this.#isWorthRewriting(chunk, view, verdict)) {
        rewrite.take(chunk, view, verdict)
        this.#pos++
      } else {
        this.#pos = rewrite.finish(this.#pos) + 1
        if (verdict.deadCount > chunk.deadCount) this.#log.setDead(chunk, verdict.deadCount, verdict.dead)
      }
      left -= view.count
      chunk = this.#log.chunkAt(this.#pos)
    }
    // Nothing stays open over a pause: the newest chunk may be continued meanwhile, and rows are lent for the turn only.
    this.#pos = rewrite.finish(this.#pos)
    this.#hasher.settle()
    return chunk === undefined || chunk.main > this.#at
  }

  #judge(view: ChunkView): Verdict {
    const dead = new Uint8Array((view.count + 7) >> 3)
    let deadCount = 0
    let deadBytes = 0
    for (let i = 0; i < view.count; i++) {
      const main = view.main(i)
      if (main > this.#at) break
      const sub = view.sub(i)
      const record = this.#index.get(this.#kv.load(view.bytes, view.valueStart(i), view.end(i)).key())
      const available = record?.isAvailable(this.#at, main, sub) ?? false
      const existed = main > this.#previous || (this.#filtered ? available : (record?.contains(main, sub) ?? false))
      if (existed && !(main === this.#previous && view.tombstone(i))) this.#hasher.add(view, i)
      if (available) continue
      markDead(dead, i)
      deadCount++
      deadBytes += view.end(i) - view.start(i)
    }
    return { dead, deadCount, deadBytes }
  }

  #isWorthRewriting(chunk: Chunk, view: ChunkView, { deadBytes }: Verdict): boolean {
    if (deadBytes * 2 >= view.end(view.count - 1) - view.start(0)) return true
    // The newest chunk still grows by itself.
    return chunk.rowBytes < SMALL_CHUNK_BYTES && this.#log.chunkAt(this.#pos + 1) !== undefined
  }
}

/** A run of neighbouring chunks that become fewer, fuller ones. */
class Rewrite {
  readonly #log: RevisionLog
  readonly #builder = new ChunkBuilder()
  #sources: Chunk[] = []
  #results: Chunk[] = []
  #open: Chunk | undefined
  #gone = 0

  constructor(log: RevisionLog) {
    this.#log = log
  }

  /** Adds the chunk right behind the one before. */
  take(chunk: Chunk, view: ChunkView, { dead, deadCount }: Verdict): void {
    this.#sources.push(chunk)
    this.#gone += deadCount
    for (let i = 0; i < view.count; i++) {
      if (isDead(dead, i)) continue
      const bytes = view.end(i) - view.start(i) + CHUNK_ENTRY_BYTES
      if (this.#open !== undefined && this.#builder.rowBytes + bytes > CHUNK_BYTES) this.#close(this.#open)
      this.#open ??= new Chunk(view.main(i), view.sub(i))
      this.#builder.add(view.bytes, view.start(i), view.end(i), view.tombstone(i))
    }
  }

  /** Ends the run, which ends before `pos`, and puts the new chunks in place; returns the position behind them. */
  finish(pos: number): number {
    const sources = this.#sources
    if (sources.length === 0) return pos
    const changed = sources.length > 1 || this.#gone > 0
    if (changed) {
      if (this.#open !== undefined) this.#close(this.#open)
      this.#log.replace(pos - sources.length, sources.length, this.#results)
      pos += this.#results.length - sources.length
    }
    this.#builder.clear()
    this.#open = undefined
    this.#sources = []
    this.#results = []
    this.#gone = 0
    return pos
  }

  #close(chunk: Chunk): void {
    this.#log.setRow(chunk, this.#builder.build(this.#log.takeRow))
    this.#results.push(chunk)
    this.#open = undefined
  }
}
