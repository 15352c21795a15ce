// The few protobuf primitives of log records, entries and hard states. Kept apart from proto/, which reads leniently and writes
// into buffers of its own: these are written straight into the batch buffer and read strictly (messages.ts says why).

import { MalformedRecord } from './errors.js'

export const WIRE_VARINT = 0
export const WIRE_BYTES = 2

export const varintSize = (value: number): number => {
  let size = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++
  return size
}

export const varintSizeOfId = (value: bigint): number => {
  let size = 1
  for (let rest = value; rest >= 0x80n; rest >>= 7n) size++
  return size
}

/** Writes a counter (0..2^53-1) and returns the position behind it. */
export const putVarint = (bytes: Uint8Array, position: number, value: number): number => {
  let pos = position
  let rest = value
  while (rest > 0x7fffffff) {
    bytes[pos++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  while (rest >= 0x80) {
    bytes[pos++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[pos++] = rest
  return pos
}

/** Writes an identifier (u64). */
export const putVarintOfId = (bytes: Uint8Array, position: number, value: bigint): number => {
  let pos = position
  let rest = value
  while (rest >= 0x80n) {
    bytes[pos++] = Number(rest & 0x7fn) | 0x80
    rest >>= 7n
  }
  bytes[pos++] = Number(rest)
  return pos
}

/**
 * Reads fields of one message in `bytes[pos, end)`. `next()` gives field numbers until 0, the end; after it the caller reads
 * the value as what the field is. Every method throws `MalformedRecord` on bytes that do not fit.
 */
export class FieldReader {
  readonly bytes: Uint8Array
  pos: number
  readonly end: number
  #wire = 0
  #field = 0

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes
    this.pos = start
    this.end = end
  }

  /** The next field's number, 0 at the end. */
  next(): number {
    if (this.pos >= this.end) return 0
    const tag = this.#varint()
    this.#field = Math.floor(tag / 8)
    this.#wire = tag % 8
    if (this.#field === 0) throw new MalformedRecord('field number 0')
    return this.#field
  }

  /** A counter of at most 2^53-1. */
  counter(): number {
    this.#expect(WIRE_VARINT)
    return this.#varint()
  }

  /** An opaque u64. */
  id(): bigint {
    this.#expect(WIRE_VARINT)
    return this.#bigVarint()
  }

  /** Moves behind a length-delimited value and returns its length; it ends at `pos`. */
  skipBytes(): number {
    this.#expect(WIRE_BYTES)
    const length = this.#varint()
    if (length > this.end - this.pos) throw new MalformedRecord(`field ${this.#field} is longer than its message`)
    this.pos += length
    return length
  }

  /** A view. */
  view(): Uint8Array {
    const length = this.skipBytes()
    return this.bytes.subarray(this.pos - length, this.pos)
  }

  unknown(): never {
    throw new MalformedRecord(`unexpected field ${this.#field}`)
  }

  #expect(wire: number): void {
    if (this.#wire !== wire) throw new MalformedRecord(`field ${this.#field} has wire type ${this.#wire}`)
  }

  #varint(): number {
    const { bytes } = this
    let value = 0
    let scale = 1
    for (let pos = this.pos; pos < this.end; pos++) {
      const byte = bytes[pos]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break
        this.pos = pos + 1
        return value
      }
      scale *= 0x80
      if (pos - this.pos >= 8) break
    }
    throw new MalformedRecord('bad varint')
  }

  #bigVarint(): bigint {
    let value = 0n
    let shift = 0n
    for (let pos = this.pos; pos < this.end && shift < 70n; pos++) {
      const byte = this.bytes[pos]!
      value |= BigInt(byte & 0x7f) << shift
      shift += 7n
      if (byte < 0x80) {
        if (value > 0xffff_ffff_ffff_ffffn) break
        this.pos = pos + 1
        return value
      }
    }
    throw new MalformedRecord('bad varint')
  }
}
