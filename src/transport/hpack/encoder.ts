// Fields to header blocks. Answers repeat a handful of fields: those are prepared once, join the peer's table with the first
// block that holds them, and cost one byte from then on.

import { FIELD_OVERHEAD_BYTES } from './field.js'
import { DYNAMIC_START, staticFieldIndex, staticNameIndex } from './static-table.js'

/** What both sides start with (RFC 9113, 6.5.2). */
const INITIAL_TABLE_BYTES = 4096
/** The most that kept fields may take of the peer's table. Invariant: nothing is ever evicted. */
const KEPT_BYTES_MAX = 1024

/** A field ready to be written. Frozen and shared by all connections. */
export class PreparedField {
  /** The field as literal, or as index where the static table has it. */
  readonly plain: Uint8Array
  /** The field as literal that joins the table; undefined when it is not worth it. */
  readonly joining: Uint8Array | undefined
  readonly sizeBytes: number

  /** `kept` fields join the peer's table: for a few constants only. `value` holds one byte per code unit. */
  constructor(name: string, value: string, kept = false) {
    const index = staticFieldIndex(name, value)
    this.sizeBytes = name.length + value.length + FIELD_OVERHEAD_BYTES
    this.plain = index > 0 ? integer(0x80, 0x7f, index) : literal(0x00, 0x0f, name, value)
    this.joining = kept && index === 0 ? literal(0x40, 0x3f, name, value) : undefined
  }
}

export class HpackEncoder {
  /** In the order in which they joined. */
  readonly #kept: PreparedField[] = []
  #keptBytes = 0
  #mayKeep = true
  /** The peer has to hear of the table's new size first. */
  #resizeDue = false

  /**
   * The peer's SETTINGS_HEADER_TABLE_SIZE. A smaller table than the initial one is not used at all, which is always right.
   */
  onTableSize(maxBytes: number): void {
    if (maxBytes >= INITIAL_TABLE_BYTES || !this.#mayKeep) return
    this.#mayKeep = false
    this.#kept.length = 0
    this.#keptBytes = 0
    this.#resizeDue = true
  }

  /** No block of these fields is longer. */
  bound(fields: readonly PreparedField[]): number {
    let bytes = 1
    for (const field of fields) bytes += field.plain.length + 2
    return bytes
  }

  /** Writes a block to `out` from `pos` on, which has room for `bound(fields)`; answers where it ends. */
  encode(fields: readonly PreparedField[], out: Uint8Array, pos: number): number {
    if (this.#resizeDue) {
      this.#resizeDue = false
      out[pos++] = 0x20 // size 0
    }
    for (let i = 0; i < fields.length; i++) pos = this.#write(fields[i]!, out, pos)
    return pos
  }

  #write(field: PreparedField, out: Uint8Array, pos: number): number {
    const { joining } = field
    if (joining !== undefined && this.#mayKeep) {
      const kept = this.#kept
      for (let i = 0; i < kept.length; i++) {
        if (kept[i] !== field) continue
        out[pos] = 0x80 | (DYNAMIC_START + kept.length - 1 - i)
        return pos + 1
      }
      if (this.#keptBytes + field.sizeBytes <= KEPT_BYTES_MAX) {
        kept.push(field)
        this.#keptBytes += field.sizeBytes
        return copy(joining, out, pos)
      }
    }
    return copy(field.plain, out, pos)
  }
}

function copy(bytes: Uint8Array, out: Uint8Array, pos: number): number {
  if (bytes.length > 64) out.set(bytes, pos)
  else for (let i = 0; i < bytes.length; i++) out[pos + i] = bytes[i]!
  return pos + bytes.length
}

function literal(pattern: number, mask: number, name: string, value: string): Uint8Array {
  const index = staticNameIndex(name)
  const parts = [integer(pattern, mask, index)]
  if (index === 0) parts.push(...string(name))
  parts.push(...string(value))
  return Uint8Array.from(Buffer.concat(parts))
}

const string = (text: string): Uint8Array[] => [integer(0, 0x7f, text.length), Buffer.from(text, 'latin1')]

function integer(pattern: number, mask: number, value: number): Uint8Array {
  if (value < mask) return Uint8Array.of(pattern | value)
  const bytes = [pattern | mask]
  let rest = value - mask
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}
