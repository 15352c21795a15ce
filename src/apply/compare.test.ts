// Guards of transactions, row by row (reference: kv-watch-lease 6.5, "compare semantics").
import t from 'tap'
import { MemoryBackend, TurnClock } from '../mvcc/testing.js'
import { etcdserverpb } from '../proto/index.js'
import { type CompareFields, TestMachine, op, plain, request } from './testing.js'

const { CompareResult: Result, CompareTarget: Target } = etcdserverpb
const { EQUAL, GREATER, LESS, NOT_EQUAL } = Result

/** a: created at 2, changed at 3, version 2, value "m", lease 9. b: created at 4, version 1, value "x". c: gone. */
const withKeys = async (backend = new MemoryBackend()): Promise<TestMachine> => {
  const machine = await TestMachine.open(backend, new TurnClock())
  machine.apply(request.grant(9n, 60))
  machine.apply(request.put({ key: 'a', value: 'l' }))
  machine.apply(request.put({ key: 'a', value: 'm', lease: 9n as never }))
  machine.apply(request.put({ key: 'b', value: 'x' }))
  machine.apply(request.put({ key: 'c', value: 'y' }))
  machine.apply(request.delete({ key: 'c' }))
  return machine
}

const succeeded = (machine: TestMachine, ...compare: CompareFields[]): unknown =>
  (plain(machine.apply(request.txn({ compare }))) as { succeeded: boolean }).succeeded

/** [operator, given below the stored value, equal to it, above it]. */
const OPERATORS = [
  [EQUAL, false, true, false],
  [NOT_EQUAL, true, false, true],
  [GREATER, true, false, false],
  [LESS, false, false, true],
] as const

const SIDES: readonly (readonly [string, number, readonly CompareFields[]])[] = [
  ['version', Target.VERSION, [{ version: 1 }, { version: 2 }, { version: 3 }]],
  ['create revision', Target.CREATE, [{ createRevision: 1 }, { createRevision: 2 }, { createRevision: 3 }]],
  ['mod revision', Target.MOD, [{ modRevision: 2 }, { modRevision: 3 }, { modRevision: 4 }]],
  ['value, by bytes', Target.VALUE, [{ value: 'lzzz' }, { value: 'm' }, { value: 'm\0' }]],
  ['lease', Target.LEASE, [{ lease: 8n as never }, { lease: 9n as never }, { lease: 10n as never }]],
]

t.test('stored value, operator, given value', async (t) => {
  const machine = await withKeys()
  for (const [name, target, given] of SIDES) {
    for (const [result, ...expected] of OPERATORS) {
      for (const [i, fields] of given.entries()) {
        t.equal(
          succeeded(machine, { key: 'a', target, result, ...fields }),
          expected[i],
          `${name} ${result} given ${i}`,
        )
      }
    }
  }
})

t.test('values compare as unsigned bytes', async (t) => {
  const machine = await withKeys()
  machine.apply(request.put({ key: 'v', value: '\x80' }))
  t.equal(succeeded(machine, { key: 'v', target: Target.VALUE, result: GREATER, value: '\x7f' }), true)
  t.equal(succeeded(machine, { key: 'v', target: Target.VALUE, result: LESS, value: '\xff' }), true)
})

t.test('lease ids compare as signed numbers', async (t) => {
  const machine = await withKeys()
  machine.apply(request.grant(-4n, 60))
  machine.apply(request.put({ key: 'n', value: '', lease: -4n as never }))
  t.equal(succeeded(machine, { key: 'n', target: Target.LEASE, result: LESS, lease: 1n as never }), true)
  t.equal(succeeded(machine, { key: 'n', target: Target.LEASE, result: EQUAL, lease: -4n as never }), true)
})

const NUMBERS: readonly (readonly [number, CompareFields, CompareFields])[] = [
  [Target.VERSION, { version: -1 }, { version: 1 }],
  [Target.CREATE, { createRevision: -1 }, { createRevision: 1 }],
  [Target.MOD, { modRevision: -1 }, { modRevision: 1 }],
  [Target.LEASE, { lease: -1n as never }, { lease: 1n as never }],
]

t.test('a missing key compares as 0; its value satisfies no operator', async (t) => {
  const machine = await withKeys()
  for (const key of ['c', 'never']) {
    for (const [target, below, above] of NUMBERS) {
      t.equal(succeeded(machine, { key, target, result: EQUAL }), true, `${target} = 0`)
      t.equal(succeeded(machine, { key, target, result: NOT_EQUAL }), false, `${target} != 0`)
      t.equal(succeeded(machine, { key, target, result: GREATER, ...below }), true, `${target} > -1`)
      t.equal(succeeded(machine, { key, target, result: LESS, ...above }), true, `${target} < 1`)
    }
    for (const result of [EQUAL, NOT_EQUAL, GREATER, LESS]) {
      t.equal(succeeded(machine, { key, target: Target.VALUE, result, value: '' }), false, `value ${result}`)
    }
  }
})

t.test('a range must hold for every key; without keys it is one missing key', async (t) => {
  const machine = await withKeys()
  const rows: readonly (readonly [CompareFields, boolean])[] = [
    [{ key: 'a', rangeEnd: 'c', target: Target.VERSION, result: GREATER, version: 0 }, true],
    [{ key: 'a', rangeEnd: 'c', target: Target.VERSION, result: EQUAL, version: 2 }, false],
    [{ key: 'a', rangeEnd: 'b', target: Target.VERSION, result: EQUAL, version: 2 }, true],
    [{ key: 'a', rangeEnd: '\0', target: Target.VALUE, result: GREATER, value: 'a' }, true],
    [{ key: 'b', rangeEnd: '\0', target: Target.LEASE, result: EQUAL }, true],
    [{ key: 'd', rangeEnd: 'e', target: Target.MOD, result: EQUAL, modRevision: 0 }, true],
    [{ key: 'd', rangeEnd: 'e', target: Target.MOD, result: NOT_EQUAL, modRevision: 0 }, false],
    [{ key: 'd', rangeEnd: 'e', target: Target.VALUE, result: NOT_EQUAL, value: 'q' }, false],
    // An end at or before the key names no key.
    [{ key: 'b', rangeEnd: 'a', target: Target.VERSION, result: EQUAL, version: 0 }, true],
    [{ key: 'a', rangeEnd: 'a', target: Target.CREATE, result: EQUAL, createRevision: 0 }, true],
  ]
  for (const [compare, expected] of rows) t.equal(succeeded(machine, compare), expected, JSON.stringify(compare))
})

t.test('a given value that is absent, or of another kind than the target, is 0 or empty', async (t) => {
  const machine = await withKeys()
  t.equal(succeeded(machine, { key: 'a', target: Target.VERSION, result: GREATER }), true)
  t.equal(succeeded(machine, { key: 'a', target: Target.VERSION, result: EQUAL, modRevision: 2 }), false)
  t.equal(succeeded(machine, { key: 'a', target: Target.MOD, result: GREATER, value: 'zzz' }), true)
  t.equal(succeeded(machine, { key: 'a', target: Target.VALUE, result: GREATER, version: 77 }), true)
  machine.apply(request.put({ key: 'e', value: '' }))
  t.equal(succeeded(machine, { key: 'e', target: Target.VALUE, result: EQUAL }), true)
  t.equal(succeeded(machine, { key: 'e', target: Target.LEASE, result: EQUAL, version: 3 }), true)
})

t.test('an unknown operator holds; an unknown target compares as equal', async (t) => {
  const machine = await withKeys()
  t.equal(succeeded(machine, { key: 'a', target: Target.VERSION, result: 17, version: 99 }), true)
  t.equal(succeeded(machine, { key: 'never', target: Target.MOD, result: -1, modRevision: 99 }), true)
  t.equal(
    succeeded(machine, { key: 'never', target: Target.VALUE, result: 17, value: 'x' }),
    false,
    'a missing value fails first',
  )
  for (const key of ['a', 'never']) {
    t.equal(succeeded(machine, { key, target: 17, result: EQUAL, version: 99 }), true)
    t.equal(succeeded(machine, { key, target: 17, result: NOT_EQUAL, version: 99 }), false)
    t.equal(succeeded(machine, { key, target: 17, result: LESS }), false)
  }
})

t.test('all compares must hold; none at all do', async (t) => {
  const machine = await withKeys()
  const holds: CompareFields = { key: 'a', target: Target.VERSION, result: EQUAL, version: 2 }
  const fails: CompareFields = { key: 'b', target: Target.VERSION, result: EQUAL, version: 2 }
  t.equal(succeeded(machine), true)
  t.equal(succeeded(machine, holds, holds), true)
  t.equal(succeeded(machine, holds, fails), false)
  t.equal(succeeded(machine, fails, holds), false)
})

t.test('nested compares are judged against the state before the transaction, on the path that is taken', async (t) => {
  const machine = await withKeys()
  const isNew: CompareFields = { key: 'n', target: Target.VERSION, result: EQUAL, version: 0 }
  const answer = plain(
    machine.apply(
      request.txn({
        success: [
          op.put({ key: 'n', value: 'first' }),
          op.txn({
            compare: [isNew],
            success: [op.txn({ compare: [isNew], success: [op.put({ key: 'm', value: 'deep' })] })],
            failure: [op.put({ key: 'wrong', value: '' })],
          }),
        ],
        failure: [op.txn({ compare: [isNew], success: [op.put({ key: 'wrong', value: '' })] })],
      }),
    ),
  )
  t.match(answer, { succeeded: true, responses: [{}, { succeeded: true, responses: [{ succeeded: true }] }] })
  t.same(plain(machine.apply(request.txn({ success: [op.range({ key: 'm', rangeEnd: '\0', keysOnly: true })] }))), {
    revision: 7,
    succeeded: true,
    responses: [{ revision: 7, count: 2, more: false, kvs: ['m= 7/7/1', 'n= 7/7/1'] }],
  })
})

t.test('what the index knows is compared without reading rows', async (t) => {
  const backend = new MemoryBackend()
  await (await withKeys(backend)).commit()
  const machine = await TestMachine.open(backend, new TurnClock())
  const before = backend.reads
  for (const [name, target, given] of SIDES) {
    const isInRows = target === Target.VALUE || target === Target.LEASE
    for (const rangeEnd of ['', 'aa']) {
      t.equal(succeeded(machine, { key: 'a', rangeEnd, target, result: EQUAL, ...given[1] }), true, name)
      if (!isInRows) t.equal(backend.reads, before, `${name}: no row`)
    }
  }
  t.ok(backend.reads > before, 'values are read')
})
