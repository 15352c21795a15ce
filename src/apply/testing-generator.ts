// Random requests of the log, for property tests and simulations.

import { type LeaseId, NO_LEASE } from '../base/index.js'
import type { Random } from '../env/index.js'
import { etcdserverpb } from '../proto/index.js'
import { type CompareFields, op, request } from './testing.js'

const KEYS = ['a', 'b', 'ba', 'c', '\x80', 'z']
const ENDS = ['', '', '', '\0', 'b', 'c', 'zz', 'a']

/**
 * Requests that meet each other: few keys, few leases, revisions around the present. No transaction puts a key twice: the
 * services refuse that, so no log holds it.
 */
export class RequestGenerator {
  readonly #random: Random
  #values = 0
  /** Keys that the transaction under construction puts. */
  readonly #putKeys = new Set<string>()

  constructor(random: Random) {
    this.#random = random
  }

  next(revision: number): etcdserverpb.InternalRaftRequest {
    const dice = this.#random.below(100)
    if (dice < 30) return request.put(this.#put())
    if (dice < 42) return request.delete(this.#delete())
    if (dice < 80) return request.txn(this.#txn(revision, 0))
    if (dice < 84) return request.compact(revision - this.#random.below(8) + 2)
    if (dice < 91) return request.grant(this.#lease(), this.#pick([-1, 3, 60, 9_000_000_001]))
    if (dice < 95) return request.revoke(this.#lease())
    return request.alarm({
      action: this.#pick([0, 1, 2, 2, 2]),
      memberId: this.#pick([0n, 7n]) as never,
      alarm: this.#pick([0, 1, 1, 2]),
    })
  }

  #put() {
    const ignoreValue = this.#chance(15)
    const ignoreLease = this.#chance(15)
    return {
      key: this.#pick(KEYS),
      value: ignoreValue ? '' : `v${this.#values++}`,
      lease: (ignoreLease || this.#chance(60) ? NO_LEASE : this.#lease()) as never,
      prevKv: this.#chance(50),
      ignoreValue,
      ignoreLease,
    }
  }

  #delete() {
    return { key: this.#pick(KEYS), rangeEnd: this.#pick(ENDS), prevKv: this.#chance(50) }
  }

  #range(revision: number) {
    const near = () => (this.#chance(80) ? 0 : Math.max(0, revision - this.#random.below(6)))
    return {
      key: this.#pick(KEYS),
      rangeEnd: this.#pick(ENDS),
      revision: this.#chance(70) ? 0 : revision + 1 - this.#random.below(8),
      limit: this.#chance(60) ? 0 : this.#random.below(4) - 1,
      sortOrder: this.#random.below(3),
      sortTarget: this.#random.below(5),
      keysOnly: this.#chance(20),
      countOnly: this.#chance(15),
      minModRevision: near(),
      maxModRevision: near(),
      minCreateRevision: near(),
      maxCreateRevision: near(),
    }
  }

  #txn(revision: number, depth: number): Parameters<typeof request.txn>[0] {
    if (depth === 0) this.#putKeys.clear()
    const list = <T>(max: number, make: () => T): T[] => Array.from({ length: this.#random.below(max + 1) }, make)
    const ops = () => list(4, () => this.#op(revision, depth))
    return { compare: list(2, () => this.#compare(revision)), success: ops(), failure: ops() }
  }

  #op(revision: number, depth: number): etcdserverpb.RequestOp {
    const dice = this.#random.below(100)
    if (dice < 35) {
      const put = this.#put()
      if (!this.#putKeys.has(put.key)) {
        this.#putKeys.add(put.key)
        return op.put(put)
      }
    }
    if (dice < 55) return op.delete(this.#delete())
    if (dice < 80 || depth === 2) return op.range(this.#range(revision))
    return dice < 99 ? op.txn(this.#txn(revision, depth + 1)) : new etcdserverpb.RequestOp()
  }

  #compare(revision: number): CompareFields {
    const near = revision - this.#random.below(5)
    return {
      key: this.#pick(KEYS),
      rangeEnd: this.#pick(ENDS),
      target: this.#random.below(6),
      result: this.#random.below(5),
      ...this.#pick<CompareFields>([
        { version: this.#random.below(3) },
        { createRevision: near },
        { modRevision: near },
        { value: `v${this.#random.below(this.#values + 1)}` },
        { lease: this.#lease() as LeaseId },
        {},
      ]),
    }
  }

  #lease(): bigint {
    return this.#pick([1n, 2n, -3n, 0n])
  }

  #chance(percent: number): boolean {
    return this.#random.below(100) < percent
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#random.below(items.length)]!
  }
}
