// How late the event loop is, as seen from inside: what heartbeats, deadlines and every client feel.

/** Samples of the time that something due at once still had to wait. Sampled since the last `reset`. */
export interface LoopDelay {
  readonly count: number
  /** All in seconds; 0 without samples. */
  readonly meanSeconds: number
  readonly maxSeconds: number
  /** `share` of the samples are at most so long, 0 < share < 1. */
  quantileSeconds(share: number): number
  /** Begins the next period. */
  reset(): void
  /** Ends the sampling. */
  close(): void
}
