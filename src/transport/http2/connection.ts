// One HTTP/2 connection, the server's side (RFC 9113): owns the socket, the streams and the turns in which output leaves.
// receiver.ts takes frames apart, sender.ts makes them, requests go to the owner.

import type { Socket } from 'node:net'
import type { Clock } from '../../env/index.js'
import type { PreparedField } from '../hpack/index.js'
import { addressOf } from '../remote.js'
import { HTTP2_PREFACE } from '../sniff.js'
import { StreamEnd } from './closed-streams.js'
import { ControlFrames } from './control-frames.js'
import { HTTP2_LIMITS } from './limits.js'
import { Output, type Turns } from './output.js'
import { ErrorCode, INITIAL_WINDOW_BYTES, STREAM_ID_MAX } from './protocol.js'
import type { ChunkReader } from './read-turns.js'
import { Receiver, type ReceiverHost } from './receiver.js'
import type { Request } from './request.js'
import { Sender, type SenderOwner } from './sender.js'
import { settingsFrame } from './settings.js'
import { StreamTable } from './stream-table.js'
import { Http2Stream, type StreamOwner } from './stream.js'

export interface ConnectionOwner {
  /** A new request; the owner sets the stream's reader unless it ends the stream at once. */
  onRequest(stream: Http2Stream, request: Request): void
  /** A PING of the client, already answered. A text makes the connection go away with it (ENHANCE_YOUR_CALM). */
  onPing(connection: Http2Connection): string | undefined
  /** The socket is closed; every stream has been told. Called once. */
  onClosed(connection: Http2Connection): void
}

export interface ConnectionOptions {
  /** Owned. */
  readonly socket: Socket
  readonly clock: Clock
  readonly turns: Turns
  readonly owner: ConnectionOwner
  /** Streams that the client may have open, 1..2^32-1. */
  readonly concurrentStreamsMax: number
}

/** What a PING of ours asks; its answer comes back with it. */
const PingMark = { none: 0, keepalive: 1, goAway: 2 } as const
type PingMark = (typeof PingMark)[keyof typeof PingMark]

export class Http2Connection implements StreamOwner, SenderOwner, ReceiverHost, ChunkReader {
  /** Address and port of the client. */
  readonly peer: string
  readonly streams = new StreamTable()
  readonly sender: Sender
  readonly control: ControlFrames
  /** On the clock's monotonic scale. */
  lastReceivedMs: number
  /** HEADERS or DATA went out since the owner last cleared it. */
  hasSent = false

  readonly #socket: Socket
  readonly #clock: Clock
  readonly #turns: Turns
  readonly #owner: ConnectionOwner
  readonly #output: Output
  readonly #receiver: Receiver
  /** What arrived and waits for its turn. */
  #unreadBytes = 0
  #prefaceBytes = 0
  #turnDue = false
  #isPaused = false
  /** Answered streams whose client has not ended its side. */
  #unended: Http2Stream[] = []
  #awaitedPong: PingMark = PingMark.none
  #onPong: (() => void) | undefined
  /** Going away: the socket ends with the last stream. */
  #isLeaving = false
  /** No more frames are read; the socket ends once everything is written. */
  #isEnding = false
  #isClosed = false

  constructor(options: ConnectionOptions) {
    const { socket, clock } = options
    this.#socket = socket
    this.#clock = clock
    this.#turns = options.turns
    this.#owner = options.owner
    this.peer = addressOf(socket)
    this.lastReceivedMs = clock.monotonicMs()
    this.#output = new Output(socket, options.turns, clock, () => this.onQueued())
    this.control = new ControlFrames(this.#output, () => this.onQueued())
    this.sender = new Sender(this.#output, this)
    this.#receiver = new Receiver(this, clock, options.concurrentStreamsMax)
    this.control.raw(settingsFrame(options.concurrentStreamsMax))
    this.control.windowUpdate(0, HTTP2_LIMITS.connectionWindowBytes - INITIAL_WINDOW_BYTES)
  }

  /** Starts to read. */
  open(): void {
    const socket = this.#socket
    socket.on('error', nothing) // 'close' follows
    socket.on('close', () => this.#onSocketClosed())
    // Half a connection is of no use in HTTP/2: the client reads no answers any more.
    socket.on('end', () => socket.destroy())
    this.#turns.arrivals.listen(socket, (chunk) => this.#onArrived(chunk))
    if (socket.destroyed) this.#clock.soon(() => this.#onSocketClosed())
  }

  get isLeaving(): boolean {
    return this.#isLeaving || this.#isEnding
  }

  /** Cuts a connection that has kept us waiting for too long. Called every now and then. */
  check(nowMs: number): void {
    const stalled = this.#output.stalledMs(nowMs) > HTTP2_LIMITS.stalledWriteMs
    if (stalled || this.#receiver.isOverdue(nowMs)) this.destroy()
  }

  /** Asks the client for a sign of life; `onPong` is called with its answer. */
  ping(onPong: () => void): void {
    this.#sendPing(PingMark.keepalive, onPong)
  }

  /**
   * Lets the client go in order (RFC 9113, 6.8): no new streams after it saw GOAWAY, those open finish, then the socket ends.
   */
  leave(): void {
    if (this.#isLeaving || this.#isEnding) return
    this.#isLeaving = true
    this.control.goAway(STREAM_ID_MAX, ErrorCode.noError, '')
    const settle = (): void => {
      timer.cancel()
      if (this.#isEnding || this.#isClosed) return
      this.#receiver.streamIdLimit = this.#receiver.lastStreamId
      this.control.goAway(this.#receiver.lastStreamId, ErrorCode.noError, '')
    }
    const timer = this.#clock.after(HTTP2_LIMITS.goAwayProbeMs, settle)
    this.#sendPing(PingMark.goAway, settle)
  }

  /** Cuts the connection; its streams are told. */
  destroy(): void {
    this.#socket.destroy()
  }

  // ---- what streams ask

  writeHeaders(stream: Http2Stream, fields: readonly PreparedField[], end: boolean): void {
    this.sender.writeHeaders(stream, fields, end)
    this.#onSent()
  }

  writeBody(stream: Http2Stream, prefix: Uint8Array, bytes: Uint8Array): void {
    this.sender.writeBody(stream, prefix, bytes)
    this.#onSent()
  }

  endStream(stream: Http2Stream, trailers: readonly PreparedField[] | undefined): void {
    stream.reader = undefined
    this.sender.endStream(stream, trailers)
    this.#onSent()
  }

  resetStream(stream: Http2Stream, code: ErrorCode): void {
    this.control.rstStream(stream.id, code)
    this.closeStream(stream, StreamEnd.resetByUs)
  }

  giveCredit(stream: Http2Stream): void {
    if (stream.isEndedByPeer || stream.owedBytes < HTTP2_LIMITS.streamWindowBytes / 4) return
    this.control.windowUpdate(stream.id, stream.owedBytes)
    stream.receiveWindow += stream.owedBytes
    stream.owedBytes = 0
  }

  // ---- what the sender tells

  onQueued(): void {
    if (this.#turnDue || this.#isClosed) return
    this.#turnDue = true
    this.#turns.add(this)
  }

  onStreamEnded(stream: Http2Stream): void {
    if (stream.isEndedByPeer) this.closeStream(stream, StreamEnd.ended)
    else {
      this.#unended.push(stream)
      this.onQueued()
    }
  }

  #onSent(): void {
    this.hasSent = true
    this.#receiver.onSent()
    this.onQueued()
  }

  // ---- what the receiver tells

  openStream(id: number, request: Request, ended: boolean): void {
    const stream = new Http2Stream(id, this, this.sender.streamWindow, request.contentLength, ended)
    this.streams.add(stream)
    this.#owner.onRequest(stream, request)
    if (ended) stream.reader?.onEnd()
  }

  closeStream(stream: Http2Stream, end: StreamEnd): void {
    stream.isClosed = true
    stream.reader = undefined
    if (stream.queuedBytes > 0) this.sender.drop(stream)
    this.streams.delete(stream)
    this.#receiver.remember(stream.id, end)
    if (this.#isLeaving) this.onQueued()
  }

  onPing(): string | undefined {
    return this.#owner.onPing(this)
  }

  onPong(mark: number): void {
    if (mark !== this.#awaitedPong || mark === PingMark.none) return
    const onPong = this.#onPong
    this.#awaitedPong = PingMark.none
    this.#onPong = undefined
    onPong?.()
  }

  onPeerLeaving(): void {
    // The client opens no more streams; the connection ends with the last.
    this.#isLeaving = true
    this.#receiver.streamIdLimit = Math.min(this.#receiver.streamIdLimit, this.#receiver.lastStreamId)
    this.onQueued()
  }

  onFailure(code: ErrorCode, text: string): void {
    this.#isEnding = true
    this.control.goAway(this.#receiver.lastStreamId, code, text)
    // Nobody waits for answers any more.
    for (const stream of [...this.streams]) {
      const { reader } = stream
      this.closeStream(stream, StreamEnd.resetByUs)
      reader?.onReset(true)
    }
    this.#clock.after(HTTP2_LIMITS.lingerMs, () => this.#socket.destroy())
  }

  // ---- turns

  onTurnEnd(): void {
    this.#turnDue = false
    if (this.#isClosed) return
    this.#resetUnended()
    this.sender.endTurn()
    this.#flush()
    if (this.#unended.length > 0 || (this.sender.canPump && !this.#output.isBlocked)) this.onQueued()
    this.#balanceReading()
    const isLeft = this.#isLeaving && this.streams.size === 0 && this.#receiver.streamIdLimit !== STREAM_ID_MAX
    if (this.#isEnding || isLeft) this.#endSocket()
  }

  /** A client that has not ended its request by the time its answer leaves need not send the rest. */
  #resetUnended(): void {
    if (this.#unended.length === 0) return
    const streams = this.#unended
    this.#unended = []
    for (const stream of streams) stream.reset(ErrorCode.noError)
  }

  #flush(): void {
    let writtenBytes = 0
    do {
      if (this.sender.pump()) {
        this.hasSent = true
        this.#receiver.onSent()
      }
      if (this.#output.isBlocked) return
      const sizeBytes = this.#output.flush()
      if (sizeBytes === 0) return
      writtenBytes += sizeBytes
    } while (this.sender.canPump && writtenBytes < HTTP2_LIMITS.turnBytes)
  }

  /** What we cannot read or answer we do not ask for. */
  #balanceReading(): void {
    const { heldBytes } = this.#output
    const { outputBytes, unreadBytes } = HTTP2_LIMITS
    if (!this.#isPaused && (heldBytes > outputBytes || this.#unreadBytes > unreadBytes)) {
      this.#isPaused = true
      this.#socket.pause()
    } else if (this.#isPaused && heldBytes < outputBytes / 2 && this.#unreadBytes < unreadBytes / 2) {
      this.#isPaused = false
      this.#socket.resume()
    }
  }

  #endSocket(): void {
    this.#isEnding = true
    this.#receiver.stop()
    if (this.#output.heldBytes > 0 || this.#socket.writableEnded) return
    if (this.#isPaused) this.#socket.resume()
    this.#socket.end()
    this.#clock.after(HTTP2_LIMITS.lingerMs, () => this.#socket.destroy())
  }

  // ---- the socket

  #onArrived(chunk: Buffer): void {
    this.#unreadBytes += chunk.length
    this.#turns.reading.add(this, chunk)
    if (this.#unreadBytes > 0) this.#balanceReading()
  }

  /** Owned. */
  readChunk(chunk: Buffer): void {
    this.#unreadBytes -= chunk.length
    if (this.#isEnding || this.#isClosed) return
    if (this.#isPaused) this.#balanceReading()
    this.lastReceivedMs = this.#clock.monotonicMs()
    let pos = 0
    while (this.#prefaceBytes < HTTP2_PREFACE.length && pos < chunk.length) {
      if (chunk[pos++] === HTTP2_PREFACE[this.#prefaceBytes++]) continue
      this.#receiver.stop()
      this.onFailure(ErrorCode.protocolError, 'bad preface')
      return
    }
    this.#receiver.read(chunk, pos)
  }

  #onSocketClosed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isEnding = true
    this.#receiver.stop()
    this.#output.close()
    this.#onPong = undefined
    const streams = [...this.streams]
    this.streams.clear()
    for (const stream of streams) {
      const { reader } = stream
      stream.isClosed = true
      stream.reader = undefined
      this.sender.drop(stream)
      reader?.onReset(true)
    }
    this.#owner.onClosed(this)
  }

  #sendPing(mark: PingMark, onPong: () => void): void {
    this.#awaitedPong = mark
    this.#onPong = onPong
    this.control.ping(mark)
  }
}

const nothing = (): void => undefined
