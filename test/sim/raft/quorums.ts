// Whether every quorum of one membership meets every quorum of another, found out by trying all sets of voters.

import type { MemberId } from '#src/base/index.js'
import { quorumOf } from '#src/raft/quorum.js'

export interface VotersOf {
  readonly voters: readonly MemberId[]
  readonly votersOutgoing: readonly MemberId[]
}

const isQuorum = ({ voters, votersOutgoing }: VotersOf, has: (id: MemberId) => boolean): boolean =>
  [voters, votersOutgoing].every((half) => half.length === 0 || half.filter(has).length >= quorumOf(half.length))

/** Two quorums could decide without each other when one has all its members outside the other. */
export const quorumsMeet = (a: VotersOf, b: VotersOf): boolean => {
  if (a.voters.length === 0 || b.voters.length === 0) return true
  const ids = [...new Set([...a.voters, ...a.votersOutgoing, ...b.voters, ...b.votersOutgoing])]
  for (let set = 0; set < 1 << ids.length; set++) {
    const isInSet = (id: MemberId): boolean => (set & (1 << ids.indexOf(id))) !== 0
    if (isQuorum(a, isInSet) && isQuorum(b, (id) => !isInSet(id))) return false
  }
  return true
}

export const holdsQuorum = isQuorum
