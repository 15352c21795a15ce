// Gives a running member the state of a received snapshot: takes the store that was made of it, reads the rest of it, and then exchanges
// everything in one turn. Reads go on all the time; those under way at the exchange finish on the old state.

import type { AlarmSet, AppliedPoint, Membership, RowBuffer } from '../../apply/index.js'
import type { BackendFolders, Logger, StoreFolder } from '../../env/index.js'
import type { Lessor } from '../../lease/index.js'
import type { Store } from '../../mvcc/index.js'
import type { BackendCommitter } from '../backend-committer.js'
import type { LoadedState } from '../load-state.js'
import type { ReceivedStore } from './store-build.js'
import { type OpenStore, discard, otherFolder } from './stores.js'
import type { Retired, SwitchedBackend } from './switched-backend.js'

/** What a running member holds, and exchanges. */
export interface MemberState {
  readonly store: Store
  readonly lessor: Lessor
  readonly alarms: AlarmSet
  readonly membership: Membership
  readonly rows: RowBuffer
  readonly machine: { readonly applied: AppliedPoint; adopt(point: AppliedPoint): void }
}

export interface InstallerOptions {
  readonly folders: BackendFolders
  readonly logger: Logger
  /** Makes the received store of a snapshot one that counts, and hands it over. */
  readonly take: (point: AppliedPoint) => Promise<ReceivedStore>
  /** The one in use at the start; `backend` is what `switched` holds. */
  readonly store: OpenStore
  readonly switched: SwitchedBackend
  /** Reads a whole state, in slices. */
  readonly load: (received: ReceivedStore) => Promise<LoadedState>
  readonly state: MemberState
  readonly committer: Pick<BackendCommitter, 'pause' | 'resume'>
  /** In the turn of the exchange, after it: for what follows the state, as watches and consensus's peers do. */
  readonly onInstalled: (point: AppliedPoint) => void
}

/** One installation at a time; the caller waits for one before it begins the next. */
export class SnapshotInstaller {
  readonly #options: InstallerOptions
  readonly #abort = new AbortController()
  #store: OpenStore
  /** Never rejects. */
  #installing: Promise<void> = Promise.resolve()
  /** Removing what the last installation replaced. Never rejects. */
  #cleaning: Promise<void> = Promise.resolve()

  constructor(options: InstallerOptions) {
    this.#options = options
    this.#store = options.store
  }

  /** The place that is not in use, once nobody reads what was there before. */
  async place(): Promise<StoreFolder> {
    await this.#installing
    await this.#cleaning
    return otherFolder(this.#store.folder)
  }

  /**
   * The log begins with the snapshot, durably, and nothing is applied meanwhile. Resolves when the member has its state.
   * @throws SnapshotLost, CorruptStore: the member cannot go on.
   */
  install(at: AppliedPoint): Promise<void> {
    const installed = this.#install(at)
    this.#installing = installed.catch(() => undefined)
    return installed
  }

  /** Ends the installation under way, which rejects, and resolves when nothing of the last one is left to do. */
  async close(): Promise<void> {
    this.#abort.abort(new Error('the member is closing'))
    await this.#cleaning
  }

  async #install(at: AppliedPoint): Promise<void> {
    const { take, logger, load, committer, state, switched, onInstalled } = this.#options
    const { signal } = this.#abort
    const applied = state.machine.applied.index
    logger.info('applying snapshot', { 'current-applied-index': applied, 'incoming-snapshot-index': at.index })
    const next = await take(at)
    let loaded: LoadedState | undefined
    try {
      loaded = await load(next)
      await committer.pause()
      signal.throwIfAborted()
    } catch (error) {
      // What goes on with the old state may still have to commit, and the new store may be compacting already.
      committer.resume()
      await loaded?.store.close()
      await next.backend.close()
      throw error
    }
    // From here to the end of the turn nobody sees anything in between.
    const old = this.#store
    this.#store = next
    const drained = adoptState(state, loaded)
    const retired = switched.switchTo(next.backend)
    committer.resume(loaded.applied)
    onInstalled(loaded.applied)
    logger.info('applied snapshot', { 'current-applied-index': at.index })
    this.#cleaning = this.#clean(old, retired, drained).catch((error: unknown) =>
      // What is left is removed at the next start.
      logger.warn('failed to remove the replaced store', { error }),
    )
  }

  async #clean(old: OpenStore, retired: Retired, drained: Promise<void>): Promise<void> {
    await drained
    await retired.idle()
    await discard(this.#options.folders, old)
  }
}

/** In one turn. Resolves when nobody reads the old state any more. */
export function adoptState(state: MemberState, next: LoadedState): Promise<void> {
  // Rows that wait belong to the state that goes.
  state.rows.take()
  state.lessor.adopt(next.lessor)
  state.alarms.adopt(next.alarms)
  state.membership.adopt(next.membership)
  state.machine.adopt(next.applied)
  return state.store.adopt(next.store)
}
