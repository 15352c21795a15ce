import t from 'tap'
import { type MemberId, index, term } from '../base/index.js'
import { silentLogger } from '../env/index.js'
import { CommitFailed } from './backend-committer.js'
import { LogRetention } from './log-retention.js'
import { Snapshotter } from './snapshotter.js'
import { MemoryLog, SimClock } from './testing.js'

const conf = (...voters: bigint[]) => ({
  voters: voters as MemberId[],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
})

const setup = (everyEntries = 10, lastIndex = 0) => {
  const log = new MemoryLog()
  const state = { applied: 0, voters: [1n], isHeld: false }
  const commits: { done: () => void; fail: (error: Error) => void }[] = []
  const fatal: Error[] = []
  const snapshotter = new Snapshotter({
    log,
    committer: {
      commit: () => {
        log.calls.push(`commit ${state.applied}`)
        return new Promise<void>((done, fail) => commits.push({ done, fail }))
      },
    },
    describe: () => ({
      index: index(state.applied),
      term: term(3),
      confState: conf(...state.voters),
      data: Buffer.from(`members ${state.voters}`),
    }),
    policy: { everyEntries, everyBytes: 1000 },
    logger: silentLogger,
    lastIndex: index(lastIndex),
    isHeld: () => state.isHeld,
    onFatal: (error) => fatal.push(error),
  })
  const apply = (to: number, bytes = 0): void => {
    state.applied = to
    snapshotter.noteApplied(index(to), bytes)
  }
  return { clock: new SimClock(), log, state, commits, fatal, snapshotter, apply }
}

t.test('the backend is committed, then the snapshot saved, then segments released', async (t) => {
  const { clock, log, commits, apply } = setup()
  apply(10)
  t.same(log.calls, [], 'more entries than the count, not as many')
  apply(11)
  await clock.settle()
  t.same(log.calls, ['commit 11'])
  commits[0]!.done()
  await clock.settle()
  t.same(log.calls, ['commit 11', 'snapshot 11', 'release 11'])
})

t.test('index, configuration and membership are those of one moment, though the store moves on', async (t) => {
  const { clock, log, state, commits, apply } = setup()
  apply(11)
  state.applied = 15
  state.voters = [1n, 2n]
  commits[0]!.done()
  await clock.settle()
  t.match(log.snapshot, { index: 11, term: 3, confState: { voters: [1n] } })
  t.equal(Buffer.from(log.snapshot!.data).toString(), 'members 1')
})

t.test('one at a time; counted from the last one, or from what the log began with', async (t) => {
  const { clock, log, commits, apply } = setup(10, 100)
  apply(110)
  t.equal(commits.length, 0)
  apply(111)
  apply(140)
  t.equal(commits.length, 1)
  commits[0]!.done()
  await clock.settle()
  apply(121)
  t.equal(commits.length, 1)
  apply(122)
  t.equal(commits.length, 2)
  t.same(log.snapshot?.index, 111)
})

t.test('bytes trigger one too, counted from the moment of the last', async (t) => {
  const { clock, commits, apply } = setup(1000)
  apply(1, 1000)
  t.equal(commits.length, 0, 'more bytes than that, not as many')
  apply(2, 1)
  t.equal(commits.length, 1)
  apply(3, 900)
  commits[0]!.done()
  await clock.settle()
  apply(4, 100)
  t.equal(commits.length, 1)
  apply(5, 1)
  t.equal(commits.length, 2)
})

t.test('a snapshot that cannot be saved is fatal; a committer that failed has said so itself', async (t) => {
  const broken = setup()
  broken.log.failure = new Error('no space left')
  broken.apply(11)
  broken.commits[0]!.done()
  await broken.clock.settle()
  t.same(
    broken.fatal.map(({ message }) => message),
    ['no space left'],
  )

  const failed = setup()
  failed.apply(11)
  failed.commits[0]!.fail(new CommitFailed('the backend failed'))
  await failed.clock.settle()
  t.same(failed.fatal, [])
  t.same(failed.log.calls, ['commit 11'])
})

t.test('close waits for the one under way and starts no other', async (t) => {
  const { clock, log, commits, snapshotter, apply } = setup()
  apply(11)
  let closed = false
  void snapshotter.close().then(() => (closed = true))
  await clock.settle()
  t.equal(closed, false)
  commits[0]!.done()
  await clock.settle()
  t.equal(closed, true)
  t.equal(log.snapshot?.index, 11)
  apply(100)
  t.equal(commits.length, 1)
})

const entries = (from: number, count: number, bytes: number) =>
  Array.from({ length: count }, (_, i) => ({
    type: 0,
    term: term(1),
    index: index(from + i),
    data: new Uint8Array(bytes),
  }))

t.test('retention: entries go in runs, a number of them stays', async (t) => {
  const retention = new LogRetention({ entriesMax: 50, bytesMax: 1e9, heldBytesMax: 1e9, after: index(0) })
  retention.note(entries(1, 149, 10))
  t.equal(retention.takeDue('laggards'), undefined)
  retention.note(entries(150, 1, 10))
  t.equal(retention.takeDue('laggards'), 100)
  t.equal(retention.takeDue('laggards'), undefined)
  retention.note(entries(140, 11, 10))
  t.equal(retention.bytes, 50 * 210, 'entries seen before do not count again')
  retention.note(entries(151, 100, 10))
  t.equal(retention.takeDue('laggards'), 200)
})

t.test('retention: a lone member keeps less than a run', async (t) => {
  const retention = new LogRetention({ entriesMax: 5000, bytesMax: 1e9, heldBytesMax: 1e9, after: index(0) })
  retention.note(entries(1, 99, 10))
  t.equal(retention.takeDue('nobody'), undefined)
  retention.note(entries(100, 1, 10))
  t.equal(retention.takeDue('nobody'), 99, 'the newest stays')
  retention.note(entries(101, 4000, 10))
  t.equal(retention.takeDue('laggards'), undefined)
  t.equal(retention.takeDue('nobody'), 4099)
})

t.test('retention: bytes count too, whatever the number', async (t) => {
  const retention = new LogRetention({ entriesMax: 5000, bytesMax: 10_000, heldBytesMax: 20_000, after: index(7) })
  retention.note(entries(8, 9, 1000))
  t.equal(retention.takeDue('laggards'), 8, 'nine of 1200 bytes: one has to go')
  retention.note(entries(17, 1, 1_000_000))
  t.equal(retention.takeDue('laggards'), 16, 'the newest stays in any case')
  t.equal(retention.takeDue('laggards'), undefined)
})

t.test(
  'while a member gets a snapshot, segments stay, and of the entries in memory only a bound of bytes counts',
  async (t) => {
    const { clock, log, commits, apply, state } = setup()
    state.isHeld = true
    apply(11)
    await clock.settle()
    commits[0]!.done()
    await clock.settle()
    t.same(log.calls, ['commit 11', 'snapshot 11'])

    const retention = new LogRetention({ entriesMax: 5, bytesMax: 1e4, heldBytesMax: 1e5, after: index(0) })
    retention.note(entries(1, 300, 100))
    t.equal(retention.takeDue('newcomer'), undefined)
    retention.note(entries(301, 100, 100))
    t.equal(retention.takeDue('newcomer'), 67, '333 of 300 bytes stay')
    t.equal(retention.takeDue('laggards'), 395)
  },
)

t.test('a snapshot of another member counts as the last one, and begins the log anew', async (t) => {
  const { clock, log, snapshotter, apply } = setup()
  snapshotter.noteInstalled(index(100))
  apply(110)
  await clock.settle()
  t.same(log.calls, [])
  apply(111)
  await clock.settle()
  t.same(log.calls, ['commit 111'])

  const retention = new LogRetention({ entriesMax: 50, bytesMax: 1e9, heldBytesMax: 1e9, after: index(0) })
  retention.note(entries(1, 140, 10))
  retention.restart(index(500))
  t.equal(retention.bytes, 0)
  retention.note(entries(501, 150, 10))
  t.equal(retention.takeDue('laggards'), 600)
})
