// HTTP/2 requests that are no gRPC, for handlers written for HTTP/1: each becomes a request of HTTP/1.1 to a server of node's
// own that is reached through memory only. That costs more than a handler of our own would, and keeps every promise that
// node makes to handlers; such requests are rare.

import { type IncomingMessage, type Server, createServer, request as httpRequest } from 'node:http'
import { Duplex } from 'node:stream'
import { PreparedField } from '../hpack/index.js'
import type { RequestListener } from '../grpc-server.js'
import { ErrorCode } from '../http2/protocol.js'
import type { Http2Stream, Request, StreamReader } from '../http2/index.js'

/** Bytes of an answer that may wait at a stream before its handler is made to wait. */
const QUEUED_BYTES_MAX = 256 * 1024
/** Bytes of a request body that may wait for the handler before the client is made to wait. */
const BODY_BYTES_MAX = 256 * 1024
const HEADER_BYTES_MAX = 64 * 1024
/** What belongs to one connection of HTTP/1 (RFC 9113, 8.2.2). */
const CONNECTION_FIELDS = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])
const NOTHING = new Uint8Array(0)

export class HttpBridge {
  readonly #server: Server

  constructor(listener: RequestListener) {
    this.#server = createServer({ maxHeaderSize: 2 * HEADER_BYTES_MAX, requestTimeout: 0 }, listener)
  }

  serve(stream: Http2Stream, request: Request): void {
    const [near, far] = pair(stream.owner.peer)
    this.#server.emit('connection', far)
    stream.reader = new Exchange(stream, request, near)
  }

  close(): Promise<void> {
    this.#server.closeAllConnections()
    return Promise.resolve()
  }
}

class Exchange implements StreamReader {
  readonly #stream: Http2Stream
  readonly #request: ReturnType<typeof httpRequest>
  readonly #isHead: boolean
  #response: IncomingMessage | undefined
  #isOver = false

  constructor(stream: Http2Stream, { method, path, authority, fields }: Request, near: Duplex) {
    this.#stream = stream
    this.#isHead = method === 'HEAD'
    const headers: [string, string][] = [['host', authority]]
    for (const { name, value } of fields) {
      if (name.startsWith(':') || name === 'te' || name === 'host') continue
      headers.push([name, value])
    }
    if (!stream.isEndedByPeer && !fields.some(({ name }) => name === 'content-length')) {
      headers.push(['transfer-encoding', 'chunked'])
    }
    headers.push(['connection', 'close'])
    this.#request = httpRequest({
      method,
      path,
      headers: headers.flat(),
      createConnection: () => near,
      maxHeaderSize: 2 * HEADER_BYTES_MAX,
    })
    this.#request.on('response', (response) => this.#onResponse(response))
    this.#request.on('error', () => this.#fail())
    this.#request.on('drain', () => this.#stream.release())
    this.#request.flushHeaders()
  }

  onData(bytes: Buffer, start: number, end: number): void {
    this.#request.write(bytes.subarray(start, end))
    if (this.#request.writableLength > BODY_BYTES_MAX) this.#stream.hold()
  }

  onEnd(): void {
    this.#request.end()
  }

  onReset(): void {
    this.#isOver = true
    this.#request.destroy()
  }

  onTaken(): void {
    if (this.#stream.queuedBytes < QUEUED_BYTES_MAX / 2) this.#response?.resume()
  }

  #onResponse(response: IncomingMessage): void {
    this.#response = response
    const fields = [new PreparedField(':status', String(response.statusCode ?? 500))]
    for (let i = 0; i + 1 < response.rawHeaders.length; i += 2) {
      const name = response.rawHeaders[i]!.toLowerCase()
      if (!CONNECTION_FIELDS.has(name)) fields.push(new PreparedField(name, response.rawHeaders[i + 1]!.trim()))
    }
    this.#stream.respond(fields, this.#isHead)
    if (this.#isHead) {
      this.#isOver = true
      response.resume()
      return
    }
    response.on('data', (chunk: Buffer) => {
      this.#stream.write(NOTHING, chunk)
      if (this.#stream.queuedBytes > QUEUED_BYTES_MAX) response.pause()
    })
    response.on('end', () => {
      this.#isOver = true
      this.#stream.end()
    })
    response.on('error', () => this.#fail())
    response.on('aborted', () => this.#fail())
  }

  #fail(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stream.reset(ErrorCode.internalError)
  }
}

/** Two ends of a connection in memory. */
function pair(peer: string): [near: Duplex, far: Duplex] {
  const near: End = new End()
  const far: End = new End()
  near.other = far
  far.other = near
  const colon = peer.lastIndexOf(':')
  // What handlers of HTTP/1 ask a socket about its client.
  Object.assign(far, {
    encrypted: true,
    remoteAddress: colon === -1 ? undefined : peer.slice(0, colon),
    remotePort: colon === -1 ? undefined : Number(peer.slice(colon + 1)),
  })
  return [near, far]
}

class End extends Duplex {
  other: End | undefined
  #written: (() => void) | undefined

  override _read(): void {
    const written = this.#written
    this.#written = undefined
    written?.()
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const { other } = this
    if (other === undefined || other.destroyed || other.push(chunk)) done()
    else other.#written = done
  }

  override _final(done: () => void): void {
    this.other?.push(null)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#written?.()
    this.#written = undefined
    const { other } = this
    if (other !== undefined && !other.destroyed) process.nextTick(() => other.destroy())
    done(error)
  }

  // What node's HTTP server calls on sockets.
  setTimeout(): this {
    return this
  }
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
}
