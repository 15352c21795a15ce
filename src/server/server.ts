// One server from a configuration: opens every part in order and closes them in reverse. With main.ts the only folder that
// sees everything.

import { type ListenUrl, type LookupHost, type ServerConfig, urlTexts } from '../config/index.js'
import {
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
import { type LoadedState, Member, MemberFacade, type Started, WatchPump } from '../member/index.js'
import { errors } from '../proto/index.js'
import { HealthState, RequestGate, createServices } from '../rpc/index.js'
import { type LevelBackend, encodeV2Store, hasWal } from '../storage/index.js'
import { ClientPort, type GrpcServer, createGrpcServer, listenSpecs } from '../transport/index.js'
import { ApplyWatch } from './apply-watch.js'
import { identifyDataDir, prepareDataDir, refuseForeignState } from './data-dir.js'
import { addServerGauges } from './gauges.js'
import { memberOptions } from './member-options.js'
import { checkStart } from './new-member.js'
import { clientPages, memberHealth, peerPages, startingHealth } from './pages.js'
import { watchRequests } from './request-log.js'
import { type MachineFacts, StartReport } from './start-report.js'
import { checkRecovered, openBackend, openLog, openState } from './storage-wiring.js'

export interface ServerEnvironment {
  readonly clock: Clock
  readonly random: Random
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
    const peerPort = await this.#bind('peer', config.listenPeerUrls)
    report.configuring('client')
    const clientPort = await this.#bind('client', config.listenClientUrls)
    const httpPort = await this.#bind('client', config.listenClientHttpUrls)
    const metricsPort = await this.#bind('metrics', config.listenMetricsUrls)
    report.starting(this.#env.machine, await hasWal(fs, config.walDir))

    const { backend, state, started } = await this.#bootstrap(report)
    const member = this.#createMember(backend, state, started)
    this.#member = member
    const watches = this.#createWatches(member, state)
    report.bootstrapped(started, member)
    const monitoring = this.#monitoring()
    metricsPort.serve({ http: createMetricsHandler(monitoring) })
    peerPort.serve({ http: createPeerHandler(peerPages(() => member)) })
    report.serving(member.id, peerPort, metricsPort)
    this.#closers.push(() => member.close())
    await member.open()
    watches.open()
    this.#closers.push(async () => watches.close())

    const facade = new MemberFacade(member, watches, (run) => this.#defragment(run))
    this.#health = memberHealth(member, facade)
    addServerGauges(this.#env.metrics, config, member, watches)
    const pages = createClientHandler(clientPages(config, member, monitoring, logger))
    // Clients go first: what they wait for still ends well.
    this.#closers.push(async () => {
      await Promise.all([clientPort, httpPort].map((port) => port.close(config.requestTimeoutMs)))
      report.stopping(member)
    })
    // Either one port for both protocols, or gRPC alone where HTTP has ports of its own.
    const separate = config.listenClientHttpUrls.length > 0
    clientPort.serve({ grpc: this.#createGrpc(facade), http: separate ? undefined : pages })
    httpPort.serve({ http: pages })
    report.ready(clientPort, httpPort)
  }

  /** Opens what is on the disk. Every failure is named as one of this stage before it goes on. */
  async #bootstrap(report: StartReport): Promise<{ backend: LevelBackend; state: LoadedState; started: Started }> {
    const config = this.#config
    const env = this.#env
    try {
      await prepareDataDir(config, env)
      await refuseForeignState(config, env)
      const backend = await openBackend(config, env)
      this.#closers.push(() => backend.close())
      report.step('bootstrapping cluster')
      await checkStart(config, await hasWal(env.fs, config.walDir), env)
      report.step('bootstrapping storage')
      const state = await openState(config, env, backend, () => this.#member?.noteRows())
      this.#closers.push(() => state.store.close())
      report.step('bootstrapping raft')
      const started = await openLog(config, env)
      // Before it belongs to a member, nobody else closes it.
      const log = this.#closers.push(() => started.log.close())
      checkRecovered(started, state)
      this.#closers.splice(log - 1, 1)
      report.step('bootstrap successfully')
      return { backend, state, started }
    } catch (error) {
      env.logger.error('bootstrap failed', { error })
      throw error
    }
  }

  /** Clients can connect and wait from now on. */
  async #bind(endpoint: 'client' | 'peer' | 'metrics', urls: readonly ListenUrl[]): Promise<ClientPort> {
    const { clock, logger, openFilesMax } = this.#env
    const port = new ClientPort({
      specs: listenSpecs(urls.map((url) => url.text)),
      tls: undefined,
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

  #createMember(backend: LevelBackend, state: LoadedState, started: Started): Member {
    const parts = {
      ...this.#env,
      ...state,
      backend,
      started,
      applyObserver: new ApplyWatch({
        clock: this.#env.clock,
        logger: this.#env.logger,
        metrics: this.#env.metrics,
        warningMs: this.#config.warningApplyMs,
        onSlow: () => this.#slowApplies().inc(),
      }),
      // A single member has nobody to send to; links to peers come with clusters.
      peers: { send: () => undefined },
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

  #createGrpc(facade: MemberFacade): GrpcServer {
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
    })
    const observer: CallObserver = new GrpcMetrics(metrics, STANDARD_METHODS, config.extensiveMetrics)
    return createGrpcServer({
      services: watchRequests(services, {
        clock,
        logger,
        metrics,
        warningUnaryMs: config.warningUnaryMs,
        warningApplyMs: config.warningApplyMs,
        onSlowRead: () => this.#slowApplies().inc(),
      }),
      clock,
      gate,
      observer,
      receiveBytesMax: config.maxRequestBytes + GRPC_OVERHEAD_BYTES,
      concurrentStreamsMax: config.maxConcurrentStreams,
      keepaliveTimeMs: config.grpcKeepaliveIntervalMs,
      keepaliveTimeoutMs: config.grpcKeepaliveTimeoutMs,
      keepaliveMinTimeMs: config.grpcKeepaliveMinTimeMs,
      stoppedStatus: errors.stopped,
    })
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
