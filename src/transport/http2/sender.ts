// The sending half of a connection: flow control, and turns for the streams that have something to send.

import { RingQueue } from '../../base/index.js'
import { HpackEncoder, type PreparedField } from '../hpack/index.js'
import { HTTP2_LIMITS } from './limits.js'
import { CHUNK_BYTES, DIRECT_OUTPUT_BYTES, type Output } from './output.js'
import {
  FRAME_BYTES_MIN,
  FRAME_HEAD_BYTES,
  Flag,
  FrameType,
  INITIAL_WINDOW_BYTES,
  WINDOW_BYTES_MAX,
  writeFrameHead,
} from './protocol.js'
import type { Http2Stream } from './stream.js'

/** Largest frame that we make, whatever the peer would take: it has to fit a buffer, and others wait behind it. */
const OUR_FRAME_BYTES_MAX = CHUNK_BYTES / 2
/** With less room than this in the buffer a new one is begun. */
const ROOM_BYTES_MIN = 1024

export interface SenderOwner {
  /** Bytes were queued: the turn has to be ended. */
  onQueued(): void
  /** The last frame of our side of the stream was written. */
  onStreamEnded(stream: Http2Stream): void
}

export class Sender {
  readonly #output: Output
  readonly #owner: SenderOwner
  readonly #encoder = new HpackEncoder()
  readonly #ready = new RingQueue<Http2Stream>()
  #window = INITIAL_WINDOW_BYTES
  #streamWindow = INITIAL_WINDOW_BYTES
  #frameBytes = FRAME_BYTES_MIN
  #queuedBytes = 0
  /** Body bytes that went straight into the output in this turn: a socket that takes all at once must not get all at once. */
  #directBytes = 0
  /** The stream that more was queued for than for any other, as far as it was looked at. */
  #largest: Http2Stream | undefined

  constructor(output: Output, owner: SenderOwner) {
    this.#output = output
    this.#owner = owner
  }

  /** Window that a new stream starts with. */
  get streamWindow(): number {
    return this.#streamWindow
  }

  /** Bytes queued at all streams. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /**
   * The client leaves more unfetched than it may. Its largest answer does not count: one long list must not shut the
   * connection for the calls beside it. Looks through `streams` only when the largest one is gone.
   */
  holdsTooMuch(streams: Iterable<Http2Stream>): boolean {
    if (this.#queuedBytes <= HTTP2_LIMITS.queuedBytes) return false
    if (this.#largest === undefined || this.#largest.queuedBytes === 0) {
      for (const stream of streams) this.#noteQueued(stream)
    }
    return this.#queuedBytes - (this.#largest?.queuedBytes ?? 0) > HTTP2_LIMITS.queuedBytes
  }

  onHeaderTableSize(maxBytes: number): void {
    this.#encoder.onTableSize(maxBytes)
  }

  onMaxFrameSize(sizeBytes: number): void {
    this.#frameBytes = Math.min(sizeBytes, OUR_FRAME_BYTES_MAX)
  }

  /** The peer's SETTINGS_INITIAL_WINDOW_SIZE moves the windows of all open streams. False: one of them became too large. */
  onInitialWindow(windowBytes: number, streams: Iterable<Http2Stream>): boolean {
    const change = windowBytes - this.#streamWindow
    this.#streamWindow = windowBytes
    for (const stream of streams) {
      stream.sendWindow += change
      if (stream.sendWindow > WINDOW_BYTES_MAX) return false
      this.#makeReady(stream)
    }
    return true
  }

  /** WINDOW_UPDATE for the connection. False: the window became too large. */
  onConnectionCredit(bytes: number): boolean {
    this.#window += bytes
    if (this.#ready.length > 0) this.#owner.onQueued()
    return this.#window <= WINDOW_BYTES_MAX
  }

  /** WINDOW_UPDATE for a stream. False: the window became too large. */
  onStreamCredit(stream: Http2Stream, bytes: number): boolean {
    stream.sendWindow += bytes
    if (stream.sendWindow > WINDOW_BYTES_MAX) return false
    this.#makeReady(stream)
    return true
  }

  writeHeaders(stream: Http2Stream, fields: readonly PreparedField[], end: boolean): void {
    const bound = this.#encoder.bound(fields)
    const flags = Flag.endHeaders | (end ? Flag.endStream : 0)
    if (bound > FRAME_BYTES_MIN) this.#writeLongHeaders(stream.id, fields, bound, end)
    else {
      const pos = this.#output.reserve(FRAME_HEAD_BYTES + bound)
      const { chunk } = this.#output
      const start = pos + FRAME_HEAD_BYTES
      const blockEnd = this.#encoder.encode(fields, chunk, start)
      writeFrameHead(chunk, pos, blockEnd - start, FrameType.headers, flags, stream.id)
      this.#output.unreserve(start + bound - blockEnd)
    }
    if (end) this.#finish(stream)
  }

  /** Into the output at once where windows and fairness allow, otherwise into the stream's queue. */
  writeBody(stream: Http2Stream, prefix: Uint8Array, bytes: Uint8Array): void {
    const sizeBytes = prefix.length + bytes.length
    if (
      stream.queuedBytes === 0 &&
      this.#ready.length === 0 &&
      sizeBytes <= this.#frameBytes &&
      sizeBytes <= stream.sendWindow &&
      sizeBytes <= this.#window &&
      this.#directBytes < HTTP2_LIMITS.turnBytes &&
      this.#output.heldBytes < DIRECT_OUTPUT_BYTES
    ) {
      if (sizeBytes === 0) return
      const pos = this.#output.reserve(FRAME_HEAD_BYTES + sizeBytes)
      const { chunk } = this.#output
      writeFrameHead(chunk, pos, sizeBytes, FrameType.data, 0, stream.id)
      const start = pos + FRAME_HEAD_BYTES
      for (let i = 0; i < prefix.length; i++) chunk[start + i] = prefix[i]!
      chunk.set(bytes, start + prefix.length)
      stream.sendWindow -= sizeBytes
      this.#window -= sizeBytes
      this.#directBytes += sizeBytes
      return
    }
    stream.queue ??= new RingQueue<Uint8Array>(4)
    if (prefix.length > 0) stream.queue.push(Uint8Array.from(prefix))
    if (bytes.length > 0) stream.queue.push(bytes)
    stream.queuedBytes += sizeBytes
    this.#queuedBytes += sizeBytes
    this.#noteQueued(stream)
    this.#makeReady(stream)
  }

  endStream(stream: Http2Stream, trailers: readonly PreparedField[] | undefined): void {
    stream.isEnding = true
    stream.trailers = trailers
    if (stream.queuedBytes === 0) this.#writeEnd(stream)
  }

  /** Forgets what the stream still had to send. */
  drop(stream: Http2Stream): void {
    this.#queuedBytes -= stream.queuedBytes
    stream.queuedBytes = 0
    stream.queue = undefined
  }

  endTurn(): void {
    this.#directBytes = 0
  }

  /** Moves queued bytes into the output, a frame per stream and round, until the buffer in work is full. True: there were some. */
  pump(): boolean {
    const output = this.#output
    let moved = false
    while (this.#window > 0 && output.roomBytes >= ROOM_BYTES_MIN) {
      const stream = this.#ready.shift()
      if (stream === undefined) return moved
      stream.isReady = false
      const sizeBytes = Math.min(
        stream.queuedBytes,
        stream.sendWindow,
        this.#window,
        this.#frameBytes,
        output.roomBytes - FRAME_HEAD_BYTES,
      )
      if (sizeBytes <= 0) continue
      this.#sendQueued(stream, sizeBytes)
      moved = true
    }
    return moved
  }

  /** There is something that `pump` could move. */
  get canPump(): boolean {
    return this.#ready.length > 0 && this.#window > 0
  }

  #sendQueued(stream: Http2Stream, sizeBytes: number): void {
    stream.queuedBytes -= sizeBytes
    stream.sendWindow -= sizeBytes
    this.#window -= sizeBytes
    this.#queuedBytes -= sizeBytes
    const isLast = stream.isEnding && stream.queuedBytes === 0
    const endsHere = isLast && stream.trailers === undefined
    const pos = this.#output.reserve(FRAME_HEAD_BYTES + sizeBytes)
    const { chunk } = this.#output
    writeFrameHead(chunk, pos, sizeBytes, FrameType.data, endsHere ? Flag.endStream : 0, stream.id)
    takeFromQueue(stream, sizeBytes, chunk, pos + FRAME_HEAD_BYTES)
    if (endsHere) this.#finish(stream)
    else if (isLast) this.#writeEnd(stream)
    else this.#makeReady(stream)
    stream.reader?.onTaken(sizeBytes)
  }

  #writeEnd(stream: Http2Stream): void {
    if (stream.trailers !== undefined) {
      this.writeHeaders(stream, stream.trailers, true)
      return
    }
    const pos = this.#output.reserve(FRAME_HEAD_BYTES)
    writeFrameHead(this.#output.chunk, pos, 0, FrameType.data, Flag.endStream, stream.id)
    this.#finish(stream)
  }

  #finish(stream: Http2Stream): void {
    stream.isEnding = true
    stream.isEnded = true
    this.#owner.onStreamEnded(stream)
  }

  #noteQueued(stream: Http2Stream): void {
    if (stream.queuedBytes > (this.#largest?.queuedBytes ?? 0)) this.#largest = stream
  }

  #makeReady(stream: Http2Stream): void {
    if (stream.isReady || stream.queuedBytes === 0 || stream.sendWindow <= 0) return
    stream.isReady = true
    this.#ready.push(stream)
    this.#owner.onQueued()
  }

  #writeLongHeaders(id: number, fields: readonly PreparedField[], bound: number, end: boolean): void {
    const block = Buffer.allocUnsafe(bound)
    const length = this.#encoder.encode(fields, block, 0)
    for (let start = 0; start < length; start += FRAME_BYTES_MIN) {
      const sizeBytes = Math.min(FRAME_BYTES_MIN, length - start)
      const pos = this.#output.reserve(FRAME_HEAD_BYTES + sizeBytes)
      const last = start + sizeBytes === length ? Flag.endHeaders : 0
      const type = start === 0 ? FrameType.headers : FrameType.continuation
      const flags = last | (start === 0 && end ? Flag.endStream : 0)
      writeFrameHead(this.#output.chunk, pos, sizeBytes, type, flags, id)
      this.#output.chunk.set(block.subarray(start, start + sizeBytes), pos + FRAME_HEAD_BYTES)
    }
  }
}

function takeFromQueue(stream: Http2Stream, sizeBytes: number, out: Uint8Array, pos: number): void {
  const queue = stream.queue!
  let left = sizeBytes
  while (left > 0) {
    const piece = queue.peek()!
    const taken = Math.min(left, piece.length - stream.queueOffset)
    out.set(piece.subarray(stream.queueOffset, stream.queueOffset + taken), pos)
    pos += taken
    left -= taken
    stream.queueOffset += taken
    if (stream.queueOffset < piece.length) continue
    queue.shift()
    stream.queueOffset = 0
  }
}
