// A whole member on a log and a backend in memory: what clients are told when things go wrong, and how it starts and ends.
import t from 'tap'
import type { MemberId } from '../base/index.js'
import { noMetrics } from '../env/index.js'
import { MemoryBackend, seededRandom } from '../mvcc/testing.js'
import { errors, etcdserverpb } from '../proto/index.js'
import { startLog } from './bootstrap.js'
import { loadState } from './load-state.js'
import { Member } from './member.js'
import type { MemberOptions } from './member-parts.js'
import { clusterVersionRequest, noSpaceAlarmRequest, publishRequest } from './requests.js'
import { LogLines, MemoryLog, MemoryLogProvider, SimClock, Told, SilentNetwork } from './testing.js'

/** From the first request on, appends are held: the vote and the empty entry before it are durable. */
const holdRequests = (log: MemoryLog): void => {
  const append = log.append.bind(log)
  log.append = (hardState, entries) => {
    if (entries.some(({ data }) => data.length > 0)) log.isHeld = true
    return append(hardState, entries)
  }
}

const OPTIONS: MemberOptions = {
  name: 'm',
  clientUrls: ['http://c'],
  heartbeatMs: 100,
  electionTicks: 10,
  preVote: true,
  initialTickAdvance: true,
  requestTimeoutMs: 7000,
  maxRequestBytes: 10_000,
  quotaBytes: Infinity,
  quotaConfiguredBytes: 0,
  commit: { intervalMs: 100, operationsMax: 10_000, bytesMax: 500_000, unflushedBytesMax: 1_000_000 },
  snapshot: { everyEntries: 1000, everyBytes: 10_000_000, catchUpEntries: 100 },
  segmentsMax: 5,
  snapshotsMax: 5,
  autoCompaction: undefined,
  serverVersion: '3.7.1',
  strictReconfigCheck: true,
  corruption: { initialCheck: false, periodMs: 0, compactHashMs: 0 },
}

const setup = async (
  options: Partial<MemberOptions> = {},
  provider = new MemoryLogProvider(),
  backend = new MemoryBackend(),
) => {
  const clock = new SimClock()
  const logger = new LogLines()
  const fatal: Error[] = []
  const refs: { member?: Member } = {}
  const loading = loadState(backend, {
    clock,
    logger,
    metrics: noMetrics,
    learnersMax: 1,
    leaseMinTtlSeconds: 2,
    leaseCheckpoints: false,
    expiredRetryMs: 7000,
    compactionBatchLimit: 1000,
    compactionSleepMs: 10,
    onRows: () => refs.member?.noteRows(),
    onFatal: (error) => fatal.push(error),
  })
  await clock.settle()
  const state = await loading
  const started = await startLog(provider, {
    kind: 'new',
    initial: [{ name: 'm', peerUrls: ['http://p'] }],
    ownName: 'm',
    token: 'token',
  })
  const member = new Member(
    {
      ...state,
      backend,
      started,
      network: new SilentNetwork(),
      membershipData: () => new Uint8Array(1),
      clock,
      random: seededRandom(1),
      logger,
      metrics: noMetrics,
      onFatal: (error) => fatal.push(error),
      onRemoved: () => undefined,
    },
    { ...OPTIONS, ...options },
  )
  refs.member = member
  const log = provider.log!
  const put = (valueBytes = 1): Told => {
    const request = new etcdserverpb.InternalRaftRequest()
    request.put = new etcdserverpb.PutRequest()
    request.put.key = Buffer.from('k')
    request.put.value = new Uint8Array(valueBytes)
    const told = new Told()
    member.propose(request, told)
    return told
  }
  const read = (): Told => {
    const told = new Told()
    member.readBarrier(told)
    return told
  }
  /** Lets time pass until `work` is over. */
  const drive = async <T>(work: Promise<T>): Promise<T> => {
    let over = false
    const ended = work.finally(() => (over = true))
    ended.catch(() => undefined)
    await clock.until(() => over)
    return ended
  }
  const open = (): Promise<void> => drive(member.open())
  return { clock, logger, fatal, member, state, log, provider, backend, put, read, open, drive }
}

t.test('opens: elected at once, published, with a cluster version and the mark of the store', async (t) => {
  const { clock, member, state, backend, open, drive, logger } = await setup()
  await open()
  t.ok(clock.monotonicMs() < 100, 'a single voter does not wait for an election time-out')
  t.equal(member.isLeader, true)
  t.match(state.membership.get(member.id), { name: 'm', clientUrls: ['http://c'] })
  t.equal(state.membership.clusterVersion, '3.7.0')
  t.ok(logger.lines.includes('info published local member to cluster through raft'))
  await clock.advance(200)
  t.equal(Buffer.from(backend.get('meta', Buffer.from('storageVersion'))!).toString(), '3.7.0')
  await drive(member.close())
  t.equal(clock.timers, 0)
})

t.test('restarted, it keeps ids, version and data, and publishes again', async (t) => {
  const first = await setup()
  await first.open()
  const told = first.put()
  await first.clock.settle()
  t.equal(told.last, 'ok')
  await first.drive(first.member.close())
  const again = await setup({ name: 'renamed' }, first.provider, first.backend)
  t.equal(again.member.applied.index, first.member.applied.index)
  const reading = again.read()
  await again.open()
  t.equal(reading.last, 'ok', 'a read from before the first commit of the term is answered')
  t.equal(again.state.store.revision, 2)
  t.equal(again.member.id, first.member.id)
  t.equal(again.member.term, first.member.term + 1)
  t.match(again.state.membership.get(again.member.id), { name: 'renamed' })
  t.equal(again.log.entries.length, first.member.applied.index + 2, 'an empty entry and the publication')
  await again.drive(again.member.close())
})

t.test('nothing is acknowledged before it is durable', async (t) => {
  const { clock, log, member, put, open, drive } = await setup()
  await open()
  log.isHeld = true
  const told = put()
  await clock.advance(3000)
  t.same(told.answers, [])
  log.resume()
  await clock.settle()
  t.same(told.answers, ['ok'])
  await drive(member.close())
})

t.test('everything of one turn is one batch', async (t) => {
  const { clock, log, member, put, open, drive } = await setup()
  await open()
  await clock.settle()
  log.calls.length = 0
  const told = Array.from({ length: 50 }, () => put())
  await clock.settle()
  t.equal(log.calls.filter((call) => call === 'append 50').length, 1)
  t.ok(told.every(({ last }) => last === 'ok'))
  await drive(member.close())
})

t.test('accepted and not applied in time: request timed out, and it may still happen', async (t) => {
  const { clock, log, state, member, put, open, drive } = await setup()
  await open()
  await clock.advance(3000)
  log.isHeld = true
  const told = put()
  await clock.advance(6900)
  t.same(told.answers, [])
  await clock.advance(300)
  t.same(told.answers, [errors.timeout.message])
  log.resume()
  await clock.settle()
  t.equal(state.store.revision, 2)
  t.equal(told.answers.length, 1)
  await drive(member.close())
})

t.test('without any leader, never accepted: the bare deadline, and it never happens', async (t) => {
  const { clock, log, state, member, put, drive } = await setup()
  log.isHeld = true
  const opening = member.open()
  await clock.advance(50)
  t.equal(member.isLeader, false, 'its own vote is not durable yet')
  const early = put()
  await clock.advance(7200)
  t.same(early.answers, [errors.deadlineExceeded.message])
  const late = put()
  log.resume()
  await drive(opening)
  await clock.settle()
  t.equal(late.last, 'ok', 'what still waits goes in when there is a leader')
  t.equal(state.store.revision, 2, 'what was given up does not')
  await drive(member.close())
})

t.test('begun shortly before this member was elected: possibly due to previous leader failure', async (t) => {
  const { clock, log, member, put, drive } = await setup()
  log.isHeld = true
  const opening = member.open()
  await clock.advance(5000)
  const before = put()
  await clock.advance(500)
  holdRequests(log)
  log.resume()
  await clock.until(() => member.isLeader)
  const after = put()
  await clock.advance(7500)
  t.equal(before.last, errors.timeoutLeaderFailure.message)
  t.equal(after.last, errors.timeout.message)
  log.append = MemoryLog.prototype.append.bind(log)
  log.resume()
  await drive(opening)
  await drive(member.close())
})

t.test('a read that is not confirmed in time', async (t) => {
  const { clock, log, member, read, drive } = await setup()
  log.isHeld = true
  const opening = member.open()
  const reading = read()
  await clock.advance(6900)
  t.same(reading.answers, [])
  await clock.advance(300)
  t.same(reading.answers, [errors.timeout.message])
  log.resume()
  await drive(opening)
  await drive(member.close())
})

t.test('reads do not wait for a log write of somebody else', async (t) => {
  const { clock, log, member, put, read, open, drive } = await setup()
  await open()
  log.isHeld = true
  put()
  await clock.settle()
  const reading = read()
  await clock.settle()
  t.equal(reading.last, 'ok')
  log.resume()
  await drive(member.close())
})

t.test('requests that are too large are refused at once', async (t) => {
  const { member, put, open, drive, state } = await setup()
  await open()
  t.equal(put(10_000).last, errors.requestTooLarge.message)
  t.equal(put(9_900).last, undefined)
  await drive(member.close())
  t.ok(state.store.revision <= 2)
})

t.test('a slow backend holds proposals back; they go in when it has caught up', async (t) => {
  const backend = new MemoryBackend()
  const gate: { open?: () => void } = {}
  const write = backend.write.bind(backend)
  const { clock, member, put, open, drive, state } = await setup(
    { commit: { intervalMs: 100, operationsMax: 10_000, bytesMax: 5000, unflushedBytesMax: 5000 } },
    undefined,
    backend,
  )
  await open()
  await clock.advance(500)
  backend.write = async (rows) => {
    await new Promise<void>((resolve) => (gate.open = resolve))
    await write(rows)
  }
  const first = put(9000)
  await clock.settle()
  const second = put(9000)
  await clock.advance(3000)
  t.same([first.last, second.last], ['ok', undefined])
  t.equal(state.store.revision, 2)
  backend.write = write
  gate.open!()
  await clock.advance(10)
  t.equal(second.last, 'ok')
  await drive(member.close())
})

t.test('no space: the answer comes when the alarm is raised; the write stands', async (t) => {
  const { clock, member, state, put, open, drive } = await setup({ quotaBytes: 30_000 })
  await open()
  put(9000)
  await clock.settle()
  const told = put(9000)
  await clock.settle()
  t.equal(told.last, errors.noSpace.message)
  t.equal(state.store.revision, 3)
  t.same(
    state.alarms.list().map(({ memberId, alarm }) => [memberId, alarm]),
    [[member.id, etcdserverpb.AlarmType.NOSPACE]],
  )
  const refused = put(1)
  await clock.settle()
  t.equal(refused.last, errors.noSpace.message)
  t.equal(state.store.revision, 3)
  await drive(member.close())
})

t.test('no space, asked before proposing: raises the alarm once', async (t) => {
  const { clock, member, log, state, open, drive } = await setup({ quotaBytes: 30_000 })
  await open()
  t.equal(member.hasRoomFor(0), true)
  t.equal(member.hasRoomFor(300), true)
  const entries = log.entries.length
  for (let i = 0; i < 10; i++) t.equal(member.hasRoomFor(30_000), false)
  await clock.settle()
  t.equal(log.entries.length, entries + 1)
  t.equal(state.alarms.list().length, 1)
  await drive(member.close())
})

t.test('a failed log write is fatal: nothing is acknowledged, and nothing reaches the backend any more', async (t) => {
  const { clock, member, log, fatal, backend, put, open, drive } = await setup()
  await open()
  put()
  await clock.settle()
  log.failure = new Error('disk gone')
  const batches = backend.batches.length
  const told = put()
  await clock.advance(500)
  t.same(
    fatal.map(({ message }) => message),
    ['disk gone'],
  )
  t.equal(backend.batches.length, batches)
  t.same(told.answers, [])
  log.failure = undefined
  await drive(member.close())
  t.same(told.answers, [errors.stopped.message])
  t.equal(backend.batches.length, batches)
})

t.test('an entry that cannot be applied is fatal, and half of it never becomes durable', async (t) => {
  const { clock, member, state, backend, fatal, put, open, drive } = await setup()
  await open()
  await clock.advance(300)
  const batches = backend.batches.length
  state.store.onCommit({
    onTxn: () => {
      throw new Error('a bug')
    },
  })
  put()
  await clock.advance(1000)
  t.same(
    fatal.map(({ message }) => message),
    ['a bug'],
  )
  t.equal(backend.batches.length, batches)
  await drive(member.close())
  t.equal(backend.batches.length, batches)
})

t.test('close tells everyone once, saves everything, and takes nothing more', async (t) => {
  const { clock, member, log, backend, state, put, read, open, drive } = await setup()
  await open()
  put()
  await clock.settle()
  log.isHeld = true
  const told = [put(), put()]
  await clock.settle()
  told.push(put())
  const closing = member.close()
  told.push(put(), read())
  t.equal(member.close(), closing, 'idempotent')
  await clock.advance(50)
  t.notOk(log.isClosed, 'a write is under way')
  log.resume()
  await drive(closing)
  for (const { answers } of told) t.same(answers, [errors.stopped.message])
  t.ok(log.isClosed)
  t.equal(clock.timers, 0)
  const applied = backend.get('meta', Buffer.from('consistent_index'))!
  t.equal(Number(Buffer.from(applied).readBigUInt64BE()), member.applied.index)
  const batches = backend.batches.length
  member.noteRows()
  await clock.advance(1000)
  t.equal(backend.batches.length, batches, 'background work of the store starts no batch')
  t.equal(state.store.revision, 2)
})

t.test('closed while it opens: open ends too', async (t) => {
  for (const advance of [0, 50, 3000]) {
    const { clock, member, log, drive } = await setup()
    log.isHeld = true
    const opening = member.open()
    await clock.advance(advance)
    const closing = member.close()
    log.resume()
    await drive(opening)
    await drive(closing)
    t.equal(clock.timers, 0)
    t.equal(member.pendingProposals, 0)
  }
})

t.test('a publication that is refused is tried again, with a pause', async (t) => {
  const { clock, member, log, logger, drive } = await setup({ requestTimeoutMs: 1000 })
  holdRequests(log)
  const opening = member.open()
  await clock.advance(5000)
  const failures = logger.lines.filter((line) => line.startsWith('warn failed to publish')).length
  t.ok(failures >= 3 && failures <= 5, `${failures} failures`)
  log.append = MemoryLog.prototype.append.bind(log)
  log.resume()
  await drive(opening)
  t.ok(logger.lines.includes('info published local member to cluster through raft'))
  await drive(member.close())
})

t.test('snapshots: the log is released, and a restart from one finds everything', async (t) => {
  const { clock, member, log, provider, backend, put, open, drive } = await setup({
    snapshot: { everyEntries: 20, everyBytes: 10_000_000, catchUpEntries: 5 },
  })
  await open()
  for (let i = 0; i < 50; i++) {
    put()
    await clock.advance(10)
  }
  await clock.advance(200)
  t.ok(log.snapshot !== undefined && log.snapshot.index >= 20)
  t.equal(log.calls.at(log.calls.indexOf(`snapshot ${log.snapshot!.index}`) + 1), `release ${log.snapshot!.index}`)
  await drive(member.close())
  const again = await setup({}, provider, backend)
  await again.open()
  t.equal(again.state.store.revision, 51)
  await again.drive(again.member.close())
})

t.test('files are purged from time to time; a failure is no catastrophe', async (t) => {
  const { clock, member, log, logger, fatal, open, drive } = await setup()
  await open()
  log.calls.length = 0
  await clock.advance(30_000)
  t.ok(log.calls.includes('purge 5 5'))
  log.purge = async () => {
    throw new Error('denied')
  }
  await clock.advance(30_000)
  t.ok(logger.lines.includes('error failed to purge files'))
  t.same(fatal, [])
  await drive(member.close())
})

t.test('leases: full turns after a restart, revoked when they are over', async (t) => {
  const grant = new etcdserverpb.InternalRaftRequest()
  grant.leaseGrant = new etcdserverpb.LeaseGrantRequest()
  grant.leaseGrant.id = 7n as never
  grant.leaseGrant.ttl = 10
  const first = await setup()
  await first.open()
  await first.drive(first.member.proposeAsync(grant))
  await first.clock.advance(9000)
  await first.drive(first.member.close())
  const again = await setup({}, first.provider, first.backend)
  await again.open()
  await again.clock.advance(10_900)
  t.equal(again.state.lessor.size, 1, 'TTL and an election time-out from the restart on')
  await again.clock.advance(1000)
  t.equal(again.state.lessor.size, 0)
  await again.drive(again.member.close())
})

t.test('a member whose version is below the cluster\u2019s does not open', async (t) => {
  const first = await setup()
  await first.open()
  await first.drive(first.member.proposeAsync(clusterVersionRequest('3.8.0')))
  await first.drive(first.member.close())
  const again = await setup({}, first.provider, first.backend)
  await t.rejects(again.member.open(), { name: 'VersionTooLow' })
  await again.drive(again.member.close())
  t.equal(again.clock.timers, 0)
  const newer = await setup({ serverVersion: '3.8.4' }, first.provider, first.backend)
  await newer.open()
  await newer.drive(newer.member.close())
})

t.test('requests of its own', async (t) => {
  t.match(publishRequest(5n as MemberId, 'n', ['u']).clusterMemberAttrSet, {
    memberId: 5n,
    memberAttributes: { name: 'n', clientUrls: ['u'] },
  })
  t.match(noSpaceAlarmRequest(5n as MemberId).alarm, { action: 1, memberId: 5n, alarm: 1 })
})
