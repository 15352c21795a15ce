// One server from a configuration: opens every part in order and closes them in reverse. With main.ts the only file that
// sees everything.

import type { ServerConfig } from './config/index.js'
import { SERVER_VERSION } from './config/index.js'
import { hexId } from './base/index.js'
import type { Clock, FileSystem, LogProvider, Logger, Metrics, Random } from './env/index.js'
import { exponentialBuckets } from './env/index.js'
import { type LoadedState, Member, MemberFacade, type Started, WatchPump, loadState, startLog } from './member/index.js'
import { errors } from './proto/index.js'
import { HealthState, RequestGate, createServices } from './rpc/index.js'
import {
  BackendLocked,
  LevelBackend,
  type WalOptions,
  createWal,
  encodeV2Store,
  hasWal,
  openWal,
} from './storage/index.js'
import { ClientPort, createGrpcJsServer, listenSpecs } from './transport/index.js'

export interface ServerEnvironment {
  readonly clock: Clock
  readonly random: Random
  readonly fs: FileSystem
  readonly logger: Logger
  readonly metrics: Metrics
  /** The server cannot go on: the process has to end at once, without touching the disk again. */
  readonly onFatal: (error: Error) => void
}

/** Proposals stop being taken while this many bytes of applied changes wait for the backend. */
const UNFLUSHED_BYTES_MAX = 64 * 1024 * 1024
const COMMIT_INTERVAL_MS = 100
const COMMIT_OPERATIONS_MAX = 10_000
/** What etcd adds to max-request-bytes for the gRPC receive limit and for splitting watch responses. */
const GRPC_OVERHEAD_BYTES = 512 * 1024
const CONNECTIONS_MAX = 20_000
const LOCK_RETRY_MS = 100
const LOCK_REPORT_MS = 10_000

export class Server {
  readonly #config: ServerConfig
  readonly #env: ServerEnvironment
  /** What is open, oldest first. */
  readonly #closers: (() => Promise<void>)[] = []
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
    const { clock, logger } = this.#env
    const config = this.#config
    const clientPort = await this.#openPort(
      'client',
      config.listenClientUrls.map((url) => url.text),
    )
    const backend = await this.#openBackend()
    let member: Member | undefined = undefined
    const state = await this.#loadState(backend, () => member?.noteRows())
    const started = await this.#startLog()
    checkRecovered(started, state)
    member = this.#createMember(backend, state, started)
    const watches = this.#createWatches(member, state)
    logger.info(started.isNew ? 'starting local member' : 'restarting local member', {
      'cluster-id': hexId(started.clusterId),
      'local-member-id': hexId(started.memberId),
      'commit-index': started.recovered.hardState.commit,
    })
    await member.open()
    const opened = member
    this.#closers.push(() => opened.close())
    watches.open()
    this.#closers.push(async () => watches.close())

    const facade = new MemberFacade(member, watches)
    const health = new HealthState()
    const gate = new RequestGate({ member: facade, clock, electionTimeoutMs: config.electionMs })
    gate.open()
    this.#closers.push(async () => gate.close())
    const services = createServices({
      member: facade,
      health,
      clock,
      txnOpsMax: config.maxTxnOps,
      requestBytesMax: config.maxRequestBytes,
    })
    const grpc = createGrpcJsServer({
      services,
      clock,
      gate,
      receiveBytesMax: config.maxRequestBytes + GRPC_OVERHEAD_BYTES,
      concurrentStreamsMax: config.maxConcurrentStreams,
      keepaliveTimeMs: config.grpcKeepaliveIntervalMs,
      keepaliveTimeoutMs: config.grpcKeepaliveTimeoutMs,
      keepaliveMinTimeMs: config.grpcKeepaliveMinTimeMs,
      stoppedStatus: errors.stopped,
    })
    clientPort.serve({ grpc })
    logger.info('ready to serve client requests')
  }

  async #openPort(endpoint: 'client' | 'peer' | 'metrics', urls: readonly string[]): Promise<ClientPort> {
    const port = new ClientPort({
      specs: listenSpecs(urls),
      tls: undefined,
      clock: this.#env.clock,
      logger: this.#env.logger,
      endpoint,
      connectionsMax: CONNECTIONS_MAX,
    })
    await port.open()
    this.#closers.push(() => port.close(this.#config.requestTimeoutMs))
    return port
  }

  /** Waits for as long as another process has the store open, as etcd does for its database file. */
  async #openBackend(): Promise<LevelBackend> {
    const { clock, logger, fs } = this.#env
    const startedMs = clock.monotonicMs()
    let reported = false
    await fs.makeDirectory(this.#config.storeDir)
    for (;;) {
      try {
        const backend = await LevelBackend.open(this.#config.storeDir, { syncWrites: !this.#config.unsafeNoFsync })
        this.#closers.push(() => backend.close())
        return backend
      } catch (error) {
        if (!(error instanceof BackendLocked)) throw error
      }
      if (!reported && clock.monotonicMs() - startedMs >= LOCK_REPORT_MS) {
        reported = true
        logger.info('db file is flocked by another process, or taking too long', { path: this.#config.storeDir })
      }
      await new Promise<void>((resolve) => clock.after(LOCK_RETRY_MS, resolve))
    }
  }

  async #loadState(backend: LevelBackend, onRows: () => void): Promise<LoadedState> {
    const { clock, logger, metrics, onFatal } = this.#env
    const config = this.#config
    const state = await loadState(backend, {
      clock,
      logger,
      metrics,
      learnersMax: config.maxLearners,
      leaseMinTtlSeconds: config.minLeaseTtlSeconds,
      leaseCheckpoints: config.gates.some((gate) => gate.name === 'LeaseCheckpoint' && gate.enabled),
      expiredRetryMs: config.requestTimeoutMs,
      compactionBatchLimit: config.compactionBatchLimit,
      compactionSleepMs: config.compactionSleepMs,
      onRows,
      onFatal,
    })
    this.#closers.push(() => state.store.close())
    return state
  }

  #startLog(): Promise<Started> {
    const { walDir, snapDir, initialCluster, name, initialClusterToken } = this.#config
    const { fs } = this.#env
    const options = this.#walOptions()
    const provider: LogProvider = {
      exists: () => hasWal(fs, walDir),
      create: async (ids) => {
        await fs.makeDirectory(snapDir)
        return createWal(fs, walDir, snapDir, ids, options)
      },
      open: async () => {
        const { wal, recovered } = await openWal(fs, walDir, snapDir, options)
        return { log: wal, recovered }
      },
    }
    const initial = [...initialCluster].map(([memberName, urls]) => ({
      name: memberName,
      peerUrls: urls.map((url) => url.text),
    }))
    return startLog(provider, initial, name, initialClusterToken)
  }

  #walOptions(): WalOptions {
    const { clock, logger, metrics } = this.#env
    const syncSeconds = metrics.histogram(
      'etcd_disk_wal_fsync_duration_seconds',
      'Time to make one batch of the log durable.',
      exponentialBuckets(0.001, 2, 14),
    )
    let writtenBytes = 0
    metrics.gaugeFrom('etcd_disk_wal_write_bytes_total', 'Bytes written to the log.', () => writtenBytes)
    return {
      clock,
      logger,
      onSync: (durationMs, bytes) => {
        syncSeconds.observe(durationMs / 1000)
        writtenBytes += bytes
      },
    }
  }

  #createMember(backend: LevelBackend, state: LoadedState, started: Started): Member {
    const config = this.#config
    const { compaction } = config
    return new Member(
      {
        ...this.#env,
        ...state,
        backend,
        started,
        // A single member has nobody to send to; links to peers come with clusters.
        peers: { send: () => undefined },
        membershipData: (membership) =>
          encodeV2Store({
            members: membership.members(),
            removed: membership.removedIds(),
            clusterVersion: membership.clusterVersion,
          }),
      },
      {
        name: config.name,
        clientUrls: config.advertiseClientUrls.map((url) => url.text),
        heartbeatMs: config.heartbeatMs,
        electionTicks: config.electionTicks,
        preVote: config.preVote,
        requestTimeoutMs: config.requestTimeoutMs,
        maxRequestBytes: config.maxRequestBytes,
        quotaBytes: config.quotaBytes ?? Infinity,
        quotaConfiguredBytes: config.quotaConfiguredBytes,
        commit: {
          intervalMs: COMMIT_INTERVAL_MS,
          operationsMax: COMMIT_OPERATIONS_MAX,
          unflushedBytesMax: UNFLUSHED_BYTES_MAX,
        },
        snapshot: { everyEntries: config.snapshotCount, catchUpEntries: config.snapshotCatchUpEntries },
        segmentsMax: config.maxWals,
        snapshotsMax: config.maxSnapshots,
        autoCompaction:
          compaction.mode === 'off'
            ? undefined
            : compaction.mode === 'periodic'
              ? { mode: 'periodic', retention: compaction.periodMs }
              : { mode: 'revision', retention: compaction.revisions },
        serverVersion: SERVER_VERSION,
      },
    )
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

/** The log and the backend of one data directory must fit together: neither may have been exchanged alone. */
function checkRecovered({ recovered }: Started, { applied }: LoadedState): void {
  const first = recovered.snapshot?.index ?? 0
  const last = recovered.entries.at(-1)?.index ?? first
  if (applied.index < first) {
    throw new Error(`the store holds everything up to index ${applied.index}, but the log starts after index ${first}`)
  }
  if (applied.index > last) {
    throw new Error(`the store holds everything up to index ${applied.index}, but the log ends at index ${last}`)
  }
}
