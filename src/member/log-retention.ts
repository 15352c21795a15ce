// Which applied entries stay in memory: enough for members that lag a little, never more than a bounded amount.

import { type Index, RingQueue, index as toIndex } from '../base/index.js'
import type { LogEntry } from '../env/index.js'

/** Entries are dropped in runs of about this many: dropping moves all that stay. */
const RUN = 100
/** Per entry besides its data. */
const ENTRY_OVERHEAD_BYTES = 200

/**
 * etcd keeps a number of entries whatever their size, which with large values is gigabytes; here bytes count too.
 * Bounds: `entriesMax` plus one run, and `bytesMax` plus the newest entry.
 */
export class LogRetention {
  readonly #entriesMax: number
  readonly #bytesMax: number
  readonly #sizes = new RingQueue<number>()
  #bytes = 0
  #last: number

  /** `after`: the log in memory begins behind it. */
  constructor(options: { entriesMax: number; bytesMax: number; after: Index }) {
    this.#entriesMax = options.entriesMax
    this.#bytesMax = options.bytesMax
    this.#last = options.after
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The log was replaced by a snapshot: it begins behind `after`. */
  restart(after: Index): void {
    this.#sizes.clear()
    this.#bytes = 0
    this.#last = after
  }

  /** Entries that were applied, in order. */
  note(entries: readonly LogEntry[]): void {
    for (const { index, data } of entries) {
      if (index <= this.#last) continue
      this.#last = index
      const bytes = data.length + ENTRY_OVERHEAD_BYTES
      this.#sizes.push(bytes)
      this.#bytes += bytes
    }
  }

  /** The index up to which entries should be dropped now; undefined when it is not worth it. At least one entry stays. */
  takeDue(): Index | undefined {
    if (this.#sizes.length < this.#entriesMax + RUN && this.#bytes <= this.#bytesMax) return undefined
    const before = this.#sizes.length
    while (this.#sizes.length > 1 && (this.#sizes.length > this.#entriesMax || this.#bytes > this.#bytesMax)) {
      this.#bytes -= this.#sizes.shift()!
    }
    return this.#sizes.length === before ? undefined : toIndex(this.#last - this.#sizes.length)
  }
}
