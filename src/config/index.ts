export { BUILT_PARTS } from './parts.js'
export { type DefaultHost } from './default-cluster.js'
export { formatDuration, formatMs } from './duration.js'
export { type FeatureGate, type GateName } from './feature-gates.js'
export { type Part } from './flag-row.js'
export { CIPHER_SUITES, HTTP2_SUITES } from './start-checks.js'
export { flagDocs } from './flag-docs.js'
export { type LookupHost, joinProblem, newClusterProblem, urlInequality } from './new-cluster.js'
export { SERVER_VERSION } from './help.js'
export { type Platform, UNKNOWN_PLATFORM, loadConfig } from './load-config.js'
export {
  type ConfigOutcome,
  type ExitOutcome,
  type LogLine,
  type LogRotation,
  type LoggingConfig,
  type RunOutcome,
} from './outcome.js'
export {
  type CompactionPolicy,
  type ServerConfig,
  type StartRefusals,
  type TlsConfig,
  type TlsFiles,
} from './server-config.js'
export {
  type ListenUrl,
  isTls,
  isUnix,
  joinHostPort,
  parseListenUrl,
  parsePeerUrls,
  socketPath,
  urlTexts,
} from './urls.js'
