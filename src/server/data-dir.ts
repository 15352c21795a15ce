// The data directory before anything of ours is opened in it: what it holds, and whether it can be written to.

import type { ServerConfig } from '../config/index.js'
import { type FileSystem, type Logger, STORE_FOLDERS } from '../env/index.js'
import type { Folders } from '../host/index.js'
import { hasWal } from '../storage/index.js'
import { StartFailed } from './start-failed.js'

export interface DataDirParts {
  readonly folders: Folders
  readonly fs: FileSystem
  readonly logger: Logger
}

/** Entries that belong into a data directory; etcd warns of all others, its own `fixtures` included. */
const MEMBER = 'member'
const PROXY = 'proxy'
const RECOMMENDED = 'rwx------'

/** Says what the directory is, and warns of what does not belong there. @throws StartFailed */
export async function identifyDataDir({ dataDir }: ServerConfig, { folders, logger }: DataDirParts): Promise<void> {
  let names: readonly string[]
  try {
    const state = await folders.inspect(dataDir)
    names = state.kind === 'folder' ? state.names : []
  } catch (error) {
    throw new StartFailed('failed to list data directory', { dir: dataDir, error })
  }
  for (const filename of names) {
    if (filename === MEMBER || filename === PROXY) continue
    logger.warn('found invalid file under data directory', { filename, 'data-dir': dataDir })
  }
  const isMember = names.includes(MEMBER)
  if (isMember && names.includes(PROXY)) {
    throw new StartFailed('invalid datadir; both member and proxy directories exist')
  }
  if (names.includes(PROXY)) {
    throw new StartFailed('v2 http proxy has already been deprecated in 3.6', { 'dir-type': PROXY }, 'panic')
  }
  const message = isMember ? 'server has already been initialized' : 'Initialize and start etcd server'
  logger.info(message, { 'data-dir': dataDir, 'dir-type': isMember ? MEMBER : 'empty' })
}

/** Makes the folders where they are missing and tries each. @throws Error in etcd's words. */
export async function prepareDataDir(config: ServerConfig, parts: DataDirParts): Promise<void> {
  await makeFolder(config.dataDir, 'access data directory', parts)
  await makeFolder(config.memberDir, 'access member directory', parts)
  await makeFolder(config.snapDir, 'access snap directory', parts)
  if (!(await hasWal(parts.fs, config.walDir))) return
  await failAs('write to WAL directory', () => parts.folders.probe(config.walDir))
}

/**
 * A directory that etcd itself wrote, or `snapshot restore`: its state is in a bbolt database, which this server cannot
 * read. Starting beside it would look like the loss of all data.
 * @throws StartFailed
 */
export async function refuseForeignState({ snapDir, memberDir }: ServerConfig, { fs }: DataDirParts): Promise<void> {
  const database = `${snapDir}/db`
  if (!(await fs.exists(database))) return
  for (const folder of STORE_FOLDERS) if (await fs.exists(`${memberDir}/${folder}`)) return
  const error = 'not supported yet: the state is in a bbolt database written by etcd or by a restored snapshot'
  throw new StartFailed('failed to open the data directory', { error, path: database })
}

async function makeFolder(path: string, purpose: string, { folders, fs, logger }: DataDirParts): Promise<void> {
  await failAs(purpose, async () => {
    const state = await folders.inspect(path)
    if (state.kind === 'missing') await fs.makeDirectory(path)
    else if (!state.permission.endsWith(RECOMMENDED)) {
      const error = `directory "${path}" exist, but the permission is "${state.permission}". The recommended permission is "-${RECOMMENDED}" to prevent possible unprivileged access to the data`
      logger.warn('check file permission', { error })
    }
    await folders.probe(path)
  })
}

async function failAs(purpose: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`cannot ${purpose}: ${why}`, { cause: error })
  }
}
