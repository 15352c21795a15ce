// A store in memory, a sink that can be slow, and readers of what was sent; for tests and benchmarks of this folder.

import { bytesOfKey, type Key, NO_LEASE } from '../../base/index.js'
import type { Random } from '../../env/index.js'
import {
  encodeDeletion,
  encodeKeyValue,
  etcdserverpb,
  keyOfKeyValue,
  modRevisionOf,
  mvccpb,
} from '../../proto/index.js'
import type { Change, HistoryReader, WatchSource } from './source.js'
import type { WatchSink } from './stream.js'

export const key = (text: string): Key => text as Key
export const bytes = (text: string): Uint8Array => bytesOfKey(key(text))

export interface Operation {
  readonly kind: 'put' | 'delete'
  readonly key: Key
}
export const put = (name: string): Operation => ({ kind: 'put', key: key(name) })
export const del = (name: string): Operation => ({ kind: 'delete', key: key(name) })

interface Life {
  readonly main: number
  /** Undefined after a delete. */
  readonly kv: Uint8Array | undefined
  readonly create: number
  readonly version: number
}

/** Keeps every change, so that tests can compare; `compactRevision` only limits what the hub may ask for. */
export class MemorySource implements WatchSource {
  revision = 1
  compactRevision = 0
  readonly log: Change[] = []
  /** A reader returns at most this many changes at once, whatever it is asked for. */
  sliceMax = Number.MAX_SAFE_INTEGER
  /** Slices read so far. */
  reads = 0
  readonly #lives = new Map<Key, Life[]>()
  #replaced = false

  /** Applies one transaction; a delete of nothing is left out. Empty when nothing changed: no revision then. */
  commit(operations: readonly Operation[], value: Uint8Array = bytes('v')): Change[] {
    const main = this.revision + 1
    const changes: Change[] = []
    for (const { kind, key: name } of operations) {
      const lives = this.#lives.get(name) ?? []
      const last = lives.at(-1)
      const alive = last?.kv !== undefined
      if (kind === 'delete' && !alive) continue
      const create = alive ? last.create : main
      const version = alive ? last.version + 1 : 1
      const kv =
        kind === 'put' ? encodeKeyValue(name, create, main, version, value, NO_LEASE) : encodeDeletion(name, main)
      lives.push({ main, kv: kind === 'put' ? kv : undefined, create, version })
      this.#lives.set(name, lives)
      changes.push({ key: name, kind, main, sub: changes.length, kv })
    }
    if (changes.length > 0) this.revision = main
    this.log.push(...changes)
    return changes
  }

  /** The same history in a new source, as after a snapshot; this one refuses to be read any more. */
  replaced(): MemorySource {
    const next = new MemorySource()
    Object.assign(next, { revision: this.revision, compactRevision: this.compactRevision, sliceMax: this.sliceMax })
    next.log.push(...this.log)
    for (const [name, lives] of this.#lives) next.#lives.set(name, lives)
    this.#replaced = true
    return next
  }

  kvAt(name: Key, revision: number): Uint8Array | undefined {
    this.#mustBeCurrent()
    return revision < this.compactRevision ? undefined : this.stateAt(name, revision)
  }

  #mustBeCurrent(): void {
    if (this.#replaced) throw new Error('a source was read after it was replaced')
  }

  /** Like `kvAt`, blind to compaction. */
  stateAt(name: Key, revision: number): Uint8Array | undefined {
    const lives = this.#lives.get(name) ?? []
    return lives[firstAfter(lives, revision) - 1]?.kv
  }

  history(from: number, to: number): HistoryReader {
    if (from < this.compactRevision) throw new Error(`history from ${from}, compacted at ${this.compactRevision}`)
    if (to > this.revision) throw new Error(`history to ${to}, newest is ${this.revision}`)
    let at = firstAfter(this.log, from - 1)
    const end = firstAfter(this.log, to)
    return {
      next: (limit) => {
        this.#mustBeCurrent()
        if (at >= end) return undefined
        if (this.log[at]!.main < this.compactRevision) throw new Error('history was compacted while it was read')
        this.reads++
        const slice = this.log.slice(at, Math.min(end, at + Math.min(limit, this.sliceMax)))
        at += slice.length
        return slice
      },
    }
  }
}

/** Position of the first item above `revision`. */
const firstAfter = (items: readonly { readonly main: number }[], revision: number): number => {
  let lo = 0
  let hi = items.length
  while (lo < hi) {
    const middle = (lo + hi) >> 1
    if (items[middle]!.main > revision) hi = middle
    else lo = middle + 1
  }
  return lo
}

/** Collects responses; full above `markBytes` until `read` took enough. */
export class TestSink implements WatchSink {
  readonly markBytes: number
  responses: etcdserverpb.WatchResponse[] = []
  bufferedBytes = 0
  overflows = 0

  constructor(markBytes = Number.MAX_SAFE_INTEGER) {
    this.markBytes = markBytes
  }

  get full(): boolean {
    return this.bufferedBytes > this.markBytes
  }

  send(response: etcdserverpb.WatchResponse): boolean {
    this.responses.push(response)
    this.bufferedBytes += sizeOf(response)
    return !this.full
  }

  onOverflow(): void {
    this.overflows++
  }

  /** Takes the oldest responses; the caller tells the stream when the sink is no longer full. */
  read(count = Number.MAX_SAFE_INTEGER): etcdserverpb.WatchResponse[] {
    const taken = this.responses.splice(0, count)
    for (const response of taken) this.bufferedBytes -= sizeOf(response)
    return taken
  }
}

/** About the encoded size; never less, and at most 20 bytes more per response. */
export const sizeOf = (response: etcdserverpb.WatchResponse): number =>
  response.events.reduce((sum, event) => sum + event.length + 2, 20)

export const headerFor = (revision: number): etcdserverpb.ResponseHeader => {
  const header = new etcdserverpb.ResponseHeader()
  header.revision = revision
  return header
}

export const createRequest = (
  fields: Partial<etcdserverpb.WatchCreateRequest> & { on: string; end?: string },
): etcdserverpb.WatchCreateRequest => {
  const { on, end = '', ...rest } = fields
  return Object.assign(new etcdserverpb.WatchCreateRequest(), { key: bytes(on), rangeEnd: bytes(end) }, rest)
}

export interface ReadEvent {
  readonly kind: 'put' | 'delete'
  readonly key: Key
  readonly revision: number
  readonly kv: Uint8Array
  readonly prevKv: Uint8Array | undefined
}

export const readEvent = (event: Uint8Array): ReadEvent => {
  const { type, kv, prevKv } = mvccpb.EventCodec.decode(event, 0, event.length)
  if (kv === undefined) throw new Error('an event without kv')
  const kind = type === mvccpb.EventType.DELETE ? 'delete' : 'put'
  return { kind, key: keyOfKeyValue(kv), revision: modRevisionOf(kv), kv, prevKv }
}

/** Short text of an event: `put a@3`, with `<2` for the revision of its previous state. */
export const eventText = (event: Uint8Array): string => {
  const { kind, key: name, revision, prevKv } = readEvent(event)
  const prev = prevKv === undefined ? '' : `<${modRevisionOf(prevKv)}`
  return `${kind} ${name}@${revision}${prev}`
}

/** Reproducible numbers for tests (mulberry32). */
export const seededRandom = (seed: number): Random => {
  let state = seed >>> 0
  const uint32 = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return {
    below: (bound) => Math.floor((uint32() / 2 ** 32) * bound),
    uint64: () => (BigInt(uint32()) << 32n) | BigInt(uint32()),
  }
}
