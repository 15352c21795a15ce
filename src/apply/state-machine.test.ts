// The state machine as a whole: alarms, quota, leases, compaction, exactly once, and what reaches the backend together.
import t from 'tap'
import type { MemberId } from '../base/index.js'
import { MemoryBackend, TurnClock } from '../mvcc/testing.js'
import { errors, etcdserverpb, membershippb, raftpb } from '../proto/index.js'
import { readAppliedPoint } from './applied-point.js'
import { costOf } from './quota.js'
import { MIN_TTL_SECONDS, type MachineOptions, TestMachine, dump, entry, make, op, plain, request } from './testing.js'

const { AlarmAction: Action, AlarmType: Type } = etcdserverpb
const open = (options?: MachineOptions, backend = new MemoryBackend()): Promise<TestMachine> =>
  TestMachine.open(backend, new TurnClock(), options)
const alarm = (action: number, memberId: bigint, type: number) =>
  request.alarm({ action, memberId: memberId as MemberId, alarm: type })

t.test('quota: what requests cost', async (t) => {
  const put = op.put({ key: 'key', value: 'value' })
  const rows = [
    [request.put({ key: 'key', value: 'value' }), 256 + 3 + 5],
    [request.grant(1n, 60), 64],
    [request.delete({ key: 'key' }), 0],
    [request.range({ key: 'key' }), 0],
    [request.compact(5), 0],
    [request.revoke(1n), 0],
    [request.txn({}), 0],
    [request.txn({ success: [op.delete({ key: 'a' }), op.range({ key: 'a' })] }), 0],
    [request.txn({ success: [put], failure: [put, put] }), 2 * 264],
    [
      request.txn({
        success: [put, op.txn({ failure: [put, op.txn({ success: [put] })], success: [put] })],
        failure: [put],
      }),
      3 * 264,
    ],
  ] as const
  for (const [one, cost] of rows) t.equal(costOf(one), cost)
})

/** Every kind of request, and whether a NOSPACE and a CORRUPT alarm refuse it. */
const KINDS: readonly (readonly [string, () => etcdserverpb.InternalRaftRequest, boolean, boolean])[] = [
  ['put', () => request.put({ key: 'k' }), true, true],
  ['txn with a put', () => request.txn({ success: [op.put({ key: 'k' })] }), true, true],
  ['txn with a put in the other branch', () => request.txn({ failure: [op.put({ key: 'k' })] }), true, true],
  ['txn with a nested put', () => request.txn({ success: [op.txn({ success: [op.put({ key: 'k' })] })] }), true, true],
  ['txn with a delete', () => request.txn({ success: [op.delete({ key: 'none' })] }), false, true],
  [
    'txn with a nested range',
    () => request.txn({ success: [op.txn({ success: [op.range({ key: 'k' })] })] }),
    false,
    true,
  ],
  ['delete', () => request.delete({ key: 'none' }), false, true],
  ['lease grant', () => request.grant(100n, 60), true, true],
  ['lease revoke', () => request.revoke(7n), false, true],
  ['compaction', () => request.compact(1), false, true],
  ['alarm', () => alarm(Action.GET, 0n, Type.NONE), false, false],
]

t.test('alarms refuse requests: NOSPACE what adds, CORRUPT what writes, whichever member raised them', async (t) => {
  for (const [name, make, byNoSpace, byCorrupt] of KINDS) {
    for (const active of [[], [Type.NOSPACE], [Type.CORRUPT], [Type.NOSPACE, Type.CORRUPT]]) {
      const machine = await open()
      machine.apply(request.grant(7n, 60))
      for (const type of active) machine.apply(alarm(Action.ACTIVATE, 4711n, type))
      const corrupt = active.includes(Type.CORRUPT) && byCorrupt
      const noSpace = active.includes(Type.NOSPACE) && byNoSpace
      const expected = corrupt ? errors.corrupt : noSpace ? errors.noSpace : undefined
      const revision = machine.store.revision
      t.equal(machine.apply(make()).status, expected, `${name} with alarms ${active}`)
      if (expected !== undefined) t.equal(machine.store.revision, revision)
    }
  }
})

t.test('alarms: activate, list, deactivate, as the reference does', async (t) => {
  const machine = await open()
  const rows: readonly (readonly [etcdserverpb.InternalRaftRequest, readonly string[]])[] = [
    [alarm(Action.GET, 0n, Type.NONE), []],
    [alarm(Action.ACTIVATE, 5n, Type.NONE), []],
    [alarm(Action.ACTIVATE, 5n, Type.NOSPACE), ['5/1']],
    [alarm(Action.ACTIVATE, 5n, Type.NOSPACE), ['5/1']],
    [alarm(Action.ACTIVATE, 0n, Type.CORRUPT), ['0/2']],
    [alarm(Action.ACTIVATE, 2n ** 64n - 1n, Type.NOSPACE), ['18446744073709551615/1']],
    // The member of a query is ignored.
    [alarm(Action.GET, 5n, Type.NONE), ['0/2', '18446744073709551615/1', '5/1']],
    [alarm(Action.GET, 0n, Type.NOSPACE), ['18446744073709551615/1', '5/1']],
    [alarm(Action.GET, 0n, Type.CORRUPT), ['0/2']],
    // Member 0 is no wildcard, nor is type NONE.
    [alarm(Action.DEACTIVATE, 0n, Type.NOSPACE), []],
    [alarm(Action.DEACTIVATE, 5n, Type.NONE), []],
    [alarm(Action.DEACTIVATE, 5n, Type.CORRUPT), []],
    [alarm(Action.DEACTIVATE, 5n, Type.NOSPACE), ['5/1']],
    [alarm(Action.DEACTIVATE, 5n, Type.NOSPACE), []],
    [alarm(17, 0n, Type.CORRUPT), []],
    [alarm(Action.GET, 0n, Type.NONE), ['0/2', '18446744073709551615/1']],
  ]
  for (const [request, expected] of rows) {
    const answer = plain(machine.apply(request)) as { revision: number; alarms: string[] }
    t.same(answer.alarms.sort(), expected)
    t.equal(answer.revision, 1)
  }
  t.equal(machine.apply(request.put({ key: 'k' })).status, errors.corrupt)
  machine.apply(alarm(Action.DEACTIVATE, 0n, Type.CORRUPT))
  t.equal(machine.apply(request.put({ key: 'k' })).status, errors.noSpace)
  machine.apply(alarm(Action.DEACTIVATE, 2n ** 64n - 1n, Type.NOSPACE))
  t.equal(machine.apply(request.put({ key: 'k' })).status, undefined)
})

t.test('alarms survive a restart and a deactivation stays', async (t) => {
  const backend = new MemoryBackend()
  const machine = await open({}, backend)
  machine.apply(alarm(Action.ACTIVATE, 5n, Type.NOSPACE))
  machine.apply(alarm(Action.ACTIVATE, 6n, Type.CORRUPT))
  await machine.commit()
  const again = await open({}, backend)
  t.same(
    again.alarms.list().map(({ memberId }) => memberId),
    [5n, 6n],
  )
  again.apply(alarm(Action.DEACTIVATE, 5n, Type.NOSPACE))
  await again.commit()
  t.same(
    (await open({}, backend)).alarms.list().map(({ memberId }) => memberId),
    [6n],
  )
})

t.test('quota: the write stands, only its answer is "no space"', async (t) => {
  const machine = await open({ quotaBytes: 40 * 1024 })
  const big = 'x'.repeat(8 * 1024)
  let refusedAt: number | undefined
  for (let i = 0; i < 6 && refusedAt === undefined; i++) {
    const size = machine.store.allocatedBytes
    const outcome = machine.apply(request.put({ key: `k${i}`, value: big }))
    // Judged by the size before the write, as the reference does.
    t.equal(outcome.status, size + 256 + 2 + big.length < 40 * 1024 ? undefined : errors.noSpace, `at ${size} bytes`)
    if (outcome.status !== undefined) refusedAt = i
    t.equal(machine.store.revision, i + 2, 'written in any case')
  }
  t.ok(refusedAt !== undefined && refusedAt > 0, 'some fitted, then one did not')
  t.equal(machine.apply(request.grant(1n, 60)).status, errors.noSpace)
  t.ok(machine.lessor.has(1n as never), 'the lease is there')
  t.equal(machine.apply(request.delete({ key: 'k0' })).status, undefined, 'what costs nothing passes')
  t.equal(
    machine.apply(request.put({ key: 'q', ignoreValue: true })).status,
    errors.keyNotFound,
    'a refusal stays what it is',
  )
})

t.test('leases: ids and TTLs at their limits', async (t) => {
  const machine = await open()
  const rows = [
    [0n, 60, errors.leaseNotFound.message],
    [1n, 9_000_000_001, errors.leaseTtlTooLarge.message],
    [1n, 9_000_000_000, { revision: 1, id: 1n, ttl: 9_000_000_000 }],
    [1n, 60, errors.leaseExists.message],
    [1n, 9_000_000_001, errors.leaseTtlTooLarge.message],
    [-1n, 0, { revision: 1, id: -1n, ttl: MIN_TTL_SECONDS }],
    [-(2n ** 63n), -5, { revision: 1, id: -(2n ** 63n), ttl: MIN_TTL_SECONDS }],
    [2n ** 63n - 1n, 60, { revision: 1, id: 2n ** 63n - 1n, ttl: 60 }],
  ] as const
  for (const [id, ttl, expected] of rows) t.same(plain(machine.apply(request.grant(id, ttl))), expected)
  t.equal(machine.apply(request.put({ key: 'k', lease: -(2n ** 63n) as never })).status, undefined)
})

t.test('lease checkpoints: kept, taken back, ignored for unknown leases', async (t) => {
  const backend = new MemoryBackend()
  const machine = await open({ checkpointIntervalMs: 300_000 }, backend)
  machine.apply(request.grant(1n, 1000))
  const checkpoint = (id: bigint, remainingTtl: number) => {
    const made = new etcdserverpb.InternalRaftRequest()
    made.leaseCheckpoint = new etcdserverpb.LeaseCheckpointRequest()
    made.leaseCheckpoint.checkpoints = [make(etcdserverpb.LeaseCheckpoint, { id: id as never, remainingTtl })]
    return made
  }
  const ttlAfterRestart = async () => {
    await machine.commit()
    const { lessor } = await open({ checkpointIntervalMs: 300_000 }, backend)
    lessor.promote(0, 0)
    const left = lessor.timeToLive(1n as never, 0, false)
    return left.kind === 'ok' ? [left.ttlSeconds, left.grantedTtlSeconds] : undefined
  }
  t.equal(machine.apply(checkpoint(1n, 400)).status, undefined)
  t.same(await ttlAfterRestart(), [400, 1000])
  t.equal(machine.apply(checkpoint(2n, 400)).status, undefined)
  machine.apply(checkpoint(1n, 0))
  t.same(await ttlAfterRestart(), [1000, 1000])
})

t.test('compaction: errors and the header', async (t) => {
  const machine = await open()
  for (const value of ['a', 'b', 'c']) machine.apply(request.put({ key: 'k', value }))
  const rows = [
    [-1, errors.compacted.message],
    [5, errors.futureRevision.message],
    [0, { revision: 4 }],
    [0, errors.compacted.message],
    [3, { revision: 4 }],
    [2, errors.compacted.message],
    [3, errors.compacted.message],
    [4, { revision: 4 }],
  ] as const
  for (const [revision, expected] of rows) {
    const outcome = machine.apply(request.compact(revision))
    t.same(plain(outcome), expected)
    t.ok(
      outcome.swept instanceof Promise || expected === errors.futureRevision.message,
      'whoever asks may wait for the sweep',
    )
  }
})

t.test('a read in the log, and requests of parts that are not here, change nothing and have no answer', async (t) => {
  const machine = await open()
  const others: etcdserverpb.InternalRaftRequest[] = [
    request.range({ key: 'k' }),
    new etcdserverpb.InternalRaftRequest(),
  ]
  const version = new etcdserverpb.InternalRaftRequest()
  version.downgradeVersionTest = Object.assign(new membershippb.DowngradeInfoSetRequest(), {})
  for (const one of [...others, version])
    t.same(machine.apply(one), { response: undefined, status: undefined, swept: undefined })
  await machine.commit()
  t.same(await dump(machine.backend), [
    'meta ' + hexText('consistent_index') + ' 0000000000000003',
    'meta ' + hexText('term') + ' 0000000000000001',
  ])
})

const hexText = (text: string): string => Buffer.from(text).toString('hex')

t.test('the id of a request may stand outside its header; without any id nobody is told', async (t) => {
  const machine = await open()
  const put = request.put({ key: 'k' })
  put.id = 77n
  machine.applyBytes(etcdserverpb.InternalRaftRequestCodec.encode(put))
  t.ok(machine.results.has(77n))
  put.id = 0n
  machine.applyBytes(etcdserverpb.InternalRaftRequestCodec.encode(put))
  t.same([...machine.results.keys()], [77n])
  t.equal(machine.store.revision, 3)
})

t.test('entries are applied exactly once; a gap stops everything', async (t) => {
  const machine = await open()
  const put = etcdserverpb.InternalRaftRequestCodec.encode(request.put({ key: 'k' }))
  machine.machine.applyAll([entry(1, put), entry(2, put)])
  machine.machine.applyAll([entry(1, put), entry(2, put), entry(3, put)])
  machine.machine.applyAll([entry(2, put)])
  t.equal(machine.store.revision, 4)
  t.same(machine.machine.applied, { index: 3, term: 1 })
  t.throws(() => machine.machine.applyAll([entry(5, put)]), /entry 5 does not follow applied index 3/)
  t.throws(() => machine.machine.applyAll([entry(4, Buffer.from([0xff]))]), { name: 'MalformedMessage' })
})

t.test('an empty entry starts a term', async (t) => {
  const machine = await open()
  machine.machine.applyAll([entry(1, new Uint8Array(0), 4)])
  t.same(machine.terms, [4])
  t.same(machine.machine.applied, { index: 1, term: 4 })
  await machine.commit()
  t.same(
    readAppliedPoint((key) => machine.backend.get('meta', key)),
    { index: 1, term: 4 },
  )
})

t.test('an entry of a kind that etcd never logs stops everything', async (t) => {
  const machine = await open()
  const odd = entry(1, new Uint8Array(0))
  odd.type = raftpb.EntryType.EntryConfChangeV2
  t.throws(() => machine.machine.applyAll([odd]), /entry 1 has type 2/)
})

t.test('the applied index is in the same batch as the effects that it covers', async (t) => {
  const backend = new MemoryBackend()
  const machine = await open({}, backend)
  t.same(
    readAppliedPoint((key) => backend.get('meta', key)),
    undefined,
  )
  t.same(await machine.commit(), [], 'nothing is applied: no index')
  machine.apply(request.grant(1n, 60))
  machine.apply(request.put({ key: 'k', lease: 1n as never }))
  machine.apply(alarm(Action.ACTIVATE, 5n, Type.CORRUPT), 3)
  const rows = await machine.commit()
  t.equal(backend.batches.length, 2)
  t.same(rows.map(({ bucket, key }) => (bucket === 'meta' ? Buffer.from(key).toString() : bucket)).sort(), [
    'alarm',
    'consistent_index',
    'key',
    'lease',
    'term',
  ])
  t.same(
    readAppliedPoint((key) => backend.get('meta', key)),
    { index: 3, term: 3 },
  )
  t.equal(machine.rows.bytes, 0)
})

t.test('entries between two commits that fold into each other leave the last state', async (t) => {
  const backend = new MemoryBackend()
  const machine = await open({}, backend)
  machine.apply(request.grant(1n, 60))
  machine.apply(request.revoke(1n))
  machine.apply(request.grant(1n, 70))
  machine.apply(alarm(Action.ACTIVATE, 5n, Type.NOSPACE))
  machine.apply(alarm(Action.DEACTIVATE, 5n, Type.NOSPACE))
  await machine.commit()
  const lines = await dump(backend)
  t.equal(lines.filter((line) => line.startsWith('alarm')).length, 0)
  t.equal(lines.filter((line) => line.startsWith('lease')).length, 1)
})
