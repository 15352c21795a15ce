// One write transaction: everything that one applied entry changes, under one main revision.

import { invariant, type Key, type LeaseId } from '../base/index.js'
import { encodeDeletion, encodeKeyValue, encodeTombstone } from '../proto/index.js'
import { Change } from './change.js'
import type { KeyIndex } from './key-index.js'
import { type KeyRecord, KeyState } from './key-record.js'
import { type RangeOutcome, type RangeQuery, rangeInOneGo } from './range.js'
import type { RevisionLog } from './revision-log.js'

export interface TxnResult {
  /** Revision of the store after the transaction. */
  readonly revision: number
  /** In the order they were made; empty when nothing changed. Frozen. */
  readonly changes: readonly Change[]
}

/** Never written to. */
const NO_CHANGES: Change[] = []

/**
 * Synchronous and never undone: the caller has checked everything before the first change. Changes are visible to the
 * transaction's own reads at once and to everybody else from `end` on.
 */
export class WriteTxn {
  /** The store's revision when the transaction began. */
  readonly beginRevision: number
  readonly #index: KeyIndex
  readonly #log: RevisionLog
  readonly #compactRevision: number
  readonly #onEnd: (revision: number, changes: readonly Change[]) => void
  #changes: Change[] = NO_CHANGES
  /** Operations so far, for the metrics. */
  puts = 0
  putBytes = 0
  deletes = 0
  ranges = 0
  #ended = false

  /** Made by the store, which hears of the end. */
  constructor(
    index: KeyIndex,
    log: RevisionLog,
    beginRevision: number,
    compactRevision: number,
    onEnd: (revision: number, changes: readonly Change[]) => void,
  ) {
    this.#index = index
    this.#log = log
    this.beginRevision = beginRevision
    this.#compactRevision = compactRevision
    this.#onEnd = onEnd
  }

  /** Revision that the transaction's reads see: one above `beginRevision` after its first change. */
  get revision(): number {
    return this.#changes.length === 0 ? this.beginRevision : this.beginRevision + 1
  }

  /** `value` is copied. */
  put(key: Key, value: Uint8Array, lease: LeaseId): void {
    invariant(!this.#ended, 'put after the end of the transaction')
    this.puts++
    this.putBytes += key.length + value.length
    const main = this.beginRevision + 1
    const sub = this.#changes.length
    const { create, version } = this.#index.put(key, main, sub)
    const kv = encodeKeyValue(key, create, main, version, value, lease)
    this.#log.append(main, sub, false, kv)
    this.#note(new Change(key, 'put', main, sub, kv, create))
  }

  /**
   * Deletes the key (`end` undefined) or every key of [key, end), in one go; returns the deleted keys, ascending.
   */
  deleteRange(key: Key, end: Key | undefined): Key[] {
    invariant(!this.#ended, 'delete after the end of the transaction')
    this.deletes++
    const keys: Key[] = []
    this.#index.walkAll(key, end, (record) => {
      if (!record.live) return
      this.#delete(record)
      keys.push(record.key)
    })
    return keys
  }

  /** Reads with the transaction's own changes, or history at an explicit revision up to `beginRevision`. */
  rangeSync(query: RangeQuery): RangeOutcome {
    const at = query.revision <= 0 ? this.revision : query.revision
    this.ranges++
    if (query.revision > this.beginRevision) return { kind: 'future' }
    if (at < this.#compactRevision) return { kind: 'compacted' }
    return rangeInOneGo(this.#index, this.#log, query, at, this.revision)
  }

  /** The live key with the transaction's own changes. Owned. */
  lookup(key: Key): KeyState | undefined {
    const state = new KeyState()
    return this.#index.lookup(key, this.revision, state) ? state : undefined
  }

  /** The live KeyValue with the transaction's own changes; frozen. */
  kv(key: Key): Uint8Array | undefined {
    this.ranges++
    const state = this.lookup(key)
    return state === undefined ? undefined : this.#log.read(state.mod, state.sub, true)
  }

  /** Makes the changes visible. The transaction is over. */
  end(): TxnResult {
    invariant(!this.#ended, 'transaction ended twice')
    this.#ended = true
    const { revision } = this
    this.#onEnd(revision, this.#changes)
    return { revision, changes: this.#changes }
  }

  #delete(record: KeyRecord): void {
    const { key } = record
    const main = this.beginRevision + 1
    const sub = this.#changes.length
    record.tombstone(main, sub)
    this.#log.append(main, sub, true, encodeTombstone(key))
    this.#note(new Change(key, 'delete', main, sub, encodeDeletion(key, main), 0))
  }

  /** Nearly always it is the only one, and an array that grows has room for seventeen. */
  #note(change: Change): void {
    if (this.#changes.length === 0) this.#changes = [change]
    else this.#changes.push(change)
  }
}
