// Puts, deletes and transactions on the store: first every check against the state before, then the changes. Nothing is
// written when a check fails (reference: etcd server/etcdserver/txn).

import { type Key, type LeaseId, NO_LEASE, invariant, keyOf } from '../base/index.js'
import type { Status } from '../env/index.js'
import type { Lessor } from '../lease/index.js'
import { RangeQuery, type Store, type WriteTxn } from '../mvcc/index.js'
import { errors, etcdserverpb, valueOf } from '../proto/index.js'
import { type TxnPath, choosePath } from './compare.js'
import { type ReadView, type Span, covers, rangeQuery, rangeResponse, spanOf } from './read-view.js'

const { DeleteRangeResponse, PutResponse, ResponseHeader, ResponseOp, TxnResponse } = etcdserverpb

export class TxnExecutor {
  readonly #store: Store
  readonly #lessor: Lessor

  constructor(store: Store, lessor: Lessor) {
    this.#store = store
    this.#lessor = lessor
  }

  put(request: etcdserverpb.PutRequest): etcdserverpb.PutResponse | Status {
    const refusal = this.#checkPut(this.#store, request, [])
    if (refusal !== undefined) return refusal
    const txn = this.#store.beginWrite()
    const response = this.#put(txn, request)
    txn.end()
    return response
  }

  deleteRange(request: etcdserverpb.DeleteRangeRequest): etcdserverpb.DeleteRangeResponse {
    const txn = this.#store.beginWrite()
    const response = this.#deleteRange(txn, request)
    txn.end()
    return response
  }

  /** Deletes all keys of a lease in one revision, in ascending order. Returns the revision of the store afterwards. */
  deleteKeys(keys: readonly Key[]): number {
    const txn = this.#store.beginWrite()
    for (const key of keys) this.#deleteKey(txn, key)
    txn.end()
    return this.#store.revision
  }

  txn(request: etcdserverpb.TxnRequest): etcdserverpb.TxnResponse | Status {
    const path = choosePath(this.#store, request)
    const refusal = this.#checkTxn(request, path, [])
    if (refusal !== undefined) return refusal
    const txn = this.#store.beginWrite()
    const response = this.#execute(txn, request, path)
    const { revision } = txn.end()
    response.header = headerAt(revision)
    return response
  }

  // --- checks, in the order of the operations; the first that fails decides

  #checkTxn(request: etcdserverpb.TxnRequest, path: TxnPath, before: EarlierWrite[]): Status | undefined {
    let nested = 0
    for (const op of branchOf(request, path)) {
      let refusal: Status | undefined
      if (op.requestRange !== undefined) {
        refusal = checkRevision(this.#store, op.requestRange.revision)
      } else if (op.requestPut !== undefined) {
        refusal = this.#checkPut(this.#store, op.requestPut, before)
        before.push({ put: keyOf(op.requestPut.key) })
      } else if (op.requestDeleteRange !== undefined) {
        before.push({ deleted: spanOf(op.requestDeleteRange.key, op.requestDeleteRange.rangeEnd) })
      } else if (op.requestTxn !== undefined) {
        refusal = this.#checkTxn(op.requestTxn, path.nested[nested++]!, before)
      }
      if (refusal !== undefined) return refusal
    }
    return undefined
  }

  #checkPut(view: ReadView, put: etcdserverpb.PutRequest, before: readonly EarlierWrite[]): Status | undefined {
    if (put.lease !== NO_LEASE && !this.#lessor.has(put.lease)) return errors.leaseNotFound
    if (!put.ignoreValue && !put.ignoreLease) return undefined
    return existsStill(view, keyOf(put.key), before) ? undefined : errors.keyNotFound
  }

  // --- changes

  #execute(txn: WriteTxn, request: etcdserverpb.TxnRequest, path: TxnPath): etcdserverpb.TxnResponse {
    const response = new TxnResponse()
    response.succeeded = path.succeeded
    let nested = 0
    for (const op of branchOf(request, path)) {
      const answer = new ResponseOp()
      if (op.requestRange !== undefined) {
        const outcome = txn.rangeSync(rangeQuery(op.requestRange))
        invariant(outcome.kind === 'ok', 'the revision of a range was checked before the transaction')
        answer.responseRange = rangeResponse(outcome)
        answer.responseRange.header = headerAt(txn.revision)
      } else if (op.requestPut !== undefined) {
        answer.responsePut = this.#put(txn, op.requestPut)
      } else if (op.requestDeleteRange !== undefined) {
        answer.responseDeleteRange = this.#deleteRange(txn, op.requestDeleteRange)
      } else if (op.requestTxn !== undefined) {
        answer.responseTxn = this.#execute(txn, op.requestTxn, path.nested[nested++]!)
        answer.responseTxn.header = new ResponseHeader()
      }
      response.responses.push(answer)
    }
    return response
  }

  #put(txn: WriteTxn, request: etcdserverpb.PutRequest): etcdserverpb.PutResponse {
    const response = new PutResponse()
    const key = keyOf(request.key)
    const needsPrevious = request.prevKv || request.ignoreValue
    const previous = needsPrevious ? txn.kv(key) : undefined
    const value = request.ignoreValue && previous !== undefined ? valueOf(previous) : request.value
    const lease = request.ignoreLease ? this.#lessor.leaseOf(key) : request.lease
    txn.put(key, value, lease)
    this.#attach(key, lease)
    if (request.prevKv && previous !== undefined) response.prevKv = previous
    response.header = headerAt(txn.revision)
    return response
  }

  #deleteRange(txn: WriteTxn, request: etcdserverpb.DeleteRangeRequest): etcdserverpb.DeleteRangeResponse {
    const response = new DeleteRangeResponse()
    const span = spanOf(request.key, request.rangeEnd)
    if (request.prevKv) {
      const found = txn.rangeSync(new RangeQuery(span.key, span.end))
      if (found.kind === 'ok') response.prevKvs = found.kvs as Uint8Array[]
    }
    const deleted = txn.deleteRange(span.key, span.end)
    for (const key of deleted) this.#lessor.detach(key)
    response.deleted = deleted.length
    response.header = headerAt(txn.revision)
    return response
  }

  #deleteKey(txn: WriteTxn, key: Key): void {
    txn.deleteRange(key, undefined)
    this.#lessor.detach(key)
  }

  #attach(key: Key, lease: LeaseId): void {
    if (lease === NO_LEASE) this.#lessor.detach(key)
    else invariant(this.#lessor.attach(lease, key), 'the lease of a put was looked up before')
  }
}

/** A change that an earlier operation of the same transaction will make. */
type EarlierWrite = { readonly put: Key } | { readonly deleted: Span }

/**
 * Whether a put may keep something of the key: it exists before the transaction, and no earlier operation takes it away.
 * Differs: etcd looks at the state before only, and crashes when an open-ended delete has removed the key meanwhile.
 */
function existsStill(view: ReadView, key: Key, before: readonly EarlierWrite[]): boolean {
  if (view.lookup(key) === undefined) return false
  for (let i = before.length - 1; i >= 0; i--) {
    const write = before[i]!
    if ('put' in write) {
      if (write.put === key) return true
    } else if (covers(write.deleted, key)) return false
  }
  return true
}

const branchOf = (request: etcdserverpb.TxnRequest, path: TxnPath): readonly etcdserverpb.RequestOp[] =>
  path.succeeded ? request.success : request.failure

/** In a transaction a negative revision is not "newest": it is below any compaction. */
export function checkRevision(view: ReadView, revision: number): Status | undefined {
  if (revision === 0) return undefined
  if (revision > view.revision) return errors.futureRevision
  return revision < view.compactRevision ? errors.compacted : undefined
}

/** Answers inside a transaction carry the revision alone. */
export function headerAt(revision: number): etcdserverpb.ResponseHeader {
  const header = new ResponseHeader()
  header.revision = revision
  return header
}
