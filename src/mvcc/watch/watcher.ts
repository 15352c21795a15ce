// One watch of a stream, and the index that finds the watches of a key.

import type { Key } from '../../base/index.js'
import { IntervalSets, type RangeEnd } from './interval-sets.js'
import type { SharedWatchResponse, etcdserverpb } from '../../proto/index.js'
import { placeOf } from './shared-responses.js'

/** Where a watcher gets its next event from. Each state names the one collection that holds the watcher. */
export const WatcherState = {
  /** From `publish`, as it happens. Held by the hub's group of synced watchers. */
  synced: 0,
  /** From history; waits for its turn in the queue of the catch-up. */
  queued: 1,
  /** From history; the running pass of the catch-up collects its events. */
  passing: 2,
  /** From history, once its stream drains. Held by the stream. */
  parked: 3,
  /** From nowhere: a compaction removed what it still had to get. Only its id lives on. */
  compacted: 4,
  closed: 5,
} as const
export type WatcherState = (typeof WatcherState)[keyof typeof WatcherState]

/** What a watcher needs of the stream that carries it. */
export interface EventStream {
  /** True while the client does not keep up: nothing is handed over then, so nothing piles up. */
  readonly full: boolean
  /** Watchers of this stream in state `parked`. */
  readonly parked: Set<Watcher>
  sendEvents(watcher: Watcher, header: etcdserverpb.ResponseHeader, events: Uint8Array[]): void
  sendShared(watcher: Watcher, response: SharedWatchResponse): void
  sendCompacted(watcher: Watcher, compactRevision: number): void
}

/** Events collected for one response. */
export class EventBatch {
  readonly firstRevision: number
  lastRevision: number
  /** Position in `events` of the first event of `lastRevision`. */
  lastRevisionAt = 0
  revisions = 1
  sizeBytes = 0
  readonly events: Uint8Array[] = []

  constructor(revision: number) {
    this.firstRevision = revision
    this.lastRevision = revision
  }
}

/** The keys of a watch: one key, or `[lo, hi)` with `hi` undefined for everything from `lo`. */
export interface WatchRange {
  readonly lo: Key
  readonly hi: RangeEnd
  readonly single: boolean
}

export interface WatcherOptions {
  readonly startRevision: number
  readonly prevKv: boolean
  readonly noPut: boolean
  readonly noDelete: boolean
  readonly fragment: boolean
  readonly progressNotify: boolean
}

export class Watcher {
  readonly stream: EventStream
  readonly id: bigint
  /** Where responses to this id are shared. */
  readonly place: number
  readonly range: WatchRange
  /** As the client asked; 0: from now on. */
  readonly startRevision: number
  readonly prevKv: boolean
  readonly noPut: boolean
  readonly noDelete: boolean
  readonly fragment: boolean
  readonly progressNotify: boolean
  state: WatcherState = WatcherState.closed
  /**
   * Nothing below this revision will be sent (any more). Exact for a watcher that catches up: everything below was sent. For a
   * synced one everything published was sent, and this is above it only when the start lies in the future.
   */
  nextRevision: number
  /** Set by events, cleared by a tick of the progress timer: such a watcher skips one progress notice. */
  gotEvents = false
  /** Events of the transaction being published; only set inside `publish`. */
  live: Uint8Array[] | undefined = undefined
  /** Events collected by the running pass; only set while `passing`. */
  batch: EventBatch | undefined = undefined

  constructor(stream: EventStream, id: bigint, range: WatchRange, nextRevision: number, options: WatcherOptions) {
    this.stream = stream
    this.id = id
    this.place = placeOf(id)
    this.range = range
    this.startRevision = options.startRevision
    this.prevKv = options.prevKv
    this.noPut = options.noPut
    this.noDelete = options.noDelete
    this.fragment = options.fragment
    this.progressNotify = options.progressNotify
    this.nextRevision = nextRevision
  }

  wants(kind: 'put' | 'delete'): boolean {
    return kind === 'put' ? !this.noPut : !this.noDelete
  }

  /** To be called when no collection holds the watcher any more. */
  close(): void {
    this.state = WatcherState.closed
    this.batch = undefined
    this.live = undefined
  }

  /** True when everything up to `revision`, the newest published one, was handed over, and the start is not after it. */
  coveredUpTo(revision: number): boolean {
    return this.state === WatcherState.synced && this.startRevision <= revision
  }
}

/** Watchers by what they watch: finding those of a key costs a map lookup and O(log ranges) per range that holds it. */
export class WatcherGroup {
  readonly #keys = new Map<Key, Set<Watcher>>()
  readonly #ranges = new IntervalSets<Watcher>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The watcher must not be in the group. */
  add(watcher: Watcher): void {
    const { lo, hi, single } = watcher.range
    this.#size++
    if (!single) {
      this.#ranges.add(lo, hi, watcher)
      return
    }
    const watchers = this.#keys.get(lo)
    if (watchers === undefined) this.#keys.set(lo, new Set([watcher]))
    else watchers.add(watcher)
  }

  delete(watcher: Watcher): boolean {
    const { lo, hi, single } = watcher.range
    const deleted = single ? this.#deleteSingle(lo, watcher) : this.#ranges.delete(lo, hi, watcher)
    if (deleted) this.#size--
    return deleted
  }

  /** Appends the sets of watchers of `key` to `into`. The sets are live, so watchers may be deleted while they are walked. */
  matching(key: Key, into: Set<Watcher>[]): void {
    const watchers = this.#keys.get(key)
    if (watchers !== undefined) into.push(watchers)
    if (this.#ranges.ranges > 0) this.#ranges.stab(key, into)
  }

  /** All watchers, in no order; owned. */
  all(): Watcher[] {
    const all: Watcher[] = []
    for (const watchers of this.#keys.values()) for (const watcher of watchers) all.push(watcher)
    this.#ranges.collect(all)
    return all
  }

  #deleteSingle(key: Key, watcher: Watcher): boolean {
    const watchers = this.#keys.get(key)
    if (watchers?.delete(watcher) !== true) return false
    if (watchers.size === 0) this.#keys.delete(key)
    return true
  }
}
