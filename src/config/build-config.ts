// From checked settings to the record that the server is built from.

import { join } from 'node:path'
import { HOUR_NS, MILLISECOND_NS, MINUTE_NS, SECOND_NS, formatDuration, formatMs } from './duration.js'
import { formatGates, resolveGates } from './feature-gates.js'
import { type LogLine, type LoggingConfig, line } from './outcome.js'
import type { Retention } from './retention.js'
import type { ServerConfig, StartRefusals, TlsConfig, TlsFiles } from './server-config.js'
import type { Settings } from './settings.js'
import { type ListenUrl, urlTexts } from './urls.js'

export const DEFAULT_QUOTA_BYTES = 2 * 1024 ** 3
const LARGE_QUOTA_BYTES = 8 * 1024 ** 3
const RECOMMENDED_REQUEST_BYTES = 10 * 1024 * 1024
/** Each commit syncs, and disturbs the syncs of the log: fewer are better, and only the time of a restart hangs on them. */
const BACKEND_BATCH_INTERVAL_NS = 2000 * MILLISECOND_NS
const PROGRESS_NOTIFY_MIN_NS = 100 * MILLISECOND_NS
const BCRYPT_COSTS = { min: 4, max: 31, initial: 10 }

export interface ConfigParts {
  readonly settings: Settings
  readonly logging: LoggingConfig
  readonly cluster: ReadonlyMap<string, readonly ListenUrl[]>
  readonly retention: Retention
  readonly refusals: StartRefusals
}

/** Adds what the start says about the values to `lines`. */
export const buildConfig = (parts: ConfigParts, lines: LogLine[]): ServerConfig => {
  const { settings, logging, cluster, retention, refusals } = parts
  const name = settings.get('name')
  const dataDir = dataDirOf(settings, lines)
  const memberDir = join(dataDir, 'member')
  const walDirGiven = settings.get('wal-dir')
  const heartbeatMs = settings.get('heartbeat-interval')
  const electionTicks = Math.floor(settings.get('election-timeout') / heartbeatMs)
  const electionMs = electionTicks * heartbeatMs
  const quotaConfiguredBytes = settings.get('quota-backend-bytes')
  const maxRequestBytes = settings.get('max-request-bytes')
  if (maxRequestBytes > RECOMMENDED_REQUEST_BYTES) {
    lines.push(
      line('warn', 'exceeded recommended request limit', {
        'max-request-bytes': maxRequestBytes,
        'max-request-size': humanBytes(maxRequestBytes),
        'recommended-request-bytes': RECOMMENDED_REQUEST_BYTES,
        'recommended-request-size': humanBytes(RECOMMENDED_REQUEST_BYTES),
      }),
    )
  }
  const config: Omit<ServerConfig, 'startFields'> = {
    name,
    dataDir,
    memberDir,
    walDir: walDirGiven === '' ? join(memberDir, 'wal') : walDirGiven,
    walDirDedicated: walDirGiven !== '',
    snapDir: join(memberDir, 'snap'),
    storeDir: join(memberDir, 'store'),
    unsafeNoFsync: settings.get('unsafe-no-fsync'),
    heartbeatMs,
    electionMs,
    electionTicks,
    initialElectionTickAdvance: settings.get('initial-election-tick-advance'),
    preVote: settings.get('pre-vote'),
    snapshotCount: orDefault(settings, 'snapshot-count', 10_000, lines),
    snapshotCatchUpEntries: orDefault(settings, 'snapshot-catchup-entries', 5_000, lines),
    maxSnapshots: settings.get('max-snapshots'),
    maxWals: settings.get('max-wals'),
    requestTimeoutMs: 5_000 + 2 * electionMs,
    peerDialTimeoutMs: 1_000 + electionMs,
    peerReadTimeoutMs: settings.get('raft-read-timeout') / MILLISECOND_NS,
    peerWriteTimeoutMs: settings.get('raft-write-timeout') / MILLISECOND_NS,
    minLeaseTtlSeconds: Math.ceil((Math.floor((3 * electionTicks) / 2) * heartbeatMs) / 1000),
    listenPeerUrls: settings.get('listen-peer-urls'),
    listenClientUrls: settings.get('listen-client-urls'),
    listenClientHttpUrls: settings.get('listen-client-http-urls'),
    listenMetricsUrls: settings.get('listen-metrics-urls'),
    advertisePeerUrls: settings.get('initial-advertise-peer-urls'),
    advertiseClientUrls: settings.get('advertise-client-urls'),
    socketReusePort: settings.get('socket-reuse-port'),
    initialCluster: cluster,
    initialClusterText: settings.get('initial-cluster'),
    initialClusterState: settings.get('initial-cluster-state') === 'existing' ? 'existing' : 'new',
    initialClusterToken: settings.get('initial-cluster-token'),
    discovery: {
      endpoints: settings.get('discovery-endpoints'),
      token: settings.get('discovery-token'),
      srvDomain: settings.get('discovery-srv'),
      srvName: settings.get('discovery-srv-name'),
    },
    forceNewCluster: settings.get('force-new-cluster'),
    refusals,
    strictReconfigCheck: settings.get('strict-reconfig-check'),
    maxLearners: settings.get('max-learners'),
    backendBatchIntervalMs: timerMs(settings.get('backend-batch-interval') || BACKEND_BATCH_INTERVAL_NS),
    backendBatchLimit: Math.max(1, settings.get('backend-batch-limit') || 10_000),
    quotaConfiguredBytes,
    quotaBytes: quotaBytesOf(quotaConfiguredBytes),
    maxTxnOps: settings.get('max-txn-ops'),
    maxRequestBytes,
    maxConcurrentStreams: settings.get('max-concurrent-streams'),
    ...keepalive(settings),
    enableGrpcGateway: settings.get('enable-grpc-gateway'),
    corsOrigins: settings.get('cors'),
    hostWhitelist: settings.get('host-whitelist'),
    extensiveMetrics: settings.get('metrics') === 'extensive',
    tls: tlsConfig(settings),
    authToken: settings.get('auth-token'),
    bcryptCost: bcryptCost(settings.get('bcrypt-cost'), lines),
    authTokenTtlSeconds: settings.get('auth-token-ttl'),
    compaction: retention.policy,
    compactionBatchLimit: settings.get('compaction-batch-limit') || 1000,
    compactionSleepMs: timerMs(settings.get('compaction-sleep-interval') || 10 * MILLISECOND_NS),
    watchProgressNotifyMs: watchProgressNotifyNs(settings, lines) / MILLISECOND_NS,
    warningApplyMs: settings.get('warning-apply-duration') / MILLISECOND_NS,
    warningUnaryMs: (settings.get('warning-unary-request-duration') || 300 * MILLISECOND_NS) / MILLISECOND_NS,
    corruptCheckMs: settings.get('corrupt-check-time') / MILLISECOND_NS,
    compactHashCheckMs: settings.get('compact-hash-check-time') / MILLISECOND_NS,
    downgradeCheckMs: settings.get('downgrade-check-time') / MILLISECOND_NS,
    gates: resolveGates(settings.get('feature-gates')),
    logging,
  }
  return { ...config, startFields: startFields(config, settings, retention) }
}

/** A pause that a timer can make: at least none, at most 24 days. */
const timerMs = (nanoseconds: number): number => Math.min(2 ** 31 - 1, Math.max(0, nanoseconds / MILLISECOND_NS))

const dataDirOf = (settings: Settings, lines: LogLine[]): string => {
  const given = settings.get('data-dir')
  if (given !== '') return given
  const dataDir = `${settings.get('name')}.etcd`
  lines.push(line('warn', "'data-dir' was empty; using default", { 'data-dir': dataDir }))
  return dataDir
}

const orDefault = (
  settings: Settings,
  flag: 'snapshot-count' | 'snapshot-catchup-entries',
  initial: number,
  lines: LogLine[],
): number => {
  const given = settings.get(flag)
  if (given !== 0) return given
  lines.push(line('info', `updating ${flag} to default`, { [`given-${flag}`]: 0, [`updated-${flag}`]: initial }))
  return initial
}

/** The reference falls back to its gRPC library's values: 5 minutes, and 2 h with 20 s unless both are positive. */
const keepalive = (
  settings: Settings,
): Pick<ServerConfig, 'grpcKeepaliveMinTimeMs' | 'grpcKeepaliveIntervalMs' | 'grpcKeepaliveTimeoutMs'> => {
  const minTime = settings.get('grpc-keepalive-min-time')
  const [interval, timeout] = [settings.get('grpc-keepalive-interval'), settings.get('grpc-keepalive-timeout')]
  const both = interval > 0 && timeout > 0
  return {
    grpcKeepaliveMinTimeMs: (minTime > 0 ? minTime : 5 * MINUTE_NS) / MILLISECOND_NS,
    grpcKeepaliveIntervalMs: (both ? interval : 2 * HOUR_NS) / MILLISECOND_NS,
    grpcKeepaliveTimeoutMs: (both ? timeout : 20 * SECOND_NS) / MILLISECOND_NS,
  }
}

const watchProgressNotifyNs = (settings: Settings, lines: LogLine[]): number => {
  const given = settings.get('watch-progress-notify-interval')
  if (given === 0) return 10 * MINUTE_NS
  if (given >= PROGRESS_NOTIFY_MIN_NS) return given
  const text = 'adjusting watch progress notify interval to minimum period'
  const fields = { 'min-watch-progress-notify-interval': formatDuration(PROGRESS_NOTIFY_MIN_NS) }
  lines.push(line('warn', text, fields))
  return PROGRESS_NOTIFY_MIN_NS
}

const bcryptCost = (given: number, lines: LogLine[]): number => {
  const { min, max, initial } = BCRYPT_COSTS
  if (given >= min && given <= max) return given
  lines.push(
    line('warn', 'use default bcrypt cost instead of the invalid given cost', {
      'min-cost': min,
      'max-cost': max,
      'default-cost': initial,
      'given-cost': given,
    }),
  )
  return initial
}

const quotaBytesOf = (configured: number): number | undefined =>
  configured < 0 ? undefined : configured === 0 ? DEFAULT_QUOTA_BYTES : configured

/** Lines about the quota; the reference writes them when its backend is open. */
export const quotaLines = (configured: number): LogLine[] => {
  const common = { 'quota-name': 'v3-applier' }
  if (configured < 0) {
    return [line('info', 'disabled backend quota', { ...common, 'quota-size-bytes': configured })]
  }
  const bytes = quotaBytesOf(configured) ?? 0
  const fields = { ...common, 'quota-size-bytes': bytes, 'quota-size': humanBytes(bytes) }
  if (configured === 0) return [line('info', 'enabled backend quota with default value', fields)]
  const enabled = line('info', 'enabled backend quota', fields)
  if (configured <= LARGE_QUOTA_BYTES) return [enabled]
  const maximum = {
    'quota-maximum-size-bytes': LARGE_QUOTA_BYTES,
    'quota-maximum-size': humanBytes(LARGE_QUOTA_BYTES),
  }
  return [line('warn', 'quota exceeds the maximum value', { ...fields, ...maximum }), enabled]
}

const tlsConfig = (settings: Settings): TlsConfig => ({
  client: clientFiles(settings),
  peer: peerFiles(settings),
  cipherSuites: settings.get('cipher-suites'),
  minVersion: settings.get('tls-min-version') === 'TLS1.3' ? 'TLSv1.3' : 'TLSv1.2',
  maxVersion: settings.get('tls-max-version') === 'TLS1.2' ? 'TLSv1.2' : 'TLSv1.3',
  selfSignedValidityYears: settings.get('self-signed-cert-validity'),
})

const clientFiles = (settings: Settings): TlsFiles => ({
  certFile: settings.get('cert-file'),
  keyFile: settings.get('key-file'),
  clientCertFile: settings.get('client-cert-file'),
  clientKeyFile: settings.get('client-key-file'),
  trustedCaFile: settings.get('trusted-ca-file'),
  crlFile: settings.get('client-crl-file'),
  clientCertRequired: settings.get('client-cert-auth') || settings.get('trusted-ca-file') !== '',
  clientCertAuth: settings.get('client-cert-auth'),
  allowedCommonNames: [],
  allowedHostnames: settings.get('client-cert-allowed-hostname'),
  autoTls: settings.get('auto-tls'),
  skipSanVerification: true,
})

const peerFiles = (settings: Settings): TlsFiles => ({
  certFile: settings.get('peer-cert-file'),
  keyFile: settings.get('peer-key-file'),
  clientCertFile: settings.get('peer-client-cert-file'),
  clientKeyFile: settings.get('peer-client-key-file'),
  trustedCaFile: settings.get('peer-trusted-ca-file'),
  crlFile: settings.get('peer-crl-file'),
  clientCertRequired: settings.get('peer-client-cert-auth') || settings.get('peer-trusted-ca-file') !== '',
  clientCertAuth: settings.get('peer-client-cert-auth'),
  allowedCommonNames: settings.get('peer-cert-allowed-cn'),
  allowedHostnames: settings.get('peer-cert-allowed-hostname'),
  autoTls: settings.get('peer-auto-tls'),
  skipSanVerification: settings.get('peer-skip-client-san-verification'),
})

const startFields = (
  config: Omit<ServerConfig, 'startFields'>,
  settings: Settings,
  retention: Retention,
): Readonly<Record<string, unknown>> => ({
  name: config.name,
  'data-dir': config.dataDir,
  'wal-dir': config.walDir,
  'wal-dir-dedicated': settings.get('wal-dir'),
  'member-dir': config.memberDir,
  'force-new-cluster': config.forceNewCluster,
  'heartbeat-interval': formatMs(config.heartbeatMs),
  'election-timeout': formatMs(config.electionMs),
  'initial-election-tick-advance': config.initialElectionTickAdvance,
  'snapshot-count': config.snapshotCount,
  'max-wals': config.maxWals,
  'max-snapshots': config.maxSnapshots,
  'snapshot-catchup-entries': config.snapshotCatchUpEntries,
  'initial-advertise-peer-urls': urlTexts(config.advertisePeerUrls),
  'listen-peer-urls': urlTexts(config.listenPeerUrls),
  'advertise-client-urls': urlTexts(config.advertiseClientUrls),
  'listen-client-urls': urlTexts(config.listenClientUrls),
  'listen-metrics-urls': urlTexts(config.listenMetricsUrls),
  'local-address': '',
  cors: config.corsOrigins,
  'host-whitelist': config.hostWhitelist,
  'initial-cluster': config.initialClusterText,
  'initial-cluster-state': config.initialClusterState,
  'initial-cluster-token': config.initialClusterToken,
  'quota-backend-bytes': config.quotaConfiguredBytes === 0 ? DEFAULT_QUOTA_BYTES : config.quotaConfiguredBytes,
  'max-request-bytes': config.maxRequestBytes,
  'max-concurrent-streams': config.maxConcurrentStreams,
  'pre-vote': config.preVote,
  'feature-gates': formatGates(settings.get('feature-gates')),
  'initial-corrupt-check': false,
  'corrupt-check-time-interval': formatMs(config.corruptCheckMs),
  'compact-check-time-interval': formatMs(config.compactHashCheckMs),
  'auto-compaction-mode': settings.get('auto-compaction-mode'),
  'auto-compaction-retention': formatDuration(retention.raw),
  'auto-compaction-interval': formatDuration(retention.raw),
  'discovery-token': config.discovery.token,
  'discovery-endpoints': config.discovery.endpoints.join(','),
  'discovery-dial-timeout': formatDuration(settings.get('discovery-dial-timeout')),
  'discovery-request-timeout': formatDuration(settings.get('discovery-request-timeout')),
  'discovery-keepalive-time': formatDuration(settings.get('discovery-keepalive-time')),
  'discovery-keepalive-timeout': formatDuration(settings.get('discovery-keepalive-timeout')),
  'discovery-insecure-transport': settings.get('discovery-insecure-transport'),
  'discovery-insecure-skip-tls-verify': settings.get('discovery-insecure-skip-tls-verify'),
  'discovery-cert': settings.get('discovery-cert'),
  'discovery-key': settings.get('discovery-key'),
  'discovery-cacert': settings.get('discovery-cacert'),
  'discovery-user': settings.get('discovery-user').replace(/:.*$/s, ''),
  'downgrade-check-interval': formatMs(config.downgradeCheckMs),
  'max-learners': config.maxLearners,
  'v2-deprecation': 'write-only',
})

/** Sizes as the reference's logs show them: decimal units, one digit below ten. */
export const humanBytes = (bytes: number): string => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']
  if (bytes < 10) return `${bytes} B`
  const power = Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = Math.floor((bytes / 1000 ** power) * 10 + 0.5) / 10
  if (value < 10) return `${value.toFixed(1)} ${units[power]}`
  const whole = Math.floor(value)
  const up = value - whole > 0.5 || (value - whole === 0.5 && whole % 2 === 1) // half to even, as Go prints
  return `${up ? whole + 1 : whole} ${units[power]}`
}
