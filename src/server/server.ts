// One server from a configuration: opens every part in order and closes them in reverse. With main.ts the only folder that
// sees everything.

import { type ListenUrl, type LookupHost, type ServerConfig, parsePeerUrls, urlTexts } from '../config/index.js'
import {
  type BusyPoll,
  type CallObserver,
  type Clock,
  type Counter,
  type FileSystem,
  type Logger,
  type Random,
  exponentialBuckets,
} from '../env/index.js'
import type { Folders } from '../host/index.js'
import {
  GrpcMetrics,
  type HealthSource,
  type MetricsRegistry,
  type MonitoringDeps,
  STANDARD_METHODS,
  createClientHandler,
  createMetricsHandler,
  createPeerHandler,
} from '../http/index.js'
import {
  type LoadedState,
  Member,
  MemberFacade,
  type OpenStore,
  type Started,
  SwitchedBackend,
  WatchPump,
  catchUpStore,
  openNewest,
} from '../member/index.js'
import { errors } from '../proto/index.js'
import { HealthState, RequestGate, createServices } from '../rpc/index.js'
import { encodeV2Store, hasWal } from '../storage/index.js'
import {
  ClientPort,
  type GrpcServer,
  type GrpcServerOptions,
  type PeerDialTls,
  type RaftNetwork,
  type RequestListener,
  type TlsSettings,
  createGrpcServer,
  fetchPage,
  listenSpecs,
  peerRequestOptions,
} from '../transport/index.js'
import { ApplyWatch } from './apply-watch.js'
import { createNetwork, createPeerGrpc, queriesOf, receiverOf } from './peer-wiring.js'
import { identifyDataDir, prepareDataDir, refuseForeignState } from './data-dir.js'
import type { FetchPage } from './existing-cluster.js'
import { addServerGauges } from './gauges.js'
import { memberOptions } from './member-options.js'
import { planStart } from './new-member.js'
import { clientPages, memberHealth, peerPages, startingHealth } from './pages.js'
import { RequestLog } from './request-log.js'
import { type MachineFacts, StartReport } from './start-report.js'
import { checkRecovered, openLog, openState, snapshotLoader, storeFolders } from './storage-wiring.js'
import { openClientTls, openPeerTls } from './tls-wiring.js'

export interface ServerEnvironment {
  readonly clock: Clock
  readonly random: Random
  readonly busyPoll: BusyPoll
  readonly fs: FileSystem
  readonly folders: Folders
  readonly lookup: LookupHost
  readonly machine: MachineFacts
  readonly logger: Logger
  readonly metrics: MetricsRegistry
  /** Open files that the process may have; bounds the connections of clients. */
  readonly openFilesMax: number
  /** The server cannot go on: the process has to end at once, without touching the disk again. */
  readonly onFatal: (error: Error) => void
  /** The member was removed from its cluster for good: the server is to be closed, and the process ends well. */
  readonly onRemoved: () => void
}

/** What etcd adds to max-request-bytes for the gRPC receive limit and for splitting watch responses. */
const GRPC_OVERHEAD_BYTES = 512 * 1024
/** Open files kept back for the log, the store and the peer port. */
const RESERVED_FILES = 150

export class Server {
  readonly #config: ServerConfig
  readonly #env: ServerEnvironment
  /** What is open, oldest first. */
  readonly #closers: (() => Promise<void>)[] = []
  #member: Member | undefined
  #backend: SwitchedBackend | undefined
  #health: HealthSource = startingHealth
  #closing: Promise<void> | undefined
  /** What the gRPC health service says. */
  readonly #grpcHealth = new HealthState()
  /** Defragmentations under way. */
  #defragmenting = 0

  constructor(config: ServerConfig, env: ServerEnvironment) {
    this.#config = config
    this.#env = env
    env.metrics.gaugeFrom('etcd_disk_defrag_inflight', '', () => (this.#defragmenting > 0 ? 1 : 0))
  }

  /** Resolves once clients are served. When a part cannot be opened, those before it are closed again. */
  async open(): Promise<void> {
    try {
      await this.#open()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** Ends what clients have open, then everything else. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #open(): Promise<void> {
    const config = this.#config
    const { logger, fs } = this.#env
    await identifyDataDir(config, this.#env)
    const report = new StartReport(config, logger)
    report.configuring('peer')
    const peerTls = await openPeerTls(config, this.#env)
    const peerPort = await this.#bind('peer', config.listenPeerUrls, peerTls.listen)
    report.configuring('client')
    const clientTls = await openClientTls(config, this.#env)
    const clientPort = await this.#bind('client', config.listenClientUrls, clientTls.listen)
    const httpPort = await this.#bind('client', config.listenClientHttpUrls, clientTls.listen)
    const metricsPort = await this.#bind('metrics', config.listenMetricsUrls, clientTls.metrics)
    report.starting(this.#env.machine, await hasWal(fs, config.walDir))

    const { store, state, started } = await this.#bootstrap(report, peerTls.dial)
    const network = createNetwork(config, this.#env, started, peerTls.dial)
    const member = this.#createMember(store, state, started, network, () => watches.restored())
    this.#member = member
    const watches: WatchPump = this.#createWatches(member, state)
    const facade = new MemberFacade(member, watches, (run) => this.#defragment(run))
    report.bootstrapped(started, member)
    const monitoring = this.#monitoring()
    this.#serveHttp(metricsPort, createMetricsHandler(monitoring))
    const peerPagesHandler = createPeerHandler(peerPages(() => member))
    const services = [...network.services, queriesOf(member, facade)]
    peerPort.serve({ grpc: createPeerGrpc(config, this.#env, services, peerPagesHandler), http: peerPagesHandler })
    report.serving(member.id, peerPort, metricsPort)
    this.#closers.push(async () => report.stopping())
    // The member goes first: it hands over its leadership while it can.
    this.#closers.push(() => network.close())
    this.#closers.push(() => member.close())
    network.open(receiverOf(member))
    await member.open()
    // Removed before it ever served: there is nothing to open any more.
    if (member.isClosing) return
    watches.open()
    this.#closers.push(async () => watches.close())

    this.#health = memberHealth(member, facade)
    addServerGauges(this.#env.metrics, config, member, watches)
    const pages = createClientHandler(clientPages(config, member, monitoring, logger))
    // Clients go first: what they wait for still ends well.
    this.#closers.push(async () => {
      await Promise.all([clientPort, httpPort].map((port) => port.close(config.requestTimeoutMs)))
    })
    // Either one port for both protocols, or gRPC alone where HTTP has ports of its own.
    const separate = config.listenClientHttpUrls.length > 0
    const http = separate ? undefined : pages
    clientPort.serve({ grpc: this.#createGrpc(facade, http), http })
    this.#serveHttp(httpPort, pages)
    report.ready(clientPort, httpPort)
  }

  /** Opens what is on the disk. Every failure is named as one of this stage before it goes on. */
  async #bootstrap(
    report: StartReport,
    dial: PeerDialTls,
  ): Promise<{ store: OpenStore; state: LoadedState; started: Started }> {
    const config = this.#config
    const env = this.#env
    try {
      await prepareDataDir(config, env)
      await refuseForeignState(config, env)
      const folders = storeFolders(config, env)
      const opened = await openNewest(folders)
      this.#backend = new SwitchedBackend(opened.backend)
      this.#closers.push(async () => this.#backend?.close())
      report.step('bootstrapping cluster')
      const fetch: FetchPage = async (url, limitMs) =>
        fetchPage(url, limitMs, url.startsWith('https:') ? peerRequestOptions(dial) : {})
      const start = await planStart(config, await hasWal(env.fs, config.walDir), { ...env, fetch })
      report.step('bootstrapping storage')
      const started = await openLog(config, env, start)
      // Before it belongs to a member, nobody else closes it.
      const log = this.#closers.push(() => started.log.close())
      report.step('bootstrapping raft')
      const store = await catchUpStore({ ...env, folders }, opened, started.recovered.snapshot)
      this.#backend.switchTo(store.backend)
      const state = await openState(config, env, store.backend, () => this.#member?.noteRows())
      this.#closers.push(() => state.store.close())
      checkRecovered(started, state)
      this.#closers.splice(log - 1, 1)
      report.step('bootstrap successfully')
      return { store, state, started }
    } catch (error) {
      env.logger.error('bootstrap failed', { error })
      throw error
    }
  }

  /** Clients can connect and wait from now on. */
  async #bind(
    endpoint: 'client' | 'peer' | 'metrics',
    urls: readonly ListenUrl[],
    tls: TlsSettings | undefined,
  ): Promise<ClientPort> {
    const { clock, logger, openFilesMax } = this.#env
    const port = new ClientPort({
      specs: listenSpecs(urls.map((url) => url.text)),
      tls,
      clock,
      logger,
      endpoint,
      connectionsMax: openFilesMax - RESERVED_FILES,
      reusePort: this.#config.socketReusePort,
    })
    try {
      await port.open()
    } catch (error) {
      if (endpoint === 'peer') logger.error('creating peer listener failed', { error })
      throw error
    }
    // GOAWAY and endless streams end at once; calls under way get as long as a request may take.
    this.#closers.push(() => port.close(this.#config.requestTimeoutMs))
    return port
  }

  /** With the feature gate, load balancers are told to stay away meanwhile. */
  async #defragment(run: () => Promise<void>): Promise<void> {
    const { clock, metrics } = this.#env
    const drains = this.#config.gates.some((gate) => gate.name === 'StopGRPCServiceOnDefrag' && gate.enabled)
    const startedMs = clock.monotonicMs()
    this.#defragmenting++
    if (drains) this.#grpcHealth.set(false)
    try {
      await run()
    } finally {
      this.#defragmenting--
      if (this.#defragmenting === 0) this.#grpcHealth.set(true)
      metrics
        .histogram('etcd_disk_backend_defrag_duration_seconds', '', exponentialBuckets(0.1, 2, 13))
        .observe((clock.monotonicMs() - startedMs) / 1000)
    }
  }

  #monitoring(): MonitoringDeps {
    const health = (): HealthSource => this.#health
    return {
      metrics: this.#env.metrics,
      logger: this.#env.logger,
      requestTimeoutMs: this.#config.requestTimeoutMs,
      health: {
        alarms: () => health().alarms(),
        leaderKnown: () => health().leaderKnown(),
        isLearner: () => health().isLearner(),
        serializableRead: (signal) => health().serializableRead(signal),
        linearizableRead: (limitMs, signal) => health().linearizableRead(limitMs, signal),
      },
    }
  }

  #createMember(
    store: OpenStore,
    state: LoadedState,
    started: Started,
    network: RaftNetwork,
    onRestored: () => void,
  ): Member {
    const config = this.#config
    const switched = this.#backend!
    const parts = {
      ...this.#env,
      ...state,
      backend: switched,
      snapshots: {
        folders: storeFolders(config, this.#env),
        store,
        switched,
        load: snapshotLoader(config, this.#env, () => this.#member?.noteRows()),
        onRestored,
      },
      started,
      applyObserver: new ApplyWatch({
        clock: this.#env.clock,
        logger: this.#env.logger,
        metrics: this.#env.metrics,
        warningMs: this.#config.warningApplyMs,
        onSlow: () => this.#slowApplies().inc(),
      }),
      network,
      membershipData: (membership: LoadedState['membership']) =>
        encodeV2Store({
          members: membership.members(),
          removed: membership.removedIds(),
          clusterVersion: membership.clusterVersion,
        }),
    }
    return new Member(parts, memberOptions(this.#config))
  }

  #slowApplies(): Counter {
    return this.#env.metrics.counter('etcd_server_slow_apply_total', '')
  }

  #createWatches(member: Member, state: LoadedState): WatchPump {
    return new WatchPump({
      store: state.store,
      clock: this.#env.clock,
      random: this.#env.random,
      header: (revision) => member.header(revision),
      fragmentBytes: this.#config.maxRequestBytes + GRPC_OVERHEAD_BYTES,
      progressIntervalMs: this.#config.watchProgressNotifyMs,
    })
  }

  /** Over TLS such pages are there in HTTP/2 too, which browsers and curl choose by themselves. */
  #serveHttp(port: ClientPort, http: RequestListener): void {
    const secure = port.listeners.some(({ spec }) => spec.secure)
    port.serve({ http, grpc: secure ? createGrpcServer({ ...this.#grpcOptions(), services: [], http }) : undefined })
  }

  /** `http` takes what is no gRPC, over TLS. */
  #createGrpc(facade: MemberFacade, http: RequestListener | undefined): GrpcServer {
    const config = this.#config
    const { clock, metrics, logger } = this.#env
    const requests = rememberingLast(
      metrics.counters('etcd_server_client_requests_total', '', ['type', 'client_api_version']),
    )
    const gate = new RequestGate({
      member: facade,
      clock,
      electionTimeoutMs: config.electionMs,
      onClientRequest: (kind, version) => requests(kind, version).inc(),
    })
    gate.open()
    this.#closers.push(async () => gate.close())
    const services = createServices({
      member: facade,
      health: this.#grpcHealth,
      clock,
      txnOpsMax: config.maxTxnOps,
      requestBytesMax: config.maxRequestBytes,
      parsePeerUrls,
    })
    const observer: CallObserver = new GrpcMetrics(metrics, STANDARD_METHODS, config.extensiveMetrics)
    return createGrpcServer({
      ...this.#grpcOptions(),
      services,
      gate,
      observer,
      requests: new RequestLog({
        clock,
        logger,
        metrics,
        warningUnaryMs: config.warningUnaryMs,
        warningApplyMs: config.warningApplyMs,
        onSlowRead: () => this.#slowApplies().inc(),
      }),
      http,
    })
  }

  #grpcOptions(): Omit<GrpcServerOptions, 'services'> {
    const config = this.#config
    return {
      clock: this.#env.clock,
      receiveBytesMax: config.maxRequestBytes + GRPC_OVERHEAD_BYTES,
      concurrentStreamsMax: config.maxConcurrentStreams,
      keepaliveTimeMs: config.grpcKeepaliveIntervalMs,
      keepaliveTimeoutMs: config.grpcKeepaliveTimeoutMs,
      keepaliveMinTimeMs: config.grpcKeepaliveMinTimeMs,
      stoppedStatus: errors.stopped,
    }
  }

  async #closeAll(): Promise<void> {
    const { logger } = this.#env
    const fields = {
      name: this.#config.name,
      'data-dir': this.#config.dataDir,
      'advertise-peer-urls': urlTexts(this.#config.advertisePeerUrls),
      'advertise-client-urls': urlTexts(this.#config.advertiseClientUrls),
    }
    logger.info('closing etcd server', fields)
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      await close().catch((error: unknown) => logger.error('failed to close a part of the server', { error }))
    }
    logger.info('closed etcd server', fields)
  }
}

/** Clients of one version follow each other: the instrument of each type's last version is not looked up again. */
function rememberingLast(counters: (...labels: string[]) => Counter): (type: string, version: string) => Counter {
  const last = new Map<string, { readonly version: string; readonly counter: Counter }>()
  return (type, version) => {
    const known = last.get(type)
    if (known?.version === version) return known.counter
    const counter = counters(type, version)
    last.set(type, { version, counter })
    return counter
  }
}
