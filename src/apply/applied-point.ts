// Up to where the state in the backend goes, and the batches that carry it there.

import { type Index, NO_INDEX, type Term } from '../base/index.js'
import type { BackendRow, RowSink } from '../env/index.js'
import type { Store } from '../mvcc/index.js'

/** Where applying stands: written to the backend in the batch that holds the effects up to it. */
export interface AppliedPoint {
  readonly index: Index
  readonly term: Term
}

/** Rows that the parts around the store change between two commits of the backend. */
export class RowBuffer implements RowSink {
  #rows: BackendRow[] = []
  #bytes = 0

  get length(): number {
    return this.#rows.length
  }

  /** Of keys and values, with a fixed share per row for its objects. */
  get bytes(): number {
    return this.#bytes
  }

  put(bucket: BackendRow['bucket'], key: Uint8Array, value: Uint8Array): void {
    this.#rows.push({ bucket, key, value })
    this.#bytes += key.length + value.length + ROW_OVERHEAD_BYTES
  }

  delete(bucket: BackendRow['bucket'], key: Uint8Array): void {
    this.#rows.push({ bucket, key, value: undefined })
    this.#bytes += key.length + ROW_OVERHEAD_BYTES
  }

  take(): BackendRow[] {
    const rows = this.#rows
    this.#rows = []
    this.#bytes = 0
    return rows
  }
}

/** Three small objects and two byte arrays. */
const ROW_OVERHEAD_BYTES = 200

/** The voters as of the last applied change, in the bucket `meta`. */
export const CONF_STATE = Buffer.from('confState')
/** The applied index, in the bucket `meta`: a store without it holds no state. */
export const CONSISTENT_INDEX = Buffer.from('consistent_index')
const TERM = Buffer.from('term')

/**
 * Everything that changed since the last call, as one batch for the backend. The only place where the applied index is
 * written: it is in the same atomic batch as the changes that it covers.
 */
export function collectBatch(
  machine: { readonly applied: AppliedPoint },
  store: Store,
  rows: RowBuffer,
): CollectedBatch {
  const token = store.collectRows(rows)
  const { index, term } = machine.applied
  if (index !== NO_INDEX) {
    rows.put('meta', CONSISTENT_INDEX, uint64(index))
    rows.put('meta', TERM, uint64(term))
  }
  return { rows: rows.take(), token }
}

export interface CollectedBatch {
  readonly rows: readonly BackendRow[]
  /** For `Store.flushed`, once the backend holds the rows. */
  readonly token: number
}

/** Reads what `collectBatch` wrote; undefined on an empty backend. */
export function readAppliedPoint(get: (key: Uint8Array) => Uint8Array | undefined): AppliedPoint | undefined {
  const index = get(CONSISTENT_INDEX)
  const term = get(TERM)
  if (index === undefined) return undefined
  return { index: readUint64(index) as Index, term: (term === undefined ? 0 : readUint64(term)) as Term }
}

const uint64 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

const readUint64 = (bytes: Uint8Array): number => Number(Buffer.from(bytes).readBigUInt64BE(0))
