// The server's log in etcd's form: one JSON object per line with `level ts logger caller msg` first, or tabbed text.

import pino from 'pino'
import { hexId } from '../base/index.js'
import type { LogFields, Logger } from '../env/index.js'
import { LogSampler } from './log-sampler.js'
import { FineWallClock, formatLogTime } from './log-time.js'
import { type LogOutput, openOutput } from './log-outputs.js'
import type { RotationOptions } from './rotating-file.js'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'dpanic' | 'panic' | 'fatal'

export interface LoggingOptions {
  readonly level: LogLevel
  readonly format: 'json' | 'console'
  /** `stderr`, `stdout` or paths; empty: everything is discarded. */
  readonly outputs: readonly string[]
  /** Applies to the one file among the outputs. */
  readonly rotation: RotationOptions | undefined
}

export const EARLY_LOGGING: LoggingOptions = { level: 'info', format: 'json', outputs: ['stderr'], rotation: undefined }

const LEVELS: Readonly<Record<LogLevel, number>> = {
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  dpanic: 52,
  panic: 54,
  fatal: 60,
}

/** Frames in `stacktrace`, which lines of level error and above carry. */
const STACK_FRAMES = 10

type PinoLogger = pino.Logger<'dpanic' | 'panic'>

/** What all loggers of one process share. */
interface Shared {
  readonly pino: PinoLogger
  readonly level: number
  readonly sampler: LogSampler
  readonly outputs: readonly LogOutput[]
  readonly exit: (code: number) => never
}

export class ProcessLogger implements Logger {
  readonly debugEnabled: boolean
  readonly #shared: Shared
  readonly #name: string | undefined

  constructor(shared: Shared, name?: string) {
    this.#shared = shared
    this.#name = name
    this.debugEnabled = shared.level <= LEVELS.debug
  }

  debug(message: string, fields?: LogFields): void {
    if (this.debugEnabled) this.#write('debug', message, fields, this.debug)
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields, this.info)
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields, this.warn)
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields, this.error)
  }

  log(level: LogLevel, message: string, fields?: LogFields): void {
    this.#write(level, message, fields, this.log)
  }

  /** Writes the line and ends the process with code 1. */
  fatal(message: string, fields?: LogFields): never {
    this.#write('fatal', message, fields, this.fatal)
    return this.#shared.exit(1)
  }

  /** A logger whose lines carry `"logger":name`, such as `raft`. */
  named(name: string): ProcessLogger {
    return new ProcessLogger(this.#shared, name)
  }

  /** Only for files; lines written later are lost. */
  async close(): Promise<void> {
    for (const output of this.#shared.outputs) await output.close()
  }

  #write(level: LogLevel, message: string, fields: LogFields | undefined, entry: (...args: never[]) => void): void {
    const { level: least, sampler, pino: sink } = this.#shared
    if (LEVELS[level] < least || !sampler.admit(level, message, performance.now())) return
    const frames = stackFrom(entry, LEVELS[level] >= LEVELS.error ? STACK_FRAMES : 1)
    const line: Record<string, unknown> = {}
    if (this.#name !== undefined) line['logger'] = this.#name
    line['caller'] = callerOf(frames[0])
    line['msg'] = message
    for (const name in fields) line[name] = printable(fields[name])
    if (LEVELS[level] >= LEVELS.error) line['stacktrace'] = frames.join('\n')
    sink[level](line)
  }
}

/**
 * Opens the outputs and makes the logger.
 * @throws LogOutputFailed
 */
export const openLogger = (
  options: LoggingOptions,
  exit: (code: number) => never = (code) => process.exit(code),
): ProcessLogger => {
  const outputs: LogOutput[] = []
  for (const target of options.outputs) {
    const isFile = target !== 'stderr' && target !== 'stdout'
    outputs.push(openOutput(target, isFile ? options.rotation : undefined))
  }
  return loggerOver(outputs, options, exit)
}

/** The logger over outputs that are open already. */
export const loggerOver = (
  outputs: readonly LogOutput[],
  { level, format }: Pick<LoggingOptions, 'level' | 'format'>,
  exit: (code: number) => never = (code) => process.exit(code),
): ProcessLogger => {
  const clock = new FineWallClock()
  const write = (text: string): void => {
    const line = format === 'json' ? text : toConsole(text)
    for (const output of outputs) output.write(line)
  }
  const sink = pino(
    {
      base: null,
      level,
      customLevels: { dpanic: LEVELS.dpanic, panic: LEVELS.panic },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"ts":"${formatLogTime(clock.now())}"`,
    },
    { write },
  )
  return new ProcessLogger({ pino: sink, level: LEVELS[level], sampler: new LogSampler(), outputs, exit })
}

/** `time \t level \t [logger] \t caller \t message \t {fields}`. */
const toConsole = (json: string): string => {
  const { level, ts, logger, caller, msg, stacktrace, ...fields } = JSON.parse(json) as Record<string, unknown>
  const parts = [ts, level, logger, caller, msg].filter((part) => part !== undefined).map(String)
  if (Object.keys(fields).length > 0) parts.push(JSON.stringify(fields))
  return parts.join('\t') + (typeof stacktrace === 'string' ? `\n${stacktrace}` : '') + '\n'
}

/** Errors as their text, identifiers as hex, the rest as it is. */
const printable = (value: unknown): unknown => {
  if (typeof value === 'bigint') return hexId(value)
  return value instanceof Error ? value.message : value
}

/** Frames above `entry`, innermost first. */
const stackFrom = (entry: (...args: never[]) => void, frames: number): string[] => {
  const before = Error.stackTraceLimit
  Error.stackTraceLimit = frames
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, entry)
  Error.stackTraceLimit = before
  return (holder.stack ?? '').split('\n').slice(1)
}

/** `folder/file:line` of a frame, as the runtime maps it; tools require that it is not empty. */
const callerOf = (frame: string | undefined): string => {
  const match = /([^/\\(\s]+[/\\][^/\\\s]+:\d+):\d+\)?$/.exec(frame ?? '')
  return match?.[1] ?? 'unknown:0'
}
