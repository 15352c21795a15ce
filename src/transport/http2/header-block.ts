// A header block that came in several frames.

import { HTTP2_LIMITS } from './limits.js'
import { ErrorCode, Flag, readUint31 } from './protocol.js'

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

/** No flag of the protocol: a mark of ours beside them. The block still has to pass the decoder before the stream is refused. */
export const SELF_DEPENDENT = 0x100

/** Takes padding and priority off a HEADERS frame `bytes[start, end)`; a number is the code of the connection error. */
export function headerFragment(
  flags: number,
  id: number,
  bytes: Buffer,
  start: number,
  end: number,
): { readonly flags: number; readonly start: number; readonly end: number } | ErrorCode {
  let paddingBytes = 0
  if ((flags & Flag.padded) !== 0) {
    if (start === end) return ErrorCode.frameSizeError
    paddingBytes = bytes[start]!
    start++
  }
  if ((flags & Flag.priority) !== 0) {
    if (end - start < PRIORITY_BYTES) return ErrorCode.frameSizeError
    if (readUint31(bytes, start) === id) flags |= SELF_DEPENDENT
    start += PRIORITY_BYTES
  }
  if (start + paddingBytes > end) return ErrorCode.protocolError
  return { flags, start, end: end - paddingBytes }
}

/** Dependency (4 bytes) and weight. */
const PRIORITY_BYTES = 5
