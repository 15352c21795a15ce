// The obvious slow store: a list of all changes ever made, replayed for every question.

import { crc32c } from '@node-rs/crc32'
import { compareBytes, type Key, type LeaseId } from '../base/index.js'
import { encodeKeyValue, encodeTombstone, valueOf } from '../proto/index.js'
import { type RangeOutcome, type RangeQuery, SortOrder, SortTarget } from './range.js'
import { writeRevisionKey } from './revision-key.js'

export interface ModelChange {
  readonly key: Key
  readonly main: number
  readonly sub: number
  readonly create: number
  readonly version: number
  readonly lease: LeaseId
  /** Undefined for a deletion. */
  readonly value: Uint8Array | undefined
}

export class Model {
  changes: ModelChange[] = []
  revision = 1
  compactRevision = -1

  /** The newest change of every key with main <= at, deletions included. */
  latest(at: number): Map<Key, ModelChange> {
    const latest = new Map<Key, ModelChange>()
    for (const change of this.changes) if (change.main <= at) latest.set(change.key, change)
    return latest
  }

  /** Live keys at a revision, in key order. */
  live(at: number): ModelChange[] {
    const alive = [...this.latest(at).values()].filter((change) => change.value !== undefined)
    return alive.sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  inRange(at: number, key: Key, end: Key | undefined): ModelChange[] {
    return this.live(at).filter((change) =>
      end === undefined ? change.key === key : change.key >= key && change.key < end,
    )
  }

  put(main: number, sub: number, key: Key, value: Uint8Array, lease: LeaseId): void {
    const before = this.latest(main).get(key)
    const alive = before?.value !== undefined
    const create = alive ? before.create : main
    const version = alive ? before.version + 1 : 1
    this.changes.push({ key, main, sub, create, version, lease, value })
  }

  delete(main: number, sub: number, key: Key): void {
    this.changes.push({ key, main, sub, create: 0, version: 0, lease: 0n as LeaseId, value: undefined })
  }

  /** `at`: what revision <= 0 means. `revision`: the answer's. */
  range(query: RangeQuery, at = this.revision, revision = this.revision): RangeOutcome {
    if (query.revision > this.revision) return { kind: 'future' }
    if (query.revision > 0 && query.revision < this.compactRevision) return { kind: 'compacted' }
    const found = this.inRange(query.revision > 0 ? query.revision : at, query.key, query.end)
    const count = found.length
    if (query.countOnly) return { kind: 'ok', revision, count, more: false, kvs: [] }
    let kvs = found
    if (query.filters) {
      kvs = kvs.filter(
        ({ main, create }) =>
          (query.minMod === 0 || main >= query.minMod) &&
          (query.maxMod === 0 || main <= query.maxMod) &&
          (query.minCreate === 0 || create >= query.minCreate) &&
          (query.maxCreate === 0 || create <= query.maxCreate),
      )
    } else if (query.order === SortOrder.none && query.limit > 0) {
      kvs = kvs.slice(0, query.limit + 1)
    }
    const sign = query.order === SortOrder.descend ? -1 : 1
    kvs = kvs.toSorted((a, b) => sign * compareBy(query, a, b))
    const more = query.limit > 0 && kvs.length > query.limit
    if (more) kvs = kvs.slice(0, query.limit)
    return { kind: 'ok', revision, count, more, kvs: kvs.map((change) => answer(query, change)) }
  }

  /** What a compaction at `at` leaves of the changes at or below it. */
  available(at: number): Set<ModelChange> {
    const latest = this.latest(at)
    return new Set(
      this.changes.filter(
        (change) =>
          change.main <= at && (change.value === undefined ? change.main === at : latest.get(change.key) === change),
      ),
    )
  }

  /** What a compaction left: every row that there is. */
  rows(compactRevision = this.compactRevision): ModelChange[] {
    const available = this.available(compactRevision)
    return this.changes.filter((change) => change.main > compactRevision || available.has(change))
  }

  hashKv(at: number): number {
    const kept = new Set(this.live(at))
    return hash(this.rows(), at, this.compactRevision, kept)
  }

  /** The hash that a compaction at `at` leaves behind; `previous` is the compact revision before it. */
  compactionHash(at: number, previous: number): number {
    return hash(this.rows(previous), at, previous, this.available(at))
  }
}

const hash = (
  rows: readonly ModelChange[],
  at: number,
  compactRevision: number,
  keep: ReadonlySet<ModelChange>,
): number => {
  let crc = crc32c('key')
  for (const row of rows) {
    if (row.main > at) continue
    if (row.main <= compactRevision && keep.size > 0 && !keep.has(row)) continue
    if (row.main === compactRevision && row.value === undefined) continue
    crc = crc32c(storedValue(row), crc32c(storedKey(row), crc))
  }
  return crc
}

export const storedKey = ({ main, sub, value }: ModelChange): Uint8Array => {
  const bytes = new Uint8Array(value === undefined ? 18 : 17)
  writeRevisionKey(bytes, 0, main, sub, value === undefined)
  return bytes
}

export const storedValue = ({ key, create, main, version, value, lease }: ModelChange): Uint8Array =>
  value === undefined ? encodeTombstone(key) : encodeKeyValue(key, create, main, version, value, lease)

const compareBy = ({ target }: RangeQuery, a: ModelChange, b: ModelChange): number => {
  switch (target) {
    case SortTarget.key:
      return a.key < b.key ? -1 : 1
    case SortTarget.version:
      return a.version - b.version
    case SortTarget.create:
      return a.create - b.create
    case SortTarget.mod:
      return a.main - b.main
    case SortTarget.value:
      return compareBytes(valueOf(storedValue(a)), valueOf(storedValue(b)))
  }
}

const answer = ({ keysOnly, target }: RangeQuery, change: ModelChange): Uint8Array => {
  if (!keysOnly) return storedValue(change)
  const lease = target === SortTarget.value ? change.lease : (0n as LeaseId)
  return encodeKeyValue(change.key, change.create, change.main, change.version, new Uint8Array(0), lease)
}
