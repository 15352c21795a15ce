// How long things took, and whether that is good enough.
import type { Operation } from '../history.js'
import { isWriteRequest } from '../history.js'
import { violation, type Violation } from './violation.js'

export interface RoundTimes {
  readonly round: number
  /** From here on a quorum was up and connected, so writes had to go on. */
  readonly quorumFromMs: number
  readonly endMs: number
  /** From the leader's death until another led; undefined when the fault kills no leader. */
  readonly electionMs: number | undefined
}

export interface TimeLimits {
  readonly electionMaxMs: number
  /** Infinity where a fault may slow writes without an end. */
  readonly writeGapMaxMs: number
}

/** The longest time without an acknowledged write in [fromMs, toMs). */
export const longestWriteGap = (operations: readonly Operation[], fromMs: number, toMs: number): number => {
  const times = operations
    .filter(({ answer, request }) => answer !== undefined && isWriteRequest(request))
    .map(({ returnedMs }) => returnedMs)
    .filter((returnedMs) => returnedMs >= fromMs && returnedMs < toMs)
    .sort((a, b) => a - b)
  let longest = 0
  let before = fromMs
  for (const time of [...times, toMs]) {
    longest = Math.max(longest, time - before)
    before = time
  }
  return longest
}

export const checkTimes = (
  rounds: readonly RoundTimes[],
  operations: readonly Operation[],
  limits: TimeLimits,
): Violation[] =>
  rounds.flatMap(({ round, quorumFromMs, endMs, electionMs }) => {
    const found: Violation[] = []
    if (electionMs !== undefined && electionMs > limits.electionMaxMs)
      found.push(
        violation('election', `round ${round}: ${electionMs.toFixed(0)} ms, at most ${limits.electionMaxMs} allowed`),
      )
    const gapMs = longestWriteGap(operations, quorumFromMs, endMs)
    if (gapMs > limits.writeGapMaxMs)
      found.push(
        violation('write gap', `round ${round}: ${gapMs.toFixed(0)} ms, at most ${limits.writeGapMaxMs} allowed`),
      )
    return found
  })

/** Nearest rank; 0 of nothing. */
export const percentile = (values: readonly number[], percent: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0
}
