// The rules of leases, one by one. Time is a number that the tests move.
import t from 'tap'
import { type Key, type LeaseId, leaseId } from '../base/index.js'
import { noMetrics } from '../env/index.js'
import { EXPIRED_PER_SCAN, Lessor, type LessorOptions, MAX_TTL_SECONDS } from './lessor.js'
import { leaseRowKey } from './lease-row.js'
import { SPREAD_PER_SECOND } from './spread.js'
import { countedMetrics, MemoryRows } from './testing.js'

const id = (value: bigint | number): LeaseId => leaseId(BigInt(value))
const key = (text: string): Key => text as Key
const INTERVAL_MS = 300_000

const options = (change: Partial<LessorOptions> = {}): LessorOptions => ({
  minTtlSeconds: 2,
  checkpointIntervalMs: undefined,
  persistCheckpoints: () => true,
  expiredRetryMs: 7000,
  metrics: noMetrics,
  ...change,
})

const primary = (change: Partial<LessorOptions> = {}): { lessor: Lessor; rows: MemoryRows } => {
  const lessor = new Lessor(options(change))
  lessor.promote(0, 0)
  return { lessor, rows: new MemoryRows() }
}

/** A new lessor over the rows that another one left. */
const restarted = (rows: MemoryRows, change: Partial<LessorOptions> = {}): Lessor => {
  const lessor = new Lessor(options(change))
  lessor.load(rows.sorted())
  return lessor
}

const ttl = (lessor: Lessor, of: number, nowMs: number): number | string => {
  const outcome = lessor.timeToLive(id(of), nowMs, false)
  return outcome.kind === 'ok' ? outcome.ttlSeconds : outcome.kind
}

t.test('grant: the order of checks, and TTLs below the minimum are raised', async (t) => {
  const cases: { lease: bigint; ttl: number; want: object; rule: string }[] = [
    { lease: 1n, ttl: 60, want: { kind: 'ok', ttlSeconds: 60 }, rule: 'as asked' },
    { lease: 1n, ttl: 60, want: { kind: 'exists' }, rule: 'taken id' },
    { lease: 1n, ttl: MAX_TTL_SECONDS + 1, want: { kind: 'ttl-too-large' }, rule: 'size before existence' },
    { lease: 2n, ttl: MAX_TTL_SECONDS, want: { kind: 'ok', ttlSeconds: 9e9 }, rule: 'largest' },
    { lease: 3n, ttl: 1, want: { kind: 'ok', ttlSeconds: 2 }, rule: 'below the minimum' },
    { lease: 4n, ttl: 0, want: { kind: 'ok', ttlSeconds: 2 }, rule: 'zero' },
    { lease: 5n, ttl: -9, want: { kind: 'ok', ttlSeconds: 2 }, rule: 'negative' },
    { lease: 0n, ttl: 9, want: { kind: 'no-id' }, rule: 'id 0 is no lease' },
    { lease: -1n, ttl: 9, want: { kind: 'ok', ttlSeconds: 9 }, rule: 'id -1' },
    { lease: -(2n ** 63n), ttl: 9, want: { kind: 'ok', ttlSeconds: 9 }, rule: 'lowest id' },
    { lease: 2n ** 63n - 1n, ttl: 9, want: { kind: 'ok', ttlSeconds: 9 }, rule: 'highest id' },
  ]
  const { lessor, rows } = primary()
  for (const { lease, ttl: asked, want, rule } of cases) t.same(lessor.grant(id(lease), asked, 0, rows), want, rule)
  t.equal(lessor.size, 8)
  t.equal(rows.rows.size, 8)
})

t.test('rows: key big-endian, value as leasepb.Lease without zeros', async (t) => {
  const { lessor, rows } = primary()
  lessor.grant(id(1), 60, 0, rows)
  lessor.grant(id(-1), 5, 0, rows)
  lessor.applyCheckpoint(id(1), 30, 0, rows)
  const hex = rows.sorted().map((row) => Buffer.concat([row.key, row.value]).toString('hex'))
  t.same(hex, [`${'00'.repeat(7)}01${'0801103c181e'}`, `${'ff'.repeat(8)}08${'ff'.repeat(9)}01${'1005'}`])
  t.same(leaseRowKey(id(-2)), Buffer.from('fffffffffffffffe', 'hex'))
  lessor.revoke(id(1), rows)
  t.equal(rows.rows.size, 1)
})

t.test('revoke: keys ascending by byte, once; the id may be granted again', async (t) => {
  const { lessor, rows } = primary()
  lessor.grant(id(7), 60, 0, rows)
  for (const name of ['b', '\xff', 'a', 'aa', '\x80', '']) lessor.attach(id(7), key(name))
  t.same(lessor.revoke(id(7), rows), { kind: 'ok', keys: ['', 'a', 'aa', 'b', '\x80', '\xff'] })
  t.same(lessor.revoke(id(7), rows), { kind: 'not-found' })
  t.same(lessor.revoke(id(0), rows), { kind: 'not-found' })
  t.equal(lessor.leaseOf(key('a')), 0n)
  t.same(lessor.grant(id(7), 60, 0, rows), { kind: 'ok', ttlSeconds: 60 })
  t.same(lessor.revoke(id(7), rows), { kind: 'ok', keys: [] })
})

t.test('attach: a key has one lease; a moved or detached key survives the revocation', async (t) => {
  const { lessor, rows } = primary()
  lessor.grant(id(1), 60, 0, rows)
  lessor.grant(id(2), 60, 0, rows)
  for (const name of ['kept', 'moved', 'detached']) t.ok(lessor.attach(id(1), key(name)))
  t.ok(lessor.attach(id(1), key('kept')), 'again')
  t.ok(lessor.attach(id(2), key('moved')))
  lessor.detach(key('detached'))
  lessor.detach(key('never'))
  t.notOk(lessor.attach(id(3), key('kept')), 'unknown lease')
  t.equal(lessor.leaseOf(key('kept')), 1n)
  t.equal(lessor.leaseOf(key('moved')), 2n)
  t.same([...lessor.keysOf(id(1))], ['kept'])
  t.same([...lessor.keysOf(id(9))], [])
  t.same(lessor.revoke(id(1), rows), { kind: 'ok', keys: ['kept'] })
  t.same(lessor.timeToLive(id(2), 0, true), {
    kind: 'ok',
    ttlSeconds: 60,
    grantedTtlSeconds: 60,
    keys: ['moved'],
  })
})

t.test(
  'time to live: whole seconds toward zero, negative when revocation is late, keys only if asked for',
  async (t) => {
    const { lessor, rows } = primary()
    lessor.grant(id(1), 10, 0, rows)
    lessor.attach(id(1), key('a'))
    for (const [nowMs, want] of [
      [0, 10],
      [1, 9],
      [9000, 1],
      [9001, 0],
      [10_000, 0],
      [10_999, 0],
      [11_000, -1],
    ] as const) {
      const got = ttl(lessor, 1, nowMs)
      t.ok(Object.is(got, want), `at ${nowMs} ms: ${got}`)
    }
    t.same(lessor.timeToLive(id(1), 0, false), { kind: 'ok', ttlSeconds: 10, grantedTtlSeconds: 10, keys: [] })
    t.same(lessor.timeToLive(id(2), 0, true), { kind: 'not-found' })
  },
)

t.test('renew: a full turn from now; nothing for unknown leases and id 0', async (t) => {
  const { lessor, rows } = primary()
  lessor.grant(id(1), 10, 0, rows)
  t.same(lessor.renew(id(1), 8000), { kind: 'ok', ttlSeconds: 10 })
  t.equal(ttl(lessor, 1, 8000), 10)
  t.same(lessor.expired(17_999), [])
  t.same(lessor.expired(18_000), [1n])
  t.same(lessor.renew(id(2), 0), { kind: 'not-found' })
  t.same(lessor.renew(id(0), 0), { kind: 'not-found' })
})

t.test('a lease past its deadline cannot be renewed; who asks can wait for the revocation', async (t) => {
  const { lessor, rows } = primary()
  lessor.grant(id(1), 10, 0, rows)
  t.same(lessor.renew(id(1), 10_000), { kind: 'expired-pending' }, 'at the deadline')
  const seen: string[] = []
  lessor.onSettled(id(1), (cause) => seen.push(`first ${cause}`))
  const stop = lessor.onSettled(id(1), (cause) => seen.push(`second ${cause}`))
  lessor.onSettled(id(1), (cause) => seen.push(`third ${cause} ${lessor.has(id(1))}`))
  stop?.()
  t.same(lessor.renew(id(1), 10_001), { kind: 'expired-pending' }, 'waiting revives nothing')
  lessor.revoke(id(1), rows)
  stop?.()
  t.same(seen, ['first revoked', 'third revoked false'])
  t.same(lessor.renew(id(1), 10_001), { kind: 'not-found' })
  t.equal(
    lessor.onSettled(id(1), () => undefined),
    undefined,
  )
})

t.test('a demotion ends the wait for a revocation', async (t) => {
  const { lessor, rows } = primary()
  lessor.grant(id(1), 10, 0, rows)
  const seen: string[] = []
  lessor.onSettled(id(1), (cause) => seen.push(cause))
  lessor.demote()
  lessor.demote()
  t.same(seen, ['demoted'])
  t.equal(
    lessor.onSettled(id(1), () => undefined),
    undefined,
    'nothing to wait for on a secondary',
  )
})

t.test('expired: by deadline, limited, each reported once and again after the retry time', async (t) => {
  const { lessor, rows } = primary()
  lessor.grant(id(1), 30, 0, rows)
  lessor.grant(id(2), 10, 0, rows)
  lessor.grant(id(3), 20, 0, rows)
  lessor.grant(id(4), 10, 0, rows)
  t.same(lessor.expired(9999), [])
  t.same(lessor.expired(20_000, 2), [2n, 4n], 'equal deadlines in the order of their grants')
  t.same(lessor.expired(20_000, 2), [3n])
  t.same(lessor.expired(26_999), [])
  lessor.revoke(id(4), rows)
  t.same(lessor.expired(27_000), [2n, 3n])
  t.same(lessor.expired(30_000), [1n])
})

t.test('expired: at most 500 in a scan unless asked otherwise', async (t) => {
  const { lessor, rows } = primary()
  for (let i = 1; i <= 700; i++) lessor.grant(id(i), 10, 0, rows)
  t.equal(lessor.expired(10_000).length, EXPIRED_PER_SCAN)
  t.equal(lessor.expired(10_000).length, 200)
})

t.test('a secondary counts no time', async (t) => {
  const rows = new MemoryRows()
  const lessor = new Lessor(options({ checkpointIntervalMs: INTERVAL_MS }))
  lessor.grant(id(1), 1000, 0, rows)
  lessor.attach(id(1), key('a'))
  t.same(lessor.renew(id(1), 0), { kind: 'not-primary' })
  t.same(lessor.timeToLive(id(1), 0, true), { kind: 'not-primary' })
  t.same(lessor.expired(1e15), [])
  t.same(lessor.dueCheckpoints(1e15), [])
  t.same(lessor.list(), [1n], 'but it knows the leases')
  t.same(lessor.revoke(id(1), rows), { kind: 'ok', keys: ['a'] })
})

t.test('promotion: deadline = now + extension + full TTL', async (t) => {
  const { lessor, rows } = primary()
  lessor.grant(id(1), 10, 0, rows)
  lessor.demote()
  lessor.promote(100_000, 1000)
  t.ok(lessor.primary)
  t.equal(ttl(lessor, 1, 100_000), 11, 'may exceed what was granted')
  t.same(lessor.expired(110_999), [])
  t.same(lessor.expired(111_000), [1n])
  lessor.demote()
  t.notOk(lessor.primary)
  lessor.promote(200_000, 0)
  t.same(lessor.renew(id(1), 200_001), { kind: 'ok', ttlSeconds: 10 }, 'one found expired before lives again')
})

t.test('list: soonest first on the primary, grant order for equal ends', async (t) => {
  const { lessor, rows } = primary()
  for (const [lease, seconds] of [
    [1, 50],
    [2, 10],
    [3, 50],
    [4, 15],
    [5, 50],
  ] as const) {
    lessor.grant(id(lease), seconds, 0, rows)
  }
  t.same(lessor.list(), [2n, 4n, 1n, 3n, 5n])
  lessor.renew(id(2), 9000)
  t.same(lessor.list(), [4n, 2n, 1n, 3n, 5n])
  lessor.expired(20_000)
  t.same(lessor.list(), [4n, 2n, 1n, 3n, 5n], 'expired ones are listed until they are revoked')
})

t.test('pile-up: with 1000 leases a promotion spreads deadlines, later only, 750 in any second', async (t) => {
  const { lessor, rows } = primary()
  const count = 5000
  for (let i = 1; i <= count; i++) lessor.grant(id(i), i <= 1000 ? 10 : 12, 0, rows)
  lessor.promote(0, 1000)
  const ends: number[] = []
  for (let nowMs = 0; ends.length < count; nowMs += 100) {
    for (const _ of lessor.expired(nowMs, count)) ends.push(nowMs)
    if (nowMs > 60_000) throw new Error('not all leases expired')
  }
  for (let i = 0; i + SPREAD_PER_SECOND < count; i++) {
    if (ends[i + SPREAD_PER_SECOND]! - ends[i]! < 900) t.fail(`more than 750 in a second at ${ends[i]} ms`)
  }
  t.equal(ends[0], 11_000)
  t.ok(ends[count - 1]! <= 11_000 + (count / SPREAD_PER_SECOND) * 1000 + 1000, `the last ends at ${ends[count - 1]} ms`)

  const few = primary()
  for (let i = 1; i < 1000; i++) few.lessor.grant(id(i), 10, 0, few.rows)
  few.lessor.promote(0, 0)
  t.equal(few.lessor.expired(10_000, 2000).length, 999, 'fewer are left alone')
})

t.test('checkpoints: off unless an interval is given', async (t) => {
  const { lessor, rows } = primary()
  lessor.grant(id(1), 100_000, 0, rows)
  t.same(lessor.dueCheckpoints(1e9), [])
})

t.test('checkpoints: leases with more than an interval to go, rounded up, every interval', async (t) => {
  const { lessor, rows } = primary({ checkpointIntervalMs: INTERVAL_MS })
  lessor.grant(id(1), 1000, 0, rows)
  lessor.grant(id(2), 300, 0, rows)
  lessor.grant(id(3), 301, 0, rows)
  t.same(lessor.dueCheckpoints(299_999), [])
  t.same(lessor.dueCheckpoints(300_001, 1), [{ id: 1n, remainingTtlSeconds: 700 }])
  t.same(lessor.dueCheckpoints(300_001, 1), [{ id: 3n, remainingTtlSeconds: 1 }])
  t.same(lessor.dueCheckpoints(300_001), [])
  lessor.applyCheckpoint(id(1), 700, 300_001, rows)
  lessor.applyCheckpoint(id(3), 1, 300_001, rows)
  lessor.applyCheckpoint(id(9), 1, 300_001, rows)
  t.same(lessor.dueCheckpoints(600_001), [{ id: 1n, remainingTtlSeconds: 400 }])
  lessor.applyCheckpoint(id(1), 400, 600_001, rows)
  t.same(lessor.dueCheckpoints(900_001), [{ id: 1n, remainingTtlSeconds: 100 }])
  lessor.applyCheckpoint(id(1), 100, 900_001, rows)
  t.same(lessor.dueCheckpoints(1e9), [], 'what ends within an interval needs none')
})

t.test('checkpoints: one that was not applied comes up again; renewed or expired leases are left out', async (t) => {
  const { lessor, rows } = primary({ checkpointIntervalMs: INTERVAL_MS })
  lessor.grant(id(1), 1000, 0, rows)
  lessor.grant(id(2), 400, 0, rows)
  t.equal(lessor.dueCheckpoints(300_000).length, 2)
  lessor.renew(id(1), 600_000)
  t.same(lessor.dueCheckpoints(600_000), [], 'one is fresh, one has ended')
  t.same(lessor.dueCheckpoints(900_000), [{ id: 1n, remainingTtlSeconds: 700 }])
})

t.test('checkpoints: a new leader goes on from the remainder', async (t) => {
  const { lessor, rows } = primary({ checkpointIntervalMs: INTERVAL_MS })
  lessor.grant(id(1), 1000, 0, rows)
  lessor.applyCheckpoint(id(1), 400, 600_000, rows)
  lessor.demote()
  lessor.promote(1e6, 1000)
  t.equal(ttl(lessor, 1, 1e6), 401)
})

t.test('renewal after a checkpoint asks for a reset first, then lasts a full turn on any leader', async (t) => {
  for (const checkpointIntervalMs of [INTERVAL_MS, undefined]) {
    const { lessor, rows } = primary({ checkpointIntervalMs })
    lessor.grant(id(1), 1000, 0, rows)
    lessor.applyCheckpoint(id(1), 400, 600_000, rows)
    t.same(lessor.renew(id(1), 600_000), { kind: 'checkpoint-first' })
    t.equal(ttl(lessor, 1, 600_000), 400, 'nothing happened yet')
    lessor.applyCheckpoint(id(1), 0, 600_001, rows)
    t.same(lessor.renew(id(1), 600_001), { kind: 'ok', ttlSeconds: 1000 })
    t.same(lessor.renew(id(1), 600_002), { kind: 'ok', ttlSeconds: 1000 })
    t.equal(ttl(lessor, 1, 600_002), 1000)
    lessor.promote(1e6, 0)
    t.equal(ttl(lessor, 1, 1e6), 1000)
    const after = restarted(rows)
    after.promote(0, 0)
    t.equal(ttl(after, 1, 0), 1000)
  }
})

t.test('restart: ids, TTLs and remainders are kept, attachments are not', async (t) => {
  const { lessor, rows } = primary()
  const ids = [1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)]
  for (const lease of ids) lessor.grant(id(lease), 1000, 0, rows)
  lessor.grant(id(5), 10, 0, rows)
  lessor.attach(id(5), key('a'))
  lessor.applyCheckpoint(id(1), 400, 0, rows)
  const after = restarted(rows)
  t.same(new Set(after.list()), new Set([...ids, 5n]))
  t.equal(after.leaseOf(key('a')), 0n)
  t.ok(after.attach(id(5), key('a')), 'the store attaches again')
  after.promote(0, 1000)
  t.same([ttl(after, 1, 0), ttl(after, -1, 0), ttl(after, 5, 0)], [401, 1001, 11])
  t.same(after.revoke(id(5), rows), { kind: 'ok', keys: ['a'] })
})

t.test('restart: a larger minimum raises stored TTLs', async (t) => {
  const { lessor, rows } = primary()
  lessor.grant(id(1), 3, 0, rows)
  const after = restarted(rows, { minTtlSeconds: 60 })
  after.promote(0, 0)
  t.same(after.timeToLive(id(1), 0, false), { kind: 'ok', ttlSeconds: 60, grantedTtlSeconds: 60, keys: [] })
})

t.test('restart: remainders are only stored when checkpoints persist', async (t) => {
  let persist = false
  const { lessor, rows } = primary({ persistCheckpoints: () => persist })
  lessor.grant(id(1), 1000, 0, rows)
  lessor.grant(id(2), 1000, 0, rows)
  lessor.applyCheckpoint(id(1), 400, 0, rows)
  persist = true
  lessor.applyCheckpoint(id(2), 400, 0, rows)
  const after = restarted(rows)
  after.promote(0, 0)
  t.same([ttl(after, 1, 0), ttl(after, 2, 0)], [1000, 400])
})

t.test('reset forgets everything and ends all waiting', async (t) => {
  const { lessor, rows } = primary()
  lessor.grant(id(1), 10, 0, rows)
  lessor.attach(id(1), key('a'))
  const seen: string[] = []
  lessor.onSettled(id(1), (cause) => seen.push(cause))
  lessor.reset()
  t.same(seen, ['demoted'])
  t.same([lessor.size, lessor.primary, lessor.leaseOf(key('a'))], [0, false, 0n])
  lessor.load(rows.sorted())
  t.same(lessor.list(), [1n])
})

t.test('rows that are no lease are refused', async (t) => {
  const good = new MemoryRows()
  new Lessor(options()).grant(id(5), 10, 0, good)
  const { key: rowKey, value } = good.sorted()[0]!
  const cases: [Uint8Array, Uint8Array, string][] = [
    [rowKey.subarray(1), value, 'short key'],
    [leaseRowKey(id(6)), value, "another lease's key"],
    [rowKey, value.subarray(0, 1), 'cut value'],
    [leaseRowKey(id(0)), new Uint8Array(0), 'id 0'],
    [rowKey, Buffer.from('ffffffffff', 'hex'), 'no message'],
  ]
  for (const [badKey, badValue, rule] of cases) {
    t.throws(
      () => {
        new Lessor(options()).load([{ key: badKey, value: badValue }])
      },
      { name: 'MalformedMessage' },
      rule,
    )
  }
})

t.test('metrics count grants, renewals, revocations and expiries', async (t) => {
  const metrics = countedMetrics()
  const { lessor, rows } = primary({ metrics })
  lessor.grant(id(1), 10, 0, rows)
  lessor.grant(id(1), 10, 0, rows)
  lessor.grant(id(2), 1, 0, rows)
  lessor.renew(id(1), 0)
  lessor.renew(id(3), 0)
  t.same(lessor.expired(2000), [2n])
  lessor.revoke(id(2), rows)
  lessor.revoke(id(1), rows)
  lessor.revoke(id(1), rows)
  t.same(Object.fromEntries(metrics.counts), { granted: 2, renewed: 1, expired: 1, revoked: 2 })
  lessor.grant(id(3), 2, 0, rows)
  t.same(lessor.expired(2000), [3n])
  lessor.promote(3000, 0)
  lessor.revoke(id(3), rows)
  t.equal(metrics.counts.get('expired'), 1, 'one that lives again was not found expired')
  lessor.grant(id(4), 2, 3000, rows)
  t.same(lessor.expired(5000), [4n])
  lessor.demote()
  lessor.revoke(id(4), rows)
  t.equal(metrics.counts.get('expired'), 1, 'another leader counts its own')
  t.same(metrics.observed, [10, 2, 2, 2])
})
