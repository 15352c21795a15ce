// Received snapshots on the disk, beside the `.snap` files: `<index, 16 hex>.snap.rows`, each one stream of rows. (etcd's
// `.snap.db` is a bbolt file, which this is not.) A file is kept until the store holds its state durably, since the log may
// begin with it.
//
//   receive   tmp-<index>.snap.rows: written, synced - renamed - the folder synced; then consensus sees the message
//   log       the snapshot file and record are durable
//   install   the rows become a store, which then takes the place of the old one; the file is removed

import type { Index } from '../../base/index.js'
import type { FileSystem } from '../../env/index.js'

const SUFFIX = '.snap.rows'
const hex16 = (value: number): string => value.toString(16).padStart(16, '0')

export class RowFiles {
  readonly #fs: FileSystem
  readonly #directory: string

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs
    this.#directory = directory
  }

  pathOf(index: Index): string {
    return `${this.#directory}/${hex16(index)}${SUFFIX}`
  }

  temporaryPathOf(index: Index): string {
    // Names that begin with "tmp" are what every etcd removes at start.
    return `${this.#directory}/tmp-${hex16(index)}${SUFFIX}`
  }

  /** Gives a complete, synced file its name; durable when it resolves. */
  async publish(index: Index): Promise<void> {
    await this.#fs.rename(this.temporaryPathOf(index), this.pathOf(index))
    await this.#fs.syncDirectory(this.#directory)
  }

  /** Removes what a start finds half received. */
  async removeTemporary(): Promise<void> {
    for (const name of await this.#fs.list(this.#directory)) {
      if (name.startsWith('tmp') && name.endsWith(SUFFIX)) await this.#fs.remove(`${this.#directory}/${name}`)
    }
  }

  /** Removes the files that nothing will ask for: the store durably holds everything up to `applied`. */
  async removeUpTo(applied: Index): Promise<void> {
    for (const index of await this.#indexes()) if (index <= applied) await this.#fs.remove(this.pathOf(index))
  }

  /**
   * Removes files that never came to the log, as there is no `.snap` file of their index, except that of `last`: its message may
   * be on the way to consensus.
   */
  async removeUnused(last: Index | undefined): Promise<void> {
    const names = await this.#fs.list(this.#directory)
    for (const index of await this.#indexes()) {
      if (index === last || names.some((name) => name.endsWith(`-${hex16(index)}.snap`))) continue
      await this.#fs.remove(this.pathOf(index))
    }
  }

  async #indexes(): Promise<Index[]> {
    const names = await this.#fs.list(this.#directory)
    return names.flatMap((name) => {
      const match = /^([0-9a-f]{16})\.snap\.rows$/.exec(name)
      return match === null ? [] : [Number.parseInt(match[1]!, 16) as Index]
    })
  }
}
