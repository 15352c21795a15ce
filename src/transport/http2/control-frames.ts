// Frames that belong to no stream's body: they go out in the order they were written, past flow control.

import type { Output } from './output.js'
import { type ErrorCode, FRAME_HEAD_BYTES, Flag, FrameType, writeFrameHead, writeUint32 } from './protocol.js'

export class ControlFrames {
  readonly #output: Output
  readonly #onWritten: () => void

  /** `onWritten` is called for each: the turn has to be ended. */
  constructor(output: Output, onWritten: () => void) {
    this.#output = output
    this.#onWritten = onWritten
  }

  /** `frame` is borrowed and complete. */
  raw(frame: Uint8Array): void {
    const pos = this.#output.reserve(frame.length)
    this.#output.chunk.set(frame, pos)
    this.#onWritten()
  }

  rstStream(id: number, code: ErrorCode): void {
    const pos = this.#begin(FrameType.rstStream, 0, id, 4)
    writeUint32(this.#output.chunk, pos, code)
  }

  /** `id` 0 is the connection. */
  windowUpdate(id: number, bytes: number): void {
    const pos = this.#begin(FrameType.windowUpdate, 0, id, 4)
    writeUint32(this.#output.chunk, pos, bytes)
  }

  settingsAck(): void {
    this.#begin(FrameType.settings, Flag.ack, 0, 0)
  }

  /** The eight bytes of a ping are zeros and `mark`. */
  ping(mark: number): void {
    const pos = this.#begin(FrameType.ping, 0, 0, 8)
    writeUint32(this.#output.chunk, pos, 0)
    writeUint32(this.#output.chunk, pos + 4, mark)
  }

  /** Answers a ping with its own eight bytes `bytes[start, start + 8)`. */
  pong(bytes: Buffer, start: number): void {
    const pos = this.#begin(FrameType.ping, Flag.ack, 0, 8)
    bytes.copy(this.#output.chunk, pos, start, start + 8)
  }

  /** `text` is ASCII. */
  goAway(lastId: number, code: ErrorCode, text: string): void {
    const pos = this.#begin(FrameType.goAway, 0, 0, 8 + text.length)
    writeUint32(this.#output.chunk, pos, lastId)
    writeUint32(this.#output.chunk, pos + 4, code)
    this.#output.chunk.write(text, pos + 8, 'latin1')
  }

  /** Answers where the payload goes. */
  #begin(type: number, flags: number, id: number, sizeBytes: number): number {
    const pos = this.#output.reserve(FRAME_HEAD_BYTES + sizeBytes)
    writeFrameHead(this.#output.chunk, pos, sizeBytes, type, flags, id)
    this.#onWritten()
    return pos + FRAME_HEAD_BYTES
  }
}
