// The three sets of pages: of the client port, of --listen-metrics-urls, and of the peer port.

import type { Logger } from '../env/index.js'
import { type AccessOptions, withAccess } from './access.js'
import { type HealthSource, healthPaths } from './health.js'
import { metricsPage } from './metrics-page.js'
import type { MetricsRegistry } from './metrics-registry.js'
import { type Respond, goJson, notFound, onlyGet, route, send, sendJson, targetOf } from './respond.js'

export interface VersionSource {
  /** `major.minor.patch`; clients parse it. */
  server(): string
  /** Undefined while undecided. */
  cluster(): string | undefined
  storage(): string | undefined
}

export interface MonitoringDeps {
  readonly health: HealthSource
  readonly metrics: MetricsRegistry
  readonly logger: Logger
  /** Limit of the read behind /health. */
  readonly requestTimeoutMs: number
}

export interface ClientHttpDeps extends MonitoringDeps {
  readonly versions: VersionSource
  readonly access: AccessOptions
  readonly debugVars: () => DebugVars
  /** Answers everything under `/v3/`; undefined: there is no gateway. */
  readonly gateway: Respond | undefined
}

/** Content of /debug/vars. */
export interface DebugVars {
  readonly commandLine: readonly string[]
  readonly fileDescriptorLimit: number
  /** Under the names of `process.memoryUsage`. */
  readonly memory: Readonly<Record<string, number>>
  /** State of consensus; identifiers as hex text. */
  readonly raft: Readonly<Record<string, unknown>>
}

/** A listener for `node:http` that serves the client port's HTTP side. */
export const createClientHandler = (deps: ClientHttpDeps): Respond => {
  const paths = monitoringPaths(deps)
  paths.set('/version', onlyGet(versionPage(deps.versions)))
  paths.set('/debug/vars', onlyGet(varsPage(deps.debugVars)))
  const plain = route(paths, notFound)
  const { gateway } = deps
  return withAccess(deps.access, (request, response) => {
    // Old clients know the API under this name.
    if (request.url?.startsWith('/v3beta/') === true) request.url = `/v3/${request.url.slice('/v3beta/'.length)}`
    const path = gateway === undefined ? undefined : targetOf(request)?.path
    if (gateway !== undefined && path?.startsWith('/v3/') === true) gateway(request, response)
    else plain(request, response)
  })
}

/** A listener that serves `--listen-metrics-urls`: monitoring only, open to every host and origin. */
export const createMetricsHandler = (deps: MonitoringDeps): Respond => route(monitoringPaths(deps), notFound)

export interface MemberFact {
  readonly id: bigint
  readonly name: string
  readonly peerUrls: readonly string[]
  readonly clientUrls: readonly string[]
  readonly isLearner: boolean
}

export interface PeerHttpDeps {
  readonly versions: VersionSource
  readonly clusterId: () => bigint
  readonly members: () => readonly MemberFact[]
  /** Pages of the peer protocol by exact path. */
  readonly pages?: ReadonlyMap<string, Respond>
}

/** A listener that serves the plain pages of the peer port. */
export const createPeerHandler = (deps: PeerHttpDeps): Respond => {
  const members: Respond = (_request, response) => {
    const list = deps.members().map(memberJson).join(',')
    sendJson(response, `[${list}]\n`, { 'X-Etcd-Cluster-ID': deps.clusterId().toString(16) })
  }
  const paths = new Map<string, Respond>([
    ['/version', onlyGet(versionPage(deps.versions))],
    ['/members', onlyGet(members)],
    ...(deps.pages ?? []),
  ])
  return route(paths, notFound)
}

const monitoringPaths = (deps: MonitoringDeps): Map<string, Respond> => {
  const { health, metrics, logger, requestTimeoutMs } = deps
  const paths = healthPaths({ source: health, metrics, logger, requestTimeoutMs })
  paths.set('/metrics', metricsPage(metrics))
  return paths
}

const versionPage =
  (versions: VersionSource): Respond =>
  (_request, response) => {
    const page = {
      etcdserver: versions.server(),
      etcdcluster: versions.cluster() ?? 'not_decided',
      storage: versions.storage() ?? 'unknown',
    }
    sendJson(response, goJson(page))
  }

const varsPage =
  (read: () => DebugVars): Respond =>
  (_request, response) => {
    const { commandLine, fileDescriptorLimit, memory, raft } = read()
    const vars = {
      cmdline: commandLine,
      file_descriptor_limit: fileDescriptorLimit,
      memstats: memory,
      'raft.status': raft,
    }
    const lines = Object.entries(vars).map(([name, value]) => `"${name}": ${goJson(value)}`)
    send(response, 200, { 'Content-Type': 'application/json; charset=utf-8' }, `{\n${lines.join(',\n')}\n}\n`)
  }

/** The id is a number in JSON, beyond what a double holds, so it is written by hand. */
const memberJson = ({ id, name, peerUrls, clientUrls, isLearner }: MemberFact): string => {
  const fields = [`"id":${id}`, `"peerURLs":${goJson(peerUrls)}`]
  if (isLearner) fields.push('"isLearner":true')
  if (name !== '') fields.push(`"name":${goJson(name)}`)
  if (clientUrls.length > 0) fields.push(`"clientURLs":${goJson(clientUrls)}`)
  return `{${fields.join(',')}}`
}
