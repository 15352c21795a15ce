// A client made from proto/ by @grpc/proto-loader: independent of the product's own codecs. Field names as in the .proto
// files, 64-bit integers as strings, bytes as Buffer, every field present.
import { Client, credentials, Metadata, status, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js'
import { loadSync, type MethodDefinition, type ServiceDefinition } from '@grpc/proto-loader'
import { join } from 'node:path'
import { repositoryRoot } from './repository.js'

const protoRoot = join(repositoryRoot, 'proto')
const CALL_TIMEOUT_MS = 30_000
const MESSAGE_MAX_BYTES = 2 ** 31 - 1

type Method = MethodDefinition<object, object>

const definition = loadSync(
  ['etcdserverpb/rpc.proto', 'v3lockpb/v3lock.proto', 'v3electionpb/v3election.proto', 'health/health.proto'],
  { includeDirs: [protoRoot], keepCase: true, longs: String, defaults: true, arrays: true, oneofs: true },
)

/** Every method by its path without the leading slash, for example `etcdserverpb.KV/Range`. */
const methods = new Map<string, Method>(
  Object.values(definition)
    .filter((entry) => !('format' in entry))
    .flatMap((service) => Object.values(service as ServiceDefinition))
    .map((method) => [method.path.slice(1), method]),
)

/** Short form: `KV/Range` stands for `etcdserverpb.KV/Range`. */
const methodOf = (name: string): Method => {
  const method = methods.get(name) ?? methods.get(`etcdserverpb.${name}`)
  if (method === undefined) throw new Error(`no method ${name} in proto/`)
  return method
}

export const encodeRequest = (method: string, request: object): Buffer => methodOf(method).requestSerialize(request)

/** A call that the server (or the connection) refused. `details` is the text that etcd clients match on. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure'
  readonly code: status
  readonly details: string

  constructor(code: status, details: string) {
    super(`${status[code]}: ${details}`)
    this.code = code
    this.details = details
  }
}

export type Outcome<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: CallFailure }

export interface CallOptions {
  readonly timeoutMs?: number
  readonly metadata?: Readonly<Record<string, string>>
}

/** Both directions of one stream; `next` waits for messages in order. */
export class Stream<T> {
  readonly #call: ClientDuplexStream<object, T>
  readonly #arrived: T[] = []
  #end: CallFailure | 'ended' | undefined
  #wake: (() => void) | undefined

  constructor(call: ClientDuplexStream<object, T>) {
    this.#call = call
    call.on('data', (message: T) => this.#notify(() => this.#arrived.push(message)))
    call.on('end', () => this.#notify(() => (this.#end ??= 'ended')))
    call.on('error', (error: ServiceError) => this.#notify(() => (this.#end = failureOf(error))))
  }

  send(request: object): void {
    this.#call.write(request)
  }

  halfClose(): void {
    this.#call.end()
  }

  cancel(): void {
    this.#call.cancel()
  }

  /** Stops taking messages from the connection: what a slow client does. */
  pause(): void {
    this.#call.pause()
  }

  resume(): void {
    this.#call.resume()
  }

  /** Messages that came and were not taken yet. */
  get waiting(): number {
    return this.#arrived.length
  }

  /** The next message; undefined when the stream ended well. @throws CallFailure, or Error after `timeoutMs`. */
  async next(timeoutMs = CALL_TIMEOUT_MS): Promise<T | undefined> {
    const deadline = Date.now() + timeoutMs
    while (this.#arrived.length === 0) {
      if (this.#end === 'ended') return undefined
      if (this.#end !== undefined) throw this.#end
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`no message within ${timeoutMs} ms`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#wake = undefined
    }
    return this.#arrived.shift()
  }

  #notify(change: () => void): void {
    change()
    this.#wake?.()
  }
}

export interface GrpcClientOptions {
  readonly timeoutMs?: number
  /** PEM; `key` and `cert` of the client together or neither. */
  readonly tls?: { readonly ca: Buffer; readonly key?: Buffer; readonly cert?: Buffer } | undefined
}

export class GrpcClient {
  readonly #client: Client
  readonly #timeoutMs: number

  /** Over TLS with `tls`. */
  constructor(endpoint: string, { timeoutMs = CALL_TIMEOUT_MS, tls }: GrpcClientOptions = {}) {
    this.#timeoutMs = timeoutMs
    const secure = tls === undefined ? credentials.createInsecure() : credentials.createSsl(tls.ca, tls.key, tls.cert)
    this.#client = new Client(endpoint, secure, {
      'grpc.max_receive_message_length': MESSAGE_MAX_BYTES,
      'grpc.max_send_message_length': MESSAGE_MAX_BYTES,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 500,
      'grpc.service_config_disable_resolution': 1,
    })
  }

  /** @throws CallFailure */
  async call<T>(name: string, request: object = {}, options: CallOptions = {}): Promise<T> {
    const { path, requestSerialize, responseDeserialize } = methodOf(name)
    return this.#unary(path, requestSerialize, responseDeserialize as (bytes: Buffer) => T, request, options)
  }

  async attempt<T>(name: string, request: object = {}, options: CallOptions = {}): Promise<Outcome<T>> {
    return outcomeOf(this.call<T>(name, request, options))
  }

  /** Sends bytes as they are and gives back the answer's bytes. */
  async raw(name: string, bytes: Buffer, options: CallOptions = {}): Promise<Outcome<Buffer>> {
    return outcomeOf(this.#unary(methodOf(name).path, same, same, bytes, options))
  }

  /** A stream in both directions; a server stream when `request` is given. */
  stream<T>(name: string, { timeoutMs, metadata }: CallOptions = {}): Stream<T> {
    const { path, requestSerialize, responseDeserialize } = methodOf(name)
    const deserialize = responseDeserialize as (bytes: Buffer) => T
    const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs }
    return new Stream(
      this.#client.makeBidiStreamRequest(path, requestSerialize, deserialize, metadataOf(metadata), options),
    )
  }

  /** As `stream`, with requests sent as the bytes given. */
  rawStream(name: string): ClientDuplexStream<Buffer, Buffer> {
    return this.#client.makeBidiStreamRequest(methodOf(name).path, same, same, new Metadata(), {})
  }

  /** All messages of a call that the server answers with a stream. @throws CallFailure */
  async collect<T>(name: string, request: object, options: CallOptions = {}): Promise<T[]> {
    const stream = this.stream<T>(name, options)
    stream.send(request)
    stream.halfClose()
    const messages: T[] = []
    for (let next = await stream.next(); next !== undefined; next = await stream.next()) messages.push(next)
    return messages
  }

  close(): void {
    this.#client.close()
  }

  #unary<I, O>(
    path: string,
    serialize: (request: I) => Buffer,
    deserialize: (bytes: Buffer) => O,
    request: I,
    { timeoutMs = this.#timeoutMs, metadata }: CallOptions,
  ): Promise<O> {
    const options = { deadline: Date.now() + timeoutMs }
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        serialize,
        deserialize,
        request,
        metadataOf(metadata),
        options,
        (error, value) => {
          if (error) reject(failureOf(error))
          else if (value === undefined) reject(new Error(`${path}: neither value nor error`))
          else resolve(value)
        },
      )
    })
  }
}

const same = (bytes: Buffer): Buffer => bytes

const failureOf = (error: ServiceError): CallFailure => new CallFailure(error.code, error.details)

const outcomeOf = async <T>(call: Promise<T>): Promise<Outcome<T>> => {
  try {
    return { ok: true, value: await call }
  } catch (error) {
    if (error instanceof CallFailure) return { ok: false, failure: error }
    throw error
  }
}

const metadataOf = (entries: Readonly<Record<string, string>> = {}): Metadata => {
  const metadata = new Metadata()
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value)
  return metadata
}
