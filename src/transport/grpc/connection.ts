// One client's connection as gRPC sees it: admits calls, watches over pings, and asks silent clients for a sign of life.

import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { CallMetadata, Status, Timer } from '../../env/index.js'
import { parseTimeout } from '../call-timeout.js'
import type { GrpcServerOptions } from '../grpc-server.js'
import { grpcText } from '../grpc-text.js'
import { type ConnectionOwner, Http2Connection, type Http2Stream, type Request, type Turns } from '../http2/index.js'
import { PingPolicy } from '../ping-policy.js'
import { failureFields } from './answers.js'
import { BaseCall, type ConnectionContext, type Route, type ServerContext } from './call.js'
import { isKnownEncoding } from './framing.js'
import type { HttpBridge } from './http-bridge.js'
import { FieldMetadata } from './metadata.js'
import { StreamRpc } from './stream-call.js'
import { UnaryRpc, type UnaryRoute } from './unary-call.js'
import type { StreamRoute } from './stream-call.js'

export interface ConnectionSetup {
  readonly socket: Socket
  readonly options: GrpcServerOptions
  readonly turns: Turns
  readonly server: ServerContext
  readonly routes: ReadonlyMap<string, Route>
  readonly services: ReadonlySet<string>
  readonly http: HttpBridge | undefined
  /** The connection is closed and all its calls were told. */
  readonly onClosed: (connection: GrpcConnection) => void
}

const GRPC_CONTENT = 'application/grpc'
const NO_METADATA = new FieldMetadata([])

export class GrpcConnection implements ConnectionOwner, ConnectionContext {
  readonly server: ServerContext
  partialBytes = 0
  readonly #setup: ConnectionSetup
  readonly #http2: Http2Connection
  /** On TLS undefined: etcd serves gRPC there without this rule. */
  readonly #pings: PingPolicy | undefined
  readonly #http: HttpBridge | undefined
  #keepalive: Timer | undefined
  /** Of the last request that was asked for it: most calls repeat its header block. */
  #metadata = NO_METADATA

  constructor(setup: ConnectionSetup) {
    const { socket, options } = setup
    this.#setup = setup
    this.server = setup.server
    const secure = socket instanceof TLSSocket
    this.#pings = secure ? undefined : new PingPolicy(options.keepaliveMinTimeMs)
    this.#http = secure ? setup.http : undefined
    this.#http2 = new Http2Connection({
      socket,
      clock: options.clock,
      turns: setup.turns,
      owner: this,
      concurrentStreamsMax: options.concurrentStreamsMax,
    })
  }

  metadataOf(request: Request): CallMetadata {
    if (request.fields !== this.#metadata.fields) this.#metadata = new FieldMetadata(request.fields)
    return this.#metadata
  }

  open(): void {
    this.#http2.open()
    if (this.#setup.options.keepaliveTimeMs > 0) this.#watchSilence(this.#setup.options.keepaliveTimeMs)
  }

  /** See `Http2Connection.check`. */
  check(nowMs: number): void {
    this.#http2.check(nowMs)
  }

  leave(): void {
    this.#http2.leave()
  }

  destroy(): void {
    this.#http2.destroy()
  }

  /** Calls that no answer was given to. */
  calls(): BaseCall[] {
    const calls: BaseCall[] = []
    for (const { reader } of this.#http2.streams) if (reader instanceof BaseCall) calls.push(reader)
    return calls
  }

  onRequest(stream: Http2Stream, request: Request): void {
    if (!isGrpcContent(request.contentType)) {
      if (this.#http === undefined) refuse(stream, 415, grpcText.badContentType(request.contentType))
      else this.#http.serve(stream, request)
      return
    }
    let deadlineMs = Number.POSITIVE_INFINITY
    if (request.grpcTimeout !== undefined) {
      const timeout = parseTimeout(request.grpcTimeout)
      if (timeout.kind === 'malformed') {
        refuse(stream, 400, grpcText.badTimeout(timeout.reason))
        return
      }
      deadlineMs = this.server.clock.monotonicMs() + timeout.ms
    }
    if (request.method !== 'POST') {
      refuse(stream, 405, grpcText.notPost(request.method))
      return
    }
    const route = this.#setup.routes.get(request.path)
    if (route === undefined) refuse(stream, 200, this.#unknown(request.path))
    else if (!isKnownEncoding(request.grpcEncoding)) {
      refuse(stream, 200, grpcText.noDecompressor(request.grpcEncoding ?? ''))
    } else if (route.method.kind === 'unary') {
      stream.reader = new UnaryRpc(stream, request, route as UnaryRoute, this, deadlineMs)
    } else {
      const call = new StreamRpc(stream, request, route as StreamRoute, this, deadlineMs)
      stream.reader = call
      call.open()
    }
  }

  onPing(connection: Http2Connection): string | undefined {
    const pings = this.#pings
    if (pings === undefined) return undefined
    if (connection.hasSent) pings.onSent()
    connection.hasSent = false
    return pings.onPing(this.server.clock.monotonicMs(), connection.streams.size) ? TOO_MANY_PINGS : undefined
  }

  onClosed(): void {
    this.#keepalive?.cancel()
    this.#setup.onClosed(this)
  }

  #unknown(path: string): Status {
    const name = path.startsWith('/') ? path.slice(1) : path
    const slash = name.lastIndexOf('/')
    if (slash === -1) return grpcText.malformedMethod(path)
    const service = name.slice(0, slash)
    return this.#setup.services.has(service)
      ? grpcText.unknownMethod(service, name.slice(slash + 1))
      : grpcText.unknownService(service)
  }

  /** Looks again when the silence would be too long; then a ping has to be answered. */
  #watchSilence(afterMs: number): void {
    const { clock } = this.server
    const { keepaliveTimeMs } = this.#setup.options
    this.#keepalive = clock.after(Math.min(afterMs, TIMER_MAX_MS), () => {
      const leftMs = this.#http2.lastReceivedMs + keepaliveTimeMs - clock.monotonicMs()
      if (leftMs > 0) this.#watchSilence(leftMs)
      else this.#askForLife()
    })
  }

  #askForLife(): void {
    if (this.#http2.isLeaving) return
    const { clock } = this.server
    const { keepaliveTimeMs, keepaliveTimeoutMs } = this.#setup.options
    const askedMs = clock.monotonicMs()
    this.#http2.ping(() => {
      this.#keepalive?.cancel()
      this.#watchSilence(keepaliveTimeMs)
    })
    this.#keepalive = clock.after(Math.min(keepaliveTimeoutMs, TIMER_MAX_MS), () => {
      // Anything that came counts, not only the answer.
      if (this.#http2.lastReceivedMs > askedMs) this.#watchSilence(keepaliveTimeMs)
      else this.#http2.destroy()
    })
  }
}

const TOO_MANY_PINGS = 'too_many_pings'
const TIMER_MAX_MS = 2 ** 31 - 1

/** Ends a request before it became a call. */
function refuse(stream: Http2Stream, httpStatus: number, status: Status): void {
  stream.respond(failureFields(status, httpStatus), true)
}

/** `application/grpc`, alone or followed by a codec name or parameters. */
function isGrpcContent(contentType: string): boolean {
  if (!contentType.startsWith(GRPC_CONTENT)) return false
  const next = contentType[GRPC_CONTENT.length]
  return next === undefined || next === '+' || next === ';'
}
