// Metrics whose values are read off the running parts when they are collected.

import { hexId } from '../base/index.js'
import { SERVER_VERSION, type ServerConfig } from '../config/index.js'
import type { LabelledMetrics } from '../env/index.js'
import type { Member, WatchPump } from '../member/index.js'

export function addServerGauges(
  metrics: LabelledMetrics,
  config: ServerConfig,
  member: Member,
  watches: WatchPump,
): void {
  const { store } = member.parts
  const gauge = (name: string, read: () => number): void => metrics.gaugeFrom(name, '', read)
  gauge('etcd_server_proposals_committed_total', () => member.committedIndex)
  gauge('etcd_server_proposals_applied_total', () => member.applied.index)
  gauge('etcd_server_proposals_pending', () => member.pendingProposals)
  gauge('etcd_server_quota_backend_bytes', () => config.quotaBytes ?? config.quotaConfiguredBytes)
  gauge('etcd_mvcc_db_total_size_in_bytes', () => store.allocatedBytes)
  gauge('etcd_mvcc_db_total_size_in_use_in_bytes', () => store.inUseBytes)
  gauge('etcd_debugging_mvcc_keys_total', () => store.indexedKeys)
  gauge('etcd_debugging_mvcc_current_revision', () => store.revision)
  gauge('etcd_debugging_mvcc_compact_revision', () => store.compactRevision)
  gauge('etcd_debugging_mvcc_watcher_total', () => watches.hub.watcherCount)
  gauge('etcd_debugging_mvcc_watch_stream_total', () => watches.hub.streamCount)
  gauge('etcd_debugging_mvcc_slow_watcher_total', () => watches.hub.behindCount)
  metrics.gauges('etcd_server_version', '', ['server_version'])(SERVER_VERSION).set(1)
  metrics.gauges('etcd_server_id', '', ['server_id'])(hexId(member.id)).set(1)
  metrics.gauges('etcd_server_go_version', '', ['server_go_version'])(`node ${process.version}`).set(1)
  const cluster = member.parts.membership.clusterVersion
  if (cluster !== undefined) {
    metrics
      .gauges('etcd_cluster_version', '', ['cluster_version'])(cluster.replace(/\.\d+$/, ''))
      .set(1)
  }
  const enabled = metrics.gauges('etcd_server_feature_enabled', '', ['name', 'stage'])
  for (const gate of config.gates) enabled(gate.name, gate.stage).set(gate.enabled ? 1 : 0)
}
