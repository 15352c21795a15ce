// Reads all segments once, chooses the start snapshot, and collects the entries after it.
//
// Rules (those of etcd's reader): a later record overrides its own index and drops everything after it; the last hard state
// wins; metadata is the same in every segment; a snapshot counts once it was committed and its record is in the log.
// The start is the newest such snapshot whose `.snap` file is good. Without one the log is replayed from its first entry, or,
// when that is gone, from the newest record that tells the conf state itself (from 3.5 on), with no membership data.
//
// To hold no more than needed, entries up to a snapshot that will be usable are dropped while reading. Should its file turn
// out broken, the log is read again without it.

import { copyBytes, EMPTY_BYTES, equalBytes, index, type Index, type Term } from '../../base/index.js'
import type { FileSystem, LogHardState, Logger, LogSnapshot, RecoveredLog } from '../../env/index.js'
import { MalformedMessage, walpb, type raftpb } from '../../proto/index.js'
import { listSnapFiles, loadSnapFile, snapFileName, type SnapFileName } from '../snap/snap-directory.js'
import { MalformedRecord, WalCorrupt } from './errors.js'
import { RecordType } from './frame.js'
import {
  decodeEntry,
  decodeHardState,
  decodeMetadata,
  EMPTY_HARD_STATE,
  type Metadata,
  type SnapshotRecord,
} from './messages.js'
import type { SegmentName } from './segment-name.js'
import { readSegment, type RecordVisitor } from './segment-reader.js'

export interface Recovery {
  readonly log: RecoveredLog<raftpb.Entry>
  /** Raw, to be repeated in later segments as it is. */
  readonly metadata: Uint8Array
  /** Index of the last entry, or of the snapshot if that is further. */
  readonly lastIndex: Index
  /** End of the good records in the last segment, and the running CRC there. */
  readonly endOffset: number
  readonly crc: number
  /** Why the bytes behind the end are no record; undefined after a clean end. */
  readonly torn: string | undefined
}

/** @throws WalCorrupt */
export const recover = async (
  fs: FileSystem,
  directory: string,
  segments: readonly SegmentName[],
  snapDirectory: string,
  logger: Logger,
): Promise<Recovery> => {
  let files = await listSnapFiles(fs, snapDirectory)
  for (;;) {
    const scan = new Scan(files)
    const end = await readAll(fs, directory, segments, scan)
    const lastPath = `${directory}/${segments.at(-1)!.name}`
    const start = scan.start()
    const snapshot = start === undefined ? undefined : await loadStart(fs, snapDirectory, start, logger)
    if (snapshot === 'broken') {
      files = files.filter((file) => file !== start?.file)
      continue
    }
    const log = scan.finish(lastPath, snapshot, start)
    const lastIndex = log.entries.at(-1)?.index ?? log.snapshot?.index ?? index(0)
    return { log, metadata: scan.metadata!, lastIndex, endOffset: end.offset, crc: end.crc, torn: end.torn }
  }
}

const readAll = async (fs: FileSystem, directory: string, segments: readonly SegmentName[], scan: Scan) => {
  let end = { offset: 0, crc: 0, torn: undefined as string | undefined }
  for (const segment of segments) {
    const path = `${directory}/${segment.name}`
    const isLast = segment === segments.at(-1)
    scan.beginSegment()
    end = await readSegment(fs, path, isLast, end.crc, scan)
    // Its head was durable before the segment got its name, so no crash took it away.
    if (!scan.sawMetadata) throw new WalCorrupt(path, 'no metadata record', end.offset)
  }
  return end
}

interface Start {
  readonly record: SnapshotRecord
  readonly file: SnapFileName | undefined
  /** Sent by a leader in place of entries: what the log held behind its index at that place is void. */
  readonly replaces: boolean
  /** Entries read before the record. */
  readonly entriesBefore: number
}

const loadStart = async (
  fs: FileSystem,
  directory: string,
  { record, file }: Start,
  logger: Logger,
): Promise<LogSnapshot | 'broken'> => {
  if (file !== undefined) return (await loadSnapFile(fs, directory, file, logger)) ?? 'broken'
  const { index, term, confState } = record
  logger.warn('snapshot record without usable snap file', { 'snapshot-index': index, 'snapshot-term': term })
  return { index, term, confState: confState!, data: EMPTY_BYTES }
}

/** What reading has found so far. */
class Scan implements RecordVisitor {
  metadata: Uint8Array | undefined
  sawMetadata = false
  readonly #files: ReadonlyMap<string, SnapFileName>
  readonly #snapshots: Start[] = []
  #identity: Metadata | undefined
  #hardState: LogHardState = EMPTY_HARD_STATE
  /** Entries `#floor + 1 ...`, without gap. */
  #entries: raftpb.Entry[] = []
  #floor = 0
  /** Entries up to here are not needed: a committed snapshot with a file covers them. */
  #prunedTo = 0
  #entriesRead = 0

  constructor(files: readonly SnapFileName[]) {
    this.#files = new Map(files.map((file) => [file.name, file]))
  }

  beginSegment(): void {
    this.sawMetadata = false
  }

  visit(type: number, bytes: Uint8Array, start: number, end: number): void {
    switch (type) {
      case RecordType.entry:
        this.#addEntry(decodeEntry(bytes, start, end))
        break
      case RecordType.state:
        this.#hardState = decodeHardState(bytes, start, end)
        this.#prune()
        break
      case RecordType.snapshot:
        this.#addSnapshot(lenient(() => walpb.SnapshotCodec.decode(bytes, start, end)))
        break
      case RecordType.metadata:
        this.#addMetadata(copyBytes(bytes.subarray(start, end)))
        break
      case RecordType.crc:
        break
      default:
        throw new MalformedRecord(`unexpected record type ${type}`)
    }
  }

  /** The newest usable start; undefined means the first entry. */
  start(): Start | undefined {
    const { commit } = this.#hardState
    const committed = this.#snapshots.filter(({ record }) => record.index > 0 && record.index <= commit)
    const withFile = committed.findLast(({ file }) => file !== undefined)
    if (withFile !== undefined || this.#floor === 0) return withFile
    return committed.findLast(({ record }) => (record.confState?.voters.length ?? 0) > 0)
  }

  /** Checks what was collected against the start. @throws WalCorrupt */
  finish(path: string, snapshot: LogSnapshot | undefined, start: Start | undefined): RecoveredLog<raftpb.Entry> {
    const base = snapshot?.index ?? 0
    if (this.#floor > base && this.#entries.length > 0) {
      throw new WalCorrupt(path, `entries ${base + 1} to ${this.#floor} are missing and no snapshot covers them`)
    }
    const isLast = start?.replaces === true && start.entriesBefore === this.#entriesRead
    const behind = isLast ? [] : this.#entries.slice(Math.max(0, base - this.#floor))
    const entries = this.#withoutStale(behind, snapshot?.term)
    for (let i = 1; i < entries.length; i++) {
      const entry = entries[i]!
      if (entry.term < entries[i - 1]!.term) throw new WalCorrupt(path, `term goes back at entry ${entry.index}`)
    }
    const lastIndex = base + entries.length
    const { commit } = this.#hardState
    if (commit > lastIndex)
      throw new WalCorrupt(path, `committed index ${commit} is behind the last entry ${lastIndex}`)
    const { memberId, clusterId } = this.#identity!
    return { memberId, clusterId, hardState: this.#hardState, snapshot, entries }
  }

  /**
   * Entries of a smaller term than the snapshot before them are what a received snapshot replaced: nothing overrode them in the
   * log yet, but no leader can have committed them.
   */
  #withoutStale(entries: raftpb.Entry[], snapshotTerm: Term | undefined): raftpb.Entry[] {
    const first = entries[0]
    return first !== undefined && snapshotTerm !== undefined && first.term < snapshotTerm ? [] : entries
  }

  #addEntry(entry: raftpb.Entry): void {
    if (entry.index <= this.#prunedTo) return
    this.#entriesRead++
    const pos = entry.index - this.#floor - 1
    if (pos < 0 || (this.#entriesRead === 1 && pos > 0)) this.#restartAt(entry.index)
    else if (pos > this.#entries.length) {
      // Only a snapshot from the leader lets a log go on further ahead.
      const covered = this.#snapshots.some(({ record }) => record.index + 1 >= entry.index)
      if (!covered) {
        throw new MalformedRecord(`entry ${entry.index} follows entry ${this.#floor + this.#entries.length}`)
      }
      this.#restartAt(entry.index)
    } else this.#entries.length = pos
    this.#entries.push(entry)
  }

  #restartAt(index: number): void {
    this.#entries = []
    this.#floor = index - 1
  }

  #addSnapshot(record: SnapshotRecord): void {
    const { index, term } = record
    const pos = index - this.#floor - 1
    const replaces = pos >= 0 && this.#entries[pos]?.term !== term
    const file = this.#files.get(snapFileName(term, index))
    // A member's own snapshot may be recorded after one that it received meanwhile: the order of the indexes counts.
    const place = this.#snapshots.findLastIndex((before) => before.record.index <= index) + 1
    this.#snapshots.splice(place, 0, { record, file, replaces, entriesBefore: this.#entriesRead })
    this.#prune()
  }

  #prune(): void {
    for (let i = this.#snapshots.length - 1; i >= 0; i--) {
      const { record, file } = this.#snapshots[i]!
      if (record.index <= this.#prunedTo) return
      if (record.index > this.#hardState.commit || file === undefined) continue
      this.#prunedTo = record.index
      if (this.#prunedTo > this.#floor) {
        this.#entries.splice(0, this.#prunedTo - this.#floor)
        this.#floor = this.#prunedTo
      }
      return
    }
  }

  #addMetadata(raw: Uint8Array): void {
    if (this.metadata !== undefined && !equalBytes(this.metadata, raw))
      throw new MalformedRecord('conflicting metadata')
    this.sawMetadata = true
    this.metadata = raw
    this.#identity ??= lenient(() => decodeMetadata(raw))
  }
}

/** Messages that proto/ reads. */
const lenient = <T>(decode: () => T): T => {
  try {
    return decode()
  } catch (error) {
    throw error instanceof MalformedMessage ? new MalformedRecord(error.message) : error
  }
}
