// Metrics whose values are read off the running parts when they are collected.

import { hexId } from '../base/index.js'
import { SERVER_VERSION, type ServerConfig } from '../config/index.js'
import { addServerFacts, type MetricsRegistry } from '../http/index.js'
import type { Member, WatchPump } from '../member/index.js'
import { etcdserverpb } from '../proto/index.js'

export function addServerGauges(
  metrics: MetricsRegistry,
  config: ServerConfig,
  member: Member,
  watches: WatchPump,
): void {
  const { store } = member.parts
  const gauge = (name: string, read: () => number): void => metrics.gaugeFrom(name, '', read)
  const counter = (name: string, read: () => number): void => metrics.counterFrom(name, '', read)
  gauge('etcd_server_proposals_committed_total', () => member.committedIndex)
  gauge('etcd_server_proposals_applied_total', () => member.applied.index)
  gauge('etcd_server_proposals_pending', () => member.pendingProposals)
  gauge('etcd_server_is_learner', () => (member.parts.membership.get(member.id)?.isLearner === true ? 1 : 0))
  gauge('etcd_mvcc_db_total_size_in_bytes', () => store.allocatedBytes)
  gauge('etcd_mvcc_db_total_size_in_use_in_bytes', () => store.inUseBytes)
  gauge('etcd_debugging_mvcc_keys_total', () => store.indexedKeys)
  gauge('etcd_debugging_mvcc_current_revision', () => store.revision)
  gauge('etcd_debugging_mvcc_compact_revision', () => store.compactRevision)
  gauge('etcd_debugging_mvcc_total_put_size_in_bytes', () => store.counts.putBytes)
  counter('etcd_mvcc_put_total', () => store.counts.puts)
  counter('etcd_mvcc_delete_total', () => store.counts.deletes)
  counter('etcd_mvcc_range_total', () => store.counts.ranges)
  counter('etcd_debugging_mvcc_range_total', () => store.counts.ranges)
  counter('etcd_mvcc_txn_total', () => store.counts.txns)
  counter('etcd_debugging_mvcc_db_compaction_keys_total', () => store.counts.compactedRevisions)
  counter('etcd_debugging_mvcc_events_total', () => watches.hub.eventsSent)
  gauge('etcd_debugging_mvcc_watcher_total', () => watches.hub.watcherCount)
  gauge('etcd_debugging_mvcc_watch_stream_total', () => watches.hub.streamCount)
  gauge('etcd_debugging_mvcc_slow_watcher_total', () => watches.hub.behindCount)
  addFacts(metrics, config, member)
  addAlarms(metrics, member)
  addKnownPeers(metrics, member)
}

function addFacts(metrics: MetricsRegistry, config: ServerConfig, member: Member): void {
  const { setClusterVersion } = addServerFacts(metrics, {
    version: SERVER_VERSION,
    serverId: member.id,
    runtimeVersion: `node ${process.version}`,
    quotaBytes: config.quotaBytes ?? config.quotaConfiguredBytes,
    gates: config.gates,
  })
  metrics.beforeRender(() => {
    const { clusterVersion } = member.parts.membership
    if (clusterVersion !== undefined) setClusterVersion(clusterVersion)
  })
}

/** 1 for each alarm that is on, 0 for those that were. */
function addAlarms(metrics: MetricsRegistry, member: Member): void {
  const gauges = metrics.gauges('etcd_debugging_server_alarms', '', ['server_id', 'alarm_type'])
  let known: string[][] = []
  metrics.beforeRender(() => {
    for (const labels of known) gauges(...labels).set(0)
    const active = member.parts.alarms.list().map(({ memberId, alarm }) => [hexId(memberId), alarmName(alarm)])
    for (const labels of active) gauges(...labels).set(1)
    known = [...new Map([...known, ...active].map((labels) => [labels.join(), labels])).values()]
  })
}

/** 1 for each member, this one included, 0 for those that are gone. */
function addKnownPeers(metrics: MetricsRegistry, member: Member): void {
  const gauges = metrics.gauges('etcd_network_known_peers', '', ['Local', 'Remote'])
  const known = new Set<string>()
  metrics.beforeRender(() => {
    const present = new Set(member.parts.membership.members().map(({ id }) => hexId(id)))
    for (const id of present) known.add(id)
    for (const id of known) gauges(hexId(member.id), id).set(present.has(id) ? 1 : 0)
  })
}

/** The name of an alarm as etcd's texts have it. */
export const alarmName = (alarm: number): string =>
  Object.entries(etcdserverpb.AlarmType).find(([, value]) => value === alarm)?.[0] ?? 'UNKNOWN'
