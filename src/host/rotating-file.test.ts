import { mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { RotatingFile, type RotationOptions } from './rotating-file.js'

const options = (changes: Partial<RotationOptions> = {}): RotationOptions => ({
  maxSizeBytes: 10,
  maxAgeDays: 0,
  maxBackups: 0,
  localTime: false,
  compress: false,
  ...changes,
})

const START = Date.UTC(2026, 0, 2, 3, 4, 5, 6)

const open = (changes: Partial<RotationOptions> = {}, before?: string) => {
  const folder = mkdtempSync(join(tmpdir(), 'rotate-'))
  const path = join(folder, 'etcd.log')
  if (before !== undefined) writeFileSync(path, before)
  let nowMs = START
  const file = new RotatingFile(path, options(changes), () => nowMs)
  const advance = (byMs: number): void => {
    nowMs += byMs
  }
  return { folder, path, file, advance, names: () => readdirSync(folder).sort() }
}

t.test('renames when the next line would exceed the size', async (t) => {
  const { folder, path, file, names } = open()
  file.write('12345\n')
  file.write('678\n')
  t.same(names(), ['etcd.log'])
  file.write('x\n')
  await file.close()
  t.same(names(), ['etcd-2026-01-02T03-04-05.006.log', 'etcd.log'])
  t.equal(readFileSync(join(folder, names()[0]!), 'utf8'), '12345\n678\n')
  t.equal(readFileSync(path, 'utf8'), 'x\n')
})

t.test('goes on with a file that exists, and gives a long line its own', async (t) => {
  const { path, file, names } = open({}, 'old line\n')
  file.write('new\n')
  t.equal(names().length, 2)
  file.write('far longer than ten bytes\n')
  await file.close()
  t.equal(readFileSync(path, 'utf8'), 'far longer than ten bytes\n')
})

t.test('two rotations within a millisecond keep both files', async (t) => {
  const { file, names } = open()
  for (const line of ['aaaaaaaa\n', 'bbbbbbbb\n', 'cccccccc\n']) file.write(line)
  await file.close()
  t.equal(names().length, 3)
})

t.test('keeps so many renamed files, newest first', async (t) => {
  const { file, names, advance } = open({ maxBackups: 2 })
  for (let i = 0; i < 5; i++) {
    file.write(`line ${i}...\n`)
    advance(1000)
  }
  await file.close()
  t.same(names(), ['etcd-2026-01-02T03-04-08.006.log', 'etcd-2026-01-02T03-04-09.006.log', 'etcd.log'])
})

t.test('deletes what is too old, and nothing that is not its own', async (t) => {
  const { folder, file, names, advance } = open({ maxAgeDays: 1 })
  for (const foreign of [
    'etcd-2000-01-01.log',
    'other-2000-01-01T00-00-00.000.log',
    'etcd-2000-01-01T00-00-00.000.txt',
  ]) {
    writeFileSync(join(folder, foreign), '')
  }
  file.write('aaaaaaaa\n')
  file.write('bbbbbbbb\n')
  advance(25 * 3600 * 1000)
  file.write('cccccccc\n')
  await file.close()
  t.same(names(), [
    'etcd-2000-01-01.log',
    'etcd-2000-01-01T00-00-00.000.txt',
    'etcd-2026-01-03T04-04-05.006.log',
    'etcd.log',
    'other-2000-01-01T00-00-00.000.log',
  ])
})

t.test('packs', async (t) => {
  const { folder, file, names } = open({ compress: true })
  file.write('aaaaaaaa\n')
  file.write('bbbbbbbb\n')
  await file.close()
  t.same(names(), ['etcd-2026-01-02T03-04-05.006.log.gz', 'etcd.log'])
  t.equal(gunzipSync(readFileSync(join(folder, names()[0]!))).toString(), 'aaaaaaaa\n')
})
