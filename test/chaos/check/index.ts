// All checkers of one run together.
import type { History } from '../history.js'
import { checkHashes, checkSameHistory, type MemberHash } from './members.js'
import { checkMembersGoForward, checkNotFromTheFuture, checkRealTime, countStaleReads } from './order.js'
import { placeOperations } from './place.js'
import { checkTimes, longestWriteGap, type RoundTimes, type TimeLimits } from './timing.js'
import { checkTruth, Truth, type Change } from './truth.js'
import type { Violation } from './violation.js'
import { checkWatches } from './watch.js'

export interface Finish {
  /** The final watch from revision 1 of every member; the first is the ground truth. */
  readonly histories: ReadonlyMap<string, readonly Change[]>
  readonly hashes: readonly MemberHash[]
}

export interface Verdict {
  readonly violations: readonly Violation[]
  readonly revision: number
  readonly acknowledgedWrites: number
  readonly lostWrites: number
  readonly unansweredApplied: number
  readonly staleReads: number
  readonly watchViolations: number
  readonly electionsMs: readonly number[]
  readonly writeGapsMs: readonly number[]
}

export const judge = (
  history: History,
  finish: Finish,
  rounds: readonly RoundTimes[],
  limits: TimeLimits,
  others: readonly Violation[] = [],
): Verdict => {
  const changes = [...finish.histories.values()][0] ?? []
  const truth = new Truth(changes)
  const placement = placeOperations(history.operations, truth)
  const watchViolations = checkWatches(history.segments, truth)
  const violations = [
    ...checkTruth(changes),
    ...checkSameHistory(finish.histories),
    ...checkHashes(finish.hashes),
    ...placement.violations,
    ...checkRealTime(placement.placed),
    ...checkNotFromTheFuture(placement.placed),
    ...checkMembersGoForward(placement.placed),
    ...watchViolations,
    ...checkTimes(rounds, history.operations, limits),
    ...others,
  ]
  return {
    violations,
    revision: truth.revision,
    acknowledgedWrites: placement.acknowledgedWrites,
    lostWrites: placement.lostWrites,
    unansweredApplied: placement.unansweredApplied,
    staleReads: countStaleReads(placement.placed),
    watchViolations: watchViolations.length,
    electionsMs: rounds.flatMap(({ electionMs }) => (electionMs === undefined ? [] : [electionMs])),
    writeGapsMs: rounds.map(({ quorumFromMs, endMs }) => longestWriteGap(history.operations, quorumFromMs, endMs)),
  }
}
