// The version that all members agree on, and this member's mark of it in its own store (reference: cluster 7.2).

import type { Membership } from '../apply/index.js'
import type { Clock, Logger, Status, Timer } from '../env/index.js'

const CHECK_MS = 4000
/** From this version on members mark their store. */
const FIRST_MARKED = '3.6.0'

/** This server is older than what the cluster agreed on. The message is etcd's. */
export class VersionTooLow extends Error {
  override readonly name = 'VersionTooLow'
  constructor() {
    super('invalid downgrade; server version is lower than determined cluster version')
  }
}

export class ClusterVersion {
  readonly #membership: Membership
  readonly #own: string
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #isLeader: () => boolean
  readonly #propose: (version: string) => Promise<Status | undefined>
  readonly #mark: (version: string) => void
  #marked: string | undefined
  #timer: Timer | undefined
  #proposing: Promise<void> | undefined

  /**
   * `serverVersion`: `major.minor.patch`. `marked`: the mark that the store holds. `propose` resolves with undefined once the
   * version is applied; `mark` puts the row.
   */
  constructor(options: {
    membership: Membership
    serverVersion: string
    marked: string | undefined
    clock: Clock
    logger: Logger
    isLeader: () => boolean
    propose: (version: string) => Promise<Status | undefined>
    mark: (version: string) => void
  }) {
    this.#membership = options.membership
    this.#own = `${options.serverVersion.split('.').slice(0, 2).join('.')}.0`
    this.#marked = options.marked
    this.#clock = options.clock
    this.#logger = options.logger
    this.#isLeader = options.isLeader
    this.#propose = options.propose
    this.#mark = options.mark
  }

  /** @throws VersionTooLow */
  verify(): void {
    const decided = this.#membership.clusterVersion
    if (decided !== undefined && isLower(this.#own, decided)) throw new VersionTooLow()
  }

  /** Looks now, and again from time to time. Resolves when the first look is over. */
  open(): Promise<void> {
    this.#timer = this.#clock.every(CHECK_MS, () => void this.check())
    return this.check()
  }

  close(): void {
    this.#timer?.cancel()
  }

  /** On the leader, proposes a version when there is none or a higher one is possible; everywhere, marks the store. */
  async check(): Promise<void> {
    this.#proposing ??= this.#decide().finally(() => (this.#proposing = undefined))
    await this.#proposing
    const decided = this.#membership.clusterVersion
    if (decided === undefined || decided === this.#marked || isLower(decided, FIRST_MARKED)) return
    this.#marked = decided
    this.#mark(decided)
  }

  async #decide(): Promise<void> {
    const decided = this.#membership.clusterVersion
    // The lowest version of all members counts; that of others comes over peer links, so alone there is only our own.
    if (!this.#isLeader()) return
    if (decided !== undefined && !isLower(decided, this.#own)) return
    const fields = { 'cluster-version': this.#own }
    if (decided === undefined) this.#logger.info('setting up initial cluster version using v3 API', fields)
    const refusal = await this.#propose(this.#own)
    if (refusal === undefined) this.#logger.info('cluster version is updated', fields)
    else this.#logger.warn('failed to update cluster version', { ...fields, error: refusal.message })
  }
}

function isLower(version: string, other: string): boolean {
  const [a, b] = [version, other].map((text) => text.split('.').map(Number))
  for (const i of [0, 1]) if (a![i] !== b![i]) return (a![i] ?? 0) < (b![i] ?? 0)
  return false
}
