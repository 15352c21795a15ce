// Watchers that are behind get their events from history, many of them from one reading of it.
//
// A *pass* takes up to 512 queued watchers that are near each other, reads the history from the lowest revision any of them
// needs, and offers every change to all of them. A watcher leaves the pass at its end, or earlier when its batch is full, which
// is only ever between two revisions. Then its batch goes to its stream. If it has everything up to the newest revision it
// becomes synced; otherwise it queues again. Because all this is worked off in slices, the world changes in between:
//
//   new revisions    the pass reads on, so that it ends in step with the store
//   stream full      its watchers leave the pass: a number, the next revision, is all that is kept of them
//   compaction       past the pass: complete revisions are handed over, then those who still needed more are cancelled
//   cancel, close    the watcher leaves

import { type EventBatch, EventBatch as Batch, type Watcher, WatcherGroup, WatcherState } from './watcher.js'
import type { Change, HistoryReader, WatchSource } from './source.js'
import { SharedEvent } from './event.js'

export interface CatchUpLimits {
  /** Watchers that share one pass. */
  readonly passWatchers: number
  /** Revisions that one pass covers at most before its watchers queue again, so that a long history starves nobody. */
  readonly passRevisions: number
  /** Distinct revisions in one response. */
  readonly batchRevisions: number
  /** A response is cut at the first revision boundary at or past this size, when its pass has few watchers. */
  readonly batchBytes: number
  /** What all batches of one pass may hold together; each gets its share, but at least `batchBytesMin`. */
  readonly passBytes: number
  readonly batchBytesMin: number
}

export const DEFAULT_CATCH_UP_LIMITS: CatchUpLimits = {
  passWatchers: 512,
  passRevisions: 50_000,
  batchRevisions: 1000,
  batchBytes: 16 << 20,
  passBytes: 64 << 20,
  batchBytesMin: 256 << 10,
}

export interface CatchUpHost {
  /** Newest published revision. */
  readonly revision: number
  deliver(watcher: Watcher, events: Uint8Array[]): void
  /** Takes back a watcher that has everything up to `revision`. */
  becomeSynced(watcher: Watcher): void
}

/** Changes asked of the history at once. They are offered one by one as the budget lasts. */
const SLICE_CHANGES = 256
/** A pass starts up to this many revisions before the watcher whose turn it is, to take others along. */
const PASS_SLACK_REVISIONS = 1000
// Measured: a unit, a change read and offered, is about 1.5 us; collecting it for one watcher costs a tenth of that.
const UNITS_PER_EVENT = 0.1
const UNITS_PER_BYTE = 1 / 8192

const NO_CHANGES: readonly Change[] = []

class Pass {
  readonly members = new Set<Watcher>()
  readonly group = new WatcherGroup()
  /** Everything below was offered completely. */
  position: number
  /** Last revision that the pass may reach. */
  readonly end: number
  /** Last revision that `reader` yields. */
  to: number
  reader: HistoryReader
  /** Read and, from `sliceAt` on, not offered yet. */
  slice: readonly Change[] = NO_CHANGES
  sliceAt = 0
  batchBytes = 0

  constructor(position: number, end: number, to: number, reader: HistoryReader) {
    this.position = position
    this.end = end
    this.to = to
    this.reader = reader
  }

  delete(watcher: Watcher): void {
    if (this.members.delete(watcher)) this.group.delete(watcher)
  }
}

export class CatchUp {
  #source: WatchSource
  readonly #host: CatchUpHost
  readonly #limits: CatchUpLimits
  /** Oldest first. */
  readonly #queue = new Set<Watcher>()
  /** Left the pass with a complete batch, not delivered yet; no pass begins before it is. `nextRevision` is what follows it. */
  readonly #outbox = new Set<Watcher>()
  readonly #scratch: Set<Watcher>[] = []
  #pass: Pass | undefined = undefined

  constructor(source: WatchSource, host: CatchUpHost, limits: CatchUpLimits) {
    this.#source = source
    this.#host = host
    this.#limits = limits
  }

  /** Watchers queued or passing. */
  get size(): number {
    return this.#queue.size + this.#outbox.size + (this.#pass?.members.size ?? 0)
  }

  /** Queues a watcher that misses `nextRevision` and later; parks it when its stream is full. */
  add(watcher: Watcher): void {
    if (watcher.stream.full) {
      watcher.state = WatcherState.parked
      watcher.stream.parked.add(watcher)
    } else {
      watcher.state = WatcherState.queued
      this.#queue.add(watcher)
    }
  }

  /** Forgets a queued or passing watcher; what it collected is dropped. */
  delete(watcher: Watcher): void {
    this.#queue.delete(watcher)
    this.#outbox.delete(watcher)
    this.#pass?.delete(watcher)
    watcher.batch = undefined
  }

  /** The store was replaced: ends the running pass, whose watchers queue again, and reads `source` from now on. */
  restart(source: WatchSource): void {
    this.#source = source
    const pass = this.#pass
    this.#pass = undefined
    if (pass !== undefined) for (const watcher of [...pass.members]) this.#leave(pass, watcher)
  }

  /**
   * Works for about `budget` units: one per change read or response made, a tenth per event collected, one more per 8 KiB of
   * those. Any positive budget makes progress. True while there is more to do now.
   */
  step(budget: number): boolean {
    let left = budget
    while (left > 0) {
      for (const watcher of this.#outbox) {
        left -= this.#deliver(watcher)
        if (left <= 0) return this.size > 0
      }
      const pass = (this.#pass ??= this.#begin())
      if (pass === undefined) return false
      if (this.#source.compactRevision > pass.position) left -= this.#endByCompaction(pass)
      else if (pass.sliceAt < pass.slice.length) left -= this.#offer(pass, pass.slice[pass.sliceAt++]!)
      else {
        pass.slice = pass.reader.next(Math.min(SLICE_CHANGES, Math.ceil(left))) ?? NO_CHANGES
        pass.sliceAt = 0
        left -= pass.slice === NO_CHANGES ? this.#readOn(pass) : 1
      }
      if (pass.members.size === 0) this.#pass = undefined
    }
    return this.size > 0
  }

  /** Picks the watcher whose turn it is and those near it. Watchers that a compaction overtook are cancelled on the way. */
  #begin(): Pass | undefined {
    const { compactRevision } = this.#source
    const { passWatchers, passRevisions, batchBytes, batchBytesMin, passBytes } = this.#limits
    let first: Watcher | undefined
    for (const watcher of this.#queue) {
      if (watcher.stream.full) {
        this.#queue.delete(watcher)
        this.add(watcher)
      } else if (watcher.nextRevision < compactRevision) {
        this.#queue.delete(watcher)
        this.#cancel(watcher)
      } else first ??= watcher
    }
    if (first === undefined) return undefined

    const lowest = first.nextRevision - PASS_SLACK_REVISIONS
    const chosen: Watcher[] = []
    let from = first.nextRevision
    for (const watcher of this.#queue) {
      if (watcher.nextRevision < lowest || watcher.nextRevision >= first.nextRevision + passRevisions) continue
      chosen.push(watcher)
      from = Math.min(from, watcher.nextRevision)
      if (chosen.length === passWatchers) break
    }
    const end = first.nextRevision + passRevisions - 1
    const to = Math.min(end, this.#host.revision)
    const pass = new Pass(from, end, to, this.#source.history(from, to))
    for (const watcher of chosen) {
      this.#queue.delete(watcher)
      watcher.state = WatcherState.passing
      pass.members.add(watcher)
      pass.group.add(watcher)
    }
    pass.batchBytes = Math.min(batchBytes, Math.max(batchBytesMin, Math.floor(passBytes / chosen.length)))
    return pass
  }

  /** Gives one change to the members that want it; returns the cost. */
  #offer(pass: Pass, change: Change): number {
    if (change.main > pass.position) pass.position = change.main
    const found = this.#scratch
    found.length = 0
    pass.group.matching(change.key, found)
    if (found.length === 0) return 1
    const event = new SharedEvent(change, this.#source)
    let cost = 1
    for (const watchers of found) {
      for (const watcher of watchers) {
        if (change.main < watcher.nextRevision || !watcher.wants(change.kind)) continue
        const batch = this.#batchFor(pass, watcher, change.main)
        if (batch === undefined) continue
        const encoded = event.bytes(watcher.prevKv)
        batch.events.push(encoded)
        batch.sizeBytes += encoded.length
        cost += UNITS_PER_EVENT + encoded.length * UNITS_PER_BYTE
      }
    }
    return cost
  }

  /** The batch that an event of `revision` goes into; undefined when the watcher had to leave the pass. */
  #batchFor(pass: Pass, watcher: Watcher, revision: number): EventBatch | undefined {
    if (watcher.stream.full) {
      this.#leave(pass, watcher)
      return undefined
    }
    const batch = watcher.batch
    if (batch === undefined) return (watcher.batch = new Batch(revision))
    if (batch.lastRevision === revision) return batch
    if (batch.revisions < this.#limits.batchRevisions && batch.sizeBytes < pass.batchBytes) {
      batch.revisions++
      batch.lastRevision = revision
      batch.lastRevisionAt = batch.events.length
      return batch
    }
    this.#complete(pass, watcher, revision)
    return undefined
  }

  /** The reader is at its end: goes on with what was published meanwhile, or finishes the pass. Returns the cost. */
  #readOn(pass: Pass): number {
    pass.position = pass.to + 1
    const to = Math.min(pass.end, this.#host.revision)
    if (to > pass.to) {
      pass.to = to
      pass.reader = this.#source.history(pass.position, to)
      return 1
    }
    this.#pass = undefined
    const members = [...pass.members]
    for (const watcher of members) this.#complete(pass, watcher, Math.max(watcher.nextRevision, pass.position))
    return members.length * UNITS_PER_EVENT
  }

  /** Takes a member out that has, or has in its batch, everything below `nextRevision`. */
  #complete(pass: Pass, watcher: Watcher, nextRevision: number): void {
    if (watcher.batch === undefined || watcher.stream.full) this.#leave(pass, watcher)
    else {
      pass.delete(watcher)
      watcher.nextRevision = nextRevision
      this.#outbox.add(watcher)
    }
  }

  /** Takes a member out; what it has not been handed over it will get from history later, unless it misses nothing. */
  #leave(pass: Pass, watcher: Watcher): void {
    pass.delete(watcher)
    watcher.nextRevision = watcher.batch?.firstRevision ?? Math.max(watcher.nextRevision, pass.position)
    watcher.batch = undefined
    this.#place(watcher)
  }

  /** Hands a batch to its stream, or drops it if that became full. Returns the cost. */
  #deliver(watcher: Watcher): number {
    const batch = watcher.batch!
    this.#outbox.delete(watcher)
    watcher.batch = undefined
    if (watcher.stream.full) watcher.nextRevision = batch.firstRevision
    else this.#host.deliver(watcher, batch.events)
    this.#place(watcher)
    return 1 + batch.sizeBytes * UNITS_PER_BYTE
  }

  #place(watcher: Watcher): void {
    // Closed, by what its stream did with an event.
    if (watcher.state !== WatcherState.passing) return
    if (watcher.nextRevision > this.#host.revision) this.#host.becomeSynced(watcher)
    else this.add(watcher)
  }

  /** A compaction removed history that the pass has not read yet. Returns the cost. */
  #endByCompaction(pass: Pass): number {
    this.#pass = undefined
    const members = [...pass.members]
    for (const watcher of members) {
      const batch = watcher.batch
      // The last revision may be incomplete, and who began it cannot get the rest any more.
      if (batch?.lastRevision === pass.position) batch.events.length = batch.lastRevisionAt
      if (batch?.events.length === 0) watcher.batch = undefined
      this.#complete(pass, watcher, Math.max(watcher.nextRevision, pass.position))
    }
    return members.length * UNITS_PER_EVENT
  }

  #cancel(watcher: Watcher): void {
    watcher.state = WatcherState.compacted
    watcher.stream.sendCompacted(watcher, this.#source.compactRevision)
  }
}
