// Reads changes in revision order, for watches that catch up.

import { copyBytes } from '../base/index.js'
import { encodeDeletion, KeyValueView } from '../proto/index.js'
import { Change } from './change.js'
import type { RevisionLog } from './revision-log.js'
import type { HistoryReader } from './watch/index.js'

/** A slice ends when its changes are this large together. */
const SLICE_BYTES = 1024 * 1024

/**
 * Changes with from <= main <= to. What a compaction removes before it was read is missing without a word: the caller
 * looks at the compact revision between slices.
 */
export class LogReader implements HistoryReader {
  readonly #log: RevisionLog
  readonly #to: number
  readonly #kv = new KeyValueView()
  #main: number
  #sub = 0
  #done = false

  constructor(log: RevisionLog, from: number, to: number) {
    this.#log = log
    this.#main = from
    this.#to = to
  }

  next(limit: number): readonly Change[] | undefined {
    const changes: Change[] = []
    let bytes = 0
    this.#log.pack()
    while (!this.#done && changes.length < limit && bytes < SLICE_BYTES) {
      const place = this.#log.seek(this.#main, this.#sub)
      if (place === undefined || place.view.main(place.i) > this.#to) {
        this.#done = true
        break
      }
      const { view } = place
      // Changes are kept for longer than a turn, rows are not: those of one row share a copy.
      const first = view.start(place.i)
      const copy = copyBytes(view.bytes.subarray(first, view.end(view.count - 1)))
      for (let { i } = place; i < view.count && changes.length < limit; i++) {
        const main = view.main(i)
        if (main > this.#to) break
        const sub = view.sub(i)
        changes.push(this.#change(copy, view.valueStart(i) - first, view.end(i) - first, view.tombstone(i), main, sub))
        bytes += view.end(i) - view.start(i)
        this.#main = main
        this.#sub = sub + 1
      }
    }
    return this.#done && changes.length === 0 ? undefined : changes
  }

  #change(bytes: Uint8Array, start: number, end: number, tombstone: boolean, main: number, sub: number): Change {
    const kv = this.#kv.load(bytes, start, end)
    const key = kv.key()
    if (tombstone) return new Change(key, 'delete', main, sub, encodeDeletion(key, main), 0)
    return new Change(key, 'put', main, sub, bytes.subarray(start, end), kv.createRevision)
  }
}
