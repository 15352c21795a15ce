// What was written, by revision, and what a watcher of a range must therefore be told.
import type { Event, KeyValue } from '../support/messages.js'

/** One change as events show it. */
export interface LoggedChange {
  readonly revision: number
  readonly key: string
  readonly isDelete: boolean
  /** Identifies everything that the event says, its prev_kv left out. */
  readonly digest: number
  /** The same for prev_kv; 0 when there is none. */
  readonly prevDigest: number
}

interface KeyState {
  readonly valueId: string
  readonly create: number
  readonly mod: number
  readonly version: number
}

/** One key of an acknowledged write: the id of its value, undefined for a deletion. */
export interface WrittenKey {
  readonly key: string
  readonly valueId: string | undefined
}

/** Values begin with their id and repeat it up to their size. */
export const valueBytes = (valueId: string, sizeBytes: number): Buffer => Buffer.alloc(sizeBytes, valueId)

/** 32 bits of FNV-1a. */
const digestOf = (text: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

const putDigest = (key: string, { valueId, create, mod, version }: KeyState): number =>
  digestOf(`${key}=${valueId} ${create} ${mod} ${version}`)

const deleteDigest = (key: string, mod: number): number => digestOf(`${key} deleted ${mod}`)

const kvDigest = ({ key, value, create_revision, mod_revision, version }: KeyValue): number =>
  putDigest(key.toString('latin1'), {
    valueId: value.toString('latin1', 0, value.indexOf(';') + 1),
    create: Number(create_revision),
    mod: Number(mod_revision),
    version: Number(version),
  })

export const eventDigest = ({ type, kv }: Event): number =>
  type === 0 ? kvDigest(kv) : deleteDigest(kv.key.toString('latin1'), Number(kv.mod_revision))

export const prevDigest = ({ prev_kv }: Event): number => (prev_kv === null ? 0 : kvDigest(prev_kv))

export class WriteLog {
  /** In the order of revisions, filled by `complete`. */
  readonly changes: LoggedChange[] = []
  readonly #written = new Map<number, readonly WrittenKey[]>()
  readonly #live = new Map<string, KeyState>()
  #completed = 1

  /** Notes an acknowledged write; a deletion of nothing makes no revision and is not noted. */
  note(revision: number, keys: readonly WrittenKey[]): void {
    if (this.#written.has(revision)) throw new Error(`two writes were given revision ${revision}`)
    this.#written.set(revision, keys)
  }

  /** Works out the events up to `last`, with every write answered. @throws when a revision belongs to nobody. */
  complete(last: number): void {
    while (this.#completed < last) {
      const revision = this.#completed + 1
      const keys = this.#written.get(revision)
      if (keys === undefined) throw new Error(`revision ${revision} of ${last} belongs to no write`)
      this.#written.delete(revision)
      const before = new Map(keys.map(({ key }) => [key, this.#live.get(key)]))
      for (const { key, valueId } of keys) this.#apply(revision, key, valueId, before.get(key))
      this.#completed = revision
    }
  }

  #apply(revision: number, key: string, valueId: string | undefined, before: KeyState | undefined): void {
    const prev = before === undefined ? 0 : putDigest(key, before)
    if (valueId === undefined) {
      if (!this.#live.delete(key)) return
      this.changes.push({ revision, key, isDelete: true, digest: deleteDigest(key, revision), prevDigest: prev })
      return
    }
    const version = (before?.version ?? 0) + 1
    const after: KeyState = { valueId, create: before?.create ?? revision, mod: revision, version }
    this.#live.set(key, after)
    this.changes.push({ revision, key, isDelete: false, digest: putDigest(key, after), prevDigest: prev })
  }
}
