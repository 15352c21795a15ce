// Many seeds in one go, with a count of what they have been through.

import { execFileSync } from 'node:child_process'
import { mix32 } from '../random.js'
import { failureReport, simulate } from './simulate.js'

export interface Sweep {
  readonly failures: readonly string[]
  readonly counts: ReadonlyMap<string, number>
  readonly stepsPerSecond: number
  /** Seeds that ran a second time and did something else. */
  readonly unequal: readonly number[]
  readonly repeated: number
}

/** Every `repeatEvery`-th seed runs twice. Stops after three failures. */
export const sweep = (seeds: Iterable<number>, steps: number, repeatEvery: number): Sweep => {
  const counts = new Map<string, number>()
  const failures: string[] = []
  const unequal: number[] = []
  const started = process.hrtime.bigint()
  let done = 0
  let position = 0
  let repeated = 0
  for (const seed of seeds) {
    const { world, error } = simulate(seed, steps)
    done += world.steps
    for (const [name, count] of world.counts) counts.set(name, (counts.get(name) ?? 0) + count)
    if (position++ % repeatEvery === 0) {
      repeated++
      const again = simulate(seed, steps).world
      done += again.steps
      if (again.traceHash !== world.traceHash) unequal.push(seed)
    }
    if (error === undefined) continue
    failures.push(failureReport(seed, steps, error))
    if (failures.length === 3) break
  }
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  return { failures, counts, stepsPerSecond: Math.round(done / seconds), unequal, repeated }
}

/** Seeds that differ from commit to commit, beyond the fixed list. `SIM_FRESH` replaces the commit. */
export const freshSeeds = (count: number, part: number): number[] => {
  const base = mix32(Number.parseInt(process.env['SIM_FRESH'] ?? commitId(), 16) ^ part)
  return Array.from({ length: count }, (_, n) => 1_000_000 + (mix32(base ^ n) >>> 1))
}

const commitId = (): string => {
  try {
    return execFileSync('git', ['rev-parse', '--short=7', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return '0' // no repository around: the fixed list has to do
  }
}
