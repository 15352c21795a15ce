// A chunk: the revisions of about one apply batch in one row of the bucket `key`.
//
// Row key: revision key (17 bytes, never the tombstone form) of the chunk's first revision. Row value:
//
//   offset    size  content
//   0         1     layout, 1
//   1         4     n, number of revisions, u32 big-endian, at least 1
//   5         4*n   per revision: offset behind it, counted from the start of the data, u32 big-endian;
//                   the top bit is set for a tombstone
//   5+4*n     ...   data: per revision its revision key (17 bytes, 18 for a tombstone), then its KeyValue bytes
//
// The data has no framing, so that neighbouring revisions are hashed by one call and copied by one copy.
//
// A chunk of which compaction removed only a few revisions is not rewritten; a row beside it says which are gone:
// row key = the chunk's row key + 0x64 'd' (so it follows the chunk in key order), value = a bit per revision
// (bit i&7 of byte i>>3), set when revision i is gone.

import { CorruptStore } from './corrupt-store.js'
import {
  compareRevisions,
  isTombstoneKey,
  mainOf,
  REVISION_KEY_BYTES,
  revisionKey,
  subOf,
  TOMBSTONE_KEY_BYTES,
  writeRevisionKey,
} from './revision-key.js'

/** Chunks are closed when they reach this size. A single larger revision makes a larger chunk. */
export const CHUNK_BYTES = 16 * 1024
/** The newest chunk is written again with more revisions as long as it is smaller than this. */
export const SMALL_CHUNK_BYTES = 4 * 1024

const LAYOUT = 1
const HEADER_BYTES = 5
const ENTRY_BYTES = 4
const TOMBSTONE_BIT = 0x8000_0000
const DEAD_MARK = 0x64

/** Room that builders keep. */
const SCRATCH_BYTES = CHUNK_BYTES

/** Row bytes that one revision adds to a chunk, its data aside. */
export const CHUNK_ENTRY_BYTES = ENTRY_BYTES

const readUint32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0

const writeUint32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

/** Reads one chunk row. Cheap to make; holds the row bytes (frozen) and nothing else. */
export class ChunkView {
  readonly bytes: Uint8Array
  readonly count: number
  /** Somebody keeps a part of the row for longer than a turn: its memory is not lent again (row-memory.ts). */
  isHeld = false
  readonly #dataStart: number

  /** @throws CorruptStore when the row does not have the layout above. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    const count = bytes.length < HEADER_BYTES || bytes[0] !== LAYOUT ? 0 : readUint32(bytes, 1)
    this.count = count
    this.#dataStart = HEADER_BYTES + ENTRY_BYTES * count
    if (count === 0 || this.#dataStart > bytes.length || this.end(count - 1) !== bytes.length)
      throw new CorruptStore(`malformed chunk row of ${bytes.length} bytes`)
  }

  /** Checks what the constructor skips for speed: that all offsets ascend and revisions too. @throws CorruptStore */
  check(): void {
    for (let i = 0; i < this.count; i++) {
      const room = this.end(i) - this.start(i)
      const keyBytes = this.tombstone(i) ? TOMBSTONE_KEY_BYTES : REVISION_KEY_BYTES
      if (room < keyBytes) throw new CorruptStore('chunk row with a short revision')
      const key = this.bytes.subarray(this.start(i), this.start(i) + keyBytes)
      if (isTombstoneKey(key) !== this.tombstone(i)) throw new CorruptStore('chunk row with a false tombstone')
      if (i > 0 && compareRevisions(this.main(i - 1), this.sub(i - 1), this.main(i), this.sub(i)) >= 0)
        throw new CorruptStore('chunk row out of order')
    }
  }

  /** Where revision `i` starts in `bytes`: its revision key. */
  start(i: number): number {
    return i === 0 ? this.#dataStart : this.end(i - 1)
  }

  /** Where the KeyValue of revision `i` starts in `bytes`. */
  valueStart(i: number): number {
    return this.start(i) + (this.tombstone(i) ? TOMBSTONE_KEY_BYTES : REVISION_KEY_BYTES)
  }

  /** Offset behind revision `i` in `bytes`. */
  end(i: number): number {
    return this.#dataStart + (readUint32(this.bytes, HEADER_BYTES + ENTRY_BYTES * i) & ~TOMBSTONE_BIT)
  }

  tombstone(i: number): boolean {
    return this.bytes[HEADER_BYTES + ENTRY_BYTES * i]! >= 0x80
  }

  main(i: number): number {
    return mainOf(this.bytes, this.start(i))
  }

  sub(i: number): number {
    return subOf(this.bytes, this.start(i))
  }

  /** The first revision at or after (main, sub); `count` when there is none. */
  seek(main: number, sub: number): number {
    let lo = 0
    let hi = this.count
    while (lo < hi) {
      const mid = (lo + hi) >>> 1
      const at = this.start(mid)
      const midMain = mainOf(this.bytes, at)
      if (midMain < main || (midMain === main && subOf(this.bytes, at) < sub)) lo = mid + 1
      else hi = mid
    }
    return lo
  }

  /** Position of exactly (main, sub), or -1. */
  find(main: number, sub: number): number {
    // Until a compaction thins it out, and with one change a revision, a chunk has no gaps.
    const guess = main - this.main(0)
    if (guess >= 0 && guess < this.count && this.main(guess) === main && this.sub(guess) === sub) return guess
    const i = this.seek(main, sub)
    return i < this.count && this.main(i) === main && this.sub(i) === sub ? i : -1
  }
}

const ownMemory = (sizeBytes: number): Uint8Array => Buffer.allocUnsafeSlow(sizeBytes)

/** Collects revisions in order and builds a chunk row from them. Copies what it is given. */
export class ChunkBuilder {
  #data = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  #dataBytes = 0
  /** Per revision: offset behind it in the data, and whether it is a tombstone. */
  readonly #offsets: number[] = []

  get count(): number {
    return this.#offsets.length
  }

  get rowBytes(): number {
    return HEADER_BYTES + ENTRY_BYTES * this.#offsets.length + this.#dataBytes
  }

  /** Adds the revision at `source[start, end)`: revision key, then KeyValue. */
  add(source: Uint8Array, start: number, end: number, tombstone: boolean): void {
    this.#reserve(end - start)
    this.#data.set(source.subarray(start, end), this.#dataBytes)
    this.#note(this.#dataBytes + end - start, tombstone)
  }

  addRevision(main: number, sub: number, tombstone: boolean, kv: Uint8Array): void {
    this.#reserve(TOMBSTONE_KEY_BYTES + kv.length)
    const valueStart = writeRevisionKey(this.#data, this.#dataBytes, main, sub, tombstone)
    this.#data.set(kv, valueStart)
    this.#note(valueStart + kv.length, tombstone)
  }

  /** The row value (owned), in memory that `take` gives for so many bytes; the builder is empty again. */
  build(take: (sizeBytes: number) => Uint8Array = ownMemory): Uint8Array {
    const row = take(this.rowBytes)
    row[0] = LAYOUT
    writeUint32(row, 1, this.#offsets.length)
    let at = HEADER_BYTES
    for (const offset of this.#offsets) {
      writeUint32(row, at, offset)
      at += ENTRY_BYTES
    }
    row.set(this.#data.subarray(0, this.#dataBytes), at)
    this.clear()
    return row
  }

  clear(): void {
    this.#offsets.length = 0
    this.#dataBytes = 0
    if (this.#data.length > SCRATCH_BYTES) this.#data = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  }

  #note(end: number, tombstone: boolean): void {
    this.#dataBytes = end
    this.#offsets.push(tombstone ? end + TOMBSTONE_BIT : end)
  }

  #reserve(bytes: number): void {
    if (this.#dataBytes + bytes <= this.#data.length) return
    const larger = Buffer.allocUnsafeSlow(2 * (this.#dataBytes + bytes))
    this.#data.copy(larger, 0, 0, this.#dataBytes)
    this.#data = larger
  }
}

/** Row key of the list of gone revisions of the chunk that starts at (main, sub). Owned. */
export const deadRowKey = (main: number, sub: number): Uint8Array => {
  const key = new Uint8Array(REVISION_KEY_BYTES + 1)
  key.set(revisionKey(main, sub))
  key[REVISION_KEY_BYTES] = DEAD_MARK
  return key
}

export const isDeadRowKey = (key: Uint8Array): boolean =>
  key.length === REVISION_KEY_BYTES + 1 && key[REVISION_KEY_BYTES] === DEAD_MARK

export const isDead = (bits: Uint8Array | undefined, i: number): boolean =>
  bits !== undefined && ((bits[i >> 3] ?? 0) & (1 << (i & 7))) !== 0

export const markDead = (bits: Uint8Array, i: number): void => {
  bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7))
}
