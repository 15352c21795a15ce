// Go's sort keeps equal elements in order only in small lists, so among pairs with the same sort value etcd promises no order,
// and, with a limit, not even which of them it takes. Here both sides' answers are put into one order where that may be so.
import type { KeyValue, RangeResponse, TxnResponse } from '../support/messages.js'
import type { Operation } from './operation.js'

interface RangeFields {
  readonly limit?: string
  readonly sort_target?: number
  readonly keys_only?: boolean
}

interface TxnFields {
  readonly success?: readonly OperationFields[]
  readonly failure?: readonly OperationFields[]
}

interface OperationFields {
  readonly request_range?: RangeFields
  readonly request_txn?: TxnFields
}

/** Up to here Go sorts by insertion, which keeps the order. */
const STABLE_MAX = 12
const VALUE = 4

/** Every range that the call asked, with its answer. */
export const rangesOf = ({ method, request }: Operation, answer: object): [RangeFields, RangeResponse][] => {
  if (method === 'KV/Range') return [[request, answer as RangeResponse]]
  return method === 'KV/Txn' ? rangesOfTxn(request, answer as TxnResponse) : []
}

export const orderTies = (request: RangeFields, response: RangeResponse): void => {
  const { sort_target: target = 0, keys_only: keysOnly = false } = request
  if (target === 0 || Number(response.count) <= STABLE_MAX) return
  const sortValue = (pair: KeyValue): string => {
    if (target !== VALUE) return [pair.version, pair.create_revision, pair.mod_revision][target - 1] ?? ''
    // Sorted by values that were left out of the answer: nothing to tell ties by, so all count as tied.
    return keysOnly ? '' : pair.value.toString('latin1')
  }
  const tied = (a: KeyValue, b: KeyValue): boolean => sortValue(a) === sortValue(b)
  const last = response.kvs.at(-1)
  const ordered: KeyValue[] = []
  for (let start = 0; start < response.kvs.length;) {
    let end = start + 1
    while (end < response.kvs.length && tied(response.kvs[start]!, response.kvs[end]!)) end++
    const group = response.kvs.slice(start, end).sort((a, b) => Buffer.compare(a.key, b.key))
    // The limit may have cut through these: which are here is a matter of luck.
    ordered.push(...(response.more && tied(group[0]!, last!) ? group.map(anonymous) : group))
    start = end
  }
  response.kvs = ordered
}

/** The pair without all that tells it from those it is tied with. */
const anonymous = (pair: KeyValue): KeyValue => ({
  ...pair,
  key: Buffer.from('(tied)'),
  value: Buffer.alloc(0),
  lease: '0',
  create_revision: '0',
  mod_revision: '0',
  version: '0',
})

const rangesOfTxn = (request: TxnFields, response: TxnResponse): [RangeFields, RangeResponse][] => {
  const operations = (response.succeeded ? request.success : request.failure) ?? []
  return operations.flatMap(({ request_range, request_txn }, i): [RangeFields, RangeResponse][] => {
    const answer = response.responses[i]
    if (request_range !== undefined && answer?.response_range) return [[request_range, answer.response_range]]
    if (request_txn !== undefined && answer?.response_txn) return rangesOfTxn(request_txn, answer.response_txn)
    return []
  })
}
