// What can be refused by looking at a request alone, in etcd's order (server/etcdserver/api/v3rpc/key.go). Undefined: fine.

import { NO_LEASE } from '../base/index.js'
import type { Status } from '../env/index.js'
import { etcdserverpb } from '../proto/index.js'
import { errors } from './error-catalogue.js'
import { opsConflict } from './txn-conflicts.js'

const { SortOrder, SortTarget } = etcdserverpb

const SORT_ORDERS: ReadonlySet<number> = new Set(Object.values(SortOrder))
const SORT_TARGETS: ReadonlySet<number> = new Set(Object.values(SortTarget))

export function checkRange(request: etcdserverpb.RangeRequest): Status | undefined {
  if (request.key.length === 0) return errors.emptyKey
  if (!SORT_ORDERS.has(request.sortOrder) || !SORT_TARGETS.has(request.sortTarget)) return errors.invalidSortOption
  return undefined
}

/** What a range that is answered in pieces cannot do, beside the checks of every range. */
export function checkRangeStream(request: etcdserverpb.RangeRequest): Status | undefined {
  const refusal = checkRange(request)
  if (refusal !== undefined) return refusal
  const { sortOrder, sortTarget } = request
  const inKeyOrder = sortOrder === SortOrder.NONE || (sortOrder === SortOrder.ASCEND && sortTarget === SortTarget.KEY)
  if (!inKeyOrder) return errors.streamCustomSort
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request
  const filtered = minModRevision !== 0 || maxModRevision !== 0 || minCreateRevision !== 0 || maxCreateRevision !== 0
  return filtered ? errors.streamRevisionFilter : undefined
}

export function checkPut(request: etcdserverpb.PutRequest): Status | undefined {
  if (request.key.length === 0) return errors.emptyKey
  if (request.ignoreValue && request.value.length > 0) return errors.valueProvided
  if (request.ignoreLease && request.lease !== NO_LEASE) return errors.leaseProvided
  return undefined
}

export function checkDeleteRange(request: etcdserverpb.DeleteRangeRequest): Status | undefined {
  return request.key.length === 0 ? errors.emptyKey : undefined
}

/** The whole tree. `opsMax` is `--max-txn-ops`, at least 0. */
export function checkTxn(request: etcdserverpb.TxnRequest, opsMax: number): Status | undefined {
  const refusal = checkTree(request, opsMax)
  if (refusal !== undefined) return refusal
  return opsConflict(request.success) || opsConflict(request.failure) ? errors.duplicateKey : undefined
}

/** Each nested transaction may use what its parent left of the budget; siblings do not share it. */
function checkTree(request: etcdserverpb.TxnRequest, budget: number): Status | undefined {
  const { compare, success, failure } = request
  const used = Math.max(compare.length, success.length, failure.length)
  if (used > budget) return errors.tooManyOps
  if (compare.some(({ key }) => key.length === 0)) return errors.emptyKey
  return checkOps(success, budget - used) ?? checkOps(failure, budget - used)
}

function checkOps(ops: readonly etcdserverpb.RequestOp[], budget: number): Status | undefined {
  for (const op of ops) {
    const refusal = checkOp(op, budget)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

function checkOp(op: etcdserverpb.RequestOp, budget: number): Status | undefined {
  if (op.requestRange !== undefined) return checkRange(op.requestRange)
  if (op.requestPut !== undefined) return checkPut(op.requestPut)
  if (op.requestDeleteRange !== undefined) return checkDeleteRange(op.requestDeleteRange)
  if (op.requestTxn !== undefined) return checkTree(op.requestTxn, budget)
  return errors.keyNotFound
}

/** Reads only, whatever branch is taken. A nested transaction makes it a write, even one that only reads (as in etcd). */
export const isReadOnly = ({ success, failure }: etcdserverpb.TxnRequest): boolean =>
  success.every(isRange) && failure.every(isRange)

/** Nothing in it asks for the newest state of the cluster; true when it has no operations at all. */
export const isSerializable = ({ success, failure }: etcdserverpb.TxnRequest): boolean =>
  success.every(isSerializableRange) && failure.every(isSerializableRange)

const isRange = (op: etcdserverpb.RequestOp): boolean => op.requestRange !== undefined
const isSerializableRange = (op: etcdserverpb.RequestOp): boolean => op.requestRange?.serializable === true
