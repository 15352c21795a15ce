// Rules that join several flags, in the reference's order and words. The first broken one counts.

import { formatDuration } from './duration.js'
import { resolveGates } from './feature-gates.js'
import { quote } from './go-text.js'
import { type LogLine, line } from './outcome.js'
import type { Settings } from './settings.js'
import { type ListenUrl, isIp, isUnix, splitHostPort, urlTexts } from './urls.js'

export const UNSET_ADVERTISE = '--advertise-client-urls is required when --listen-client-urls is set explicitly'

const ELECTION_MAX_MS = 50_000

const MILLION = 1_000_000

/** Adds the warnings that the rules give to `lines`. Returns the error of the first broken rule. */
export const validate = (settings: Settings, advertiseMissing: boolean, lines: LogLine[]): string | undefined =>
  listenRules(settings, lines) ??
  advertiseRules(settings, advertiseMissing) ??
  bootstrapRules(settings) ??
  timingRules(settings) ??
  (advertiseMissing ? UNSET_ADVERTISE : undefined) ??
  compactionModeRule(settings) ??
  tracingRule(settings) ??
  featureRules(settings, lines) ??
  tlsRules(settings)

const listenRules = (settings: Settings, lines: LogLine[]): string | undefined => {
  const before =
    bindProblem(settings.get('listen-peer-urls')) ??
    bindProblem(settings.get('listen-client-urls')) ??
    bindProblem(settings.get('listen-client-http-urls'))
  if (before !== undefined) return before
  if (settings.get('listen-client-http-urls').length === 0) {
    const text = 'Running http and grpc server on single port. This is not recommended for production.'
    lines.push(line('warn', text))
  }
  return bindProblem(settings.get('listen-metrics-urls'))
}

const bindProblem = (urls: readonly ListenUrl[]): string | undefined => {
  const bad = urls.find((url) => !isUnix(url) && url.hostname !== 'localhost' && !isIp(url.hostname))
  return bad === undefined ? undefined : `expected IP in URL for binding (${bad.text})`
}

const advertiseRules = (settings: Settings, advertiseMissing: boolean): string | undefined => {
  const peers = settings.get('initial-advertise-peer-urls')
  const peerProblem = hostProblem(peers)
  if (peerProblem !== undefined) {
    return `--initial-advertise-peer-urls ${quote(urlTexts(peers).join(','))} must be "host:port" (${peerProblem})`
  }
  const clients = advertiseMissing ? [] : settings.get('advertise-client-urls')
  const clientProblem = hostProblem(clients)
  if (clientProblem === undefined) return undefined
  const form = '"host:port", "unix:/path/to/socket" or "unixs:/path/to/socket"'
  return `--advertise-client-urls ${quote(urlTexts(clients).join(','))} must be in the format ${form} (${clientProblem})`
}

const hostProblem = (urls: readonly ListenUrl[]): string | undefined => {
  for (const url of urls) {
    if (isUnix(url) && url.path !== '') continue // an absolute socket path has no host
    const address = splitHostPort(url.host)
    if (!address.ok) return address.error
    if (address.value.hostname === '') return `unexpected empty host (${url.text})`
  }
  return undefined
}

const bootstrapRules = (settings: Settings): string | undefined => {
  const state = settings.get('initial-cluster-state')
  if (state !== 'new' && state !== 'existing') return `unexpected clusterState ${quote(state)}`
  const endpoints = settings.get('discovery-endpoints')
  const ways = [settings.get('initial-cluster') !== '', settings.get('discovery-srv') !== '', endpoints.length > 0]
  if (ways.filter(Boolean).length > 1) {
    return 'multiple discovery or bootstrap flags are set. Choose one of "initial-cluster", "discovery-endpoints" or "discovery-srv"'
  }
  if ((settings.get('discovery-token') !== '') !== endpoints.length > 0) {
    return 'both --discovery-token and --discovery-endpoints must be set'
  }
  if (endpoints.some((endpoint) => endpoint.trim() === '')) {
    return '--discovery-endpoints must not contain empty endpoints'
  }
  return undefined
}

const timingRules = (settings: Settings): string | undefined => {
  const heartbeat = settings.get('heartbeat-interval')
  const election = settings.get('election-timeout')
  if (heartbeat === 0) return '--heartbeat-interval must be >0 (set to 0ms)'
  if (election === 0) return '--election-timeout must be >0 (set to 0ms)'
  if (5 * heartbeat > election) {
    return `--election-timeout[${election}ms] should be at least as 5 times as --heartbeat-interval[${heartbeat}ms]`
  }
  if (election > ELECTION_MAX_MS) {
    return `--election-timeout[${election}ms] is too long, and should be set less than ${ELECTION_MAX_MS}ms`
  }
  return undefined
}

const compactionModeRule = (settings: Settings): string | undefined => {
  const mode = settings.get('auto-compaction-mode')
  if (mode === 'periodic' || mode === 'revision') return undefined
  return mode === '' ? 'undefined auto-compaction-mode' : `unknown auto-compaction-mode ${quote(mode)}`
}

const tracingRule = (settings: Settings): string | undefined => {
  if (!settings.get('enable-distributed-tracing')) return undefined
  const rate = settings.get('distributed-tracing-sampling-rate')
  const why =
    rate < 0
      ? 'tracing sampling rate must be positive'
      : rate > MILLION
        ? 'tracing sampling rate must be less than 1000000'
        : undefined
  return why === undefined ? undefined : `distributed tracing configurition is not valid: (${why})`
}

const featureRules = (settings: Settings, lines: LogLine[]): string | undefined => {
  const enabled = new Map(resolveGates(settings.get('feature-gates')).map((gate) => [gate.name, gate.enabled]))
  const [checkpoint, persist] = [enabled.get('LeaseCheckpoint'), enabled.get('LeaseCheckpointPersist')]
  if (checkpoint === true && persist !== true) {
    const text =
      'Detected that checkpointing is enabled without persistence. Consider enabling feature gate LeaseCheckpointPersist'
    lines.push(line('warn', text))
  }
  if (persist === true && checkpoint !== true) {
    return 'enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint'
  }
  const hashTime = settings.get('compact-hash-check-time')
  if (hashTime <= 0) return `--compact-hash-check-time must be >0 (set to ${formatDuration(hashTime)})`
  const name = settings.get('name')
  if (name === 'default') {
    const text =
      "it isn't recommended to use default name, please set a value for --name. Note that etcd might run into issue when multiple members have the same default name"
    lines.push(line('warn', text, { name }))
  }
  return undefined
}

const TLS_VERSIONS = ['TLS1.2', 'TLS1.3']

const tlsRules = (settings: Settings): string | undefined => {
  const [min, max] = [settings.get('tls-min-version'), settings.get('tls-max-version')]
  for (const version of [min, max]) {
    if (version !== '' && !TLS_VERSIONS.includes(version)) {
      return `unexpected TLS version ${quote(version)} (must be one of: TLS1.2, TLS1.3)`
    }
  }
  if (max !== '' && min > max) return `min version (${min}) is greater than max version (${max})`
  if (min === 'TLS1.3' && settings.get('cipher-suites').length > 0) {
    return 'cipher suites cannot be configured when only TLS1.3 is enabled'
  }
  return undefined
}
