import { type Counter, type Gauge, type Histogram, type Metrics, exponentialBuckets } from '../env/index.js'

/** Metrics of the member loop; names and buckets are etcd's. */
export interface MemberMetrics {
  readonly hasLeader: Gauge
  readonly isLeader: Gauge
  readonly leaderChanges: Counter
  readonly proposalsFailed: Counter
  readonly readIndexesFailed: Counter
  readonly slowReadIndexes: Counter
  readonly lateHeartbeats: Counter
  readonly installing: Gauge
  readonly backendCommitSeconds: Histogram
}

export const memberMetrics = (metrics: Metrics): MemberMetrics => ({
  hasLeader: metrics.gauge('etcd_server_has_leader', 'Whether a leader is known: 1 yes, 0 no.'),
  isLeader: metrics.gauge('etcd_server_is_leader', 'Whether this member leads: 1 yes, 0 no.'),
  leaderChanges: metrics.counter('etcd_server_leader_changes_seen_total', 'Leader changes seen.'),
  proposalsFailed: metrics.counter('etcd_server_proposals_failed_total', 'Proposals that got no answer in time.'),
  readIndexesFailed: metrics.counter('etcd_server_read_indexes_failed_total', 'Read barriers that timed out.'),
  slowReadIndexes: metrics.counter('etcd_server_slow_read_indexes_total', 'Read barriers that had to ask again.'),
  lateHeartbeats: metrics.counter(
    'etcd_server_heartbeat_send_failures_total',
    'Heartbeats that the leader could not send in time.',
  ),
  installing: metrics.gauge(
    'etcd_server_snapshot_apply_in_progress_total',
    '1 while a snapshot from the leader is applied, else 0.',
  ),
  backendCommitSeconds: metrics.histogram(
    'etcd_disk_backend_commit_duration_seconds',
    'Time to make one batch durable in the backend.',
    exponentialBuckets(0.001, 2, 14),
  ),
})
