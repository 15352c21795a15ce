import { chmodSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { nodeFolders, permissionText } from './folders.js'

const folder = (): string => mkdtempSync(join(tmpdir(), 'folders-'))

t.test('modes are shown as ls does', async (t) => {
  for (const [mode, text] of [
    [0o40700, 'drwx------'],
    [0o40755, 'drwxr-xr-x'],
    [0o777, 'drwxrwxrwx'],
    [0, 'd---------'],
    [0o241, 'd-w-r----x'],
  ] as const) {
    t.equal(permissionText(mode), text, mode.toString(8))
  }
})

t.test('a folder is told from a missing one and from a file', async (t) => {
  const path = folder()
  chmodSync(path, 0o750)
  for (const name of ['b', 'a']) mkdirSync(join(path, name))
  t.same(await nodeFolders.inspect(path), { kind: 'folder', names: ['a', 'b'], permission: 'drwxr-x---' })
  t.same(await nodeFolders.inspect(join(path, 'none')), { kind: 'missing' })
  const file = join(path, 'file')
  writeFileSync(file, '')
  await t.rejects(nodeFolders.inspect(file), { message: `open ${file}: not a directory` })
})

t.test('probing leaves nothing behind', async (t) => {
  const path = folder()
  await nodeFolders.probe(path)
  t.notOk(existsSync(join(path, '.touch')))
  mkdirSync(join(path, '.touch'))
  await t.rejects(nodeFolders.probe(path), { message: `open ${join(path, '.touch')}: is a directory` })
})
