// Compares the keys of members by their hashes, so that data which differs is found before somebody relies on it (reference:
// raft 2.11; etcd server/etcdserver/corrupt.go).

import { type MemberId, NO_MEMBER, hexId } from '../base/index.js'
import type { Clock, Logger, Status, Timer } from '../env/index.js'
import type { HashKvOutcome as StoreHash, HashKvResult } from '../mvcc/index.js'
import { errors } from '../proto/index.js'

export interface CorruptionOptions {
  /** A member that restarts compares itself with the others before it serves. */
  readonly initialCheck: boolean
  /** How often the leader compares the newest revision; 0: never. */
  readonly periodMs: number
  /** How often the leader compares what compactions left behind; 0: never. */
  readonly compactHashMs: number
}

/** The data of this member is not that of its cluster. The message is etcd's. */
export class DataInconsistent extends Error {
  override readonly name = 'DataInconsistent'
  constructor(id: MemberId) {
    super(`${hexId(id)} found data inconsistency with peers`)
  }
}

/** What another member said. */
export type PeerHash =
  | { readonly kind: 'ok'; readonly hash: number; readonly compactRevision: number; readonly revision: number }
  | { readonly kind: 'refused'; readonly status: Status }

export interface CorruptionHost {
  readonly self: MemberId
  readonly clock: Clock
  readonly logger: Logger
  readonly options: CorruptionOptions
  others(): readonly MemberId[]
  isLeader(): boolean
  /** `revision` 0: the newest. */
  hashKv(revision: number): Promise<StoreHash>
  /** Of compactions, newest first. */
  compactionHashes(): readonly HashKvResult[]
  /** Undefined when the member does not answer. Never rejects. */
  hashOf(id: MemberId, revision: number): Promise<PeerHash | undefined>
  /** Undefined once everything acknowledged so far is applied here. */
  readBarrier(): Promise<Status | undefined>
  raiseAlarm(id: MemberId): void
}

interface Answer {
  readonly id: MemberId
  readonly hash: PeerHash | undefined
}

export class CorruptionChecks {
  readonly #host: CorruptionHost
  readonly #timers: Timer[] = []
  /** Compactions up to this revision were found equal on all members. */
  #checkedRevision = 0
  #underWay = false

  constructor(host: CorruptionHost) {
    this.#host = host
  }

  open(): void {
    const { clock, logger, self, options } = this.#host
    const { periodMs, compactHashMs } = options
    if (periodMs > 0) {
      logger.info('enabled corruption checking', { 'local-member-id': hexId(self), interval: `${periodMs / 1000}s` })
      this.#timers.push(clock.every(periodMs, () => void this.#alone(() => this.periodicCheck())))
    }
    if (compactHashMs > 0) {
      this.#timers.push(clock.every(compactHashMs, () => void this.#alone(() => this.compactHashCheck())))
    }
  }

  close(): void {
    for (const timer of this.#timers.splice(0)) timer.cancel()
  }

  /** Members that do not answer, or cannot, prove nothing. @throws DataInconsistent */
  async initialCheck(): Promise<void> {
    const { self, logger } = this.#host
    const fields = { 'local-member-id': hexId(self) }
    logger.info('starting initial corruption check', fields)
    const own = await this.#own()
    let differs = false
    for (const { id, hash } of await this.#ask(own.hashRevision)) {
      if (hash === undefined) continue
      const facts = { ...fields, ...ownFields(own), 'remote-peer-id': hexId(id), ...peerFields(hash) }
      if (hash.kind === 'refused') {
        if (hash.status === errors.futureRevision) logger.warn('cannot fetch hash from slow remote peer', facts)
        if (hash.status === errors.compacted) {
          logger.warn('cannot fetch hash from remote peer; local member is behind', facts)
        }
      } else if (hash.hash !== own.hash) {
        const isSame = hash.compactRevision === own.compactRevision
        logger.warn(`found different ${isSame ? 'hash' : 'compact revision'} values from remote peer`, facts)
        differs ||= isSame
      }
    }
    if (differs) throw new DataInconsistent(self)
    logger.info('initial corruption checking passed; no corruption', fields)
  }

  /** Raises at most one alarm. */
  async periodicCheck(): Promise<void> {
    const { self, logger, readBarrier, raiseAlarm } = this.#host
    const before = await this.#own()
    const answers = await this.#ask(before.hashRevision)
    const late = await readBarrier()
    if (late !== undefined) return logger.warn('failed to check hash KV', { error: late.message })
    const after = await this.#own()
    let corrupt: MemberId | undefined
    const found = (id: MemberId, message: string, fields: Readonly<Record<string, unknown>>): void => {
      logger.warn(message, fields)
      corrupt ??= id
    }
    const isSamePoint = before.hashRevision === after.hashRevision && before.compactRevision === after.compactRevision
    if (isSamePoint && before.hash !== after.hash) {
      found(self, 'found hash mismatch', { ...ownFields(before), 'hash-2': after.hash })
    }
    let checked = 0
    for (const { id, hash } of answers) {
      if (hash?.kind !== 'ok') continue
      checked++
      const fields = { ...ownFields(after), 'follower-peer-id': hexId(id), ...peerFields(hash) }
      if (hash.revision > after.hashRevision) {
        found(id, "revision from follower must be less than or equal to leader's", fields)
      }
      if (hash.compactRevision > after.compactRevision) {
        found(id, "compact revision from follower must be less than or equal to leader's", fields)
      }
      if (hash.compactRevision === before.compactRevision && hash.hash !== before.hash) {
        found(id, 'same compact revision then hashes must match', fields)
      }
    }
    logger.info('finished peer corruption check', { 'number-of-peers-checked': checked })
    if (corrupt !== undefined) raiseAlarm(corrupt)
  }

  /** The newest compaction that all members can speak of counts; of those who differ, the minority is corrupt. */
  async compactHashCheck(): Promise<void> {
    const { logger, self } = this.#host
    logger.info('starting compact hash check', { 'local-member-id': hexId(self) })
    let checked = 0
    for (const own of this.#host.compactionHashes()) {
      if (own.hashRevision <= this.#checkedRevision) break
      const answers = await this.#ask(own.hashRevision)
      if (answers.length === 0) continue
      checked++
      if (this.#judge(own, answers)) break
    }
    logger.info('finished compaction hash check', { 'number-of-hashes-checked': checked })
  }

  /** False: some could not be asked, so that an older compaction may tell more. */
  #judge(own: HashKvResult, answers: readonly Answer[]): boolean {
    const { self, logger, raiseAlarm } = this.#host
    const membersOf = new Map<number, MemberId[]>([[own.hash, [self]]])
    let skipped = 0
    for (const { id, hash } of answers) {
      if (hash?.kind !== 'ok' || hash.compactRevision !== own.compactRevision) {
        skipped++
        logger.warn("Skipped peer's hash", { 'leader-id': hexId(self), 'peer-id': hexId(id), ...ownFields(own) })
        continue
      }
      membersOf.set(hash.hash, [...(membersOf.get(hash.hash) ?? []), id])
    }
    if (membersOf.size === 1) {
      if (skipped > 0) {
        logger.warn('skipped revision in compaction hash check; was not able to check all peers', ownFields(own))
        return false
      }
      logger.info('successfully checked hash on whole cluster', ownFields(own))
      this.#checkedRevision = Math.max(this.#checkedRevision, own.hashRevision)
      return true
    }
    const quorum = Math.floor((answers.length + 1) / 2) + 1
    const right = [...membersOf].find(([, members]) => members.length >= quorum)?.[0]
    for (const [hash, members] of membersOf) {
      if (hash === right) continue
      const peers = members.map(hexId)
      logger.error('Detected compaction hash mismatch', { ...ownFields(own), 'peer-ids': peers, 'peer-hash': hash })
      if (right !== undefined) for (const id of members) raiseAlarm(id)
    }
    // Without a majority nobody knows whose data is right: the alarm is that of the whole cluster.
    if (right === undefined) raiseAlarm(NO_MEMBER)
    return true
  }

  async #own(): Promise<HashKvResult> {
    const outcome = await this.#host.hashKv(0)
    if (outcome.kind !== 'ok') throw new Error(`the newest revision has no hash: ${outcome.kind}`)
    return outcome
  }

  async #ask(revision: number): Promise<Answer[]> {
    const { others, hashOf } = this.#host
    return Promise.all(others().map(async (id) => ({ id, hash: await hashOf(id, revision) })))
  }

  /** On the leader, and not while another check runs: hashing reads every key. */
  async #alone(check: () => Promise<void>): Promise<void> {
    if (this.#underWay || !this.#host.isLeader()) return
    this.#underWay = true
    try {
      await check()
    } catch (error) {
      this.#host.logger.warn('failed to check hash KV', { error })
    } finally {
      this.#underWay = false
    }
  }
}

const ownFields = ({ hash, compactRevision, hashRevision }: HashKvResult): Readonly<Record<string, unknown>> => ({
  'local-member-revision': hashRevision,
  'local-member-compact-revision': compactRevision,
  'local-member-hash': hash,
})

const peerFields = (hash: PeerHash): Readonly<Record<string, unknown>> =>
  hash.kind === 'refused'
    ? { error: hash.status.message }
    : {
        'remote-peer-revision': hash.revision,
        'remote-peer-compact-revision': hash.compactRevision,
        'remote-peer-hash': hash.hash,
      }
