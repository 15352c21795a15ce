// Each check of the oracle passes what is right and fails what is wrong: a check that cannot fail proves nothing.
import t from 'tap'
import { index as toIndex, memberId } from '#src/base/index.js'
import type { Index, MemberId, Term } from '#src/base/index.js'
import type { AppendJob, PeerStatus, RaftStatus } from '#src/raft/index.js'
import { ConfState, Entry, EntryType, HardState, Message, MessageType } from '#src/raft/pb.js'
import { hashEntry } from './raft/member.js'
import type { Applied } from './raft/member.js'
import { Oracle } from './raft/oracle.js'
import type { Observed } from './raft/oracle.js'
import { quorumsMeet } from './raft/quorums.js'

const ids = (...list: number[]): MemberId[] => list.map((id) => memberId(BigInt(id)))

const confState = (voters: readonly number[], outgoing: readonly number[] = []): ConfState => {
  const state = new ConfState()
  state.voters = ids(...voters)
  state.votersOutgoing = ids(...outgoing)
  return state
}

const entry = (term: number, at: number, text = '', type: EntryType = EntryType.EntryNormal): Entry => {
  const e = new Entry()
  e.term = term as Term
  e.index = toIndex(at)
  e.type = type
  e.data = Buffer.from(text)
  return e
}

interface Shape {
  readonly role?: 'leader' | 'follower'
  readonly term?: number
  readonly vote?: number
  readonly syncedTerm?: number
  /** Terms of the log from index 1, and of its durable part. */
  readonly log?: readonly number[]
  readonly durable?: readonly number[]
  readonly committed?: number
  readonly applied?: number
  readonly hash?: number
  readonly incarnation?: number
  readonly voters?: readonly number[]
  readonly outgoing?: readonly number[]
  readonly image?: ConfState
  readonly progress?: readonly Partial<PeerStatus>[]
}

/** A member of that shape; by default it leads term 2 with a durable log [1, 2]. */
const member = (id: number, shape: Shape = {}): Observed => {
  const log = shape.log ?? [1, 2]
  const durable = shape.durable ?? log
  const term = (shape.term ?? 2) as Term
  const hardState = new HardState()
  hardState.term = (shape.syncedTerm ?? term) as Term
  hardState.vote = memberId(BigInt(shape.vote ?? id))
  const termIn =
    (terms: readonly number[]) =>
    (at: Index): Term | undefined =>
      (at === 0 ? 0 : terms[at - 1]) as Term | undefined
  const peer = { match: 0, next: 1, state: 'replicate', inflightMessages: 0, inflightBytes: 0 }
  const status = {
    lastIndex: toIndex(log.length),
    progress: (shape.progress ?? []).map((known) => ({ ...peer, ...known })),
  }
  return {
    id: memberId(BigInt(id)),
    incarnation: shape.incarnation ?? 0,
    config: { maxInflightMessages: 2, maxInflightBytes: 10, maxSizePerMessageBytes: 100 },
    node: {
      id: memberId(BigInt(id)),
      term,
      role: shape.role ?? 'leader',
      committed: toIndex(shape.committed ?? 0),
      applied: toIndex(shape.applied ?? 0),
      termAt: termIn(log),
      confState: () => confState(shape.voters ?? [1, 2, 3], shape.outgoing),
      status: () => status as unknown as RaftStatus,
    },
    disk: {
      hardState,
      compacted: { index: toIndex(0), term: 0 as Term },
      lastIndex: toIndex(durable.length),
      term: termIn(durable),
    },
    syncedHardState: hardState,
    image: {
      applied: toIndex(shape.applied ?? 0),
      hash: shape.hash ?? 0,
      confState: shape.image ?? confState([1, 2, 3]),
    },
  }
}

const cluster = (...members: Observed[]): ReadonlyMap<MemberId, Observed> => new Map(members.map((m) => [m.id, m]))

const oracle = (committed = 0): Oracle => {
  const made = new Oracle()
  made.start(toIndex(0), 0, toIndex(committed))
  return made
}

const job = (...entries: Entry[]): AppendJob => ({ entries }) as unknown as AppendJob

const message = (type: MessageType, from: number, to: number, rest: Partial<Message> = {}): Message =>
  Object.assign(new Message(), { type, from: memberId(BigInt(from)), to: memberId(BigInt(to)), term: 2 as Term }, rest)

/** Members' checks one after the other. */
const check = (o: Oracle, others: ReadonlyMap<MemberId, Observed>, ...moves: Observed[]): void => {
  for (const moved of moves) o.check(moved, others)
}

const change = (at: number, before: ConfState, after: ConfState): Applied => ({
  entry: entry(1, at, 'change', EntryType.EntryConfChangeV2),
  before,
  after,
})

/** What one of the rules below does to a fresh oracle. */
type Story = () => void

const followers = [member(2, { role: 'follower' }), member(3, { role: 'follower', log: [1] })]
const hashOf = (...entries: Entry[]): number => entries.reduce(hashEntry, 0)

const RULES: readonly (readonly [rule: RegExp, name: string, right: Story, wrong: Story])[] = [
  [
    /^I1 /,
    'two leaders in one term',
    () => {
      const o = oracle()
      o.onLeader(member(1), 2 as Term)
      o.onLeader(member(2), 3 as Term)
    },
    () => {
      const o = oracle()
      o.onLeader(member(1), 2 as Term)
      o.onLeader(member(2), 2 as Term)
    },
  ],
  [
    /^I2 /,
    'a leader reports that it replaces entries',
    () => oracle().onReplaced(member(1, { role: 'follower' }), toIndex(1)),
    () => oracle().onReplaced(member(1), toIndex(1)),
  ],
  [
    /^I2 /,
    "a leader's log shrinks",
    () => check(oracle(), cluster(), member(1), member(1, { log: [1, 2, 2] })),
    () => check(oracle(), cluster(), member(1, { log: [1, 2, 2] }), member(1)),
  ],
  [
    /^I2 /,
    "a leader's last entry becomes another",
    () => check(oracle(), cluster(), member(1), member(1)),
    () => check(oracle(), cluster(), member(1), member(1, { log: [1, 1] })),
  ],
  [
    /^I3 /,
    'equal places hold different entries',
    () => {
      const o = oracle()
      o.onHandedOut(member(1), job(entry(1, 1, 'a'), entry(2, 2, 'b')))
      o.onHandedOut(member(2), job(entry(1, 1, 'a'), entry(2, 2, 'b')))
    },
    () => {
      const o = oracle()
      o.onHandedOut(member(1), job(entry(1, 1, 'a')))
      o.onHandedOut(member(2), job(entry(1, 1, 'b')))
    },
  ],
  [
    /^I3 /,
    'equal entries follow on different ones',
    () => {
      const o = oracle()
      o.onHandedOut(member(1), job(entry(2, 2, 'b')))
      o.onHandedOut(member(2), job(entry(2, 2, 'b')))
    },
    () => {
      const o = oracle()
      o.onHandedOut(member(1), job(entry(2, 2, 'b')))
      o.onHandedOut(member(2, { log: [2, 2] }), job(entry(2, 2, 'b')))
    },
  ],
  [
    /^I4 /,
    'a leader lacks what was committed before its term',
    () => {
      const o = oracle(2)
      o.check(member(2, { role: 'follower', committed: 2 }), cluster())
      o.onLeader(member(1, { term: 3 }), 3 as Term)
    },
    () => {
      const o = oracle(2)
      o.check(member(2, { role: 'follower', committed: 2 }), cluster())
      o.onLeader(member(1, { term: 3, log: [1] }), 3 as Term)
    },
  ],
  [
    /^I5 /,
    'two members commit different entries',
    () => {
      const o = oracle(2)
      check(o, cluster(), member(1, { committed: 2 }), member(2, { role: 'follower', committed: 2 }))
    },
    () => {
      const o = oracle(2)
      check(o, cluster(), member(1, { committed: 2 }), member(2, { role: 'follower', committed: 2, log: [1, 1] }))
    },
  ],
  [
    /^I5 /,
    'two members apply different entries',
    () => {
      const o = oracle()
      const [a] = [entry(1, 1, 'a')]
      const applied = [{ entry: a, before: confState([1]), after: confState([1]) }]
      o.onApplied(member(1, { applied: 1, hash: hashOf(a) }), applied)
      o.onApplied(member(2, { applied: 1, hash: hashOf(a) }), applied)
    },
    () => {
      const o = oracle()
      for (const [id, text] of ['a', 'b'].entries()) {
        const e = entry(1, 1, text)
        const applied = [{ entry: e, before: confState([1]), after: confState([1]) }]
        o.onApplied(member(id + 1, { applied: 1, hash: hashOf(e) }), applied)
      }
    },
  ],
  [
    /^I5 /,
    'a state does not follow from its entries',
    () => oracle().onApplied(member(1), []),
    () => oracle().onApplied(member(1, { hash: 5 }), []),
  ],
  [
    /^I5 /,
    'a member skips entries',
    () => oracle().onApplied(member(1), []),
    () => {
      const e = entry(1, 2)
      oracle().onApplied(member(1, { applied: 2, hash: hashOf(e) }), [
        { entry: e, before: confState([1]), after: confState([1]) },
      ])
    },
  ],
  ...(['term', 'committed', 'applied'] as const).map((what): (typeof RULES)[number] => [
    /^I6 monotony/,
    `${what} goes back without a restart`,
    () => {
      const follower = { role: 'follower', log: [1, 1] } as const
      check(oracle(2), cluster(), member(1, { ...follower, [what]: 2 }))
      check(oracle(2), cluster(), member(1, { ...follower, [what]: 2 }), member(1, { ...follower, incarnation: 1 }))
    },
    () => {
      const follower = { role: 'follower', log: [1, 1] } as const
      check(oracle(2), cluster(), member(1, { ...follower, [what]: 2 }), member(1, { ...follower, [what]: 1 }))
    },
  ]),
  [
    /^I6 durable term/,
    'the durable term goes back',
    () => {
      const o = oracle()
      o.onWritten(member(1, { term: 2 }))
      o.onWritten(member(1, { term: 3 }))
    },
    () => {
      const o = oracle()
      o.onWritten(member(1, { term: 3 }))
      o.onWritten(member(1, { term: 2 }))
    },
  ],
  [
    /^I6 durable vote/,
    'the durable vote changes within a term',
    () => {
      const o = oracle()
      o.onWritten(member(1, { vote: 0 }))
      o.onWritten(member(1, { vote: 2 }))
      o.onWritten(member(1, { term: 3, vote: 3 }))
    },
    () => {
      const o = oracle()
      o.onWritten(member(1, { vote: 2 }))
      o.onWritten(member(1, { vote: 3 }))
    },
  ],
  [
    /^I7 /,
    'an acknowledgement beyond the disk',
    () => oracle().onSent(member(1), message(MessageType.MsgAppResp, 1, 2, { index: toIndex(2) }), cluster()),
    () => oracle().onSent(member(1), message(MessageType.MsgAppResp, 1, 2, { index: toIndex(3) }), cluster()),
  ],
  [
    /^I7 /,
    'an acknowledgement of other entries than those on the disk',
    () =>
      oracle().onSent(
        member(2, { role: 'follower', vote: 1 }),
        message(MessageType.MsgAppResp, 2, 1, { index: toIndex(2) }),
        cluster(member(1)),
      ),
    () =>
      oracle().onSent(
        member(2, { role: 'follower', vote: 1, durable: [1, 1] }),
        message(MessageType.MsgAppResp, 2, 1, { index: toIndex(2) }),
        cluster(member(1)),
      ),
  ],
  ...[
    MessageType.MsgVote,
    MessageType.MsgApp,
    MessageType.MsgSnap,
    MessageType.MsgHeartbeat,
    MessageType.MsgTimeoutNow,
    MessageType.MsgReadIndexResp,
  ].flatMap((type): (typeof RULES)[number][] =>
    ([{ vote: 2 }, { syncedTerm: 1 }] as const).map((lacking) => [
      /^I7 /,
      `message ${type} of a term in which ${'vote' in lacking ? 'the own vote' : 'the term'} is not durable`,
      () => oracle().onSent(member(1), message(type, 1, 2), cluster()),
      () => oracle().onSent(member(1, lacking), message(type, 1, 2), cluster()),
    ]),
  ),
  [
    /^I7 /,
    'a granted vote that is not durable',
    () => {
      oracle().onSent(member(1, { vote: 2 }), message(MessageType.MsgVoteResp, 1, 2), cluster())
      oracle().onSent(member(1), message(MessageType.MsgVoteResp, 1, 2, { reject: true }), cluster())
    },
    () => oracle().onSent(member(1, { vote: 0 }), message(MessageType.MsgVoteResp, 1, 2), cluster()),
  ],
  [
    /^heartbeat commit/,
    'a heartbeat tells more than the follower is known to hold',
    () => {
      const leader = member(1, { progress: [{ id: memberId(2n), match: toIndex(1) }] })
      oracle().onSent(leader, message(MessageType.MsgHeartbeat, 1, 2, { commit: toIndex(1) }), cluster())
    },
    () => {
      const leader = member(1, { progress: [{ id: memberId(2n), match: toIndex(1) }] })
      oracle().onSent(leader, message(MessageType.MsgHeartbeat, 1, 2, { commit: toIndex(2) }), cluster())
    },
  ],
  [
    /^I8 /,
    'a leader commits up to an entry of an older term',
    () => check(oracle(), cluster(member(1), ...followers), member(1), member(1, { committed: 2 })),
    () => check(oracle(), cluster(member(1), ...followers), member(1), member(1, { committed: 1 })),
  ],
  [
    /^I8 /,
    'a leader commits what no quorum holds durably',
    () =>
      check(oracle(), cluster(member(1, { durable: [1, 2] }), ...followers), member(1), member(1, { committed: 2 })),
    () => check(oracle(), cluster(member(1, { durable: [1] }), ...followers), member(1), member(1, { committed: 2 })),
  ],
  [
    /^I8 /,
    'a leader commits without the outgoing half',
    () => {
      const joint = { voters: [1, 2], outgoing: [1, 2, 3] }
      check(oracle(), cluster(member(1), ...followers), member(1, joint), member(1, { ...joint, committed: 2 }))
    },
    () => {
      const joint = { voters: [1, 2], outgoing: [3] }
      check(oracle(), cluster(member(1), ...followers), member(1, joint), member(1, { ...joint, committed: 2 }))
    },
  ],
  [
    /^I8 /,
    'a follower commits what no leader has',
    () => check(oracle(2), cluster(), ...[0, 2].map((committed) => member(1, { role: 'follower', committed }))),
    () => check(oracle(1), cluster(), ...[0, 2].map((committed) => member(1, { role: 'follower', committed }))),
  ],
  [
    /^I9 /,
    'a read is served before what was acknowledged when it was asked',
    () => oracle().onReadAnswered(toIndex(4), toIndex(4)),
    () => oracle().onReadAnswered(toIndex(3), toIndex(4)),
  ],
  [
    /^I10 /,
    'a log holds two changes that are not committed',
    () => oracle().onHandedOut(member(1), job(entry(1, 1), entry(2, 2, 'c', EntryType.EntryConfChangeV2))),
    () => {
      const type = EntryType.EntryConfChangeV2
      oracle().onHandedOut(member(1), job(entry(1, 1, 'c', type), entry(2, 2, 'c', type)))
    },
  ],
  [
    /^I10 /,
    'voters change by two in one step',
    () => {
      const one = change(1, confState([1, 2, 3]), confState([1, 2, 3, 4]))
      const at = { applied: 1, hash: hashOf(one.entry), image: one.after }
      oracle().onApplied(member(1, at), [one])
    },
    () => {
      const one = change(1, confState([1, 2, 3]), confState([1, 2, 3, 4, 5]))
      const at = { applied: 1, hash: hashOf(one.entry), image: one.after }
      oracle().onApplied(member(1, at), [one])
    },
  ],
  [
    /^I10 /,
    'quorums of a joint membership need not meet those before it',
    () => {
      const one = change(1, confState([1, 2, 3]), confState([4, 5], [1, 2, 3]))
      oracle().onApplied(member(1, { applied: 1, hash: hashOf(one.entry), image: one.after }), [one])
    },
    () => {
      const one = change(1, confState([1, 2, 3]), confState([4, 5], [6, 7]))
      oracle().onApplied(member(1, { applied: 1, hash: hashOf(one.entry), image: one.after }), [one])
    },
  ],
  [
    /^I10 /,
    'members disagree about the membership at one index',
    () => {
      const o = oracle()
      for (const id of [1, 2]) o.onApplied(member(id), [])
    },
    () => {
      const o = oracle()
      for (const id of [1, 2]) o.onApplied(member(id, { image: confState([id]) }), [])
    },
  ],
  ...(
    [
      ['match is not below next', { match: 2, next: 2 }],
      ['the window holds too many messages', { inflightMessages: 3 }],
      ['the window holds too many bytes', { inflightBytes: 1000 }],
      ['a window is in use while probing', { state: 'probe', inflightMessages: 1 }],
    ] as const
  ).map(([name, wrong]): (typeof RULES)[number] => [
    /^I11 /,
    name,
    () => check(oracle(), cluster(), member(1, { progress: [{ id: memberId(2n) }] })),
    () => check(oracle(), cluster(), member(1, { progress: [{ id: memberId(2n), ...wrong } as Partial<PeerStatus>] })),
  ]),
  [
    /^I11 /,
    "match is above a follower's durable log",
    () => {
      const leader = member(1, { progress: [{ id: memberId(2n), match: toIndex(2), next: toIndex(3) }] })
      check(oracle(), cluster(leader, ...followers), leader)
    },
    () => {
      const leader = member(1, { progress: [{ id: memberId(3n), match: toIndex(2), next: toIndex(3) }] })
      check(oracle(), cluster(leader, ...followers), leader)
    },
  ],
  [
    /^I11 /,
    "a leader's own match is above its durable log (I7)",
    () => {
      const leader = member(1, { progress: [{ id: memberId(1n), match: toIndex(2), next: toIndex(3) }] })
      check(oracle(), cluster(leader), leader)
    },
    () => {
      const leader = member(1, { durable: [1], progress: [{ id: memberId(1n), match: toIndex(2), next: toIndex(3) }] })
      check(oracle(), cluster(leader), leader)
    },
  ],
]

for (const [rule, name, right, wrong] of RULES) {
  t.test(`${rule.source.slice(1).trim()}: ${name}`, async (t) => {
    t.doesNotThrow(right)
    t.throws(wrong, { name: 'Violation', message: rule })
  })
}

t.test('every invariant has a rule here', async (t) => {
  const named = new Set(RULES.map(([rule]) => /^\^I\d+/.exec(rule.source)?.[0]))
  for (let n = 1; n <= 11; n++) t.ok(named.has(`^I${n}`), `I${n}`)
})

t.test('quorums meet, or not', async (t) => {
  for (const [a, b, meet] of [
    [confState([1, 2, 3]), confState([1, 2, 3, 4]), true],
    [confState([1, 2, 3]), confState([1, 2, 3, 4, 5]), false],
    [confState([1, 2, 3]), confState([3, 4, 5], [1, 2, 3]), true],
    [confState([3, 4, 5], [1, 2, 3]), confState([3, 4, 5]), true],
    [confState([1]), confState([2]), false],
    [confState([]), confState([1, 2, 3]), true],
  ] as const) {
    t.equal(quorumsMeet(a, b), meet)
    t.equal(quorumsMeet(b, a), meet)
  }
})
