// What the watch hub needs of the store. The store implements it; the hub knows nothing else of it.

import type { Key } from '../../base/index.js'

/** One change of one key. The record and its bytes are frozen: the hub shares them with many watchers. */
export interface Change {
  readonly key: Key
  readonly kind: 'put' | 'delete'
  /** The revision that the change belongs to: all changes of one transaction have the same. */
  readonly main: number
  /** Position inside the revision, from 0, in the order of the operations. */
  readonly sub: number
  /** Encoded mvccpb.KeyValue in the form of an event: for a delete only `key` and `mod_revision`. */
  readonly kv: Uint8Array
}

export interface WatchSource {
  /** Newest revision; at least 1. Whatever is at or below it can be read through `history`. */
  readonly revision: number
  /** Revision of the last compaction; 0 or negative when there was none. Never above `revision`. */
  readonly compactRevision: number
  /**
   * Encoded mvccpb.KeyValue of the key as of the end of `revision`; frozen. Undefined when the key did not exist then, and
   * when `revision` is below the compact revision. May read the disk once.
   */
  kvAt(key: Key, revision: number): Uint8Array | undefined
  /**
   * Opens a reader of all changes with `from <= main <= to`, in order of (main, sub). `from` is never below the compact
   * revision, `to` never above `revision`. At the compact revision itself a tombstone still counts as a change.
   */
  history(from: number, to: number): HistoryReader
}

/** A cursor over the history. It holds nothing that needs closing: the hub drops it when it has seen enough. */
export interface HistoryReader {
  /**
   * The next changes, about `limit` of them at most; may be empty, may end inside a revision. Undefined after the last.
   * Synchronous and bounded: one slice costs at most one read of the disk per change. Not called again once a compaction
   * went past the first revision that was not returned yet. The array is owned by the caller.
   */
  next(limit: number): readonly Change[] | undefined
}
