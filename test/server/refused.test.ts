// Starts that end in one clear line: run as the command, since exit codes and streams are part of the promise.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import type { Exit } from '../support/child.js'
import { freePort } from '../support/ports.js'
import { repositoryRoot } from '../support/repository.js'
import { within } from '../support/wait.js'
import { Workbench } from '../support/workbench.js'

const LIMIT_MS = 20_000

interface Line {
  readonly level: string
  readonly msg: string
  readonly error?: string
}

interface Run {
  readonly exit: Exit
  readonly lines: readonly Line[]
}

/** Runs the server to its end. Everything on standard error has to be JSON. */
const run = async (workbench: Workbench, flags: readonly string[]): Promise<Run> => {
  const child = workbench.spawn(process.execPath, [join(repositoryRoot, 'dist/main.js'), ...flags])
  const exit = await within(`the end of ${flags.join(' ')}`, LIMIT_MS, child.exited)
  const texts = child.stderr.split('\n').filter((text) => text !== '')
  return { exit, lines: texts.map((text) => JSON.parse(text) as Line) }
}

const listenFlags = async (): Promise<string[]> => {
  const [client, peer] = [await freePort(), await freePort()]
  return [
    ...['--listen-client-urls', `http://127.0.0.1:${client}`, '--advertise-client-urls', `http://127.0.0.1:${client}`],
    ...['--listen-peer-urls', `http://127.0.0.1:${peer}`],
  ]
}

t.test('a start that is not possible ends with one fatal line and code 1', async (t) => {
  const workbench = new Workbench(t)
  const url = 'http://localhost:2380'
  const cases: [string[], Partial<Line>][] = [
    [
      ['--initial-cluster-state', 'existing'],
      {
        msg: 'discovery failed',
        error: 'cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs',
      },
    ],
    [['--discovery-srv', 'example.com'], { msg: 'discovery failed', error: 'not supported yet: --discovery-srv' }],
    [
      ['--initial-cluster', `other=${url}`],
      {
        msg: 'discovery failed',
        error: `couldn't find local name "default" in the initial cluster configuration`,
      },
    ],
    [['--auth-token', 'jwt,sign-method=RS256'], { msg: 'not supported yet: --auth-token=jwt' }],
    [['--auth-token', 'foo'], { msg: 'discovery failed', error: 'auth: invalid auth options' }],
    [
      ['--listen-metrics-urls', 'https://127.0.0.1:1', '--cert-file', '/none', '--key-file', '/none'],
      { msg: 'listener failed', error: 'open /none: no such file or directory' },
    ],
    [
      ['--listen-peer-urls', 'https://127.0.0.1:1', '--peer-cert-file', '/none'],
      { msg: 'discovery failed', error: 'KeyFile and CertFile must both be present[key: , cert: /none]' },
    ],
    [
      ['--peer-auto-tls', '--self-signed-cert-validity', '0'],
      {
        msg: 'failed to get peer self-signed certs',
        error: 'selfSignedCertValidity is invalid,it should be greater than 0',
      },
    ],
  ]
  await Promise.all(
    cases.map(async ([flags, expected]) => {
      const dataDir = join(workbench.folder(), 'data')
      const { exit, lines } = await run(workbench, ['--data-dir', dataDir, ...(await listenFlags()), ...flags])
      t.same(exit, { code: 1, signal: null }, flags.join(' '))
      t.equal(lines.filter(({ level }) => level === 'fatal').length, 1)
      t.match(lines.at(-1), { level: 'fatal', ...expected }, flags.join(' '))
      t.notOk(existsSync(join(dataDir, 'member/wal')), 'no log was made, so that the start may be repeated')
    }),
  )
})

t.test('what the disk or the ports hold ends the start', async (t) => {
  const workbench = new Workbench(t)
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  workbench.own(taken)
  const address = taken.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const inUse = `listen tcp 127.0.0.1:${port}: bind: address already in use`
  const withEntries = (...names: string[]): string => {
    const dataDir = join(workbench.folder(), 'data')
    for (const name of names) {
      const path = join(dataDir, name)
      mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 })
      if (name.endsWith('/')) mkdirSync(path, { recursive: true })
      else writeFileSync(path, 'no database of ours')
    }
    return dataDir
  }
  const cases: [string, string[], number, Partial<Line>][] = [
    [withEntries(), ['--listen-peer-urls', `http://127.0.0.1:${port}`], 1, { msg: 'discovery failed', error: inUse }],
    [
      withEntries(),
      ['--listen-metrics-urls', `http://127.0.0.1:${port}`],
      1,
      { msg: 'discovery failed', error: inUse },
    ],
    [
      withEntries('member/snap/db', 'member/wal/0000000000000000-0000000000000000.wal'),
      [],
      1,
      { msg: 'failed to open the data directory' },
    ],
    [withEntries('member/', 'proxy/'), [], 1, { msg: 'invalid datadir; both member and proxy directories exist' }],
    [withEntries('proxy/'), [], 2, { level: 'panic', msg: 'v2 http proxy has already been deprecated in 3.6' }],
    [withEntries('file') + '/file', [], 1, { msg: 'failed to list data directory' }],
    [
      withEntries('member/wal/0000000000000000-0000000000000000.wal'),
      [],
      1,
      {
        msg: 'failed to read WAL, cannot be repaired',
        error: /0000000000000000-0000000000000000\.wal: .* at offset \d+$/ as unknown as string,
      },
    ],
  ]
  await Promise.all(
    cases.map(async ([dataDir, flags, code, expected]) => {
      const { exit, lines } = await run(workbench, ['--data-dir', dataDir, ...(await listenFlags()), ...flags])
      t.same(exit, { code, signal: null }, String(expected.msg))
      t.match(lines.at(-1), { level: 'fatal', ...expected })
    }),
  )
})

t.test('a log output that cannot be opened is an error in the flags', async (t) => {
  const workbench = new Workbench(t)
  const target = join(workbench.folder(), 'none/log')
  const { exit, lines } = await run(workbench, ['--log-outputs', target])
  t.same(exit, { code: 1, signal: null })
  t.match(lines.at(-1), {
    msg: 'failed to verify flags',
    error: `open sink "${target}": open ${target}: no such file or directory`,
  })
})

t.test('a restart does not look at the flags of a new cluster, but refuses to leave an old one', async (t) => {
  const workbench = new Workbench(t)
  const dataDir = join(workbench.folder(), 'data')
  const first = await workbench.start('quorate', { dataDir })
  await first.kill()
  const second = await workbench.start('quorate', {
    dataDir,
    flags: ['--initial-cluster', 'a=http://127.0.0.1:1,b=http://127.0.0.1:2', '--initial-cluster-state', 'existing'],
  })
  t.match(second.log, '"restarting local member"')
  await second.kill()
  const { exit, lines } = await run(workbench, ['--data-dir', dataDir, ...(await listenFlags()), '--force-new-cluster'])
  t.same(exit, { code: 1, signal: null })
  t.match(lines.at(-1), { level: 'fatal', error: 'not supported yet: --force-new-cluster' })
  t.ok(readdirSync(join(dataDir, 'member/wal')).length > 0)
})
