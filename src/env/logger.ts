export type LogFields = Readonly<Record<string, unknown>>

/** Structured log in etcd's shape: a constant message and kebab-case fields. Errors go under `error`. */
export interface Logger {
  readonly debugEnabled: boolean
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export const silentLogger: Logger = {
  debugEnabled: false,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}
