// Takes in a snapshot of another member: as a store in the place that is not in use, which waits there until the log begins with it.

import type { AppliedPoint } from '../../apply/index.js'
import type { ClusterId, Index, Term } from '../../base/index.js'
import type { BackendFolders, Logger, SnapshotReceipt, StoreFolder } from '../../env/index.js'
import type { raftpb } from '../../proto/index.js'
import { type ReceivedStore, StoreBuild } from './store-build.js'
import { SnapshotLost, completeStore, discard, isSamePoint } from './stores.js'

export interface ReceiverOptions {
  readonly folders: BackendFolders
  readonly logger: Logger
  readonly clusterId: ClusterId
  /** The place that is not in use, once nobody reads what was there before. */
  readonly place: () => Promise<StoreFolder>
  /** Whether consensus has everything up to there already: the rows would be of no use. */
  readonly isObsolete: (index: Index, term: Term) => boolean
  /** Up to where consensus knows that entries are committed: at or past a snapshot as soon as it goes on from it. */
  readonly committed: () => Index
  readonly applied: () => Index
  /** Hands the message to consensus, which has seen it when this returns. */
  readonly step: (message: raftpb.Message) => void
}

interface Received {
  readonly point: AppliedPoint
  readonly store: ReceivedStore
}

/** At most one transfer at a time, and none while a received store waits: others are refused, and their leader asks again. */
export class SnapshotReceiver {
  readonly #options: ReceiverOptions
  #receiving = false
  #received: Received | undefined
  #build: StoreBuild | undefined
  /** The last step that works on the disk. Never rejects. */
  #lastStep: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(options: ReceiverOptions) {
    this.#options = options
  }

  /** Undefined: not wanted, or not now. */
  async begin(message: raftpb.Message): Promise<SnapshotReceipt | undefined> {
    const { isObsolete, step } = this.#options
    const at = message.snapshot?.metadata
    if (at === undefined || at.index === 0 || this.#receiving || this.#closed) return undefined
    if (isObsolete(at.index, at.term)) {
      // Its answer tells the leader where this member is.
      step(message)
      return undefined
    }
    if (this.#isWaiting()) return undefined
    this.#receiving = true
    try {
      const build = await this.#step(this.#begin())
      return this.#receipt(build, message, { index: at.index, term: at.term })
    } catch (error) {
      this.#receiving = false
      throw error
    }
  }

  /**
   * The log begins with the snapshot at `point`, durably: makes its store one that counts. The caller owns it.
   * @throws SnapshotLost
   */
  async take(point: AppliedPoint): Promise<ReceivedStore> {
    if (this.#closed) throw closing()
    const received = this.#received
    if (!isSamePoint(point, received?.point)) throw new SnapshotLost(this.#options.applied(), point.index)
    this.#received = undefined
    const { store } = received!
    await this.#step(completeStore(this.#options.folders, store))
    return store
  }

  /** Works on the disk no more when it resolves. What is left there is for the next start, which knows whether the log needs it. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#lastStep
    await this.#build?.close()
    await this.#received?.store.backend.close()
  }

  /** Consensus goes on from the received snapshot, or has all of it in its log: known when it is taken, or that much was applied. */
  #isWaiting(): boolean {
    return this.#received !== undefined && this.#options.applied() < this.#received.point.index
  }

  async #begin(): Promise<StoreBuild> {
    const { folders, logger, place } = this.#options
    await this.#dropReceived()
    this.#build = await StoreBuild.begin(folders, await place(), logger)
    return this.#build
  }

  async #dropReceived(): Promise<void> {
    const received = this.#received
    this.#received = undefined
    if (received !== undefined) await discard(this.#options.folders, received.store)
  }

  #receipt(build: StoreBuild, message: raftpb.Message, point: AppliedPoint): SnapshotReceipt {
    const end = (): void => {
      this.#build = undefined
      this.#receiving = false
    }
    const abort = async (): Promise<void> => {
      if (this.#closed) return
      try {
        await this.#step(build.abort())
      } finally {
        end()
      }
    }
    return {
      write: async (chunk) => {
        if (this.#closed) throw closing()
        await this.#step(build.add(chunk))
      },
      finish: async () => {
        let store: ReceivedStore
        try {
          store = await this.#step(build.finish(this.#options.clusterId, point))
        } catch (error) {
          await abort()
          throw error
        }
        if (this.#closed) throw closing()
        this.#build = undefined
        this.#received = { point, store }
        try {
          this.#options.step(message)
          // Consensus did not want it: nothing will ask for the store.
          if (this.#options.committed() < point.index) await this.#step(this.#dropReceived())
        } finally {
          end()
        }
      },
      abort,
    }
  }

  async #step<T>(step: Promise<T>): Promise<T> {
    this.#lastStep = step.catch(() => undefined)
    return step
  }
}

const closing = (): Error => new Error('the member is closing')
