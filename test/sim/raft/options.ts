// What one seed decides before anything happens: the cluster, its limits, and which faults it suffers.
//
// Time is the order of events. A step is one event, drawn by weight, instead of the earliest of a clock: every order that
// some latencies, clock rates and sync times could produce can be drawn, and the weights say how likely it is.

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
  /** Applied entries after which a member saves its state machine and compacts its log. */
  readonly snapshotCount: number
  /** Applied entries that a compaction leaves in the log. */
  readonly catchUpEntries: number
  /** Largest payload of a proposal. */
  readonly maxPayloadBytes: number
  readonly dropRate: number
  readonly duplicateRate: number
  /** How far messages of one lane overtake each other; 1 keeps the order, as transports do. */
  readonly reorderWindow: number
  /** Spread of the links' latencies (sigma of a log-normal distribution); 0 makes all links alike. */
  readonly latencySpread: number
  /** How far the members' clocks run apart, each way. */
  readonly clockSkew: number
  /** Share of ticks that never arrive. */
  readonly missedTicks: number
  /** Weights of rare events against 1000 ordinary ones. */
  readonly ticks: number
  readonly crashes: number
  readonly pauses: number
  readonly campaigns: number
  readonly partitions: number
  /** Connections that break and lose what was on its way. */
  readonly breaks: number
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
  /** Weight of disks that stop for a while. */
  readonly diskStalls: number
  /** Share of reads that use a mark which was used before. */
  readonly repeatedMarks: number
  /** In the end only a quorum is healed, and the others stay as broken as they are. */
  readonly healQuorumOnly: boolean
}

/** Each kind of fault is on in about half of the seeds. */
export const drawOptions = (random: SeededRandom): SimOptions => {
  const maybe = (value: number): number => (random.chance(0.5) ? value : 0)
  return {
    voters: random.pick([1, 2, 3, 3, 3, 3, 4, 5, 5, 7]),
    learners: random.pick([0, 0, 0, 1, 2]),
    bootstrapped: random.chance(0.5),
    preVote: random.chance(0.6),
    checkQuorum: random.chance(0.6),
    electionTicks: random.pick([9, 10, 5, 20, 5 + random.below(16)]),
    stepDownOnRemoval: random.chance(0.5),
    maxSizePerMessageBytes: random.pick([0, 60, 200, 1 << 20]),
    maxCommittedBytesPerReady: random.pick([1, 100, 1 << 20]),
    maxInflightMessages: random.pick([1, 2, 8, 512]),
    maxInflightBytes: random.pick([0, 10, 200, 1 << 20]),
    maxUncommittedBytes: random.pick([0, 40, 1 << 20]),
    snapshotCount: random.pick([5, 10, 50, 1000]),
    catchUpEntries: random.pick([0, 0, 3, 10, 100]),
    maxPayloadBytes: random.pick([4, 4, 40]),
    dropRate: maybe(random.fraction() * 0.3),
    duplicateRate: maybe(random.fraction() * 0.1),
    reorderWindow: random.pick([1, 1, 1, 4, 50, 1000]),
    latencySpread: maybe(random.fraction() * 2),
    clockSkew: maybe(random.fraction() * 0.1),
    missedTicks: maybe(random.fraction() * 0.3),
    ticks: random.pick([60, 110, 300]),
    crashes: maybe(2 + random.below(15)),
    pauses: maybe(0.5 + random.below(3)),
    campaigns: random.pick([1, 3, 15]),
    partitions: maybe(2 + random.below(8)),
    breaks: maybe(2 + random.below(20)),
    confChanges: random.pick([0, 0, 5, 15, 40]),
    transfers: maybe(2 + random.below(8)),
    compactions: maybe(5 + random.below(30)),
    reports: maybe(5 + random.below(20)),
    partitionsHold: random.chance(0.5),
    lazyMembers: random.pick([0, 1, 2]),
    batching: random.pick([0, 0.5, 0.9]),
    diskSpeed: random.pick([0.05, 0.15, 0.3]),
    diskStalls: maybe(1 + random.below(4)),
    repeatedMarks: maybe(0.3),
    healQuorumOnly: random.chance(0.5),
  }
}

/** Everything that harms, and the value that does not: what a failing run can be tried without. */
export const HARMLESS: Partial<SimOptions> = {
  dropRate: 0,
  duplicateRate: 0,
  reorderWindow: 1,
  latencySpread: 0,
  clockSkew: 0,
  missedTicks: 0,
  crashes: 0,
  pauses: 0,
  partitions: 0,
  breaks: 0,
  confChanges: 0,
  transfers: 0,
  compactions: 0,
  reports: 0,
  lazyMembers: 0,
  batching: 0,
  diskStalls: 0,
  repeatedMarks: 0,
  learners: 0,
  healQuorumOnly: false,
}
