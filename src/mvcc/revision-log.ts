// All revisions in revision order: packed in chunks (chunk.ts) of which the backend has the rows, the newest ones still
// in the tail. What a batch being written holds stays in memory until the backend has it, so reads never see a gap.

import { EMPTY_BYTES, keyOf } from '../base/index.js'
import type { Backend, BackendRow, Bucket, RowSink } from '../env/index.js'
import { CHUNK_BYTES, CHUNK_ENTRY_BYTES, ChunkBuilder, ChunkView, deadRowKey, SMALL_CHUNK_BYTES } from './chunk.js'
import { Chunk, ChunkCache, ChunkDirectory } from './chunk-directory.js'
import { CorruptStore } from './corrupt-store.js'
import { compareRevisions, REVISION_KEY_BYTES, revisionKey, TOMBSTONE_KEY_BYTES } from './revision-key.js'
import { RowMemory } from './row-memory.js'
import { Tail, TailRevision } from './tail.js'

/** A place in the log: revision `i` of `view`, the row of `chunk`. Valid within the turn. */
export interface LogPosition {
  /** Position of the chunk in the directory. */
  readonly pos: number
  readonly chunk: Chunk
  readonly view: ChunkView
  readonly i: number
}

/** Where a KeyValue lies; refilled by each look-up, and valid within the turn. */
export class FoundValue {
  bytes: Uint8Array = EMPTY_BYTES
  start = 0
  end = 0
  /** The row that it is in; undefined when it is in none yet. */
  view: ChunkView | undefined = undefined

  /** It fills a row of its own, whose memory is never lent again: to be kept as it is. */
  get isLarge(): boolean {
    return this.bytes.length > CHUNK_BYTES
  }

  /** Whoever looked it up keeps `bytes` for longer than the turn. */
  hold(): void {
    if (this.view !== undefined) this.view.isHeld = true
  }
}

/**
 * Revisions are packed whenever so many bytes have gathered, not all at once for a batch: that spreads the work, and what was
 * packed no longer lives in many small objects.
 */
const TAIL_BYTES_MAX = CHUNK_BYTES

interface WrittenBatch {
  readonly batch: number
  readonly chunks: readonly Chunk[]
  readonly bytes: number
}

export class RevisionLog {
  readonly #backend: Backend
  readonly #tail = new Tail()
  readonly #directory = new ChunkDirectory()
  readonly #memory: RowMemory
  readonly #cache: ChunkCache
  readonly #builder = new ChunkBuilder()
  readonly #value = new FoundValue()
  /** An owned row of so many bytes, to be given to `setRow`. */
  readonly takeRow = (sizeBytes: number): Uint8Array => this.#memory.take(sizeBytes)

  /** Row changes for the next batch, by bucket and row key: only the last one of a row counts. */
  #queued = new Map<string, BackendRow>()
  #queuedChunks: Chunk[] = []
  #queuedBytes = 0
  /** Batches given to the owner whose end was not reported yet, oldest first. */
  readonly #writing: WrittenBatch[] = []
  #writingBytes = 0
  #batch = 0
  #rowBytes = 0
  /** The last row that was read without being cached: neighbours are often read next. */
  #recent: Chunk | undefined
  #recentView: ChunkView | undefined

  /** `cacheBytes` bounds the rows kept in memory only because they were read or written. */
  constructor(backend: Backend, cacheBytes: number, memory = new RowMemory()) {
    this.#backend = backend
    this.#memory = memory
    this.#cache = new ChunkCache(cacheBytes, memory)
  }

  /** Bytes of all rows, keys and values, those not written yet included. */
  get rowBytes(): number {
    return this.#rowBytes + this.#tailRowBytes
  }

  /** About what the tail takes in chunks. */
  get #tailRowBytes(): number {
    return this.#tail.bytes + (CHUNK_ENTRY_BYTES + TOMBSTONE_KEY_BYTES) * this.#tail.length
  }

  /** Revisions that are in no chunk yet. */
  get tailRevisions(): number {
    return this.#tail.length
  }

  /** Row changes that wait for `collect`, the tail not counted. */
  get queuedRows(): number {
    return this.#queued.size
  }

  /** Bytes that wait for `collect`. */
  get pendingBytes(): number {
    return this.#tail.bytes + this.#queuedBytes
  }

  /** Bytes given to `collect`'s sinks and not reported as flushed. */
  get writingBytes(): number {
    return this.#writingBytes
  }

  /** Bound of `cachedBytes`. */
  get cacheBytesMax(): number {
    return this.#cache.bytesMax
  }

  get cachedBytes(): number {
    return this.#cache.bytes
  }

  get chunkCount(): number {
    return this.#directory.length
  }

  /** The batch that the next `collect` gives out. */
  get nextBatch(): number {
    return this.#batch + 1
  }

  // Writing

  /** Adds a revision behind all others; `kv` is its KeyValue in stored form, frozen. */
  append(main: number, sub: number, tombstone: boolean, kv: Uint8Array): void {
    this.#tail.push(new TailRevision(main, sub, tombstone, kv))
    if (this.#tail.bytes >= TAIL_BYTES_MAX) this.pack()
  }

  /** Moves the tail into chunks, so that everything can be walked. */
  pack(): void {
    if (this.#tail.length === 0) return
    let open = this.#reopenLast()
    for (const revision of this.#tail.take()) {
      const bytes = CHUNK_ENTRY_BYTES + TOMBSTONE_KEY_BYTES + revision.kv.length
      if (open !== undefined && this.#builder.rowBytes + bytes > CHUNK_BYTES) {
        this.#close(open)
        open = undefined
      }
      if (open === undefined) {
        open = new Chunk(revision.main, revision.sub)
        this.#directory.append(open)
      }
      this.#builder.addRevision(revision.main, revision.sub, revision.tombstone, revision.kv)
    }
    if (open !== undefined) this.#close(open)
  }

  /**
   * The newest chunk goes on growing while it is small and at hand: a slow trickle must not leave a row per write. Not when more comes
   * than fits in it: then its row, once given out, need not be written again among newer ones (docs/design/0011).
   */
  #reopenLast(): Chunk | undefined {
    const last = this.#directory.last
    if (last?.view === undefined || last.rowBytes >= SMALL_CHUNK_BYTES) return undefined
    if (last.batch !== this.nextBatch && last.rowBytes + this.#tailRowBytes > CHUNK_BYTES) return undefined
    const { view } = last
    for (let i = 0; i < view.count; i++) this.#builder.add(view.bytes, view.start(i), view.end(i), view.tombstone(i))
    return last
  }

  #close(chunk: Chunk): void {
    this.setRow(chunk, this.#builder.build(this.takeRow))
  }

  /** Gives a chunk of the directory (another) row and queues it for writing. `row` becomes frozen. */
  setRow(chunk: Chunk, row: Uint8Array): void {
    this.#forgetRecent()
    this.#cache.remove(chunk)
    this.#rowBytes += row.length - chunk.rowBytes + (chunk.rowBytes === 0 ? REVISION_KEY_BYTES : 0)
    chunk.rowBytes = row.length
    chunk.view = new ChunkView(row)
    if (chunk.batch !== this.nextBatch) this.#queuedChunks.push(chunk)
    chunk.batch = this.nextBatch
    this.queueRow('key', revisionKey(chunk.main, chunk.sub), row)
  }

  /** Replaces `count` chunks from `pos` on by others that already have their rows; the old rows are deleted. */
  replace(pos: number, count: number, chunks: readonly Chunk[]): void {
    this.#forgetRecent()
    for (let i = pos; i < pos + count; i++) {
      const old = this.#directory.at(i)!
      this.#cache.remove(old)
      if (old.batch === 0 && old.view !== undefined) this.#memory.letGo(old.view)
      this.#rowBytes -= old.rowBytes + REVISION_KEY_BYTES + old.deadRowBytes
      if (old.deadRowBytes > 0) this.queueRow('key', deadRowKey(old.main, old.sub), undefined)
      if (!chunks.some(({ main, sub }) => main === old.main && sub === old.sub))
        this.queueRow('key', revisionKey(old.main, old.sub), undefined)
    }
    this.#directory.replace(pos, count, chunks)
  }

  /** Queues a row change; undefined deletes. The arguments become frozen. */
  queueRow(bucket: Bucket, key: Uint8Array, value: Uint8Array | undefined): void {
    const id = bucket + keyOf(key)
    const before = this.#queued.get(id)
    if (before !== undefined) {
      this.#queuedBytes -= rowBytes(before)
      this.#queued.delete(id)
    }
    const row = { bucket, key, value }
    this.#queued.set(id, row)
    this.#queuedBytes += rowBytes(row)
  }

  /** Notes which revisions of a chunk are gone; `bits` as in the row (chunk.ts), frozen. */
  setDead(chunk: Chunk, deadCount: number, bits: Uint8Array): void {
    const key = deadRowKey(chunk.main, chunk.sub)
    this.#rowBytes += key.length + bits.length - chunk.deadRowBytes
    chunk.deadCount = deadCount
    chunk.deadRowBytes = key.length + bits.length
    this.queueRow('key', key, bits)
  }

  /** Gives everything not written yet to `sink`; returns the batch number to report with `flushed`. */
  collect(sink: RowSink): number {
    this.pack()
    if (this.#queued.size === 0) return this.#batch
    this.#batch++
    for (const { bucket, key, value } of this.#queued.values()) {
      if (value === undefined) sink.delete(bucket, key)
      else sink.put(bucket, key, value)
    }
    this.#writing.push({ batch: this.#batch, chunks: this.#queuedChunks, bytes: this.#queuedBytes })
    this.#writingBytes += this.#queuedBytes
    this.#queued = new Map()
    this.#queuedChunks = []
    this.#queuedBytes = 0
    return this.#batch
  }

  /** The backend has all batches up to `batch`, and reads their rows no more. Called in a turn of its own. */
  flushed(batch: number): void {
    this.#memory.reclaim()
    while (this.#writing.length > 0 && this.#writing[0]!.batch <= batch) {
      const written = this.#writing.shift()!
      this.#writingBytes -= written.bytes
      for (const chunk of written.chunks) {
        if (chunk.batch !== written.batch) continue
        chunk.batch = 0
        if (!chunk.dropped) this.#cache.add(chunk)
        else if (chunk.view !== undefined) this.#memory.letGo(chunk.view)
      }
    }
  }

  /** Adds a chunk that the backend holds, with the size of the row that lists its gone revisions; in order (restore). */
  adopt(main: number, sub: number, bytes: number, deadCount: number, deadRowBytes: number): void {
    const chunk = new Chunk(main, sub)
    chunk.rowBytes = bytes
    chunk.deadCount = deadCount
    chunk.deadRowBytes = deadRowBytes
    this.#rowBytes += bytes + REVISION_KEY_BYTES + deadRowBytes
    this.#directory.append(chunk)
  }

  // Reading

  /**
   * The KeyValue of one revision that exists; frozen, and the caller's for as long as it likes.
   * `cached`: keep the row that had to be read.
   * @throws CorruptStore when it is not there.
   */
  read(main: number, sub: number, cached: boolean): Uint8Array {
    const found = this.#value
    this.find(main, sub, cached, found)
    const { bytes, start, end } = found
    if (found.view === undefined) return bytes
    if (found.isLarge) return bytes.subarray(start, end)
    const kv = Buffer.allocUnsafe(end - start)
    kv.set(bytes.subarray(start, end))
    return kv
  }

  /**
   * Where the KeyValue of a revision that exists is: `found.bytes[found.start, found.end)`, frozen, for this turn.
   * `cached`: keep the row that had to be read.
   * @throws CorruptStore when it is not there.
   */
  find(main: number, sub: number, cached: boolean, found: FoundValue): void {
    if (this.isResident(main, sub, found)) return
    const chunk = this.#directory.at(this.#directory.locate(main, sub))
    if (chunk === undefined) throw missing(main, sub)
    this.#place(this.view(chunk, cached), main, sub, found)
  }

  /**
   * Whether the KeyValue of a revision that exists is in memory; then it is `found.bytes[found.start, found.end)`, frozen, for
   * this turn.
   * @throws CorruptStore when the row that has to hold it does not.
   */
  isResident(main: number, sub: number, found: FoundValue): boolean {
    const first = this.#tail.first
    if (first !== undefined && compareRevisions(first.main, first.sub, main, sub) <= 0) {
      const revision = this.#tail.find(main, sub)
      if (revision === undefined) throw missing(main, sub)
      found.view = undefined
      found.bytes = revision.kv
      found.start = 0
      found.end = revision.kv.length
      return true
    }
    const chunk = this.#directory.at(this.#directory.locate(main, sub))
    const view = chunk?.view
    if (chunk === undefined || view === undefined) return false
    chunk.used = true
    this.#place(view, main, sub, found)
    return true
  }

  #place(view: ChunkView, main: number, sub: number, found: FoundValue): void {
    const i = view.find(main, sub)
    if (i < 0) throw missing(main, sub)
    found.view = view
    found.bytes = view.bytes
    found.start = view.valueStart(i)
    found.end = view.end(i)
  }

  /** Sorts revisions by place: equal for revisions of one chunk, ascending with the revision. */
  placeOf(main: number, sub: number): number {
    return this.#directory.locate(main, sub) + 1
  }

  /** The row of a chunk of the directory, from memory or the backend, for this turn. `cached`: keep it if it had to be read. */
  view(chunk: Chunk, cached: boolean): ChunkView {
    chunk.used = true
    if (chunk.view !== undefined) return chunk.view
    if (chunk === this.#recent && this.#recentView !== undefined) {
      return cached ? this.#keep(chunk, this.#recentView.bytes) : this.#recentView
    }
    const row = this.#backend.get('key', revisionKey(chunk.main, chunk.sub))
    if (row?.length !== chunk.rowBytes) throw new CorruptStore(`row of chunk ${chunk.main}.${chunk.sub} is missing`)
    if (cached) return this.#keep(chunk, row)
    this.#recent = chunk
    this.#recentView = new ChunkView(row)
    return this.#recentView
  }

  /** The first packed revision at or after (main, sub), undefined behind the last. */
  seek(main: number, sub: number): LogPosition | undefined {
    let pos = Math.max(0, this.#directory.locate(main, sub))
    let chunk = this.#directory.at(pos)
    if (chunk === undefined) return undefined
    let view = this.view(chunk, false)
    let i = view.seek(main, sub)
    if (i === view.count) {
      chunk = this.#directory.at(++pos)
      if (chunk === undefined) return undefined
      view = this.view(chunk, false)
      i = 0
    }
    return { pos, chunk, view, i }
  }

  chunkAt(pos: number): Chunk | undefined {
    return this.#directory.at(pos)
  }

  #keep(chunk: Chunk, row: Uint8Array): ChunkView {
    const view = new ChunkView(this.#memory.adopt(row))
    chunk.view = view
    this.#cache.add(chunk)
    this.#forgetRecent()
    return view
  }

  #forgetRecent(): void {
    this.#recent = undefined
    this.#recentView = undefined
  }
}

const rowBytes = (row: BackendRow): number => row.key.length + (row.value?.length ?? 0)

const missing = (main: number, sub: number): CorruptStore => new CorruptStore(`revision ${main}.${sub} is missing`)
