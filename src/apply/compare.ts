// Transaction guards. All of a transaction's compares, nested ones included, are judged against the state before it.

import { EMPTY_BYTES, NO_LEASE, compareBytes } from '../base/index.js'
import type { KeyState } from '../mvcc/index.js'
import { etcdserverpb, leaseOf, valueOf } from '../proto/index.js'
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
  const span = spanOf(compare.key, compare.rangeEnd)
  const given = numberOf(compare)
  let isFound = false
  let isTrue = true
  const judgeKey = (difference: number): void => {
    isFound = true
    isTrue &&= judge(compare, difference)
  }
  // A guard should not wait for rows: only values and leases are nowhere else.
  if (compare.target === Target.VALUE) {
    for (const kv of selectAll(view, span)) judgeKey(compareBytes(valueOf(kv), compare.value ?? EMPTY_BYTES))
  } else if (compare.target === Target.LEASE) {
    for (const kv of selectAll(view, span)) judgeKey(sign(leaseOf(kv), given))
  } else {
    view.visitLive(span.key, span.end, (state) => judgeKey(sign(numberIn(state, compare.target) ?? given, given)))
  }
  if (isFound) return isTrue
  // The value of a missing key is not even unequal to anything.
  return compare.target !== Target.VALUE && judge(compare, sign(0, given))
}

/** Undefined for an unknown target, which compares as equal. */
const numberIn = (state: KeyState, target: number): number | undefined => {
  switch (target) {
    case Target.VERSION:
      return state.version
    case Target.CREATE:
      return state.create
    case Target.MOD:
      return state.mod
    default:
      return undefined
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
