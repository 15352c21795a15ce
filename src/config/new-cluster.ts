// Checks of --initial-cluster that the reference makes before a member without a log starts a new cluster.

import { quoteList, quote } from './go-text.js'
import type { ServerConfig } from './server-config.js'
import { type ListenUrl, canonicalHost, isIp, joinHostPort, urlTexts } from './urls.js'

/** An IP address of the host. Rejects when it cannot be resolved. */
export type LookupHost = (hostname: string) => Promise<string>

/**
 * What speaks against starting as a member of a new cluster, in the reference's words; undefined when nothing does.
 * Only for a member without a log: a restart does not look at these flags. `lookup` is asked only where texts differ.
 */
export const newClusterProblem = async (config: ServerConfig, lookup: LookupHost): Promise<string | undefined> => {
  const { name, initialCluster: cluster, advertisePeerUrls: advertised } = config
  const own = cluster.get(name)
  if (own === undefined) return noOwnName(name)
  const unequal = await urlInequality(advertised, own, lookup)
  if (unequal !== undefined) return mismatch(name, advertised, own, unequal)
  return duplicateUrl(cluster)
}

/** The same for joining a cluster that exists; whether the list fits that cluster only its members can tell. */
export const joinProblem = ({ name, initialCluster, discovery }: ServerConfig): string | undefined => {
  if (!initialCluster.has(name)) return noOwnName(name)
  const duplicate = duplicateUrl(initialCluster)
  if (duplicate !== undefined) return duplicate
  return discovery.token === '' ? undefined : 'discovery URL should not be set when joining existing initial cluster'
}

const noOwnName = (name: string): string =>
  `couldn't find local name ${quote(name)} in the initial cluster configuration`

const duplicateUrl = (cluster: ReadonlyMap<string, readonly ListenUrl[]>): string | undefined => {
  const seen = new Set<string>()
  for (const url of [...cluster.values()].flat()) {
    if (seen.has(url.text)) return `initial cluster ${clusterText(cluster)} has duplicate url`
    seen.add(url.text)
  }
  return undefined
}

/** Why the two lists of URLs are not the same, undefined when they are. */
export const urlInequality = async (
  advertised: readonly ListenUrl[],
  listed: readonly ListenUrl[],
  lookup: LookupHost,
): Promise<string | undefined> => {
  const [a, b] = [urlTexts(advertised), urlTexts(listed)]
  if (a.length !== b.length) return `len(${quoteList(a)}) != len(${quoteList(b)})`
  if (sameTexts(advertised.map(canonical), listed.map(canonical))) return undefined
  try {
    const resolvedA = await Promise.all(advertised.map((url) => resolved(url, lookup)))
    const resolvedB = await Promise.all(listed.map((url) => resolved(url, lookup)))
    if (sameTexts(resolvedA, resolvedB)) return undefined
    const [firstA, firstB] = [resolvedA.sort(), resolvedB.sort()]
    const i = firstA.findIndex((text, at) => text !== firstB[at])
    return `resolved urls: ${quote(firstA[i] ?? '')} != ${quote(firstB[i] ?? '')}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const mismatch = (
  name: string,
  advertised: readonly ListenUrl[],
  listed: readonly ListenUrl[],
  why: string,
): string => {
  const [ours, theirs] = [urlTexts(advertised), urlTexts(listed)]
  const notAdvertised = theirs.filter((text) => !ours.includes(text)).map((text) => `${name}=${text}`)
  if (notAdvertised.length > 0) {
    return `--initial-cluster has ${notAdvertised.join(',')} but missing from --initial-advertise-peer-urls=${ours.join(',')} (${why})`
  }
  const map = clusterText(new Map([[name, advertised]]))
  const notListed = ours.filter((text) => !theirs.includes(text))
  if (notListed.length > 0) {
    return `--initial-advertise-peer-urls has ${notListed.join(',')} but missing from --initial-cluster=${map}`
  }
  return `failed to resolve ${ours.join(',')} to match --initial-cluster=${map} (${why})`
}

const canonical = (url: ListenUrl): string => `${url.scheme}://${canonicalHost(url.hostname)}:${url.port}${url.path}`

/** `localhost` stays: it means another machine on every member. */
const resolved = async (url: ListenUrl, lookup: LookupHost): Promise<string> => {
  if (url.hostname === 'localhost' || isIp(url.hostname)) return url.text
  return `${url.scheme}://${joinHostPort(await lookup(url.hostname), url.port)}`
}

const sameTexts = (a: readonly string[], b: readonly string[]): boolean => [...a].sort().join() === [...b].sort().join()

const clusterText = (cluster: ReadonlyMap<string, readonly ListenUrl[]>): string =>
  [...cluster]
    .flatMap(([name, urls]) => urls.map((url) => `${name}=${url.text}`))
    .sort()
    .join(',')
