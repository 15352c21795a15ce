// One HTTP/2 connection, the server's side (RFC 9113): takes frames apart, keeps the state of streams, and answers what the
// protocol itself asks. Sending is sender.ts, requests go to the owner.
//
// Two kinds of mistake: a stream error ends one stream (RST_STREAM), a connection error everything (GOAWAY, then the socket).

import type { Socket } from 'node:net'
import type { Clock } from '../../env/index.js'
import { CompressionError, type HeaderField, HpackDecoder, type PreparedField } from '../hpack/index.js'
import { addressOf } from '../remote.js'
import { HTTP2_PREFACE } from '../sniff.js'
import { BlockCache } from './block-cache.js'
import { ClosedStreams, StreamEnd } from './closed-streams.js'
import { FloodGuard } from './flood-guard.js'
import { FrameReader, type FrameSink } from './frame-reader.js'
import { HeaderBlock } from './header-block.js'
import { HTTP2_LIMITS } from './limits.js'
import { Output, type Turns } from './output.js'
import {
  ErrorCode,
  FRAME_HEAD_BYTES,
  Flag,
  FrameType,
  INITIAL_WINDOW_BYTES,
  STREAM_ID_MAX,
  readUint31,
  readUint32,
  writeFrameHead,
  writeUint32,
} from './protocol.js'
import { Request, areTrailersValid } from './request.js'
import { Sender, type SenderOwner } from './sender.js'
import { SettingsProblem, applySettings, settingsFrame } from './settings.js'
import { Http2Stream, type StreamOwner } from './stream.js'

export interface ConnectionOwner {
  /** A new request; the owner sets the stream's reader unless it ends the stream at once. With `ended` no body follows. */
  onRequest(stream: Http2Stream, request: Request, ended: boolean): void
  /** A PING of the client, already answered. A text makes the connection go away with it (ENHANCE_YOUR_CALM). */
  onPing(connection: Http2Connection): string | undefined
  /** The socket is closed; every stream has been told. Called once. */
  onClosed(connection: Http2Connection): void
}

export interface ConnectionOptions {
  readonly socket: Socket
  readonly clock: Clock
  readonly turns: Turns
  readonly owner: ConnectionOwner
  /** Streams that the client may have open, 1..2^32-1. */
  readonly concurrentStreamsMax: number
}

/** What the last PING of ours asked: its answer tells them apart. */
const PingReason = { none: 0, keepalive: 1, goAway: 2 } as const

export class Http2Connection implements FrameSink, StreamOwner, SenderOwner {
  readonly peer: string
  readonly streams = new Map<number, Http2Stream>()
  /** On the clock's monotonic scale. */
  lastReceivedMs: number
  /** HEADERS or DATA went out since the owner last looked. */
  sentSincePing = false

  readonly #socket: Socket
  readonly #clock: Clock
  readonly #turns: Turns
  readonly #owner: ConnectionOwner
  readonly #streamsMax: number
  readonly #output: Output
  readonly #sender: Sender
  readonly #reader: FrameReader
  readonly #decoder = new HpackDecoder(HTTP2_LIMITS.headerTableBytes, HTTP2_LIMITS.headerListBytes)
  readonly #requests = new BlockCache<Request>()
  readonly #closedStreams = new ClosedStreams()
  readonly #guard: FloodGuard
  readonly #openedMs: number
  #prefaceBytes = 0
  #hasSettings = false
  /** A header block whose CONTINUATION is awaited. */
  #block: HeaderBlock | undefined
  #lastStreamId = 0
  #receiveWindow = HTTP2_LIMITS.connectionWindowBytes
  #owedBytes = 0
  #turnDue = false
  #isPaused = false
  /** Answered streams whose client has not ended its side. */
  #unended: Http2Stream[] = []
  #pingReason: number = PingReason.none
  #onPong: (() => void) | undefined
  /** Streams above this are not served; set by GOAWAY. */
  #streamIdLimit = STREAM_ID_MAX
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
    this.#streamsMax = Math.min(options.concurrentStreamsMax, HTTP2_LIMITS.openStreams)
    this.peer = addressOf(socket)
    this.#openedMs = this.lastReceivedMs = clock.monotonicMs()
    this.#guard = new FloodGuard(this.#openedMs)
    this.#output = new Output(socket, options.turns, clock, () => this.#endTurnLater())
    this.#sender = new Sender(this.#output, this)
    this.#reader = new FrameReader(this, HTTP2_LIMITS.frameBytes)
    const settings = settingsFrame(options.concurrentStreamsMax)
    const pos = this.#output.reserve(settings.length)
    this.#output.chunk.set(settings, pos)
    this.#writeUint32Frame(FrameType.windowUpdate, 0, HTTP2_LIMITS.connectionWindowBytes - INITIAL_WINDOW_BYTES)
  }

  /** Starts to read. */
  open(): void {
    const socket = this.#socket
    socket.on('error', nothing) // 'close' follows
    socket.on('close', () => this.#onSocketClosed())
    socket.on('end', () => this.#onSocketEnd())
    socket.on('data', (chunk: Buffer) => this.#onChunk(chunk))
    socket.resume()
    if (socket.destroyed) this.#clock.soon(() => this.#onSocketClosed())
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get isLeaving(): boolean {
    return this.#isLeaving || this.#isEnding
  }

  /** Looks at the time-outs that are the same for all connections. */
  check(nowMs: number): void {
    const stalled = this.#output.stalledMs(nowMs) > HTTP2_LIMITS.stalledWriteMs
    const silent = !this.#hasSettings && nowMs - this.#openedMs > HTTP2_LIMITS.settingsTimeoutMs
    const cut = this.#block !== undefined && nowMs - this.#block.startedMs > HTTP2_LIMITS.settingsTimeoutMs
    if (stalled || silent || cut) this.destroy()
  }

  /** Asks the client for a sign of life; `onPong` is called with its answer. */
  ping(onPong: () => void): void {
    this.#sendPing(PingReason.keepalive, onPong)
  }

  /**
   * Lets the client go in order (RFC 9113, 6.8): no new streams after it saw GOAWAY, those open finish, then the socket ends.
   */
  leave(): void {
    if (this.#isLeaving || this.#isEnding) return
    this.#isLeaving = true
    this.#writeGoAway(STREAM_ID_MAX, ErrorCode.noError, '')
    const settle = (): void => {
      timer.cancel()
      if (this.#isEnding || this.#isClosed) return
      this.#streamIdLimit = this.#lastStreamId
      this.#writeGoAway(this.#lastStreamId, ErrorCode.noError, '')
      this.#endTurnLater()
    }
    const timer = this.#clock.after(HTTP2_LIMITS.goAwayProbeMs, settle)
    this.#sendPing(PingReason.goAway, settle)
  }

  /** Cuts the connection; its streams are told. */
  destroy(): void {
    this.#socket.destroy()
  }

  // ---- sending, for streams

  writeHeaders(stream: Http2Stream, fields: readonly PreparedField[], end: boolean): void {
    if (stream.isClosed) return
    this.#sender.writeHeaders(stream, fields, end)
    this.#onSent()
  }

  writeBody(stream: Http2Stream, prefix: Uint8Array, bytes: Uint8Array): void {
    this.#sender.writeBody(stream, prefix, bytes)
    this.#onSent()
  }

  endStream(stream: Http2Stream, trailers: readonly PreparedField[] | undefined): void {
    stream.reader = undefined
    this.#sender.endStream(stream, trailers)
    this.#onSent()
  }

  resetStream(stream: Http2Stream, code: ErrorCode): void {
    this.#writeUint32Frame(FrameType.rstStream, stream.id, code)
    this.#close(stream, StreamEnd.resetByUs)
  }

  giveCredit(stream: Http2Stream): void {
    if (stream.isEndedByPeer || stream.owedBytes < HTTP2_LIMITS.streamWindowBytes / 4) return
    this.#writeUint32Frame(FrameType.windowUpdate, stream.id, stream.owedBytes)
    stream.receiveWindow += stream.owedBytes
    stream.owedBytes = 0
  }

  onQueued(): void {
    this.#endTurnLater()
  }

  onStreamEnded(stream: Http2Stream): void {
    if (stream.isEndedByPeer) this.#close(stream, StreamEnd.ended)
    else {
      this.#unended.push(stream)
      this.#endTurnLater()
    }
  }

  #onSent(): void {
    this.sentSincePing = true
    this.#guard.onUse()
    this.#endTurnLater()
  }

  // ---- turns

  #endTurnLater(): void {
    if (this.#turnDue || this.#isClosed) return
    this.#turnDue = true
    this.#turns.add(this)
  }

  onTurnEnd(): void {
    this.#turnDue = false
    if (this.#isClosed) return
    // A client that was answered before it ended its request, and did not end it in this turn, need not send the rest.
    const unended = this.#unended
    if (unended.length > 0) {
      this.#unended = []
      for (const stream of unended) stream.reset(ErrorCode.noError)
    }
    let writtenBytes = 0
    do {
      if (this.#sender.pump()) {
        this.sentSincePing = true
        this.#guard.onUse()
      }
      if (this.#output.isBlocked) break
      const sizeBytes = this.#output.flush()
      if (sizeBytes === 0) break
      writtenBytes += sizeBytes
    } while (this.#sender.canPump && writtenBytes < HTTP2_LIMITS.turnBytes)
    if (this.#unended.length > 0 || (this.#sender.canPump && !this.#output.isBlocked)) this.#endTurnLater()
    this.#balanceReading()
    if (this.#isEnding || (this.#isLeaving && this.streams.size === 0 && this.#streamIdLimit !== STREAM_ID_MAX)) {
      this.#endSocket()
    }
  }

  /** What we cannot write we do not ask for. */
  #balanceReading(): void {
    const { heldBytes } = this.#output
    if (!this.#isPaused && heldBytes > HTTP2_LIMITS.outputBytes) {
      this.#isPaused = true
      this.#socket.pause()
    } else if (this.#isPaused && heldBytes < HTTP2_LIMITS.outputBytes / 2) {
      this.#isPaused = false
      this.#socket.resume()
    }
  }

  #endSocket(): void {
    this.#isEnding = true
    this.#reader.stop()
    if (this.#output.heldBytes > 0 || this.#socket.writableEnded) return
    if (this.#isPaused) this.#socket.resume()
    this.#socket.end()
    this.#clock.after(HTTP2_LIMITS.lingerMs, () => this.#socket.destroy())
  }

  // ---- the socket

  #onChunk(chunk: Buffer): void {
    if (this.#isEnding || this.#isClosed) return
    this.lastReceivedMs = this.#clock.monotonicMs()
    let pos = 0
    while (this.#prefaceBytes < HTTP2_PREFACE.length && pos < chunk.length) {
      if (chunk[pos++] !== HTTP2_PREFACE[this.#prefaceBytes++]) {
        this.#fail(ErrorCode.protocolError, 'bad preface')
        return
      }
    }
    this.#reader.read(chunk, pos)
    if (this.#output.heldBytes > HTTP2_LIMITS.outputBytes) this.#endTurnLater()
  }

  #onSocketEnd(): void {
    // Half a connection is of no use in HTTP/2: nothing could come back for what we send.
    this.#socket.destroy()
  }

  #onSocketClosed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isEnding = true
    this.#reader.stop()
    this.#output.close()
    this.#onPong = undefined
    const streams = [...this.streams.values()]
    this.streams.clear()
    for (const stream of streams) {
      const { reader } = stream
      stream.isClosed = true
      stream.reader = undefined
      this.#sender.drop(stream)
      reader?.onReset(true)
    }
    this.#owner.onClosed(this)
  }

  // ---- frames

  onFrame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (this.#block !== undefined && type !== FrameType.continuation) {
      this.#fail(ErrorCode.protocolError, 'CONTINUATION expected')
    } else if (!this.#hasSettings && (type !== FrameType.settings || (flags & Flag.ack) !== 0)) {
      this.#fail(ErrorCode.protocolError, 'SETTINGS expected')
    } else {
      switch (type) {
        case FrameType.data:
          this.#onData(flags, id, bytes, start, end)
          break
        case FrameType.headers:
          this.#onHeaders(flags, id, bytes, start, end)
          break
        case FrameType.windowUpdate:
          this.#onWindowUpdate(id, bytes, start, end)
          break
        case FrameType.rstStream:
          this.#onRstStream(id, end - start)
          break
        case FrameType.continuation:
          this.#onContinuation(flags, id, bytes, start, end)
          break
        case FrameType.settings:
          this.#onSettings(flags, id, bytes, start, end)
          break
        case FrameType.ping:
          this.#onPing(flags, id, bytes, start, end)
          break
        case FrameType.priority:
          this.#onPriority(id, bytes, start, end)
          break
        case FrameType.goAway:
          this.#onGoAway(id, end - start)
          break
        case FrameType.pushPromise:
          this.#fail(ErrorCode.protocolError, 'PUSH_PROMISE from a client')
          break
        default:
          this.#onIdleFrame() // unknown types are ignored (RFC 9113, 4.1)
      }
    }
    return !this.#isEnding
  }

  onOversizeFrame(): void {
    this.#fail(ErrorCode.frameSizeError, 'frame too large')
  }

  #onData(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const sizeBytes = end - start
    if (id === 0 || id > this.#lastStreamId) {
      this.#fail(ErrorCode.protocolError, 'DATA on an idle stream')
      return
    }
    this.#receiveWindow -= sizeBytes
    if (this.#receiveWindow < 0) {
      this.#fail(ErrorCode.flowControlError, 'connection window exceeded')
      return
    }
    if ((flags & Flag.padded) !== 0) {
      if (sizeBytes === 0 || bytes[start]! >= sizeBytes) {
        this.#fail(ErrorCode.protocolError, 'padding longer than its frame')
        return
      }
      end -= bytes[start]!
      start++
    }
    // The connection's window bounds what is on its way, the streams' windows what waits here.
    this.#owedBytes += sizeBytes
    if (this.#owedBytes >= HTTP2_LIMITS.connectionWindowBytes / 8) {
      this.#writeUint32Frame(FrameType.windowUpdate, 0, this.#owedBytes)
      this.#receiveWindow += this.#owedBytes
      this.#owedBytes = 0
    }
    const ended = (flags & Flag.endStream) !== 0
    if (start < end) this.#guard.onUse()
    else if (!ended && !this.#onIdleFrame()) return
    const stream = this.streams.get(id)
    if (stream === undefined) this.#onLateFrame(id)
    else if (stream.isEndedByPeer) this.#streamError(stream, ErrorCode.streamClosed)
    else this.#onBody(stream, sizeBytes, bytes, start, end, ended)
  }

  #onBody(stream: Http2Stream, frameBytes: number, bytes: Buffer, start: number, end: number, ended: boolean): void {
    stream.receiveWindow -= frameBytes
    if (stream.receiveWindow < 0) {
      this.#streamError(stream, ErrorCode.flowControlError)
      return
    }
    if (stream.promisedBytes >= 0) {
      stream.promisedBytes -= end - start
      if (stream.promisedBytes < 0 || (ended && stream.promisedBytes > 0)) {
        this.#streamError(stream, ErrorCode.protocolError)
        return
      }
    }
    stream.isEndedByPeer = ended
    if (start < end) stream.reader?.onData(bytes, start, end)
    if (ended) this.#onEndedByPeer(stream)
    else {
      stream.owedBytes += frameBytes
      if (!stream.isHeld && !stream.isClosed) this.giveCredit(stream)
    }
  }

  #onEndedByPeer(stream: Http2Stream): void {
    stream.isEndedByPeer = true
    if (stream.isEnded) {
      if (!stream.isClosed) this.#close(stream, StreamEnd.ended)
    } else stream.reader?.onEnd()
  }

  #onHeaders(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id % 2 === 0) {
      this.#fail(ErrorCode.protocolError, 'HEADERS on a stream that is no client’s')
      return
    }
    let padding = 0
    if ((flags & Flag.padded) !== 0) {
      padding = start < end ? bytes[start]! : 1
      start++
    }
    let dependsOnItself = false
    if ((flags & Flag.priority) !== 0) {
      dependsOnItself = end - start >= 5 && readUint31(bytes, start) === id
      start += 5
    }
    if (start + padding > end) {
      // Too short for its fields is a wrong size; padding beyond the rest is a wrong value.
      this.#fail(start > end ? ErrorCode.frameSizeError : ErrorCode.protocolError, 'HEADERS too short')
      return
    }
    end -= padding
    if (dependsOnItself) {
      // The block still has to pass the decoder; a self-dependent stream is answered with an error afterwards.
      flags |= SELF_DEPENDENT
    }
    if ((flags & Flag.endHeaders) !== 0) this.#onBlock(id, flags, bytes, start, end)
    else {
      this.#block = new HeaderBlock(id, flags, this.#clock.monotonicMs())
      this.#addToBlock(this.#block, bytes, start, end)
    }
  }

  #onContinuation(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const block = this.#block
    if (block === undefined || block.id !== id) {
      this.#fail(ErrorCode.protocolError, 'CONTINUATION without HEADERS')
      return
    }
    if (!this.#addToBlock(block, bytes, start, end) || (flags & Flag.endHeaders) === 0) return
    this.#block = undefined
    const whole = block.whole()
    this.#onBlock(id, block.flags, whole, 0, whole.length)
  }

  #addToBlock(block: HeaderBlock, bytes: Buffer, start: number, end: number): boolean {
    if (block.add(bytes, start, end)) return true
    this.#fail(ErrorCode.enhanceYourCalm, 'header block too long')
    return false
  }

  /** A whole header block: opens a stream or ends one with trailers. */
  #onBlock(id: number, flags: number, bytes: Buffer, start: number, end: number): void {
    const ended = (flags & Flag.endStream) !== 0
    if (id > this.#lastStreamId) {
      const request = this.#requests.get(this.#decoder.generation, bytes, start, end) ?? this.#request(bytes, start, end)
      if (request === undefined) return
      this.#lastStreamId = id
      if (id <= this.#streamIdLimit) this.#open(id, ended, request, (flags & SELF_DEPENDENT) !== 0)
      return
    }
    const fields = this.#decode(bytes, start, end)
    if (fields === undefined) return
    const stream = this.streams.get(id)
    if (stream === undefined) this.#onLateHeaders(id)
    else if (stream.isEndedByPeer) this.#streamError(stream, ErrorCode.streamClosed)
    else if (!ended || !areTrailersValid(fields) || stream.promisedBytes > 0) {
      this.#streamError(stream, ErrorCode.protocolError)
    } else this.#onEndedByPeer(stream)
  }

  #decode(bytes: Buffer, start: number, end: number): HeaderField[] | undefined {
    try {
      return this.#decoder.decode(bytes, start, end)
    } catch (error) {
      if (!(error instanceof CompressionError)) throw error
      this.#fail(ErrorCode.compressionError, error.message)
      return undefined
    }
  }

  /** The request, or the code to reset its stream with; undefined when the connection failed. */
  #request(bytes: Buffer, start: number, end: number): Request | ErrorCode | undefined {
    const { generation } = this.#decoder
    const fields = this.#decode(bytes, start, end)
    if (fields === undefined) return undefined
    if (this.#decoder.oversize) return ErrorCode.enhanceYourCalm
    const request = Request.parse(fields)
    if (typeof request === 'string') return ErrorCode.protocolError
    // A block that taught the table something has to be decoded again when it comes again.
    if (this.#decoder.generation === generation) this.#requests.add(generation, bytes, start, end, request)
    return request
  }

  #open(id: number, ended: boolean, request: Request | ErrorCode, dependsOnItself: boolean): void {
    if (typeof request === 'number') this.#refuse(id, request)
    else if (dependsOnItself) this.#refuse(id, ErrorCode.protocolError)
    else if (this.streams.size >= this.#streamsMax || this.#sender.queuedBytes > HTTP2_LIMITS.queuedBytes) {
      this.#refuse(id, ErrorCode.refusedStream)
    } else {
      const stream = new Http2Stream(id, this, this.#sender.streamWindow, request.contentLength, ended)
      if (ended && request.contentLength > 0) {
        this.#refuse(id, ErrorCode.protocolError)
        return
      }
      this.streams.set(id, stream)
      this.#guard.onUse()
      this.#owner.onRequest(stream, request, ended)
      if (ended && !stream.isEnded) stream.reader?.onEnd()
    }
  }

  /** Resets a stream that was never opened here. */
  #refuse(id: number, code: ErrorCode): void {
    this.#writeUint32Frame(FrameType.rstStream, id, code)
    this.#closedStreams.add(id, StreamEnd.resetByUs)
    this.#countReset(code === ErrorCode.refusedStream ? 1 : HTTP2_LIMITS.errorResetCost)
  }

  /** DATA on a stream that is gone. */
  #onLateFrame(id: number): void {
    const end = this.#closedStreams.endOf(id)
    if (end === StreamEnd.resetByUs || id > this.#streamIdLimit) return
    this.#writeUint32Frame(FrameType.rstStream, id, ErrorCode.streamClosed)
    this.#countReset(end === StreamEnd.unknown ? 1 : HTTP2_LIMITS.errorResetCost)
  }

  #onLateHeaders(id: number): void {
    const end = this.#closedStreams.endOf(id)
    if (end === StreamEnd.resetByUs || id > this.#streamIdLimit) return
    // Never opened: the client counted backwards (RFC 9113, 5.1.1).
    if (end === StreamEnd.unknown) this.#fail(ErrorCode.protocolError, 'HEADERS on an earlier stream')
    else this.#fail(ErrorCode.streamClosed, 'HEADERS on a closed stream')
  }

  #onWindowUpdate(id: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) {
      this.#fail(ErrorCode.frameSizeError, 'WINDOW_UPDATE of wrong size')
      return
    }
    const increment = readUint31(bytes, start)
    if (id > this.#lastStreamId || (increment === 0 && id === 0)) {
      this.#fail(ErrorCode.protocolError, 'bad WINDOW_UPDATE')
      return
    }
    if (!this.#onIdleFrame()) return
    if (id === 0) {
      if (!this.#sender.onConnectionCredit(increment)) {
        this.#fail(ErrorCode.flowControlError, 'connection window too large')
      }
      return
    }
    const stream = this.streams.get(id)
    if (stream === undefined) return
    if (increment === 0) this.#streamError(stream, ErrorCode.protocolError)
    else if (!this.#sender.onStreamCredit(stream, increment)) this.#streamError(stream, ErrorCode.flowControlError)
  }

  #onRstStream(id: number, sizeBytes: number): void {
    if (id === 0 || id > this.#lastStreamId) {
      this.#fail(ErrorCode.protocolError, 'RST_STREAM on an idle stream')
      return
    }
    if (sizeBytes !== 4) {
      this.#fail(ErrorCode.frameSizeError, 'RST_STREAM of wrong size')
      return
    }
    if (!this.#countReset(1)) return
    const stream = this.streams.get(id)
    if (stream === undefined) return
    const { reader } = stream
    this.#close(stream, StreamEnd.resetByPeer)
    reader?.onReset(false)
  }

  #onSettings(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const isAck = (flags & Flag.ack) !== 0
    if (id !== 0) this.#fail(ErrorCode.protocolError, 'SETTINGS on a stream')
    else if ((end - start) % 6 !== 0 || (isAck && start < end)) {
      this.#fail(ErrorCode.frameSizeError, 'SETTINGS of wrong size')
    } else if (this.#onIdleFrame() && !isAck) {
      this.#hasSettings = true
      const problem = applySettings(this.#sender, this.streams, bytes, start, end)
      if (problem === SettingsProblem.none) this.#writeControl(FrameType.settings, Flag.ack, 0, 0)
      else this.#fail(problem, 'bad SETTINGS')
    }
  }

  #onPing(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) this.#fail(ErrorCode.protocolError, 'PING on a stream')
    else if (end - start !== 8) this.#fail(ErrorCode.frameSizeError, 'PING of wrong size')
    else if (!this.#onIdleFrame()) return
    else if ((flags & Flag.ack) === 0) {
      const pos = this.#writeControl(FrameType.ping, Flag.ack, 0, 8)
      bytes.copy(this.#output.chunk, pos, start, end)
      const complaint = this.#owner.onPing(this)
      if (complaint !== undefined) this.#fail(ErrorCode.enhanceYourCalm, complaint)
    } else if (readUint32(bytes, start + 4) === this.#pingReason && this.#pingReason !== PingReason.none) {
      const onPong = this.#onPong
      this.#pingReason = PingReason.none
      this.#onPong = undefined
      onPong?.()
    }
  }

  #onPriority(id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) this.#fail(ErrorCode.protocolError, 'PRIORITY without a stream')
    else if (!this.#onIdleFrame()) return
    else if (end - start !== 5) this.#resetById(id, ErrorCode.frameSizeError)
    else if (readUint31(bytes, start) === id) this.#resetById(id, ErrorCode.protocolError)
  }

  #onGoAway(id: number, sizeBytes: number): void {
    if (id !== 0) this.#fail(ErrorCode.protocolError, 'GOAWAY on a stream')
    else if (sizeBytes < 8) this.#fail(ErrorCode.frameSizeError, 'GOAWAY of wrong size')
    else if (!this.#isLeaving) {
      // The client opens no more streams; the connection ends with the last.
      this.#isLeaving = true
      this.#streamIdLimit = this.#lastStreamId
      this.#endTurnLater()
    }
  }

  // ---- errors

  /** False: the flood was answered with GOAWAY. */
  #onIdleFrame(): boolean {
    if (this.#guard.onIdleFrame()) return true
    this.#fail(ErrorCode.enhanceYourCalm, 'too many frames without use')
    return false
  }

  #countReset(cost: number): boolean {
    if (this.#guard.onReset(this.#clock.monotonicMs(), cost)) return true
    this.#fail(ErrorCode.enhanceYourCalm, 'too many resets')
    return false
  }

  #resetById(id: number, code: ErrorCode): void {
    const stream = this.streams.get(id)
    if (stream !== undefined) this.#streamError(stream, code)
    else {
      this.#writeUint32Frame(FrameType.rstStream, id, code)
      this.#countReset(HTTP2_LIMITS.errorResetCost)
    }
  }

  /** The client's mistake ends the stream. */
  #streamError(stream: Http2Stream, code: ErrorCode): void {
    const { reader } = stream
    this.resetStream(stream, code)
    reader?.onReset(false)
    this.#countReset(HTTP2_LIMITS.errorResetCost)
  }

  /** The client's mistake ends the connection. */
  #fail(code: ErrorCode, text: string): void {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#reader.stop()
    this.#block = undefined
    this.#clock.after(HTTP2_LIMITS.lingerMs, () => this.#socket.destroy())
    this.#writeGoAway(this.#lastStreamId, code, text)
    // Nobody reads answers any more.
    for (const stream of [...this.streams.values()]) {
      const { reader } = stream
      this.#close(stream, StreamEnd.resetByUs)
      reader?.onReset(true)
    }
    this.#endTurnLater()
  }

  #close(stream: Http2Stream, end: StreamEnd): void {
    stream.isClosed = true
    stream.reader = undefined
    if (stream.queuedBytes > 0) this.#sender.drop(stream)
    this.streams.delete(stream.id)
    this.#closedStreams.add(stream.id, end)
    if (this.#isLeaving) this.#endTurnLater()
  }

  // ---- frames without a stream's order

  #sendPing(reason: number, onPong: () => void): void {
    this.#pingReason = reason
    this.#onPong = onPong
    const pos = this.#writeControl(FrameType.ping, 0, 0, 8)
    writeUint32(this.#output.chunk, pos, 0)
    writeUint32(this.#output.chunk, pos + 4, reason)
  }

  #writeGoAway(lastId: number, code: ErrorCode, text: string): void {
    const pos = this.#writeControl(FrameType.goAway, 0, 0, 8 + text.length)
    writeUint32(this.#output.chunk, pos, lastId)
    writeUint32(this.#output.chunk, pos + 4, code)
    this.#output.chunk.write(text, pos + 8, 'latin1')
  }

  #writeUint32Frame(type: number, id: number, value: number): void {
    const pos = this.#writeControl(type, 0, id, 4)
    writeUint32(this.#output.chunk, pos, value)
  }

  /** Answers where the payload goes. */
  #writeControl(type: number, flags: number, id: number, sizeBytes: number): number {
    const pos = this.#output.reserve(FRAME_HEAD_BYTES + sizeBytes)
    writeFrameHead(this.#output.chunk, pos, sizeBytes, type, flags, id)
    this.#endTurnLater()
    return pos + FRAME_HEAD_BYTES
  }
}

/** No flag of the protocol: a mark of ours beside them. */
const SELF_DEPENDENT = 0x100

const nothing = (): void => undefined
