// The HTTP/1.1 side of a port: node's server, fed with sockets that were accepted and looked at elsewhere.

import { type Server, createServer } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../env/index.js'
import type { RequestListener } from './grpc-server.js'

const HEADER_BYTES_MAX = 64 * 1024

export class HttpServer {
  readonly #server: Server
  readonly #clock: Clock
  readonly #sockets = new Set<Socket>()
  #onIdle: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(options: { listener: RequestListener; clock: Clock; headerTimeoutMs: number }) {
    this.#clock = options.clock
    const { headerTimeoutMs } = options
    this.#server = createServer(
      {
        maxHeaderSize: HEADER_BYTES_MAX,
        headersTimeout: headerTimeoutMs,
        keepAliveTimeout: headerTimeoutMs,
        connectionsCheckingInterval: Math.min(headerTimeoutMs, 30_000),
        // Bodies may take their time (a watch over JSON stays open).
        requestTimeout: 0,
      },
      options.listener,
    )
    // node starts to watch over header time-outs when its server listens; ours never does.
    this.#server.emit('listening')
  }

  get connectionCount(): number {
    return this.#sockets.size
  }

  /** Owns `socket` from here. */
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
    this.#server.emit('connection', socket)
  }

  /** Closes idle connections at once, waits for requests under way at most `graceMs`, then cuts. Idempotent. */
  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#drain(graceMs)
    return this.#closing
  }

  async #drain(graceMs: number): Promise<void> {
    this.#server.close(() => undefined)
    this.#server.closeIdleConnections()
    await this.#idleWithin(graceMs)
    for (const socket of [...this.#sockets]) socket.destroy()
    await this.#idleWithin(graceMs)
  }

  #idleWithin(limitMs: number): Promise<void> {
    if (this.#sockets.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel()
        this.#onIdle = undefined
        resolve()
      }
      const timer = this.#clock.after(limitMs, done)
      this.#onIdle = done
    })
  }
}
