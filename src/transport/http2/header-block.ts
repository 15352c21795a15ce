// A header block that came in several frames.

import { HTTP2_LIMITS } from './limits.js'

export class HeaderBlock {
  readonly id: number
  /** Of the HEADERS frame. */
  readonly flags: number
  /** On the clock's monotonic scale. */
  readonly startedMs: number
  readonly #parts: Buffer[] = []
  #sizeBytes = 0

  constructor(id: number, flags: number, startedMs: number) {
    this.id = id
    this.flags = flags
    this.startedMs = startedMs
  }

  /** Adds `bytes[start, end)`, frozen. False: the block is too long, or in too many pieces. */
  add(bytes: Buffer, start: number, end: number): boolean {
    this.#parts.push(bytes.subarray(start, end))
    this.#sizeBytes += end - start
    return this.#sizeBytes <= HTTP2_LIMITS.headerBlockBytes && this.#parts.length <= HTTP2_LIMITS.continuationFrames + 1
  }

  whole(): Buffer {
    return Buffer.concat(this.#parts, this.#sizeBytes)
  }
}
