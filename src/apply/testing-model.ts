// The obvious slow state machine: a list of all changes ever made, replayed for every question. Answers have the form of
// `plain` in testing.ts.

import { errors, etcdserverpb } from '../proto/index.js'
import { MIN_TTL_SECONDS, type Plain } from './testing.js'

interface Change {
  readonly key: string
  readonly main: number
  readonly create: number
  readonly version: number
  readonly lease: bigint
  /** Undefined for a deletion. */
  readonly value: string | undefined
}

/** Changes of a transaction that is under way are in the list already, with a main revision above `revision`. */
interface View {
  readonly changes: readonly Change[]
  readonly at: number
}

class Refused extends Error {}

const MAX_TTL_SECONDS = 9_000_000_000
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

export class Model {
  changes: Change[] = []
  revision = 1
  compactRevision = -1
  readonly leases = new Map<bigint, number>()
  alarms: { readonly member: bigint; readonly type: number }[] = []

  apply(request: etcdserverpb.InternalRaftRequest): Plain {
    try {
      return this.#apply(request)
    } catch (error) {
      if (error instanceof Refused) return error.message
      throw error
    }
  }

  /** Live keys at a revision in key order. */
  live(at = this.revision): Change[] {
    return live({ changes: this.changes, at })
  }

  /** A range at a revision up to the newest, compacted or not. */
  rangeAt(request: etcdserverpb.RangeRequest, revision: number): Plain {
    return new Txn(this).range(request, revision)
  }

  /** In the form of `stateOf` in testing.ts. */
  state(): unknown {
    const live = this.live()
    const keysOf = (id: bigint): string[] => live.filter(({ lease }) => lease === id).map(({ key }) => key)
    return {
      revision: this.revision,
      compactRevision: this.compactRevision,
      kvs: live.map(kvText),
      leases: [...this.leases.keys()].map((id) => `${id}: ${keysOf(id)}`).sort(),
      alarms: this.alarms.map(({ member, type }) => `${member}/${type}`).sort(),
    }
  }

  #apply(request: etcdserverpb.InternalRaftRequest): Plain {
    const { put, deleteRange, txn, compaction, leaseGrant, leaseRevoke, alarm } = request
    if (alarm !== undefined) return this.#alarm(alarm)
    const adds = (put ?? leaseGrant) !== undefined || (txn !== undefined && addsTxn(txn))
    if (this.alarms.some(({ type }) => type === 2)) throw new Refused(errors.corrupt.message)
    if (adds && this.alarms.some(({ type }) => type === 1)) throw new Refused(errors.noSpace.message)
    if (compaction !== undefined) return this.#compact(compaction.revision)
    if (leaseGrant !== undefined) return this.#grant(leaseGrant)
    const run = new Txn(this)
    let answer: Plain
    if (leaseRevoke !== undefined) {
      if (!this.leases.has(leaseRevoke.id)) throw new Refused(errors.leaseNotFound.message)
      for (const { key, lease } of this.live()) if (lease === leaseRevoke.id) run.remove(key)
      this.leases.delete(leaseRevoke.id)
      answer = { revision: run.revision }
    } else if (put !== undefined) {
      run.checkPut(put)
      answer = run.put(put)
    } else if (deleteRange !== undefined) {
      answer = run.deleteRange(deleteRange)
    } else if (txn !== undefined) {
      const path = choose(txn, { changes: this.changes, at: this.revision })
      run.check(txn, path)
      const executed = run.execute(txn, path)
      answer = { revision: run.revision, ...executed }
    } else return {}
    this.revision = run.revision
    this.changes = run.changes
    return answer
  }

  #compact(revision: number): Plain {
    if (revision <= this.compactRevision) throw new Refused(errors.compacted.message)
    if (revision > this.revision) throw new Refused(errors.futureRevision.message)
    this.compactRevision = revision
    return { revision: this.revision }
  }

  #grant({ id, ttl }: etcdserverpb.LeaseGrantRequest): Plain {
    if (id === 0n) throw new Refused(errors.leaseNotFound.message)
    if (ttl > MAX_TTL_SECONDS) throw new Refused(errors.leaseTtlTooLarge.message)
    if (this.leases.has(id)) throw new Refused(errors.leaseExists.message)
    const granted = ttl < MIN_TTL_SECONDS ? MIN_TTL_SECONDS : ttl
    this.leases.set(id, granted)
    return { revision: this.revision, id, ttl: granted }
  }

  #alarm({ action, memberId, alarm }: etcdserverpb.AlarmRequest): Plain {
    const is = ({ member, type }: { member: bigint; type: number }): boolean => member === memberId && type === alarm
    let answer = this.alarms.filter(is)
    if (action === 0) answer = this.alarms.filter(({ type }) => alarm === 0 || type === alarm)
    else if (action === 1 && alarm !== 0) {
      if (answer.length === 0) this.alarms.push({ member: memberId, type: alarm })
      answer = [{ member: memberId, type: alarm }]
    } else if (action === 2) this.alarms = this.alarms.filter((one) => !is(one))
    return { revision: this.revision, alarms: answer.map(({ member, type }) => `${member}/${type}`).sort() }
  }
}

class Txn {
  readonly #model: Model
  changes: Change[]

  constructor(model: Model) {
    this.#model = model
    this.changes = [...model.changes]
  }

  get revision(): number {
    return this.#model.revision + (this.changes.length > this.#model.changes.length ? 1 : 0)
  }

  /** In the order of the operations; existence is what a copy of the keys says that deletes are taken out of. */
  check(txn: etcdserverpb.TxnRequest, path: Path, existing = new Set(this.#model.live().map(({ key }) => key))): void {
    const paths = [...path.nested]
    for (const { requestRange, requestPut, requestDeleteRange, requestTxn } of branch(txn, path)) {
      if (requestRange !== undefined && requestRange.revision !== 0) {
        if (requestRange.revision > this.#model.revision) throw new Refused(errors.futureRevision.message)
        if (requestRange.revision < this.#model.compactRevision) throw new Refused(errors.compacted.message)
      }
      if (requestPut !== undefined) {
        this.checkPut(requestPut, existing)
        // A key that comes into being by the same transaction does not count; one that was there and comes back does.
        if (this.#model.live().some(({ key }) => key === text(requestPut.key))) existing.add(text(requestPut.key))
      }
      if (requestDeleteRange !== undefined) {
        for (const key of existing) if (isIn(key, requestDeleteRange)) existing.delete(key)
      }
      if (requestTxn !== undefined) this.check(requestTxn, paths.shift()!, existing)
    }
  }

  checkPut(put: etcdserverpb.PutRequest, existing = new Set(this.#model.live().map(({ key }) => key))): void {
    if (put.lease !== 0n && !this.#model.leases.has(put.lease)) throw new Refused(errors.leaseNotFound.message)
    if ((put.ignoreLease || put.ignoreValue) && !existing.has(text(put.key)))
      throw new Refused(errors.keyNotFound.message)
  }

  execute(txn: etcdserverpb.TxnRequest, path: Path): { [name: string]: unknown } {
    const paths = [...path.nested]
    const responses = branch(txn, path).map(({ requestRange, requestPut, requestDeleteRange, requestTxn }): Plain => {
      if (requestRange !== undefined) return this.range(requestRange)
      if (requestPut !== undefined) return this.put(requestPut)
      if (requestDeleteRange !== undefined) return this.deleteRange(requestDeleteRange)
      if (requestTxn !== undefined) return { revision: 0, ...this.execute(requestTxn, paths.shift()!) }
      return {}
    })
    return { succeeded: path.succeeded, responses }
  }

  put(put: etcdserverpb.PutRequest): Plain {
    const key = text(put.key)
    const before = this.#live().find((change) => change.key === key)
    const main = this.#model.revision + 1
    this.changes.push({
      key,
      main,
      create: before?.create ?? main,
      version: (before?.version ?? 0) + 1,
      lease: put.ignoreLease ? before!.lease : put.lease,
      value: put.ignoreValue ? before!.value : text(put.value),
    })
    return { revision: main, ...(put.prevKv && before !== undefined && { prevKv: kvText(before) }) }
  }

  deleteRange(request: etcdserverpb.DeleteRangeRequest): Plain {
    const found = this.#live().filter(({ key }) => isIn(key, request))
    for (const { key } of found) this.remove(key)
    return {
      revision: this.revision,
      deleted: found.length,
      prevKvs: request.prevKv ? found.map((kv) => kvText(kv)) : [],
    }
  }

  remove(key: string): void {
    const main = this.#model.revision + 1
    this.changes.push({ key, main, create: 0, version: 0, lease: 0n, value: undefined })
  }

  range(request: etcdserverpb.RangeRequest, newest = this.revision): Plain {
    const at = request.revision > 0 ? request.revision : newest
    const found = live({ changes: this.changes, at }).filter(({ key }) => isIn(key, request))
    const { limit, sortOrder, sortTarget, minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } =
      request
    const count = found.length
    if (request.countOnly) return { revision: this.revision, count, more: false, kvs: [] }
    const filters = [minModRevision, maxModRevision, minCreateRevision, maxCreateRevision].some((bound) => bound !== 0)
    let kvs = found.filter(
      ({ main, create }) =>
        (minModRevision === 0 || main >= minModRevision) &&
        (maxModRevision === 0 || main <= maxModRevision) &&
        (minCreateRevision === 0 || create >= minCreateRevision) &&
        (maxCreateRevision === 0 || create <= maxCreateRevision),
    )
    if (sortOrder === 0 && limit > 0 && !filters) kvs = kvs.slice(0, limit + 1)
    kvs = kvs.toSorted((a, b) => (sortOrder === 2 ? -1 : 1) * compareBy(sortTarget, a, b))
    const more = limit > 0 && kvs.length > limit
    if (more) kvs = kvs.slice(0, limit)
    // Keys only: the lease is gone too, except where the values had to be fetched for sorting.
    const strip = (kv: Change): Change => ({ ...kv, value: '', lease: sortTarget === 4 ? kv.lease : 0n })
    return { revision: this.revision, count, more, kvs: kvs.map((kv) => kvText(request.keysOnly ? strip(kv) : kv)) }
  }

  #live(): Change[] {
    return live({ changes: this.changes, at: this.revision })
  }
}

const compareBy = (target: number, a: Change, b: Change): number => {
  const pick = (change: Change): number | string => {
    if (target === 1) return change.version
    if (target === 2) return change.create
    if (target === 3) return change.main
    return target === 4 ? change.value! : change.key
  }
  return pick(a) < pick(b) ? -1 : pick(a) > pick(b) ? 1 : 0
}

function live({ changes, at }: View): Change[] {
  const latest = new Map<string, Change>()
  for (const change of changes) if (change.main <= at) latest.set(change.key, change)
  const alive = [...latest.values()].filter(({ value }) => value !== undefined)
  return alive.sort((a, b) => (a.key < b.key ? -1 : 1))
}

const isIn = (key: string, { key: from, rangeEnd }: { key: Uint8Array; rangeEnd: Uint8Array }): boolean => {
  const end = text(rangeEnd)
  if (end === '') return key === text(from)
  return key >= text(from) && (end === '\0' || key < end)
}

const kvText = ({ key, value, create, main, version, lease }: Change): string =>
  `${key}=${value} ${create}/${main}/${version}${lease === 0n ? '' : ` lease ${lease}`}`

const addsTxn = (txn: etcdserverpb.TxnRequest): boolean =>
  [...txn.success, ...txn.failure].some(
    ({ requestPut, requestTxn }) => requestPut !== undefined || (requestTxn !== undefined && addsTxn(requestTxn)),
  )

interface Path {
  readonly succeeded: boolean
  readonly nested: readonly Path[]
}

const branch = (txn: etcdserverpb.TxnRequest, path: Path): readonly etcdserverpb.RequestOp[] =>
  path.succeeded ? txn.success : txn.failure

function choose(txn: etcdserverpb.TxnRequest, view: View): Path {
  const succeeded = txn.compare.every((compare) => holds(compare, view))
  const chosen = succeeded ? txn.success : txn.failure
  return { succeeded, nested: chosen.flatMap(({ requestTxn }) => (requestTxn ? [choose(requestTxn, view)] : [])) }
}

function holds(compare: etcdserverpb.Compare, view: View): boolean {
  const missing: Change = { key: '', main: 0, create: 0, version: 0, lease: 0n, value: undefined }
  const found = live(view).filter(({ key }) => isIn(key, compare))
  if (found.length > 0) return found.every((kv) => judge(compare, kv))
  return compare.target !== 3 && judge(compare, missing)
}

function judge(compare: etcdserverpb.Compare, kv: Change): boolean {
  const sides: Record<number, readonly [number | bigint | string, number | bigint | string]> = {
    0: [kv.version, compare.version ?? 0],
    1: [kv.create, compare.createRevision ?? 0],
    2: [kv.main, compare.modRevision ?? 0],
    3: [kv.value ?? '', text(compare.value ?? new Uint8Array())],
    4: [kv.lease, compare.lease ?? 0n],
  }
  const [stored, given] = sides[compare.target] ?? [0, 0]
  if (compare.result === 0) return stored === given
  if (compare.result === 1) return stored > given
  if (compare.result === 2) return stored < given
  return compare.result === 3 ? stored !== given : true
}
