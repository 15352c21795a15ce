// How sockets are read. Node.js allocates 64 KiB for every read and cuts them down to what came: a buffer for each small request, which
// the collector has to free one by one. It can also read into a buffer of the caller (option `onread` of `net.Socket`), but not for
// sockets that a server accepts; what that option sets is set here by hand.

import type { Socket } from 'node:net'
import { HTTP2_LIMITS } from './limits.js'

/** The longest piece that is read at once. */
const READ_BYTES = 64 * 1024

/** What `onread` sets in Node.js 20. No public interface: where it looks different, sockets are read as usual. */
const SYMBOLS = ['kBuffer', 'kBufferCb', 'kBufferGen'] as const

type OnRead = (sizeBytes: number, buffer: Buffer) => boolean
type Internals = Record<symbol, unknown> & { readonly _handle?: { useUserBuffer?(buffer: Buffer): void } | null }

/** Shared by the connections of a server. */
export class Arrivals {
  /** Every read of every socket ends up here first; copied from before the next one. */
  readonly #landing = Buffer.allocUnsafeSlow(READ_BYTES)
  #memory = Buffer.allocUnsafeSlow(HTTP2_LIMITS.sharedBytes)
  #usedBytes = 0

  /**
   * From now on `onChunk` gets what arrives on `socket`, what waits in it first; frozen. A small chunk may keep `sharedBytes` alive
   * that it shares with others. Pausing and resuming the socket, and its events but 'data', work as ever.
   */
  listen(socket: Socket, onChunk: (chunk: Buffer) => void): void {
    // Of no use for new bytes where `readInto` works, but for those that were put back.
    socket.on('data', onChunk)
    readInto(socket, this.#landing, (sizeBytes, buffer) => {
      onChunk(this.#keep(buffer, sizeBytes))
      return true
    })
    socket.resume()
  }

  #keep(buffer: Buffer, sizeBytes: number): Buffer {
    const chunk = this.#take(sizeBytes)
    buffer.copy(chunk, 0, 0, sizeBytes)
    return chunk
  }

  #take(sizeBytes: number): Buffer {
    if (sizeBytes > HTTP2_LIMITS.sharedBytes / 2) return Buffer.allocUnsafeSlow(sizeBytes)
    if (sizeBytes > HTTP2_LIMITS.sharedBytes - this.#usedBytes) {
      this.#memory = Buffer.allocUnsafeSlow(HTTP2_LIMITS.sharedBytes)
      this.#usedBytes = 0
    }
    const from = this.#usedBytes
    this.#usedBytes = from + sizeBytes
    return this.#memory.subarray(from, this.#usedBytes)
  }
}

/** Makes `socket` read into `buffer`, if it can. */
const readInto = (socket: Socket, buffer: Buffer, onRead: OnRead): void => {
  const internals = socket as unknown as Internals
  const own = Object.getOwnPropertySymbols(socket)
  const [kBuffer, kBufferCb, kBufferGen] = SYMBOLS.map((name) => own.find(({ description }) => description === name))
  const handle = internals._handle
  if (kBuffer === undefined || kBufferCb === undefined || kBufferGen === undefined) return
  if (typeof handle?.useUserBuffer !== 'function') return
  internals[kBuffer] = buffer
  internals[kBufferCb] = onRead
  internals[kBufferGen] = null
  handle.useUserBuffer(buffer)
}
