// What one seed decides before anything happens: the cluster, its limits, and which faults it suffers.

import type { SeededRandom } from '../random.js'

export interface SimOptions {
  readonly voters: number
  readonly learners: number
  /** Members start from configuration entries in the log, as a bootstrapped cluster does; else behind a snapshot. */
  readonly bootstrapped: boolean
  readonly preVote: boolean
  readonly checkQuorum: boolean
  readonly electionTicks: number
  readonly stepDownOnRemoval: boolean
  readonly maxSizePerMessageBytes: number
  readonly maxCommittedBytesPerReady: number
  readonly maxInflightMessages: number
  readonly maxInflightBytes: number
  readonly maxUncommittedBytes: number
  /** Applied entries that a compaction leaves in the log. */
  readonly catchUpEntries: number
  readonly dropRate: number
  readonly duplicateRate: number
  /** How far messages overtake each other; 1 keeps the order. */
  readonly reorderWindow: number
  /** Weights of rare events against 1000 ordinary ones. */
  readonly ticks: number
  readonly crashes: number
  readonly campaigns: number
  readonly partitions: number
  readonly confChanges: number
  readonly transfers: number
  readonly compactions: number
  readonly reports: number
  /** Messages across a partition wait for its end instead of being lost. */
  readonly partitionsHold: boolean
  /** Members whose state machine is slow. */
  readonly lazyMembers: number
  /** How often a member only takes an event in, and does its work together with the next one's. */
  readonly batching: number
  /** Of ordinary events: how often a disk finishes a write; small values make slow disks. */
  readonly diskSpeed: number
}

/** Each kind of fault is on in about half of the seeds. */
export const drawOptions = (random: SeededRandom): SimOptions => {
  const maybe = (value: number): number => (random.chance(0.5) ? value : 0)
  const voters = random.pick([1, 2, 3, 3, 3, 4, 5])
  return {
    voters,
    learners: random.pick([0, 0, 1]),
    bootstrapped: random.chance(0.5),
    preVote: random.chance(0.5),
    checkQuorum: random.chance(0.5),
    electionTicks: 4 + random.below(7),
    stepDownOnRemoval: random.chance(0.5),
    maxSizePerMessageBytes: random.pick([0, 60, 200, 1 << 20]),
    maxCommittedBytesPerReady: random.pick([1, 100, 1 << 20]),
    maxInflightMessages: random.pick([1, 2, 8, 512]),
    maxInflightBytes: random.pick([0, 10, 1 << 20]),
    maxUncommittedBytes: random.pick([0, 40, 1 << 20]),
    catchUpEntries: random.pick([0, 3, 20]),
    dropRate: maybe(random.fraction() * 0.25),
    duplicateRate: maybe(random.fraction() * 0.15),
    reorderWindow: random.pick([1, 1, 4, 50, 200]),
    crashes: maybe(2 + random.below(15)),
    ticks: random.pick([60, 110, 300]),
    campaigns: random.pick([1, 3, 15]),
    partitions: maybe(2 + random.below(8)),
    confChanges: random.pick([0, 0, 5, 15, 40]),
    transfers: maybe(2 + random.below(8)),
    compactions: maybe(5 + random.below(30)),
    reports: maybe(5 + random.below(20)),
    partitionsHold: random.chance(0.5),
    lazyMembers: random.pick([0, 1, 2]),
    batching: random.pick([0, 0.5, 0.9]),
    diskSpeed: random.pick([0.05, 0.15, 0.3]),
  }
}
