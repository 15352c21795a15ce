import t from 'tap'
import { index } from '../base/index.js'
import { Progress } from './progress.js'
import type { ProgressState } from './progress.js'

const progress = (state: ProgressState, match: number, next: number, pending = 0): Progress => {
  const p = new Progress(index(match + 1), false, 4, 0)
  p.maybeUpdate(index(match))
  if (state === 'replicate') p.becomeReplicate()
  if (state === 'snapshot') p.becomeSnapshot(index(pending))
  p.next = index(next)
  return p
}

t.test('an ack raises match, and next when it lags', async (t) => {
  for (const [acked, news, match, next] of [
    [2, false, 3, 5],
    [3, false, 3, 5],
    [4, true, 4, 5],
    [5, true, 5, 6],
    [9, true, 9, 10],
  ] as const) {
    const p = progress('probe', 3, 5)
    p.paused = true
    t.equal(p.maybeUpdate(index(acked)), news, `ack ${acked}`)
    t.same([p.match, p.next, p.paused], [match, next, !news])
  }
})

t.test('a rejection while replicating goes back to match, unless it is stale', async (t) => {
  for (const [rejected, taken, next] of [
    [4, false, 10],
    [5, false, 10],
    [6, true, 6],
    [9, true, 6],
  ] as const) {
    const p = progress('replicate', 5, 10)
    t.equal(p.maybeStepBack(index(rejected), index(99)), taken, `rejected ${rejected}`)
    t.equal(p.next, next)
  }
})

t.test('a rejection of the probe goes back to the hint, but not to what matches', async (t) => {
  for (const [match, at, rejected, hint, taken, next] of [
    [0, 10, 9, 9, true, 9], // no better hint: one back
    [0, 10, 9, 4, true, 5],
    [0, 10, 9, 0, true, 1],
    [3, 10, 9, 1, true, 4],
    [0, 10, 8, 4, false, 10], // answers an older probe
    [0, 1, 0, 0, true, 1],
  ] as const) {
    const p = progress('probe', match, at)
    p.paused = true
    t.equal(p.maybeStepBack(index(rejected), index(hint)), taken, `rejected ${rejected}, hint ${hint}`)
    t.same([p.next, p.paused], [next, !taken])
  }
})

t.test('probing sends one append with entries, then waits', async (t) => {
  const p = progress('probe', 0, 1)
  p.sent(0, 0)
  t.notOk(p.isPaused, 'an empty one does not count')
  p.sent(3, 30)
  t.ok(p.isPaused)
  t.equal(p.next, 1, 'probing is not optimistic')
})

t.test('replicating is optimistic until the window is full', async (t) => {
  const p = progress('replicate', 0, 1)
  for (let n = 1; n <= 4; n++) {
    t.notOk(p.isPaused)
    p.sent(2, 20)
    t.equal(p.next, 1 + 2 * n)
  }
  t.ok(p.isPaused)
  t.equal(p.inflights.bytes, 80)
  p.paused = false // a heartbeat response
  p.sent(0, 0)
  t.ok(p.isPaused, 'one empty append and no more')
})

t.test('after a snapshot the probe starts behind it, when it was not refused', async (t) => {
  const sent = progress('snapshot', 1, 11, 10)
  t.ok(sent.isPaused)
  sent.becomeProbe()
  t.same([sent.state, sent.next, sent.pendingSnapshot], ['probe', 11, 0])

  const failed = progress('snapshot', 1, 11, 10)
  failed.pendingSnapshot = index(0)
  failed.becomeProbe()
  t.equal(failed.next, 2)

  const overtaken = progress('snapshot', 1, 11, 10)
  overtaken.maybeUpdate(index(20))
  overtaken.becomeProbe()
  t.equal(overtaken.next, 21)
})

t.test('the log behind a snapshot starts with one append; what is replicated without one does not', async (t) => {
  const p = new Progress(index(11), false, 4, 100)
  p.becomeSnapshot(index(10))
  p.becomeProbe()
  p.maybeUpdate(index(10))
  p.becomeReplicate()
  p.sent(2, 20)
  t.ok(p.isPaused, 'until it is acknowledged')
  p.becomeProbe()
  p.becomeReplicate()
  p.sent(2, 20)
  t.notOk(p.isPaused)
})

t.test('an empty append is worth it only when it tells a higher commit index', async (t) => {
  const p = progress('replicate', 5, 6)
  t.ok(p.canRaiseCommit(index(5)))
  p.sentCommit(index(5))
  t.notOk(p.canRaiseCommit(index(5)), 'told before')
  t.notOk(p.canRaiseCommit(index(9)), 'the peer could not follow: it was told all it has')
  p.sent(4, 4)
  t.ok(p.canRaiseCommit(index(9)))
})
