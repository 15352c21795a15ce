// Flags about watching the server work: metrics, logs, tracing, checks; and the unsafe and the ignored ones.

import { WORKS, inert, later, limited, row } from './flag-row.js'

const TRACING = later('tracing')
const CHECKS = later('corruption checks')

export const DEFAULT_ROTATION = '{"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false, "compress": false}'

export const monitoringFlags = {
  'enable-pprof': row(
    'bool',
    'false',
    inert('Node.js has its own profiler (--cpu-prof, --inspect)'),
    'Serve profiles under /debug/pprof/.',
  ),
  metrics: row('string', 'basic', WORKS, 'How much is measured: basic, or extensive with histograms of gRPC latency.'),
  'listen-metrics-urls': row('urls', '', WORKS, 'More URLs to serve /metrics, /health, /livez and /readyz on.'),
} as const

export const loggingFlags = {
  logger: row('string', 'zap', WORKS, "Kind of log lines; only 'zap' (structured) exists."),
  'log-outputs': row('set', 'default', WORKS, 'Where log lines go: default (stderr), stderr, stdout or files.'),
  'log-level': row('string', 'info', WORKS, 'Least level written: debug, info, warn, error, panic or fatal.'),
  'log-format': row('string', 'json', WORKS, 'Form of log lines: json or console.'),
  'enable-log-rotation': row('bool', 'false', WORKS, 'Rotate the log file; needs a single file in --log-outputs.'),
  'log-rotation-config-json': row(
    'string',
    DEFAULT_ROTATION,
    WORKS,
    'How to rotate: maxsize in MB, maxage in days, maxbackups as a count, localtime in file names, compress by gzip.',
  ),
} as const

export const tracingFlags = {
  'enable-distributed-tracing': row('bool', 'false', TRACING, 'Send traces to an OpenTelemetry collector.'),
  'distributed-tracing-address': row('string', 'localhost:4317', TRACING, 'Address of the collector.'),
  'distributed-tracing-service-name': row('string', 'etcd', TRACING, 'Name of the service in traces.'),
  'distributed-tracing-instance-id': row('string', '', TRACING, 'Name of this member in traces.'),
  'distributed-tracing-sampling-rate': row('int', '0', TRACING, 'Traces kept of a million.'),
} as const

export const featureFlags = {
  'feature-gates': row(
    'gates',
    '',
    limited('see the table of feature gates'),
    'Features to switch on or off: Name=true,Name=false.',
  ),
  'corrupt-check-time': row(
    'duration',
    '0s',
    CHECKS,
    'Interval in which the leader compares data with followers; 0 is off.',
  ),
  'compact-hash-check-time': row(
    'duration',
    '1m',
    CHECKS,
    'Interval in which the leader compares hashes of compactions.',
  ),
  'compaction-batch-limit': row('int', '0', WORKS, 'Revisions handled in one slice of a compaction; 0 means 1000.'),
  'compaction-sleep-interval': row('duration', '0s', WORKS, 'Pause between two slices of a compaction; 0 means 10ms.'),
  'watch-progress-notify-interval': row(
    'duration',
    '0s',
    WORKS,
    'Interval of progress notices to idle watchers; 0 means 10m.',
  ),
  'downgrade-check-time': row(
    'duration',
    '5s',
    later('downgrade'),
    'Interval in which the leader looks whether a downgrade is done; 0 is off.',
  ),
  'warning-apply-duration': row('duration', '100ms', WORKS, 'Applying a request for longer than this is logged.'),
  'warning-unary-request-duration': row(
    'duration',
    '300ms',
    WORKS,
    'Answering a request for longer than this is logged.',
  ),
} as const

export const unsafeFlags = {
  'force-new-cluster': row(
    'bool',
    'false',
    later('forced new cluster'),
    'Make a cluster of this member alone out of its old data.',
  ),
  'unsafe-no-fsync': row('bool', 'false', WORKS, 'Do not sync files: a crash of the machine loses acknowledged data.'),
} as const

export const commandFlags = {
  'config-file': row(
    'string',
    '',
    WORKS,
    'Configuration file (YAML); with it other flags and the environment do not count.',
    {
      fileKey: null,
    },
  ),
  version: row('bool', 'false', WORKS, 'Print the version and exit.', { fileKey: null }),
} as const

const ignored = () =>
  row('ignored', '', inert('ignored by etcd too'), 'Accepted for old scripts; does nothing.', { fileKey: null })

export const ignoredFlags = {
  'cluster-active-size': ignored(),
  'cluster-remove-delay': ignored(),
  'cluster-sync-interval': ignored(),
  config: ignored(),
  force: ignored(),
  'max-result-buffer': ignored(),
  'max-retry-attempts': ignored(),
  'peer-heartbeat-interval': ignored(),
  'peer-election-timeout': ignored(),
  'retry-interval': ignored(),
  snapshot: ignored(),
  v: ignored(),
  vv: ignored(),
  'test.coverprofile': ignored(),
  'test.outputdir': ignored(),
} as const
