// Reads the records of one segment in order, checks every frame and the CRC chain, and tells a torn tail from corruption.
//
// Torn (what a crash during the last, never acknowledged, write leaves): only in the last segment, and either the file ends
// inside the frame, or a 512-byte piece of it is all zero because that sector was never written. Sectors are written whole
// or not at all, which allows to be stricter than etcd and refuse what a crash cannot make:
//   - a zero length word with data behind it in the same sector,
//   - a length word that the intact head of its record contradicts (etcd takes a damaged length word for the end of the
//     log and drops what follows, even if it was acknowledged),
//   - a length word whose padding bits do not fit its length.
// Differs: etcd repairs the second; here it is refused, because entries that a client saw acknowledged may follow it.

import { crc32c } from '@node-rs/crc32'
import type { FileHandle, FileSystem } from '../../env/index.js'
import { MalformedRecord, WalCorrupt } from './errors.js'
import {
  claimedSize,
  hasZeroSector,
  isZero,
  LENGTH_WORD_SIZE,
  paddingOf,
  readLengthWord,
  RecordType,
  RecordView,
  SECTOR_SIZE,
} from './frame.js'

/** Bytes read at once. Entries are views into such blocks, and neighbours are forgotten together. */
const BLOCK_SIZE = 1024 * 1024

export interface RecordVisitor {
  /** One checked record, with its data in `bytes[start, end)`. @throws MalformedRecord to refuse it. */
  visit(type: number, bytes: Uint8Array, start: number, end: number): void
}

export interface SegmentEnd {
  /** Behind the last good record. */
  readonly offset: number
  /** The running CRC there. */
  readonly crc: number
  /** Why what follows is no record; undefined after a clean end. */
  readonly torn: string | undefined
}

/**
 * @param crc running value from the segment before; 0 at the first one read.
 * @throws WalCorrupt
 */
export const readSegment = async (
  fs: FileSystem,
  path: string,
  isLast: boolean,
  crc: number,
  visitor: RecordVisitor,
): Promise<SegmentEnd> => {
  const file = await fs.open(path, 'read')
  try {
    return await new SegmentReader(path, file, await file.sizeBytes(), isLast, crc).read(visitor)
  } finally {
    await file.close()
  }
}

class SegmentReader {
  readonly #path: string
  readonly #file: FileHandle
  readonly #fileSize: number
  readonly #isLast: boolean
  readonly #record = new RecordView()
  #crc: number
  #block: Uint8Array = new Uint8Array(0)
  /** File offset of the block's first byte. */
  #blockOffset = 0

  constructor(path: string, file: FileHandle, fileSize: number, isLast: boolean, crc: number) {
    this.#path = path
    this.#file = file
    this.#fileSize = fileSize
    this.#isLast = isLast
    this.#crc = crc
  }

  async read(visitor: RecordVisitor): Promise<SegmentEnd> {
    let offset = 0
    for (;;) {
      const left = this.#fileSize - offset
      if (left === 0) return this.#end(offset, undefined)
      if (left < LENGTH_WORD_SIZE) return this.#torn(offset, 'file ends inside a length word')
      if (!this.#holds(offset, LENGTH_WORD_SIZE)) await this.#load(offset, LENGTH_WORD_SIZE)
      const size = readLengthWord(this.#block, offset - this.#blockOffset)
      if (size === 0) return await this.#endAtZeroWord(offset)
      if (size < 0) throw this.#corrupt(offset, 'bad length word')
      const frameSize = LENGTH_WORD_SIZE + size + paddingOf(size)
      if (frameSize > left) return await this.#badRecord(offset, size, 'file ends inside a record')
      if (!this.#holds(offset, frameSize)) await this.#load(offset, frameSize)
      const problem = this.#take(offset, size, visitor)
      if (problem !== undefined) return await this.#badRecord(offset, size, problem)
      offset += frameSize
    }
  }

  /** Checks one record and hands it on; returns what is wrong with it, if a torn write could be the reason. */
  #take(offset: number, size: number, visitor: RecordVisitor): string | undefined {
    const record = this.#record
    const start = offset + LENGTH_WORD_SIZE - this.#blockOffset
    try {
      record.read(this.#block, start, start + size)
    } catch (error) {
      if (error instanceof MalformedRecord) return `malformed record (${error.message})`
      throw error
    }
    const { type, dataStart, dataEnd } = record
    if (type === RecordType.crc) {
      if (dataEnd > dataStart) throw this.#corrupt(offset, 'CRC record with data')
      if (this.#crc !== 0 && record.crc !== this.#crc) return 'CRC mismatch'
      this.#crc = record.crc
    } else {
      const crc = dataEnd === dataStart ? this.#crc : crc32c(this.#block.subarray(dataStart, dataEnd), this.#crc)
      if (crc !== record.crc) return 'CRC mismatch'
      this.#crc = crc
    }
    // From here on the record is what was written: whatever is wrong with it, no torn write did it.
    try {
      visitor.visit(type, this.#block, dataStart, dataEnd)
    } catch (error) {
      if (error instanceof MalformedRecord) throw this.#corrupt(offset, error.message)
      throw error
    }
    return undefined
  }

  async #endAtZeroWord(offset: number): Promise<SegmentEnd> {
    const rest = Math.min(SECTOR_SIZE - (offset % SECTOR_SIZE), this.#fileSize - offset)
    if (!this.#holds(offset, rest)) await this.#load(offset, rest)
    const start = offset - this.#blockOffset
    if (!isZero(this.#block, start, start + rest)) throw this.#corrupt(offset, 'zero length word before data')
    return this.#end(offset, undefined)
  }

  /** Torn or corrupt? `size` is what the length word says. */
  async #badRecord(offset: number, size: number, problem: string): Promise<SegmentEnd> {
    const recordOffset = offset + LENGTH_WORD_SIZE
    const frameEnd = recordOffset + size + paddingOf(size)
    const end = Math.min(frameEnd, this.#fileSize)
    if (!this.#holds(offset, end - offset)) await this.#load(offset, end - offset)
    const start = recordOffset - this.#blockOffset
    const stop = end - this.#blockOffset

    const claimed = claimedSize(this.#block, start, stop)
    const toSector = SECTOR_SIZE - (recordOffset % SECTOR_SIZE)
    const firstPieceEnd = Math.min(stop, start + toSector)
    const secondPieceEnd = Math.min(stop, firstPieceEnd + SECTOR_SIZE)
    // The head of a record lies in one sector or in two; where they were written, it must say what the length word says.
    const headMissing =
      isZero(this.#block, start, firstPieceEnd) ||
      (firstPieceEnd - start < HEAD_SIZE_MAX && isZero(this.#block, firstPieceEnd, secondPieceEnd))
    const headFits = claimed === size || claimed === 'short'
    if (!headMissing && !headFits) throw this.#corrupt(offset, problem)

    if (end < frameEnd || hasZeroSector(this.#block, start, stop, recordOffset)) return this.#torn(offset, problem)
    throw this.#corrupt(offset, problem)
  }

  #torn(offset: number, problem: string): SegmentEnd {
    if (!this.#isLast) throw this.#corrupt(offset, problem)
    return this.#end(offset, problem)
  }

  #end(offset: number, torn: string | undefined): SegmentEnd {
    return { offset, crc: this.#crc, torn }
  }

  #corrupt(offset: number, what: string): WalCorrupt {
    return new WalCorrupt(this.#path, what, offset)
  }

  #holds(offset: number, length: number): boolean {
    return offset >= this.#blockOffset && offset + length <= this.#blockOffset + this.#block.length
  }

  async #load(offset: number, length: number): Promise<void> {
    this.#block = await this.#file.read(offset, Math.max(length, BLOCK_SIZE))
    this.#blockOffset = offset
    if (this.#block.length < length) throw this.#corrupt(offset, 'file became shorter while it was read')
  }
}

/** `08 type 10 crc 1a length`, with varints of at most 1, 5 and 6 bytes. */
const HEAD_SIZE_MAX = 15
