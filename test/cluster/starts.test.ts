// Members that must not start, or must not join: exit codes and the text of the reason, as real etcd gives them.
//
//   QUORATE_SUBJECT=reference    real etcd on both sides: proves the suite itself
//   TRANSCRIPT=1                 prints what real etcd showed
import t from 'tap'
import type { ClusterMember, StartFlags } from '../support/cluster.js'
import { waitFor } from '../support/wait.js'
import type { Operator } from './operator.js'
import { compareScenario, tellAllowed } from './scenario.js'

const UNHEALTHY = /unhealthy cluster/
const MISMATCH = 'cluster ID mismatch'
const REMOVED = 'the member has been permanently removed from the cluster'

t.setTimeout(10 * 60_000)

/** The reason in the last line of a log that gives one. */
const lastError = (log: string): string => {
  const errors = log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { level: string; error?: string })
    .filter(({ level, error }) => error !== undefined && ['error', 'fatal'].includes(level))
  return inOrder(errors.at(-1)?.error ?? 'no reason')
}

/** Members that a text lists are in no order. */
const inOrder = (text: string): string =>
  text.replace(
    /Members:\[(&\{.*\}\})\]/,
    (_, list: string) =>
      `Members:[${list
        .split(/ (?=&)/)
        .sort()
        .join(' ')}]`,
  )

/** Starts a member that ends by itself. */
const noteRefusedStart = async (operator: Operator, what: string, member: ClusterMember, flags: StartFlags) => {
  member.launch(flags)
  await operator.noteExit(member)
  operator.note(what, lastError(member.log))
}

const logged = (member: ClusterMember, text: string): Promise<boolean> =>
  waitFor(`"${text}" of ${member.name}`, () => member.log.includes(text), {
    timeoutMs: 30_000,
    detail: () => `\n${member.log.slice(-3000)}`,
  })

t.test('starts against a running cluster', (t) =>
  compareScenario(t, { size: 3, spare: 1 }, async (operator, cluster, spare) => {
    await operator.learnIds()
    await cluster.lead(operator.member('m1'))
    const m3 = operator.member('m3')
    const m4 = await cluster.prepare(spare[0])
    const three = cluster.initialCluster(cluster.members.slice(0, 3))
    const four = cluster.initialCluster()
    const existing = { state: 'existing' } as const

    await noteRefusedStart(operator, 'not added', m4, { ...existing, initialCluster: four })
    m4.wipe()
    await noteRefusedStart(operator, 'not in its own list', m4, { ...existing, initialCluster: three })
    m4.wipe()
    const alone = `${m4.name}=${m4.peerUrl}`
    await noteRefusedStart(operator, 'nobody to ask', m4, { ...existing, initialCluster: alone })
    m4.wipe()
    const other = `${three},m4=http://127.0.0.1:9`
    await noteRefusedStart(operator, 'another URL', m4, { ...existing, initialCluster: other })
    m4.wipe()
    const twice = `${alone},m5=${m4.peerUrl}`
    await noteRefusedStart(operator, 'one URL twice', m4, { state: 'new', initialCluster: twice })
    m4.wipe()

    // Its data is lost, and it comes as on the first day.
    await m3.kill()
    m3.wipe()
    await noteRefusedStart(operator, 'already a member', m3, { state: 'new', initialCluster: three })
    m3.wipe()

    // Removed and added again, as it should be; first with a list that is not that of the cluster.
    await operator.ctl('member remove $M3', { whileShown: UNHEALTHY })
    await operator.ctl('member add m4 --peer-urls=$M4-PEER', {
      whileShown: UNHEALTHY,
      save: { ADDED: /Member\s+(\w+) added/ },
      anyOrder: true,
    })
    const tooFew = cluster.initialCluster([operator.member('m1'), m4])
    await noteRefusedStart(operator, 'a list that is too short', m4, { ...existing, initialCluster: tooFew })
    m4.wipe()
    const wrong = `${cluster.initialCluster([operator.member('m1'), m4])},m2=http://127.0.0.1:9`
    await noteRefusedStart(operator, 'a list with a wrong URL', m4, { ...existing, initialCluster: wrong })
    m4.wipe()
    const right = cluster.initialCluster([operator.member('m1'), operator.member('m2'), m4])
    // The token plays no part for a member that joins.
    await m4.start({ ...existing, initialCluster: right, token: 'another' })
    await operator.ctl('put joined yes', { at: 'm4' })

    // A removed member that comes back with its data.
    await operator.ctl('member remove $ADDED', { whileShown: UNHEALTHY })
    await operator.noteExit(m4)
    operator.note('it knows why', m4.log.includes(REMOVED))
    m4.launch()
    const { code } = await m4.exited
    // Real etcd ends with 0 or 1, by chance.
    operator.note('it ends again', code === 0 || code === 1)
    operator.note('and knows why', m4.log.includes(REMOVED))
    await operator.ctl('member list')
  }),
)

t.test('a data directory of another cluster', (t) =>
  compareScenario(t, { size: 3, spare: 1 }, async (operator, cluster, spare) => {
    await operator.learnIds()
    const foreign = await cluster.prepare(spare[0])
    await foreign.start({ state: 'new', token: 'foreign' })
    await foreign.terminate()
    await operator.ctl('member add m4 --peer-urls=$M4-PEER', {
      whileShown: UNHEALTHY,
      save: { ADDED: /Member\s+(\w+) added/ },
      anyOrder: true,
    })
    foreign.launch({ state: 'existing', initialCluster: cluster.initialCluster() })
    await foreign.ready()
    operator.note('the members say', await logged(operator.member('m1'), MISMATCH))
    operator.note('it runs on', foreign.running)
    await operator.ctl('member list', { at: 'm4' })
    await operator.ctl('put still works')
    await operator.ctl('endpoint health --cluster', { anyOrder: true })
  }),
)

t.test('members with different tokens', (t) =>
  compareScenario(t, { size: 0, spare: 3 }, async (operator, cluster, spare) => {
    const members: ClusterMember[] = []
    for (const address of spare) members.push(await cluster.prepare(address))
    const initialCluster = cluster.initialCluster()
    const [m1, m2, odd] = members as [ClusterMember, ClusterMember, ClusterMember]
    for (const member of [m1, m2]) member.launch({ state: 'new', initialCluster })
    odd.launch({ state: 'new', initialCluster, token: 'odd' })
    await Promise.all([m1.ready(), m2.ready()])
    operator.note('one of them says', await logged(odd, MISMATCH))
    operator.note('it runs', odd.running)
    operator.note('it is not ready', !odd.isReady)
    await operator.ctl('put two suffice')
    await operator.ctl('member list', { at: 'm2' })
  }),
)

t.test('first starts that cannot be', (t) =>
  compareScenario(t, { size: 0, spare: 3 }, async (operator, cluster, spare) => {
    for (const address of spare) await cluster.prepare(address)
    const [m1, m2] = cluster.members as [ClusterMember, ClusterMember]
    const state = 'new'
    const cases: [string, string][] = [
      ['not in its own list', cluster.initialCluster([m2])],
      ['another URL of its own', `m1=http://127.0.0.1:9,${cluster.initialCluster([m2])}`],
      ['two URLs of its own', `m1=http://127.0.0.1:9,${cluster.initialCluster([m1, m2])}`],
      ['one URL twice', `${cluster.initialCluster([m1, m2])},m3=${m2.peerUrl}`],
      ['not a URL', `m1=${m1.peerUrl},m2=nonsense`],
    ]
    for (const [what, initialCluster] of cases) {
      await noteRefusedStart(operator, what, m1, { state, initialCluster })
      m1.wipe()
    }
    await noteRefusedStart(operator, 'nobody answers', m1, {
      state: 'existing',
      initialCluster: cluster.initialCluster(),
    })
    // Without a quorum a member waits, and takes no calls.
    m1.wipe()
    m1.launch({ state, initialCluster: cluster.initialCluster() })
    await operator.ctl('get k --command-timeout=2s')
    operator.note('it runs', m1.running)
    operator.note('it is not ready', !m1.isReady)
    const { signal } = await m1.terminate()
    operator.note('it ends by a signal', String(signal))
    // With a second one there is a quorum, and the third joins when it comes.
    for (const member of [m1, m2]) member.launch({ state, initialCluster: cluster.initialCluster() })
    await Promise.all([m1.ready(), m2.ready()])
    await operator.ctl('member list')
    await cluster.member('m3').start({ state, initialCluster: cluster.initialCluster() })
    await operator.ctl('member list', { at: 'm3' })
  }),
)

t.test('ids are those of real etcd for the same flags', (t) =>
  compareScenario(t, { size: 0, spare: 5 }, async (operator, cluster, spare) => {
    for (const address of spare) await cluster.prepare(address)
    for (const [size, token] of [
      [3, 'one'],
      [3, 'two'],
      [1, 'one'],
      [5, ''],
    ] as const) {
      const members = cluster.members.slice(0, size)
      const initialCluster = cluster.initialCluster(members)
      for (const member of members) member.launch({ state: 'new', token, initialCluster })
      await Promise.all(members.map((member) => member.ready()))
      await Promise.all(members.map((member) => member.id()))
      await operator.ctl('member list -w json')
      await operator.ctl('member list -w json', { at: `m${size}` })
      await Promise.all(members.map((member) => member.kill()))
      for (const member of members) member.wipe()
    }
  }),
)

t.teardown(tellAllowed)
