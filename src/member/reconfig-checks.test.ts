import t from 'tap'
import { Membership, RowBuffer } from '../apply/index.js'
import { type MemberId, NO_MEMBER } from '../base/index.js'
import { silentLogger } from '../env/index.js'
import { type MemberRecord, errors } from '../proto/index.js'
import { longestConnected } from './connectivity.js'
import { mayAdd, mayPromote, mayRemove } from './reconfig-checks.js'
import { timeoutCause } from './timeout-cause.js'

const SELF = 1n as MemberId
const NOW = 100_000
/** Up for longer than five seconds, for exactly five, for less, not at all. */
const LINKS = { long: NOW - 5001, edge: NOW - 5000, young: NOW - 1, down: undefined } as const
type Link = keyof typeof LINKS

interface Other {
  readonly link: Link
  readonly isLearner?: boolean
  readonly isStarted?: boolean
}

const up: Other = { link: 'long' }
const young: Other = { link: 'young' }
const down: Other = { link: 'down' }
const added: Other = { link: 'down', isStarted: false }
const learner: Other = { link: 'long', isLearner: true }

const record = (id: bigint, { isLearner = false, isStarted = true }: Partial<Other> = {}): MemberRecord => ({
  id: id as MemberId,
  peerUrls: [`http://${id}`],
  isLearner,
  name: isStarted ? `m${id}` : '',
  clientUrls: [],
})

/** Member 1 is the one that is asked; the others are 2, 3 and so on. */
const facts = (others: readonly Other[]) => {
  const membership = new Membership(new RowBuffer(), 9)
  membership.add(record(SELF))
  for (const [i, other] of others.entries()) membership.add(record(BigInt(i + 2), other))
  const links = {
    activeSinceMs: (id: MemberId) => (id === SELF ? undefined : LINKS[others[Number(id) - 2]?.link ?? 'down']),
  }
  return { self: SELF, membership, links, nowMs: NOW, logger: silentLogger }
}

const { notEnoughStarted, unhealthy } = errors

t.test('adding a voter, adding a learner', async (t) => {
  const rows: [string, Other[], unknown, unknown][] = [
    ['one member', [], undefined, undefined],
    ['two, the second not started', [added], notEnoughStarted, unhealthy],
    ['two, connected: the new one makes three, of which two answer', [up], undefined, undefined],
    ['two, the second down', [down], unhealthy, unhealthy],
    ['three, all connected', [up, up], undefined, undefined],
    ['three, one down: of four only two answer', [up, down], unhealthy, unhealthy],
    ['three, one connected for a moment only', [up, young], unhealthy, unhealthy],
    ['five seconds are not more than five seconds', [up, { link: 'edge' }], unhealthy, unhealthy],
    ['three, one not started', [up, added], notEnoughStarted, unhealthy],
    ['three, two not started', [added, added], notEnoughStarted, unhealthy],
    ['four, one down', [up, up, down], undefined, undefined],
    ['learners are no voters', [learner], undefined, undefined],
    ['connected learners do not help', [up, down, learner], unhealthy, unhealthy],
  ]
  for (const [name, others, voter, asLearner] of rows) {
    t.equal(mayAdd(record(99n), facts(others)), voter, `voter: ${name}`)
    t.equal(mayAdd(record(99n, { isLearner: true }), facts(others)), asLearner, `learner: ${name}`)
  }
})

t.test('removing', async (t) => {
  const rows: [string, Other[], bigint, unknown][] = [
    ['the last one', [], 1n, notEnoughStarted],
    ['one of two, connected', [up], 2n, undefined],
    ['self, of two', [up], 1n, undefined],
    ['one of two, connected for a moment only', [young], 2n, unhealthy],
    ['one of two that is down', [down], 2n, undefined],
    ['self, the other down', [down], 1n, unhealthy],
    ['one of two that never started', [added], 2n, undefined],
    ['self, the other never started', [added], 1n, notEnoughStarted],
    ['one of three', [up, up], 3n, undefined],
    ['a working one of three while another is down', [up, down], 2n, unhealthy],
    ['the one of three that is down', [up, down], 3n, undefined],
    ['a started one, another never started', [up, added], 2n, notEnoughStarted],
    ['a learner', [down, { link: 'long', isLearner: true }], 3n, undefined],
    ['nobody knows it: refused when it is applied', [up, up], 77n, undefined],
  ]
  for (const [name, others, id, refusal] of rows) t.equal(mayRemove(id as MemberId, facts(others)), refusal, name)
})

t.test('promoting: the learner counts as started', async (t) => {
  const rows: [string, Other[], unknown][] = [
    ['one voter', [learner], undefined],
    ['two voters, one not started', [added, learner], undefined],
    ['three voters, two not started', [added, added, learner], notEnoughStarted],
  ]
  for (const [name, others, refusal] of rows) t.equal(mayPromote(99n as MemberId, facts(others)), refusal, name)
})

t.test('the longest connection', async (t) => {
  const since = new Map([
    [2n, 50],
    [3n, 20],
    [4n, 90],
  ])
  const links = { activeSinceMs: (id: MemberId) => since.get(id) }
  t.equal(longestConnected(links, [1n, 2n, 3n, 4n] as MemberId[]), 3n)
  t.equal(longestConnected(links, [1n] as MemberId[]), undefined)
})

t.test('why a request got no answer', async (t) => {
  const others = (since: Record<string, number | undefined>, leader: bigint, electedMs = -Infinity) => ({
    self: SELF,
    leader: leader as MemberId,
    electedMs,
    electionMs: 1000,
    members: [1n, 2n, 3n] as MemberId[],
    links: { activeSinceMs: (id: MemberId) => since[String(id)] },
  })
  const { deadlineExceeded, timeout, timeoutConnectionLost, timeoutLeaderFailure } = errors
  const rows: [string, ReturnType<typeof others>, boolean, unknown][] = [
    ['never taken', others({}, 2n), false, deadlineExceeded],
    ['no leader now', others({}, NO_MEMBER), true, timeout],
    ['leading, with a quorum', others({ 2: 100 }, 1n), true, timeout],
    ['leading, alone', others({}, 1n), true, timeoutConnectionLost],
    ['leading, connected since the request only', others({ 2: 5000 }, 1n), true, timeoutConnectionLost],
    ['following, connected', others({ 2: 100 }, 2n), true, timeout],
    ['following, cut off from the leader', others({ 3: 100 }, 2n), true, timeoutConnectionLost],
    ['elected soon after', others({ 2: 100 }, 1n, 6999), true, timeoutLeaderFailure],
    ['elected much later', others({ 2: 100 }, 1n, 7000), true, timeout],
    ['elected before', others({ 2: 100 }, 1n, 5000), true, timeout],
  ]
  for (const [name, known, taken, cause] of rows) t.equal(timeoutCause(5000, taken, known), cause, name)
})
