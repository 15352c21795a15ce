// The write side of the log: batches in, one write and at most one sync each, rotation in between.

import { invariant, type Index } from '../../base/index.js'
import {
  WalFailed,
  type Clock,
  type FileHandle,
  type FileLock,
  type FileSystem,
  type LogEntry,
  type Logger,
  type LogHardState,
  type LogSnapshot,
  type LogStorage,
  type SnapshotPoint,
} from '../../env/index.js'
import { purgeSnapFiles, saveSnapFile, snapFileName } from '../snap/snap-directory.js'
import { RecordType } from './frame.js'
import { encodeSnapshotRecord, isEmptyHardState } from './messages.js'
import { NextSegment } from './next-segment.js'
import { RecordBuffer } from './record-buffer.js'
import { segmentName, segmentsOf } from './segment-name.js'
import { removeSegments } from './segment-removal.js'

/** Not 64 MiB. */
export const SEGMENT_BYTES = 64_000_000
/**
 * A larger batch is built and written in pieces of about this size, with one sync at the end: building one piece takes a few
 * milliseconds, and the loop is free while it is written.
 */
const PIECE_BYTES = 1024 * 1024
/** Records that need no sync (commit-only states) and wait for the next durable write; beyond, they get one. */
const UNWRITTEN_BYTES_MAX = 64 * 1024
const SLOW_SYNC_MS = 1000
/** Steps in which a segment that nobody needs is removed. */
const REMOVED_PIECES = 64

export interface WalOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly logger: Logger
  /** After every durable write: how long it took, and how many bytes were written since the last call. */
  readonly onSync?: (durationMs: number, writtenBytes: number) => void
  /** 64,000,000 unless a test wants rotations; a multiple of 8. */
  readonly segmentBytes?: number
}

/** A segment that is locked by us. */
export interface LockedSegment {
  readonly name: string
  readonly sequence: number
  readonly index: number
  readonly lock: FileLock
}

/** All that `Wal` needs to go on at the end of a log. */
export interface WalState {
  readonly fs: FileSystem
  readonly directory: string
  readonly snapDirectory: string
  readonly metadata: Uint8Array
  /** Oldest first; the last is the one that `file` is open on. */
  readonly segments: readonly LockedSegment[]
  readonly file: FileHandle
  readonly offset: number
  readonly crc: number
  readonly hardState: LogHardState
  readonly lastIndex: Index
  /** What recovery started from. */
  readonly snapshot: SnapshotPoint | undefined
}

/** One call's part of the next write. */
interface Work {
  readonly entries: readonly LogEntry[]
  readonly hardState: LogHardState | undefined
  readonly snapshot: LogSnapshot | undefined
  /** The snapshot replaces the log: its file is written first, then its record, then the rest. */
  readonly replaces: boolean
  readonly mustSync: boolean
}

interface Job extends Work {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

const SETTLED = Promise.resolve()

/** Fits one piece, without snapshots. */
const isPlain = (batch: readonly Job[]): boolean => {
  let bytes = 0
  for (const { entries, snapshot } of batch) {
    if (snapshot !== undefined) return false
    for (const { data } of entries) bytes += data.length
  }
  return bytes < PIECE_BYTES
}

/**
 * How much waits is bounded by the callers: each awaits its promise, and consensus limits what is proposed and in flight.
 *
 * Invariant: `#records` holds exactly the bytes that follow in the file at `#flushedTo`; they are not written yet. A state
 * that only moves the commit index waits there for the next durable write: a write of its own would be a trip through the
 * thread pool for something that may be lost anyway.
 */
export class Wal implements LogStorage {
  readonly #fs: FileSystem
  readonly #directory: string
  readonly #snapDirectory: string
  readonly #metadata: Uint8Array
  readonly #options: WalOptions
  readonly #segmentBytes: number
  readonly #records: RecordBuffer
  #segments: LockedSegment[]
  #file: FileHandle
  #next: NextSegment
  /** File offset of the first byte in `#records`. */
  #flushedTo: number
  #bytesSinceSync = 0
  /** The last hard state written, and the last one accepted for writing. */
  #hardState: LogHardState
  #acceptedState: LogHardState
  /** The last index written, and the last one accepted: names the next segment, and bounds the next entry. */
  #lastIndex: number
  #acceptedIndex: number
  /**
   * What a recovery would start from. There may be newer files: those of received snapshots whose records a crash cut off.
   */
  #snapshot: Pick<SnapshotPoint, 'index' | 'term'> | undefined

  #waiting: Job[] = []
  /** What the write under way holds; empty during a rotation. */
  #batch: readonly Job[] = []
  #isDriving = false
  #onIdle: (() => void) | undefined
  #syncStartedMs = 0
  #failure: WalFailed | undefined
  #closing: Promise<void> | undefined

  constructor(state: WalState, options: WalOptions) {
    this.#fs = state.fs
    this.#directory = state.directory
    this.#snapDirectory = state.snapDirectory
    this.#metadata = state.metadata
    this.#options = options
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES
    this.#records = new RecordBuffer(state.crc)
    this.#segments = [...state.segments]
    this.#file = state.file
    this.#flushedTo = state.offset
    this.#hardState = this.#acceptedState = state.hardState
    this.#lastIndex = this.#acceptedIndex = state.lastIndex
    this.#snapshot = state.snapshot
    this.#next = this.#prepareNext()
  }

  /** A call without anything to write is still one in the order of calls: its promise settles after those before it. */
  append(hardState: LogHardState | undefined, entries: readonly LogEntry[]): Promise<void> {
    const state = hardState === undefined || isEmptyHardState(hardState) ? undefined : hardState
    let mustSync = entries.length > 0
    if (state !== undefined) {
      mustSync ||= state.term !== this.#acceptedState.term || state.vote !== this.#acceptedState.vote
    }
    const isForLater = !mustSync && !this.#isDriving && this.#records.length <= UNWRITTEN_BYTES_MAX
    if (isForLater) return this.#refusal() ?? this.#keepForLater(state)
    return this.#submit({ hardState: state, entries, snapshot: undefined, replaces: false, mustSync })
  }

  /** Every other call of a lone put comes here: with nothing before it, and nothing that has to be written. */
  #keepForLater(state: LogHardState | undefined): Promise<void> {
    if (state !== undefined) {
      this.#acceptedState = state
      this.#addHardState(state)
    }
    return SETTLED
  }

  /** A snapshot of what is in this log already: `append` calls made before it resolves may come before it. */
  async saveSnapshot(snapshot: LogSnapshot): Promise<void> {
    await this.#refusal()
    await saveSnapFile(this.#fs, this.#snapDirectory, snapshot)
    await this.#submit({ hardState: undefined, entries: [], snapshot, replaces: false, mustSync: true })
    this.#noteSnapshot(snapshot)
  }

  async install(
    snapshot: LogSnapshot,
    hardState: LogHardState | undefined,
    entries: readonly LogEntry[],
  ): Promise<void> {
    await this.#submit({ hardState, entries, snapshot, replaces: true, mustSync: true })
    this.#noteSnapshot(snapshot)
    await this.release(snapshot.index)
  }

  async release(index: Index): Promise<void> {
    // Up to, but excluding, the last segment that begins before `index`: it may hold the entries right after it.
    const later = this.#segments.findIndex((segment) => segment.index >= index)
    const keep = Math.max(0, (later === -1 ? this.#segments.length : later) - 1)
    const released = this.#segments.slice(0, keep)
    this.#segments = this.#segments.slice(keep)
    for (const { lock } of released) await lock.release()
  }

  async purge(maxSegments: number, maxSnapshots: number): Promise<void> {
    if (maxSegments > 0) {
      const segments = segmentsOf(await this.#fs.list(this.#directory))
      const surplus = segments.slice(0, Math.max(0, segments.length - maxSegments))
      const names = surplus.filter(({ sequence }) => sequence < this.#segments[0]!.sequence).map(({ name }) => name)
      await removeSegments(this.#fs, this.#directory, names, Math.ceil(this.#segmentBytes / REMOVED_PIECES))
      for (const name of names) this.#options.logger.info('purged', { path: `${this.#directory}/${name}` })
    }
    const needed = this.#snapshot && snapFileName(this.#snapshot.term, this.#snapshot.index)
    for (const name of await purgeSnapFiles(this.#fs, this.#snapDirectory, maxSnapshots, needed)) {
      this.#options.logger.info('purged', { path: `${this.#snapDirectory}/${name}` })
    }
  }

  /** Writes and syncs what was appended, then gives files and locks back. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #submit(work: Work): Promise<void> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return refusal
    this.#accept(work)
    const { entries, hardState, snapshot, replaces, mustSync } = work
    return new Promise((resolve, reject) => {
      // Field by field: a spread gave each job a layout of its own, which cost a twentieth of a lone put's time.
      this.#waiting.push({ entries, hardState, snapshot, replaces, mustSync, resolve, reject })
      if (this.#isDriving) return
      this.#isDriving = true
      // Starting in a microtask lets everything that this turn appends go into one write.
      void SETTLED.then(this.#drive)
    })
  }

  #noteSnapshot({ index, term }: LogSnapshot): void {
    if (index > (this.#snapshot?.index ?? 0)) this.#snapshot = { index, term }
  }

  #refusal(): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return this.#closing === undefined ? undefined : Promise.reject(new WalFailed('the log is closed'))
  }

  #accept({ entries, hardState, snapshot, replaces }: Work): void {
    if (snapshot !== undefined) {
      this.#acceptedIndex = replaces ? snapshot.index : Math.max(this.#acceptedIndex, snapshot.index)
    }
    if (entries.length > 0) {
      const first = entries[0]!.index
      invariant(first >= 1 && first <= this.#acceptedIndex + 1, 'entry % follows entry %', first, this.#acceptedIndex)
      for (let i = 1; i < entries.length; i++) {
        invariant(entries[i]!.index === first + i, 'entry % follows entry %', entries[i]!.index, first + i - 1)
      }
      this.#acceptedIndex = first + entries.length - 1
    }
    if (hardState !== undefined) this.#acceptedState = hardState
  }

  /**
   * Writes batches until nothing waits. The common way is made of callbacks that exist already: asynchronous functions left
   * 3 KB of garbage behind the write of a lone put, a sixth of all that a follower leaves.
   */
  readonly #drive = (): void => {
    while (this.#waiting.length > 0) {
      this.#batch = this.#waiting
      this.#waiting = []
      let writing: Promise<void> | undefined
      try {
        writing = this.#write(this.#batch)
      } catch (error) {
        this.#fail(error)
        return
      }
      if (writing !== undefined) {
        writing.then(this.#onWritten, this.#onFailed)
        return
      }
      if (!this.#settle()) return
    }
    this.#isDriving = false
    this.#onIdle?.()
  }

  readonly #onWritten = (): void => {
    if (this.#settle()) this.#drive()
  }

  readonly #onFailed = (error: unknown): void => {
    this.#fail(error)
  }

  /** The batch is written as far as it has to be. False when a rotation follows, which goes on by itself. */
  #settle(): boolean {
    const batch = this.#batch
    this.#batch = []
    for (const job of batch) job.resolve()
    if (this.#flushedTo + this.#records.length >= this.#segmentBytes) {
      this.#rotate().then(this.#drive, this.#onFailed)
      return false
    }
    this.#next.follow(this.#flushedTo)
    return true
  }

  /** Undefined when nothing has to be written now. */
  #write(batch: readonly Job[]): Promise<void> | undefined {
    if (!isPlain(batch)) return this.#writeInSteps(batch)
    let mustSync = false
    for (const job of batch) {
      mustSync ||= job.mustSync
      for (const entry of job.entries) this.#addEntry(entry)
      if (job.hardState !== undefined) this.#addHardState(job.hardState)
    }
    return mustSync || this.#records.length > UNWRITTEN_BYTES_MAX ? this.#writeDurably(false) : undefined
  }

  /** With snapshots, or larger than one piece. */
  async #writeInSteps(batch: readonly Job[]): Promise<void> {
    let mustSync = false
    let inPieces = false
    for (const job of batch) {
      const { entries, hardState, snapshot } = job
      mustSync ||= job.mustSync
      if (snapshot !== undefined && job.replaces) {
        await this.#beginAt(snapshot, hardState, inPieces)
        inPieces = false
      }
      for (const entry of entries) {
        this.#addEntry(entry)
        if (this.#records.length < PIECE_BYTES) continue
        inPieces = true
        await this.#writePiece()
      }
      if (hardState !== undefined) this.#addHardState(hardState)
      if (snapshot !== undefined && !job.replaces) {
        this.#records.addRaw(RecordType.snapshot, encodeSnapshotRecord(snapshot))
        this.#lastIndex = Math.max(this.#lastIndex, snapshot.index)
      }
    }
    if (mustSync || this.#records.length > UNWRITTEN_BYTES_MAX) await this.#writeDurably(inPieces)
  }

  #addEntry(entry: LogEntry): void {
    this.#records.addEntry(entry)
    this.#lastIndex = entry.index
  }

  #addHardState(hardState: LogHardState): void {
    this.#records.addHardState(hardState)
    this.#hardState = hardState
  }

  /**
   * The log goes on behind a snapshot. Its file and record are durable before anything that needs them. Then comes a state that
   * commits exactly the snapshot: wherever a crash cuts what follows, the log is one that a member may have.
   */
  async #beginAt(snapshot: LogSnapshot, hardState: LogHardState | undefined, afterPieces: boolean): Promise<void> {
    await saveSnapFile(this.#fs, this.#snapDirectory, snapshot)
    this.#records.addRaw(RecordType.snapshot, encodeSnapshotRecord(snapshot))
    await this.#writeDurably(afterPieces)
    this.#lastIndex = snapshot.index
    this.#hardState = { ...(hardState ?? this.#hardState), commit: snapshot.index }
    this.#records.addHardState(this.#hardState)
  }

  async #writePiece(): Promise<void> {
    await this.#file.write(this.#records.view(), this.#flushedTo)
    this.#bytesSinceSync += this.#records.length
    this.#forgetWritten()
  }

  /** @param afterPieces earlier pieces of the batch are in the file without being durable. */
  #writeDurably(afterPieces: boolean): Promise<void> {
    this.#syncStartedMs = this.#options.clock.monotonicMs()
    this.#bytesSinceSync += this.#records.length
    const file = this.#file
    const written = afterPieces
      ? file.write(this.#records.view(), this.#flushedTo).then(() => file.syncData())
      : file.writeDurably(this.#records.view(), this.#flushedTo)
    return written.then(this.#onDurable)
  }

  readonly #onDurable = (): void => {
    const { clock, onSync, logger } = this.#options
    this.#forgetWritten()
    const tookMs = clock.monotonicMs() - this.#syncStartedMs
    onSync?.(tookMs, this.#bytesSinceSync)
    this.#bytesSinceSync = 0
    if (tookMs > SLOW_SYNC_MS) logger.warn('slow fdatasync', { took: `${tookMs}ms`, 'expected-duration': '1s' })
  }

  #forgetWritten(): void {
    this.#flushedTo += this.#records.length
    this.#records.clear()
  }

  /**
   * Ends the segment and goes on in the prepared file, which gets its final name once its head is durable: a segment with a
   * name always has a head.
   */
  async #rotate(): Promise<void> {
    const old = this.#file
    if (this.#records.length > 0) await this.#writePiece()
    await old.truncate(this.#flushedTo)
    await old.syncData()

    const next = this.#next
    const file = await next.take()
    const sequence = this.#segments.at(-1)!.sequence + 1
    const index = this.#lastIndex + 1
    const name = segmentName(sequence, index)
    let lock: FileLock
    try {
      lock = await this.#fs.lock(next.path)
    } catch (error) {
      await file.close()
      throw error
    }
    this.#file = file
    this.#segments.push({ name, sequence, index, lock })
    await old.close()

    this.#flushedTo = 0
    this.#records.addCrc()
    this.#records.addRaw(RecordType.metadata, this.#metadata)
    if (!isEmptyHardState(this.#hardState)) this.#records.addHardState(this.#hardState)
    await this.#writeDurably(false)
    await this.#fs.rename(next.path, `${this.#directory}/${name}`)
    await this.#fs.syncDirectory(this.#directory)
    this.#next = this.#prepareNext()
    this.#options.logger.info('created a new WAL segment', { path: `${this.#directory}/${name}` })
  }

  #prepareNext(): NextSegment {
    const nextSequence = this.#segments.at(-1)!.sequence + 1
    return new NextSegment(this.#fs, `${this.#directory}/${nextSequence % 2}.tmp`, this.#segmentBytes)
  }

  #fail(cause: unknown): void {
    const why = cause instanceof Error ? cause.message : String(cause)
    this.#failure = new WalFailed(`${this.#directory}: the log failed: ${why}`, cause)
    const doomed = [...this.#batch, ...this.#waiting]
    this.#batch = []
    this.#waiting = []
    this.#isDriving = false
    for (const job of doomed) job.reject(this.#failure)
    this.#onIdle?.()
  }

  async #close(): Promise<void> {
    if (this.#isDriving) await new Promise<void>((resolve) => (this.#onIdle = resolve))
    try {
      if (this.#failure === undefined) {
        if (this.#records.length > 0) await this.#writePiece()
        await this.#file.syncData()
      }
    } finally {
      await this.#giveBack()
    }
  }

  async #giveBack(): Promise<void> {
    const steps = [
      () => this.#next.discard(),
      () => this.#file.close(),
      ...this.#segments.map(
        ({ lock }) =>
          () =>
            lock.release(),
      ),
    ]
    const failures: Error[] = []
    for (const step of steps) await step().catch((error: unknown) => failures.push(error as Error))
    if (failures[0] !== undefined && this.#failure === undefined) throw failures[0]
  }
}
