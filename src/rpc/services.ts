// All services of the client port that are built so far, as one table for a transport.

import type { Service } from '../env/index.js'
import { type ClusterServiceOptions, clusterService } from './cluster.js'
import { type HealthState, healthService } from './health.js'
import { type KvOptions, kvService } from './kv.js'
import { leaseService } from './lease.js'
import { maintenanceService } from './maintenance.js'
import { watchService } from './watch.js'

export interface ServicesOptions extends KvOptions, ClusterServiceOptions {
  readonly health: HealthState
}

export const createServices = (options: ServicesOptions): readonly Service[] => [
  kvService(options),
  watchService(options.member),
  leaseService(options.member),
  clusterService(options),
  maintenanceService(options.member),
  healthService(options.health),
]
