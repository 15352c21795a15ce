import type { BusyPoll } from '../env/index.js'

/** A pending immediate lets the loop look for I/O without waiting for it. */
export class LoopBusyPoll implements BusyPoll {
  #untilMs = 0
  #isRunning = false

  begin(limitMs: number): void {
    this.#untilMs = performance.now() + limitMs
    if (this.#isRunning) return
    this.#isRunning = true
    setImmediate(this.#turn)
  }

  end(): void {
    this.#untilMs = 0
  }

  readonly #turn = (): void => {
    this.#isRunning = performance.now() < this.#untilMs
    if (this.#isRunning) setImmediate(this.#turn)
  }
}
