// For tests of this folder: a clock that is moved by hand, calls that remember their answers, and a small member over a
// map of keys. The member keeps every old version of a key, so that reads of old revisions work.

import { type Index, type Key, type LeaseId, type MemberId, NO_MEMBER, type Term, keyOf } from '../base/index.js'
import type { CancelCause, Clock, Status, StreamCall, Timer, UnaryCall } from '../env/index.js'
import type {
  ClusterApi,
  HashKvOutcome,
  LeaseTimeToLive,
  MemberAddOutcome,
  MemberApi,
  MemberStatus,
  MembersOutcome,
  ProposalOutcome,
  ProposalWaiter,
  ReadWaiter,
  ResultWaiter,
  WatchRequests,
  WatchResponses,
} from '../member/index.js'
import { errors, etcdserverpb, mvccpb } from '../proto/index.js'

export const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')

/** Builds a record from some of its fields. */
export const make = <T extends object>(Record: new () => T, fields: Partial<T> = {}): T =>
  Object.assign(new Record(), fields)

export class ManualClock implements Clock {
  #nowMs = 0
  readonly #timers: { atMs: number; readonly periodMs: number; readonly callback: () => void; live: boolean }[] = []
  readonly #soon: (() => void)[] = []

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#add(delayMs, 0, callback)
  }

  every(periodMs: number, callback: () => void): Timer {
    return this.#add(periodMs, periodMs, callback)
  }

  soon(callback: () => void): void {
    this.#soon.push(callback)
  }

  afterCallback(callback: () => void): void {
    void Promise.resolve().then(callback)
  }

  yieldTurn(): Promise<void> {
    return new Promise((resolve) => this.soon(resolve))
  }

  /** Runs what waits for this turn, and what that adds. */
  settle(): void {
    for (let next = this.#soon.shift(); next !== undefined; next = this.#soon.shift()) next()
  }

  advance(ms: number): void {
    const endMs = this.#nowMs + ms
    for (;;) {
      const due = this.#timers.filter((t) => t.live && t.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.#nowMs = due.atMs
      if (due.periodMs > 0) due.atMs += due.periodMs
      else due.live = false
      due.callback()
    }
    this.#nowMs = endMs
  }

  get liveTimers(): number {
    return this.#timers.filter(({ live }) => live).length
  }

  #add(delayMs: number, periodMs: number, callback: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, periodMs, callback, live: true }
    this.#timers.push(timer)
    return { cancel: () => (timer.live = false) }
  }
}

const noMetadata = { get: () => undefined }

export class UnaryProbe<Res> implements UnaryCall<Res> {
  readonly metadata = noMetadata
  readonly peer = 'test'
  readonly deadlineMs = undefined
  canceled = false
  answer: Res | undefined
  status: Status | undefined
  #onCancel: ((cause: CancelCause) => void) | undefined

  respond(message: Res): void {
    if (this.answer === undefined && this.status === undefined) this.answer = message
  }

  fail(status: Status): void {
    if (this.answer === undefined) this.status ??= status
  }

  onCancel(listener: (cause: CancelCause) => void): void {
    this.#onCancel = listener
  }

  /** The client goes. */
  leave(): void {
    this.canceled = true
    this.#onCancel?.('canceled')
  }
}

export class StreamProbe<Res> implements StreamCall<Res> {
  readonly metadata = noMetadata
  readonly peer = 'test'
  readonly deadlineMs = undefined
  readonly sent: Res[] = []
  ended = false
  status: Status | undefined
  bufferedBytes = 0
  /** Messages that are taken until `send` answers false. */
  room = Number.POSITIVE_INFINITY

  send(message: Res): boolean {
    if (this.ended) return true
    this.sent.push(message)
    return --this.room > 0
  }

  end(): void {
    this.ended = true
  }

  fail(status: Status): void {
    this.ended = true
    this.status ??= status
  }
}

interface Version {
  readonly revision: number
  /** Undefined: deleted. */
  readonly kv: Uint8Array | undefined
}

export class FakeMember implements MemberApi {
  readonly id = 0xabcn as MemberId
  readonly clusterId = 0xdefn
  leader: MemberId = this.id
  isLearner = false
  isCapable = true
  revision = 1
  compactRevision = -1
  hasRoom = true
  /** Undefined: barriers pass at once; else they wait here. */
  barriers: ReadWaiter[] | undefined
  barrierFailure: Status | undefined
  readonly proposals: { readonly request: etcdserverpb.InternalRaftRequest; readonly waiter: ProposalWaiter }[] = []
  readonly reads: etcdserverpb.RangeRequest[] = []
  readTxns = 0
  readonly watches: FakeWatch[] = []
  readonly leases = new FakeLeases()
  readonly cluster = new FakeCluster()
  clusterVersion: string | undefined = '3.7.0'
  statusFacts: Partial<MemberStatus> = {}
  memberIds: bigint[] = [5n, 2n ** 64n - 1n, 1n]
  hashKvOutcome: HashKvOutcome = { kind: 'ok', hash: 7, compactRevision: -1, hashRevision: 3, revision: 9 }
  defragmentFailure: Error | undefined
  readonly #versions = new Map<Key, Version[]>()

  header(revision = this.revision): etcdserverpb.ResponseHeader {
    return this.completeHeader(new etcdserverpb.ResponseHeader(), revision)
  }

  completeHeader(header: etcdserverpb.ResponseHeader, revision: number): etcdserverpb.ResponseHeader {
    header.clusterId = this.clusterId as typeof header.clusterId
    header.memberId = this.id
    header.raftTerm = 4
    header.revision = revision
    return header
  }

  hasRoomFor(): boolean {
    return this.hasRoom
  }

  propose(request: etcdserverpb.InternalRaftRequest, waiter: ProposalWaiter): void {
    this.proposals.push({ request, waiter })
  }

  /** Answers the oldest open proposal. */
  apply(outcome: Partial<ProposalOutcome>): void {
    this.proposals.shift()?.waiter.onApplied({ response: undefined, status: undefined, swept: undefined, ...outcome })
  }

  readBarrier(waiter: ReadWaiter): void {
    if (this.barrierFailure !== undefined) waiter.onFailed(this.barrierFailure)
    else if (this.barriers === undefined) waiter.onReady()
    else this.barriers.push(waiter)
  }

  put(key: string, value: string): void {
    const revision = ++this.revision
    const kv = make(mvccpb.KeyValue, { key: bytes(key), value: bytes(value), modRevision: revision, version: 1 })
    this.#add(keyOf(bytes(key)), { revision, kv: mvccpb.KeyValueCodec.encode(kv) })
  }

  remove(key: string): void {
    this.#add(keyOf(bytes(key)), { revision: ++this.revision, kv: undefined })
  }

  range(request: etcdserverpb.RangeRequest, waiter: ResultWaiter<etcdserverpb.RangeResponse>): void {
    this.reads.push(request)
    const revision = request.revision > 0 ? request.revision : this.revision
    if (revision > this.revision) return waiter.onFailed(errors.futureRevision)
    if (revision < this.compactRevision) return waiter.onFailed(errors.compacted)
    const found = this.#at(revision, keyOf(request.key), keyOf(request.rangeEnd))
    const limit = request.limit > 0 ? request.limit : found.length
    const response = new etcdserverpb.RangeResponse()
    response.header = new etcdserverpb.ResponseHeader()
    response.header.revision = this.revision
    response.count = found.length
    response.kvs = request.countOnly ? [] : found.slice(0, limit)
    response.more = !request.countOnly && found.length > limit
    waiter.onResult(response)
  }

  executeReadTxn(_request: etcdserverpb.TxnRequest, waiter: ResultWaiter<etcdserverpb.TxnResponse>): void {
    this.readTxns++
    const response = make(etcdserverpb.TxnResponse, { succeeded: true })
    response.header = make(etcdserverpb.ResponseHeader, { revision: this.revision })
    waiter.onResult(response)
  }

  openWatch(sink: WatchResponses): WatchRequests {
    const watch = new FakeWatch(sink)
    this.watches.push(watch)
    return watch
  }

  members(): etcdserverpb.Member[] {
    return this.memberIds.map((id) => make(etcdserverpb.Member, { id: id as MemberId }))
  }

  status(): MemberStatus {
    return {
      version: '3.7.1',
      dbSizeBytes: 20480,
      dbSizeInUseBytes: 16384,
      committedIndex: 12 as Index,
      appliedIndex: 11 as Index,
      term: 4 as Term,
      storageVersion: '3.7.0',
      quotaBytes: 0,
      downgrade: { enabled: false, targetVersion: '3.6.0' },
      alarms: [],
      ...this.statusFacts,
    }
  }

  hash(): Promise<number> {
    return Promise.resolve(42)
  }

  hashKv(revision: number): Promise<HashKvOutcome> {
    if (revision > this.revision) return Promise.resolve({ kind: 'refused', status: errors.futureRevision })
    return Promise.resolve(this.hashKvOutcome)
  }

  defragment(): Promise<void> {
    return this.defragmentFailure === undefined ? Promise.resolve() : Promise.reject(this.defragmentFailure)
  }

  loseLeader(): void {
    this.leader = NO_MEMBER
  }

  #add(key: Key, version: Version): void {
    const versions = this.#versions.get(key) ?? []
    versions.push(version)
    this.#versions.set(key, versions)
  }

  #at(revision: number, lo: Key, hi: Key): Uint8Array[] {
    return [...this.#versions.keys()]
      .filter((key) => (hi === '' ? key === lo : key >= lo && (hi === '\0' || key < hi)))
      .sort((a, b) => (a < b ? -1 : 1))
      .flatMap((key) => this.#versions.get(key)!.findLast((v) => v.revision <= revision)?.kv ?? [])
  }
}

export class FakeWatch implements WatchRequests {
  readonly sink: WatchResponses
  readonly requests: etcdserverpb.WatchRequest[] = []
  drains = 0
  closes = 0

  constructor(sink: WatchResponses) {
    this.sink = sink
  }

  onRequest(request: etcdserverpb.WatchRequest): void {
    this.requests.push(request)
  }

  drained(): void {
    this.drains++
  }

  close(): void {
    this.closes++
  }
}

export class FakeLeases {
  readonly renewals: { readonly id: LeaseId; readonly waiter: ResultWaiter<number> }[] = []
  /** When set, renewals are answered at once. */
  ttl: number | undefined
  left: LeaseTimeToLive = { ttl: 3, grantedTtl: 10, keys: [] }
  failure: Status | undefined
  onRenew: (() => void) | undefined

  newId(): LeaseId {
    return 77n as LeaseId
  }

  renew(id: LeaseId, waiter: ResultWaiter<number>): void {
    this.onRenew?.()
    if (this.ttl !== undefined) waiter.onResult(this.ttl)
    else this.renewals.push({ id, waiter })
  }

  renewHere(id: LeaseId, waiter: ResultWaiter<number>): void {
    this.renew(id, waiter)
  }

  timeToLiveHere(id: LeaseId, withKeys: boolean, waiter: ResultWaiter<LeaseTimeToLive>): void {
    this.timeToLive(id, withKeys, waiter)
  }

  timeToLive(_id: LeaseId, withKeys: boolean, waiter: ResultWaiter<LeaseTimeToLive>): void {
    if (this.failure !== undefined) waiter.onFailed(this.failure)
    else waiter.onResult(withKeys ? this.left : { ...this.left, keys: [] })
  }

  ids(): readonly LeaseId[] {
    return [9n as LeaseId, -1n as LeaseId]
  }
}

/** Notes what is asked, and answers with `outcome` at once. */
export class FakeCluster implements ClusterApi {
  readonly calls: string[] = []
  /** Undefined: it works. */
  refusal: Status | undefined
  /** Of the last `moveLeader`. */
  signal: AbortSignal | undefined
  members = [9n, 2n].map((id) => make(etcdserverpb.Member, { id: id as MemberId }))

  async add(peerUrls: readonly string[], isLearner: boolean): Promise<MemberAddOutcome> {
    this.calls.push(`add ${peerUrls.join()} ${isLearner}`)
    if (this.refusal !== undefined) return { kind: 'refused', status: this.refusal }
    const member = make(etcdserverpb.Member, { id: 2n as MemberId, peerUrls: [...peerUrls], isLearner })
    return { kind: 'ok', member, members: [...this.members] }
  }

  remove(id: MemberId): Promise<MembersOutcome> {
    return this.#answer(`remove ${id}`)
  }

  update(id: MemberId, peerUrls: readonly string[]): Promise<MembersOutcome> {
    return this.#answer(`update ${id} ${peerUrls.join()}`)
  }

  promote(id: MemberId): Promise<MembersOutcome> {
    return this.#answer(`promote ${id}`)
  }

  promoteHere(id: MemberId): Promise<MembersOutcome> {
    return this.#answer(`promote here ${id}`)
  }

  async moveLeader(target: MemberId, signal: AbortSignal): Promise<Status | undefined> {
    this.calls.push(`move ${target}`)
    this.signal = signal
    return this.refusal
  }

  async #answer(call: string): Promise<MembersOutcome> {
    this.calls.push(call)
    if (this.refusal !== undefined) return { kind: 'refused', status: this.refusal }
    return { kind: 'ok', members: [...this.members] }
  }
}
