// Drives consensus: feeds the pure core with what arrived and carries out what it asks for. Log writes overlap with
// everything else; only what depends on them waits (docs/architecture.md, "the way of a write").

import type { Index, MemberId, Term } from '../base/index.js'
import type { Clock, LogStorage, Logger } from '../env/index.js'
import type { raftpb } from '../proto/index.js'
import type { AppendJob, RawNode, Ready } from '../raft/index.js'

export interface RaftObserver {
  /** Applies in order; synchronous. */
  onCommitted(entries: readonly raftpb.Entry[]): void
  onReadIndex(context: Uint8Array, index: Index): void
  onLeadership(leader: MemberId, term: Term): void
  /** The log failed: nothing may be acknowledged any more, the process has to end. */
  onFatal(error: Error): void
}

/** Sends messages to other members; never blocks, may lose them. */
export interface PeerSender {
  send(messages: readonly raftpb.Message[]): void
}

/** Longest time that one turn spends on applying before others get theirs. */
const TURN_BUDGET_MS = 6

export class RaftDriver {
  readonly #node: RawNode
  readonly #log: LogStorage
  readonly #peers: PeerSender
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #observer: RaftObserver
  #pumping = false
  #continueScheduled = false
  #stopped = false
  #appendsInFlight = 0
  #idle: (() => void) | undefined

  constructor(options: {
    node: RawNode
    log: LogStorage
    peers: PeerSender
    clock: Clock
    logger: Logger
    observer: RaftObserver
  }) {
    this.#node = options.node
    this.#log = options.log
    this.#peers = options.peers
    this.#clock = options.clock
    this.#logger = options.logger
    this.#observer = options.observer
  }

  get node(): RawNode {
    return this.#node
  }

  tick(): void {
    if (this.#stopped) return
    this.#node.tick()
    this.pump()
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

  /** Carries out everything that consensus has ready. Re-entrant calls return at once: the running pump goes round again. */
  pump(): void {
    if (this.#pumping || this.#stopped) return
    this.#pumping = true
    const startedMs = this.#clock.monotonicMs()
    try {
      while (this.#node.hasReady()) {
        this.#carryOut(this.#node.ready())
        if (this.#clock.monotonicMs() - startedMs > TURN_BUDGET_MS) {
          this.#continueLater()
          break
        }
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
    if (ready.softState !== undefined) this.#observer.onLeadership(ready.softState.leader, this.#node.term)
    if (ready.messages.length > 0) this.#peers.send(ready.messages)
    if (ready.append !== undefined) this.#append(ready.append)
    // Committed entries are durable here, so applying them may overlap with the write of later ones.
    if (ready.committedEntries.length > 0) this.#observer.onCommitted(ready.committedEntries)
    for (const { context, index } of ready.readStates) this.#observer.onReadIndex(context, index)
  }

  #append(job: AppendJob): void {
    this.#appendsInFlight++
    this.#log.append(job.hardState, job.entries).then(
      () => {
        this.#appendDone()
        if (this.#stopped) return
        const released = this.#node.onAppended(job)
        if (released.length > 0) this.#peers.send(released)
        this.pump()
      },
      (error: unknown) => {
        this.#appendDone()
        this.#fail(error)
      },
    )
  }

  #appendDone(): void {
    this.#appendsInFlight--
    if (this.#appendsInFlight === 0) this.#idle?.()
  }

  #continueLater(): void {
    if (this.#continueScheduled) return
    this.#continueScheduled = true
    this.#clock.soon(() => {
      this.#continueScheduled = false
      this.pump()
    })
  }

  #fail(error: unknown): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#logger.error('consensus stopped', { error })
    this.#observer.onFatal(error instanceof Error ? error : new Error(String(error)))
  }
}
