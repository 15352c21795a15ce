// A call of one request and one answer.

import type { AnswerWatcher, CancelCause, Status, UnaryCall, UnaryMethod, WatchedCall } from '../../env/index.js'
import { grpcText } from '../grpc-text.js'
import type { Http2Stream, Request } from '../http2/index.js'
import { readUint32 } from '../http2/protocol.js'
import { BaseCall, type ConnectionContext, type Route } from './call.js'
import { MESSAGE_HEAD_BYTES, MessageReader } from './framing.js'

export type UnaryRoute = Route<UnaryMethod<unknown, unknown>>

const NO_BYTES = new Uint8Array(0)

export class UnaryRpc extends BaseCall implements UnaryCall<unknown>, WatchedCall {
  readonly #route: UnaryRoute
  /** Only for a request that comes in pieces. */
  #reader: MessageReader | undefined = undefined
  #isReceived = false
  /** Until it was told of the answer; it may ask for the request, which is in `#bytes[#start, #end)` so long. */
  #watcher: AnswerWatcher | undefined = undefined
  #bytes: Uint8Array = NO_BYTES
  #start = 0
  #end = 0
  #cancelListener: ((cause: CancelCause) => void) | undefined = undefined

  constructor(
    stream: Http2Stream,
    request: Request,
    route: UnaryRoute,
    context: ConnectionContext,
    deadlineMs: number,
  ) {
    super(stream, request, route.info, context, deadlineMs)
    this.#route = route
  }

  get isEndless(): boolean {
    return false
  }

  get canceled(): boolean {
    return this.isEnded
  }

  respond(message: unknown): void {
    if (!this.isEnded) {
      this.sendMessage(message, this.#route.method.response)
      this.finishOk()
    }
    this.#tellAnswered(message, undefined)
  }

  fail(status: Status): void {
    this.finish(status)
    this.#tellAnswered(undefined, status)
  }

  decodeRequest(): unknown {
    return this.#route.method.request.decode(this.#bytes, this.#start, this.#end)
  }

  onCancel(listener: (cause: CancelCause) => void): void {
    this.#cancelListener = listener
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.isEnded || this.#isReceived) return
    const bodyStart = start + MESSAGE_HEAD_BYTES
    if (this.#reader === undefined && bodyStart <= end) {
      const sizeBytes = readUint32(bytes, start + 1)
      if (sizeBytes <= this.server.receiveBytesMax && bodyStart + sizeBytes <= end) {
        this.#onMessage(bytes[start]!, bytes, bodyStart, bodyStart + sizeBytes)
        return
      }
    }
    const reader = (this.#reader ??= new MessageReader(this.server.receiveBytesMax))
    if (reader.next(bytes, start, end)) {
      this.countHeld(0)
      this.#reader = undefined
      this.#onMessage(reader.flag, reader.bytes, reader.start, reader.end)
    } else if (reader.problem !== undefined) this.finish(reader.problem)
    else this.countHeld(reader.heldBytes)
  }

  onEnd(): void {
    if (this.#isReceived || this.isEnded) return
    this.finish(this.#reader === undefined ? grpcText.missingRequest : grpcText.cutMessage)
  }

  onTaken(): void {
    // An answer is queued once; nobody waits for it.
  }

  protected override notify(cause: CancelCause): void {
    this.#cancelListener?.(cause)
  }

  #onMessage(flag: number, bytes: Uint8Array, start: number, end: number): void {
    this.#isReceived = true
    const { method, watch } = this.#route
    const received = this.decode(method, flag, bytes, start, end, grpcText.malformedRequest)
    if (received === undefined) return
    const { message } = received
    const { gate, observer } = this.server
    const refusal = gate?.unary(this.info, message, this.metadata)
    if (refusal !== undefined) {
      this.finish(refusal)
      return
    }
    this.countStarted()
    observer?.received(this.info, received.end - received.start)
    if (watch !== undefined) {
      this.#watcher = watch(message)
      this.#bytes = received.bytes
      this.#start = received.start
      this.#end = received.end
    }
    method.handle(message, this)
  }

  #tellAnswered(response: unknown, status: Status | undefined): void {
    const watcher = this.#watcher
    if (watcher === undefined) return
    this.#watcher = undefined
    watcher.answered(this, response, status)
    this.#bytes = NO_BYTES
  }
}
