// The bucket `meta` as one row that moves (docs/design/0011). Every batch changes `meta`. Were its rows at one place, each file that
// LevelDB makes of a memtable would reach from the newest revisions to there; all files would overlap, and every row be merged with
// others and written once more. So the whole bucket is a row among the rows of `key`, behind the newest one, written anew with
// each batch: the rows of heavy writing are in ascending order, and LevelDB leaves them where they are.
//
//   row key, offset  size  content
//   0                17    position: the newest key of bucket `key` so far, cut or filled with zeros to this length
//   17               1     0xff, which no other key has there
//   18               8     sequence number, u64 big-endian, one more with each row
//
//   value: of each row of `meta`  u16 key length, key, u32 value length, value; big-endian
//
// Of several rows the last one counts. It sorts behind all rows of `key`, unless `meta` is empty.

import { compareBytes, concatBytes, EMPTY_BYTES, invariant, keyOf } from '../../base/index.js'
import type { BackendRow } from '../../env/index.js'

const POSITION_BYTES = 17
const MARK = 0xff
const META_ROW_KEY_BYTES = POSITION_BYTES + 1 + 8
const HEAD_BYTES = 2
const VALUE_HEAD_BYTES = 4

/**
 * Rows that were replaced are deleted in one of the next batches. A deletion lies among old revisions and makes LevelDB merge them, so
 * that waits for a batch that deletes revisions anyway; for so many rows; or for fewer where little else is written.
 */
const REPLACED_MAX = 4096
const REPLACED_MIN = 64
const WRITTEN_BYTES_EACH = 4096

export type MetaRows = ReadonlyMap<string, Uint8Array>

interface LevelRow {
  /** In the bucket `key`. */
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** Whether a row that lies in the bucket `key` holds the bucket `meta`. */
export const isMetaRowKey = (key: Uint8Array): boolean =>
  key.length === META_ROW_KEY_BYTES && key[POSITION_BYTES] === MARK

/** What completed writes left of the bucket `meta`. */
export class MetaRow {
  #rows: MetaRows
  #position: Uint8Array
  #sequence: number
  /** Row keys that no batch has deleted yet. */
  #replaced = new Map<string, Uint8Array>()
  #current: Uint8Array | undefined
  /** Bytes of rows of the bucket `key` since replaced ones were deleted. */
  #writtenBytes = 0

  /** `last`: the last row that lies in the bucket `key`, undefined without any. @throws Error when it is malformed. */
  constructor(last: LevelRow | undefined) {
    const isMeta = last !== undefined && isMetaRowKey(last.key)
    this.#rows = isMeta ? decodeMetaRows(last.value) : new Map<string, Uint8Array>()
    this.#position = positionOf(last?.key ?? EMPTY_BYTES)
    this.#current = isMeta ? last.key : undefined
    this.#sequence = isMeta ? sequenceOf(last.key) : 0
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(keyOf(key))?.slice()
  }

  /** In key order; `hi` is exclusive, undefined for no bound. Owned. */
  between(lo: Uint8Array, hi: Uint8Array | undefined): { key: Uint8Array; value: Uint8Array }[] {
    const [from, to] = [keyOf(lo), hi && keyOf(hi)]
    const keys = [...this.#rows.keys()].filter((key) => key >= from && (to === undefined || key < to)).sort()
    return keys.map((key) => ({ key: Buffer.from(key, 'latin1'), value: this.#rows.get(key)!.slice() }))
  }

  /** A scan met this row: it may be a replaced one from before a restart. */
  noteSeen(key: Uint8Array): void {
    if (sequenceOf(key) < this.#sequence) this.#replaced.set(keyOf(key), key.slice())
  }

  /** The batch that LevelDB gets for `rows`; one at a time. */
  batchOf(rows: readonly BackendRow[]): MetaBatch {
    const meta = new Map(this.#rows)
    const levelRows: BackendRow[] = []
    let position = this.#position
    let keyBytes = 0
    let deletesKeys = false
    for (const row of rows) {
      const { bucket, key, value } = row
      if (bucket !== 'meta') levelRows.push(row)
      else if (value === undefined) meta.delete(keyOf(key))
      else meta.set(keyOf(key), value.slice())
      if (bucket !== 'key') continue
      invariant(key[POSITION_BYTES] !== MARK, 'no key that could be taken for the row of meta')
      keyBytes += key.length + (value?.length ?? 0)
      if (value === undefined) deletesKeys = true
      else if (compareBytes(key.subarray(0, POSITION_BYTES), position) > 0) position = positionOf(key)
    }
    // After a put in `key` the last row of that bucket would be another one.
    const isChanged = levelRows.length < rows.length || (keyBytes > 0 && meta.size > 0)
    const rowKey = isChanged ? metaRowKey(position, this.#sequence + 1) : undefined
    const swept = isChanged && (deletesKeys || this.#isWorthSweeping()) ? [...this.#replaced.values()] : []
    if (rowKey !== undefined) levelRows.push({ bucket: 'key', key: rowKey, value: encodeMetaRows(meta) })
    for (const key of swept) levelRows.push({ bucket: 'key', key, value: undefined })
    return {
      rows: levelRows,
      written: () => {
        this.#rows = meta
        this.#position = position
        this.#writtenBytes = swept.length > 0 ? 0 : this.#writtenBytes + keyBytes
        for (const key of swept) this.#replaced.delete(keyOf(key))
        if (rowKey !== undefined) this.#replace(rowKey)
      },
    }
  }

  #replace(rowKey: Uint8Array): void {
    if (this.#current !== undefined) this.#replaced.set(keyOf(this.#current), this.#current)
    this.#current = rowKey
    this.#sequence++
  }

  #isWorthSweeping(): boolean {
    const count = this.#replaced.size
    return count >= REPLACED_MAX || (count >= REPLACED_MIN && this.#writtenBytes < count * WRITTEN_BYTES_EACH)
  }
}

export interface MetaBatch {
  /** Without those of `meta`, and with the row that holds them. */
  readonly rows: readonly BackendRow[]
  /** LevelDB has the rows. */
  written(): void
}

/** Owned. */
const positionOf = (key: Uint8Array): Uint8Array => {
  const position = new Uint8Array(POSITION_BYTES)
  position.set(key.subarray(0, POSITION_BYTES))
  return position
}

const metaRowKey = (position: Uint8Array, sequence: number): Uint8Array => {
  const key = Buffer.alloc(META_ROW_KEY_BYTES)
  key.set(position)
  key[POSITION_BYTES] = MARK
  key.writeBigUInt64BE(BigInt(sequence), POSITION_BYTES + 1)
  return key
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

const sequenceOf = (rowKey: Uint8Array): number => Number(viewOf(rowKey).getBigUint64(POSITION_BYTES + 1))

export const encodeMetaRows = (rows: MetaRows): Uint8Array => {
  const parts: Uint8Array[] = []
  for (const [key, value] of rows) {
    const head = Buffer.alloc(HEAD_BYTES)
    head.writeUInt16BE(key.length)
    const valueHead = Buffer.alloc(VALUE_HEAD_BYTES)
    valueHead.writeUInt32BE(value.length)
    parts.push(head, Buffer.from(key, 'latin1'), valueHead, value)
  }
  return concatBytes(parts)
}

/** Its values are owned. @throws Error for what `encodeMetaRows` does not make. */
export const decodeMetaRows = (bytes: Uint8Array): MetaRows => {
  const rows = new Map<string, Uint8Array>()
  let at = 0
  const take = (size: number): Uint8Array => {
    if (size > bytes.length - at) throw new Error('malformed row of the bucket meta')
    at += size
    return bytes.slice(at - size, at)
  }
  while (at < bytes.length) {
    const key = keyOf(take(viewOf(take(HEAD_BYTES)).getUint16(0)))
    rows.set(key, take(viewOf(take(VALUE_HEAD_BYTES)).getUint32(0)))
  }
  return rows
}
