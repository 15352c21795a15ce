// Several members in one process, for tests: a network that delivers in the turn after, or not at all, and a clock for all.

import type { MemberId } from '../base/index.js'
import {
  type Backend,
  type BackendFolders,
  type LabelledMetrics,
  type PeerEndpoint,
  type PeerNetwork,
  PeerUnavailable,
  type QueryMethod,
  type Random,
  type Service,
  noMetrics,
} from '../env/index.js'
import type { UnaryCall } from '../env/index.js'
import type { raftpb } from '../proto/index.js'
import { type FirstStart, startLog } from './bootstrap.js'
import { MemberFacade } from './facade.js'
import { type LoadOptions, type LoadedState, loadState } from './load-state.js'
import { Member } from './member.js'
import type { MemberOptions } from './member-parts.js'
import { type ReceivedStore, SwitchedBackend, catchUpStore, openNewest } from './snapshot/index.js'
import { LogLines, MemoryLogProvider, SimClock } from './testing.js'
import { WatchPump } from './watch-pump.js'

export const CLUSTER_OPTIONS: MemberOptions = {
  name: '',
  clientUrls: ['http://c'],
  heartbeatMs: 100,
  electionTicks: 10,
  preVote: true,
  initialTickAdvance: true,
  requestTimeoutMs: 7000,
  maxRequestBytes: 100_000,
  quotaBytes: Infinity,
  quotaConfiguredBytes: 0,
  commit: { intervalMs: 100, operationsMax: 10_000, bytesMax: 500_000, unflushedBytesMax: 1_000_000 },
  snapshot: { everyEntries: 100_000, everyBytes: 100_000_000, catchUpEntries: 100_000 },
  segmentsMax: 5,
  snapshotsMax: 5,
  autoCompaction: undefined,
  serverVersion: '3.7.1',
  strictReconfigCheck: true,
  corruption: { initialCheck: false, periodMs: 0, compactHashMs: 0 },
}

/** What this folder may not name itself. */
export interface SimWorld {
  /** The service that one member offers the others. */
  serve(facade: MemberFacade): Service
  newBackend(): Backend
  newRandom(seed: number): Random
  /** The places for stores of one member; without them no snapshots are sent. */
  newFolders?(): BackendFolders
  /** Of all members; nobody counts when it is missing. */
  readonly metrics?: LabelledMetrics
}

export interface ClusterNode {
  readonly name: string
  readonly member: Member
  readonly facade: MemberFacade
  readonly state: LoadedState
  readonly network: ClusterNetwork
  readonly logger: LogLines
  readonly fatal: Error[]
  /** What a later life starts from. */
  readonly disk: {
    readonly provider: MemoryLogProvider
    readonly backend: Backend
    readonly folders: BackendFolders | undefined
  }
  readonly watches: WatchPump
  /** How often this member asked to be closed for being removed. */
  removals: number
  isClosed: boolean
}

export class SimCluster {
  readonly clock = new SimClock()
  /** Members that run, by id. */
  readonly nodes = new Map<MemberId, ClusterNode>()
  /** Pairs `from>to` between which nothing passes. */
  readonly #cut = new Set<string>()
  readonly #world: SimWorld
  readonly #options: Partial<MemberOptions>
  #seed = 1

  constructor(world: SimWorld, options: Partial<MemberOptions> = {}) {
    this.#world = world
    this.#options = options
  }

  /** A new cluster of members `names`, each at `http://NAME:1`; resolves when all serve. */
  async boot(...names: string[]): Promise<ClusterNode[]> {
    const initial = names.map((name) => ({ name, peerUrls: [`http://${name}:1`] }))
    const nodes: ClusterNode[] = []
    for (const ownName of names)
      nodes.push(await this.start(ownName, { kind: 'new', initial, ownName, token: 'token' }))
    await this.drive(Promise.all(nodes.map(({ member }) => member.open())))
    return nodes
  }

  /** Builds a member and connects it; the caller opens it. */
  async start(name: string, start: FirstStart, disk?: ClusterNode['disk']): Promise<ClusterNode> {
    const { clock } = this
    const { provider, backend, folders } = disk ?? {
      provider: new MemoryLogProvider(),
      backend: this.#world.newBackend(),
      folders: this.#world.newFolders?.(),
    }
    const logger = new LogLines()
    const fatal: Error[] = []
    const late: { node?: ClusterNode } = {}
    const started = await startLog(provider, start)
    const parts = folders && { folders, logger }
    const store =
      parts &&
      (await this.drive(
        openNewest(parts.folders).then((opened) => catchUpStore(parts, opened, started.recovered.snapshot)),
      ))
    const switched = store && new SwitchedBackend(store.backend)
    const options: LoadOptions = {
      clock,
      logger,
      metrics: noMetrics,
      learnersMax: 1,
      leaseMinTtlSeconds: 2,
      leaseCheckpoints: false,
      expiredRetryMs: 7000,
      compactionBatchLimit: 1000,
      compactionSleepMs: 10,
      onRows: () => late.node?.member.noteRows(),
      onFatal: (error) => fatal.push(error),
    }
    const load = (from: ReceivedStore): Promise<LoadedState> => loadState(from.backend, options, from.restored)
    const state = await this.drive(loadState(store?.backend ?? backend, options))
    const network = new ClusterNetwork(this, started.memberId)
    const random = this.#world.newRandom(this.#seed++)
    const onRestored = (): void => late.node!.watches.restored()
    const member = new Member(
      {
        ...state,
        backend: switched ?? backend,
        ...(parts && { snapshots: { folders: parts.folders, store: store!, switched: switched!, load, onRestored } }),
        started,
        network,
        membershipData: () => new Uint8Array(1),
        clock,
        random,
        logger,
        metrics: this.#world.metrics ?? noMetrics,
        onFatal: (error) => fatal.push(error),
        onRemoved: () => late.node!.removals++,
      },
      { ...CLUSTER_OPTIONS, ...this.#options, name },
    )
    const header = (revision: number) => member.header(revision)
    const watches = new WatchPump({
      store: state.store,
      clock,
      random,
      header,
      fragmentBytes: 1e6,
      progressIntervalMs: 6e5,
    })
    const facade = new MemberFacade(member, watches)
    const node: ClusterNode = {
      ...{ name, member, facade, state, network, logger, fatal, watches },
      disk: { provider, backend, folders },
      removals: 0,
      isClosed: false,
    }
    late.node = node
    this.nodes.set(member.id, node)
    this.#refresh()
    return node
  }

  async stop(node: ClusterNode): Promise<void> {
    await this.drive(node.member.close())
    this.kill(node)
  }

  /** Nothing comes from it any more, and nothing reaches it. */
  kill(node: ClusterNode): void {
    node.isClosed = true
    if (this.nodes.get(node.member.id) === node) this.nodes.delete(node.member.id)
    this.#refresh()
  }

  /** Both ways. */
  cut(node: ClusterNode, ...others: readonly ClusterNode[]): void {
    for (const other of others) {
      this.#cut.add(`${node.member.id}>${other.member.id}`)
      this.#cut.add(`${other.member.id}>${node.member.id}`)
    }
    this.#refresh()
  }

  heal(): void {
    this.#cut.clear()
    this.#refresh()
  }

  get leader(): ClusterNode | undefined {
    return [...this.nodes.values()].find(({ member }) => member.isLeader && member.term === this.#newestTerm())
  }

  get followers(): ClusterNode[] {
    return [...this.nodes.values()].filter((node) => node !== this.leader)
  }

  /** Lets time pass until `work` is over. */
  async drive<T>(work: Promise<T>, limitMs = 60_000): Promise<T> {
    let over = false
    const ended = work.finally(() => (over = true))
    ended.catch(() => undefined)
    await this.clock.until(() => over, limitMs)
    return ended
  }

  isConnected(from: MemberId, to: MemberId): boolean {
    return this.nodes.has(from) && this.nodes.has(to) && !this.#cut.has(`${from}>${to}`)
  }

  deliver(from: MemberId, message: raftpb.Message): void {
    this.clock.soon(() => {
      if (this.isConnected(from, message.to)) this.nodes.get(message.to)?.member.receive([message])
    })
  }

  /** The answer of `to`'s query service, through its codecs. */
  async ask<Req, Res>(from: MemberId, to: MemberId, method: QueryMethod<Req, Res>, request: Req): Promise<Res> {
    const node = this.nodes.get(to)
    if (node === undefined || !this.isConnected(from, to)) throw new PeerUnavailable('nobody is there')
    const served = this.#world.serve(node.facade).methods.find(({ name }) => name === method.name)
    if (served?.kind !== 'unary') throw new Error(`no ${method.name}`)
    const sent = method.request.encode(request)
    const answer = await new Promise<unknown>((resolve, reject) => {
      const call: UnaryCall<unknown> = {
        metadata: { get: () => undefined },
        peer: String(from),
        deadlineMs: undefined,
        canceled: false,
        respond: resolve,
        fail: ({ message }) => reject(new PeerUnavailable(message)),
        onCancel: () => undefined,
      }
      served.handle(served.request.decode(sent, 0, sent.length), call)
    })
    const bytes = served.response.encode(answer)
    return method.response.decode(bytes, 0, bytes.length)
  }

  #refresh(): void {
    for (const { network } of this.nodes.values()) network.refresh()
  }

  #newestTerm(): number {
    return Math.max(...[...this.nodes.values()].map(({ member }) => member.term))
  }
}

/** One member's side of the network. A link is up while both ends run and nothing is cut. */
export class ClusterNetwork implements PeerNetwork<raftpb.Message> {
  readonly #cluster: SimCluster
  readonly #self: MemberId
  readonly #since = new Map<MemberId, number>()
  peers: readonly PeerEndpoint[] = []
  removed: readonly MemberId[] = []

  constructor(cluster: SimCluster, self: MemberId) {
    this.#cluster = cluster
    this.#self = self
  }

  send(messages: readonly raftpb.Message[]): void {
    for (const message of messages) {
      if (this.peers.some(({ id }) => id === message.to)) this.#cluster.deliver(this.#self, message)
    }
  }

  setPeers(peers: readonly PeerEndpoint[], removed: readonly MemberId[]): void {
    this.peers = peers
    this.removed = removed
    this.refresh()
  }

  activeSinceMs(id: MemberId): number | undefined {
    return this.#since.get(id)
  }

  /** Who can be reached may have changed. */
  refresh(): void {
    const { clock } = this.#cluster
    const up = this.peers.filter(({ id }) => this.#cluster.isConnected(this.#self, id)).map(({ id }) => id)
    for (const id of this.#since.keys()) if (!up.includes(id)) this.#since.delete(id)
    for (const id of up) if (!this.#since.has(id)) this.#since.set(id, clock.monotonicMs())
  }

  /** A chunk per turn. */
  async sendSnapshot(
    message: raftpb.Message,
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { clock } = this.#cluster
    const target = this.#cluster.nodes.get(message.to)
    const isUp = (): boolean => !signal.aborted && this.#cluster.isConnected(this.#self, message.to)
    if (target === undefined || !isUp()) return false
    const receipt = await target.member.beginSnapshot(message)
    if (receipt === undefined) return false
    for await (const chunk of chunks) {
      await clock.yieldTurn()
      if (!isUp()) {
        await receipt.abort()
        return false
      }
      await receipt.write(chunk)
    }
    await receipt.finish()
    return true
  }

  query<Req, Res>(to: MemberId, method: QueryMethod<Req, Res>, request: Req, timeoutMs: number): Promise<Res> {
    return new Promise((resolve, reject) => {
      const timer = this.#cluster.clock.after(timeoutMs, () => reject(new PeerUnavailable('no answer in time')))
      this.#cluster
        .ask(this.#self, to, method, request)
        .then(resolve, reject)
        .finally(() => timer.cancel())
    })
  }

  async close(): Promise<void> {}
}
