// Snapshots for members that need entries which this one has dropped: one is prepared when consensus first asks, serves all
// that need one, and is streamed row by row.

import type { ClusterId, Index, MemberId } from '../../base/index.js'
import { hexId } from '../../base/index.js'
import type { BackendView, Clock, LogConfState, Logger, PeerNetwork, Timer } from '../../env/index.js'
import { raftpb } from '../../proto/index.js'
import type { Capture } from '../backend-committer.js'
import { confStateJson } from '../member-parts.js'
import { paced } from './pace.js'
import { encodeRows } from './row-stream.js'

/** Transfers at one time; each holds about three chunks. */
const TRANSFERS_MAX = 16
/** How long a snapshot nobody uses is kept, and the log that follows on it held. */
const UNUSED_MS = 30_000

export interface SenderOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly network: Pick<PeerNetwork<raftpb.Message>, 'sendSnapshot'>
  readonly clusterId: ClusterId
  readonly capture: () => Promise<Capture>
  /** The configuration in force. */
  readonly confState: () => LogConfState
  /** Whether the log in memory goes on behind this index. */
  readonly isInLog: (index: Index) => boolean
  /** How the transfer to a member ended; once for each `send` that no later one to the same member took the place of. */
  readonly onReport: (to: MemberId, ok: boolean) => void
}

interface Prepared {
  readonly snapshot: raftpb.Snapshot
  readonly configuration: string
  readonly view: BackendView
  users: number
  timer: Timer | undefined
  /** Serves only transfers that have begun. */
  retired: boolean
}

interface Transfer {
  readonly to: MemberId
  readonly abort: AbortController
  superseded: boolean
}

export class SnapshotSender {
  readonly #options: SenderOptions
  /** The last one is offered, unless it is retired. */
  readonly #prepared: Prepared[] = []
  readonly #transfers = new Set<Transfer>()
  #openViews = 0
  /** How often `forget` was called: what a capture began before is not offered. */
  #forgotten = 0
  #preparing: Promise<void> | undefined
  #holdUntilMs = -Infinity
  #closed = false
  #onIdle: (() => void) | undefined

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** Whether the log in memory has to stay: a member is about to need what follows on a snapshot. */
  get isInFlight(): boolean {
    if (this.#preparing !== undefined || this.#prepared.length > 0) return true
    return this.#options.clock.monotonicMs() < this.#holdUntilMs
  }

  /** For consensus: a snapshot at hand; else undefined, and one is prepared for the next time. */
  source(): raftpb.Snapshot | undefined {
    if (this.#closed) return undefined
    const offered = this.#prepared.at(-1)
    if (offered !== undefined && !offered.retired) {
      if (this.#isUsable(offered)) {
        if (offered.users === 0) this.#keep(offered)
        return offered.snapshot
      }
      this.#retire(offered)
    }
    this.#preparing ??= this.#prepare().finally(() => (this.#preparing = undefined))
    return undefined
  }

  /** Streams a snapshot that `source` gave. Never blocks. */
  send(message: raftpb.Message): void {
    const { to, snapshot } = message
    const { onReport, logger } = this.#options
    if (this.#closed) return
    const prepared = this.#prepared.find((one) => one.snapshot === snapshot)
    if (prepared === undefined || this.#transfers.size >= TRANSFERS_MAX) {
      logger.warn('dropped a snapshot message', { 'remote-peer-id': hexId(to), transfers: this.#transfers.size })
      onReport(to, false)
      return
    }
    // A transfer of an earlier leadership: its end says nothing of the one that consensus waits for now.
    for (const earlier of this.#transfers) {
      if (earlier.to !== to) continue
      earlier.superseded = true
      earlier.abort.abort()
    }
    const transfer = { to, abort: new AbortController(), superseded: false }
    this.#transfers.add(transfer)
    prepared.users++
    prepared.timer?.cancel()
    void this.#transfer(transfer, prepared, message)
  }

  /**
   * The member has taken another one's state: ends transfers and closes views, which would keep the store that it replaced open for as
   * long as a snapshot is kept, and the next installation waits for that store's place.
   */
  forget(): void {
    this.#forgotten++
    for (const { abort } of this.#transfers) abort.abort()
    for (const prepared of [...this.#prepared]) this.#retire(prepared)
  }

  /** Ends all transfers, without a report, and resolves when no view is open any more. */
  async close(): Promise<void> {
    this.#closed = true
    this.forget()
    await this.#preparing
    if (this.#openViews > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve))
  }

  #isUsable({ snapshot, configuration }: Prepared): boolean {
    const { isInLog, confState } = this.#options
    // A member that joined later is in no configuration of an earlier snapshot, and would refuse it.
    return isInLog(snapshot.metadata!.index) && configuration === confStateJson(confState())
  }

  async #prepare(): Promise<void> {
    const { capture, logger } = this.#options
    const forgotten = this.#forgotten
    let captured: Capture
    try {
      captured = await capture()
    } catch (error) {
      if (!this.#closed) logger.warn('failed to prepare a snapshot', { error })
      return
    }
    const { snapshot, view } = captured
    const prepared: Prepared = {
      snapshot: snapshotMessage(captured),
      configuration: confStateJson(snapshot.confState),
      view,
      users: 0,
      timer: undefined,
      retired: forgotten !== this.#forgotten,
    }
    this.#openViews++
    this.#prepared.push(prepared)
    if (prepared.retired) this.#drop(prepared)
    else this.#keep(prepared)
  }

  async #transfer(transfer: Transfer, prepared: Prepared, message: raftpb.Message): Promise<void> {
    const { network, clusterId, logger, onReport, clock } = this.#options
    const { index, term } = prepared.snapshot.metadata!
    let ok = false
    try {
      const rows = encodeRows(prepared.view, { clusterId, index, term })
      ok = await network.sendSnapshot(message, paced(rows, clock), transfer.abort.signal)
    } catch (error) {
      logger.error('sending a snapshot broke off', { 'remote-peer-id': hexId(transfer.to), error })
    }
    this.#transfers.delete(transfer)
    prepared.users--
    if (prepared.users === 0) {
      if (prepared.retired) this.#drop(prepared)
      else this.#keep(prepared)
    }
    if (ok) this.#holdUntilMs = clock.monotonicMs() + UNUSED_MS
    if (!this.#closed && !transfer.superseded) onReport(transfer.to, ok)
  }

  /** Until it is used, or the time is over. */
  #keep(prepared: Prepared): void {
    prepared.timer?.cancel()
    prepared.timer = this.#options.clock.after(UNUSED_MS, () => this.#retire(prepared))
  }

  #retire(prepared: Prepared): void {
    prepared.retired = true
    if (prepared.users === 0) this.#drop(prepared)
  }

  #drop(prepared: Prepared): void {
    prepared.timer?.cancel()
    this.#prepared.splice(this.#prepared.indexOf(prepared), 1)
    const closed = (): void => {
      this.#openViews--
      if (this.#openViews === 0) this.#onIdle?.()
    }
    prepared.view
      .close()
      .catch((error: unknown) => this.#options.logger.warn('failed to close a view', { error }))
      .finally(closed)
  }
}

function snapshotMessage({ snapshot: { index, term, confState, data } }: Capture): raftpb.Snapshot {
  const snapshot = new raftpb.Snapshot()
  snapshot.data = data
  snapshot.metadata = new raftpb.SnapshotMetadata()
  snapshot.metadata.index = index
  snapshot.metadata.term = term
  snapshot.metadata.confState = new raftpb.ConfState()
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = confState
  Object.assign(snapshot.metadata.confState, {
    voters: [...voters],
    learners: [...learners],
    votersOutgoing: [...votersOutgoing],
    learnersNext: [...learnersNext],
    autoLeave,
  })
  return snapshot
}
