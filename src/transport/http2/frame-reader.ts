// Cuts a byte stream into frames. A frame that lies whole in a chunk is handed on where it lies; only one that a chunk boundary
// cuts is copied, into memory of its own.

import { FRAME_HEAD_BYTES, readUint31 } from './protocol.js'

export interface FrameSink {
  /**
   * The payload is `bytes[start, end)`, frozen. False stops the reader for good.
   */
  onFrame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): boolean
  /** A frame is announced that is longer than allowed; the reader stops. */
  onOversizeFrame(): void
}

export class FrameReader {
  readonly #sink: FrameSink
  readonly #frameBytesMax: number
  /** Beginning of a frame whose end is not here yet; first as long as a frame head, then as the frame. */
  #partial: Buffer | undefined
  #partialBytes = 0
  #stopped = false

  constructor(sink: FrameSink, frameBytesMax: number) {
    this.#sink = sink
    this.#frameBytesMax = frameBytesMax
  }

  stop(): void {
    this.#stopped = true
    this.#partial = undefined
  }

  /** `chunk[pos..]` is frozen. */
  read(chunk: Buffer, pos: number): void {
    while (this.#partial !== undefined && pos < chunk.length) pos = this.#fill(this.#partial, chunk, pos)
    const { length } = chunk
    while (!this.#stopped && length - pos >= FRAME_HEAD_BYTES) {
      const sizeBytes = (chunk[pos]! << 16) | (chunk[pos + 1]! << 8) | chunk[pos + 2]!
      if (sizeBytes > this.#frameBytesMax) {
        this.#oversize()
        return
      }
      const start = pos + FRAME_HEAD_BYTES
      const end = start + sizeBytes
      if (end > length) break
      if (!this.#sink.onFrame(chunk[pos + 3]!, chunk[pos + 4]!, readUint31(chunk, pos + 5), chunk, start, end)) {
        this.stop()
        return
      }
      pos = end
    }
    while (!this.#stopped && pos < length) pos = this.#fill(this.#partial ?? this.#begin(), chunk, pos)
  }

  #begin(): Buffer {
    this.#partialBytes = 0
    return (this.#partial = Buffer.allocUnsafeSlow(FRAME_HEAD_BYTES))
  }

  #fill(partial: Buffer, chunk: Buffer, pos: number): number {
    const taken = Math.min(partial.length - this.#partialBytes, chunk.length - pos)
    chunk.copy(partial, this.#partialBytes, pos, pos + taken)
    this.#partialBytes += taken
    if (this.#partialBytes < partial.length) return pos + taken
    const sizeBytes = (partial[0]! << 16) | (partial[1]! << 8) | partial[2]!
    if (partial.length === FRAME_HEAD_BYTES && sizeBytes > 0) {
      if (sizeBytes > this.#frameBytesMax) {
        this.#oversize()
        return chunk.length
      }
      const whole = Buffer.allocUnsafeSlow(FRAME_HEAD_BYTES + sizeBytes)
      partial.copy(whole)
      this.#partial = whole
      return pos + taken
    }
    this.#partial = undefined
    const id = readUint31(partial, 5)
    if (!this.#sink.onFrame(partial[3]!, partial[4]!, id, partial, FRAME_HEAD_BYTES, partial.length)) {
      this.stop()
      return chunk.length
    }
    return pos + taken
  }

  #oversize(): void {
    this.stop()
    this.#sink.onOversizeFrame()
  }
}
