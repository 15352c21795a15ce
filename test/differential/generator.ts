// Random calls over a small store, biased towards what is likely to collide: few keys, few leases, recent revisions.
import type { SeededRandom } from '../support/random.js'
import { read, write, type Operation } from './operation.js'
import { TxnGenerator } from './txn-generator.js'

/** What the history has reached so far, learnt from the reference's answers. */
export interface World {
  revision: number
  compacted: number
  /** Ids that were granted and not revoked. */
  readonly leases: Set<string>
  /** Revisions that may hold both a delete and a later put of one key: not hashed, not compacted at (known-deltas). */
  readonly recreating: Set<number>
}

export const newWorld = (): World => ({ revision: 1, compacted: -1, leases: new Set(), recreating: new Set() })

const OPEN_END = Buffer.from([0])
const NO_BYTES = Buffer.alloc(0)
const KEYS: readonly Buffer[] = [
  ...['a', 'b', 'c', 'd', 'e', 'k/', 'k/1', 'k/2', 'k/10', 'k/a/b', 'l', 'z', 'zz', 'zzz'].map((key) =>
    Buffer.from(key),
  ),
  ...['\x00', '\x00\x00', '\x7f', '\x80', '\xfe', '\xff', '\xff\xff', 'k/\xff', 'ä'].map((key) =>
    Buffer.from(key, 'latin1'),
  ),
]
const LEASES: readonly string[] = [
  '1',
  '2',
  '3',
  '7587883212297968641',
  '9223372036854775807',
  '-1',
  '-9223372036854775808',
]

export class Generator {
  readonly #random: SeededRandom
  readonly #world: World
  readonly #txns: TxnGenerator

  constructor(random: SeededRandom, world: World) {
    this.#random = random
    this.#world = world
    this.#txns = new TxnGenerator(random, this)
  }

  next(): Operation {
    const kind = this.#random.weighted<() => Operation>([
      [30, () => write('KV/Put', this.put())],
      [26, () => read('KV/Range', this.#random.chance(2) ? this.#badlySorted() : this.range())],
      [8, () => write('KV/DeleteRange', this.deleteRange())],
      [22, () => write('KV/Txn', this.#txns.txn())],
      [3, () => write('Lease/LeaseGrant', this.#grant())],
      [2, () => write('Lease/LeaseRevoke', { ID: this.#leaseId() })],
      [1, () => write('Lease/LeaseKeepAlive', { ID: this.#leaseId() })],
      [3, () => read('Lease/LeaseTimeToLive', { ID: this.#leaseId(), keys: this.#random.chance(70) })],
      [1, () => read('Lease/LeaseLeases', {})],
      [1, () => this.hashKv(this.revision())],
      [1, () => this.#compact()],
    ])
    return kind()
  }

  put({ ignoring = true } = {}): object {
    const random = this.#random
    const request = {
      key: this.key(),
      value: this.value(),
      lease: random.chance(30) ? this.#leaseId() : '0',
      prev_kv: random.chance(40),
      ignore_value: false,
      ignore_lease: false,
    }
    if (!ignoring || !random.chance(15)) return request
    request.ignore_value = random.chance(60)
    request.ignore_lease = random.chance(60)
    // Mostly well formed: both refusals have their own rule.
    if (request.ignore_value && random.chance(90)) request.value = NO_BYTES
    if (request.ignore_lease && random.chance(90)) request.lease = '0'
    return request
  }

  range(): object {
    const random = this.#random
    const bound = (): string => (random.chance(7) ? this.revision() : '0')
    return {
      ...this.keyRange(),
      limit: random.chance(35) ? String(random.below(8) - 1) : '0',
      revision: random.chance(40) ? this.revision() : '0',
      sort_order: random.chance(45) ? random.below(3) : 0,
      sort_target: random.chance(45) ? random.below(5) : 0,
      serializable: random.chance(30),
      keys_only: random.chance(15),
      count_only: random.chance(10),
      min_mod_revision: bound(),
      max_mod_revision: bound(),
      min_create_revision: bound(),
      max_create_revision: bound(),
    }
  }

  /** Plain ranges only: see known-deltas. */
  #badlySorted(): object {
    return { ...this.range(), sort_order: this.#random.pick([3, -1, 2147483647]) }
  }

  deleteRange({ openEnds = true } = {}): object {
    // Seldom, or the store would be empty most of the time.
    return { ...this.keyRange({ openEnds: openEnds && this.#random.chance(30) }), prev_kv: this.#random.chance(50) }
  }

  /** A key and range_end in every form: single, half-open, prefix, open, everything, empty and upside down. */
  keyRange({ openEnds = true } = {}): { key: Buffer; range_end?: Buffer } {
    const [a, b] = [this.key(), this.key()]
    const [low, high] = Buffer.compare(a, b) <= 0 ? [a, b] : [b, a]
    const [key, rangeEnd] = this.#random.weighted<readonly [Buffer, Buffer]>([
      [40, [a, NO_BYTES]],
      [25, [low, high]],
      [10, [a, prefixEnd(a)]],
      [openEnds ? 8 : 0, [a, OPEN_END]],
      [openEnds ? 6 : 0, [OPEN_END, OPEN_END]],
      [3, [high, low]],
    ])
    return rangeEnd.length === 0 ? { key } : { key, range_end: rangeEnd }
  }

  key(): Buffer {
    return this.#random.chance(1) ? NO_BYTES : this.#random.pick(KEYS)
  }

  value(): Buffer {
    const random = this.#random
    return random.weighted<() => Buffer>([
      [5, () => NO_BYTES],
      [70, () => Buffer.from(`v${random.below(20)}`)],
      [20, () => random.bytes(random.below(64))],
      [1, () => random.bytes(4096)],
    ])()
  }

  /** Mostly one that can be read; now and then compacted, future, negative or absurd. */
  revision(): string {
    const random = this.#random
    const { revision, compacted } = this.#world
    const oldest = Math.max(compacted, 1)
    return random.weighted<() => string>([
      [60, () => String(oldest + random.below(Math.max(revision - oldest + 1, 1)))],
      [10, () => String(revision)],
      [6, () => String(oldest)],
      [4, () => String(oldest - 1)],
      [4, () => String(revision + 1 + random.below(3))],
      [3, () => String(-1 - random.below(5))],
      [1, () => '9223372036854775807'],
      [1, () => '-9223372036854775808'],
      [5, () => '0'],
    ])()
  }

  hashKv(revision: string): Operation {
    const { recreating, revision: current } = this.#world
    // HashKV takes negatives as the newest and says so in a field that 3.5 does not have: nothing to compare.
    const asked = revision.startsWith('-') ? '0' : revision
    const hashed = asked === '0' ? current : Number(asked)
    return recreating.has(hashed) ? write('KV/Put', this.put()) : read('Maintenance/HashKV', { revision: asked })
  }

  /** For compares: a number near those in use. */
  counter(): string {
    return this.#random.chance(50) ? this.revision() : String(this.#random.below(4))
  }

  #leaseId(): string {
    const granted = [...this.#world.leases]
    return granted.length > 0 && this.#random.chance(85) ? this.#random.pick(granted) : this.#random.pick(LEASES)
  }

  /** Long enough never to run out during a history. */
  #grant(): object {
    const TTL = this.#random.chance(4) ? '9000000001' : String(3600 + this.#random.below(9e8))
    return { ID: this.#random.pick(LEASES), TTL }
  }

  #compact(): Operation {
    const revision = this.revision()
    const { compacted, recreating } = this.#world
    // See known-deltas for both.
    const unwanted = (compacted < 0 && revision === '0') || recreating.has(Number(revision))
    return write('KV/Compact', { revision: unwanted ? '-1' : revision, physical: this.#random.chance(50) })
  }
}

/** The range_end that makes `key` a prefix; open when there is none above it. */
const prefixEnd = (key: Buffer): Buffer => {
  const end = Buffer.from(key)
  for (let i = end.length - 1; i >= 0; i--) {
    if (end[i]! < 0xff) {
      end[i]!++
      return end.subarray(0, i + 1)
    }
  }
  return OPEN_END
}
