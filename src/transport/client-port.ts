// All listeners of one kind with the servers behind them: what a member opens for its clients, and closes in order.

import type { Clock, Logger } from '../env/index.js'
import type { ListenSpec } from './address.js'
import type { GrpcServer, RequestListener } from './grpc-server.js'
import { HttpServer } from './http1.js'
import { Listener } from './listener.js'
import type { TlsSettings } from './tls-settings.js'

export interface ClientPortOptions {
  readonly specs: readonly ListenSpec[]
  readonly tls: TlsSettings | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly endpoint: 'client' | 'peer' | 'metrics'
  readonly connectionsMax: number
  /** SO_REUSEPORT on TCP listeners. */
  readonly reusePort?: boolean
  /** Default 5 minutes. */
  readonly headerTimeoutMs?: number
}

const HEADER_TIMEOUT_MS = 5 * 60_000

export class ClientPort {
  readonly #clock: Clock
  readonly #headerTimeoutMs: number
  readonly listeners: readonly Listener[]
  #grpc: GrpcServer | undefined
  #http: HttpServer | undefined
  #closing: Promise<void> | undefined

  constructor(options: ClientPortOptions) {
    this.#clock = options.clock
    this.#headerTimeoutMs = options.headerTimeoutMs ?? HEADER_TIMEOUT_MS
    this.listeners = options.specs.map(
      (spec) =>
        new Listener({
          spec,
          tls: options.tls,
          clock: options.clock,
          logger: options.logger,
          endpoint: options.endpoint,
          connectionsMax: options.connectionsMax,
          headerTimeoutMs: this.#headerTimeoutMs,
          ...(options.reusePort !== undefined && { reusePort: options.reusePort }),
        }),
    )
  }

  /** Binds all addresses; clients can connect and wait from now on. When one fails, those already bound are closed again. */
  async open(): Promise<void> {
    try {
      for (const listener of this.listeners) await listener.open()
    } catch (error) {
      await Promise.all(this.listeners.map((listener) => listener.close()))
      throw error
    }
  }

  /** Answers clients from now on. Owns `grpc`. Without a handler connections of that protocol are closed unanswered. */
  serve(handlers: { grpc?: GrpcServer | undefined; http?: RequestListener | undefined }): void {
    this.#grpc = handlers.grpc
    const { http } = handlers
    const [clock, headerTimeoutMs] = [this.#clock, this.#headerTimeoutMs]
    this.#http = http === undefined ? undefined : new HttpServer({ listener: http, clock, headerTimeoutMs })
    for (const listener of this.listeners) listener.serve({ grpc: this.#grpc, http: this.#http })
  }

  /** Refuses new connections, lets calls finish for at most `graceMs`, then cuts. Idempotent. */
  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs)
    return this.#closing
  }

  async #close(graceMs: number): Promise<void> {
    await Promise.all(this.listeners.map((listener) => listener.close()))
    await Promise.all([this.#grpc?.close(graceMs), this.#http?.close(graceMs)])
  }
}
