// For tests: a client that sends frames as it is told, right or wrong, and shows what comes back; and a server without gRPC.

import { type Server, type Socket, connect, createServer } from 'node:net'
import type { Clock } from '../../env/index.js'
import { HpackDecoder, PreparedField } from '../hpack/index.js'
import { HTTP2_PREFACE } from '../sniff.js'
import { Http2Connection } from './connection.js'
import { HTTP2_LIMITS } from './limits.js'
import { Turns } from './output.js'
import { FRAME_HEAD_BYTES, readUint31, readUint32, writeFrameHead, writeUint32 } from './protocol.js'
import type { Request } from './request.js'
import type { Http2Stream } from './stream.js'

export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')

export function frame(type: number, flags: number, id: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(FRAME_HEAD_BYTES + payload.length)
  writeFrameHead(bytes, 0, payload.length, type, flags, id)
  bytes.set(payload, FRAME_HEAD_BYTES)
  return bytes
}

export function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) writeUint32(bytes, 4 * i, value)
  return bytes
}

export const setting = (name: number, value: number): Buffer => Buffer.concat([Buffer.of(0, name), uint32(value)])
export const SETTINGS = frame(4, 0, 0)

/** One literal field that does not join the table; at most 126 bytes each. */
export const literal = (name: string, value: string): Buffer =>
  Buffer.concat([
    Buffer.of(0, name.length),
    Buffer.from(name, 'latin1'),
    Buffer.of(value.length),
    Buffer.from(value, 'latin1'),
  ])

/** GET, http, /. */
export const GET = hex('82 86 84')
/** POST, http, /. */
export const POST = hex('83 86 84')

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly id: number
  readonly payload: Buffer
}

const NAMES = ['DATA', 'HEADERS', 'PRIORITY', 'RST', 'SETTINGS', 'PUSH', 'PING', 'GOAWAY', 'WINDOW', 'CONTINUATION']

/** A frame as short text: `RST 1 PROTOCOL_ERROR`, `DATA 3 44 end`. */
export function frameText({ type, flags, id, payload }: Frame): string {
  const name = NAMES[type] ?? String(type)
  const end = (flags & 1) !== 0 ? ' end' : ''
  if (type === 0) return `${name} ${id} ${payload.length}${end}`
  if (type === 1) return `${name} ${id}${end}`
  if (type === 3) return `${name} ${id} ${readUint32(payload, 0)}`
  if (type === 7) return `${name} ${readUint32(payload, 4)}`
  if (type === 8) return `${name} ${id} ${readUint31(payload, 0)}`
  return `${name}${(flags & 1) !== 0 ? ' ack' : ''}`
}

export class RawClient {
  readonly socket: Socket
  readonly frames: Frame[] = []
  readonly #decoder = new HpackDecoder(4096, 1 << 20)
  #bytes: Buffer = Buffer.alloc(0)
  #waiting: (() => void)[] = []
  isClosed = false

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.setNoDelay(true)
    this.socket.on('data', (chunk: Buffer) => this.#read(chunk))
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      this.isClosed = true
      this.#wake()
    })
  }

  /** Sends the preface, empty SETTINGS, and then `parts`. */
  start(...parts: Buffer[]): void {
    this.send(HTTP2_PREFACE, SETTINGS, ...parts)
  }

  send(...parts: Buffer[]): void {
    this.socket.write(Buffer.concat(parts))
  }

  /** All frames so far without SETTINGS and the first WINDOW_UPDATE of the server. */
  get texts(): string[] {
    return this.frames
      .slice(2)
      .filter(({ type }) => type !== 4)
      .map(frameText)
  }

  fieldsOf(received: Frame): string[] {
    return this.#decoder
      .decode(received.payload, 0, received.payload.length)
      .map(({ name, value }) => `${name}: ${value}`)
  }

  /** Waits until `condition` holds for what arrived; fails after five seconds. */
  async until(condition: (client: RawClient) => boolean): Promise<void> {
    const deadlineMs = performance.now() + 5000
    while (!condition(this)) {
      if (performance.now() > deadlineMs)
        throw new Error(`never: ${condition.toString()}; got ${this.texts.join(', ')}`)
      if (this.isClosed) throw new Error(`closed before: ${condition.toString()}; got ${this.texts.join(', ')}`)
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
        setTimeout(resolve, 100).unref()
      })
    }
  }

  async untilClosed(): Promise<void> {
    const deadlineMs = performance.now() + 5000
    while (!this.isClosed) {
      if (performance.now() > deadlineMs) throw new Error(`never closed; got ${this.texts.join(', ')}`)
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
        setTimeout(resolve, 100).unref()
      })
    }
  }

  /** Everything sent so far was dealt with: a ping came back, or the connection was closed. */
  async settled(): Promise<void> {
    const pongs = (): number => this.frames.filter(({ type, flags }) => type === 6 && flags === 1).length
    const before = pongs()
    this.send(frame(6, 0, 0, uint32(0, 77)))
    while (!this.isClosed && pongs() === before) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  close(): void {
    this.socket.destroy()
  }

  #read(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    let pos = 0
    while (this.#bytes.length - pos >= FRAME_HEAD_BYTES) {
      const end = pos + FRAME_HEAD_BYTES + this.#bytes.readUIntBE(pos, 3)
      if (end > this.#bytes.length) break
      this.frames.push({
        type: this.#bytes[pos + 3]!,
        flags: this.#bytes[pos + 4]!,
        id: readUint31(this.#bytes, pos + 5),
        payload: this.#bytes.subarray(pos + FRAME_HEAD_BYTES, end),
      })
      pos = end
    }
    this.#bytes = this.#bytes.subarray(pos)
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

const ANSWER = [new PreparedField(':status', '200'), new PreparedField('content-type', 'text/plain', true)]
const TRAILERS = [new PreparedField('x-end', 'yes')]

export interface BareServer {
  readonly port: number
  readonly connections: ReadonlySet<Http2Connection>
  /** What streams heard, as text. */
  readonly events: string[]
  /** Streams in the order in which they came. */
  readonly streams: Http2Stream[]
  close(): Promise<void>
}

const HUGE_BYTES = HTTP2_LIMITS.queuedBytes + 1_000_000

/**
 * Answers by path: `/` with 44 bytes once the request is complete; `/large` with 300,000 bytes at once; `/huge` with
 * more than a client may leave unfetched in small answers; `/trailers` with 44 bytes and trailers; `/silent` never.
 */
export async function serveBare(clock: Clock, concurrentStreamsMax = 100): Promise<BareServer> {
  const connections = new Set<Http2Connection>()
  const events: string[] = []
  const streams: Http2Stream[] = []
  const turns = new Turns(clock)
  const answer = (stream: Http2Stream, sizeBytes: number, trailers: boolean): void => {
    stream.respond(ANSWER, false)
    stream.write(Buffer.alloc(0), Buffer.alloc(sizeBytes, 'x'))
    stream.end(trailers ? TRAILERS : undefined)
  }
  const owner = {
    onRequest: (stream: Http2Stream, { path }: Request) => {
      streams.push(stream)
      events.push(`${stream.id} request ${path}`)
      stream.reader = {
        onData: (_bytes: Buffer, start: number, end: number) => events.push(`${stream.id} data ${end - start}`),
        onEnd: () => {
          events.push(`${stream.id} end`)
          if (path === '/' || path === '/trailers') answer(stream, 44, path === '/trailers')
        },
        onReset: (lost: boolean) => events.push(`${stream.id} ${lost ? 'lost' : 'reset'}`),
        onTaken: () => undefined,
      }
      if (path === '/large') answer(stream, 300_000, false)
      if (path === '/huge') answer(stream, HUGE_BYTES, false)
    },
    onPing: () => undefined,
    onClosed: (connection: Http2Connection) => connections.delete(connection),
  }
  const server: Server = createServer({ noDelay: true }, (socket) => {
    const connection = new Http2Connection({ socket, clock, turns, owner, concurrentStreamsMax })
    connections.add(connection)
    connection.open()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections,
    events,
    streams,
    close: () => {
      for (const connection of connections) connection.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
