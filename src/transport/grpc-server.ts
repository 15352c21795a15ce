// The seam between listeners, the gRPC stack behind them and the owner: what any gRPC stack of ours takes and offers.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { CallGate, CallObserver, Clock, RequestWatcher, Service, Status } from '../env/index.js'

export interface GrpcServerOptions {
  readonly services: readonly Service[]
  readonly clock: Clock
  readonly gate?: CallGate | undefined
  readonly observer?: CallObserver | undefined
  readonly requests?: RequestWatcher | undefined
  /** Largest request message in bytes, after decompression. */
  readonly receiveBytesMax: number
  /** Open calls of one connection, 1..2^32-1. */
  readonly concurrentStreamsMax: number
  /** After so long the server pings a connection; 0 switches it off. */
  readonly keepaliveTimeMs: number
  /** A ping unanswered for so long cuts the connection. */
  readonly keepaliveTimeoutMs: number
  /** Clients on plain connections may ping once in this interval; 0 or less means five minutes. */
  readonly keepaliveMinTimeMs: number
  /** Endless streams get this when the server stops. */
  readonly stoppedStatus: Status
  /** Takes HTTP/2 requests that are no gRPC, on TLS connections only. Without it they are refused with 415. */
  readonly http?: RequestListener | undefined
}

/** Serves HTTP/1.1 requests, and HTTP/2 ones in node's compatible form (no `connection` or `transfer-encoding` headers there). */
export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void

export interface GrpcServer {
  /** Owns `socket` from here; the preface is seen and still unread in it. */
  accept(socket: Socket): void
  readonly connectionCount: number
  readonly openCallCount: number
  /**
   * Tells all clients to go (GOAWAY), ends endless streams at once, lets other calls finish for at most `graceMs`, then cuts.
   * Resolves when every connection is closed. Idempotent: the first call's limit holds.
   */
  close(graceMs: number): Promise<void>
}
