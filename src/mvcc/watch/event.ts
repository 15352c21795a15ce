// Events on the wire. An event is encoded once, however many watchers receive it.
//
//   mvccpb.Event    08 01            type = DELETE; absent for PUT
//                   12 len KeyValue  kv
//                   1a len KeyValue  prev_kv; absent when there is none

import { createRevisionOf } from '../../proto/index.js'
import type { Change, WatchSource } from './source.js'

const TAG_TYPE = 0x08
const TYPE_DELETE = 1
const TAG_KV = 0x12
const TAG_PREV_KV = 0x1a

/** Bytes of `value` as a varint; `value` is a safe non-negative integer. */
export const varintSize = (value: number): number => {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

const writeVarint = (bytes: Uint8Array, at: number, value: number): number => {
  let rest = value
  while (rest >= 128) {
    bytes[at++] = (rest % 128) + 128
    rest = Math.floor(rest / 128)
  }
  bytes[at++] = rest
  return at
}

/** Encoded mvccpb.Event around encoded KeyValues; owned. */
export const encodeEvent = (kind: 'put' | 'delete', kv: Uint8Array, prevKv: Uint8Array | undefined): Uint8Array => {
  const prevSize = prevKv === undefined ? 0 : 1 + varintSize(prevKv.length) + prevKv.length
  const bytes = new Uint8Array((kind === 'delete' ? 2 : 0) + 1 + varintSize(kv.length) + kv.length + prevSize)
  let at = 0
  if (kind === 'delete') {
    bytes[at++] = TAG_TYPE
    bytes[at++] = TYPE_DELETE
  }
  bytes[at++] = TAG_KV
  at = writeVarint(bytes, at, kv.length)
  bytes.set(kv, at)
  at += kv.length
  if (prevKv !== undefined) {
    bytes[at++] = TAG_PREV_KV
    at = writeVarint(bytes, at, prevKv.length)
    bytes.set(prevKv, at)
  }
  return bytes
}

/** One change and the wire forms that its watchers asked for so far. */
export class SharedEvent {
  readonly change: Change
  readonly #source: WatchSource
  #plain: Uint8Array | undefined = undefined
  #withPrev: Uint8Array | undefined = undefined
  #plainList: Uint8Array[] | undefined = undefined
  #withPrevList: Uint8Array[] | undefined = undefined

  constructor(change: Change, source: WatchSource) {
    this.change = change
    this.#source = source
  }

  /** Encoded event; frozen. */
  bytes(prevKv: boolean): Uint8Array {
    return prevKv ? (this.#withPrev ??= this.#encodeWithPrev()) : this.#encodePlain()
  }

  /** The same as a list of one, frozen, so that watchers of one change share that as well. */
  list(prevKv: boolean): Uint8Array[] {
    if (prevKv) return (this.#withPrevList ??= [this.bytes(true)])
    return (this.#plainList ??= [this.bytes(false)])
  }

  #encodePlain(): Uint8Array {
    return (this.#plain ??= encodeEvent(this.change.kind, this.change.kv, undefined))
  }

  /** A key that its own revision created has no previous state, even if an older life of it ended in that revision. */
  #encodeWithPrev(): Uint8Array {
    const { key, kind, main, kv } = this.change
    const created = kind === 'put' && createRevisionOf(kv) === main
    const prevKv = created ? undefined : this.#source.kvAt(key, main - 1)
    return prevKv === undefined ? this.#encodePlain() : encodeEvent(kind, kv, prevKv)
  }
}
