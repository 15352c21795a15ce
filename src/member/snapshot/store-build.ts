// A received snapshot becomes a store while it arrives: its rows are written as they come, all but the applied index, whose bytes
// wait under another name. A store without an applied index is nobody's: whatever crash comes, it stays a store that the log has
// to ask for (stores.ts).
//
// The index of its keys is made on the way too: reading all rows again in the end would take all cores for a while, which other members
// may share.

import { type AppliedPoint, CONSISTENT_INDEX } from '../../apply/index.js'
import type { ClusterId } from '../../base/index.js'
import type { BackendFolders, BackendRow, BackendSlice, Bucket, Logger, StoreFolder } from '../../env/index.js'
import { Restore } from '../../mvcc/index.js'
import { MalformedRows, RowStreamReader } from './row-stream.js'
import { type OpenStore, RECEIVED_INDEX, discard, isSamePoint, receivedPointOf } from './stores.js'

/** Of one batch; each is synced, so that no long sync at the end holds up the log. */
const BATCH_BYTES = 1024 * 1024
const BATCH_ROWS = 2000

/** A whole store that is not the member's yet. */
export interface ReceivedStore extends OpenStore {
  /** Has seen all its revisions. */
  readonly restored: Restore
}

export class StoreBuild {
  readonly #folders: BackendFolders
  readonly #store: OpenStore
  readonly #reader = new RowStreamReader((bucket, key, value) => this.#take(bucket, key, value))
  /** Rows of a batch lie here: the reader's bytes are gone with the next chunk. A row that has no room is copied. */
  readonly #arena = Buffer.allocUnsafe(BATCH_BYTES + BATCH_BYTES / 2)
  #arenaBytes = 0
  #batch: BackendRow[] = []
  readonly #restore: Restore
  /** Rows of the chunk at hand for `#restore`. */
  #revisions: BackendSlice[number][] = []

  private constructor(folders: BackendFolders, store: OpenStore, logger: Logger) {
    this.#folders = folders
    this.#store = store
    this.#restore = new Restore(store.backend, { logger, indexesAtOnce: true })
  }

  /** In the place `folder`, of which nothing is left. */
  static async begin(folders: BackendFolders, folder: StoreFolder, logger: Logger): Promise<StoreBuild> {
    await folders.remove(folder)
    return new StoreBuild(folders, { folder, backend: await folders.open(folder) }, logger)
  }

  /** `chunk` is borrowed until it resolves. @throws MalformedRows, CorruptStore */
  async add(chunk: Uint8Array): Promise<void> {
    this.#reader.push(chunk)
    this.#restore.add(this.#revisions)
    this.#revisions = []
    if (this.#arenaBytes >= BATCH_BYTES || this.#batch.length >= BATCH_ROWS) await this.#write()
  }

  /**
   * Everything was added: resolves when the store is durable, as the one of the snapshot at `point`. The caller closes its backend.
   * @throws MalformedRows, CorruptStore; `abort` has to follow.
   */
  async finish(clusterId: ClusterId, point: AppliedPoint): Promise<ReceivedStore> {
    this.#reader.finish()
    this.#restore.end()
    await this.#write()
    const { header } = this.#reader
    const { backend, folder } = this.#store
    if (
      header?.clusterId !== clusterId ||
      !isSamePoint(point, header) ||
      !isSamePoint(point, receivedPointOf(backend))
    ) {
      throw new MalformedRows('the rows are not those of the snapshot')
    }
    await this.#folders.sync(folder)
    return { ...this.#store, restored: this.#restore }
  }

  /** Leaves nothing. */
  async abort(): Promise<void> {
    await discard(this.#folders, this.#store)
  }

  /** Leaves what is there to the next start. */
  async close(): Promise<void> {
    await this.#store.backend.close()
  }

  #take(bucket: Bucket, key: Uint8Array, value: Uint8Array): void {
    const isIndex = bucket === 'meta' && CONSISTENT_INDEX.equals(key)
    const row = { bucket, key: isIndex ? RECEIVED_INDEX : this.#keep(key), value: this.#keep(value) }
    this.#batch.push(row)
    if (bucket === 'key') this.#revisions.push(row)
  }

  #keep(bytes: Uint8Array): Uint8Array {
    const start = this.#arenaBytes
    this.#arenaBytes += bytes.length
    if (this.#arenaBytes > this.#arena.length) return Uint8Array.from(bytes)
    this.#arena.set(bytes, start)
    return this.#arena.subarray(start, this.#arenaBytes)
  }

  async #write(): Promise<void> {
    // In slices: a chunk may hold very many small rows.
    for (let at = 0; at < this.#batch.length; at += BATCH_ROWS) {
      await this.#store.backend.write(this.#batch.slice(at, at + BATCH_ROWS))
    }
    this.#batch = []
    this.#arenaBytes = 0
  }
}
