// What a leader knows of one peer's log, and how fast it may send to it.
//
//              ack                          log no longer holds `next - 1`
//   probe ------------> replicate ------------------> snapshot
//     ^                     |                            |
//     +---------------------+----------------------------+
//        rejection, unreachable         reported result (an ack that reconnects goes straight to replicate)

import { index as toIndex, invariant } from '../base/index.js'
import type { Index } from '../base/index.js'
import { Inflights } from './inflights.js'

/** probe: one append at a time. replicate: pipelined. snapshot: nothing until the transfer ends. */
export type ProgressState = 'probe' | 'replicate' | 'snapshot'

/** How much an append is wanted at the next flush. */
export const WantsAppend = {
  no: 0,
  /** Only when there are entries to send. */
  entries: 1,
  /** An empty one too: to find the match, to heal a lost window or to tell the commit index. */
  always: 2,
} as const
export type WantsAppend = (typeof WantsAppend)[keyof typeof WantsAppend]

export class Progress {
  state: ProgressState = 'probe'
  /** Highest index known to be durable on the peer. Invariant: match < next. */
  match: Index = toIndex(0)
  next: Index
  /** Index of the snapshot being sent; 0 outside the snapshot state. */
  pendingSnapshot: Index = toIndex(0)
  /** Heard of since the last quorum check. */
  recentActive = false
  /** No append until an ack, a rejection or a heartbeat response. */
  paused = false
  /** A regular heartbeat was sent and not answered yet. */
  repeatDue = false
  isLearner: boolean
  wantsAppend: WantsAppend = WantsAppend.no
  /** Highest commit index sent; keeps empty appends from repeating it. */
  #sentCommit: Index = toIndex(0)
  /** A snapshot was sent, and appends behind it were not pipelined yet. */
  #isBehindSnapshot = false
  readonly inflights: Inflights

  constructor(next: Index, isLearner: boolean, maxInflightMessages: number, maxInflightBytes: number) {
    this.next = next
    this.isLearner = isLearner
    this.inflights = new Inflights(maxInflightMessages, maxInflightBytes)
  }

  becomeProbe(): void {
    const afterSnapshot = this.state === 'snapshot' ? this.pendingSnapshot + 1 : 0
    this.#enter('probe')
    this.next = toIndex(Math.max(this.match + 1, afterSnapshot))
    this.#sentCommit = toIndex(Math.min(this.#sentCommit, this.next - 1))
  }

  becomeReplicate(): void {
    this.#enter('replicate')
    this.next = toIndex(this.match + 1)
    // The log behind a snapshot waits as a whole, and the peer has only just installed that.
    this.inflights.reset(this.#isBehindSnapshot)
    this.#isBehindSnapshot = false
  }

  becomeSnapshot(snapshotIndex: Index): void {
    this.#enter('snapshot')
    this.#isBehindSnapshot = true
    this.pendingSnapshot = snapshotIndex
    this.next = toIndex(snapshotIndex + 1)
    this.#sentCommit = snapshotIndex
  }

  get isPaused(): boolean {
    return this.state === 'snapshot' || this.paused
  }

  /** An append with `count` entries of `bytes` payload left. */
  sent(count: number, bytes: number): void {
    if (this.state === 'replicate') {
      if (count > 0) {
        this.next = toIndex(this.next + count)
        this.inflights.add(toIndex(this.next - 1), bytes)
      }
      this.paused = this.inflights.full
    } else if (count > 0) {
      this.paused = true
    }
  }

  sentCommit(commit: Index): void {
    this.#sentCommit = commit
  }

  /** Whether an append without entries could still raise the peer's commit index to `commit`. */
  canRaiseCommit(commit: Index): boolean {
    return commit > this.#sentCommit && this.#sentCommit < this.next - 1
  }

  /** Takes an acknowledgement; false when it tells nothing new. */
  maybeUpdate(acked: Index): boolean {
    if (acked <= this.match) return false
    this.match = acked
    if (this.next <= acked) this.next = toIndex(acked + 1)
    this.paused = false
    return true
  }

  /**
   * Takes a rejection of the append after `rejected`; `hint` is where the logs may still agree.
   * False when the rejection is stale: the peer has acknowledged more since.
   */
  maybeStepBack(rejected: Index, hint: Index): boolean {
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false
      this.next = toIndex(this.match + 1)
      return true
    }
    if (rejected !== this.next - 1) return false
    this.next = toIndex(Math.max(Math.min(rejected, hint + 1), this.match + 1))
    this.#sentCommit = toIndex(Math.min(this.#sentCommit, this.next - 1))
    this.paused = false
    return true
  }

  #enter(state: ProgressState): void {
    invariant(this.match < this.next, 'match % is not below next %', this.match, this.next)
    this.state = state
    this.paused = false
    this.pendingSnapshot = toIndex(0)
    this.inflights.reset()
  }
}
