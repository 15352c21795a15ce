// One Watch call: its watchers, their ids, and the responses that go out on it.

import { invariant } from '../../base/index.js'
import { CANCEL_REASON, checkCreate, type WatchPermission } from './create.js'
import { frameSize, splitEvents } from './fragments.js'
import { type SharedWatchResponse, etcdserverpb } from '../../proto/index.js'
import { type EventStream, Watcher, WatcherState } from './watcher.js'

/** Where the responses of a stream go. */
export interface WatchSink {
  /**
   * Queues one response, in order; never loses one while the stream is open. The record is frozen: others may get it too.
   * False: accepted, but the client is behind; `HubStream.drained` is called when it has caught up.
   */
  send(response: etcdserverpb.WatchResponse): boolean
  /** The client makes requests but reads no answers. The owner fails the stream with `resourceExhausted` and closes it. */
  onOverflow(): void
}

/** What a stream needs of the hub. */
export interface StreamHost {
  /** Newest published revision. */
  readonly revision: number
  readonly fragmentBytes: number
  readonly controlWhileFullMax: number
  /** Header with this revision; frozen. */
  headerAt(revision: number): etcdserverpb.ResponseHeader
  /** False when the hub holds as many watchers as it may. */
  readonly mayRegister: boolean
  register(watcher: Watcher): void
  unregister(watcher: Watcher): void
  /** Its parked watchers may catch up again. */
  onDrained(stream: HubStream): void
  onClosed(stream: HubStream): void
  onEventsSent(count: number): void
}

const NO_WATCH = -1n

export class HubStream implements EventStream {
  readonly parked = new Set<Watcher>()
  readonly #host: StreamHost
  readonly #sink: WatchSink
  readonly #permission: WatchPermission | undefined
  readonly #progressPeriodMs: number
  readonly #watchers = new Map<bigint, Watcher>()
  #nextId = 0n
  #nextProgressMs: number
  #full = false
  #closed = false
  /** Control responses queued since the stream became full. */
  #controlWhileFull = 0

  /** Made by `WatchHub.openStream`. */
  constructor(
    host: StreamHost,
    sink: WatchSink,
    permission: WatchPermission | undefined,
    nowMs: number,
    progressPeriodMs: number,
  ) {
    this.#host = host
    this.#sink = sink
    this.#permission = permission
    this.#progressPeriodMs = progressPeriodMs
    this.#nextProgressMs = nowMs + progressPeriodMs
  }

  get full(): boolean {
    return this.#full
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Watchers with an id on this stream, those cancelled by compaction included. */
  get watcherCount(): number {
    return this.#watchers.size
  }

  /** Handles one request; a request of no known kind is ignored. */
  onRequest(request: etcdserverpb.WatchRequest): void {
    if (request.createRequest !== undefined) this.create(request.createRequest)
    else if (request.cancelRequest !== undefined) this.cancel(request.cancelRequest.watchId)
    else if (request.progressRequest !== undefined) this.requestProgress()
  }

  /**
   * Answers with a created response, which is also the refusal if there is a reason for one. The revision in its header is
   * the one that the registration took place at: with `start_revision` 0 the first event has a higher one, and none is missed.
   */
  create(request: etcdserverpb.WatchCreateRequest): void {
    if (this.#closed) return
    const range = checkCreate(request, this.#permission)
    if (typeof range === 'string') {
      this.#refuse(range)
      return
    }
    if (request.watchId !== 0n && this.#watchers.has(request.watchId)) {
      this.#refuse(CANCEL_REASON.duplicateId)
      return
    }
    if (!this.#host.mayRegister) {
      this.#refuse(CANCEL_REASON.tooManyWatchers)
      return
    }
    const id = request.watchId === 0n ? this.#mintId() : request.watchId
    const { revision } = this.#host
    const { startRevision, prevKv, progressNotify, fragment, filters } = request
    const watcher = new Watcher(this, id, range, startRevision === 0 ? revision + 1 : startRevision, {
      startRevision,
      prevKv,
      progressNotify,
      fragment,
      noPut: filters.includes(etcdserverpb.FilterType.NOPUT),
      noDelete: filters.includes(etcdserverpb.FilterType.NODELETE),
    })
    this.#watchers.set(id, watcher)
    const response = this.#response(id, revision)
    response.created = true
    this.#sendControl(response)
    // Sending may have closed the stream.
    if (!this.#closed) this.#host.register(watcher)
  }

  /** Answers only if the id is known; afterwards no response bears it until it is used again. */
  cancel(watchId: bigint): void {
    const watcher = this.#watchers.get(watchId)
    if (watcher === undefined) return
    this.#watchers.delete(watchId)
    this.#host.unregister(watcher)
    const response = this.#response(watchId, this.#host.revision)
    response.canceled = true
    this.#sendControl(response)
  }

  /** Answers for the whole stream (id -1) if every watcher has everything up to now; otherwise there is no answer at all. */
  requestProgress(): void {
    const { revision } = this.#host
    if (this.#watchers.size === 0 || this.#full) return
    for (const watcher of this.#watchers.values()) if (!watcher.coveredUpTo(revision)) return
    this.#send(this.#response(NO_WATCH, revision))
  }

  /** The sink's buffer emptied after it had returned false. */
  drained(): void {
    if (!this.#full || this.#closed) return
    this.#full = false
    this.#controlWhileFull = 0
    this.#host.onDrained(this)
  }

  /** Frees all watchers; idempotent. Nothing is sent afterwards. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const watcher of this.#watchers.values()) this.#host.unregister(watcher)
    this.#watchers.clear()
    this.#host.onClosed(this)
  }

  /** Called by the hub: sends the periodic notices when this stream's timer is due. */
  tick(nowMs: number): void {
    if (nowMs < this.#nextProgressMs) return
    const missed = Math.floor((nowMs - this.#nextProgressMs) / this.#progressPeriodMs)
    this.#nextProgressMs += (missed + 1) * this.#progressPeriodMs
    const { revision } = this.#host
    for (const watcher of this.#watchers.values()) {
      if (!watcher.progressNotify) continue
      if (!watcher.gotEvents && !this.#full && watcher.coveredUpTo(revision)) {
        this.#send(this.#response(watcher.id, revision))
      }
      watcher.gotEvents = false
    }
  }

  /** Called by the hub and its catch-up; `events` become frozen. */
  sendEvents(watcher: Watcher, header: etcdserverpb.ResponseHeader, events: Uint8Array[]): void {
    invariant(watcher.state !== WatcherState.closed, 'events only go to an open watcher')
    watcher.gotEvents = true
    this.#host.onEventsSent(events.length)
    if (!watcher.fragment) {
      this.#sendPiece(watcher.id, header, events, false)
      return
    }
    const pieces = splitEvents(events, frameSize(header, watcher.id), this.#host.fragmentBytes)
    const last = pieces.length - 1
    // One turn for all pieces: nothing may come between them.
    for (let i = 0; i <= last; i++) this.#sendPiece(watcher.id, header, pieces[i]!, i < last)
  }

  /** As `sendEvents`, for one response that other streams get too. */
  sendShared(watcher: Watcher, response: SharedWatchResponse): void {
    invariant(watcher.state !== WatcherState.closed, 'events only go to an open watcher')
    watcher.gotEvents = true
    this.#host.onEventsSent(response.events.length)
    this.#send(response)
  }

  sendCompacted(watcher: Watcher, compactRevision: number): void {
    const response = this.#response(watcher.id, 0)
    response.canceled = true
    response.compactRevision = compactRevision
    this.#send(response)
  }

  #sendPiece(watchId: bigint, header: etcdserverpb.ResponseHeader, events: Uint8Array[], fragment: boolean): void {
    const response = new etcdserverpb.WatchResponse()
    response.header = header
    response.watchId = watchId
    response.fragment = fragment
    response.events = events
    this.#send(response)
  }

  #refuse(reason: string): void {
    const response = this.#response(NO_WATCH, this.#host.revision)
    response.created = true
    response.canceled = true
    response.cancelReason = reason
    this.#sendControl(response)
  }

  #response(watchId: bigint, revision: number): etcdserverpb.WatchResponse {
    const response = new etcdserverpb.WatchResponse()
    response.header = this.#host.headerAt(revision)
    response.watchId = watchId
    return response
  }

  /** Answers to requests are sent even while the stream is full, up to a limit: they cannot be made again from history. */
  #sendControl(response: etcdserverpb.WatchResponse): void {
    if (this.#closed) return
    this.#send(response)
    if (!this.#full) return
    this.#controlWhileFull++
    if (this.#controlWhileFull > this.#host.controlWhileFullMax) {
      this.close()
      this.#sink.onOverflow()
    }
  }

  #send(response: etcdserverpb.WatchResponse): void {
    if (this.#closed) return
    if (!this.#sink.send(response)) this.#full = true
  }

  /** The next id of a counter that only grows, leaving out ids in use. */
  #mintId(): bigint {
    while (this.#watchers.has(this.#nextId)) this.#nextId++
    return this.#nextId++
  }
}
