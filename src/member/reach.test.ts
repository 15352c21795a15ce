import t from 'tap'
import { type MemberId, NO_MEMBER } from '../base/index.js'
import type { MemberParts } from './member-parts.js'
import { advanceTicks, reachPeers } from './reach.js'
import { SilentNetwork, SimClock } from './testing.js'

const id = (n: number): MemberId => BigInt(n) as MemberId

/** Of a membership only what is asked here. */
const membershipOf = (ids: readonly number[], removed: readonly number[] = []) =>
  ({
    members: () => ids.map((n) => ({ id: id(n), peerUrls: [`http://m${n}:1`] })),
    removedIds: () => removed.map(id),
    isRemoved: (member: MemberId) => removed.map(id).includes(member),
  }) as unknown as MemberParts['membership']

t.test('links go to every other member, and to those that a joining member was told of', async (t) => {
  const network = new SilentNetwork<never>()
  const remotes = [
    { id: id(2), urls: ['http://old:1'] },
    { id: id(3), urls: ['http://remote:1'] },
    { id: id(4), urls: ['http://gone:1'] },
  ]
  const started = { memberId: id(1), remotes } as unknown as MemberParts['started']
  reachPeers({ membership: membershipOf([1, 2], [4]), network, started })
  t.same(network.peers, [
    { id: 2n, urls: ['http://m2:1'] },
    { id: 3n, urls: ['http://remote:1'] },
  ])
  t.same(network.removed, [4n])
})

const advancing = () => {
  const clock = new SimClock()
  const network = new SilentNetwork<never>()
  const state = { leader: NO_MEMBER, ticks: 0 }
  const parts = { clock, network, membership: membershipOf([1, 2, 3]) }
  advanceTicks(
    parts,
    10,
    () => state.leader,
    () => void state.ticks++,
  )
  return { clock, network, state }
}

t.test('the first link lets all but two ticks of a time-out pass, once', async (t) => {
  const { clock, network, state } = advancing()
  await clock.advance(1000)
  t.equal(state.ticks, 0, 'nobody is there')
  network.active.set(id(2), 1000)
  await clock.advance(1000)
  t.equal(state.ticks, 8)
  t.equal(clock.timers, 0)
})

t.test('nothing passes once a leader is known, or after five seconds', async (t) => {
  const led = advancing()
  led.network.active.set(id(2), 0)
  led.state.leader = id(2)
  await led.clock.advance(100)
  t.same([led.state.ticks, led.clock.timers], [0, 0])
  const alone = advancing()
  await alone.clock.advance(5000)
  alone.network.active.set(id(2), 5000)
  await alone.clock.advance(5000)
  t.same([alone.state.ticks, alone.clock.timers], [0, 0])
})
