// The delay of this process' event loop.

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { LoopDelay } from '../env/index.js'

/**
 * Period of the timer whose lateness is recorded. A stall that begins right after it fired is seen shorter by up to this;
 * waking an idle process 200 times a second costs a thousandth of a core.
 */
const RESOLUTION_MS = 5
const NANOSECONDS = 1e9

export const loopDelay = (): LoopDelay => {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  return new SampledDelay(histogram)
}

class SampledDelay implements LoopDelay {
  readonly #histogram: IntervalHistogram

  constructor(histogram: IntervalHistogram) {
    this.#histogram = histogram
  }

  get count(): number {
    return this.#histogram.count
  }

  get meanSeconds(): number {
    return this.#seconds(this.#histogram.mean)
  }

  get maxSeconds(): number {
    return this.#seconds(this.#histogram.max)
  }

  quantileSeconds(share: number): number {
    return this.#seconds(this.#histogram.percentile(share * 100))
  }

  reset(): void {
    this.#histogram.reset()
  }

  close(): void {
    this.#histogram.disable()
  }

  /** What is recorded is the time between two firings: an idle loop reads as zero. */
  #seconds(nanoseconds: number): number {
    if (this.#histogram.count === 0) return 0
    return Math.max(0, nanoseconds - RESOLUTION_MS * 1e6) / NANOSECONDS
  }
}
