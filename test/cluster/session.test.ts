// An operator's day with a cluster of three, by etcdctl: everything that it prints is what it prints of real etcd.
//
//   QUORATE_SUBJECT=reference    real etcd on both sides: proves the suite itself
//   TRANSCRIPT=1                 prints what real etcd showed
import t from 'tap'
import type { Cluster } from '../support/cluster.js'
import type { EtcdctlVersion } from '../support/etcdctl.js'
import { findTool } from '../support/repository.js'
import type { Operator } from './operator.js'
import { compareScenario, tellAllowed, type Spare } from './scenario.js'

const CLIENTS: readonly EtcdctlVersion[] = ['3.5', '3.4']
const ALL = 'm1,m2,m3'
/** Membership changes are refused until all members have been connected for five seconds. */
const UNHEALTHY = /unhealthy cluster/

t.setTimeout(10 * 60_000)

const listings = async (operator: Operator): Promise<void> => {
  for (const line of ['member list', 'member list -w table', 'member list -w json', 'member list -w fields']) {
    await operator.ctl(line)
  }
  await operator.ctl('member list', { at: 'm3' })
  await operator.ctl('endpoint status -w table', { at: ALL })
  await operator.ctl('endpoint status --cluster -w table')
  await operator.ctl('endpoint status --cluster -w json')
  await operator.ctl('endpoint health --cluster', { anyOrder: true })
  await operator.ctl('endpoint health', { at: ALL, anyOrder: true })
}

const dataEverywhere = async (operator: Operator): Promise<void> => {
  await operator.ctl('put greeting hello')
  await operator.ctl('get greeting -w json', { at: 'm2' })
  await operator.ctl('put greeting welcome -w json', { at: 'm3' })
  await operator.ctl('get greeting', { at: 'm1' })
  await operator.ctl('get greeting', { at: 'm3' })
  await operator.ctl('get greeting --consistency=s', { at: 'm3' })
  await operator.ctl('del greeting', { at: 'm2' })
  await operator.ctl('get greeting --rev=3', { at: 'm1' })
  await operator.ctl('compact 3', { at: 'm2' })
  await operator.ctl('get greeting --rev=2', { at: 'm3' })
}

const transfers = async (operator: Operator, cluster: Cluster): Promise<void> => {
  await operator.ctl('move-leader $M3', { at: 'm2' })
  await operator.ctl('move-leader 1234', { at: ALL })
  await operator.ctl('move-leader nonsense', { at: ALL })
  await operator.ctl('move-leader', { at: ALL })
  await operator.ctl('move-leader $M1', { at: ALL })
  await operator.ctl('move-leader $M2', { at: ALL })
  await cluster.leader()
  await operator.ctl('endpoint status --cluster')
  await operator.ctl('move-leader $M1', { at: 'm2' })
  await cluster.leader()
}

const leasesOfAFollower = async (operator: Operator): Promise<void> => {
  const at = 'm3'
  await operator.ctl('lease grant 600', { at, save: { LEASE: /lease (\w+) granted/ } })
  await operator.ctl('put leased v --lease=$LEASE', { at: 'm2' })
  await operator.ctl('lease keep-alive --once $LEASE', { at })
  await operator.ctl('lease timetolive $LEASE --keys', { at })
  await operator.ctl('lease timetolive $LEASE --keys -w json', { at })
  await operator.ctl('lease list', { at })
  await operator.ctl('lease list', { at: 'm1' })
  await operator.ctl('lease revoke $LEASE', { at })
  await operator.ctl('get leased', { at })
  await operator.ctl('lease timetolive $LEASE', { at })
  await operator.ctl('lease keep-alive --once $LEASE', { at })
  // The lease's id, which is another in each run, leaves the store, or its hash would differ.
  await operator.ctl('compact 6', { at })
}

const lossOfTheLeader = async (operator: Operator, cluster: Cluster): Promise<void> => {
  const watch = operator.session('watch seen --prefix --rev=7', 'm2,m3')
  await operator.ctl('put seen/1 before')
  await watch.expect(/before/)
  await operator.member('m1').kill()
  await cluster.leader()
  await operator.ctl('put seen/2 without', { at: 'm2,m3' })
  await operator.ctl('get seen --prefix', { at: 'm3' })
  await operator.ctl('get seen --prefix', { at: 'm2' })
  await watch.expect(/without/)
  await operator.ctl('endpoint health --command-timeout=1s', { at: ALL, anyOrder: true })
  await operator.ctl('member list', { at: 'm3' })
  await operator.ctl('get seen/1 --command-timeout=1s', { at: 'm1' })
  await operator.member('m1').start()
  await cluster.leader()
  await operator.ctl('get seen/2')
  await operator.ctl('endpoint health --cluster', { anyOrder: true })
  // Whichever of the two the watch is connected to: both go, one after the other.
  for (const name of ['m2', 'm3']) {
    await operator.member(name).kill()
    await cluster.leader()
    await operator.ctl(`put seen/without-${name} v`)
    await operator.member(name).start()
    await cluster.leader()
    await watch.expect(new RegExp(`without-${name}`), 20_000)
  }
  await operator.endSession('watch seen', watch)
  await cluster.lead(operator.member('m1'))
}

const replacement = async (operator: Operator, cluster: Cluster, spare: Spare): Promise<void> => {
  await operator.ctl('member remove 1234', { whileShown: UNHEALTHY })
  await operator.ctl('member remove nonsense')
  await operator.ctl('member remove $M3', { whileShown: UNHEALTHY })
  await operator.noteExit(operator.member('m3'))
  await operator.ctl('member list -w table')
  await operator.ctl('member remove $M3')
  await operator.ctl('member update $M3 --peer-urls=http://127.0.0.1:1')

  const m4 = await cluster.prepare(spare[0])
  await operator.ctl('member add m4 --peer-urls=$M4-PEER', {
    whileShown: UNHEALTHY,
    save: { ADDED: /Member\s+(\w+) added/ },
    anyOrder: true,
  })
  await operator.ctl('member list', { anyOrder: true })
  await operator.ctl('member add m5 --peer-urls=http://127.0.0.1:9')
  const [m1, m2] = [operator.member('m1'), operator.member('m2')]
  await m4.start({ initialCluster: cluster.initialCluster([m1, m2, m4]) })
  await operator.ctl('get seen --prefix', { at: 'm4' })
  await operator.ctl('member list', { anyOrder: true, at: 'm4' })
  await operator.ctl('endpoint hashkv', { at: 'm1,m2,m4' })
}

const learner = async (operator: Operator, cluster: Cluster, spare: Spare): Promise<void> => {
  const members = ['m1', 'm2', 'm4'].map((name) => operator.member(name))
  const m5 = await cluster.prepare(spare[1])
  await operator.ctl('member add m5 --learner --peer-urls=$M5-PEER', {
    whileShown: UNHEALTHY,
    save: { LEARNER: /Member\s+(\w+) added/ },
    anyOrder: true,
  })
  await operator.ctl('member list', { anyOrder: true })
  await m5.start({ initialCluster: cluster.initialCluster([...members, m5]) })
  await operator.ctl('member list', { anyOrder: true })
  await operator.ctl('endpoint status', { at: 'm5' })
  await operator.ctl('get seen --prefix --consistency=s', { at: 'm5' })
  await operator.ctl('move-leader $LEARNER', { at: 'm1' })
  await operator.ctl('member promote 1234')
  await operator.ctl('member promote $LEARNER', { at: 'm2', whileShown: /in sync with leader/ })
  await operator.ctl('member promote $LEARNER', { at: 'm2' })
  await operator.ctl('get seen/1', { at: 'm5' })
  await operator.ctl('member update $LEARNER --peer-urls=http://localhost:$M5PORT')
  await operator.ctl('member list', { anyOrder: true })
  await operator.ctl('put after-update 1', { at: 'm5' })
  await operator.ctl('member update $LEARNER --peer-urls=$M1-PEER')
}

const maintenance = async (operator: Operator, cluster: Cluster): Promise<void> => {
  const all = 'm1,m2,m4,m5'
  await cluster.hashes()
  await operator.ctl('endpoint hashkv', { at: all })
  await operator.ctl('endpoint hashkv --cluster', { anyOrder: true })
  await operator.ctl('alarm list', { at: 'm4' })
  await operator.ctl('alarm disarm', { at: 'm4' })
  await operator.ctl('defrag', { at: all })
  await operator.ctl('defrag --cluster', { anyOrder: true })
  await operator.ctl('endpoint hashkv', { at: all })
  await operator.ctl('endpoint health --cluster', { anyOrder: true })
  const { signal } = await operator.member('m1').terminate()
  operator.note('the leader ends by its signal', String(signal))
  await cluster.leader()
  await operator.ctl('put after-stop 1', { at: 'm2,m4,m5' })
  await operator.ctl('get after-stop', { at: 'm5' })
}

for (const client of CLIENTS) {
  const skip = findTool('etcdctl', client) === undefined && `etcdctl ${client} is missing`
  t.test(`an operator's session (etcdctl ${client})`, { skip }, (t) =>
    compareScenario(t, { size: 3, spare: 2, client }, async (operator, cluster, spare) => {
      operator.save('M5PORT', String(spare[1]?.peer))
      await operator.learnIds()
      await operator.ctl('member remove $M3')
      await cluster.lead(operator.member('m1'))
      await listings(operator)
      await dataEverywhere(operator)
      await transfers(operator, cluster)
      await leasesOfAFollower(operator)
      await lossOfTheLeader(operator, cluster)
      await replacement(operator, cluster, spare)
      await learner(operator, cluster, spare)
      await maintenance(operator, cluster)
    }),
  )
}

t.teardown(tellAllowed)
