// The receiving half of a connection: what each frame means in the state that the connection and its streams are in.
//
// Two kinds of mistake: a stream error ends one stream (RST_STREAM), a connection error everything (GOAWAY, then the socket).

import type { Clock } from '../../env/index.js'
import { CompressionError, type HeaderField, HpackDecoder } from '../hpack/index.js'
import { BlockCache } from './block-cache.js'
import { ClosedStreams, StreamEnd } from './closed-streams.js'
import type { ControlFrames } from './control-frames.js'
import { FloodGuard } from './flood-guard.js'
import { FrameReader, type FrameSink } from './frame-reader.js'
import { HeaderBlock, SELF_DEPENDENT, headerFragment } from './header-block.js'
import { HTTP2_LIMITS } from './limits.js'
import { ErrorCode, Flag, FrameType, STREAM_ID_MAX, readUint31, readUint32 } from './protocol.js'
import { Request, areTrailersValid } from './request.js'
import type { Sender } from './sender.js'
import { applySettings } from './settings.js'
import type { StreamTable } from './stream-table.js'
import type { Http2Stream } from './stream.js'

/** The connection, as its receiving half needs it. */
export interface ReceiverHost {
  readonly streams: StreamTable
  readonly sender: Sender
  readonly control: ControlFrames
  /** Makes the stream and tells the owner. */
  openStream(id: number, request: Request, ended: boolean): void
  /** The stream is over: forgets it. */
  closeStream(stream: Http2Stream, end: StreamEnd): void
  giveCredit(stream: Http2Stream): void
  /** A PING that was answered. A text is the reason to go away. */
  onPing(): string | undefined
  onPong(mark: number): void
  /** GOAWAY of the client. */
  onPeerLeaving(): void
  /** Every stream is told, GOAWAY is written, nothing more is read. */
  onFailure(code: ErrorCode, text: string): void
}

export class Receiver implements FrameSink {
  readonly #host: ReceiverHost
  readonly #clock: Clock
  readonly #streamsMax: number
  readonly #reader: FrameReader
  readonly #decoder = new HpackDecoder(HTTP2_LIMITS.headerTableBytes, HTTP2_LIMITS.headerListBytes)
  readonly #requests = new BlockCache<Request>()
  readonly #closedStreams = new ClosedStreams()
  readonly #guard: FloodGuard
  readonly #openedMs: number
  #hasSettings = false
  /** A header block whose CONTINUATION is awaited. */
  #block: HeaderBlock | undefined
  #window: number = HTTP2_LIMITS.connectionWindowBytes
  #owedBytes = 0
  #isStopped = false
  /** The highest stream that the client opened. */
  lastStreamId = 0
  /** Streams above this are not served; set by GOAWAY. */
  streamIdLimit = STREAM_ID_MAX

  /** `streamsMax` streams may be open. */
  constructor(host: ReceiverHost, clock: Clock, streamsMax: number) {
    this.#host = host
    this.#clock = clock
    this.#streamsMax = Math.min(streamsMax, HTTP2_LIMITS.openStreams)
    this.#openedMs = clock.monotonicMs()
    this.#guard = new FloodGuard(this.#openedMs)
    this.#reader = new FrameReader(this, HTTP2_LIMITS.frameBytes)
  }

  /** `chunk[pos..]` is frozen. */
  read(chunk: Buffer, pos: number): void {
    this.#reader.read(chunk, pos)
  }

  stop(): void {
    this.#isStopped = true
    this.#block = undefined
    this.#reader.stop()
  }

  /** The client owes us a frame for too long. */
  isOverdue(nowMs: number): boolean {
    const sinceMs = this.#hasSettings ? this.#block?.startedMs : this.#openedMs
    return sinceMs !== undefined && nowMs - sinceMs > HTTP2_LIMITS.settingsTimeoutMs
  }

  /** An answer, or part of one, went out. */
  onSent(): void {
    this.#guard.onUse()
  }

  /** How a stream ended, for frames that come late. */
  remember(id: number, end: StreamEnd): void {
    this.#closedStreams.add(id, end)
  }

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
          this.#countIdleFrame() // unknown types are ignored (RFC 9113, 4.1)
      }
    }
    return !this.#isStopped
  }

  onOversizeFrame(): void {
    this.#fail(ErrorCode.frameSizeError, 'frame too large')
  }

  // ---- DATA

  #onData(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const sizeBytes = end - start
    if (id === 0 || id > this.lastStreamId) {
      this.#fail(ErrorCode.protocolError, 'DATA on an idle stream')
      return
    }
    this.#window -= sizeBytes
    if (this.#window < 0) {
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
    // The connection's window bounds what is on its way, the streams' windows bound what waits here.
    this.#owedBytes += sizeBytes
    if (this.#owedBytes >= HTTP2_LIMITS.connectionWindowBytes / 8) {
      this.#host.control.windowUpdate(0, this.#owedBytes)
      this.#window += this.#owedBytes
      this.#owedBytes = 0
    }
    const ended = (flags & Flag.endStream) !== 0
    if (start < end) this.#guard.onUse()
    else if (!ended && !this.#countIdleFrame()) return
    const stream = this.#host.streams.get(id)
    if (stream === undefined) this.#onLateData(id)
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
      if (!stream.isHeld && !stream.isClosed) this.#host.giveCredit(stream)
    }
  }

  #onEndedByPeer(stream: Http2Stream): void {
    stream.isEndedByPeer = true
    if (!stream.isEnded) stream.reader?.onEnd()
    else if (!stream.isClosed) this.#host.closeStream(stream, StreamEnd.ended)
  }

  /** DATA on a stream that is gone. */
  #onLateData(id: number): void {
    const end = this.#closedStreams.endOf(id)
    if (end === StreamEnd.resetByUs || id > this.streamIdLimit) return
    this.#host.control.rstStream(id, ErrorCode.streamClosed)
    this.#countReset(end === StreamEnd.unknown ? 1 : HTTP2_LIMITS.errorResetCost)
  }

  // ---- HEADERS and CONTINUATION

  #onHeaders(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id % 2 === 0) {
      this.#fail(ErrorCode.protocolError, 'HEADERS on a stream that is no client’s')
      return
    }
    if ((flags & (Flag.padded | Flag.priority)) !== 0) {
      const fragment = headerFragment(flags, id, bytes, start, end)
      if (typeof fragment === 'number') {
        this.#fail(fragment, 'HEADERS too short')
        return
      }
      flags = fragment.flags
      start = fragment.start
      end = fragment.end
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
    if (id > this.lastStreamId) {
      const request =
        this.#requests.get(this.#decoder.generation, bytes, start, end) ?? this.#request(bytes, start, end)
      if (request === undefined) return
      this.lastStreamId = id
      if (id <= this.streamIdLimit) this.#open(id, ended, request, (flags & SELF_DEPENDENT) !== 0)
      return
    }
    const fields = this.#decode(bytes, start, end)
    if (fields === undefined) return
    const stream = this.#host.streams.get(id)
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
    const { streams, sender } = this.#host
    if (typeof request === 'number') this.#refuse(id, request)
    else if (dependsOnItself || (ended && request.contentLength > 0)) this.#refuse(id, ErrorCode.protocolError)
    else if (streams.size >= this.#streamsMax || sender.holdsTooMuch(streams)) {
      this.#refuse(id, ErrorCode.refusedStream)
    } else {
      this.#guard.onUse()
      this.#host.openStream(id, request, ended)
    }
  }

  /** Resets a stream that was never opened here. */
  #refuse(id: number, code: ErrorCode): void {
    this.#host.control.rstStream(id, code)
    this.#closedStreams.add(id, StreamEnd.resetByUs)
    this.#countReset(code === ErrorCode.refusedStream ? 1 : HTTP2_LIMITS.errorResetCost)
  }

  #onLateHeaders(id: number): void {
    const end = this.#closedStreams.endOf(id)
    if (end === StreamEnd.resetByUs || id > this.streamIdLimit) return
    // Never opened: the client counted backwards (RFC 9113, 5.1.1).
    if (end === StreamEnd.unknown) this.#fail(ErrorCode.protocolError, 'HEADERS on an earlier stream')
    else this.#fail(ErrorCode.streamClosed, 'HEADERS on a closed stream')
  }

  // ---- the other frames

  #onWindowUpdate(id: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) {
      this.#fail(ErrorCode.frameSizeError, 'WINDOW_UPDATE of wrong size')
      return
    }
    const increment = readUint31(bytes, start)
    if (id > this.lastStreamId || (increment === 0 && id === 0)) {
      this.#fail(ErrorCode.protocolError, 'bad WINDOW_UPDATE')
      return
    }
    if (!this.#countIdleFrame()) return
    const { sender, streams } = this.#host
    if (id === 0) {
      if (!sender.onConnectionCredit(increment)) this.#fail(ErrorCode.flowControlError, 'connection window too large')
      return
    }
    const stream = streams.get(id)
    if (stream === undefined) return
    if (increment === 0) this.#streamError(stream, ErrorCode.protocolError)
    else if (!sender.onStreamCredit(stream, increment)) this.#streamError(stream, ErrorCode.flowControlError)
  }

  #onRstStream(id: number, sizeBytes: number): void {
    if (id === 0 || id > this.lastStreamId) {
      this.#fail(ErrorCode.protocolError, 'RST_STREAM on an idle stream')
      return
    }
    if (sizeBytes !== 4) {
      this.#fail(ErrorCode.frameSizeError, 'RST_STREAM of wrong size')
      return
    }
    const stream = this.#host.streams.get(id)
    if (!this.#countReset(1) || stream === undefined) return
    const { reader } = stream
    this.#host.closeStream(stream, StreamEnd.resetByPeer)
    reader?.onReset(false)
  }

  #onSettings(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const isAck = (flags & Flag.ack) !== 0
    if (id !== 0) this.#fail(ErrorCode.protocolError, 'SETTINGS on a stream')
    else if ((end - start) % 6 !== 0 || (isAck && start < end)) {
      this.#fail(ErrorCode.frameSizeError, 'SETTINGS of wrong size')
    } else if (this.#countIdleFrame() && !isAck) {
      this.#hasSettings = true
      const problem = applySettings(this.#host.sender, this.#host.streams, bytes, start, end)
      if (problem === undefined) this.#host.control.settingsAck()
      else this.#fail(problem, 'bad SETTINGS')
    }
  }

  #onPing(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) this.#fail(ErrorCode.protocolError, 'PING on a stream')
    else if (end - start !== 8) this.#fail(ErrorCode.frameSizeError, 'PING of wrong size')
    else if (!this.#countIdleFrame()) return
    else if ((flags & Flag.ack) !== 0) this.#host.onPong(readUint32(bytes, start + 4))
    else {
      this.#host.control.pong(bytes, start)
      const complaint = this.#host.onPing()
      if (complaint !== undefined) this.#fail(ErrorCode.enhanceYourCalm, complaint)
    }
  }

  #onPriority(id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) this.#fail(ErrorCode.protocolError, 'PRIORITY without a stream')
    else if (!this.#countIdleFrame()) return
    else if (end - start !== 5) this.#errorById(id, ErrorCode.frameSizeError)
    else if (readUint31(bytes, start) === id) this.#errorById(id, ErrorCode.protocolError)
  }

  #onGoAway(id: number, sizeBytes: number): void {
    if (id !== 0) this.#fail(ErrorCode.protocolError, 'GOAWAY on a stream')
    else if (sizeBytes < 8) this.#fail(ErrorCode.frameSizeError, 'GOAWAY of wrong size')
    else if (this.#countIdleFrame()) this.#host.onPeerLeaving()
  }

  // ---- errors

  /** False: the flood was answered with GOAWAY. */
  #countIdleFrame(): boolean {
    if (this.#guard.onIdleFrame()) return true
    this.#fail(ErrorCode.enhanceYourCalm, 'too many frames without use')
    return false
  }

  #countReset(cost: number): boolean {
    if (this.#guard.onReset(this.#clock.monotonicMs(), cost)) return true
    this.#fail(ErrorCode.enhanceYourCalm, 'too many resets')
    return false
  }

  #errorById(id: number, code: ErrorCode): void {
    const stream = this.#host.streams.get(id)
    if (stream !== undefined) this.#streamError(stream, code)
    else {
      this.#host.control.rstStream(id, code)
      this.#countReset(HTTP2_LIMITS.errorResetCost)
    }
  }

  /** The client's mistake ends the stream. */
  #streamError(stream: Http2Stream, code: ErrorCode): void {
    const { reader } = stream
    stream.reset(code)
    reader?.onReset(false)
    this.#countReset(HTTP2_LIMITS.errorResetCost)
  }

  /** The client's mistake ends the connection. */
  #fail(code: ErrorCode, text: string): void {
    if (this.#isStopped) return
    this.stop()
    this.#host.onFailure(code, text)
  }
}
