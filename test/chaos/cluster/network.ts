// The network between members: one proxy in front of every member's peer port. Members know each other by the addresses of
// the proxies, and a proxy finds out who dials from the process that holds the other end (socket-owner.ts). A link is a
// direction between two members: bytes from one to the other, on whichever connection, whoever opened it.
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { SeededRandom } from '../../support/random.js'
import { OPEN, passes, Pipe, type Condition } from './pipe.js'
import { socketOwner } from './socket-owner.js'

interface Proxy {
  readonly server: Server
  readonly port: number
  readonly targetPort: number
}

export class Network {
  readonly #random: SeededRandom
  readonly #processes: () => ReadonlyMap<string, number>
  readonly #proxies = new Map<string, Proxy>()
  readonly #conditions = new Map<string, Condition>()
  readonly #connections = new Set<Connection>()
  /** Connections whose dialer was found, for the report. */
  identified = 0

  /** `processes` gives the process id of every running member. */
  constructor(random: SeededRandom, processes: () => ReadonlyMap<string, number>) {
    this.#random = random
    this.#processes = processes
  }

  /** Puts a proxy in front of `targetPort`; returns the port that others dial. */
  async add(member: string, targetPort: number): Promise<number> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    const { port } = server.address() as AddressInfo
    server.on('connection', (socket) => void this.#accept(member, socket))
    this.#proxies.set(member, { server, port, targetPort })
    return port
  }

  remove(member: string): void {
    this.#proxies.get(member)?.server.close()
    this.#proxies.delete(member)
    for (const connection of this.#connections)
      if (connection.dialer === member || connection.target === member) connection.reset()
  }

  set(from: string, to: string, condition: Condition): void {
    this.#conditions.set(linkName(from, to), condition)
    for (const connection of this.#connections) connection.apply(from, to, condition)
  }

  /** Both directions between each of `some` and each of `others`. */
  setBetween(some: readonly string[], others: readonly string[], condition: Condition): void {
    for (const a of some) {
      for (const b of others) {
        this.set(a, b, condition)
        this.set(b, a, condition)
      }
    }
  }

  heal(): void {
    for (const name of this.#conditions.keys()) {
      const [from, to] = name.split('>')
      this.set(from!, to!, OPEN)
    }
    this.#conditions.clear()
  }

  close(): void {
    for (const member of [...this.#proxies.keys()]) this.remove(member)
    for (const connection of this.#connections) connection.reset()
  }

  async #accept(target: string, socket: Socket): Promise<void> {
    socket.on('error', () => socket.destroy())
    const dialer = await this.#dialerOf(target, socket)
    const proxy = this.#proxies.get(target)
    if (dialer === undefined || proxy === undefined || socket.destroyed) return void socket.destroy()
    this.identified++
    const connection = new Connection({
      dialer,
      target,
      socket,
      targetPort: proxy.targetPort,
      random: this.#random,
      conditionOf: (from, to) => this.#conditions.get(linkName(from, to)) ?? OPEN,
      onClosed: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
    connection.advance()
  }

  async #dialerOf(target: string, socket: Socket): Promise<string | undefined> {
    const proxyPort = this.#proxies.get(target)?.port
    if (proxyPort === undefined || socket.remotePort === undefined) return undefined
    const processes = [...this.#processes()]
    const pids = processes.map(([, pid]) => pid)
    const owner = await socketOwner(socket.remotePort, proxyPort, pids)
    return processes.find(([, pid]) => pid === owner)?.[0]
  }
}

const linkName = (from: string, to: string): string => `${from}>${to}`

interface ConnectionOptions {
  readonly dialer: string
  readonly target: string
  /** Of the dialer. */
  readonly socket: Socket
  readonly targetPort: number
  readonly random: SeededRandom
  readonly conditionOf: (from: string, to: string) => Condition
  readonly onClosed: () => void
}

class Connection {
  readonly dialer: string
  readonly target: string
  readonly #options: ConnectionOptions
  #upstream: Socket | undefined
  #forth: Pipe | undefined
  #back: Pipe | undefined

  constructor(options: ConnectionOptions) {
    this.dialer = options.dialer
    this.target = options.target
    this.#options = options
    options.socket.once('close', () => this.#closeIfOver())
  }

  /** Connects to the target as soon as both directions let packets through. */
  advance(): void {
    const { dialer, target, socket, targetPort, conditionOf } = this.#options
    if (this.#upstream !== undefined || socket.destroyed) return
    const [forth, back] = [conditionOf(dialer, target), conditionOf(target, dialer)]
    if (forth.kind === 'closed' || back.kind === 'closed') return this.reset()
    if (!passes(forth) || !passes(back)) return
    const upstream = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    this.#upstream = upstream
    upstream.pause()
    upstream.on('error', () => upstream.destroy())
    upstream.once('close', () => this.#closeIfOver())
    upstream.once('connect', () => this.#join(upstream))
  }

  apply(from: string, to: string, condition: Condition): void {
    if (from === this.dialer && to === this.target) this.#forth?.set(condition)
    else if (from === this.target && to === this.dialer) this.#back?.set(condition)
    else return
    if (condition.kind === 'closed') this.reset()
    else this.advance()
  }

  reset(): void {
    this.#forth?.close()
    this.#back?.close()
    for (const socket of [this.#options.socket, this.#upstream]) if (socket?.destroyed === false) resetSocket(socket)
    this.#options.onClosed()
  }

  #join(upstream: Socket): void {
    const { dialer, target, socket, random, conditionOf } = this.#options
    const reset = (): void => this.reset()
    this.#forth = new Pipe(socket, upstream, conditionOf(dialer, target), random, reset)
    this.#back = new Pipe(upstream, socket, conditionOf(target, dialer), random, reset)
  }

  #closeIfOver(): void {
    const { socket } = this.#options
    // Nobody listens at the target: the dialer is told at once.
    if (this.#forth === undefined) return this.reset()
    if (socket.destroyed && this.#upstream?.destroyed === true) this.reset()
  }
}

/** RST instead of FIN, where Node can. */
const resetSocket = (socket: Socket): void => {
  if (socket.connecting) socket.destroy()
  else socket.resetAndDestroy()
}
