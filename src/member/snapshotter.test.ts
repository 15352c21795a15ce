import t from 'tap'
import { type Index, index, term } from '../base/index.js'
import { type LogSnapshot, silentLogger } from '../env/index.js'
import { Snapshotter, type SnapshotPolicy } from './snapshotter.js'

/** A snapshotter over parts that only write down what was asked of them. */
const recorded = (policy: Partial<SnapshotPolicy>) => {
  const calls: string[] = []
  const state = { applied: index(0), commitDone: (): void => undefined }
  const snapshotter = new Snapshotter({
    committer: {
      commit: () => {
        calls.push('commit')
        return new Promise<void>((resolve) => (state.commitDone = resolve))
      },
    },
    log: {
      saveSnapshot: async (snapshot: LogSnapshot) => void calls.push(`save ${snapshot.index}`),
      release: async (to: Index) => void calls.push(`release ${to}`),
    },
    source: {
      get applied() {
        return { index: state.applied, term: term(1) }
      },
      confState: { voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
      membershipData: () => new Uint8Array(0),
      compactLog: (to) => void calls.push(`compact ${to}`),
    },
    policy: { everyEntries: 10, everyBytes: 1000, catchUpEntries: 5, catchUpBytes: 100, ...policy },
    logger: silentLogger,
    lastIndex: index(0),
  })
  const apply = (to: number, bytes: number): void => {
    state.applied = index(to)
    snapshotter.noteApplied(state.applied, bytes)
  }
  const finishCommit = async (): Promise<void> => {
    state.commitDone()
    await snapshotter.close()
  }
  return { calls, apply, finishCommit }
}

t.test('a snapshot is of the point where it was due, saved only when the backend holds that point', async (t) => {
  const { calls, apply, finishCommit } = recorded({})
  apply(10, 0)
  t.same(calls, [], 'ten entries are not more than ten')
  apply(11, 0)
  apply(25, 0)
  t.same(calls, ['commit'], 'one at a time')
  await finishCommit()
  t.same(calls, ['commit', 'save 11', 'release 11', 'compact 6'])
})

t.test('few large entries trigger a snapshot too', async (t) => {
  const { calls, apply, finishCommit } = recorded({})
  apply(1, 600)
  apply(2, 600)
  await finishCommit()
  t.equal(calls[1], 'save 2')
})

t.test('the catch-up window is bounded in bytes, and never dropped beyond the snapshot', async (t) => {
  const { calls, apply, finishCommit } = recorded({ everyEntries: 3, catchUpEntries: 100, catchUpBytes: 100 })
  apply(1, 60)
  apply(2, 60)
  apply(3, 60)
  apply(4, 60)
  apply(5, 60)
  await finishCommit()
  // 300 bytes in five batches: four have to go, and the snapshot at 4 allows it.
  t.equal(calls.at(-1), 'compact 4')
})
