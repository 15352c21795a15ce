// Reads inside transactions, and the translation of range requests into queries of the store.

import { type Key, keyOf } from '../base/index.js'
import {
  type EncodedRangeOutcome,
  type KeyState,
  OPEN_END,
  type RangeOutcome,
  RangeQuery,
  rangeEnd,
} from '../mvcc/index.js'
import { RangeAnswer, etcdserverpb } from '../proto/index.js'

/** What guards and checks read: the store before a transaction. */
export interface ReadView {
  readonly revision: number
  readonly compactRevision: number
  rangeSync(query: RangeQuery): RangeOutcome
  lookup(key: Key): KeyState | undefined
  visitLive(key: Key, end: Key | undefined, visit: (state: KeyState) => void): void
}

/** The keys that a request names: one, `[key, end)`, or all from `key` on. */
export interface Span {
  readonly key: Key
  readonly end: Key | undefined
}

export const spanOf = (key: Uint8Array, end: Uint8Array): Span => ({ key: keyOf(key), end: rangeEnd(end) })

export const covers = (span: Span, key: Key): boolean =>
  span.end === undefined ? key === span.key : key >= span.key && (span.end === OPEN_END || key < span.end)

export function rangeQuery(request: etcdserverpb.RangeRequest): RangeQuery {
  const query = new RangeQuery(keyOf(request.key), rangeEnd(request.rangeEnd))
  query.revision = request.revision
  query.limit = request.limit
  query.countOnly = request.countOnly
  query.keysOnly = request.keysOnly
  query.minMod = request.minModRevision
  query.maxMod = request.maxModRevision
  query.minCreate = request.minCreateRevision
  query.maxCreate = request.maxCreateRevision
  // Validated when the request came in; an unknown number in an old log sorts as the default does.
  query.order = request.sortOrder as RangeQuery['order']
  query.target = request.sortTarget as RangeQuery['target']
  return query
}

/** Without header. */
export function rangeResponse(outcome: Extract<RangeOutcome, { kind: 'ok' }>): etcdserverpb.RangeResponse {
  const response = new etcdserverpb.RangeResponse()
  response.count = outcome.count
  response.more = outcome.more
  response.kvs = outcome.kvs as Uint8Array[]
  return response
}

/** The same for pairs that are encoded already. */
export function rangeAnswer(outcome: Extract<EncodedRangeOutcome, { kind: 'ok' }>): RangeAnswer {
  const answer = new RangeAnswer(outcome.pairs)
  answer.count = outcome.count
  answer.more = outcome.more
  return answer
}

/** Every KeyValue of the span, newest state. */
export function selectAll(view: ReadView, span: Span): readonly Uint8Array[] {
  const outcome = view.rangeSync(new RangeQuery(span.key, span.end))
  return outcome.kind === 'ok' ? outcome.kvs : []
}
