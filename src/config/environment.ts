// ETCD_* variables: every flag has one. They are read only when there is no configuration file.

import { FLAG_NAMES, type FlagName, variableOf } from './flag-table.js'
import { compareText, quote } from './go-text.js'
import { type LogLine, line } from './outcome.js'
import type { Settings } from './settings.js'

export type Environment = Readonly<Record<string, string | undefined>>

export interface EnvironmentResult {
  readonly lines: readonly LogLine[]
  /** A value that does not parse; the last one in the order of flag names, as the reference reports it. */
  readonly error: string | undefined
  /** A variable and its flag were both given: the process ends with the line. */
  readonly conflict: LogLine | undefined
}

const NAMES_BY_TEXT = [...FLAG_NAMES].sort(compareText)

/** Differs: etcd prints the values of these as well. */
const SECRET: ReadonlySet<FlagName> = new Set<FlagName>(['discovery-password', 'discovery-user'])

/** Sets from `env` what the command line did not set. An empty variable counts as absent. */
export const applyEnvironment = (env: Environment, settings: Settings): EnvironmentResult => {
  const lines: LogLine[] = []
  const fromCommandLine = new Set([...settings.explicit].map(variableOf))
  const used = new Set<string>()
  let error: string | undefined
  const special = env['ETCD_VERSION']
  if (special !== undefined && special !== '') {
    lines.push(line('warn', 'cannot set special environment variable', { key: 'ETCD_VERSION', value: special }))
  }
  for (const name of NAMES_BY_TEXT) {
    const variable = variableOf(name)
    const value = env[variable]
    if (fromCommandLine.has(variable) || value === undefined || value === '' || name === 'version') continue
    used.add(variable)
    const problem = settings.setText(name, value)
    if (problem !== undefined) {
      error = `invalid value ${quote(value)} for ${variable}: ${problem}`
      continue
    }
    const shown = SECRET.has(name) ? '<redacted>' : value
    const fields = { 'variable-name': variable, 'variable-value': shown }
    lines.push(line('info', 'recognized and used environment variable', fields))
  }
  let conflict: LogLine | undefined
  for (const [variable, value] of Object.entries(env)) {
    if (value === undefined || used.has(variable)) continue
    if (variable === 'ETCD_VERSION' && value !== '') continue
    if (fromCommandLine.has(variable)) {
      conflict = line(
        'fatal',
        'conflicting environment variable is shadowed by corresponding command-line flag (either unset environment variable or disable flag))',
        { 'environment-variable': variable },
      )
      break
    }
    if (variable.startsWith('ETCD_')) {
      lines.push(line('warn', 'unrecognized environment variable', { 'environment-variable': `${variable}=${value}` }))
    }
  }
  return { lines, error, conflict }
}
