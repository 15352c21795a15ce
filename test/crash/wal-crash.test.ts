// The log on a disk that fails: whatever the moment of the crash, the log opens again, holds every acknowledged entry, and
// nothing that was not appended.
import t from 'tap'
import { index, term, type ClusterId, type MemberId, type Term } from '#src/base/index.js'
import {
  silentLogger,
  WalFailed,
  type FileSystem,
  type LogEntry,
  type LogHardState,
  type LogSnapshot,
} from '#src/env/index.js'
import { createWal, hasWal, openWal, type Wal, type WalOptions } from '#src/storage/index.js'
import { seededRandom, SimCrashed, SimFileSystem } from '../support/sim-file-system.js'

t.setTimeout(0)

const DIR = '/data/member/wal'
const SNAP = '/data/member/snap'
const IDENTITY = { memberId: 1n as MemberId, clusterId: 2n as ClusterId }
const OPTIONS: WalOptions = { clock: { monotonicMs: () => 0 }, logger: silentLogger, segmentBytes: 8192 }
const CONF = { voters: [1n as MemberId], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false }

type Random = ReturnType<typeof seededRandom>

/** What the log must hold, and what it may hold, over all lives of the disk. */
class Expectation {
  /** The log as appended, by index: entries that may be there. A prefix up to `durable` must be there. */
  entries: LogEntry[] = []
  /** Number of entries acknowledged. */
  durable = 0
  state: LogHardState = { term: term(1), vote: 0n as MemberId, commit: index(0) }
  /** Term and vote that were acknowledged. */
  promised = { term: 0, vote: 0n }
  /** All states ever appended, as text. */
  readonly states = new Set(['0/0/0'])
  snapshotIndex = 0
  readonly everAppended = new Set<string>()
  /** Appended over acknowledged ones, not acknowledged: either these or the old ones are there. */
  overwritten:
    { readonly old: readonly LogEntry[]; readonly durable: number; readonly snapshot: number | undefined } | undefined
  installs = 0
  /** A snapshot that a crash may have cut off: what it covers was committed, so the log must get it again. */
  owed: { readonly at: number; readonly term: Term } | undefined
}

const textOf = ({ term, index, data }: LogEntry): string => `${index}@${term}:${Buffer.from(data).toString('latin1')}`
const stateText = ({ term, vote, commit }: LogHardState): string => `${term}/${vote}/${commit}`

/** Appends, overwrites, saves snapshots, purges; returns when the disk stops it or after `steps`. */
const work = async (
  wal: Wal,
  expected: Expectation,
  random: Random,
  steps: number,
  install: Install = installed,
): Promise<void> => {
  const pending: Promise<unknown>[] = []
  const start = (call: Promise<void>): void => {
    // `settle` reports it, unless the work ends before.
    call.catch(() => undefined)
    pending.push(call)
  }
  if (expected.owed !== undefined) await receive(wal, expected, random, install)
  for (let step = 0; step < steps; step++) {
    const kind = random.below(100)
    if (kind < 70) start(appendSome(wal, expected, random))
    else if (kind < 77) start(commitSome(wal, expected, random))
    else if (kind < 80) start(vote(wal, expected, random))
    else if (kind < 88) {
      await settle(pending)
      await overwrite(wal, expected, random)
    } else if (kind < 92) {
      await settle(pending)
      await snapshot(wal, expected)
    } else if (kind < 95) {
      await settle(pending)
      await receive(wal, expected, random, install)
    } else if (kind < 98) {
      await wal.release(index(expected.snapshotIndex))
      await wal.purge(2, 2)
    } else await settle(pending)
    if (random.below(3) > 0) await settle(pending)
  }
  await settle(pending)
}

const settle = async (pending: Promise<unknown>[]): Promise<void> => {
  const results = await Promise.allSettled(pending.splice(0))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

const makeEntries = (expected: Expectation, random: Random, from: number, count: number): LogEntry[] =>
  Array.from({ length: count }, (_, i) => {
    const size = random.below(4) === 0 ? random.below(2000) : random.below(60)
    const data = Uint8Array.from({ length: size }, () => (random.below(10) === 0 ? 0 : random.below(256)))
    const entry = { type: 0, term: expected.state.term, index: index(from + i), data }
    expected.everAppended.add(textOf(entry))
    return entry
  })

const append = async (wal: Wal, expected: Expectation, state: LogHardState | undefined, entries: LogEntry[]) => {
  if (state !== undefined) expected.states.add(stateText(state))
  await wal.append(state, entries)
  if (state !== undefined && state.term >= expected.promised.term) {
    expected.promised = { term: state.term, vote: state.vote }
  }
}

const appendSome = (wal: Wal, expected: Expectation, random: Random): Promise<void> => {
  const entries = makeEntries(expected, random, expected.entries.length + 1, 1 + random.below(4))
  expected.entries.push(...entries)
  const total = expected.entries.length
  let state: LogHardState | undefined
  if (random.below(3) === 0) {
    state = { ...expected.state, vote: BigInt(random.below(4)) as MemberId, term: term(expected.state.term + 1) }
    expected.state = state
  }
  return append(wal, expected, state, entries).then(() => {
    expected.durable = Math.max(expected.durable, total)
  })
}

const commitSome = (wal: Wal, expected: Expectation, random: Random): Promise<void> => {
  const room = expected.durable - expected.state.commit
  if (room <= 0) return Promise.resolve()
  expected.state = { ...expected.state, commit: index(expected.state.commit + 1 + random.below(room)) }
  return append(wal, expected, expected.state, [])
}

const vote = (wal: Wal, expected: Expectation, random: Random): Promise<void> => {
  expected.state = {
    ...expected.state,
    term: term(expected.state.term + 1),
    vote: BigInt(1 + random.below(4)) as MemberId,
  }
  return append(wal, expected, expected.state, [])
}

/** A new leader replaces what was not committed. */
const overwrite = async (wal: Wal, expected: Expectation, random: Random): Promise<void> => {
  const room = expected.entries.length - expected.state.commit
  if (room <= 0) return
  const from = expected.state.commit + 1 + random.below(room)
  expected.state = { ...expected.state, term: term(expected.state.term + 1) }
  const entries = makeEntries(expected, random, from, 1 + random.below(3))
  expected.overwritten = { old: expected.entries, durable: expected.durable, snapshot: undefined }
  expected.entries = [...expected.entries.slice(0, from - 1), ...entries]
  expected.durable = Math.min(expected.durable, from - 1)
  await append(wal, expected, expected.state, entries)
  expected.durable = expected.entries.length
  expected.overwritten = undefined
}

const snapshot = async (wal: Wal, expected: Expectation): Promise<void> => {
  const at = expected.state.commit
  if (at <= expected.snapshotIndex) return
  const entry = expected.entries[at - 1]!
  await wal.saveSnapshot({ index: index(at), term: entry.term, confState: CONF, data: Buffer.from(`at ${at}`) })
  expected.snapshotIndex = at
}

interface Install {
  before?(wal: Wal, snapshot: LogSnapshot): Promise<void>
  /** Calls the log before it returns. */
  run(wal: Wal, snapshot: LogSnapshot, state: LogHardState, entries: readonly LogEntry[]): Promise<unknown>
}

const installed: Install = { run: (wal, snapshot, state, entries) => wal.install(snapshot, state, entries) }

/** A leader of a later term sends a snapshot in place of what it has compacted; what follows on it does not wait. */
const receive = async (wal: Wal, expected: Expectation, random: Random, install: Install): Promise<void> => {
  const { commit } = expected.state
  const at = expected.owed?.at ?? commit + 1 + random.below(expected.entries.length - commit + 20)
  const atTerm = expected.owed?.term ?? term(expected.state.term + 1)
  expected.owed = { at, term: atTerm }
  const snapshot = { index: index(at), term: atTerm, confState: CONF, data: Buffer.from(`at ${at}`) }
  expected.overwritten = { old: expected.entries, durable: expected.durable, snapshot: at }
  const covered = Array.from({ length: at - commit }, (_, i) => ({
    type: 0,
    term: atTerm,
    index: index(commit + 1 + i),
    data: Buffer.from('covered by a snapshot'),
  }))
  expected.entries = [...expected.entries.slice(0, commit), ...covered]
  expected.durable = Math.min(expected.durable, commit)
  expected.state = { ...expected.state, term: term(Math.max(atTerm, expected.state.term)), commit: index(at) }
  expected.states.add(stateText(expected.state))
  const first = makeEntries(expected, random, at + 1, random.below(3))
  const more = makeEntries(expected, random, at + 1 + first.length, random.below(3))
  expected.entries.push(...first, ...more)
  // Consensus may have heard meanwhile that what follows is committed too.
  const state = { ...expected.state, commit: index(at + random.below(first.length + 1)) }
  expected.state = state
  expected.states.add(stateText(state))
  await install.before?.(wal, snapshot)
  const installing = install.run(wal, snapshot, state, first)
  // An append waits for the installation before it, even an empty one: without any, only the installation itself is awaited.
  const following = more.length > 0 ? append(wal, expected, undefined, more) : undefined
  await Promise.all([installing, following])
  expected.promised = { term: state.term, vote: state.vote }
  expected.durable = expected.entries.length
  expected.snapshotIndex = at
  expected.overwritten = undefined
  expected.owed = undefined
  expected.installs++
}

/** Opens after a crash, checks, and makes what was found the new expectation. */
const reopen = async (fs: FileSystem, expected: Expectation): Promise<{ wal: Wal; problem: string | undefined }> => {
  const { wal, recovered } = await openWal(fs, DIR, SNAP, OPTIONS)
  const { snapshot, entries, hardState } = recovered
  const base = snapshot?.index ?? 0
  const problem = ((): string | undefined => {
    if (snapshot !== undefined && Buffer.from(snapshot.data).toString() !== `at ${base}`)
      return `snapshot ${base}@${snapshot.term} holds ${Buffer.from(snapshot.data).toString()}`
    if (base > expected.state.commit) return `snapshot ${base} is ahead`
    const matches = (wanted: readonly LogEntry[], durable: number): string | undefined => {
      if (base + entries.length < durable) return `${base + entries.length} entries, ${durable} were acknowledged`
      for (const entry of entries) {
        const want = wanted[entry.index - 1]
        if (want === undefined || textOf(want) !== textOf(entry)) {
          return `entry ${entry.index} is ${textOf(entry).slice(0, 20)}, not ${want && textOf(want).slice(0, 20)}`
        }
      }
      return undefined
    }
    const wrong = matches(expected.entries, expected.durable)
    // An overwrite that was not acknowledged may not have happened.
    const old = expected.overwritten
    const isOver = old === undefined || base >= (old.snapshot ?? Infinity)
    if (wrong !== undefined && (isOver || matches(old.old, old.durable) !== undefined)) return wrong
    if (entries.some((entry) => !expected.everAppended.has(textOf(entry)))) return 'an entry that was never appended'
    if (!expected.states.has(stateText(hardState))) return `hard state ${stateText(hardState)} was never appended`
    if (hardState.term < expected.promised.term) return `term ${hardState.term}, ${expected.promised.term} was promised`
    if (hardState.term === expected.promised.term && hardState.vote !== expected.promised.vote) return 'vote forgotten'
    return undefined
  })()
  // Entries up to the snapshot are as appended: they were committed.
  const rest = expected.entries.slice(0, base)
  expected.entries = [...rest, ...entries]
  expected.durable = expected.entries.length
  expected.overwritten = undefined
  const lastTerm = Math.max(hardState.term, entries.at(-1)?.term ?? 0, 1)
  expected.state = {
    term: term(Math.max(lastTerm, expected.state.term)),
    vote: hardState.vote,
    commit: hardState.commit,
  }
  expected.promised = { term: hardState.term, vote: hardState.vote }
  expected.snapshotIndex = base
  if (base >= (expected.owed?.at ?? 0)) expected.owed = undefined
  return { wal, problem }
}

const isStop = (error: unknown): boolean =>
  error instanceof SimCrashed || (error instanceof WalFailed && error.cause instanceof SimCrashed)

/** Several lives of one disk; returns what went wrong. */
const live = async (
  seed: number,
  expected = new Expectation(),
  plants: { readonly install?: Install; readonly disk?: (fs: FileSystem) => FileSystem } = {},
): Promise<string | undefined> => {
  const random = seededRandom(seed)
  const fs = new SimFileSystem({ random, crashAt: 1 + random.below(120) })
  const disk = plants.disk?.(fs) ?? fs
  for (let life = 0; life < 4; life++) {
    let wal: Wal | undefined
    try {
      if (await hasWal(disk, DIR)) {
        const opened = await reopen(disk, expected)
        if (opened.problem !== undefined) return `life ${life}: ${opened.problem}`
        wal = opened.wal
      } else {
        if (expected.durable > 0 || expected.promised.term > 0) return `life ${life}: the log is gone`
        wal = await createWal(disk, DIR, SNAP, IDENTITY, OPTIONS)
      }
      await work(wal, expected, random, 40, plants.install)
      await wal.close()
      if (fs.openHandles !== 0) return `life ${life}: ${fs.openHandles} handles leak`
      if (fs.locks !== 0) return `life ${life}: ${fs.locks} locks leak`
    } catch (error) {
      if (!isStop(error)) return `life ${life}: ${error instanceof Error ? error.stack : String(error)}`
    }
    // Nothing of this life may run on in the next.
    await wal?.close().catch(() => undefined)
    fs.crash({ random, crashAt: 1 + random.below(150) })
  }
  fs.crash({ random })
  if (!(await hasWal(disk, DIR))) return expected.durable > 0 ? 'the log is gone' : undefined
  const { wal, problem } = await reopen(disk, expected)
  await wal.close()
  return problem
}

t.test('after a crash at any operation the log holds every acknowledged entry and nothing else', async (t) => {
  const seeds = Number(process.env.QUORATE_CRASH_SEEDS ?? 400)
  const problems: string[] = []
  let installs = 0
  for (let seed = 1; seed <= seeds; seed++) {
    let problem: string | undefined
    const expected = new Expectation()
    try {
      problem = await live(seed, expected)
    } catch (error) {
      problem = error instanceof Error ? error.stack : String(error)
    }
    if (problem !== undefined) problems.push(`seed ${seed}: ${problem}`)
    installs += expected.installs
  }
  t.same(problems.slice(0, 5), [], `${seeds} seeds, ${problems.length} problems`)
  t.ok(installs > seeds / 2, `${installs} snapshots of a leader`)
})

const hidden = (path: string): string => path.replace(/\.wal\.tmp$/, '.wal')

/** Wrong ways to take in a snapshot, and to remove what it makes superfluous. */
const MISTAKES: Readonly<Record<string, Parameters<typeof live>[2]>> = {
  'the record after the hard state': {
    install: {
      run: (wal, snapshot, state, entries) =>
        Promise.all([wal.append(state, []), wal.install(snapshot, state, entries)]),
    },
  },
  'old segments released before the snapshot is durable': {
    install: {
      ...installed,
      before: async (wal, { index }) => {
        await wal.release(index)
        await wal.purge(1, 0)
      },
    },
  },
  'not synced before it is acknowledged': {
    install: {
      run: async (wal, snapshot, state, entries) => {
        wal.install(snapshot, state, entries).catch(() => undefined)
      },
    },
  },
  'segments shortened under their names': {
    disk: (fs) =>
      changed(fs, {
        rename: async (from, to) => (from === hidden(to) ? undefined : fs.rename(from, to)),
        open: (path, how) => fs.open(hidden(path), how),
        remove: (path) => fs.remove(hidden(path)),
      }),
  },
  'segments shortened before their new names are durable': {
    disk: (fs) => {
      let isRemoving = false
      return changed(fs, {
        rename: async (from, to) => {
          isRemoving = from === hidden(to)
          await fs.rename(from, to)
        },
        syncDirectory: async (path) => (isRemoving ? void (isRemoving = false) : fs.syncDirectory(path)),
      })
    },
  },
  'the name of the snapshot file not synced': {
    disk: (fs) => changed(fs, { syncDirectory: async (path) => (path === SNAP ? undefined : fs.syncDirectory(path)) }),
  },
}

const changed = (fs: FileSystem, changes: Partial<FileSystem>): FileSystem => ({
  makeDirectory: (path) => fs.makeDirectory(path),
  list: (path) => fs.list(path),
  exists: (path) => fs.exists(path),
  readFile: (path) => fs.readFile(path),
  open: (path, how) => fs.open(path, how),
  rename: (from, to) => fs.rename(from, to),
  remove: (path) => fs.remove(path),
  removeTree: (path) => fs.removeTree(path),
  copy: (from, to) => fs.copy(from, to),
  syncDirectory: (path) => fs.syncDirectory(path),
  lock: (path) => fs.lock(path),
  ...changes,
})

t.test('planted mistakes around a snapshot are found', async (t) => {
  for (const [name, plants] of Object.entries(MISTAKES)) {
    let found: string | undefined
    let seed = 0
    while (found === undefined && seed < 300) {
      seed++
      try {
        found = await live(seed, new Expectation(), plants)
      } catch (error) {
        found = String(error)
      }
    }
    t.ok(found, `${name}: seed ${seed}, ${found?.split('\n')[0]?.slice(0, 120)}`)
  }
})

t.test(
  'a failed write or sync fails all that waits, and the log for ever; what was acknowledged before stays',
  async (t) => {
    let failed = 0
    for (let seed = 1; seed <= 400; seed++) {
      const random = seededRandom(seed)
      const fs = new SimFileSystem({ random })
      const expected = new Expectation()
      const wal = await createWal(fs, DIR, SNAP, IDENTITY, OPTIONS)
      await work(wal, expected, random, random.below(20))
      await wal.close()
      fs.crash({ random, failAt: 4 + random.below(60) })
      let again: Wal | undefined
      try {
        const opened = await reopen(fs, expected)
        again = opened.wal
        if (opened.problem !== undefined) t.fail(`seed ${seed}: ${opened.problem}`)
        await work(again, expected, random, 60)
      } catch (error) {
        if (error instanceof WalFailed) {
          failed++
          const next = entryAfter(expected)
          await t.rejects(again!.append(undefined, [next]), WalFailed, `seed ${seed}: refused afterwards`)
          await t.rejects(again!.append(expected.state, []), WalFailed)
        } else if ((error as NodeJS.ErrnoException).code !== 'EIO') t.fail(`seed ${seed}: ${(error as Error).stack}`)
      }
      await again?.close().catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'EIO') throw error
      })
      if (fs.openHandles !== 0 || fs.locks !== 0)
        t.fail(`seed ${seed}: ${fs.openHandles} handles, ${fs.locks} locks leak`)
      fs.crash({ random })
      const last = await reopen(fs, expected)
      if (last.problem !== undefined) t.fail(`seed ${seed}: afterwards: ${last.problem}`)
      await last.wal.close()
    }
    t.ok(failed > 100, `${failed} logs failed`)
  },
)

const entryAfter = (expected: Expectation): LogEntry => ({
  type: 0,
  term: expected.state.term,
  index: index(expected.entries.length + 1),
  data: new Uint8Array(3),
})
