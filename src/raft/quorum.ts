// Majorities: of one voter set, and of a joint pair where both sets must agree (Raft thesis 4.3).

import type { MemberId } from '../base/index.js'

/** A pair of voter sets; `outgoing` is empty outside a joint configuration. An empty set agrees with everything. */
export interface VoterSets {
  readonly voters: readonly MemberId[]
  readonly outgoing: readonly MemberId[]
}

export type VoteResult = 'won' | 'lost' | 'pending'

/** Voters that make a majority of `size`. */
export const quorumOf = (size: number): number => Math.floor(size / 2) + 1

/**
 * The highest position that a quorum of both sets has reached, given what each voter has reached.
 * Infinity when both sets are empty.
 */
export const quorumReached = (sets: VoterSets, reached: (id: MemberId) => number): number =>
  Math.min(majorityReached(sets.voters, reached), majorityReached(sets.outgoing, reached))

/** Won once a majority of both sets said yes, lost once either set can no longer give one. */
export const voteResult = (sets: VoterSets, vote: (id: MemberId) => boolean | undefined): VoteResult => {
  const incoming = majorityVote(sets.voters, vote)
  const outgoing = majorityVote(sets.outgoing, vote)
  if (incoming === 'lost' || outgoing === 'lost') return 'lost'
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending'
}

const majorityReached = (voters: readonly MemberId[], reached: (id: MemberId) => number): number => {
  if (voters.length === 0) return Infinity
  const positions = new Array<number>(voters.length)
  // Insertion sort, highest first: voter sets are tiny.
  for (let n = 0; n < voters.length; n++) {
    const position = reached(voters[n]!)
    let i = n
    for (; i > 0 && positions[i - 1]! < position; i--) positions[i] = positions[i - 1]!
    positions[i] = position
  }
  return positions[quorumOf(voters.length) - 1]!
}

const majorityVote = (voters: readonly MemberId[], vote: (id: MemberId) => boolean | undefined): VoteResult => {
  let yes = 0
  let missing = 0
  for (const id of voters) {
    const answer = vote(id)
    if (answer === true) yes++
    else if (answer === undefined) missing++
  }
  const quorum = voters.length === 0 ? 0 : quorumOf(voters.length)
  if (yes >= quorum) return 'won'
  return yes + missing >= quorum ? 'pending' : 'lost'
}
