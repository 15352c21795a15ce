// Opens what is on the disk: the store, waiting for another process to leave it, and the log.

import type { ServerConfig } from '../config/index.js'
import {
  type Backend,
  type BackendFolders,
  type LabelledMetrics,
  type LogProvider,
  exponentialBuckets,
  noMetrics,
} from '../env/index.js'
import {
  type FirstStart,
  type LoadOptions,
  type LoadedState,
  type ReceivedStore,
  type Started,
  loadState,
  startLog,
} from '../member/index.js'
import type { CompactionObserver } from '../mvcc/index.js'
import {
  BackendLocked,
  LevelBackend,
  type WalOptions,
  createWal,
  hasWal,
  levelFolders,
  openWal,
} from '../storage/index.js'
import type { ServerEnvironment } from './server.js'

const LOCK_RETRY_MS = 100
const LOCK_REPORT_MS = 10_000

/** Opening a store waits for as long as another process has it open, as etcd does for its database file. */
export const storeFolders = (config: ServerConfig, env: ServerEnvironment): BackendFolders =>
  levelFolders(env.fs, config.memberDir, (path) => openBackend(path, config, env))

async function openBackend(path: string, config: ServerConfig, env: ServerEnvironment): Promise<LevelBackend> {
  const { clock, logger } = env
  const startedMs = clock.monotonicMs()
  let reported = false
  for (;;) {
    try {
      const backend = await LevelBackend.open(path, { syncWrites: !config.unsafeNoFsync })
      const took = `${(clock.monotonicMs() - startedMs).toFixed(3)}ms`
      logger.info('opened backend db', { path, took })
      return backend
    } catch (error) {
      if (!(error instanceof BackendLocked)) throw error
    }
    if (!reported && clock.monotonicMs() - startedMs >= LOCK_REPORT_MS) {
      reported = true
      logger.info('db file is flocked by another process, or taking too long', { path })
    }
    await new Promise<void>((resolve) => clock.after(LOCK_RETRY_MS, resolve))
  }
}

export function openState(
  config: ServerConfig,
  env: ServerEnvironment,
  backend: Backend,
  onRows: () => void,
): Promise<LoadedState> {
  return loadState(backend, { ...loadOptions(config, env, onRows), metrics: env.metrics })
}

/** Reads the state of a received snapshot; what it counts is what the state that it replaces counted. */
export const snapshotLoader =
  (config: ServerConfig, env: ServerEnvironment, onRows: () => void) =>
  ({ backend, restored }: ReceivedStore): Promise<LoadedState> =>
    loadState(backend, loadOptions(config, env, onRows), restored)

function loadOptions(config: ServerConfig, env: ServerEnvironment, onRows: () => void): LoadOptions {
  return {
    clock: env.clock,
    logger: env.logger,
    metrics: noMetrics,
    learnersMax: config.maxLearners,
    leaseMinTtlSeconds: config.minLeaseTtlSeconds,
    leaseCheckpoints: config.gates.some((gate) => gate.name === 'LeaseCheckpoint' && gate.enabled),
    expiredRetryMs: config.requestTimeoutMs,
    compactionBatchLimit: config.compactionBatchLimit,
    compactionSleepMs: config.compactionSleepMs,
    compactions: compactionMetrics(env.metrics, () => env.clock.wallMs()),
    onRows,
    onFatal: env.onFatal,
  }
}

function compactionMetrics(metrics: LabelledMetrics, wallMs: () => number): CompactionObserver {
  const name = 'etcd_debugging_mvcc_db_compaction'
  const slices = metrics.histogram(`${name}_pause_duration_milliseconds`, '', exponentialBuckets(1, 2, 13))
  const totals = metrics.histogram(`${name}_total_duration_milliseconds`, '', exponentialBuckets(100, 2, 14))
  const last = metrics.gauge(`${name}_last`, '')
  return {
    onSlice: (tookMs) => slices.observe(tookMs),
    onFinished: (tookMs) => {
      totals.observe(tookMs)
      last.set(Math.floor(wallMs() / 1000))
    },
  }
}

export function openLog(config: ServerConfig, env: ServerEnvironment, start: FirstStart): Promise<Started> {
  const { walDir, snapDir } = config
  const { fs } = env
  const options = walOptions(env)
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
  return startLog(provider, start)
}

function walOptions({ clock, logger, metrics }: ServerEnvironment): WalOptions {
  const syncSeconds = metrics.histogram(
    'etcd_disk_wal_fsync_duration_seconds',
    'Time to sync the log.',
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

/**
 * The log and the store of one data directory must fit together: neither may have been exchanged alone.
 * @throws Error naming both positions.
 */
export function checkRecovered({ recovered }: Started, { applied }: LoadedState): void {
  const first = recovered.snapshot?.index ?? 0
  const last = recovered.entries.at(-1)?.index ?? first
  if (applied.index < first) {
    throw new Error(`the store holds everything up to index ${applied.index}, but the log starts after index ${first}`)
  }
  if (applied.index > last) {
    throw new Error(`the store holds everything up to index ${applied.index}, but the log ends at index ${last}`)
  }
}
