// Old flags hand their values to what replaced them; never both at once.

import { deprecationText } from './flags-deprecated.js'
import { FLAG_NAMES, isFlagName, rowOf } from './flag-table.js'
import { type LogLine, line } from './outcome.js'
import type { Settings } from './settings.js'

/** Moves the values of old flags that were given. Returns the error when old and new were given together. */
export const applySuccessors = (settings: Settings): string | undefined => {
  const gates = settings.get('feature-gates')
  const merged = new Map(gates)
  for (const name of FLAG_NAMES) {
    const { successor } = rowOf(name)
    if (successor === undefined || !settings.isSet(name)) continue
    const value = settings.get(name)
    if ('gate' in successor) {
      const { gate } = successor
      const on = value === true
      const given = gates.get(gate)
      if (given !== undefined) {
        return `cannot specify both flags: --${name}=${on} and --feature-gates=${gate}=${given} at the same time, please just use --feature-gates=${gate}=${on}`
      }
      merged.set(gate, on)
      continue
    }
    if (!isFlagName(successor.flag)) continue
    if (settings.isSet(successor.flag)) {
      return `cannot set --${name} and --${successor.flag} at the same time, please use --${successor.flag} only`
    }
    settings.putChecked(successor.flag, value)
  }
  if (merged.size > gates.size) settings.replace('feature-gates', merged)
  return undefined
}

const OTHER_WARNINGS = [
  ['max-snapshots', '--max-snapshots is deprecated in 3.6 and will be decommissioned in 3.8.'],
  [
    'v2-deprecation',
    '--v2-deprecation is deprecated and scheduled for removal in v3.8. The default value is enforced, ignoring user input.',
  ],
] as const

/** One warning for every deprecated flag that was given. */
export const deprecationLines = (settings: Settings): LogLine[] => {
  const lines = OTHER_WARNINGS.filter(([name]) => settings.isSet(name)).map(([, text]) => line('warn', text))
  for (const name of FLAG_NAMES) {
    const { successor } = rowOf(name)
    if (successor !== undefined && settings.isSet(name)) lines.push(line('warn', deprecationText(name, successor)))
  }
  return lines
}
