import t from 'tap'
import type { MemberId } from '../base/index.js'
import { type MemberRecord, errors, raftpb } from '../proto/index.js'
import { type ConfigOutcome, ConfigProposals } from './config-proposals.js'
import { SimClock } from './testing.js'

const MEMBERS: readonly MemberRecord[] = [
  { id: 7n as MemberId, peerUrls: [], isLearner: false, name: '', clientUrls: [] },
]

const setup = () => {
  const clock = new SimClock()
  const path = { open: true, takes: true }
  const sent: raftpb.ConfChange[] = []
  let id = 0n
  const proposals = new ConfigProposals({
    clock,
    nextId: () => ++id,
    timeoutMs: 7000,
    path: {
      isOpen: () => path.open,
      send: (change) => {
        if (path.takes) sent.push(change)
        return path.takes
      },
      timeoutCause: (startedMs, taken) => (taken && startedMs >= 0 ? errors.timeout : errors.deadlineExceeded),
    },
  })
  clock.every(100, () => proposals.tick(clock.monotonicMs()))
  /** Outcomes as far as there are any. */
  const submit = (): ConfigOutcome[] => {
    const outcomes: ConfigOutcome[] = []
    void proposals.submit(new raftpb.ConfChange()).then((outcome) => outcomes.push(outcome))
    return outcomes
  }
  const accepted = { kind: 'accepted', member: 7n as MemberId } as const
  return { clock, path, sent, proposals, submit, accepted }
}

t.test('a change is answered when consensus has moved past it, not before', async (t) => {
  const { clock, sent, proposals, submit, accepted } = setup()
  const outcomes = submit()
  t.equal(sent[0]?.id, 1n)
  proposals.onDecided(sent[0]!, accepted, MEMBERS)
  await clock.settle()
  t.same(outcomes, [])
  proposals.onAdvanced()
  await clock.settle()
  t.same(outcomes, [{ kind: 'ok', members: MEMBERS }])
  proposals.onDecided(sent[0]!, accepted, MEMBERS)
  proposals.onAdvanced()
  t.equal(proposals.count, 0)
})

t.test('a change that applying refused; changes of others concern nobody here', async (t) => {
  const { clock, sent, proposals, submit, accepted } = setup()
  const outcomes = submit()
  const foreign = new raftpb.ConfChange()
  foreign.id = 99n
  proposals.onDecided(foreign, accepted, MEMBERS)
  proposals.onDecided(sent[0]!, { kind: 'rejected', member: 7n as MemberId, status: errors.memberExists }, MEMBERS)
  proposals.onAdvanced()
  await clock.settle()
  t.same(outcomes, [{ kind: 'refused', status: errors.memberExists }])
})

t.test('one that consensus took and lost, or replaced, times out with the cause', async (t) => {
  const { clock, submit, sent } = setup()
  const outcomes = submit()
  await clock.advance(6999)
  t.same([outcomes, sent.length], [[], 1], 'never sent twice')
  await clock.advance(100)
  t.same(outcomes, [{ kind: 'refused', status: errors.timeout }])
})

t.test('without a leader it waits; refused by consensus it is tried again', async (t) => {
  const { clock, path, sent, proposals, submit, accepted } = setup()
  path.open = false
  const lost = submit()
  await clock.advance(5000)
  const waiting = submit()
  await clock.advance(2000)
  t.same(lost, [{ kind: 'refused', status: errors.deadlineExceeded }])
  path.open = true
  path.takes = false
  proposals.flush()
  path.takes = true
  await clock.advance(100)
  t.same(
    sent.map(({ id }) => id),
    [2n],
  )
  proposals.onDecided(sent[0]!, accepted, MEMBERS)
  proposals.onAdvanced()
  await clock.settle()
  t.match(waiting, [{ kind: 'ok' }])
})

t.test('bounded, and closed', async (t) => {
  const { clock, proposals, submit, sent, accepted } = setup()
  const all = Array.from({ length: 1000 }, () => submit())
  const refused = submit()
  await clock.settle()
  t.same(refused, [{ kind: 'refused', status: errors.tooManyRequests }])
  proposals.onDecided(sent[0]!, accepted, MEMBERS)
  proposals.close()
  const late = submit()
  await clock.settle()
  t.match(all[0], [{ kind: 'ok' }], 'what was applied is not called stopped')
  t.ok(all.slice(1).every(([outcome]) => outcome?.kind === 'refused' && outcome.status === errors.stopped))
  t.same(late, [{ kind: 'refused', status: errors.stopped }])
})
