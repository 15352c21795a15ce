import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { index, term, type ClusterId, type MemberId } from '../../base/index.js'
import { FileLocked, silentLogger, WalFailed, type LogEntry, type LogHardState } from '../../env/index.js'
import { nodeFileSystem } from '../../host/index.js'
import { WalCorrupt } from './errors.js'
import { createWal, hasWal, openWal, readWal } from './open.js'
import { SEGMENT_BYTES, type WalOptions } from './wal.js'

const fs = nodeFileSystem()
const IDENTITY = { memberId: 0xab73c610cfeaaca7n as MemberId, clusterId: 0x6e60cbb971e646ebn as ClusterId }
const EMPTY_CONF = { learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false }

interface Sync {
  durationMs: number
  bytes: number
}

const setUp = (t: Test, segmentBytes?: number) => {
  const root = mkdtempSync(join(tmpdir(), 'quorate-wal-'))
  t.teardown(() => {
    rmSync(root, { recursive: true })
  })
  const syncs: Sync[] = []
  let nowMs = 0
  const options: WalOptions = {
    clock: { monotonicMs: () => nowMs++ },
    logger: silentLogger,
    onSync: (durationMs, bytes) => syncs.push({ durationMs, bytes }),
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
  }
  const dir = join(root, 'member/wal')
  const snap = join(root, 'member/snap')
  return {
    dir,
    snap,
    syncs,
    options,
    create: () => createWal(fs, dir, snap, IDENTITY, options),
    open: () => openWal(fs, dir, snap, options),
  }
}

const entry = (at: number, entryTerm = 1, data = `value ${at}`): LogEntry => ({
  type: 0,
  term: term(entryTerm),
  index: index(at),
  data: Buffer.from(data),
})
const entries = (from: number, to: number, entryTerm = 1, size = 0): LogEntry[] =>
  Array.from({ length: to - from + 1 }, (_, i) => entry(from + i, entryTerm, `value ${from + i}`.padEnd(size, 'x')))
const state = (stateTerm: number, vote: bigint, commit: number): LogHardState => ({
  term: term(stateTerm),
  vote: vote as MemberId,
  commit: index(commit),
})
const plain = (list: readonly LogEntry[]) =>
  list.map(({ type, term, index, data }) => ({ type, term, index, data: Buffer.from(data).toString('latin1') }))

t.test('a new log is there as a whole, with one full-sized segment', async (t) => {
  const { dir, create, open, options } = setUp(t)
  t.equal(await hasWal(fs, dir), false)
  const wal = await create()
  t.equal(await hasWal(fs, dir), true)
  const first = join(dir, '0000000000000000-0000000000000000.wal')
  t.equal(statSync(first).size, SEGMENT_BYTES)
  t.equal(statSync(first).mode & 0o777, 0o600)
  t.notOk(existsSync(`${dir}.tmp`))
  await t.rejects(createWal(fs, dir, '', IDENTITY, options), /a log is there already/)
  await t.rejects(open(), FileLocked)
  await wal.close()
  await wal.close()
  t.same(readdirSync(dir), ['0000000000000000-0000000000000000.wal'], 'the prepared segment is gone')

  const { wal: again, recovered } = await open()
  t.equal(recovered.memberId, IDENTITY.memberId)
  t.equal(recovered.clusterId, IDENTITY.clusterId)
  t.same(recovered.hardState, state(0, 0n, 0))
  t.equal(recovered.snapshot, undefined)
  t.same(recovered.entries, [])
  await again.close()
})

t.test('the first part of what follows in the segment has its blocks, after a first start and a restart', async (t) => {
  const { dir, create, open } = setUp(t)
  const path = join(dir, '0000000000000000-0000000000000000.wal')
  const written = (): number => statSync(path).blocks * 512
  const wal = await create()
  t.ok(written() >= 8 * 1024 * 1024, `${written()} bytes`)
  await wal.append(state(1, 1n, 0), entries(1, 9))
  await wal.close()
  const { wal: again, recovered } = await open()
  t.ok(written() >= 8 * 1024 * 1024, `${written()} bytes`)
  t.ok(written() < SEGMENT_BYTES / 2, 'not all of it')
  t.equal(statSync(path).size, SEGMENT_BYTES)
  t.equal(recovered.entries.length, 9)
  await again.close()
})

t.test('what was appended is there after reopening; later entries override earlier ones', async (t) => {
  const { create, open, dir, snap } = setUp(t)
  const wal = await create()
  await wal.append(state(1, 7n, 0), entries(1, 10))
  await wal.append(undefined, entries(11, 12))
  await wal.append(state(2, 0n, 5), [entry(8, 2), entry(9, 2, '')])
  await wal.append(undefined, [])
  await wal.close()
  const expected = plain([...entries(1, 7), entry(8, 2), entry(9, 2, '')])

  const seen = await readWal(fs, dir, snap, { logger: silentLogger })
  t.same(plain(seen.entries), expected)
  for (let round = 0; round < 3; round++) {
    const { wal, recovered } = await open()
    t.same(plain(recovered.entries), [...expected, ...plain(entries(10, 9 + round, 3))])
    t.same(recovered.hardState, state(2, 0n, 5))
    await wal.append(undefined, [entry(10 + round, 3)])
    await wal.close()
  }
})

t.test('calls of one turn share a write, calls during a sync share the next', async (t) => {
  const { create, syncs } = setUp(t)
  const wal = await create()
  const first = Array.from({ length: 5 }, (_, i) => wal.append(undefined, [entry(i + 1)]))
  await Promise.resolve()
  await Promise.resolve()
  const second = Array.from({ length: 7 }, (_, i) => wal.append(undefined, [entry(i + 6)]))
  await Promise.all([...first, ...second])
  t.equal(syncs.length, 2)
  t.ok(syncs.every(({ durationMs, bytes }) => durationMs > 0 && bytes > 0))
  await wal.close()
})

t.test('a commit-only hard state waits for the next durable write', async (t) => {
  const { create, open, syncs, dir } = setUp(t, 65_536)
  const wal = await create()
  await wal.append(state(1, 7n, 0), entries(1, 3))
  t.equal(syncs.length, 1)
  await wal.append(state(1, 7n, 1), [])
  await wal.append(state(1, 7n, 2), [])
  t.equal(syncs.length, 1, 'no sync')
  const path = join(dir, '0000000000000000-0000000000000000.wal')
  const before = readFileSync(path)
  await wal.append(state(1, 7n, 2), [])
  t.same(readFileSync(path), before, 'and no write')
  await wal.append(state(1, 7n, 3), [entry(4)])
  t.equal(syncs.length, 2)
  t.equal(syncs[1]!.bytes % 8, 0)
  await wal.append(state(2, 7n, 3), [])
  t.equal(syncs.length, 3, 'a new term is synced')
  await wal.append(state(2, 8n, 3), [])
  t.equal(syncs.length, 4, 'a new vote is synced')
  await wal.append(state(2, 8n, 4), [])
  await wal.close()
  const { wal: again, recovered } = await open()
  t.same(recovered.hardState, state(2, 8n, 4))
  t.equal(recovered.entries.length, 4)
  await again.close()
})

t.test('promises settle in the order of the calls, those without content too', async (t) => {
  const { create } = setUp(t, 65_536)
  const wal = await create()
  const settled: number[] = []
  const note = (promise: Promise<void>, n: number): Promise<void> => promise.then(() => void settled.push(n))
  const first = note(wal.append(state(1, 7n, 0), [entry(1)]), 1)
  await Promise.resolve()
  await Promise.all([first, note(wal.append(undefined, []), 2), note(wal.append(undefined, [entry(2)]), 3)])
  t.same(settled, [1, 2, 3])
  await note(wal.append(undefined, []), 4)
  t.same(settled, [1, 2, 3, 4])
  await wal.close()
})

t.test('what waits is written before a segment ends, and before the log closes', async (t) => {
  const { create, open } = setUp(t, 4096)
  const wal = await create()
  await wal.append(state(1, 7n, 0), [entry(1, 1, 'x'.repeat(3900))])
  for (let commit = 0; commit <= 40; commit++) await wal.append(state(1, 7n, commit % 2), [])
  await wal.append(state(1, 7n, 1), [entry(2, 1, 'y')])
  await wal.append(state(1, 7n, 2), [])
  await wal.close()
  const { wal: again, recovered } = await open()
  t.same(recovered.hardState, state(1, 7n, 2))
  t.equal(recovered.entries.length, 2)
  await again.close()
})

t.test('segments are cut after the batch that fills them, and named by the next entry', async (t) => {
  const { create, open, dir } = setUp(t, 4096)
  const wal = await create()
  for (let at = 1; at <= 60; at++) await wal.append(state(1, 7n, at - 1), [entry(at, 1, 'x'.repeat(200))])
  const names = readdirSync(dir).filter((name) => name.endsWith('.wal'))
  t.ok(names.length >= 3, `${names.length} segments`)
  names.forEach((name, i) => {
    t.equal(name.slice(0, 16), i.toString(16).padStart(16, '0'))
    if (i < names.length - 1) t.ok(statSync(join(dir, name)).size >= 4096 && statSync(join(dir, name)).size < 4700)
  })
  await wal.close()
  const { wal: again, recovered } = await open()
  t.same(plain(recovered.entries), plain(Array.from({ length: 60 }, (_, i) => entry(i + 1, 1, 'x'.repeat(200)))))
  t.equal(recovered.hardState.commit, 59)
  await again.close()
})

t.test('a batch larger than one piece is one sync, and may run past the end of a segment', async (t) => {
  const { create, open, syncs, dir } = setUp(t, 1024 * 1024)
  const wal = await create()
  await wal.append(undefined, entries(1, 30, 1, 300_000))
  t.equal(syncs.length, 1)
  await wal.append(undefined, [entry(31, 1, 'y'.repeat(9_000_000))])
  t.ok(statSync(join(dir, '0000000000000000-0000000000000000.wal')).size > 9_000_000)
  await wal.close()
  const { wal: again, recovered } = await open()
  t.equal(recovered.entries.length, 31)
  t.ok(recovered.entries.every(({ index, data }) => index === 31 || data.length === 300_000))
  t.equal(recovered.entries[30]?.data.length, 9_000_000)
  await again.close()
})

t.test(
  'snapshots: the newest committed one with a good file starts the log; released segments are purged',
  async (t) => {
    const { create, open, dir, snap } = setUp(t, 4096)
    const wal = await create()
    const confState = { ...EMPTY_CONF, voters: [7n as MemberId] }
    const snapshot = (at: number) => ({ index: index(at), term: term(1), confState, data: Buffer.from(`at ${at}`) })
    for (let at = 1; at <= 100; at++) {
      await wal.append(state(1, 7n, at - 1), [entry(at, 1, 'x'.repeat(200))])
      if (at % 20 === 0) await wal.saveSnapshot(snapshot(at - 1))
    }
    const before = readdirSync(dir).length
    await wal.purge(1, 2)
    t.equal(readdirSync(dir).length, before, 'locked segments stay')
    await wal.release(index(99))
    await wal.purge(1, 2)
    t.ok(readdirSync(dir).length < before)
    t.equal(readdirSync(snap).length, 2)
    // Saved, but not yet committed as far as the log knows: not a start.
    await wal.saveSnapshot({ ...snapshot(100), term: term(1) })
    await wal.close()

    const { wal: again, recovered } = await open()
    t.equal(recovered.snapshot?.index, 99)
    t.equal(Buffer.from(recovered.snapshot?.data ?? []).toString(), 'at 99')
    t.same(recovered.snapshot?.confState, confState)
    t.same(plain(recovered.entries), plain([entry(100, 1, 'x'.repeat(200))]))
    await again.append(state(1, 7n, 100), [])
    await again.close()
    const { wal: third, recovered: latest } = await open()
    t.equal(latest.snapshot?.index, 100)
    await third.close()
  },
)

t.test(
  'without its file, a snapshot record that tells the conf state is a start when the first entries are gone',
  async (t) => {
    const { create, open, dir, snap } = setUp(t, 4096)
    const wal = await create()
    const confState = { ...EMPTY_CONF, voters: [7n as MemberId] }
    for (let at = 1; at <= 50; at++) await wal.append(state(1, 7n, at), [entry(at, 1, 'x'.repeat(200))])
    await wal.saveSnapshot({ index: index(40), term: term(1), confState, data: Buffer.from('content') })
    await wal.close()
    rmSync(snap, { recursive: true })
    const full = await open()
    t.equal(full.recovered.snapshot, undefined, 'everything is there: replayed from the first entry')
    t.equal(full.recovered.entries.length, 50)
    await full.wal.close()
    rmSync(join(dir, '0000000000000000-0000000000000000.wal'))
    const rest = await open()
    t.equal(rest.recovered.snapshot?.index, 40)
    t.equal(rest.recovered.snapshot?.data.length, 0)
    t.equal(rest.recovered.entries[0]?.index, 41)
    await rest.wal.close()
  },
)

t.test('a log that begins too late is refused', async (t) => {
  const { create, open, dir } = setUp(t, 4096)
  const wal = await create()
  for (let at = 1; at <= 50; at++) await wal.append(state(1, 7n, at), [entry(at, 1, 'x'.repeat(200))])
  await wal.close()
  rmSync(join(dir, '0000000000000000-0000000000000000.wal'))
  await t.rejects(open(), WalCorrupt)
  await t.rejects(open(), /entries 1 to \d+ are missing and no snapshot covers them/)
})

t.test('a snapshot from the leader lets the log go on further ahead, and outdates what it replaced', async (t) => {
  const { create, open } = setUp(t)
  const wal = await create()
  const confState = { ...EMPTY_CONF, voters: [7n as MemberId] }
  await wal.append(state(1, 7n, 3), entries(1, 20))
  await wal.saveSnapshot({ index: index(10), term: term(5), confState, data: Buffer.from('received') })
  await wal.append(state(5, 0n, 10), [])
  await wal.close()
  const stale = await open()
  t.equal(stale.recovered.snapshot?.index, 10)
  t.same(stale.recovered.entries, [], 'entries of term 1 behind a snapshot of term 5 were replaced')
  await stale.wal.saveSnapshot({ index: index(100), term: term(5), confState, data: Buffer.from('ahead') })
  await stale.wal.append(state(5, 0n, 101), entries(101, 103, 5))
  await stale.wal.close()
  const ahead = await open()
  t.equal(ahead.recovered.snapshot?.index, 100)
  t.same(plain(ahead.recovered.entries), plain(entries(101, 103, 5)))
  await ahead.wal.close()
})

t.test('entries must follow what is there', async (t) => {
  const { create } = setUp(t)
  const wal = await create()
  await wal.append(undefined, entries(1, 3))
  t.throws(() => wal.append(undefined, [entry(5)]), /entry 5 follows entry 3/)
  t.throws(() => wal.append(undefined, [entry(4), entry(6)]), /entry 6 follows entry 4/)
  await wal.close()
})

t.test('nothing is accepted after close', async (t) => {
  const { create } = setUp(t)
  const wal = await create()
  const last = wal.append(undefined, [entry(1)])
  const closing = wal.close()
  await t.rejects(wal.append(undefined, [entry(2)]), WalFailed)
  await closing
  await last
  await t.rejects(wal.append(undefined, []), WalFailed)
})

t.test('closing leaks no descriptor', { skip: !existsSync('/proc/self/fd') && 'needs /proc' }, async (t) => {
  const { create, open } = setUp(t, 4096)
  const before = readdirSync('/proc/self/fd').length
  const wal = await create()
  for (let at = 1; at <= 60; at++) await wal.append(state(1, 7n, at - 1), [entry(at, 1, 'x'.repeat(200))])
  await wal.release(index(40))
  await wal.close()
  t.equal(readdirSync('/proc/self/fd').length, before)
  const again = await open()
  await again.wal.close()
  t.equal(readdirSync('/proc/self/fd').length, before)
})

t.test('a received snapshot replaces the log; what is appended with it and after it follows on it', async (t) => {
  const { create, open } = setUp(t)
  const wal = await create()
  await wal.append(state(1, 1n, 3), entries(1, 8))
  const confState = { voters: [1n as MemberId], ...EMPTY_CONF }
  const snapshot = { index: index(6), term: term(2), confState, data: Buffer.from('at 6') }
  const early = wal.append(state(2, 0n, 3), [])
  const installed = wal.install(snapshot, state(2, 0n, 7), entries(7, 7, 2))
  const late = wal.append(undefined, entries(8, 9, 2))
  await Promise.all([early, installed, late])
  t.throws(() => wal.append(undefined, entries(11, 11, 2)), /entry 11 follows entry 9/)
  await wal.close()
  const { wal: again, recovered } = await open()
  t.equal(recovered.snapshot?.index, 6)
  t.equal(Buffer.from(recovered.snapshot?.data ?? []).toString(), 'at 6')
  t.same(recovered.hardState, state(2, 0n, 7))
  t.same(plain(recovered.entries), plain(entries(7, 9, 2)))
  await again.append(undefined, entries(10, 10, 2))
  await again.close()
})

t.test('entries behind a received snapshot are gone, whatever their term', async (t) => {
  const { create, open } = setUp(t)
  const wal = await create()
  await wal.append(state(4, 1n, 3), [...entries(1, 6), ...entries(7, 8, 4)])
  const confState = { voters: [1n as MemberId], ...EMPTY_CONF }
  await wal.install({ index: index(6), term: term(2), confState, data: Buffer.from('6') }, state(5, 0n, 6), [])
  await wal.close()
  const { wal: again, recovered } = await open()
  t.same(recovered.entries, [], 'also of a later term: they followed on another entry 6')
  t.throws(() => again.append(undefined, entries(9, 9, 5)), /entry 9 follows entry 6/)
  await again.append(undefined, entries(7, 7, 5))
  await again.close()
  const last = await open()
  t.same(plain(last.recovered.entries), plain(entries(7, 7, 5)))
  await last.wal.close()
})

t.test('an own snapshot that is recorded after a received one does not take its place', async (t) => {
  const { create, open } = setUp(t)
  const wal = await create()
  await wal.append(state(1, 1n, 8), entries(1, 8))
  const confState = { voters: [1n as MemberId], ...EMPTY_CONF }
  const snapshotAt = (at: number) => ({ index: index(at), term: term(1), confState, data: Buffer.from(`at ${at}`) })
  await wal.install(snapshotAt(20), state(1, 1n, 20), [])
  await wal.saveSnapshot(snapshotAt(8))
  await wal.append(state(1, 1n, 21), entries(21, 22))
  await wal.close()
  const { wal: again, recovered } = await open()
  t.equal(recovered.snapshot?.index, 20)
  t.same(plain(recovered.entries), plain(entries(21, 22)))
  await again.close()
})
