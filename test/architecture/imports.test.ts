// The import rules of docs/architecture.md, read off the sources: folders point one way, and only at each other's doors.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '../../../src')

const core = ['base', 'env', 'proto']
/** Folder -> folders it may import. `main.ts` and the wiring in `server/` may import everything. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  env: ['base'],
  proto: ['base'],
  raft: core,
  mvcc: core,
  lease: core,
  auth: core,
  apply: [...core, 'mvcc', 'lease', 'auth'],
  member: [...core, 'raft', 'mvcc', 'lease', 'auth', 'apply'],
  rpc: [...core, 'member'],
  storage: core,
  transport: core,
  peer: core,
  http: [...core, 'member'],
  config: ['base', 'env'],
  host: ['base', 'env'],
  server: [
    ...[...core, 'raft', 'mvcc', 'lease', 'auth', 'apply', 'member', 'rpc'],
    ...['storage', 'transport', 'peer', 'http', 'config', 'host'],
  ],
}

interface Import {
  readonly file: string
  readonly folder: string
  readonly target: string
  readonly path: string
}

/** Every relative import of `source` that leaves its folder. */
const importsOf = (file: string, source: string): Import[] => {
  const folder = relative(root, file).split('/')[0] ?? ''
  const specifiers = [...source.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map((match) => match[1] ?? '')
  return specifiers
    .map((specifier) => relative(root, join(dirname(file), specifier)))
    .map((path) => ({ file: relative(root, file), folder, target: path.split('/')[0] ?? '', path }))
    .filter(({ target }) => target !== folder)
}

export const violation = ({ file, folder, target, path }: Import): string | undefined => {
  const allowed = MAY_IMPORT[folder]
  if (allowed === undefined) return `${file}: folder ${folder} has no import rule`
  if (!allowed.includes(target)) return `${file}: ${folder}/ may not import ${target}/`
  if (path !== `${target}/index.js`) return `${file}: imports ${path}, not the door ${target}/index.js`
  return undefined
}

const sources = (readdirSync(root, { recursive: true }) as string[])
  .filter((name) => name.endsWith('.ts') && name.includes('/'))
  .map((name) => join(root, name))

t.test('folders import only what their rule allows, through the door', async (t) => {
  t.ok(sources.length > 10, 'sources were found')
  const found = sources.flatMap((file) => importsOf(file, readFileSync(file, 'utf8')))
  // A unit test may build the real thing beside the part it proves, but still only through doors.
  const wrong = found.filter(({ file }) => !file.endsWith('.test.ts')).map(violation)
  t.same(
    wrong.filter((text) => text !== undefined),
    [],
  )
})

t.test('a forbidden import is found', async (t) => {
  const file = join(root, 'raft/node.ts')
  const check = (source: string) => importsOf(file, source).map(violation)
  t.match(check(`import type { Wal } from '../storage/index.js'`)[0], /may not import storage/)
  t.match(check(`export * from '../base/bytes.js'`)[0], /not the door/)
  t.same(check(`import { invariant } from '../base/index.js'`), [undefined])
})
