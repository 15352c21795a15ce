// Runs that have failed once, each with what was wrong. They stay for good.

import type { SimOptions } from './options.js'

export interface RegressionSeed {
  readonly seed: number
  readonly steps: number
  readonly options: Partial<SimOptions>
  readonly was: string
}

export const REGRESSION_SEEDS: readonly RegressionSeed[] = []
