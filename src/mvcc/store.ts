// The store: index, revisions and their rows in the backend, seen as one. Writes are synchronous and in memory; their rows
// reach the backend when the owner commits (`collectRows`, Backend.write, `flushed`).

import { invariant, type Key } from '../base/index.js'
import type { Backend, Bucket, Clock, RowSink } from '../env/index.js'
import type { Change } from './change.js'
import { type CompactionObserver, Compactor, FINISHED_COMPACT_KEY, SCHEDULED_COMPACT_KEY } from './compaction.js'
import { CorruptStore } from './corrupt-store.js'
import { CompactionHashes, type HashKvResult, hashKvSteps, rowHashSteps, survivorSteps } from './hash.js'
import { LogReader } from './history.js'
import { KeyIndex } from './key-index.js'
import { KeyState } from './key-record.js'
import {
  type EncodedRangeOutcome,
  encodedRangeSteps,
  type RangeOutcome,
  type RangeQuery,
  rangeInOneGo,
  rangeSteps,
} from './range.js'
import { ReadPins } from './read-pins.js'
import { type OnLeasedKey, Restore, type RestoreOptions } from './restore.js'
import { mainOf, REVISION_KEY_BYTES } from './revision-key.js'
import { RevisionLog } from './revision-log.js'
import { SliceRunner, type Steps } from './slices.js'
import type { WatchSource } from './watch/index.js'
import { WriteTxn } from './write-txn.js'

export interface StoreOptions extends RestoreOptions {
  readonly clock: Clock
  /** Revisions per slice of a compaction. Default 1000. */
  readonly compactionBatchLimit?: number
  /** Pause between two slices. Default 10. */
  readonly compactionSleepMs?: number
  /** Called during `open`. */
  readonly onLeasedKey?: OnLeasedKey
  /** Rows of background work wait to be committed. */
  readonly onRows?: () => void
  readonly compactions?: CompactionObserver
  /** Background work failed: the rows contradict each other, or a bug. The process must stop. */
  readonly onFailure: (error: unknown) => void
}

/** What happened since the store was opened. */
export interface StoreCounts {
  /** Single operations, inside transactions too; comparisons and looked-up previous values are ranges. */
  readonly puts: number
  readonly deletes: number
  readonly ranges: number
  /** Transactions of more than one operation. */
  readonly txns: number
  /** Bytes of keys and values put. */
  readonly putBytes: number
  /** Revisions that compactions removed. */
  readonly compactedRevisions: number
}

export interface StoreListener {
  /** A transaction made `revision`; called before `WriteTxn.end` returns. `changes` is frozen and not empty. */
  onTxn(revision: number, changes: readonly Change[]): void
}

export type CompactOutcome = {
  /** ok: the compact revision has moved. compacted: not above the compact revision. future: above the newest. */
  readonly kind: 'ok' | 'compacted' | 'future'
  /** Resolves when what compactions asked for so far remove is gone from the backend, or when the store closes. */
  readonly swept: Promise<void>
}

export type HashKvOutcome =
  | ({ readonly kind: 'ok'; readonly currentRevision: number } & HashKvResult)
  | { readonly kind: 'compacted' }
  | { readonly kind: 'future' }

const COMPACTION_BATCH_LIMIT = 1000
const COMPACTION_SLEEP_MS = 10
/** What an empty database of the reference occupies, so that sizes mean the same to operators and quota rules. */
const EMPTY_IN_USE_BYTES = 16 * 1024
const EMPTY_ALLOCATED_BYTES = 20 * 1024
const PAGE_BYTES = 4096

interface OpenedParts {
  readonly index: KeyIndex
  readonly log: RevisionLog
  readonly runner: SliceRunner
  readonly revision: number
  readonly scheduled: number
  readonly finished: number
}

export class Store implements WatchSource {
  // What `adopt` replaces; whoever gives way holds on to what it began with.
  #index: KeyIndex
  #log: RevisionLog
  #runner: SliceRunner
  #compactor: Compactor
  #pins = new ReadPins()
  #hashes = new CompactionHashes()
  readonly #found = new KeyState()
  readonly #listeners: StoreListener[] = []
  readonly #counts = { puts: 0, deletes: 0, ranges: 0, txns: 0, putBytes: 0 }
  #revision: number
  #compactRevision: number
  #txn: WriteTxn | undefined
  /** Most row bytes since space was last given back. */
  #rowBytesMax: number
  #closed = false
  /** Revisions that the compactors of replaced states removed. */
  #removedBefore = 0

  private constructor(parts: OpenedParts, options: StoreOptions) {
    this.#index = parts.index
    this.#log = parts.log
    this.#runner = parts.runner
    this.#revision = parts.revision
    this.#compactRevision = parts.finished
    this.#rowBytesMax = parts.log.rowBytes
    this.#compactor = new Compactor(
      {
        index: parts.index,
        log: parts.log,
        pins: this.#pins,
        hashes: this.#hashes,
        runner: parts.runner,
        clock: options.clock,
        logger: options.logger,
        batchLimit: options.compactionBatchLimit ?? COMPACTION_BATCH_LIMIT,
        sleepMs: options.compactionSleepMs ?? COMPACTION_SLEEP_MS,
        onRows: options.onRows ?? (() => undefined),
        observer: options.compactions,
        onFailure: options.onFailure,
      },
      parts.scheduled,
      parts.finished,
    )
  }

  /**
   * Builds the index from the backend's rows, in slices, and takes up a compaction that was interrupted. `restored` has seen all rows of
   * the backend already; it becomes the store's. The backend stays the caller's.
   * @throws CorruptStore when the rows contradict each other.
   */
  static async open(backend: Backend, options: StoreOptions, restored?: Restore): Promise<Store> {
    const restore = restored ?? new Restore(backend, options)
    if (restored === undefined) await restore.scan()
    const { index, log } = restore
    const runner = new SliceRunner(options.clock, options.onFailure)
    const finished = compactionRow(backend, FINISHED_COMPACT_KEY)
    const scheduled = compactionRow(backend, SCHEDULED_COMPACT_KEY)
    await runner.runAsync(restore.fillSteps(options.onLeasedKey ?? (() => undefined)))
    const revision = Math.max(1, restore.lastMain, finished, scheduled)
    const store = new Store({ index, log, runner, revision, scheduled, finished }, options)
    if (scheduled > finished) void store.#beginCompaction(scheduled)
    return store
  }

  /** Newest revision; 1 for a fresh store. */
  get revision(): number {
    return this.#revision
  }

  /** Reads below it are refused; -1 when nothing was ever compacted. */
  get compactRevision(): number {
    return this.#compactRevision
  }

  get counts(): StoreCounts {
    return { ...this.#counts, compactedRevisions: this.#removedBefore + this.#compactor.removed }
  }

  /** A transaction that only reads, of more than one operation, is about to run: for the counts. */
  noteReadTxn(): void {
    this.#counts.txns++
  }

  /** Keys in the index, those deleted since the last compaction included. */
  get indexedKeys(): number {
    return this.#index.size
  }

  // Transactions

  /** Opens the one write transaction; everything until its `end` happens in one turn. */
  beginWrite(): WriteTxn {
    invariant(this.#txn === undefined, 'one write transaction at a time')
    invariant(!this.#closed, 'the store is open')
    this.#txn = new WriteTxn(this.#index, this.#log, this.#revision, this.#compactRevision, this.#finishTxn)
    return this.#txn
  }

  /** The end of the open transaction; `changes` is not empty exactly when `revision` is new. */
  readonly #finishTxn = (revision: number, changes: readonly Change[]): void => {
    this.#count(this.#txn)
    this.#txn = undefined
    if (changes.length === 0) return
    this.#revision = revision
    this.#noteSize()
    for (const listener of this.#listeners) listener.onTxn(revision, changes)
  }

  /** Tells `listener` of every later transaction that changed something. */
  onCommit(listener: StoreListener): void {
    this.#listeners.push(listener)
  }

  // Reads

  /** The KeyValue at a revision up to the newest; undefined when the key did not exist then or that is compacted. Frozen. */
  get(key: Key, atRevision: number): Uint8Array | undefined {
    if (atRevision < this.#compactRevision || !this.#index.lookup(key, atRevision, this.#found)) return undefined
    return this.#log.read(this.#found.mod, this.#found.sub, true)
  }

  /** `get` under the name that watches know it by. */
  kvAt(key: Key, revision: number): Uint8Array | undefined {
    return this.get(key, revision)
  }

  /** The live key. Owned. */
  lookup(key: Key): KeyState | undefined {
    const state = new KeyState()
    this.#counts.ranges++
    return this.#index.lookup(key, this.#revision, state) ? state : undefined
  }

  /** Every live key of [key, end), or `key` alone, as its state, lent to `visit`; no row is read. In one go. */
  visitLive(key: Key, end: Key | undefined, visit: (state: KeyState) => void): void {
    const state = new KeyState()
    this.#counts.ranges++
    this.#index.walkAll(key, end, (record) => {
      if (record.lookup(this.#revision, state)) visit(state)
    })
  }

  /**
   * Calls `done` before it returns when one slice is enough, else in a later turn; always with the state at one revision.
   * The answer is held in memory as a whole: callers bound how many reads they start.
   */
  range(query: RangeQuery, done: (outcome: RangeOutcome) => void): void {
    if (query.end !== undefined) return this.#read(query, rangeSteps, done)
    done(this.rangeSync(query))
  }

  /** As `range`, with the pairs encoded for an answer. */
  rangeEncoded(query: RangeQuery, done: (outcome: EncodedRangeOutcome) => void): void {
    this.#read(query, encodedRangeSteps, done)
  }

  #read<Outcome>(
    query: RangeQuery,
    stepsOf: (index: KeyIndex, log: RevisionLog, query: RangeQuery, at: number, revision: number) => Steps<Outcome>,
    done: (outcome: Outcome | { readonly kind: 'compacted' | 'future' }) => void,
  ): void {
    const refused = this.#refusal(query.revision)
    this.#counts.ranges++
    if (refused !== undefined) {
      done({ kind: refused })
      return
    }
    const at = query.revision <= 0 ? this.#revision : query.revision
    const pins = this.#pins
    pins.pin(at)
    let ended = false
    try {
      this.#runner.run(stepsOf(this.#index, this.#log, query, at, this.#revision), (outcome) => {
        ended = true
        pins.unpin(at)
        done(outcome)
      })
    } catch (error) {
      if (!ended) pins.unpin(at)
      throw error
    }
  }

  /** As `range`, in one go: for reads that must not be interrupted. */
  rangeSync(query: RangeQuery): RangeOutcome {
    const refused = this.#refusal(query.revision)
    this.#counts.ranges++
    if (refused !== undefined) return { kind: refused }
    const at = query.revision <= 0 ? this.#revision : query.revision
    return rangeInOneGo(this.#index, this.#log, query, at, this.#revision)
  }

  /** Changes with from <= main <= to in order; `from` is at least the compact revision. */
  history(from: number, to: number): LogReader {
    return new LogReader(this.#log, from, to)
  }

  // Compaction and hashes

  /** Moves the compact revision at once; what it frees goes away in the background. */
  compact(revision: number): CompactOutcome {
    invariant(this.#txn === undefined && !this.#closed, 'no compaction within a transaction')
    if (revision <= this.#compactRevision) return { kind: 'compacted', swept: this.#compactor.idle() }
    if (revision > this.#revision) return { kind: 'future', swept: this.#compactor.idle() }
    return { kind: 'ok', swept: this.#beginCompaction(revision) }
  }

  #beginCompaction(revision: number): Promise<void> {
    const previous = this.#compactRevision
    this.#compactRevision = revision
    return this.#compactor.schedule(revision, previous)
  }

  /** The reference's HashKV at a revision, 0 for the newest. Sliced. */
  async hashKv(revision: number): Promise<HashKvOutcome> {
    const state = this.#state()
    const known = revision === 0 ? undefined : this.#hashes.find(revision)
    if (known !== undefined) return { kind: 'ok', currentRevision: this.#revision, ...known }
    if (revision > 0 && revision < this.#compactRevision) return { kind: 'compacted' }
    if (revision > this.#revision) return { kind: 'future' }
    const currentRevision = this.#revision
    const compactRevision = this.#compactRevision
    const at = revision === 0 ? currentRevision : revision
    // Later compactions wait: with this compact revision, every row above it counts.
    state.pins.pin(compactRevision)
    try {
      const filtered = await state.runner.runAsync(survivorSteps(state.index, at, false))
      // Without a filter it matters which rows are gone already: let the pass end. It never waits for this read.
      if (!filtered) await state.compactor.finished(compactRevision)
      const steps = hashKvSteps(state.index, state.log, at, compactRevision, filtered)
      return { kind: 'ok', currentRevision, ...(await state.runner.runAsync(steps)) }
    } finally {
      state.pins.unpin(compactRevision)
    }
  }

  /** Hashes that compactions left behind, highest revision first. */
  compactionHashes(): readonly HashKvResult[] {
    return this.#hashes.list()
  }

  /** Goes on from the CRC-32C `crc` over all revisions, for the hash of the whole backend. No writes meanwhile. */
  async hashRows(crc: number): Promise<number> {
    const compactRevision = this.#compactRevision
    const state = this.#state()
    state.pins.pin(compactRevision)
    try {
      await state.compactor.finished(compactRevision)
      return await state.runner.runAsync(rowHashSteps(state.index, state.log, compactRevision, crc))
    } finally {
      state.pins.unpin(compactRevision)
    }
  }

  // Commits

  /**
   * Gives all rows not given yet to `sink`, for one atomic batch; batches are written in this order.
   * The returned token goes to `flushed` once the backend has the batch; until then the rows stay in memory.
   */
  collectRows(sink: RowSink): number {
    invariant(this.#txn === undefined, 'no commit within a transaction')
    const token = this.#log.collect(sink)
    this.#noteSize()
    return token
  }

  flushed(token: number): void {
    this.#log.flushed(token)
    this.#compactor.flushed(token)
  }

  /** Bytes that wait for `collectRows`. */
  get pendingBytes(): number {
    return this.#log.pendingBytes
  }

  /** Revisions that wait for `collectRows`. */
  get pendingRevisions(): number {
    return this.#log.tailRevisions
  }

  /** Whether `collectRows` would give anything. */
  get hasPendingRows(): boolean {
    return this.#log.tailRevisions > 0 || this.#log.queuedRows > 0
  }

  /** Bytes of rows that `collectRows` gave out and the backend does not have yet. */
  get writingBytes(): number {
    return this.#log.writingBytes
  }

  /** Bytes of rows in the read cache. */
  get cachedBytes(): number {
    return this.#log.cachedBytes
  }

  // Sizes

  /** Bytes that live rows take, in whole pages as the reference counts them. */
  get inUseBytes(): number {
    return EMPTY_IN_USE_BYTES + wholePages(this.#log.rowBytes)
  }

  /** The most that `inUseBytes` was since space was last given back: what the file of the reference would measure. */
  get allocatedBytes(): number {
    return EMPTY_ALLOCATED_BYTES + wholePages(this.#rowBytesMax)
  }

  /** The backend gave the space of deleted rows back to the file system. */
  noteReclaimed(): void {
    this.#rowBytesMax = this.#log.rowBytes
  }

  /**
   * Takes over the state of `next`, which nobody uses any more: a later one of the same history, from a snapshot. All in this
   * turn; rows not collected yet are dropped. Reads under way finish on the old state; resolves when they have, and nothing uses
   * the backend that it was read from.
   */
  async adopt(next: Store): Promise<void> {
    invariant(this.#txn === undefined && next.#txn === undefined, 'no exchange within a transaction')
    invariant(next.#revision >= this.#revision, 'a snapshot never goes back')
    const before = this.#state()
    this.#removedBefore += before.compactor.removed
    this.#index = next.#index
    this.#log = next.#log
    this.#runner = next.#runner
    this.#compactor = next.#compactor
    this.#pins = next.#pins
    this.#hashes = next.#hashes
    this.#revision = next.#revision
    this.#compactRevision = next.#compactRevision
    this.#rowBytesMax = next.#rowBytesMax
    next.#closed = true
    await before.compactor.stop()
    await before.pins.releasedBelow(Infinity)
    await before.runner.idle()
  }

  /** Ends background work at its next pause and waits for reads under way. The backend stays open. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#compactor.stop()
    await this.#runner.idle()
  }

  #state() {
    const [index, log, runner, compactor, pins] = [this.#index, this.#log, this.#runner, this.#compactor, this.#pins]
    return { index, log, runner, compactor, pins }
  }

  #count(txn: WriteTxn | undefined): void {
    if (txn === undefined) return
    const counts = this.#counts
    counts.puts += txn.puts
    counts.putBytes += txn.putBytes
    counts.deletes += txn.deletes
    counts.ranges += txn.ranges
    if (txn.puts + txn.deletes + txn.ranges > 1) counts.txns++
  }

  #refusal(revision: number): 'compacted' | 'future' | undefined {
    invariant(!this.#closed, 'the store is open')
    if (revision > this.#revision) return 'future'
    if (revision > 0 && revision < this.#compactRevision) return 'compacted'
    return undefined
  }

  #noteSize(): void {
    this.#rowBytesMax = Math.max(this.#rowBytesMax, this.#log.rowBytes)
  }
}

const wholePages = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES

/** The revision in a row of `meta` that tells of compactions, -1 without the row. @throws CorruptStore */
const compactionRow = (backend: Backend, name: string): number => {
  const bucket: Bucket = 'meta'
  const row = backend.get(bucket, Buffer.from(name))
  if (row === undefined) return -1
  if (row.length !== REVISION_KEY_BYTES) throw new CorruptStore(`malformed row ${name}`)
  return mainOf(row, 0)
}
