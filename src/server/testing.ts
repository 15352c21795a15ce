// Helpers of this folder's tests.

import type { Clock, LogFields, Logger, Timer } from '../env/index.js'

const NEW_YEAR_2030_MS = 1_893_456_000_000

/** Time that stands still until it is moved. Timers fire inside `advance`. */
export class HandClock implements Clock {
  nowMs = 1000
  readonly #timers = new Set<{ atMs: number; run: () => void }>()

  monotonicMs(): number {
    return this.nowMs
  }

  wallMs(): number {
    return NEW_YEAR_2030_MS + this.nowMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.nowMs + delayMs, run: callback }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  every(): Timer {
    throw new Error('not needed by these tests')
  }

  soon(): void {
    throw new Error('not needed by these tests')
  }

  afterCallback(): void {
    throw new Error('not needed by these tests')
  }

  yieldTurn(): Promise<void> {
    return Promise.resolve()
  }

  get waiting(): number {
    return this.#timers.size
  }

  advance(ms: number): void {
    this.nowMs += ms
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.nowMs) continue
      this.#timers.delete(timer)
      timer.run()
    }
  }
}

export interface WrittenLine {
  readonly level: string
  readonly message: string
  readonly fields: LogFields
}

/** A logger that keeps what it is told. Errors are kept as their text. */
export const recordingLogger = (debugEnabled = false): { logger: Logger; lines: WrittenLine[] } => {
  const lines: WrittenLine[] = []
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}): void => {
      const texts = Object.entries(fields).map(([name, value]) => [
        name,
        value instanceof Error ? value.message : value,
      ])
      lines.push({ level, message, fields: Object.fromEntries(texts) as LogFields })
    }
  const logger = {
    debugEnabled,
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  }
  return { logger, lines }
}

/** Builds a record from some of its fields. */
export const make = <T extends object>(Record: new () => T, fields: Partial<T> = {}): T =>
  Object.assign(new Record(), fields)

export const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')
