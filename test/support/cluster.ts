// A cluster under test: one to seven members, all real etcd or all quorate, each a process that can be killed, paused, wiped,
// restarted and asked. Members are named m1, m2 ... in the order they were made.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Child, ChildOptions, Exit } from './child.js'
import { GrpcClient } from './grpc-client.js'
import type { HashKVResponse, StatusResponse } from './messages.js'
import { freePort } from './ports.js'
import { READY_LINE, serverCommand, type ServerKind } from './server.js'
import { waitFor } from './wait.js'

const START_TIMEOUT_MS = 60_000
const START_ATTEMPTS = 3
const LEADER_TIMEOUT_MS = 30_000
const STATUS_TIMEOUT_MS = 1_000

/** Ports of a member on 127.0.0.1. */
export interface Address {
  readonly client: number
  readonly peer: number
}

export interface ClusterOptions {
  readonly kind: ServerKind
  /** Of the reference; default 3.5. */
  readonly version?: string
  readonly size: number
  /** Takes the members' data directories. */
  readonly folder: string
  /** Of the peer URLs; default http. */
  readonly peerScheme?: 'http' | 'https'
  /** Added to the flags that every member gets; a later flag wins over an earlier one. */
  readonly flags?: readonly string[]
  readonly token?: string
  /** Of the first members, where equal ids need equal ports; the others get free ones. */
  readonly addresses?: readonly Address[]
  readonly spawn: (path: string, args: readonly string[], options?: ChildOptions) => Child
}

/** Flags that one start of a member differs in. */
export interface StartFlags {
  readonly initialCluster?: string
  readonly state?: 'new' | 'existing'
  readonly token?: string
  readonly extra?: readonly string[]
}

export const freeAddress = async (): Promise<Address> => ({ client: await freePort(), peer: await freePort() })

export class ClusterMember {
  readonly name: string
  readonly address: Address
  readonly dataDir: string
  readonly #options: ClusterOptions
  #flags: StartFlags
  #child: Child | undefined
  #client: GrpcClient | undefined

  constructor(name: string, address: Address, options: ClusterOptions, flags: StartFlags) {
    this.name = name
    this.address = address
    this.dataDir = join(options.folder, name)
    this.#options = options
    this.#flags = flags
  }

  /** host:port of the client listener. */
  get endpoint(): string {
    return `127.0.0.1:${this.address.client}`
  }

  get clientUrl(): string {
    return `http://${this.endpoint}`
  }

  get peerUrl(): string {
    return `${this.#options.peerScheme ?? 'http'}://127.0.0.1:${this.address.peer}`
  }

  get running(): boolean {
    return this.#child?.running ?? false
  }

  get pid(): number {
    return this.#started.pid
  }

  get exited(): Promise<Exit> {
    return this.#started.exited
  }

  /** What the current process has printed, oldest part dropped when long. */
  get log(): string {
    return this.#child === undefined ? '' : this.#child.stdout + this.#child.stderr
  }

  get isReady(): boolean {
    return this.log.includes(READY_LINE)
  }

  /** One client for all processes that this member ever is: it connects again by itself. */
  get client(): GrpcClient {
    this.#client ??= new GrpcClient(this.endpoint)
    return this.#client
  }

  /** `flags` replace those of earlier starts, from the next one on. */
  useFlags(flags: StartFlags): void {
    this.#flags = { ...this.#flags, ...flags }
  }

  /** Starts a process and does not wait for it; `flags` as in `useFlags`. */
  launch(flags: StartFlags = {}): void {
    if (this.running) throw new Error(`${this.name} is running`)
    this.useFlags(flags)
    const { kind, version, token } = this.#options
    const [path, firstArgs] = serverCommand(kind, version)
    const { initialCluster = `${this.name}=${this.peerUrl}`, state = 'new', extra = [] } = this.#flags
    this.#child = this.#options.spawn(path, [
      ...firstArgs,
      ...['--name', this.name, '--data-dir', this.dataDir],
      ...['--listen-client-urls', this.clientUrl, '--advertise-client-urls', this.clientUrl],
      ...['--listen-peer-urls', this.peerUrl, '--initial-advertise-peer-urls', this.peerUrl],
      ...['--initial-cluster', initialCluster, '--initial-cluster-state', state],
      ...['--initial-cluster-token', this.#flags.token ?? token ?? 'etcd-cluster'],
      ...(this.#options.flags ?? []),
      ...extra,
    ])
  }

  /** Resolves once the process says that it is ready, which needs a quorum. @throws when it ends instead. */
  async ready(timeoutMs = START_TIMEOUT_MS): Promise<void> {
    await waitFor(`"${READY_LINE}" from ${this.name}`, () => this.isReady || !this.running, {
      timeoutMs,
      detail: () => `\n${this.log.slice(-4000)}`,
    })
    if (!this.running) throw new Error(`${this.name} ended instead of starting:\n${this.log.slice(-4000)}`)
  }

  async start(flags?: StartFlags): Promise<void> {
    this.launch(flags)
    await this.ready()
  }

  /** SIGKILL. */
  async kill(): Promise<Exit> {
    return this.#started.kill()
  }

  /** SIGTERM. */
  async terminate(): Promise<Exit> {
    return this.#started.terminate()
  }

  /** SIGSTOP: its connections stay open and nothing is read from them. */
  pause(): void {
    this.#started.signal('SIGSTOP')
  }

  resume(): void {
    this.#started.signal('SIGCONT')
  }

  /** Deletes its data; the process must have ended. */
  wipe(): void {
    if (this.running) throw new Error(`${this.name} is running`)
    rmSync(this.dataDir, { recursive: true, force: true })
  }

  async status(timeoutMs = STATUS_TIMEOUT_MS): Promise<StatusResponse | undefined> {
    const outcome = await this.client.attempt<StatusResponse>('Maintenance/Status', {}, { timeoutMs })
    return outcome.ok ? outcome.value : undefined
  }

  /** Member id as a decimal number; known once it serves. */
  async id(): Promise<string> {
    const status = await waitFor(`the status of ${this.name}`, () => this.status(), { timeoutMs: LEADER_TIMEOUT_MS })
    return status.header.member_id
  }

  async close(): Promise<void> {
    this.#client?.close()
    this.#client = undefined
    if (this.running) await this.kill()
  }

  get #started(): Child {
    if (this.#child === undefined) throw new Error(`${this.name} was never started`)
    return this.#child
  }
}

export class Cluster {
  readonly options: ClusterOptions
  readonly members: ClusterMember[] = []

  private constructor(options: ClusterOptions) {
    this.options = options
  }

  /** A cluster whose members were made and not started. */
  static async make(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options)
    for (let i = 0; i < options.size; i++) {
      const address = options.addresses?.[i] ?? (await freeAddress())
      cluster.members.push(new ClusterMember(`m${i + 1}`, address, options, {}))
    }
    return cluster
  }

  /** Resolves once all members are ready. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    for (let attempt = 1; ; attempt++) {
      const cluster = await Cluster.make(options)
      try {
        const initialCluster = cluster.initialCluster()
        for (const member of cluster.members) member.launch({ initialCluster })
        await Promise.all(cluster.members.map((member) => member.ready()))
        return cluster
      } catch (error) {
        await cluster.close()
        // A port that another process took meanwhile; nothing can be done about ports that were asked for.
        const taken = cluster.members.some(({ log }) => log.includes('address already in use'))
        if (attempt === START_ATTEMPTS || !taken || options.addresses !== undefined) throw error
        for (const member of cluster.members) member.wipe()
      }
    }
  }

  member(name: string): ClusterMember {
    const found = this.members.find((member) => member.name === name)
    if (found === undefined) throw new Error(`there is no member ${name}`)
    return found
  }

  /** The value of --initial-cluster that names these members. */
  initialCluster(members: readonly ClusterMember[] = this.members): string {
    return members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',')
  }

  get running(): ClusterMember[] {
    return this.members.filter(({ running }) => running)
  }

  /** One more member, not started and unknown to the others: it joins once it was added and gets started. */
  async prepare(address?: Address): Promise<ClusterMember> {
    const member = new ClusterMember(`m${this.members.length + 1}`, address ?? (await freeAddress()), this.options, {
      state: 'existing',
    })
    this.members.push(member)
    return member
  }

  /** Adds a member through `by`; it is ready to be started. `old` are the members that the cluster has now. */
  async add(by: ClusterMember, old: readonly ClusterMember[], isLearner = false): Promise<ClusterMember> {
    const member = await this.prepare()
    // Refused until all members have been connected for some seconds.
    await waitFor(
      `the addition of ${member.name}`,
      async () => {
        const added = await by.client.attempt('Cluster/MemberAdd', { peerURLs: [member.peerUrl], isLearner })
        if (!added.ok && !/unhealthy cluster/.test(added.failure.details)) throw added.failure
        return added.ok
      },
      { timeoutMs: START_TIMEOUT_MS, intervalMs: 200 },
    )
    member.useFlags({ initialCluster: this.initialCluster([...old, member]), state: 'existing' })
    return member
  }

  /** As `add`, and resolves once the new member is ready. */
  async join(by: ClusterMember, old: readonly ClusterMember[], isLearner = false): Promise<ClusterMember> {
    const member = await this.add(by, old, isLearner)
    await member.start()
    return member
  }

  /** The member that all of `among` call their leader, once they agree. */
  async leader(among: readonly ClusterMember[] = this.running): Promise<ClusterMember> {
    return waitFor(
      'leader that all running members know',
      async () => {
        const statuses = await Promise.all(among.map((member) => member.status()))
        const leader = statuses[0]?.leader
        if (leader === undefined || leader === '0') return undefined
        if (!statuses.every((status) => status?.leader === leader)) return undefined
        return among.find((_, i) => statuses[i]?.header.member_id === leader)
      },
      { timeoutMs: LEADER_TIMEOUT_MS, intervalMs: 20, detail: () => this.#logs() },
    )
  }

  /** Makes `member` the leader, so that what follows is the same in every run. */
  async lead(member: ClusterMember): Promise<void> {
    const targetID = await member.id()
    await waitFor(
      `leadership of ${member.name}`,
      async () => {
        const leader = await this.leader()
        if (leader === member) return true
        await leader.client.attempt('Maintenance/MoveLeader', { targetID }, { timeoutMs: 5_000 })
        return undefined
      },
      { timeoutMs: LEADER_TIMEOUT_MS, intervalMs: 50 },
    )
  }

  /** Resolves once all of `among` say that they know no leader. */
  async leaderless(among: readonly ClusterMember[] = this.running): Promise<void> {
    await waitFor(
      'agreement that there is no leader',
      async () => {
        const statuses = await Promise.all(among.map((member) => member.status()))
        return statuses.every((status) => status?.leader === '0')
      },
      { timeoutMs: LEADER_TIMEOUT_MS, intervalMs: 20 },
    )
  }

  /** HashKV of each of `among` once all have applied the same; they must be equal then, which is the caller's to check. */
  async hashes(among: readonly ClusterMember[] = this.running): Promise<HashKVResponse[]> {
    return waitFor(
      'same revision on all members',
      async () => {
        const outcomes = await Promise.all(
          among.map(({ client }) => client.attempt<HashKVResponse>('Maintenance/HashKV', {}, { timeoutMs: 10_000 })),
        )
        const hashes = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.value] : []))
        const same = new Set(hashes.map(({ header, compact_revision }) => `${header.revision} ${compact_revision}`))
        return hashes.length === among.length && same.size === 1 && hashes
      },
      { timeoutMs: START_TIMEOUT_MS, intervalMs: 100, detail: () => this.#logs() },
    )
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()))
  }

  #logs(): string {
    return this.members.map(({ name, log }) => `\n--- ${name}\n${log.slice(-2000)}`).join('')
  }
}
