// What the logging flags mean, checked in the reference's order.

import { type ExitOutcome, type LogRotation, type LoggingConfig, exit } from './outcome.js'
import { type Parsed, failed, parsed } from './go-number.js'
import { quote } from './go-text.js'
import type { Settings } from './settings.js'

const LEVELS = ['debug', 'info', 'warn', 'error', 'dpanic', 'panic', 'fatal'] as const

const MEGABYTE = 1024 * 1024

/** The logger's settings, an error for `failed to verify flags`, or how the process ends. */
export const loggingConfig = (settings: Settings): LoggingConfig | { readonly error: string } | ExitOutcome => {
  const logger = settings.get('logger')
  if (logger === 'capnslog') return { error: '--logger=capnslog is removed in v3.5' }
  if (logger !== 'zap') return { error: `unknown logger option ${quote(logger)}` }
  const given = settings.get('log-outputs')
  const targets = given.length === 0 ? ['default'] : given
  if (targets.length > 1 && targets.includes('default')) {
    return { error: 'multi logoutput for "default" is not supported yet' }
  }
  let rotation: LogRotation | undefined
  if (settings.get('enable-log-rotation')) {
    const rotated = rotationConfig(targets, settings.get('log-rotation-config-json'))
    if (!rotated.ok) return rotated
    rotation = rotated.value
  }
  const journal = targets.includes('systemd/journal')
  const word = settings.get('log-level')
  const level = word === '' ? 'info' : LEVELS.find((known) => known === word || known.toUpperCase() === word)
  if (level === undefined) return exit(2, { stderr: `panic: unrecognized level: ${quote(word)}\n` })
  const format = settings.get('log-format')
  if (format !== 'json' && format !== 'console') {
    return { error: `unknown log format: ${format}, supported values json, console` }
  }
  // Sending to journald needs a kind of socket that Node.js does not have; under systemd standard error reaches it too.
  if (journal) return { error: "can't find journal (not supported; under systemd log to stderr)" }
  if (targets.includes('')) return { error: 'open sink "": open : no such file or directory' }
  const outputs = targets.includes('/dev/null')
    ? []
    : [...new Set(targets.map((target) => (target === 'default' ? 'stderr' : target)))]
  return { level, format, outputs, rotation }
}

const ROTATION_FIELDS = {
  maxsize: 'int',
  maxage: 'int',
  maxbackups: 'int',
  localtime: 'bool',
  compress: 'bool',
} as const

const rotationConfig = (targets: readonly string[], text: string): Parsed<LogRotation> => {
  const files = targets.filter((target) => !['default', 'stderr', 'stdout'].includes(target))
  if (files.length > 1 || (targets.length === 1 && files.length === 0)) {
    return failed('--log-outputs requires a single file path when --log-rotate-config-json is defined')
  }
  const json = parseJson(text)
  if (!json.ok) return failed(`improperly formatted log rotation config: ${json.error}`)
  const invalid = (kind: string, what: string) =>
    failed(`invalid log rotation config: json: cannot unmarshal ${kind} into Go ${what}`)
  if (json.value === null) return parsed(rotationOf({}))
  if (typeof json.value !== 'object' || Array.isArray(json.value)) {
    return invalid(kindOf(json.value), 'value of type embed.logRotationConfig')
  }
  const fields: Partial<Record<keyof typeof ROTATION_FIELDS, number | boolean>> = {}
  for (const [key, value] of Object.entries(json.value)) {
    const name = key.toLowerCase()
    if (value === null || !isRotationField(name)) continue
    const type = ROTATION_FIELDS[name]
    const bad = `struct field logRotationConfig.Logger.${name} of type ${type}`
    if (type === 'bool' && typeof value === 'boolean') fields[name] = value
    else if (type === 'int' && typeof value === 'number') {
      if (!Number.isSafeInteger(value)) return invalid(`number ${value}`, bad)
      fields[name] = value
    } else return invalid(kindOf(value), bad)
  }
  return parsed(rotationOf(fields))
}

const rotationOf = (fields: Partial<Record<keyof typeof ROTATION_FIELDS, number | boolean>>): LogRotation => ({
  maxSizeBytes: (Math.max(0, Number(fields.maxsize ?? 0)) || 100) * MEGABYTE,
  maxAgeDays: Math.max(0, Number(fields.maxage ?? 0)),
  maxBackups: Math.max(0, Number(fields.maxbackups ?? 0)),
  localTime: fields.localtime === true,
  compress: fields.compress === true,
})

const isRotationField = (name: string): name is keyof typeof ROTATION_FIELDS => Object.hasOwn(ROTATION_FIELDS, name)

const parseJson = (text: string): Parsed<unknown> => {
  try {
    return parsed(JSON.parse(text) as unknown)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return failed(
      /end of JSON input|Expected property name or '}'.*at position 1$/.test(message)
        ? 'unexpected end of JSON input'
        : message,
    )
  }
}

const kindOf = (value: unknown): string =>
  Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : value === null ? 'null' : typeof value
