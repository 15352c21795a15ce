// The lessor against a model without heaps or indexes, under random grants, renewals, revocations, moved keys, checkpoints,
// changes of leadership and restarts.
import t from 'tap'
import { type Key, type LeaseId, leaseId, NO_LEASE } from '../base/index.js'
import { noMetrics, type Random } from '../env/index.js'
import { Lessor } from './lessor.js'
import { MemoryRows, seededRandom } from './testing.js'

const FIRST_SEED = Number(process.env['SEED'] ?? 1)
const SEEDS = process.env['SEED'] === undefined ? 200 : 1
const STEPS = 300
const MIN_TTL = 3
const INTERVAL_MS = 20_000
const RETRY_MS = 7000
const EXTEND_MS = 1000

interface ModelLease {
  readonly id: LeaseId
  readonly ttl: number
  remaining: number
  deadline: number
  /** When `expired` may report it again. */
  retryAt: number
  readonly order: number
}

class Run {
  readonly seed: number
  readonly random: Random
  readonly rows = new MemoryRows()
  lessor: Lessor
  nowMs = 5
  primary = false
  order = 0
  leases: ModelLease[] = []
  /** As the store would know them from the keys' last versions. */
  readonly holders = new Map<Key, LeaseId>()
  /** Waits that must end, by lease. */
  readonly waiting: { id: LeaseId; ended: string | undefined }[] = []
  readonly counts = { expired: 0, checkpoints: 0, restarts: 0, revokedKeys: 0, waits: 0 }

  constructor(seed: number) {
    this.seed = seed
    this.random = seededRandom(seed)
    this.lessor = this.#make()
  }

  step(): void {
    this.nowMs += this.random.below(2000)
    const dice = this.random.below(100)
    if (dice < 20) this.grant()
    else if (dice < 40) this.moveKey()
    else if (dice < 52) this.renew()
    else if (dice < 58) this.revoke(this.anyId())
    else if (dice < 80) this.expire()
    else if (dice < 88) this.checkpoint()
    else if (dice < 92) this.changeLeadership()
    else if (dice < 94) this.restart()
    this.compare()
  }

  grant(): void {
    const id = leaseId(BigInt(this.random.below(30)) - 10n)
    const asked = this.random.below(60) - 5
    const outcome = this.lessor.grant(id, asked, this.nowMs, this.rows)
    const exists = this.find(id) !== undefined
    this.check(outcome.kind === (id === NO_LEASE ? 'no-id' : exists ? 'exists' : 'ok'), 'outcome of a grant')
    if (outcome.kind !== 'ok') return
    const ttl = Math.max(asked, MIN_TTL)
    this.check(outcome.ttlSeconds === ttl, 'granted TTL')
    this.leases.push({ id, ttl, remaining: 0, deadline: this.nowMs + ttl * 1000, retryAt: 0, order: this.order++ })
  }

  moveKey(): void {
    const key = String.fromCharCode(this.random.below(20) * 13) as Key
    const id = this.random.below(5) === 0 ? NO_LEASE : this.anyId()
    if (id === NO_LEASE) {
      this.lessor.detach(key)
      this.holders.delete(key)
      return
    }
    const attached = this.lessor.attach(id, key)
    this.check(attached === (this.find(id) !== undefined), 'a key is attached to known leases only')
    if (attached) this.holders.set(key, id)
  }

  renew(): void {
    const id = this.anyId()
    const lease = this.find(id)
    const { kind } = this.lessor.renew(id, this.nowMs)
    if (!this.primary) this.check(kind === 'not-primary', 'a secondary renews nothing')
    else if (lease === undefined) this.check(kind === 'not-found', 'an unknown lease')
    else if (lease.deadline <= this.nowMs) {
      this.check(kind === 'expired-pending', 'an expired lease stays so')
      const wait: { id: LeaseId; ended: string | undefined } = { id, ended: undefined }
      this.lessor.onSettled(id, (cause) => (wait.ended = cause))
      this.waiting.push(wait)
    } else if (lease.remaining > 0) {
      this.check(kind === 'checkpoint-first', 'a remainder is taken back first')
      this.applyCheckpoint(lease, 0)
      this.check(this.lessor.renew(id, this.nowMs).kind === 'ok', 'then it is renewed')
      lease.deadline = this.nowMs + lease.ttl * 1000
    } else {
      this.check(kind === 'ok', 'a living lease is renewed')
      lease.deadline = this.nowMs + lease.ttl * 1000
    }
    if (kind === 'ok' && lease !== undefined) lease.retryAt = 0
  }

  revoke(id: LeaseId): void {
    const outcome = this.lessor.revoke(id, this.rows)
    const keys = [...this.holders].filter(([, holder]) => holder === id).map(([key]) => key)
    if (this.find(id) === undefined) {
      this.check(outcome.kind === 'not-found', 'an unknown lease')
      return
    }
    this.check(outcome.kind === 'ok' && outcome.keys.join('|') === keys.sort().join('|'), 'keys of a revoked lease')
    for (const key of keys) this.holders.delete(key)
    this.leases = this.leases.filter((lease) => lease.id !== id)
    this.counts.revokedKeys += keys.length
    this.endWaits('revoked', (wait) => wait === id)
  }

  expire(): void {
    const limit = 1 + this.random.below(4)
    const ids = this.lessor.expired(this.nowMs, limit)
    const due = (lease: ModelLease): number => Math.max(lease.deadline, lease.retryAt)
    const want = this.leases
      .filter((lease) => this.primary && due(lease) <= this.nowMs)
      .sort((a, b) => due(a) - due(b) || a.order - b.order)
      .slice(0, limit)
    this.check(ids.join() === want.map(({ id }) => id).join(), 'expired leases')
    this.counts.expired += ids.length
    for (const lease of want) lease.retryAt = this.nowMs + RETRY_MS
    for (const id of ids) if (this.random.below(3) > 0) this.revoke(id)
  }

  checkpoint(): void {
    for (const { id, remainingTtlSeconds } of this.lessor.dueCheckpoints(this.nowMs, 3)) {
      const lease = this.find(id)
      if (lease === undefined) throw new Error(`SEED=${this.seed}: checkpoint of an unknown lease`)
      const left = (lease.deadline - this.nowMs) / 1000
      this.check(this.primary && left > 0 && remainingTtlSeconds === Math.ceil(left), 'remainder')
      this.check(lease.remaining > 0 || lease.ttl * 1000 > INTERVAL_MS, 'a short lease needs no checkpoint')
      this.counts.checkpoints++
      if (this.random.below(3) > 0) this.applyCheckpoint(lease, remainingTtlSeconds)
    }
  }

  applyCheckpoint(lease: ModelLease, remaining: number): void {
    this.lessor.applyCheckpoint(lease.id, remaining, this.nowMs, this.rows)
    lease.remaining = remaining
  }

  changeLeadership(): void {
    if (this.primary) {
      this.lessor.demote()
      this.endWaits('demoted', () => true)
    } else this.promote()
    this.primary = !this.primary
  }

  promote(): void {
    this.lessor.promote(this.nowMs, EXTEND_MS)
    for (const lease of this.leases) {
      lease.deadline = this.nowMs + EXTEND_MS + (lease.remaining > 0 ? lease.remaining : lease.ttl) * 1000
      lease.retryAt = 0
    }
  }

  restart(): void {
    this.counts.restarts++
    this.waiting.length = 0
    this.lessor = this.#make()
    const rows = this.rows.sorted()
    const cut = this.random.below(rows.length + 1)
    this.lessor.load(rows.slice(0, cut))
    this.lessor.load(rows.slice(cut))
    for (const [key, id] of this.holders) this.check(this.lessor.attach(id, key), 'a stored lease is there again')
    // The order of grants is not stored: rows come by id, negative ones last.
    const unsigned = (id: LeaseId): bigint => BigInt.asUintN(64, id)
    this.leases = this.leases
      .sort((a, b) => (unsigned(a.id) < unsigned(b.id) ? -1 : 1))
      .map((lease) => ({ ...lease, order: this.order++ }))
    this.primary = false
  }

  compare(): void {
    this.check(this.lessor.size === this.leases.length, 'number of leases')
    const ids = this.primary
      ? [...this.leases].sort((a, b) => a.deadline - b.deadline || a.order - b.order).map(({ id }) => id)
      : undefined
    if (ids !== undefined) this.check(this.lessor.list().join() === ids.join(), 'list')
    for (const lease of this.leases) {
      const outcome = this.lessor.timeToLive(lease.id, this.nowMs, true)
      if (!this.primary) {
        this.check(outcome.kind === 'not-primary', 'a secondary knows no times')
        continue
      }
      const left = Math.trunc((lease.deadline - this.nowMs) / 1000)
      const keys = [...this.holders].filter(([, id]) => id === lease.id).map(([key]) => key)
      this.check(
        outcome.kind === 'ok' &&
          outcome.ttlSeconds === left &&
          outcome.grantedTtlSeconds === lease.ttl &&
          outcome.keys.sort().join('|') === keys.sort().join('|'),
        'time to live',
      )
    }
    for (const [key, id] of this.holders) this.check(this.lessor.leaseOf(key) === id, 'lease of a key')
    for (const wait of this.waiting) this.check(wait.ended === undefined, 'a wait ended by itself')
  }

  endWaits(cause: string, ends: (id: LeaseId) => boolean): void {
    for (let i = this.waiting.length - 1; i >= 0; i--) {
      const wait = this.waiting[i]!
      if (!ends(wait.id)) continue
      this.check(wait.ended === cause, 'a wait ends with its cause')
      this.waiting.splice(i, 1)
      this.counts.waits++
    }
  }

  anyId(): LeaseId {
    return this.leases[this.random.below(this.leases.length + 2)]?.id ?? leaseId(99n)
  }

  find(id: LeaseId): ModelLease | undefined {
    return this.leases.find((lease) => lease.id === id)
  }

  check(ok: boolean, what: string): void {
    if (!ok) throw new Error(`SEED=${this.seed}: ${what}`)
  }

  #make(): Lessor {
    return new Lessor({
      minTtlSeconds: MIN_TTL,
      checkpointIntervalMs: INTERVAL_MS,
      persistCheckpoints: () => true,
      expiredRetryMs: RETRY_MS,
      metrics: noMetrics,
    })
  }
}

t.test('does what the model does', async (t) => {
  const totals = new Map<string, number>()
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const run = new Run(seed)
    for (let i = 0; i < STEPS; i++) run.step()
    for (const [name, count] of Object.entries(run.counts)) totals.set(name, (totals.get(name) ?? 0) + count)
  }
  t.comment(`note: ${SEEDS} seeds from ${FIRST_SEED}: ${JSON.stringify(Object.fromEntries(totals))}`)
  if (SEEDS > 1) for (const [name, count] of totals) t.ok(count > SEEDS / 2, `${name} happened`)
})
