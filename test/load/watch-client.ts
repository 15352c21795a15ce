// Watchers as a client sees them: checks the rules of delivery on arrival and keeps what came for the final comparison.
import type { GrpcClient, Stream } from '../support/grpc-client.js'
import type { WatchResponse } from '../support/messages.js'
import { delay } from '../support/wait.js'
import { eventDigest, type LoggedChange, prevDigest } from './write-log.js'

export interface WatchSpec {
  readonly lo: string
  /** Empty: the single key; `\0`: everything from `lo`. */
  readonly end: string
  /** 0: from now on. */
  readonly startRevision: number
  readonly prevKv: boolean
  readonly noPut: boolean
  readonly noDelete: boolean
  readonly progressNotify: boolean
  readonly fragment: boolean
}

export class ClientWatcher {
  readonly spec: WatchSpec
  /** Of all events, in the order of arrival. */
  readonly revisions: number[] = []
  readonly digests: number[] = []
  readonly prevDigests: number[] = []
  /** First revision that must be delivered; -1 until the server has answered. */
  from = -1
  /** Where a compaction overtook it: position in the events, and the revision it goes on from. */
  gap: { readonly at: number; readonly compactRevision: number } | undefined
  /** Newest revision that a progress notice covered. */
  progress = 0
  /** Pieces of one response are coming; its revisions are not whole yet. */
  inFragments = false
  batches = 0
  fragments = 0
  progressNotices = 0

  constructor(spec: WatchSpec) {
    this.spec = spec
  }

  /** @throws when an event comes twice, late, out of order, or after a progress notice that covered it. */
  take({ events, fragment }: WatchResponse): void {
    const newestBefore = this.revisions.at(-1) ?? 0
    // Inside one response (all its pieces) a revision may go on; a new response starts above everything before it.
    let newest = newestBefore
    for (const event of events) {
      const revision = Number(event.kv.mod_revision)
      const again = revision <= newestBefore && !(this.inFragments && revision === newestBefore)
      if (again || revision < newest) throw new Error(`revision ${revision} after ${newest}`)
      if (revision <= this.progress) throw new Error(`revision ${revision} after progress to ${this.progress}`)
      if (revision < this.from) throw new Error(`revision ${revision} before the start ${this.from}`)
      newest = revision
      this.revisions.push(revision)
      this.digests.push(eventDigest(event))
      this.prevDigests.push(prevDigest(event))
    }
    if (newest > Number(events[0]?.kv.mod_revision ?? newest)) this.batches++
    if (fragment && !this.spec.fragment) throw new Error('a piece of a response that nobody wanted in pieces')
    this.inFragments = fragment
    if (fragment) this.fragments++
  }

  /**
   * Compares with all changes up to the last one. `forgiving`: the revision whose prev_kv a compaction may have removed.
   * @throws naming the first difference.
   */
  check(changes: readonly LoggedChange[], forgiving: number): void {
    let at = 0
    for (const change of changes) {
      if (change.revision < this.from || !this.#wants(change)) continue
      if (this.gap !== undefined && change.revision < this.gap.compactRevision && at >= this.gap.at) continue
      const { revision, digest, prevDigest } = change
      const found = this.revisions[at]
      if (found !== revision)
        throw new Error(`${this.#name}: found revision ${found}, expected ${revision} (${change.key})`)
      if (this.digests[at] !== digest) throw new Error(`${this.#name}: wrong event at ${revision} (${change.key})`)
      const prevExpected = this.spec.prevKv ? prevDigest : 0
      const prevFound = this.prevDigests[at]
      if (prevFound !== prevExpected && !(revision === forgiving && prevFound === 0))
        throw new Error(`${this.#name}: wrong previous value at ${revision} (${change.key})`)
      at++
    }
    if (at !== this.revisions.length) throw new Error(`${this.#name}: ${this.revisions.length - at} events too many`)
  }

  #wants({ key, isDelete }: LoggedChange): boolean {
    const { lo, end, noPut, noDelete } = this.spec
    if (isDelete ? noDelete : noPut) return false
    if (end === '') return key === lo
    return key >= lo && (end === '\0' || key < end)
  }

  get #name(): string {
    return `watcher of [${this.spec.lo}, ${JSON.stringify(this.spec.end)}) from ${this.from}`
  }
}

/** One stream with its watchers. */
export class ClientStream {
  readonly watchers: ClientWatcher[]
  /** Resolves when the stream ends. @throws what a watcher found wrong. */
  readonly ended: Promise<void>
  readonly #stream: Stream<WatchResponse>
  #created = 0
  #failure: unknown
  #closing = false
  /** Newest answer to a request for progress. */
  #progress = 0
  #inPieces: ClientWatcher | undefined

  constructor(client: GrpcClient, specs: readonly WatchSpec[]) {
    this.watchers = specs.map((spec) => new ClientWatcher(spec))
    this.#stream = client.stream<WatchResponse>('Watch/Watch')
    for (const [i, { spec }] of this.watchers.entries()) this.#create(i, spec, spec.startRevision)
    this.ended = this.#read()
    this.ended.catch((error: unknown) => (this.#failure ??= error))
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  /** Resolves once every watcher was confirmed. */
  async created(): Promise<void> {
    await this.#until(() => this.#created >= this.watchers.length)
  }

  /** Asks for progress until the server says that everything up to `revision` was sent. */
  async progressTo(revision: number): Promise<void> {
    let asked = 0
    await this.#until(() => {
      if (this.#progress >= revision) return true
      if (asked++ % 20 === 0) this.#stream.send({ progress_request: {} })
      return false
    })
  }

  close(): void {
    this.#closing = true
    this.#stream.cancel()
  }

  async #until(reached: () => boolean): Promise<void> {
    while (!reached()) {
      if (this.#failure !== undefined) throw this.#failure as Error
      await delay(10)
    }
  }

  #create(id: number, spec: WatchSpec, startRevision: number): void {
    this.#stream.send({
      create_request: {
        key: Buffer.from(spec.lo, 'latin1'),
        range_end: Buffer.from(spec.end, 'latin1'),
        start_revision: startRevision,
        prev_kv: spec.prevKv,
        progress_notify: spec.progressNotify,
        fragment: spec.fragment,
        filters: [...(spec.noPut ? [0] : []), ...(spec.noDelete ? [1] : [])],
        // 0 would let the server choose.
        watch_id: id + 1,
      },
    })
  }

  async #read(): Promise<void> {
    for (;;) {
      const response = await this.#stream.next(3_600_000).catch((error: unknown) => {
        if (this.#closing) return undefined
        throw error
      })
      if (response === undefined) return
      this.#take(response)
    }
  }

  #take(response: WatchResponse): void {
    const id = Number(response.watch_id) - 1
    const watcher = this.watchers[id]
    if (this.#inPieces !== undefined && watcher !== this.#inPieces)
      throw new Error('something between the pieces of a response')
    const revision = Number(response.header.revision)
    if (response.canceled) this.#goOnAfterCompaction(id, response)
    else if (response.watch_id === '-1') this.#onProgress(revision)
    else if (watcher === undefined) throw new Error(`watch id ${id} is unknown`)
    else if (response.created) this.#onCreated(watcher, revision)
    else if (response.events.length > 0) watcher.take(response)
    else {
      if (!watcher.spec.progressNotify) throw new Error('a progress notice that nobody asked for')
      watcher.progressNotices++
      watcher.progress = Math.max(watcher.progress, revision)
    }
    this.#inPieces = watcher?.inFragments === true ? watcher : undefined
  }

  #onCreated(watcher: ClientWatcher, revision: number): void {
    this.#created++
    if (watcher.from < 0) watcher.from = watcher.spec.startRevision === 0 ? revision + 1 : watcher.spec.startRevision
  }

  #onProgress(revision: number): void {
    this.#progress = revision
    for (const watcher of this.watchers) watcher.progress = Math.max(watcher.progress, revision)
  }

  /** What client libraries do: frees the id and watches on from the compact revision. */
  #goOnAfterCompaction(id: number, { compact_revision, cancel_reason }: WatchResponse): void {
    const watcher = this.watchers[id]
    const compactRevision = Number(compact_revision)
    if (watcher === undefined) throw new Error(`watch ${id} cancelled: ${cancel_reason}`)
    // The answer to our own cancellation.
    if (compactRevision === 0) {
      this.#create(id, watcher.spec, watcher.gap?.compactRevision ?? 0)
      return
    }
    if (watcher.gap !== undefined) throw new Error('overtaken by one compaction twice')
    watcher.gap = { at: watcher.revisions.length, compactRevision }
    this.#stream.send({ cancel_request: { watch_id: id + 1 } })
  }
}
