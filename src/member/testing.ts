/* eslint-disable no-restricted-syntax -- turns of the real event loop let promises settle, for tests only */
// A clock that is moved by hand: everything that hangs on time or turns runs in a fixed order, however fast the machine is.

import type { Clock, Timer } from '../env/index.js'

interface Scheduled {
  dueMs: number
  readonly order: number
  readonly periodMs: number | undefined
  readonly callback: () => void
}

const START_WALL_MS = Date.UTC(2026, 0, 1)
/** Turns without any time passing: beyond, something asks for turn after turn and would never end. */
const TURNS_MAX = 100_000

export class SimClock implements Clock {
  #nowMs: number
  #order = 0
  #timers: Scheduled[] = []
  #soon: (() => void)[] = []

  /** A later life of the same machine starts where the earlier one stopped. */
  constructor(startMs = 0) {
    this.#nowMs = startMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return START_WALL_MS + this.#nowMs
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#schedule(delayMs, undefined, callback)
  }

  every(periodMs: number, callback: () => void): Timer {
    return this.#schedule(periodMs, periodMs, callback)
  }

  soon(callback: () => void): void {
    this.#soon.push(callback)
  }

  yieldTurn(): Promise<void> {
    return new Promise((resolve) => this.soon(resolve))
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.length
  }

  /** Time passes without anybody running, as in a paused process; what is due runs with the next `advance`. */
  skip(ms: number): void {
    this.#nowMs += ms
  }

  /** One turn: what waits for it, then all promises that settle by themselves. False when nobody waited. */
  async turn(): Promise<boolean> {
    await promises()
    const callbacks = this.#soon
    this.#soon = []
    for (const callback of callbacks) callback()
    await promises()
    return callbacks.length > 0
  }

  /** Turns until nobody asks for one any more. No time passes. */
  async settle(): Promise<void> {
    for (let turns = 0; await this.turn(); turns++) {
      if (turns > TURNS_MAX) throw new Error('work that never ends')
    }
  }

  /** Lets time pass; each timer runs in a turn of its own, at its time, with all that follows from it. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    await this.settle()
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      if (next.periodMs === undefined) this.#drop(next)
      else next.dueMs = Math.max(next.dueMs + next.periodMs, this.#nowMs)
      next.callback()
      await this.settle()
    }
    this.#nowMs = endMs
  }

  /** As `advance` in small steps, until `done`. @throws Error after `limitMs`. */
  async until(done: () => boolean, limitMs = 60_000): Promise<void> {
    const endMs = this.#nowMs + limitMs
    await this.settle()
    while (!done()) {
      if (this.#nowMs >= endMs) throw new Error(`not within ${limitMs} ms`)
      await this.advance(10)
    }
  }

  #schedule(delayMs: number, periodMs: number | undefined, callback: () => void): Timer {
    const timer: Scheduled = {
      dueMs: this.#nowMs + delayMs,
      order: this.#order++,
      periodMs,
      callback,
    }
    this.#timers.push(timer)
    return { cancel: () => this.#drop(timer) }
  }

  #drop(timer: Scheduled): void {
    this.#timers = this.#timers.filter((other) => other !== timer)
  }

  #next(endMs: number): Scheduled | undefined {
    let next: Scheduled | undefined
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue
      if (next === undefined || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)) {
        next = timer
      }
    }
    return next
  }
}

/** In a process without I/O, one turn of the event loop runs every promise that can settle. */
const promises = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
