// Messages out of body bytes. Each is one flag byte (1: compressed), four bytes of length, and the message.

import { gunzipSync } from 'node:zlib'
import { Code, type Status } from '../../env/index.js'
import { grpcText } from '../grpc-text.js'
import { readUint32 } from '../http2/protocol.js'

export const MESSAGE_HEAD_BYTES = 5
/** Smallest memory of a message in pieces. */
const PIECE_BYTES = 16 * 1024

/** Finds the messages in a stream of bytes; those that come whole are left where they are. */
export class MessageReader {
  readonly #bytesMax: number
  /** The message found: `bytes[start, end)` with its flag. */
  bytes: Uint8Array = NOTHING
  start = 0
  end = 0
  flag = 0
  /** Where in the bytes given to `next` the rest begins. */
  pos = 0
  /** What ends the call: a message larger than allowed. */
  problem: Status | undefined = undefined
  readonly #head = new Uint8Array(MESSAGE_HEAD_BYTES)
  #headBytes = 0
  #body: Buffer | undefined
  #bodyBytes = 0
  #wantedBytes = 0

  /** `bytesMax` of a message as it comes over the wire. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Bytes kept of a message that is not complete. */
  get heldBytes(): number {
    return this.#headBytes + (this.#body?.length ?? 0)
  }

  /** In the middle of a message. */
  get isPartial(): boolean {
    return this.#headBytes > 0
  }

  /** Reads on in `bytes[start, end)`, frozen. True: a message is complete. Otherwise all was taken, or there is a `problem`. */
  next(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#headBytes === 0 && end - start >= MESSAGE_HEAD_BYTES) {
      const sizeBytes = readUint32(bytes, start + 1)
      if (!this.#allows(sizeBytes)) return false
      const bodyStart = start + MESSAGE_HEAD_BYTES
      if (end - bodyStart >= sizeBytes) {
        this.flag = bytes[start]!
        this.bytes = bytes
        this.start = bodyStart
        this.pos = this.end = bodyStart + sizeBytes
        return true
      }
    }
    return this.#gather(bytes, start, end)
  }

  #gather(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#headBytes < MESSAGE_HEAD_BYTES) {
      while (this.#headBytes < MESSAGE_HEAD_BYTES && start < end) this.#head[this.#headBytes++] = bytes[start++]!
      if (this.#headBytes < MESSAGE_HEAD_BYTES) return false
      this.#wantedBytes = readUint32(this.#head, 1)
      if (!this.#allows(this.#wantedBytes)) return false
      this.#bodyBytes = 0
    }
    const taken = Math.min(this.#wantedBytes - this.#bodyBytes, end - start)
    this.#append(bytes, start, start + taken)
    if (this.#bodyBytes < this.#wantedBytes) return false
    this.flag = this.#head[0]!
    this.bytes = this.#body ?? NOTHING
    this.start = 0
    this.end = this.#wantedBytes
    this.pos = start + taken
    this.#headBytes = 0
    this.#body = undefined
    return true
  }

  /** Memory grows with what came, not with what was announced. */
  #append(bytes: Uint8Array, start: number, end: number): void {
    const total = this.#bodyBytes + end - start
    if (total === 0) return
    let body = this.#body
    if (body === undefined || total > body.length) {
      const capacity = Math.min(this.#wantedBytes, Math.max(total, 2 * (body?.length ?? 0), PIECE_BYTES))
      const grown = Buffer.allocUnsafeSlow(capacity)
      if (body !== undefined) body.copy(grown, 0, 0, this.#bodyBytes)
      this.#body = body = grown
    }
    body.set(bytes.subarray(start, end), this.#bodyBytes)
    this.#bodyBytes = total
  }

  #allows(sizeBytes: number): boolean {
    if (sizeBytes <= this.#bytesMax) return true
    this.problem = grpcText.tooLarge(sizeBytes, this.#bytesMax)
    return false
  }
}

const NOTHING = new Uint8Array(0)

/** What `grpc-encoding` may name. */
export const isKnownEncoding = (encoding: string | undefined): boolean =>
  encoding === undefined || encoding === 'gzip' || encoding === 'identity' || encoding === ''

/** The message inside a frame whose flag is not 0, or the status that ends the call. Owned result. */
export function unpack(
  flag: number,
  encoding: string | undefined,
  bytes: Uint8Array,
  start: number,
  end: number,
  bytesMax: number,
): Uint8Array | Status {
  if (flag !== 1) return { code: Code.internal, message: `grpc: received unexpected payload format ${flag}` }
  if (encoding !== 'gzip') return grpcText.notCompressed
  try {
    return gunzipSync(bytes.subarray(start, end), { maxOutputLength: Math.max(bytesMax, 1) })
  } catch (error) {
    const tooLarge = error instanceof RangeError && (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE'
    return tooLarge ? grpcText.tooLargeInflated(bytesMax) : grpcText.decompressFailed
  }
}

export const isStatus = (value: Uint8Array | Status): value is Status => !(value instanceof Uint8Array)
