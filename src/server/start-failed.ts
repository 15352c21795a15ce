// Why a start ends, and the line that says so.

import { FileLocked, type LogFields } from '../env/index.js'
import { VersionTooLow } from '../member/index.js'
import { WalCorrupt } from '../storage/index.js'

/** The start ends with one fatal (or panic) line of this message and these fields. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed'
  readonly level: 'fatal' | 'panic'
  readonly fields: LogFields

  constructor(message: string, fields: LogFields = {}, level: 'fatal' | 'panic' = 'fatal') {
    super(message)
    this.fields = fields
    this.level = level
  }

  /** Of the process: as in etcd a fatal line ends it with 1, a panic with 2. */
  get exitCode(): number {
    return this.level === 'fatal' ? 1 : 2
  }
}

/** Whatever ended a start, as the reference would have put it: most causes share one message. */
export function startFailure(error: unknown): StartFailed {
  if (error instanceof StartFailed) return error
  if (error instanceof WalCorrupt) return new StartFailed('failed to read WAL, cannot be repaired', { error })
  if (error instanceof FileLocked) return new StartFailed('failed to open WAL', { error })
  // The message of this one is the whole line.
  if (error instanceof VersionTooLow) return new StartFailed(error.message, {}, 'panic')
  return new StartFailed('discovery failed', { error })
}
