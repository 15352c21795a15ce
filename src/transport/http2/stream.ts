// One request and its answer on a connection.

import type { RingQueue } from '../../base/index.js'
import type { PreparedField } from '../hpack/index.js'
import { HTTP2_LIMITS } from './limits.js'
import type { ErrorCode } from './protocol.js'

/** Hears what a client sends on a stream, until the stream was ended or reset from here. */
export interface StreamReader {
  /** A piece of the body: `bytes[start, end)`, frozen, not empty. */
  onData(bytes: Buffer, start: number, end: number): void
  /** The client sends no more. */
  onEnd(): void
  /** The client, or with `lost` the connection, ended the stream. Nothing can be sent; nothing follows. */
  onReset(lost: boolean): void
  /** So many bytes that `write` had to queue went out. */
  onTaken(sizeBytes: number): void
}

/** What a stream asks of its connection. */
export interface StreamOwner {
  /** For logs: address and port of the client. */
  readonly peer: string
  writeHeaders(stream: Http2Stream, fields: readonly PreparedField[], end: boolean): void
  writeBody(stream: Http2Stream, prefix: Uint8Array, bytes: Uint8Array): void
  endStream(stream: Http2Stream, trailers: readonly PreparedField[] | undefined): void
  resetStream(stream: Http2Stream, code: ErrorCode): void
  giveCredit(stream: Http2Stream): void
}

export class Http2Stream {
  readonly id: number
  readonly owner: StreamOwner
  reader: StreamReader | undefined = undefined

  // The rest belongs to the connection.
  /** May be negative (RFC 9113, 6.9.2). */
  sendWindow: number
  receiveWindow: number = HTTP2_LIMITS.streamWindowBytes
  /** Received bytes that the client has not been given back. */
  owedBytes = 0
  /** Received bytes are not given back: the reader has enough. */
  isHeld = false
  /** Bytes that the content-length field still promises; -1 without one. */
  promisedBytes: number
  queue: RingQueue<Uint8Array> | undefined = undefined
  /** Bytes of the first queued piece that are gone. */
  queueOffset = 0
  queuedBytes = 0
  /** Waits in the line of streams that have something to send and may. */
  isReady = false
  /** What follows the queue; undefined: no trailers. */
  trailers: readonly PreparedField[] | undefined = undefined
  /** `end` was called: what is queued is the rest. */
  isEnding = false
  /** Our last frame was written. */
  isEnded = false
  isEndedByPeer: boolean
  isClosed = false
  /** Belongs to the connection's table of streams. */
  nextInSlot: Http2Stream | undefined = undefined

  constructor(id: number, owner: StreamOwner, sendWindow: number, promisedBytes: number, isEndedByPeer: boolean) {
    this.id = id
    this.owner = owner
    this.sendWindow = sendWindow
    this.promisedBytes = promisedBytes
    this.isEndedByPeer = isEndedByPeer
  }

  /** The response's header fields; with `end` they are all of it. Called once, before anything else is sent. */
  respond(fields: readonly PreparedField[], end: boolean): void {
    if (!this.isClosed && !this.isEnding) this.owner.writeHeaders(this, fields, end)
  }

  /** Body bytes, in order: `prefix` (borrowed, may be empty), then `bytes` (frozen). */
  write(prefix: Uint8Array, bytes: Uint8Array): void {
    if (!this.isClosed && !this.isEnding) this.owner.writeBody(this, prefix, bytes)
  }

  /** The body is complete. Idempotent. */
  end(trailers?: readonly PreparedField[]): void {
    if (!this.isClosed && !this.isEnding) this.owner.endStream(this, trailers)
  }

  /** Ends the stream at once; queued bytes are lost. Idempotent. */
  reset(code: ErrorCode): void {
    if (!this.isClosed) this.owner.resetStream(this, code)
  }

  /** The client may send only what its window still allows, until `release`. */
  hold(): void {
    this.isHeld = true
  }

  release(): void {
    if (!this.isHeld) return
    this.isHeld = false
    if (!this.isClosed) this.owner.giveCredit(this)
  }
}
