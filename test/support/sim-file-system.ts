// A disk in memory that loses what was not synced. After `crash(random)` it holds one of the states that a real disk could be in:
//
//   data        each 512-byte sector of a file holds what it held at the last sync, or after any later write to it; sectors
//               decide on their own, so that a long write may be kept in part, in any part
//   size        as of the last sync, or after any later change; unwritten parts read as zeros
//   names       creations, renames and removals in a directory since its last sync are kept or undone; of the same name, in order
//
// `failAt` makes one operation throw. `crashAt` lets operations up to it happen, and everything from it on throw `SimCrashed`; the
// operation itself may be half done. Locks belong to a process: `crash` frees them.

import { FileLocked, type FileHandle, type FileLock, type FileSystem, type Random } from '#src/env/index.js'

export class SimCrashed extends Error {
  override readonly name = 'SimCrashed'
}

const SECTOR = 512

class SimFile {
  bytes = new Uint8Array(0)
  /** Content at the last sync, and every state of each sector since; undefined when nothing changed since. */
  durable = new Uint8Array(0)
  readonly versions = new Map<number, Uint8Array[]>()
  sizes: number[] = []

  resize(size: number): void {
    const next = new Uint8Array(size)
    next.set(this.bytes.subarray(0, size))
    const firstChanged = Math.floor(Math.min(size, this.bytes.length) / SECTOR)
    const lastChanged = Math.ceil(this.bytes.length / SECTOR)
    this.bytes = next
    this.sizes.push(size)
    // What was cut off reads as zeros if the size grows again.
    for (let sector = firstChanged; sector < lastChanged; sector++) this.#remember(sector)
  }

  write(data: Uint8Array, position: number): void {
    if (data.length === 0) return
    if (position + data.length > this.bytes.length) this.resize(position + data.length)
    this.bytes.set(data, position)
    const last = Math.floor((position + data.length - 1) / SECTOR)
    for (let sector = Math.floor(position / SECTOR); sector <= last; sector++) this.#remember(sector)
  }

  sync(): void {
    this.durable = this.bytes.slice()
    this.versions.clear()
    this.sizes = []
  }

  /** Durability of `[start, end)` only (and of the size if it must grow to hold that). */
  syncRange(start: number, end: number): void {
    const first = Math.floor(start / SECTOR)
    const last = Math.floor((end - 1) / SECTOR)
    if (this.durable.length < end) {
      const grown = new Uint8Array(end)
      grown.set(this.durable)
      this.durable = grown
    }
    this.sizes = this.sizes.filter((size) => size >= end)
    for (let sector = first; sector <= last; sector++) {
      this.durable.set(
        this.#sectorOf(this.bytes, sector).subarray(0, this.durable.length - sector * SECTOR),
        sector * SECTOR,
      )
      this.versions.delete(sector)
    }
  }

  crash(random: Random): void {
    const sizes = [this.durable.length, ...this.sizes]
    const next = new Uint8Array(sizes[random.below(sizes.length)]!)
    next.set(this.durable.subarray(0, next.length))
    for (const [sector, versions] of this.versions) {
      const pick = random.below(versions.length + 1)
      const start = sector * SECTOR
      if (pick < versions.length && start < next.length)
        next.set(versions[pick]!.subarray(0, next.length - start), start)
    }
    this.bytes = next
    this.sync()
  }

  #remember(sector: number): void {
    const version = this.#sectorOf(this.bytes, sector)
    const versions = this.versions.get(sector)
    if (versions === undefined) this.versions.set(sector, [version])
    else versions.push(version)
  }

  #sectorOf(bytes: Uint8Array, sector: number): Uint8Array {
    const copy = new Uint8Array(SECTOR)
    copy.set(bytes.subarray(sector * SECTOR, Math.min(bytes.length, (sector + 1) * SECTOR)))
    return copy
  }
}

class SimDirectory {
  names = new Map<string, SimNode>()
  durable = new Map<string, SimNode>()
  /** Changes since the last sync; each is atomic. */
  changes: ReadonlyMap<string, SimNode | undefined>[] = []

  change(change: ReadonlyMap<string, SimNode | undefined>): void {
    apply(this.names, change)
    this.changes.push(change)
  }

  sync(): void {
    this.durable = new Map(this.names)
    this.changes = []
  }

  crash(random: Random): void {
    this.names = new Map(this.durable)
    const undone = new Set<string>()
    for (const change of this.changes) {
      const names = [...change.keys()]
      // Once a change of a name was undone, later ones of that name are too.
      if (random.below(2) === 0 || names.some((name) => undone.has(name))) for (const name of names) undone.add(name)
      else apply(this.names, change)
    }
    this.sync()
  }
}

type SimNode = SimFile | SimDirectory

const apply = (names: Map<string, SimNode>, change: ReadonlyMap<string, SimNode | undefined>): void => {
  for (const [name, node] of change) {
    if (node === undefined) names.delete(name)
    else names.set(name, node)
  }
}

export interface SimFileSystemOptions {
  readonly random: Random
  /** Number of the operation (from 1) that throws an error once. */
  readonly failAt?: number
  /** Number of the operation at which the machine stops. */
  readonly crashAt?: number
}

export class SimFileSystem implements FileSystem {
  /** Operations so far: everything that changes or syncs something. */
  operations = 0
  openHandles = 0
  #options: SimFileSystemOptions
  readonly #root = new SimDirectory()
  readonly #locks = new Set<SimNode>()
  /** Grows with each crash: what belongs to an earlier life throws. */
  #life = 0
  #stopped = false

  constructor(options: SimFileSystemOptions) {
    this.#options = options
  }

  get locks(): number {
    return this.#locks.size
  }

  /** Loses what was not synced, as chance decides, and starts a new life. */
  crash(options: SimFileSystemOptions): void {
    const visit = (directory: SimDirectory): void => {
      directory.crash(options.random)
      for (const node of directory.names.values()) {
        if (node instanceof SimDirectory) visit(node)
        else node.crash(options.random)
      }
    }
    visit(this.#root)
    this.#options = options
    this.#locks.clear()
    this.#life++
    this.#stopped = false
    this.operations = 0
    this.openHandles = 0
  }

  /** For tests that damage files on purpose: the live content. */
  content(path: string): Uint8Array {
    return this.#file(path).bytes
  }

  replace(path: string, bytes: Uint8Array): void {
    const file = this.#file(path)
    file.bytes = bytes.slice()
    file.sync()
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#operation()
    let at = this.#root
    for (const part of parts(path)) {
      let next = at.names.get(part)
      if (next === undefined) {
        next = new SimDirectory()
        at.change(new Map([[part, next]]))
        at.sync()
      }
      if (!(next instanceof SimDirectory)) throw failure('ENOTDIR', path)
      at = next
    }
  }

  async list(path: string): Promise<string[]> {
    await this.#turn()
    const node = this.#find(path)
    return node instanceof SimDirectory ? [...node.names.keys()].sort() : []
  }

  async exists(path: string): Promise<boolean> {
    await this.#turn()
    return this.#find(path) !== undefined
  }

  async readFile(path: string): Promise<Uint8Array> {
    await this.#turn()
    return this.#file(path).bytes.slice()
  }

  async open(path: string, how: 'create' | 'edit' | 'read'): Promise<FileHandle> {
    if (how === 'create') {
      await this.#operation()
      const { directory, name } = this.#parent(path)
      if (directory.names.has(name)) throw failure('EEXIST', path)
      directory.change(new Map([[name, new SimFile()]]))
    } else await this.#turn()
    const file = this.#file(path)
    this.openHandles++
    return this.#handle(file)
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#operation()
    const source = this.#parent(from)
    const target = this.#parent(to)
    const node = source.directory.names.get(source.name)
    if (node === undefined) throw failure('ENOENT', from)
    if (source.directory !== target.directory) throw failure('EXDEV', to)
    const replaced = target.directory.names.get(target.name)
    if (replaced instanceof SimDirectory && replaced.names.size > 0) throw failure('ENOTEMPTY', to)
    source.directory.change(
      new Map([
        [source.name, undefined],
        [target.name, node],
      ]),
    )
  }

  async remove(path: string): Promise<void> {
    await this.#operation()
    if (this.#find(path) === undefined) return
    const { directory, name } = this.#parent(path)
    directory.change(new Map([[name, undefined]]))
  }

  removeTree(path: string): Promise<void> {
    return this.remove(path)
  }

  async copy(from: string, to: string): Promise<void> {
    await this.#operation()
    const copy = new SimFile()
    copy.write(this.#file(from).bytes, 0)
    copy.sync()
    const { directory, name } = this.#parent(to)
    directory.change(new Map([[name, copy]]))
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#operation()
    const node = this.#find(path)
    if (!(node instanceof SimDirectory)) throw failure('ENOENT', path)
    node.sync()
  }

  async lock(path: string): Promise<FileLock> {
    await this.#turn()
    const node = this.#find(path)
    if (node === undefined) throw failure('ENOENT', path)
    if (this.#locks.has(node)) throw new FileLocked(path)
    this.#locks.add(node)
    const life = this.#life
    return {
      release: async () => {
        if (life === this.#life) this.#locks.delete(node)
      },
    }
  }

  #handle(file: SimFile): FileHandle {
    const life = this.#life
    let open = true
    const use = (): void => {
      if (life !== this.#life) throw new SimCrashed('a handle of an earlier life')
      if (!open) throw failure('EBADF', 'handle')
    }
    /** At a crash some sectors of the write may have been taken over already. */
    const half = (bytes: Uint8Array, position: number) => (): void => {
      file.write(bytes, position)
    }
    return {
      write: async (bytes, position) => {
        use()
        await this.#operation(half(bytes, position))
        file.write(bytes, position)
      },
      writeDurably: async (bytes, position) => {
        use()
        await this.#operation(half(bytes, position))
        file.write(bytes, position)
        if (bytes.length > 0) file.syncRange(position, position + bytes.length)
      },
      read: async (position, length) => {
        use()
        await this.#turn()
        return file.bytes.slice(position, position + length)
      },
      syncData: async () => {
        use()
        await this.#operation()
        file.sync()
      },
      truncate: async (sizeBytes) => {
        use()
        await this.#operation(() => {
          file.resize(sizeBytes)
        })
        file.resize(sizeBytes)
      },
      preallocate: async (sizeBytes) => {
        use()
        await this.#operation()
        if (file.bytes.length < sizeBytes) file.resize(sizeBytes)
      },
      sizeBytes: async () => {
        use()
        await this.#turn()
        return file.bytes.length
      },
      close: async () => {
        if (open && life === this.#life) this.openHandles--
        open = false
      },
    }
  }

  /** Counts one operation; throws where one is to fail, or the machine to stop. Completes in a later turn, as a disk does. */
  async #operation(half?: () => void): Promise<void> {
    const life = this.#life
    const number = ++this.operations
    const { failAt, crashAt, random } = this.#options
    if (!this.#stopped && number === crashAt) {
      this.#stopped = true
      if (random.below(2) === 0) half?.()
    }
    if (this.#stopped) throw new SimCrashed(`operation ${number}`)
    if (number === failAt) {
      if (random.below(2) === 0) half?.()
      throw failure('EIO', `operation ${number}`)
    }
    await this.#turn()
    if (life !== this.#life) throw new SimCrashed('an operation of an earlier life')
  }

  async #turn(): Promise<void> {
    if (this.#stopped) throw new SimCrashed('the machine has stopped')
    await Promise.resolve()
    await Promise.resolve()
  }

  #find(path: string): SimNode | undefined {
    let at: SimNode | undefined = this.#root
    for (const part of parts(path)) at = at instanceof SimDirectory ? at.names.get(part) : undefined
    return at
  }

  #file(path: string): SimFile {
    const node = this.#find(path)
    if (!(node instanceof SimFile)) throw failure('ENOENT', path)
    return node
  }

  #parent(path: string): { directory: SimDirectory; name: string } {
    const all = parts(path)
    const name = all.pop() ?? ''
    const directory = this.#find(all.join('/'))
    if (!(directory instanceof SimDirectory)) throw failure('ENOENT', path)
    return { directory, name }
  }
}

const parts = (path: string): string[] => path.split('/').filter((part) => part !== '')

const failure = (code: string, path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code })

/** A small seeded generator (mulberry32) for tests. */
export const seededRandom = (seed: number): Random => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
  return {
    below: (bound) => Math.floor((next() / 0x1_0000_0000) * bound),
    uint64: () => (BigInt(next()) << 32n) | BigInt(next()),
  }
}
