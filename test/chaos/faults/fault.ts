// What a fault is to the run: something done to a cluster under load, that ends with everything healed.
import type { SeededRandom } from '../../support/random.js'
import type { Violation } from '../check/violation.js'
import type { Cluster } from '../cluster/cluster.js'

export interface FaultContext {
  readonly cluster: Cluster
  readonly random: SeededRandom
  /** Written to the run's timeline. */
  readonly note: (text: string) => void
  /** For what only the fault itself can judge. */
  readonly report: (violation: Violation) => void
}

export interface Marks {
  /** From here on writes had to go on: a quorum was up and connected. */
  readonly quorumFromMs: number
  readonly electionMs?: number
}

export interface Fault {
  readonly name: string
  readonly summary: string
  /** Smallest cluster on which it makes sense. */
  readonly membersMin?: number
  readonly flags?: readonly string[]
  /** Writes may be slower than the limit while it lasts, so gaps are reported and not judged. */
  readonly slowsWrites?: boolean
  run(context: FaultContext): Promise<Marks>
}

/** Uniform in [low, high] milliseconds. */
export const between = (random: SeededRandom, lowMs: number, highMs: number): number =>
  lowMs + random.below(highMs - lowMs + 1)
