// Leases: who holds which keys for how long. Grants, revocations and checkpoints come from the log and are the same on all
// members; time is counted only on the primary, the leader that applied everything of older terms. Elsewhere a lease lasts
// forever. Renewals are not logged: a new primary starts every lease anew, so that none ends early.
//
//   secondary --promote--> primary    deadline = now + extension + (remainder of the last checkpoint, else full TTL)
//   primary --demote--> secondary     deadlines are dropped
//   deadline passed                   `expired` reports the lease; it cannot be renewed any more, and the log revokes it
//
// Invariant: the expiry heap of a primary holds exactly all leases; that of a secondary is empty.

import { type Key, type LeaseId, NO_LEASE, invariant } from '../base/index.js'
import { type Counter, exponentialBuckets, type Histogram, type Metrics, type RowSink } from '../env/index.js'
import { Alarm, DeadlineHeap } from './deadline-heap.js'
import type {
  GrantOutcome,
  LeaseCheckpoint,
  RenewOutcome,
  RevokeOutcome,
  SettledCause,
  SettledListener,
  TimeToLiveOutcome,
} from './outcomes.js'
import { deleteLeaseRow, putLeaseRow, readLeaseRow } from './lease-row.js'
import { SPREAD_MIN_LEASES, spreadDeadlines } from './spread.js'

/** Longest TTL that may be asked for, in seconds. */
export const MAX_TTL_SECONDS = 9_000_000_000
/** Leases that one scan for expired ones reports, and how often to scan: at most 1000 a second. */
export const EXPIRED_PER_SCAN = 500
export const EXPIRED_SCAN_MS = 500
/** Checkpoints in one log entry, and entries per second. */
export const CHECKPOINTS_PER_ENTRY = 1000
export const CHECKPOINT_ENTRIES_PER_SECOND = 1000
export const CHECKPOINT_INTERVAL_MS = 5 * 60_000

export interface LessorOptions {
  /** Shorter TTLs are raised to this: long enough to survive an election. */
  readonly minTtlSeconds: number
  /** How often a long lease logs what remains of it; undefined: never. */
  readonly checkpointIntervalMs: number | undefined
  /** Whether checkpoints go into the lease's row: when the cluster is at 3.6, or when the operator said so. */
  readonly persistCheckpoints: () => boolean
  /** An expired lease that is still there after this time is reported again. */
  readonly expiredRetryMs: number
  readonly metrics: Metrics
}

class Lease {
  readonly id: LeaseId
  readonly ttlSeconds: number
  /** From the newest checkpoint; 0: none. */
  remainingSeconds: number
  /** Infinity unless primary. */
  deadlineMs = Infinity
  /** True once `expired` reported it. */
  reported = false
  readonly keys = new Set<Key>()
  readonly expiry: Alarm<Lease>
  readonly checkpoint: Alarm<Lease>
  listeners: Set<SettledListener> | undefined = undefined

  /** `order` grows with every lease: equal deadlines keep the order of their grants. */
  constructor(id: LeaseId, ttlSeconds: number, remainingSeconds: number, order: number) {
    this.id = id
    this.ttlSeconds = ttlSeconds
    this.remainingSeconds = remainingSeconds
    this.expiry = new Alarm<Lease>(this, order)
    this.checkpoint = new Alarm<Lease>(this, order)
  }

  /** What a full turn is worth now: the remainder of a checkpoint, else the TTL. */
  get turnSeconds(): number {
    return this.remainingSeconds > 0 ? this.remainingSeconds : this.ttlSeconds
  }

  settle(cause: SettledCause): void {
    const listeners = this.listeners
    this.listeners = undefined
    if (listeners !== undefined) for (const listener of listeners) listener(cause)
  }
}

export class Lessor {
  readonly #options: LessorOptions
  #leases = new Map<LeaseId, Lease>()
  #holders = new Map<Key, Lease>()
  readonly #expiries = new DeadlineHeap<Lease>()
  readonly #checkpoints = new DeadlineHeap<Lease>()
  readonly #granted: Counter
  readonly #renewed: Counter
  readonly #revoked: Counter
  readonly #expired: Counter
  readonly #ttls: Histogram
  #primary = false
  #nextOrder = 0

  constructor(options: LessorOptions) {
    const { metrics } = options
    this.#options = options
    this.#granted = metrics.counter('etcd_debugging_lease_granted_total', 'Leases granted.')
    this.#renewed = metrics.counter('etcd_debugging_lease_renewed_total', 'Renewals answered by this member as leader.')
    this.#revoked = metrics.counter('etcd_debugging_lease_revoked_total', 'Leases revoked, for whatever reason.')
    this.#expired = metrics.counter(
      'etcd_debugging_server_lease_expired_total',
      'Leases revoked after this member as leader found them expired.',
    )
    this.#ttls = metrics.histogram(
      'etcd_debugging_lease_ttl_total',
      'TTLs of granted leases in seconds.',
      exponentialBuckets(1, 2, 24),
    )
  }

  get primary(): boolean {
    return this.#primary
  }

  /** Number of leases, expired ones not yet revoked included. */
  get size(): number {
    return this.#leases.size
  }

  has(id: LeaseId): boolean {
    return this.#leases.has(id)
  }

  // Changes that come from the log

  /** The order of the checks is etcd's. `ttlSeconds` as asked for: below the minimum it is raised, without error. */
  grant(id: LeaseId, ttlSeconds: number, nowMs: number, rows: RowSink): GrantOutcome {
    if (id === NO_LEASE) return { kind: 'no-id' }
    if (ttlSeconds > MAX_TTL_SECONDS) return { kind: 'ttl-too-large' }
    if (this.#leases.has(id)) return { kind: 'exists' }
    const lease = this.#add(id, ttlSeconds, 0)
    putLeaseRow(rows, id, lease.ttlSeconds, 0)
    if (this.#primary) this.#start(lease, nowMs, 0)
    this.#granted.inc()
    this.#ttls.observe(lease.ttlSeconds)
    return { kind: 'ok', ttlSeconds: lease.ttlSeconds }
  }

  /** Whoever waits in `onSettled` is told before this returns; what they see is the state without the lease. */
  revoke(id: LeaseId, rows: RowSink): RevokeOutcome {
    const lease = this.#leases.get(id)
    if (lease === undefined) return { kind: 'not-found' }
    this.#leases.delete(id)
    this.#expiries.delete(lease.expiry)
    this.#checkpoints.delete(lease.checkpoint)
    const keys = [...lease.keys].sort()
    for (const key of keys) this.#holders.delete(key)
    deleteLeaseRow(rows, id)
    this.#revoked.inc()
    if (lease.reported) this.#expired.inc()
    lease.settle('revoked')
    return { kind: 'ok', keys }
  }

  /** Records what remained of a lease when the leader logged it; 0 takes that back. Unknown leases are ignored. */
  applyCheckpoint(id: LeaseId, remainingTtlSeconds: number, nowMs: number, rows: RowSink): void {
    const lease = this.#leases.get(id)
    if (lease === undefined) return
    lease.remainingSeconds = remainingTtlSeconds
    if (this.#options.persistCheckpoints()) putLeaseRow(rows, id, lease.ttlSeconds, remainingTtlSeconds)
    if (this.#primary) this.#scheduleCheckpoint(lease, nowMs)
  }

  // Keys

  /** Attaches a key, taking it from the lease that held it. False, and nothing changes, when the lease is unknown. */
  attach(id: LeaseId, key: Key): boolean {
    const lease = this.#leases.get(id)
    if (lease === undefined) return false
    const holder = this.#holders.get(key)
    if (holder === lease) return true
    holder?.keys.delete(key)
    lease.keys.add(key)
    this.#holders.set(key, lease)
    return true
  }

  /** Does nothing when no lease holds the key. */
  detach(key: Key): void {
    const lease = this.#holders.get(key)
    if (lease === undefined) return
    lease.keys.delete(key)
    this.#holders.delete(key)
  }

  /** NO_LEASE when no lease holds the key. */
  leaseOf(key: Key): LeaseId {
    return this.#holders.get(key)?.id ?? NO_LEASE
  }

  /** Keys of a lease in the order of attachment; empty when it is unknown. Borrowed: valid until the next change. */
  keysOf(id: LeaseId): ReadonlySet<Key> {
    return this.#leases.get(id)?.keys ?? NO_KEYS
  }

  // Time, on the primary

  /** Starts a full turn, unless the lease is past its deadline: then it only waits for its revocation. */
  renew(id: LeaseId, nowMs: number): RenewOutcome {
    if (!this.#primary) return { kind: 'not-primary' }
    const lease = this.#leases.get(id)
    if (lease === undefined) return { kind: 'not-found' }
    if (nowMs >= lease.deadlineMs) return { kind: 'expired-pending' }
    if (lease.remainingSeconds > 0) return { kind: 'checkpoint-first' }
    this.#setDeadline(lease, nowMs + lease.ttlSeconds * 1000)
    this.#renewed.inc()
    return { kind: 'ok', ttlSeconds: lease.ttlSeconds }
  }

  /**
   * Calls `listener` once, when the lease is revoked or this member stops being primary; it must only schedule. Returns how to
   * stop waiting; undefined when there is nothing to wait for. Callers bound how many wait.
   */
  onSettled(id: LeaseId, listener: SettledListener): (() => void) | undefined {
    const lease = this.#leases.get(id)
    if (lease === undefined || !this.#primary) return undefined
    const listeners = (lease.listeners ??= new Set())
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && lease.listeners === listeners) lease.listeners = undefined
    }
  }

  timeToLive(id: LeaseId, nowMs: number, withKeys: boolean): TimeToLiveOutcome {
    if (!this.#primary) return { kind: 'not-primary' }
    const lease = this.#leases.get(id)
    if (lease === undefined) return { kind: 'not-found' }
    // Adding 0 turns -0 into 0.
    const ttlSeconds = Math.trunc((lease.deadlineMs - nowMs) / 1000) + 0
    return { kind: 'ok', ttlSeconds, grantedTtlSeconds: lease.ttlSeconds, keys: withKeys ? [...lease.keys] : [] }
  }

  /** All leases: on the primary the one that ends first comes first, elsewhere in no particular order. Owned. */
  list(): LeaseId[] {
    if (!this.#primary) return [...this.#leases.keys()]
    return this.#byDeadline().map(({ id }) => id)
  }

  /**
   * Leases past their deadline, the longest overdue first, at most `limit`; none on a secondary. Each is reported once, and
   * again every `expiredRetryMs` until it is revoked.
   */
  expired(nowMs: number, limit = EXPIRED_PER_SCAN): LeaseId[] {
    const ids: LeaseId[] = []
    while (ids.length < limit) {
      const alarm = this.#expiries.peek()
      if (alarm === undefined || alarm.timeMs > nowMs) break
      alarm.owner.reported = true
      ids.push(alarm.owner.id)
      this.#expiries.set(alarm, nowMs + this.#options.expiredRetryMs)
    }
    return ids
  }

  /** Checkpoints to log now, at most `limit`, none on a secondary. One that is not applied comes up again an interval later. */
  dueCheckpoints(nowMs: number, limit = CHECKPOINTS_PER_ENTRY): LeaseCheckpoint[] {
    const due: LeaseCheckpoint[] = []
    const { checkpointIntervalMs } = this.#options
    if (checkpointIntervalMs === undefined) return due
    while (due.length < limit) {
      const alarm = this.#checkpoints.peek()
      if (alarm === undefined || alarm.timeMs > nowMs) break
      const lease = alarm.owner
      if (nowMs >= lease.deadlineMs) {
        this.#checkpoints.delete(alarm)
        continue
      }
      this.#checkpoints.set(alarm, nowMs + checkpointIntervalMs)
      const remainingTtlSeconds = Math.ceil((lease.deadlineMs - nowMs) / 1000)
      // Renewed in this moment, or extended at promotion: there is nothing to subtract yet.
      if (remainingTtlSeconds < lease.ttlSeconds) due.push({ id: lease.id, remainingTtlSeconds })
    }
    return due
  }

  /**
   * Starts counting: to be called when this member is leader and has applied all entries of older terms. `extendMs` is the
   * election timeout, in which clients could not reach a leader.
   */
  promote(nowMs: number, extendMs: number): void {
    this.#primary = true
    for (const lease of this.#leases.values()) {
      lease.reported = false
      lease.deadlineMs = nowMs + extendMs + lease.turnSeconds * 1000
    }
    const leases = this.#byDeadline()
    if (leases.length >= SPREAD_MIN_LEASES) {
      const deadlines = Float64Array.from(leases, ({ deadlineMs }) => deadlineMs)
      spreadDeadlines(deadlines)
      for (let i = 0; i < leases.length; i++) leases[i]!.deadlineMs = deadlines[i]!
    }
    for (const { expiry, deadlineMs } of leases) expiry.timeMs = deadlineMs
    this.#expiries.fill(leases.map(({ expiry }) => expiry))
    for (const lease of leases) this.#scheduleCheckpoint(lease, nowMs)
  }

  /** Stops counting. Whoever waits for a revocation is told to ask the new primary. Idempotent. */
  demote(): void {
    this.#primary = false
    this.#expiries.clear()
    this.#checkpoints.clear()
    for (const lease of this.#leases.values()) {
      lease.deadlineMs = Infinity
      lease.reported = false
      lease.settle('demoted')
    }
  }

  // Restart

  /** Forgets everything, before the store is read again: at a restart, or when a snapshot replaced it. */
  reset(): void {
    this.demote()
    this.#leases.clear()
    this.#holders.clear()
  }

  /**
   * Takes in rows of the bucket `lease`; may be called slice by slice, on a secondary, before the keys are attached again. TTLs
   * are raised to the present minimum.
   * @throws MalformedMessage for a row that is no lease.
   */
  load(rows: Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>): void {
    for (const { key, value } of rows) {
      const { id, ttl, remainingTtl } = readLeaseRow(key, value)
      this.#add(id, ttl, remainingTtl)
    }
  }

  /** Takes over the leases of `next`, which nobody uses any more. Both are secondary. */
  adopt(next: Lessor): void {
    invariant(!this.#primary && !next.#primary, 'a leader installs no snapshot')
    this.#leases = next.#leases
    this.#holders = next.#holders
    this.#nextOrder = next.#nextOrder
  }

  #add(id: LeaseId, ttlSeconds: number, remainingSeconds: number): Lease {
    const ttl = Math.max(ttlSeconds, this.#options.minTtlSeconds)
    const lease = new Lease(id, ttl, remainingSeconds, this.#nextOrder++)
    this.#leases.set(id, lease)
    return lease
  }

  #start(lease: Lease, nowMs: number, extendMs: number): void {
    this.#setDeadline(lease, nowMs + extendMs + lease.turnSeconds * 1000)
    this.#scheduleCheckpoint(lease, nowMs)
  }

  #setDeadline(lease: Lease, deadlineMs: number): void {
    lease.deadlineMs = deadlineMs
    this.#expiries.set(lease.expiry, deadlineMs)
  }

  /** A lease that ends within an interval needs no checkpoint. */
  #scheduleCheckpoint(lease: Lease, nowMs: number): void {
    const { checkpointIntervalMs } = this.#options
    if (checkpointIntervalMs === undefined) return
    if (lease.turnSeconds * 1000 > checkpointIntervalMs)
      this.#checkpoints.set(lease.checkpoint, nowMs + checkpointIntervalMs)
    else this.#checkpoints.delete(lease.checkpoint)
  }

  #byDeadline(): Lease[] {
    return [...this.#leases.values()].sort((a, b) => a.deadlineMs - b.deadlineMs || a.expiry.order - b.expiry.order)
  }
}

const NO_KEYS: ReadonlySet<Key> = new Set()
