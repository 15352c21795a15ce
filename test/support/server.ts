// One server under test: real etcd, or quorate, started with the same flags.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Child, type Exit } from './child.js'
import { freePort } from './ports.js'
import { mustFindTool, repositoryRoot } from './repository.js'
import { waitFor } from './wait.js'

export type ServerKind = 'reference' | 'quorate'

/** Who plays our part. QUORATE_SUBJECT=reference lets real etcd do it: every comparing suite must then find no difference. */
export const subjectKind: ServerKind = process.env.QUORATE_SUBJECT === 'reference' ? 'reference' : 'quorate'

export const READY_LINE = 'ready to serve client requests'
const START_TIMEOUT_MS = 30_000
const START_ATTEMPTS = 3
/** Equal on all servers, so that member and cluster ids, which are hashes of it, are equal too. Nobody dials it. */
const ADVERTISED_PEER_URL = 'http://127.0.0.1:2380'

export interface ServerOptions {
  readonly kind: ServerKind
  /** Of the reference; default 3.5. */
  readonly version?: string
  /** Must not exist or hold an earlier run. */
  readonly dataDir: string
  /** Of the client URLs; default http. */
  readonly clientScheme?: 'http' | 'https'
  /** Added to the flags that every server gets; a later flag wins over an earlier one. */
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Open files that the process may have. */
  readonly openFilesMax?: number
}

/** Program and first arguments of a server; `version` is the reference's. */
export const serverCommand = (kind: ServerKind, version?: string): [string, string[]] =>
  kind === 'reference'
    ? [mustFindTool('etcd', version), []]
    : [process.execPath, [join(repositoryRoot, 'dist/main.js')]]

export class Server {
  readonly options: ServerOptions
  readonly clientPort: number
  readonly peerPort: number
  #child: Child

  private constructor(options: ServerOptions, clientPort: number, peerPort: number) {
    this.options = options
    this.clientPort = clientPort
    this.peerPort = peerPort
    this.#child = launch(options, clientPort, peerPort)
  }

  /** Resolves once the server says that it is ready. */
  static async start(options: ServerOptions): Promise<Server> {
    for (let attempt = 1; ; attempt++) {
      const [clientPort, peerPort] = [await freePort(), await freePort()]
      const server = new Server(options, clientPort, peerPort)
      try {
        await server.#ready()
        return server
      } catch (error) {
        await server.kill()
        if (attempt === START_ATTEMPTS || !server.log.includes('address already in use')) throw error
      }
    }
  }

  get kind(): ServerKind {
    return this.options.kind
  }

  /** host:port of the client listener. */
  get endpoint(): string {
    return `127.0.0.1:${this.clientPort}`
  }

  get url(): string {
    return `${this.options.clientScheme ?? 'http'}://${this.endpoint}`
  }

  get pid(): number {
    return this.#child.pid
  }

  get running(): boolean {
    return this.#child.running
  }

  get exited(): Promise<Exit> {
    return this.#child.exited
  }

  /** What the current process has printed, oldest part dropped when long. */
  get log(): string {
    return this.#child.stdout + this.#child.stderr
  }

  terminate(graceMs?: number): Promise<Exit> {
    return this.#child.terminate(graceMs)
  }

  kill(): Promise<Exit> {
    return this.#child.kill()
  }

  /** Starts a new process on the same data directory and ports; the old one must have ended. */
  async restart(): Promise<void> {
    await this.#child.exited
    this.#child = launch(this.options, this.clientPort, this.peerPort)
    await this.#ready()
  }

  /** Resident memory in bytes; 0 where /proc does not tell. */
  residentBytes(): number {
    try {
      const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))
      return Number(line?.[1] ?? 0) * 1024
    } catch {
      return 0
    }
  }

  async #ready(): Promise<void> {
    await waitFor(`"${READY_LINE}" from ${this.kind}`, () => this.log.includes(READY_LINE) || !this.running, {
      timeoutMs: START_TIMEOUT_MS,
      intervalMs: 5,
      detail: () => `\n${this.log.slice(-4000)}`,
    })
    if (!this.running) throw new Error(`${this.kind} ended instead of starting:\n${this.log.slice(-4000)}`)
  }
}

const launch = (options: ServerOptions, clientPort: number, peerPort: number): Child => {
  const [path, firstArgs] = serverCommand(options.kind, options.version)
  const clientUrl = `${options.clientScheme ?? 'http'}://127.0.0.1:${clientPort}`
  const args = [
    ...firstArgs,
    ...['--data-dir', options.dataDir],
    ...['--listen-client-urls', clientUrl],
    ...['--advertise-client-urls', clientUrl],
    ...['--listen-peer-urls', `http://127.0.0.1:${peerPort}`],
    ...['--initial-advertise-peer-urls', ADVERTISED_PEER_URL],
    ...['--initial-cluster', `default=${ADVERTISED_PEER_URL}`],
    ...(options.flags ?? []),
  ]
  const env = options.env === undefined ? {} : { env: { ...options.env } }
  if (options.openFilesMax === undefined) return new Child(path, args, env)
  return new Child('/bin/sh', ['-c', `ulimit -n ${options.openFilesMax}; exec "$0" "$@"`, path, ...args], env)
}
