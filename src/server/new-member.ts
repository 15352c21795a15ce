// Whether a member may start, and as what: a new cluster, one that it joins, or what its log says.

import { type MemberId, hexId } from '../base/index.js'
import {
  type LookupHost,
  SERVER_VERSION,
  type ServerConfig,
  joinProblem,
  newClusterProblem,
  parseListenUrl,
  urlInequality,
  urlTexts,
} from '../config/index.js'
import type { Clock, Logger } from '../env/index.js'
import { type FirstStart, initialMembers } from '../member/index.js'
import type { MemberRecord } from '../proto/index.js'
import { type ExistingCluster, type FetchPage, clusterFrom, versionsFrom } from './existing-cluster.js'

export interface StartCheckParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly lookup: LookupHost
  readonly fetch: FetchPage
}

/** How long names of the initial cluster may stay unknown: other members' DNS entries often appear with them. */
const RESOLVE_LIMIT_MS = 30_000
const RESOLVE_RETRY_MS = 1_000

/** For each other member that is asked whether it knows this one already. */
const KNOWN_LIMIT_MS = 1_000
const CLUSTER_LIMIT_MS = 10_000

/**
 * What the member starts as when it has no log; for one that has, only what a log without content would be completed with.
 * @throws Error saying what speaks against the start.
 */
export async function planStart(config: ServerConfig, hasLog: boolean, parts: StartCheckParts): Promise<FirstStart> {
  const { refusals, discovery } = config
  const refusal = hasLog ? refusals.withLog : refusals.withoutLog
  if (refusal !== undefined) throw new Error(refusal)
  if (!hasLog) return config.initialClusterState === 'new' ? planNew(config, parts) : planJoin(config, parts)
  // A restart looks at none of the flags that describe a new cluster.
  if (discovery.token !== '' || discovery.srvDomain !== '') {
    parts.logger.warn('discovery token is ignored since cluster already initialized; valid logs are found', {
      'wal-dir': config.walDir,
    })
  }
  return newClusterOf(config)
}

function newClusterOf(config: ServerConfig): FirstStart & { kind: 'new' } {
  const initial = [...config.initialCluster].map(([name, urls]) => ({ name, peerUrls: urlTexts(urls) }))
  return { kind: 'new', initial, ownName: config.name, token: config.initialClusterToken }
}

async function planNew(config: ServerConfig, parts: StartCheckParts): Promise<FirstStart> {
  const problem = await newClusterProblem(config, patientLookup(parts))
  if (problem !== undefined) throw new Error(problem)
  const plan = newClusterOf(config)
  const own = initialMembers(plan.initial, plan.token).find(({ name }) => name === config.name)!
  // Whoever lost its data must not come back under the same id as if it had never voted.
  const known = await clusterFrom(otherUrls(config), KNOWN_LIMIT_MS, parts.fetch, undefined).catch(() => undefined)
  const twin = known?.members.find(({ id }) => id === own.id)
  if (twin !== undefined && twin.clientUrls.length > 0) {
    throw new Error(`member ${hexId(own.id)} has already been bootstrapped`)
  }
  return plan
}

async function planJoin(config: ServerConfig, parts: StartCheckParts): Promise<FirstStart> {
  const problem = joinProblem(config)
  if (problem !== undefined) throw new Error(problem)
  const { fetch, logger } = parts
  const existing = await clusterFrom(otherUrls(config), CLUSTER_LIMIT_MS, fetch, logger).catch((error: unknown) => {
    throw new Error(`cannot fetch cluster info from peer urls: ${textOf(error)}`, { cause: error })
  })
  const memberId = await ownIdIn(existing, config, parts)
  const others = existing.members.filter(({ id }) => id !== memberId)
  if (!(await fitsVersions(others, parts))) throw new Error('incompatible with current running cluster')
  const learners = existing.members.filter(({ isLearner }) => isLearner).length
  if (learners > config.maxLearners) {
    throw new Error(
      `failed to assign the local ID, the number of learners ${learners} exceeds the maximum ${config.maxLearners}`,
    )
  }
  const remotes = others.map(({ id, peerUrls }) => ({ id, urls: peerUrls }))
  return { kind: 'join', memberId, clusterId: existing.clusterId, remotes }
}

/** Every member of the running cluster must be one of the list, and the other way round; the URLs tell which. */
async function ownIdIn(existing: ExistingCluster, config: ServerConfig, parts: StartCheckParts): Promise<MemberId> {
  const refuse = (why: string): never => {
    throw new Error(`error validating peerURLs ${describe(existing)}: ${why}`)
  }
  if (existing.members.length !== config.initialCluster.size) return refuse('member count is unequal')
  const lookup = patientLookup(parts)
  let own: MemberId | undefined
  for (const { id, peerUrls } of existing.members) {
    const urls = peerUrls.map(parseListenUrl).flatMap((url) => (url.ok ? [url.value] : []))
    let why = '<nil>'
    let found: string | undefined
    for (const [name, listed] of config.initialCluster) {
      const unequal = await urlInequality(urls, listed, lookup)
      if (unequal === undefined) found = name
      else why = unequal
      if (found !== undefined) break
    }
    if (found === undefined) {
      const member = `(${hexId(id)}, [${peerUrls.join(' ')}])`
      return refuse(`PeerURLs: no match found for existing member ${member}, last resolver error (${why})`)
    }
    if (found === config.name) own = id
  }
  return own ?? refuse('member count is unequal')
}

/** At least one of the others knows the cluster's version, and this server may serve each that is known. */
async function fitsVersions(others: readonly MemberRecord[], parts: StartCheckParts): Promise<boolean> {
  let known = 0
  for (const { id, peerUrls } of others) {
    const versions = await versionsFrom(peerUrls, CLUSTER_LIMIT_MS, parts.fetch, parts.logger)
    if (versions?.cluster === undefined) continue
    if (!isServable(versions.cluster)) {
      parts.logger.warn('cluster version of remote member is not compatible; ignored', {
        'remote-member-id': hexId(id),
        'remote-member-cluster-version': versions.cluster,
        'minimum-cluster-version-supported': MIN_CLUSTER_VERSION,
      })
      return false
    }
    known++
  }
  return known > 0
}

export const MIN_CLUSTER_VERSION = '3.0.0'

function isServable(clusterVersion: string): boolean {
  const [version, own] = [clusterVersion, SERVER_VERSION].map((text) => text.split('.').map(Number))
  const [[major = 0, minor = 0], [ownMajor = 0, ownMinor = 0]] = [version!, own!]
  return major === ownMajor && minor <= ownMinor
}

/** Peer URLs of everyone else in the list, sorted. */
function otherUrls({ name, initialCluster }: ServerConfig): string[] {
  return [...initialCluster].flatMap(([other, urls]) => (other === name ? [] : urlTexts(urls))).sort()
}

/** As Go prints the cluster. */
function describe({ clusterId, members }: ExistingCluster): string {
  const texts = members.map(
    ({ id, name, peerUrls, clientUrls, isLearner }) =>
      `&{ID:${hexId(id)} RaftAttributes:{PeerURLs:[${peerUrls.join(' ')}] IsLearner:${isLearner}} ` +
      `Attributes:{Name:${name} ClientURLs:[${clientUrls.join(' ')}]}}`,
  )
  return `{ClusterID:${hexId(clusterId)} Members:[${texts.join(' ')}] RemovedMemberIDs:[]}`
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Asks again each second for half a minute. */
export function patientLookup({ clock, logger, lookup }: Omit<StartCheckParts, 'fetch'>): LookupHost {
  const deadlineMs = clock.monotonicMs() + RESOLVE_LIMIT_MS
  return async (hostname) => {
    for (;;) {
      try {
        return await lookup(hostname)
      } catch (error) {
        if (clock.monotonicMs() >= deadlineMs) throw error
        logger.warn('failed to resolve URL Host', { host: hostname, 'retry-interval': '1s', error })
      }
      await new Promise<void>((resolve) => clock.after(RESOLVE_RETRY_MS, resolve))
    }
  }
}
