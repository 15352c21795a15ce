// Memory of the chunk rows that stay: those not written yet and those of the cache. V8 counts such a row among its old objects and
// as external memory, of which 64 MiB more than at the last full collection bring the next one; and while that marks, allocations
// of further external memory each do 5 ms of its work (V8 11: Heap::ReportExternalMemoryPressure). With a new row for every
// 16 KiB written that was a collection every two seconds, and delays of the loop of up to 100 ms.

import { CHUNK_BYTES, type ChunkView } from './chunk.js'

/** Rows of full chunks are at most this large. */
const SLOT_BYTES = CHUNK_BYTES
/** Smaller rows have memory of their own: they are few, and would waste more than half of a slot. */
const SHARE_BYTES_MIN = SLOT_BYTES / 2
/** Unused slots that are kept: about what commits let go at once. */
const SLOTS_FREE_MAX = 2048
/** What a test sees of a row that it should not look at any more. */
const SPOILED = 0xdb

/**
 * Lends rows their memory. A row that was let go stays as it is until the next `reclaim`; from then on another row may be in its
 * place. So whoever keeps a part of a row for longer than a turn copies it, or marks the view as held.
 */
export class RowMemory {
  readonly #spoils: boolean
  readonly #free: Uint8Array[] = []
  #left: ChunkView[] = []
  /** Rows that took the place of another one. */
  reused = 0

  /** `spoils`: overwrites reclaimed memory at once, so that tests find out who still reads it. */
  constructor(spoils = false) {
    this.#spoils = spoils
  }

  /** An owned row; its bytes are anything. */
  take(sizeBytes: number): Uint8Array {
    if (sizeBytes < SHARE_BYTES_MIN || sizeBytes > SLOT_BYTES) return Buffer.allocUnsafeSlow(sizeBytes)
    const slot = this.#free.pop()
    if (slot !== undefined) this.reused++
    return (slot ?? Buffer.allocUnsafeSlow(SLOT_BYTES)).subarray(0, sizeBytes)
  }

  /** `row` itself if it has memory of its own anyway, otherwise the same in a slot. */
  adopt(row: Uint8Array): Uint8Array {
    if (row.length < SHARE_BYTES_MIN || row.length > SLOT_BYTES) return row
    const slot = this.take(row.length)
    slot.set(row)
    return slot
  }

  /** Nobody will ask for this row any more; who got it in this turn may read it to the end of the turn. */
  letGo(view: ChunkView): void {
    const { bytes } = view
    if (bytes.length < SHARE_BYTES_MIN || bytes.buffer.byteLength !== SLOT_BYTES) return
    if (this.#free.length + this.#left.length < SLOTS_FREE_MAX) this.#left.push(view)
  }

  /** Called in a turn in which nobody reads: what was let go in earlier turns may be lent again, unless it is held. */
  reclaim(): void {
    for (const { bytes, isHeld } of this.#left) {
      if (isHeld) continue
      const slot = Buffer.from(bytes.buffer)
      if (this.#spoils) slot.fill(SPOILED)
      this.#free.push(slot)
    }
    this.#left = []
  }
}
