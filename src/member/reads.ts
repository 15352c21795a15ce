// Reads of the local store: single ranges, and transactions that only read.

import { invariant } from '../base/index.js'
import type { Status } from '../env/index.js'
import {
  type TxnPath,
  checkRevision,
  choosePath,
  headerAt,
  rangeAnswer,
  rangeQuery,
  rangeResponse,
} from '../apply/index.js'
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
  if (query.end !== undefined) {
    store.rangeEncoded(query, (outcome) => {
      if (outcome.kind !== 'ok') return waiter.onFailed(refusalOf(outcome))
      const answer = rangeAnswer(outcome)
      answer.header = headerAt(outcome.revision)
      waiter.onResult(answer)
    })
    return
  }
  store.range(query, (outcome) => {
    if (outcome.kind !== 'ok') return waiter.onFailed(refusalOf(outcome))
    const response = rangeResponse(outcome)
    response.header = headerAt(outcome.revision)
    waiter.onResult(response)
  })
}

/**
 * Runs a transaction of ranges at the revision of the call: guards first, then all ranges. Each is begun in this turn, which
 * holds its revision, so that neither a write nor a compaction comes between them, however long they take.
 */
export function readTxn(
  store: Store,
  request: etcdserverpb.TxnRequest,
  waiter: ResultWaiter<etcdserverpb.TxnResponse>,
): void {
  const path: TxnPath = choosePath(store, request)
  const ranges = (path.succeeded ? request.success : request.failure).map(({ requestRange }) => requestRange!)
  const at = store.revision
  for (const { revision } of ranges) {
    const refusal = checkRevision(store, revision)
    if (refusal !== undefined) return waiter.onFailed(refusal)
  }
  const response = new etcdserverpb.TxnResponse()
  response.header = headerAt(at)
  response.succeeded = path.succeeded
  response.responses = ranges.map(() => new etcdserverpb.ResponseOp())
  let left = ranges.length
  if (left === 0) return waiter.onResult(response)
  for (const [i, range] of ranges.entries()) {
    store.range(rangeQuery(range), (outcome) => {
      invariant(outcome.kind === 'ok', 'the revision of a range was checked in the same turn')
      const answer = rangeResponse(outcome)
      answer.header = headerAt(at)
      response.responses[i]!.responseRange = answer
      if (--left === 0) waiter.onResult(response)
    })
  }
}

const refusalOf = (outcome: Exclude<RangeOutcome, { kind: 'ok' }>): Status =>
  outcome.kind === 'compacted' ? errors.compacted : errors.futureRevision
