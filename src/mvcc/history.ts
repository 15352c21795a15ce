// Reads changes in revision order, for watches that catch up.

import { Change } from './change.js'
import { encodeDeletion, KeyValueReader } from './key-value.js'
import type { RevisionLog } from './revision-log.js'

export class HistoryReader {
  readonly #log: RevisionLog
  readonly #toMain: number
  readonly #reader = new KeyValueReader()
  #main: number
  #done = false

  /** Reads main revisions [fromMain, toMain). */
  constructor(log: RevisionLog, fromMain: number, toMain: number) {
    this.#log = log
    this.#main = fromMain
    this.#toMain = toMain
  }

  /** Main revision that `next` goes on with: everything before it was given out. */
  get position(): number {
    return this.#main
  }

  get done(): boolean {
    return this.#done
  }

  /**
   * The next changes, in order, never part of a main revision: ends behind the first one with which `revisionsMax`
   * changes or `bytesMax` bytes are reached. Empty exactly when `done`.
   * The caller checks between calls that no compaction has passed `position`: what it removed is silently missing.
   */
  next(revisionsMax: number, bytesMax: number): Change[] {
    const changes: Change[] = []
    let bytes = 0
    let sub = 0
    this.#log.pack()
    for (let place = this.#log.seek(this.#main, sub); place !== undefined; place = this.#log.seek(this.#main, sub)) {
      const { view } = place
      for (let { i } = place; i < view.count; i++) {
        const main = view.main(i)
        if (main !== this.#main) {
          if (main >= this.#toMain) return this.#end(changes)
          this.#main = main
          if (changes.length >= revisionsMax || bytes >= bytesMax) return changes
        }
        sub = view.sub(i)
        changes.push(this.#change(view.bytes, view.valueStart(i), view.end(i), view.tombstone(i), main, sub))
        bytes += view.end(i) - view.start(i)
        sub++
      }
    }
    return this.#end(changes)
  }

  #end(changes: Change[]): Change[] {
    this.#main = this.#toMain
    this.#done = changes.length === 0
    return changes
  }

  #change(bytes: Uint8Array, start: number, end: number, tombstone: boolean, main: number, sub: number): Change {
    if (tombstone) {
      const key = this.#reader.readKey(bytes, start, end)
      return new Change(key, 'delete', main, sub, encodeDeletion(key, main), 0)
    }
    this.#reader.read(bytes, start, end)
    return new Change(this.#reader.key, 'put', main, sub, bytes.subarray(start, end), this.#reader.create)
  }
}
