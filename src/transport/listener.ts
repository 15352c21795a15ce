// One listening socket for three protocols. Every connection is told apart by its first bytes, goes through TLS if it asks
// for it and may, is told apart again inside, and is then handed to the gRPC or the HTTP/1 server.

import { rmSync, statSync } from 'node:fs'
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net'
import tls from 'node:tls'
import { invariant } from '../base/index.js'
import type { Clock, LogFields, Logger } from '../env/index.js'
import { type BindChoice, type ListenSpec, addressText, bindChoices } from './address.js'
import { alternativeNames } from './client-names.js'
import { addressOf } from './remote.js'
import { protocolOf } from './sniff.js'
import {
  INTERNAL_ERROR_ALERT,
  NOT_TLS,
  type TlsMaterial,
  type TlsSettings,
  checksLate,
  handshakeFailure,
  lateRefusalOf,
  refusalOf,
} from './tls-settings.js'

/** Servers that take connections over; each owns what it was given. */
export interface ProtocolServers {
  readonly grpc: { accept(socket: Socket): void } | undefined
  readonly http: { accept(socket: Socket): void } | undefined
}

export interface ListenerOptions {
  readonly spec: ListenSpec
  readonly tls: TlsSettings | undefined
  readonly clock: Clock
  readonly logger: Logger
  /** Named in the log: `rejected connection on client endpoint`. */
  readonly endpoint: 'client' | 'peer' | 'metrics'
  /** Connections at one time; more are closed unanswered. */
  readonly connectionsMax: number
  /** Time for a connection to show which protocol it speaks. */
  readonly headerTimeoutMs: number
  /** SO_REUSEPORT on TCP. Older versions of Node.js than 22.12 ignore it: the configuration refuses it there. */
  readonly reusePort?: boolean
}

export class ListenFailed extends Error {
  override readonly name = 'ListenFailed'
  readonly code: string
  constructor(address: string, kind: 'tcp' | 'unix', cause: NodeJS.ErrnoException) {
    super(`listen ${kind} ${address}: bind: ${REASONS[cause.code ?? ''] ?? cause.message}`, { cause })
    this.code = cause.code ?? 'UNKNOWN'
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EACCES: 'permission denied',
  ENOENT: 'no such file or directory',
}

const KEEPALIVE_MS = 30_000
const HANDSHAKE_TIMEOUT_MS = 10_000

export class Listener {
  readonly #options: ListenerOptions
  readonly #server: Server
  readonly #tlsServer: tls.Server | undefined
  /** Connections that no protocol server has yet. */
  readonly #unclaimed = new Set<Socket>()
  /** Connections in the midst of their handshake, by remote address; unix sockets are only bounded by its time-out. */
  readonly #handshakes = new Map<string, Socket>()
  #material: TlsMaterial | undefined
  #servers: ProtocolServers | undefined
  #address: string
  #closing: Promise<void> | undefined

  constructor(options: ListenerOptions) {
    this.#options = options
    invariant(!options.spec.secure || options.tls !== undefined, 'a secure listener has TLS settings')
    this.#address = addressText(options.spec.address)
    this.#server = createServer(
      // Half-open connections are legal in HTTP/1; the other protocols switch them off when they take a socket.
      { allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS, noDelay: true },
      (socket) => this.#onConnection(socket),
    )
    this.#server.maxConnections = options.connectionsMax
    this.#tlsServer = options.spec.secure ? this.#createTlsServer(options.tls!) : undefined
  }

  get spec(): ListenSpec {
    return this.#options.spec
  }

  /** Bound address as `host:port` or path; the real port once `open` resolved. */
  get address(): string {
    return this.#address
  }

  /** 0 for unix sockets. */
  get port(): number {
    const address = this.#server.address()
    return address === null || typeof address === 'string' ? 0 : address.port
  }

  /** Connections that were accepted and not yet handed on. */
  get unclaimedCount(): number {
    return this.#unclaimed.size + this.#handshakes.size
  }

  /**
   * Binds. Connections are accepted from now on and wait, unread, for `serve`.
   * @throws ListenFailed
   */
  async open(): Promise<void> {
    const { address } = this.#options.spec
    if (address.kind === 'unix') {
      removeStaleSocket(address.path)
      await this.#listen({ path: address.path }, 'unix')
      return
    }
    const choices = await bindChoices(address.host)
    for (const [i, choice] of choices.entries()) {
      try {
        await this.#listen({ ...choice, port: address.port }, 'tcp')
        break
      } catch (error) {
        const code = error instanceof ListenFailed ? error.code : ''
        // No IPv6 on this machine: the next choice is IPv4 alone.
        if (i + 1 === choices.length || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error
      }
    }
    const bound = this.#server.address() as AddressInfo
    this.#address = addressText({ kind: 'tcp', host: bound.address, port: bound.port })
  }

  /** Starts to read connections, those that wait included. Called once. */
  serve(servers: ProtocolServers): void {
    invariant(this.#servers === undefined, 'a listener serves once')
    this.#servers = servers
    for (const socket of [...this.#unclaimed]) this.#sniff(socket, false)
  }

  /** Refuses new connections and closes those that nobody claimed yet. Claimed ones belong to their servers. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      for (const socket of [...this.#unclaimed, ...this.#handshakes.values()]) socket.destroy()
      if (!this.#server.listening) {
        resolve()
        return
      }
      // The callback of close() waits for claimed connections too; listening itself ends at once.
      this.#server.close()
      resolve()
    })
    return this.#closing
  }

  #listen(target: (BindChoice & { port: number }) | { path: string }, kind: 'tcp' | 'unix'): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException): void => reject(new ListenFailed(this.#address, kind, error))
      this.#server.once('error', fail)
      // The option is newer than the type declarations.
      const options = kind === 'tcp' && this.#options.reusePort === true ? { ...target, reusePort: true } : target
      this.#server.listen(options, () => {
        this.#server.removeListener('error', fail)
        this.#server.on('error', (error) => this.#options.logger.warn('accept failed', { error: error.message }))
        resolve()
      })
    })
  }

  #onConnection(socket: Socket): void {
    this.#claimLater(socket)
    if (this.#servers !== undefined) this.#sniff(socket, false)
  }

  #claimLater(socket: Socket): void {
    this.#unclaimed.add(socket)
    socket.on('error', nothing) // 'close' follows
    socket.once('close', () => this.#unclaimed.delete(socket))
  }

  /** Reads until the protocol is known, at most `headerTimeoutMs`; then puts everything back and hands the socket on. */
  #sniff(socket: Socket, secured: boolean): void {
    let seen: Buffer | undefined
    const timer = this.#options.clock.after(this.#options.headerTimeoutMs, () => socket.destroy())
    const stop = (): void => {
      timer.cancel()
      socket.removeListener('readable', look)
      socket.removeListener('end', giveUp)
      socket.removeListener('close', stop)
    }
    const giveUp = (): void => {
      stop()
      socket.destroy()
    }
    const look = (): void => {
      const chunk = socket.read() as Buffer | null
      if (chunk === null) return
      seen = seen === undefined ? chunk : Buffer.concat([seen, chunk])
      const protocol = protocolOf(seen)
      if (protocol === 'more') return
      stop()
      socket.unshift(seen)
      this.#dispatch(socket, protocol, secured)
    }
    socket.on('readable', look)
    socket.once('end', giveUp)
    socket.once('close', stop)
  }

  #dispatch(socket: Socket, protocol: ReturnType<typeof protocolOf>, secured: boolean): void {
    const { spec } = this.#options
    if (protocol === 'tls' && !secured && this.#tlsServer !== undefined) {
      this.#startTls(socket, this.#tlsServer)
      return
    }
    if (!secured && !spec.plain) {
      this.#reject(socket, NOT_TLS)
      return
    }
    const server = protocol === 'http2' ? this.#servers?.grpc : protocol === 'http1' ? this.#servers?.http : undefined
    if (server === undefined) {
      socket.destroy()
      return
    }
    if (protocol === 'http2') socket.allowHalfOpen = false
    this.#unclaimed.delete(socket)
    server.accept(socket)
  }

  #startTls(socket: Socket, server: tls.Server): void {
    try {
      const material = this.#options.tls!.material()
      if (material !== this.#material) {
        this.#material = undefined
        server.setSecureContext(this.#contextOptions(material))
        this.#material = material
      }
    } catch (error) {
      this.#logRejected(socket, error instanceof Error ? error.message : String(error))
      socket.end(INTERNAL_ERROR_ALERT, () => socket.destroy())
      return
    }
    const name = addressOf(socket)
    if (name !== UNNAMED) this.#handshakes.set(name, socket)
    socket.once('close', () => this.#forgetHandshake(name, socket))
    this.#unclaimed.delete(socket)
    socket.allowHalfOpen = false
    server.emit('connection', socket)
  }

  #createTlsServer(settings: TlsSettings): tls.Server {
    const server = tls.createServer({
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      requestCert: settings.requireClientCert,
      rejectUnauthorized: settings.requireClientCert,
      minVersion: settings.minVersion,
      maxVersion: settings.maxVersion,
    })
    server.on('tlsClientError', (error: Error, socket) => {
      const text = handshakeFailure(error, socket)
      if (text === 'EOF') this.#options.logger.debug(this.#rejectedMessage(), rejectedFields(socket, text))
      else this.#logRejected(socket, text)
      socket.destroy()
    })
    server.on('secureConnection', (socket) => {
      this.#handshakes.delete(addressOf(socket))
      if (this.#closing !== undefined) {
        socket.destroy()
        return
      }
      this.#claimLater(socket)
      const refusal = refusalOf(socket, settings)
      if (refusal !== undefined) this.#reject(socket, refusal)
      else if (checksLate(settings)) this.#sniffUnlessRefused(socket, settings)
      else this.#sniff(socket, true)
    })
    return server
  }

  /** Unread until names were looked up; that takes as long as a handshake may. */
  #sniffUnlessRefused(socket: tls.TLSSocket, settings: TlsSettings): void {
    const timer = this.#options.clock.after(HANDSHAKE_TIMEOUT_MS, () => this.#reject(socket, 'i/o timeout'))
    socket.once('close', () => timer.cancel())
    void lateRefusalOf(socket, settings).then((refusal) => {
      timer.cancel()
      if (socket.destroyed) return
      if (refusal === undefined) this.#sniff(socket, true)
      else this.#reject(socket, refusal)
    })
  }

  #forgetHandshake(name: string, socket: Socket): void {
    if (this.#handshakes.get(name) === socket) this.#handshakes.delete(name)
  }

  #contextOptions(material: TlsMaterial): tls.SecureContextOptions {
    const settings = this.#options.tls!
    return {
      cert: Buffer.from(material.cert),
      key: Buffer.from(material.key),
      // An empty list trusts nobody; without one it would be the runtime's own authorities.
      ...(settings.clientAuthorities !== undefined && { ca: [...settings.clientAuthorities] }),
      ...(settings.ciphers !== undefined && { ciphers: settings.ciphers }),
      minVersion: settings.minVersion,
      maxVersion: settings.maxVersion,
      honorCipherOrder: true,
    }
  }

  #reject(socket: Socket, why: string): void {
    this.#logRejected(socket, why)
    socket.destroy()
  }

  #logRejected(socket: Socket, why: string): void {
    this.#options.logger.warn(this.#rejectedMessage(), rejectedFields(socket, why))
  }

  #rejectedMessage(): string {
    return `rejected connection on ${this.#options.endpoint} endpoint`
  }
}

const nothing = (): void => undefined
const UNNAMED = '@'

const rejectedFields = (socket: Socket, error: string): LogFields => {
  const name: unknown = socket instanceof tls.TLSSocket ? (socket as { servername?: unknown }).servername : ''
  return {
    'remote-addr': addressOf(socket),
    'server-name': typeof name === 'string' ? name : '',
    ...namesOf(socket),
    error,
  }
}

/** What its certificate says it is. */
const namesOf = (socket: Socket): LogFields => {
  if (!(socket instanceof tls.TLSSocket)) return {}
  const certificate = socket.getPeerCertificate() as tls.PeerCertificate | null
  if (certificate === null || Object.keys(certificate).length === 0) return {}
  const { ips, dns } = alternativeNames(certificate)
  return { 'ip-addresses': ips, 'dns-names': dns }
}

/** A socket file that nobody listens on any more. Anything else under that name is left alone and makes `listen` fail. */
function removeStaleSocket(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats?.isSocket() === true) rmSync(path)
}
