// Watchers that are behind get their events from history, many of them from one reading of it.
//
// A *pass* takes up to 512 queued watchers that are near each other, reads the history from the lowest revision any of them
// needs, and offers every change to all of them. What a watcher collects is handed to its stream at the end of the pass, or
// earlier when its batch is full; a batch is only ever cut between two revisions. Whoever has everything up to the newest
// revision then becomes synced; the others queue again. Because a pass is worked off in slices, the world changes between
// two of them:
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
  batchBytesMin: 1 << 20,
}

export interface CatchUpHost {
  /** Newest published revision. */
  readonly revision: number
  deliver(watcher: Watcher, events: Uint8Array[]): void
  /** Takes back a watcher that has everything up to `revision`. */
  becomeSynced(watcher: Watcher): void
}

/** Changes asked of the history at once: short enough that a slice stays within about a millisecond. */
const SLICE_CHANGES = 256
/** A pass starts up to this many revisions before the watcher whose turn it is, to take others along. */
const PASS_SLACK_REVISIONS = 1000
const BYTES_PER_BUDGET_UNIT = 1024

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
  readonly #source: WatchSource
  readonly #host: CatchUpHost
  readonly #limits: CatchUpLimits
  /** Oldest first. */
  readonly #queue = new Set<Watcher>()
  readonly #scratch: Set<Watcher>[] = []
  #pass: Pass | undefined = undefined

  constructor(source: WatchSource, host: CatchUpHost, limits: CatchUpLimits) {
    this.#source = source
    this.#host = host
    this.#limits = limits
  }

  /** Watchers queued or passing. */
  get size(): number {
    return this.#queue.size + (this.#pass?.members.size ?? 0)
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
    this.#pass?.delete(watcher)
    watcher.batch = undefined
  }

  /** Ends the running pass after the store was replaced; its watchers queue again. */
  interrupt(): void {
    const pass = this.#pass
    this.#pass = undefined
    if (pass !== undefined) for (const watcher of [...pass.members]) this.#leave(pass, watcher)
  }

  /**
   * Works for about `budget` units: one per change read or response made, one more per KiB put into batches. At least one
   * slice is read, so any positive budget makes progress. True while there is more to do now.
   */
  step(budget: number): boolean {
    let left = budget
    while (left > 0) {
      const pass = (this.#pass ??= this.#begin())
      if (pass === undefined) return false
      if (this.#source.compactRevision > pass.position) {
        left -= this.#endByCompaction(pass)
        continue
      }
      const slice = pass.reader.next(Math.min(SLICE_CHANGES, Math.ceil(left)))
      if (slice !== undefined) {
        left -= 1 + slice.length
        for (const change of slice) left -= this.#offer(pass, change) / BYTES_PER_BUDGET_UNIT
      } else left -= this.#readOn(pass)
      if (pass.members.size === 0) this.#pass = undefined
    }
    return this.size > 0
  }

  /** Picks the watcher whose turn it is and those near it. Watchers that a compaction overtook are cancelled on the way. */
  #begin(): Pass | undefined {
    const { compactRevision } = this.#source
    const { passWatchers, passRevisions, batchBytes, batchBytesMin, passBytes } = this.#limits
    let first: Watcher | undefined
    for (const watcher of [...this.#queue]) {
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

  /** Gives one change to the members that want it; returns the bytes that were put into batches. */
  #offer(pass: Pass, change: Change): number {
    if (change.main > pass.position) pass.position = change.main
    const found = this.#scratch
    found.length = 0
    pass.group.matching(change.key, found)
    if (found.length === 0) return 0
    const event = new SharedEvent(change, this.#source)
    let bytes = 0
    for (const watchers of found) {
      for (const watcher of watchers) {
        if (change.main < watcher.nextRevision || !watcher.wants(change.kind)) continue
        const batch = this.#batchFor(pass, watcher, change.main)
        if (batch === undefined) continue
        const encoded = event.bytes(watcher.prevKv)
        batch.events.push(encoded)
        batch.sizeBytes += encoded.length
        bytes += encoded.length
      }
    }
    return bytes
  }

  /** The batch that an event of `revision` goes into; undefined when the watcher had to leave the pass. */
  #batchFor(pass: Pass, watcher: Watcher, revision: number): EventBatch | undefined {
    if (watcher.state !== WatcherState.passing) return undefined
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
    watcher.batch = undefined
    watcher.nextRevision = revision
    this.#host.deliver(watcher, batch.events)
    return this.#batchFor(pass, watcher, revision)
  }

  /** The reader is at its end: goes on with what was published meanwhile, or finishes the pass. Returns its cost. */
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
    for (const watcher of members) this.#finish(pass, watcher)
    return members.length
  }

  #finish(pass: Pass, watcher: Watcher): void {
    const batch = watcher.batch
    if (batch !== undefined && !watcher.stream.full) {
      watcher.batch = undefined
      watcher.nextRevision = Math.max(watcher.nextRevision, pass.position)
      this.#host.deliver(watcher, batch.events)
    }
    // Leaving settles what is still missing; a full stream's watcher with a batch goes back to where that began.
    this.#leave(pass, watcher)
  }

  /** Takes a member out; what it has not been handed over it will get from history later, unless it misses nothing. */
  #leave(pass: Pass, watcher: Watcher): void {
    // Closed meanwhile, by what its stream did with an event.
    if (watcher.state !== WatcherState.passing) return
    pass.delete(watcher)
    watcher.nextRevision = watcher.batch?.firstRevision ?? Math.max(watcher.nextRevision, pass.position)
    watcher.batch = undefined
    if (watcher.nextRevision > this.#host.revision) this.#host.becomeSynced(watcher)
    else this.add(watcher)
  }

  /** A compaction removed history that the pass has not read yet. Returns the cost. */
  #endByCompaction(pass: Pass): number {
    this.#pass = undefined
    const members = [...pass.members]
    for (const watcher of members) {
      const batch = watcher.batch
      // The last revision may be incomplete; the watcher that began it cannot get the rest any more.
      if (batch !== undefined && batch.lastRevision === pass.position) batch.events.length = batch.lastRevisionAt
      if (batch !== undefined && batch.events.length > 0 && !watcher.stream.full) {
        watcher.batch = undefined
        watcher.nextRevision = pass.position
        this.#host.deliver(watcher, batch.events)
      } else if (batch?.events.length === 0) watcher.batch = undefined
      this.#leave(pass, watcher)
    }
    return members.length
  }

  #cancel(watcher: Watcher): void {
    watcher.state = WatcherState.compacted
    watcher.stream.sendCompacted(watcher, this.#source.compactRevision)
  }
}
