// The state machine's rows in one LevelDB. A row has the key: one byte for its bucket, then the row key; so buckets follow each
// other and rows keep their order. The bucket `key` is the last one, and `meta` lies in it as one row (meta-row.ts).

import { mkdir, readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ClassicLevel } from 'classic-level'
import {
  type Backend,
  type BackendRow,
  type BackendSlice,
  type BackendView,
  type Bucket,
  BUCKETS,
} from '../../env/index.js'
import { isMetaRowKey, MetaRow } from './meta-row.js'

/** Another process, or another instance in this one, has the store open. The caller may wait and try again. */
export class BackendLocked extends Error {
  override readonly name = 'BackendLocked'
  constructor(path: string, cause: unknown) {
    super(`${path}: in use by another process`, { cause })
  }
}

export interface LevelBackendOptions {
  /**
   * Syncs every batch. Without it an operating system crash may lose a batch and keep a later one (LevelDB writes its log
   * through the page cache and skips damaged parts of it), which a state machine cannot repair. Default true.
   */
  readonly syncWrites?: boolean
}

type Level = ClassicLevel<Uint8Array, Uint8Array>
type Snapshot = ReturnType<Level['snapshot']>

/** What iterators fetch per call unless the caller says otherwise. */
const SLICE_BYTES = 256 * 1024
/** What of a batch is handed over in one turn: about half a millisecond. A row alone costs as much as so many bytes. */
const PIECE_BYTES = 256 * 1024
const ROW_BYTES = 1024
/** More rows than any slice holds: the byte bound decides. */
const SLICE_ROWS_MAX = 100_000

// Behind `key` there is nothing, since a file that reaches from revisions to other rows overlaps all later revisions.
const BUCKET_BYTES = Object.fromEntries(
  [...BUCKETS.filter((bucket) => bucket !== 'key'), 'key'].map((bucket, i) => [bucket, i]),
) as Readonly<Record<Bucket, number>>
const AFTER_LAST_BUCKET = Uint8Array.of(BUCKETS.length)

/**
 * Folders open in this process. Module state, because what it guards belongs to the process: LevelDB's file lock is lost as
 * soon as the same process opens and closes the lock file once more, which a second attempt at the folder would do.
 */
const OPEN_HERE = new Set<string>()

export class LevelBackend implements Backend {
  readonly #path: string
  readonly #level: Level
  readonly #syncWrites: boolean
  readonly #meta: MetaRow
  /** The last write: LevelDB does not order writes that overlap. */
  #lastWrite: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  private constructor(path: string, level: Level, meta: MetaRow, syncWrites: boolean) {
    this.#path = path
    this.#level = level
    this.#meta = meta
    this.#syncWrites = syncWrites
  }

  /**
   * Creates the directory when it is missing.
   * @throws BackendLocked
   */
  static async open(path: string, options: LevelBackendOptions = {}): Promise<LevelBackend> {
    await mkdir(path, { recursive: true, mode: 0o700 })
    const folder = await realpath(path)
    if (OPEN_HERE.has(folder)) throw new BackendLocked(path, undefined)
    OPEN_HERE.add(folder)
    try {
      const level = await openLevel(folder)
      return new LevelBackend(folder, level, await metaRowOf(level), options.syncWrites ?? true)
    } catch (error) {
      OPEN_HERE.delete(folder)
      if (isLocked(error)) throw new BackendLocked(path, error)
      throw error
    }
  }

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    return bucket === 'meta' ? this.#meta.get(key) : this.#level.getSync(rowKey(bucket, key))
  }

  scan(
    bucket: Bucket,
    lo: Uint8Array,
    hi: Uint8Array | undefined,
    sliceBytes = SLICE_BYTES,
  ): AsyncIterable<BackendSlice> {
    return this.#scan(bucket, lo, hi, sliceBytes)
  }

  view(): BackendView {
    const snapshot = this.#level.snapshot()
    let closed = false
    return {
      scan: (bucket, lo, hi, sliceBytes = SLICE_BYTES) => {
        if (closed) throw new Error('the view is closed')
        return this.#scan(bucket, lo, hi, sliceBytes, snapshot)
      },
      close: () => {
        closed = true
        return snapshot.close()
      },
    }
  }

  /** Iterators are made here and not at the first step, since they see the rows as of their making. */
  #scan(
    bucket: Bucket,
    lo: Uint8Array,
    hi: Uint8Array | undefined,
    sliceBytes: number,
    snapshot?: Snapshot,
  ): AsyncIterable<BackendSlice> {
    if (bucket === 'meta') return metaSlices(this.#level.iterator({ ...LAST_KEY_ROW, snapshot }), lo, hi)
    return this.#slices(this.#level.iterator({ ...rangeOf(bucket, lo, hi, sliceBytes), snapshot }))
  }

  write(rows: readonly BackendRow[]): Promise<void> {
    // A failed write fails all later ones: none of them may be in the store without it.
    this.#lastWrite = this.#lastWrite.then(() => this.#writeBatch(rows))
    return this.#lastWrite
  }

  /** Hands rows to LevelDB a piece per turn: each is copied, and a large batch in one go would stop the loop for long. */
  async #writeBatch(rows: readonly BackendRow[]): Promise<void> {
    const batch = this.#level.batch()
    const meta = this.#meta.batchOf(rows)
    let pieceBytes = 0
    for (const { bucket, key, value } of meta.rows) {
      if (pieceBytes > PIECE_BYTES) {
        pieceBytes = 0
        await nextTurn()
      }
      if (value === undefined) batch.del(rowKey(bucket, key))
      else batch.put(rowKey(bucket, key), value)
      pieceBytes += ROW_BYTES + key.length + (value?.length ?? 0)
    }
    await batch.write({ sync: this.#syncWrites })
    meta.written()
  }

  async *#slices(iterator: RowIterator): AsyncGenerator<BackendSlice> {
    try {
      let next = iterator.nextv(SLICE_ROWS_MAX)
      for (;;) {
        const entries = await next
        if (entries.length === 0) return
        // LevelDB reads the next slice while the caller works on this one.
        next = iterator.nextv(SLICE_ROWS_MAX)
        next.catch(() => undefined)
        const rows: { key: Uint8Array; value: Uint8Array }[] = []
        for (const [levelKey, value] of entries) {
          const key = levelKey.subarray(1)
          if (levelKey[0] === BUCKET_BYTES.key && isMetaRowKey(key)) this.#meta.noteSeen(key)
          else rows.push({ key, value })
        }
        if (rows.length > 0) yield rows
      }
    } finally {
      await iterator.close()
    }
  }

  async sync(): Promise<void> {
    await this.#lastWrite
    // With synced batches there is nothing left to do. Otherwise: compacting a range behind all rows writes the log's rows
    // into a table file, which LevelDB syncs; no row is rewritten.
    if (!this.#syncWrites) await this.#level.compactRange(AFTER_LAST_BUCKET, AFTER_LAST_BUCKET)
  }

  async reclaim(): Promise<void> {
    await this.#level.compactRange(Uint8Array.of(0), AFTER_LAST_BUCKET)
  }

  async fileBytes(): Promise<number> {
    const names = await readdir(this.#path)
    const sizes = await Promise.all(names.map((name) => sizeOf(join(this.#path, name))))
    return sizes.reduce((sum, size) => sum + size, 0)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#lastWrite.catch(() => undefined)
    await this.#level.close()
    OPEN_HERE.delete(this.#path)
  }
}

const openLevel = async (path: string): Promise<Level> => {
  const level: Level = new ClassicLevel<Uint8Array, Uint8Array>(path, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    // Measured with 20,000 rows of 16 KB: compression costs 5 % of the CPU of a fill and nothing that can be seen in reads;
    // larger write buffers gain little, larger blocks nothing, since most rows are larger than a block anyway.
    compression: true,
    // At most twice this is held in memory.
    writeBufferSize: 8 * 1024 * 1024,
    cacheSize: 8 * 1024 * 1024,
    // LevelDB keeps 1000 files open: enough for the largest store that the quota allows.
    maxFileSize: 8 * 1024 * 1024,
  })
  await level.open()
  return level
}

const rangeOf = (bucket: Bucket, lo: Uint8Array, hi: Uint8Array | undefined, sliceBytes: number) => ({
  gte: rowKey(bucket, lo),
  lt: hi === undefined ? Uint8Array.of(BUCKET_BYTES[bucket] + 1) : rowKey(bucket, hi),
  highWaterMarkBytes: sliceBytes,
  fillCache: false,
})

interface RowIterator {
  nextv(size: number): Promise<[Uint8Array, Uint8Array][]>
  close(): Promise<void>
}

/** The bucket `meta` lies in the last row of the bucket `key`. */
const LAST_KEY_ROW = { gte: Uint8Array.of(BUCKET_BYTES.key), lt: AFTER_LAST_BUCKET, reverse: true, fillCache: false }

const metaRowOf = async (level: Level): Promise<MetaRow> => {
  try {
    return new MetaRow(await lastKeyRow(level.iterator(LAST_KEY_ROW)))
  } catch (error) {
    await level.close()
    throw error
  }
}

/** Ends the iterator. */
const lastKeyRow = async (iterator: RowIterator): Promise<{ key: Uint8Array; value: Uint8Array } | undefined> => {
  try {
    const [entry] = await iterator.nextv(1)
    return entry === undefined ? undefined : { key: entry[0].subarray(1), value: entry[1] }
  } finally {
    await iterator.close()
  }
}

async function* metaSlices(
  iterator: RowIterator,
  lo: Uint8Array,
  hi: Uint8Array | undefined,
): AsyncGenerator<BackendSlice> {
  const rows = new MetaRow(await lastKeyRow(iterator)).between(lo, hi)
  if (rows.length > 0) yield rows
}

const rowKey = (bucket: Bucket, key: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(1 + key.length)
  bytes[0] = BUCKET_BYTES[bucket]
  bytes.set(key, 1)
  return bytes
}

const isLocked = (error: unknown): boolean => {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if ('code' in cause && cause.code === 'LEVEL_LOCKED') return true
  return false
}

/** A file that LevelDB removed meanwhile has no size. */
const sizeOf = async (path: string): Promise<number> => {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0
    throw error
  }
}
