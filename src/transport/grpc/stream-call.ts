// A call whose answers, and often requests, are a stream of messages.

import type { CancelCause, GatedStream, Status, StreamCall, StreamHandler, StreamMethod } from '../../env/index.js'
import { grpcText } from '../grpc-text.js'
import type { Http2Stream, Request } from '../http2/index.js'
import { BaseCall, type ConnectionContext, type Route } from './call.js'
import { MessageReader } from './framing.js'
import { GRPC_LIMITS } from './limits.js'

export type StreamRoute = Route<StreamMethod<unknown, unknown>>

const UNREAD_PIECES_MAX = 1024

export class StreamRpc extends BaseCall implements StreamCall<unknown> {
  readonly #method: StreamMethod<unknown, unknown>
  readonly #reader: MessageReader
  #handler: StreamHandler<unknown> | undefined = undefined
  /** This stream as the gate holds it, while it does. */
  #gated: GatedStream | undefined = undefined
  /** `send` answered false. */
  #isBlocked = false
  /** Received, but not read while the client takes no answers. */
  readonly #unread: Buffer[] = []
  #unreadBytes = 0
  #isReceived = false
  #isEndedByClient = false
  #isReading = false
  #isHalfClosed = false

  constructor(
    stream: Http2Stream,
    request: Request,
    route: StreamRoute,
    context: ConnectionContext,
    deadlineMs: number,
  ) {
    super(stream, request, route.info, context, deadlineMs)
    this.#method = route.method
    this.#reader = new MessageReader(context.server.receiveBytesMax)
  }

  get isEndless(): boolean {
    return this.#method.endless === true
  }

  get bufferedBytes(): number {
    return this.stream.queuedBytes
  }

  /** Asks the gate, then opens the service's side. Called once, after the stream knows its reader. */
  open(): void {
    const { gate } = this.server
    if (gate !== undefined) {
      const gated: GatedStream = { fail: (status) => this.cut('canceled', status) }
      const refusal = gate.openStream(this.info, this.metadata, gated)
      if (refusal !== undefined) {
        this.finish(refusal)
        return
      }
      this.#gated = gated
    }
    this.countStarted()
    const handler = this.#method.open(this)
    if (!this.isEnded) this.#handler = handler
  }

  send(message: unknown): boolean {
    if (this.isEnded) return true
    this.sendMessage(message, this.#method.response)
    if (this.stream.queuedBytes <= GRPC_LIMITS.highWaterBytes) return true
    this.#isBlocked = true
    return false
  }

  end(): void {
    if (this.isEnded) return
    this.finishOk()
    this.#leave()
  }

  fail(status: Status): void {
    if (this.finish(status)) this.#leave()
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.isEnded) return
    if (this.#isPaused || this.#isReading) this.#keep(Buffer.from(bytes.subarray(start, end)))
    else this.#read(bytes, start, end)
  }

  onEnd(): void {
    this.#isEndedByClient = true
    if (this.#unread.length > 0) return
    // Some clients end their side just before they cancel: then only the reset behind it counts.
    this.server.clock.soon(() => this.#endRequests())
  }

  onTaken(): void {
    if (!this.#isBlocked || this.isEnded || this.stream.queuedBytes > GRPC_LIMITS.lowWaterBytes) return
    this.#isBlocked = false
    this.#handler?.onDrain()
    this.#readOn()
  }

  protected override notify(cause: CancelCause): void {
    const handler = this.#handler
    this.#leave()
    handler?.onCancel(cause)
  }

  /** A client that asks without reading its answers is not read from either. */
  get #isPaused(): boolean {
    return this.#isBlocked && this.#method.kind === 'bidi_stream'
  }

  #read(bytes: Buffer, start: number, end: number): void {
    const reader = this.#reader
    this.#isReading = true
    while (start < end && !this.isEnded) {
      if (this.#isPaused) {
        this.#keepFirst(bytes.subarray(start, end))
        break
      }
      if (!reader.next(bytes, start, end)) break
      start = reader.pos
      this.#onMessage(reader.flag, reader.bytes, reader.start, reader.end)
    }
    this.#isReading = false
    if (this.isEnded) return
    if (reader.problem !== undefined) this.cut('canceled', reader.problem)
    else this.countHeld(reader.heldBytes + this.#unreadBytes)
  }

  /** Reads what was kept, as far as the client takes the answers to it. */
  #readOn(): void {
    if (this.#isReading) return
    while (!this.isEnded && !this.#isPaused) {
      const bytes = this.#unread.shift()
      if (bytes === undefined) break
      this.#unreadBytes -= bytes.length
      this.#read(bytes, 0, bytes.length)
    }
    if (this.isEnded || this.#isPaused) return
    this.stream.release()
    if (this.#isEndedByClient) this.#endRequests()
  }

  /** Owned: what was read shares its memory with what others have long read. */
  #keep(bytes: Buffer): void {
    this.#unread.push(bytes)
    // Many small pieces would cost more than their bytes.
    if (this.#unread.length >= UNREAD_PIECES_MAX) this.#unread.splice(0, UNREAD_PIECES_MAX, Buffer.concat(this.#unread))
    this.#unreadBytes += bytes.length
    this.stream.hold()
    this.countHeld(this.#reader.heldBytes + this.#unreadBytes)
  }

  #keepFirst(bytes: Buffer): void {
    this.#unread.unshift(bytes)
    this.#unreadBytes += bytes.length
    this.stream.hold()
  }

  #onMessage(flag: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#isReceived && this.#method.kind === 'server_stream') return
    const decoded = this.decode(this.#method, flag, bytes, start, end, grpcText.malformedMessage)
    if (decoded === undefined) return
    this.#isReceived = true
    this.server.observer?.received(this.info, decoded.end - decoded.start)
    this.#handler?.onMessage(decoded.message)
  }

  #endRequests(): void {
    if (this.isEnded || this.#isHalfClosed) return
    this.#isHalfClosed = true
    if (this.#reader.isPartial) this.cut('canceled', grpcText.cutMessage)
    else if (!this.#isReceived && this.#method.kind === 'server_stream') this.cut('canceled', grpcText.missingRequest)
    else this.#handler?.onHalfClose()
  }

  #leave(): void {
    this.#handler = undefined
    this.#unread.length = 0
    this.#unreadBytes = 0
    const gated = this.#gated
    if (gated === undefined) return
    this.#gated = undefined
    this.server.gate?.closeStream(gated)
  }
}
