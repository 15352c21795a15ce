// Facts that metrics carry as labels, with the value 1.

import { hexId } from '../base/index.js'
import type { MetricsRegistry } from './metrics-registry.js'

export interface ServerFacts {
  readonly version: string
  readonly serverId: bigint
  readonly runtimeVersion: string
  /** As configured; negative: no limit. */
  readonly quotaBytes: number
  readonly gates: readonly { readonly name: string; readonly stage: string; readonly enabled: boolean }[]
}

/** Sets them once; the cluster version follows when it is decided. */
export const addServerFacts = (
  registry: MetricsRegistry,
  { version, serverId, runtimeVersion, quotaBytes, gates }: ServerFacts,
): { setClusterVersion(version: string): void } => {
  registry.gauges('etcd_server_version', '', ['server_version'])(version).set(1)
  registry.gauges('etcd_server_id', '', ['server_id'])(hexId(serverId)).set(1)
  registry.gauges('etcd_server_go_version', '', ['server_go_version'])(runtimeVersion).set(1)
  registry.gauge('etcd_server_quota_backend_bytes', '').set(quotaBytes)
  const features = registry.gauges('etcd_server_feature_enabled', '', ['name', 'stage'])
  for (const { name, stage, enabled } of gates) features(name, stage).set(enabled ? 1 : 0)
  const clusterVersions = registry.gauges('etcd_cluster_version', '', ['cluster_version'])
  let current: string | undefined
  return {
    setClusterVersion: (clusterVersion) => {
      if (current !== undefined) clusterVersions(current).set(0)
      current = clusterVersion.split('.').slice(0, 2).join('.')
      clusterVersions(current).set(1)
    },
  }
}
