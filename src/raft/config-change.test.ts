import t from 'tap'
import { memberId } from '../base/index.js'
import type { MemberId } from '../base/index.js'
import { asksToEnter, asksToLeave, asV2, changeMembership } from './config-change.js'
import { decodeConfChange, encodeConfChange } from './conf-change-entry.js'
import { allMembers, confStateOf, EMPTY_MEMBERSHIP, isJoint, membershipError, membershipOf } from './membership.js'
import type { Membership } from './membership.js'
import {
  ConfChange,
  ConfChangeSingle,
  ConfChangeTransition,
  ConfChangeType,
  ConfChangeV2,
  ConfState,
  EntryType,
} from './pb.js'

const TYPES: Readonly<Record<string, number>> = {
  v: ConfChangeType.ConfChangeAddNode,
  l: ConfChangeType.ConfChangeAddLearnerNode,
  r: ConfChangeType.ConfChangeRemoveNode,
  u: ConfChangeType.ConfChangeUpdateNode,
}
const {
  ConfChangeTransitionAuto: AUTO,
  ConfChangeTransitionJointImplicit: IMPLICIT,
  ConfChangeTransitionJointExplicit: EXPLICIT,
} = ConfChangeTransition

/** `v1 l2 r3 u4` */
const change = (text: string, transition: number = AUTO): ConfChangeV2 => {
  const v2 = new ConfChangeV2()
  v2.transition = transition
  v2.changes = text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const single = new ConfChangeSingle()
      single.type = TYPES[word[0]!] ?? 99
      single.nodeId = memberId(BigInt(word.slice(1)))
      return single
    })
  return v2
}

const ids = (text: string): MemberId[] =>
  text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => memberId(BigInt(word)))

/** `voters | outgoing | learners | next learners`, with `!` when it leaves by itself. */
const members = (text: string): Membership => {
  const [voters = '', outgoing = '', learners = '', learnersNext = ''] = text.replace('!', '').split('|')
  return {
    voters: ids(voters),
    outgoing: ids(outgoing),
    learners: ids(learners),
    learnersNext: ids(learnersNext),
    autoLeave: text.includes('!'),
  }
}

t.test('changes and what they make', async (t) => {
  const cases: [string, string, ConfChangeV2, string][] = [
    ['a first voter', '', change('v1'), '1'],
    ['a voter joins', '1 2', change('v3'), '1 2 3'],
    ['a voter leaves', '1 2 3', change('r1'), '2 3'],
    ['a learner joins', '1', change('l2'), '1||2'],
    ['a learner leaves', '1||2', change('r2'), '1'],
    ['a learner is promoted', '1||2', change('v2'), '1 2'],
    ['a voter is demoted', '1 2', change('l2'), '1||2'],
    ['a repetition changes nothing', '1 2||3', change('v1'), '1 2||3'],
    ['an unknown member leaves', '1 2', change('r9'), '1 2'],
    ['an update changes nothing here', '1 2', change('u2'), '1 2'],
    ['member 0 was refused', '1 2', change('r0'), '1 2'],
    ['one operation, implicit', '1 2', change('v3', IMPLICIT), '1 2 3|1 2||!'],
    ['one operation, explicit', '1 2', change('v3', EXPLICIT), '1 2 3|1 2'],
    ['several operations', '1 2 3', change('v4 r1'), '2 3 4|1 2 3||!'],
    ['a voter demoted in a joint configuration waits', '1 2 3', change('l3 v4'), '1 2 4|1 2 3||3!'],
    ['a new learner in a joint configuration does not', '1 2', change('l3 l4'), '1 2|1 2|3 4|!'],
    ['a learner is promoted in a joint configuration', '1||2', change('v2 l3'), '1 2|1|3|!'],
    ['demoted and removed', '1 2', change('l2 r2'), '1|1 2||!'],
    ['demoted and promoted again', '1 2', change('l2 v2'), '1 2|1 2||!'],
    ['removed and added again', '1 2', change('r2 v2'), '1 2|1 2||!'],
    ['left', '2 3|1 2 3', change(''), '2 3'],
    ['left, with a waiting learner', '1 2|1 2 3|5|3!', change(''), '1 2||3 5'],
    ['an empty explicit change enters too', '1', change('', EXPLICIT), '1|1'],
  ]
  for (const [name, before, asked, after] of cases) {
    t.same(changeMembership(members(before), asked), { kind: 'changed', members: members(after) }, name)
  }
})

t.test('changes that a membership cannot take', async (t) => {
  const cases: [string, ConfChangeV2, RegExp][] = [
    ['1', change('r1'), /removes all voters/],
    ['1', change('l1'), /removes all voters/],
    ['1 2', change('r1 r2'), /removes all voters/],
    ['', change('l1'), /removes all voters/],
    ['', change('v1 v2'), /without voters/],
    ['1 2', change(''), /not joint/],
    ['1|1 2', change('v3'), /simple change/],
    ['1|1 2', change('v3 v4'), /already joint/],
    ['1|1 2', change('v3', EXPLICIT), /already joint/],
    ['1', change('x2'), /unknown kind/],
  ]
  for (const [before, asked, reason] of cases) {
    const outcome = changeMembership(members(before), asked)
    t.match(outcome.kind === 'invalid' ? outcome.reason : 'changed', reason, before)
  }
})

t.test('knows which way a change goes', async (t) => {
  for (const [asked, enters, leaves] of [
    [change('v1'), false, false],
    [change('v1 v2'), true, false],
    [change('v1', IMPLICIT), true, false],
    [change('', EXPLICIT), true, false],
    [change(''), false, true],
  ] as const) {
    t.equal(asksToEnter(asked), enters)
    t.equal(asksToLeave(asked), leaves)
  }
})

t.test('both forms survive the way through an entry; other bytes are refused', async (t) => {
  const v1 = new ConfChange()
  v1.type = ConfChangeType.ConfChangeAddLearnerNode
  v1.nodeId = memberId(77n)
  v1.context = Buffer.from('ctx')
  const single = encodeConfChange(v1)
  t.equal(single.type, EntryType.EntryConfChange)
  t.same(decodeConfChange(single.type, single.data), asV2(v1))
  t.same(asV2(v1).context, Buffer.from('ctx'))

  const v2 = change('v1 r2', EXPLICIT)
  const list = encodeConfChange(v2)
  t.equal(list.type, EntryType.EntryConfChangeV2)
  t.same(decodeConfChange(list.type, list.data), v2)

  t.same(decodeConfChange(EntryType.EntryConfChangeV2, new Uint8Array(0)), new ConfChangeV2(), 'nothing asks to leave')
  t.equal(decodeConfChange(EntryType.EntryConfChange, Buffer.from([0xff])), undefined)
  t.equal(decodeConfChange(EntryType.EntryConfChangeV2, Buffer.from([0x0a, 0x05, 0x01])), undefined)
  t.equal(decodeConfChange(7, new Uint8Array(0)), undefined)
})

const stateOf = (m: Membership): ConfState => confStateOf(m)

t.test('a membership survives the way through a ConfState, in ascending order', async (t) => {
  for (const text of ['', '1', '1 2 3||4', '1 2|1 2 3|5|3!', '2 3|1']) {
    t.same(membershipOf(stateOf(members(text))), members(text), text)
  }
  const mixed = new ConfState()
  mixed.voters = ids('30 4 18446744073709551615 100')
  t.same(membershipOf(mixed).voters, ids('4 30 100 18446744073709551615'))
  t.same(allMembers(members('2 3|1 2|9|1')), ids('1 2 3 9'))
})

t.test('names what is wrong with a foreign ConfState', async (t) => {
  for (const [text, problem] of [
    ['', /no voters/],
    ['1 1', /twice/],
    ['1 0', /member 0/],
    ['1 2||2', /learner is a voter/],
    ['1|2|2', /learner is a voter/],
    ['1|2||3', /no leaving voter/],
    ['1 2|2||2', /no leaving voter/],
    ['1|||2', /no leaving voter/],
    ['1!', /outside a joint/],
  ] as const) {
    t.match(membershipError(stateOf(members(text))), problem, text)
  }
  t.equal(membershipError(stateOf(members('1|2||2!'))), undefined)
  t.throws(() => membershipOf(stateOf(members('1 1'))), /membership/)
})

/** Majorities of `list`, the smallest ones. */
const majorities = (list: readonly MemberId[]): MemberId[][] =>
  list
    .reduce<MemberId[][]>((sets, id) => [...sets, ...sets.map((set) => [...set, id])], [[]])
    .filter((set) => set.length === Math.floor(list.length / 2) + 1)

/** Smallest sets that decide: a majority of each half. */
const quorums = (m: Membership): ReadonlySet<MemberId>[] =>
  majorities(m.voters).flatMap((a) => (isJoint(m) ? majorities(m.outgoing) : [[]]).map((b) => new Set([...a, ...b])))

t.test('whatever is asked for, each quorum meets each quorum of the next membership', async (t) => {
  const seed = 20240917
  let state = seed
  const next = (bound: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 10) % bound
  }
  let now: Membership = { ...EMPTY_MEMBERSHIP, voters: ids('1 2 3') }
  let changed = 0
  let joint = 0
  for (let n = 0; n < 3000; n++) {
    const words = Array.from({ length: next(4) }, () => `${'vvllr'[next(5)]}${1 + next(6)}`)
    const outcome = changeMembership(now, change(words.join(' '), [AUTO, AUTO, IMPLICIT, EXPLICIT][next(4)]))
    if (outcome.kind === 'invalid') continue
    const then = outcome.members
    const meets = quorums(now).every((a) => quorums(then).every((b) => [...a].some((id) => b.has(id))))
    if (!meets) t.fail(`seed ${seed}, step ${n}: ${words.join(' ')}`)
    if (membershipError(stateOf(then)) !== undefined) t.fail(`seed ${seed}, step ${n}: unsound`)
    changed++
    if (isJoint(then)) joint++
    now = then
  }
  t.ok(changed > 500 && joint > 100, `${changed} changes, ${joint} of them joint`)
})
