import t from 'tap'
import { type ServerConfig, loadConfig } from '../config/index.js'
import { checkStart, patientLookup } from './new-member.js'
import { HandClock, recordingLogger } from './testing.js'

const configOf = (...flags: string[]): ServerConfig => {
  const outcome = loadConfig(flags, {}, () => '')
  if (outcome.kind !== 'run') throw new Error('the flags are good')
  return outcome.config
}

const world = (lookup: (hostname: string) => Promise<string> = () => Promise.reject(new Error('not asked'))) => {
  const clock = new HandClock()
  const { logger, lines } = recordingLogger()
  return { clock, lines, parts: { clock, logger, lookup } }
}

const TWO = ['--name=a', '--initial-cluster=a=http://a:1,b=http://b:1', '--initial-advertise-peer-urls=http://a:1']

t.test('flags count for the starts that they are about', async (t) => {
  const cases: [string[], 'new' | 'restart', string | undefined][] = [
    [[], 'new', undefined],
    [[], 'restart', undefined],
    [TWO, 'new', 'not supported yet: more than one member in --initial-cluster'],
    [TWO, 'restart', undefined],
    [['--initial-cluster-state=existing'], 'new', 'not supported yet: --initial-cluster-state=existing'],
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
    const outcome = checkStart(configOf(...flags), start === 'restart', world().parts)
    const name = `${start} ${flags.join(' ')}`
    if (message === undefined) await t.resolves(outcome, name)
    else await t.rejects(outcome, { message }, name)
  }
})

t.test('a restart with discovery says that it is ignored', async (t) => {
  const { parts, lines } = world()
  await checkStart(configOf('--discovery-srv=example.com'), true, parts)
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
