// Rare events worth a log line, a metric or a check; nothing is reported per message or entry.

import type { Index, MemberId, Term } from '../base/index.js'
import type { ConfState } from './pb.js'

export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader'

export type RaftEvent =
  | { readonly kind: 'role'; readonly role: Role; readonly term: Term; readonly leader: MemberId }
  | { readonly kind: 'voteGranted'; readonly to: MemberId; readonly term: Term; readonly preVote: boolean }
  | { readonly kind: 'voteRejected'; readonly to: MemberId; readonly term: Term; readonly preVote: boolean }
  /** A vote request was not answered because a leader was heard of recently. */
  | { readonly kind: 'voteIgnoredInLease'; readonly from: MemberId; readonly term: Term }
  | { readonly kind: 'quorumLost'; readonly term: Term }
  | { readonly kind: 'entriesReplaced'; readonly from: Index; readonly through: Index }
  | { readonly kind: 'snapshotSent'; readonly to: MemberId; readonly index: Index }
  | { readonly kind: 'snapshotRestored'; readonly index: Index }
  | { readonly kind: 'snapshotRefused'; readonly index: Index }
  | { readonly kind: 'windowFull'; readonly to: MemberId }
  | { readonly kind: 'readParked' }
  | { readonly kind: 'readDropped' }
  | { readonly kind: 'proposalDropped'; readonly reason: ProposalDropReason }
  | { readonly kind: 'confChangeRefused'; readonly reason: 'pending' | 'joint' | 'not joint' }
  | { readonly kind: 'membership'; readonly confState: ConfState }
  | { readonly kind: 'transfer'; readonly target: MemberId; readonly phase: 'started' | 'timeoutNow' | 'aborted' }
  | { readonly kind: 'malformedMessage'; readonly from: MemberId; readonly type: number }

export type ProposalDropReason = 'no leader' | 'not a member' | 'transfer' | 'uncommitted limit' | 'malformed'

export interface RaftTracer {
  trace(event: RaftEvent): void
}
