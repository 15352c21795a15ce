// Puts, deletes and transactions: checks in order, one revision, answers of each operation, leases that follow their keys.
import t from 'tap'
import { MemoryBackend, TurnClock } from '../mvcc/testing.js'
import { etcdserverpb, errors } from '../proto/index.js'
import { TestMachine, op, plain, request } from './testing.js'

const open = (): Promise<TestMachine> => TestMachine.open(new MemoryBackend(), new TurnClock())
const lease = (id: bigint) => id as never
const keysOf = (machine: TestMachine, id: bigint): string[] => [...machine.lessor.keysOf(lease(id))].sort()
const VERSION = { target: etcdserverpb.CompareTarget.VERSION, result: etcdserverpb.CompareResult.EQUAL }

t.test('put: the previous KeyValue only when asked for, with its lease', async (t) => {
  const machine = await open()
  machine.apply(request.grant(7n, 60))
  t.same(plain(machine.apply(request.put({ key: 'k', value: 'a', prevKv: true }))), { revision: 2 })
  t.same(plain(machine.apply(request.put({ key: 'k', value: 'b', lease: lease(7n), prevKv: true }))), {
    revision: 3,
    prevKv: 'k=a 2/2/1',
  })
  t.same(plain(machine.apply(request.put({ key: 'k', value: 'c', prevKv: true }))), {
    revision: 4,
    prevKv: 'k=b 2/3/2 lease 7',
  })
  t.same(plain(machine.apply(request.put({ key: 'k', ignoreValue: true }))), { revision: 5 })
})

t.test('put: an unknown lease is found before a missing key', async (t) => {
  const machine = await open()
  const rows = [
    [{ key: 'k', lease: lease(1n) }, errors.leaseNotFound],
    [{ key: 'k', ignoreValue: true }, errors.keyNotFound],
    [{ key: 'k', ignoreLease: true }, errors.keyNotFound],
    [{ key: 'k', ignoreValue: true, lease: lease(1n) }, errors.leaseNotFound],
  ] as const
  for (const [fields, status] of rows) t.equal(machine.apply(request.put(fields)).status, status)
  t.equal(machine.store.revision, 1, 'nothing was written')
})

t.test('put: what ignore_value and ignore_lease keep', async (t) => {
  const machine = await open()
  machine.apply(request.grant(7n, 60))
  machine.apply(request.grant(8n, 60))
  machine.apply(request.put({ key: 'k', value: 'v', lease: lease(7n) }))
  const read = () => plain(machine.apply(request.put({ key: 'k', ignoreValue: true, ignoreLease: true, prevKv: true })))

  machine.apply(request.put({ key: 'k', ignoreValue: true, lease: lease(8n) }))
  t.match(read(), { prevKv: 'k=v 2/3/2 lease 8' }, 'the value stays, the lease moves')
  t.same([keysOf(machine, 7n), keysOf(machine, 8n)], [[], ['k']])

  machine.apply(request.put({ key: 'k', value: 'w', ignoreLease: true }))
  t.match(read(), { prevKv: 'k=w 2/5/4 lease 8' }, 'the lease stays, the value changes')

  t.match(read(), { prevKv: 'k=w 2/6/5 lease 8' }, 'both: version and mod revision alone')
  machine.apply(request.put({ key: 'k', ignoreValue: true }))
  t.match(read(), { prevKv: 'k=w 2/8/7' }, 'lease 0 detaches')
  t.same(keysOf(machine, 8n), [])
})

t.test('delete: a revision only when something is deleted; keys leave their leases', async (t) => {
  const machine = await open()
  machine.apply(request.grant(7n, 60))
  for (const key of ['a', 'b', 'c']) machine.apply(request.put({ key, value: key, lease: lease(7n) }))
  t.same(plain(machine.apply(request.delete({ key: 'x', prevKv: true }))), { revision: 4, deleted: 0, prevKvs: [] })
  t.same(plain(machine.apply(request.delete({ key: 'b', rangeEnd: 'a' }))), { revision: 4, deleted: 0, prevKvs: [] })
  t.same(plain(machine.apply(request.delete({ key: 'a', rangeEnd: 'c', prevKv: true }))), {
    revision: 5,
    deleted: 2,
    prevKvs: ['a=a 2/2/1 lease 7', 'b=b 3/3/1 lease 7'],
  })
  t.same(keysOf(machine, 7n), ['c'])
  t.same(plain(machine.apply(request.delete({ key: '\0', rangeEnd: '\0' }))), { revision: 6, deleted: 1, prevKvs: [] })
})

t.test('revoke: all keys in one revision, ascending; only those attached now', async (t) => {
  const machine = await open()
  machine.apply(request.grant(7n, 60))
  machine.apply(request.grant(8n, 60))
  for (const key of ['c', 'a', 'moved', 'freed', 'gone', 'b']) machine.apply(request.put({ key, lease: lease(7n) }))
  machine.apply(request.put({ key: 'moved', lease: lease(8n) }))
  machine.apply(request.put({ key: 'freed' }))
  machine.apply(request.delete({ key: 'gone' }))
  const seen: string[] = []
  machine.store.onCommit({ onTxn: (revision, changes) => seen.push(`${revision}:${changes.map(({ key }) => key)}`) })
  t.same(plain(machine.apply(request.revoke(7n))), { revision: 11 })
  t.same(seen, ['11:a,b,c'])
  t.equal(machine.apply(request.revoke(7n)).status, errors.leaseNotFound)
  t.equal(machine.apply(request.revoke(0n)).status, errors.leaseNotFound)
  t.same(plain(machine.apply(request.revoke(8n))), { revision: 12 })
  machine.apply(request.grant(9n, 60))
  t.same(plain(machine.apply(request.revoke(9n))), { revision: 12 }, 'without keys the revision stays')
  t.equal(machine.apply(request.grant(7n, 60)).status, undefined, 'a revoked id may be granted again')
})

t.test('txn: one revision for all, inner headers name the revision inside', async (t) => {
  const machine = await open()
  machine.apply(request.put({ key: 'k', value: 'a' }))
  const answer = machine.apply(
    request.txn({
      success: [
        op.range({ key: 'k' }),
        op.delete({ key: 'nothing' }),
        op.put({ key: 'k', value: 'b', prevKv: true }),
        op.range({ key: 'k' }),
        op.delete({ key: 'nothing' }),
        op.txn({ success: [op.range({ key: 'k' }), op.put({ key: 'm' })] }),
        op.range({ key: 'k', revision: 2 }),
        op.delete({ key: 'k', prevKv: true }),
        op.range({ key: 'k', rangeEnd: '\0', keysOnly: true }),
      ],
    }),
  )
  t.same(plain(answer), {
    revision: 3,
    succeeded: true,
    responses: [
      { revision: 2, count: 1, more: false, kvs: ['k=a 2/2/1'] },
      { revision: 2, deleted: 0, prevKvs: [] },
      { revision: 3, prevKv: 'k=a 2/2/1' },
      { revision: 3, count: 1, more: false, kvs: ['k=b 2/3/2'] },
      { revision: 3, deleted: 0, prevKvs: [] },
      {
        revision: 0,
        succeeded: true,
        responses: [{ revision: 3, count: 1, more: false, kvs: ['k=b 2/3/2'] }, { revision: 3 }],
      },
      { revision: 3, count: 1, more: false, kvs: ['k=a 2/2/1'] },
      { revision: 3, deleted: 1, prevKvs: ['k=b 2/3/2'] },
      { revision: 3, count: 1, more: false, kvs: ['m= 3/3/1'] },
    ],
  })
  t.same(plain(machine.apply(request.txn({ success: [op.range({ key: 'k' }), op.delete({ key: 'k' })] }))), {
    revision: 3,
    succeeded: true,
    responses: [
      { revision: 3, count: 0, more: false, kvs: [] },
      { revision: 3, deleted: 0, prevKvs: [] },
    ],
  })
})

t.test('txn: delete and put again in one revision starts the key anew', async (t) => {
  const machine = await open()
  machine.apply(request.put({ key: 'k', value: 'a' }))
  machine.apply(request.put({ key: 'k', value: 'a' }))
  machine.apply(request.txn({ success: [op.delete({ key: 'k', rangeEnd: '\0' }), op.put({ key: 'k', value: 'b' })] }))
  t.match(plain(machine.apply(request.delete({ key: 'k', prevKv: true }))), { prevKvs: ['k=b 4/4/1'] })
})

t.test('txn: the first operation whose check fails decides, and nothing is written', async (t) => {
  const machine = await open()
  machine.apply(request.grant(7n, 60))
  machine.apply(request.put({ key: 'k', value: 'a', lease: lease(7n) }))
  machine.apply(request.put({ key: 'k', value: 'b', ignoreLease: true }))
  machine.apply(request.compact(3))
  const future = op.range({ key: 'k', revision: 4 })
  const past = op.range({ key: 'k', revision: 2 })
  const noLease = op.put({ key: 'k', lease: lease(1n) })
  const noKey = op.put({ key: 'x', ignoreValue: true })
  const fine = op.put({ key: 'z', value: 'z' })
  const rows: readonly (readonly [string, readonly etcdserverpb.RequestOp[], { readonly message: string }])[] = [
    ['future first', [fine, future, past, noLease], errors.futureRevision],
    ['compacted first', [past, future], errors.compacted],
    ['negative is below every compaction', [op.range({ key: 'k', revision: -1 })], errors.compacted],
    ['the lease first', [noLease, noKey, future], errors.leaseNotFound],
    ['the key first', [noKey, noLease], errors.keyNotFound],
    ['in a nested transaction', [fine, op.txn({ success: [noKey] }), future], errors.keyNotFound],
    ['behind a nested transaction', [op.txn({ success: [fine] }), future, noKey], errors.futureRevision],
    [
      'deleted by an open end before',
      [op.delete({ key: 'a', rangeEnd: '\0' }), op.put({ key: 'k', ignoreValue: true })],
      errors.keyNotFound,
    ],
    [
      'deleted by an open end before',
      [op.delete({ key: '\0', rangeEnd: '\0' }), op.put({ key: 'k', ignoreLease: true })],
      errors.keyNotFound,
    ],
    [
      'deleted in a nested one before',
      [op.txn({ success: [op.delete({ key: 'k', rangeEnd: '\0' })] }), op.put({ key: 'k', ignoreLease: true })],
      errors.keyNotFound,
    ],
    [
      'put by the same transaction only',
      [op.put({ key: 'x' }), op.put({ key: 'x', ignoreValue: true })],
      errors.keyNotFound,
    ],
  ]
  for (const [name, success, status] of rows) {
    t.equal(machine.apply(request.txn({ success })).status, status, name)
    t.equal(
      machine.apply(request.txn({ compare: [{ key: 'k', ...VERSION, version: 9 }], failure: success })).status,
      status,
    )
    t.equal(machine.store.revision, 3, 'nothing was written')
    t.same(keysOf(machine, 7n), ['k'], 'nothing was detached')
  }
})

t.test('txn: what may look wrong and is not', async (t) => {
  const machine = await open()
  machine.apply(request.put({ key: 'k', value: 'a' }))
  const rows: readonly (readonly [string, readonly etcdserverpb.RequestOp[]])[] = [
    ['-1 before any compaction is the newest', [op.range({ key: 'k', revision: -1 })]],
    [
      'another key than the deleted one',
      [op.delete({ key: 'l', rangeEnd: '\0' }), op.put({ key: 'k', ignoreValue: true })],
    ],
    [
      'deleted and put before',
      [
        op.delete({ key: 'k', rangeEnd: '\0' }),
        op.put({ key: 'k', value: 'n' }),
        op.txn({ success: [op.put({ key: 'k', ignoreValue: true })] }),
      ],
    ],
    ['deleted after', [op.put({ key: 'k', ignoreValue: true }), op.delete({ key: 'k', rangeEnd: '\0' })]],
  ]
  for (const [name, success] of rows) t.equal(machine.apply(request.txn({ success })).status, undefined, name)
  const bad = [op.put({ key: 'x', lease: lease(1n) }), op.range({ key: 'x', revision: 99 })]
  t.same(
    plain(machine.apply(request.txn({ failure: bad }))),
    { revision: 5, succeeded: true, responses: [] },
    'a branch not taken',
  )
  t.equal(machine.apply(request.txn({ success: [op.range({ key: 'k', revision: -5 })] })).status, errors.compacted)
  t.same(plain(machine.apply(request.txn({ success: [new etcdserverpb.RequestOp()] }))), {
    revision: 5,
    succeeded: true,
    responses: [{}],
  })
})

t.test('txn: keys join and leave leases', async (t) => {
  const machine = await open()
  machine.apply(request.grant(7n, 60))
  machine.apply(request.grant(8n, 60))
  machine.apply(
    request.txn({
      success: [
        op.put({ key: 'a', lease: lease(7n) }),
        op.put({ key: 'b', lease: lease(7n) }),
        op.txn({ success: [op.put({ key: 'c', lease: lease(8n) })] }),
      ],
    }),
  )
  t.same([keysOf(machine, 7n), keysOf(machine, 8n)], [['a', 'b'], ['c']])
  machine.apply(
    request.txn({ success: [op.delete({ key: 'a' }), op.put({ key: 'b', lease: lease(8n) }), op.put({ key: 'c' })] }),
  )
  t.same([keysOf(machine, 7n), keysOf(machine, 8n)], [[], ['b']])
})
