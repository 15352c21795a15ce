// What the writers of the kill test know: every write, its outcome, and whether the history that the server shows agrees.
import type { Event } from '../support/messages.js'
import { describeEvent, Model, type Change } from './kill-model.js'

export type WriteKind = 'put' | 'txn' | 'delete' | 'move' | 'revoke'

/** One write. Its outcome stays open until the server answers; after a crash open writes may have happened or not. */
export interface Write {
  readonly kind: WriteKind
  /** Empty for a revocation: what it deletes follows from the keys of the lease. */
  readonly changes: readonly Change[]
  /** The lease that a revocation ends. */
  readonly revokes?: string
}

export interface Lease {
  /** The server may end it on its own. */
  readonly expires: boolean
  /** `asked` and `ending`: without an answer the lease may exist or not. */
  state: 'asked' | 'granted' | 'ending' | 'ended'
}

export class Ledger {
  readonly model = new Model()
  readonly leases = new Map<string, Lease>()
  acknowledged = 0
  /** Newest revision that any answer named. */
  newestAnswered = 1
  /** Newest revision whose events were compared with the writes. */
  verified = 1
  readonly #open = new Set<Write>()
  readonly #acknowledged = new Map<number, Write>()
  /** Events of verified revisions, for as long as compaction leaves them. */
  readonly #history = new Map<number, string>()

  begin(write: Write): Write {
    this.#open.add(write)
    return write
  }

  /**
   * `changed`: whether the answer says that it made a revision of its own; undefined when it does not tell.
   * @throws when another write has that revision.
   */
  confirm(write: Write, revision: number, changed: boolean | undefined): void {
    this.acknowledged++
    this.newestAnswered = Math.max(this.newestAnswered, revision)
    if (changed === undefined) return
    this.#open.delete(write)
    if (!changed) return
    const other = this.#acknowledged.get(revision)
    if (other !== undefined) throw new Error(`revision ${revision} given to two writes: ${text(other)}, ${text(write)}`)
    this.#acknowledged.set(revision, write)
  }

  /** The server said that it did nothing since a lease is not there. @throws when it must be there. */
  refuse(write: Write): void {
    this.#open.delete(write)
    const named = [write.revokes ?? '0', ...write.changes.map(({ lease }) => lease)].filter((lease) => lease !== '0')
    const gone = named.some((lease) => {
      const known = this.leases.get(lease)
      return known === undefined || known.expires || (write.revokes === undefined && known.state !== 'granted')
    })
    if (!gone) throw new Error(`refused although its lease is there: ${text(write)}`)
  }

  /**
   * Compares events with the writes: `history` holds every revision after `verified`, in order. Writes whose outcome is
   * still open afterwards did not happen and must never appear.
   * @throws naming the first difference.
   */
  verify(history: ReadonlyMap<number, readonly Event[]>, last: number): void {
    while (this.verified < last) {
      const revision = this.verified + 1
      const events = history.get(revision)
      if (events === undefined) throw new Error(`revision ${revision} of ${last} has no events`)
      this.#verifyRevision(revision, events)
      this.verified = revision
    }
    for (const [revision, write] of this.#acknowledged) throw new Error(`lost: revision ${revision}, ${text(write)}`)
    for (const [id, { state }] of this.leases) {
      const keys = state === 'ended' ? this.model.keysOfLease(id) : []
      if (keys.length > 0) throw new Error(`lost: the end of lease ${id}, which has ${keys.join(' ')}`)
    }
    this.#open.clear()
  }

  /** Compares the leases and settles those without an answer. @throws naming the first difference. */
  verifyLeases(there: ReadonlySet<string>): void {
    for (const id of there) if (!this.leases.has(id)) throw new Error(`lease ${id} was never asked for`)
    for (const [id, lease] of this.leases) {
      if (there.has(id)) {
        if (lease.state === 'ended') throw new Error(`lost: the end of lease ${id}`)
        lease.state = 'granted'
      } else {
        if (lease.state === 'granted' && !lease.expires) throw new Error(`lost: lease ${id}`)
        // It may have expired after the last verified revision: its deletions come with the next ones then.
        if (this.model.keysOfLease(id).length === 0) this.leases.delete(id)
        else lease.state = 'ending'
      }
    }
  }

  /** @throws when a revision that was verified before reads differently now. */
  compareAgain(history: ReadonlyMap<number, readonly Event[]>): void {
    for (const [revision, events] of history) {
      const before = this.#history.get(revision)
      if (before === undefined) continue
      const now = events.map(describeEvent).join('\n')
      if (now !== before) throw new Error(`revision ${revision} changed from\n${before}\nto\n${now}`)
    }
  }

  /** Forgets what a compaction at `revision` removed from history. */
  forget(revision: number): void {
    for (const known of this.#history.keys()) {
      if (known > revision) break
      this.#history.delete(known)
    }
  }

  #verifyRevision(revision: number, events: readonly Event[]): void {
    const shown = events.map(describeEvent)
    const write = this.#acknowledged.get(revision) ?? this.#openWriteOf(events)
    const changes = write === undefined ? this.#expiryOf(events) : this.#changesOf(write)
    if (changes === undefined) throw new Error(`revision ${revision} belongs to no write:\n${this.#explain(events)}`)
    const expected = this.model.apply(revision, changes)
    if (expected.join('\n') !== shown.join('\n')) {
      const what = write === undefined ? 'an expired lease' : text(write)
      throw new Error(`revision ${revision}, ${what}: expected\n${expected.join('\n')}\nfound\n${shown.join('\n')}`)
    }
    this.#acknowledged.delete(revision)
    if (write !== undefined) this.#open.delete(write)
    this.#history.set(revision, shown.join('\n'))
  }

  #changesOf(write: Write): readonly Change[] {
    return write.revokes === undefined ? write.changes : this.#deletionsOf(write.revokes)
  }

  #deletionsOf(lease: string): Change[] {
    return this.model.keysOfLease(lease).map((key) => ({ key, valueId: undefined, lease: '0' }))
  }

  /** The write without answer that made these events, found by its value or by the keys that only its writer deletes. */
  #openWriteOf(events: readonly Event[]): Write | undefined {
    const shown = events.map(describeEvent)
    for (const write of this.#open) {
      const puts = write.changes.filter(({ valueId }) => valueId !== undefined)
      if (puts.some(({ key, valueId }) => shown.some((event) => event.startsWith(`${key}=${valueId} `)))) return write
      if (puts.length > 0) continue
      const keys = this.#changesOf(write).map(({ key }) => key)
      const isDeletionOf = ({ type, kv }: Event): boolean => type === 1 && keys.includes(kv.key.toString('latin1'))
      if (keys.length === events.length && events.every(isDeletionOf)) return write
    }
    return undefined
  }

  #explain(events: readonly Event[]): string {
    const lines = events.map((event) => {
      const before = this.model.live.get(event.kv.key.toString('latin1'))
      const lease = JSON.stringify(this.leases.get(before?.lease ?? '0') ?? 'none')
      return `${describeEvent(event)}; before: ${JSON.stringify(before)}, its lease: ${lease}`
    })
    return lines.join('\n')
  }

  #expiryOf(events: readonly Event[]): Change[] | undefined {
    const key = events[0]?.kv.key.toString('latin1') ?? ''
    const lease = this.model.live.get(key)?.lease
    if (lease === undefined || this.leases.get(lease)?.expires !== true) return undefined
    return this.#deletionsOf(lease)
  }
}

const text = ({ kind, changes, revokes }: Write): string =>
  `${kind} ${revokes ?? changes.map(({ key, valueId }) => `${key}=${valueId ?? 'deleted'}`).join(' ')}`
