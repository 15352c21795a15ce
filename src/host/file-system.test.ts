import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FileLocked } from '../env/index.js'
import { lockByPidFile } from './file-lock.js'
import { nodeFileSystem } from './file-system.js'

const fs = nodeFileSystem()

const folder = (t: Test): string => {
  const path = mkdtempSync(join(tmpdir(), 'quorate-fs-'))
  t.teardown(() => {
    rmSync(path, { recursive: true })
  })
  return path
}

const openDescriptors = (): number => readdirSync('/proc/self/fd').length

t.test('files: create, write, read, truncate, extend', async (t) => {
  const dir = folder(t)
  const path = join(dir, 'f')
  const file = await fs.open(path, 'create')
  t.equal(statSync(path).mode & 0o777, 0o600)
  await file.write(Buffer.from('hello'), 3)
  await file.writeDurably(Buffer.from('!!'), 8)
  await file.syncData()
  t.same(Buffer.from(await file.read(0, 100)), Buffer.from('\0\0\0hello!!'))
  t.same(Buffer.from(await file.read(4, 2)), Buffer.from('el'))
  t.equal((await file.read(100, 5)).length, 0)
  await file.preallocate(4096)
  t.equal(await file.sizeBytes(), 4096)
  await file.preallocate(10)
  t.equal(await file.sizeBytes(), 4096, 'preallocation never cuts')
  await file.truncate(5)
  await file.truncate(7)
  t.same(Buffer.from(await file.read(0, 100)), Buffer.from('\0\0\0he\0\0'))
  await file.close()
  await file.close()

  await t.rejects(fs.open(path, 'create'), { code: 'EEXIST' })
  await t.rejects(fs.open(join(dir, 'none'), 'edit'), { code: 'ENOENT' })
  const edited = await fs.open(path, 'edit')
  await edited.write(Buffer.from('X'), 0)
  await edited.close()
  t.equal((await fs.readFile(path))[0], 0x58)
  await fs.copy(path, `${path}.copy`)
  t.same(await fs.readFile(`${path}.copy`), await fs.readFile(path))
})

t.test('directories: made with parents and mode 0700, listed sorted, removed without complaint', async (t) => {
  const dir = folder(t)
  await fs.makeDirectory(join(dir, 'a/b'))
  await fs.makeDirectory(join(dir, 'a/b'))
  t.equal(statSync(join(dir, 'a')).mode & 0o777, 0o700)
  for (const name of ['z', 'y', 'x']) writeFileSync(join(dir, 'a/b', name), '')
  t.same(await fs.list(join(dir, 'a/b')), ['x', 'y', 'z'])
  t.same(await fs.list(join(dir, 'none')), [])
  t.equal(await fs.exists(join(dir, 'a/b/x')), true)
  await fs.rename(join(dir, 'a/b'), join(dir, 'c'))
  await fs.syncDirectory(dir)
  t.equal(await fs.exists(join(dir, 'a/b/x')), false)
  await fs.remove(join(dir, 'c/x'))
  await fs.remove(join(dir, 'c/x'))
  await fs.removeTree(join(dir, 'c'))
  await fs.removeTree(join(dir, 'c'))
  t.same(await fs.list(dir), ['a'])
})

t.test('nothing stays open', { skip: !existsSync('/proc/self/fd') && 'needs /proc' }, async (t) => {
  const dir = folder(t)
  // With the first listening socket libuv opens a descriptor that it keeps for itself.
  await fs.open(join(dir, 'e'), 'create').then((file) => file.close())
  await fs.lock(join(dir, 'e')).then((lock) => lock.release())
  const before = openDescriptors()
  const file = await fs.open(join(dir, 'f'), 'create')
  t.ok(openDescriptors() > before)
  await file.close()
  const lock = await fs.lock(join(dir, 'f'))
  await fs.syncDirectory(dir)
  await fs.copy(join(dir, 'f'), join(dir, 'g'))
  await lock.release()
  t.equal(openDescriptors(), before)
})

for (const [name, lock] of [
  ['lock', (path: string) => fs.lock(path)],
  ['pid file', lockByPidFile],
] as const) {
  t.test(`${name}: one holder per file, freed by release`, async (t) => {
    const dir = folder(t)
    const path = join(dir, 'f')
    await t.rejects(lock(path), { code: 'ENOENT' })
    writeFileSync(path, '')
    writeFileSync(join(dir, 'g'), '')
    const held = await lock(path)
    await t.rejects(lock(path), FileLocked)
    const other = await lock(join(dir, 'g'))
    await held.release()
    await held.release()
    const again = await lock(path)
    await again.release()
    await other.release()
  })

  t.test(`${name}: held by another process until that is killed`, async (t) => {
    const path = join(folder(t), 'f')
    writeFileSync(path, '')
    const code = `
      import { nodeFileSystem } from '${import.meta.dirname}/file-system.js'
      import { lockByPidFile } from '${import.meta.dirname}/file-lock.js'
      await ${name === 'lock' ? 'nodeFileSystem().lock' : 'lockByPidFile'}(${JSON.stringify(path)})
      console.log('held')
      process.stdin.resume()`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'pipe', 'inherit'] })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    await t.rejects(lock(path), FileLocked)
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await exited
    const held = await lock(path)
    await held.release()
  })
}

t.test('a lock does not keep the process alive', async (t) => {
  const path = join(folder(t), 'f')
  writeFileSync(path, '')
  const code = `
    import { nodeFileSystem } from '${import.meta.dirname}/file-system.js'
    await nodeFileSystem().lock(${JSON.stringify(path)})`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'ignore', 'inherit'] })
  t.equal(await new Promise((resolve) => child.once('exit', resolve)), 0)
})
