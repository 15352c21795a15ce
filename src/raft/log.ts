// The raft log in memory: everything after the last compaction, whether durable yet or not.
//
//        compacted  first                                                    last
//            v        v                                                        v
//   ... -----|--------+--------|--------+-----------+-----------+--------------+
//                  packed      |     applied     applying    committed
//                              | live                  stable           handedOut
//
// Two chains of cursors, each in order: applied <= applying <= min(committed, stable), and stable <= handedOut <= last.
// Entries after `handedOut` wait for the next append job; those up to `stable` are known to be durable here.
// Invariant: only applied entries are packed. So nothing that may still be written, replaced or applied ever is.

import { index as toIndex, invariant, NO_INDEX, NO_TERM } from '../base/index.js'
import type { Index, Term } from '../base/index.js'
import { entryBytes } from './entry-bytes.js'
import { PackedEntries } from './packed-entries.js'
import { EntryType } from './pb.js'
import type { Entry, Snapshot } from './pb.js'

/** Handed out for apply in one go at most, so that whoever applies them can look at the clock in between. */
const ENTRIES_TO_APPLY_MAX = 32

/** Packed in one go at most, and one entry: after a start thousands may wait. */
const PACK_BYTES_MAX = 1 << 20

/** A place in the log. */
export interface LogPosition {
  readonly index: Index
  readonly term: Term
}

/**
 * What a finished append job proves: every entry up to `index` is durable, provided that nothing handed out was
 * overwritten since. `rewrites` tells: index and term alone cannot, because an entry may be replaced and come back (ABA)
 * while the write of its replacement is still queued.
 */
export interface StableMark extends LogPosition {
  readonly rewrites: number
}

export interface LogStart {
  /** What the snapshot or compaction covers; (0, 0) when the log begins at its first entry. */
  readonly compacted: LogPosition
  /** Durable entries after it, without gap. */
  readonly entries: readonly Entry[]
  readonly committed: Index
  readonly applied: Index
  /** Limit on entries handed out for apply and not yet reported as applied; one entry always passes. */
  readonly maxApplyingBytes: number
  /** Entries in [from, through] were dropped because another leader's took their place. */
  readonly onReplaced?: (from: Index, through: Index) => void
}

export class RaftLog {
  #compacted: LogPosition
  /** Those in (compacted.index, packed.last]. */
  readonly #packed: PackedEntries
  /** Those in (packed.last, lastIndex]. */
  #live: Entry[]
  #liveBytes: number
  #committed: Index
  #stable: Index
  #handedOut: Index
  #applying: Index
  #applied: Index
  #applyingBytes = 0
  readonly #maxApplyingBytes: number
  readonly #onReplaced: ((from: Index, through: Index) => void) | undefined
  #rewrites = 0
  #pendingSnapshot: Snapshot | undefined = undefined
  #snapshotHandedOut = false

  /** @throws InvariantViolation when the parts do not fit together: the log was lost or cut. */
  constructor(start: LogStart) {
    this.#compacted = start.compacted
    this.#packed = new PackedEntries(start.compacted.index)
    this.#live = [...start.entries]
    this.#liveBytes = sumBytes(this.#live)
    this.#committed = start.committed
    this.#applied = start.applied
    this.#applying = start.applied
    this.#maxApplyingBytes = start.maxApplyingBytes
    this.#onReplaced = start.onReplaced
    this.#stable = this.lastIndex
    this.#handedOut = this.lastIndex
    invariant(followsOn(start.compacted, this.#live), 'recovered entries do not follow on the snapshot')
    invariant(
      start.compacted.index <= start.committed && start.committed <= this.lastIndex,
      'commit index % is outside the log [%, %]',
      start.committed,
      start.compacted.index,
      this.lastIndex,
    )
    invariant(
      start.compacted.index <= start.applied && start.applied <= start.committed,
      'applied index % is outside [%, %]',
      start.applied,
      start.compacted.index,
      start.committed,
    )
  }

  get firstIndex(): Index {
    return toIndex(this.#compacted.index + 1)
  }

  get lastIndex(): Index {
    return toIndex(this.#packed.last + this.#live.length)
  }

  get lastTerm(): Term {
    return this.#live[this.#live.length - 1]?.term ?? this.#packed.term(this.#packed.last) ?? this.#compacted.term
  }

  get compacted(): LogPosition {
    return this.#compacted
  }

  get committed(): Index {
    return this.#committed
  }

  get applied(): Index {
    return this.#applied
  }

  get applying(): Index {
    return this.#applying
  }

  get stable(): Index {
    return this.#stable
  }

  /** Entries held, counted with `entryBytes`. */
  get bytes(): number {
    return this.#packed.bytes + this.#liveBytes
  }

  get pendingSnapshot(): Snapshot | undefined {
    return this.#pendingSnapshot
  }

  /** The term at `at`, known from `firstIndex - 1` to `lastIndex`, else undefined. */
  term(at: Index): Term | undefined {
    if (at === this.#compacted.index) return this.#compacted.term
    return this.#packed.term(at) ?? this.#liveAt(at)?.term
  }

  matches(at: Index, term: Term): boolean {
    return this.term(at) === term
  }

  /** Whether a log that ends at this place may take votes from the owner of ours (Raft paper 5.4.1). */
  isUpToDate(end: LogPosition): boolean {
    return end.term > this.lastTerm || (end.term === this.lastTerm && end.index >= this.lastIndex)
  }

  /** Entries in [lo, hi), frozen, cut at `maxBytes` but never below one entry. `lo` must not be compacted. */
  slice(lo: Index, hi: Index, maxBytes: number): Entry[] {
    invariant(lo >= this.firstIndex && hi <= this.lastIndex + 1, 'slice [%, %) is outside the log', lo, hi)
    let bytes = 0
    let end = lo
    for (; end < hi; end = toIndex(end + 1)) {
      bytes += end <= this.#packed.last ? this.#packed.entryBytes(end) : entryBytes(this.#liveAt(end)!)
      if (bytes > maxBytes && end > lo) break
    }
    const liveFirst = toIndex(this.#packed.last + 1)
    if (lo >= liveFirst) return this.#live.slice(lo - liveFirst, end - liveFirst)
    const entries = this.#packed.read(lo, toIndex(Math.min(end, liveFirst)))
    for (let at = liveFirst; at < end; at = toIndex(at + 1)) entries.push(this.#liveAt(at)!)
    return entries
  }

  /**
   * A follower's append after (`prev`): undefined when the logs do not match there, else the last index of `entries`.
   * Entries already present are kept, so an old or repeated append never shortens the log.
   * @throws InvariantViolation when a committed entry would be replaced.
   */
  maybeAppend(prev: LogPosition, entries: readonly Entry[]): Index | undefined {
    if (!this.matches(prev.index, prev.term)) return undefined
    const fresh = entries.findIndex((entry) => !this.matches(entry.index, entry.term))
    if (fresh >= 0) this.append(fresh === 0 ? entries : entries.slice(fresh))
    return toIndex(prev.index + entries.length)
  }

  /** Puts `entries` (consecutive, not empty) at their place and drops whatever was there and after. */
  append(entries: readonly Entry[]): void {
    const first = entries[0]!.index
    invariant(first > this.#committed, 'entry % would replace a committed one (commit index %)', first, this.#committed)
    invariant(first <= this.lastIndex + 1, 'entry % leaves a gap after %', first, this.lastIndex)
    if (first <= this.lastIndex) this.#truncate(first)
    for (const entry of entries) {
      this.#live.push(entry)
      this.#liveBytes += entryBytes(entry)
    }
  }

  /**
   * The highest place at or below `from` whose term is at most `term`: where two logs may agree, as one of them says that
   * it has `term` there. Term 0 means that the log does not reach down that far.
   */
  agreementAtOrBelow(from: Index, term: Term): LogPosition {
    for (let at = toIndex(Math.min(from, this.lastIndex)); at >= this.#compacted.index; at = toIndex(at - 1)) {
      const own = this.term(at)
      if (own !== undefined && own <= term) return { index: at, term: own }
    }
    return { index: toIndex(Math.min(from, Math.max(this.#compacted.index - 1, 0))), term: NO_TERM }
  }

  /** Raises the commit index; never lowers it. @throws InvariantViolation when the log does not reach that far. */
  commitTo(to: Index): void {
    if (to <= this.#committed) return
    invariant(to <= this.lastIndex, "commit index % is beyond the log's end %: entries were lost", to, this.lastIndex)
    this.#committed = to
  }

  /** Replaces the whole log by a snapshot that still has to be made durable. */
  restore(snapshot: Snapshot, at: LogPosition): void {
    invariant(at.index > this.#committed, 'snapshot % is behind the commit index %', at.index, this.#committed)
    this.#compacted = at
    this.#packed.dropThrough(at.index)
    this.#live = []
    this.#liveBytes = 0
    this.#committed = at.index
    this.#handedOut = at.index
    this.#stable = NO_INDEX // whatever is durable belongs to the history that was replaced
    this.#rewrites++
    this.#pendingSnapshot = snapshot
    this.#snapshotHandedOut = false
    this.#applyingBytes = 0
  }

  // --- Towards storage ---

  get hasUnwritten(): boolean {
    return this.#handedOut < this.lastIndex || (this.#pendingSnapshot !== undefined && !this.#snapshotHandedOut)
  }

  /** Everything not handed out yet; the caller writes the snapshot first, then the entries. */
  takeUnwritten(): { readonly snapshot: Snapshot | undefined; readonly entries: Entry[] } {
    const snapshot = this.#snapshotHandedOut ? undefined : this.#pendingSnapshot
    this.#snapshotHandedOut = this.#pendingSnapshot !== undefined
    const entries = this.#live.slice(this.#handedOut - this.#packed.last)
    this.#handedOut = this.lastIndex
    return { snapshot, entries }
  }

  /** To be kept with the job that was just handed out. */
  stableMark(): StableMark {
    return { index: this.#handedOut, term: this.term(this.#handedOut) ?? NO_TERM, rewrites: this.#rewrites }
  }

  /** The job that carried `mark`, and every job before it, is durable. */
  onStable(mark: StableMark): void {
    if (mark.rewrites !== this.#rewrites || mark.index <= this.#stable) return
    invariant(this.term(mark.index) === mark.term, 'durable entry % is not the one in the log', mark.index)
    this.#stable = mark.index
  }

  /** The snapshot that ends at `at` is durable and will be installed before any entry handed out from now on. */
  onSnapshotStable(at: Index): void {
    const pending = this.#pendingSnapshot?.metadata?.index
    if (pending !== at) return
    this.#pendingSnapshot = undefined
    this.#snapshotHandedOut = false
    this.#stable = toIndex(Math.max(this.#stable, at))
    this.#applying = at
    this.#applied = at
  }

  // --- Towards the state machine ---

  get hasCommittedToApply(): boolean {
    return this.#applyLimit() > this.#applying && this.#applyingBytes < this.#maxApplyingBytes
  }

  /** The next committed and durable entries, so many as the limits leave. */
  takeCommitted(): Entry[] {
    if (!this.hasCommittedToApply) return []
    const room = this.#maxApplyingBytes - this.#applyingBytes
    const last = Math.min(this.#applyLimit(), this.#applying + ENTRIES_TO_APPLY_MAX)
    const entries = this.slice(toIndex(this.#applying + 1), toIndex(last + 1), room)
    this.#applying = toIndex(this.#applying + entries.length)
    this.#applyingBytes += sumBytes(entries)
    return entries
  }

  /**
   * The state machine holds everything up to `at`. Returns the payload bytes of the entries of `term` among the newly
   * applied ones. A report from before an installed snapshot says nothing new.
   */
  appliedTo(at: Index, term: Term): number {
    if (at <= this.#applied || this.#pendingSnapshot !== undefined) return 0
    invariant(at <= this.#applying, 'applied index % was never handed out (%)', at, this.#applying)
    let payload = 0
    for (let i = this.#applied + 1; i <= at; i++) {
      const entry = this.#liveAt(i)!
      this.#applyingBytes -= entryBytes(entry)
      if (entry.term === term) payload += entry.data.length
    }
    this.#applied = at
    return payload
  }

  /** Packs applied entries, when there are `run` of them or more. */
  packApplied(run: number): void {
    const applied = this.#applied - this.#packed.last
    if (applied < run) return
    invariant(this.#applied <= this.#stable, 'applied entry % is not durable (%)', this.#applied, this.#stable)
    let count = 0
    for (let bytes = 0; count < applied && bytes < PACK_BYTES_MAX; count++) bytes += entryBytes(this.#live[count]!)
    this.#packed.append(this.#takeOldestLive(count))
  }

  /** Whether a configuration change is committed but not applied: nobody may campaign over the old configuration then. */
  get hasUnappliedConfChange(): boolean {
    for (let i = this.#applied + 1; i <= this.#committed; i++) {
      const entry = this.#liveAt(i)
      if (entry !== undefined && entry.type !== EntryType.EntryNormal) return true
    }
    return false
  }

  /** Forgets entries up to `at`, which must be applied; the term at `at` stays readable. */
  compact(at: Index): void {
    invariant(at <= this.#applied, 'compaction to % is beyond the applied index %', at, this.#applied)
    if (at <= this.#compacted.index || this.#pendingSnapshot !== undefined) return
    const term = this.term(at)
    invariant(term !== undefined, 'no term at %', at)
    if (at > this.#packed.last) this.#takeOldestLive(at - this.#packed.last)
    this.#packed.dropThrough(at)
    this.#compacted = { index: at, term }
  }

  #liveAt(at: number): Entry | undefined {
    return this.#live[at - this.#packed.last - 1]
  }

  #takeOldestLive(count: number): Entry[] {
    const taken = this.#live.splice(0, count)
    this.#liveBytes -= sumBytes(taken)
    return taken
  }

  #applyLimit(): Index {
    return this.#pendingSnapshot === undefined ? toIndex(Math.min(this.#committed, this.#stable)) : NO_INDEX
  }

  #truncate(first: Index): void {
    this.#onReplaced?.(first, this.lastIndex)
    const dropped = this.#live.splice(first - this.#packed.last - 1)
    this.#liveBytes -= sumBytes(dropped)
    const before = toIndex(first - 1)
    if (this.#handedOut > before) {
      this.#handedOut = before
      this.#rewrites++
    }
    if (this.#stable > before) this.#stable = before
  }
}

const sumBytes = (entries: readonly Entry[]): number => entries.reduce((sum, entry) => sum + entryBytes(entry), 0)

/**
 * What the entries of a log prove to be committed, whatever was noted: every configuration change but the last, as a leader
 * proposes none before it has applied those before it. NO_INDEX when they prove nothing.
 *
 * A torn write may leave two changes without the commit index that came with them. To campaign over the configuration before
 * both is not safe: its quorums need not meet those of the configuration after both. Differs: etcd starts with what was noted.
 */
export const committedByChange = (entries: readonly Entry[]): Index => {
  let isFound = false
  for (let i = entries.length - 1; i >= 0; i--) {
    const { type, index } = entries[i]!
    if (type === EntryType.EntryNormal) continue
    if (isFound) return index
    isFound = true
  }
  return NO_INDEX
}

/** Whether `entries` continue the log after `prev`: consecutive indexes, terms that never fall. */
export const followsOn = (prev: LogPosition, entries: readonly Entry[]): boolean => {
  let last = prev
  for (const entry of entries) {
    if (entry.index !== last.index + 1 || entry.term < last.term) return false
    last = entry
  }
  return true
}
