// One seed from beginning to end, and what to tell about a seed that failed.

import { HARMLESS } from './options.js'
import type { SimOptions } from './options.js'
import { World } from './world.js'
import type { WorldHooks } from './world.js'

export interface Outcome {
  readonly world: World
  /** Undefined when it kept every promise. */
  readonly error: Error | undefined
}

export const simulate = (
  seed: number,
  steps: number,
  hooks: WorldHooks = {},
  print?: (line: string) => void,
): Outcome => {
  const world = new World(seed, hooks, print)
  try {
    world.run(steps)
    world.heal()
    return { world, error: undefined }
  } catch (error) {
    return { world, error: error instanceof Error ? error : new Error(String(error)) }
  }
}

export const replayCommand = (seed: number, steps: number, options: Partial<SimOptions> = {}): string => {
  const changed = Object.keys(options).length === 0 ? '' : ` --options '${JSON.stringify(options)}'`
  return `npm run sim -- --seed ${seed} --steps ${steps}${changed}`
}

export interface Shrunk {
  readonly steps: number
  readonly options: Partial<SimOptions>
}

/** A smaller run of a failing seed that still fails: fewer steps, fewer members, fewer kinds of faults. */
export const shrink = (seed: number, steps: number, hooks: WorldHooks = {}): Shrunk => {
  let best: Shrunk = { steps, options: {} }
  const failsWith = (tried: Shrunk): boolean => {
    const { world, error } = simulate(seed, tried.steps, { ...hooks, options: { ...hooks.options, ...tried.options } })
    if (error === undefined) return false
    // A promise that broke at some step needs no later ones.
    best = { ...tried, steps: Math.min(tried.steps, Math.max(world.steps, 1)) }
    return true
  }
  if (!failsWith(best)) return best
  for (const voters of [3, 2, 1]) failsWith({ ...best, options: { ...best.options, voters } })
  for (const [name, value] of Object.entries(HARMLESS)) {
    failsWith({ ...best, options: { ...best.options, [name]: value } })
  }
  while (best.steps > 1 && failsWith({ ...best, steps: Math.floor(best.steps / 2) }));
  return best
}

/** Options, the end of the trace and a shrunk replay. */
export const failureReport = (seed: number, steps: number, error: Error): string => {
  const lines: string[] = []
  const { world } = simulate(seed, steps, {}, (line) => {
    lines.push(line)
    if (lines.length > 400) lines.splice(0, 200)
  })
  const smaller = shrink(seed, steps)
  return [
    `${error.stack ?? String(error)}`,
    `replay: ${replayCommand(seed, steps)} (step ${world.steps})`,
    `smaller: ${replayCommand(seed, smaller.steps, smaller.options)}`,
    `options ${JSON.stringify(world.options)}`,
    ...lines.slice(-200),
  ].join('\n')
}
