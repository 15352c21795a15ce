// What members must agree on at the end, and how long things may take.
import t from 'tap'
import { HandMade, changesOf } from './hand-made.js'
import { judge } from './index.js'
import { checkHashes, checkSameHistory } from './members.js'
import { checkTimes, longestWriteGap, percentile, type RoundTimes } from './timing.js'

const hash = { member: 'm1', revision: 9, hash: 77, compactRevision: 3 }

t.test('hashes', async (t) => {
  const rules = (other: Partial<typeof hash>): string[] =>
    checkHashes([hash, { ...hash, member: 'm2' }, { ...hash, member: 'm3', ...other }]).map(({ rule }) => rule)
  t.same(rules({}), [])
  t.same(rules({ hash: 78 }), ['hash'], 'illegal: another hash')
  t.same(rules({ compactRevision: 4 }), ['hash'], 'illegal: compacted elsewhere')
  t.same(rules({ revision: 8 }), ['hash'], 'illegal: another revision')
})

t.test('histories', async (t) => {
  const rules = (...revisions: string[]): string[] =>
    checkSameHistory(
      new Map([
        ['m1', changesOf('a=1', 'a=2')],
        ['m2', changesOf(...revisions)],
      ]),
    ).map(({ rule }) => rule)
  t.same(rules('a=1', 'a=2'), [])
  t.same(rules('a=1', 'a=3'), ['members differ'], 'illegal: another value')
  t.same(rules('a=1'), ['members differ'], 'illegal: the last one is missing')
  t.same(rules('a=1', 'a=2', 'a=3'), ['members differ'], 'illegal: one too many')
})

const round: RoundTimes = { round: 1, quorumFromMs: 100, endMs: 1000, electionMs: undefined }
const limits = { electionMaxMs: 300, writeGapMaxMs: 500 }

t.test('write gaps count from the fault to the end of the round', async (t) => {
  const at = (...times: number[]) => {
    const history = new HandMade()
    for (const time of times) history.write('a=1', [time - 1, time], 2)
    return history.operations
  }
  t.equal(longestWriteGap(at(50, 200, 600, 900), 100, 1000), 400)
  t.equal(longestWriteGap(at(50, 900), 100, 1000), 800)
  t.equal(longestWriteGap(at(200), 100, 1000), 800, 'none at the end')
  t.equal(longestWriteGap([], 100, 1000), 900, 'none at all')
  t.equal(longestWriteGap(new HandMade('a=1').read('a', [400, 500], 2).operations, 100, 1000), 900, 'reads are none')
  t.equal(longestWriteGap(new HandMade().write('a=1', [500]).operations, 100, 1000), 900, 'nor what failed')
  t.same(checkTimes([round], at(200, 600, 900), limits), [])
  t.match(checkTimes([round], at(200, 900), limits), [{ rule: 'write gap' }], 'illegal: too long')
})

t.test('elections', async (t) => {
  const quiet = { ...round, endMs: 200 }
  t.same(checkTimes([{ ...quiet, electionMs: 299 }], [], limits), [])
  t.match(checkTimes([{ ...quiet, electionMs: 301 }], [], limits), [{ rule: 'election' }], 'illegal: too long')
})

t.test('percentiles', async (t) => {
  t.equal(percentile([], 50), 0)
  t.equal(percentile([3, 1, 2], 50), 2)
  t.equal(percentile([3, 1, 2], 100), 3)
})

t.test('all checkers together', async (t) => {
  const history = new HandMade('a=1', 'a=2').write('a=1', [0, 1], 2).write('a=2', [2, 3], 3).read('a', [4, 5], 2)
  const finish = { histories: new Map([['m1', history.changes]]), hashes: [hash] }
  const verdict = judge(history, finish, [{ ...round, electionMs: 250 }], { ...limits, writeGapMaxMs: Infinity })
  t.match(verdict, { revision: 3, acknowledgedWrites: 2, lostWrites: 0, staleReads: 1, electionsMs: [250] })
  t.match(verdict.violations, [{ rule: 'stale read' }])
})
