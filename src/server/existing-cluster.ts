// What a member that is about to start asks the members of its cluster over their peer ports (reference: flags 5.4).

import type { ClusterId } from '../base/index.js'
import { clusterId } from '../base/index.js'
import type { Logger } from '../env/index.js'
import { type MemberRecord, decodeMemberListJson } from '../proto/index.js'

/** A page of a peer port. Rejects when nobody answers in time. */
export type FetchPage = (
  url: string,
  timeoutMs: number,
) => Promise<{
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
}>

export interface ExistingCluster {
  readonly clusterId: ClusterId
  readonly members: readonly MemberRecord[]
}

export interface PeerVersions {
  /** `major.minor.patch`. */
  readonly server: string
  /** Undefined while undecided. */
  readonly cluster: string | undefined
}

/** The cluster as the first of `urls` that answers describes it. @throws Error in etcd's words when none does. */
export async function clusterFrom(
  urls: readonly string[],
  timeoutMs: number,
  fetch: FetchPage,
  logger: Logger | undefined,
): Promise<ExistingCluster> {
  for (const url of urls) {
    const address = `${url}/members`
    try {
      const { status, headers, body } = await fetch(address, timeoutMs)
      if (status !== 200) throw new Error(`unexpected status ${status}`)
      const id = headers['x-etcd-cluster-id']
      if (typeof id !== 'string' || !/^[0-9a-f]{1,16}$/.test(id)) throw new Error('no cluster id')
      const members = decodeMemberListJson(body)
      if (members.length === 0) throw new NoMembers()
      return { clusterId: clusterId(BigInt(`0x${id}`)), members }
    } catch (error) {
      if (error instanceof NoMembers) throw error
      logger?.warn('failed to get cluster response', { address, error })
    }
  }
  throw new Error('could not retrieve cluster information from the given URLs')
}

class NoMembers extends Error {
  constructor() {
    super('failed to get raft cluster member(s) from the given URLs')
  }
}

/** Undefined for a member that does not answer. */
export async function versionsFrom(
  urls: readonly string[],
  timeoutMs: number,
  fetch: FetchPage,
  logger: Logger,
): Promise<PeerVersions | undefined> {
  for (const url of urls) {
    const address = `${url}/version`
    try {
      const { body } = await fetch(address, timeoutMs)
      const page: unknown = JSON.parse(body)
      if (typeof page !== 'object' || page === null) throw new Error('no version')
      const { etcdserver: server, etcdcluster: cluster } = page as Record<string, unknown>
      if (typeof server !== 'string') throw new Error('no version')
      return { server, cluster: typeof cluster === 'string' && /^\d/.test(cluster) ? cluster : undefined }
    } catch (error) {
      logger.warn('failed to reach the peer URL', { address, error })
    }
  }
  return undefined
}
