// Which applied entries stay in memory: enough for members that lag a little, never more than a bounded amount.

import { type Index, RingQueue, index as toIndex } from '../base/index.js'
import type { LogEntry } from '../env/index.js'

/** Entries are dropped in runs of about this many: dropping moves all that stay. */
const RUN = 100
/** Per entry besides its data. */
const ENTRY_OVERHEAD_BYTES = 200

/**
 * Who may still ask for applied entries. `nobody`: there is no other member. `laggards`: others may lag a little. `newcomer`: one
 * gets a snapshot, and then what follows on it.
 */
export type EntryReaders = 'nobody' | 'laggards' | 'newcomer'

/**
 * etcd keeps a number of entries whatever their size, which with large values is gigabytes; here bytes count too.
 * Bounds: `entriesMax` plus one run, and `bytesMax` plus the newest entry; for a newcomer `heldBytesMax` plus the newest entry.
 * A lone member keeps less than one run: entries that live for many thousand writes would be moved and marked by every
 * collection of garbage, for nobody.
 */
export class LogRetention {
  readonly #entriesMax: number
  readonly #bytesMax: number
  readonly #heldBytesMax: number
  readonly #sizes = new RingQueue<number>()
  #bytes = 0
  #last: number

  /** `after`: the log in memory begins behind it. */
  constructor(options: { entriesMax: number; bytesMax: number; heldBytesMax: number; after: Index }) {
    this.#entriesMax = options.entriesMax
    this.#bytesMax = options.bytesMax
    this.#heldBytesMax = options.heldBytesMax
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
  takeDue(readers: EntryReaders): Index | undefined {
    const entriesMax = readers === 'newcomer' ? Infinity : readers === 'nobody' ? 0 : this.#entriesMax
    const bytesMax = readers === 'newcomer' ? this.#heldBytesMax : this.#bytesMax
    if (this.#sizes.length < entriesMax + RUN && this.#bytes <= bytesMax) return undefined
    const before = this.#sizes.length
    while (this.#sizes.length > 1 && (this.#sizes.length > entriesMax || this.#bytes > bytesMax)) {
      this.#bytes -= this.#sizes.shift()!
    }
    return this.#sizes.length === before ? undefined : toIndex(this.#last - this.#sizes.length)
  }
}
