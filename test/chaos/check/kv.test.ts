// Hand-made histories of KV calls: the legal ones must pass, each illegal one must be found out by the rule it breaks.
import t from 'tap'
import { HandMade } from './hand-made.js'
import { checkMembersGoForward, checkNotFromTheFuture, checkRealTime, countStaleReads } from './order.js'
import { placeOperations } from './place.js'
import { checkTruth, type Change } from './truth.js'
import type { Rule, Violation } from './violation.js'

const AB = { key: 'a', end: 'c' }

const check = ({ operations, truth }: HandMade): Violation[] => {
  const { placed, violations } = placeOperations(operations, truth)
  return [...violations, ...checkRealTime(placed), ...checkNotFromTheFuture(placed), ...checkMembersGoForward(placed)]
}

const legal: Record<string, HandMade> = {
  'nothing at all': new HandMade(),
  'one after the other': new HandMade('a=1', 'a=2')
    .write('a=1', [0, 1], 2)
    .read('a', [2, 3], 2)
    .write('a=2', [4, 5], 3),
  'concurrent writes in any order': new HandMade('a=2', 'a=1').write('a=1', [0, 9], 3).write('a=2', [1, 8], 2),
  'a read that began before a write returned may miss it': new HandMade('a=1')
    .write('a=1', [0, 5], 2)
    .read('a', [4, 9], 1),
  'a read may see a write that has not returned': new HandMade('a=1').write('a=1', [0, 9], 2).read('a', [1, 2], 2),
  'an unanswered put that happened': new HandMade('a=1', 'a=2').write('a=1', [0]).write('a=2', [5, 6], 3),
  'an unanswered put that happened late': new HandMade('a=2', 'a=1').write('a=1', [0]).write('a=2', [5, 6], 2),
  'an unanswered put that never happened': new HandMade('a=2').write('a=1', [0]).write('a=2', [5, 6], 2),
  'an unanswered delete that happened': new HandMade('a=1', '-a').write('a=1', [0, 1], 2).write('-a', [2]),
  'two unanswered deletes, one happened': new HandMade('a=1', '-a', 'a=2')
    .write('a=1', [0, 1], 2)
    .write('-a', [9])
    .write('-a', [2])
    .write('a=2', [5, 6], 4),
  'an unanswered comparison that failed': new HandMade('a=1').write('a=1', [0, 1], 2).compareAndPut('a=2', 0, [2]),
  comparisons: new HandMade('a=1', 'a=2')
    .compareAndPut('a=1', 0, [0, 1], 2)
    .compareAndPut('a=9', 0, [2, 3], -2)
    .compareAndPut('a=2', 2, [4, 5], 3),
  'a delete of nothing': new HandMade('a=1', '-a')
    .write('a=1', [0, 1], 2)
    .write('-a', [2, 3], 3)
    .write('-a', [4, 5], 3, { as: 3 }),
  'two keys at once': new HandMade('a=1 b=1').write('a=1 b=1', [0, 1], 2).read(AB, [2, 3], 2),
  'a move': new HandMade('a=1', '-a b=2').write('a=1', [0, 1], 2).write('-a b=2', [2, 3], 3).read(AB, [4, 5], 3),
  'old serializable reads': new HandMade('a=1', 'a=2')
    .write('a=1', [0, 1], 2)
    .write('a=2', [2, 3], 3)
    .read('a', [4, 5], 1, { serializable: true, process: 'm2/1' })
    .read('a', [6, 7], 2, { serializable: true, process: 'm2/1' })
    .read('a', [8, 9], 1, { serializable: true, process: 'm2/2' }),
  'a read at an old revision': new HandMade('a=1', 'a=2')
    .write('a=1', [0, 1], 2)
    .write('a=2', [2, 3], 3)
    .read('a', [4, 5], 3, { at: 2, as: 3 }),
}

const writes = (): HandMade => new HandMade('a=1', 'a=2').write('a=1', [0, 1], 2).write('a=2', [2, 3], 3)
const none = { answer: { results: [[]] } }

const illegal: Record<string, [Rule, HandMade]> = {
  'an acknowledged put after the end': ['lost write', writes().write('a=3', [4, 5], 4)],
  'an acknowledged put whose revision is another write': ['lost write', writes().write('b=3', [2, 3], 3, none)],
  'an acknowledged transaction after the end': ['lost write', writes().write('a=3 b=3', [4, 5], 4)],
  'an acknowledged delete whose revision is a put': ['lost write', writes().write('-a', [2, 3], 3)],
  'an acknowledged delete after the end': ['lost write', writes().write('-a', [4, 5], 4)],
  'an acknowledged comparison after the end': ['lost write', writes().compareAndPut('a=3', 3, [4, 5], 4)],
  'half a transaction': ['wrong answer', new HandMade('a=1').write('a=1 b=1', [0, 1], 2)],
  'half an unanswered transaction': ['wrong answer', new HandMade('a=1').write('a=1 b=1', [0])],
  'a transaction in two revisions': ['applied twice', new HandMade('a=1', 'b=1').write('a=1 b=1', [0])],
  'an acknowledged put that happens again': ['applied twice', new HandMade('a=1', 'a=1').write('a=1', [0, 1], 2)],
  'an unanswered put that happens twice': ['applied twice', new HandMade('a=1', 'b=2', 'a=1').write('a=1', [0])],
  'a put of nobody': ['phantom', new HandMade('a=1', 'a=2').write('a=1', [0, 1], 2)],
  'a delete of nobody': ['phantom', new HandMade('a=1', '-a').write('a=1', [0, 1], 2)],
  'more deletions than deletes': [
    'phantom',
    new HandMade('a=1', '-a', 'a=2', '-a').write('a=1', [0, 1], 2).write('-a', [2]).write('a=2', [3, 4], 4),
  ],
  'a deletion of a key that nobody deleted': ['phantom', writesAndDelete().write('-b', [4])],
  'two answers with one revision': [
    'wrong answer',
    new HandMade('a=1').write('a=1', [0, 1], 2).write('a=1', [0, 1], 2),
  ],
  'a put that tells a wrong previous value': [
    'wrong answer',
    new HandMade('a=1', 'a=2').write('a=1', [0, 1], 2).write('a=2', [2, 3], 3, none),
  ],
  'a delete that finds nothing where something is': ['wrong answer', writes().write('-a', [4, 5], 3, none)],
  'a comparison that holds and must not': [
    'wrong answer',
    new HandMade('a=1', 'a=2')
      .write('a=1', [0, 1], 2)
      .compareAndPut('a=2', 0, [2, 3], 3, { answer: { succeeded: true, results: [[]] } }),
  ],
  'a comparison that fails and must not': [
    'wrong answer',
    writes().compareAndPut('a=3', 3, [4, 5], -3, { answer: { succeeded: false, results: [[]] } }),
  ],
  'an unanswered comparison that must have failed': [
    'wrong answer',
    new HandMade('a=1', 'a=2').write('a=1', [0, 1], 2).compareAndPut('a=2', 0, [2]),
  ],
  'a read of an older value under a newer revision': ['wrong answer', writes().read('a', [4, 5], 3, { as: 2 })],
  'a read that misses a key': [
    'wrong answer',
    new HandMade('a=1 b=1').write('a=1 b=1', [0, 1], 2).read(AB, [2, 3], 2, none),
  ],
  'a read of a deleted key': [
    'wrong answer',
    new HandMade('a=1', '-a').write('a=1', [0, 1], 2).write('-a', [2, 3], 3).read('a', [4, 5], 3, { as: 2 }),
  ],
  'a read of half a transaction': [
    'wrong answer',
    new HandMade('a=1 b=1').write('a=1 b=1', [0, 1], 2).read(AB, [2, 3], 2, {
      answer: { results: [[{ key: 'a', value: '1', createRevision: 2, modRevision: 2, version: 1 }]] },
    }),
  ],
  'a read with a wrong version': [
    'wrong answer',
    writes().read('a', [4, 5], 3, {
      answer: { results: [[{ key: 'a', value: '2', createRevision: 2, modRevision: 3, version: 1 }]] },
    }),
  ],
  'a wrong read at an old revision': ['wrong answer', writes().read('a', [4, 5], 3, { at: 2, ...none })],
  'a wrong serializable read': ['wrong answer', writes().read('a', [4, 5], 2, { serializable: true, ...none })],
  'a read that misses an acknowledged write': ['stale read', writes().read('a', [4, 5], 2)],
  'a read older than a read before it': [
    'stale read',
    new HandMade('a=1').write('a=1', [0, 20], 2).read('a', [1, 2], 2).read('a', [3, 4], 1),
  ],
  'a failed comparison on an old state': ['stale read', writes().compareAndPut('a=9', 9, [4, 5], -2)],
  'a delete of nothing on an old state': [
    'stale read',
    new HandMade('b=1', 'a=1').write('b=1', [0, 1], 2).write('a=1', [2, 3], 3).write('-a', [4, 5], 2, { as: 2 }),
  ],
  'a stale read at an old revision': ['stale read', writes().read('a', [4, 5], 2, { at: 2, as: 2 })],
  'a read that saw a write before it was called': [
    'future read',
    new HandMade('a=1', 'a=2').write('a=1', [0, 1], 2).read('a', [2, 3], 3).write('a=2', [4, 5], 3),
  ],
  'a serializable read that saw a write before it was called': [
    'future read',
    new HandMade('a=1').read('a', [0, 1], 2, { serializable: true }).write('a=1', [2, 3], 2, { process: 'm2/1' }),
  ],
  'a read after the end': ['future read', writes().read('a', [4, 5], 9)],
  'writes against real time': [
    'real-time order',
    new HandMade('a=2', 'a=1').write('a=1', [0, 1], 3).write('a=2', [2, 3], 2),
  ],
  'an unanswered write that happened before its call': [
    'real-time order',
    new HandMade('a=2', 'a=1').write('a=1', [0, 1], 3).write('a=2', [2]),
  ],
  'an unanswered delete that happened before its call': [
    'real-time order',
    new HandMade('a=1', '-a', 'b=1').write('a=1', [0, 1], 2).write('b=1', [2, 3], 4).write('-a', [4]),
  ],
  'a process that goes back': [
    'member went back',
    writes().read('a', [4, 5], 3, { serializable: true }).read('a', [6, 7], 2, { serializable: true }),
  ],
  'a process that forgets what it acknowledged': [
    'member went back',
    writes().read('a', [4, 5], 2, { serializable: true }),
  ],
}

function writesAndDelete(): HandMade {
  return new HandMade('a=1', '-a').write('a=1', [0, 1], 2)
}

for (const [name, history] of Object.entries(legal)) t.test(`legal: ${name}`, async (t) => t.same(check(history), []))

for (const [name, [rule, history]] of Object.entries(illegal))
  t.test(`illegal: ${name}`, async (t) => {
    const rules = check(history).map((found) => found.rule)
    t.ok(rules.includes(rule), `${rule} is among ${rules.join(', ')}`)
  })

t.test('counts what was lost and stale', async (t) => {
  const lost = writes().write('a=3', [4, 5], 4).write('a=4', [6, 7], 5)
  const placement = placeOperations(lost.operations, lost.truth)
  t.match(placement, { acknowledgedWrites: 4, lostWrites: 2, unansweredApplied: 0 })
  const stale = writes().read('a', [4, 5], 2).read('a', [6, 7], 2)
  t.equal(countStaleReads(placeOperations(stale.operations, stale.truth).placed), 2)
})

t.test('final watches that no store can tell', async (t) => {
  const broken = (edit: (changes: Change[]) => void): Rule[] => {
    const changes = [...new HandMade('a=1', 'a=2', '-a', 'b=1').changes]
    edit(changes)
    return checkTruth(changes).map(({ rule }) => rule)
  }
  const replace = (changes: Change[], i: number, kv: Partial<Change['kv']>): void =>
    void changes.splice(i, 1, { ...changes[i]!, kv: { ...changes[i]!.kv, ...kv } })
  t.same(
    broken(() => undefined),
    [],
  )
  t.match(
    broken((changes) => changes.splice(3, 1, ...changes.splice(2, 1))),
    ['truth'],
    'order',
  )
  t.match(
    broken((changes) => changes.splice(1, 1)),
    ['truth'],
    'a gap',
  )
  t.same(
    broken((changes) => replace(changes, 1, { version: 1 })),
    ['truth'],
    'version',
  )
  t.same(
    broken((changes) => replace(changes, 1, { createRevision: 3 })),
    ['truth'],
    'create revision',
  )
  t.same(
    broken((changes) => replace(changes, 2, { key: 'c' })),
    ['truth'],
    'a delete of nothing',
  )
})
