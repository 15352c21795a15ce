// What loading the configuration ends in.

import type { LogFields } from '../env/index.js'
import type { ServerConfig } from './server-config.js'

/** A log line to write once the logger that it belongs to exists. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'panic' | 'fatal'
  readonly message: string
  readonly fields: LogFields
}

export interface LogRotation {
  readonly maxSizeBytes: number
  /** 0: any age. */
  readonly maxAgeDays: number
  /** 0: any number. */
  readonly maxBackups: number
  /** Local time instead of UTC in the names of rotated files. */
  readonly localTime: boolean
  readonly compress: boolean
}

export interface LoggingConfig {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'dpanic' | 'panic' | 'fatal'
  readonly format: 'json' | 'console'
  /** `stderr`, `stdout` or paths; empty: everything is discarded. */
  readonly outputs: readonly string[]
  /** Only with exactly one file among the outputs. */
  readonly rotation: LogRotation | undefined
}

/** Start the server. */
export interface RunOutcome {
  readonly kind: 'run'
  readonly config: ServerConfig
  /** For standard error in JSON, whatever the log flags say. */
  readonly earlyLines: readonly LogLine[]
  /** For the configured logger, in order, before anything else. */
  readonly lines: readonly LogLine[]
}

/** Write what is given, in the order of the fields, and end the process. */
export interface ExitOutcome {
  readonly kind: 'exit'
  readonly code: number
  readonly earlyLines: readonly LogLine[]
  /** The logger for `lines`; undefined: standard error in JSON. */
  readonly logging: LoggingConfig | undefined
  readonly lines: readonly LogLine[]
  readonly stderr: string
  readonly stdout: string
}

export type ConfigOutcome = RunOutcome | ExitOutcome

export const line = (level: LogLine['level'], message: string, fields: LogFields = {}): LogLine => ({
  level,
  message,
  fields,
})

export const exit = (code: number, what: Partial<Omit<ExitOutcome, 'kind' | 'code'>>): ExitOutcome => ({
  kind: 'exit',
  code,
  earlyLines: what.earlyLines ?? [],
  logging: what.logging,
  lines: what.lines ?? [],
  stderr: what.stderr ?? '',
  stdout: what.stdout ?? '',
})
