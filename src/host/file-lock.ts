// Whole-file locks that end with the process, without native code.
//
// Linux: a listening abstract Unix socket whose name holds the device and inode of the file. The kernel gives each name to
// one socket only and frees it when the process ends, however it ends; nothing stays on disk.
// Elsewhere: a file `<path>.lock` that holds the process id; a file of a process that is gone is taken over.
//
// Differs: etcd takes fcntl locks on its segments and flock on its database. Node.js offers neither, so these locks exclude
// other processes of ours but neither see nor stop Go's. Abstract names belong to a network namespace: two containers that
// share a volume but no network do not see each other here. (The LevelDB store beside the log takes a real fcntl lock.)

import { open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { FileLocked, type FileLock } from '../env/index.js'

/** @throws FileLocked when it is held; any other error (no such file) as it comes. */
export const lockFile = (path: string): Promise<FileLock> =>
  hasAbstractSockets ? lockBySocket(path) : lockByPidFile(path)

/** libuv passes names that start with a zero byte on since 1.46; before, it cut them to nothing. */
const hasAbstractSockets = ((): boolean => {
  const [major = 0, minor = 0] = (process.versions.uv ?? '').split('.').map(Number)
  return process.platform === 'linux' && (major > 1 || (major === 1 && minor >= 46))
})()

const lockBySocket = async (path: string): Promise<FileLock> => {
  const { dev, ino } = await stat(path, { bigint: true })
  const server = createServer((socket) => socket.destroy())
  server.unref()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new FileLocked(path) : error)
    })
    server.listen(`\0quorate-lock-${dev}-${ino}`, resolve)
  })
  return onceReleased(
    () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
      }),
  )
}

/** For systems without abstract sockets; exported for its test. */
export const lockByPidFile = async (path: string): Promise<FileLock> => {
  await stat(path)
  const lockPath = `${path}.lock`
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const handle = await open(lockPath, 'wx', 0o600)
      try {
        await handle.writeFile(`${process.pid}\n`)
      } finally {
        await handle.close()
      }
      return onceReleased(() => unlink(lockPath))
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
    }
    if (await holderLives(lockPath)) throw new FileLocked(path)
    await takeAway(lockPath, path)
  }
  throw new FileLocked(path)
}

/** Removes a dead process's file. Renaming it first shows whether another process was quicker and holds it anew. */
const takeAway = async (lockPath: string, path: string): Promise<void> => {
  const aside = `${lockPath}.${process.pid}`
  await rename(lockPath, aside).catch(ignoreMissing)
  if (await holderLives(aside)) {
    await rename(aside, lockPath)
    throw new FileLocked(path)
  }
  await unlink(aside).catch(ignoreMissing)
}

const holderLives = async (lockPath: string): Promise<boolean> => {
  let text: string
  try {
    text = await readFile(lockPath, 'latin1')
  } catch (error) {
    ignoreMissing(error)
    return false
  }
  const pid = Number(text)
  // An empty file is one whose owner is just about to write its id.
  if (!Number.isSafeInteger(pid) || pid <= 0) return true
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}

const onceReleased = (release: () => Promise<void>): FileLock => {
  let released: Promise<void> | undefined
  return { release: () => (released ??= release()) }
}

const errorCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

const ignoreMissing = (error: unknown): void => {
  if (errorCode(error) !== 'ENOENT') throw error
}
