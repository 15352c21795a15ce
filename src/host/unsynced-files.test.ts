import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { FileHandle, FileSystem } from '../env/index.js'
import { nodeFileSystem } from './file-system.js'
import { unsyncedFileSystem } from './unsynced-files.js'

/** Counts what reaches the disk's cache on purpose. */
const counting = (files: FileSystem) => {
  const syncs: string[] = []
  const fs: FileSystem = {
    ...files,
    open: async (path, how) => {
      const file = await files.open(path, how)
      const counted: FileHandle = {
        write: (bytes, position) => file.write(bytes, position),
        writeDurably: (bytes, position) => {
          syncs.push('writeDurably')
          return file.writeDurably(bytes, position)
        },
        read: (position, length) => file.read(position, length),
        syncData: () => {
          syncs.push('syncData')
          return file.syncData()
        },
        truncate: (sizeBytes) => file.truncate(sizeBytes),
        preallocate: (sizeBytes) => file.preallocate(sizeBytes),
        sizeBytes: () => file.sizeBytes(),
        close: () => file.close(),
      }
      return counted
    },
    syncDirectory: (path) => {
      syncs.push('syncDirectory')
      return files.syncDirectory(path)
    },
  }
  return { fs, syncs }
}

const exercise = async (fs: FileSystem): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'unsynced-'))
  const path = join(folder, 'file')
  const file = await fs.open(path, 'create')
  await file.preallocate(16)
  await file.write(Buffer.from('ab'), 0)
  await file.writeDurably(Buffer.from('cdef'), 2)
  await file.syncData()
  await file.truncate(5)
  t.equal(Buffer.from(await file.read(1, 2)).toString(), 'bc')
  t.equal(await file.sizeBytes(), 5)
  await file.close()
  await fs.rename(path, `${path}2`)
  await fs.syncDirectory(folder)
  return readFileSync(`${path}2`, 'utf8')
}

t.test('files hold the same, and nothing is synced', async (t) => {
  const synced = counting(nodeFileSystem())
  t.equal(await exercise(synced.fs), 'abcde')
  t.same(synced.syncs, ['writeDurably', 'syncData', 'syncDirectory'])
  const unsynced = counting(nodeFileSystem())
  t.equal(await exercise(unsyncedFileSystem(unsynced.fs)), 'abcde')
  t.same(unsynced.syncs, [])
})
