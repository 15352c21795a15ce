// The two places for a store, and how a received snapshot becomes one.
//
// The applied index is the last row that is written to a new store, in a synced batch of its own: a store without it is not
// complete. Invariant: of the complete stores, the one with the highest applied index is the member's.

import { readAppliedPoint } from '../../apply/index.js'
import { type ClusterId, type Index, NO_INDEX, type Term } from '../../base/index.js'
import {
  type Backend,
  type BackendFolders,
  type BackendRow,
  type FileSystem,
  type Logger,
  type SnapshotPoint,
  type StoreFolder,
} from '../../env/index.js'
import { RowFiles } from './row-files.js'
import { MalformedRows, RowStreamReader } from './row-stream.js'

export interface OpenStore {
  readonly folder: StoreFolder
  readonly backend: Backend
}

export interface StoreParts {
  readonly folders: BackendFolders
  readonly fs: FileSystem
  /** Where `.snap` files are. */
  readonly snapDirectory: string
  readonly clusterId: ClusterId
  readonly logger: Logger
}

/** The state that the log begins with is nowhere. */
export class SnapshotLost extends Error {
  override readonly name = 'SnapshotLost'
}

const PIECE_BYTES = 256 * 1024
/** Of one batch; each is synced. */
const BATCH_BYTES = 1024 * 1024
const BATCH_ROWS = 2000

const APPLIED_ROW = Buffer.from('consistent_index')

export const appliedIndexOf = (backend: Backend): Index =>
  readAppliedPoint((key) => backend.get('meta', key))?.index ?? NO_INDEX

/** The member's store: made when there is none; others are removed. */
export async function openNewest(folders: BackendFolders): Promise<OpenStore> {
  const found = await folders.list()
  const stores: OpenStore[] = []
  for (const folder of found.length === 0 ? (['store'] as const) : found) {
    stores.push({ folder, backend: await folders.open(folder) })
  }
  // Equal only when neither has an applied index: then the first is new, and the second was never completed.
  let newest = stores[0]!
  for (const store of stores) if (appliedIndexOf(store.backend) > appliedIndexOf(newest.backend)) newest = store
  for (const store of stores) if (store !== newest) await discard(folders, store)
  return newest
}

/**
 * At a start: brings the store to where the log begins. When the log's snapshot is ahead of it, a crash came between receiving
 * that and installing it, which is done now. Closes what it does not return.
 * @throws SnapshotLost
 */
export async function catchUpStore(
  parts: StoreParts,
  opened: OpenStore,
  snapshot: SnapshotPoint | undefined,
): Promise<OpenStore> {
  const { folders, fs, snapDirectory, logger } = parts
  const files = new RowFiles(fs, snapDirectory)
  await files.removeTemporary()
  let store = opened
  const applied = appliedIndexOf(store.backend)
  if (snapshot !== undefined && snapshot.index > applied) {
    logger.info('applying snapshot', { 'current-applied-index': applied, 'incoming-snapshot-index': snapshot.index })
    const old = store
    try {
      store = await buildStore(parts, otherFolder(old.folder), snapshot, applied)
    } catch (error) {
      await old.backend.close()
      throw error
    }
    await discard(folders, old)
  }
  await files.removeUpTo(appliedIndexOf(store.backend))
  return store
}

export const otherFolder = (folder: StoreFolder): StoreFolder => (folder === 'store' ? 'store.next' : 'store')

export async function discard(folders: BackendFolders, { folder, backend }: OpenStore): Promise<void> {
  await backend.close()
  await folders.remove(folder)
}

/**
 * Makes a complete, durable store of a received snapshot; `applied` is where the present one is, for the error. Ends early when
 * `signal` aborts.
 * @throws SnapshotLost, MalformedRows
 */
export async function buildStore(
  parts: StoreParts,
  folder: StoreFolder,
  { index, term }: { readonly index: Index; readonly term: Term },
  applied: Index,
  signal?: AbortSignal,
): Promise<OpenStore> {
  const { folders, fs, snapDirectory, clusterId } = parts
  const path = new RowFiles(fs, snapDirectory).pathOf(index)
  if (!(await fs.exists(path))) {
    throw new SnapshotLost(
      `the store holds everything up to index ${applied}, but the log starts after index ${index}, ` +
        `and the state of the snapshot there is missing: ${path}`,
    )
  }
  await folders.remove(folder)
  const backend = await folders.open(folder)
  try {
    const file = await fs.open(path, 'read')
    try {
      const build = new StoreBuild(backend)
      for (let position = 0; ;) {
        signal?.throwIfAborted()
        const piece = await file.read(position, PIECE_BYTES)
        if (piece.length === 0) break
        position += piece.length
        await build.add(piece)
      }
      await build.finish({ clusterId, index, term })
    } finally {
      await file.close()
    }
    await folders.sync(folder)
    return { folder, backend }
  } catch (error) {
    await backend.close()
    throw error
  }
}

class StoreBuild {
  readonly #backend: Backend
  readonly #reader: RowStreamReader
  #batch: BackendRow[] = []
  #bytes = 0
  #applied: BackendRow | undefined

  constructor(backend: Backend) {
    this.#backend = backend
    this.#reader = new RowStreamReader((bucket, key, value) => {
      const row = { bucket, key: Uint8Array.from(key), value: Uint8Array.from(value) }
      if (bucket === 'meta' && APPLIED_ROW.equals(key)) {
        this.#applied = row
        return
      }
      this.#batch.push(row)
      this.#bytes += key.length + value.length
    })
  }

  async add(piece: Uint8Array): Promise<void> {
    this.#reader.push(piece)
    if (this.#bytes >= BATCH_BYTES || this.#batch.length >= BATCH_ROWS) await this.#write()
  }

  async finish(expected: { readonly clusterId: ClusterId; readonly index: Index; readonly term: Term }): Promise<void> {
    this.#reader.finish()
    const { header } = this.#reader
    const row = this.#applied
    const applied =
      row === undefined ? NO_INDEX : readAppliedPoint((key) => (APPLIED_ROW.equals(key) ? row.value : undefined))!.index
    const { clusterId, index, term } = expected
    if (header?.clusterId !== clusterId || header.index !== index || header.term !== term || applied !== index) {
      throw new MalformedRows('the rows are not those of the snapshot')
    }
    await this.#write()
    await this.#backend.write([row!])
  }

  async #write(): Promise<void> {
    // In slices: a piece may hold very many small rows.
    for (let at = 0; at < this.#batch.length; at += BATCH_ROWS) {
      await this.#backend.write(this.#batch.slice(at, at + BATCH_ROWS))
    }
    this.#batch = []
    this.#bytes = 0
  }
}
