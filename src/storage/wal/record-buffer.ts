// Builds frames in one reused buffer and carries the running CRC of the log.

import { crc32c } from '@node-rs/crc32'
import type { LogEntry, LogHardState } from '../../env/index.js'
import { LENGTH_WORD_SIZE, paddingOf, putLengthWord, RecordType } from './frame.js'
import { entrySize, hardStateSize, putEntry, putHardState } from './messages.js'
import { putVarint, varintSize } from './protobuf.js'

const START_SIZE = 64 * 1024
/** A buffer that one huge entry made larger than this is given back afterwards. */
const KEEP_SIZE_MAX = 4 * 1024 * 1024
/** Tag, type, tag, five bytes of CRC: 15 of 16 checksums need all five. */
const HEAD_SIZE = 8
const CRC_SIZE_MAX = 5

export class RecordBuffer {
  #bytes = new Uint8Array(START_SIZE)
  #length = 0
  #crc: number

  /** `crc`: the value after the last record of the log, 0 for a new log. */
  constructor(crc: number) {
    this.#crc = crc
  }

  get length(): number {
    return this.#length
  }

  get crc(): number {
    return this.#crc
  }

  /** Borrowed: valid until the next record is added. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Forgets the bytes; the CRC goes on. */
  clear(): void {
    this.#length = 0
    if (this.#bytes.length > KEEP_SIZE_MAX) this.#bytes = new Uint8Array(START_SIZE)
  }

  addEntry(entry: LogEntry): void {
    const size = entrySize(entry)
    const dataStart = this.#beginData(size)
    putEntry(this.#bytes, dataStart, entry)
    this.#finish(RecordType.entry, dataStart, size)
  }

  addHardState(state: LogHardState): void {
    const size = hardStateSize(state)
    const dataStart = this.#beginData(size)
    putHardState(this.#bytes, dataStart, state)
    this.#finish(RecordType.state, dataStart, size)
  }

  /** For metadata and snapshot records, whose data is at hand as bytes; empty data is left out of the record. */
  addRaw(type: number, data: Uint8Array): void {
    const dataStart = this.#beginData(data.length)
    this.#bytes.set(data, dataStart)
    this.#finish(type, dataStart, data.length)
  }

  /** The record at the head of a segment from which a reader continues the checksum. */
  addCrc(): void {
    this.addRaw(RecordType.crc, EMPTY)
  }

  /** Where the data of a record goes when its CRC takes five bytes. */
  #beginData(size: number): number {
    const lengthField = size === 0 ? 0 : 1 + varintSize(size)
    this.#reserve(LENGTH_WORD_SIZE + HEAD_SIZE + lengthField + size + 7)
    return this.#length + LENGTH_WORD_SIZE + HEAD_SIZE + lengthField
  }

  #finish(type: number, dataStart: number, dataSize: number): void {
    const bytes = this.#bytes
    if (dataSize > 0) this.#crc = crc32c(bytes.subarray(dataStart, dataStart + dataSize), this.#crc)
    const frameStart = this.#length
    const recordStart = frameStart + LENGTH_WORD_SIZE
    const missing = CRC_SIZE_MAX - varintSize(this.#crc)
    if (missing > 0) bytes.copyWithin(dataStart - missing, dataStart, dataStart + dataSize)
    bytes[recordStart] = 0x08
    bytes[recordStart + 1] = type
    bytes[recordStart + 2] = 0x10
    let pos = putVarint(bytes, recordStart + 3, this.#crc)
    if (dataSize > 0) {
      bytes[pos] = 0x1a
      pos = putVarint(bytes, pos + 1, dataSize)
    }
    const recordSize = pos + dataSize - recordStart
    putLengthWord(bytes, frameStart, recordSize)
    const end = recordStart + recordSize + paddingOf(recordSize)
    bytes.fill(0, recordStart + recordSize, end)
    this.#length = end
  }

  #reserve(size: number): void {
    const needed = this.#length + size
    if (needed <= this.#bytes.length) return
    const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    bytes.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = bytes
  }
}

const EMPTY = new Uint8Array(0)
