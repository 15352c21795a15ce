// One member in a simulated machine: real consensus, log, state machine and everything around them on a disk that loses what
// was not synced, a backend that loses its last batch, and a clock that jumps from event to event. Clients call, the
// machine stops at random moments, and the log is the judge of every answer.
import { RequestGenerator } from '#src/apply/testing-generator.js'
import { Model } from '#src/apply/testing-model.js'
import { MIN_TTL_SECONDS, type Plain, TestMachine, plain, plainResponse, stateOf } from '#src/apply/testing.js'
import type { LeaseId } from '#src/base/index.js'
import {
  type Backend,
  type LogEntry,
  type LogProvider,
  type LogStorage,
  WalFailed,
  noMetrics,
  silentLogger,
} from '#src/env/index.js'
import {
  CommitFailed,
  Member,
  MemberFacade,
  type MemberParts,
  WatchPump,
  loadState,
  startLog,
} from '#src/member/index.js'
import { SilentNetwork, SimClock } from '#src/member/testing.js'
import { MemoryBackend, TurnClock, sweep } from '#src/mvcc/testing.js'
import { etcdserverpb } from '#src/proto/index.js'
import { checkRecovered } from '#src/server/storage-wiring.js'
import { createWal, encodeV2Store, hasWal, openWal } from '#src/storage/index.js'
import { SimBackend } from '../../support/sim-backend.js'
import { SimCrashed, SimFileSystem } from '../../support/sim-file-system.js'
import { slowFileSystem } from '../../support/slow-file-system.js'
import { SeededRandom } from '../random.js'
import { type Call, type Renewal, Verdict, judgeLeases, requestOf } from './calls.js'
import { Journal, RecordingLog, entryOf } from './journal.js'
import { type LifeOptions, type RunOptions, lifeOptions, runOptions } from './options.js'

const DIR = '/data/member/wal'
const SNAP = '/data/member/snap'
const REQUEST_TIMEOUT_MS = 7000
const ELECTION_TICKS = 10
const HEARTBEAT_MS = 100
/** Of one client in one life. */
const CALLS_MAX = 40
/** How late a call may be told of its time-out: housekeeping looks every 100 ms. */
const LATE_MS = 250

/** Mistakes to plant, as doubles of what a member is given. */
export interface Plants {
  readonly log?: (log: LogStorage) => LogStorage
  readonly backend?: (backend: Backend) => Backend
  readonly parts?: (parts: MemberParts) => MemberParts
}

export interface RunResult {
  /** What went wrong; undefined when nothing did. */
  readonly problem: string | undefined
  /** Everything that happened, for comparing two runs. */
  readonly trace: string
  readonly counts: Counts
}

export interface Counts {
  crashes: number
  closes: number
  writes: number
  reads: number
  snapshots: number
  /** Restarts that found less in the log than was handed to it. */
  lostEntries: number
  /** Restarts whose backend was ahead of the commit index in the log. */
  raisedCommits: number
  /** Leases that ended by themselves. */
  expired: number
}

const asText = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}` : one))

export class World {
  readonly #random: SeededRandom
  readonly #options: RunOptions
  readonly #plants: Plants
  readonly #journal = new Journal()
  readonly #fs: SimFileSystem
  readonly #backend: SimBackend
  readonly #calls: Call[] = []
  readonly #renewals: Renewal[] = []
  readonly #appendedMs = new Map<number, number>()
  readonly #trace: string[] = []
  readonly counts: Counts = {
    crashes: 0,
    closes: 0,
    writes: 0,
    reads: 0,
    snapshots: 0,
    lostEntries: 0,
    raisedCommits: 0,
    expired: 0,
  }
  #nowMs = 0
  #lastAckedWrite: number | undefined
  #seenRevision = 0
  #problem: string | undefined

  constructor(seed: number, plants: Plants = {}) {
    this.#random = new SeededRandom(seed)
    this.#options = runOptions(this.#random)
    this.#plants = plants
    this.#fs = new SimFileSystem({ random: this.#random })
    this.#backend = new SimBackend({ clock: new SimClock(), random: this.#random, writeMsMax: 0 })
  }

  async run(): Promise<RunResult> {
    for (let n = 0; n < this.#options.lives && this.#problem === undefined; n++) {
      await this.#live(lifeOptions(this.#random))
    }
    if (this.#problem === undefined) await this.#finish()
    this.counts.snapshots = this.#journal.snapshots
    return { problem: this.#problem, trace: this.#trace.join('\n'), counts: this.counts }
  }

  async #live(options: LifeOptions): Promise<void> {
    const life = this.#start(options)
    const endMs = life.clock.monotonicMs() + options.lastsMs
    const stepMs = Math.max(1, Math.floor(options.lastsMs / 200))
    while (!life.isOver && life.clock.monotonicMs() < endMs) {
      if (options.stalls && this.#random.chance(0.02)) life.clock.skip(100 + this.#random.below(4000))
      await life.clock.advance(stepMs)
      this.#checkWaits(life, options)
    }
    if (!life.isOver && options.closes && life.member !== undefined) await this.#close(life)
    this.#stop(life)
  }

  /** A last life without crashes: everything must come to rest, and the whole history must hold. */
  async #finish(): Promise<void> {
    const options = { ...lifeOptions(this.#random), crashAt: undefined, clients: 0, stalls: false, lastsMs: 0 }
    const life = this.#start(options)
    const checksLeases = this.#random.chance(0.3)
    for (let i = 0; i < 1000 && !life.isOpen && !life.isOver; i++) await life.clock.advance(20)
    if (life.isOpen && checksLeases) await life.clock.advance(90_000)
    const { member } = life
    if (!life.isOpen || member === undefined) {
      this.#fail(`the member did not come up again: ${life.failure?.stack ?? 'no reason given'}`)
      return
    }
    this.#judge(member)
    if (this.#problem === undefined) await this.#compareWithReplay(life, member)
    if (this.#problem === undefined && checksLeases && !member.parts.alarms.has(etcdserverpb.AlarmType.CORRUPT)) {
      if (member.parts.lessor.size > 0) this.#fail(`${member.parts.lessor.size} leases never ended`)
    }
    if (this.#problem === undefined) await this.#close(life)
    this.#stop(life)
  }

  #start(options: LifeOptions): Life {
    const random = this.#random.fork(this.#nowMs)
    const clock = new SimClock(this.#nowMs)
    this.#fs.crash({ random, ...(options.crashAt !== undefined && { crashAt: options.crashAt }) })
    this.#backend.crash({ clock, random, writeMsMax: options.backendMsMax })
    this.#note(clock, `starts ${asText(options)}`)
    const life = new Life(clock)
    this.#open(life, options, random).then(
      () => this.#load(life, options, random),
      (error: unknown) => this.#die(life, error),
    )
    return life
  }

  async #open(life: Life, options: LifeOptions, random: SeededRandom): Promise<void> {
    const { clock } = life
    const onFatal = (error: Error): void => this.#die(life, error)
    const backend = this.#plants.backend?.(this.#backend) ?? this.#backend
    const state = await loadState(backend, {
      clock,
      logger: silentLogger,
      metrics: noMetrics,
      learnersMax: 1,
      leaseMinTtlSeconds: MIN_TTL_SECONDS,
      leaseCheckpoints: this.#options.checkpoints,
      expiredRetryMs: REQUEST_TIMEOUT_MS,
      compactionBatchLimit: 20,
      compactionSleepMs: 10,
      onRows: () => life.member?.noteRows(),
      onFatal,
    })
    const fs = slowFileSystem(this.#fs, clock, random, options.fileMsMax)
    const started = await startLog(this.#provider(life, fs), {
      kind: 'new',
      initial: [{ name: 'm', peerUrls: ['http://127.0.0.1:2380'] }],
      ownName: 'm',
      token: 'token',
    })
    if (!started.isNew) this.#recovered(started.recovered, state.applied.index)
    checkRecovered(started, state)
    this.#checkState(stateOf(state), state.applied.index, 'the backend')
    const parts: MemberParts = {
      ...state,
      backend,
      started,
      network: new SilentNetwork(),
      membershipData: (membership) =>
        encodeV2Store({ members: membership.members(), removed: [], clusterVersion: membership.clusterVersion }),
      clock,
      random,
      logger: silentLogger,
      metrics: noMetrics,
      onFatal,
      onRemoved: () => undefined,
    }
    const { snapshotEvery, snapshotBytes, catchUpEntries, commitMs, commitOperations, unflushedBytesMax } =
      this.#options
    life.member = new Member(this.#plants.parts?.(parts) ?? parts, {
      name: 'm',
      clientUrls: ['http://127.0.0.1:2379'],
      heartbeatMs: HEARTBEAT_MS,
      electionTicks: ELECTION_TICKS,
      preVote: true,
      initialTickAdvance: true,
      strictReconfigCheck: true,
      corruption: { initialCheck: false, periodMs: 0, compactHashMs: 0 },
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      maxRequestBytes: 100_000,
      quotaBytes: Infinity,
      quotaConfiguredBytes: 0,
      commit: {
        intervalMs: commitMs,
        operationsMax: commitOperations,
        bytesMax: unflushedBytesMax / 8, // as the server has it
        unflushedBytesMax,
      },
      snapshot: { everyEntries: snapshotEvery, everyBytes: snapshotBytes, catchUpEntries },
      segmentsMax: 2,
      snapshotsMax: 2,
      autoCompaction: undefined,
      serverVersion: '3.7.1',
    })
    const watches = new WatchPump({
      store: state.store,
      clock,
      random,
      header: (revision) => life.member!.header(revision),
      fragmentBytes: 1_000_000,
      progressIntervalMs: 600_000,
    })
    life.facade = new MemberFacade(life.member, watches)
    await life.member.open()
    life.isOpen = true
    // All that was durable is applied now, and nothing else.
    this.#checkState(stateOf(state), life.member.applied.index, 'the member')
  }

  #provider(life: Life, fs: ReturnType<typeof slowFileSystem>): LogProvider {
    const walOptions = { clock: life.clock, logger: silentLogger, segmentBytes: this.#options.segmentBytes }
    const onAppend = (entries: readonly LogEntry[]): void => {
      for (const { index } of entries) this.#appendedMs.set(index, life.clock.monotonicMs())
    }
    const record = (log: LogStorage): LogStorage =>
      new RecordingLog(this.#plants.log?.(log) ?? log, this.#journal, onAppend)
    return {
      exists: () => hasWal(fs, DIR),
      create: async (ids) => {
        await fs.makeDirectory(SNAP)
        return record(await createWal(fs, DIR, SNAP, ids, walOptions))
      },
      open: async () => {
        const { wal, recovered } = await openWal(fs, DIR, SNAP, walOptions)
        const before = this.#journal.entries.length
        const problem = this.#journal.recover(recovered)
        if (problem !== undefined) this.#fail(problem)
        if (this.#journal.entries.length < before) this.counts.lostEntries++
        return { log: record(wal), recovered }
      },
    }
  }

  #recovered(recovered: MemberParts['started']['recovered'], applied: number): void {
    if (applied > recovered.hardState.commit) this.counts.raisedCommits++
  }

  // --- clients

  #load(life: Life, options: LifeOptions, random: SeededRandom): void {
    for (let n = 0; n < options.clients; n++) {
      const own = random.fork(n)
      this.#client(life, options, own).catch((error: unknown) => this.#fail(String(error)))
    }
  }

  async #client(life: Life, { thinkMsMax }: LifeOptions, random: SeededRandom): Promise<void> {
    const generator = new RequestGenerator(random)
    for (let calls = 0; calls < CALLS_MAX; calls++) {
      await new Promise<void>((resolve) => life.clock.after(1 + random.below(thinkMsMax + 1), resolve))
      if (life.isOver || life.isClosing) return
      const dice = random.below(100)
      if (dice < 70) await this.#write(life, generator.next(life.member!.parts.store.revision))
      else if (dice < 95) await this.#read(life, random)
      else await this.#renew(life, random)
    }
  }

  async #write(life: Life, request: etcdserverpb.InternalRaftRequest): Promise<void> {
    const call = this.#begin(life, request, undefined)
    await new Promise<void>((resolve) => {
      life.member!.propose(request, {
        onApplied: (outcome) => {
          if (this.#end(life, call, plain(outcome))) {
            this.counts.writes++
            this.#lastAckedWrite = call.number
            this.#see(call.answer)
          }
          resolve()
        },
        onFailed: ({ message }) => {
          this.#end(life, call, message)
          resolve()
        },
      })
    })
  }

  async #read(life: Life, random: SeededRandom): Promise<void> {
    const range = new etcdserverpb.RangeRequest()
    range.key = Buffer.from(random.pick(['a', 'b', '\0']))
    range.rangeEnd = Buffer.from(random.pick(['', 'c', '\0']))
    range.limit = random.below(3)
    range.serializable = random.chance(0.2)
    if (random.chance(0.2)) range.revision = Math.max(1, this.#seenRevision + 1 - random.below(10))
    const call = this.#begin(life, undefined, range)
    const done = (resolve: () => void) => ({
      onResult: (response: etcdserverpb.RangeResponse) => {
        if (this.#end(life, call, plainResponse(response))) {
          this.counts.reads++
          this.#see(call.answer)
        }
        resolve()
      },
      onFailed: ({ message }: { readonly message: string }) => {
        this.#end(life, call, message)
        resolve()
      },
    })
    await new Promise<void>((resolve) => {
      const waiter = done(resolve)
      const read = (): void => life.facade!.range(range, waiter)
      if (range.serializable) read()
      else life.member!.readBarrier({ onReady: read, onFailed: (status) => waiter.onFailed(status) })
    })
  }

  async #renew(life: Life, random: SeededRandom): Promise<void> {
    const lease = random.pick([1n, 2n, -3n]) as LeaseId
    const startMs = life.clock.monotonicMs()
    await new Promise<void>((resolve) => {
      life.facade!.leases.renew(lease, {
        onResult: (ttlSeconds) => {
          const endMs = life.clock.monotonicMs()
          if (!life.isOver) this.#note(life.clock, `renewed ${lease}: ${ttlSeconds}`)
          if (!life.isOver && ttlSeconds > 0) this.#renewals.push({ lease, ttlSeconds, startMs, endMs })
          resolve()
        },
        onFailed: () => resolve(),
      })
    })
  }

  #begin(
    life: Life,
    request: etcdserverpb.InternalRaftRequest | undefined,
    range: etcdserverpb.RangeRequest | undefined,
  ): Call {
    const call: Call = {
      number: this.#calls.length,
      startMs: life.clock.monotonicMs(),
      afterWrite: this.#lastAckedWrite,
      afterRevision: this.#seenRevision,
      request,
      range,
      endMs: undefined,
      answer: undefined,
    }
    this.#calls.push(call)
    life.open.add(call)
    return call
  }

  /** False when the machine has stopped: nobody hears the answer. */
  #end(life: Life, call: Call, answer: Plain): boolean {
    if (life.isOver) return false
    if (call.endMs !== undefined) this.#fail(`call ${call.number} was told twice`)
    call.endMs = life.clock.monotonicMs()
    call.answer = answer
    life.open.delete(call)
    this.#note(life.clock, `call ${call.number}: ${asText(answer)}`)
    return typeof answer !== 'string'
  }

  #see(answer: Plain | undefined): void {
    const revision = typeof answer === 'object' ? Number(answer['revision'] ?? 0) : 0
    this.#seenRevision = Math.max(this.#seenRevision, revision)
  }

  // --- ends

  async #close(life: Life): Promise<void> {
    const { member, clock } = life
    life.isClosing = true
    await this.#drive(life, member!.close())
    if (life.isOver) return
    this.counts.closes++
    if (life.open.size > 0) this.#fail(`${life.open.size} calls were never told`)
    await this.#drive(life, member!.parts.store.close())
    // Clients that were thinking see that it is over.
    await clock.advance(2000)
    if (clock.timers > 0) this.#fail(`${clock.timers} timers run on after close`)
    const { index } = member!.applied
    this.#note(clock, `closed at ${index}`)
    const stored = this.#backend.get('meta', Buffer.from('consistent_index'))
    const held = stored === undefined ? 0 : Number(Buffer.from(stored).readBigUInt64BE())
    if (held !== index) this.#fail(`the backend holds up to ${held} after close at ${index}`)
  }

  /** Lets time pass until `work` is done; undefined when the machine stops before. */
  async #drive<T>(life: Life, work: Promise<T>): Promise<T | undefined> {
    const progress: { result?: T; done: boolean } = { done: false }
    work.then(
      (result) => Object.assign(progress, { result, done: true }),
      (error: unknown) => this.#die(life, error),
    )
    for (let i = 0; i < 2000 && !progress.done && !life.isOver; i++) await life.clock.advance(10)
    if (!progress.done && !life.isOver) this.#die(life, new Error('work that never ends'))
    return progress.result
  }

  /** The machine stops, whatever it was doing. */
  #stop(life: Life): void {
    life.isOver = true
    this.counts.crashes++
    this.#nowMs = life.clock.monotonicMs() + this.#random.below(1000)
    this.#note(life.clock, `stops, ${life.open.size} calls open`)
    const { failure } = life
    if (failure !== undefined && !isCrash(failure)) this.#fail(failure.stack ?? failure.message)
  }

  #die(life: Life, error: unknown): void {
    if (life.isOver) return
    life.isOver = true
    life.failure = error instanceof Error ? error : new Error(String(error))
  }

  // --- checks

  #checkWaits(life: Life, options: LifeOptions): void {
    if (options.stalls) return
    for (const call of life.open) {
      const waitedMs = life.clock.monotonicMs() - call.startMs
      // A read may have to wait for the batch before its own.
      const limitMs = (call.request === undefined ? 2 : 1) * REQUEST_TIMEOUT_MS
      if (waitedMs > limitMs + LATE_MS + options.lastsMs / 200)
        this.#fail(`call ${call.number} waits for ${waitedMs} ms`)
      return
    }
  }

  #checkState(state: unknown, applied: number, who: string): void {
    const model = new Model()
    for (const entry of this.#journal.entries.slice(0, applied)) {
      const request = requestOf(entry)
      if (request !== undefined) model.apply(request)
    }
    const expected = asText(model.state())
    if (asText(state) !== expected) {
      this.#fail(`${who} holds up to ${applied}:\n${asText(state)}\nthe log says\n${expected}`)
    }
  }

  #judge(member: Member): void {
    const entries = this.#journal.entries.slice(0, member.applied.index)
    if (entries.length !== this.#journal.entries.length) this.#fail('durable entries are not applied')
    const verdict = new Verdict(entries)
    const problem = verdict.judge(this.#calls)
    if (problem !== undefined) this.#fail(problem)
    const ofClients = new Set(this.#calls.flatMap(({ request }) => request?.header?.id ?? []))
    const early = judgeLeases(entries, this.#appendedMs, ofClients, this.#renewals)
    if (early !== undefined) this.#fail(early)
    for (const entry of entries) {
      const request = requestOf(entry)
      if (request?.leaseRevoke !== undefined && !ofClients.has(request.header!.id)) this.counts.expired++
    }
  }

  /** A machine that applies the log in one go must have the same hash and members. */
  async #compareWithReplay(life: Life, member: Member): Promise<void> {
    const backend = new MemoryBackend()
    const replay = await TestMachine.open(backend, new TurnClock())
    replay.machine.applyAll(this.#journal.entries.map(entryOf))
    const replayed = replay.store.hashKv(0)
    // Compactions go on only while their rows are committed.
    await sweep(
      replay.store,
      backend,
      replayed.then(() => undefined),
    )
    const expected = await replayed
    const hash = await this.#drive(life, member.parts.store.hashKv(0))
    if (asText(hash) !== asText(expected)) {
      this.#fail(`hash ${asText(hash)}, a replay has ${asText(expected)}`)
    }
    const members = (machine: { readonly membership: MemberParts['membership'] }): string =>
      asText([machine.membership.members(), machine.membership.clusterVersion])
    if (members(member.parts) !== members(replay)) this.#fail(`members ${members(member.parts)}`)
    await replay.store.close()
  }

  #note(clock: SimClock, what: string): void {
    this.#trace.push(`${clock.monotonicMs()} ${what}`)
  }

  #fail(problem: string): void {
    this.#problem ??= problem
    this.#trace.push(`problem: ${problem}`)
  }
}

/** One run of the process. */
class Life {
  readonly clock: SimClock
  readonly open = new Set<Call>()
  member: Member | undefined
  facade: MemberFacade | undefined
  isOpen = false
  isOver = false
  isClosing = false
  failure: Error | undefined

  constructor(clock: SimClock) {
    this.clock = clock
  }
}

/** Whether an error says no more than that the machine has stopped. */
function isCrash(error: unknown): boolean {
  if (error instanceof SimCrashed) return true
  return (error instanceof WalFailed || error instanceof CommitFailed) && isCrash(error.cause)
}
