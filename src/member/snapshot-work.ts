// What a member does with snapshots of other members and for them; each part is in snapshot/.

import type { AppliedPoint } from '../apply/index.js'
import type { Index, MemberId, Term } from '../base/index.js'
import type { BackendFolders, Gauge, LogSnapshot, SnapshotReceipt } from '../env/index.js'
import type { raftpb } from '../proto/index.js'
import type { BackendCommitter } from './backend-committer.js'
import type { LoadedState } from './load-state.js'
import { type MemberParts, confStateOf } from './member-parts.js'
import {
  type MemberState,
  type OpenStore,
  type ReceivedStore,
  SnapshotInstaller,
  SnapshotReceiver,
  SnapshotSender,
} from './snapshot/index.js'
import type { SwitchedBackend } from './snapshot/index.js'

/** What snapshots need besides what a member has anyway. */
export interface SnapshotParts {
  readonly folders: BackendFolders
  /** The store in use, and what everybody reads it through: the member's backend. */
  readonly store: OpenStore
  readonly switched: SwitchedBackend
  /** Reads a whole state from a received store, in slices, without metrics of its own. */
  readonly load: (received: ReceivedStore) => Promise<LoadedState>
  /** The store holds the state of a snapshot now; watchers go on from its history. Called in the turn of the exchange. */
  readonly onRestored: () => void
}

export interface SnapshotWorkOptions {
  readonly parts: MemberParts
  readonly machine: MemberState['machine']
  readonly committer: Pick<BackendCommitter, 'capture' | 'pause' | 'resume'>
  readonly termAt: (index: Index) => Term | undefined
  readonly committed: () => Index
  /** 1 while a snapshot is being installed. */
  readonly installing: Gauge
  readonly step: (message: raftpb.Message) => void
  readonly onReport: (to: MemberId, ok: boolean) => void
  /** In the turn of the exchange, after it. */
  readonly onInstalled: (point: AppliedPoint) => void
}

/** Without `MemberParts.snapshots` this member has none to give and takes none. */
export class SnapshotWork {
  readonly #options: SnapshotWorkOptions
  readonly #sender: SnapshotSender | undefined
  readonly #receiver: SnapshotReceiver | undefined
  readonly #installer: SnapshotInstaller | undefined

  constructor(options: SnapshotWorkOptions) {
    this.#options = options
    const { parts, machine, committer, termAt, committed } = options
    const { snapshots, clock, logger, network, membership, started } = parts
    if (snapshots === undefined) return
    const { clusterId } = started
    this.#sender = new SnapshotSender({
      clock,
      logger,
      network,
      clusterId,
      capture: () => committer.capture(),
      confState: () => confStateOf(membership),
      isInLog: (index) => termAt(index) !== undefined,
      onReport: options.onReport,
    })
    const installer: SnapshotInstaller = new SnapshotInstaller({
      folders: snapshots.folders,
      logger,
      take: (point) => receiver.take(point),
      store: snapshots.store,
      switched: snapshots.switched,
      load: snapshots.load,
      state: { ...parts, machine },
      committer,
      onInstalled: (point) => {
        this.#sender?.forget()
        snapshots.onRestored()
        options.onInstalled(point)
      },
    })
    const receiver: SnapshotReceiver = new SnapshotReceiver({
      folders: snapshots.folders,
      logger,
      clusterId,
      place: () => installer.place(),
      isObsolete: (index, term) => index <= committed() || termAt(index) === term,
      committed,
      applied: () => machine.applied.index,
      step: options.step,
    })
    this.#installer = installer
    this.#receiver = receiver
  }

  /** Whether another member is about to need the log from a snapshot on: nothing of it may go. */
  get isInFlight(): boolean {
    return this.#sender?.isInFlight ?? false
  }

  source(): raftpb.Snapshot | undefined {
    return this.#sender?.source()
  }

  send(message: raftpb.Message): void {
    if (this.#sender === undefined) this.#options.onReport(message.to, false)
    else this.#sender.send(message)
  }

  async begin(message: raftpb.Message): Promise<SnapshotReceipt | undefined> {
    return this.#receiver?.begin(message)
  }

  async install(snapshot: raftpb.Snapshot): Promise<void> {
    if (this.#installer === undefined) throw new Error('no snapshot was asked for')
    const { installing } = this.#options
    installing.set(1)
    try {
      await this.#installer.install(snapshot.metadata!)
    } finally {
      installing.set(0)
    }
  }

  /** Ends transfers, in both directions, and the installation under way. The reads of others on a replaced store end by themselves. */
  async close(): Promise<void> {
    await this.#sender?.close()
    // Together: a transfer that begins waits for the installation to end.
    await Promise.all([this.#receiver?.close(), this.#installer?.close()])
  }
}

/** The applied point, with the configuration and the membership as of it. */
export const describeState = (applied: AppliedPoint, { membership, membershipData }: MemberParts): LogSnapshot => ({
  ...applied,
  confState: confStateOf(membership),
  data: membershipData(membership),
})
