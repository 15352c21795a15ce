// Creates and opens logs.

import { dirname } from 'node:path'
import { index, NO_INDEX, NO_TERM } from '../../base/index.js'
import type { FileHandle, FileSystem, RecoveredLog } from '../../env/index.js'
import type { raftpb } from '../../proto/index.js'
import { WalCorrupt } from './errors.js'
import { RecordType } from './frame.js'
import { EMPTY_HARD_STATE, encodeMetadata, encodeSnapshotRecord, type Metadata } from './messages.js'
import { RecordBuffer } from './record-buffer.js'
import { recover, type Recovery } from './recover.js'
import { newestRun, segmentName, segmentsOf, type SegmentName } from './segment-name.js'
import { SEGMENT_BYTES, Wal, type LockedSegment, type WalOptions } from './wal.js'

/** Written as zeros at a start: 10 to 30 ms, and room for some ten thousand small writes. */
const FILLED_BYTES = 8 * 1024 * 1024
const ZEROS = new Uint8Array(1024 * 1024)

export interface OpenedWal {
  readonly wal: Wal
  readonly recovered: RecoveredLog<raftpb.Entry>
}

/** Whether the directory holds a log: decides between first start and restart. */
export const hasWal = async (fs: FileSystem, directory: string): Promise<boolean> =>
  (await fs.list(directory)).some((name) => name.endsWith('.wal'))

/**
 * Creates a log with the head of its first segment. All or nothing: it is built beside its place and renamed.
 * @throws Error when a log is there already.
 */
export const createWal = async (
  fs: FileSystem,
  directory: string,
  snapDirectory: string,
  identity: Metadata,
  options: WalOptions,
): Promise<Wal> => {
  if (await hasWal(fs, directory)) throw new Error(`${directory}: a log is there already`)
  const temporary = `${directory}.tmp`
  const parent = dirname(directory)
  await fs.removeTree(temporary)
  await fs.makeDirectory(temporary)

  const metadata = encodeMetadata(identity)
  const records = new RecordBuffer(0)
  records.addCrc()
  records.addRaw(RecordType.metadata, metadata)
  const start = { index: NO_INDEX, term: NO_TERM, confState: undefined }
  records.addRaw(RecordType.snapshot, encodeSnapshotRecord(start))

  const name = segmentName(0, 0)
  const lock = await makeFirstSegment(fs, temporary, name, records, options.segmentBytes ?? SEGMENT_BYTES)
  let file: FileHandle | undefined
  try {
    await fs.removeTree(directory)
    await fs.rename(temporary, directory)
    await fs.syncDirectory(parent)
    file = await fs.open(`${directory}/${name}`, 'edit')
    const state = {
      fs,
      directory,
      snapDirectory,
      metadata,
      segments: [{ name, sequence: 0, index: 0, lock }],
      file,
      offset: records.length,
      crc: records.crc,
      hardState: EMPTY_HARD_STATE,
      lastIndex: NO_INDEX,
      snapshot: undefined,
    }
    return new Wal(state, options)
  } catch (error) {
    await file?.close()
    await lock.release()
    throw error
  }
}

const makeFirstSegment = async (
  fs: FileSystem,
  directory: string,
  name: string,
  records: RecordBuffer,
  segmentBytes: number,
) => {
  const path = `${directory}/${name}`
  const file = await fs.open(path, 'create')
  try {
    await makeRoom(file, 0, segmentBytes)
    await file.write(records.view(), 0)
    await file.syncData()
    await fs.syncDirectory(directory)
    return await fs.lock(path)
  } finally {
    await file.close()
  }
}

/**
 * Opens a log for appending: takes the locks, reads everything, cuts a torn tail off (keeping a copy in `<segment>.broken`).
 * @throws WalCorrupt when the log cannot be trusted, FileLocked when another process has it open.
 */
export const openWal = async (
  fs: FileSystem,
  directory: string,
  snapDirectory: string,
  options: WalOptions,
): Promise<OpenedWal> => {
  const names = await fs.list(directory)
  const segments = newestRun(segmentsOf(names))
  if (segments.length === 0) throw new WalCorrupt(directory, 'no log segments')
  const locked = await lockAll(fs, directory, segments)
  let file: FileHandle | undefined
  try {
    // Prepared segments that a crash left behind.
    for (const name of names.filter((name) => name.endsWith('.tmp'))) await fs.remove(`${directory}/${name}`)
    const recovery = await recover(fs, directory, segments, snapDirectory, options.logger)
    const lastPath = `${directory}/${segments.at(-1)!.name}`
    if (recovery.torn !== undefined) await keepBroken(fs, lastPath, recovery, options)
    file = await fs.open(lastPath, 'edit')
    await clearTail(file, recovery.endOffset, options.segmentBytes ?? SEGMENT_BYTES)
    const { log, metadata, lastIndex, crc, endOffset: offset } = recovery
    const { hardState, snapshot } = log
    const state = {
      fs,
      directory,
      snapDirectory,
      metadata,
      segments: locked,
      file,
      offset,
      crc,
      hardState,
      lastIndex,
      snapshot,
    }
    const wal = new Wal(state, options)
    await wal.release(log.snapshot?.index ?? index(0))
    return { wal, recovered: log }
  } catch (error) {
    await file?.close()
    for (const { lock } of locked) await lock.release()
    throw error
  }
}

/** Reads a log without locking or changing it, except that broken snapshot files are renamed. @throws WalCorrupt */
export const readWal = async (
  fs: FileSystem,
  directory: string,
  snapDirectory: string,
  options: Pick<WalOptions, 'logger'>,
): Promise<RecoveredLog<raftpb.Entry>> => {
  const segments = newestRun(segmentsOf(await fs.list(directory)))
  if (segments.length === 0) throw new WalCorrupt(directory, 'no log segments')
  return (await recover(fs, directory, segments, snapDirectory, options.logger)).log
}

const lockAll = async (
  fs: FileSystem,
  directory: string,
  segments: readonly SegmentName[],
): Promise<LockedSegment[]> => {
  const locked: LockedSegment[] = []
  try {
    for (const segment of segments) locked.push({ ...segment, lock: await fs.lock(`${directory}/${segment.name}`) })
    return locked
  } catch (error) {
    for (const { lock } of locked) await lock.release()
    throw error
  }
}

const keepBroken = async (fs: FileSystem, path: string, recovery: Recovery, { logger }: WalOptions): Promise<void> => {
  await fs.copy(path, `${path}.broken`)
  logger.info('repaired WAL', { path, offset: recovery.endOffset, error: recovery.torn })
}

/**
 * Behind the last record only zeros may follow, or the remains of a torn write could one day look like records. Synced, so that
 * they cannot come back either.
 */
const clearTail = async (file: FileHandle, offset: number, segmentBytes: number): Promise<void> => {
  await file.truncate(offset)
  await makeRoom(file, offset, segmentBytes)
  await file.syncData()
}

/**
 * Gives the file its full size, and the first part behind `offset` real zeros: writes into blocks that exist need no journal
 * commit (next-segment.ts). All of the segment would make a start wait for 64 MB of disk.
 */
const makeRoom = async (file: FileHandle, offset: number, segmentBytes: number): Promise<void> => {
  await file.preallocate(segmentBytes)
  const end = Math.min(offset + FILLED_BYTES, segmentBytes)
  for (let at = offset; at < end; at += ZEROS.length) await file.write(ZEROS.subarray(0, end - at), at)
}
