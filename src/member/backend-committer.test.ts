import t from 'tap'
import { type Index, type LeaseId, type Term, keyOf } from '../base/index.js'
import { RowBuffer, readAppliedPoint } from '../apply/index.js'
import type { BackendRow, BackendView } from '../env/index.js'
import { MemoryBackend, openStore } from '../mvcc/testing.js'
import { BackendCommitter, CommitFailed } from './backend-committer.js'
import { SimClock } from './testing.js'

/** Batches take until `done` is called. */
class SlowBackend extends MemoryBackend {
  readonly waiting: { readonly rows: readonly BackendRow[]; done: () => void; fail: (error: Error) => void }[] = []
  most = 0

  override async write(rows: readonly BackendRow[]): Promise<void> {
    await new Promise<void>((done, fail) => {
      this.waiting.push({ rows, done, fail })
      this.most = Math.max(this.most, this.waiting.length)
    })
    await super.write(rows)
  }

  finish(): void {
    this.waiting.shift()!.done()
  }

  get index(): number {
    return readAppliedPoint((key) => this.get('meta', key))?.index ?? 0
  }
}

const NO_VOTERS = { voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false }

const PACING = { intervalMs: 100, operationsMax: 10, bytesMax: 5000, unflushedBytesMax: 10_000 }

/** `below`: by how much of its bound an interval is shorter than its setting. */
const setup = async (pacing = PACING, below = (_bound: number): number => 0) => {
  const clock = new SimClock()
  const backend = new SlowBackend()
  const store = await openStore(backend)
  const rows = new RowBuffer()
  const machine = { applied: { index: 0 as Index, term: 1 as Term } }
  const durations: number[] = []
  const fatal: Error[] = []
  const committer = new BackendCommitter({
    machine,
    store,
    rows,
    backend,
    clock,
    random: { below, uint64: () => 0n },
    pacing,
    duration: { observe: (seconds) => durations.push(seconds) },
    describe: () => ({ ...machine.applied, confState: NO_VOTERS, data: Buffer.from(`at ${machine.applied.index}`) }),
    onFatal: (error) => fatal.push(error),
  })
  const apply = (count = 1, valueBytes = 1): void => {
    for (let i = 0; i < count; i++) {
      const txn = store.beginWrite()
      txn.put(keyOf(Buffer.from('k')), new Uint8Array(valueBytes), 0n as LeaseId)
      txn.end()
      machine.applied = { index: (machine.applied.index + 1) as Index, term: 1 as Term }
    }
    committer.noteApplied(count)
  }
  return { clock, backend, store, rows, machine, durations, fatal, committer, apply }
}

t.test(
  'members of a cluster do not write at the same moment: intervals are up to 30 % shorter than their setting',
  async (t) => {
    const bounds: number[] = []
    const { clock, backend, apply } = await setup(PACING, (bound) => {
      bounds.push(bound)
      return bound - 1
    })
    apply()
    apply()
    t.same(bounds, [31], 'one interval, not one per change')
    await clock.advance(69)
    t.equal(backend.waiting.length, 0)
    await clock.advance(1)
    t.equal(backend.waiting.length, 1)
  },
)

t.test('changes are written when the interval is over', async (t) => {
  const { clock, backend, committer, apply, durations } = await setup()
  apply()
  await clock.advance(99)
  t.equal(backend.waiting.length, 0)
  apply()
  await clock.advance(1)
  t.equal(backend.waiting.length, 1)
  t.equal(committer.committed.index, 0, 'not before it is durable')
  await clock.advance(20)
  backend.finish()
  await clock.settle()
  t.equal(committer.committed.index, 2)
  t.equal(backend.index, 2)
  t.same(durations, [0.02])
  await clock.advance(1000)
  t.equal(backend.waiting.length, 0, 'nothing more to write')
  t.equal(clock.timers, 0)
})

t.test('enough operations are written at once', async (t) => {
  const { clock, backend, apply } = await setup()
  apply(9)
  await clock.settle()
  t.equal(backend.waiting.length, 0)
  apply(1)
  await clock.settle()
  t.equal(backend.waiting.length, 1)
})

t.test('large values do not wait for an interval', async (t) => {
  const { clock, backend, apply } = await setup()
  apply(1, 4000)
  await clock.settle()
  t.equal(backend.waiting.length, 0)
  apply(1, 1000)
  await clock.settle()
  t.equal(backend.waiting.length, 1)
  apply(1, 6000)
  await clock.settle()
  t.equal(backend.waiting.length, 1, 'one batch at a time')
  backend.finish()
  await clock.settle()
  t.equal(backend.waiting.length, 1, 'and then the next, without an interval')
})

t.test('one batch at a time; what comes meanwhile goes into the next', async (t) => {
  const { clock, backend, committer, apply } = await setup()
  apply(10)
  apply(10)
  await clock.advance(500)
  t.equal(backend.waiting.length, 1)
  backend.finish()
  await clock.settle()
  t.equal(committer.committed.index, 10)
  t.equal(backend.waiting.length, 1, 'ten more are enough for a batch at once')
  apply(1)
  backend.finish()
  await clock.settle()
  t.equal(backend.waiting.length, 0)
  await clock.advance(100)
  backend.finish()
  await clock.settle()
  t.equal(committer.committed.index, 21)
  t.equal(backend.most, 1)
})

t.test('commit waits for what was applied before the call, however much comes after', async (t) => {
  const { clock, backend, committer, apply } = await setup()
  let done = false
  const commit = (): void => void committer.commit().then(() => (done = true))
  commit()
  await clock.settle()
  t.equal(done, true, 'nothing to do')
  t.equal(backend.waiting.length, 0)

  done = false
  apply(10)
  apply(1)
  commit()
  await clock.settle()
  backend.finish()
  apply(5)
  await clock.settle()
  t.equal(done, false, 'the batch under way was collected before')
  apply(5)
  backend.finish()
  apply(10)
  await clock.settle()
  t.equal(done, true, 'writes that go on do not delay it')
  t.ok(committer.committed.index >= 11)
})

t.test('rows of background work are committed without any entry', async (t) => {
  const { clock, backend, committer, rows } = await setup()
  rows.put('meta', Buffer.from('storageVersion'), Buffer.from('3.7.0'))
  committer.noteRows()
  await clock.advance(100)
  t.equal(backend.waiting.length, 1)
  let done = false
  void committer.commit().then(() => (done = true))
  backend.finish()
  await clock.settle()
  t.equal(done, true)
  t.equal(Buffer.from(backend.get('meta', Buffer.from('storageVersion'))!).toString(), '3.7.0')
})

t.test('rows of background work wait for 100 ms, however long the interval is', async (t) => {
  const { clock, backend, committer, rows, apply } = await setup({
    ...{ intervalMs: 500, operationsMax: 10, bytesMax: 5000, unflushedBytesMax: 10_000 },
  })
  const put = (): void => {
    rows.put('meta', Buffer.from('k'), Buffer.from('v'))
    committer.noteRows()
  }
  apply()
  await clock.advance(50)
  put()
  await clock.advance(99)
  t.equal(backend.waiting.length, 0)
  await clock.advance(1)
  t.equal(backend.waiting.length, 1, 'an earlier timer of the interval is shortened')
  put()
  backend.finish()
  await clock.advance(100)
  t.equal(backend.waiting.length, 1, 'and so is the wait of rows that came during a batch')
  apply()
  backend.finish()
  await clock.advance(499)
  t.equal(backend.waiting.length, 0, 'entries alone wait for the interval')
  put()
  await committer.close()
  await clock.advance(1000)
  t.equal(clock.timers, 0)
})

t.test('rows that went with an exchanged store do not hold up those that come after', async (t) => {
  const { clock, backend, machine, committer, rows } = await setup()
  await committer.pause()
  committer.noteRows()
  committer.resume(machine.applied)
  await clock.advance(1000)
  t.equal(backend.waiting.length, 0)
  rows.put('meta', Buffer.from('k'), Buffer.from('v'))
  committer.noteRows()
  await clock.advance(100)
  t.equal(backend.waiting.length, 1)
})

t.test('overload: proposals are held back until a batch is done', async (t) => {
  const { clock, backend, committer, apply, rows } = await setup()
  let relieved = 0
  const listener = (): void => void relieved++
  t.equal(committer.overloaded(listener), false)
  apply(1, 20_000)
  t.equal(committer.overloaded(listener), true)
  t.equal(committer.overloaded(listener), true)
  await clock.settle()
  t.equal(backend.waiting.length, 1, 'a batch begins at once')
  t.equal(committer.overloaded(listener), true, 'what is being written still counts')
  t.equal(relieved, 0)
  backend.finish()
  await clock.settle()
  t.equal(relieved, 1, 'told once')
  t.equal(committer.overloaded(listener), false)
  for (let i = 0; i < 100; i++) rows.put('lease', Buffer.alloc(8), Buffer.alloc(20))
  t.equal(committer.overloaded(listener), true, 'rows beside the store count too')
})

t.test('a failed write is fatal: nothing is written afterwards, and nobody waits for ever', async (t) => {
  const { clock, backend, committer, apply, fatal } = await setup()
  apply(1)
  const commit = committer.commit()
  const rejected = t.rejects(commit, CommitFailed)
  await clock.settle()
  backend.waiting.shift()!.fail(new Error('disk'))
  await rejected
  t.same(
    fatal.map(({ message }) => message),
    ['disk'],
  )
  apply(20)
  await clock.advance(1000)
  await t.rejects(committer.commit(), CommitFailed)
  t.equal(backend.waiting.length, 0)
  t.equal(backend.batches.length, 0)
  await committer.close()
})

t.test('halted, it writes nothing more', async (t) => {
  const { clock, backend, committer, apply } = await setup()
  apply(1)
  committer.halt()
  apply(20)
  await clock.advance(1000)
  t.equal(backend.waiting.length, 0)
  await t.rejects(committer.commit(), CommitFailed)
})

t.test('close ends timers and waits for the batch under way', async (t) => {
  const { clock, backend, committer, apply } = await setup()
  apply(10)
  await clock.settle()
  apply(1)
  let closed = false
  void committer.close().then(() => (closed = true))
  await clock.settle()
  t.equal(closed, false)
  backend.finish()
  await clock.settle()
  t.equal(closed, true)
  committer.noteApplied(100)
  await clock.advance(1000)
  t.equal(backend.waiting.length, 0)
  t.equal(clock.timers, 0)
})

const indexIn = async (view: BackendView): Promise<number> => {
  for await (const slice of view.scan('meta', Buffer.from('consistent_index'), undefined)) {
    return readAppliedPoint(() => slice[0]!.value)!.index
  }
  return 0
}

t.test('a capture shows exactly what was applied when its batch began', async (t) => {
  const { clock, backend, committer, apply, machine } = await setup()
  apply(2)
  const first = committer.capture()
  await clock.settle()
  apply(3)
  const second = committer.capture()
  await clock.settle()
  t.equal(backend.waiting.length, 1, 'the second waits for the batch under way')
  backend.finish()
  const captured = await first
  t.equal(captured.snapshot.index, 2)
  t.equal(Buffer.from(captured.snapshot.data).toString(), 'at 2')
  await clock.settle()
  apply(1)
  backend.finish()
  t.equal((await second).snapshot.index, 5)
  t.equal(await indexIn((await second).view), 5)
  t.equal(await indexIn(captured.view), 2, 'later batches do not show')
  t.equal(machine.applied.index, 6)
})

t.test('a capture needs no changes, and ends with the committer', async (t) => {
  const { clock, backend, committer, apply } = await setup()
  apply()
  const held = committer.commit()
  await clock.settle()
  backend.finish()
  await held
  const idle = committer.capture()
  await clock.settle()
  backend.finish()
  t.equal((await idle).snapshot.index, 1)

  await clock.settle()
  apply()
  const lost = committer.capture()
  const queued = committer.capture()
  await clock.settle()
  const late = committer.capture()
  backend.waiting.shift()!.fail(new Error('disk'))
  await t.rejects(lost, CommitFailed)
  await t.rejects(queued, CommitFailed)
  await t.rejects(late, CommitFailed)
  await t.rejects(committer.capture(), CommitFailed)
})

t.test('a capture that waits is refused by halt and by close', async (t) => {
  for (const end of ['halt', 'close'] as const) {
    const { clock, backend, committer, apply } = await setup()
    apply()
    void committer.commit().catch(() => undefined)
    await clock.settle()
    const waiting = committer.capture()
    waiting.catch(() => undefined)
    const ended = committer[end]()
    backend.finish()
    await clock.settle()
    await ended
    await t.rejects(waiting, CommitFailed, end)
  }
})

t.test('a pause holds back what is to be committed, and can end without an exchange', async (t) => {
  const { clock, backend, committer, apply } = await setup()
  committer.resume()
  await committer.pause()
  apply()
  const committed = committer.commit()
  await clock.advance(1000)
  t.equal(backend.waiting.length, 0)
  committer.resume()
  await clock.settle()
  backend.finish()
  await committed
  t.equal(committer.committed.index, 1)
})
