// Writes whose acknowledgements are remembered: what was acknowledged must be there for ever.
import type { Cluster, ClusterMember } from '../support/cluster.js'
import type { RangeResponse } from '../support/messages.js'

const PREFIX = Buffer.from('ledger/')
const PREFIX_END = Buffer.from('ledger0')
const CALL_TIMEOUT_MS = 15_000

export class Ledger {
  /** Acknowledged keys with their values. */
  readonly #acknowledged = new Map<string, string>()
  #next = 0

  get size(): number {
    return this.#acknowledged.size
  }

  /** `count` writes, one after the other. @throws CallFailure for the first that is refused. */
  async write(member: ClusterMember, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const number = this.#next++
      const [key, value] = [`ledger/${String(number).padStart(6, '0')}`, `value ${number}`]
      const request = { key: Buffer.from(key), value: Buffer.from(value) }
      await member.client.call('KV/Put', request, { timeoutMs: CALL_TIMEOUT_MS })
      this.#acknowledged.set(key, value)
    }
  }

  /** Acknowledged writes that a member does not have in its own store. */
  async lostOn(member: ClusterMember): Promise<string[]> {
    const request = { key: PREFIX, range_end: PREFIX_END, serializable: true }
    const { kvs } = await member.client.call<RangeResponse>('KV/Range', request, { timeoutMs: CALL_TIMEOUT_MS })
    const found = new Map(kvs.map(({ key, value }) => [key.toString(), value.toString()]))
    return [...this.#acknowledged].filter(([key, value]) => found.get(key) !== value).map(([key]) => key)
  }

  /** As `lostOn`, for all members once they have applied the same. */
  async lost(cluster: Cluster): Promise<string[]> {
    await cluster.hashes()
    const lost = await Promise.all(cluster.running.map((member) => this.lostOn(member)))
    return lost.flatMap((keys, i) => keys.map((key) => `${key} on ${cluster.running[i]?.name}`))
  }
}
