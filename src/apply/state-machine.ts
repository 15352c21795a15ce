// The replicated state machine: committed entries go in, in order and exactly once; answers and backend rows come out.
// Deterministic: the same entries give the same state on every member, whatever its clock, load or size.

import { type Index, type Term, invariant } from '../base/index.js'
import type { Logger, Status } from '../env/index.js'
import type { Lessor } from '../lease/index.js'
import type { Store } from '../mvcc/index.js'
import { errors, etcdserverpb, isLegacyRequest, raftpb } from '../proto/index.js'
import type { AlarmSet } from './alarms.js'
import { type AppliedPoint, CONF_STATE, type RowBuffer } from './applied-point.js'
import { ConfigChanges, type ConfigDecision } from './config-changes.js'
import { applyLegacyRequest } from './legacy.js'
import type { Membership } from './membership.js'
import { type ApplyOutcome, refused, succeeded } from './outcome.js'
import { costOf } from './quota.js'
import { TxnExecutor, headerAt } from './txn.js'

export interface StateMachineListener {
  /**
   * The result of a request that carried an id; asked for every request, whoever proposed it. `errors.noSpace` while no
   * NOSPACE alarm is active says that the store outgrew this member's quota: the member raises the alarm, then answers.
   */
  onResult(requestId: bigint, outcome: ApplyOutcome): void
  /**
   * A committed configuration change, decided: consensus takes over an accepted one, and nothing of a rejected one.
   * Returns the JSON of the new ConfState, which becomes part of the same batch.
   */
  onConfigChange(change: raftpb.ConfChange, decision: ConfigDecision): string
  /** An empty entry: the first commit of a leader's term. */
  onTermStart(term: Term): void
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

export class StateMachine {
  readonly #parts: StateMachineParts
  readonly #listener: StateMachineListener
  readonly #executor: TxnExecutor
  readonly #config: ConfigChanges
  #appliedIndex: Index
  #appliedTerm: Term

  constructor(parts: StateMachineParts, start: AppliedPoint, listener: StateMachineListener) {
    this.#parts = parts
    this.#listener = listener
    this.#executor = new TxnExecutor(parts.store, parts.lessor)
    this.#config = new ConfigChanges(parts.membership, parts.logger)
    this.#appliedIndex = start.index
    this.#appliedTerm = start.term
  }

  get applied(): AppliedPoint {
    return { index: this.#appliedIndex, term: this.#appliedTerm }
  }

  /** As in `applied`, which makes an object: asked for each request. */
  get appliedIndex(): Index {
    return this.#appliedIndex
  }

  get appliedTerm(): Term {
    return this.#appliedTerm
  }

  /** The parts were given the state of a snapshot at `point`: entries after it come next. */
  adopt(point: AppliedPoint): void {
    invariant(point.index >= this.#appliedIndex, 'a snapshot never goes back')
    this.#appliedIndex = point.index
    this.#appliedTerm = point.term
  }

  /** Entries at or below the applied index change nothing; a gap is a broken invariant. */
  applyAll(entries: readonly raftpb.Entry[]): void {
    for (const entry of entries) {
      if (entry.index <= this.#appliedIndex) continue
      if (entry.index !== this.#appliedIndex + 1) {
        throw new Error(`entry ${entry.index} does not follow applied index ${this.#appliedIndex}`)
      }
      // Moves first: what an entry writes belongs to a state that includes it.
      this.#appliedIndex = entry.index
      this.#appliedTerm = entry.term
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
    if (mayBeLegacy(data) && isLegacyRequest(data)) return applyLegacyRequest(data, this.#parts.membership)
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
      const hasRoom = cost === 0 || store.allocatedBytes + cost < quotaBytes
      const outcome = this.#perform(request)
      // Sizes differ between members, so the write stands; only the answer tells, and the alarm stops the next one.
      return hasRoom || outcome.status !== undefined ? outcome : refused(errors.noSpace)
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

/**
 * Go writes fields in ascending order: only a request that starts with field 1 or 2 can have a method in field 2. Spares
 * the requests of today a second look.
 */
const mayBeLegacy = (data: Uint8Array): boolean => data[0] === 0x08 || data[0] === 0x12

const isWrite = (request: etcdserverpb.InternalRaftRequest): boolean =>
  request.put !== undefined ||
  request.deleteRange !== undefined ||
  request.txn !== undefined ||
  request.compaction !== undefined ||
  request.leaseGrant !== undefined ||
  request.leaseRevoke !== undefined

const outcomeOf = (result: etcdserverpb.PutResponse | etcdserverpb.TxnResponse | Status): ApplyOutcome =>
  'code' in result ? refused(result) : succeeded(result)
