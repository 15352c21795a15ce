// Where 3.7 answers other than 3.5.30, the one place that says so. Each rule turns the reference's answer into the one that
// 3.7 gives, or says that two refusals count as equal; histories avoid what no rule can translate. When the reference plays
// our part itself, no rule is used.
//
//   keys_only          3.5 keeps the lease of each pair. 3.7 answers from the index and gives lease 0, unless it sorts by VALUE.
//   bad sort_order     3.5 accepts it. 3.7 refuses it with `invalid sort option`. (Generated in plain ranges only: in a
//                      transaction that writes, the two stores would part.)
//   bad sort_target    3.5.30 ends with a nil pointer panic. 3.7 refuses it as above. Not generated here; test/fuzz/ asks us.
//   empty range_end    sent as a field of length 0 (proto3 encoders leave it out, protobufjs does not when it is given), 3.5 reads
//                      it as an open end in Range and as none in DeleteRange; for 3.7 and us it is none. Not generated.
//   order of checks    3.5 checks all puts of a transaction, then all ranges, and of a put first the key that it must keep, then its
//                      lease; 3.7 goes in the order of the operations, lease first. So where two checks fail, the reasons differ.
//   HashKV after       both keep the hash that a compaction computed, and after Compact(0) take it for that of revision 0, which asks
//   Compact(0)         for the newest. Ours is right. Not generated.
//   delete, then put   A transaction can delete a key by an open-ended range and put it again. Compacted at that very revision, etcd
//   in one revision    loses the key; a hash at it counts other revisions than at any other. We keep the key. Not generated.
//   hash_revision      3.5 does not send it. 3.7 gives the revision that was hashed.
import { status } from '@grpc/grpc-js'
import { CallFailure, type Outcome } from '../support/grpc-client.js'
import type { HashKVResponse, KeyValue, RangeResponse, TxnResponse } from '../support/messages.js'
import type { Operation } from './operation.js'

interface RangeFields {
  readonly key: Buffer
  readonly keys_only?: boolean
  readonly sort_order?: number
  readonly sort_target?: number
}

interface OperationFields {
  readonly request_range?: RangeFields
  readonly request_txn?: TxnFields
}

interface TxnFields {
  readonly success?: readonly OperationFields[]
  readonly failure?: readonly OperationFields[]
}

const SORT_TARGET_VALUE = 4
const invalidSortOption = new CallFailure(status.INVALID_ARGUMENT, 'etcdserver: invalid sort option')

/** The reference's answer as 3.7 gives it. Changes messages in place. */
export const as37 = (operation: Operation, outcome: Outcome<object>): Outcome<object> => {
  if (operation.method === 'KV/Range') {
    const request = operation.request as RangeFields
    if (request.key.length > 0 && hasBadSort(request)) return { ok: false, failure: invalidSortOption }
    if (outcome.ok) dropLeases(request, outcome.value as RangeResponse)
  }
  if (operation.method === 'KV/Txn' && outcome.ok) translateTxn(operation.request, outcome.value as TxnResponse)
  if (operation.method === 'Maintenance/HashKV' && outcome.ok) {
    const response = outcome.value as HashKVResponse
    const { revision = '0' } = operation.request as { revision?: string }
    response.hash_revision = Number(revision) === 0 ? response.header.revision : revision
  }
  return outcome
}

const TXN_CHECKS = new Set([
  'etcdserver: requested lease not found',
  'etcdserver: key not found',
  'etcdserver: mvcc: required revision has been compacted',
  'etcdserver: mvcc: required revision is a future revision',
])

/** Whether two different refusals of one transaction are only a matter of which check comes first. */
export const differOnlyInOrderOfChecks = (operation: Operation, a: CallFailure, b: CallFailure): boolean =>
  operation.method === 'KV/Txn' && TXN_CHECKS.has(a.details) && TXN_CHECKS.has(b.details)

const hasBadSort = ({ sort_order = 0 }: RangeFields): boolean => sort_order < 0 || sort_order > 2

const dropLeases = (request: RangeFields, response: RangeResponse): void => {
  if (request.keys_only !== true || request.sort_target === SORT_TARGET_VALUE) return
  for (const pair of response.kvs) dropLease(pair)
}

const dropLease = (pair: KeyValue): void => {
  pair.lease = '0'
}

const translateTxn = (request: TxnFields, response: TxnResponse): void => {
  const operations = (response.succeeded ? request.success : request.failure) ?? []
  for (const [i, { request_range, request_txn }] of operations.entries()) {
    const answer = response.responses[i]
    if (request_range !== undefined && answer?.response_range) dropLeases(request_range, answer.response_range)
    if (request_txn !== undefined && answer?.response_txn) translateTxn(request_txn, answer.response_txn)
  }
}
