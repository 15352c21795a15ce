// A store in memory, a sink that can be slow, and readers of what was sent; for tests and benchmarks of this folder.

import { bytesOfKey, type Key, keyOf } from '../../base/index.js'
import type { Random } from '../../env/index.js'
import { ResponseHeader, WatchCreateRequest, type WatchResponse } from './records.js'
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

const varint = (value: number): number[] => {
  const out: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128)
  return [...out, rest]
}

const keyValue = (name: Key, create: number, mod: number, version: number, value: Uint8Array): Uint8Array => {
  const fields = [0x0a, ...varint(name.length), ...bytesOfKey(name)]
  if (create !== 0) fields.push(0x10, ...varint(create))
  fields.push(0x18, ...varint(mod))
  if (version !== 0) fields.push(0x20, ...varint(version))
  if (value.length > 0) fields.push(0x2a, ...varint(value.length))
  const out = new Uint8Array(fields.length + value.length)
  out.set(fields)
  out.set(value, fields.length)
  return out
}

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
      const kv = kind === 'put' ? keyValue(name, create, main, version, value) : keyValue(name, 0, main, 0, bytes(''))
      lives.push({ main, kv: kind === 'put' ? kv : undefined, create, version })
      this.#lives.set(name, lives)
      changes.push({ key: name, kind, main, sub: changes.length, kv })
    }
    if (changes.length > 0) this.revision = main
    this.log.push(...changes)
    return changes
  }

  kvAt(name: Key, revision: number): Uint8Array | undefined {
    return revision < this.compactRevision ? undefined : this.stateAt(name, revision)
  }

  /** Like `kvAt`, blind to compaction. */
  stateAt(name: Key, revision: number): Uint8Array | undefined {
    return this.#lives.get(name)?.findLast((life) => life.main <= revision)?.kv
  }

  history(from: number, to: number): HistoryReader {
    if (from < this.compactRevision) throw new Error(`history from ${from}, compacted at ${this.compactRevision}`)
    if (to > this.revision) throw new Error(`history to ${to}, newest is ${this.revision}`)
    let at = this.#find(from)
    const end = this.#find(to + 1)
    return {
      next: (limit) => {
        if (at >= end) return undefined
        if (this.log[at]!.main < this.compactRevision) throw new Error('history was compacted while it was read')
        this.reads++
        const slice = this.log.slice(at, Math.min(end, at + Math.min(limit, this.sliceMax)))
        at += slice.length
        return slice
      },
    }
  }

  /** Position of the first change at or after `revision`. */
  #find(revision: number): number {
    let lo = 0
    let hi = this.log.length
    while (lo < hi) {
      const middle = (lo + hi) >> 1
      if (this.log[middle]!.main < revision) lo = middle + 1
      else hi = middle
    }
    return lo
  }
}

/** Collects responses; full above `markBytes` until `read` took enough. */
export class TestSink implements WatchSink {
  readonly markBytes: number
  responses: WatchResponse[] = []
  bufferedBytes = 0
  overflows = 0

  constructor(markBytes = Number.MAX_SAFE_INTEGER) {
    this.markBytes = markBytes
  }

  get full(): boolean {
    return this.bufferedBytes > this.markBytes
  }

  send(response: WatchResponse): boolean {
    this.responses.push(response)
    this.bufferedBytes += sizeOf(response)
    return !this.full
  }

  onOverflow(): void {
    this.overflows++
  }

  /** Takes the oldest responses; the caller tells the stream when the sink is no longer full. */
  read(count = Number.MAX_SAFE_INTEGER): WatchResponse[] {
    const taken = this.responses.splice(0, count)
    for (const response of taken) this.bufferedBytes -= sizeOf(response)
    return taken
  }
}

/** About the encoded size; never less, and at most 20 bytes more per response. */
export const sizeOf = (response: WatchResponse): number =>
  response.events.reduce((sum, event) => sum + event.length + 2, 20)

export const headerFor = (revision: number): ResponseHeader => {
  const header = new ResponseHeader()
  header.revision = revision
  return header
}

export const createRequest = (
  fields: Partial<WatchCreateRequest> & { on: string; end?: string },
): WatchCreateRequest => {
  const { on, end = '', ...rest } = fields
  return Object.assign(new WatchCreateRequest(), { key: bytes(on), rangeEnd: bytes(end) }, rest)
}

export interface ReadEvent {
  readonly kind: 'put' | 'delete'
  readonly key: Key
  readonly revision: number
  readonly kv: Uint8Array
  readonly prevKv: Uint8Array | undefined
}

/** Fields of a protobuf message: varints as numbers, bytes as views. */
const fieldsOf = (message: Uint8Array): Map<number, number | Uint8Array> => {
  const fields = new Map<number, number | Uint8Array>()
  let at = 0
  const next = (): number => {
    let value = 0
    for (let unit = 1; ; unit *= 128) {
      const byte = message[at++]!
      value += (byte & 0x7f) * unit
      if (byte < 128) return value
    }
  }
  while (at < message.length) {
    const tag = next()
    const value = next()
    if ((tag & 7) === 2) {
      fields.set(tag >> 3, message.subarray(at, at + value))
      at += value
    } else fields.set(tag >> 3, value)
  }
  return fields
}

export const readEvent = (event: Uint8Array): ReadEvent => {
  const fields = fieldsOf(event)
  const kv = fields.get(2) as Uint8Array
  const inner = fieldsOf(kv)
  return {
    kind: fields.get(1) === 1 ? 'delete' : 'put',
    key: keyOf(inner.get(1) as Uint8Array),
    revision: inner.get(3) as number,
    kv,
    prevKv: fields.get(3) as Uint8Array | undefined,
  }
}

/** Short text of an event: `put a@3`, with `<2` for the revision of its previous state. */
export const eventText = (event: Uint8Array): string => {
  const { kind, key: name, revision, prevKv } = readEvent(event)
  const prev = prevKv === undefined ? '' : `<${String(fieldsOf(prevKv).get(3))}`
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
