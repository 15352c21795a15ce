// A log file that is renamed when it grows too large; old ones are packed and deleted in the background.

import { closeSync, existsSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'
import { readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

export interface RotationOptions {
  readonly maxSizeBytes: number
  /** 0: any age. */
  readonly maxAgeDays: number
  /** 0: any number. */
  readonly maxBackups: number
  readonly localTime: boolean
  readonly compress: boolean
}

const DAY_MS = 24 * 3600 * 1000
const MODE = 0o600

/** Appends to `path`. Renamed files are called `name-<time>.ext`, packed ones `name-<time>.ext.gz`. */
export class RotatingFile {
  readonly #path: string
  readonly #options: RotationOptions
  readonly #nowMs: () => number
  #fd: number
  #sizeBytes: number
  /** The background work, one rotation after the other. */
  #tidying: Promise<void> = Promise.resolve()

  /** @throws what `open` throws. */
  constructor(path: string, options: RotationOptions, nowMs: () => number = Date.now) {
    this.#path = path
    this.#options = options
    this.#nowMs = nowMs
    this.#fd = openSync(path, 'a', MODE)
    this.#sizeBytes = fstatSync(this.#fd).size
  }

  /** A line longer than the limit gets a file of its own. */
  write(text: string): void {
    const bytes = Buffer.from(text)
    if (this.#sizeBytes > 0 && this.#sizeBytes + bytes.length > this.#options.maxSizeBytes) this.#rotate()
    for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done)
    this.#sizeBytes += bytes.length
  }

  /** Resolves when the background work is done too. */
  async close(): Promise<void> {
    closeSync(this.#fd)
    await this.#tidying
  }

  #rotate(): void {
    const fd = openRenamed(this.#path, this.#backupPath())
    closeSync(this.#fd)
    this.#fd = fd
    this.#sizeBytes = 0
    // A failure here (a full disk, a file deleted by hand) must not hurt the server; the next rotation tries again.
    this.#tidying = this.#tidying.then(() => this.#tidy()).catch(() => undefined)
  }

  #backupPath(): string {
    const extension = extname(this.#path)
    const stem = basename(this.#path, extension)
    const pathAt = (timeMs: number): string =>
      join(dirname(this.#path), `${stem}-${backupTime(timeMs, this.#options.localTime)}${extension}`)
    // Two rotations within a millisecond must not write over each other.
    let timeMs = this.#nowMs()
    while (existsSync(pathAt(timeMs)) || existsSync(`${pathAt(timeMs)}.gz`)) timeMs++
    return pathAt(timeMs)
  }

  async #tidy(): Promise<void> {
    const { maxBackups, maxAgeDays, compress } = this.#options
    const folder = dirname(this.#path)
    const backups = backupsOf(this.#path, await readdir(folder))
    const oldest = maxAgeDays > 0 ? this.#nowMs() - maxAgeDays * DAY_MS : -Infinity
    const kept: string[] = []
    for (const { name, timeMs } of backups) {
      const surplus = maxBackups > 0 && kept.length >= maxBackups
      if (surplus || backupWallMs(timeMs, this.#options.localTime) < oldest)
        await rm(join(folder, name), { force: true })
      else kept.push(name)
    }
    if (!compress) return
    for (const name of kept) if (!name.endsWith('.gz')) await pack(join(folder, name))
  }
}

const openRenamed = (path: string, backup: string): number => {
  renameSync(path, backup)
  return openSync(path, 'a', MODE)
}

/** `2006-01-02T15-04-05.000` in Go's notation. */
const backupTime = (nowMs: number, localTime: boolean): string => {
  const shifted = localTime ? nowMs - new Date(nowMs).getTimezoneOffset() * 60_000 : nowMs
  return new Date(shifted).toISOString().slice(0, 23).replaceAll(':', '-')
}

const backupWallMs = (timeMs: number, localTime: boolean): number =>
  localTime ? timeMs + new Date(timeMs).getTimezoneOffset() * 60_000 : timeMs

/** Renamed files of `path` among `names`, newest first; times are those in the names, read as UTC. */
const backupsOf = (path: string, names: readonly string[]): { readonly name: string; readonly timeMs: number }[] => {
  const extension = extname(path)
  const prefix = `${basename(path, extension)}-`
  return names
    .flatMap((name) => {
      const plain = name.endsWith('.gz') ? name.slice(0, -3) : name
      if (!plain.startsWith(prefix) || !plain.endsWith(extension)) return []
      const match = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})$/.exec(
        plain.slice(prefix.length, plain.length - extension.length),
      )
      const timeMs = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}:${match[3]}:${match[4]}Z`)
      return Number.isNaN(timeMs) ? [] : [{ name, timeMs }]
    })
    .sort((a, b) => b.timeMs - a.timeMs)
}

const pack = async (path: string): Promise<void> => {
  const packed = await promisify(gzip)(await readFile(path))
  await writeFile(`${path}.gz.tmp`, packed, { mode: MODE })
  await rename(`${path}.gz.tmp`, `${path}.gz`)
  await rm(path, { force: true })
}
