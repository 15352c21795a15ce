// What the leader does for leases as time passes: revokes those past their deadline through the log, and logs what remains
// of long ones when checkpoints are on.

import type { LeaseId } from '../base/index.js'
import type { Clock, Timer } from '../env/index.js'
import { EXPIRED_SCAN_MS, type LeaseCheckpoint, type Lessor } from '../lease/index.js'

const REVOKES_IN_PARALLEL = 16

export interface LeaseProposer {
  /** Calls back when the revocation was applied or failed; a failed one is reported by the lessor again later. */
  revoke(id: LeaseId, done: () => void): void
  checkpoint(checkpoints: readonly LeaseCheckpoint[]): void
}

export class LeaseKeeper {
  readonly #lessor: Lessor
  readonly #proposer: LeaseProposer
  readonly #clock: Clock
  readonly #waiting = new Set<LeaseId>()
  readonly #underWay = new Set<LeaseId>()
  #timer: Timer | undefined

  constructor(options: { lessor: Lessor; proposer: LeaseProposer; clock: Clock }) {
    this.#lessor = options.lessor
    this.#proposer = options.proposer
    this.#clock = options.clock
  }

  open(): void {
    this.#timer = this.#clock.every(EXPIRED_SCAN_MS, () => this.scan())
  }

  close(): void {
    this.#timer?.cancel()
    this.#waiting.clear()
  }

  /** Only a primary lessor, that is a leader's, reports anything. */
  scan(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const id of this.#lessor.expired(nowMs)) if (!this.#underWay.has(id)) this.#waiting.add(id)
    this.#revokeNext()
    const due = this.#lessor.dueCheckpoints(nowMs)
    if (due.length > 0) this.#proposer.checkpoint(due)
  }

  #revokeNext(): void {
    for (const id of this.#waiting) {
      if (this.#underWay.size >= REVOKES_IN_PARALLEL) return
      this.#waiting.delete(id)
      this.#underWay.add(id)
      this.#proposer.revoke(id, () => {
        this.#underWay.delete(id)
        this.#revokeNext()
      })
    }
  }
}
