// The writers of the kill test: each sends one write after the other, with values of its own, and notes every answer.
import { status } from '@grpc/grpc-js'
import { CallFailure, type GrpcClient } from '../support/grpc-client.js'
import type {
  DeleteRangeResponse,
  LeaseGrantResponse,
  PutResponse,
  CompactionResponse,
  TxnResponse,
  Header,
} from '../support/messages.js'
import type { SeededRandom } from '../support/random.js'
import type { Lease, Ledger, Write, WriteKind } from './kill-ledger.js'
import { valueBytes, type Change } from './kill-model.js'

const OWN_KEYS = 20
const SHARED_KEYS = 10
/** Never expires here. */
const LONG_TTL_SECONDS = 100_000
/** The shortest that the server grants. */
const SHORT_TTL_SECONDS = 2

/** What the server itself says without having done anything. */
const REFUSALS = new Set(['etcdserver: requested lease not found'])

export interface LoadOptions {
  readonly ledger: Ledger
  readonly client: GrpcClient
  readonly random: SeededRandom
  /** Unique over all rounds. */
  readonly name: string
  /** Names the writer's own keys; the same in all rounds. */
  readonly lane: number
  /** True once the server was told to die: from then on calls may fail. */
  readonly killed: () => boolean
  /** Highest revision that may be compacted now: the test has seen everything up to it. */
  readonly compactable: () => number
}

interface Answer {
  readonly revision: number
  /** Whether it made that revision; undefined when the answer does not tell. */
  readonly changed: boolean | undefined
}

/** What compactions were asked for, over all rounds. */
export class Compactions {
  acknowledged = 0
  asked = 0
  count = 0
}

export class Writer {
  readonly #options: LoadOptions
  readonly #compactions: Compactions
  #sequence = 0

  constructor(options: LoadOptions, compactions: Compactions) {
    this.#options = options
    this.#compactions = compactions
  }

  /** Writes until the server is gone. @throws when it answers wrongly, or fails before it was killed. */
  async run(): Promise<void> {
    const { random, killed } = this.#options
    try {
      while (!killed()) {
        const step = random.weighted([
          [40, () => this.#write('put')],
          [25, () => this.#write('txn')],
          [12, () => this.#write('delete')],
          [8, () => this.#write('move')],
          [3, () => this.#grant()],
          [2, () => this.#revoke()],
          [1, () => this.#compact()],
        ])
        await step()
      }
    } catch (error) {
      if (!(error instanceof CallFailure) || !killed() || !DEATHS.has(error.code)) throw error
    }
  }

  async #write(kind: WriteKind): Promise<void> {
    const { ledger } = this.#options
    const write = ledger.begin({ kind, changes: this.#changesFor(kind) })
    await this.#settle(write, () => this.#send(write))
  }

  /** Waits for the answer; a write without one stays open. */
  async #settle(write: Write, send: () => Promise<Answer>): Promise<void> {
    const { ledger } = this.#options
    try {
      const { revision, changed } = await send()
      ledger.confirm(write, revision, changed)
    } catch (error) {
      if (!(error instanceof CallFailure) || !REFUSALS.has(error.details)) throw error
      ledger.refuse(write)
    }
  }

  #changesFor(kind: WriteKind): Change[] {
    const own = this.#ownKey()
    switch (kind) {
      case 'put':
        return [{ key: own, valueId: this.#valueId(), lease: this.#anyLease() }]
      case 'txn': {
        const valueId = this.#valueId()
        const shared = `shared/${this.#options.random.below(SHARED_KEYS)}`
        return [
          { key: own, valueId, lease: this.#anyLease() },
          { key: shared, valueId, lease: '0' },
        ]
      }
      case 'move': {
        const others = Array.from({ length: OWN_KEYS }, (_, i) => this.#keyAt(i)).filter((key) => key !== own)
        return [
          { key: own, valueId: undefined, lease: '0' },
          { key: this.#options.random.pick(others), valueId: this.#valueId(), lease: '0' },
        ]
      }
      default:
        return [{ key: own, valueId: undefined, lease: '0' }]
    }
  }

  async #send({ kind, changes }: Write): Promise<Answer> {
    const { client } = this.#options
    const first = changes[0]!
    if (kind === 'put') {
      const { header } = await client.call<PutResponse>('KV/Put', putRequest(first))
      return { revision: revisionOf(header), changed: true }
    }
    if (kind === 'delete') {
      const request = { key: Buffer.from(first.key) }
      const { header, deleted } = await client.call<DeleteRangeResponse>('KV/DeleteRange', request)
      return { revision: revisionOf(header), changed: deleted !== '0' }
    }
    const success = changes.map((change) =>
      change.valueId === undefined
        ? { request_delete_range: { key: Buffer.from(change.key) } }
        : { request_put: putRequest(change) },
    )
    const { header } = await client.call<TxnResponse>('KV/Txn', { success })
    return { revision: revisionOf(header), changed: true }
  }

  async #grant(): Promise<void> {
    const { ledger, client, random } = this.#options
    const id = String(1n + (random.uint64() >> 1n))
    const expires = random.chance(30)
    const lease: Lease = { expires, state: 'asked' }
    ledger.leases.set(id, lease)
    const TTL = expires ? SHORT_TTL_SECONDS : LONG_TTL_SECONDS
    await client.call<LeaseGrantResponse>('Lease/LeaseGrant', { ID: id, TTL })
    lease.state = 'granted'
    ledger.acknowledged++
  }

  async #revoke(): Promise<void> {
    const { ledger, client } = this.#options
    const id = this.#anyLease(100)
    const lease = ledger.leases.get(id)
    if (lease === undefined) return
    lease.state = 'ending'
    const write = ledger.begin({ kind: 'revoke', changes: [], revokes: id })
    await this.#settle(write, async () => {
      const { header } = await client.call<{ header: Header }>('Lease/LeaseRevoke', { ID: id })
      lease.state = 'ended'
      return { revision: revisionOf(header), changed: undefined }
    })
  }

  async #compact(): Promise<void> {
    const { ledger, client, random, compactable } = this.#options
    const lowest = this.#compactions.asked + 1
    const highest = compactable()
    if (highest <= lowest || random.chance(80)) return
    const revision = lowest + random.below(highest - lowest + 1)
    this.#compactions.asked = revision
    const answer = await client.attempt<CompactionResponse>('KV/Compact', { revision, physical: random.chance(50) })
    // Another writer's later compaction may have overtaken this one.
    if (!answer.ok && answer.failure.details === 'etcdserver: mvcc: required revision has been compacted') return
    if (!answer.ok) throw answer.failure
    this.#compactions.acknowledged = Math.max(this.#compactions.acknowledged, revision)
    this.#compactions.count++
    ledger.acknowledged++
  }

  #ownKey(): string {
    return this.#keyAt(this.#options.random.below(OWN_KEYS))
  }

  #keyAt(i: number): string {
    return `own/${this.#options.lane}/${i}`
  }

  #valueId(): string {
    const { random, name } = this.#options
    const size = random.weighted([
      [60, 64 + random.below(400)],
      [30, 4096 + random.below(4096)],
      [10, 30_000 + random.below(70_000)],
    ])
    return `${name}.${this.#sequence++}/${size};`
  }

  /** A lease that is there as far as is known; '0' mostly. */
  #anyLease(percent = 15): string {
    const { ledger, random } = this.#options
    if (!random.chance(percent)) return '0'
    const granted = [...ledger.leases].filter(([, { state }]) => state === 'granted').map(([id]) => id)
    return granted.length === 0 ? '0' : random.pick(granted)
  }
}

/** How calls end when the server dies. */
const DEATHS = new Set<number>([status.UNAVAILABLE, status.CANCELLED, status.UNKNOWN, status.INTERNAL])

const putRequest = ({ key, valueId, lease }: Change): object => ({
  key: Buffer.from(key),
  value: valueBytes(valueId!),
  lease,
})

const revisionOf = (header: Header): number => Number(header.revision)
