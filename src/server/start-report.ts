// What the server says while it starts and stops, in etcd's words and order: scripts and test frameworks wait for them.

import { hexId } from '../base/index.js'
import { SERVER_VERSION, type ServerConfig, formatMs, urlTexts } from '../config/index.js'
import type { Logger } from '../env/index.js'
import type { Member, Started } from '../member/index.js'
import type { ClientPort } from '../transport/index.js'

/** What the start line tells of the machine. */
export interface MachineFacts {
  /** For example `v20.20.2`. */
  readonly nodeVersion: string
  /** Go's names. */
  readonly os: string
  readonly arch: string
  readonly processors: { readonly usable: number; readonly present: number }
}

const PURGE_INTERVAL = '30s'

export class StartReport {
  readonly #config: ServerConfig
  readonly #logger: Logger
  #peerAddresses: readonly string[] = []

  constructor(config: ServerConfig, logger: Logger) {
    this.#config = config
    this.#logger = logger
  }

  configuring(endpoint: 'peer' | 'client'): void {
    const urls = endpoint === 'peer' ? this.#config.listenPeerUrls : this.#config.listenClientUrls
    this.#logger.info(`configuring ${endpoint} listeners`, { [`listen-${endpoint}-urls`]: urlTexts(urls) })
  }

  starting({ nodeVersion, os, arch, processors }: MachineFacts, hasLog: boolean): void {
    this.#logger.info('starting an etcd server', {
      'etcd-version': SERVER_VERSION,
      'git-sha': 'quorate',
      'go-version': `node ${nodeVersion}`,
      'go-os': os,
      'go-arch': arch,
      'max-cpu-set': processors.usable,
      'max-cpu-available': processors.present,
      'member-initialized': hasLog,
      ...this.#config.startFields,
    })
  }

  step(message: string): void {
    this.#logger.info(message)
  }

  bootstrapped({ isNew, clusterId, memberId, recovered }: Started, member: Member): void {
    const { walDir, snapDir, maxWals, maxSnapshots } = this.#config
    const ids = { 'cluster-id': hexId(clusterId), 'local-member-id': hexId(memberId) }
    if (isNew) this.#logger.info('starting local member', ids)
    else this.#logger.info('restarting local member', { ...ids, 'commit-index': recovered.hardState.commit })
    this.#logger.info('starting etcd server', {
      'local-member-id': hexId(memberId),
      'local-server-version': SERVER_VERSION,
      'cluster-version': member.parts.membership.clusterVersion?.replace(/\.\d+$/, '') ?? 'to_be_decided',
    })
    // On a first start the list of members is still in the log.
    this.#electionAdvance(memberId, member.parts.membership.members().length || this.#config.initialCluster.size)
    for (const { dir, suffix, max } of [
      { dir: snapDir, suffix: 'snap', max: maxSnapshots },
      { dir: walDir, suffix: 'wal', max: maxWals },
    ]) {
      this.#logger.info('started to purge file', { dir, suffix, max, interval: PURGE_INTERVAL })
    }
  }

  #electionAdvance(memberId: bigint, members: number): void {
    const { electionTicks, electionMs, heartbeatMs, initialElectionTickAdvance } = this.#config
    if (members > 1) {
      const what = initialElectionTickAdvance ? 'starting' : 'skipping'
      this.#logger.info(`${what} initial election tick advance`, { 'election-ticks': electionTicks })
      return
    }
    this.#logger.info('started as single-node; fast-forwarding election ticks', {
      'local-member-id': hexId(memberId),
      'forward-ticks': electionTicks - 1,
      'forward-duration': formatMs((electionTicks - 1) * heartbeatMs),
      'election-ticks': electionTicks,
      'election-timeout': formatMs(electionMs),
    })
  }

  /** Other members and monitoring are served; clients not yet. */
  serving(memberId: bigint, peerPort: ClientPort, metricsPort: ClientPort): void {
    const config = this.#config
    this.#logger.info('now serving peer/client/metrics', {
      'local-member-id': hexId(memberId),
      'initial-advertise-peer-urls': urlTexts(config.advertisePeerUrls),
      'listen-peer-urls': urlTexts(config.listenPeerUrls),
      'advertise-client-urls': urlTexts(config.advertiseClientUrls),
      'listen-client-urls': urlTexts(config.listenClientUrls),
      'listen-metrics-urls': urlTexts(config.listenMetricsUrls),
    })
    this.#peerAddresses = peerPort.listeners.map(({ address }) => address)
    for (const address of this.#peerAddresses) {
      this.#logger.info('serving peer traffic', { address })
      this.#logger.info('cmux::serve', { address })
    }
    for (const { address } of metricsPort.listeners) this.#logger.info('serving metrics', { address })
  }

  /** One line per listener of clients. */
  ready(clientPort: ClientPort, httpPort: ClientPort): void {
    const both = httpPort.listeners.length === 0 ? 'grpc+http' : 'grpc'
    for (const port of [clientPort, httpPort]) {
      for (const { address, spec } of port.listeners) {
        this.#logger.info('ready to serve client requests')
        const fields = { traffic: port === httpPort ? 'http' : both, address }
        if (spec.plain) this.#logger.info('serving client traffic insecurely; this is strongly discouraged!', fields)
        if (spec.secure) this.#logger.info('serving client traffic securely', fields)
      }
    }
  }

  /** Clients are gone and the member has ended. */
  stopping(): void {
    for (const address of this.#peerAddresses) {
      this.#logger.info('stopping serving peer traffic', { address })
      this.#logger.info('stopped serving peer traffic', { address })
    }
  }
}
