// Drives consensus: feeds the pure core with what arrived and carries out what it asks for. Log writes overlap with
// everything else; only what depends on them waits (docs/architecture.md, "the way of a write").

import type { Index, MemberId, Term } from '../base/index.js'
import type { Clock, LogSnapshot, LogStorage, Logger } from '../env/index.js'
import { raftpb } from '../proto/index.js'
import type { AppendJob, RawNode, Ready } from '../raft/index.js'
import type { HeartbeatGaps } from './heartbeat-gaps.js'

export interface RaftObserver {
  /** Applies in order; synchronous. */
  onCommitted(entries: readonly raftpb.Entry[]): void
  onReadIndex(context: Uint8Array, index: Index): void
  onLeadership(leader: MemberId, term: Term): void
  /** To be streamed with its state; how that ends is told by `reportSnapshot`, once. */
  onSnapshotMessage(message: raftpb.Message): void
  /** The log begins with this snapshot now, durably. Resolves once the state machine holds its state. */
  installSnapshot(snapshot: raftpb.Snapshot): Promise<void>
  /** The log failed: nothing may be acknowledged any more, the process has to end. */
  onFatal(error: Error): void
}

/** Sends messages to other members; never blocks, may lose them. */
export interface PeerSender {
  send(messages: readonly raftpb.Message[]): void
}

/** What one turn spends on carrying out before it leaves the rest to the next. */
const TURN_BUDGET_MS = 1
/**
 * For so long after it has installed a snapshot a member rests between turns as long as each of them took: the log behind the snapshot
 * waits as a whole, and would have a core for itself while clients wait for the others.
 */
const CATCHING_UP_MS = 2000
/** Longer turns are stalls of the machine. */
const REST_MS_MAX = 50

export class RaftDriver {
  readonly #node: RawNode
  readonly #log: LogStorage
  readonly #peers: PeerSender
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #observer: RaftObserver
  readonly #heartbeats: HeartbeatGaps
  #pumping = false
  #continueScheduled = false
  #restsUntilMs = -Infinity
  #stopped = false
  #appendsInFlight = 0
  /** The last job behind a received snapshot that is not in the state machine yet, or that snapshot itself. */
  #installing: Promise<void> | undefined
  #idle: (() => void) | undefined

  constructor(options: {
    node: RawNode
    log: LogStorage
    peers: PeerSender
    clock: Clock
    logger: Logger
    observer: RaftObserver
    heartbeats: HeartbeatGaps
  }) {
    this.#node = options.node
    this.#log = options.log
    this.#peers = options.peers
    this.#clock = options.clock
    this.#logger = options.logger
    this.#observer = options.observer
    this.#heartbeats = options.heartbeats
  }

  get node(): RawNode {
    return this.#node
  }

  tick(): void {
    if (this.#stopped) return
    this.#node.tick()
    this.pump()
  }

  /** What other members sent, in order. Frozen from here on. */
  step(messages: readonly raftpb.Message[]): void {
    if (this.#stopped) return
    try {
      for (const message of messages) this.#node.step(message)
    } catch (error) {
      this.#fail(error)
      return
    }
    this.pump()
  }

  /** Something sent to `id` was lost. */
  reportUnreachable(id: MemberId): void {
    if (this.#stopped) return
    this.#node.reportUnreachable(id)
    this.pump()
  }

  /** How the transfer of a snapshot to `id` ended; exactly once for each. */
  reportSnapshot(id: MemberId, ok: boolean): void {
    if (this.#stopped) return
    this.#node.reportSnapshot(id, ok)
    this.pump()
  }

  /** Asks the leader to hand over to `target`. */
  transferLeader(target: MemberId): void {
    if (this.#stopped) return
    this.#node.transferLeader(target)
    this.pump()
  }

  /** False when consensus refuses now. An accepted change may still be lost, or give way to an earlier one. */
  proposeConfChange(change: raftpb.ConfChange): boolean {
    if (this.#stopped) return false
    const outcome = this.#node.proposeConfChange(change)
    this.pump()
    return outcome === 'accepted'
  }

  /** False when consensus refuses now: no leader is known, or leadership is being handed over. */
  propose(data: readonly Uint8Array[]): boolean {
    if (this.#stopped) return false
    const outcome = this.#node.propose(data)
    this.pump()
    return outcome === 'accepted'
  }

  readIndex(context: Uint8Array): void {
    if (this.#stopped) return
    this.#node.readIndex(context)
    this.pump()
  }

  campaign(): void {
    this.#node.campaign()
    this.pump()
  }

  /**
   * Carries out everything that consensus has ready. Re-entrant calls return at once: the running pump goes round again. So do
   * calls in a turn that has used up its budget: what they brought is carried out in the next one.
   */
  pump(): void {
    if (this.#pumping || this.#stopped || this.#continueScheduled) return
    this.#pumping = true
    const startedMs = this.#clock.monotonicMs()
    try {
      while (this.#node.hasReady()) {
        this.#carryOut(this.#node.ready())
        const nowMs = this.#clock.monotonicMs()
        if (nowMs - startedMs <= TURN_BUDGET_MS) continue
        this.#continueLater(nowMs < this.#restsUntilMs ? Math.min(nowMs - startedMs, REST_MS_MAX) : 0)
        break
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#pumping = false
    }
  }

  /** Takes no further input and resolves once no log write is in flight. */
  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#appendsInFlight > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
  }

  #carryOut(ready: Ready): void {
    if (ready.softState !== undefined) {
      this.#heartbeats.reset()
      this.#observer.onLeadership(ready.softState.leader, this.#node.term)
    }
    // A configuration change takes effect when it is applied: whoever does not lead applies it before anything else leaves,
    // or it could answer for a configuration that is gone (reference: raft 1.14). A leader still tells whom it removes.
    // Otherwise new entries leave first; messages without any tell of commits at most, and wait for the answers of what is
    // applied here.
    const hasNews = ready.append !== undefined && ready.append.entries.length > 0
    const applyFirst = ready.committedEntries.some(isConfChange) ? this.#node.role !== 'leader' : !hasNews
    if (applyFirst && ready.committedEntries.length > 0) this.#observer.onCommitted(ready.committedEntries)
    this.#send(ready.messages)
    if (ready.append !== undefined) this.#append(ready.append)
    // Committed entries are durable here, so applying them may overlap with the write of later ones.
    if (!applyFirst && ready.committedEntries.length > 0) this.#observer.onCommitted(ready.committedEntries)
    for (const { context, index } of ready.readStates) this.#observer.onReadIndex(context, index)
  }

  #send(messages: readonly raftpb.Message[]): void {
    if (messages.length === 0) return
    let hasSnapshot = false
    for (const { type, to } of messages) {
      if (type === raftpb.MessageType.MsgHeartbeat) this.#heartbeats.onSent(to)
      else if (type === raftpb.MessageType.MsgSnap) hasSnapshot = true
    }
    if (!hasSnapshot) return this.#peers.send(messages)
    const snapshots: raftpb.Message[] = []
    const others: raftpb.Message[] = []
    for (const message of messages) (isSnapshot(message) ? snapshots : others).push(message)
    this.#peers.send(others)
    for (const message of snapshots) this.#observer.onSnapshotMessage(message)
  }

  #append(job: AppendJob): void {
    this.#appendsInFlight++
    this.#store(job).then(
      () => {
        this.#appendDone()
        if (this.#stopped) return
        this.#send(this.#node.onAppended(job))
        this.pump()
      },
      (error: unknown) => {
        this.#appendDone()
        this.#fail(error)
      },
    )
  }

  /** Jobs become durable in the order of the calls, and the promises settle in that order. */
  #store(job: AppendJob): Promise<void> {
    const { snapshot } = job
    if (snapshot === undefined) {
      const written = this.#log.append(job.hardState, job.entries)
      return this.#installing === undefined ? written : this.#afterInstalling(both(this.#installing, written))
    }
    const written = this.#log.install(logSnapshot(snapshot), job.hardState, job.entries)
    const before = this.#installing ?? Promise.resolve()
    return this.#afterInstalling(both(before, written).then(() => this.#installSnapshot(snapshot)))
  }

  async #installSnapshot(snapshot: raftpb.Snapshot): Promise<void> {
    await this.#observer.installSnapshot(snapshot)
    this.#restsUntilMs = this.#clock.monotonicMs() + CATCHING_UP_MS
  }

  /** Whatever is written until `last` has settled waits for it. */
  #afterInstalling(last: Promise<void>): Promise<void> {
    this.#installing = last
    const forget = (): void => {
      if (this.#installing === last) this.#installing = undefined
    }
    last.then(forget, forget)
    return last
  }

  #appendDone(): void {
    this.#appendsInFlight--
    if (this.#appendsInFlight === 0) this.#idle?.()
  }

  #continueLater(restMs: number): void {
    if (this.#continueScheduled) return
    this.#continueScheduled = true
    const goOn = (): void => {
      this.#continueScheduled = false
      this.pump()
    }
    if (restMs > 0) this.#clock.after(restMs, goOn)
    else this.#clock.soon(goOn)
  }

  #fail(error: unknown): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#logger.error('consensus stopped', { error })
    this.#observer.onFatal(error instanceof Error ? error : new Error(String(error)))
  }
}

const isConfChange = ({ type }: raftpb.Entry): boolean => type !== raftpb.EntryType.EntryNormal
const isSnapshot = ({ type }: raftpb.Message): boolean => type === raftpb.MessageType.MsgSnap

const both = async (first: Promise<void>, second: Promise<void>): Promise<void> => {
  await Promise.all([first, second])
}

/** Consensus lets no snapshot without metadata through. */
function logSnapshot({ metadata, data }: raftpb.Snapshot): LogSnapshot {
  const { index, term, confState } = metadata!
  return { index, term, confState: confState!, data }
}
