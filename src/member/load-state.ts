// Reads the state machine back from the backend, as of the applied index that the backend names.

import { AlarmSet, type AppliedPoint, Membership, RowBuffer, readAppliedPoint } from '../apply/index.js'
import { EMPTY_BYTES, NO_INDEX, NO_TERM } from '../base/index.js'
import type { Backend, BackendSlice, Bucket, Clock, Logger, Metrics } from '../env/index.js'
import { CHECKPOINT_INTERVAL_MS, Lessor } from '../lease/index.js'
import { type CompactionObserver, type Restore, Store, type StoreOptions } from '../mvcc/index.js'

export interface LoadedState {
  readonly applied: AppliedPoint
  readonly rows: RowBuffer
  readonly store: Store
  readonly lessor: Lessor
  readonly alarms: AlarmSet
  readonly membership: Membership
}

export interface LoadOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly learnersMax: number
  readonly leaseMinTtlSeconds: number
  readonly leaseCheckpoints: boolean
  /** Milliseconds after which an expired lease that was not revoked is reported again. */
  readonly expiredRetryMs: number
  readonly compactionBatchLimit: number
  readonly compactionSleepMs: number
  readonly compactions?: CompactionObserver
  /** Rows of background work wait to be committed. */
  readonly onRows: () => void
  readonly onFatal: (error: Error) => void
}

/** `restored` has seen all revisions of the backend already. */
export async function loadState(backend: Backend, options: LoadOptions, restored?: Restore): Promise<LoadedState> {
  const { clock, logger, metrics } = options
  const rows = new RowBuffer()
  const alarms = new AlarmSet(rows)
  const membership = new Membership(rows, options.learnersMax)
  const lessor = new Lessor({
    minTtlSeconds: options.leaseMinTtlSeconds,
    checkpointIntervalMs: options.leaseCheckpoints ? CHECKPOINT_INTERVAL_MS : undefined,
    // By replicated state alone, so that the rows are the same on a member that does not make checkpoints itself.
    persistCheckpoints: () => isAtLeast(membership.clusterVersion, 3, 6),
    expiredRetryMs: options.expiredRetryMs,
    metrics,
  })
  for await (const { key } of rowsOf(backend, 'alarm')) alarms.load(key)
  for await (const { value } of rowsOf(backend, 'members')) membership.loadMember(value)
  for await (const { key } of rowsOf(backend, 'members_removed')) membership.loadRemoved(key)
  for await (const { key, value } of rowsOf(backend, 'cluster')) membership.loadClusterRow(key, value)
  // Leases come before keys: reading the keys attaches them.
  for await (const slice of backend.scan('lease', EMPTY_BYTES, undefined)) lessor.load(slice)
  const storeOptions: StoreOptions = {
    clock,
    logger,
    compactionBatchLimit: options.compactionBatchLimit,
    compactionSleepMs: options.compactionSleepMs,
    onRows: options.onRows,
    ...(options.compactions !== undefined && { compactions: options.compactions }),
    onFailure: (error) => options.onFatal(error instanceof Error ? error : new Error(String(error))),
    onLeasedKey: (key, lease) => {
      if (!lessor.attach(lease, key)) {
        logger.warn('a key names a lease that does not exist', { 'lease-id': lease })
      }
    },
  }
  const store = await Store.open(backend, storeOptions, restored)
  const applied = readAppliedPoint((key) => backend.get('meta', key)) ?? { index: NO_INDEX, term: NO_TERM }
  return { applied, rows, store, lessor, alarms, membership }
}

const isAtLeast = (version: string | undefined, major: number, minor: number): boolean => {
  const [ofMajor = 0, ofMinor = 0] = (version ?? '').split('.').map(Number)
  return ofMajor > major || (ofMajor === major && ofMinor >= minor)
}

async function* rowsOf(backend: Backend, bucket: Bucket): AsyncIterable<BackendSlice[number]> {
  for await (const slice of backend.scan(bucket, EMPTY_BYTES, undefined)) yield* slice
}
