// Header blocks to fields (RFC 7541, 3 and 6).
//
//   1xxxxxxx  indexed field               6.1
//   01xxxxxx  literal, joins the table    6.2.1
//   001xxxxx  new size of the table       6.3
//   0000xxxx  literal, does not join      6.2.2
//   0001xxxx  literal, never joins        6.2.3
// x begins an integer (5.1) which runs on while its bytes have the high bit; index 0 in a literal: a name follows.

import { CompressionError } from './compression-error.js'
import { DynamicTable } from './dynamic-table.js'
import { HeaderField } from './field.js'
import { huffmanDecode } from './huffman.js'
import { DYNAMIC_START, STATIC_TABLE } from './static-table.js'

/** No length, index or size of ours comes near; five bytes of an integer are enough for it. */
const INTEGER_MAX = 2 ** 28 - 1

export class HpackDecoder {
  readonly #table: DynamicTable
  readonly #tableBytesMax: number
  readonly #listBytesMax: number
  #bytes: Uint8Array = new Uint8Array(0)
  #pos = 0
  #end = 0
  #generation = 0
  #oversize = false

  /**
   * `tableBytesMax` is our SETTINGS_HEADER_TABLE_SIZE. Of lists beyond `listBytesMax` (RFC 9113, 6.5.2) only the beginning is
   * returned; the tables still follow the whole block.
   */
  constructor(tableBytesMax: number, listBytesMax: number) {
    this.#tableBytesMax = tableBytesMax
    this.#listBytesMax = listBytesMax
    this.#table = new DynamicTable(tableBytesMax)
  }

  /** Changes with the dynamic table: the same bytes mean the same fields as long as it stands still. */
  get generation(): number {
    return this.#generation
  }

  /** The last list was longer than allowed. */
  get oversize(): boolean {
    return this.#oversize
  }

  /**
   * Decodes the block `bytes[start, end)`. Owned result.
   * @throws CompressionError; the decoder is useless from then on.
   */
  decode(bytes: Uint8Array, start: number, end: number): HeaderField[] {
    this.#bytes = bytes
    this.#pos = start
    this.#end = end
    this.#oversize = false
    const fields: HeaderField[] = []
    let sizeBytes = 0
    while (this.#pos < end) {
      const first = bytes[this.#pos]!
      let field: HeaderField
      if (first >= 0x80) field = this.#entry(this.#integer(0x7f))
      else if (first >= 0x40) {
        field = this.#literal(0x3f)
        this.#table.add(field)
        this.#generation++
      } else if (first >= 0x20) {
        if (fields.length > 0 || this.#oversize) throw new CompressionError('table size update after a field')
        this.#resize(this.#integer(0x1f))
        continue
      } else field = this.#literal(0x0f)
      sizeBytes += field.sizeBytes
      if (sizeBytes <= this.#listBytesMax) fields.push(field)
      else this.#oversize = true
    }
    this.#bytes = EMPTY
    return fields
  }

  #resize(maxBytes: number): void {
    if (maxBytes > this.#tableBytesMax) throw new CompressionError('table size above the agreed maximum')
    this.#table.resize(maxBytes)
    this.#generation++
  }

  #entry(index: number): HeaderField {
    if (index === 0) throw new CompressionError('index 0')
    const field = index < DYNAMIC_START ? STATIC_TABLE[index - 1] : this.#table.at(index - DYNAMIC_START)
    if (field === undefined) throw new CompressionError('index beyond the tables')
    return field
  }

  #literal(mask: number): HeaderField {
    const index = this.#integer(mask)
    const name = index === 0 ? this.#string() : this.#entry(index).name
    return new HeaderField(name, this.#string())
  }

  #string(): string {
    if (this.#pos >= this.#end) throw new CompressionError('block ends within a field')
    const huffman = this.#bytes[this.#pos]! >= 0x80
    const length = this.#integer(0x7f)
    const start = this.#pos
    const end = start + length
    if (end > this.#end) throw new CompressionError('block ends within a string')
    this.#pos = end
    return huffman ? huffmanDecode(this.#bytes, start, end) : latin1(this.#bytes, start, end)
  }

  /** Integer whose first byte holds the bits of `mask`. */
  #integer(mask: number): number {
    const first = this.#bytes[this.#pos++]! & mask
    if (first < mask) return first
    let value = mask
    for (let shift = 1; ; shift *= 128) {
      if (this.#pos >= this.#end) throw new CompressionError('block ends within an integer')
      const byte = this.#bytes[this.#pos++]!
      value += (byte & 0x7f) * shift
      if (value > INTEGER_MAX || shift > INTEGER_MAX) throw new CompressionError('integer too large')
      if (byte < 0x80) return value
    }
  }
}

const EMPTY = new Uint8Array(0)

/** Most literals are short: building them costs less than crossing into native code. */
function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > 12) return asBuffer(bytes).toString('latin1', start, end)
  let text = ''
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!)
  return text
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
