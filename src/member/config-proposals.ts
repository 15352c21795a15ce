// Changes of the membership on their way through the log. They are few, so there is no batching; but as other proposals they
// wait for a leader, time out with a cause, and are answered by what applying them gave.

import type { ConfigDecision } from '../apply/index.js'
import type { Clock, Status } from '../env/index.js'
import { type MemberRecord, errors, raftpb } from '../proto/index.js'

/** Changes under way at most; more are refused. */
const CHANGES_MAX = 1000

export type ConfigOutcome =
  | { readonly kind: 'ok'; readonly members: readonly MemberRecord[] }
  | { readonly kind: 'refused'; readonly status: Status }

export interface ConfigPath {
  /** False: keep everything until that changes. */
  isOpen(): boolean
  /** False when consensus refuses now. True says only that it has taken the change: an earlier one may replace it. */
  send(change: raftpb.ConfChange): boolean
  /** Why a change proposed at `startedMs` got no answer in time; `taken`: consensus had it. */
  timeoutCause(startedMs: number, taken: boolean): Status
}

interface Pending {
  readonly change: raftpb.ConfChange
  readonly startedMs: number
  readonly settle: (outcome: ConfigOutcome) => void
  taken: boolean
}

/**
 * A change that consensus replaced by an empty entry, because an earlier one was not applied yet, looks like one that was
 * lost: it is answered when its time is over.
 */
export class ConfigProposals {
  readonly #clock: Clock
  readonly #nextId: () => bigint
  readonly #timeoutMs: number
  readonly #path: ConfigPath
  /** By id, in order of arrival, which is the order of expiry. */
  readonly #pending = new Map<bigint, Pending>()
  /** Applied and not answered yet. */
  #decided: { readonly pending: Pending; readonly outcome: ConfigOutcome }[] = []
  #closed = false

  constructor(options: { clock: Clock; nextId: () => bigint; timeoutMs: number; path: ConfigPath }) {
    this.#clock = options.clock
    this.#nextId = options.nextId
    this.#timeoutMs = options.timeoutMs
    this.#path = options.path
  }

  get count(): number {
    return this.#pending.size
  }

  /** `change` is owned; its id is set. The members are those right after the change. Never rejects. */
  submit(change: raftpb.ConfChange): Promise<ConfigOutcome> {
    if (this.#closed) return Promise.resolve(refusedBy(errors.stopped))
    if (this.#pending.size >= CHANGES_MAX) return Promise.resolve(refusedBy(errors.tooManyRequests))
    const id = this.#nextId()
    change.id = id
    return new Promise((settle) => {
      this.#pending.set(id, { change, startedMs: this.#clock.monotonicMs(), settle, taken: false })
      this.flush()
    })
  }

  /** Tries again with what consensus has not taken yet. */
  flush(): void {
    if (this.#closed) return
    for (const pending of [...this.#pending.values()]) {
      if (pending.taken) continue
      if (!this.#path.isOpen()) return
      pending.taken = this.#path.send(pending.change)
    }
  }

  /** A change was applied, or refused as invalid, with `members` as they are now. */
  onDecided({ id }: raftpb.ConfChange, decision: ConfigDecision, members: readonly MemberRecord[]): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    const outcome: ConfigOutcome =
      decision.kind === 'accepted' ? { kind: 'ok', members } : { kind: 'refused', status: decision.status }
    this.#decided.push({ pending, outcome })
  }

  /** Consensus knows what was applied. Whoever is answered earlier and asks for the next change could be refused it. */
  onAdvanced(): void {
    if (this.#decided.length === 0) return
    const decided = this.#decided
    this.#decided = []
    for (const { pending, outcome } of decided) pending.settle(outcome)
  }

  /** Answers what has waited too long, and tries again with what waits. Returns how many got no answer. */
  tick(nowMs: number): number {
    let expired = 0
    for (const [id, { startedMs, taken, settle }] of this.#pending) {
      if (nowMs - startedMs < this.#timeoutMs) break
      this.#pending.delete(id)
      settle(refusedBy(this.#path.timeoutCause(startedMs, taken)))
      expired++
    }
    this.flush()
    return expired
  }

  close(): void {
    this.#closed = true
    this.onAdvanced()
    for (const { settle } of this.#pending.values()) settle(refusedBy(errors.stopped))
    this.#pending.clear()
  }
}

const refusedBy = (status: Status): ConfigOutcome => ({ kind: 'refused', status })
