// For the tests of this folder: a state machine over any backend, requests in one line, answers in a form to compare.

import {
  EMPTY_BYTES,
  type Index,
  type Key,
  type LeaseId,
  NO_INDEX,
  NO_LEASE,
  NO_TERM,
  type Term,
} from '../base/index.js'
import {
  type Backend,
  type BackendRow,
  type Bucket,
  BUCKETS,
  type Clock,
  noMetrics,
  silentLogger,
} from '../env/index.js'
import { Lessor } from '../lease/index.js'
import { OPEN_END, RangeQuery, Store, scanRevisions } from '../mvcc/index.js'
import { RangeAnswer, RangeAnswerCodec, etcdserverpb, mvccpb, raftpb } from '../proto/index.js'
import { AlarmSet } from './alarms.js'
import { RowBuffer, collectBatch, readAppliedPoint } from './applied-point.js'
import type { ConfigDecision } from './config-changes.js'
import { Membership } from './membership.js'
import type { ApplyOutcome } from './outcome.js'
import { StateMachine } from './state-machine.js'

export const MIN_TTL_SECONDS = 5

export interface MachineOptions {
  readonly quotaBytes?: number
  readonly learnersMax?: number
  readonly checkpointIntervalMs?: number
}

/** A state machine with everything around it, as a member has it. */
export class TestMachine {
  readonly results = new Map<bigint, ApplyOutcome>()
  readonly decisions: ConfigDecision[] = []
  readonly terms: Term[] = []
  readonly rows = new RowBuffer()
  readonly alarms: AlarmSet
  readonly membership: Membership
  readonly lessor: Lessor
  readonly backend: Backend
  readonly store: Store
  readonly machine: StateMachine
  nowMs = 0
  #lastIndex: number
  #lastId = 0n

  private constructor(backend: Backend, store: Store, parts: Loaded, options: MachineOptions) {
    this.backend = backend
    this.store = store
    this.alarms = parts.alarms
    this.membership = parts.membership
    this.lessor = parts.lessor
    this.rows = parts.rows
    const start = readAppliedPoint((key) => backend.get('meta', key)) ?? { index: NO_INDEX, term: NO_TERM }
    this.#lastIndex = start.index
    this.machine = new StateMachine(
      {
        ...parts,
        store,
        logger: silentLogger,
        quotaBytes: options.quotaBytes ?? Infinity,
        now: () => this.nowMs,
      },
      start,
      {
        onResult: (id, outcome) => void this.results.set(id, outcome),
        onConfigChange: (_change, decision) => {
          this.decisions.push(decision)
          return `{"voters":[${this.membership.members().map(({ id }) => id)}]}`
        },
        onTermStart: (term) => this.terms.push(term),
      },
    )
  }

  static async open(backend: Backend, clock: Clock, options: MachineOptions = {}): Promise<TestMachine> {
    const rows = new RowBuffer()
    const parts: Loaded = {
      rows,
      alarms: new AlarmSet(rows),
      membership: new Membership(rows, options.learnersMax ?? 1),
      lessor: new Lessor({
        minTtlSeconds: MIN_TTL_SECONDS,
        checkpointIntervalMs: options.checkpointIntervalMs,
        persistCheckpoints: () => true,
        expiredRetryMs: 7000,
        metrics: noMetrics,
      }),
    }
    for await (const { key } of rowsOf(backend, 'alarm')) parts.alarms.load(key)
    for await (const { value } of rowsOf(backend, 'members')) parts.membership.loadMember(value)
    for await (const { key } of rowsOf(backend, 'members_removed')) parts.membership.loadRemoved(key)
    for await (const { key, value } of rowsOf(backend, 'cluster')) parts.membership.loadClusterRow(key, value)
    for await (const slice of backend.scan('lease', EMPTY_BYTES, undefined)) parts.lessor.load(slice)
    const store = await Store.open(backend, {
      clock,
      logger: silentLogger,
      onFailure: (error) => {
        throw error
      },
      onLeasedKey: (key, lease) => {
        if (!parts.lessor.attach(lease, key)) throw new Error(`${key}: no lease ${lease}`)
      },
    })
    return new TestMachine(backend, store, parts, options)
  }

  /** Applies one request as the next entry and returns what its proposer is told. */
  apply(request: etcdserverpb.InternalRaftRequest, term = 1): ApplyOutcome {
    const id = ++this.#lastId
    request.header = new etcdserverpb.RequestHeader()
    request.header.id = id
    this.applyBytes(etcdserverpb.InternalRaftRequestCodec.encode(request), term)
    const outcome = this.results.get(id)
    if (outcome === undefined) throw new Error('no result')
    return outcome
  }

  applyBytes(data: Uint8Array, term = 1): void {
    this.machine.applyAll([entry(++this.#lastIndex, data, term)])
  }

  applyChange(change: raftpb.ConfChange): ConfigDecision {
    const made = entry(++this.#lastIndex, raftpb.ConfChangeCodec.encode(change))
    made.type = raftpb.EntryType.EntryConfChange
    this.machine.applyAll([made])
    return this.decisions.at(-1)!
  }

  async commit(): Promise<readonly BackendRow[]> {
    const { rows, token } = collectBatch(this.machine, this.store, this.rows)
    await this.backend.write(rows)
    this.store.flushed(token)
    return rows
  }
}

interface Loaded {
  readonly rows: RowBuffer
  readonly alarms: AlarmSet
  readonly membership: Membership
  readonly lessor: Lessor
}

async function* rowsOf(backend: Backend, bucket: Bucket): AsyncIterable<{ key: Uint8Array; value: Uint8Array }> {
  for await (const slice of backend.scan(bucket, EMPTY_BYTES, undefined)) yield* slice
}

/** Every row as text, bucket by bucket; the rows of `key` as the revisions that they hold, however they are packed. */
export async function dump(backend: Backend): Promise<string[]> {
  const lines: string[] = []
  for (const bucket of BUCKETS.filter((name) => name !== 'key')) {
    for await (const { key, value } of rowsOf(backend, bucket)) lines.push(`${bucket} ${hex(key)} ${hex(value)}`)
  }
  for await (const rows of scanRevisions(backend)) {
    for (const { key, value } of rows) lines.push(`key ${hex(key)} ${hex(value)}`)
  }
  return lines
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

// --- entries and requests

export function entry(index: number, data: Uint8Array, term = 1): raftpb.Entry {
  const made = new raftpb.Entry()
  made.index = index as Index
  made.term = term as Term
  made.data = data
  return made
}

export const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')

type Fields<T> = { readonly [K in keyof T]?: T[K] extends Uint8Array | undefined ? string : T[K] }

/** A message with some fields set; byte fields are given as text. */
export function make<T extends object>(type: new () => T, fields: Fields<T>): T {
  const message = new type()
  for (const [name, value] of Object.entries(fields)) {
    const isBytes = message[name as keyof T] instanceof Uint8Array || (name === 'value' && typeof value === 'string')
    Object.assign(message, { [name]: isBytes && typeof value === 'string' ? bytes(value) : value })
  }
  return message
}

const { InternalRaftRequest, RequestOp } = etcdserverpb

const requestOf = (field: keyof etcdserverpb.InternalRaftRequest, message: object): etcdserverpb.InternalRaftRequest =>
  Object.assign(new InternalRaftRequest(), { [field]: message })

type RangeFields = Fields<etcdserverpb.RangeRequest>
type PutFields = Fields<etcdserverpb.PutRequest>
type DeleteFields = Fields<etcdserverpb.DeleteRangeRequest>
export type CompareFields = Fields<etcdserverpb.Compare>

export interface TxnFields {
  readonly compare?: readonly CompareFields[]
  readonly success?: readonly etcdserverpb.RequestOp[]
  readonly failure?: readonly etcdserverpb.RequestOp[]
}

export const txnRequest = ({ compare = [], success = [], failure = [] }: TxnFields): etcdserverpb.TxnRequest => {
  const txn = new etcdserverpb.TxnRequest()
  txn.compare = compare.map((fields) => make(etcdserverpb.Compare, fields))
  txn.success = [...success]
  txn.failure = [...failure]
  return txn
}

const opOf = (field: keyof etcdserverpb.RequestOp, message: object): etcdserverpb.RequestOp =>
  Object.assign(new RequestOp(), { [field]: message })

/** Operations of transactions. */
export const op = {
  range: (fields: RangeFields) => opOf('requestRange', make(etcdserverpb.RangeRequest, fields)),
  put: (fields: PutFields) => opOf('requestPut', make(etcdserverpb.PutRequest, fields)),
  delete: (fields: DeleteFields) => opOf('requestDeleteRange', make(etcdserverpb.DeleteRangeRequest, fields)),
  txn: (fields: TxnFields) => opOf('requestTxn', txnRequest(fields)),
}

/** Requests of the log. */
export const request = {
  put: (fields: PutFields) => requestOf('put', make(etcdserverpb.PutRequest, fields)),
  range: (fields: RangeFields) => requestOf('range', make(etcdserverpb.RangeRequest, fields)),
  delete: (fields: DeleteFields) => requestOf('deleteRange', make(etcdserverpb.DeleteRangeRequest, fields)),
  txn: (fields: TxnFields) => requestOf('txn', txnRequest(fields)),
  compact: (revision: number) => requestOf('compaction', make(etcdserverpb.CompactionRequest, { revision })),
  grant: (id: bigint, ttl: number) =>
    requestOf('leaseGrant', make(etcdserverpb.LeaseGrantRequest, { id: id as LeaseId, ttl })),
  revoke: (id: bigint) => requestOf('leaseRevoke', make(etcdserverpb.LeaseRevokeRequest, { id: id as LeaseId })),
  alarm: (fields: Fields<etcdserverpb.AlarmRequest>) => requestOf('alarm', make(etcdserverpb.AlarmRequest, fields)),
}

// --- answers

/** A KeyValue as text: key=value create/mod/version, and the lease when there is one. */
export function kvText(bytes: Uint8Array): string {
  const kv = mvccpb.KeyValueCodec.decode(bytes, 0, bytes.length)
  const lease = kv.lease === NO_LEASE ? '' : ` lease ${kv.lease}`
  return `${latin1(kv.key)}=${latin1(kv.value)} ${kv.createRevision}/${kv.modRevision}/${kv.version}${lease}`
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

export type Plain = { readonly [name: string]: unknown } | string

/** What the proposer is told, as plain data: the text of the error, or the answer with its KeyValues as text. */
export function plain({ response, status }: ApplyOutcome): Plain {
  if (status !== undefined) return status.message
  return response === undefined ? {} : plainResponse(response)
}

const decoded = (answer: RangeAnswer): etcdserverpb.RangeResponse => {
  const bytes = RangeAnswerCodec.encode(answer)
  return RangeAnswerCodec.decode(bytes, 0, bytes.length)
}

export function plainResponse(response: object): Plain {
  const revision = 'header' in response ? (response.header as { revision: number } | undefined)?.revision : undefined
  if (response instanceof etcdserverpb.PutResponse) {
    return { revision, ...(response.prevKv !== undefined && { prevKv: kvText(response.prevKv) }) }
  }
  if (response instanceof etcdserverpb.DeleteRangeResponse) {
    return { revision, deleted: response.deleted, prevKvs: response.prevKvs.map(kvText) }
  }
  if (response instanceof etcdserverpb.RangeResponse) {
    const { kvs } = response instanceof RangeAnswer ? decoded(response) : response
    return { revision, count: response.count, more: response.more, kvs: kvs.map(kvText) }
  }
  if (response instanceof etcdserverpb.TxnResponse) {
    return { revision, succeeded: response.succeeded, responses: response.responses.map(plainOp) }
  }
  if (response instanceof etcdserverpb.LeaseGrantResponse) return { revision, id: response.id, ttl: response.ttl }
  if (response instanceof etcdserverpb.AlarmResponse) {
    return { revision, alarms: response.alarms.map(alarmText).sort() }
  }
  return { revision }
}

const alarmText = ({ memberId, alarm }: etcdserverpb.AlarmMember): string => `${memberId}/${alarm}`

const plainOp = (answer: etcdserverpb.ResponseOp): Plain => {
  const { responseRange, responsePut, responseDeleteRange, responseTxn } = answer
  const response = responseRange ?? responsePut ?? responseDeleteRange ?? responseTxn
  return response === undefined ? {} : plainResponse(response)
}

/** What of the state shows, as plain data: revisions, live keys, leases with their keys, alarms. */
export function stateOf({ store, lessor, alarms }: Pick<TestMachine, 'store' | 'lessor' | 'alarms'>): unknown {
  const all = store.rangeSync(new RangeQuery('' as Key, OPEN_END))
  const leases = lessor.list().map((id) => `${id}: ${[...lessor.keysOf(id)].sort()}`)
  return {
    revision: store.revision,
    compactRevision: store.compactRevision,
    kvs: all.kind === 'ok' ? all.kvs.map(kvText) : all.kind,
    leases: leases.sort(),
    alarms: alarms.list().map(alarmText).sort(),
  }
}
