// The real disk. Callback functions of node:fs on bare descriptors: their promise twins cost about 20 us more per call.

import * as fs from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { FileHandle, FileSystem } from '../env/index.js'
import { lockFile } from './file-lock.js'

export const nodeFileSystem = (): FileSystem => ({
  makeDirectory,
  list: async (path) => {
    try {
      return (await readdir(path)).sort()
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  },
  exists: (path) =>
    new Promise((resolve, reject) => {
      fs.stat(path, (error) => {
        if (error === null) resolve(true)
        else if (isMissing(error)) resolve(false)
        else reject(error)
      })
    }),
  readFile: (path) => readFile(path),
  open: openFile,
  rename,
  remove: (path) => rm(path, { force: true }),
  removeTree: (path) => rm(path, { force: true, recursive: true }),
  copy: async (from, to) => {
    await copyFile(from, to)
    await syncPath(to, fs.constants.O_RDWR)
  },
  syncDirectory,
  lock: lockFile,
})

/**
 * Where O_DSYNC means what fdatasync means, a durable write is one system call. Measured on this project's ext4 machines
 * with 11 KB batches: p50 0.13 ms against 0.20 ms for write and fdatasync, 70 us of CPU against 123 us. On macOS the flag
 * does not reach through the drive's cache, as fdatasync of libuv does.
 */
const DSYNC = process.platform === 'linux' ? fs.constants.O_DSYNC : undefined

const openFile = async (path: string, how: 'create' | 'edit' | 'read'): Promise<FileHandle> => {
  const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = fs.constants
  const flags = how === 'read' ? O_RDONLY : how === 'edit' ? O_RDWR : O_RDWR | O_CREAT | O_EXCL
  const fd = await openDescriptor(path, flags)
  if (DSYNC === undefined || how === 'read') return new NodeFile(fd, undefined)
  try {
    return new NodeFile(fd, await openDescriptor(path, O_RDWR | DSYNC))
  } catch (error) {
    await closeDescriptor(fd)
    throw error
  }
}

class NodeFile implements FileHandle {
  readonly #fd: number
  /** The same file, opened so that a write is durable when it returns. */
  readonly #durableFd: number | undefined
  #closed: Promise<void> | undefined

  constructor(fd: number, durableFd: number | undefined) {
    this.#fd = fd
    this.#durableFd = durableFd
  }

  write(bytes: Uint8Array, position: number): Promise<void> {
    return writeAll(this.#fd, bytes, position)
  }

  writeDurably(bytes: Uint8Array, position: number): Promise<void> {
    if (this.#durableFd !== undefined) return writeAll(this.#durableFd, bytes, position)
    return writeAll(this.#fd, bytes, position).then(() => this.syncData())
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const { size } = await statDescriptor(this.#fd)
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, size - position)))
    const count = await readAll(this.#fd, bytes, position)
    return count === bytes.length ? bytes : bytes.subarray(0, count)
  }

  syncData(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#fd, settle(resolve, reject))
    })
  }

  truncate(sizeBytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.ftruncate(this.#fd, sizeBytes, settle(resolve, reject))
    })
  }

  /** Node.js has no fallocate: a plain extension. Who wants the blocks writes zeros (storage/wal/next-segment.ts). */
  async preallocate(sizeBytes: number): Promise<void> {
    const { size } = await statDescriptor(this.#fd)
    if (size < sizeBytes) await this.truncate(sizeBytes)
  }

  async sizeBytes(): Promise<number> {
    return (await statDescriptor(this.#fd)).size
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    try {
      if (this.#durableFd !== undefined) await closeDescriptor(this.#durableFd)
    } finally {
      await closeDescriptor(this.#fd)
    }
  }
}

/** A write may be cut short (signals, quotas): go on until all is written or the kernel says why not. */
const writeAll = (fd: number, bytes: Uint8Array, position: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const step = (start: number): void => {
      fs.write(fd, bytes, start, bytes.length - start, position + start, (error, count) => {
        if (error !== null) reject(error)
        else if (start + count >= bytes.length) resolve()
        else if (count === 0) reject(new Error('write made no progress'))
        else step(start + count)
      })
    }
    step(0)
  })

const readAll = (fd: number, bytes: Uint8Array, position: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const step = (start: number): void => {
      if (start === bytes.length) {
        resolve(start)
        return
      }
      fs.read(fd, bytes, start, bytes.length - start, position + start, (error, count) => {
        if (error !== null) reject(error)
        else if (count === 0) resolve(start)
        else step(start + count)
      })
    }
    step(0)
  })

const makeDirectory = async (path: string): Promise<void> => {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  const top = dirname(resolve(first))
  for (let at = dirname(resolve(path)); at.length >= top.length; at = dirname(at)) {
    await syncDirectory(at)
    if (at === dirname(at)) break
  }
}

/** Some systems cannot open or sync a directory (Windows): there renames are as durable as they get. */
const syncDirectory = async (path: string): Promise<void> => {
  if (process.platform === 'win32') return
  await syncPath(path, fs.constants.O_RDONLY)
}

const syncPath = async (path: string, flags: number): Promise<void> => {
  const fd = await openDescriptor(path, flags)
  try {
    await new Promise<void>((resolve, reject) => {
      fs.fsync(fd, settle(resolve, reject))
    })
  } finally {
    await closeDescriptor(fd)
  }
}

const openDescriptor = (path: string, flags: number): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.open(path, flags, 0o600, (error, fd) => {
      if (error === null) resolve(fd)
      else reject(error)
    })
  })

const closeDescriptor = (fd: number): Promise<void> =>
  new Promise((resolve, reject) => {
    fs.close(fd, settle(resolve, reject))
  })

const statDescriptor = (fd: number): Promise<fs.Stats> =>
  new Promise((resolve, reject) => {
    fs.fstat(fd, (error, stats) => {
      if (error === null) resolve(stats)
      else reject(error)
    })
  })

const settle =
  (resolve: () => void, reject: (error: Error) => void) =>
  (error?: Error | null): void => {
    if (error === null || error === undefined) resolve()
    else reject(error)
  }

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'
