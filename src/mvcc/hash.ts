// Hashes over revisions that equal those of the reference for the same history.

import { crc32c } from '@node-rs/crc32'
import type { Key } from '../base/index.js'
import { KeyValueView } from '../proto/index.js'
import type { ChunkView } from './chunk.js'
import { FIRST_KEY, type KeyIndex, OPEN_END } from './key-index.js'
import type { RevisionLog } from './revision-log.js'
import type { Steps } from './slices.js'

/** Seed of HashKV: CRC-32C of the bucket's name. */
const KEY_BUCKET = new Uint8Array([0x6b, 0x65, 0x79])

/** Revisions looked at between two chances to pause. */
const HASH_STEP = 128
const WALK_STEP = 512

export interface HashKvResult {
  /** CRC-32C, u32. */
  readonly hash: number
  /** -1 when the store was never compacted. */
  readonly compactRevision: number
  readonly hashRevision: number
}

/** CRC-32C over stored revisions of chunk rows; neighbours go in one call. Rows are lent for a turn: `settle` ends it. */
export class RevisionHasher {
  #crc: number
  #bytes: Uint8Array | undefined
  #start = 0
  #end = 0

  /** Goes on from `crc`. */
  constructor(crc = crc32c(KEY_BUCKET)) {
    this.#crc = crc
  }

  /** Feeds revision key and KeyValue of revision `i` of `view`. */
  add(view: ChunkView, i: number): void {
    const start = view.start(i)
    if (this.#bytes !== view.bytes || this.#end !== start) {
      this.settle()
      this.#bytes = view.bytes
      this.#start = start
    }
    this.#end = view.end(i)
  }

  /** The hash so far; more may follow. */
  digest(): number {
    this.settle()
    return this.#crc
  }

  /** Looks at no row any more that was added so far. */
  settle(): void {
    if (this.#bytes !== undefined) this.#crc = crc32c(this.#bytes.subarray(this.#start, this.#end), this.#crc)
    this.#bytes = undefined
  }
}

/** Whether any key has a put that is the newest at revision `at`. Sliced; the usual answer comes at once. */
export function* survivorSteps(index: KeyIndex, at: number, tombstones: boolean): Steps<boolean> {
  let any = false
  let from: Key | undefined = FIRST_KEY
  while (from !== undefined && !any) {
    from = index.walk(from, OPEN_END, WALK_STEP, (record) => {
      any ||= record.survivesAny(at, tombstones)
    })
    if (from !== undefined) yield
  }
  return any
}

/**
 * HashKV at `at`, with `compactRevision` in force. `filtered` is whether any key is alive at `at`: when none is, the
 * reference filters nothing, and every row that the last compaction left counts.
 */
export function* hashKvSteps(
  index: KeyIndex,
  log: RevisionLog,
  at: number,
  compactRevision: number,
  filtered: boolean,
): Steps<HashKvResult> {
  const hasher = new RevisionHasher()
  const kv = new KeyValueView()
  let looked = 0
  let main = 0
  let sub = 0
  log.pack()
  for (let place = log.seek(0, 0); place !== undefined; place = log.seek(main, sub)) {
    const { view } = place
    for (let i = place.i; i < view.count; i++) {
      main = view.main(i)
      sub = view.sub(i) + 1
      if (main > at) return { hash: hasher.digest(), compactRevision, hashRevision: at }
      if (main > compactRevision) {
        hasher.add(view, i)
      } else if (!(main === compactRevision && view.tombstone(i))) {
        const record = index.get(kv.load(view.bytes, view.valueStart(i), view.end(i)).key())
        const counts = filtered ? record?.isKept(at, main, sub - 1) : record?.contains(main, sub - 1)
        if (counts === true) hasher.add(view, i)
      }
      if (++looked % HASH_STEP === 0) break
    }
    hasher.settle()
    yield
  }
  return { hash: hasher.digest(), compactRevision, hashRevision: at }
}

/** Goes on from `crc` over every revision that exists: the rows of the reference's bucket `key`. */
export function* rowHashSteps(index: KeyIndex, log: RevisionLog, compactRevision: number, crc: number): Steps<number> {
  const hasher = new RevisionHasher(crc)
  const kv = new KeyValueView()
  let main = 0
  let sub = 0
  log.pack()
  for (let place = log.seek(0, 0); place !== undefined; place = log.seek(main, sub)) {
    const { view } = place
    const end = Math.min(view.count, place.i + HASH_STEP)
    for (let i = place.i; i < end; i++) {
      main = view.main(i)
      sub = view.sub(i) + 1
      const exists =
        main > compactRevision ||
        index.get(kv.load(view.bytes, view.valueStart(i), view.end(i)).key())?.contains(main, sub - 1) === true
      if (exists) hasher.add(view, i)
    }
    hasher.settle()
    yield
  }
  return hasher.digest()
}

/** Hashes that finished compactions left behind, those of the highest revisions. */
export class CompactionHashes {
  static readonly #MAX = 10
  readonly #hashes: HashKvResult[] = []

  find(revision: number): HashKvResult | undefined {
    return this.#hashes.find(({ hashRevision }) => hashRevision === revision)
  }

  /** Newest first. */
  list(): readonly HashKvResult[] {
    return this.#hashes
  }

  store(hash: HashKvResult): void {
    this.#hashes.push(hash)
    this.#hashes.sort((a, b) => b.hashRevision - a.hashRevision)
    this.#hashes.length = Math.min(this.#hashes.length, CompactionHashes.#MAX)
  }
}
