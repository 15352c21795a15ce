// What a request may add to the store, in etcd's estimate (server/storage/quota.go). Fixed overheads stand for index and
// page costs; deletes and reads cost nothing, so that a full store can be emptied.

import { etcdserverpb } from '../proto/index.js'

const PUT_OVERHEAD_BYTES = 256
const LEASE_OVERHEAD_BYTES = 64

export const costOfPut = (put: etcdserverpb.PutRequest): number =>
  PUT_OVERHEAD_BYTES + put.key.length + put.value.length

export const costOfLeaseGrant = (): number => LEASE_OVERHEAD_BYTES

/** The dearer of the two branches, nested transactions included. */
export const costOfTxn = (txn: etcdserverpb.TxnRequest): number =>
  Math.max(costOfOps(txn.success), costOfOps(txn.failure))

function costOfOps(ops: readonly etcdserverpb.RequestOp[]): number {
  let cost = 0
  for (const op of ops) {
    if (op.requestPut !== undefined) cost += costOfPut(op.requestPut)
    else if (op.requestTxn !== undefined) cost += costOfTxn(op.requestTxn)
  }
  return cost
}

export function costOf(request: etcdserverpb.InternalRaftRequest): number {
  if (request.put !== undefined) return costOfPut(request.put)
  if (request.txn !== undefined) return costOfTxn(request.txn)
  if (request.leaseGrant !== undefined) return costOfLeaseGrant()
  return 0
}
