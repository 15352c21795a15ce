// Helpers of this folder's tests.

import type { Environment } from './environment.js'
import { type Platform, UNKNOWN_PLATFORM, loadConfig } from './load-config.js'
import type { ConfigOutcome, ExitOutcome, LogLine, RunOutcome } from './outcome.js'

export const noFiles = (path: string): string => {
  throw Object.assign(new Error(`no file ${path}`), { code: 'ENOENT' })
}

export interface Given {
  readonly argv?: readonly string[]
  readonly env?: Environment
  /** Content of the configuration file `c.yml`, which is then used. */
  readonly file?: string
  readonly platform?: Partial<Platform>
}

export const load = ({ argv = [], env = {}, file, platform = {} }: Given): ConfigOutcome =>
  loadConfig(
    file === undefined ? argv : [...argv, '--config-file', 'c.yml'],
    env,
    file === undefined ? noFiles : () => file,
    { ...UNKNOWN_PLATFORM, ...platform },
  )

export const mustRun = (given: Given): RunOutcome => {
  const outcome = load(given)
  if (outcome.kind !== 'run') throw new Error(`exited: ${JSON.stringify(outcome)}`)
  return outcome
}

export const mustExit = (given: Given): ExitOutcome => {
  const outcome = load(given)
  if (outcome.kind !== 'exit') throw new Error('did not exit')
  return outcome
}

/** The error of the line `failed to verify flags`, or of the fatal line of a start. */
export const errorOf = (given: Given): unknown => {
  const { lines } = mustExit(given)
  const last = lines.findLast(({ message }) => message === 'failed to verify flags' || message === 'discovery failed')
  return last?.fields['error'] ?? lines.at(-1)?.message
}

export const messages = (lines: readonly LogLine[]): string[] =>
  lines.map(({ level, message }) => `${level} ${message}`)

/** A small seeded generator (mulberry32): uniform in [0, 1). */
export const generator = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
