// Requests that must be refused: etcd's code and text for each, and nothing changed by any of them. The table holds for etcd
// 3.7; what 3.5 answers otherwise is told in test/differential/known-deltas.ts.
import { status } from '@grpc/grpc-js'
import t from 'tap'
import { GrpcClient } from '../support/grpc-client.js'
import { Workbench } from '../support/workbench.js'

const key = (text: string): Buffer => Buffer.from(text)
const put = (name: string): object => ({ request_put: { key: key(name), value: key('v') } })
const MAX_REQUEST_BYTES = 1572864
const GRPC_MAX_BYTES = MAX_REQUEST_BYTES + 524288

const { INVALID_ARGUMENT, NOT_FOUND, OUT_OF_RANGE, FAILED_PRECONDITION, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL } =
  status

const EMPTY_KEY = 'etcdserver: key is not provided'
const COMPACTED = 'etcdserver: mvcc: required revision has been compacted'
const FUTURE = 'etcdserver: mvcc: required revision is a future revision'
const SORT = 'etcdserver: invalid sort option'
const DUPLICATE = 'etcdserver: duplicate key given in txn request'

/** Rule, method, request, code, text. The store was compacted at 5 and has revision 10. */
const TABLE: readonly (readonly [string, string, object, status, string])[] = [
  ['empty key in a range', 'KV/Range', {}, INVALID_ARGUMENT, EMPTY_KEY],
  ['empty key in a put', 'KV/Put', { value: key('v') }, INVALID_ARGUMENT, EMPTY_KEY],
  ['empty key in a delete', 'KV/DeleteRange', {}, INVALID_ARGUMENT, EMPTY_KEY],
  ['empty key in a compare', 'KV/Txn', { compare: [{}] }, INVALID_ARGUMENT, EMPTY_KEY],
  ['empty key in a nested put', 'KV/Txn', nested({ request_put: {} }), INVALID_ARGUMENT, EMPTY_KEY],
  ['an operation without request', 'KV/Txn', { success: [{}] }, INVALID_ARGUMENT, 'etcdserver: key not found'],
  ['future revision', 'KV/Range', { key: key('a'), revision: 99 }, OUT_OF_RANGE, FUTURE],
  ['compacted revision', 'KV/Range', { key: key('a'), revision: 3 }, OUT_OF_RANGE, COMPACTED],
  [
    'compacted revision in a transaction',
    'KV/Txn',
    { success: [put('t'), { request_range: { key: key('a'), revision: 3 } }] },
    OUT_OF_RANGE,
    COMPACTED,
  ],
  ['compaction below the last one', 'KV/Compact', { revision: 5 }, OUT_OF_RANGE, COMPACTED],
  ['compaction in the future', 'KV/Compact', { revision: 99 }, OUT_OF_RANGE, FUTURE],
  ['bad sort order', 'KV/Range', { key: key('a'), sort_order: 9 }, INVALID_ARGUMENT, SORT],
  ['bad sort target', 'KV/Range', { key: key('a'), sort_target: 9 }, INVALID_ARGUMENT, SORT],
  [
    'unknown lease in a put',
    'KV/Put',
    { key: key('a'), lease: '77' },
    NOT_FOUND,
    'etcdserver: requested lease not found',
  ],
  ['unknown lease revoked', 'Lease/LeaseRevoke', { ID: '77' }, NOT_FOUND, 'etcdserver: requested lease not found'],
  [
    'lease id in use',
    'Lease/LeaseGrant',
    { ID: '7', TTL: 60 },
    FAILED_PRECONDITION,
    'etcdserver: lease already exists',
  ],
  ['lease TTL', 'Lease/LeaseGrant', { TTL: '9000000001' }, OUT_OF_RANGE, 'etcdserver: too large lease TTL'],
  [
    'ignore_value with a value',
    'KV/Put',
    { key: key('a'), value: key('v'), ignore_value: true },
    INVALID_ARGUMENT,
    'etcdserver: value is provided',
  ],
  [
    'ignore_lease with a lease',
    'KV/Put',
    { key: key('a'), lease: '7', ignore_lease: true },
    INVALID_ARGUMENT,
    'etcdserver: lease is provided',
  ],
  [
    'ignore_value of a missing key',
    'KV/Put',
    { key: key('none'), ignore_value: true },
    INVALID_ARGUMENT,
    'etcdserver: key not found',
  ],
  ['the same key put twice', 'KV/Txn', { success: [put('a'), put('a')] }, INVALID_ARGUMENT, DUPLICATE],
  [
    'a put under a delete',
    'KV/Txn',
    { success: [put('b'), { request_delete_range: { key: key('a'), range_end: key('c') } }] },
    INVALID_ARGUMENT,
    DUPLICATE,
  ],
  [
    'too many operations',
    'KV/Txn',
    { success: Array.from({ length: 129 }, (_, i) => put(`k${i}`)) },
    INVALID_ARGUMENT,
    'etcdserver: too many operations in txn request',
  ],
  [
    'a request that is too large',
    'KV/Put',
    { key: key('a'), value: Buffer.alloc(MAX_REQUEST_BYTES) },
    INVALID_ARGUMENT,
    'etcdserver: request is too large',
  ],
  [
    'a stream in custom order',
    'KV/RangeStream',
    { key: key('a'), sort_order: 2 },
    UNIMPLEMENTED,
    'RangeStream does not support custom sort orders',
  ],
  ['HashKV of the future', 'Maintenance/HashKV', { revision: 99 }, OUT_OF_RANGE, FUTURE],
  ['a service that is not built', 'Auth/AuthStatus', {}, UNIMPLEMENTED, 'unknown service etcdserverpb.Auth'],
  [
    'a method that is not built',
    'Maintenance/Downgrade',
    { version: '3.6' },
    UNIMPLEMENTED,
    'unknown method Downgrade for service etcdserverpb.Maintenance',
  ],
]

function nested(op: object): object {
  return { success: [{ request_txn: { success: [op] } }] }
}

t.test('every bad request gets its code and text, and changes nothing', async (t) => {
  const workbench = new Workbench(t)
  const server = await workbench.start('quorate')
  const client = workbench.own(new GrpcClient(server.endpoint))
  for (let i = 0; i < 9; i++) await client.call('KV/Put', { key: key('a'), value: key(String(i)) })
  await client.call('Lease/LeaseGrant', { ID: '7', TTL: 3600 })
  await client.call('KV/Compact', { revision: 5 })
  const before = await client.call<{ hash: number }>('Maintenance/HashKV')

  for (const [rule, method, request, code, text] of TABLE) {
    const outcome =
      method === 'KV/RangeStream'
        ? await client.collect(method, request).then(
            () => undefined,
            (error: unknown) => error,
          )
        : await client.attempt(method, request).then((answer) => (answer.ok ? undefined : answer.failure))
    t.match(outcome, { code, details: text }, rule)
  }
  const oversize = await client.raw('KV/Put', Buffer.alloc(GRPC_MAX_BYTES + 1))
  t.match(oversize, { failure: { code: RESOURCE_EXHAUSTED } }, 'larger than gRPC takes')
  t.match(
    !oversize.ok && oversize.failure.details,
    /^grpc: received message larger than max \(\d+ vs\. 2097152\)$/,
    'in the words of grpc-go',
  )
  const garbage = await client.raw('KV/Put', Buffer.from('ffffffffffffffffffffff', 'hex'))
  t.match(garbage, { failure: { code: INTERNAL } }, 'garbage')
  t.match(!garbage.ok && garbage.failure.details, /^grpc: error unmarshalling request: /)

  const after = await client.call<{ hash: number; header: { revision: string } }>('Maintenance/HashKV')
  t.equal(after.hash, before.hash, 'the store is as it was')
  t.equal(after.header.revision, '10')
})
