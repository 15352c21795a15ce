import t from 'tap'
import { hexId } from '../base/index.js'
import { type ServerConfig, loadConfig } from '../config/index.js'
import { initialMembers } from '../member/index.js'
import type { FetchPage } from './existing-cluster.js'
import { patientLookup, planStart } from './new-member.js'
import { HandClock, recordingLogger } from './testing.js'

const configOf = (...flags: string[]): ServerConfig => {
  const outcome = loadConfig(flags, {}, () => '')
  if (outcome.kind !== 'run') throw new Error('the flags are good')
  return outcome.config
}

/** Pages of other members by address; everything else does not answer. */
const pagesOf =
  (pages: Readonly<Record<string, { readonly body: string; readonly clusterId?: string }>>): FetchPage =>
  (url) => {
    const page = pages[url]
    if (page === undefined) return Promise.reject(new Error('connection refused'))
    const headers = page.clusterId === undefined ? {} : { 'x-etcd-cluster-id': page.clusterId }
    return Promise.resolve({ status: 200, headers, body: page.body })
  }

const world = (
  lookup: (hostname: string) => Promise<string> = () => Promise.reject(new Error('not asked')),
  fetch: FetchPage = pagesOf({}),
) => {
  const clock = new HandClock()
  const { logger, lines } = recordingLogger()
  return { clock, lines, parts: { clock, logger, lookup, fetch } }
}

const TWO = ['--name=a', '--initial-cluster=a=http://a:1,b=http://b:1', '--initial-advertise-peer-urls=http://a:1']

t.test('flags count for the starts that they are about', async (t) => {
  const cases: [string[], 'new' | 'restart', string | undefined][] = [
    [[], 'new', undefined],
    [[], 'restart', undefined],
    [TWO, 'new', undefined],
    [TWO, 'restart', undefined],
    [
      ['--initial-cluster-state=existing'],
      'new',
      'cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs',
    ],
    [['--initial-cluster-state=existing'], 'restart', undefined],
    [['--discovery-srv=example.com'], 'new', 'not supported yet: --discovery-srv'],
    [['--force-new-cluster'], 'new', undefined],
    [['--force-new-cluster'], 'restart', 'not supported yet: --force-new-cluster'],
    [
      ['--name=x', '--initial-cluster=y=http://a:1'],
      'new',
      `couldn't find local name "x" in the initial cluster configuration`,
    ],
    [['--name=x', '--initial-cluster=y=http://a:1'], 'restart', undefined],
    [
      ['--initial-cluster=default=http://127.0.0.1:2', '--initial-advertise-peer-urls=http://127.0.0.1:1'],
      'new',
      '--initial-cluster has default=http://127.0.0.1:2 but missing from --initial-advertise-peer-urls=http://127.0.0.1:1 (resolved urls: "http://127.0.0.1:1" != "http://127.0.0.1:2")',
    ],
  ]
  for (const [flags, start, message] of cases) {
    const outcome = planStart(configOf(...flags), start === 'restart', world().parts)
    const name = `${start} ${flags.join(' ')}`
    if (message === undefined) await t.resolves(outcome, name)
    else await t.rejects(outcome, { message }, name)
  }
})

t.test('a restart with discovery says that it is ignored', async (t) => {
  const { parts, lines } = world()
  await planStart(configOf('--discovery-srv=example.com'), true, parts)
  t.match(lines, [
    { level: 'warn', message: 'discovery token is ignored since cluster already initialized; valid logs are found' },
  ])
})

t.test('names may take half a minute to become known', async (t) => {
  let asked = 0
  const { clock, parts, lines } = world(() => {
    asked++
    return asked < 4 ? Promise.reject(new Error('lookup h: no such host')) : Promise.resolve('10.0.0.1')
  })
  const found = patientLookup(parts)('h')
  for (let i = 0; i < 3; i++) {
    await new Promise(setImmediate)
    t.equal(clock.waiting, 1)
    clock.advance(1000)
  }
  t.equal(await found, '10.0.0.1')
  t.equal(lines.length, 3)

  const never = world(() => Promise.reject(new Error('lookup h: no such host')))
  const failed = patientLookup(never.parts)('h').then(
    () => 'found',
    (error: Error) => error.message,
  )
  for (let i = 0; i < 31; i++) {
    await new Promise(setImmediate)
    never.clock.advance(1000)
  }
  t.equal(await failed, 'lookup h: no such host')
  t.equal(never.lines.length, 30)
})

// IDs of real etcd for these URLs and the token `etcd-cluster` are not needed: the page's ids count.
const MEMBER_A = '{"id":11,"peerURLs":["http://127.0.0.1:1"],"name":"a","clientURLs":["http://127.0.0.1:9"]}'
const MEMBER_B = '{"id":18446744073709551615,"peerURLs":["http://127.0.0.1:2"]}'
const VERSIONS = '{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"}'
const JOIN = [
  '--name=b',
  '--initial-cluster=a=http://127.0.0.1:1,b=http://127.0.0.1:2',
  '--initial-advertise-peer-urls=http://127.0.0.1:2',
  '--initial-cluster-state=existing',
]
const joining = (members: string, versions = VERSIONS) =>
  world(
    undefined,
    pagesOf({
      'http://127.0.0.1:1/members': { body: members, clusterId: 'c1' },
      'http://127.0.0.1:1/version': { body: versions },
    }),
  ).parts

t.test('a joining member takes its id and the cluster from the members that run', async (t) => {
  const plan = await planStart(configOf(...JOIN), false, joining(`[${MEMBER_A},${MEMBER_B}]`))
  t.same(plan, {
    kind: 'join',
    memberId: 18446744073709551615n,
    clusterId: 0xc1n,
    remotes: [{ id: 11n, urls: ['http://127.0.0.1:1'] }],
  })
})

t.test('a list that is not that of the running cluster is refused', async (t) => {
  const config = configOf(...JOIN)
  await t.rejects(planStart(config, false, joining(`[${MEMBER_A}]`)), {
    message:
      'error validating peerURLs {ClusterID:c1 Members:[&{ID:b RaftAttributes:{PeerURLs:[http://127.0.0.1:1] IsLearner:false} ' +
      'Attributes:{Name:a ClientURLs:[http://127.0.0.1:9]}}] RemovedMemberIDs:[]}: member count is unequal',
  })
  const foreign = MEMBER_B.replace(':2"', ':3"')
  await t.rejects(
    planStart(config, false, joining(`[${MEMBER_A},${foreign}]`)),
    /PeerURLs: no match found for existing member \(ffffffffffffffff, \[http:\/\/127.0.0.1:3\]\), last resolver error/,
  )
  await t.rejects(planStart(config, false, joining('[]')), {
    message: 'cannot fetch cluster info from peer urls: failed to get raft cluster member(s) from the given URLs',
  })
  await t.rejects(planStart(config, false, joining('nonsense')), /could not retrieve cluster information/)
})

t.test('a cluster of a version that this server cannot serve is not joined', async (t) => {
  for (const versions of ['{"etcdserver":"3.9.0","etcdcluster":"3.8.0"}', '{"etcdserver":"3.7.0"}', '{}', 'x'])
    await t.rejects(planStart(configOf(...JOIN), false, joining(`[${MEMBER_A},${MEMBER_B}]`, versions)), {
      message: 'incompatible with current running cluster',
    })
})

t.test('a member that has served already does not start anew', async (t) => {
  const config = configOf(...TWO.map((flag) => flag.replace('http://b:1', 'http://127.0.0.1:5')))
  const plan = await planStart(config, false, world().parts)
  const own = initialMembers(plan.kind === 'new' ? plan.initial : [], 'etcd-cluster').find(({ name }) => name === 'a')!
  const known = (clientUrls: string) =>
    pagesOf({
      'http://127.0.0.1:5/members': {
        body: `[{"id":${own.id},"peerURLs":["http://a:1"]${clientUrls}}]`,
        clusterId: 'c1',
      },
    })
  await t.resolves(planStart(config, false, world(undefined, known('')).parts), 'it never published itself')
  await t.rejects(planStart(config, false, world(undefined, known(',"clientURLs":["http://a:9"]')).parts), {
    message: `member ${hexId(own.id)} has already been bootstrapped`,
  })
})
