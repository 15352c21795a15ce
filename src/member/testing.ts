/* eslint-disable no-restricted-syntax -- turns of the real event loop let promises settle, for tests only */
// For the tests of this folder and for simulations: a clock that is moved by hand, so that everything that hangs on time or
// turns runs in a fixed order however fast the machine is; a log in memory; waiters and loggers that keep what they are told.

import { type ClusterId, type Index, type MemberId, NO_INDEX, NO_MEMBER, NO_TERM } from '../base/index.js'
import { PeerUnavailable } from '../env/index.js'
import type {
  Clock,
  LogEntry,
  LogHardState,
  LogProvider,
  LogSnapshot,
  LogStorage,
  Logger,
  PeerEndpoint,
  PeerNetwork,
  QueryMethod,
  RecoveredLog,
  Status,
  Timer,
} from '../env/index.js'

interface Scheduled {
  dueMs: number
  readonly order: number
  readonly periodMs: number | undefined
  readonly callback: () => void
}

const START_WALL_MS = Date.UTC(2026, 0, 1)
/** Turns without any time passing: beyond, something asks for turn after turn and would never end. */
const TURNS_MAX = 100_000

export class SimClock implements Clock {
  #nowMs: number
  #order = 0
  #timers: Scheduled[] = []
  #soon: (() => void)[] = []

  /** A later life of the same machine starts where the earlier one stopped. */
  constructor(startMs = 0) {
    this.#nowMs = startMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return START_WALL_MS + this.#nowMs
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#schedule(delayMs, undefined, callback)
  }

  every(periodMs: number, callback: () => void): Timer {
    return this.#schedule(periodMs, periodMs, callback)
  }

  soon(callback: () => void): void {
    this.#soon.push(callback)
  }

  afterCallback(callback: () => void): void {
    queueMicrotask(callback)
  }

  yieldTurn(): Promise<void> {
    return new Promise((resolve) => this.soon(resolve))
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers.length
  }

  /** Time passes without anybody running, as in a paused process; what is due runs with the next `advance`. */
  skip(ms: number): void {
    this.#nowMs += ms
  }

  /** One turn: what waits for it, then all promises that settle by themselves. False when nobody waited. */
  async turn(): Promise<boolean> {
    await promises()
    const callbacks = this.#soon
    this.#soon = []
    for (const callback of callbacks) callback()
    await promises()
    return callbacks.length > 0
  }

  /** Turns until nobody asks for one any more. No time passes. */
  async settle(): Promise<void> {
    for (let turns = 0; await this.turn(); turns++) {
      if (turns > TURNS_MAX) throw new Error('work that never ends')
    }
  }

  /** Lets time pass; each timer runs in a turn of its own, at its time, with all that follows from it. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    await this.settle()
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      if (next.periodMs === undefined) this.#drop(next)
      else next.dueMs = Math.max(next.dueMs + next.periodMs, this.#nowMs)
      next.callback()
      await this.settle()
    }
    this.#nowMs = endMs
  }

  /** As `advance` in small steps, until `done`. @throws Error after `limitMs`. */
  async until(done: () => boolean, limitMs = 60_000): Promise<void> {
    const endMs = this.#nowMs + limitMs
    await this.settle()
    while (!done()) {
      if (this.#nowMs >= endMs) throw new Error(`not within ${limitMs} ms`)
      await this.advance(10)
    }
  }

  #schedule(delayMs: number, periodMs: number | undefined, callback: () => void): Timer {
    const timer: Scheduled = {
      dueMs: this.#nowMs + delayMs,
      order: this.#order++,
      periodMs,
      callback,
    }
    this.#timers.push(timer)
    return { cancel: () => this.#drop(timer) }
  }

  #drop(timer: Scheduled): void {
    this.#timers = this.#timers.filter((other) => other !== timer)
  }

  #next(endMs: number): Scheduled | undefined {
    let next: Scheduled | undefined
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue
      if (next === undefined || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)) {
        next = timer
      }
    }
    return next
  }
}

/** In a process without I/O, one turn of the event loop runs every promise that can settle. */
const promises = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A log in memory. Appends complete by themselves, or one by one while `isHeld`. */
export class MemoryLog implements LogStorage {
  hardState: LogHardState = { term: NO_TERM, vote: NO_MEMBER, commit: NO_INDEX }
  entries: LogEntry[] = []
  snapshot: LogSnapshot | undefined
  /** What was asked for, in order. */
  readonly calls: string[] = []
  isHeld = false
  isClosed = false
  /** Thrown by everything from now on. */
  failure: Error | undefined
  readonly #held: (() => void)[] = []

  async append(hardState: LogHardState | undefined, entries: readonly LogEntry[]): Promise<void> {
    this.calls.push(`append ${entries.length}`)
    await this.#turn()
    if (hardState !== undefined) this.hardState = hardState
    const first = entries[0]?.index
    if (first !== undefined) this.entries.splice(first - 1, Infinity, ...entries)
  }

  async saveSnapshot(snapshot: LogSnapshot): Promise<void> {
    this.calls.push(`snapshot ${snapshot.index}`)
    await this.#turn()
    this.snapshot = snapshot
  }

  async install(
    snapshot: LogSnapshot,
    hardState: LogHardState | undefined,
    entries: readonly LogEntry[],
  ): Promise<void> {
    this.calls.push(`install ${snapshot.index}`)
    await this.#turn()
    this.snapshot = snapshot
    if (hardState !== undefined) this.hardState = hardState
    this.entries.length = snapshot.index
    this.entries.push(...entries)
  }

  async release(index: Index): Promise<void> {
    this.calls.push(`release ${index}`)
    await this.#turn()
  }

  async purge(maxSegments: number, maxSnapshots: number): Promise<void> {
    this.calls.push(`purge ${maxSegments} ${maxSnapshots}`)
    await this.#turn()
  }

  async close(): Promise<void> {
    this.calls.push('close')
    this.isClosed = true
  }

  /** Lets what is held complete, the next ones too. */
  resume(): void {
    this.isHeld = false
    for (const resolve of this.#held.splice(0)) resolve()
  }

  async #turn(): Promise<void> {
    if (this.isHeld) await new Promise<void>((resolve) => this.#held.push(resolve))
    else await Promise.resolve()
    if (this.failure !== undefined) throw this.failure
  }
}

/** The log of one data directory in memory. */
export class MemoryLogProvider implements LogProvider {
  log: MemoryLog | undefined
  ids: { readonly memberId: MemberId; readonly clusterId: ClusterId } | undefined

  async exists(): Promise<boolean> {
    return this.log !== undefined
  }

  async create(ids: { memberId: MemberId; clusterId: ClusterId }): Promise<LogStorage> {
    this.ids = { memberId: ids.memberId, clusterId: ids.clusterId }
    this.log = new MemoryLog()
    return this.log
  }

  async open(): Promise<{ log: LogStorage; recovered: RecoveredLog }> {
    const { hardState, entries, snapshot } = this.log!
    const after = snapshot?.index ?? 0
    const recovered = { ...this.ids!, hardState, snapshot, entries: entries.filter(({ index }) => index > after) }
    return { log: this.log!, recovered }
  }
}

/** A network that keeps what it is told and delivers nothing. */
export class SilentNetwork<Message> implements PeerNetwork<Message> {
  readonly sent: Message[] = []
  peers: readonly PeerEndpoint[] = []
  removed: readonly MemberId[] = []
  readonly active = new Map<MemberId, number>()

  send(messages: readonly Message[]): void {
    this.sent.push(...messages)
  }

  setPeers(peers: readonly PeerEndpoint[], removed: readonly MemberId[]): void {
    this.peers = peers
    this.removed = removed
  }

  activeSinceMs(id: MemberId): number | undefined {
    return this.active.get(id)
  }

  async sendSnapshot(): Promise<boolean> {
    return false
  }

  query<Res>(): Promise<Res> {
    return Promise.reject(new PeerUnavailable('nobody is there'))
  }

  async close(): Promise<void> {}
}

/** Questions to other members, answered by hand. Requests and answers pass through their codecs. */
export class FakeQueries implements Pick<PeerNetwork<never>, 'query'> {
  /** Whom, and what. */
  readonly asked: string[] = []
  /** By method; undefined: nobody answers. Given the encoded request, gives the encoded answer. */
  answer: ((to: MemberId, request: Uint8Array, timeoutMs: number) => Promise<Uint8Array>) | undefined

  async query<Req, Res>(to: MemberId, method: QueryMethod<Req, Res>, request: Req, timeoutMs: number): Promise<Res> {
    this.asked.push(`${to} ${method.name}`)
    if (this.answer === undefined) throw new PeerUnavailable('nobody is there')
    const bytes = await this.answer(to, method.request.encode(request), timeoutMs)
    return method.response.decode(bytes, 0, bytes.length)
  }
}

/** A logger that keeps what it is told. */
export class LogLines implements Logger {
  readonly debugEnabled = false
  readonly lines: string[] = []

  debug(message: string): void {
    this.lines.push(`debug ${message}`)
  }

  info(message: string): void {
    this.lines.push(`info ${message}`)
  }

  warn(message: string): void {
    this.lines.push(`warn ${message}`)
  }

  error(message: string): void {
    this.lines.push(`error ${message}`)
  }
}

/** Notes what a waiter is told: `ok`, or the text of the error. */
export class Told {
  readonly answers: string[] = []

  get last(): string | undefined {
    return this.answers.at(-1)
  }

  onReady(): void {
    this.answers.push('ok')
  }

  onResult(result: unknown): void {
    this.answers.push(`ok ${String(result)}`)
  }

  onApplied({ status }: { readonly status: Status | undefined }): void {
    this.answers.push(status === undefined ? 'ok' : status.message)
  }

  onFailed({ message }: Status): void {
    this.answers.push(message)
  }
}
