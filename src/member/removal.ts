// A member that was removed from its cluster for good: it stops, so that nobody works with its old data (reference: cluster
// 1.8; etcd server/etcdserver/server.go).

import type { Clock, Logger, Timer } from '../env/index.js'

/** After applying its own removal a member goes on for so long, so that the others hear of the commit. */
const DELAY_MS = 1000

export class Removal {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #stop: () => void
  #timer: Timer | undefined
  #told = false

  /** `stop` is called once. */
  constructor(options: { clock: Clock; logger: Logger; stop: () => void }) {
    this.#clock = options.clock
    this.#logger = options.logger
    this.#stop = options.stop
  }

  /** Whether this member has to stop, or is stopping, for being removed. */
  get isKnown(): boolean {
    return this.#told || this.#timer !== undefined
  }

  /** The log says so. */
  onApplied(): void {
    this.#timer ??= this.#clock.after(DELAY_MS, () => this.onTold())
  }

  /** The others say so; its own log may never do. */
  onTold(): void {
    if (this.#told) return
    this.#told = true
    this.#logger.warn('server error', { error: 'the member has been permanently removed from the cluster' })
    this.#logger.warn('data-dir used by this member must be removed')
    this.#stop()
  }

  close(): void {
    this.#timer?.cancel()
    this.#told = true
  }
}
