// The two places of a store in memory. Making, filling and removing them are operations of the simulated disk, so that a crash can
// come at each; what a finished write left is durable (test/support/sim-backend.ts).
import type { Backend, BackendFolders, BackendRow, Clock, Random, StoreFolder } from '#src/env/index.js'
import { SimBackend } from './sim-backend.js'
import type { SimFileSystem } from './sim-file-system.js'

export interface SimFoldersOptions {
  readonly clock: Clock
  readonly random: Random
}

const ROOT = '/stores'

export class SimFolders implements BackendFolders {
  readonly stores = new Map<StoreFolder, SimBackend>()
  readonly #fs: SimFileSystem
  #options: SimFoldersOptions

  constructor(fs: SimFileSystem, options: SimFoldersOptions) {
    this.#fs = fs
    this.#options = options
  }

  crash(options: SimFoldersOptions): void {
    this.#options = options
    for (const store of this.stores.values()) store.crash({ ...options, writeMsMax: 0 })
  }

  async list(): Promise<readonly StoreFolder[]> {
    return [...this.stores.keys()].sort()
  }

  async open(folder: StoreFolder): Promise<Backend> {
    await this.#operation()
    const store = this.stores.get(folder) ?? new SimBackend({ ...this.#options, writeMsMax: 0 })
    this.stores.set(folder, store)
    return {
      get: (bucket, key) => store.get(bucket, key),
      scan: (bucket, lo, hi) => store.scan(bucket, lo, hi),
      view: () => store.view(),
      write: async (rows: readonly BackendRow[]) => {
        await this.#operation()
        await store.write(rows)
      },
      sync: () => store.sync(),
      reclaim: () => store.reclaim(),
      fileBytes: () => store.fileBytes(),
      close: () => store.close(),
    }
  }

  async sync(): Promise<void> {
    await this.#operation()
  }

  async remove(folder: StoreFolder): Promise<void> {
    await this.#operation()
    this.stores.delete(folder)
  }

  /** One more moment at which the machine may stop. */
  async #operation(): Promise<void> {
    await this.#fs.makeDirectory(ROOT)
  }
}
