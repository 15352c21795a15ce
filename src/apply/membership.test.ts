// Configuration changes as the log decides them (reference: cluster-maintenance-auth-http 1.6).
import t from 'tap'
import type { MemberId } from '../base/index.js'
import { MemoryBackend, TurnClock } from '../mvcc/testing.js'
import { type MemberRecord, encodeMemberJson, errors, etcdserverpb, membershippb, raftpb } from '../proto/index.js'
import { TestMachine, dump } from './testing.js'

const { ConfChangeAddNode, ConfChangeAddLearnerNode, ConfChangeRemoveNode, ConfChangeUpdateNode } =
  raftpb.ConfChangeType

const record = (id: number, ...ports: number[]): MemberRecord => ({
  id: BigInt(id) as MemberId,
  peerUrls: ports.map((port) => `http://h:${port}`),
  isLearner: false,
  name: '',
  clientUrls: [],
})

const change = (type: number, id: number, context = ''): raftpb.ConfChange => {
  const made = new raftpb.ConfChange()
  made.type = type
  made.nodeId = BigInt(id) as MemberId
  made.context = Buffer.from(context)
  return made
}

const add = (id: number, ...ports: number[]) => change(ConfChangeAddNode, id, encodeMemberJson(record(id, ...ports)))
const addLearner = (id: number, ...ports: number[]) =>
  change(ConfChangeAddLearnerNode, id, encodeMemberJson({ ...record(id, ...ports), isLearner: true }))
const promote = (id: number) =>
  change(ConfChangeAddNode, id, encodeMemberJson(record(id)).replace('}', ',"isPromote":true}'))
const remove = (id: number) => change(ConfChangeRemoveNode, id)
const update = (id: number, ...ports: number[]) =>
  change(ConfChangeUpdateNode, id, encodeMemberJson(record(id, ...ports)))

const open = (learnersMax = 1, backend = new MemoryBackend()): Promise<TestMachine> =>
  TestMachine.open(backend, new TurnClock(), { learnersMax })
const statusOf = (machine: TestMachine, one: raftpb.ConfChange): unknown => {
  const decision = machine.applyChange(one)
  if (decision.member !== one.nodeId) throw new Error('the decision names another member')
  return decision.kind === 'rejected' ? decision.status : undefined
}
const listOf = (machine: TestMachine): string[] =>
  machine.membership
    .members()
    .map((m) => `${m.id}${m.isLearner ? 'L' : ''} ${m.peerUrls.map((url) => url.slice(9)).join()}`)

/** On members 1 (port 1), 2 (ports 2 and 22), learner 3 (port 3); 9 was removed. */
const ROWS: readonly (readonly [string, raftpb.ConfChange, { readonly message: string } | undefined])[] = [
  ['add', add(4, 4), undefined],
  ['add: a removed id never comes back', add(9, 99), errors.memberNotFound],
  ['add learner: a removed id neither', addLearner(9, 99), errors.memberNotFound],
  ['add: the id is there', add(2, 99), errors.memberExists],
  ['add: the id is there as a learner', add(3, 99), errors.memberExists],
  ['add: one of the URLs is taken', add(4, 4, 22), errors.peerUrlsExist],
  ['add: a URL of a learner is taken too', add(4, 3), errors.peerUrlsExist],
  ['add: the URLs of a removed member are free', add(4, 9), undefined],
  ['add learner: one too many', addLearner(4, 4), errors.tooManyLearners],
  ['add learner: the URL is looked at first', addLearner(4, 1), errors.peerUrlsExist],
  ['promote', promote(3), undefined],
  ['promote: a voter already', promote(2), errors.memberNotLearner],
  ['promote: unknown', promote(4), errors.memberNotFound],
  ['promote: removed', promote(9), errors.memberNotFound],
  ['remove', remove(2), undefined],
  ['remove a learner', remove(3), undefined],
  ['remove: unknown', remove(4), errors.memberNotFound],
  ['remove: removed', remove(9), errors.memberNotFound],
  ['update', update(2, 2, 5), undefined],
  ['update: its own URLs are not "taken"', update(2, 22), undefined],
  ['update: the URL of another', update(2, 1), errors.peerUrlsExist],
  ['update: unknown', update(4, 4), errors.memberNotFound],
  ['update: removed', update(9, 4), errors.memberNotFound],
]

t.test('each change is accepted or rejected by the membership at its place in the log', async (t) => {
  for (const [name, one, expected] of ROWS) {
    const machine = await open()
    for (const before of [add(1, 1), add(2, 2, 22), addLearner(3, 3), add(9, 9), remove(9)]) {
      t.equal(statusOf(machine, before), undefined)
    }
    const members = listOf(machine)
    t.equal(statusOf(machine, one), expected, name)
    if (expected !== undefined) t.same(listOf(machine), members, 'a rejected change changes nothing')
    else t.notSame(listOf(machine), members)
  }
})

t.test('what accepted changes make', async (t) => {
  const machine = await open()
  const steps: readonly (readonly [raftpb.ConfChange, readonly string[]])[] = [
    [add(200, 1), ['200 1']],
    [add(3, 2), ['3 2', '200 1']],
    [addLearner(4, 4), ['3 2', '4L 4', '200 1']],
    [update(4, 5, 6), ['3 2', '4L 5,6', '200 1']],
    [promote(4), ['3 2', '4 5,6', '200 1']],
    [remove(3), ['4 5,6', '200 1']],
  ]
  for (const [one, expected] of steps) {
    t.equal(statusOf(machine, one), undefined)
    t.same(listOf(machine), expected)
  }
  t.ok(machine.membership.isRemoved(3n as MemberId))
})

t.test('ids compare as unsigned 64-bit numbers', async (t) => {
  const machine = await open()
  const high = change(ConfChangeAddNode, 0, encodeMemberJson({ ...record(0, 1), id: (2n ** 64n - 2n) as MemberId }))
  high.nodeId = (2n ** 64n - 2n) as MemberId
  machine.applyChange(high)
  machine.applyChange(add(5, 5))
  t.same(
    machine.membership.members().map(({ id }) => id),
    [5n, 2n ** 64n - 2n],
  )
})

t.test('a change whose context is about another member stops everything', async (t) => {
  const machine = await open()
  const wrong = add(4, 4)
  wrong.nodeId = 5n as MemberId
  t.throws(() => machine.applyChange(wrong), /configuration change of member 5 is about member 4/)
  t.throws(() => machine.applyChange(change(7, 1)), /unknown configuration change 7/)
})

t.test(
  'members, removed ids, attributes and the version survive a restart, with the ConfState in the same batch',
  async (t) => {
    const backend = new MemoryBackend()
    const machine = await open(1, backend)
    for (const one of [add(1, 1), add(2, 2), remove(2), addLearner(3, 3)]) machine.applyChange(one)
    const attributes = new etcdserverpb.InternalRaftRequest()
    attributes.clusterMemberAttrSet = new membershippb.ClusterMemberAttrSetRequest()
    attributes.clusterMemberAttrSet.memberId = 1n as MemberId
    attributes.clusterMemberAttrSet.memberAttributes = new membershippb.Attributes()
    attributes.clusterMemberAttrSet.memberAttributes.name = 'm1'
    attributes.clusterMemberAttrSet.memberAttributes.clientUrls = ['http://c']
    machine.apply(attributes)
    for (const id of [2n, 77n]) {
      attributes.clusterMemberAttrSet.memberId = id as MemberId
      machine.apply(attributes)
    }
    const version = new etcdserverpb.InternalRaftRequest()
    version.clusterVersionSet = new membershippb.ClusterVersionSetRequest()
    version.clusterVersionSet.ver = '3.7.0'
    machine.apply(version)
    await machine.commit()
    t.equal(backend.batches.length, 1)
    const text = (line: string): string => {
      const [bucket, key, value] = line.split(' ')
      return `${bucket} ${Buffer.from(key!, 'hex').toString()} ${Buffer.from(value!, 'hex').toString()}`
    }
    t.same(
      (await dump(backend)).map(text).filter((line) => !/consistent_index|term/.test(line)),
      [
        'cluster clusterVersion 3.7.0',
        'members 1 {"id":1,"peerURLs":["http://h:1"],"name":"m1","clientURLs":["http://c"]}',
        'members 3 {"id":3,"peerURLs":["http://h:3"],"isLearner":true}',
        'members_removed 2 removed',
        'meta confState {"voters":[1,3]}',
      ],
    )
    const again = await open(1, backend)
    t.same(again.membership.members(), machine.membership.members())
    t.same(again.membership.removedIds(), [2n])
    t.equal(again.membership.clusterVersion, '3.7.0')
    t.equal(statusOf(again, add(2, 2)), errors.memberNotFound)
  },
)
