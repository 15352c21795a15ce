// Names, types and buckets of etcd's metrics: dashboards, alerts and tools expect them on every member from its start.
// A part that asks for one of these names gets it with the type and the buckets of this table.

import { exponentialBuckets } from '../env/index.js'

export interface StandardMetric {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels?: readonly string[]
  readonly buckets?: readonly number[]
}

const exp = exponentialBuckets
const DISK = exp(0.001, 2, 14)

const counter = (help: string, ...labels: string[]): StandardMetric => ({ type: 'counter', help, labels })
const gauge = (help: string, ...labels: string[]): StandardMetric => ({ type: 'gauge', help, labels })
const histogram = (help: string, buckets: readonly number[], ...labels: string[]): StandardMetric => ({
  type: 'histogram',
  help,
  buckets,
  labels,
})

const SERVER: Readonly<Record<string, StandardMetric>> = {
  etcd_server_has_leader: gauge('1 while a leader is known, else 0.'),
  etcd_server_is_leader: gauge('1 while this member is the leader, else 0.'),
  etcd_server_is_learner: gauge('1 while this member is a learner, else 0.'),
  etcd_server_leader_changes_seen_total: counter('Changes of the leader seen.'),
  etcd_server_proposals_failed_total: counter('Proposals that failed.'),
  etcd_server_proposals_pending: gauge('Proposals waiting to be committed.'),
  etcd_server_proposals_committed_total: gauge('Index up to which the log is committed.'),
  etcd_server_proposals_applied_total: gauge('Index up to which the log is applied.'),
  etcd_server_quota_backend_bytes: gauge('Size of the store in bytes beyond which writes are refused.'),
  etcd_server_version: gauge('Version of the server, as a label.', 'server_version'),
  etcd_cluster_version: gauge('Version of the cluster, as a label: 1 for the current one.', 'cluster_version'),
  etcd_server_id: gauge('Id of this member, as a label.', 'server_id'),
  etcd_server_go_version: gauge('Version of the runtime, as a label.', 'server_go_version'),
  etcd_server_feature_enabled: gauge('1 for feature gates that are on, else 0.', 'name', 'stage'),
  etcd_server_client_requests_total: counter('Requests of clients.', 'type', 'client_api_version'),
  etcd_server_request_duration_seconds: histogram('Time to answer a request.', exp(0.001, 2, 14), 'type', 'success'),
  etcd_server_apply_duration_seconds: histogram(
    'Time to apply a request.',
    exp(0.0001, 2, 20),
    'version',
    'op',
    'success',
  ),
  etcd_server_range_duration_seconds: histogram('Time to read a range.', exp(0.0001, 2, 20), 'success'),
  etcd_server_slow_apply_total: counter('Requests that took too long to apply.'),
  etcd_server_slow_read_indexes_total: counter('Read barriers that took too long.'),
  etcd_server_read_indexes_failed_total: counter('Read barriers that failed.'),
  etcd_server_heartbeat_send_failures_total: counter('Heartbeats that the leader could not send in time.'),
  etcd_server_snapshot_apply_in_progress_total: gauge('1 while a snapshot from the leader is applied, else 0.'),
  etcd_server_learner_promote_successes: counter('Learners promoted while this member led.'),
  etcd_server_learner_promote_failures: counter('Promotions of learners that failed.', 'Reason'),
  etcd_server_health_success: counter('Successful answers of /health.'),
  etcd_server_health_failures: counter('Failed answers of /health.'),
  etcd_server_healthcheck: gauge('Result of a check when it last ran: 1 for success.', 'type', 'name'),
  etcd_server_healthchecks_total: counter('Runs of a check.', 'type', 'name', 'status'),
}

const NETWORK: Readonly<Record<string, StandardMetric>> = {
  etcd_network_client_grpc_received_bytes_total: counter('Bytes of messages received from clients.'),
  etcd_network_client_grpc_sent_bytes_total: counter('Bytes of messages sent to clients.'),
  etcd_network_peer_received_bytes_total: counter('Bytes received from peers.', 'From'),
  etcd_network_peer_sent_bytes_total: counter('Bytes sent to peers.', 'To'),
  etcd_network_peer_sent_failures_total: counter('Failures of sending to peers.', 'To'),
  etcd_network_peer_received_failures_total: counter('Failures of receiving from peers.', 'From'),
  etcd_network_peer_round_trip_time_seconds: histogram('Round trip to peers.', exp(0.0001, 2, 16), 'To'),
  etcd_network_known_peers: gauge('1 for members of the cluster, 0 for removed ones.', 'Local', 'Remote'),
  etcd_network_active_peers: gauge('1 for connected peers.', 'Local', 'Remote'),
  etcd_network_disconnected_peers_total: counter('Lost connections to peers.', 'Local', 'Remote'),
  etcd_network_server_stream_failures_total: counter('Failures of streams to clients.', 'Type', 'API'),
  etcd_network_snapshot_send_success: counter('Snapshots sent.', 'To'),
  etcd_network_snapshot_send_failures: counter('Snapshots that could not be sent.', 'To'),
  etcd_network_snapshot_send_inflights_total: gauge('Snapshots being sent.', 'To'),
  etcd_network_snapshot_send_total_duration_seconds: histogram('Time to send a snapshot.', exp(0.1, 2, 10), 'To'),
  etcd_network_snapshot_receive_success: counter('Snapshots received.', 'From'),
  etcd_network_snapshot_receive_failures: counter('Snapshots that could not be received.', 'From'),
  etcd_network_snapshot_receive_inflights_total: gauge('Snapshots being received.', 'From'),
  etcd_network_snapshot_receive_total_duration_seconds: histogram(
    'Time to receive a snapshot.',
    exp(0.1, 2, 10),
    'From',
  ),
}

const DISKS: Readonly<Record<string, StandardMetric>> = {
  etcd_disk_wal_fsync_duration_seconds: histogram('Time to sync the log.', DISK),
  etcd_disk_wal_write_duration_seconds: histogram('Time to write to the log.', DISK),
  etcd_disk_wal_write_bytes_total: gauge('Bytes written to the log.'),
  etcd_disk_backend_commit_duration_seconds: histogram('Time to commit a batch to the store.', DISK),
  etcd_disk_backend_defrag_duration_seconds: histogram('Time to defragment the store.', exp(0.1, 2, 13)),
  etcd_disk_backend_snapshot_duration_seconds: histogram('Time to export the store.', exp(0.01, 2, 17)),
  etcd_disk_defrag_inflight: gauge('1 while the store is defragmented, else 0.'),
  etcd_snap_fsync_duration_seconds: histogram('Time to sync a snapshot file.', DISK),
  etcd_snap_db_fsync_duration_seconds: histogram('Time to sync a received store.', DISK),
  etcd_snap_db_save_total_duration_seconds: histogram('Time to save a received store.', exp(0.1, 2, 10)),
  etcd_debugging_disk_backend_commit_rebalance_duration_seconds: histogram('Always empty; bbolt has this step.', DISK),
  etcd_debugging_disk_backend_commit_spill_duration_seconds: histogram('Always empty; bbolt has this step.', DISK),
  etcd_debugging_disk_backend_commit_write_duration_seconds: histogram('Always empty; bbolt has this step.', DISK),
  etcd_debugging_snap_save_marshalling_duration_seconds: histogram('Time to encode a snapshot.', DISK),
  etcd_debugging_snap_save_total_duration_seconds: histogram('Time to save a snapshot.', DISK),
}

const STORE: Readonly<Record<string, StandardMetric>> = {
  etcd_mvcc_db_total_size_in_bytes: gauge('Size of the store.'),
  etcd_mvcc_db_total_size_in_use_in_bytes: gauge('Size of the data in the store.'),
  etcd_mvcc_db_open_read_transactions: gauge('Reads under way.'),
  etcd_mvcc_range_total: counter('Ranges read.'),
  etcd_mvcc_put_total: counter('Puts.'),
  etcd_mvcc_delete_total: counter('Deletes.'),
  etcd_mvcc_txn_total: counter('Transactions.'),
  etcd_mvcc_hash_duration_seconds: histogram('Time to hash the store.', exp(0.01, 2, 15)),
  etcd_mvcc_hash_rev_duration_seconds: histogram('Time to hash the store at a revision.', exp(0.01, 2, 15)),
  etcd_debugging_mvcc_keys_total: gauge('Keys.'),
  etcd_debugging_mvcc_watcher_total: gauge('Watchers.'),
  etcd_debugging_mvcc_watch_stream_total: gauge('Streams of watchers.'),
  etcd_debugging_mvcc_slow_watcher_total: gauge('Watchers that are behind.'),
  etcd_debugging_mvcc_pending_events_total: gauge('Events waiting to be sent.'),
  etcd_debugging_mvcc_events_total: counter('Events sent.'),
  etcd_debugging_mvcc_range_total: counter('Ranges read; old name.'),
  etcd_debugging_mvcc_current_revision: gauge('Newest revision.'),
  etcd_debugging_mvcc_compact_revision: gauge('Revision of the last compaction.'),
  etcd_debugging_mvcc_total_put_size_in_bytes: gauge('Bytes of keys and values put.'),
  etcd_debugging_mvcc_db_compaction_keys_total: counter('Revisions removed by compactions.'),
  etcd_debugging_mvcc_db_compaction_last: gauge('Unix time of the last compaction.'),
  etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds: histogram(
    'Length of one slice of a compaction.',
    exp(1, 2, 13),
  ),
  etcd_debugging_mvcc_db_compaction_total_duration_milliseconds: histogram(
    'Length of a compaction of the store.',
    exp(100, 2, 14),
  ),
  etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds: histogram(
    'Length of a compaction of the index.',
    exp(0.5, 2, 14),
  ),
}

const OTHERS: Readonly<Record<string, StandardMetric>> = {
  etcd_debugging_auth_revision: gauge('Revision of users and roles.'),
  etcd_debugging_lease_granted_total: counter('Leases granted.'),
  etcd_debugging_lease_renewed_total: counter('Renewals answered as leader.'),
  etcd_debugging_lease_revoked_total: counter('Leases revoked.'),
  etcd_debugging_lease_ttl_total: histogram('Granted times to live in seconds.', exp(1, 2, 24)),
  etcd_debugging_server_lease_expired_total: counter('Leases that expired.'),
  etcd_debugging_server_alarms: gauge('Active alarms.', 'server_id', 'alarm_type'),
  etcd_debugging_server_watch_send_loop_watch_stream_duration_seconds: histogram('Time to send events.', DISK),
  etcd_debugging_server_watch_send_loop_watch_stream_duration_per_event_seconds: histogram(
    'Time to send one event.',
    DISK,
  ),
  etcd_debugging_server_watch_send_loop_control_stream_duration_seconds: histogram(
    'Time to send an answer about watchers.',
    DISK,
  ),
  etcd_debugging_server_watch_send_loop_progress_duration_seconds: histogram('Time to send progress notices.', DISK),
  etcd_debugging_store_expires_total: counter('Always 0; of the v2 store.'),
  etcd_debugging_store_reads_total: counter('Always 0; of the v2 store.', 'action'),
  etcd_debugging_store_reads_failed_total: counter('Always 0; of the v2 store.', 'action'),
  etcd_debugging_store_writes_total: counter('Always 0; of the v2 store.', 'action'),
  etcd_debugging_store_writes_failed_total: counter('Always 0; of the v2 store.', 'action'),
  etcd_debugging_store_watch_requests_total: counter('Always 0; of the v2 store.'),
  etcd_debugging_store_watchers: gauge('Always 0; of the v2 store.'),
  etcd_grpc_proxy_cache_hits_total: gauge('Always 0; of the gRPC proxy.'),
  etcd_grpc_proxy_cache_keys_total: gauge('Always 0; of the gRPC proxy.'),
  etcd_grpc_proxy_cache_misses_total: gauge('Always 0; of the gRPC proxy.'),
  etcd_grpc_proxy_watchers_coalescing_total: gauge('Always 0; of the gRPC proxy.'),
  etcd_grpc_proxy_events_coalescing_total: counter('Always 0; of the gRPC proxy.'),
  os_fd_used: gauge('Open files of the process.'),
  os_fd_limit: gauge('Most files the process may open.'),
  promhttp_metric_handler_requests_total: counter('Answers of /metrics.', 'code'),
  promhttp_metric_handler_requests_in_flight: gauge('Requests of /metrics under way.'),
}

export const STANDARD_METRICS: ReadonlyMap<string, StandardMetric> = new Map(
  Object.entries({ ...SERVER, ...NETWORK, ...DISKS, ...STORE, ...OTHERS }),
)
