// The files of member/snap that belong to raft snapshots: `<term, 16 hex>-<index, 16 hex>.snap`.

import type { FileSystem, Logger, LogSnapshot } from '../../env/index.js'
import { MalformedRecord, WalCorrupt } from '../wal/errors.js'
import { hex16 } from '../wal/segment-name.js'
import { decodeSnapFile, encodeSnapFile } from './snap-file.js'

export interface SnapFileName {
  readonly name: string
  readonly term: number
  readonly index: number
}

/** Term first, then index: names sort by age, since a later snapshot never has a smaller term. */
export const snapFileName = (term: number, index: number): string => `${hex16(term)}-${hex16(index)}.snap`

/** Newest first; names that do not parse are left out. */
export const listSnapFiles = async (fs: FileSystem, directory: string): Promise<SnapFileName[]> => {
  const files: SnapFileName[] = []
  for (const name of (await fs.list(directory)).reverse()) {
    const match = /^([0-9a-f]{16})-([0-9a-f]{16})\.snap$/.exec(name)
    if (match === null) continue
    const file = { name, term: Number.parseInt(match[1]!, 16), index: Number.parseInt(match[2]!, 16) }
    if (Number.isSafeInteger(file.term) && Number.isSafeInteger(file.index)) files.push(file)
  }
  return files
}

/**
 * Writes the file under another name, then renames it: under its own name it is never seen half written. It and its name are
 * durable when the promise resolves, so that the record in the log, written next, can rely on it.
 * Differs: etcd writes in place and does not sync the directory.
 */
export const saveSnapFile = async (fs: FileSystem, directory: string, snapshot: LogSnapshot): Promise<void> => {
  const name = snapFileName(snapshot.term, snapshot.index)
  // Names that begin with "tmp" are what every etcd removes at start.
  const temporary = `${directory}/tmp-${name}`
  await fs.makeDirectory(directory)
  await fs.remove(temporary)
  const file = await fs.open(temporary, 'create')
  try {
    await file.writeDurably(encodeSnapFile(snapshot), 0)
  } finally {
    await file.close()
  }
  await fs.rename(temporary, `${directory}/${name}`)
  await fs.syncDirectory(directory)
}

/**
 * Reads one file. One that cannot be trusted, or whose content contradicts its name, is renamed to `.broken`; the result is
 * then undefined.
 */
export const loadSnapFile = async (
  fs: FileSystem,
  directory: string,
  { name, term, index }: SnapFileName,
  logger: Logger,
): Promise<LogSnapshot | undefined> => {
  const path = `${directory}/${name}`
  const bytes = await fs.readFile(path)
  try {
    const snapshot = decodeSnapFile(bytes)
    if (snapshot.term !== term || snapshot.index !== index)
      throw new MalformedRecord('snapshot is not what its name says')
    return snapshot
  } catch (error) {
    if (!(error instanceof MalformedRecord)) throw error
    logger.warn('failed to read a snap file', { path, error: error.message })
    await fs.rename(path, `${path}.broken`)
    return undefined
  }
}

/** For tools: one file, which must be good. @throws WalCorrupt naming the file. */
export const readSnapFile = async (fs: FileSystem, path: string): Promise<LogSnapshot> => {
  const bytes = await fs.readFile(path)
  try {
    return decodeSnapFile(bytes)
  } catch (error) {
    if (error instanceof MalformedRecord) throw new WalCorrupt(path, error.message)
    throw error
  }
}

/**
 * Deletes the oldest files until at most `max` of each kind (`.snap`, and `.snap.db`, the databases received from leaders)
 * are left, and never `needed`; 0 keeps all.
 */
export const purgeSnapFiles = async (
  fs: FileSystem,
  directory: string,
  max: number,
  needed: string | undefined,
): Promise<string[]> => {
  if (max === 0) return []
  const names = await fs.list(directory)
  const doomed = ['.snap', '.snap.db'].flatMap((suffix) => {
    const matching = names.filter((name) => name.endsWith(suffix))
    return matching.slice(0, Math.max(0, matching.length - max)).filter((name) => name !== needed)
  })
  for (const name of doomed) await fs.remove(`${directory}/${name}`)
  return doomed
}
