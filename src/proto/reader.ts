// Reads protobuf wire format by position. One Reader serves a message with everything nested in it: a nested message is a
// smaller end position, not a new object. Every read takes the end of the message around it and stays below it.
//
//   varint   7 bits per byte, lowest first, high bit set on all bytes but the last; at most 10 bytes
//   tag      varint: field number << 3 | wire type (0 varint, 1 eight bytes, 2 length and bytes, 3/4 group, 5 four bytes)

import { constants, isUtf8 } from 'node:buffer'
import { EMPTY_BYTES } from '../base/index.js'
import { int64Of, uint64Of } from './int64.js'
import { MalformedMessage } from './malformed.js'

/** Deepest nesting of messages and groups; deeper ones are malformed. Go allows 10,000, which Node's stack does not. */
export const DEPTH_MAX = 500

/** Allowed on top for records that carry a client's message inside their own (log entries, messages between members). */
export const DEPTH_MARGIN = 16

/** Bytes that merging encoded messages may copy per decoded message. */
const MERGE_BYTES = 256 * 1024 * 1024

const TWO_32 = 2 ** 32
const SAFE_HIGH = 2 ** 21

interface NativeText {
  latin1Slice(this: Uint8Array, start: number, end: number): string
  utf8Slice(this: Uint8Array, start: number, end: number): string
}
const { latin1Slice, utf8Slice } = Buffer.prototype as unknown as NativeText

export class Reader {
  bytes: Uint8Array
  pos: number
  /** Levels of nesting that may still be entered. */
  depth: number
  /** Halves of the varint read last by `#varint64`. */
  #low = 0
  #high = 0
  /** Memory behind `bytes`, looked up when the first view is made (that is costly for small arrays). */
  #memory: ArrayBufferLike | undefined = undefined
  #memoryStart = 0
  #mergeBytes = MERGE_BYTES

  /** @throws RangeError when `[start, end)` is no part of `bytes`: a mistake of the caller, not of the sender. */
  constructor(bytes: Uint8Array, start: number, end: number, depth: number) {
    checkRange(bytes, start, end)
    this.bytes = bytes
    this.pos = start
    this.depth = depth
  }

  /** Starts over with other bytes. @throws RangeError as the constructor. */
  reset(bytes: Uint8Array, start: number, end: number, depth: number): void {
    checkRange(bytes, start, end)
    this.bytes = bytes
    this.pos = start
    this.depth = depth
    this.#memory = undefined
    this.#mergeBytes = MERGE_BYTES
  }

  /** The next tag, 1..2^32-1. */
  tag(end: number): number {
    const tag = this.bytes[this.pos]!
    if (tag < 128 && tag > 7) {
      this.pos++
      return tag
    }
    return this.#longTag(end)
  }

  #longTag(end: number): number {
    this.#varint64(end)
    const tag = this.#low
    if (this.#high !== 0 || tag < 8) throw new MalformedMessage()
    return tag
  }

  /** Unsigned 32 bits of a varint; higher bits are dropped, as everywhere in protobuf. */
  uint32(end: number): number {
    const pos = this.pos
    if (pos < end) {
      const byte = this.bytes[pos]!
      if (byte < 128) {
        this.pos = pos + 1
        return byte
      }
    }
    this.#varint64(end)
    return this.#low
  }

  /** Signed 32 bits of a varint; also for enums, whose unknown values are kept. */
  int32(end: number): number {
    return this.uint32(end) | 0
  }

  bool(end: number): boolean {
    const pos = this.pos
    if (pos < end) {
      const byte = this.bytes[pos]!
      if (byte < 128) {
        this.pos = pos + 1
        return byte !== 0
      }
    }
    this.#varint64(end)
    return this.#low !== 0 || this.#high !== 0
  }

  /** u64 counter; beyond 2^53-1 is malformed. */
  uint53(end: number): number {
    const short = this.#short(end)
    if (short >= 0) return short
    if (this.#high >= SAFE_HIGH) throw new MalformedMessage()
    return this.#high * TWO_32 + this.#low
  }

  /** u64 counter; beyond 2^53-1 means 2^53-1. */
  uint53Saturated(end: number): number {
    const short = this.#short(end)
    if (short >= 0) return short
    if (this.#high >= SAFE_HIGH) return Number.MAX_SAFE_INTEGER
    return this.#high * TWO_32 + this.#low
  }

  /** i64 counter; beyond +-(2^53-1) is malformed. */
  int53(end: number): number {
    const short = this.#short(end)
    if (short >= 0) return short
    const value = this.#signed()
    if (!Number.isSafeInteger(value)) throw new MalformedMessage()
    return value
  }

  /** i64 counter; beyond +-(2^53-1) means +-(2^53-1). */
  int53Saturated(end: number): number {
    const short = this.#short(end)
    if (short >= 0) return short
    const value = this.#signed()
    if (value > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER
    return value < Number.MIN_SAFE_INTEGER ? Number.MIN_SAFE_INTEGER : value
  }

  #signed(): number {
    return (this.#high | 0) * TWO_32 + this.#low
  }

  uint64(end: number): bigint {
    const short = this.#short(end)
    return short >= 0 ? BigInt(short) : uint64Of(this.#low, this.#high)
  }

  int64(end: number): bigint {
    const short = this.#short(end)
    return short >= 0 ? BigInt(short) : int64Of(this.#low, this.#high)
  }

  /** A varint of up to 4 bytes as its value; a longer one as -1, with its halves in `#low` and `#high`. */
  #short(end: number): number {
    const { bytes, pos } = this
    if (end - pos < 4) {
      if (pos < end && bytes[pos]! < 128) {
        this.pos = pos + 1
        return bytes[pos]!
      }
    } else {
      let byte = bytes[pos]!
      let value = byte & 127
      if (byte < 128) {
        this.pos = pos + 1
        return value
      }
      byte = bytes[pos + 1]!
      value |= (byte & 127) << 7
      if (byte < 128) {
        this.pos = pos + 2
        return value
      }
      byte = bytes[pos + 2]!
      value |= (byte & 127) << 14
      if (byte < 128) {
        this.pos = pos + 3
        return value
      }
      byte = bytes[pos + 3]!
      value |= (byte & 127) << 21
      if (byte < 128) {
        this.pos = pos + 4
        return value
      }
    }
    this.#varint64(end)
    return -1
  }

  #varint64(end: number): void {
    const bytes = this.bytes
    let pos = this.pos
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (pos >= end) throw new MalformedMessage()
      const byte = bytes[pos++]!
      const bits = byte & 127
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 128) {
        // The tenth byte holds bit 63 alone.
        if (shift === 63 && byte > 1) throw new MalformedMessage()
        this.pos = pos
        this.#low = low >>> 0
        this.#high = high >>> 0
        return
      }
    }
    throw new MalformedMessage()
  }

  /** Reads a length; returns the end of what it measures, at most `end`. */
  stop(end: number): number {
    const length = this.#short(end)
    if (length < 0 ? this.#high !== 0 || this.#low > end - this.pos : length > end - this.pos)
      throw new MalformedMessage()
    return this.pos + (length < 0 ? this.#low : length)
  }

  /** Like `stop`, for a nested message; `leave` must follow. */
  enter(end: number): number {
    if (this.depth-- <= 0) throw new MalformedMessage()
    return this.stop(end)
  }

  leave(): void {
    this.depth++
  }

  /** A view; shares memory with the decoded bytes. */
  view(end: number): Uint8Array {
    const stop = this.stop(end)
    const start = this.pos
    if (start === stop) return EMPTY_BYTES
    this.pos = stop
    if (this.#memory === undefined) {
      this.#memory = this.bytes.buffer
      this.#memoryStart = this.bytes.byteOffset
    }
    return new Uint8Array(this.#memory, this.#memoryStart + start, stop - start)
  }

  /**
   * The next view; put behind `first` when the field occurred before, which is how encoded messages merge.
   * A message whose merging copies more than MERGE_BYTES in all is malformed: no writer makes one.
   */
  merged(first: Uint8Array | undefined, end: number): Uint8Array {
    const second = this.view(end)
    if (first === undefined || first.length === 0) return second
    if (second.length === 0) return first
    const merged = new Uint8Array(first.length + second.length)
    this.#mergeBytes -= merged.length
    if (this.#mergeBytes < 0) throw new MalformedMessage()
    merged.set(first)
    merged.set(second, first.length)
    return merged
  }

  /** `field` is the full name of the field, for the error. */
  string(end: number, field: string): string {
    const stop = this.stop(end)
    const { bytes, pos } = this
    this.pos = stop
    if (pos === stop) return ''
    if (stop - pos > constants.MAX_STRING_LENGTH) throw new MalformedMessage()
    for (let i = pos; i < stop; i++) {
      if (bytes[i]! < 128) continue
      if (!isUtf8(bytes.subarray(i, stop))) throw new MalformedMessage(`proto: field ${field} contains invalid UTF-8`)
      return utf8Slice.call(bytes, pos, stop)
    }
    return latin1Slice.call(bytes, pos, stop)
  }

  /** Skips the content of a field that the message type does not know. */
  skip(tag: number, end: number): void {
    switch (tag & 7) {
      case 0:
        this.#short(end)
        return
      case 1:
        this.#advance(8, end)
        return
      case 2:
        this.pos = this.stop(end)
        return
      case 3:
        this.#skipGroup(tag >>> 3, end)
        return
      case 5:
        this.#advance(4, end)
        return
      default:
        throw new MalformedMessage()
    }
  }

  #advance(count: number, end: number): void {
    if (end - this.pos < count) throw new MalformedMessage()
    this.pos += count
  }

  /** Groups are long out of use, but old writers may know fields that we do not. */
  #skipGroup(number: number, end: number): void {
    if (this.depth-- <= 0) throw new MalformedMessage()
    while (this.pos < end) {
      const tag = this.tag(end)
      if ((tag & 7) === 4) {
        if (tag >>> 3 !== number) throw new MalformedMessage()
        this.depth++
        return
      }
      this.skip(tag, end)
    }
    throw new MalformedMessage()
  }

  /** For a known field whose wire type is not the one of its type. */
  wrongType(): never {
    throw new MalformedMessage()
  }
}

const checkRange = (bytes: Uint8Array, start: number, end: number): void => {
  if (!(start >= 0 && start <= end && end <= bytes.length)) throw new RangeError(`no range: [${start}, ${end})`)
}
