// The revisions that were made since chunks were last packed, each in its stored form.

import type { Key, LeaseId } from '../base/index.js'
import { keyValueBytesMax, writeKeyValue, writeStoredTombstone } from './key-value.js'
import { compareRevisions, TOMBSTONE_KEY_BYTES, writeRevisionKey } from './revision-key.js'

/** Revisions are written one behind the other into blocks of this size; a large one gets a block of its own. */
const BLOCK_BYTES = 64 * 1024
const LARGE_BYTES = 16 * 1024

/** One revision: `block[start, end)` is its revision key and KeyValue. Frozen. */
export class TailRevision {
  readonly main: number
  readonly sub: number
  readonly tombstone: boolean
  readonly block: Uint8Array
  readonly start: number
  readonly valueStart: number
  readonly end: number

  constructor(
    main: number,
    sub: number,
    tombstone: boolean,
    block: Uint8Array,
    start: number,
    valueStart: number,
    end: number,
  ) {
    this.main = main
    this.sub = sub
    this.tombstone = tombstone
    this.block = block
    this.start = start
    this.valueStart = valueStart
    this.end = end
  }

  /** The KeyValue, a view. */
  get kv(): Uint8Array {
    return this.block.subarray(this.valueStart, this.end)
  }
}

export class Tail {
  #revisions: TailRevision[] = []
  #block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  #used = 0
  #bytes = 0

  get length(): number {
    return this.#revisions.length
  }

  /** Bytes of revision keys and KeyValues. */
  get bytes(): number {
    return this.#bytes
  }

  get first(): TailRevision | undefined {
    return this.#revisions[0]
  }

  /** Copies `value`. The revision is behind all before it. */
  put(
    key: Key,
    create: number,
    main: number,
    sub: number,
    version: number,
    value: Uint8Array,
    lease: LeaseId,
  ): TailRevision {
    const { block, start } = this.#room(TOMBSTONE_KEY_BYTES + keyValueBytesMax(key.length, value.length))
    const valueStart = writeRevisionKey(block, start, main, sub, false)
    const end = writeKeyValue(block, valueStart, key, create, main, version, value, lease)
    return this.#push(new TailRevision(main, sub, false, block, start, valueStart, end))
  }

  tombstone(key: Key, main: number, sub: number): TailRevision {
    const { block, start } = this.#room(TOMBSTONE_KEY_BYTES + keyValueBytesMax(key.length, 0))
    const valueStart = writeRevisionKey(block, start, main, sub, true)
    const end = writeStoredTombstone(block, valueStart, key)
    return this.#push(new TailRevision(main, sub, true, block, start, valueStart, end))
  }

  find(main: number, sub: number): TailRevision | undefined {
    let lo = 0
    let hi = this.#revisions.length
    while (lo < hi) {
      const mid = (lo + hi) >>> 1
      const revision = this.#revisions[mid]!
      if (compareRevisions(revision.main, revision.sub, main, sub) < 0) lo = mid + 1
      else hi = mid
    }
    const found = this.#revisions[lo]
    return found !== undefined && found.main === main && found.sub === sub ? found : undefined
  }

  /** Empties the tail; the revisions are the caller's. */
  take(): readonly TailRevision[] {
    const revisions = this.#revisions
    this.#revisions = []
    this.#bytes = 0
    return revisions
  }

  #push(revision: TailRevision): TailRevision {
    this.#revisions.push(revision)
    this.#bytes += revision.end - revision.start
    if (revision.block === this.#block) this.#used = revision.end
    return revision
  }

  #room(bytes: number): { block: Buffer; start: number } {
    if (bytes > LARGE_BYTES) return { block: Buffer.allocUnsafeSlow(bytes), start: 0 }
    if (this.#block.length - this.#used < bytes) {
      this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
      this.#used = 0
    }
    return { block: this.#block, start: this.#used }
  }
}
