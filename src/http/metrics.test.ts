import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import t from 'tap'
import { Code, type LoopDelay, type MethodInfo, exponentialBuckets } from '../env/index.js'
import { GrpcMetrics, STANDARD_METHODS } from './grpc-metrics.js'
import { MetricsRegistry } from './metrics-registry.js'
import { addProcessMetrics } from './process-metrics.js'
import { addServerFacts } from './server-facts.js'
import { STANDARD_METRICS } from './standard-metrics.js'

const typesIn = (text: string): Map<string, string> =>
  new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((match) => [match[1]!, match[2]!]))

t.test('text form', async (t) => {
  const registry = new MetricsRegistry()
  const counter = registry.counter('a_total', 'Things.')
  counter.inc()
  counter.inc(2.5)
  registry.gauge('b', 'Level.').set(-3)
  registry.gaugeFrom('c', 'Asked.', () => 7)
  const histogram = registry.histogram('d_seconds', 'Times.', [0.1, 1])
  for (const value of [0.1, 0.05, 0.5, 5]) histogram.observe(value)
  const text = registry.render()
  for (const part of [
    '# HELP a_total Things.\n# TYPE a_total counter\na_total 3.5\n',
    '# TYPE b gauge\nb -3\n',
    '# TYPE c gauge\nc 7\n',
    '# TYPE d_seconds histogram\nd_seconds_bucket{le="0.1"} 2\nd_seconds_bucket{le="1"} 3\nd_seconds_bucket{le="+Inf"} 4\nd_seconds_sum 5.65\nd_seconds_count 4\n',
  ]) {
    t.ok(text.includes(part), part)
  }
})

t.test('the text is that of prom-client, for odd values too', async (t) => {
  const theirs = new Registry()
  const ours = new MetricsRegistry()
  const registers = [theirs]
  const labelNames = ['To', 'Kind']
  const help = 'Back\\slash,\nline "quoted".'
  const labels = ['a"\\\n', '', 'é', '{}=,']
  const buckets = [0.0001, 0.5, 1, 1e21]
  const counter = new Counter({ name: 'x_total', help, labelNames, registers })
  const gauge = new Gauge({ name: 'y', help, labelNames, registers })
  const histogram = new Histogram({ name: 'z_seconds', help, labelNames, buckets, registers })
  const [counters, gauges] = [ours.counters('x_total', help, labelNames), ours.gauges('y', help, labelNames)]
  const histograms = ours.histograms('z_seconds', help, buckets, labelNames)
  for (const [i, To] of labels.entries()) {
    const Kind = `k${i}`
    const value = [0.1, 1e300, 0, 12345678.9][i]!
    counter.inc({ To, Kind }, value)
    counters(To, Kind).inc(value)
    gauge.set({ To, Kind }, i === 2 ? -Infinity : -value)
    gauges(To, Kind).set(i === 2 ? -Infinity : -value)
    for (const observed of [value, 0.5, 0.50001]) {
      histogram.observe({ To, Kind }, observed)
      histograms(To, Kind).observe(observed)
    }
  }
  const sorted = (text: string, names: RegExp) =>
    text
      .split('\n')
      .filter((line) => names.test(line))
      // The order of labels within the braces and of lines is free.
      .map((line) =>
        line.replace(
          /\{(.*)\} /,
          (_all, inner: string) =>
            `{${inner
              .split(/,(?=[A-Za-z]+=)/)
              .sort()
              .join()}} `,
        ),
      )
      .sort()
  const names = /(?:^|# \w+ )(?:x_total|y|z_seconds)/
  const expected = sorted(await theirs.metrics(), names)
  t.ok(expected.length > 30)
  t.same(sorted(ours.render(), names), expected)
})

t.test('labels', async (t) => {
  const registry = new MetricsRegistry()
  const sent = registry.counters('sent_total', 'Sent.', ['To', 'Kind'])
  sent('a"\\\n', 'x').inc()
  sent('b', 'x').inc(2)
  sent('b', 'x').inc()
  registry.histograms('took', 'Took.', [1], ['To'])('z').observe(3)
  const text = registry.render()
  t.ok(text.includes('sent_total{To="a\\"\\\\\\n",Kind="x"} 1'))
  t.ok(text.includes('sent_total{To="b",Kind="x"} 3'))
  t.ok(
    text.includes('took_bucket{le="+Inf",To="z"} 1') || text.includes('took_bucket{To="z",le="+Inf"} 1'),
    text.slice(-200),
  )
  t.ok(text.includes('took_count{To="z"} 1'))
})

t.test('asking twice gives the same instrument; asking otherwise is a bug', async (t) => {
  const registry = new MetricsRegistry()
  t.equal(registry.counter('x', 'X.'), registry.counter('x', 'Y.'))
  t.throws(() => registry.gauge('x', 'X.'), { name: 'InvariantViolation' })
  t.throws(() => registry.counters('x', 'X.', ['a']), { name: 'InvariantViolation' })
  t.throws(
    () => registry.counter('etcd_server_proposals_applied_total', 'x'),
    { name: 'InvariantViolation' },
    'a gauge in etcd',
  )
})

t.test('standard metrics without labels exist from the start, with the buckets of the table', async (t) => {
  const registry = new MetricsRegistry()
  const before = registry.render()
  for (const name of [
    'etcd_server_has_leader',
    'etcd_disk_wal_fsync_duration_seconds_count',
    'etcd_mvcc_put_total',
    'etcd_debugging_lease_ttl_total_sum',
  ]) {
    t.match(before, new RegExp(`^${name} 0$`, 'm'))
  }
  registry.histogram('etcd_disk_wal_fsync_duration_seconds', 'whatever', [1]).observe(0.0015)
  const text = registry.render()
  t.match(text, /^etcd_disk_wal_fsync_duration_seconds_bucket\{le="0.001"\} 0$/m)
  t.match(text, /^etcd_disk_wal_fsync_duration_seconds_bucket\{le="0.002"\} 1$/m)
  t.match(text, /^etcd_disk_wal_fsync_duration_seconds_bucket\{le="8.192"\} 1$/m)
  t.equal(typesIn(text).get('etcd_server_proposals_applied_total'), 'gauge')
  for (const [name, { type, help, buckets }] of STANDARD_METRICS) {
    t.match(help, /^\S.*\.$/, name)
    t.equal(buckets !== undefined, type === 'histogram', name)
  }
})

/** Names and types that a fresh etcd 3.5.30 exposes after a few requests, without Go's own and what has labels only. */
const SEEN = `
etcd_cluster_version gauge, etcd_debugging_auth_revision gauge, etcd_debugging_disk_backend_commit_rebalance_duration_seconds histogram,
etcd_debugging_disk_backend_commit_spill_duration_seconds histogram, etcd_debugging_disk_backend_commit_write_duration_seconds histogram,
etcd_debugging_lease_granted_total counter, etcd_debugging_lease_renewed_total counter, etcd_debugging_lease_revoked_total counter,
etcd_debugging_lease_ttl_total histogram, etcd_debugging_mvcc_compact_revision gauge, etcd_debugging_mvcc_current_revision gauge,
etcd_debugging_mvcc_db_compaction_keys_total counter, etcd_debugging_mvcc_db_compaction_last gauge,
etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds histogram, etcd_debugging_mvcc_db_compaction_total_duration_milliseconds histogram,
etcd_debugging_mvcc_events_total counter, etcd_debugging_mvcc_index_compaction_pause_duration_milliseconds histogram,
etcd_debugging_mvcc_keys_total gauge, etcd_debugging_mvcc_pending_events_total gauge, etcd_debugging_mvcc_range_total counter,
etcd_debugging_mvcc_slow_watcher_total gauge, etcd_debugging_mvcc_total_put_size_in_bytes gauge, etcd_debugging_mvcc_watch_stream_total gauge,
etcd_debugging_mvcc_watcher_total gauge, etcd_debugging_server_lease_expired_total counter,
etcd_debugging_snap_save_marshalling_duration_seconds histogram, etcd_debugging_snap_save_total_duration_seconds histogram,
etcd_debugging_store_expires_total counter, etcd_debugging_store_reads_total counter, etcd_debugging_store_watch_requests_total counter,
etcd_debugging_store_watchers gauge, etcd_debugging_store_writes_total counter, etcd_disk_backend_commit_duration_seconds histogram,
etcd_disk_backend_defrag_duration_seconds histogram, etcd_disk_backend_snapshot_duration_seconds histogram, etcd_disk_defrag_inflight gauge,
etcd_disk_wal_fsync_duration_seconds histogram, etcd_disk_wal_write_bytes_total gauge, etcd_disk_wal_write_duration_seconds histogram,
etcd_grpc_proxy_cache_hits_total gauge, etcd_grpc_proxy_cache_keys_total gauge, etcd_grpc_proxy_cache_misses_total gauge,
etcd_grpc_proxy_events_coalescing_total counter, etcd_grpc_proxy_watchers_coalescing_total gauge, etcd_mvcc_db_open_read_transactions gauge,
etcd_mvcc_db_total_size_in_bytes gauge, etcd_mvcc_db_total_size_in_use_in_bytes gauge, etcd_mvcc_delete_total counter,
etcd_mvcc_hash_duration_seconds histogram, etcd_mvcc_hash_rev_duration_seconds histogram, etcd_mvcc_put_total counter,
etcd_mvcc_range_total counter, etcd_mvcc_txn_total counter, etcd_network_client_grpc_received_bytes_total counter,
etcd_network_client_grpc_sent_bytes_total counter, etcd_server_apply_duration_seconds histogram, etcd_server_client_requests_total counter,
etcd_server_go_version gauge, etcd_server_has_leader gauge, etcd_server_health_failures counter, etcd_server_health_success counter,
etcd_server_healthcheck gauge, etcd_server_healthchecks_total counter, etcd_server_heartbeat_send_failures_total counter,
etcd_server_id gauge, etcd_server_is_leader gauge, etcd_server_is_learner gauge, etcd_server_leader_changes_seen_total counter,
etcd_server_learner_promote_successes counter, etcd_server_proposals_applied_total gauge, etcd_server_proposals_committed_total gauge,
etcd_server_proposals_failed_total counter, etcd_server_proposals_pending gauge, etcd_server_quota_backend_bytes gauge,
etcd_server_read_indexes_failed_total counter, etcd_server_slow_apply_total counter, etcd_server_slow_read_indexes_total counter,
etcd_server_snapshot_apply_in_progress_total gauge, etcd_server_version gauge, etcd_snap_db_fsync_duration_seconds histogram,
etcd_snap_db_save_total_duration_seconds histogram, etcd_snap_fsync_duration_seconds histogram, os_fd_limit gauge, os_fd_used gauge,
process_cpu_seconds_total counter, process_max_fds gauge, process_open_fds gauge, process_resident_memory_bytes gauge,
process_start_time_seconds gauge, process_virtual_memory_bytes gauge, promhttp_metric_handler_requests_in_flight gauge,
promhttp_metric_handler_requests_total counter, grpc_server_handled_total counter, grpc_server_msg_received_total counter,
grpc_server_msg_sent_total counter, grpc_server_started_total counter`

const stillLoop: LoopDelay = {
  count: 0,
  meanSeconds: 0,
  maxSeconds: 0,
  quantileSeconds: () => 0,
  reset: () => undefined,
  close: () => undefined,
}

t.test('names and types are those of etcd', async (t) => {
  const registry = new MetricsRegistry()
  const process = addProcessMetrics(registry, { openFileCount: () => 5, openFileLimit: () => undefined }, stillLoop)
  t.teardown(() => {
    process.close()
  })
  new GrpcMetrics(registry, STANDARD_METHODS, false)
  const types = typesIn(registry.render())
  for (const pair of SEEN.trim().split(/,\s+/)) {
    const [name = '', type] = pair.split(' ')
    // Metrics with labels show once they have values; the table knows their type before.
    t.equal(types.get(name) ?? STANDARD_METRICS.get(name)?.type, type, name)
  }
})

t.test('gRPC: all methods with all codes from the start, counted by call', async (t) => {
  const registry = new MetricsRegistry()
  const metrics = new GrpcMetrics(registry, STANDARD_METHODS, false)
  const before = registry.render()
  const codes = before.match(
    /^grpc_server_handled_total\{grpc_type="unary",grpc_service="etcdserverpb.KV",grpc_method="Put",grpc_code="\w+"\} 0$/gm,
  )
  t.equal(codes?.length, 17)
  t.match(
    before,
    'grpc_server_started_total{grpc_type="bidi_stream",grpc_service="etcdserverpb.Lease",grpc_method="LeaseKeepAlive"} 0',
  )
  t.notMatch(before, /v3lockpb|grpc_server_handling_seconds/)

  const put: MethodInfo = { service: 'etcdserverpb.KV', method: 'Put', kind: 'unary' }
  const lock: MethodInfo = { service: 'v3lockpb.Lock', method: 'Lock', kind: 'unary' }
  metrics.started(put)
  metrics.received(put, 100)
  metrics.sent(put, 28)
  metrics.handled(put, Code.ok, 0.001)
  metrics.handled(put, Code.resourceExhausted, 0.001)
  metrics.started(lock)
  const text = registry.render()
  const labels = 'grpc_type="unary",grpc_service="etcdserverpb.KV",grpc_method="Put"'
  for (const line of [
    `grpc_server_started_total{${labels}} 1`,
    `grpc_server_msg_received_total{${labels}} 1`,
    `grpc_server_msg_sent_total{${labels}} 1`,
    `grpc_server_handled_total{${labels},grpc_code="OK"} 1`,
    `grpc_server_handled_total{${labels},grpc_code="ResourceExhausted"} 1`,
    'etcd_network_client_grpc_received_bytes_total 100',
    'etcd_network_client_grpc_sent_bytes_total 28',
    'grpc_server_started_total{grpc_type="unary",grpc_service="v3lockpb.Lock",grpc_method="Lock"} 1',
  ]) {
    t.ok(text.includes(`\n${line}\n`), line)
  }
})

t.test('gRPC: latencies only with extensive metrics', async (t) => {
  const registry = new MetricsRegistry()
  const metrics = new GrpcMetrics(registry, [], true)
  metrics.handled({ service: 's', method: 'm', kind: 'unary' }, Code.ok, 0.02)
  const text = registry.render()
  t.match(text, /^grpc_server_handling_seconds_bucket\{.*le="0.025".*\} 1$/m)
  t.match(text, /^grpc_server_handling_seconds_bucket\{.*le="0.01".*\} 0$/m)
})

t.test('process metrics hold plausible values', async (t) => {
  const registry = new MetricsRegistry()
  const process = addProcessMetrics(registry, { openFileCount: () => 5, openFileLimit: () => 20 }, stillLoop)
  const text = registry.render()
  process.close()
  const valueOf = (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])
  t.ok(valueOf('process_resident_memory_bytes') > 10e6)
  t.ok(valueOf('process_virtual_memory_bytes') >= valueOf('process_resident_memory_bytes'))
  t.ok(valueOf('process_cpu_seconds_total') > 0)
  t.ok(Math.abs(valueOf('process_start_time_seconds') - Date.now() / 1000) < 600)
  t.equal(valueOf('process_open_fds'), 5)
  t.equal(valueOf('os_fd_limit'), 20)
  t.ok(valueOf('nodejs_eventloop_lag_p99_seconds') >= 0)
})

t.test('the delay of the event loop: quantiles of a period, totals for ever', async (t) => {
  const registry = new MetricsRegistry()
  let resets = 0
  const delay = {
    ...stillLoop,
    count: 1000,
    meanSeconds: 0.001,
    maxSeconds: 0.5,
    quantileSeconds: (share: number) => share / 100,
    reset: () => {
      resets++
      delay.count = 10
    },
  }
  const process = addProcessMetrics(registry, { openFileCount: () => 5, openFileLimit: () => 20 }, delay)
  t.teardown(() => process.close())
  const name = 'quorate_event_loop_delay_seconds'
  const first = registry.render()
  t.ok(first.includes(`# TYPE ${name} summary\n`))
  for (const line of [
    `${name}{quantile="0.5"} 0.005`,
    `${name}{quantile="0.999"} 0.00999`,
    `${name}{quantile="1"} 0.5`,
    `${name}_sum 1`,
    `${name}_count 1000`,
    'nodejs_eventloop_lag_max_seconds 0.5',
    'nodejs_eventloop_lag_samples 1000',
  ]) {
    t.ok(first.includes(`\n${line}\n`), line)
  }
  t.equal(resets, 1, 'a collection begins the next period')
  t.match(registry.render(), /_seconds_count 1010$/m)
})

t.test('facts of the server', async (t) => {
  const registry = new MetricsRegistry()
  const facts = addServerFacts(registry, {
    version: '3.7.1',
    serverId: 0x8e9e05c52164694dn,
    runtimeVersion: 'node v20',
    quotaBytes: 2147483648,
    gates: [{ name: 'CompactHashCheck', stage: 'ALPHA', enabled: true }],
  })
  facts.setClusterVersion('3.6.0')
  facts.setClusterVersion('3.7.0')
  facts.setClusterVersion('3.7.0')
  const text = registry.render()
  for (const line of [
    'etcd_server_version{server_version="3.7.1"} 1',
    'etcd_server_id{server_id="8e9e05c52164694d"} 1',
    'etcd_server_go_version{server_go_version="node v20"} 1',
    'etcd_server_quota_backend_bytes 2147483648',
    'etcd_server_feature_enabled{name="CompactHashCheck",stage="ALPHA"} 1',
    'etcd_cluster_version{cluster_version="3.6"} 0',
    'etcd_cluster_version{cluster_version="3.7"} 1',
  ]) {
    t.ok(text.includes(`${line}\n`), line)
  }
})

t.test('exponential buckets are those of the table', async (t) => {
  t.same(STANDARD_METRICS.get('etcd_network_peer_round_trip_time_seconds')?.buckets, exponentialBuckets(0.0001, 2, 16))
})
