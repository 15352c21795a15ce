import type { Clock, Timer } from '../env/index.js'

/** The longest delay that Node.js timers take; longer ones would fire at once. */
const DELAY_MAX_MS = 2 ** 31 - 1

class SystemTimer implements Timer {
  readonly #handle: NodeJS.Timeout

  constructor(handle: NodeJS.Timeout) {
    this.#handle = handle.unref()
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }
}

/** The machine's clock. Its timers never keep the process alive: listeners and open files do. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, callback) => new SystemTimer(setTimeout(callback, Math.min(delayMs, DELAY_MAX_MS))),
  every: (periodMs, callback) => new SystemTimer(setInterval(callback, Math.min(periodMs, DELAY_MAX_MS))),
  soon: (callback) => {
    setImmediate(callback)
  },
  afterCallback: (callback) => queueMicrotask(callback),
  // A check phase later: timers and the I/O of one poll run in between.
  yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
}
