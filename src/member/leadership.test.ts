import t from 'tap'
import { type MemberId, NO_MEMBER, index } from '../base/index.js'
import { silentLogger } from '../env/index.js'
import { Membership, RowBuffer } from '../apply/index.js'
import { errors } from '../proto/index.js'
import { AppliedWaits } from './applied-waits.js'
import { ClusterVersion, VersionTooLow } from './cluster-version.js'
import { Leadership } from './leadership.js'
import { SimClock, Told } from './testing.js'

const [A, B] = [1n as MemberId, 2n as MemberId]

t.test('another leader is a known one that differs from the last known', async (t) => {
  const leadership = new Leadership({ self: A, tickMs: 100, nowMs: 0 })
  const rows = [
    [A, { isOther: false, gained: true, lost: false }],
    [NO_MEMBER, { isOther: false, gained: false, lost: true }],
    [A, { isOther: false, gained: true, lost: false }],
    [B, { isOther: true, gained: false, lost: true }],
    [NO_MEMBER, { isOther: false, gained: false, lost: false }],
    [A, { isOther: true, gained: true, lost: false }],
    [A, { isOther: false, gained: false, lost: false }],
  ] as const
  for (const [i, [leader, expected]] of rows.entries()) {
    t.same(leadership.change(leader, i), expected, `step ${i}`)
    t.equal(leadership.isLeader, leader === A)
  }
  t.equal(leadership.electedMs, 5)
})

t.test('a leader is sure while its ticks come in time', async (t) => {
  const leadership = new Leadership({ self: A, tickMs: 100, nowMs: 0 })
  t.notOk(leadership.isSure(0), 'no leader')
  leadership.change(A, 0)
  t.ok(leadership.isSure(300))
  t.notOk(leadership.isSure(301), 'three ticks are missing')
  leadership.onTick(300)
  t.ok(leadership.isSure(600))
  leadership.onTick(601)
  t.notOk(leadership.isSure(601), 'the tick that ends a pause does not make up for it')
  leadership.onTick(700)
  t.notOk(leadership.isSure(700))
  leadership.onConfirmed(600)
  t.notOk(leadership.isSure(700), 'asked before the pause was over')
  leadership.onConfirmed(650)
  t.ok(leadership.isSure(700))
  leadership.change(B, 700)
  t.notOk(leadership.isSure(700))
})

t.test('waits for the applied index end when it is there, or after a second', async (t) => {
  const clock = new SimClock()
  const waits = new AppliedWaits(clock)
  const told = Array.from({ length: 5 }, () => new Told())
  waits.wait(index(5), index(5), told[0]!)
  t.equal(told[0]!.last, 'ok')
  waits.wait(index(6), index(5), told[1]!)
  clock.skip(500)
  waits.wait(index(8), index(5), told[2]!)
  waits.wait(index(9), index(5), told[3]!)
  waits.onApplied(index(7))
  t.same(
    told.map(({ last }) => last),
    ['ok', 'ok', undefined, undefined, undefined],
  )
  clock.skip(999)
  waits.tick(clock.monotonicMs())
  waits.onApplied(index(8))
  clock.skip(1)
  waits.tick(clock.monotonicMs())
  waits.wait(index(9), index(8), told[4]!)
  waits.close()
  waits.onApplied(index(10))
  const late = errors.timeoutWaitAppliedIndex.message
  t.same(
    told.map(({ answers }) => answers),
    [['ok'], ['ok'], ['ok'], [late], [errors.stopped.message]],
  )
})

interface VersionsOptions {
  readonly decided?: string
  readonly marked?: string
  readonly server?: string
  readonly members?: number
  /** Of members 2, 3 and so on. */
  readonly others?: readonly (string | undefined)[]
}

const versions = (options: VersionsOptions = {}) => {
  const clock = new SimClock()
  const membership = new Membership(new RowBuffer(), 1)
  for (let id = 1; id <= (options.members ?? 1); id++) {
    membership.add({
      id: BigInt(id) as MemberId,
      peerUrls: [`http://${id}`],
      isLearner: false,
      name: '',
      clientUrls: [],
    })
  }
  if (options.decided !== undefined) membership.setClusterVersion(options.decided)
  const state = { leads: true, refuse: false, others: options.others ?? [], stored: options.marked }
  const tooLow: Error[] = []
  const proposed: string[] = []
  const marks: string[] = []
  const version = new ClusterVersion({
    self: 1n as MemberId,
    membership,
    serverVersion: options.server ?? '3.7.1',
    readMark: () => state.stored,
    clock,
    logger: silentLogger,
    isLeader: () => state.leads,
    versionOf: async (id) => state.others[Number(id) - 2],
    onTooLow: (error) => tooLow.push(error),
    propose: async (to) => {
      proposed.push(to)
      if (state.refuse) return errors.timeout
      membership.setClusterVersion(to)
      return undefined
    },
    mark: (to) => marks.push(to),
  })
  return { clock, membership, state, proposed, marks, tooLow, version }
}

t.test('the leader decides the lowest minor version of all members, and only ever raises it', async (t) => {
  const rows = [
    [{}, ['3.7.0'], ['3.7.0']],
    [{ decided: '3.5.0' }, ['3.7.0'], ['3.7.0']],
    [{ decided: '3.10.0', server: '3.11.2' }, ['3.11.0'], ['3.11.0']],
    [{ decided: '3.7.0' }, [], ['3.7.0']],
    [{ decided: '3.7.0', marked: '3.7.0' }, [], []],
    [{ decided: '3.7.0', marked: '3.6.0' }, [], ['3.7.0']],
    [{ decided: '3.8.0', server: '4.0.0' }, [], ['3.8.0']],
    [{ members: 3, others: ['3.7.1', '3.6.9'] }, ['3.6.0'], ['3.6.0']],
    [{ members: 3, others: ['3.8.1', '3.7.9'] }, ['3.7.0'], ['3.7.0']],
    [{ members: 3, others: ['3.7.1', undefined] }, ['3.0.0'], []],
    [{ members: 3, others: ['3.7.1', 'nonsense'] }, ['3.0.0'], []],
    [{ members: 3, others: ['3.7.1', undefined], decided: '3.0.0' }, [], []],
    [{ members: 3, others: ['3.7.1', '3.7.1'], decided: '3.0.0' }, ['3.7.0'], ['3.7.0']],
    [{ members: 3, others: ['3.6.1', '3.7.1'], decided: '3.7.0' }, [], ['3.7.0']],
  ] as const
  for (const [options, proposed, marks] of rows) {
    const one = versions(options)
    await one.version.open()
    await one.clock.settle()
    t.same([one.proposed, one.marks], [proposed, marks], JSON.stringify(options))
    one.version.close()
    t.equal(one.clock.timers, 0)
  }
})

t.test('a version that could not be decided is tried again; a follower only marks its store', async (t) => {
  const { clock, membership, state, proposed, marks, version } = versions()
  state.refuse = true
  await version.open()
  t.same([proposed, marks], [['3.7.0'], []])
  await clock.advance(4000)
  t.equal(proposed.length, 2)
  state.leads = false
  await clock.advance(4000)
  t.equal(proposed.length, 2)
  membership.setClusterVersion('3.6.0')
  await clock.advance(4000)
  t.same(marks, ['3.6.0'])
  version.close()
})

t.test('after a snapshot was installed the mark of its store is what counts', async (t) => {
  for (const [stored, expected] of [
    [undefined, ['3.7.0', '3.7.0']],
    ['3.6.0', ['3.7.0', '3.7.0']],
    ['3.7.0', ['3.7.0']],
  ] as const) {
    const { clock, state, marks, version } = versions({ decided: '3.7.0' })
    await version.open()
    state.stored = stored
    version.onInstalled()
    await clock.advance(4000)
    t.same(marks, expected, `holds ${stored}`)
    version.close()
  }
})

t.test('what was asked before the leadership was lost decides nothing', async (t) => {
  const { clock, state, proposed, version } = versions({ members: 2, others: ['3.7.1'] })
  const opening = version.open()
  state.leads = false
  await opening
  await clock.settle()
  t.same(proposed, [])
  version.close()
})

t.test('a server that its cluster leaves behind stops', async (t) => {
  const { clock, membership, state, marks, tooLow, version } = versions()
  state.leads = false
  await version.open()
  membership.setClusterVersion('3.8.0')
  await clock.advance(4000)
  t.match(tooLow, [{ name: 'VersionTooLow' }])
  t.same(marks, [])
  version.close()
})

t.test('a server below the cluster version does not run', async (t) => {
  for (const [decided, server, fails] of [
    ['3.8.0', '3.7.1', true],
    ['4.0.0', '3.7.1', true],
    ['3.10.0', '3.9.9', true],
    ['3.7.0', '3.7.1', false],
    ['3.0.0', '3.7.1', false],
  ] as const) {
    const { version } = versions({ decided, server })
    if (fails) t.throws(() => version.verify(), VersionTooLow)
    else t.doesNotThrow(() => version.verify())
  }
  t.doesNotThrow(() => versions().version.verify())
})
