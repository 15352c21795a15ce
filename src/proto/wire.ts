// What the generated code stands on.

/** Wire form of one message type; also an `env` Codec. */
export interface WireCodec<T> {
  /**
   * Decodes `bytes[start, end)`, by default all of it. Byte fields are views: they share memory with `bytes`.
   * @throws MalformedMessage and nothing else, whatever the bytes are.
   */
  decode(bytes: Uint8Array, start?: number, end?: number): T
  /** Owned result; small ones share slabs of 8 KiB (see Writer.take). */
  encode(message: T): Uint8Array
}

export { MalformedMessage } from './malformed.js'
export { DEPTH_MARGIN, DEPTH_MAX, Reader } from './reader.js'
export { scratch, Writer } from './writer.js'
