// For tests of this folder: a clock on real time, a small service of every kind, and ports to serve it on.

import { Client, type ServiceError, credentials } from '@grpc/grpc-js'
import { type AddressInfo, connect, type Socket } from 'node:net'
import {
  type CancelCause,
  type Clock,
  Code,
  type Codec,
  type Service,
  type StreamCall,
  type StreamHandler,
  type UnaryCall,
  silentLogger,
  streamMethod,
  unaryMethod,
} from '../env/index.js'
import { type ClientPort, ClientPort as Port } from './client-port.js'
import { createGrpcServer } from './grpc/index.js'
import type { GrpcServer, GrpcServerOptions } from './grpc-server.js'
import { type ListenSpec, listenSpecs } from './address.js'

export const realClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  every: (periodMs, callback) => {
    const timer = setInterval(callback, periodMs)
    timer.unref()
    return { cancel: () => clearInterval(timer) }
  },
  soon: (callback) => void setImmediate(callback),
  afterCallback: (callback) => queueMicrotask(callback),
  yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
}

class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage'
}

/** Text as it is; what starts with 0xff is malformed. */
export const textCodec: Codec<string> = {
  decode: (bytes, start, end) => {
    if (bytes[start] === 0xff) throw new MalformedMessage('test')
    return Buffer.from(bytes.subarray(start, end)).toString('utf8')
  },
  encode: (message) => Buffer.from(message),
}

/** Everything that happened to the service, as text. */
export class Events {
  readonly all: string[] = []
  readonly #waiting: { readonly text: string; readonly resolve: () => void }[] = []

  add(text: string): void {
    this.all.push(text)
    for (const waiter of this.#waiting.filter((w) => w.text === text)) waiter.resolve()
  }

  count(text: string): number {
    return this.all.filter((event) => event === text).length
  }

  until(text: string): Promise<void> {
    if (this.all.includes(text)) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ text, resolve }))
  }
}

export interface EchoService {
  readonly service: Service
  readonly events: Events
  readonly hanging: UnaryCall<string>[]
  readonly streams: StreamCall<string>[]
}

/**
 * `test.Echo`: Say answers its request, Hang never answers, Meta answers metadata named by the request, Count streams as many
 * messages as it is told, Chat echoes until half-close and then ends (`stay` as first message: it stays open).
 */
export function echoService(): EchoService {
  const events = new Events()
  const hanging: UnaryCall<string>[] = []
  const streams: StreamCall<string>[] = []
  const codecs = { request: textCodec, response: textCodec }
  const service: Service = {
    name: 'test.Echo',
    methods: [
      unaryMethod({
        ...codecs,
        name: 'Say',
        handle: (request, call) => {
          if (request.startsWith('fail ')) call.fail({ code: Code.outOfRange, message: request.slice(5) })
          else call.respond(request)
        },
      }),
      unaryMethod({
        ...codecs,
        name: 'Hang',
        handle: (_request, call) => {
          events.add('hang')
          hanging.push(call)
          call.onCancel((cause) => events.add(`hang ${cause}`))
        },
      }),
      unaryMethod({
        ...codecs,
        name: 'Meta',
        handle: (request, call) => call.respond(`${call.metadata.get(request) ?? 'none'}|${call.peer}`),
      }),
      streamMethod({ ...codecs, name: 'Count', kind: 'server_stream', open: (call) => new Counter(call, events) }),
      streamMethod({
        ...codecs,
        name: 'Chat',
        kind: 'bidi_stream',
        open: (call) => {
          streams.push(call)
          return new Chat(call, events)
        },
      }),
      streamMethod({
        ...codecs,
        name: 'Endless',
        kind: 'bidi_stream',
        endless: true,
        open: (call) => {
          streams.push(call)
          return new Chat(call, events)
        },
      }),
    ],
  }
  return { service, events, hanging, streams }
}

/** Sends 1, 2, 3, ... each followed by padding, as fast as the client takes them. */
class Counter implements StreamHandler<string> {
  readonly #call: StreamCall<string>
  readonly #events: Events
  #next = 1
  #last = 0
  #padding = ''

  constructor(call: StreamCall<string>, events: Events) {
    this.#call = call
    this.#events = events
  }

  onMessage(request: string): void {
    const [count = '0', paddingBytes = '0'] = request.split(' ')
    this.#last = Number(count)
    this.#padding = ' '.repeat(Number(paddingBytes))
    this.#run()
  }

  onHalfClose(): void {
    this.#events.add('count half-closed')
  }

  onCancel(cause: CancelCause): void {
    this.#events.add(`count ${cause}`)
  }

  onDrain(): void {
    this.#events.add('count drained')
    this.#run()
  }

  #run(): void {
    while (this.#next <= this.#last) {
      if (!this.#call.send(`${this.#next++}${this.#padding}`)) {
        this.#events.add('count blocked')
        return
      }
    }
    this.#call.end()
  }
}

class Chat implements StreamHandler<string> {
  readonly #call: StreamCall<string>
  readonly #events: Events
  #stays = false

  constructor(call: StreamCall<string>, events: Events) {
    this.#call = call
    this.#events = events
    events.add('chat open')
  }

  onMessage(message: string): void {
    this.#events.add(`chat ${message.length > 20 ? 'long' : message}`)
    if (message === 'stay') this.#stays = true
    if (message === 'fail') this.#call.fail({ code: Code.notFound, message: 'no such 100% thing "ä"' })
    else this.#call.send(message)
  }

  onHalfClose(): void {
    this.#events.add('chat half-closed')
    if (!this.#stays) this.#call.end()
  }

  onCancel(cause: CancelCause): void {
    this.#events.add(`chat ${cause}`)
  }

  onDrain(): void {
    this.#events.add('chat drained')
  }
}

export interface Served {
  readonly echo: EchoService
  readonly grpc: GrpcServer
  readonly port: ClientPort
  readonly tcpPort: number
  readonly client: Client
  close(): Promise<void>
}

export const grpcOptions = (services: readonly Service[]): GrpcServerOptions => ({
  services,
  clock: realClock,
  receiveBytesMax: 1000,
  concurrentStreamsMax: 2 ** 32 - 1,
  keepaliveTimeMs: 2 * 3_600_000,
  keepaliveTimeoutMs: 20_000,
  keepaliveMinTimeMs: 5000,
  stoppedStatus: { code: Code.unavailable, message: 'etcdserver: server stopped' },
})

/** A client port on an address of its own, with the echo service and HTTP handlers that answer with the URL. */
export async function serve(
  overrides: Partial<GrpcServerOptions> & {
    specs?: ListenSpec[]
    tls?: ConstructorParameters<typeof Port>[0]['tls']
    connectionsMax?: number
    headerTimeoutMs?: number
    withoutHttp?: boolean
  } = {},
): Promise<Served> {
  const echo = echoService()
  const port = new Port({
    specs: overrides.specs ?? listenSpecs(['http://127.0.0.1:0']),
    tls: overrides.tls,
    clock: realClock,
    logger: silentLogger,
    endpoint: 'client',
    connectionsMax: overrides.connectionsMax ?? 1000,
    headerTimeoutMs: overrides.headerTimeoutMs ?? 60_000,
  })
  await port.open()
  const grpc = createGrpcServer({ ...grpcOptions([echo.service]), ...overrides })
  port.serve({
    grpc,
    http: overrides.withoutHttp === true ? undefined : (request, response) => response.end(`you want ${request.url}`),
  })
  const tcpPort = port.listeners[0]!.port
  const client = new Client(`127.0.0.1:${tcpPort}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.use_local_subchannel_pool': 1,
  })
  return {
    echo,
    grpc,
    port,
    tcpPort,
    client,
    close: async () => {
      client.close()
      await port.close(1000)
    },
  }
}

const asIs = (bytes: Buffer): Buffer => bytes
export const path = (method: string): string => `/test.Echo/${method}`

/** One unary call; the answer or `code text`. */
export function say(client: Client, method: string, request: string | Buffer, deadlineMs?: number): Promise<string> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      method.startsWith('/') ? method : path(method),
      asIs,
      asIs,
      Buffer.from(request as string),
      deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
      (error: ServiceError | null, response?: Buffer) =>
        resolve(error === null ? (response ?? Buffer.alloc(0)).toString() : `${error.code} ${error.details}`),
    )
  })
}

export const chat = (client: Client, method = 'Chat') => client.makeBidiStreamRequest(path(method), asIs, asIs)
export const count = (client: Client, request: string, method = 'Count') =>
  client.makeServerStreamRequest(path(method), asIs, asIs, Buffer.from(request))

/** One message in gRPC framing. */
export const framed = (bytes: Buffer, flag = 0): Buffer => {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

/** `code text`, once the stream is over; what it sends is read on the way. */
export const ended = (stream: ReturnType<typeof chat> | ReturnType<typeof count>): Promise<string> =>
  new Promise((resolve) => {
    stream.on('error', () => undefined)
    stream.on('status', ({ code, details }: { code: number; details: string }) =>
      resolve(code === 0 ? '0 OK' : `${code} ${details}`),
    )
    stream.resume()
  })

/** Sends `bytes` on a new connection and gives everything that came back until the server closed it. */
export function exchange(tcpPort: number, bytes: string | Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket: Socket = connect(tcpPort, '127.0.0.1', () => socket.write(bytes))
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('close', () => resolve(Buffer.concat(chunks)))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET') reject(error)
    })
  })
}

/** Polls a condition that other turns make true. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never came true: ${condition.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

export type { AddressInfo }
