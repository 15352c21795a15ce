/* eslint-disable no-restricted-syntax -- turns of the real event loop, for tests only */
// Test doubles: a backend in memory that can stop at any batch, a clock without time, random numbers from a seed.

import { copyBytes, type Key, keyOf } from '../base/index.js'
import {
  type Backend,
  type BackendRow,
  type BackendSlice,
  type BackendView,
  type Bucket,
  BUCKETS,
  type Clock,
  type Random,
  type RowSink,
  silentLogger,
  type Timer,
} from '../env/index.js'
import { RangeAnswer, RangeAnswerCodec } from '../proto/index.js'
import type { EncodedRangeOutcome, RangeOutcome } from './range.js'
import type { Restore } from './restore.js'
import { RowMemory } from './row-memory.js'
import { Store, type StoreOptions } from './store.js'

/** Rows by bucket and latin1 key; every batch that was written is kept, so that a crash can go back to any of them. */
export class MemoryBackend implements Backend {
  readonly batches: (readonly BackendRow[])[] = []
  readonly #rows = new Map<string, Uint8Array>()
  /** Rows read one by one so far. */
  reads = 0

  /** The backend after a crash that kept the first `count` batches. */
  crashed(count: number): MemoryBackend {
    const survivor = new MemoryBackend()
    for (const batch of this.batches.slice(0, count)) survivor.#apply(batch)
    return survivor
  }

  get rowCount(): number {
    return this.#rows.size
  }

  /** Bytes of keys and values in the bucket `key`. */
  get keyRowBytes(): number {
    let bytes = 0
    for (const [id, value] of this.#rows) if (id.startsWith(prefix('key'))) bytes += id.length - 1 + value.length
    return bytes
  }

  get(bucket: Bucket, key: Uint8Array): Uint8Array | undefined {
    this.reads++
    const value = this.#rows.get(prefix(bucket) + keyOf(key))
    return value === undefined ? undefined : Uint8Array.from(value)
  }

  async *scan(bucket: Bucket, lo: Uint8Array, hi: Uint8Array | undefined): AsyncGenerator<BackendSlice> {
    const from = prefix(bucket) + keyOf(lo)
    const to = hi === undefined ? prefix(bucket) + '\u0100' : prefix(bucket) + keyOf(hi)
    const ids = [...this.#rows.keys()].filter((id) => id >= from && id < to).sort()
    const rows = ids.map((id) => ({ key: Buffer.from(id.slice(1), 'latin1'), value: this.#rows.get(id)! }))
    // Small slices, so that whatever spans two of them is met.
    for (let i = 0; i < rows.length; i += 3) yield rows.slice(i, i + 3)
  }

  view(): BackendView {
    const copy = this.crashed(this.batches.length)
    return { scan: (bucket, lo, hi) => copy.scan(bucket, lo, hi), close: async () => undefined }
  }

  async write(rows: readonly BackendRow[]): Promise<void> {
    this.#apply(rows)
  }

  async sync(): Promise<void> {}
  async reclaim(): Promise<void> {}
  async fileBytes(): Promise<number> {
    return this.keyRowBytes
  }
  async close(): Promise<void> {}

  /** Copies, as real backends do: the rows are others' memory. */
  #apply(batch: readonly BackendRow[]): void {
    const rows = batch.map((row) => ({ ...row, value: row.value === undefined ? undefined : copyBytes(row.value) }))
    this.batches.push(rows)
    for (const { bucket, key, value } of rows) {
      const id = prefix(bucket) + keyOf(key)
      if (value === undefined) this.#rows.delete(id)
      else this.#rows.set(id, value)
    }
  }
}

const prefix = (bucket: Bucket): string => String.fromCharCode(BUCKETS.indexOf(bucket))

export class RowList implements RowSink {
  readonly rows: BackendRow[] = []

  put(bucket: Bucket, key: Uint8Array, value: Uint8Array): void {
    this.rows.push({ bucket, key, value })
  }

  delete(bucket: Bucket, key: Uint8Array): void {
    this.rows.push({ bucket, key, value: undefined })
  }
}

/** Turns are given at once and timers run in the next turn; time only moves by what is asked of it. */
export class TurnClock implements Clock {
  /** Added at each look at the time: how slow the work seems. */
  lookMs = 0
  #nowMs = 0
  #turns: (() => void)[] = []

  monotonicMs(): number {
    return (this.#nowMs += this.lookMs)
  }

  wallMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): Timer {
    let cancelled = false
    void this.yieldTurn().then(() => {
      if (cancelled) return
      this.#nowMs += delayMs
      callback()
    })
    return { cancel: () => void (cancelled = true) }
  }

  every(): Timer {
    throw new Error('not used here')
  }

  soon(callback: () => void): void {
    void this.yieldTurn().then(callback)
  }

  afterCallback(callback: () => void): void {
    queueMicrotask(callback)
  }

  yieldTurn(): Promise<void> {
    return new Promise((resolve) => {
      if (this.manual) this.#turns.push(resolve)
      else setImmediate(resolve)
    })
  }

  /** When set, turns are given by `turn` only. */
  manual = false

  /** Gives everyone who waits one turn and lets what follows settle; false when nobody waited. */
  async turn(): Promise<boolean> {
    const turns = this.#turns
    this.#turns = []
    for (const resolve of turns) resolve()
    for (let i = 0; i < 20; i++) await Promise.resolve()
    return turns.length > 0
  }
}

/** mulberry32: small, and equal everywhere. */
export const seededRandom = (seed: number): Random => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return (x ^ (x >>> 14)) >>> 0
  }
  return {
    below: (bound) => next() % bound,
    uint64: () => (BigInt(next()) << 32n) | BigInt(next()),
  }
}

export const key = (text: string): Key => text as Key
export const value = (text: string): Uint8Array => Buffer.from(text, 'latin1')

export const openStore = (
  backend: Backend,
  options: Partial<StoreOptions> = {},
  restored?: Restore,
): Promise<Store> => {
  const defaults: StoreOptions = {
    clock: new TurnClock(),
    logger: silentLogger,
    onFailure: (error) => {
      throw error
    },
    rowMemory: new RowMemory(true),
  }
  return Store.open(backend, { ...defaults, ...options }, restored)
}

/** One commit, as the owner of a store does it. */
export const commit = async (store: Store, backend: Backend): Promise<void> => {
  const sink = new RowList()
  const token = store.collectRows(sink)
  if (sink.rows.length > 0) await backend.write(sink.rows)
  store.flushed(token)
}

/** Commits until all compactions asked for are over. */
export const sweep = async (store: Store, backend: Backend, swept: Promise<void>): Promise<void> => {
  const progress = { over: false }
  const over = swept.then(() => {
    progress.over = true
  })
  while (!progress.over) {
    await commit(store, backend)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  await over
}

/** An encoded outcome as the plain one. */
export const plainOutcome = (outcome: EncodedRangeOutcome): RangeOutcome => {
  if (outcome.kind !== 'ok') return outcome
  const bytes = RangeAnswerCodec.encode(new RangeAnswer(outcome.pairs))
  const { kvs } = RangeAnswerCodec.decode(bytes)
  const { revision, count, more } = outcome
  return { kind: 'ok', revision, count, more, kvs }
}
