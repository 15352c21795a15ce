import t from 'tap'
import { memberId } from '../base/index.js'
import type { MemberId } from '../base/index.js'
import { quorumOf, quorumReached, voteResult } from './quorum.js'

const ids = (...list: number[]): MemberId[] => list.map((id) => memberId(BigInt(id)))

t.test('a quorum is more than half', async (t) => {
  for (const [size, quorum] of [
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
    [7, 4],
  ] as const) {
    t.equal(quorumOf(size), quorum, `of ${size}`)
  }
})

t.test('the position that a quorum has reached', async (t) => {
  const cases: [string, number[], number[], Record<number, number>, number][] = [
    ['nobody', [], [], {}, Infinity],
    ['one voter', [1], [], { 1: 12 }, 12],
    ['a voter never heard of counts as 0', [1, 2], [], { 1: 12 }, 0],
    ['the lower of two', [1, 2], [], { 1: 12, 2: 5 }, 5],
    ['the middle of three', [1, 2, 3], [], { 1: 12, 2: 5, 3: 6 }, 6],
    ['the second lowest of four', [1, 2, 3, 4], [], { 1: 4, 2: 3, 3: 2, 4: 1 }, 2],
    ['both halves of a joint pair', [1, 2, 3], [3, 4, 5], { 1: 9, 2: 9, 3: 9, 4: 1, 5: 2 }, 2],
    ['a leaving half that lags', [1], [2], { 1: 100, 2: 7 }, 7],
  ]
  for (const [name, voters, outgoing, reached, expected] of cases) {
    const sets = { voters: ids(...voters), outgoing: ids(...outgoing) }
    t.equal(
      quorumReached(sets, (id) => reached[Number(id)] ?? 0),
      expected,
      name,
    )
  }
})

t.test('how an election stands', async (t) => {
  const cases: [string, number[], number[], string, ReturnType<typeof voteResult>][] = [
    ['nobody to ask', [], [], '', 'won'],
    ['one voter, silent', [1], [], '-', 'pending'],
    ['one voter, yes', [1], [], 'y', 'won'],
    ['one voter, no', [1], [], 'n', 'lost'],
    ['half of two', [1, 2], [], 'y-', 'pending'],
    ['half of two against', [1, 2], [], 'n-', 'lost'],
    ['two of three', [1, 2, 3], [], 'y-y', 'won'],
    ['one each of three', [1, 2, 3], [], 'yn-', 'pending'],
    ['two of three against', [1, 2, 3], [], '-nn', 'lost'],
    ['a tie of four', [1, 2, 3, 4], [], 'yynn', 'lost'],
    ['joint: both won', [1, 2], [2, 3], 'yyy', 'won'],
    ['joint: one half won, the other open', [1, 2], [2, 3], 'yy-', 'pending'],
    ['joint: one half lost', [1, 2], [2, 3], 'yyn', 'lost'],
  ]
  for (const [name, voters, outgoing, votes, expected] of cases) {
    const vote = (id: MemberId): boolean | undefined => ({ y: true, n: false })[votes[Number(id) - 1] ?? '']
    t.equal(voteResult({ voters: ids(...voters), outgoing: ids(...outgoing) }, vote), expected, name)
  }
})

/** All subsets of `list`. */
const subsets = <T>(list: readonly T[]): T[][] =>
  list.reduce<T[][]>((sets, item) => [...sets, ...sets.map((set) => [...set, item])], [[]])

const isMajority = (of: readonly MemberId[], by: readonly MemberId[]): boolean =>
  of.length === 0 || of.filter((id) => by.includes(id)).length * 2 > of.length

t.test('agrees with counting all subsets, joint or not', async (t) => {
  const members = ids(1, 2, 3, 4, 5)
  let checked = 0
  for (const voters of subsets(members)) {
    for (const outgoing of subsets(members)) {
      const sets = { voters, outgoing }
      // Positions 1..5 in an order that depends on the pair, with repetitions.
      const reached = (id: MemberId): number => (Number(id) * (voters.length + 2 * outgoing.length + 1)) % 4
      const reachedBy = (position: number): MemberId[] => members.filter((id) => reached(id) >= position)
      let expected = Infinity
      if (voters.length + outgoing.length > 0) {
        for (expected = 4; expected > 0; expected--) {
          const by = reachedBy(expected)
          if (isMajority(voters, by) && isMajority(outgoing, by)) break
        }
      }
      if (quorumReached(sets, reached) !== expected) t.fail(`positions of ${voters.join()} | ${outgoing.join()}`)

      // Votes: yes, no or none by the same arithmetic.
      const vote = (id: MemberId): boolean | undefined => [true, false, undefined, true][reached(id)]
      const yes = members.filter((id) => vote(id) === true)
      const notNo = members.filter((id) => vote(id) !== false)
      const won = isMajority(voters, yes) && isMajority(outgoing, yes)
      const open = isMajority(voters, notNo) && isMajority(outgoing, notNo)
      if (voteResult(sets, vote) !== (won ? 'won' : open ? 'pending' : 'lost')) {
        t.fail(`votes of ${voters.join()} | ${outgoing.join()}`)
      }
      checked++
    }
  }
  t.equal(checked, 32 * 32)
})
