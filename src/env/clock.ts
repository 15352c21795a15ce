// Time arrives through here; nothing outside host/ reads a clock or sets a timer of its own.

export interface Timer {
  /** Idempotent; the callback never runs afterwards. */
  cancel(): void
}

export interface Clock {
  /** Milliseconds since an arbitrary start, never going back, fractions allowed. */
  monotonicMs(): number
  /** Milliseconds since 1970-01-01 UTC; may jump. */
  wallMs(): number
  /** `delayMs` in 0..2^31-1; the timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer
  every(periodMs: number, callback: () => void): Timer
  /** Runs after the I/O events of this turn were read: the place to act on everything that arrived in one turn. */
  soon(callback: () => void): void
  /** Runs when the callback in work is through, in line with the promises that it settles, before anything else arrives. */
  afterCallback(callback: () => void): void
  /** Resolves in a later turn, after waiting I/O and timers had theirs: how long loops give way. */
  yieldTurn(): Promise<void>
}
