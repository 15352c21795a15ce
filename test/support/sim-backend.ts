// A backend in memory whose writes take time. At a crash the batch under way is kept as a whole or lost as a whole; those
// before it are there.
import type { Backend, BackendRow, BackendSlice, BackendView, Bucket, Clock, Random } from '#src/env/index.js'

const ROWS_PER_SLICE = 5

interface SimRow {
  readonly bucket: Bucket
  readonly key: Buffer
  readonly value: Uint8Array
}

export interface SimBackendOptions {
  readonly clock: Clock
  readonly random: Random
  /** A write takes from 0 up to this long. */
  readonly writeMsMax: number
}

export class SimBackend implements Backend {
  /** Batches that are durable. */
  batches = 0
  readonly #rows = new Map<string, SimRow>()
  #options: SimBackendOptions
  #underWay: readonly BackendRow[] | undefined

  constructor(options: SimBackendOptions) {
    this.#options = options
  }

  /** Ends a life and begins another: nothing of the earlier one completes any more. */
  crash(options: SimBackendOptions): void {
    const rows = this.#underWay
    this.#underWay = undefined
    if (rows !== undefined && options.random.below(2) === 0) this.#apply(rows)
    this.#options = options
  }

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    const row = this.#rows.get(nameOf(bucket, key))
    return row === undefined ? undefined : Uint8Array.from(row.value)
  }

  scan(bucket: Bucket, lo: Uint8Array, hi: Uint8Array | undefined): AsyncIterable<BackendSlice> {
    return slicesOf([...this.#rows.values()], bucket, lo, hi)
  }

  view(): BackendView {
    const rows = [...this.#rows.values()]
    return { scan: (bucket, lo, hi) => slicesOf(rows, bucket, lo, hi), close: async () => undefined }
  }

  async write(rows: readonly BackendRow[]): Promise<void> {
    if (this.#underWay !== undefined) throw new Error('two batches at once')
    const { clock, random, writeMsMax } = this.#options
    this.#underWay = rows
    await new Promise<void>((resolve) => clock.after(random.below(writeMsMax + 1), resolve))
    this.#underWay = undefined
    this.#apply(rows)
  }

  async sync(): Promise<void> {}

  async reclaim(): Promise<void> {}

  async fileBytes(): Promise<number> {
    let bytes = 0
    for (const { key, value } of this.#rows.values()) bytes += key.length + value.length
    return bytes
  }

  async close(): Promise<void> {}

  #apply(rows: readonly BackendRow[]): void {
    this.batches++
    for (const { bucket, key, value } of rows) {
      const name = nameOf(bucket, key)
      if (value === undefined) this.#rows.delete(name)
      else this.#rows.set(name, { bucket, key: Buffer.from(key), value: Uint8Array.from(value) })
    }
  }
}

const nameOf = (bucket: Bucket, key: Uint8Array): string => `${bucket}/${Buffer.from(key).toString('latin1')}`

async function* slicesOf(
  all: readonly SimRow[],
  bucket: Bucket,
  lo: Uint8Array,
  hi: Uint8Array | undefined,
): AsyncGenerator<BackendSlice> {
  const rows = all
    .filter((row) => row.bucket === bucket && Buffer.compare(row.key, lo) >= 0)
    .filter(({ key }) => hi === undefined || Buffer.compare(key, hi) < 0)
    .sort((a, b) => Buffer.compare(a.key, b.key))
  for (let at = 0; at < rows.length; at += ROWS_PER_SLICE) yield rows.slice(at, at + ROWS_PER_SLICE)
}
