// Reads of the local store: single ranges, and transactions that only read.

import type { Status } from '../env/index.js'
import { type TxnPath, checkRevision, choosePath, headerAt, rangeQuery, rangeResponse } from '../apply/index.js'
import type { RangeOutcome, Store } from '../mvcc/index.js'
import { errors, etcdserverpb } from '../proto/index.js'
import type { ResultWaiter } from './api.js'

export function readRange(
  store: Store,
  request: etcdserverpb.RangeRequest,
  waiter: ResultWaiter<etcdserverpb.RangeResponse>,
  needsCount: boolean,
): void {
  const query = rangeQuery(request)
  query.needsCount = needsCount
  store.range(query, (outcome) => {
    if (outcome.kind !== 'ok') return waiter.onFailed(refusalOf(outcome))
    const response = rangeResponse(outcome)
    response.header = headerAt(outcome.revision)
    waiter.onResult(response)
  })
}

/**
 * Runs a transaction of ranges at the revision of the call: guards first, then each range, sliced like any other.
 * Differs: ranges of one transaction are read one after the other; a compaction that passes in between ends it as compacted.
 */
export function readTxn(
  store: Store,
  request: etcdserverpb.TxnRequest,
  waiter: ResultWaiter<etcdserverpb.TxnResponse>,
): void {
  const path: TxnPath = choosePath(store, request)
  const ops = path.succeeded ? request.success : request.failure
  const at = store.revision
  for (const { requestRange } of ops) {
    const refusal = checkRevision(store, requestRange!.revision)
    if (refusal !== undefined) return waiter.onFailed(refusal)
  }
  const response = new etcdserverpb.TxnResponse()
  response.header = headerAt(at)
  response.succeeded = path.succeeded
  const readNext = (i: number): void => {
    const op = ops[i]
    if (op === undefined) return waiter.onResult(response)
    const query = rangeQuery(op.requestRange!)
    if (query.revision <= 0) query.revision = at
    store.range(query, (outcome) => {
      if (outcome.kind !== 'ok') return waiter.onFailed(refusalOf(outcome))
      const answer = new etcdserverpb.ResponseOp()
      answer.responseRange = rangeResponse(outcome)
      answer.responseRange.header = headerAt(at)
      response.responses.push(answer)
      readNext(i + 1)
    })
  }
  readNext(0)
}

const refusalOf = (outcome: Exclude<RangeOutcome, { kind: 'ok' }>): Status =>
  outcome.kind === 'compacted' ? errors.compacted : errors.futureRevision
