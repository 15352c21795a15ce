// The borders to the reference's form of the bucket `key`, one row per revision: import of a database, export of one.

import { concatBytes, EMPTY_BYTES } from '../base/index.js'
import type { Backend, BackendSlice, RowSink } from '../env/index.js'
import { CHUNK_BYTES, CHUNK_ENTRY_BYTES, ChunkBuilder, ChunkView, isDead, isDeadRowKey } from './chunk.js'
import { isTombstoneKey, mainOf, revisionKey, subOf } from './revision-key.js'

export interface RevisionRow {
  /** 17 bytes, 18 for a tombstone. */
  readonly key: Uint8Array
  /** KeyValue. */
  readonly value: Uint8Array
}

/** Packs revision rows into chunk rows. */
export class RevisionRows {
  readonly #builder = new ChunkBuilder()
  #main = 0
  #sub = 0

  /** Adds a row behind all before it; both parts become frozen. @throws CorruptStore for a malformed key. */
  add(sink: RowSink, { key, value }: RevisionRow): void {
    const tombstone = isTombstoneKey(key)
    const bytes = concatBytes([key, value])
    if (this.#builder.count > 0 && this.#builder.rowBytes + bytes.length + CHUNK_ENTRY_BYTES > CHUNK_BYTES)
      this.finish(sink)
    if (this.#builder.count === 0) {
      this.#main = mainOf(key, 0)
      this.#sub = subOf(key, 0)
    }
    this.#builder.add(bytes, 0, bytes.length, tombstone)
  }

  /** Gives out what is still open. */
  finish(sink: RowSink): void {
    if (this.#builder.count > 0) sink.put('key', revisionKey(this.#main, this.#sub), this.#builder.build())
  }
}

/** All revisions of a backend, as of the call, in order and in slices; views into the rows read. */
export const scanRevisions = (backend: Backend): AsyncGenerator<RevisionRow[]> =>
  unpackSlices(backend.scan('key', EMPTY_BYTES, undefined))

async function* unpackSlices(slices: AsyncIterable<BackendSlice>): AsyncGenerator<RevisionRow[]> {
  // A chunk's list of gone revisions is the row right behind it.
  let chunk: ChunkView | undefined
  for await (const slice of slices) {
    const rows: RevisionRow[] = []
    for (const { key, value } of slice) {
      const dead = isDeadRowKey(key)
      if (chunk !== undefined) unpack(chunk, dead ? value : undefined, rows)
      chunk = dead ? undefined : new ChunkView(value)
    }
    if (rows.length > 0) yield rows
  }
  if (chunk === undefined) return
  const rows: RevisionRow[] = []
  unpack(chunk, undefined, rows)
  yield rows
}

const unpack = (view: ChunkView, dead: Uint8Array | undefined, rows: RevisionRow[]): void => {
  for (let i = 0; i < view.count; i++) {
    if (isDead(dead, i)) continue
    rows.push({
      key: view.bytes.subarray(view.start(i), view.valueStart(i)),
      value: view.bytes.subarray(view.valueStart(i), view.end(i)),
    })
  }
}
