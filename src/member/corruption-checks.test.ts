import t from 'tap'
import { type MemberId, NO_MEMBER } from '../base/index.js'
import type { Status } from '../env/index.js'
import { errors } from '../proto/index.js'
import { CorruptionChecks, type CorruptionOptions, type PeerHash } from './corruption-checks.js'
import { LogLines, SimClock } from './testing.js'

const OFF: CorruptionOptions = { initialCheck: false, periodMs: 0, compactHashMs: 0 }
const ok = (hash: number, compactRevision = 5, revision = 10): PeerHash => ({
  kind: 'ok',
  hash,
  compactRevision,
  revision,
})
const refused = (status: Status): PeerHash => ({ kind: 'refused', status })

/** Member 1 asks 2, 3 and so on, who answer `peers`. Its own hashes are `own`, one after the other. */
const setup = (
  peers: readonly (PeerHash | undefined)[],
  own: readonly { hash: number; compactRevision?: number; hashRevision?: number }[] = [{ hash: 7 }],
  options: Partial<CorruptionOptions> = {},
) => {
  const clock = new SimClock()
  const logger = new LogLines()
  const alarms: MemberId[] = []
  const asked: string[] = []
  const hashes = own.map(({ hash, compactRevision = 5, hashRevision = 10 }) => ({
    hash,
    compactRevision,
    hashRevision,
  }))
  let next = 0
  const state = { leads: true, barrier: undefined as Status | undefined, compactions: hashes }
  const checks = new CorruptionChecks({
    self: 1n as MemberId,
    clock,
    logger,
    options: { ...OFF, ...options },
    others: () => peers.map((_, i) => BigInt(i + 2) as MemberId),
    isLeader: () => state.leads,
    hashKv: async () => {
      const found = hashes[Math.min(next++, hashes.length - 1)]!
      return { kind: 'ok', currentRevision: found.hashRevision, ...found }
    },
    compactionHashes: () => state.compactions,
    hashOf: async (id, revision) => {
      asked.push(`${id}@${revision}`)
      return peers[Number(id) - 2]
    },
    readBarrier: async () => state.barrier,
    raiseAlarm: (id) => alarms.push(id),
  })
  return { clock, logger, alarms, asked, state, checks }
}

t.test('the initial check: only the same compaction with another hash proves anything', async (t) => {
  const fine: [string, (PeerHash | undefined)[]][] = [
    ['equal', [ok(7), ok(7)]],
    ['another compaction', [ok(8, 6)]],
    ['no answer', [undefined]],
    ['behind', [refused(errors.futureRevision)]],
    ['ahead', [refused(errors.compacted)]],
    ['nobody else', []],
  ]
  for (const [name, peers] of fine) {
    const { checks, logger } = setup(peers)
    await t.resolves(checks.initialCheck(), name)
    t.ok(logger.lines.includes('info initial corruption checking passed; no corruption'), name)
  }
  const { checks, asked } = setup([ok(7), ok(8)])
  await t.rejects(checks.initialCheck(), { name: 'DataInconsistent', message: '1 found data inconsistency with peers' })
  t.same(asked, ['2@10', '3@10'])
})

t.test('the periodic check raises one alarm at most', async (t) => {
  const rows: [string, (PeerHash | undefined)[], Parameters<typeof setup>[1], MemberId[]][] = [
    ['equal', [ok(7), ok(7)], undefined, []],
    ['no answer, refusals', [undefined, refused(errors.compacted)], undefined, []],
    ['another hash', [ok(7), ok(8)], undefined, [3n as MemberId]],
    ['two with another hash', [ok(9), ok(8)], undefined, [2n as MemberId]],
    ['another hash of another compaction', [ok(8, 4)], undefined, []],
    ['a revision ahead of the leader', [ok(7, 5, 11)], undefined, [2n as MemberId]],
    ['no more once the leader has caught up', [ok(7, 5, 11)], [{ hash: 7 }, { hash: 9, hashRevision: 11 }], []],
    ['a compaction ahead of the leader', [ok(8, 6)], undefined, [2n as MemberId]],
    ['the own hash changes', [ok(7)], [{ hash: 7 }, { hash: 8 }], [1n as MemberId]],
    ['the own hash moves on', [ok(7)], [{ hash: 7 }, { hash: 8, hashRevision: 11 }], []],
  ]
  for (const [name, peers, own, alarms] of rows) {
    const one = setup(peers, own)
    await one.checks.periodicCheck()
    t.same(one.alarms, alarms, name)
  }
  const late = setup([ok(8)])
  late.state.barrier = errors.timeout
  await late.checks.periodicCheck()
  t.same(late.alarms, [])
})

t.test('what compactions left: the minority is corrupt, or nobody knows who', async (t) => {
  const rows: [string, (PeerHash | undefined)[], MemberId[]][] = [
    ['equal', [ok(7), ok(7)], []],
    ['one differs', [ok(7), ok(8)], [3n as MemberId]],
    ['the leader differs', [ok(8), ok(8)], [1n as MemberId]],
    ['two of five differ', [ok(7), ok(7), ok(8), ok(9)], [4n, 5n] as MemberId[]],
    ['no majority', [ok(8)], [NO_MEMBER]],
    ['all differ', [ok(8), ok(9)], [NO_MEMBER]],
    ['those who do not answer do not count', [undefined, ok(8)], [NO_MEMBER]],
    ['another compaction', [ok(8, 4), ok(7)], []],
  ]
  for (const [name, peers, alarms] of rows) {
    const one = setup(peers)
    await one.checks.compactHashCheck()
    t.same(one.alarms, alarms, name)
  }
})

t.test('compactions: newest first, until one was checked on all members, and never again', async (t) => {
  const compactions = [
    { hash: 9, compactRevision: 8, hashRevision: 30 },
    { hash: 7, compactRevision: 5, hashRevision: 20 },
    { hash: 5, compactRevision: 3, hashRevision: 15 },
  ]
  const { checks, asked, alarms } = setup([ok(7), ok(7)], compactions)
  await checks.compactHashCheck()
  t.same(asked, ['2@30', '3@30', '2@20', '3@20'])
  await checks.compactHashCheck()
  t.same(asked.slice(4), ['2@30', '3@30'], 'only what is newer than the last one that was complete')
  t.same(alarms, [])
  const alone = setup([], compactions)
  await alone.checks.compactHashCheck()
  t.same(alone.asked, [])
})

t.test('checks run by the clock, on the leader alone, one at a time', async (t) => {
  const { clock, checks, asked, state, logger } = setup([ok(7)], undefined, { periodMs: 1000, compactHashMs: 1500 })
  checks.open()
  await clock.advance(1000)
  t.same(asked, ['2@10'])
  await clock.advance(500)
  t.equal(asked.length, 2, 'of compactions')
  state.leads = false
  await clock.advance(3000)
  t.equal(asked.length, 2)
  state.leads = true
  state.compactions = []
  Object.defineProperty(state, 'barrier', {
    get: () => {
      throw new Error('closed')
    },
  })
  await clock.advance(1000)
  t.ok(logger.lines.includes('warn failed to check hash KV'))
  checks.close()
  t.equal(clock.timers, 0)
  const off = setup([ok(7)])
  off.checks.open()
  t.equal(off.clock.timers, 0)
})
