// The responses that tell of one change: streams that know their watcher by the same id send the same response, encoded once.

import { type etcdserverpb, SharedWatchResponse } from '../../proto/index.js'
import type { Watcher } from './watcher.js'

/** A power of two. Streams count their watchers from 0, so these are the ids that many streams have in common. */
const PLACES = 64
const PLACE_BITS = Math.log2(PLACES)

/** Where the responses to a watcher of this id are kept. */
export const placeOf = (watchId: bigint): number => Number(BigInt.asUintN(PLACE_BITS, watchId))

/** A cache: where two ids meet in one place, the later one takes it. */
export class SharedResponses {
  readonly #header: etcdserverpb.ResponseHeader
  readonly #byPlace: (SharedWatchResponse | undefined)[] = []

  constructor(header: etcdserverpb.ResponseHeader) {
    this.#header = header
  }

  /** `events` is frozen, and the same list for all watchers that get the same. */
  get(watcher: Watcher, events: Uint8Array[]): SharedWatchResponse {
    const known = this.#byPlace[watcher.place]
    if (known !== undefined && known.events === events && known.watchId === watcher.id) return known
    const response = new SharedWatchResponse()
    response.header = this.#header
    response.watchId = watcher.id
    response.events = events
    this.#byPlace[watcher.place] = response
    return response
  }
}
