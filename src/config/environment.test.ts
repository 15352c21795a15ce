import t from 'tap'
import { FLAG_NAMES, rowOf, variableOf } from './flag-table.js'
import { errorOf, generator, load, messages, mustExit, mustRun } from './testing.js'

t.test('a variable sets what its flag would', async (t) => {
  const { config, earlyLines } = mustRun({ env: { ETCD_NAME: 'x', ETCD_WAL_DIR: '/w', ETCD_PRE_VOTE: 'False' } })
  t.equal(config.name, 'x')
  t.equal(config.walDir, '/w')
  t.equal(config.preVote, false)
  t.same(earlyLines, [
    {
      level: 'info',
      message: 'recognized and used environment variable',
      fields: { 'variable-name': 'ETCD_NAME', 'variable-value': 'x' },
    },
    {
      level: 'info',
      message: 'recognized and used environment variable',
      fields: { 'variable-name': 'ETCD_PRE_VOTE', 'variable-value': 'False' },
    },
    {
      level: 'info',
      message: 'recognized and used environment variable',
      fields: { 'variable-name': 'ETCD_WAL_DIR', 'variable-value': '/w' },
    },
  ])
})

t.test('an empty or unknown variable only warns', async (t) => {
  const env = { ETCD_NAME: '', ETCD_PROXY: 'off', ETCDCTL_API: '3', PATH: '/bin', ETCD_UNSUPPORTED_ARCH: 'arm' }
  const { config, earlyLines } = mustRun({ env })
  t.equal(config.name, 'default')
  t.same(
    earlyLines.map(({ level, message, fields }) => [level, message, fields['environment-variable']]),
    ['ETCD_NAME=', 'ETCD_PROXY=off', 'ETCD_UNSUPPORTED_ARCH=arm'].map((text) => [
      'warn',
      'unrecognized environment variable',
      text,
    ]),
  )
})

t.test('flag and variable together end the process, however equal or empty', async (t) => {
  for (const value of ['x', 'y', '']) {
    const outcome = mustExit({ argv: ['--name', 'x'], env: { ETCD_NAME: value } })
    t.equal(outcome.code, 1)
    t.same(outcome.lines, [])
    t.same(outcome.earlyLines.at(-1), {
      level: 'fatal',
      message:
        'conflicting environment variable is shadowed by corresponding command-line flag (either unset environment variable or disable flag))',
      fields: { 'environment-variable': 'ETCD_NAME' },
    })
  }
})

t.test('a bad value is an error of verification, exit 1', async (t) => {
  const given = { env: { ETCD_HEARTBEAT_INTERVAL: 'abc' } }
  t.equal(mustExit(given).code, 1)
  t.equal(errorOf(given), 'invalid value "abc" for ETCD_HEARTBEAT_INTERVAL: parse error')
  const two = { env: { ETCD_BCRYPT_COST: 'a', ETCD_MAX_WALS: 'b' } }
  t.equal(errorOf(two), 'invalid value "b" for ETCD_MAX_WALS: parse error', 'the last one counts')
})

t.test('ETCD_VERSION is set aside with a warning', async (t) => {
  const { earlyLines } = mustRun({ env: { ETCD_VERSION: 'v3.5' } })
  t.same(messages(earlyLines), ['warn cannot set special environment variable'])
})

t.test('the variable for the file is honoured and others are then not looked at', async (t) => {
  const outcome = mustExit({ env: { ETCD_CONFIG_FILE: '/nowhere', ETCD_NAME: 'x', ETCD_FOO: '1' }, argv: ['--name=y'] })
  t.same(outcome.earlyLines, [])
  t.equal(errorOf({ env: { ETCD_CONFIG_FILE: '/nowhere' } }), 'open /nowhere: no such file or directory')
})

t.test('secrets are not printed', async (t) => {
  const { earlyLines } = mustExit({ env: { ETCD_DISCOVERY_PASSWORD: 'hunter2', ETCD_DISCOVERY_TOKEN: 't' } })
  t.notMatch(JSON.stringify(earlyLines), /hunter2/)
})

t.test('property: flag and variable accept the same values with the same result', async (t) => {
  const seed = 20260
  const random = generator(seed)
  const texts = [
    ...['1', '0', 'true', 'F', 'yes', '-1', '0x10', '010', '08', '1_000', '5s', '1h30m', '-5m', '0', '1.5', 'abc'],
    ...[
      'new',
      'existing',
      'write-only',
      'gone',
      'a=true',
      'AllAlpha=true',
      'http://127.0.0.1:1',
      'http://a',
      '*',
      'a,b',
    ],
    ...[
      'unix:///x',
      'https://1.2.3.4:5,http://1.2.3.4:5',
      '99999999999999999999',
      '4294967296',
      'periodic',
      'TLS1.3',
      'debug',
    ],
  ]
  let compared = 0
  for (const name of FLAG_NAMES) {
    if (name === 'version' || name === 'config-file' || rowOf(name).kind === 'ignored') continue
    for (let i = 0; i < 12; i++) {
      const value = texts[Math.floor(random() * texts.length)]!
      const byFlag = load({ argv: [`--${name}=${value}`] })
      const byVariable = load({ env: { [variableOf(name)]: value } })
      const note = `--${name}=${value} (seed ${seed})`
      if (byFlag.kind === 'exit' && byFlag.code === 2 && byFlag.stderr.startsWith('invalid')) {
        const prefix = `invalid value ${JSON.stringify(value)} for ${variableOf(name)}: `
        const error = errorOf({ env: { [variableOf(name)]: value } })
        t.ok(String(error).startsWith(prefix), note)
        t.ok(byFlag.stderr.includes(String(error).slice(prefix.length)), note)
      } else if (byFlag.kind === 'run' && byVariable.kind === 'run') t.same(byVariable.config, byFlag.config, note)
      else t.same([byVariable.kind, lastLine(byVariable)], [byFlag.kind, lastLine(byFlag)], note)
      compared++
    }
  }
  t.ok(compared > 1000)
})

const lastLine = (outcome: ReturnType<typeof load>) => outcome.lines.at(-1)
