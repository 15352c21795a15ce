// The replicated state machine: committed entries go in, in order and exactly once; answers and backend rows come out.
// Deterministic: the same entries give the same state on every member, whatever its clock, load or size.

import { type Index, NO_INDEX, type Term } from '../base/index.js'
import type { BackendRow, Logger, RowSink, Status } from '../env/index.js'
import type { Lessor } from '../lease/index.js'
import type { Store } from '../mvcc/index.js'
import { errors, etcdserverpb, raftpb } from '../proto/index.js'
import type { AlarmSet } from './alarms.js'
import type { Membership } from './membership.js'
import { ConfigChanges, type ConfigDecision } from './config-changes.js'
import { type ApplyOutcome, refused, succeeded } from './outcome.js'
import { costOf } from './quota.js'
import { TxnExecutor, headerAt } from './txn.js'

export interface StateMachineListener {
  /** The result of a request that carried an id; asked for every request, whoever proposed it. */
  onResult(requestId: bigint, outcome: ApplyOutcome): void
  /**
   * A committed configuration change. `accepted` false: the change must still be told to consensus, as rejected.
   * Returns the JSON of the new ConfState, which becomes part of the same batch.
   */
  onConfigChange(change: raftpb.ConfChange, decision: ConfigDecision): string
  /** An empty entry: the first commit of a leader's term. */
  onTermStart(term: Term): void
  /** The store outgrew this member's quota while applying; asks for a NOSPACE alarm through the log. */
  onQuotaExceeded(): void
}

export interface StateMachineParts {
  readonly store: Store
  readonly lessor: Lessor
  readonly alarms: AlarmSet
  readonly membership: Membership
  readonly rows: RowBuffer
  readonly logger: Logger
  /** Bytes; Infinity: no quota. */
  readonly quotaBytes: number
  /** Monotonic milliseconds: where the deadlines of leases start on the primary; no effect on replicated state. */
  readonly now: () => number
}

/** Where applying stands: written to the backend in the batch that holds the effects up to it. */
export interface AppliedPoint {
  readonly index: Index
  readonly term: Term
}

export class StateMachine {
  readonly #parts: StateMachineParts
  readonly #listener: StateMachineListener
  readonly #executor: TxnExecutor
  readonly #config: ConfigChanges
  #applied: AppliedPoint

  constructor(parts: StateMachineParts, start: AppliedPoint, listener: StateMachineListener) {
    this.#parts = parts
    this.#listener = listener
    this.#executor = new TxnExecutor(parts.store, parts.lessor)
    this.#config = new ConfigChanges(parts.membership, parts.logger)
    this.#applied = start
  }

  get applied(): AppliedPoint {
    return this.#applied
  }

  /** Entries at or below the applied index change nothing; a gap is a broken invariant. */
  applyAll(entries: readonly raftpb.Entry[]): void {
    for (const entry of entries) {
      if (entry.index <= this.#applied.index) continue
      if (entry.index !== this.#applied.index + 1) {
        throw new Error(`entry ${entry.index} does not follow applied index ${this.#applied.index}`)
      }
      // Moves first: what an entry writes belongs to a state that includes it.
      this.#applied = { index: entry.index, term: entry.term }
      this.#apply(entry)
    }
  }

  #apply(entry: raftpb.Entry): void {
    switch (entry.type) {
      case raftpb.EntryType.EntryNormal:
        if (entry.data.length === 0) this.#listener.onTermStart(entry.term)
        else this.#applyRequest(entry.data)
        return
      case raftpb.EntryType.EntryConfChange: {
        const change = raftpb.ConfChangeCodec.decode(entry.data, 0, entry.data.length)
        const decision = this.#config.decide(change)
        const confState = this.#listener.onConfigChange(change, decision)
        this.#parts.rows.put('meta', CONF_STATE, Buffer.from(confState))
        return
      }
      default:
        throw new Error(`entry ${entry.index} has type ${entry.type}, which etcd never logs`)
    }
  }

  #applyRequest(data: Uint8Array): void {
    const request = etcdserverpb.InternalRaftRequestCodec.decode(data, 0, data.length)
    const outcome = this.#dispatch(request)
    const id = request.id !== 0n ? request.id : (request.header?.id ?? 0n)
    if (id !== 0n) this.#listener.onResult(id, outcome)
  }

  /** Alarms first, then the quota, then the operation (etcd server/etcdserver/apply/uber_applier.go). */
  #dispatch(request: etcdserverpb.InternalRaftRequest): ApplyOutcome {
    const { alarms, store, quotaBytes } = this.#parts
    if (isWrite(request)) {
      if (alarms.has(etcdserverpb.AlarmType.CORRUPT)) return refused(errors.corrupt)
      const cost = costOf(request)
      if (cost > 0 && alarms.has(etcdserverpb.AlarmType.NOSPACE)) return refused(errors.noSpace)
      const outcome = this.#perform(request)
      // Sizes differ between members, so the write stands; only the answer tells, and the alarm stops the next one.
      if (cost > 0 && outcome.status === undefined && store.allocatedBytes + cost >= quotaBytes) {
        this.#listener.onQuotaExceeded()
        return refused(errors.noSpace)
      }
      return outcome
    }
    return this.#perform(request)
  }

  #perform(request: etcdserverpb.InternalRaftRequest): ApplyOutcome {
    if (request.put !== undefined) return outcomeOf(this.#executor.put(request.put))
    if (request.txn !== undefined) return outcomeOf(this.#executor.txn(request.txn))
    if (request.deleteRange !== undefined) return succeeded(this.#executor.deleteRange(request.deleteRange))
    if (request.compaction !== undefined) return this.#compact(request.compaction)
    if (request.leaseGrant !== undefined) return this.#grant(request.leaseGrant)
    if (request.leaseRevoke !== undefined) return this.#revoke(request.leaseRevoke)
    if (request.leaseCheckpoint !== undefined) return this.#checkpoint(request.leaseCheckpoint)
    if (request.alarm !== undefined) return this.#alarm(request.alarm)
    if (request.clusterVersionSet !== undefined) {
      this.#parts.membership.setClusterVersion(request.clusterVersionSet.ver)
      return succeeded(undefined)
    }
    if (request.clusterMemberAttrSet !== undefined) {
      const { memberId, memberAttributes } = request.clusterMemberAttrSet
      this.#parts.membership.setAttributes(memberId, memberAttributes?.name ?? '', memberAttributes?.clientUrls ?? [])
      return succeeded(undefined)
    }
    // Reads in the log (written by etcd itself for alarms or old versions) and requests for later parts change nothing.
    return succeeded(undefined)
  }

  #compact(request: etcdserverpb.CompactionRequest): ApplyOutcome {
    const outcome = this.#parts.store.compact(request.revision)
    switch (outcome.kind) {
      case 'compacted':
        return refused(errors.compacted, outcome.swept)
      case 'future':
        return refused(errors.futureRevision)
      case 'ok': {
        const response = new etcdserverpb.CompactionResponse()
        response.header = headerAt(this.#parts.store.revision)
        return succeeded(response, outcome.swept)
      }
    }
  }

  #grant(request: etcdserverpb.LeaseGrantRequest): ApplyOutcome {
    const { lessor, rows, now } = this.#parts
    const granted = lessor.grant(request.id, request.ttl, now(), rows)
    switch (granted.kind) {
      case 'exists':
        return refused(errors.leaseExists)
      case 'ttl-too-large':
        return refused(errors.leaseTtlTooLarge)
      case 'no-id':
        return refused(errors.leaseNotFound)
      case 'ok': {
        const response = new etcdserverpb.LeaseGrantResponse()
        response.id = request.id
        response.ttl = granted.ttlSeconds
        response.header = headerAt(this.#parts.store.revision)
        return succeeded(response)
      }
    }
  }

  #revoke(request: etcdserverpb.LeaseRevokeRequest): ApplyOutcome {
    const revoked = this.#parts.lessor.revoke(request.id, this.#parts.rows)
    if (revoked.kind === 'not-found') return refused(errors.leaseNotFound)
    const response = new etcdserverpb.LeaseRevokeResponse()
    response.header = headerAt(this.#executor.deleteKeys(revoked.keys))
    return succeeded(response)
  }

  #checkpoint(request: etcdserverpb.LeaseCheckpointRequest): ApplyOutcome {
    const { lessor, rows, now } = this.#parts
    for (const { id, remainingTtl } of request.checkpoints) lessor.applyCheckpoint(id, remainingTtl, now(), rows)
    return succeeded(new etcdserverpb.LeaseCheckpointResponse())
  }

  #alarm(request: etcdserverpb.AlarmRequest): ApplyOutcome {
    const { alarms, store } = this.#parts
    const { AlarmAction: Action, AlarmResponse } = etcdserverpb
    const response = new AlarmResponse()
    response.header = headerAt(store.revision)
    if (request.action === Action.GET) {
      response.alarms = alarms.list(request.alarm)
    } else if (request.action === Action.ACTIVATE || request.action === Action.DEACTIVATE) {
      const change = request.action === Action.ACTIVATE ? 'activate' : 'deactivate'
      const alarm = alarms[change](request.memberId, request.alarm)
      if (alarm !== undefined) response.alarms = [alarm]
    }
    return succeeded(response)
  }
}

/** Rows that the parts around the store change between two commits of the backend. */
export class RowBuffer implements RowSink {
  #rows: BackendRow[] = []

  get length(): number {
    return this.#rows.length
  }

  put(bucket: BackendRow['bucket'], key: Uint8Array, value: Uint8Array): void {
    this.#rows.push({ bucket, key, value })
  }

  delete(bucket: BackendRow['bucket'], key: Uint8Array): void {
    this.#rows.push({ bucket, key, value: undefined })
  }

  take(): BackendRow[] {
    const rows = this.#rows
    this.#rows = []
    return rows
  }
}

const CONF_STATE = Buffer.from('confState')
const CONSISTENT_INDEX = Buffer.from('consistent_index')
const TERM = Buffer.from('term')

/**
 * Everything that changed since the last call, as one batch for the backend. The only place where the applied index is
 * written: it is in the same atomic batch as the changes that it covers.
 */
export function collectBatch(machine: StateMachine, store: Store, rows: RowBuffer): CollectedBatch {
  const token = store.collectRows(rows)
  const { index, term } = machine.applied
  if (index !== NO_INDEX) {
    rows.put('meta', CONSISTENT_INDEX, uint64(index))
    rows.put('meta', TERM, uint64(term))
  }
  return { rows: rows.take(), token }
}

export interface CollectedBatch {
  readonly rows: readonly BackendRow[]
  /** For `Store.flushed`, once the backend holds the rows. */
  readonly token: number
}

/** Reads what `collectBatch` wrote; undefined on an empty backend. */
export function readAppliedPoint(get: (key: Uint8Array) => Uint8Array | undefined): AppliedPoint | undefined {
  const index = get(CONSISTENT_INDEX)
  const term = get(TERM)
  if (index === undefined) return undefined
  return { index: readUint64(index) as Index, term: (term === undefined ? 0 : readUint64(term)) as Term }
}

const uint64 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

const readUint64 = (bytes: Uint8Array): number => Number(Buffer.from(bytes).readBigUInt64BE(0))

const isWrite = (request: etcdserverpb.InternalRaftRequest): boolean =>
  request.put !== undefined ||
  request.deleteRange !== undefined ||
  request.txn !== undefined ||
  request.compaction !== undefined ||
  request.leaseGrant !== undefined ||
  request.leaseRevoke !== undefined

const outcomeOf = (result: etcdserverpb.PutResponse | etcdserverpb.TxnResponse | Status): ApplyOutcome =>
  'code' in result ? refused(result) : succeeded(result)
