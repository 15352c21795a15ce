// Linearizable reads without log entries (Raft thesis 6.4): a leader notes its commit index, proves by one round of
// heartbeats that it still led at that moment, and then the read may be served at that index.

import type { Index, MemberId, Term } from '../base/index.js'
import { quorumReached } from './quorum.js'
import type { VoterSets } from './quorum.js'

/** Reads waiting at a leader, parked ones included; more are dropped, and their callers ask again. */
export const MAX_PENDING_READS = 4096

export interface ReadRequest {
  /** Who gets the answer; the leader itself or a follower that forwarded. */
  readonly from: MemberId
  /** The term that `from` was in when it asked; NO_TERM when it does not say. */
  readonly askedIn: Term
  /** The caller's own mark, returned with the answer. Never used to match acknowledgements. */
  readonly context: Uint8Array
}

export interface ReadAnswer {
  readonly from: MemberId
  readonly context: Uint8Array
  readonly index: Index
}

/** The answer as the member that asked gets it. */
export interface ReadState {
  readonly index: Index
  readonly context: Uint8Array
}

interface PendingRead extends ReadAnswer {
  readonly position: number
}

/**
 * The reads of one leadership, numbered from 1. Heartbeats carry the newest number, responses return it, and the number that
 * a quorum has returned confirms every read up to it. Numbers die with the leadership, so that a late response (its term
 * is old) or a repeated caller's mark can never confirm a read.
 */
export class ReadQueue {
  #position = 0
  #pending: PendingRead[] = []
  #parked: ReadRequest[] = []
  readonly #acked = new Map<MemberId, number>()

  get length(): number {
    return this.#pending.length + this.#parked.length
  }

  /** The number that heartbeats carry; 0 when nothing waits. */
  get newest(): number {
    return this.#pending.length === 0 ? 0 : this.#position
  }

  /** Keeps a read until the leader has committed in its term. False when the queue is full. */
  park(request: ReadRequest): boolean {
    if (this.length >= MAX_PENDING_READS) return false
    this.#parked.push(request)
    return true
  }

  takeParked(): ReadRequest[] {
    const parked = this.#parked
    this.#parked = []
    return parked
  }

  /** False when the queue is full. */
  add(request: ReadRequest, commit: Index): boolean {
    if (this.length >= MAX_PENDING_READS) return false
    this.#position++
    this.#pending.push({ from: request.from, context: request.context, index: commit, position: this.#position })
    return true
  }

  acknowledge(from: MemberId, position: number): void {
    if (position > this.#position) return // not a number of this leadership
    if (position > (this.#acked.get(from) ?? 0)) this.#acked.set(from, position)
  }

  /** Takes the reads that a quorum of voters has confirmed, in order; the leader `self` confirms all of its own. */
  takeConfirmed(voters: VoterSets, self: MemberId): readonly ReadAnswer[] {
    if (this.#pending.length === 0) return []
    const confirmed = quorumReached(voters, (id) => (id === self ? this.#position : (this.#acked.get(id) ?? 0)))
    let count = 0
    while (count < this.#pending.length && this.#pending[count]!.position <= confirmed) count++
    return count === 0 ? [] : this.#pending.splice(0, count)
  }

  reset(): void {
    this.#position = 0
    this.#pending = []
    this.#parked = []
    this.#acked.clear()
  }
}

/** 8 bytes, big endian. */
export const encodePosition = (position: number): Uint8Array => {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(position))
  return bytes
}

/** 0 (confirms nothing) for anything but 8 bytes that hold a safe integer. */
export const decodePosition = (bytes: Uint8Array): number => {
  if (bytes.length !== 8) return 0
  const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) return 0
  return Number(value)
}
