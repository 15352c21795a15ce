import t from 'tap'
import type { LeaseId } from '../base/index.js'
import { noMetrics } from '../env/index.js'
import { type LeaseCheckpoint, Lessor } from '../lease/index.js'
import { RowBuffer } from '../apply/index.js'
import { LeaseKeeper } from './lease-keeper.js'
import { SimClock } from './testing.js'

const setup = (options: { checkpoints?: boolean; grants?: number; ttl?: number } = {}) => {
  const clock = new SimClock()
  const rows = new RowBuffer()
  const lessor = new Lessor({
    minTtlSeconds: 2,
    checkpointIntervalMs: options.checkpoints === true ? 300_000 : undefined,
    persistCheckpoints: () => true,
    expiredRetryMs: 7000,
    metrics: noMetrics,
  })
  lessor.promote(0, 1000)
  for (let id = 1; id <= (options.grants ?? 0); id++) lessor.grant(BigInt(id) as LeaseId, options.ttl ?? 10, 0, rows)
  const asked: bigint[] = []
  const open = new Map<bigint, () => void>()
  const checkpoints: (readonly LeaseCheckpoint[])[] = []
  const leading: (() => void)[] = []
  const state = { sure: true, refuse: false, most: 0 }
  const keeper = new LeaseKeeper({
    lessor,
    clock,
    proposer: {
      whenLeading: (proceed) => (state.sure ? proceed() : leading.push(proceed)),
      revoke: (id, done) => {
        asked.push(id)
        if (state.refuse) return done()
        open.set(id, done)
        state.most = Math.max(state.most, open.size)
      },
      checkpoint: (due) => checkpoints.push(due),
    },
  })
  keeper.open()
  /** The revocation is applied. */
  const apply = (id: bigint): void => {
    const done = open.get(id)!
    open.delete(id)
    lessor.revoke(id as LeaseId, rows)
    done()
  }
  return { clock, lessor, rows, asked, open, checkpoints, leading, state, keeper, apply }
}

t.test('expired leases are revoked within half a second of their deadline, not before', async (t) => {
  const { clock, asked } = setup({ grants: 1 })
  await clock.advance(9999)
  t.same(asked, [])
  await clock.advance(501)
  t.same(asked, [1n])
})

t.test('sixteen in parallel; the next as soon as one is done', async (t) => {
  const { clock, asked, open, state, apply } = setup({ grants: 40 })
  await clock.advance(10_500)
  t.equal(open.size, 16)
  apply(asked[3]!)
  t.equal(open.size, 16)
  t.equal(asked.length, 17)
  while (open.size > 0) apply([...open.keys()][0]!)
  t.equal(new Set(asked).size, 40)
  t.equal(asked.length, 40, 'each once')
  t.equal(state.most, 16)
})

t.test('a revocation that failed is tried again after the time-out', async (t) => {
  const { clock, asked, open } = setup({ grants: 1 })
  await clock.advance(10_500)
  open.get(1n)!()
  await clock.advance(6000)
  t.same(asked, [1n])
  await clock.advance(1500)
  t.same(asked, [1n, 1n])
})

t.test('one under way is not asked for again', async (t) => {
  const { clock, asked } = setup({ grants: 1 })
  await clock.advance(60_000)
  t.same(asked, [1n])
})

t.test('ten thousand refusals at once do not exhaust the stack', async (t) => {
  const { clock, asked, state } = setup({ grants: 10_000 })
  state.refuse = true
  await clock.advance(30_500)
  t.ok(asked.length >= 10_000, `${asked.length} attempts`)
})

t.test('what expired under an earlier leadership is forgotten', async (t) => {
  const { clock, asked, open, lessor } = setup({ grants: 40 })
  await clock.advance(10_500)
  lessor.demote()
  for (const done of [...open.values()]) done()
  t.equal(asked.length, 16, 'no more of them')
  await clock.advance(10_000)
  t.equal(asked.length, 16)
  lessor.promote(clock.monotonicMs(), 1000)
  await clock.advance(5000)
  t.equal(asked.length, 16, 'a new turn for every lease')
  await clock.advance(7000)
  t.ok(asked.length > 16)
})

t.test('after a pause nothing ends before the others have confirmed the leader', async (t) => {
  const { clock, asked, leading, state, lessor } = setup({ grants: 1 })
  state.sure = false
  await clock.advance(11_000)
  t.same(asked, [])
  lessor.demote()
  leading.at(-1)!()
  t.same(asked, [], 'another member leads')
  lessor.promote(clock.monotonicMs(), 0)
  await clock.advance(11_000)
  leading.at(-1)!()
  t.same(asked, [1n])
})

t.test('checkpoints: what remains of long leases, in entries of a thousand', async (t) => {
  const { clock, checkpoints } = setup({ checkpoints: true, grants: 2500, ttl: 1000 })
  await clock.advance(299_999)
  t.equal(checkpoints.length, 0)
  await clock.advance(501)
  t.same(
    checkpoints.map((due) => due.length),
    [1000, 1000, 500],
  )
  t.match(checkpoints[0]![0], { remainingTtlSeconds: 700 })
})

t.test('a secondary does nothing; closed, nobody does', async (t) => {
  const { clock, asked, lessor, keeper } = setup({ grants: 5 })
  lessor.demote()
  await clock.advance(60_000)
  lessor.promote(clock.monotonicMs(), 0)
  keeper.close()
  await clock.advance(60_000)
  keeper.scan()
  t.same(asked, [])
  t.equal(clock.timers, 0)
})
