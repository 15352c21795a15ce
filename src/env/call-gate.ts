// What a gRPC transport asks and tells its owner about calls, beside the services themselves.

import type { CallMetadata, Code, Method, Status } from './method-table.js'

export interface MethodInfo {
  /** Full name, for example `etcdserverpb.KV`. */
  readonly service: string
  readonly method: string
  readonly kind: Method['kind']
}

/** An open stream as the gate sees it. */
export interface GatedStream {
  /** Ends the stream; its handler hears `onCancel('canceled')`. */
  fail(status: Status): void
}

/** Decides on every call before a service sees it. Undefined admits, a status refuses. */
export interface CallGate {
  unary(method: MethodInfo, request: unknown, metadata: CallMetadata): Status | undefined
  /** An admitted stream may be ended later through `stream`, until `closeStream` was called with it. */
  openStream(method: MethodInfo, metadata: CallMetadata, stream: GatedStream): Status | undefined
  /** Once for each admitted stream, however it ended. */
  closeStream(stream: GatedStream): void
}

/** Counts what passes. Calls that the gate refused or that no service knows are not told (as in etcd). */
export interface CallObserver {
  started(method: MethodInfo): void
  /** `sizeBytes` of the message without framing. */
  received(method: MethodInfo, sizeBytes: number): void
  sent(method: MethodInfo, sizeBytes: number): void
  handled(method: MethodInfo, code: Code, seconds: number): void
}

/** Follows unary calls from the service's start to its answer. */
export interface RequestWatcher {
  /** Asked once for each method. What it gives says of a request who is told of its answer: one for many calls. */
  watch(method: MethodInfo): (request: unknown) => AnswerWatcher
}

export interface AnswerWatcher {
  /** Once for each call, even when the client is gone. `response` undefined: it failed with `status`. */
  answered(call: WatchedCall, response: unknown, status: Status | undefined): void
}

export interface WatchedCall {
  readonly peer: string
  /** When the service was asked, on the clock's monotonic scale. */
  readonly startedMs: number
  /** Decodes it anew: a thousand calls under way would keep their requests only for the few that are looked at. */
  decodeRequest(): unknown
}
