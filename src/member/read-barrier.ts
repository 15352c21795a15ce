// Linearizable reads: everyone who asks in one turn shares one read index, confirmed by consensus, and is released when the
// state machine has applied up to it (Raft thesis 6.4; etcd server/etcdserver/read).

import { type Index, RingQueue } from '../base/index.js'
import type { BusyPoll, Clock, Status } from '../env/index.js'
import { errors } from '../proto/index.js'
import type { ReadWaiter } from './api.js'

interface Batch {
  readonly startedMs: number
  readonly waiters: ReadWaiter[]
  /** Ids of the requests sent for this batch: any answer to one of them counts, answers to others are stale. */
  readonly contexts: Set<bigint>
  askedMs: number
}

const RETRY_MS = 500
/** What one turn spends on readers that may go on; the others have the next turns. */
const RELEASE_MS = 1
/**
 * A lone reader's answer is polled for, where it is usually there within so long: between members of one machine or one rack.
 * Longer ones would cost more processor time than being woken up costs the reader.
 */
const BUSY_POLL_MS = 0.3
/** How much the last round trip counts in their average. */
const LAST_ROUND_SHARE = 0.2
const CONTEXT_BYTES = 8

/**
 * Bound: `waitersMax` readers in all; more are refused. A confirmed reader waits for the state machine without limit, as in
 * etcd: its caller's deadline ends it.
 */
export class ReadBarrier {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #waitersMax: number
  readonly #nextId: () => bigint
  readonly #ask: (context: Uint8Array) => void
  readonly #onSlow: () => void
  readonly #busyPoll: BusyPoll | undefined
  /** Waiters of the next batch. */
  #gathering: ReadWaiter[] = []
  /** The batch whose index is being asked for; at most one. */
  #asking: Batch | undefined
  /** Confirmed batches that wait for the state machine, in order of their index. */
  #confirmed: { readonly index: Index; readonly waiters: ReadWaiter[] }[] = []
  /** May go on, in order. */
  readonly #released = new RingQueue<ReadWaiter>()
  #isReleasing = false
  #waiting = 0
  #scheduled = false
  /** The last batch was confirmed before `ask` returned: there is no other voter. */
  #isAnsweredAtOnce = false
  /** Moving average of the time that consensus takes to confirm a batch. */
  #roundMs = 0
  #appliedIndex: Index

  /**
   * `ask` hands a read-index request to consensus; the answer comes back through `onReadIndex`. `nextId` gives ids that no
   * earlier run of this member used: an answer to that run may still be under way, and is older than our readers.
   * `applied`: where the state machine starts.
   */
  constructor(options: {
    clock: Clock
    timeoutMs: number
    waitersMax: number
    applied: Index
    nextId: () => bigint
    ask: (context: Uint8Array) => void
    /** No answer came in half a second. */
    onSlow?: () => void
    /** Undefined: the loop sleeps while it waits. */
    busyPoll?: BusyPoll | undefined
  }) {
    this.#clock = options.clock
    this.#timeoutMs = options.timeoutMs
    this.#waitersMax = options.waitersMax
    this.#appliedIndex = options.applied
    this.#nextId = options.nextId
    this.#ask = options.ask
    this.#onSlow = options.onSlow ?? (() => undefined)
    this.#busyPoll = options.busyPoll
  }

  /** Readers that were not told yet. */
  get waiting(): number {
    return this.#waiting
  }

  wait(waiter: ReadWaiter): void {
    if (this.#waiting >= this.#waitersMax) return waiter.onFailed(errors.tooManyRequests)
    this.#waiting++
    this.#gathering.push(waiter)
    this.#schedule()
  }

  /** An answer of consensus. Answers of earlier batches are ignored: they may be older than our waiters. */
  onReadIndex(context: Uint8Array, index: Index): void {
    const batch = this.#asking
    const id = decodeContext(context)
    if (batch === undefined || id === undefined || !batch.contexts.has(id)) return
    this.#asking = undefined
    this.#noteRound(batch)
    if (index <= this.#appliedIndex) this.#release(batch.waiters)
    else this.#confirmed.push({ index, waiters: batch.waiters })
    if (this.#gathering.length > 0) this.#schedule()
  }

  onApplied(index: Index): void {
    this.#appliedIndex = index
    while (this.#confirmed.length > 0 && this.#confirmed[0]!.index <= index) {
      this.#release(this.#confirmed.shift()!.waiters)
    }
  }

  /** A known leader was replaced by another one: what it would have confirmed is lost. */
  onLeaderChanged(): void {
    const batch = this.#asking
    this.#asking = undefined
    if (batch !== undefined) this.#fail(batch.waiters, errors.leaderChanged)
    if (this.#gathering.length > 0) this.#schedule()
  }

  /** Asks again after half a second without answer, and gives up at the time-out. Returns true when a batch timed out. */
  tick(nowMs: number): boolean {
    const batch = this.#asking
    if (batch === undefined) return false
    if (nowMs - batch.startedMs >= this.#timeoutMs) {
      this.#asking = undefined
      this.#fail(batch.waiters, errors.timeout)
      if (this.#gathering.length > 0) this.#schedule()
      return true
    }
    if (nowMs - batch.askedMs >= RETRY_MS) {
      this.#onSlow()
      this.retry()
    }
    return false
  }

  /** Sends the open request again under a new id, as after the first commit of a term. */
  retry(): void {
    if (this.#asking !== undefined) this.#send(this.#asking)
  }

  close(): void {
    const waiting = [
      ...this.#released.drain(),
      ...(this.#asking?.waiters ?? []),
      ...this.#confirmed.flatMap((b) => b.waiters),
      ...this.#gathering,
    ]
    this.#asking = undefined
    this.#confirmed = []
    this.#gathering = []
    this.#fail(waiting, errors.stopped)
  }

  /** An answer that takes a round trip gathers readers meanwhile; where it comes at once, only the turn can gather them. */
  #schedule(): void {
    if (this.#scheduled || this.#asking !== undefined) return
    this.#scheduled = true
    if (this.#isAnsweredAtOnce) this.#clock.soon(this.#begin)
    else this.#clock.afterCallback(this.#begin)
  }

  readonly #begin = (): void => {
    this.#scheduled = false
    if (this.#asking !== undefined || this.#gathering.length === 0) return
    const nowMs = this.#clock.monotonicMs()
    // The batch is closed before consensus is asked: a later reader must not get an index older than its request.
    this.#asking = { startedMs: nowMs, waiters: this.#gathering, contexts: new Set(), askedMs: nowMs }
    this.#gathering = []
    this.#send(this.#asking)
    this.#isAnsweredAtOnce = this.#asking === undefined
    if (this.#asking?.waiters.length === 1 && this.#roundMs < BUSY_POLL_MS) this.#busyPoll?.begin(BUSY_POLL_MS)
  }

  #noteRound(batch: Batch): void {
    this.#busyPoll?.end()
    this.#roundMs += LAST_ROUND_SHARE * (this.#clock.monotonicMs() - batch.startedMs - this.#roundMs)
  }

  #send(batch: Batch): void {
    const id = this.#nextId()
    batch.askedMs = this.#clock.monotonicMs()
    batch.contexts.add(id)
    this.#ask(encodeContext(id))
  }

  #release(waiters: readonly ReadWaiter[]): void {
    for (const waiter of waiters) this.#released.push(waiter)
    if (this.#isReleasing) return
    this.#isReleasing = true
    this.#releaseSome()
  }

  readonly #releaseSome = (): void => {
    const endMs = this.#clock.monotonicMs() + RELEASE_MS
    while (this.#released.length > 0) {
      this.#waiting--
      this.#released.shift()!.onReady()
      if (this.#clock.monotonicMs() < endMs) continue
      if (this.#released.length > 0) return this.#clock.soon(this.#releaseSome)
    }
    this.#isReleasing = false
  }

  #fail(waiters: readonly ReadWaiter[], status: Status): void {
    this.#waiting -= waiters.length
    for (const waiter of waiters) waiter.onFailed(status)
  }
}

const encodeContext = (id: bigint): Uint8Array => {
  const bytes = new Uint8Array(CONTEXT_BYTES)
  new DataView(bytes.buffer).setBigUint64(0, id)
  return bytes
}

/** Undefined for what no barrier has sent. */
const decodeContext = (bytes: Uint8Array): bigint | undefined =>
  bytes.length === CONTEXT_BYTES
    ? new DataView(bytes.buffer, bytes.byteOffset, CONTEXT_BYTES).getBigUint64(0)
    : undefined
