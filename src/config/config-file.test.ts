import t from 'tap'
import { type Given, errorOf, load, messages, mustExit, mustRun } from './testing.js'

const field = (kind: string, where: string, type: string) =>
  `error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${kind} into Go struct field ${where} of type ${type}`

t.test('nothing is coerced', async (t) => {
  const cases: [string, string][] = [
    ['name: 123', field('number', 'configYAML.Config.name', 'string')],
    ['auto-compaction-retention: 1', field('number', 'configYAML.Config.auto-compaction-retention', 'string')],
    ['heartbeat-interval: "100"', field('string', 'configYAML.Config.heartbeat-interval', 'uint')],
    ['heartbeat-interval: 100.5', field('number 100.5', 'configYAML.Config.heartbeat-interval', 'uint')],
    ['heartbeat-interval: -1', field('number -1', 'configYAML.Config.heartbeat-interval', 'uint')],
    ['heartbeat-interval: true', field('bool', 'configYAML.Config.heartbeat-interval', 'uint')],
    ['log-outputs: stderr', field('string', 'configYAML.Config.log-outputs', '[]string')],
    ['log-outputs: [1]', field('number', 'configYAML.Config.log-outputs', 'string')],
    ['cipher-suites: X', field('string', 'configYAML.Config.cipher-suites', '[]string')],
    ['pre-vote: "true"', field('string', 'configYAML.Config.pre-vote', 'bool')],
    ['name: [a]', field('array', 'configYAML.Config.name', 'string')],
    ['name: {a: b}', field('object', 'configYAML.Config.name', 'string')],
    [
      'client-transport-security: {cert-file: 1}',
      field('number', 'securityConfig.configJSON.client-transport-security.cert-file', 'string'),
    ],
    [
      'client-transport-security: x',
      field('string', 'configYAML.configJSON.client-transport-security', 'embed.securityConfig'),
    ],
    ['socket-options: {reuse-port: 1}', field('number', 'SocketOpts.Config.socket-options.reuse-port', 'bool')],
    ['corrupt-check-time: 5s', field('string', 'configYAML.Config.corrupt-check-time', 'time.Duration')],
    ['quota-backend-bytes: 1.5', field('number 1.5', 'configYAML.Config.quota-backend-bytes', 'int64')],
    [
      'max-concurrent-streams: 4294967296',
      field('number 4294967296', 'configYAML.Config.max-concurrent-streams', 'uint32'),
    ],
    [
      '- a',
      'error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type embed.configYAML',
    ],
    [
      'hello',
      'error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value of type embed.configYAML',
    ],
    [
      'name: x\n\theartbeat-interval: 1',
      'error converting YAML to JSON: yaml: line 2: found a tab character that violates indentation',
    ],
  ]
  for (const [file, error] of cases) {
    t.equal(errorOf({ file }), error)
    t.equal(mustExit({ file }).code, 1)
  }
})

t.test('keys: any case, unknown ones skipped, null leaves the default, the last of equal ones wins', async (t) => {
  const { config } = mustRun({
    file: 'NAME: x\nproxy: off\nwal-dir: null\nheartbeat-interval: 100\nheartbeat-interval: 50\n',
  })
  t.equal(config.name, 'x')
  t.equal(config.walDirDedicated, false)
  t.equal(config.heartbeatMs, 50)
  t.equal(mustRun({ file: '' }).config.name, 'default')
  t.equal(mustRun({ file: '# nothing\n' }).config.name, 'default')
})

t.test('JSON, YAML 1.1 booleans, whole floats and undated texts are read', async (t) => {
  t.equal(mustRun({ file: '{"name": "a", "heartbeat-interval": 1e2}' }).config.heartbeatMs, 100)
  t.equal(mustRun({ file: 'pre-vote: no' }).config.preVote, false)
  t.equal(mustRun({ file: 'name: 2001-01-01' }).config.name, '2001-01-01')
  t.equal(mustRun({ file: 'name: 1:30' }).config.name, '1:30')
  t.equal(mustRun({ file: 'snapshot-count: 010' }).config.snapshotCount, 8)
})

t.test('other flags and the environment do not count, but their syntax does', async (t) => {
  const given: Given = {
    file: 'name: x',
    argv: ['--name', 'y', '--pre-vote=false'],
    env: { ETCD_NAME: 'z', ETCD_FOO: '1' },
  }
  const { config, earlyLines, lines } = mustRun(given)
  t.equal(config.name, 'x')
  t.equal(config.preVote, true)
  t.same(earlyLines, [])
  t.ok(
    messages(lines).includes(
      'info loaded server configuration, other configuration command line flags and environment variables will be ignored if provided',
    ),
  )
  t.equal(mustExit({ file: 'name: x', argv: ['--max-wals=x'] }).code, 2)
})

t.test('every kind of key reaches the configuration', async (t) => {
  const { config } = mustRun({
    file: `
name: m1
data-dir: /d
listen-client-urls: http://127.0.0.1:5, http://127.0.0.1:4
listen-metrics-urls: http://127.0.0.1:6
initial-cluster: m1=http://localhost:2380
corrupt-check-time: 5000000000
warning-apply-duration: 200000000
log-outputs: [stdout]
cipher-suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
cors: http://a:1
host-whitelist: b,a
feature-gates: CompactHashCheck=true
client-transport-security:
  cert-file: c
  client-cert-auth: true
  trusted-ca-file: ca
  allowed-hostname: [h]
peer-transport-security: {allowed-cn: [x], skip-client-san-verification: true}
socket-options: {reuse-port: true}
auto-compaction-mode: revision
auto-compaction-retention: "1000"
max-learners: 2
`,
  })
  t.match(config, {
    name: 'm1',
    dataDir: '/d',
    walDir: '/d/member/wal',
    listenClientUrls: [{ text: 'http://127.0.0.1:4' }, { text: 'http://127.0.0.1:5' }],
    advertiseClientUrls: [{ text: 'http://localhost:2379' }],
    corruptCheckMs: 5000,
    warningApplyMs: 200,
    logging: { outputs: ['stdout'] },
    corsOrigins: ['http://a:1'],
    hostWhitelist: ['a', 'b'],
    socketReusePort: true,
    compaction: { mode: 'revision', revisions: 1000 },
    maxLearners: 2,
    tls: {
      cipherSuites: ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'],
      client: {
        certFile: 'c',
        clientCertAuth: true,
        clientCertRequired: true,
        trustedCaFile: 'ca',
        allowedHostnames: ['h'],
      },
      peer: { allowedCommonNames: ['x'], skipSanVerification: true },
    },
  })
  t.equal(config.gates.find(({ name }) => name === 'CompactHashCheck')?.enabled, true)
})

t.test('texts that are no URLs end the process at once', async (t) => {
  const peer = mustExit({ file: 'listen-peer-urls: foo://x' })
  t.equal(
    peer.stderr,
    'unexpected error setting up listen-peer-urls: URL scheme must be http, https, unix, or unixs: foo://x\n',
  )
  t.equal(peer.code, 1)
  const client = mustExit({ file: 'advertise-client-urls: http://x' })
  t.match(client.stderr, /^unexpected error setting up advertise-peer-urls: URL address does not have the form/)
  t.equal(mustExit({ file: 'cors: foo' }).code, 2)
})

t.test('state, gates and timing are checked as for flags', async (t) => {
  t.equal(errorOf({ file: 'initial-cluster-state: bogus' }), 'unexpected clusterState "bogus"')
  t.equal(errorOf({ file: 'feature-gates: Foo=true' }), 'unrecognized feature gate: Foo')
  t.equal(errorOf({ file: 'heartbeat-interval: 0' }), '--heartbeat-interval must be >0 (set to 0ms)')
  t.equal(mustRun({ file: 'self-signed-cert-validity: 0' }).config.tls.selfSignedValidityYears, 1)
  t.equal(mustRun({ file: 'v2-deprecation: whatever' }).config.startFields['v2-deprecation'], 'write-only')
})

t.test('old keys are honoured with a warning', async (t) => {
  const { config, lines } = mustRun({
    file: 'experimental-snapshot-catch-up-entries: 1000\nexperimental-initial-corrupt-check: true',
  })
  t.equal(config.snapshotCatchUpEntries, 1000)
  t.equal(config.gates.find(({ name }) => name === 'InitialCorruptCheck')?.enabled, true)
  t.match(messages(lines).join('\n'), /warn --experimental-snapshot-catchup-entries is deprecated in v3\.6/)
})

t.test('files that cannot be read or parsed', async (t) => {
  t.equal(errorOf({ argv: ['--config-file', '/nonexist'] }), 'open /nonexist: no such file or directory')
  for (const file of [
    'a: b: c',
    'name: "x',
    '{',
    '[',
    '&a [*a]',
    '*x',
    '!!binary x',
    '"\\x"',
    '%YAML 9\n---\na: 1',
    '? [1]\n: 2',
  ]) {
    t.ok(['exit', 'run'].includes(load({ file }).kind), file)
  }
  t.match(errorOf({ file: 'a: b: c' }), /^error converting YAML to JSON: yaml: /)
  const bomb =
    'a: &a [x,x,x,x,x,x,x,x,x]\n' +
    'bcdefghij'.replace(/./g, (c) => `${c}: &${c} [${`*${String.fromCharCode(c.charCodeAt(0) - 1)},`.repeat(9)}]\n`)
  t.equal(load({ file: bomb }).kind, 'exit', 'aliases that multiply are refused')
})
