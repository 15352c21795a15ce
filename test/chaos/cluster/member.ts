// One member of a cluster under test: a process, its folder, its ports.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Child, type Exit } from '../../support/child.js'
import { GrpcClient } from '../../support/grpc-client.js'
import type { StatusResponse } from '../../support/messages.js'
import { mustFindTool, repositoryRoot } from '../../support/repository.js'

export type Subject = 'etcd' | 'quorate'

const STATUS_TIMEOUT_MS = 500

export interface MemberOptions {
  readonly subject: Subject
  readonly name: string
  readonly clientPort: number
  readonly peerPort: number
  /** Where others reach it. */
  readonly proxyPort: number
  readonly dataDir: string
  readonly logPath: string
  readonly flags: readonly string[]
  /** Called when the process ends and nobody had told it to. */
  readonly onUnexpectedExit: (member: Member, exit: Exit) => void
}

export interface Bootstrap {
  readonly initialCluster: string
  readonly state: 'new' | 'existing'
  readonly token: string
}

export class Member {
  readonly options: MemberOptions
  /** For statuses; load has clients of its own. */
  readonly client: GrpcClient
  /** Counts the processes that this member has had. */
  incarnation = 0
  /** SIGSTOP was sent and no SIGCONT yet. */
  stopped = false
  /** Its end is not an accident: it was removed, and a removed member ends by itself. */
  mayExit = false
  #child: Child | undefined
  #expectExit = false
  #bootstrap: Bootstrap | undefined

  constructor(options: MemberOptions) {
    this.options = options
    this.client = new GrpcClient(this.endpoint, { timeoutMs: STATUS_TIMEOUT_MS })
  }

  get name(): string {
    return this.options.name
  }

  get endpoint(): string {
    return `127.0.0.1:${this.options.clientPort}`
  }

  get peerUrl(): string {
    return `http://127.0.0.1:${this.options.proxyPort}`
  }

  get running(): boolean {
    return this.#child?.running === true
  }

  get pid(): number | undefined {
    return this.#child?.running === true ? this.#child.pid : undefined
  }

  /** What the current process has printed. */
  get log(): string {
    return (this.#child?.stdout ?? '') + (this.#child?.stderr ?? '')
  }

  get exited(): Promise<Exit> | undefined {
    return this.#child?.exited
  }

  /** Starts a process on the folder as it is. The bootstrap is that of the first start unless a new one is given. */
  start(bootstrap = this.#bootstrap): void {
    if (bootstrap === undefined) throw new Error(`${this.name} was never started`)
    if (this.running) throw new Error(`${this.name} is running`)
    this.#bootstrap = bootstrap
    this.#expectExit = false
    this.stopped = false
    this.incarnation++
    const [command, first] =
      this.options.subject === 'etcd'
        ? [mustFindTool('etcd'), []]
        : [process.execPath, [join(repositoryRoot, 'dist/main.js')]]
    const child = new Child(command, [...first, ...this.#flags(bootstrap)], { logPath: this.options.logPath })
    this.#child = child
    void child.exited.then((exit) => {
      if (!this.#expectExit && !this.mayExit) this.options.onUnexpectedExit(this, exit)
    })
  }

  async kill(): Promise<void> {
    this.#expectExit = true
    await this.#child?.kill()
  }

  /** SIGTERM; resolves when it has ended. */
  async terminate(): Promise<void> {
    this.#expectExit = true
    await this.#child?.terminate()
  }

  stop(): void {
    this.stopped = true
    this.#child?.signal('SIGSTOP')
  }

  continue(): void {
    this.stopped = false
    this.#child?.signal('SIGCONT')
  }

  wipe(): void {
    if (this.running) throw new Error(`${this.name} is running`)
    rmSync(this.options.dataDir, { recursive: true, force: true })
  }

  /** undefined when it gives none in time. */
  async status(): Promise<StatusResponse | undefined> {
    if (!this.running || this.stopped) return undefined
    const outcome = await this.client.attempt<StatusResponse>('Maintenance/Status')
    return outcome.ok ? outcome.value : undefined
  }

  async close(): Promise<void> {
    this.client.close()
    await this.kill()
  }

  #flags({ initialCluster, state, token }: Bootstrap): string[] {
    const { name, dataDir, clientPort, peerPort, flags } = this.options
    const clientUrl = `http://127.0.0.1:${clientPort}`
    return [
      ...['--name', name, '--data-dir', dataDir],
      ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl],
      ...['--listen-peer-urls', `http://127.0.0.1:${peerPort}`, '--initial-advertise-peer-urls', this.peerUrl],
      ...['--initial-cluster', initialCluster, '--initial-cluster-state', state, '--initial-cluster-token', token],
      ...flags,
    ]
  }
}
