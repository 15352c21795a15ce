import t from 'tap'
import type { Part } from './flag-row.js'
import { type Given, errorOf, load, messages, mustExit, mustRun } from './testing.js'

const parts = (...built: Part[]) => ({ builtParts: new Set(built) })

t.test('broken rules, in their order and words', async (t) => {
  const cases: [string[], string][] = [
    [['--logger=foo'], 'unknown logger option "foo"'],
    [['--logger=capnslog'], '--logger=capnslog is removed in v3.5'],
    [['--log-outputs=default,stdout'], 'multi logoutput for "default" is not supported yet'],
    [['--log-format=x'], 'unknown log format: x, supported values json, console'],
    [['--enable-log-rotation'], '--log-outputs requires a single file path when --log-rotate-config-json is defined'],
    [
      ['--enable-log-rotation', '--log-outputs=a,b'],
      '--log-outputs requires a single file path when --log-rotate-config-json is defined',
    ],
    [
      ['--enable-log-rotation', '--log-outputs=a', '--log-rotation-config-json={'],
      'improperly formatted log rotation config: unexpected end of JSON input',
    ],
    [
      ['--enable-log-rotation', '--log-outputs=a', '--log-rotation-config-json={"maxsize":"x"}'],
      'invalid log rotation config: json: cannot unmarshal string into Go struct field logRotationConfig.Logger.maxsize of type int',
    ],
    [['--listen-peer-urls=http://foo.bar:1'], 'expected IP in URL for binding (http://foo.bar:1)'],
    [['--listen-client-urls=http://:2379'], 'expected IP in URL for binding (http://:2379)'],
    [['--listen-metrics-urls=http://x:1'], 'expected IP in URL for binding (http://x:1)'],
    [
      ['--initial-advertise-peer-urls=http://:1'],
      '--initial-advertise-peer-urls "http://:1" must be "host:port" (unexpected empty host (http://:1))',
    ],
    [
      ['--advertise-client-urls=http://:1'],
      '--advertise-client-urls "http://:1" must be in the format "host:port", "unix:/path/to/socket" or "unixs:/path/to/socket" (unexpected empty host (http://:1))',
    ],
    [
      ['--initial-cluster=a=http://b:1', '--discovery-srv=x'],
      'multiple discovery or bootstrap flags are set. Choose one of "initial-cluster", "discovery-endpoints" or "discovery-srv"',
    ],
    [['--discovery-token=x'], 'both --discovery-token and --discovery-endpoints must be set'],
    [['--discovery-endpoints=x'], 'both --discovery-token and --discovery-endpoints must be set'],
    [['--discovery-endpoints=,x', '--discovery-token=t'], '--discovery-endpoints must not contain empty endpoints'],
    [['--heartbeat-interval=0', '--election-timeout=0'], '--heartbeat-interval must be >0 (set to 0ms)'],
    [['--election-timeout=0'], '--election-timeout must be >0 (set to 0ms)'],
    [
      ['--election-timeout=499'],
      '--election-timeout[499ms] should be at least as 5 times as --heartbeat-interval[100ms]',
    ],
    [['--election-timeout=60000'], '--election-timeout[60000ms] is too long, and should be set less than 50000ms'],
    [['--auto-compaction-mode=foo'], 'unknown auto-compaction-mode "foo"'],
    [['--auto-compaction-mode='], 'undefined auto-compaction-mode'],
    [
      ['--enable-distributed-tracing', '--distributed-tracing-sampling-rate=-1'],
      'distributed tracing configurition is not valid: (tracing sampling rate must be positive)',
    ],
    [
      ['--enable-distributed-tracing', '--distributed-tracing-sampling-rate=1000001'],
      'distributed tracing configurition is not valid: (tracing sampling rate must be less than 1000000)',
    ],
    [
      ['--feature-gates=LeaseCheckpointPersist=true'],
      'enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint',
    ],
    [['--compact-hash-check-time=0'], '--compact-hash-check-time must be >0 (set to 0s)'],
    [['--compact-hash-check-time=-90s'], '--compact-hash-check-time must be >0 (set to -1m30s)'],
    [['--tls-min-version=TLS1.1'], 'unexpected TLS version "TLS1.1" (must be one of: TLS1.2, TLS1.3)'],
    [
      ['--tls-min-version=TLS1.3', '--tls-max-version=TLS1.2'],
      'min version (TLS1.3) is greater than max version (TLS1.2)',
    ],
    [
      ['--tls-min-version=TLS1.3', '--cipher-suites=TLS_AES_128_GCM_SHA256'],
      'cipher suites cannot be configured when only TLS1.3 is enabled',
    ],
    [['--discovery-fallback=proxy'], `v2 proxy is deprecated, and --discovery-fallback can't be configured as "proxy"`],
  ]
  for (const [argv, error] of cases) {
    t.equal(errorOf({ argv }), error, argv.join(' '))
    t.equal(mustExit({ argv }).code, 1)
    t.equal(mustExit({ argv }).lines.at(-1)?.message, 'failed to verify flags')
  }
})

t.test('the longest election timeout passes', async (t) => {
  t.equal(mustRun({ argv: ['--election-timeout=50000'] }).config.electionTicks, 500)
})

t.test('an unknown log level panics, whatever its case a known one does not', async (t) => {
  const outcome = mustExit({ argv: ['--log-level=foo'], env: { ETCD_NAME: 'x' } })
  t.equal(outcome.code, 2)
  t.equal(outcome.stderr, 'panic: unrecognized level: "foo"\n')
  t.same(messages(outcome.earlyLines), ['info recognized and used environment variable'])
  t.equal(mustRun({ argv: ['--log-level=WARN'] }).config.logging.level, 'warn')
  t.equal(mustRun({ argv: ['--log-level='] }).config.logging.level, 'info')
})

t.test('errors of the start are fatal under the name of discovery', async (t) => {
  const cases: [string[], string][] = [
    [['--cipher-suites=FOO'], 'unexpected TLS cipher suite "FOO"'],
    [['--initial-cluster=a'], 'error setting up initial cluster: URL scheme must be http, https, unix, or unixs: '],
    [['--auto-compaction-retention=abc'], 'error parsing CompactionRetention: time: invalid duration "abc"'],
    [['--auto-compaction-retention=-1'], 'error parsing CompactionRetention: time: missing unit in duration "-1"'],
    [['--auto-compaction-retention=1d'], 'error parsing CompactionRetention: time: unknown unit "d" in duration "1d"'],
    [['--auto-compaction-retention=-5m'], 'error parsing CompactionRetention: negative duration "-5m"'],
    [
      [
        '--listen-client-urls=http://127.0.0.1:1',
        '--advertise-client-urls=http://a:1',
        '--listen-client-http-urls=http://127.0.0.1:1',
      ],
      'cannot bind both --listen-client-urls and --listen-client-http-urls on the same url http://127.0.0.1:1',
    ],
    [
      ['--listen-client-urls=https://127.0.0.1:1', '--advertise-client-urls=http://a:1'],
      'TLS key/cert (--cert-file, --key-file) must be provided for client url https://127.0.0.1:1 with HTTPS scheme',
    ],
    [
      ['--listen-metrics-urls=https://127.0.0.1:1'],
      'client TLS key/cert (--cert-file, --key-file) must be provided for metrics secure url',
    ],
    [
      ['--listen-peer-urls=https://127.0.0.1:2380'],
      'cannot listen on TLS for 127.0.0.1:2380: KeyFile and CertFile are not presented',
    ],
    [
      ['--peer-cert-allowed-cn=a', '--peer-cert-allowed-hostname=b,c'],
      'AllowedCNs and AllowedHostnames are mutually exclusive (cns=["a"], hostnames=["b" "c"])',
    ],
  ]
  for (const token of ['foo', 'simple,x', 'jwt,sign-method', 'jwt,a=1,a=2', 'jwt,a=1=2']) {
    cases.push([[`--auth-token=${token}`], 'auth: invalid auth options'])
  }
  for (const [argv, error] of cases) {
    const outcome = mustExit({ argv })
    t.match(outcome.lines.at(-1), { level: 'fatal', message: 'discovery failed', fields: { error } }, argv.join(' '))
    t.equal(outcome.code, 1)
  }
})

t.test('what is not built is refused where silence would be dangerous', async (t) => {
  const cases: [string[], string, Part][] = [[['--auth-token=jwt,sign-method=RS256'], '--auth-token=jwt', 'JWT tokens']]
  for (const [argv, use, part] of cases) {
    const outcome = mustExit({ argv, platform: parts() })
    t.match(outcome.lines.at(-1), { level: 'fatal', message: `not supported yet: ${use}` })
    t.equal(outcome.code, 1)
    t.equal(load({ argv, platform: parts(part) }).kind, 'run', `${part} built: ${argv.join(' ')}`)
  }
})

t.test('what only a first start or only a restart would need is refused by whoever sees the disk', async (t) => {
  const cases: [string[], 'withLog' | 'withoutLog', string, Part][] = [
    [
      ['--initial-cluster=a=http://a:1,b=http://b:1', '--name=a'],
      'withoutLog',
      'more than one member in --initial-cluster',
      'clusters',
    ],
    [['--initial-cluster-state=existing'], 'withoutLog', '--initial-cluster-state=existing', 'clusters'],
    [['--discovery-srv=example.com'], 'withoutLog', '--discovery-srv', 'discovery'],
    [['--discovery-endpoints=a', '--discovery-token=t'], 'withoutLog', '--discovery-endpoints', 'discovery'],
    [['--force-new-cluster'], 'withLog', '--force-new-cluster', 'forced new cluster'],
  ]
  const none = { withLog: undefined, withoutLog: undefined }
  for (const [argv, when, use, part] of cases) {
    const { refusals } = mustRun({ argv, platform: parts() }).config
    t.same(refusals, { ...none, [when]: `not supported yet: ${use}` }, argv.join(' '))
    t.same(mustRun({ argv, platform: parts(part) }).config.refusals, none, `${part} built`)
  }
})

t.test('sharing a port between processes is refused where the runtime cannot', async (t) => {
  const platform = (nodeVersion: string) => ({ ...parts(), nodeVersion })
  const argv = ['--socket-reuse-port']
  for (const nodeVersion of ['v20.20.2', 'v22.11.0', 'v23.0.0']) {
    const message = 'not supported: --socket-reuse-port needs Node.js 22.12, or 23.1 and later'
    t.match(mustExit({ argv, platform: platform(nodeVersion) }).lines.at(-1), { level: 'fatal', message }, nodeVersion)
  }
  for (const nodeVersion of ['v22.12.0', 'v23.1.0', 'v24.0.0', 'v30.1.0']) {
    t.equal(mustRun({ argv, platform: platform(nodeVersion) }).config.socketReusePort, true, nodeVersion)
  }
  t.equal(mustRun({ platform: platform('v20.20.2') }).config.socketReusePort, false)
})

t.test('other flags of parts that are not built are named in a warning', async (t) => {
  const { lines } = mustRun({ argv: ['--bcrypt-cost=5', '--pre-vote'], platform: parts() })
  const warned = lines.filter(({ message }) => message === 'flag has no effect yet').map(({ fields }) => fields['flag'])
  t.same(warned, ['--bcrypt-cost', '--pre-vote'])
  const quiet = mustRun({ argv: ['--pre-vote=false', '--enable-grpc-gateway=false'] })
  t.notMatch(messages(quiet.lines).join(), /no effect yet/, 'who switches something off asks for nothing')
  const gated = mustRun({ argv: ['--feature-gates=AllAlpha=true'], platform: parts() })
  t.same(
    gated.lines.filter(({ message }) => message.startsWith('feature gate')).map(({ fields }) => fields['feature-gate']),
    ['InitialCorruptCheck', 'CompactHashCheck', 'SetMemberLocalAddr'],
  )
  t.notMatch(
    messages(mustRun({ argv: ['--bcrypt-cost=5'], platform: parts('authentication') }).lines).join(),
    /no effect yet/,
  )
})

t.test('derived values', async (t) => {
  const { config } = mustRun({ argv: ['--name=m', '--heartbeat-interval=250', '--election-timeout=5100'] })
  t.match(config, {
    dataDir: 'm.etcd',
    memberDir: 'm.etcd/member',
    walDir: 'm.etcd/member/wal',
    snapDir: 'm.etcd/member/snap',
    storeDir: 'm.etcd/member/store',
    electionTicks: 20,
    electionMs: 5000,
    requestTimeoutMs: 15000,
    peerDialTimeoutMs: 6000,
    minLeaseTtlSeconds: 8,
    quotaBytes: 2147483648,
  })
  const plain = mustRun({}).config
  t.match(plain, { requestTimeoutMs: 7000, minLeaseTtlSeconds: 2, peerDialTimeoutMs: 2000 })
  t.equal(mustRun({ argv: ['--quota-backend-bytes=-1'] }).config.quotaBytes, undefined)
  t.match(mustRun({ argv: ['--wal-dir=/w', '--data-dir=/d'] }).config, { walDir: '/w', walDirDedicated: true })
  t.match(
    mustRun({ argv: ['--grpc-keepalive-min-time=0', '--grpc-keepalive-interval=0', '--grpc-keepalive-timeout=1s'] })
      .config,
    { grpcKeepaliveMinTimeMs: 300_000, grpcKeepaliveIntervalMs: 7_200_000, grpcKeepaliveTimeoutMs: 20_000 },
  )
  t.equal(mustRun({ argv: ['--warning-unary-request-duration=0'] }).config.warningUnaryMs, 300)
  t.equal(mustRun({ argv: ['--watch-progress-notify-interval=1ms'] }).config.watchProgressNotifyMs, 100)
  t.equal(mustRun({ argv: ['--raft-read-timeout=1s'] }).config.peerReadTimeoutMs, 5000)
  t.equal(mustRun({ argv: ['--raft-read-timeout=6s'] }).config.peerReadTimeoutMs, 6000)
  t.match(plain, { backendBatchIntervalMs: 2000, backendBatchLimit: 10_000 })
  t.match(mustRun({ argv: ['--backend-batch-interval=3s', '--backend-batch-limit=7'] }).config, {
    backendBatchIntervalMs: 3000,
    backendBatchLimit: 7,
  })
  t.match(mustRun({ argv: ['--backend-batch-interval=-1s', '--backend-batch-limit=-7'] }).config, {
    backendBatchIntervalMs: 0,
    backendBatchLimit: 1,
  })
  t.equal(mustRun({ argv: ['--backend-batch-interval=100000h'] }).config.backendBatchIntervalMs, 2 ** 31 - 1)
  t.equal(mustRun({ argv: ['--bcrypt-cost=3'] }).config.bcryptCost, 10)
  t.equal(mustRun({ argv: ['--bcrypt-cost=31'] }).config.bcryptCost, 31)
  t.equal(mustRun({ argv: ['--snapshot-count=0'] }).config.snapshotCount, 10_000)
})

t.test('retention', async (t) => {
  const policy = (mode: string, retention: string) =>
    mustRun({ argv: [`--auto-compaction-mode=${mode}`, `--auto-compaction-retention=${retention}`] }).config.compaction
  t.same(policy('periodic', '1'), { mode: 'periodic', periodMs: 3_600_000 })
  t.same(policy('periodic', '0.5h'), { mode: 'periodic', periodMs: 1_800_000 })
  t.same(policy('periodic', '30m'), { mode: 'periodic', periodMs: 1_800_000 })
  t.same(policy('revision', '1000'), { mode: 'revision', revisions: 1000 })
  t.same(policy('revision', '1h'), { mode: 'revision', revisions: 3_600_000_000_000 })
  for (const off of ['0', '', '0h']) t.same(policy('periodic', off), { mode: 'off' })
  const { startFields } = mustRun({
    argv: ['--auto-compaction-mode=revision', '--auto-compaction-retention=1000'],
  }).config
  t.equal(startFields['auto-compaction-retention'], '1µs', 'as etcd shows it')
})

t.test(
  'the cluster of one follows the name, and the host is advertised for a listener on all interfaces',
  async (t) => {
    t.equal(mustRun({ argv: ['--name=x'] }).config.initialClusterText, 'x=http://localhost:2380')
    const urls = ['--initial-advertise-peer-urls=http://b:2,http://a:1']
    t.equal(mustRun({ argv: ['--name=x', ...urls] }).config.initialClusterText, 'x=http://a:1,x=http://b:2')
    const platform = { defaultHost: () => ({ address: '10.1.2.3' }) }
    const argv = [
      ...['--name=x', '--listen-peer-urls=http://0.0.0.0:7', '--listen-client-urls=http://0.0.0.0:8'],
      '--advertise-client-urls=http://localhost:2379',
    ]
    const { config, lines } = mustRun({ argv, platform })
    t.equal(config.initialClusterText, 'x=http://10.1.2.3:7')
    t.equal(config.advertiseClientUrls[0]?.text, 'http://10.1.2.3:8')
    t.ok(messages(lines).includes('info detected default host for advertise'))
    t.notOk(messages(mustRun({ platform }).lines).includes('info detected default host for advertise'))
    const six = mustRun({ argv, platform: { defaultHost: () => ({ address: 'fd00::2' }) } })
    t.equal(six.config.advertiseClientUrls[0]?.text, 'http://[fd00::2]:8')
    t.ok(messages(mustRun({}).lines).includes('info failed to detect default host'))
  },
)

t.test('lines of a plain start, in order', async (t) => {
  const { lines, earlyLines } = mustRun({ platform: { defaultHost: () => ({ address: '1.2.3.4' }) } })
  t.same(earlyLines, [])
  t.same(messages(lines), [
    'warn Running http and grpc server on single port. This is not recommended for production.',
    "warn it isn't recommended to use default name, please set a value for --name. Note that etcd might run into issue when multiple members have the same default name",
    'info Running: ',
    "warn 'data-dir' was empty; using default",
    'info enabled backend quota with default value',
  ])
})

t.test('old flags hand over, warn, and never meet their successors', async (t) => {
  const argv = [
    '--experimental-watch-progress-notify-interval=5s',
    '--experimental-initial-corrupt-check=true',
    '--experimental-max-learners=3',
  ]
  const { config, lines } = mustRun({ argv })
  t.match(config, { watchProgressNotifyMs: 5000, maxLearners: 3 })
  t.equal(config.gates.find(({ name }) => name === 'InitialCorruptCheck')?.enabled, true)
  t.same(
    messages(lines).filter((text) => text.includes('decommissioned')),
    [
      "warn --experimental-watch-progress-notify-interval is deprecated in v3.6 and will be decommissioned in v3.7. Use '--watch-progress-notify-interval' instead.",
      "warn --experimental-max-learners is deprecated in v3.6 and will be decommissioned in v3.7. Use '--max-learners' instead.",
      "warn --experimental-initial-corrupt-check is deprecated in v3.6 and will be decommissioned in v3.7. Use '--feature-gates=InitialCorruptCheck=true' instead.",
    ],
  )
  t.equal(
    errorOf({ argv: ['--experimental-compact-hash-check-time=1m', '--compact-hash-check-time=1m'] }),
    'cannot set --experimental-compact-hash-check-time and --compact-hash-check-time at the same time, please use --compact-hash-check-time only',
  )
  t.equal(
    errorOf({ argv: ['--experimental-enable-lease-checkpoint', '--feature-gates=LeaseCheckpoint=true'] }),
    'cannot specify both flags: --experimental-enable-lease-checkpoint=true and --feature-gates=LeaseCheckpoint=true at the same time, please just use --feature-gates=LeaseCheckpoint=true',
  )
  t.match(
    messages(
      mustRun({ argv: ['--max-snapshots=3', '--v2-deprecation=gone', '--experimental-compact-hash-check-time=2m'] })
        .lines,
    ).join('\n'),
    new RegExp(
      [
        '--max-snapshots is deprecated in 3.6 and will be decommissioned in 3.8.',
        '--v2-deprecation is deprecated and scheduled for removal in v3.8.',
        "--experimental-compact-hash-check-time is deprecated in 3.6 and will be decommissioned in 3.7. Use '--compact-hash-check-time' instead.",
      ].join('[^]*'),
    ),
  )
})

t.test('deployments start with what they pass', async (t) => {
  const kubeadm: Given = {
    argv: [
      ...['--name=node', '--feature-gates=InitialCorruptCheck=true', '--watch-progress-notify-interval=5s'],
      ...[
        '--listen-client-urls=https://127.0.0.1:2379,https://10.0.0.1:2379',
        '--advertise-client-urls=https://10.0.0.1:2379',
      ],
      ...['--listen-peer-urls=https://10.0.0.1:2380', '--initial-advertise-peer-urls=https://10.0.0.1:2380'],
      ...['--listen-metrics-urls=http://127.0.0.1:2381', '--initial-cluster=node=https://10.0.0.1:2380'],
      ...['--data-dir=/var/lib/etcd', '--snapshot-count=10000', '--cert-file=a', '--key-file=b', '--trusted-ca-file=c'],
      ...['--client-cert-auth=true', '--peer-cert-file=a', '--peer-key-file=b', '--peer-trusted-ca-file=c'],
      '--peer-client-cert-auth=true',
    ],
    platform: parts('clusters'),
  }
  t.match(mustRun(kubeadm).config, { name: 'node', tls: { client: { clientCertRequired: true } } })
  const bitnami: Given = {
    env: {
      ...{ ETCD_NAME: 'e0', ETCD_DATA_DIR: '/bitnami/etcd/data', ETCD_LOG_LEVEL: 'info', ETCD_ON_K8S: 'yes' },
      ...{ ETCD_LISTEN_CLIENT_URLS: 'http://0.0.0.0:2379', ETCD_ADVERTISE_CLIENT_URLS: 'http://127.0.0.1:2379' },
      ...{
        ETCD_INITIAL_CLUSTER: '',
        ETCD_INITIAL_CLUSTER_TOKEN: '',
        ETCD_AUTO_TLS: 'false',
        ETCD_CLIENT_CERT_AUTH: 'false',
      },
    },
  }
  t.match(mustRun(bitnami).config, { name: 'e0', initialClusterToken: 'etcd-cluster' })
  const kubespray: Given = {
    env: {
      ...{ ETCD_ELECTION_TIMEOUT: '5000', ETCD_HEARTBEAT_INTERVAL: '250', ETCD_PROXY: 'off', ETCD_ENABLE_V2: 'true' },
      ...{ ETCD_EXPERIMENTAL_INITIAL_CORRUPT_CHECK: 'True', ETCD_EXPERIMENTAL_WATCH_PROGRESS_NOTIFY_INTERVAL: '5s' },
    },
  }
  t.match(mustRun(kubespray).config, { electionTicks: 20, watchProgressNotifyMs: 5000 })
})
