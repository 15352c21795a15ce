// Our gRPC server: routes, connections and their common end.

import type { Socket } from 'node:net'
import { invariant } from '../../base/index.js'
import type { MethodInfo, Timer } from '../../env/index.js'
import type { GrpcServer, GrpcServerOptions } from '../grpc-server.js'
import { HTTP2_LIMITS, Turns } from '../http2/index.js'
import type { Route, ServerContext } from './call.js'
import { GrpcConnection } from './connection.js'
import { Deadlines } from './deadlines.js'
import { HttpBridge } from './http-bridge.js'

export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  return new OwnGrpcServer(options)
}

class OwnGrpcServer implements GrpcServer {
  readonly #options: GrpcServerOptions
  readonly #routes = new Map<string, Route>()
  readonly #services: ReadonlySet<string>
  readonly #turns: Turns
  readonly #context: ServerContext
  readonly #http: HttpBridge | undefined
  readonly #connections = new Set<GrpcConnection>()
  #check: Timer | undefined
  #closing: Promise<void> | undefined
  #onIdle: (() => void) | undefined

  constructor(options: GrpcServerOptions) {
    this.#options = options
    this.#turns = new Turns(options.clock)
    this.#http = options.http === undefined ? undefined : new HttpBridge(options.http)
    this.#context = {
      clock: options.clock,
      gate: options.gate,
      observer: options.observer,
      receiveBytesMax: options.receiveBytesMax,
      deadlines: new Deadlines(options.clock),
      openCalls: 0,
    }
    this.#services = new Set(options.services.map(({ name }) => name))
    for (const service of options.services) {
      for (const method of service.methods) {
        const path = `/${service.name}/${method.name}`
        const info: MethodInfo = Object.freeze({ service: service.name, method: method.name, kind: method.kind })
        invariant(!this.#routes.has(path), '% is registered twice', path)
        const watch = method.kind === 'unary' ? options.requests?.watch(info) : undefined
        this.#routes.set(path, { method, info, watch })
      }
    }
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  get openCallCount(): number {
    return this.#context.openCalls
  }

  accept(socket: Socket): void {
    if (this.#closing !== undefined) {
      socket.destroy()
      return
    }
    const connection = new GrpcConnection({
      socket,
      options: this.#options,
      turns: this.#turns,
      server: this.#context,
      routes: this.#routes,
      services: this.#services,
      http: this.#http,
      onClosed: (closed) => this.#onClosed(closed),
    })
    this.#connections.add(connection)
    this.#check ??= this.#options.clock.every(HTTP2_LIMITS.checkPeriodMs, () => this.#checkAll())
    connection.open()
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#drain(graceMs)
    return this.#closing
  }

  async #drain(graceMs: number): Promise<void> {
    const { stoppedStatus, clock } = this.#options
    for (const connection of [...this.#connections]) {
      for (const call of connection.calls()) if (call.isEndless) call.onShutdown(stoppedStatus)
      connection.leave()
    }
    await this.#idleWithin(graceMs)
    for (const connection of [...this.#connections]) {
      for (const call of connection.calls()) call.onShutdown(stoppedStatus)
    }
    // A turn for what was just written, then the sockets go whatever their peers do.
    await clock.yieldTurn()
    for (const connection of [...this.#connections]) connection.destroy()
    await this.#idleWithin(graceMs)
    this.#context.deadlines.close()
    this.#check?.cancel()
    await this.#http?.close()
  }

  #idleWithin(limitMs: number): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel()
        this.#onIdle = undefined
        resolve()
      }
      const timer = this.#options.clock.after(limitMs, done)
      this.#onIdle = done
    })
  }

  #onClosed(connection: GrpcConnection): void {
    this.#connections.delete(connection)
    if (this.#connections.size > 0) return
    this.#check?.cancel()
    this.#check = undefined
    this.#onIdle?.()
  }

  #checkAll(): void {
    const nowMs = this.#options.clock.monotonicMs()
    for (const connection of [...this.#connections]) connection.check(nowMs)
  }
}
