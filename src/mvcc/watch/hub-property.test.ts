// Random writes, watchers, slow readers, compactions and snapshots against an obvious model: the whole history, filtered.
// Every watcher must receive exactly its events, once, in order, whole revisions at a time; progress must never be early;
// and what waits in front of a slow reader must stay bounded.
import t from 'tap'
import type { Random } from '../../env/index.js'
import { WatchHub } from './hub.js'
import type { etcdserverpb } from '../../proto/index.js'
import type { Change } from './source.js'
import type { HubStream } from './stream.js'
import {
  createRequest,
  headerFor,
  key,
  MemorySource,
  type Operation,
  readEvent,
  type ReadEvent,
  seededRandom,
  sizeOf,
  TestSink,
} from './testing.js'

const FIRST_SEED = Number(process.env['SEED'] ?? 1)
const SEEDS = process.env['SEED'] === undefined ? 150 : 1
const STEPS = 500
const MARK_BYTES = 150
const FRAGMENT_BYTES = 120

interface Expected {
  readonly id: bigint
  readonly lo: string
  readonly hi: string
  readonly filters: number[]
  readonly prevKv: boolean
  readonly fragment: boolean
  readonly notify: boolean
  readonly startRevision: number
  /** Everything below was received. */
  next: number
  compacted: boolean
  /** True once it cannot be hit by a compaction: it started at the newest revision or later, and its stream is never full. */
  immune: boolean
  pieces: Uint8Array[]
}

class Run {
  readonly seed: number
  readonly random: Random
  source = new MemorySource()
  readonly hub: WatchHub
  readonly clients: ModelClient[] = []
  nowMs = 0
  events = 0
  progress = 0
  compactions = 0
  live = 0

  constructor(seed: number) {
    this.seed = seed
    this.random = seededRandom(seed)
    this.source.sliceMax = 1 + this.random.below(20)
    this.hub = new WatchHub(this.source, {
      random: this.random,
      header: headerFor,
      onWork: () => undefined,
      fragmentBytes: FRAGMENT_BYTES,
      progressIntervalMs: 1000,
      limits: {
        passWatchers: 1 + this.random.below(8),
        passRevisions: 2 + this.random.below(40),
        batchRevisions: 1 + this.random.below(10),
        batchBytes: 50 + this.random.below(500),
        batchBytesMin: 50,
      },
    })
  }

  chance(percent: number): boolean {
    return this.random.below(100) < percent
  }

  name(): string {
    return String.fromCharCode(97 + this.random.below(6)) + (this.chance(40) ? String(this.random.below(3)) : '')
  }

  check(ok: boolean, what: string): void {
    if (!ok) throw new Error(`SEED=${this.seed}: ${what}`)
  }

  commit(): Change[] {
    const operations: Operation[] = []
    for (let i = 1 + (this.chance(40) ? this.random.below(5) : 0); i > 0; i--) {
      operations.push({ kind: this.chance(70) ? 'put' : 'delete', key: key(this.name()) })
    }
    return this.source.commit(operations)
  }

  step(): void {
    const dice = this.random.below(100)
    if (dice < 40) {
      const changes = this.commit()
      if (changes.length > 0) this.hub.publish(this.source.revision, changes)
    } else if (dice < 55) this.hub.catchUp(1 + this.random.below(40))
    else if (dice < 60 && this.clients.length < 6) this.clients.push(new ModelClient(this))
    else if (dice < 70) this.anyClient()?.create()
    else if (dice < 74) this.anyClient()?.cancel()
    else if (dice < 88) this.anyClient()?.read(1 + this.random.below(6))
    else if (dice < 91) this.anyClient()?.stream.requestProgress()
    else if (dice < 95) this.hub.tick((this.nowMs += 600))
    else if (dice < 97) this.compact()
    else if (dice < 98) {
      for (let i = this.random.below(4); i > 0; i--) this.commit()
      this.source = this.source.replaced()
      this.hub.restored(this.source)
      for (const client of this.clients) client.onRestored()
    } else if (dice < 99) this.anyClient()?.close()
  }

  compact(): void {
    const { compactRevision, revision } = this.source
    this.source.compactRevision = compactRevision + this.random.below(1 + ((revision - compactRevision) >> 1))
  }

  anyClient(): ModelClient | undefined {
    return this.clients[this.random.below(Math.max(1, this.clients.length))]
  }

  /** Lets everybody read everything; afterwards nothing may be missing. */
  settle(): void {
    for (let i = 0; i < 10_000; i++) {
      const more = this.hub.catchUp(1000)
      let read = 0
      for (const client of this.clients) read += client.read(1000)
      if (!more && read === 0) break
    }
    this.check(this.hub.behindCount === 0, 'somebody is still behind')
    for (const client of this.clients) {
      for (const watcher of client.watchers.values()) {
        this.check(
          watcher.compacted || client.missing(watcher, this.source.revision).length === 0,
          'events are missing',
        )
      }
      // A stream whose watchers all wait for nothing must answer.
      const covered = [...client.watchers.values()].every(
        (w) => !w.compacted && w.startRevision <= this.source.revision,
      )
      client.stream.requestProgress()
      this.check(
        client.read(10) === (covered && client.watchers.size > 0 ? 1 : 0),
        'progress after everything was read',
      )
    }
  }
}

/** Checks that nothing is pushed into a full stream: the hub may only finish the pieces of a response, and answer requests. */
class ModelSink extends TestSink {
  readonly #run: Run

  constructor(run: Run, slow: boolean) {
    super(slow ? MARK_BYTES : undefined)
    this.#run = run
  }

  override send(response: etcdserverpb.WatchResponse): boolean {
    const previous = this.responses.at(-1)
    const goesOn = previous?.fragment === true && previous.watchId === response.watchId
    const control = response.created || (response.canceled && response.compactRevision === 0)
    this.#run.check(control || goesOn || !this.full, 'a full stream was sent something that can wait')
    return super.send(response)
  }
}

class ModelClient {
  readonly run: Run
  readonly slow: boolean
  readonly sink: TestSink
  readonly stream: HubStream
  readonly watchers = new Map<bigint, Expected>()
  /** Requests answered by a created response, in order. */
  readonly #asked: Omit<Expected, 'id' | 'next'>[] = []
  #canceling: bigint[] = []

  constructor(run: Run) {
    this.run = run
    this.slow = run.chance(70)
    this.sink = new ModelSink(run, this.slow)
    this.stream = run.hub.openStream(this.sink, run.nowMs)
  }

  create(): void {
    const { run } = this
    const single = run.chance(40)
    const lo = run.name()
    const hi = single ? '' : run.chance(20) ? '\0' : lo + '\xff'
    const { revision, compactRevision } = run.source
    const start = run.random.below(100)
    const startRevision =
      start < 35 ? 0 : start < 80 ? 1 + run.random.below(revision) : revision + 1 + run.random.below(10)
    const flags = {
      prevKv: run.chance(30),
      fragment: run.chance(30),
      filters: [[], [], [], [0], [1]][run.random.below(5)]!,
    }
    const notify = run.chance(30)
    const immune = !this.slow && (startRevision === 0 || startRevision > revision) && compactRevision >= 0
    this.#asked.push({ lo, hi, ...flags, notify, startRevision, compacted: false, immune, pieces: [] })
    this.stream.create(createRequest({ on: lo, end: hi, startRevision, progressNotify: notify, ...flags }))
  }

  cancel(): void {
    const ids = [...this.watchers.keys()].filter((id) => !this.#canceling.includes(id))
    const id = ids[this.run.random.below(Math.max(1, ids.length))]
    if (id === undefined) return
    this.#canceling.push(id)
    this.stream.cancel(id)
  }

  /** A snapshot sends every watcher back to history, where a compaction may overtake it. */
  onRestored(): void {
    for (const watcher of [...this.watchers.values(), ...this.#asked]) watcher.immune = false
  }

  close(): void {
    this.stream.close()
    this.run.clients.splice(this.run.clients.indexOf(this), 1)
  }

  read(count: number): number {
    const responses = this.sink.read(count)
    for (const response of responses) this.#receive(response)
    if (!this.sink.full) this.stream.drained()
    return responses.length
  }

  /** The events that the watcher must get of revisions `[next, upTo]`. */
  missing(watcher: Expected, upTo: number): Change[] {
    const { lo, hi, filters, next } = watcher
    return this.run.source.log.filter(
      ({ main, key: name, kind }) =>
        main >= next &&
        main <= upTo &&
        (hi === '' ? name === lo : name >= lo && (hi === '\0' || name < hi)) &&
        !filters.includes(kind === 'put' ? 0 : 1),
    )
  }

  #receive(response: etcdserverpb.WatchResponse): void {
    const { run } = this
    const { header, watchId, created, canceled, compactRevision, events } = response
    const revision = header?.revision ?? -1
    if (created) {
      run.check(!canceled && !this.watchers.has(watchId) && events.length === 0, 'a plain created response')
      const asked = this.#asked.shift()!
      const next = asked.startRevision === 0 ? revision + 1 : asked.startRevision
      this.watchers.set(watchId, { ...asked, id: watchId, next })
      return
    }
    if (watchId === -1n) {
      run.check(this.watchers.size > 0, 'progress for nobody')
      for (const watcher of this.watchers.values()) this.#progress(watcher, revision)
      return
    }
    const watcher = this.watchers.get(watchId)
    if (watcher === undefined) throw new Error(`SEED=${run.seed}: response for unknown watcher ${watchId}`)
    if (canceled && compactRevision === 0) {
      run.check(this.#canceling.includes(watchId), 'canceled without being asked')
      this.#canceling = this.#canceling.filter((id) => id !== watchId)
      this.watchers.delete(watchId)
    } else if (canceled) {
      run.check(!watcher.compacted && !watcher.immune, 'compaction hit a watcher in sync')
      run.check(revision === 0 && watcher.next < compactRevision, 'compaction cancelled a watcher it did not overtake')
      watcher.compacted = true
      run.compactions++
    } else if (events.length === 0) {
      run.check(watcher.notify, 'progress was not asked for')
      this.#progress(watcher, revision)
    } else this.#events(watcher, response, revision)
  }

  #progress(watcher: Expected, revision: number): void {
    this.run.check(!watcher.compacted && watcher.startRevision <= revision, 'progress before the start')
    this.run.check(this.missing(watcher, revision).length === 0, 'progress came before events')
    watcher.next = Math.max(watcher.next, revision + 1)
    this.run.progress++
  }

  #events(watcher: Expected, response: etcdserverpb.WatchResponse, revision: number): void {
    const { run } = this
    run.check(!watcher.compacted, 'events after the cancel')
    watcher.pieces.push(...response.events)
    if (response.fragment) {
      run.check(watcher.fragment && response.events.length > 0, 'an unwanted fragment')
      run.check(
        response.events.length === 1 || sizeOf(response) < FRAGMENT_BYTES + 20,
        'a fragment above the threshold',
      )
      return
    }
    const events = watcher.pieces.map(readEvent)
    watcher.pieces = []
    const last = events.at(-1)!.revision
    run.check(last <= revision, 'the header is behind the events')
    const wanted = this.missing(watcher, last)
    run.check(events.length === wanted.length, `got ${events.length} events up to ${last}, expected ${wanted.length}`)
    events.forEach((event, i) => {
      this.#compare(watcher, event, wanted[i]!)
    })
    watcher.next = last + 1
    run.events += events.length
    if (last === revision) run.live++
  }

  #compare(watcher: Expected, event: ReadEvent, change: Change): void {
    const { run } = this
    const same = event.kind === change.kind && event.key === change.key && event.revision === change.main
    run.check(same && Buffer.compare(event.kv, change.kv) === 0, 'another event was expected')
    if (event.prevKv !== undefined) {
      const before = run.source.stateAt(change.key, change.main - 1)
      run.check(watcher.prevKv && before !== undefined && Buffer.compare(event.prevKv, before) === 0, 'wrong prev_kv')
    } else if (watcher.prevKv && change.main - 1 >= run.source.compactRevision) {
      const created = run.source.log.some(
        ({ main, sub, key: name, kind }) =>
          main === change.main && name === change.key && kind === 'delete' && sub < change.sub,
      )
      run.check(created || run.source.stateAt(change.key, change.main - 1) === undefined, 'prev_kv is missing')
    }
  }
}

t.test('every watcher receives exactly its events, whatever happens around it', async (t) => {
  const totals = { events: 0, progress: 0, compactions: 0, live: 0 }
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const run = new Run(seed)
    try {
      for (let i = 0; i < STEPS; i++) run.step()
      run.settle()
    } catch (error) {
      t.comment(`replay: SEED=${seed} node ${process.argv[1] ?? ''}`)
      throw error
    }
    totals.events += run.events
    totals.progress += run.progress
    totals.compactions += run.compactions
    totals.live += run.live
  }
  t.comment(`note: ${SEEDS} seeds from ${FIRST_SEED}: ${JSON.stringify(totals)}`)
  t.ok(totals.events > 100 * SEEDS, 'events were delivered')
  if (SEEDS === 1) return
  t.ok(totals.progress > SEEDS && totals.live > SEEDS, 'progress and live events happened')
  t.ok(totals.compactions > SEEDS / 5, 'compaction overtook watchers')
})
