// Whether the operations of a transaction write a key twice. etcd refuses such transactions before anything runs, and with
// it a few that look alike; it also lets some real conflicts pass. Both are part of the contract:
//
//   delete with range_end 0x00    its open end is taken as the byte 0x00, so it never meets a put
//   nested A puts k, later nested sibling B deletes k     passes
//   nested A deletes k, later nested sibling B puts k     refused
//   a list's own deletes          meet puts of every nested transaction of the list, whatever their order
//   Then and Else of one nested   may both put k, or one delete what the other puts: only one of them runs

import sortedBtree from 'sorted-btree'
import { type Key, keyOf } from '../base/index.js'
import type { etcdserverpb } from '../proto/index.js'

export function opsConflict(ops: readonly etcdserverpb.RequestOp[]): boolean {
  return writesOf(ops) === undefined
}

interface Writes {
  puts: Set<Key>
  deletes: KeyRanges
}

/** What a list may write, nested transactions included; undefined on a conflict. */
function writesOf(ops: readonly etcdserverpb.RequestOp[]): Writes | undefined {
  const writes: Writes = { puts: new Set(), deletes: new KeyRanges() }
  for (const op of ops) {
    if (op.requestDeleteRange === undefined) continue
    const { key, rangeEnd } = op.requestDeleteRange
    const lo = keyOf(key)
    writes.deletes.add(lo, rangeEnd.length === 0 ? (`${lo}\0` as Key) : keyOf(rangeEnd))
  }
  for (const op of ops) {
    if (op.requestTxn !== undefined && !joinNested(writes, op.requestTxn)) return undefined
  }
  for (const op of ops) {
    if (op.requestPut === undefined) continue
    const key = keyOf(op.requestPut.key)
    if (writes.puts.has(key) || writes.deletes.has(key)) return undefined
    writes.puts.add(key)
  }
  return writes
}

/** False on a conflict. */
function joinNested(writes: Writes, txn: etcdserverpb.TxnRequest): boolean {
  const then = writesOf(txn.success)
  if (then === undefined) return false
  const otherwise = writesOf(txn.failure)
  if (otherwise === undefined) return false
  for (const branch of [then, otherwise]) {
    for (const key of branch.puts) if (writes.puts.has(key) || writes.deletes.has(key)) return false
  }
  // A list that wrote nothing yet takes the larger set over instead of copying it: deep chains stay cheap.
  const [large, small] =
    then.puts.size >= otherwise.puts.size ? [then.puts, otherwise.puts] : [otherwise.puts, then.puts]
  writes.puts = union(writes.puts, union(large, small))
  writes.deletes = writes.deletes.union(then.deletes).union(otherwise.deletes)
  return true
}

/** Adds the smaller set to the larger one; both arguments are given away. */
function union(a: Set<Key>, b: Set<Key>): Set<Key> {
  const [large, small] = a.size >= b.size ? [a, b] : [b, a]
  for (const key of small) large.add(key)
  return large
}

/** A union of half-open ranges, kept as disjoint ones. */
export class KeyRanges {
  /** Start -> end. Invariant: ranges are not empty, do not overlap and do not touch. */
  readonly #ends = new sortedBtree.default<Key, Key>(undefined, (a, b) => (a < b ? -1 : a > b ? 1 : 0))

  get size(): number {
    return this.#ends.size
  }

  /** Adds `[lo, hi)`; nothing when it is empty or turned around. */
  add(lo: Key, hi: Key): void {
    if (hi <= lo) return
    let start = lo
    let end = hi
    const before = this.#ends.getPairOrNextLower(lo)
    if (before !== undefined && before[1] >= lo) {
      start = before[0]
      if (before[1] > end) end = before[1]
    }
    for (let next = this.#ends.getPairOrNextHigher(start); next !== undefined && next[0] <= end;) {
      if (next[1] > end) end = next[1]
      this.#ends.delete(next[0])
      next = this.#ends.getPairOrNextHigher(start)
    }
    this.#ends.set(start, end)
  }

  has(key: Key): boolean {
    const range = this.#ends.getPairOrNextLower(key)
    return range !== undefined && key < range[1]
  }

  /** Both are given away. */
  union(other: KeyRanges): KeyRanges {
    if (other.size > this.size) return other.union(this)
    other.#ends.forEachPair((lo, hi) => this.add(lo, hi))
    return this
  }
}
