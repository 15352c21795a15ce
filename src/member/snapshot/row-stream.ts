// All rows of a store as one stream of bytes: what a snapshot for another member consists of, on the wire and in the file that
// the receiver keeps until it has installed it.
//
//   header  0   4   "QRow"
//           4   1   version, 1
//           5   8   cluster id         } big endian
//          13   8   applied index      }
//          21   8   term of that entry }
//   row     0   1   bucket: its position in BUCKETS
//           1   v   length of the key, varint
//               k   key
//               v   length of the value, varint
//               n   value
//   end     0   1   ff
//           1   v   number of rows, varint
//               4   CRC-32C of everything before, big endian
//
// Rows come bucket by bucket, each in key order.

import { crc32c } from '@node-rs/crc32'
import { type ClusterId, EMPTY_BYTES, type Index, type Term, clusterId, index, term } from '../../base/index.js'
import { type BackendView, type Bucket, BUCKETS } from '../../env/index.js'

export interface RowStreamHeader {
  readonly clusterId: ClusterId
  readonly index: Index
  readonly term: Term
}

/** The bytes are no such stream, or not all of it. */
export class MalformedRows extends Error {
  override readonly name = 'MalformedRows'
}

const MAGIC = 0x51526f77
const VERSION = 1
const HEADER_BYTES = 29
const END = 0xff
const CRC_BYTES = 4
const VARINT_BYTES_MAX = 8
/** Chunks end at the first row boundary at or past this size. */
export const CHUNK_BYTES = 256 * 1024
/** A longer row is taken for damage: far above what any request may carry. */
const ROW_BYTES_MAX = 512 * 1024 * 1024

/** The stream of a view, in chunks that are valid until the next is asked for. The view stays the caller's. */
export async function* encodeRows(view: BackendView, header: RowStreamHeader): AsyncGenerator<Uint8Array, void, void> {
  const chunk = new ChunkBuilder()
  chunk.header(header)
  let rows = 0
  for (const bucket of BUCKETS) {
    for await (const slice of view.scan(bucket, EMPTY_BYTES, undefined, CHUNK_BYTES)) {
      for (const { key, value } of slice) {
        chunk.row(bucket, key, value)
        rows++
        if (chunk.length < CHUNK_BYTES) continue
        yield chunk.take()
      }
    }
  }
  chunk.end(rows)
  yield chunk.take()
}

class ChunkBuilder {
  #bytes = Buffer.allocUnsafe(CHUNK_BYTES + CHUNK_BYTES / 4)
  #length = 0
  #crc = 0

  get length(): number {
    return this.#length
  }

  header(header: RowStreamHeader): void {
    this.#length = this.#bytes.writeUInt32BE(MAGIC, 0)
    this.#length = this.#bytes.writeUInt8(VERSION, this.#length)
    this.#uint64(header.clusterId)
    this.#uint64(BigInt(header.index))
    this.#uint64(BigInt(header.term))
  }

  row(bucket: Bucket, key: Uint8Array, value: Uint8Array): void {
    this.#reserve(1 + 2 * VARINT_BYTES_MAX + key.length + value.length)
    this.#bytes[this.#length++] = BUCKETS.indexOf(bucket)
    this.#varint(key.length)
    this.#raw(key)
    this.#varint(value.length)
    this.#raw(value)
  }

  end(rows: number): void {
    this.#reserve(1 + VARINT_BYTES_MAX + CRC_BYTES)
    this.#bytes[this.#length++] = END
    this.#varint(rows)
    const crc = crc32c(this.#bytes.subarray(0, this.#length), this.#crc)
    this.#length = this.#bytes.writeUInt32BE(crc, this.#length)
  }

  /** What was added since the last call, valid until something is added. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#length)
    this.#crc = crc32c(bytes, this.#crc)
    this.#length = 0
    return bytes
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(needed)
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }

  #raw(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #uint64(value: bigint): void {
    this.#length = this.#bytes.writeBigUInt64BE(value, this.#length)
  }

  #varint(value: number): void {
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[this.#length++] = (rest % 0x80) | 0x80
    this.#bytes[this.#length++] = rest
  }
}

/** Takes rows; the arguments are valid until the call returns. */
export type OnRow = (bucket: Bucket, key: Uint8Array, value: Uint8Array) => void

/** Reads a stream that arrives in pieces of any size. Holds the bytes of an incomplete row, no more. */
export class RowStreamReader {
  readonly #onRow: OnRow
  #bytes = Buffer.allocUnsafe(2 * CHUNK_BYTES)
  /** Bytes held, from the start of `#bytes`. */
  #length = 0
  /** How many must be held before looking again is of use. */
  #needed = HEADER_BYTES
  #header: RowStreamHeader | undefined
  #crc = 0
  #rows = 0
  #ended = false

  constructor(onRow: OnRow) {
    this.#onRow = onRow
  }

  /** Undefined until enough has arrived. */
  get header(): RowStreamHeader | undefined {
    return this.#header
  }

  get rows(): number {
    return this.#rows
  }

  /** @throws MalformedRows; nothing can be pushed afterwards. */
  push(piece: Uint8Array): void {
    if (this.#ended && piece.length > 0) throw new MalformedRows('bytes behind the end of the rows')
    this.#append(piece)
    if (this.#length < this.#needed) return
    let at = 0
    if (this.#header === undefined) {
      this.#header = this.#readHeader()
      at = HEADER_BYTES
    }
    this.#needed = 0
    while (this.#needed === 0 && !this.#ended) at = this.#readRow(at)
    this.#crc = crc32c(this.#bytes.subarray(0, at), this.#crc)
    if (this.#ended) this.#checkEnd(at)
    this.#bytes.copyWithin(0, at, this.#length)
    this.#length -= at
  }

  /** Nothing more will come. @throws MalformedRows unless everything was there. */
  finish(): void {
    if (!this.#ended) throw new MalformedRows('the rows end too early')
  }

  #append(piece: Uint8Array): void {
    const needed = this.#length + piece.length
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length))
      larger.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = larger
    }
    this.#bytes.set(piece, this.#length)
    this.#length = needed
  }

  #readHeader(): RowStreamHeader {
    const bytes = this.#bytes
    if (bytes.readUInt32BE(0) !== MAGIC) throw new MalformedRows('no rows of a snapshot')
    const version = bytes.readUInt8(4)
    if (version !== VERSION) throw new MalformedRows(`rows of unknown version ${version}`)
    const at = bytes.readBigUInt64BE(13)
    const atTerm = bytes.readBigUInt64BE(21)
    if (at > Number.MAX_SAFE_INTEGER || atTerm > Number.MAX_SAFE_INTEGER) throw new MalformedRows('index out of range')
    return { clusterId: clusterId(bytes.readBigUInt64BE(5)), index: index(Number(at)), term: term(Number(atTerm)) }
  }

  /** The position behind the row at `at`, or `at` itself with `#needed` set when it is not complete. */
  #readRow(at: number): number {
    const kind = this.#bytes[at]!
    if (at >= this.#length) return this.#wait(at, 1)
    if (kind === END) return this.#readEnd(at)
    const bucket = BUCKETS[kind]
    if (bucket === undefined) throw new MalformedRows(`a row of unknown bucket ${kind}`)
    const keySize = this.#varint(at + 1)
    if (keySize === undefined) return this.#wait(at, 2)
    const key = at + 1 + keySize.bytes
    if (key + keySize.value > this.#length) return this.#wait(at, key + keySize.value - at)
    const valueSize = this.#varint(key + keySize.value)
    if (valueSize === undefined) return this.#wait(at, key + keySize.value + 1 - at)
    const value = key + keySize.value + valueSize.bytes
    const end = value + valueSize.value
    if (end > this.#length) return this.#wait(at, end - at)
    this.#rows++
    this.#onRow(bucket, this.#bytes.subarray(key, key + keySize.value), this.#bytes.subarray(value, end))
    return end
  }

  #readEnd(at: number): number {
    const count = this.#varint(at + 1)
    const end = at + 1 + (count?.bytes ?? 1)
    if (count === undefined || end + CRC_BYTES > this.#length) return this.#wait(at, end + CRC_BYTES - at)
    if (count.value !== this.#rows) throw new MalformedRows(`${this.#rows} rows instead of ${count.value}`)
    this.#ended = true
    return end
  }

  #checkEnd(at: number): void {
    if (this.#bytes.readUInt32BE(at) !== this.#crc) throw new MalformedRows('the checksum of the rows is wrong')
    if (this.#length > at + CRC_BYTES) throw new MalformedRows('bytes behind the end of the rows')
  }

  #wait(at: number, bytes: number): number {
    if (bytes > ROW_BYTES_MAX) throw new MalformedRows('a row longer than any')
    // A number whose bytes did not all arrive asks for too little; looking once more is harmless.
    this.#needed = Math.max(bytes, this.#length - at + 1)
    return at
  }

  /** Undefined when its bytes did not all arrive. */
  #varint(at: number): { readonly value: number; readonly bytes: number } | undefined {
    let value = 0
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      if (at + i >= this.#length) return undefined
      const byte = this.#bytes[at + i]!
      value += (byte & 0x7f) * 0x80 ** i
      if (value > Number.MAX_SAFE_INTEGER) break
      if (byte < 0x80) return { value, bytes: i + 1 }
    }
    throw new MalformedRows('a number out of range')
  }
}
