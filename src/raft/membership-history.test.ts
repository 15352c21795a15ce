import t from 'tap'
import { index, memberId } from '../base/index.js'
import { EMPTY_MEMBERSHIP } from './membership.js'
import type { Membership } from './membership.js'
import { MembershipHistory } from './membership-history.js'

const voters = (...ids: number[]): Membership => ({
  ...EMPTY_MEMBERSHIP,
  voters: ids.map((id) => memberId(BigInt(id))),
})

t.test('changes follow each other while no snapshot comes', async (t) => {
  const history = new MembershipHistory(index(5), voters(1))
  t.same(history.before(index(6)), voters(1))
  t.ok(history.change(index(6), voters(1, 2)))
  t.same(history.before(index(9)), voters(1, 2))
  t.same(history.current, voters(1, 2))
})

t.test('a snapshot is in force at once, and earlier changes keep to their own time', async (t) => {
  const history = new MembershipHistory(index(5), voters(1))
  history.restore(index(20), voters(7, 8, 9), index(12))
  t.same(history.current, voters(7, 8, 9))
  t.same(history.before(index(10)), voters(1))
  t.notOk(history.change(index(10), voters(1, 2)), 'not in force')
  t.same(history.before(index(12)), voters(1, 2))
  t.same(history.current, voters(7, 8, 9))
  t.ok(history.change(index(21), voters(7, 8)), 'in force')
  t.same(history.current, voters(7, 8))
})

t.test('several snapshots may come while entries are on their way', async (t) => {
  const history = new MembershipHistory(index(0), voters(1))
  history.restore(index(20), voters(2), index(10))
  history.restore(index(40), voters(4), index(30))
  t.notOk(history.change(index(9), voters(1, 11)))
  t.notOk(history.change(index(25), voters(2, 22)))
  t.ok(history.change(index(41), voters(4, 44)))
  t.same(history.before(index(10)), voters(1, 11))
  t.same(history.before(index(30)), voters(2, 22))
  t.same(history.current, voters(4, 44))
})

t.test('eras end when their entries are applied, and never begin without entries', async (t) => {
  const history = new MembershipHistory(index(0), voters(1))
  history.restore(index(20), voters(2), index(10))
  history.appliedTo(index(10))
  t.same(history.before(index(10)), voters(1), 'a report from the first era')
  history.appliedTo(index(21))
  t.same(history.before(index(10)), voters(2), 'the first era is over')

  history.restore(index(40), voters(4), index(20))
  t.same(history.before(index(21)), voters(4), 'no entry of the era after 20 was handed out')
})
