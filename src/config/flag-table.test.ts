import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FLAGS_MARKER, flagDocs } from './flag-docs.js'
import { FLAG_GROUPS, FLAG_NAMES, fileKeyOf, rowOf, variableOf } from './flag-table.js'
import { BUILT_PARTS } from './parts.js'
import { Settings } from './settings.js'

/** Every flag of etcd 3.7.1, without the ignored ones. */
const FLAGS_OF_3_7 = `
name data-dir wal-dir snapshot-count snapshot-catchup-entries heartbeat-interval election-timeout initial-election-tick-advance
listen-peer-urls listen-client-urls listen-client-http-urls listen-metrics-urls max-snapshots max-wals quota-backend-bytes
backend-bbolt-freelist-type backend-batch-interval backend-batch-limit max-txn-ops max-request-bytes max-concurrent-streams
grpc-keepalive-min-time grpc-keepalive-interval grpc-keepalive-timeout socket-reuse-port socket-reuse-address raft-read-timeout
raft-write-timeout memory-mlock bootstrap-defrag-threshold-megabytes enable-grpc-gateway feature-gates
initial-advertise-peer-urls advertise-client-urls initial-cluster initial-cluster-state initial-cluster-token strict-reconfig-check
pre-vote discovery-srv discovery-srv-name discovery-endpoints discovery-token discovery-dial-timeout discovery-request-timeout
discovery-keepalive-time discovery-keepalive-timeout discovery-insecure-transport discovery-insecure-skip-tls-verify discovery-cert
discovery-key discovery-cacert discovery-user discovery-password discovery-fallback auto-compaction-mode auto-compaction-retention
v2-deprecation cert-file key-file client-cert-file client-key-file client-cert-auth trusted-ca-file client-crl-file
client-cert-allowed-hostname auto-tls peer-cert-file peer-key-file peer-client-cert-file peer-client-key-file peer-client-cert-auth
peer-trusted-ca-file peer-crl-file peer-cert-allowed-cn peer-cert-allowed-hostname peer-auto-tls peer-skip-client-san-verification
self-signed-cert-validity cipher-suites tls-min-version tls-max-version cors host-whitelist auth-token bcrypt-cost auth-token-ttl
enable-pprof metrics enable-distributed-tracing distributed-tracing-address distributed-tracing-service-name
distributed-tracing-instance-id distributed-tracing-sampling-rate logger log-outputs log-level log-format enable-log-rotation
log-rotation-config-json corrupt-check-time compact-hash-check-time compaction-batch-limit compaction-sleep-interval
watch-progress-notify-interval downgrade-check-time warning-apply-duration warning-unary-request-duration max-learners
force-new-cluster unsafe-no-fsync config-file version`
  .trim()
  .split(/\s+/)

const IGNORED =
  `cluster-active-size cluster-remove-delay cluster-sync-interval config force max-result-buffer max-retry-attempts
peer-heartbeat-interval peer-election-timeout retry-interval snapshot v vv test.coverprofile test.outputdir`.split(
    /\s+/,
  )

t.test('every flag of 3.7.1 has a row, and nothing else but old and ignored ones', async (t) => {
  t.equal(FLAGS_OF_3_7.length, new Set(FLAGS_OF_3_7).size)
  t.same(
    FLAGS_OF_3_7.filter((name) => !FLAG_NAMES.some((known) => known === name)),
    [],
  )
  t.same(
    FLAG_NAMES.filter((name) => !FLAGS_OF_3_7.includes(name) && !IGNORED.includes(name)).filter(
      (name) => !name.startsWith('experimental-'),
    ),
    [],
  )
})

t.test('rows are whole', async (t) => {
  const grouped = FLAG_GROUPS.flatMap(({ flags }) => Object.keys(flags))
  t.same([...grouped].sort(), [...FLAG_NAMES].sort(), 'each flag is in one group')
  const settings = new Settings()
  const keys = FLAG_NAMES.map(fileKeyOf).filter((key) => key !== undefined)
  t.equal(keys.length, new Set(keys).size, 'no two flags share a key of the file')
  t.equal(variableOf('wal-dir'), 'ETCD_WAL_DIR')
  for (const name of FLAG_NAMES) {
    const { initial, kind, help, successor } = rowOf(name)
    t.match(help, /^[A-Z].*\.$/, name)
    if (kind !== 'ignored') t.not(settings.get(name), undefined, `the default of --${name} parses: ${initial}`)
    if (successor !== undefined && 'flag' in successor) {
      t.ok(
        FLAG_NAMES.some((known) => known === successor.flag),
        `successor of --${name}`,
      )
    }
  }
})

t.test('docs/compatibility.md tells what becomes of every flag', async (t) => {
  const path = join(import.meta.dirname, '../../docs/compatibility.md')
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const parts = text.split(FLAGS_MARKER)
  t.equal(parts.length, 3, 'two markers')
  const generated = `\n${flagDocs(BUILT_PARTS)}`
  if (process.env['UPDATE'] === '1') {
    writeFileSync(path, [parts[0], generated, parts[2]].join(FLAGS_MARKER))
    return
  }
  t.equal(parts[1], generated, 'UPDATE=1 rewrites it')
})
