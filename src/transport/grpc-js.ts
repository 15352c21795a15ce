// The gRPC stack on @grpc/grpc-js: sessions, frames and compression are its work, calls are ours (grpc-js-call.ts).
//
// grpc-js decides some things before any hook of its public API sees the call: it drops metadata that is not ASCII, answers
// unknown methods in its own words and overflows long deadlines. All of that happens behind one method, `_streamHandler`,
// which we wrap; that is the only private name used here, and the constructor refuses to work without it.

import { Server, type ServerInterceptingCallInterface, ServerCredentials } from '@grpc/grpc-js'
import http2 from 'node:http2'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { invariant } from '../base/index.js'
import type { Method, MethodInfo, Status } from '../env/index.js'
import { parseTimeout } from './call-timeout.js'
import { type CallContext, type CallStart, type OpenCall, StreamJsCall, UnaryJsCall } from './grpc-js-call.js'
import type { GrpcServer, GrpcServerOptions } from './grpc-server.js'
import { grpcText } from './grpc-text.js'
import { RawMetadata } from './metadata.js'
import { addressOf } from './remote.js'
import { PingPolicy } from './ping-policy.js'

type StreamHandlerArguments = [
  interceptors: unknown,
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  flags: number,
  rawHeaders: string[],
]
interface PrivateServer {
  _streamHandler: (...args: StreamHandlerArguments) => void
}

interface Route {
  readonly method: Method
  readonly info: MethodInfo
}

/** What is known of a call between its headers and grpc-js's own object for it; both come in one turn. */
interface Arrival {
  readonly route: Route
  readonly stream: http2.ServerHttp2Stream
  readonly session: http2.Http2Session
  readonly state: SessionState
  readonly rawHeaders: readonly string[]
  readonly deadlineMs: number | undefined
}

interface SessionState {
  openCalls: number
  readonly pings: PingPolicy | undefined
}

const UNLIMITED_STREAMS = 2 ** 32 - 1
const GRPC_CONTENT = 'application/grpc'
/** Of grpc-js: nothing larger is a limit. */
const NEVER_MS = 2 ** 31 - 1

const asIs = (bytes: Buffer): Buffer => bytes
const nothing = (): void => undefined

export function createGrpcJsServer(options: GrpcServerOptions): GrpcServer {
  return new GrpcJsServer(options)
}

/** The answer to the ping before, which is no sign of data. */
const PING_ACK_BYTES = 17

class GrpcJsServer implements GrpcServer {
  readonly #options: GrpcServerOptions
  readonly #server: Server
  readonly #injector: ReturnType<Server['createConnectionInjector']>
  readonly #routes = new Map<string, Route>()
  readonly #services: ReadonlySet<string>
  readonly #sockets = new Set<Socket>()
  readonly #calls = new Set<OpenCall>()
  readonly #sessions = new WeakMap<http2.Http2Session, SessionState>()
  #arrival: Arrival | undefined
  #closing: Promise<void> | undefined
  #onIdle: (() => void) | undefined

  constructor(options: GrpcServerOptions) {
    this.#options = options
    this.#server = new Server({
      'grpc.enable_channelz': 0,
      'grpc.max_receive_message_length': options.receiveBytesMax,
      'grpc.max_send_message_length': -1,
      'grpc.keepalive_time_ms': options.keepaliveTimeMs > 0 ? options.keepaliveTimeMs : NEVER_MS,
      'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs,
      ...(options.concurrentStreamsMax < UNLIMITED_STREAMS && {
        'grpc.max_concurrent_streams': options.concurrentStreamsMax,
      }),
      // The declared result is a class of grpc-js with private members; its interface is all that is used.
      interceptors: [(_descriptor, call) => this.#takeOver(call) as never],
    })
    this.#services = new Set(options.services.map(({ name }) => name))
    for (const service of options.services) {
      for (const method of service.methods) {
        const path = `/${service.name}/${method.name}`
        const info: MethodInfo = Object.freeze({ service: service.name, method: method.name, kind: method.kind })
        invariant(!this.#routes.has(path), `${path} is registered twice`)
        this.#routes.set(path, { method, info })
        // The interceptor answers the call; the handler is never reached.
        this.#server.register(path, nothing, asIs, asIs, 'bidi')
      }
    }
    this.#wrapStreamHandler()
    this.#injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure())
  }

  get connectionCount(): number {
    return this.#sockets.size
  }

  get openCallCount(): number {
    return this.#calls.size
  }

  accept(socket: Socket): void {
    if (this.#closing !== undefined) {
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      if (this.#sockets.size === 0) this.#onIdle?.()
    })
    // Without ALPN node refuses HTTP/2 on TLS; we have seen the preface.
    if (socket instanceof TLSSocket) socket.alpnProtocol = 'h2'
    this.#injector.injectConnection(socket)
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#drain(graceMs)
    return this.#closing
  }

  async #drain(graceMs: number): Promise<void> {
    for (const call of [...this.#calls]) if (call.endless) call.onShutdown(this.#options.stoppedStatus)
    this.#injector.drain(NEVER_MS) // sends GOAWAY; the cut is ours
    await this.#idleWithin(graceMs)
    for (const call of [...this.#calls]) call.onShutdown(this.#options.stoppedStatus)
    // One turn for what was just written, then the sockets go whatever their peers do.
    await this.#options.clock.yieldTurn()
    for (const socket of [...this.#sockets]) socket.destroy()
    await this.#idleWithin(graceMs)
    this.#injector.destroy()
  }

  #idleWithin(limitMs: number): Promise<void> {
    if (this.#sockets.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel()
        this.#onIdle = undefined
        resolve()
      }
      const timer = this.#options.clock.after(limitMs, done)
      this.#onIdle = done
    })
  }

  #wrapStreamHandler(): void {
    const server = this.#server as unknown as PrivateServer
    const original = server._streamHandler
    invariant(typeof original === 'function', 'this version of @grpc/grpc-js has no _streamHandler')
    server._streamHandler = (interceptors, stream, headers, flags, rawHeaders) => {
      stream.on('error', nothing) // the 'close' that follows is what counts
      // node tells of new streams a little later; this one may have been reset, or its connection lost, meanwhile.
      if (stream.session === undefined || stream.destroyed || stream.closed) return
      const arrival = this.#admit(stream, stream.session, headers, rawHeaders)
      if (arrival === undefined) return
      this.#arrival = arrival
      original.call(this.#server, interceptors, stream, neededHeaders(headers), flags, rawHeaders)
      this.#arrival = undefined
    }
  }

  /** Answers what is no call of ours, and prepares what is one. */
  #admit(
    stream: http2.ServerHttp2Stream,
    session: http2.Http2Session,
    headers: http2.IncomingHttpHeaders,
    rawHeaders: string[],
  ): Arrival | undefined {
    const state = this.#stateOf(session, stream)
    const contentType = headers['content-type'] ?? ''
    const path = headers[':path'] ?? ''
    const method = headers[':method'] ?? ''
    if (!isGrpcContent(contentType)) {
      if (this.#options.http !== undefined && session.encrypted === true) this.#serveHttp(stream, headers, rawHeaders)
      else refuse(stream, 415, grpcText.badContentType(contentType))
      return undefined
    }
    const timeout = headers[TIMEOUT]
    const parsed = typeof timeout === 'string' ? parseTimeout(timeout) : undefined
    if (parsed?.kind === 'malformed') {
      refuse(stream, 400, grpcText.badTimeout(parsed.reason))
      return undefined
    }
    if (method !== 'POST') {
      refuse(stream, 405, grpcText.notPost(method))
      return undefined
    }
    const route = this.#routes.get(path)
    if (route === undefined) {
      refuse(stream, 200, this.#unknown(path))
      state.pings?.onSent()
      return undefined
    }
    const deadlineMs = parsed === undefined ? undefined : this.#options.clock.monotonicMs() + parsed.ms
    return { route, stream, session, state, rawHeaders, deadlineMs }
  }

  #unknown(path: string): Status {
    const name = path.startsWith('/') ? path.slice(1) : path
    const slash = name.lastIndexOf('/')
    if (slash === -1) return grpcText.malformedMethod(path)
    const service = name.slice(0, slash)
    return this.#services.has(service)
      ? grpcText.unknownMethod(service, name.slice(slash + 1))
      : grpcText.unknownService(service)
  }

  #serveHttp(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, rawHeaders: string[]): void {
    const request = new http2.Http2ServerRequest(stream, headers, {}, rawHeaders)
    const response = new http2.Http2ServerResponse(stream)
    // node promises that its HTTP/2 request and response serve handlers written for HTTP/1.
    this.#options.http?.(request as unknown as IncomingMessage, response as unknown as ServerResponse)
  }

  #stateOf(session: http2.Http2Session, stream: http2.ServerHttp2Stream): SessionState {
    const state = this.#sessions.get(session) ?? { openCalls: 0, pings: this.#enforcePings(session) }
    this.#sessions.set(session, state)
    state.openCalls++
    stream.once('close', () => state.openCalls--)
    return state
  }

  /** Only on plain connections: etcd serves gRPC on a shared TLS port without this rule. */
  #enforcePings(session: http2.Http2Session): PingPolicy | undefined {
    if (session.encrypted === true) return undefined
    const pings = new PingPolicy(this.#options.keepaliveMinTimeMs)
    let writtenBytes = 0
    session.on('ping', () => {
      // One message may take many round trips, and Go's clients ping in each of them to measure the bandwidth.
      const { bytesWritten } = session.socket
      if (bytesWritten - writtenBytes > PING_ACK_BYTES) pings.onSent()
      writtenBytes = bytesWritten
      const openCalls = this.#sessions.get(session)?.openCalls ?? 0
      if (session.destroyed || !pings.onPing(this.#options.clock.monotonicMs(), openCalls)) return
      session.goaway(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from('too_many_pings'))
      this.#options.clock.soon(() => session.destroy())
    })
    return pings
  }

  #takeOver(base: ServerInterceptingCallInterface): ServerInterceptingCallInterface {
    const arrival = this.#arrival
    invariant(arrival !== undefined, 'an intercepted call has just arrived')
    const { route, stream, session } = arrival
    const { pings } = arrival.state
    const start = base.start.bind(base)
    const finish = base.sendStatus.bind(base)
    const context: CallContext = {
      clock: this.#options.clock,
      gate: this.#options.gate,
      observer: this.#options.observer,
      receiveBytesMax: this.#options.receiveBytesMax,
      onEnd: (ended) => this.#calls.delete(ended),
      onReleased: () => this.#release(stream),
      connectionLost: () => session.destroyed,
      onSent: () => pings?.onSent(),
    }
    const callStart: CallStart = {
      metadata: new RawMetadata(arrival.rawHeaders),
      peer: addressOf(session.socket),
      deadlineMs: arrival.deadlineMs,
      info: route.info,
      port: { send: base.sendMessage.bind(base), finish, read: base.startRead.bind(base) },
      context,
    }
    const { method } = route
    const call = method.kind === 'unary' ? new UnaryJsCall(method, callStart) : new StreamJsCall(method, callStart)
    this.#calls.add(call)
    base.start = () =>
      start({
        onReceiveMetadata: () => call.onStart(),
        onReceiveMessage: (bytes: Uint8Array) => call.onMessage(bytes),
        // node shows a reset as the end of the data first, and tells in the same turn that it was none.
        onReceiveHalfClose: () => this.#options.clock.soon(() => call.onHalfClose()),
        onCancel: () => call.onClosed(),
      })
    // Only grpc-js itself comes through here: it found the call wrong before we saw it.
    base.sendStatus = (status) =>
      call.onRefused(translate(status.code ?? 13, status.details ?? '', this.#options.receiveBytesMax))
    return base
  }

  /** A client that still sends after it was answered holds a stream for nothing. */
  #release(stream: http2.ServerHttp2Stream): void {
    this.#options.clock.soon(() => {
      if (stream.closed || stream.destroyed || stream.readableEnded) return
      stream.close(http2.constants.NGHTTP2_NO_ERROR)
    })
  }
}

const TIMEOUT = 'grpc-timeout'

/**
 * What grpc-js reads of the headers. The rest is ours: deadlines would overflow in its hands, and what is not ASCII it would
 * print to the console.
 */
const neededHeaders = (headers: http2.IncomingHttpHeaders): http2.IncomingHttpHeaders => ({
  ':path': headers[':path'],
  ':authority': headers[':authority'],
  'content-type': headers['content-type'],
  ...(headers['grpc-encoding'] !== undefined && { 'grpc-encoding': headers['grpc-encoding'] }),
})

/** `application/grpc`, alone or followed by a codec name or parameters. */
function isGrpcContent(contentType: string): boolean {
  if (!contentType.startsWith(GRPC_CONTENT)) return false
  const next = contentType[GRPC_CONTENT.length]
  return next === undefined || next === '+' || next === ';'
}

/** Ends a call before it became one. */
function refuse(stream: http2.ServerHttp2Stream, httpStatus: number, status: Status): void {
  stream.respond(
    {
      ':status': httpStatus,
      'content-type': GRPC_CONTENT,
      'grpc-status': status.code,
      'grpc-message': encodeURI(status.message),
    },
    { endStream: true },
  )
  stream.resume()
  if (!stream.endAfterHeaders) stream.close(http2.constants.NGHTTP2_NO_ERROR)
}

/** The words of grpc-js (1.14) in those of grpc-go. */
function translate(code: number, details: string, receiveBytesMax: number): Status {
  const size = /^Received message larger than max \((\d+) vs/.exec(details)
  if (size !== null) return grpcText.tooLarge(size[1]!, receiveBytesMax)
  if (details.startsWith('Received message that decompresses')) return grpcText.tooLargeInflated(receiveBytesMax)
  const encoding = /unsupported encoding "(.*)"$/.exec(details)
  if (encoding !== null) return grpcText.noDecompressor(encoding[1]!)
  if (details.startsWith('Failed to decompress')) return grpcText.decompressFailed
  return { code: code as Status['code'], message: details }
}
