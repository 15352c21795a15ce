// One server from a configuration: opens every part in order and closes them in reverse. With main.ts the only folder that
// sees everything.

import { hexId } from '../base/index.js'
import type { ListenUrl, ServerConfig } from '../config/index.js'
import type { CallObserver, Clock, FileSystem, Logger, Random, Service } from '../env/index.js'
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
import { type LevelBackend, encodeV2Store } from '../storage/index.js'
import { ClientPort, type GrpcServer, createGrpcServer, listenSpecs } from '../transport/index.js'
import { addServerGauges } from './gauges.js'
import { memberOptions } from './member-options.js'
import { clientPages, memberHealth, peerPages, startingHealth } from './pages.js'
import { checkRecovered, openBackend, openLog, openState } from './storage-wiring.js'

export interface ServerEnvironment {
  readonly clock: Clock
  readonly random: Random
  readonly fs: FileSystem
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

  constructor(config: ServerConfig, env: ServerEnvironment) {
    this.#config = config
    this.#env = env
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
    const peerPort = await this.#bind('peer', config.listenPeerUrls)
    const clientPort = await this.#bind('client', config.listenClientUrls)
    const httpPort = await this.#bind('client', config.listenClientHttpUrls)
    const metricsPort = await this.#bind('metrics', config.listenMetricsUrls)
    const monitoring = this.#monitoring()
    metricsPort.serve({ http: createMetricsHandler(monitoring) })

    const backend = await openBackend(config, this.#env)
    this.#closers.push(() => backend.close())
    const state = await openState(config, this.#env, backend, () => this.#member?.noteRows())
    this.#closers.push(() => state.store.close())
    const started = await openLog(config, this.#env)
    checkRecovered(started, state)

    const member = this.#createMember(backend, state, started)
    this.#member = member
    const watches = this.#createWatches(member, state)
    this.#reportStart(started)
    peerPort.serve({ http: createPeerHandler(peerPages(() => member)) })
    this.#closers.push(() => member.close())
    await member.open()
    watches.open()
    this.#closers.push(async () => watches.close())

    const facade = new MemberFacade(member, watches)
    this.#health = memberHealth(member, facade)
    addServerGauges(this.#env.metrics, config, member, watches)
    const pages = createClientHandler(clientPages(config, member, monitoring, this.#env.logger))
    // Either one port for both protocols, or gRPC alone where HTTP has ports of its own.
    const separate = config.listenClientHttpUrls.length > 0
    clientPort.serve({ grpc: this.#createGrpc(facade), http: separate ? undefined : pages })
    httpPort.serve({ http: pages })
    this.#reportReady()
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
    })
    await port.open()
    // GOAWAY and endless streams end at once; calls under way get as long as a request may take.
    this.#closers.push(() => port.close(this.#config.requestTimeoutMs))
    return port
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
    const { clock, metrics } = this.#env
    const requests = metrics.counters('etcd_server_client_requests_total', '', ['type', 'client_api_version'])
    const gate = new RequestGate({
      member: facade,
      clock,
      electionTimeoutMs: config.electionMs,
      onClientRequest: (kind, version) => requests(kind, version).inc(),
    })
    gate.open()
    this.#closers.push(async () => gate.close())
    const services: readonly Service[] = createServices({
      member: facade,
      health: new HealthState(),
      clock,
      txnOpsMax: config.maxTxnOps,
      requestBytesMax: config.maxRequestBytes,
    })
    const observer: CallObserver = new GrpcMetrics(metrics, STANDARD_METHODS, config.extensiveMetrics)
    return createGrpcServer({
      services,
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

  #reportStart({ isNew, clusterId, memberId, recovered }: Started): void {
    this.#env.logger.info(isNew ? 'starting local member' : 'restarting local member', {
      'cluster-id': hexId(clusterId),
      'local-member-id': hexId(memberId),
      'commit-index': recovered.hardState.commit,
    })
  }

  /** One line per listener of clients, in etcd's words: tools wait for them. */
  #reportReady(): void {
    const { logger } = this.#env
    const { listenClientUrls, listenClientHttpUrls } = this.#config
    const traffic = listenClientHttpUrls.length > 0 ? 'grpc' : 'grpc+http'
    for (const url of [...listenClientUrls, ...listenClientHttpUrls]) {
      logger.info('ready to serve client requests')
      logger.info('serving client traffic insecurely; this is strongly discouraged!', {
        traffic: listenClientHttpUrls.includes(url) ? 'http' : traffic,
        address: url.host,
      })
    }
  }

  async #closeAll(): Promise<void> {
    const { logger } = this.#env
    const fields = { name: this.#config.name, 'data-dir': this.#config.dataDir }
    logger.info('closing etcd server', fields)
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      await close().catch((error: unknown) => logger.error('failed to close a part of the server', { error }))
    }
    logger.info('closed etcd server', fields)
  }
}
