// The same command lines and variables to a real etcd 3.5, where 3.7 has not changed: exit code, stream and text must agree.

import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { FLAG_NAMES } from './flag-table.js'
import { UNKNOWN_PLATFORM, loadConfig } from './load-config.js'

const etcd = join(import.meta.dirname, '../../.reference/3.5/etcd')
const skip = existsSync(etcd) ? false : 'etcd 3.5 is missing (scripts/reference-etcd.sh gets it)'

interface Ending {
  readonly code: number
  /** First line of plain text on standard error. */
  readonly text: string
  /** Level, message and error of the lines about the flags. */
  readonly lines: readonly (readonly [string, string, string])[]
}

const TELLING = new Set(['failed to verify flags', 'advertise client URLs are not set', 'discovery failed'])
const isTelling = (message: string): boolean => TELLING.has(message) || message.startsWith('conflicting environment')

const folder = skip === false ? mkdtempSync(join(tmpdir(), 'flags-')) : ''
t.teardown(() => {
  if (folder !== '') rmSync(folder, { recursive: true, force: true })
})

const runReference = (argv: readonly string[], env: Readonly<Record<string, string>>): Promise<Ending> =>
  new Promise((resolve) => {
    execFile(etcd, argv, { env, cwd: folder, timeout: 20_000, killSignal: 'SIGKILL' }, (error, _stdout, stderr) => {
      const rows = stderr.split('\n').filter((row) => row !== '')
      const json = rows.filter((row) => row.startsWith('{')).map((row) => JSON.parse(row) as Record<string, string>)
      const lines = json
        .filter(({ msg }) => isTelling(msg ?? ''))
        .map(({ level, msg, error, ...rest }) => [level!, msg!, error ?? rest['environment-variable'] ?? ''] as const)
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, text: rows.find((row) => !row.startsWith('{')) ?? '', lines })
    })
  })

const runOurs = (argv: readonly string[], env: Readonly<Record<string, string>>): Ending => {
  const outcome = loadConfig(argv, env, (path) => readFileSync(path, 'utf8'), UNKNOWN_PLATFORM)
  if (outcome.kind === 'run') return { code: 0, text: '', lines: [] }
  const lines = [...outcome.earlyLines, ...outcome.lines]
    .filter(({ message }) => isTelling(message))
    .map(({ level, message, fields }) => {
      return [level, message, textOf(fields['error'] ?? fields['environment-variable'])] as const
    })
  return { code: outcome.code, text: outcome.stderr.split('\n')[0] ?? '', lines }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Ends the reference after it has read all values, and never lets it start. */
const END = '--heartbeat-interval=0'

const COMMAND_LINES: readonly (readonly string[])[] = [
  ...[['-nope'], ['---x'], ['--=x'], ['-heartbeat-interval'], ['--name', 'x', '--discovery-x=1']],
  ...['abc', '', '-1', '1.5', '0x', '08', '1__0', '99999999999999999999', ' 1'].map((v) => [
    `--heartbeat-interval=${v}`,
  ]),
  ...['0x10', '010', '1_000', '0b11', '0o17'].map((v) => [`--max-txn-ops=${v}`, END]),
  ...['maybe', '', 'yes', 'TRUe', '2'].map((v) => [`--pre-vote=${v}`]),
  ...['t', 'F', '1', 'True'].map((v) => [`--pre-vote=${v}`, END]),
  ...['5', '1d', '', '1h-', 'abc', '.s'].map((v) => [`--grpc-keepalive-min-time=${v}`]),
  ...['1.5h', '-5s', '0', '1h30m10.5s', '1µs'].map((v) => [`--grpc-keepalive-min-time=${v}`, END]),
  ...['4294967296', '-1', 'x', ''].map((v) => [`--max-concurrent-streams=${v}`]),
  ...[
    'http://[::1',
    'http://a:b',
    'http://a b:1',
    'http://%zz:1',
    '://',
    'http://localhost',
    'ftp://a:1',
    '1.2.3.4:5',
    'a',
  ].map((v) => [`--listen-peer-urls=${v}`]),
  ...[
    'http://a:1/',
    'http://:1',
    'http://foo.bar:1',
    'http://1.2.3:4',
    'http://[::1%25eth0]:1',
    'http://1.2.3.4:1#/x',
  ].map((v) => [`--listen-peer-urls=${v}`, END]),
  ...['http://u:p@1.2.3.4:1?x=y#z', '', 'unix://a:1', 'HTTP://1.2.3.4:1', 'http://[::ffff:1.2.3.4]:1'].map((v) => [
    `--listen-peer-urls=${v}`,
    END,
  ]),
  ...['http://:1', 'http://a:1,http://:2'].map((v) => [`--initial-advertise-peer-urls=${v}`, END]),
  ...[['--cors='], ['--cors=x'], ['--cors=*,x'], ['--initial-cluster-state=foo'], ['--log-outputs=']],
  ...[['--logger=foo'], ['--logger=capnslog'], ['--log-outputs=default,stdout']],
  ...[['--enable-log-rotation'], ['--enable-log-rotation', '--log-outputs=a,b']],
  ['--enable-log-rotation', '--log-outputs=a', '--log-rotation-config-json={'],
  ['--enable-log-rotation', '--log-outputs=a', '--log-rotation-config-json={"maxsize":"x"}'],
  ['--enable-log-rotation', '--log-outputs=a', '--log-rotation-config-json={"compress":1}'],
  ['--enable-log-rotation', '--log-outputs=a', '--log-rotation-config-json=[]'],
  ...[['--listen-client-urls='], ['--listen-client-urls=http://1.2.3.4:5']],
  ...[[END], ['--election-timeout=0'], ['--election-timeout=499'], ['--election-timeout=60000']],
  ...[['--auto-compaction-mode=foo'], ['--config-file', '/nonexist'], ['--config-file', '/tmp']],
  ...[['--tls-min-version=TLS1.1'], ['--tls-max-version=x']],
  ...[
    ['--tls-min-version=TLS1.3', '--tls-max-version=TLS1.2'],
    ['--tls-min-version=TLS1.3', '--cipher-suites=a'],
  ],
  ...[['--cipher-suites=FOO'], ['--v=yes', '--vv', '--snapshot', END], ['--v2-deprecation=bogus']],
]

const ENVIRONMENTS: readonly Readonly<Record<string, string>>[] = [
  { ETCD_HEARTBEAT_INTERVAL: 'abc' },
  { ETCD_HEARTBEAT_INTERVAL: '0' },
  { ETCD_BCRYPT_COST: 'a', ETCD_MAX_WALS: 'b' },
  { ETCD_CORS: 'x' },
  { ETCD_LISTEN_PEER_URLS: 'http://localhost' },
  { ETCD_PRE_VOTE: 'maybe' },
  { ETCD_GRPC_KEEPALIVE_TIMEOUT: '5' },
  { ETCD_INITIAL_CLUSTER_STATE: 'x' },
  { ETCD_LISTEN_CLIENT_URLS: 'http://1.2.3.4:5' },
  { ETCD_CONFIG_FILE: '/nonexist' },
]

/** Files; the last key always keeps the reference from starting. */
const FILES = [
  ...[
    'name: 123',
    'heartbeat-interval: "100"',
    'heartbeat-interval: 100.5',
    'heartbeat-interval: -1',
    'heartbeat-interval: true',
  ],
  ...[
    'log-outputs: stderr',
    'log-outputs: [1]',
    'client-transport-security: {cert-file: 1}',
    'client-transport-security: x',
  ],
  ...[
    'socket-options: {reuse-port: 1}',
    '- a',
    'hello',
    'name: x\n\theartbeat-interval: 1',
    'pre-vote: "true"',
    'name: [a]',
  ],
  ...[
    'listen-client-urls: foo://x',
    'initial-cluster-state: bogus',
    'quota-backend-bytes: 1.5',
    'name: {a: b}',
    'NAME: 1',
  ],
  ...[
    'max-concurrent-streams: 4294967296',
    'auto-compaction-retention: 1',
    'cipher-suites: X',
    'heartbeat-interval: 0',
  ],
  ...[
    'heartbeat-interval: 1e2\nelection-timeout: 0',
    'pre-vote: yes\nheartbeat-interval: 0',
    'name: null\nheartbeat-interval: 0',
  ],
  ...[
    'name: 2001-01-01\nheartbeat-interval: 0',
    'name: a\nname: b\nheartbeat-interval: 0',
    'grpc-keepalive-timeout: 5s',
    '5',
  ],
  ...[
    'peer-transport-security: {allowed-cn: x}',
    'initial-cluster: 5',
    'advertise-client-urls: http://x',
    'bcrypt-cost: 1.0e1\nheartbeat-interval: 0',
  ],
]

t.test('command lines end as with etcd 3.5', { skip }, async (t) => {
  for (const argv of COMMAND_LINES) t.same(runOurs(argv, {}), await runReference(argv, {}), argv.join(' '))
})

t.test('environments end as with etcd 3.5', { skip }, async (t) => {
  for (const env of ENVIRONMENTS) t.same(runOurs([], env), await runReference([], env), JSON.stringify(env))
  for (const value of ['x', '']) {
    const env = { ETCD_NAME: value }
    t.same(runOurs(['--name=x'], env), await runReference(['--name=x'], env))
  }
})

t.test('files end as with etcd 3.5', { skip }, async (t) => {
  const path = join(folder, 'c.yml')
  for (const file of FILES) {
    writeFileSync(path, file)
    t.same(runOurs(['--config-file', path], {}), await runReference(['--config-file', path], {}), file)
  }
})

t.test(
  '-h of etcd 3.5 names no flag that is unknown here, but for those that 3.6 and 3.7 dropped',
  { skip },
  async (t) => {
    const help = await new Promise<string>((resolve) => {
      execFile(etcd, ['-h'], (_error, stdout) => {
        resolve(stdout)
      })
    })
    const names = [...help.matchAll(/^ {2}--([a-z0-9-]+)/gm)].map((match) => match[1]!)
    t.ok(names.length > 100)
    const dropped = /^(?:discovery|discovery-proxy|proxy|proxy-.*|enable-v2|experimental-enable-v2v3)$/
    t.same(
      names.filter((name) => !FLAG_NAMES.some((known) => known === name) && !dropped.test(name)),
      [],
    )
  },
)
