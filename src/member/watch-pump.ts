// Connects the watch hub with the store and with time: live changes, history for watchers that are behind, progress.

import type { Key } from '../base/index.js'
import type { Clock, Random, Timer } from '../env/index.js'
import { type Store, WatchHub, type WatchSource } from '../mvcc/index.js'
import type { etcdserverpb } from '../proto/index.js'
import type { WatchRequests, WatchResponses } from './api.js'

/** Units of work per turn; two to four milliseconds (WatchHub.catchUp). */
const CATCH_UP_BUDGET = 2000
const PROGRESS_CHECK_MS = 100

export class WatchPump {
  readonly hub: WatchHub
  readonly #clock: Clock
  readonly #store: Store
  #scheduled = false
  #timer: Timer | undefined

  constructor(options: {
    store: Store
    clock: Clock
    random: Random
    header: (revision: number) => etcdserverpb.ResponseHeader
    fragmentBytes: number
    progressIntervalMs: number
  }) {
    this.#clock = options.clock
    this.#store = options.store
    this.hub = new WatchHub(sourceOf(options.store), {
      random: options.random,
      header: options.header,
      fragmentBytes: options.fragmentBytes,
      progressIntervalMs: options.progressIntervalMs,
      onWork: () => this.#schedule(),
    })
    options.store.onCommit({ onTxn: (revision, changes) => this.hub.publish(revision, changes) })
  }

  open(): void {
    this.#timer = this.#clock.every(PROGRESS_CHECK_MS, () => this.hub.tick(this.#clock.monotonicMs()))
  }

  close(): void {
    this.#timer?.cancel()
    this.hub.close()
  }

  /** The store has taken over the state of a snapshot: every watcher goes on from its history. */
  restored(): void {
    this.hub.restored(sourceOf(this.#store))
  }

  openStream(responses: WatchResponses): WatchRequests {
    return this.hub.openStream(responses, this.#clock.monotonicMs())
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#clock.soon(() => {
      this.#scheduled = false
      if (this.hub.catchUp(CATCH_UP_BUDGET)) this.#schedule()
    })
  }
}

function sourceOf(store: Store): WatchSource {
  return {
    get revision() {
      return store.revision
    },
    get compactRevision() {
      return store.compactRevision
    },
    kvAt: (key: Key, revision: number) => store.get(key, revision),
    history: (from: number, to: number) => store.history(from, to),
  }
}
