// All watchers of a hub, each in the collection that its state names, and the moves between those.
//
//            register                  publish to a full stream, restore
//   closed ------------> synced  ------------------------------------------> queued or parked
//      |                   ^ end of pass, nothing missing                       |
//      | register          |                      turn comes                    |
//      +----> queued <-> passing <----------------------------------------------+
//                |         |         stream full: parked; stream drained: queued
//                +---------+-------> compacted, when history was removed before it was read

import { invariant } from '../../base/index.js'
import { CatchUp, type CatchUpHost, type CatchUpLimits } from './catch-up.js'
import type { etcdserverpb } from '../../proto/index.js'
import type { WatchSource } from './source.js'
import type { HubStream, StreamHost } from './stream.js'
import { type Watcher, WatcherGroup, WatcherState } from './watcher.js'

export interface RegistryOptions {
  readonly header: (revision: number) => etcdserverpb.ResponseHeader
  readonly onWork: () => void
  readonly fragmentBytes: number
  readonly limits: RegistryLimits
}

export interface RegistryLimits extends CatchUpLimits {
  /** Watchers of all streams; a further create is refused. */
  readonly watchersMax: number
  /** Answers to requests that a stream may queue while its client reads nothing; then the stream is ended. */
  readonly controlWhileFullMax: number
}

export class WatcherRegistry implements StreamHost, CatchUpHost {
  readonly synced = new WatcherGroup()
  readonly streams = new Set<HubStream>()
  readonly catchUp: CatchUp
  readonly #options: RegistryOptions
  revision: number
  watcherCount = 0
  eventsSent = 0

  constructor(source: WatchSource, options: RegistryOptions) {
    this.#options = options
    this.revision = source.revision
    this.catchUp = new CatchUp(source, this, options.limits)
  }

  get fragmentBytes(): number {
    return this.#options.fragmentBytes
  }

  get controlWhileFullMax(): number {
    return this.#options.limits.controlWhileFullMax
  }

  get mayRegister(): boolean {
    return this.watcherCount < this.#options.limits.watchersMax
  }

  headerAt(revision: number): etcdserverpb.ResponseHeader {
    return this.#options.header(revision)
  }

  register(watcher: Watcher): void {
    this.watcherCount++
    this.#place(watcher)
  }

  /** Nothing happens to a watcher that was never registered. */
  unregister(watcher: Watcher): void {
    if (watcher.state === WatcherState.closed) return
    this.watcherCount--
    switch (watcher.state) {
      case WatcherState.synced:
        this.synced.delete(watcher)
        break
      case WatcherState.queued:
      case WatcherState.passing:
        this.catchUp.delete(watcher)
        break
      case WatcherState.parked:
        watcher.stream.parked.delete(watcher)
        break
      case WatcherState.compacted:
        break
    }
    watcher.close()
  }

  /** A synced watcher missed a transaction, or may have: it continues from history at `revision`. */
  fallBehind(watcher: Watcher, revision: number): void {
    invariant(watcher.state === WatcherState.synced, 'only a synced watcher falls behind')
    this.synced.delete(watcher)
    watcher.nextRevision = Math.max(watcher.nextRevision, revision)
    this.#place(watcher)
  }

  deliver(watcher: Watcher, events: Uint8Array[]): void {
    watcher.stream.sendEvents(watcher, this.headerAt(this.revision), events)
  }

  becomeSynced(watcher: Watcher): void {
    invariant(watcher.nextRevision > this.revision, 'a synced watcher misses nothing')
    watcher.state = WatcherState.synced
    this.synced.add(watcher)
  }

  onDrained(stream: HubStream): void {
    if (stream.parked.size === 0) return
    for (const watcher of stream.parked) this.catchUp.add(watcher)
    stream.parked.clear()
    this.#options.onWork()
  }

  onClosed(stream: HubStream): void {
    this.streams.delete(stream)
  }

  onEventsSent(count: number): void {
    this.eventsSent += count
  }

  /** Into the collection that its next revision calls for. */
  #place(watcher: Watcher): void {
    if (watcher.nextRevision > this.revision) {
      this.becomeSynced(watcher)
      return
    }
    this.catchUp.add(watcher)
    if (watcher.state === WatcherState.queued) this.#options.onWork()
  }
}
