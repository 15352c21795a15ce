// Rows in memory, counted metrics and reproducible numbers, for the tests of this folder.

import type { Bucket, Metrics, Random, RowSink } from '../env/index.js'

/** Reproducible numbers (mulberry32). */
export const seededRandom = (seed: number): Random => {
  let state = seed >>> 0
  const uint32 = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return {
    below: (bound) => Math.floor((uint32() / 2 ** 32) * bound),
    uint64: () => (BigInt(uint32()) << 32n) | BigInt(uint32()),
  }
}

export class MemoryRows implements RowSink {
  /** By key in hex, which sorts as the bytes do. */
  readonly rows = new Map<string, { key: Uint8Array; value: Uint8Array }>()

  put(bucket: Bucket, key: Uint8Array, value: Uint8Array): void {
    this.rows.set(this.#name(bucket, key), { key, value })
  }

  delete(bucket: Bucket, key: Uint8Array): void {
    if (!this.rows.delete(this.#name(bucket, key))) throw new Error('deleted a row that is not there')
  }

  sorted(): { key: Uint8Array; value: Uint8Array }[] {
    return [...this.rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
  }

  #name(bucket: Bucket, key: Uint8Array): string {
    if (bucket !== 'lease') throw new Error(`a lease row in bucket ${bucket}`)
    return Buffer.from(key).toString('hex')
  }
}

export interface CountedMetrics extends Metrics {
  /** Last part of the counters' names, as in `granted`, to their values. */
  readonly counts: Map<string, number>
  readonly observed: number[]
}

export const countedMetrics = (): CountedMetrics => {
  const counts = new Map<string, number>()
  const observed: number[] = []
  return {
    counts,
    observed,
    counter: (name) => ({
      inc: (by = 1) => {
        const short = name.replace(/^.*_(\w+)_total$/, '$1')
        counts.set(short, (counts.get(short) ?? 0) + by)
      },
    }),
    gauge: () => ({ set: () => undefined }),
    gaugeFrom: () => undefined,
    histogram: () => ({ observe: (value) => observed.push(value) }),
  }
}
