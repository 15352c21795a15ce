// The key-value store as its history tells it: applies the events of one revision after the other and says what each of
// them must look like.
import type { Event, KeyValue } from '../support/messages.js'

/** What a write does to one key. Values are named by an id of their own, so that each event leads back to its write. */
export interface Change {
  readonly key: string
  /** undefined deletes the key. */
  readonly valueId: string | undefined
  /** Decimal; '0' for none. */
  readonly lease: string
}

export interface LiveKey {
  readonly valueId: string
  readonly lease: string
  readonly create: number
  readonly mod: number
  readonly version: number
}

/** Value ids end in `/<size>;`, so that the whole value follows from its id. */
export const valueBytes = (valueId: string): Buffer =>
  Buffer.alloc(Number(valueId.slice(valueId.indexOf('/') + 1, -1)), valueId)

/** @throws when `value` is not exactly what its id says. */
const valueIdOf = (value: Buffer): string => {
  const valueId = value.toString('latin1', 0, value.indexOf(';') + 1)
  if (!valueId.includes('/') || !valueBytes(valueId).equals(value)) throw new Error(`damaged value ${valueId}`)
  return valueId
}

/** One event or key in a few words, for comparing. */
export const describeKv = (kv: KeyValue): string =>
  describe(kv.key.toString('latin1'), {
    valueId: valueIdOf(kv.value),
    lease: kv.lease,
    create: Number(kv.create_revision),
    mod: Number(kv.mod_revision),
    version: Number(kv.version),
  })

export const describeEvent = ({ type, kv }: Event): string =>
  type === 0 ? describeKv(kv) : describeDeletion(kv.key.toString('latin1'), Number(kv.mod_revision))

const describe = (key: string, { valueId, lease, create, mod, version }: LiveKey): string =>
  `${key}=${valueId} lease ${lease} create ${create} mod ${mod} version ${version}`

const describeDeletion = (key: string, mod: number): string => `${key} deleted at ${mod}`

export class Model {
  readonly live = new Map<string, LiveKey>()

  keysOfLease(lease: string): string[] {
    return [...this.live.keys()].filter((key) => this.live.get(key)?.lease === lease).sort()
  }

  /** Applies `changes` as one revision and returns the events that it must show. */
  apply(revision: number, changes: readonly Change[]): string[] {
    const events: string[] = []
    for (const { key, valueId, lease } of changes) {
      const before = this.live.get(key)
      if (valueId === undefined) {
        if (this.live.delete(key)) events.push(describeDeletion(key, revision))
        continue
      }
      const after: LiveKey = {
        valueId,
        lease,
        create: before?.create ?? revision,
        mod: revision,
        version: (before?.version ?? 0) + 1,
      }
      this.live.set(key, after)
      events.push(describe(key, after))
    }
    return events
  }

  /** All keys in key order, as `describeKv` tells them. */
  describe(): string[] {
    return [...this.live.keys()].sort().map((key) => describe(key, this.live.get(key)!))
  }
}
