// The log as it really is: what was handed to it, less what a crash took. The judge of everything that a member says.
import { type Index, NO_INDEX } from '#src/base/index.js'
import type { LogEntry, LogHardState, LogSnapshot, LogStorage, RecoveredLog } from '#src/env/index.js'
import { raftpb } from '#src/proto/index.js'

export class Journal {
  /** By index, from 1 on. */
  entries: LogEntry[] = []
  /** Snapshots saved so far. */
  snapshots = 0

  append(entries: readonly LogEntry[]): void {
    const first = entries[0]?.index
    if (first !== undefined) this.entries.splice(first - 1, Infinity, ...entries)
  }

  /**
   * Compares with what a restart found and forgets what was lost.
   * @returns what is wrong with the log itself, if anything.
   */
  recover({ snapshot, entries }: RecoveredLog): string | undefined {
    const base = snapshot?.index ?? NO_INDEX
    for (const entry of entries) {
      const appended = this.entries[entry.index - 1]
      if (appended === undefined || textOf(appended) !== textOf(entry)) return `entry ${entry.index} was never appended`
    }
    const last = entries.at(-1)?.index ?? base
    if (last < base || this.entries.length < base) return `a snapshot at ${base} in a log of ${this.entries.length}`
    this.entries = this.entries.slice(0, last)
    return undefined
  }
}

const textOf = ({ type, term, index, data }: LogEntry): string =>
  `${index}@${term} ${type} ${Buffer.from(data).toString('latin1')}`

/** The content of an entry as raft hands it to the state machine. */
export const entryOf = ({ type, term, index, data }: LogEntry): raftpb.Entry =>
  Object.assign(new raftpb.Entry(), { type, term, index, data })

/** Notes in the journal what passes to `log`. */
export class RecordingLog implements LogStorage {
  readonly #log: LogStorage
  readonly #journal: Journal
  readonly #onAppend: (entries: readonly LogEntry[]) => void

  constructor(log: LogStorage, journal: Journal, onAppend: (entries: readonly LogEntry[]) => void) {
    this.#log = log
    this.#journal = journal
    this.#onAppend = onAppend
  }

  append(hardState: LogHardState | undefined, entries: readonly LogEntry[]): Promise<void> {
    this.#journal.append(entries)
    this.#onAppend(entries)
    return this.#log.append(hardState, entries)
  }

  async saveSnapshot(snapshot: LogSnapshot): Promise<void> {
    await this.#log.saveSnapshot(snapshot)
    this.#journal.snapshots++
  }

  async install(
    snapshot: LogSnapshot,
    hardState: LogHardState | undefined,
    entries: readonly LogEntry[],
  ): Promise<void> {
    this.#journal.append(entries)
    this.#onAppend(entries)
    await this.#log.install(snapshot, hardState, entries)
    this.#journal.snapshots++
  }

  release(index: Index): Promise<void> {
    return this.#log.release(index)
  }

  purge(maxSegments: number, maxSnapshots: number): Promise<void> {
    return this.#log.purge(maxSegments, maxSnapshots)
  }

  close(): Promise<void> {
    return this.#log.close()
  }
}
