// The command line, by the rules of Go's flag package.

import { type FlagName, isFlagName, rowOf } from './flag-table.js'
import { quote } from './go-text.js'
import { flagHelp, usage } from './help.js'
import { type ExitOutcome, exit } from './outcome.js'
import { type Settings, isBooleanFlag } from './settings.js'

/**
 * Sets what `argv` (without the program's name) says.
 * Returns the first argument that is no flag (`stray`), or how the process ends.
 */
export const parseCommandLine = (
  argv: readonly string[],
  settings: Settings,
): { readonly stray: string | undefined } | ExitOutcome => {
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!
    if (argument.length < 2 || !argument.startsWith('-')) return { stray: argument }
    if (argument === '--') return { stray: argv[i + 1] }
    const body = argument.slice(argument.startsWith('--') ? 2 : 1)
    if (body === '' || body.startsWith('-') || body.startsWith('=')) return refuse(`bad flag syntax: ${argument}`)
    const cut = body.indexOf('=', 1)
    const name = cut < 0 ? body : body.slice(0, cut)
    let value = cut < 0 ? undefined : body.slice(cut + 1)
    if (!isFlagName(name)) {
      if (name === 'help' || name === 'h') return exit(0, { stderr: usage(), stdout: flagHelp() })
      return refuse(`flag provided but not defined: -${name}`)
    }
    if (value === undefined) {
      if (isBooleanFlag(rowOf(name))) value = 'true'
      else if (i + 1 < argv.length) value = argv[++i]!
      else return refuse(`flag needs an argument: -${name}`)
    }
    const error = settings.setText(name, value)
    if (error !== undefined) return refuse(badValue(name, value, error))
  }
  return { stray: undefined }
}

const badValue = (name: FlagName, value: string, error: string): string =>
  rowOf(name).kind === 'bool'
    ? `invalid boolean value ${quote(value)} for -${name}: ${error}`
    : `invalid value ${quote(value)} for flag -${name}: ${error}`

const refuse = (message: string): ExitOutcome => exit(2, { stderr: `${message}\n${usage()}` })
