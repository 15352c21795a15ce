// Takes in the rows of a snapshot from another member.

import type { ClusterId, Index, Term } from '../../base/index.js'
import type { FileHandle, FileSystem, Logger, SnapshotReceipt } from '../../env/index.js'
import type { raftpb } from '../../proto/index.js'
import { MalformedRows, RowStreamReader } from './row-stream.js'
import { RowFiles } from './row-files.js'

export interface ReceiverOptions {
  readonly fs: FileSystem
  /** Where `.snap` files are. */
  readonly directory: string
  readonly clusterId: ClusterId
  readonly logger: Logger
  /** Whether consensus has everything up to there already: the rows would be of no use. */
  readonly isObsolete: (index: Index, term: Term) => boolean
  /** An obsolete snapshot, for consensus: its answer tells the leader where this member is. */
  readonly onObsolete: (message: raftpb.Message) => void
}

/** At most one transfer at a time; others are refused, and their leader asks again. */
export class SnapshotReceiver {
  readonly #options: ReceiverOptions
  readonly #files: RowFiles
  #receiving = false
  /** The last snapshot that arrived as a whole. */
  #last: Index | undefined

  constructor(options: ReceiverOptions) {
    this.#options = options
    this.#files = new RowFiles(options.fs, options.directory)
  }

  /** Undefined: not wanted, or not now. */
  async begin(message: raftpb.Message): Promise<SnapshotReceipt | undefined> {
    const { isObsolete, onObsolete, fs } = this.#options
    const at = message.snapshot?.metadata
    if (at === undefined || at.index === 0 || this.#receiving) return undefined
    if (isObsolete(at.index, at.term)) {
      onObsolete(message)
      return undefined
    }
    this.#receiving = true
    try {
      await this.#files.removeUnused(this.#last)
      const path = this.#files.temporaryPathOf(at.index)
      await fs.remove(path)
      const file = await fs.open(path, 'create')
      return this.#receipt(file, at.index, at.term)
    } catch (error) {
      this.#receiving = false
      throw error
    }
  }

  #receipt(file: FileHandle, index: Index, term: Term): SnapshotReceipt {
    const { fs, clusterId, logger } = this.#options
    const reader = new RowStreamReader(() => undefined)
    let position = 0
    const drop = async (): Promise<void> => {
      try {
        await file.close()
        await fs.remove(this.#files.temporaryPathOf(index))
      } finally {
        // Not earlier: the next one may use the same name.
        this.#receiving = false
      }
    }
    return {
      write: async (chunk) => {
        reader.push(chunk)
        await file.write(chunk, position)
        position += chunk.length
      },
      finish: async () => {
        try {
          reader.finish()
          const { header } = reader
          if (header?.clusterId !== clusterId || header.index !== index || header.term !== term) {
            throw new MalformedRows('the rows are not those of the snapshot')
          }
          await file.syncData()
          await file.close()
          await this.#files.publish(index)
        } catch (error) {
          await drop().catch((cause: unknown) => logger.warn('failed to remove a snapshot', { error: cause }))
          throw error
        }
        this.#receiving = false
        this.#last = index
      },
      abort: drop,
    }
  }
}
