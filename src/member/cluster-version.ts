// The version that all members agree on, and this member's mark of it in its own store (reference: cluster 7.2).

import type { Membership } from '../apply/index.js'
import { type MemberId, hexId } from '../base/index.js'
import type { Clock, Logger, Status, Timer } from '../env/index.js'

const CHECK_MS = 4000
/** From this version on members mark their store. */
const FIRST_MARKED = '3.6.0'
/** What a cluster begins with when not all of its members can be asked. */
const LOWEST = '3.0.0'

/** This server is older than what the cluster agreed on. The message is etcd's. */
export class VersionTooLow extends Error {
  override readonly name = 'VersionTooLow'
  constructor() {
    super('invalid downgrade; server version is lower than determined cluster version')
  }
}

export interface ClusterVersionOptions {
  readonly self: MemberId
  readonly membership: Membership
  /** `major.minor.patch` */
  readonly serverVersion: string
  /** The mark that the backend holds. */
  readonly readMark: () => string | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly isLeader: () => boolean
  /** The server version of another member, `major.minor.patch`; undefined when it does not tell. Never rejects. */
  readonly versionOf: (id: MemberId) => Promise<string | undefined>
  /** Resolves with undefined once the version is applied. */
  readonly propose: (version: string) => Promise<Status | undefined>
  /** Puts the row. */
  readonly mark: (version: string) => void
  /** The cluster has moved on without this server. */
  readonly onTooLow: (error: VersionTooLow) => void
}

export class ClusterVersion {
  readonly #options: ClusterVersionOptions
  readonly #own: string
  #marked: string | undefined
  #timer: Timer | undefined
  #proposing: Promise<void> | undefined
  #closed = false

  constructor(options: ClusterVersionOptions) {
    this.#options = options
    this.#own = minorOf(options.serverVersion)
    this.#marked = options.readMark()
  }

  /** @throws VersionTooLow */
  verify(): void {
    if (this.#isTooLow()) throw new VersionTooLow()
  }

  /** Looks now, and again from time to time. Resolves when a first look that needs nobody else is over. */
  async open(): Promise<void> {
    const { clock, membership } = this.#options
    this.#timer = clock.every(CHECK_MS, () => void this.check())
    const looked = this.check()
    if (membership.members().length === 1) await looked
  }

  /** The backend is that of another member's snapshot now, whatever was marked in the one before. */
  onInstalled(): void {
    this.#marked = this.#options.readMark()
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  /** On the leader, proposes a version when there is none or a higher one is possible; everywhere, marks the store. */
  async check(): Promise<void> {
    this.#proposing ??= this.#decide().finally(() => (this.#proposing = undefined))
    await this.#proposing
    if (this.#closed) return
    // While it opens, `verify` says so.
    if (this.#isTooLow() && this.#timer !== undefined) return this.#options.onTooLow(new VersionTooLow())
    const decided = this.#options.membership.clusterVersion
    if (decided === undefined || decided === this.#marked || isLower(decided, FIRST_MARKED)) return
    this.#marked = decided
    this.#options.mark(decided)
  }

  #isTooLow(): boolean {
    const decided = this.#options.membership.clusterVersion
    return decided !== undefined && isLower(this.#own, decided)
  }

  async #decide(): Promise<void> {
    const { membership, logger, isLeader, propose } = this.#options
    if (this.#closed || !isLeader()) return
    const lowest = await this.#lowestOfAll()
    // The answers may have taken a while.
    const decided = membership.clusterVersion
    if (this.#closed || !isLeader()) return
    if (decided !== undefined && (lowest === undefined || !isRise(decided, lowest))) return
    const next = lowest ?? LOWEST
    const fields = { 'cluster-version': short(next) }
    if (decided === undefined) logger.info('setting up initial cluster version using v3 API', fields)
    else logger.info('updating cluster version using v3 API', { from: short(decided), to: short(next) })
    const refusal = await propose(next)
    if (refusal === undefined) logger.info('cluster version is updated', fields)
    else logger.warn('failed to update cluster version', { ...fields, error: refusal.message })
  }

  /** `major.minor.0`; undefined when a member does not answer. */
  async #lowestOfAll(): Promise<string | undefined> {
    const { self, membership, versionOf, logger } = this.#options
    const others = membership.members().filter(({ id }) => id !== self)
    const versions = await Promise.all(others.map(({ id }) => versionOf(id)))
    let lowest = this.#own
    for (const [i, version] of versions.entries()) {
      const fields = { 'remote-member-id': hexId(others[i]!.id), 'remote-member-version': version }
      if (version === undefined) return undefined
      if (!/^\d+\.\d+\.\d+/.test(version)) {
        logger.warn('failed to parse server version of remote member', fields)
        return undefined
      }
      if (isLower(this.#own, version)) {
        logger.warn('leader found higher-versioned member', { 'local-member-version': this.#own, ...fields })
      }
      if (isLower(version, lowest)) lowest = minorOf(version)
    }
    return lowest
  }
}

const numbersOf = (version: string): number[] => version.split('.').map(Number)

const minorOf = (version: string): string => `${numbersOf(version).slice(0, 2).join('.')}.0`

/** As etcd's log lines name it. */
const short = (version: string): string => numbersOf(version).slice(0, 2).join('.')

/** By major and minor. */
function isLower(version: string, other: string): boolean {
  const [a, b] = [numbersOf(version), numbersOf(other)]
  for (const i of [0, 1]) if (a[i] !== b[i]) return (a[i] ?? 0) < (b[i] ?? 0)
  return false
}

/** A step that a running cluster may take. */
const isRise = (from: string, to: string): boolean => isLower(from, to) && numbersOf(from)[0] === numbersOf(to)[0]
