// Metrics of etcd that this server offers, because tools expect them to exist, without ever changing them; and those with
// labels that never get a value. Each with the reason, for the documentation.

import { STANDARD_METRICS } from './standard-metrics.js'

const ROWS = 'of the bbolt file of a snapshot, which members here do not exchange'
const BBOLT = 'a step of bbolt, which is not used'
const V2 = 'of the v2 store, which 3.7 no longer has'
const PROXY = 'of the gRPC proxy, another program'
const UNMEASURED = 'not measured'

/** By name, `*` for any ending. */
const REASONS: readonly [string, string][] = [
  ['etcd_snap_db_*', ROWS],
  ['etcd_debugging_auth_revision', 'authentication is not built yet'],
  ['etcd_disk_backend_snapshot_duration_seconds', 'Maintenance.Snapshot is not built yet'],
  ['etcd_debugging_disk_backend_commit_*', BBOLT],
  ['etcd_mvcc_db_open_read_transactions', 'reads hold no transaction of the store'],
  ['etcd_debugging_mvcc_pending_events_total', 'watchers that are behind read the history instead of a queue'],
  [
    'etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds',
    'the index is pruned in slices of a few milliseconds',
  ],
  ['etcd_debugging_server_watch_send_loop_*', 'there is no loop per watch stream'],
  ['etcd_debugging_store_*', V2],
  ['etcd_grpc_proxy_*', PROXY],
  ['etcd_server_range_duration_seconds', 'see etcd_server_request_duration_seconds'],
  ['etcd_network_server_stream_failures_total', 'see grpc_server_handled_total'],
  ['etcd_disk_wal_write_duration_seconds', 'one call writes and syncs; see etcd_disk_wal_fsync_duration_seconds'],
  ['etcd_snap_fsync_duration_seconds', UNMEASURED],
  ['etcd_debugging_snap_save_*', UNMEASURED],
  ['etcd_mvcc_hash_*', UNMEASURED],
]

/** Why the metric never changes; undefined for one that does. */
export const unfedReason = (name: string): string | undefined =>
  REASONS.find(([pattern]) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern))?.[1]

export const METRICS_MARKER = '<!-- metrics -->'

/** Markdown between the two markers, ending with a line break. */
export const metricsDocs = (): string => {
  const unfed = [...STANDARD_METRICS].flatMap(([name, { labels }]) => {
    const reason = unfedReason(name)
    return reason === undefined ? [] : [{ name, reason, isLabelled: (labels ?? []).length > 0 }]
  })
  let text = `All ${STANDARD_METRICS.size} metrics of etcd 3.7 that dashboards, alerts and tools know exist under etcd's names, with its types,\n`
  text +=
    'labels and buckets, beside those of gRPC, of the process and of Node.js (`nodejs_*` in place of `go_*`). These stay at\n'
  text += 'zero, or empty, and those with labels do not appear:\n\n| Metric | Why |\n| --- | --- |\n'
  for (const { name, reason, isLabelled } of unfed)
    text += `| \`${name}\`${isLabelled ? ' (labels)' : ''} | ${reason} |\n`
  return text
}
