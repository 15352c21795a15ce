// The revisions that were made since chunks were last packed.

import { compareRevisions } from './revision-key.js'

export class TailRevision {
  readonly main: number
  readonly sub: number
  readonly tombstone: boolean
  /** KeyValue in its stored form; frozen. */
  readonly kv: Uint8Array

  constructor(main: number, sub: number, tombstone: boolean, kv: Uint8Array) {
    this.main = main
    this.sub = sub
    this.tombstone = tombstone
    this.kv = kv
  }
}

export class Tail {
  #revisions: TailRevision[] = []
  #bytes = 0

  get length(): number {
    return this.#revisions.length
  }

  /** Bytes of KeyValues. */
  get bytes(): number {
    return this.#bytes
  }

  get first(): TailRevision | undefined {
    return this.#revisions[0]
  }

  /** Behind all others. */
  push(revision: TailRevision): void {
    this.#revisions.push(revision)
    this.#bytes += revision.kv.length
  }

  find(main: number, sub: number): TailRevision | undefined {
    let lo = 0
    let hi = this.#revisions.length
    while (lo < hi) {
      const mid = (lo + hi) >>> 1
      const revision = this.#revisions[mid]!
      if (compareRevisions(revision.main, revision.sub, main, sub) < 0) lo = mid + 1
      else hi = mid
    }
    const found = this.#revisions[lo]
    return found !== undefined && found.main === main && found.sub === sub ? found : undefined
  }

  /** Empties the tail; the revisions are the caller's. */
  take(): readonly TailRevision[] {
    const revisions = this.#revisions
    this.#revisions = []
    this.#bytes = 0
    return revisions
  }
}
