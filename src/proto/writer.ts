// Writes protobuf wire format backwards, from the end of a growing buffer: when a nested message is complete its length is
// known, so one pass is enough and nothing is measured twice. Whoever writes a message goes through its fields from the
// last to the first, and writes each value before its tag.

import { EMPTY_BYTES } from '../base/index.js'
import { highWord, lowWord, splitInt64 } from './int64.js'

const INITIAL_BYTES = 64 * 1024
/** A scratch buffer that grew beyond this is given back after use. */
const KEEP_BYTES = 4 * 1024 * 1024
/** Below this a loop beats the call of a native copy (measured). */
const LOOP_BYTES = 12
const TWO_32 = 2 ** 32

export class Writer {
  /** What was written is `[#pos, #bytes.length)`. */
  #bytes: Buffer
  #pos: number

  constructor(capacityBytes = INITIAL_BYTES) {
    this.#bytes = Buffer.allocUnsafeSlow(capacityBytes)
    this.#pos = capacityBytes
  }

  /** Bytes written so far. */
  size(): number {
    return this.#bytes.length - this.#pos
  }

  /** Makes room for `count` more bytes. */
  #reserve(count: number): void {
    if (this.#pos >= count) return
    const old = this.#bytes
    const size = this.size()
    let capacity = old.length * 2
    while (capacity - size < count) capacity *= 2
    this.#bytes = Buffer.allocUnsafeSlow(capacity)
    this.#bytes.set(old.subarray(this.#pos), capacity - size)
    this.#pos = capacity - size
  }

  /** Tags, lengths, u32: 0..2^32-1. */
  varint32(value: number): void {
    this.#reserve(5)
    this.#varint32(value)
  }

  #varint32(value: number): void {
    const bytes = this.#bytes
    if (value < 0x80) {
      bytes[--this.#pos] = value
    } else if (value < 0x4000) {
      const pos = (this.#pos -= 2)
      bytes[pos] = value | 128
      bytes[pos + 1] = value >>> 7
    } else if (value < 0x200000) {
      const pos = (this.#pos -= 3)
      bytes[pos] = value | 128
      bytes[pos + 1] = (value >>> 7) | 128
      bytes[pos + 2] = value >>> 14
    } else if (value < 0x10000000) {
      const pos = (this.#pos -= 4)
      bytes[pos] = value | 128
      bytes[pos + 1] = (value >>> 7) | 128
      bytes[pos + 2] = (value >>> 14) | 128
      bytes[pos + 3] = value >>> 21
    } else {
      const pos = (this.#pos -= 5)
      bytes[pos] = value | 128
      bytes[pos + 1] = (value >>> 7) | 128
      bytes[pos + 2] = (value >>> 14) | 128
      bytes[pos + 3] = (value >>> 21) | 128
      bytes[pos + 4] = value >>> 28
    }
  }

  /** Safe integers, signed or not; a negative one takes ten bytes. */
  int53(value: number): void {
    this.#reserve(10)
    if (value >= 0 && value < TWO_32) this.#varint32(value)
    else this.#varint64(value >>> 0, Math.floor(value / TWO_32) >>> 0)
  }

  /** Enums and i32. */
  int32(value: number): void {
    this.int53(value | 0)
  }

  /** i64 or u64, modulo 2^64. */
  int64(value: bigint): void {
    this.#reserve(10)
    splitInt64(value)
    const high = highWord()
    if (high === 0) this.#varint32(lowWord())
    else this.#varint64(lowWord(), high)
  }

  /** `high` is not 0. */
  #varint64(low: number, high: number): void {
    const count = high < 8 ? 5 : Math.ceil((64 - Math.clz32(high)) / 7)
    const bytes = this.#bytes
    let pos = (this.#pos -= count)
    for (let i = 1; i < count; i++) {
      bytes[pos++] = (low & 127) | 128
      low = ((low >>> 7) | (high << 25)) >>> 0
      high >>>= 7
    }
    bytes[pos] = low
  }

  bool(value: boolean): void {
    this.#reserve(1)
    this.#bytes[--this.#pos] = value ? 1 : 0
  }

  /** Length and content. */
  bytes(value: Uint8Array): void {
    const length = value.length
    this.#reserve(length + 5)
    const target = this.#bytes
    const pos = (this.#pos -= length)
    if (length < LOOP_BYTES) for (let i = 0; i < length; i++) target[pos + i] = value[i]!
    else target.set(value, pos)
    this.#varint32(length)
  }

  /** Content alone: fields that are encoded already. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#pos -= value.length
    this.#bytes.set(value, this.#pos)
  }

  /** Length and UTF-8; an unpaired surrogate becomes U+FFFD. */
  string(value: string): void {
    const length = value.length
    this.#reserve(length + 5)
    const target = this.#bytes
    const pos = this.#pos - length
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i)
      if (unit > 127) {
        this.#unicode(value)
        return
      }
      target[pos + i] = unit
    }
    this.#pos = pos
    this.#varint32(length)
  }

  #unicode(value: string): void {
    const length = Buffer.byteLength(value)
    this.#reserve(length + 5)
    this.#pos -= length
    this.#bytes.write(value, this.#pos, length)
    this.#varint32(length)
  }

  /** Length of what was written since `size()` was `sizeBefore`: the head of a nested message. */
  length(sizeBefore: number): void {
    this.varint32(this.size() - sizeBefore)
  }

  /**
   * Takes what was written; the writer is empty again. Owned, but small results share slabs of 8 KiB: copy what is to
   * live much longer than its neighbours.
   */
  take(): Uint8Array {
    const size = this.size()
    if (size === 0) return EMPTY_BYTES
    const bytes = this.#bytes
    const result = Buffer.allocUnsafe(size)
    // The buffer has memory of its own, so positions in both are the same; cheaper than `subarray` of a Buffer.
    result.set(new Uint8Array(bytes.buffer, this.#pos, size))
    if (bytes.length > KEEP_BYTES) this.#bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES)
    this.#pos = this.#bytes.length
    return result
  }

  /** What was written, borrowed: valid until something else is written. The writer keeps it. */
  view(): Uint8Array {
    return this.#bytes.subarray(this.#pos)
  }

  /** Drops what was written, for instance by an encoder that threw. */
  clear(): void {
    this.#pos = this.#bytes.length
  }
}

/** For encoders that run to their end in one go, as all codecs do: allocated once, used by one at a time. */
export const scratch = new Writer()
