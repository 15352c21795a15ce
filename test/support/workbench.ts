// What a test takes from the machine, given back when the test ends, however it ends.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child, type ChildOptions } from './child.js'
import { Cluster, type ClusterOptions } from './cluster.js'
import { Server, subjectKind, type ServerKind, type ServerOptions } from './server.js'

/** The part of a tap test that is needed here. */
interface Test {
  teardown(close: () => Promise<void>): void
}

export type StartOptions = Partial<Omit<ServerOptions, 'kind'>>
export type ClusterStartOptions = Partial<Omit<ClusterOptions, 'spawn'>> & Pick<ClusterOptions, 'size'>

export class Workbench {
  #folders: string[] = []
  #servers: Server[] = []
  #children: Child[] = []
  #closers: (() => void | Promise<void>)[] = []
  #onExit = (): void => this.#endNow()

  constructor(t?: Test) {
    process.once('exit', this.#onExit)
    t?.teardown(() => this.close())
  }

  /** A new empty folder. */
  folder(): string {
    const path = mkdtempSync(join(tmpdir(), 'quorate-test-'))
    this.#folders.push(path)
    return path
  }

  /** `kind`, or whoever plays our part. The data directory is a new one unless given. */
  async start(kind: ServerKind = subjectKind, options: StartOptions = {}): Promise<Server> {
    const dataDir = options.dataDir ?? join(this.folder(), 'data')
    const server = await Server.start({ ...options, kind, dataDir })
    this.#servers.push(server)
    return server
  }

  /** Real etcd and whoever plays our part, with the same flags. */
  async startBoth(options: StartOptions = {}): Promise<{ reference: Server; subject: Server }> {
    const [reference, subject] = await Promise.all([this.start('reference', options), this.start(subjectKind, options)])
    return { reference, subject }
  }

  /** A cluster of whoever plays our part, unless `kind` says who; ready when this resolves. */
  async startCluster(options: ClusterStartOptions): Promise<Cluster> {
    return this.own(await Cluster.start(this.#clusterOptions(options)))
  }

  /** As `startCluster`, with members that are not started yet. */
  async makeCluster(options: ClusterStartOptions): Promise<Cluster> {
    return this.own(await Cluster.make(this.#clusterOptions(options)))
  }

  spawn(path: string, args: readonly string[], options?: ChildOptions): Child {
    const child = new Child(path, args, options)
    this.#children.push(child)
    return child
  }

  /** `close` runs before the processes end, last added first. Returns `thing`. */
  own<T extends { close(): unknown }>(thing: T): T {
    this.#closers.push(async () => void (await thing.close()))
    return thing
  }

  /** Idempotent. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close()
    await Promise.all(this.#children.splice(0).map((child) => child.kill()))
    await Promise.all(this.#servers.splice(0).map((server) => server.kill()))
    this.#removeFolders()
    process.removeListener('exit', this.#onExit)
  }

  #clusterOptions(options: ClusterStartOptions): ClusterOptions {
    return {
      kind: subjectKind,
      folder: this.folder(),
      ...options,
      spawn: (path, args, childOptions) => this.spawn(path, args, childOptions),
    }
  }

  #endNow(): void {
    for (const child of this.#children) child.signal('SIGKILL')
    for (const server of this.#servers) if (server.running) process.kill(server.pid, 'SIGKILL')
    this.#removeFolders()
  }

  #removeFolders(): void {
    for (const folder of this.#folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}
