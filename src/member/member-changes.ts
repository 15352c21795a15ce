// Changes of the membership as clients ask for them: checked, proposed, and for promotions asked of the leader, who alone
// knows how far a learner is (reference: cluster 1; etcd server/etcdserver/server.go).

import type { Membership } from '../apply/index.js'
import { type Index, type MemberId, hexId } from '../base/index.js'
import type { Clock, Counter, Logger, Status } from '../env/index.js'
import {
  type MemberRecord,
  computeMemberId,
  encodeMemberJson,
  errors,
  type etcdserverpb,
  quoratepeer,
  raftpb,
} from '../proto/index.js'
import type { MemberAddOutcome, MembersOutcome, ReadWaiter } from './api.js'
import type { ConfigOutcome } from './config-proposals.js'
import type { LinkActivity } from './connectivity.js'
import { type LeaderAnswer, type LeaderCalls, answered, refusedWith } from './leader-calls.js'
import { memberMessage } from './member-messages.js'
import { readQueryStatus } from './query-status.js'
import { type ReconfigFacts, mayAdd, mayPromote, mayRemove } from './reconfig-checks.js'

const { ConfChangeAddLearnerNode, ConfChangeAddNode, ConfChangeRemoveNode, ConfChangeUpdateNode } =
  raftpb.ConfChangeType
/** A learner has caught up when it holds this part of what the leader holds. */
const READY_PART = 0.9

/** How far a member's log is known to reach. */
export interface MemberProgress {
  readonly id: MemberId
  readonly match: Index
}

export interface MemberChangesHost {
  readonly self: MemberId
  readonly membership: Membership
  readonly links: LinkActivity
  readonly clock: Clock
  readonly logger: Logger
  /** `--strict-reconfig-check` */
  readonly strict: boolean
  readonly leaderCalls: Pick<LeaderCalls, 'ask'>
  submit(change: raftpb.ConfChange): Promise<ConfigOutcome>
  /** As `Member.waitApplied`. */
  waitApplied(waiter: ReadWaiter): void
  /** Of all members; undefined when this member does not lead. */
  progress(): readonly MemberProgress[] | undefined
  readonly promotions: Counter
  promotionFailures(reason: string): Counter
}

export class MemberChanges {
  readonly #host: MemberChangesHost

  constructor(host: MemberChangesHost) {
    this.#host = host
  }

  /** `peerUrls` are valid and sorted. The id depends on the second of the clock: the same URLs may come back later. */
  async add(peerUrls: readonly string[], isLearner: boolean): Promise<MemberAddOutcome> {
    const { strict, clock } = this.#host
    const seconds = Math.floor(clock.wallMs() / 1000)
    const id = computeMemberId(peerUrls, String(seconds))
    const member: MemberRecord = { id, peerUrls, isLearner, name: '', clientUrls: [] }
    const refusal = strict ? mayAdd(member, this.#facts()) : undefined
    if (refusal !== undefined) return refusedWith(refusal)
    const type = isLearner ? ConfChangeAddLearnerNode : ConfChangeAddNode
    const outcome = await this.#submit(type, id, encodeMemberJson(member))
    if (outcome.kind === 'refused') return outcome
    return { kind: 'ok', member: memberMessage(member), members: outcome.members }
  }

  async remove(id: MemberId): Promise<MembersOutcome> {
    const refusal = this.#host.strict ? mayRemove(id, this.#facts()) : undefined
    if (refusal !== undefined) return refusedWith(refusal)
    return this.#submit(ConfChangeRemoveNode, id, undefined)
  }

  /** Nobody looks at the URLs, as in etcd. */
  async update(id: MemberId, peerUrls: readonly string[]): Promise<MembersOutcome> {
    const json = encodeMemberJson({ id, peerUrls, isLearner: false, name: '', clientUrls: [] })
    return this.#submit(ConfChangeUpdateNode, id, json)
  }

  async promote(id: MemberId): Promise<MembersOutcome> {
    const here = await this.promoteHere(id)
    if (here.kind === 'ok' || here.status !== errors.notLeader) return here
    const request = new quoratepeer.PromoteMemberRequest()
    request.id = id
    const answer = await this.#host.leaderCalls.ask({
      method: quoratepeer.QueryService.methods.promoteMember,
      request,
      local: async () => asAnswer(await this.promoteHere(id)),
      read: (response): LeaderAnswer<etcdserverpb.Member[]> | undefined => {
        const status = readQueryStatus(response.status, errors.memberNotFound)
        if (status === 'ok') return answered(response.members)
        return status === 'again' ? undefined : refusedWith(status)
      },
    })
    return answer.kind === 'ok' ? { kind: 'ok', members: answer.value } : answer
  }

  /** As `promote` on the leader; elsewhere refused with `errors.notLeader`. */
  async promoteHere(id: MemberId): Promise<MembersOutcome> {
    const outcome = await this.#promoteHere(id)
    const { promotions, promotionFailures } = this.#host
    if (outcome.kind === 'ok') promotions.inc()
    else if (outcome.status !== errors.notLeader) promotionFailures(outcome.status.message).inc()
    return outcome
  }

  async #promoteHere(id: MemberId): Promise<MembersOutcome> {
    const { strict } = this.#host
    const refusal = (await this.#notReady(id)) ?? (strict ? mayPromote(id, this.#facts()) : undefined)
    if (refusal !== undefined) return refusedWith(refusal)
    // Byte for byte what etcd logs.
    return this.#submit(ConfChangeAddNode, id, `{"id":${id},"peerURLs":null,"isPromote":true}`)
  }

  /** That it is a learner at all is looked at when the change is applied. */
  async #notReady(id: MemberId): Promise<Status | undefined> {
    const late = await new Promise<Status | undefined>((resolve) => {
      this.#host.waitApplied({ onReady: () => resolve(undefined), onFailed: resolve })
    })
    if (late !== undefined) return late
    const progress = this.#host.progress()
    if (progress === undefined) return errors.notLeader
    const matchOf = (member: MemberId): Index | undefined => progress.find((entry) => entry.id === member)?.match
    const match = matchOf(id)
    if (match === undefined) return errors.memberNotFound
    return match < (matchOf(this.#host.self) ?? 0) * READY_PART ? errors.learnerNotReady : undefined
  }

  async #submit(type: raftpb.ConfChangeType, id: MemberId, context: string | undefined): Promise<MembersOutcome> {
    const change = new raftpb.ConfChange()
    change.type = type
    change.nodeId = id
    if (context !== undefined) change.context = Buffer.from(context)
    const outcome = await this.#host.submit(change)
    if (outcome.kind === 'refused') return outcome
    this.#host.logger.info('applied a configuration change through raft', {
      'local-member-id': hexId(this.#host.self),
      'raft-conf-change': nameOf(type),
      'raft-conf-change-node-id': hexId(id),
    })
    return { kind: 'ok', members: outcome.members.map(memberMessage) }
  }

  #facts(): ReconfigFacts {
    const { self, membership, links, clock, logger } = this.#host
    return { self, membership, links, logger, nowMs: clock.monotonicMs() }
  }
}

/** Not leading any more is no answer: somebody else will. */
const asAnswer = (outcome: MembersOutcome): LeaderAnswer<etcdserverpb.Member[]> | undefined => {
  if (outcome.kind === 'ok') return answered(outcome.members)
  return outcome.status === errors.notLeader ? undefined : outcome
}

const nameOf = (type: raftpb.ConfChangeType): string =>
  Object.entries(raftpb.ConfChangeType).find(([, value]) => value === type)?.[0] ?? String(type)
