// Frames and records of a segment.
//
//   frame   | 8 bytes  length word, little endian | n bytes  Record | pad zeros, so that the next frame is 8-aligned |
//   word    low 56 bits = n; when n % 8 != 0 the top byte is 0x80 | pad with pad = 8 - n % 8, else 0
//   Record  type=1 varint, crc=2 varint (u32), data=3 bytes (absent when empty)
//
// `crc` is the CRC-32C over the data of all records from the beginning of the log up to and including this one.

import { FieldReader } from './protobuf.js'

export const RecordType = { metadata: 1, entry: 2, state: 3, crc: 4, snapshot: 5 } as const

export const LENGTH_WORD_SIZE = 8
/** What a disk writes whole or not at all; etcd's rule for torn records rests on it. */
export const SECTOR_SIZE = 512

/** Zero bytes after a record of `size` bytes. */
export const paddingOf = (size: number): number => (8 - (size & 7)) & 7

export const putLengthWord = (bytes: Uint8Array, pos: number, size: number): void => {
  const pad = paddingOf(size)
  bytes[pos] = size & 0xff
  bytes[pos + 1] = (size >>> 8) & 0xff
  bytes[pos + 2] = (size >>> 16) & 0xff
  bytes[pos + 3] = size >>> 24
  bytes[pos + 4] = 0
  bytes[pos + 5] = 0
  bytes[pos + 6] = 0
  bytes[pos + 7] = pad === 0 ? 0 : 0x80 | pad
}

/** The record's size; 0 for the zero word that ends the data of a file; -1 for a word that no writer makes. */
export const readLengthWord = (bytes: Uint8Array, pos: number): number => {
  const low = (bytes[pos]! | (bytes[pos + 1]! << 8) | (bytes[pos + 2]! << 16) | (bytes[pos + 3]! << 24)) >>> 0
  const high = bytes[pos + 4]! | (bytes[pos + 5]! << 8) | (bytes[pos + 6]! << 16)
  const size = high * 0x1_0000_0000 + low
  const pad = paddingOf(size)
  const top = bytes[pos + 7]!
  return top === (pad === 0 ? 0 : 0x80 | pad) ? size : -1
}

/** Where the parts of a record lie; one instance is filled again and again. */
export class RecordView {
  type = 0
  crc = 0
  dataStart = 0
  dataEnd = 0

  /** @throws MalformedRecord */
  read(bytes: Uint8Array, start: number, end: number): void {
    const reader = new FieldReader(bytes, start, end)
    this.type = 0
    this.crc = 0
    this.dataStart = end
    this.dataEnd = end
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) this.type = reader.counter()
      else if (field === 2) this.crc = reader.counter()
      else if (field === 3) {
        this.dataStart = reader.pos
        const length = reader.skipBytes()
        this.dataEnd = reader.pos
        this.dataStart = reader.pos - length
      } else reader.unknown()
    }
  }
}

/**
 * The record size that the head of a record claims: `08 type 10 crc [1a length]`. Undefined when the bytes are no such head,
 * `'short'` when they end inside it.
 */
export const claimedSize = (bytes: Uint8Array, start: number, end: number): number | 'short' | undefined => {
  let pos = start
  const varint = (): number | 'short' | undefined => {
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      if (pos >= end) return 'short'
      const byte = bytes[pos++]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      if (scale > 0x10_0000_0000) return undefined
    }
  }
  for (const tag of [0x08, 0x10]) {
    if (pos >= end) return 'short'
    if (bytes[pos++] !== tag) return undefined
    const value = varint()
    if (value === undefined || value === 'short') return value
  }
  if (pos >= end) return 'short'
  if (bytes[pos] !== 0x1a) return pos - start
  pos++
  const length = varint()
  return length === undefined || length === 'short' ? length : pos - start + length
}

/** Whether a sector-sized piece of `bytes[start, end)` is all zero; pieces are cut at file offsets (`fileOffset` of start). */
export const hasZeroSector = (bytes: Uint8Array, start: number, end: number, fileOffset: number): boolean => {
  for (let pos = start; pos < end;) {
    const pieceEnd = Math.min(end, pos + SECTOR_SIZE - ((fileOffset + pos - start) % SECTOR_SIZE))
    if (isZero(bytes, pos, pieceEnd)) return true
    pos = pieceEnd
  }
  return false
}

export const isZero = (bytes: Uint8Array, start: number, end: number): boolean => {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false
  return true
}
