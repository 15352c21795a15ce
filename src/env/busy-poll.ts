// A short wait without sleep: where an answer is some tenths of a millisecond away, waking up is a seventh of the whole.

/** Keeps the event loop looking for I/O instead of sleeping in between. Costs processor time for as long as it lasts. */
export interface BusyPoll {
  /** From now on until `end`, but no longer than `limitMs`. */
  begin(limitMs: number): void
  /** Idempotent. */
  end(): void
}
