// The contract between a gRPC transport and the services: which methods exist and how a call is answered.
// A transport decodes with `request`, encodes with `response`, and knows nothing else of a service.

/** Wire form of one message type; the codecs of proto/ satisfy it. */
export interface Codec<T> {
  /** Decodes `bytes[start, end)`; nested byte fields are views into `bytes`. @throws MalformedMessage */
  decode(bytes: Uint8Array, start: number, end: number): T
  /** Owned result. */
  encode(message: T): Uint8Array
  /** Large messages that need not be one piece: what `encode` would give, in pieces, or undefined. Frozen. */
  pieces?(message: T): readonly Uint8Array[] | undefined
}

/** gRPC status codes by their names. */
export const Code = {
  ok: 0,
  canceled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const
export type Code = (typeof Code)[keyof typeof Code]

/** What a failed call tells the client. Instances of the catalogue are compared by identity. */
export interface Status {
  readonly code: Code
  readonly message: string
}

/** Why a call ended without the server's doing. */
export type CancelCause = 'canceled' | 'deadline' | 'transport' | 'shutdown'

/** Request metadata: names in lower case. */
export interface CallMetadata {
  /** The first value of the name; undefined when absent. Text that is no valid UTF-8 keeps U+FFFD. */
  get(name: string): string | undefined
}

export interface Call {
  readonly metadata: CallMetadata
  /** For logs: address and port of the client. */
  readonly peer: string
  /** On the clock's monotonic scale; undefined without `grpc-timeout`. */
  readonly deadlineMs: number | undefined
}

export interface UnaryCall<Res> extends Call {
  /** True once the client is gone or its deadline passed: an answer would go nowhere. */
  readonly canceled: boolean
  /** Answers the call; the first of `respond` and `fail` counts. `message` is frozen. */
  respond(message: Res): void
  fail(status: Status): void
  /** At most one listener; called at most once, never after the call was answered. */
  onCancel(listener: (cause: CancelCause) => void): void
}

export interface StreamCall<Res> extends Call {
  /**
   * Queues one message, in order. False once `bufferedBytes` is above the transport's high-water mark: the caller then
   * waits for `onDrain` before it makes more. Messages are never dropped while the stream is open. After the end: ignored.
   */
  send(message: Res): boolean
  /** Bytes accepted by `send` and not yet taken by the client's flow-control window. */
  readonly bufferedBytes: number
  /** Ends the stream after what was queued; the first of `end` and `fail` counts. */
  end(): void
  fail(status: Status): void
}

/** A service's side of one open stream. */
export interface StreamHandler<Req> {
  /** Messages come one at a time, in order. */
  onMessage(message: Req): void
  /** The client sends no more; the stream stays open for answers. */
  onHalfClose(): void
  /** The stream is over without the service's doing; called at most once. Nothing can be sent any more. */
  onCancel(cause: CancelCause): void
  /** The buffered bytes fell below the low-water mark after `send` had returned false. */
  onDrain(): void
}

export interface UnaryMethod<Req, Res> {
  readonly kind: 'unary'
  readonly name: string
  readonly request: Codec<Req>
  readonly response: Codec<Res>
  handle(request: Req, call: UnaryCall<Res>): void
}

export interface StreamMethod<Req, Res> {
  readonly kind: 'server_stream' | 'bidi_stream'
  readonly name: string
  /** The stream lasts until the client leaves: a server that stops ends it at once instead of waiting for it. */
  readonly endless?: boolean
  readonly request: Codec<Req>
  readonly response: Codec<Res>
  open(call: StreamCall<Res>): StreamHandler<Req>
}

/** Methods differ in their message types; a table erases them, `unaryMethod` and `streamMethod` keep them together. */
export type Method = UnaryMethod<unknown, unknown> | StreamMethod<unknown, unknown>

export interface Service {
  /** Full name, for example `etcdserverpb.KV`. */
  readonly name: string
  readonly methods: readonly Method[]
}

// The casts are safe because a transport passes to `handle` and `open` only what the same method's codecs made.
export const unaryMethod = <Req, Res>(method: Omit<UnaryMethod<Req, Res>, 'kind'>): Method =>
  ({ kind: 'unary', ...method }) as unknown as Method
export const streamMethod = <Req, Res>(method: StreamMethod<Req, Res>): Method => method
