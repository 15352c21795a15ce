// What every call has to pass before a service sees it, in etcd's order: capability, learner, API version, leader.

import { NO_MEMBER } from '../base/index.js'
import type { CallGate, CallMetadata, Clock, GatedStream, MethodInfo, Status, Timer } from '../env/index.js'
import type { MemberApi } from '../member/index.js'
import { etcdserverpb } from '../proto/index.js'
import { errors } from './error-catalogue.js'

export interface RequestGateOptions {
  readonly member: MemberApi
  readonly clock: Clock
  /** Streams that asked for a leader are looked at once in this time. */
  readonly electionTimeoutMs: number
  /** Counts calls by the version their client names, `unknown` without one. */
  readonly onClientRequest?: ((kind: 'unary' | 'stream', clientApiVersion: string) => void) | undefined
}

const API_VERSION = 'client-api-version'
const REQUIRE_LEADER = 'hasleader'
/** Looks in a row that may find no leader before the streams that asked for one are ended. */
const LEADERLESS_LOOKS_MAX = 3
/** The one stream that a learner answers. */
const LEARNER_STREAM = { service: 'etcdserverpb.Maintenance', method: 'Snapshot' }
/** How metadata shows bytes that are no UTF-8. */
const REPLACEMENT = '\uFFFD'

export class RequestGate implements CallGate {
  readonly #options: RequestGateOptions
  /** Open streams that asked for a leader. */
  readonly #streams = new Set<GatedStream>()
  #leaderlessLooks = 0
  #timer: Timer | undefined

  constructor(options: RequestGateOptions) {
    this.#options = options
  }

  /** Streams under watch. */
  get watchedCount(): number {
    return this.#streams.size
  }

  open(): void {
    this.#timer ??= this.#options.clock.every(this.#options.electionTimeoutMs, () => this.#look())
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#streams.clear()
  }

  unary(_method: MethodInfo, request: unknown, metadata: CallMetadata): Status | undefined {
    return this.#check('unary', metadata, () => isForLearners(request))
  }

  openStream(method: MethodInfo, metadata: CallMetadata, stream: GatedStream): Status | undefined {
    const refusal = this.#check('stream', metadata, () => isForLearnersStream(method))
    if (refusal === undefined && metadata.get(REQUIRE_LEADER) === 'true') this.#streams.add(stream)
    return refusal
  }

  closeStream(stream: GatedStream): void {
    this.#streams.delete(stream)
  }

  #check(kind: 'unary' | 'stream', metadata: CallMetadata, forLearners: () => boolean): Status | undefined {
    const { member } = this.#options
    if (!member.isCapable) return errors.notCapable
    if (member.isLearner && !forLearners()) return errors.notSupportedForLearner
    const version = metadata.get(API_VERSION)
    if (version?.includes(REPLACEMENT) === true) return errors.invalidClientApiVersion
    this.#options.onClientRequest?.(kind, version ?? 'unknown')
    if (member.leader === NO_MEMBER && metadata.get(REQUIRE_LEADER) === 'true') return errors.noLeader
    return undefined
  }

  /** Reopening streams costs clients much more than a refused call, so a short leaderless time is let pass. */
  #look(): void {
    if (this.#options.member.leader !== NO_MEMBER) {
      this.#leaderlessLooks = 0
      return
    }
    if (++this.#leaderlessLooks < LEADERLESS_LOOKS_MAX) return
    for (const stream of [...this.#streams]) stream.fail(errors.noLeader)
    this.#streams.clear()
  }
}

const isForLearnersStream = ({ service, method }: MethodInfo): boolean =>
  service === LEARNER_STREAM.service && method === LEARNER_STREAM.method

/** The unary calls that a learner answers. */
const isForLearners = (request: unknown): boolean =>
  request instanceof etcdserverpb.StatusRequest ||
  (request instanceof etcdserverpb.RangeRequest && request.serializable)
