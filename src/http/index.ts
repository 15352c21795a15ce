export { type AccessOptions } from './access.js'
export { GrpcMetrics, type GrpcMethods, STANDARD_METHODS } from './grpc-metrics.js'
export {
  type ClientHttpDeps,
  type DebugVars,
  type MemberFact,
  type MonitoringDeps,
  type PeerHttpDeps,
  type VersionSource,
  createClientHandler,
  createMetricsHandler,
  createPeerHandler,
} from './handlers.js'
export { type HealthSource } from './health.js'
export { METRICS_CONTENT_TYPE, MetricsRegistry } from './metrics-registry.js'
export { type FileCounts, addProcessMetrics } from './process-metrics.js'
export { type ServerFacts, addServerFacts } from './server-facts.js'
export { type Respond } from './respond.js'
export { unfedReason } from './unfed-metrics.js'
