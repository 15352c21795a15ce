import { chmodSync, existsSync, mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { type ServerConfig, loadConfig } from '../config/index.js'
import { nodeFileSystem, nodeFolders } from '../host/index.js'
import { identifyDataDir, prepareDataDir, refuseForeignState } from './data-dir.js'
import { recordingLogger } from './testing.js'

const configOf = (dataDir: string, ...flags: string[]): ServerConfig => {
  const outcome = loadConfig(['--data-dir', dataDir, ...flags], {}, () => '')
  if (outcome.kind !== 'run') throw new Error('the flags are good')
  return outcome.config
}

/** A data directory with these entries: names that end in `/` are folders. */
const world = (entries: readonly string[], flags: readonly string[] = []) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'data-dir-'))
  for (const entry of entries) {
    const path = join(dataDir, entry)
    mkdirSync(entry.endsWith('/') ? path : dirname(path), { recursive: true, mode: 0o700 })
    if (!entry.endsWith('/')) writeFileSync(path, '')
  }
  const { logger, lines } = recordingLogger()
  const parts = { folders: nodeFolders, fs: nodeFileSystem(), logger }
  return { dataDir, lines, parts, config: configOf(dataDir, ...flags) }
}

t.test('a data directory is named for what it holds', async (t) => {
  const cases: [string[], string[]][] = [
    [[], ['info Initialize and start etcd server empty']],
    [['member/'], ['info server has already been initialized member']],
    [
      ['member/', 'fixtures/', 'x'],
      [
        'warn found invalid file under data directory fixtures',
        'warn found invalid file under data directory x',
        'info server has already been initialized member',
      ],
    ],
  ]
  for (const [entries, expected] of cases) {
    const { config, parts, lines } = world(entries)
    await identifyDataDir(config, parts)
    const texts = lines.map(
      ({ level, message, fields }) => `${level} ${message} ${String(fields['filename'] ?? fields['dir-type'])}`,
    )
    t.same(texts, expected)
  }
  const { config, parts, lines } = world([])
  await identifyDataDir(configOf(join(config.dataDir, 'none')), parts)
  t.match(lines, [{ message: 'Initialize and start etcd server' }])
})

t.test('directories of the v2 proxy and files in its place end the start', async (t) => {
  const both = world(['member/', 'proxy/'])
  await t.rejects(identifyDataDir(both.config, both.parts), {
    message: 'invalid datadir; both member and proxy directories exist',
    exitCode: 1,
  })
  const proxy = world(['proxy/'])
  await t.rejects(identifyDataDir(proxy.config, proxy.parts), {
    message: 'v2 http proxy has already been deprecated in 3.6',
    exitCode: 2,
  })
  const file = world(['file'])
  await t.rejects(identifyDataDir(configOf(join(file.dataDir, 'file')), file.parts), {
    message: 'failed to list data directory',
    fields: { error: { message: `open ${join(file.dataDir, 'file')}: not a directory` } },
  })
})

t.test('folders are made for us alone, and warned of when they are not', async (t) => {
  const fresh = world([])
  const inner = configOf(join(fresh.dataDir, 'a/b'))
  await prepareDataDir(inner, fresh.parts)
  for (const path of [inner.dataDir, inner.memberDir, inner.snapDir]) t.equal(statSync(path).mode & 0o777, 0o700, path)
  t.same(fresh.lines, [])

  const open = world(['member/'])
  chmodSync(open.dataDir, 0o755)
  await prepareDataDir(open.config, open.parts)
  t.equal(statSync(open.dataDir).mode & 0o777, 0o755, 'it stays as it is')
  t.same(open.lines, [
    {
      level: 'warn',
      message: 'check file permission',
      fields: {
        error: `directory "${open.dataDir}" exist, but the permission is "drwxr-xr-x". The recommended permission is "-rwx------" to prevent possible unprivileged access to the data`,
      },
    },
  ])
})

t.test('what cannot be written to is named', async (t) => {
  const cases: [string, string, string[]][] = [
    ['.touch/', 'cannot access data directory: open', []],
    ['member/.touch/', 'cannot access member directory: open', []],
    ['member/snap/.touch/', 'cannot access snap directory: open', []],
    ['member/wal/.touch/', 'cannot write to WAL directory: open', ['member/wal/0.wal']],
    ['member', 'cannot access member directory: open', []],
  ]
  for (const [obstacle, message, others] of cases) {
    const { config, parts } = world([...others, obstacle])
    await t.rejects(prepareDataDir(config, parts), { message: new RegExp(`^${message}`) }, obstacle)
  }
  const { config, parts } = world(['member/wal/.touch/'])
  await t.resolves(prepareDataDir(config, parts), 'without a log nothing is written there yet')
})

t.test("state in etcd's own database is refused, not shadowed by an empty store", async (t) => {
  const foreign = world(['member/snap/db', 'member/wal/0.wal'])
  await t.rejects(refuseForeignState(foreign.config, foreign.parts), {
    message: 'failed to open the data directory',
    fields: { path: join(foreign.dataDir, 'member/snap/db'), error: /not supported yet: .* bbolt/ },
  })
  t.notOk(existsSync(foreign.config.storeDir))
  const ours = world(['member/snap/db', 'member/store/CURRENT'])
  await t.resolves(refuseForeignState(ours.config, ours.parts))
  const empty = world([])
  await t.resolves(refuseForeignState(empty.config, empty.parts))
})
