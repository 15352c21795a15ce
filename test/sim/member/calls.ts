// What clients of a simulated member asked for and were told, and whether the log agrees.
import { Model } from '#src/apply/testing-model.js'
import type { Plain } from '#src/apply/testing.js'
import type { LogEntry } from '#src/env/index.js'
import { errors, etcdserverpb, raftpb } from '#src/proto/index.js'

/** Of one call, in the order of their starts. */
export interface Call {
  readonly number: number
  readonly startMs: number
  /** Number of the last write that was acknowledged before, and the newest revision that anybody had seen. */
  readonly afterWrite: number | undefined
  readonly afterRevision: number
  readonly request: etcdserverpb.InternalRaftRequest | undefined
  readonly range: etcdserverpb.RangeRequest | undefined
  endMs: number | undefined
  /** The text of an error, or the answer. */
  answer: Plain | undefined
}

/** A renewal that was answered with a TTL. */
export interface Renewal {
  readonly lease: bigint
  readonly ttlSeconds: number
  readonly startMs: number
  readonly endMs: number
}

const text = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}` : one))

/** Answers after which a request may have happened, or not. */
const UNKNOWN: ReadonlySet<unknown> = new Set(
  [errors.timeout, errors.timeoutLeaderFailure, errors.stopped].map(({ message }) => message),
)
/** Answers after which a request has not happened and never will. */
const NEVER: ReadonlySet<unknown> = new Set(
  [errors.deadlineExceeded, errors.tooManyRequests, errors.requestTooLarge].map(({ message }) => message),
)

/** The log, replayed by the model: what every request must have answered. */
export class Verdict {
  readonly model = new Model()
  readonly #answers = new Map<bigint, { readonly index: number; readonly answer: Plain }>()

  constructor(entries: readonly LogEntry[]) {
    for (const entry of entries) {
      const request = requestOf(entry)
      if (request === undefined) continue
      this.#answers.set(request.header!.id, { index: entry.index, answer: this.model.apply(request) })
    }
  }

  /** What is wrong, if anything. `calls` in the order of their starts. */
  judge(calls: readonly Call[]): string | undefined {
    const indexes = new Map<number, number>()
    for (const call of calls) {
      const { request, range, answer, number } = call
      if (answer === undefined) continue
      const problem = request !== undefined ? this.#write(call, indexes) : this.#read(call)
      if (problem === undefined) continue
      return `call ${number} ${text(request ?? range)}: ${problem}; it was told ${text(answer)}`
    }
    return undefined
  }

  #write({ request, answer, afterWrite, number }: Call, indexes: Map<number, number>): string | undefined {
    const id = request!.header?.id
    const logged = id === undefined ? undefined : this.#answers.get(id)
    if (typeof answer === 'string' && UNKNOWN.has(answer)) return undefined
    if (typeof answer === 'string' && NEVER.has(answer)) {
      return logged === undefined ? undefined : `a request that never happens is in the log at ${logged.index}`
    }
    if (logged === undefined) return 'an acknowledged request is not in the log'
    if (text(logged.answer) !== text(answer)) return `the log at ${logged.index} says ${text(logged.answer)}`
    indexes.set(number, logged.index)
    const before = afterWrite === undefined ? undefined : indexes.get(afterWrite)
    if (before !== undefined && before >= logged.index) {
      return `at ${logged.index} it comes before a request that had ended when it began, at ${before}`
    }
    return undefined
  }

  #read({ range, answer, afterRevision }: Call): string | undefined {
    if (typeof answer === 'string') {
      const isCompacted = answer === errors.compacted.message && range!.revision < this.model.compactRevision
      const isFuture = answer === errors.futureRevision.message && range!.revision > afterRevision
      const isEnded = answer === errors.stopped.message || answer === errors.timeout.message
      return isCompacted || isFuture || isEnded ? undefined : 'no error of a read'
    }
    const { revision, ...content } = answer as { readonly revision: number }
    if (revision > this.model.revision) return `revision ${revision} does not exist`
    if (!range!.serializable && revision < afterRevision) return `revision ${afterRevision} had been seen before`
    const { revision: _, ...expected } = this.model.rangeAt(range!, revision) as { readonly revision: number }
    return text(content) === text(expected) ? undefined : `at ${revision} there was ${text(expected)}`
  }
}

/** The request in an entry; undefined for empty entries and changes of the membership. */
export function requestOf({ type, data }: LogEntry): etcdserverpb.InternalRaftRequest | undefined {
  if (type !== raftpb.EntryType.EntryNormal || data.length === 0) return undefined
  return etcdserverpb.InternalRaftRequestCodec.decode(data, 0, data.length)
}

/** Whether a lease ended before its time without a client's wish. */
export function judgeLeases(
  entries: readonly LogEntry[],
  appendedMs: ReadonlyMap<number, number>,
  clientRequests: ReadonlySet<bigint>,
  renewals: readonly Renewal[],
): string | undefined {
  const granted = new Map<bigint, { readonly atMs: number; readonly ttlMs: number }>()
  const model = new Model()
  for (const entry of entries) {
    const request = requestOf(entry)
    if (request === undefined) continue
    const answer = model.apply(request)
    const atMs = appendedMs.get(entry.index)!
    const { leaseGrant, leaseRevoke, header } = request
    if (leaseGrant !== undefined && typeof answer !== 'string') {
      granted.set(leaseGrant.id, { atMs, ttlMs: model.leases.get(leaseGrant.id)! * 1000 })
    }
    if (leaseRevoke === undefined || clientRequests.has(header!.id)) continue
    const lease = granted.get(leaseRevoke.id)
    if (lease === undefined) continue
    const { ttlMs } = lease
    const promises = renewals
      .filter((renewal) => renewal.lease === leaseRevoke.id && renewal.startMs >= lease.atMs && renewal.endMs <= atMs)
      .map(({ startMs }) => startMs)
    const untilMs = Math.max(lease.atMs, ...promises) + ttlMs
    if (atMs < untilMs) return `lease ${leaseRevoke.id} was revoked at ${atMs} ms, ${untilMs - atMs} ms early`
    granted.delete(leaseRevoke.id)
  }
  return undefined
}
