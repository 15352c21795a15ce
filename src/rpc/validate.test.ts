import t from 'tap'
import type { Key, LeaseId } from '../base/index.js'
import { errors, etcdserverpb } from '../proto/index.js'
import { bytes, make } from './testing.js'
import { KeyRanges, opsConflict } from './txn-conflicts.js'
import {
  checkDeleteRange,
  checkPut,
  checkRange,
  checkRangeStream,
  checkTxn,
  isReadOnly,
  isSerializable,
} from './validate.js'

const { RangeRequest, PutRequest, DeleteRangeRequest, TxnRequest, RequestOp, Compare } = etcdserverpb

const put = (key: string, fields: Partial<etcdserverpb.PutRequest> = {}): etcdserverpb.RequestOp =>
  make(RequestOp, { requestPut: make(PutRequest, { key: bytes(key), ...fields }) })
const del = (key: string, end = ''): etcdserverpb.RequestOp =>
  make(RequestOp, { requestDeleteRange: make(DeleteRangeRequest, { key: bytes(key), rangeEnd: bytes(end) }) })
const get = (key: string, fields: Partial<etcdserverpb.RangeRequest> = {}): etcdserverpb.RequestOp =>
  make(RequestOp, { requestRange: make(RangeRequest, { key: bytes(key), ...fields }) })
const nested = (success: etcdserverpb.RequestOp[], failure: etcdserverpb.RequestOp[] = []): etcdserverpb.RequestOp =>
  make(RequestOp, { requestTxn: make(TxnRequest, { success, failure }) })
const txn = (success: etcdserverpb.RequestOp[], failure: etcdserverpb.RequestOp[] = []): etcdserverpb.TxnRequest =>
  make(TxnRequest, { success, failure })
const many = (n: number): etcdserverpb.RequestOp[] => Array.from({ length: n }, (_, i) => put(`k${i}`))

t.test('range: key, then sort options', async (t) => {
  const check = (fields: Partial<etcdserverpb.RangeRequest>) => checkRange(make(RangeRequest, fields))
  const key = bytes('a')
  t.equal(check({}), errors.emptyKey)
  t.equal(check({ sortOrder: 9 }), errors.emptyKey, 'the key comes first')
  t.equal(check({ key }), undefined)
  t.equal(check({ key, rangeEnd: bytes('0') }), undefined, 'a range that holds nothing is no error')
  t.equal(check({ key, limit: -1, revision: -1 }), undefined)
  for (const sortOrder of [0, 1, 2])
    for (const sortTarget of [0, 1, 2, 3, 4]) t.equal(check({ key, sortOrder, sortTarget }), undefined)
  for (const bad of [-1, 3, 5, 2 ** 31 - 1]) t.equal(check({ key, sortOrder: bad }), errors.invalidSortOption)
  for (const bad of [-1, 5]) t.equal(check({ key, sortTarget: bad }), errors.invalidSortOption)
})

t.test('range stream: what a range in pieces cannot do', async (t) => {
  const check = (fields: Partial<etcdserverpb.RangeRequest>) =>
    checkRangeStream(make(RangeRequest, { key: bytes('a'), ...fields }))
  t.equal(check({}), undefined)
  t.equal(check({ key: bytes('') }), errors.emptyKey)
  t.equal(check({ sortOrder: 1 }), undefined, 'keys ascending')
  t.equal(check({ sortTarget: 4 }), undefined, 'no order at all, whatever the target')
  t.equal(check({ sortOrder: 2 }), errors.streamCustomSort)
  t.equal(check({ sortOrder: 1, sortTarget: 1 }), errors.streamCustomSort)
  t.equal(check({ sortOrder: 7 }), errors.invalidSortOption)
  for (const filter of ['minModRevision', 'maxModRevision', 'minCreateRevision', 'maxCreateRevision'] as const) {
    t.equal(check({ [filter]: 1 }), errors.streamRevisionFilter, filter)
    t.equal(check({ [filter]: 1, sortOrder: 2 }), errors.streamCustomSort, 'the order is looked at first')
  }
})

t.test('put and delete', async (t) => {
  const check = (fields: Partial<etcdserverpb.PutRequest>) => checkPut(make(PutRequest, fields))
  const key = bytes('a')
  const lease = 1n as LeaseId
  t.equal(check({ ignoreValue: true, value: bytes('x') }), errors.emptyKey)
  t.equal(check({ key, ignoreValue: true, value: bytes('x'), ignoreLease: true, lease }), errors.valueProvided)
  t.equal(check({ key, ignoreLease: true, lease }), errors.leaseProvided)
  t.equal(check({ key, ignoreLease: true, ignoreValue: true }), undefined)
  t.equal(check({ key, lease }), undefined)
  t.equal(checkDeleteRange(make(DeleteRangeRequest)), errors.emptyKey)
  t.equal(checkDeleteRange(make(DeleteRangeRequest, { key })), undefined)
})

t.test('txn: each list has its limit, nested ones what their parent left', async (t) => {
  t.equal(checkTxn(txn(many(128)), 128), undefined)
  t.equal(checkTxn(txn(many(129)), 128), errors.tooManyOps)
  t.equal(checkTxn(txn([], many(129)), 128), errors.tooManyOps)
  const compare = Array.from({ length: 129 }, () => make(Compare, { key: bytes('a') }))
  t.equal(checkTxn(make(TxnRequest, { compare }), 128), errors.tooManyOps)
  t.equal(
    checkTxn(make(TxnRequest, { compare: [new Compare()], success: many(129) }), 128),
    errors.tooManyOps,
    'before keys',
  )
  t.equal(checkTxn(txn([nested(many(3))]), 4), undefined)
  t.equal(checkTxn(txn([nested(many(4))]), 4), errors.tooManyOps)
  t.equal(checkTxn(txn([nested([put('a')]), nested([put('b')])]), 3), undefined, 'siblings do not share')
  t.equal(checkTxn(txn([nested([])]), 1), undefined, 'nothing costs nothing')
  t.equal(checkTxn(txn([nested([put('a')])]), 1), errors.tooManyOps)
})

t.test('txn: the first mistake in order decides', async (t) => {
  t.equal(checkTxn(make(TxnRequest, { compare: [new Compare()] }), 9), errors.emptyKey)
  t.equal(
    checkTxn(make(TxnRequest, { compare: [make(Compare, { key: bytes('a'), rangeEnd: bytes('0') })] }), 9),
    undefined,
  )
  t.equal(checkTxn(txn([new RequestOp()]), 9), errors.keyNotFound, 'an operation without request')
  t.equal(checkTxn(txn([get('a', { sortTarget: 9 })], [put('')]), 9), errors.invalidSortOption)
  t.equal(checkTxn(txn([put('a')], [put('')]), 9), errors.emptyKey)
  t.equal(checkTxn(txn([nested([put('', { ignoreValue: true })])]), 9), errors.emptyKey)
  t.equal(checkTxn(txn([put('a'), put('a')], [del('')]), 9), errors.emptyKey, 'conflicts are looked for last')
  t.equal(checkTxn(txn([put('a'), put('a')]), 9), errors.duplicateKey)
  t.equal(checkTxn(txn([], [put('a'), put('a')]), 9), errors.duplicateKey)
  t.equal(checkTxn(txn([put('a')], [put('a')]), 9), undefined)
})

t.test('txn: which writes conflict', async (t) => {
  const cases: [string, etcdserverpb.RequestOp[], boolean][] = [
    ['put twice', [put('k'), put('k')], true],
    ['put, then delete', [put('k'), del('k')], true],
    ['delete, then put', [del('k'), put('k')], true],
    ['delete of a range around a put', [del('a', 'z'), put('k')], true],
    ['the end of a range is outside', [del('a', 'k'), put('k')], false],
    ['the start is inside', [del('k', 'z'), put('k')], true],
    ['a single key is no prefix', [del('k'), put('k\0')], false],
    ['deletes may overlap', [del('a', 'z'), del('b', 'k'), del('k')], false],
    ['delete here, put in a nested txn before it', [nested([put('k')]), del('a', 'z')], true],
    ['delete here, put in a nested txn after it', [del('a', 'z'), nested([], [put('k')])], true],
    ['put here, delete in a nested txn', [put('k'), nested([del('k')])], true],
    ['put here, put in a nested txn', [put('k'), nested([], [put('k')])], true],
    ['both branches put', [nested([put('k')], [put('k')])], false],
    ['one branch deletes, the other puts', [nested([del('k')], [put('k')])], false],
    ['two nested ones put', [nested([put('k')]), nested([], [put('k')])], true],
    ['nested delete, then nested put', [nested([del('k')]), nested([put('k')])], true],
    ['nested put, then nested delete', [nested([put('k')]), nested([del('k')])], false],
    ['open end never meets a put', [del('a', '\0'), put('k')], false],
    ['everything never meets a put', [del('\0', '\0'), put('k')], false],
    ['a range turned around is empty', [del('z', 'a'), put('k'), put('z')], false],
    ['conflict deep inside', [nested([nested([nested([put('k')]), put('k')])])], true],
    ['reads never conflict', [get('k'), put('k'), get('k')], false],
  ]
  for (const [name, ops, conflict] of cases) t.equal(opsConflict(ops), conflict, name)
})

/** The rules again, by brute force: every pair of writes is looked at, with what lies between them. */
function slowConflict(
  ops: readonly etcdserverpb.RequestOp[],
): { puts: string[]; deletes: [string, string][] } | undefined {
  const text = (b: Uint8Array): string => Buffer.from(b).toString('latin1')
  const covers = ([lo, hi]: [string, string], key: string): boolean => key >= lo && key < hi
  const deletes = ops.flatMap((op): [string, string][] => {
    const request = op.requestDeleteRange
    if (request === undefined) return []
    return [[text(request.key), request.rangeEnd.length === 0 ? `${text(request.key)}\0` : text(request.rangeEnd)]]
  })
  const puts: string[] = []
  for (const { requestTxn } of ops) {
    if (requestTxn === undefined) continue
    const then = slowConflict(requestTxn.success)
    const otherwise = slowConflict(requestTxn.failure)
    if (then === undefined || otherwise === undefined) return undefined
    for (const key of [...then.puts, ...otherwise.puts]) {
      if (puts.includes(key) || deletes.some((range) => covers(range, key))) return undefined
    }
    puts.push(...then.puts, ...otherwise.puts)
    deletes.push(...then.deletes, ...otherwise.deletes)
  }
  for (const { requestPut } of ops) {
    if (requestPut === undefined) continue
    const key = text(requestPut.key)
    if (puts.includes(key) || deletes.some((range) => covers(range, key))) return undefined
    puts.push(key)
  }
  return { puts, deletes }
}

const seedOf = (t: { comment(text: string): void }): ((bound: number) => number) => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  t.comment(`note: SEED=${seed} node dist/rpc/validate.test.js`)
  let state = seed
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}

t.test('conflicts agree with a slow model', async (t) => {
  const next = seedOf(t)
  const key = (): string => 'abcdefgh'[next(8)]! + (next(3) === 0 ? '\0' : '')
  const op = (depth: number): etcdserverpb.RequestOp => {
    switch (next(depth > 0 ? 8 : 5)) {
      case 0:
        return del(key())
      case 1:
        return del(key(), next(6) === 0 ? '\0' : key())
      case 2:
      case 3:
        return put(key())
      case 4:
        return get(key())
      default:
        return nested(ops(depth - 1, 3), ops(depth - 1, 3))
    }
  }
  const ops = (depth: number, max: number): etcdserverpb.RequestOp[] =>
    Array.from({ length: next(max + 1) }, () => op(depth))
  const tally = { conflict: 0, fine: 0 }
  for (let round = 0; round < 20_000; round++) {
    const list = ops(3, 4)
    const expected = slowConflict(list) === undefined
    tally[expected ? 'conflict' : 'fine']++
    if (opsConflict(list) !== expected) {
      t.fail(`round ${round}: expected ${expected ? 'a conflict' : 'none'}`)
      return
    }
  }
  t.ok(tally.conflict > 2000 && tally.fine > 2000, JSON.stringify(tally))
})

t.test('a union of ranges agrees with a list of ranges', async (t) => {
  const next = seedOf(t)
  const key = (): Key => String.fromCharCode(97 + next(26)) as Key
  for (let round = 0; round < 500; round++) {
    const sets = [new KeyRanges(), new KeyRanges()] as const
    const all: [Key, Key][] = []
    for (let i = next(12); i > 0; i--) {
      const range: [Key, Key] = [key(), key()]
      all.push(range)
      sets[next(2)]!.add(...range)
    }
    const union = sets[0].union(sets[1])
    for (let c = 96; c < 124; c++) {
      const probe = String.fromCharCode(c) as Key
      const expected = all.some(([lo, hi]) => probe >= lo && probe < hi)
      if (union.has(probe) !== expected) t.fail(`round ${round}: ${probe} in ${JSON.stringify(all)}`)
    }
  }
  t.pass('500 rounds')
})

t.test('the largest transactions are checked quickly', async (t) => {
  const chain = (depth: number, ops: etcdserverpb.RequestOp[]): etcdserverpb.RequestOp[] =>
    depth === 0 ? ops : chain(depth - 1, [nested(ops), del(`d${depth}`)])
  const wide = Array.from({ length: 60 }, (_, i) =>
    nested(Array.from({ length: 60 }, (_, j) => (j % 2 === 0 ? put(`p${i}/${j}`) : del(`q${i}/${j}`, `q${i}/${j}z`)))),
  )
  const started = performance.now()
  t.equal(checkTxn(txn(wide), 128), undefined)
  t.equal(checkTxn(txn(chain(40, many(40))), 128), undefined)
  t.ok(performance.now() - started < 1000)
})

t.test('what needs no log, and what needs no barrier', async (t) => {
  const local = get('a', { serializable: true })
  t.equal(isReadOnly(txn([get('a')], [get('b')])), true)
  t.equal(isReadOnly(txn([get('a')], [put('b')])), false)
  t.equal(isReadOnly(txn([del('a')])), false)
  t.equal(isReadOnly(txn([nested([get('a')])])), false, 'nesting makes it a write')
  t.equal(isReadOnly(txn([])), true)
  t.equal(isSerializable(txn([])), true)
  t.equal(isSerializable(txn([local], [local])), true)
  t.equal(isSerializable(txn([local], [get('b')])), false)
})
