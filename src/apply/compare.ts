// Transaction guards. All of a transaction's compares, nested ones included, are judged against the state before it.

import { EMPTY_BYTES, NO_LEASE, compareBytes } from '../base/index.js'
import { createRevisionOf, etcdserverpb, leaseOf, modRevisionOf, valueOf, versionOf } from '../proto/index.js'
import { type ReadView, selectAll, spanOf } from './read-view.js'

const { CompareResult: Result, CompareTarget: Target } = etcdserverpb

/** Which branch is taken: for the transaction itself, then for each nested one of that branch, in order. */
export interface TxnPath {
  readonly succeeded: boolean
  readonly nested: readonly TxnPath[]
}

export function choosePath(view: ReadView, txn: etcdserverpb.TxnRequest): TxnPath {
  const succeeded = txn.compare.every((compare) => holds(view, compare))
  const nested: TxnPath[] = []
  for (const op of succeeded ? txn.success : txn.failure) {
    if (op.requestTxn !== undefined) nested.push(choosePath(view, op.requestTxn))
  }
  return { succeeded, nested }
}

/** A compare over a range must hold for every key of it; without any key it is judged as one key that does not exist. */
function holds(view: ReadView, compare: etcdserverpb.Compare): boolean {
  const kvs = selectAll(view, spanOf(compare.key, compare.rangeEnd))
  if (kvs.length === 0) {
    // The value of a missing key is not even unequal to anything.
    if (compare.target === Target.VALUE) return false
    return judge(compare, sign(0, numberOf(compare)))
  }
  return kvs.every((kv) => judge(compare, difference(compare, kv)))
}

/** Sign of (stored minus given). An unknown target compares as equal. */
function difference(compare: etcdserverpb.Compare, kv: Uint8Array): number {
  switch (compare.target) {
    case Target.VALUE:
      return compareBytes(valueOf(kv), compare.value ?? EMPTY_BYTES)
    case Target.VERSION:
      return sign(versionOf(kv), numberOf(compare))
    case Target.CREATE:
      return sign(createRevisionOf(kv), numberOf(compare))
    case Target.MOD:
      return sign(modRevisionOf(kv), numberOf(compare))
    case Target.LEASE:
      return sign(leaseOf(kv), numberOf(compare))
    default:
      return 0
  }
}

/** The given side; 0 when the union holds no value or one of another kind than the target. */
function numberOf(compare: etcdserverpb.Compare): number | bigint {
  switch (compare.target) {
    case Target.VERSION:
      return compare.version ?? 0
    case Target.CREATE:
      return compare.createRevision ?? 0
    case Target.MOD:
      return compare.modRevision ?? 0
    case Target.LEASE:
      return compare.lease ?? NO_LEASE
    default:
      return 0
  }
}

/** An unknown operator holds. */
function judge(compare: etcdserverpb.Compare, difference: number): boolean {
  switch (compare.result) {
    case Result.EQUAL:
      return difference === 0
    case Result.NOT_EQUAL:
      return difference !== 0
    case Result.GREATER:
      return difference > 0
    case Result.LESS:
      return difference < 0
    default:
      return true
  }
}

const sign = (stored: number | bigint, given: number | bigint): number => (stored < given ? -1 : stored > given ? 1 : 0)
