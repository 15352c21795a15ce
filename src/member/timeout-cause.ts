// Why a request got no answer in time (reference: raft 2.3).

import { type MemberId, NO_MEMBER } from '../base/index.js'
import type { Status } from '../env/index.js'
import { errors } from '../proto/index.js'
import { type LinkActivity, countConnectedSince, isConnectedSince, quorumOf } from './connectivity.js'

export interface TimeoutFacts {
  readonly self: MemberId
  /** NO_MEMBER while none is known. */
  readonly leader: MemberId
  /** When this member was last elected; -Infinity if never. */
  readonly electedMs: number
  readonly electionMs: number
  /** All members, learners too. */
  readonly members: readonly MemberId[]
  readonly links: LinkActivity
}

/** Of a request that began at `startedMs`; `taken`: consensus had it. */
export function timeoutCause(startedMs: number, taken: boolean, facts: TimeoutFacts): Status {
  if (!taken) return errors.deadlineExceeded
  const { self, leader, electedMs, electionMs, members, links } = facts
  // The leader before us may have had it, and was lost within two election time-outs before our election.
  if (startedMs > electedMs - 2 * electionMs && startedMs < electedMs) return errors.timeoutLeaderFailure
  return isConnected() ? errors.timeout : errors.timeoutConnectionLost

  function isConnected(): boolean {
    if (leader === NO_MEMBER) return true
    if (leader !== self) return isConnectedSince(links, startedMs, leader)
    return countConnectedSince(links, startedMs, self, members) >= quorumOf(members.length)
  }
}
