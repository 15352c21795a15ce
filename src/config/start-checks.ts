// Checks that the reference makes while it starts: their errors end in the fatal line `discovery failed`.
// Here also: what is not built yet and would be dangerous to ignore.

import type { StartRefusals } from './server-config.js'
import { resolveGates, gateEffect } from './feature-gates.js'
import type { Part } from './flag-row.js'
import { REUSE_PORT_NEEDS } from './flags-member.js'
import { rowOf } from './flag-table.js'
import { quote, quoteList } from './go-text.js'
import { type LogLine, line } from './outcome.js'
import type { Settings } from './settings.js'
import { type ListenUrl, isTls } from './urls.js'

export const HTTP2_SUITES = [
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
] as const

const ECDHE = [
  'AES_128_GCM_SHA256',
  'AES_256_GCM_SHA384',
  'CHACHA20_POLY1305_SHA256',
  'AES_128_CBC_SHA',
  'AES_256_CBC_SHA',
  'AES_128_CBC_SHA256',
  'RC4_128_SHA',
  'CHACHA20_POLY1305',
]
const RSA = [
  'AES_128_GCM_SHA256',
  'AES_256_GCM_SHA384',
  'AES_128_CBC_SHA',
  'AES_256_CBC_SHA',
  'AES_128_CBC_SHA256',
  'RC4_128_SHA',
  '3DES_EDE_CBC_SHA',
]

/** Every accepted name of --cipher-suites. */
export const CIPHER_SUITES: ReadonlySet<string> = new Set([
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  ...ECDHE.flatMap((suite) => [`TLS_ECDHE_RSA_WITH_${suite}`, `TLS_ECDHE_ECDSA_WITH_${suite}`]),
  'TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA',
  ...RSA.map((suite) => `TLS_RSA_WITH_${suite}`),
])

/** The error of the start, in the reference's words. */
export const startProblem = (settings: Settings): string | undefined =>
  cipherProblem(settings) ??
  peerTlsProblem(settings) ??
  clientListenProblem(settings) ??
  allowedNamesProblem(settings) ??
  tokenProblem(settings)

const cipherProblem = (settings: Settings): string | undefined => {
  const bad = settings.get('cipher-suites').find((suite) => !CIPHER_SUITES.has(suite))
  return bad === undefined ? undefined : `unexpected TLS cipher suite ${quote(bad)}`
}

const peerTlsProblem = (settings: Settings): string | undefined => {
  const url = settings.get('listen-peer-urls').find(isTls)
  if (url === undefined || settings.get('peer-auto-tls')) return undefined
  const none = settings.get('peer-cert-file') === '' && settings.get('peer-key-file') === ''
  return none ? `cannot listen on TLS for ${url.host}: KeyFile and CertFile are not presented` : undefined
}

const clientListenProblem = (settings: Settings): string | undefined => {
  const clients = settings.get('listen-client-urls')
  const http = settings.get('listen-client-http-urls')
  const twice = clients.find((url) => http.some((other) => other.host === url.host && other.path === url.path))
  if (twice !== undefined) {
    return `cannot bind both --listen-client-urls and --listen-client-http-urls on the same url ${twice.text}`
  }
  if (settings.get('auto-tls')) return undefined
  const secure = [...clients, ...http].find(isTls)
  const none = settings.get('cert-file') === '' && settings.get('key-file') === ''
  if (secure !== undefined && none) {
    return `TLS key/cert (--cert-file, --key-file) must be provided for client url ${secure.text} with HTTPS scheme`
  }
  const metrics = settings.get('listen-metrics-urls').find(isTls)
  if (metrics !== undefined && none) {
    return 'client TLS key/cert (--cert-file, --key-file) must be provided for metrics secure url'
  }
  // Half a pair is found where the files are read.
  return undefined
}

const allowedNamesProblem = (settings: Settings): string | undefined => {
  const names = settings.get('peer-cert-allowed-cn')
  const hosts = settings.get('peer-cert-allowed-hostname')
  if (names.length === 0 || hosts.length === 0) return undefined
  return `AllowedCNs and AllowedHostnames are mutually exclusive (cns=${quoteList(names)}, hostnames=${quoteList(hosts)})`
}

/** Why the start must be refused: something that was asked for is not built, and silence would be dangerous. */
export const unsupported = (settings: Settings, built: ReadonlySet<Part>, nodeVersion: string): string | undefined => {
  if (settings.get('socket-reuse-port') && !hasReusePort(nodeVersion)) {
    return `not supported: --socket-reuse-port ${REUSE_PORT_NEEDS}`
  }
  return firstUnbuilt(built, [
    ['JWT tokens', settings.get('auth-token').startsWith('jwt') ? '--auth-token=jwt' : undefined],
  ])
}

/** The same for what only counts on a first start, or only on a restart: whoever has looked at the disk decides. */
export const startRefusals = (
  settings: Settings,
  cluster: ReadonlyMap<string, readonly ListenUrl[]>,
  built: ReadonlySet<Part>,
): StartRefusals => {
  const joins = settings.get('initial-cluster-state') === 'existing'
  return {
    withoutLog: firstUnbuilt(built, [
      ['discovery', givenText(settings, ['discovery-endpoints', 'discovery-srv', 'discovery-srv-name'])],
      ['clusters', cluster.size > 1 ? 'more than one member in --initial-cluster' : undefined],
      ['clusters', joins ? '--initial-cluster-state=existing' : undefined],
    ]),
    withLog: firstUnbuilt(built, [
      ['forced new cluster', settings.get('force-new-cluster') ? '--force-new-cluster' : undefined],
    ]),
  }
}

const firstUnbuilt = (built: ReadonlySet<Part>, needs: readonly [Part, string | undefined][]): string | undefined => {
  const found = needs.find(([part, use]) => use !== undefined && !built.has(part))
  return found === undefined ? undefined : `not supported yet: ${found[1]}`
}

/** From 22.12 on, and not in 23.0. Unknown versions are taken for new ones. */
const hasReusePort = (nodeVersion: string): boolean => {
  const match = /^v(\d+)\.(\d+)/.exec(nodeVersion)
  if (match === null) return true
  const [major, minor] = [Number(match[1]), Number(match[2])]
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)
}

const givenText = (
  settings: Settings,
  flags: readonly ('discovery-endpoints' | 'discovery-srv' | 'discovery-srv-name')[],
): string | undefined => {
  const given = flags.find((flag) => settings.isSet(flag) && settings.get(flag).length > 0)
  return given === undefined ? undefined : `--${given}`
}

/** A warning for each flag and gate that was given and belongs to a part that is not built. Who says `false` asks for nothing. */
export const unbuiltWarnings = (settings: Settings, built: ReadonlySet<Part>): LogLine[] => {
  const flags = [...settings.explicit].flatMap((name) => {
    const { effect } = rowOf(name)
    if (effect.state !== 'later' || built.has(effect.part) || settings.get(name) === false) return []
    return [line('warn', 'flag has no effect yet', { flag: `--${name}`, part: effect.part })]
  })
  const gates = resolveGates(settings.get('feature-gates')).flatMap(({ name, enabled }) => {
    const effect = gateEffect(name)
    if (!enabled || effect.state !== 'later' || built.has(effect.part)) return []
    return [line('warn', 'feature gate has no effect yet', { 'feature-gate': name, part: effect.part })]
  })
  return [...flags, ...gates]
}

/** `simple`, nothing, or `jwt` with options; how the options of jwt fit together is known where tokens are made. */
const tokenProblem = (settings: Settings): string | undefined => {
  const [type = '', ...options] = settings.get('auth-token').split(',')
  const names = options.map((option) => option.slice(0, option.indexOf('=')))
  const isBad =
    !['', 'simple', 'jwt'].includes(type) ||
    options.some((option) => option.split('=').length !== 2) ||
    new Set(names).size !== names.length
  return isBad ? 'auth: invalid auth options' : undefined
}
