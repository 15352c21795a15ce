// Runs that have failed once, each with what was wrong. They stay for good.

import type { SimOptions } from './options.js'

export interface RegressionSeed {
  readonly seed: number
  readonly steps: number
  readonly options: Partial<SimOptions>
  readonly was: string
}

export const REGRESSION_SEEDS: readonly RegressionSeed[] = [
  {
    seed: 1638,
    steps: 5000,
    options: { confChanges: 40, lazyMembers: 2, campaigns: 15, crashes: 10, healQuorumOnly: false },
    was: 'a term that a torn write had left only in entries was never synced',
  },
  {
    seed: 9_008_335,
    steps: 5000,
    options: {},
    was: 'elections after a leader had removed itself were given the time of a convergence, and a slow clock lost thirteen',
  },
  {
    seed: 13_008_651,
    steps: 5000,
    options: {},
    was: 'a quorum was chosen without the change of members that a frozen leader had in memory alone, so that it was none',
  },
  {
    seed: 15_006_278,
    steps: 5000,
    options: {},
    was: 'a promoted learner with the longest log, which did not know of the commit, could neither stand nor be passed over',
  },
]
