// What calls of both kinds have in common: their end, their deadline, their count.

import {
  type AnswerWatcher,
  type Call,
  type CallGate,
  type CallMetadata,
  type CallObserver,
  type CancelCause,
  type Clock,
  Code,
  type Codec,
  type Method,
  type MethodInfo,
  type Status,
} from '../../env/index.js'
import { grpcText } from '../grpc-text.js'
import type { Http2Stream, Request, StreamReader } from '../http2/index.js'
import { ANSWER_FIELDS, failureFields, trailersOf } from './answers.js'
import { Deadline, type DeadlineOwner, type Deadlines } from './deadlines.js'
import { MESSAGE_HEAD_BYTES, isStatus, unpack } from './framing.js'
import { GRPC_LIMITS } from './limits.js'

/** What all calls of a server share. */
export interface ServerContext {
  readonly clock: Clock
  readonly gate: CallGate | undefined
  readonly observer: CallObserver | undefined
  readonly receiveBytesMax: number
  readonly deadlines: Deadlines
  openCalls: number
}

/** What all calls of a connection share. */
export interface ConnectionContext {
  readonly server: ServerContext
  /** Bytes kept of incomplete requests. */
  partialBytes: number
  /** Of a request; those with equal header blocks share it. */
  metadataOf(request: Request): CallMetadata
}

export interface Route<M extends Method = Method> {
  readonly method: M
  readonly info: MethodInfo
  /** Who is told of a request's answer. */
  readonly watch: ((request: unknown) => AnswerWatcher) | undefined
}

/** A decoded request, and its bytes without framing and compression. */
export interface Received {
  readonly message: unknown
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

const OK: Status = { code: Code.ok, message: '' }
const MALFORMED: unique symbol = Symbol('malformed')
const NOT_STARTED = -1

export abstract class BaseCall implements Call, StreamReader, DeadlineOwner {
  readonly #stream: Http2Stream
  readonly #request: Request
  readonly #info: MethodInfo
  readonly #context: ConnectionContext
  #deadline: Deadline | undefined = undefined
  #startedMs = NOT_STARTED
  #hasAnswered = false
  #isEnded = false
  #heldBytes = 0

  /** A server that stops does not wait for it. */
  abstract readonly isEndless: boolean

  /** `deadlineMs` on the clock's monotonic scale. */
  constructor(stream: Http2Stream, request: Request, info: MethodInfo, context: ConnectionContext, deadlineMs: number) {
    this.#stream = stream
    this.#request = request
    this.#info = info
    this.#context = context
    context.server.openCalls++
    if (deadlineMs !== Number.POSITIVE_INFINITY) {
      this.#deadline = new Deadline(deadlineMs, this)
      context.server.deadlines.add(this.#deadline)
    }
  }

  get metadata(): CallMetadata {
    return this.#context.metadataOf(this.#request)
  }

  get peer(): string {
    return this.#stream.owner.peer
  }

  get deadlineMs(): number | undefined {
    return this.#deadline?.atMs
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** When the service was asked, on the clock's monotonic scale; -1 before. */
  get startedMs(): number {
    return this.#startedMs
  }

  abstract onData(bytes: Buffer, start: number, end: number): void
  abstract onEnd(): void
  abstract onTaken(sizeBytes: number): void
  /** The call is over without the service's doing. */
  protected abstract notify(cause: CancelCause): void

  onReset(lost: boolean): void {
    if (this.#isEnded) return
    this.#settle(Code.canceled)
    this.notify(lost ? 'transport' : 'canceled')
  }

  onDeadline(): void {
    this.cut('deadline', grpcText.deadline)
  }

  onShutdown(status: Status): void {
    this.cut('shutdown', status)
  }

  protected get stream(): Http2Stream {
    return this.#stream
  }

  protected get info(): MethodInfo {
    return this.#info
  }

  protected get server(): ServerContext {
    return this.#context.server
  }

  /** The service is asked now: from here on the call counts. */
  protected countStarted(): void {
    const { observer, clock } = this.#context.server
    this.#startedMs = clock.monotonicMs()
    observer?.started(this.#info)
  }

  /** Says how many bytes of incomplete messages the call holds. False: the connection holds too many; the call was ended. */
  protected countHeld(sizeBytes: number): boolean {
    this.#context.partialBytes += sizeBytes - this.#heldBytes
    this.#heldBytes = sizeBytes
    if (this.#context.partialBytes <= GRPC_LIMITS.partialRequestBytes) return true
    this.cut('canceled', grpcText.tooManyPartial)
    return false
  }

  /** The request in one framed message, or undefined: then the call was ended with what is wrong with it. */
  protected decode(
    method: Method,
    flag: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    malformed: Status,
  ): Received | undefined {
    if (flag !== 0) {
      const plain = unpack(flag, this.#request.grpcEncoding, bytes, start, end, this.server.receiveBytesMax)
      if (isStatus(plain)) {
        this.cut('canceled', plain)
        return undefined
      }
      bytes = plain
      start = 0
      end = plain.length
    }
    const message = decodeOr(method, bytes, start, end)
    if (message !== MALFORMED) return { message, bytes, start, end }
    this.cut('canceled', malformed)
    return undefined
  }

  /** Sends one message; what is in front of it goes first. */
  protected sendMessage(message: unknown, codec: Codec<unknown>): void {
    const pieces = codec.pieces?.(message)
    if (pieces === undefined) {
      const bytes = codec.encode(message)
      this.#writeHead(bytes.length)
      this.#stream.write(HEAD, bytes)
      return
    }
    let sizeBytes = 0
    for (const { length } of pieces) sizeBytes += length
    this.#writeHead(sizeBytes)
    this.#stream.write(HEAD, NOTHING)
    for (const piece of pieces) this.#stream.write(NOTHING, piece)
  }

  #writeHead(sizeBytes: number): void {
    this.server.observer?.sent(this.#info, sizeBytes)
    if (!this.#hasAnswered) {
      this.#hasAnswered = true
      this.#stream.respond(ANSWER_FIELDS, false)
    }
    HEAD[1] = sizeBytes >>> 24
    HEAD[2] = sizeBytes >>> 16
    HEAD[3] = sizeBytes >>> 8
    HEAD[4] = sizeBytes
  }

  protected finishOk(): void {
    this.finish(OK)
  }

  /** The service's own end of the call. False: it was over. */
  protected finish(status: Status): boolean {
    if (this.#isEnded) return false
    this.#settle(status.code)
    if (this.#hasAnswered) this.#stream.end(trailersOf(status))
    else if (status.code !== Code.ok) this.#refuse(failureFields(status))
    else {
      this.#stream.respond(ANSWER_FIELDS, false)
      this.#stream.end(trailersOf(status))
    }
    return true
  }

  /** Any other end. */
  protected cut(cause: CancelCause, status: Status): void {
    if (this.finish(status)) this.notify(cause)
  }

  #refuse(fields: ReturnType<typeof failureFields>): void {
    this.#stream.reader = undefined
    this.#stream.respond(fields, true)
  }

  #settle(code: Code): void {
    this.#isEnded = true
    const { server } = this.#context
    server.openCalls--
    if (this.#deadline !== undefined) server.deadlines.remove(this.#deadline)
    if (this.#heldBytes > 0) {
      this.#context.partialBytes -= this.#heldBytes
      this.#heldBytes = 0
    }
    if (this.#startedMs === NOT_STARTED) return
    server.observer?.handled(this.#info, code, (server.clock.monotonicMs() - this.#startedMs) / 1000)
  }
}

/** Reused: streams copy it. The flag stays 0, answers are not compressed. */
const HEAD = new Uint8Array(MESSAGE_HEAD_BYTES)
const NOTHING = new Uint8Array(0)

function decodeOr(method: Method, bytes: Uint8Array, start: number, end: number): unknown {
  try {
    return method.request.decode(bytes, start, end)
  } catch (error) {
    if (error instanceof Error && error.name === 'MalformedMessage') return MALFORMED
    throw error
  }
}
