// Prepares the file of the next segment while the current one fills, so that a rotation waits for nothing.
//
// The file gets its full size at once (without blocks), then is filled with real zeros in step with the log: a piece of log, a
// piece of zeros, small ones while the log grows slowly, since an append that meets one waits for it. Writes into blocks that
// exist need no allocation and no journal commit. Measured on ext4 with durable writes of 11 KB: p50 0.15 ms and 75 us of CPU
// into zeros, 0.23 ms and 120 us into a file without blocks; filling in step costs 0.01 ms of that, filling all at once delays
// other syncs by up to 30 ms. What is not filled when the rotation comes stays without blocks, which is slower but correct.

import type { FileHandle, FileSystem } from '../../env/index.js'

/** A durable write of so many zeros takes 0.3 ms, one of the most 1.2 ms (three members on one disk). */
const PIECE_BYTES_MIN = 64 * 1024
const PIECE_BYTES_MAX = 256 * 1024
/** The filling stays this far ahead of the log's own progress. */
const LEAD = 1024 * 1024

const ZEROS = new Uint8Array(PIECE_BYTES_MAX)

export class NextSegment {
  readonly path: string
  readonly #fs: FileSystem
  readonly #segmentBytes: number
  #file: FileHandle | undefined
  /** The work under way; never rejects. */
  #work: Promise<void>
  #filling = false
  #taken = false
  #filled = 0
  #failure: Error | undefined

  constructor(fs: FileSystem, path: string, segmentBytes: number) {
    this.#fs = fs
    this.path = path
    this.#segmentBytes = segmentBytes
    this.#work = this.#guard(this.#create())
  }

  /** Tells how full the current segment is: zeros are written up to there, and a little more. */
  follow(offset: number): void {
    const target = Math.min(offset + LEAD, this.#segmentBytes)
    if (this.#filling || this.#taken || this.#failure !== undefined || this.#filled >= target) return
    this.#filling = true
    const before = this.#work
    this.#work = this.#guard(before.then(() => this.#fill(target))).then(() => {
      this.#filling = false
    })
  }

  /** Gives the file away; the caller closes it. @throws what creating or filling it failed with. */
  async take(): Promise<FileHandle> {
    this.#taken = true
    await this.#work
    const file = this.#file
    this.#file = undefined
    if (this.#failure === undefined && file !== undefined) return file
    await file?.close()
    throw this.#failure ?? new Error(`${this.path}: the file is gone`)
  }

  /** Closes and removes the file unless it was taken. */
  async discard(): Promise<void> {
    this.#taken = true
    await this.#work
    const file = this.#file
    if (file === undefined) return
    this.#file = undefined
    await file.close()
    await this.#fs.remove(this.path)
  }

  async #create(): Promise<void> {
    await this.#fs.remove(this.path)
    this.#file = await this.#fs.open(this.path, 'create')
    await this.#file.preallocate(this.#segmentBytes)
    await this.#file.syncData()
  }

  async #fill(target: number): Promise<void> {
    while (this.#filled < target && !this.#taken && this.#file !== undefined) {
      const wanted = Math.min(Math.max(target - this.#filled, PIECE_BYTES_MIN), PIECE_BYTES_MAX)
      const length = Math.min(wanted, this.#segmentBytes - this.#filled)
      await this.#file.writeDurably(ZEROS.subarray(0, length), this.#filled)
      this.#filled += length
    }
  }

  async #guard(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error))
    }
  }
}
