import t from 'tap'
import { usage } from './help.js'
import { errorOf, load, messages, mustExit, mustRun } from './testing.js'

t.test('syntax and value errors: plain text with usage on standard error, exit 2', async (t) => {
  const cases: [string[], string][] = [
    [['-nope'], 'flag provided but not defined: -nope'],
    [['--nope=1'], 'flag provided but not defined: -nope'],
    [['--experimental-nope'], 'flag provided but not defined: -experimental-nope'],
    [['--discovery', 'x'], 'flag provided but not defined: -discovery'],
    [['--proxy=off'], 'flag provided but not defined: -proxy'],
    [['-heartbeat-interval'], 'flag needs an argument: -heartbeat-interval'],
    [['---x'], 'bad flag syntax: ---x'],
    [['--=x'], 'bad flag syntax: --=x'],
    [['-=x'], 'bad flag syntax: -=x'],
    [['--heartbeat-interval', 'abc'], 'invalid value "abc" for flag -heartbeat-interval: parse error'],
    [['--heartbeat-interval='], 'invalid value "" for flag -heartbeat-interval: parse error'],
    [['--bcrypt-cost', '-5'], 'invalid value "-5" for flag -bcrypt-cost: parse error'],
    [
      ['--quota-backend-bytes=99999999999999999999'],
      'invalid value "99999999999999999999" for flag -quota-backend-bytes: value out of range',
    ],
    [['--quota-backend-bytes=0x'], 'invalid value "0x" for flag -quota-backend-bytes: parse error'],
    [['--pre-vote=maybe'], 'invalid boolean value "maybe" for -pre-vote: parse error'],
    [['--pre-vote='], 'invalid boolean value "" for -pre-vote: parse error'],
    [['--grpc-keepalive-min-time=5'], 'invalid value "5" for flag -grpc-keepalive-min-time: parse error'],
    [
      ['--max-concurrent-streams=4294967296'],
      'invalid value "4294967296" for flag -max-concurrent-streams: strconv.ParseUint: parsing "4294967296": value out of range',
    ],
    [
      ['--max-concurrent-streams=x'],
      'invalid value "x" for flag -max-concurrent-streams: strconv.ParseUint: parsing "x": invalid syntax',
    ],
    [['--initial-cluster-state=foo'], 'invalid value "foo" for flag -initial-cluster-state: invalid value'],
    [['--discovery-fallback=foo'], 'invalid value "foo" for flag -discovery-fallback: invalid value'],
    [['--v2-deprecation=bogus'], 'invalid value "bogus" for flag -v2-deprecation: invalid value "bogus"'],
    [['--v2-deprecation', 'not-yet'], 'invalid value "not-yet" for flag -v2-deprecation: invalid value "not-yet"'],
    [['--cors='], 'invalid value "" for flag -cors: URL scheme must be http, https, unix, or unixs: '],
    [['--feature-gates=A'], 'invalid value "A" for flag -feature-gates: missing bool value for A'],
    [
      ['--feature-gates=CompactHashCheck=x'],
      'invalid value "CompactHashCheck=x" for flag -feature-gates: invalid value of CompactHashCheck=x, err: strconv.ParseBool: parsing "x": invalid syntax',
    ],
    [['--feature-gates=Foo=true'], 'invalid value "Foo=true" for flag -feature-gates: unrecognized feature gate: Foo'],
    [
      ['--listen-client-urls', 'foo://x'],
      'invalid value "foo://x" for flag -listen-client-urls: URL scheme must be http, https, unix, or unixs: foo://x',
    ],
    [
      ['--listen-client-urls', 'http://localhost'],
      'invalid value "http://localhost" for flag -listen-client-urls: URL address does not have the form "host:port": http://localhost',
    ],
    [
      ['--listen-peer-urls', 'http://localhost:1/x'],
      'invalid value "http://localhost:1/x" for flag -listen-peer-urls: URL must not contain a path: http://localhost:1/x',
    ],
    [
      ['--listen-peer-urls', 'http://[::1'],
      `invalid value "http://[::1" for flag -listen-peer-urls: parse "http://[::1": missing ']' in host`,
    ],
    [
      ['--listen-peer-urls', 'http://a:b'],
      'invalid value "http://a:b" for flag -listen-peer-urls: parse "http://a:b": invalid port ":b" after host',
    ],
  ]
  for (const [argv, first] of cases) {
    const outcome = mustExit({ argv })
    t.equal(outcome.code, 2, argv.join(' '))
    t.equal(outcome.stderr, `${first}\n${usage()}`)
    t.equal(outcome.stdout, '')
    t.same(outcome.lines, [])
  }
})

t.test('one dash or two, value after = or as the next argument; the last one wins', async (t) => {
  for (const argv of [['-name', 'x'], ['--name', 'x'], ['-name=x'], ['--name=x'], ['--name=a', '-name=x']]) {
    t.equal(mustRun({ argv }).config.name, 'x', argv.join(' '))
  }
  t.equal(mustRun({ argv: ['--wal-dir=a=b'] }).config.walDir, 'a=b')
  t.equal(mustRun({ argv: ['--pre-vote=F'] }).config.preVote, false)
  t.equal(mustRun({ argv: ['--quota-backend-bytes=-1'] }).config.quotaBytes, undefined)
  t.equal(mustRun({ argv: ['--max-txn-ops=0x1_0'] }).config.maxTxnOps, 16)
  t.equal(mustRun({ argv: ['--max-txn-ops=010'] }).config.maxTxnOps, 8)
})

t.test('stray arguments: even before --version', async (t) => {
  const stray: [string[], string][] = [
    [['stray'], 'stray'],
    [['--version', 'x'], 'x'],
    [['--pre-vote', 'false'], 'false'],
    [['--', '--name', 'x'], '--name'],
    [['-'], '-'],
    [['--config', 'x'], 'x'],
    [[''], ''],
  ]
  for (const [argv, word] of stray) {
    const outcome = mustExit({ argv })
    t.equal(outcome.code, 1)
    t.same(messages(outcome.lines), ['info Running: ', 'warn failed to verify flags'])
    t.equal(errorOf({ argv }), `"${word}" is not a valid flag`)
  }
  t.equal(load({ argv: ['--'] }).kind, 'run')
})

t.test('-h and --version look neither at the environment nor at the file', async (t) => {
  const env = { ETCD_HEARTBEAT_INTERVAL: 'abc', ETCD_CONFIG_FILE: 'missing', ETCD_NAME: 'x' }
  for (const argv of [['-h'], ['-help'], ['--help'], ['--name', 'x', '-h']]) {
    const outcome = mustExit({ argv, env })
    t.equal(outcome.code, 0)
    t.match(outcome.stderr, /^Usage:\n/)
    t.match(outcome.stdout, /^\nMember:\n {2}--name 'default'\n {4}\S/)
  }
  const platform = { nodeVersion: 'v20.1.2', os: 'linux', arch: 'arm64' }
  const version = mustExit({ argv: ['--version', '--name=x'], env, platform })
  t.same(version.stdout.split('\n').slice(0, 4), [
    'etcd Version: 3.7.1',
    'Git SHA: quorate',
    'Go Version: node v20.1.2',
    'Go OS/Arch: linux/arm64',
  ])
  t.equal(version.code, 0)
})

t.test('ignored flags take anything and do nothing', async (t) => {
  t.equal(
    load({ argv: ['--v=yes', '--vv', '--snapshot', '--test.coverprofile=x', '--cluster-active-size=9'] }).kind,
    'run',
  )
})

t.test('given but empty is not the same as not given', async (t) => {
  t.equal(
    errorOf({ argv: ['--listen-client-urls='] }),
    '--advertise-client-urls is required when --listen-client-urls is set explicitly',
  )
  const outcome = mustExit({ argv: ['--listen-client-urls='] })
  t.same(messages(outcome.lines).slice(-2), ['warn failed to verify flags', 'warn advertise client URLs are not set'])
  t.same(
    mustRun({ argv: ['--listen-metrics-urls=', '--listen-client-http-urls=', '--data-dir='] }).config.dataDir,
    'default.etcd',
  )
  t.same(mustRun({ argv: ['--host-whitelist='] }).config.hostWhitelist, [''])
  t.equal(errorOf({ argv: ['--cipher-suites='] }), 'unexpected TLS cipher suite ""')
  t.equal(errorOf({ argv: ['--log-outputs='] }), 'open sink "": open : no such file or directory')
  t.same(mustRun({ argv: ['--peer-cert-allowed-cn='] }).config.tls.peer.allowedCommonNames, [''])
  t.equal(mustRun({ argv: ['--initial-cluster-token='] }).config.initialClusterToken, '')
})

t.test('lists: URLs and sets are sorted without repetitions, plain lists keep their order', async (t) => {
  const argv = [
    '--listen-client-urls= http://127.0.0.1:9 ,http://127.0.0.1:10,http://127.0.0.1:9',
    '--advertise-client-urls=http://b:1,HTTP://a:1',
    '--host-whitelist=b,a,b',
    '--cors=http://b:1,http://a:1',
    '--client-cert-allowed-hostname=b, a,b',
  ]
  const { config } = mustRun({ argv })
  t.same(
    config.listenClientUrls.map(({ text }) => text),
    ['http://127.0.0.1:10', 'http://127.0.0.1:9'],
  )
  t.same(
    config.advertiseClientUrls.map(({ text }) => text),
    ['http://a:1', 'http://b:1'],
  )
  t.same(config.hostWhitelist, ['a', 'b'])
  t.same(config.corsOrigins, ['http://a:1', 'http://b:1'])
  t.same(config.tls.client.allowedHostnames, ['b', ' a', 'b'])
})

t.test('gates accumulate; a stage sets what is not named', async (t) => {
  const on = (argv: string[]) =>
    mustRun({ argv })
      .config.gates.filter(({ enabled }) => enabled)
      .map(({ name }) => name)
  t.same(on([]), ['TxnModeWriteWithSharedBuffer', 'FastLeaseKeepAlive'])
  t.same(on(['--feature-gates=CompactHashCheck=true', '--feature-gates= LeaseCheckpoint = t ,FastLeaseKeepAlive=0']), [
    'CompactHashCheck',
    'LeaseCheckpoint',
    'TxnModeWriteWithSharedBuffer',
  ])
  t.same(on(['--feature-gates=AllBeta=false,FastLeaseKeepAlive=true']), ['FastLeaseKeepAlive'])
  const { config } = mustRun({ argv: ['--feature-gates=LeaseCheckpoint=true,CompactHashCheck=false'] })
  t.equal(config.startFields['feature-gates'], 'CompactHashCheck=false,LeaseCheckpoint=true')
})
