// Committed configuration changes: valid or not by the membership at that point of the log, the same on every member.

import { type MemberId, hexId } from '../base/index.js'
import type { Logger, Status } from '../env/index.js'
import { type MemberRecord, decodeMemberJson, raftpb } from '../proto/index.js'
import type { Membership } from './membership.js'

export type ConfigDecision =
  | { readonly kind: 'accepted'; readonly member: MemberId }
  | { readonly kind: 'rejected'; readonly member: MemberId; readonly status: Status }

export class ConfigChanges {
  readonly #membership: Membership
  readonly #logger: Logger

  constructor(membership: Membership, logger: Logger) {
    this.#membership = membership
    this.#logger = logger
  }

  /** Judges the change and, when it is valid, makes it. A rejected one changes nothing. */
  decide(change: raftpb.ConfChange): ConfigDecision {
    const status = this.#apply(change)
    if (status === undefined) {
      this.#logger.info('applied a configuration change', {
        member: hexId(change.nodeId),
        cluster: this.#membership.describe(),
      })
      return { kind: 'accepted', member: change.nodeId }
    }
    this.#logger.warn('rejected a configuration change', { member: hexId(change.nodeId), error: status.message })
    return { kind: 'rejected', member: change.nodeId, status }
  }

  #apply(change: raftpb.ConfChange): Status | undefined {
    const { ConfChangeAddNode, ConfChangeAddLearnerNode, ConfChangeRemoveNode, ConfChangeUpdateNode } =
      raftpb.ConfChangeType
    switch (change.type) {
      case ConfChangeAddNode:
      case ConfChangeAddLearnerNode: {
        const { isPromote, ...member } = memberOf(change)
        if (isPromote) return this.#attempt(this.#membership.checkPromote(member.id), (m) => m.promote(member.id))
        const added: MemberRecord = { ...member, isLearner: change.type === ConfChangeAddLearnerNode }
        return this.#attempt(this.#membership.checkAdd(added), (m) => m.add(added))
      }
      case ConfChangeRemoveNode:
        return this.#attempt(this.#membership.checkRemove(change.nodeId), (m) => m.remove(change.nodeId))
      case ConfChangeUpdateNode: {
        const member = memberOf(change)
        return this.#attempt(this.#membership.checkUpdate(member), (m) => m.updatePeerUrls(member.id, member.peerUrls))
      }
      default:
        throw new Error(`unknown configuration change ${change.type} of member ${hexId(change.nodeId)}`)
    }
  }

  #attempt(refusal: Status | undefined, change: (membership: Membership) => void): Status | undefined {
    if (refusal === undefined) change(this.#membership)
    return refusal
  }
}

/** @throws Error when the context names another member than the change does: consensus and membership would part ways. */
function memberOf(change: raftpb.ConfChange): ReturnType<typeof decodeMemberJson> {
  const member = decodeMemberJson(Buffer.from(change.context).toString())
  if (member.id !== change.nodeId) {
    throw new Error(`a configuration change of member ${hexId(change.nodeId)} is about member ${hexId(member.id)}`)
  }
  return member
}
