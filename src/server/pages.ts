// What the HTTP pages know of the running server.

import { hexId } from '../base/index.js'
import { SERVER_VERSION, type ServerConfig } from '../config/index.js'
import type { Logger, Status } from '../env/index.js'
import { openFileLimit } from '../host/index.js'
import {
  type ClientHttpDeps,
  type HealthSource,
  type MonitoringDeps,
  type PeerHttpDeps,
  type VersionSource,
} from '../http/index.js'
import type { Member, MemberFacade } from '../member/index.js'
import { etcdserverpb } from '../proto/index.js'
import { alarmName } from './gauges.js'

/** The key that health reads look for; it need not exist. */
const HEALTH_KEY = Buffer.from('health')

/** Before the member runs: monitoring pages are served from the beginning. */
export const startingHealth: HealthSource = {
  alarms: () => [],
  leaderKnown: () => false,
  isLearner: () => false,
  serializableRead: async () => undefined,
  linearizableRead: () => Promise.reject(new Error('etcdserver: no leader')),
}

export function memberHealth(member: Member, facade: MemberFacade): HealthSource {
  const read = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const request = new etcdserverpb.RangeRequest()
      request.key = HEALTH_KEY
      request.keysOnly = true
      facade.range(request, { onResult: () => resolve(), onFailed: (status) => reject(asError(status)) })
    })
  return {
    alarms: () => [...new Set(member.parts.alarms.list().map(({ alarm }) => alarmName(alarm)))],
    leaderKnown: () => member.leader !== 0n,
    isLearner: () => facade.isLearner,
    serializableRead: read,
    linearizableRead: async () => {
      // Bounded by the barrier itself: it gives up after the request timeout.
      await new Promise<void>((resolve, reject) => {
        facade.readBarrier({ onReady: resolve, onFailed: (status) => reject(asError(status)) })
      })
      await read()
    },
  }
}

export function versionsOf(member: () => Member | undefined): VersionSource {
  const cluster = (): string | undefined => member()?.parts.membership.clusterVersion
  return { server: () => SERVER_VERSION, cluster, storage: cluster }
}

export function clientPages(
  config: ServerConfig,
  member: Member,
  monitoring: MonitoringDeps,
  logger: Logger,
): ClientHttpDeps {
  return {
    ...monitoring,
    versions: versionsOf(() => member),
    access: { corsOrigins: config.corsOrigins, hostWhitelist: config.hostWhitelist, logger },
    debugVars: () => ({
      commandLine: process.argv,
      fileDescriptorLimit: openFileLimit() ?? 0,
      memory: { ...process.memoryUsage() },
      raft: {
        id: hexId(member.id),
        term: member.term,
        commit: member.committedIndex,
        applied: member.applied.index,
        lead: hexId(member.leader),
      },
    }),
    gateway: undefined,
  }
}

export function peerPages(member: () => Member | undefined): PeerHttpDeps {
  return {
    versions: versionsOf(member),
    clusterId: () => member()?.clusterId ?? 0n,
    members: () => member()?.parts.membership.members() ?? [],
  }
}

const asError = (status: Status): Error => new Error(status.message)
