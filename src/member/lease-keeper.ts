// What the leader does for leases as time passes: revokes those past their deadline through the log, and logs what remains
// of long ones when checkpoints are on.

import type { LeaseId } from '../base/index.js'
import type { Clock, Timer } from '../env/index.js'
import { CHECKPOINTS_PER_ENTRY, EXPIRED_SCAN_MS, type LeaseCheckpoint, type Lessor } from '../lease/index.js'

const REVOKES_IN_PARALLEL = 16
/** Entries per scan: 10,000 leases, of which each comes up once in five minutes. */
const CHECKPOINT_ENTRIES_PER_SCAN = 10

export interface LeaseProposer {
  /**
   * Calls back, possibly at once, when this member surely leads: one that slept through the election of another must not end
   * leases which that one has extended. Never calls back when it does not lead.
   */
  whenLeading(proceed: () => void): void
  /** Calls back when the revocation was applied or failed; a failed one is reported by the lessor again later. */
  revoke(id: LeaseId, done: () => void): void
  checkpoint(checkpoints: readonly LeaseCheckpoint[]): void
}

export class LeaseKeeper {
  readonly #lessor: Lessor
  readonly #proposer: LeaseProposer
  readonly #clock: Clock
  /** Expired leases that wait for their revocation; no more than there are leases. */
  readonly #waiting = new Set<LeaseId>()
  readonly #underWay = new Set<LeaseId>()
  #timer: Timer | undefined
  #closed = false
  /** A refusal comes back before `revoke` returns; the loop that asked goes on then. */
  #revoking = false

  constructor(options: { lessor: Lessor; proposer: LeaseProposer; clock: Clock }) {
    this.#lessor = options.lessor
    this.#proposer = options.proposer
    this.#clock = options.clock
  }

  open(): void {
    this.#timer = this.#clock.every(EXPIRED_SCAN_MS, () => this.scan())
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#waiting.clear()
  }

  /** Only a primary lessor, that is a leader's, reports anything. */
  scan(): void {
    if (this.#lessor.primary) this.#proposer.whenLeading(() => this.#scan())
  }

  #scan(): void {
    if (this.#closed || !this.#lessor.primary) return
    const nowMs = this.#clock.monotonicMs()
    for (const id of this.#lessor.expired(nowMs)) if (!this.#underWay.has(id)) this.#waiting.add(id)
    this.#revokeNext()
    for (let entries = 0; entries < CHECKPOINT_ENTRIES_PER_SCAN; entries++) {
      const due = this.#lessor.dueCheckpoints(nowMs)
      if (due.length > 0) this.#proposer.checkpoint(due)
      if (due.length < CHECKPOINTS_PER_ENTRY) break
    }
  }

  #revokeNext(): void {
    if (this.#revoking) return
    this.#revoking = true
    // What an earlier leadership found expired, the present leader may have extended.
    if (!this.#lessor.primary) this.#waiting.clear()
    for (const id of this.#waiting) {
      if (this.#underWay.size >= REVOKES_IN_PARALLEL) break
      this.#waiting.delete(id)
      this.#underWay.add(id)
      this.#proposer.revoke(id, () => {
        this.#underWay.delete(id)
        this.#revokeNext()
      })
    }
    this.#revoking = false
  }
}
