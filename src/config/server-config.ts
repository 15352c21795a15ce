// The typed, immutable record that the server is built from. Everything in it was checked.

import type { FeatureGate } from './feature-gates.js'
import type { LoggingConfig } from './outcome.js'
import type { ListenUrl } from './urls.js'

export interface TlsFiles {
  /** Paths; empty: not given. */
  readonly certFile: string
  readonly keyFile: string
  /** Pair for dialling, if another than the above. */
  readonly clientCertFile: string
  readonly clientKeyFile: string
  readonly trustedCaFile: string
  readonly crlFile: string
  /** Certificates are required: asked for, or implied by a file of authorities. */
  readonly clientCertRequired: boolean
  /** `--client-cert-auth` itself: the common name is the user. */
  readonly clientCertAuth: boolean
  readonly allowedCommonNames: readonly string[]
  readonly allowedHostnames: readonly string[]
  readonly autoTls: boolean
  readonly skipSanVerification: boolean
}

export interface TlsConfig {
  readonly client: TlsFiles
  readonly peer: TlsFiles
  /** Go's names, in the order given; empty: the runtime's choice. */
  readonly cipherSuites: readonly string[]
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly selfSignedValidityYears: number
}

export type CompactionPolicy =
  | { readonly mode: 'off' }
  /** Keeps the history of the last `periodMs`. */
  | { readonly mode: 'periodic'; readonly periodMs: number }
  | { readonly mode: 'revision'; readonly revisions: number }

export interface DiscoveryConfig {
  readonly endpoints: readonly string[]
  readonly token: string
  readonly srvDomain: string
  readonly srvName: string
}

/** Why a start has to be refused although the flags are good: what they ask for is not built. */
export interface StartRefusals {
  /** For a member without a log, undefined for no reason. */
  readonly withoutLog: string | undefined
  /** For a member that has one. */
  readonly withLog: string | undefined
}

export interface ServerConfig {
  readonly name: string
  readonly dataDir: string
  /** `<dataDir>/member` */
  readonly memberDir: string
  readonly walDir: string
  /** `--wal-dir` was given. */
  readonly walDirDedicated: boolean
  readonly snapDir: string
  readonly storeDir: string
  readonly unsafeNoFsync: boolean

  readonly heartbeatMs: number
  readonly electionMs: number
  /** Whole ticks of `heartbeatMs` in an election timeout, at least 5. */
  readonly electionTicks: number
  readonly initialElectionTickAdvance: boolean
  readonly preVote: boolean
  readonly snapshotCount: number
  readonly snapshotCatchUpEntries: number
  /** 0: keep all. */
  readonly maxSnapshots: number
  /** 0: keep all. */
  readonly maxWals: number

  /** Limit of a request through consensus: 5 s and two election timeouts. */
  readonly requestTimeoutMs: number
  readonly peerDialTimeoutMs: number
  readonly peerReadTimeoutMs: number
  readonly peerWriteTimeoutMs: number
  /** Shorter leases are granted this much; at least 1. */
  readonly minLeaseTtlSeconds: number

  readonly listenPeerUrls: readonly ListenUrl[]
  /** gRPC, and HTTP/1.1 when `listenClientHttpUrls` is empty. */
  readonly listenClientUrls: readonly ListenUrl[]
  readonly listenClientHttpUrls: readonly ListenUrl[]
  readonly listenMetricsUrls: readonly ListenUrl[]
  readonly advertisePeerUrls: readonly ListenUrl[]
  readonly advertiseClientUrls: readonly ListenUrl[]
  readonly socketReusePort: boolean

  /** Name to peer URLs, as `--initial-cluster` gives them; empty with discovery. */
  readonly initialCluster: ReadonlyMap<string, readonly ListenUrl[]>
  readonly initialClusterText: string
  readonly initialClusterState: 'new' | 'existing'
  readonly initialClusterToken: string
  readonly discovery: DiscoveryConfig
  readonly forceNewCluster: boolean
  readonly refusals: StartRefusals
  readonly strictReconfigCheck: boolean
  readonly maxLearners: number

  /** Longest time between two commits of the store. */
  readonly backendBatchIntervalMs: number
  /** Operations that start a commit of the store at once, at least 1. */
  readonly backendBatchLimit: number

  /** As given: 0 is the default, negative no limit. */
  readonly quotaConfiguredBytes: number
  /** Bytes of the store beyond which writes are refused; undefined: no limit. */
  readonly quotaBytes: number | undefined
  readonly maxTxnOps: number
  /** Encoded raft request; the gRPC receive limit is 512 KiB more. */
  readonly maxRequestBytes: number
  readonly maxConcurrentStreams: number
  readonly grpcKeepaliveMinTimeMs: number
  readonly grpcKeepaliveIntervalMs: number
  readonly grpcKeepaliveTimeoutMs: number
  readonly enableGrpcGateway: boolean

  /** `['*']`: all. */
  readonly corsOrigins: readonly string[]
  /** `['*']`: all. */
  readonly hostWhitelist: readonly string[]
  readonly extensiveMetrics: boolean
  readonly tls: TlsConfig

  readonly authToken: string
  readonly bcryptCost: number
  readonly authTokenTtlSeconds: number

  readonly compaction: CompactionPolicy
  /** Revisions per slice of a compaction. */
  readonly compactionBatchLimit: number
  readonly compactionSleepMs: number
  readonly watchProgressNotifyMs: number
  readonly warningApplyMs: number
  readonly warningUnaryMs: number
  /** 0: off. */
  readonly corruptCheckMs: number
  readonly compactHashCheckMs: number
  /** 0: off. */
  readonly downgradeCheckMs: number

  readonly gates: readonly FeatureGate[]
  readonly logging: LoggingConfig
  /** Fields of the line `starting an etcd server` that follow from flags, in order. */
  readonly startFields: Readonly<Record<string, unknown>>
}
