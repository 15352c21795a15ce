// One call on top of grpc-js: turns its events into those of env's method table, and answers back.

import type { ServerInterceptingCallInterface } from '@grpc/grpc-js'
import {
  type CallGate,
  type CallMetadata,
  type CallObserver,
  type CancelCause,
  type Clock,
  Code,
  type GatedStream,
  type Method,
  type MethodInfo,
  type Status,
  type StreamCall,
  type StreamHandler,
  type UnaryCall,
} from '../env/index.js'
import { DeadlineTimer } from './call-timeout.js'
import { grpcText } from './grpc-text.js'

/** `send` answers false above the first, `onDrain` follows below the second. */
export const HIGH_WATER_BYTES = 1024 * 1024
export const LOW_WATER_BYTES = 256 * 1024

/** What a call needs of its server. */
export interface CallContext {
  readonly clock: Clock
  readonly gate: CallGate | undefined
  readonly observer: CallObserver | undefined
  readonly receiveBytesMax: number
  /** Ends the bookkeeping of a call; called once. */
  onEnd(call: OpenCall): void
  /** The status of an ended call went out. */
  onReleased(): void
  /** True when the connection below the call is gone. */
  connectionLost(): boolean
  /** Headers or data went out. */
  onSent(): void
}

/** grpc-js as one call sees it: its own methods, not ours that replaced them. */
export interface CallPort {
  readonly send: ServerInterceptingCallInterface['sendMessage']
  readonly finish: ServerInterceptingCallInterface['sendStatus']
  readonly read: () => void
}

type UnaryMethodOf = Extract<Method, { kind: 'unary' }>
type StreamMethodOf = Exclude<Method, { kind: 'unary' }>

/** Events of grpc-js, and of the server that owns the call. */
export interface OpenCall {
  readonly endless: boolean
  onStart(): void
  onMessage(bytes: Uint8Array): void
  onHalfClose(): void
  /** The peer or the connection ended the call, or grpc-js tells that the status went out. */
  onClosed(): void
  /** Something below ended the call with a status of its own. */
  onRefused(status: Status): void
  /** The server stops and does not wait for this call any longer. */
  onShutdown(status: Status): void
}

abstract class BaseCall implements OpenCall {
  readonly metadata: CallMetadata
  readonly peer: string
  readonly deadlineMs: number | undefined
  readonly info: MethodInfo
  protected readonly port: CallPort
  protected readonly context: CallContext
  #timer: DeadlineTimer | undefined
  #startedMs = -1
  #ended = false

  abstract readonly endless: boolean

  constructor(call: CallStart) {
    this.metadata = call.metadata
    this.peer = call.peer
    this.deadlineMs = call.deadlineMs
    this.info = call.info
    this.port = call.port
    this.context = call.context
    if (call.deadlineMs !== undefined) {
      this.#timer = new DeadlineTimer(call.context.clock, call.deadlineMs, () =>
        this.#cut('deadline', grpcText.deadline),
      )
    }
  }

  get ended(): boolean {
    return this.#ended
  }

  abstract onStart(): void
  abstract onMessage(bytes: Uint8Array): void
  abstract onHalfClose(): void
  protected abstract notify(cause: CancelCause): void

  onClosed(): void {
    if (this.#ended) {
      this.context.onReleased()
      return
    }
    this.#settle(Code.canceled)
    this.context.onEnd(this)
    this.notify(this.context.connectionLost() ? 'transport' : 'canceled')
  }

  onRefused(status: Status): void {
    this.#cut('canceled', status)
  }

  onShutdown(status: Status): void {
    this.#cut('shutdown', status)
  }

  /** The service's own end of the call. */
  protected finish(status: Status): void {
    if (this.#ended) return
    this.#settle(status.code)
    this.#sendStatus(status)
  }

  protected countStarted(): void {
    this.#startedMs = this.context.clock.monotonicMs()
    this.context.observer?.started(this.info)
  }

  #cut(cause: CancelCause, status: Status): void {
    if (this.#ended) return
    this.#settle(status.code)
    this.#sendStatus(status)
    this.notify(cause)
  }

  #sendStatus(status: Status): void {
    this.context.onSent()
    this.port.finish({ code: status.code, details: status.message })
    this.context.onEnd(this)
  }

  #settle(code: Code): void {
    this.#ended = true
    this.#timer?.cancel()
    if (this.#startedMs >= 0) {
      const seconds = (this.context.clock.monotonicMs() - this.#startedMs) / 1000
      this.context.observer?.handled(this.info, code, seconds)
    }
  }
}

export interface CallStart {
  readonly metadata: CallMetadata
  readonly peer: string
  readonly deadlineMs: number | undefined
  readonly info: MethodInfo
  readonly port: CallPort
  readonly context: CallContext
}

const OK: Status = { code: Code.ok, message: 'OK' }

export class UnaryJsCall extends BaseCall implements UnaryCall<unknown> {
  readonly endless = false
  readonly #method: UnaryMethodOf
  #received = false
  #cancelListener: ((cause: CancelCause) => void) | undefined

  constructor(method: UnaryMethodOf, call: CallStart) {
    super(call)
    this.#method = method
  }

  get canceled(): boolean {
    return this.ended
  }

  onStart(): void {
    this.port.read()
  }

  onMessage(bytes: Uint8Array): void {
    if (this.ended || this.#received) return
    this.#received = true
    const request = decodeOr(this.#method, bytes)
    if (request === MALFORMED) {
      this.finish(grpcText.malformedRequest)
      return
    }
    const refusal = this.context.gate?.unary(this.info, request, this.metadata)
    if (refusal !== undefined) {
      this.finish(refusal)
      return
    }
    this.countStarted()
    this.context.observer?.received(this.info, bytes.length)
    // The client's half-close is read too, so that the stream below can end.
    this.port.read()
    this.#method.handle(request, this)
  }

  onHalfClose(): void {
    if (!this.#received && !this.ended) this.finish(grpcText.missingRequest)
  }

  respond(message: unknown): void {
    if (this.ended) return
    const bytes = this.#method.response.encode(message)
    this.context.observer?.sent(this.info, bytes.length)
    this.port.send(bufferOf(bytes), ignore)
    this.finish(OK)
  }

  fail(status: Status): void {
    this.finish(status)
  }

  onCancel(listener: (cause: CancelCause) => void): void {
    this.#cancelListener = listener
  }

  protected override notify(cause: CancelCause): void {
    this.#cancelListener?.(cause)
  }
}

export class StreamJsCall extends BaseCall implements StreamCall<unknown> {
  readonly endless: boolean
  readonly #method: StreamMethodOf
  #handler: StreamHandler<unknown> | undefined
  #bufferedBytes = 0
  #blocked = false
  #readWhenDrained = false
  /** This stream as the gate holds it, while it does. */
  #gated: GatedStream | undefined
  #received = false

  constructor(method: StreamMethodOf, call: CallStart) {
    super(call)
    this.#method = method
    this.endless = method.endless === true
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  onStart(): void {
    const { gate } = this.context
    if (gate !== undefined) {
      const gated: GatedStream = { fail: (status) => this.onRefused(status) }
      const refusal = gate.openStream(this.info, this.metadata, gated)
      if (refusal !== undefined) {
        this.finish(refusal)
        return
      }
      this.#gated = gated
    }
    this.countStarted()
    const handler = this.#method.open(this)
    if (this.ended) return
    this.#handler = handler
    this.port.read()
  }

  onMessage(bytes: Uint8Array): void {
    if (this.ended || this.#handler === undefined) return
    const request = decodeOr(this.#method, bytes)
    if (request === MALFORMED) {
      this.onRefused(grpcText.malformedMessage)
      return
    }
    if (this.#received && this.#method.kind === 'server_stream') return
    this.#received = true
    this.context.observer?.received(this.info, bytes.length)
    this.#handler.onMessage(request)
    if (this.ended) return
    // A client that asks without reading its answers is not read from either.
    if (this.#blocked && this.#method.kind === 'bidi_stream') this.#readWhenDrained = true
    else this.port.read()
  }

  onHalfClose(): void {
    if (this.ended) return
    if (!this.#received && this.#method.kind === 'server_stream') {
      this.onRefused(grpcText.missingRequest)
      return
    }
    this.#handler?.onHalfClose()
  }

  send(message: unknown): boolean {
    if (this.ended) return true
    const bytes = this.#method.response.encode(message)
    const sizeBytes = bytes.length
    this.#bufferedBytes += sizeBytes
    this.context.observer?.sent(this.info, sizeBytes)
    this.context.onSent()
    this.port.send(bufferOf(bytes), () => this.#onTaken(sizeBytes))
    if (this.#bufferedBytes <= HIGH_WATER_BYTES) return true
    this.#blocked = true
    return false
  }

  end(): void {
    this.#close(OK)
  }

  fail(status: Status): void {
    this.#close(status)
  }

  protected override notify(cause: CancelCause): void {
    this.#leaveGate()
    const handler = this.#handler
    this.#handler = undefined
    handler?.onCancel(cause)
  }

  #close(status: Status): void {
    if (this.ended) return
    this.finish(status)
    this.#leaveGate()
    this.#handler = undefined
  }

  #leaveGate(): void {
    const gated = this.#gated
    if (gated === undefined) return
    this.#gated = undefined
    this.context.gate?.closeStream(gated)
  }

  #onTaken(sizeBytes: number): void {
    this.#bufferedBytes -= sizeBytes
    if (!this.#blocked || this.#bufferedBytes > LOW_WATER_BYTES) return
    this.#blocked = false
    this.#handler?.onDrain()
    if (!this.#readWhenDrained || this.ended || this.#blocked) return
    this.#readWhenDrained = false
    this.port.read()
  }
}

const MALFORMED: unique symbol = Symbol('malformed')

function decodeOr(method: Method, bytes: Uint8Array): unknown {
  try {
    return method.request.decode(bytes, 0, bytes.length)
  } catch (error) {
    if (error instanceof Error && error.name === 'MalformedMessage') return MALFORMED
    throw error
  }
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const ignore = (): void => undefined
