// The watch hub: takes every committed transaction from apply and hands each watcher its events, in step or from history.
//
// It is synchronous and owns no timer. Its owner calls `publish` for each new revision, `tick` for the progress notices, and
// after `onWork` calls `catchUp` in a loop that gives way in between.
//
// Invariant: a watcher in the synced group was handed, or had nothing to get of, every revision up to `revision`.

import { invariant } from '../../base/index.js'
import type { Random } from '../../env/index.js'
import { DEFAULT_CATCH_UP_LIMITS } from './catch-up.js'
import type { WatchPermission } from './create.js'
import { SharedEvent } from './event.js'
import type { etcdserverpb } from '../../proto/index.js'
import { type RegistryLimits, WatcherRegistry } from './registry.js'
import type { Change, WatchSource } from './source.js'
import { SharedResponses } from './shared-responses.js'
import { HubStream, type WatchSink } from './stream.js'
import type { Watcher } from './watcher.js'

export type WatchHubLimits = RegistryLimits

export const DEFAULT_WATCH_LIMITS: WatchHubLimits = {
  ...DEFAULT_CATCH_UP_LIMITS,
  watchersMax: 1_000_000,
  controlWhileFullMax: 65_536,
}

export interface WatchHubOptions {
  readonly random: Random
  /** Response header of this member with the given revision. The result is frozen. */
  readonly header: (revision: number) => etcdserverpb.ResponseHeader
  /**
   * There is work for `catchUp` now. Called from within calls of the hub and its streams, again and again while work is
   * waiting; must only schedule.
   */
  readonly onWork: () => void
  /** Responses of this encoded size are split for watchers that ask for it: max-request-bytes + 524288. */
  readonly fragmentBytes: number
  /** Period of progress notices; below 100 ms counts as 100 ms. Each stream adds less than a tenth at random. */
  readonly progressIntervalMs: number
  /** Overrides of `DEFAULT_WATCH_LIMITS`. */
  readonly limits?: Partial<WatchHubLimits>
}

const MIN_PROGRESS_INTERVAL_MS = 100
const JITTER_STEPS = 1 << 20

export class WatchHub {
  #source: WatchSource
  readonly #registry: WatcherRegistry
  readonly #random: Random
  readonly #progressIntervalMs: number
  readonly #found: Set<Watcher>[] = []
  readonly #touched: Watcher[] = []

  constructor(source: WatchSource, options: WatchHubOptions) {
    this.#source = source
    this.#random = options.random
    this.#progressIntervalMs = Math.max(MIN_PROGRESS_INTERVAL_MS, options.progressIntervalMs)
    this.#registry = new WatcherRegistry(source, { ...options, limits: { ...DEFAULT_WATCH_LIMITS, ...options.limits } })
  }

  /** Newest published revision: what created, cancel and progress responses name. */
  get revision(): number {
    return this.#registry.revision
  }

  get streamCount(): number {
    return this.#registry.streams.size
  }

  /** Watchers of all streams (`etcd_debugging_mvcc_watcher_total`). */
  get watcherCount(): number {
    return this.#registry.watcherCount
  }

  /** Watchers that still have to get events from history (`etcd_debugging_mvcc_slow_watcher_total`). */
  get behindCount(): number {
    let count = this.#registry.catchUp.size
    for (const stream of this.#registry.streams) count += stream.parked.size
    return count
  }

  /** Events handed to streams since the start, once per watcher (`etcd_debugging_mvcc_events_total`). */
  get eventsSent(): number {
    return this.#registry.eventsSent
  }

  /** One stream per Watch call. `nowMs` is monotonic and starts the timer of its progress notices. */
  openStream(sink: WatchSink, nowMs: number, permission?: WatchPermission): HubStream {
    const jitterMs = (this.#progressIntervalMs / 10) * (this.#random.below(JITTER_STEPS) / JITTER_STEPS)
    const stream = new HubStream(this.#registry, sink, permission, nowMs, this.#progressIntervalMs + jitterMs)
    this.#registry.streams.add(stream)
    return stream
  }

  /**
   * Hands out the changes of one committed transaction: all of revision `revision`, by sub, at least one. They become frozen.
   * To be called in the turn that applied it, for every revision in order, when the source already shows it. A watcher gets
   * one response; one whose stream is full gets none now and reads history later.
   */
  publish(revision: number, changes: readonly Change[]): void {
    const registry = this.#registry
    invariant(revision === registry.revision + 1, 'revisions are published one by one')
    invariant(revision <= this.#source.revision, 'a published revision can be read')
    registry.revision = revision
    if (registry.synced.size === 0) return
    if (changes.length === 1) this.#publishOne(revision, changes[0]!)
    else this.#publishMany(revision, changes)
  }

  /**
   * Lets watchers that are behind catch up, for about `budget` units: one per change read or response made, a tenth per event
   * collected; 1000 take one to two milliseconds. True while there is more to do now: to be called again after giving way.
   */
  catchUp(budget: number): boolean {
    return this.#registry.catchUp.step(budget)
  }

  /** Sends the progress notices that are due. Every 100 ms is often enough; costs one comparison per stream. */
  tick(nowMs: number): void {
    for (const stream of this.#registry.streams) stream.tick(nowMs)
  }

  /**
   * The store was replaced by a snapshot of a later state of the same history; `source` is the new one. Streams stay open, and
   * every watcher goes on from history; those whose history the snapshot does not hold any more are cancelled as overtaken by
   * compaction. The old source is not asked again.
   */
  restored(source: WatchSource): void {
    const registry = this.#registry
    const published = registry.revision
    invariant(source.revision >= published, 'a snapshot never goes back')
    this.#source = source
    registry.revision = source.revision
    registry.catchUp.restart(source)
    for (const watcher of registry.synced.all()) registry.fallBehind(watcher, published + 1)
  }

  /** Frees everything; the owner ends the calls. */
  close(): void {
    for (const stream of this.#registry.streams) stream.close()
  }

  #publishOne(revision: number, change: Change): void {
    const found = this.#find(change)
    if (found.length === 0) return
    const event = new SharedEvent(change, this.#source)
    const header = this.#registry.headerAt(revision)
    const responses = new SharedResponses(header)
    for (const watchers of found) {
      for (const watcher of watchers) {
        if (revision < watcher.nextRevision || !watcher.wants(change.kind)) continue
        if (watcher.stream.full) {
          this.#registry.fallBehind(watcher, revision)
          continue
        }
        const events = event.list(watcher.prevKv)
        if (watcher.fragment) watcher.stream.sendEvents(watcher, header, events)
        else watcher.stream.sendShared(watcher, responses.get(watcher, events))
      }
    }
  }

  #publishMany(revision: number, changes: readonly Change[]): void {
    const touched = this.#touched
    for (const change of changes) {
      const found = this.#find(change)
      if (found.length === 0) continue
      const event = new SharedEvent(change, this.#source)
      for (const watchers of found) {
        for (const watcher of watchers) {
          if (revision < watcher.nextRevision || !watcher.wants(change.kind)) continue
          if (watcher.stream.full) {
            this.#registry.fallBehind(watcher, revision)
            continue
          }
          if (watcher.live === undefined) {
            watcher.live = []
            touched.push(watcher)
          }
          watcher.live.push(event.bytes(watcher.prevKv))
        }
      }
    }
    if (touched.length === 0) return
    const header = this.#registry.headerAt(revision)
    for (const watcher of touched) {
      const events = watcher.live
      // Closed by what its stream did with an earlier response.
      if (events === undefined) continue
      watcher.live = undefined
      if (watcher.stream.full) this.#registry.fallBehind(watcher, revision)
      else watcher.stream.sendEvents(watcher, header, events)
    }
    touched.length = 0
  }

  #find(change: Change): Set<Watcher>[] {
    this.#found.length = 0
    this.#registry.synced.matching(change.key, this.#found)
    return this.#found
  }
}
