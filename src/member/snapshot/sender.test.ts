import t from 'tap'
import type { ClusterId, Index, MemberId } from '../../base/index.js'
import { index, term } from '../../base/index.js'
import { silentLogger } from '../../env/index.js'
import { MemoryBackend } from '../../mvcc/testing.js'
import { raftpb } from '../../proto/index.js'
import type { Capture } from '../backend-committer.js'
import { SimClock } from '../testing.js'
import { RowStreamReader } from './row-stream.js'
import { SnapshotSender } from './sender.js'

const confOf = (...voters: bigint[]) => ({
  voters: voters as MemberId[],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
})

interface Sent {
  readonly to: MemberId
  readonly chunks: AsyncIterable<Uint8Array>
  readonly signal: AbortSignal
  end: (ok: boolean) => void
}

const setup = () => {
  const clock = new SimClock()
  const sent: Sent[] = []
  const reports: string[] = []
  const captures: { give: () => void; fail: () => void }[] = []
  const state = { applied: 100, voters: [1n, 2n], firstIndex: 1, openViews: 0, closeTurns: 0 }
  const capture = async (): Promise<Capture> => {
    const at = state.applied
    const snapshot = {
      index: index(at),
      term: term(3),
      confState: confOf(...state.voters),
      data: Buffer.from(`m${at}`),
    }
    await new Promise<void>((give, fail) => captures.push({ give, fail: () => fail(new Error('disk')) }))
    const backend = new MemoryBackend()
    await backend.write([{ bucket: 'key', key: Buffer.from('k'), value: Buffer.from(`at ${at}`) }])
    const view = backend.view()
    state.openViews++
    const close = async (): Promise<void> => {
      for (let turns = 0; turns < state.closeTurns; turns++) await Promise.resolve()
      state.openViews--
    }
    return { snapshot, view: { scan: (...range) => view.scan(...range), close } }
  }
  const sender = new SnapshotSender({
    clock,
    logger: silentLogger,
    network: {
      sendSnapshot: ({ to }, chunks, signal) =>
        new Promise((end) => {
          sent.push({ to, chunks, signal, end })
          signal.addEventListener('abort', () => end(false))
        }),
    },
    clusterId: 9n as ClusterId,
    capture,
    confState: () => confOf(...state.voters),
    isInLog: (at: Index) => at >= state.firstIndex,
    onReport: (to, ok) => reports.push(`${to} ${ok}`),
  })
  const prepare = async (): Promise<raftpb.Snapshot> => {
    sender.source()
    captures.shift()?.give()
    await clock.settle()
    return sender.source()!
  }
  const messageTo = (to: number, snapshot: raftpb.Snapshot): raftpb.Message => {
    const message = new raftpb.Message()
    message.to = BigInt(to) as MemberId
    message.snapshot = snapshot
    return message
  }
  return { clock, sent, reports, captures, state, sender, prepare, messageTo }
}

t.test('one is prepared at a time, and serves all who ask', async (t) => {
  const { clock, sent, reports, captures, sender, prepare, messageTo } = setup()
  t.notOk(sender.isInFlight)
  t.equal(sender.source(), undefined)
  t.ok(sender.isInFlight, 'the log is held from now on')
  t.equal(sender.source(), undefined)
  t.equal(captures.length, 1)
  const snapshot = await prepare()
  t.equal(snapshot.metadata?.index, 100)
  t.equal(Buffer.from(snapshot.data).toString(), 'm100')
  t.same(snapshot.metadata?.confState?.voters, [1n, 2n])
  sender.send(messageTo(2, snapshot))
  t.equal(sender.source(), snapshot)
  sender.send(messageTo(3, snapshot))
  const rows: string[] = []
  const reader = new RowStreamReader((bucket, key, value) =>
    rows.push(`${bucket} ${Buffer.from(key)} ${Buffer.from(value)}`),
  )
  for await (const chunk of sent[0]!.chunks) reader.push(chunk)
  reader.finish()
  t.same(rows, ['key k at 100'])
  t.same(reader.header, { clusterId: 9n, index: 100, term: 3 })
  sent[0]!.end(true)
  sent[1]!.end(false)
  await clock.settle()
  t.same(reports, ['2 true', '3 false'])
})

t.test('it goes 30 s after the last use, and with it the hold on the log', async (t) => {
  const { clock, sent, state, sender, prepare, messageTo } = setup()
  const snapshot = await prepare()
  await clock.advance(29_000)
  t.equal(sender.source(), snapshot)
  await clock.advance(29_000)
  sender.send(messageTo(2, snapshot))
  await clock.advance(100_000)
  t.equal(state.openViews, 1, 'as long as it is sent')
  sent[0]!.end(true)
  await clock.settle()
  await clock.advance(29_999)
  t.ok(sender.isInFlight)
  await clock.advance(1)
  t.notOk(sender.isInFlight)
  t.equal(state.openViews, 0)
  t.equal(clock.timers, 0)
})

t.test('another is prepared when the log or the configuration has gone past it', async (t) => {
  const { clock, sent, reports, state, captures, sender, prepare, messageTo } = setup()
  const first = await prepare()
  sender.send(messageTo(2, first))
  state.voters = [1n, 2n, 3n]
  t.equal(sender.source(), undefined, 'member 3 would refuse it')
  t.equal(state.openViews, 1, 'still being sent')
  captures.shift()!.give()
  await clock.settle()
  const second = sender.source()!
  t.same(second.metadata?.confState?.voters, [1n, 2n, 3n])
  sent[0]!.end(true)
  await clock.settle()
  t.equal(state.openViews, 1)
  state.firstIndex = 101
  t.equal(sender.source(), undefined)
  t.equal(state.openViews, 0)
  sender.send(messageTo(3, second))
  t.same(reports, ['2 true', '3 false'], 'one that is gone is reported at once')
})

t.test('a later transfer to the same member takes the place of the earlier one', async (t) => {
  const { clock, sent, reports, sender, prepare, messageTo } = setup()
  const snapshot = await prepare()
  sender.send(messageTo(2, snapshot))
  sender.send(messageTo(2, snapshot))
  t.ok(sent[0]!.signal.aborted)
  await clock.settle()
  t.same(reports, [])
  sent[1]!.end(true)
  await clock.settle()
  t.same(reports, ['2 true'])
})

t.test('at most 16 at once', async (t) => {
  const { reports, sender, prepare, messageTo } = setup()
  const snapshot = await prepare()
  for (let to = 1; to <= 18; to++) sender.send(messageTo(to, snapshot))
  t.same(reports, ['17 false', '18 false'])
})

t.test('a capture that fails is tried again when consensus asks again', async (t) => {
  const { clock, captures, sender, prepare } = setup()
  sender.source()
  captures.shift()!.fail()
  await clock.settle()
  t.notOk(sender.isInFlight)
  t.ok(await prepare())
})

t.test('what was prepared is forgotten: transfers end, views close, a capture under way is not offered', async (t) => {
  const { clock, sent, reports, captures, state, sender, prepare, messageTo } = setup()
  sender.send(messageTo(2, await prepare()))
  state.firstIndex = 1000
  state.applied = 2000
  await prepare()
  t.equal(state.openViews, 2, 'one in use, one kept')
  state.firstIndex = 3000
  sender.source()
  sender.forget()
  t.ok(sent[0]!.signal.aborted)
  await clock.settle()
  t.same(reports, ['2 false'])
  t.equal(state.openViews, 0)
  captures.shift()!.give()
  await clock.settle()
  t.equal(state.openViews, 0)
  state.applied = 4000
  t.equal((await prepare()).metadata!.index, 4000, 'another one serves from then on')
  t.equal(state.openViews, 1)
  await sender.close()
  t.equal(state.openViews, 0)
  t.equal(clock.timers, 0)
})

t.test('closing ends transfers without a report, and closes every view', async (t) => {
  const { clock, sent, reports, captures, state, sender, prepare, messageTo } = setup()
  sender.send(messageTo(2, await prepare()))
  state.firstIndex = 1000
  sender.source()
  state.closeTurns = 100
  const closed = sender.close()
  t.ok(sent[0]!.signal.aborted)
  captures.shift()!.give()
  await closed
  t.equal(state.openViews, 0)
  t.same(reports, [])
  t.equal(sender.source(), undefined)
  t.equal(clock.timers, 0)
})
