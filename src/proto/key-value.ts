// Works on encoded mvccpb.KeyValue messages where they lie. They are stored, cached and sent as bytes; most readers want
// one number or the key out of them, and need no record for that.
//
//   field            tag   form
//   key              0a    length, bytes
//   create_revision  10    varint
//   mod_revision     18    varint
//   version          20    varint
//   value            2a    length, bytes
//   lease            30    varint, two's complement
//
// Written in this order, without zeros and empty fields (equal bytes on all members make their hashes equal). Read in any
// order, last one wins. Bytes that are no KeyValue make a reader throw MalformedMessage and nothing else, but one that
// wants a single field looks at the others only to skip them.

import { EMPTY_BYTES, type Key, keyOfRange, type LeaseId, NO_LEASE } from '../base/index.js'
import { highWord, lowWord, splitInt64 } from './int64.js'
import { MalformedMessage } from './malformed.js'
import { Reader } from './reader.js'

const KEY = 0x0a
const CREATE_REVISION = 0x10
const MOD_REVISION = 0x18
const VERSION = 0x20
const VALUE = 0x2a
const LEASE = 0x30

/** No groups are expected inside a KeyValue; a few unknown ones are skipped. */
const DEPTH = 16
const TWO_32 = 2 ** 32

/**
 * All fields of one encoded KeyValue as numbers and positions, refilled by each `load`: a loop over many pairs needs one
 * of these and allocates nothing per pair.
 */
export class KeyValueView {
  /** Borrowed from the caller of `load`. */
  bytes: Uint8Array = EMPTY_BYTES
  keyStart = 0
  keyEnd = 0
  createRevision = 0
  modRevision = 0
  version = 0
  valueStart = 0
  valueEnd = 0
  lease: LeaseId = NO_LEASE
  readonly #reader = new Reader(EMPTY_BYTES, 0, 0, 0)

  /** Reads `bytes[start, end)`. @throws MalformedMessage; the view then holds nothing useful. */
  load(bytes: Uint8Array, start = 0, end = bytes.length): this {
    this.bytes = bytes
    this.keyStart = this.keyEnd = this.valueStart = this.valueEnd = start
    this.createRevision = this.modRevision = this.version = 0
    this.lease = NO_LEASE
    const r = this.#reader
    r.reset(bytes, start, end, DEPTH)
    while (r.pos < end) {
      const tag = r.tag(end)
      switch (tag) {
        case KEY:
          this.keyEnd = r.stop(end)
          this.keyStart = r.pos
          r.pos = this.keyEnd
          break
        case CREATE_REVISION:
          this.createRevision = r.int53(end)
          break
        case MOD_REVISION:
          this.modRevision = r.int53(end)
          break
        case VERSION:
          this.version = r.int53(end)
          break
        case VALUE:
          this.valueEnd = r.stop(end)
          this.valueStart = r.pos
          r.pos = this.valueEnd
          break
        case LEASE:
          this.lease = r.int64(end) as LeaseId
          break
        default:
          skipUnknown(r, tag, end)
      }
    }
    return this
  }

  /** The key in its in-memory form. */
  key(): Key {
    return keyOfRange(this.bytes, this.keyStart, this.keyEnd)
  }

  keyBytes(): Uint8Array {
    return this.bytes.subarray(this.keyStart, this.keyEnd)
  }

  valueBytes(): Uint8Array {
    return this.bytes.subarray(this.valueStart, this.valueEnd)
  }
}

const skipUnknown = (r: Reader, tag: number, end: number): void => {
  const number = tag >>> 3
  if (number >= 1 && number <= 6) throw new MalformedMessage()
  r.skip(tag, end)
}

/** Position of the content of the last field with this tag, and of its end; the rest is skipped unseen. */
const lastField = (wanted: number, r: Reader, end: number): number => {
  let found = -1
  while (r.pos < end) {
    const tag = r.tag(end)
    if (tag === wanted) found = r.pos
    r.skip(tag, end)
  }
  return found
}

const varintField = (wanted: number, bytes: Uint8Array, start: number, end: number): number => {
  const r = new Reader(bytes, start, end, DEPTH)
  const found = lastField(wanted, r, end)
  if (found < 0) return 0
  r.pos = found
  return r.int53(end)
}

export const createRevisionOf = (bytes: Uint8Array, start = 0, end = bytes.length): number =>
  varintField(CREATE_REVISION, bytes, start, end)

export const modRevisionOf = (bytes: Uint8Array, start = 0, end = bytes.length): number =>
  varintField(MOD_REVISION, bytes, start, end)

export const leaseOf = (bytes: Uint8Array, start = 0, end = bytes.length): LeaseId => {
  const r = new Reader(bytes, start, end, DEPTH)
  const found = lastField(LEASE, r, end)
  if (found < 0) return NO_LEASE
  r.pos = found
  return r.int64(end) as LeaseId
}

/** The key of an encoded KeyValue, in its in-memory form. */
export const keyOfKeyValue = (bytes: Uint8Array, start = 0, end = bytes.length): Key => {
  const r = new Reader(bytes, start, end, DEPTH)
  const found = lastField(KEY, r, end)
  if (found < 0) return '' as Key
  r.pos = found
  const stop = r.stop(end)
  return keyOfRange(bytes, r.pos, stop)
}

/** A view of the key; shares memory with `bytes`. */
export const keyBytesOf = (bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array => {
  const r = new Reader(bytes, start, end, DEPTH)
  const found = lastField(KEY, r, end)
  if (found < 0) return EMPTY_BYTES
  r.pos = found
  return r.view(end)
}

/** A view of the value; shares memory with `bytes`. */
export const valueOf = (bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array => {
  const r = new Reader(bytes, start, end, DEPTH)
  const found = lastField(VALUE, r, end)
  if (found < 0) return EMPTY_BYTES
  r.pos = found
  return r.view(end)
}

/** Encodes one pair; the counters are 0..2^53-1. Owned; small results share slabs of 8 KiB, so what stays in a cache for long should be copied. */
export const encodeKeyValue = (
  key: Key,
  createRevision: number,
  modRevision: number,
  version: number,
  value: Uint8Array,
  lease: LeaseId,
): Uint8Array => {
  let size = lengthSize(key.length) + counterSize(createRevision) + counterSize(modRevision) + counterSize(version)
  size += lengthSize(value.length)
  if (lease !== NO_LEASE) size += 1 + wideSize(lease)
  const target = Buffer.allocUnsafe(size)
  let pos = putKey(target, 0, key)
  pos = putCounter(target, pos, CREATE_REVISION, createRevision)
  pos = putCounter(target, pos, MOD_REVISION, modRevision)
  pos = putCounter(target, pos, VERSION, version)
  if (value.length > 0) {
    target[pos++] = VALUE
    pos = putVarint(target, pos, value.length)
    target.set(value, pos)
    pos += value.length
  }
  if (lease !== NO_LEASE) {
    target[pos++] = LEASE
    putWide(target, pos, lease)
  }
  return target
}

/** What a deletion stores: the key alone. */
export const encodeTombstone = (key: Key): Uint8Array => encodeDeletion(key, 0)

/** What the event of a deletion shows: the key and the revision of the deletion. */
export const encodeDeletion = (key: Key, modRevision: number): Uint8Array => {
  const target = Buffer.allocUnsafe(lengthSize(key.length) + counterSize(modRevision))
  putCounter(target, putKey(target, 0, key), MOD_REVISION, modRevision)
  return target
}

/** A copy without the value; without the lease too unless `keepLease`. Everything else stays byte for byte. */
export const withoutValue = (bytes: Uint8Array, start: number, end: number, keepLease: boolean): Uint8Array => {
  const kept = copyKept(bytes, start, end, keepLease, undefined)
  const target = Buffer.allocUnsafe(kept)
  copyKept(bytes, start, end, keepLease, target)
  return target
}

/** Walks the fields; copies the kept ones to `target` or only counts their bytes. */
const copyKept = (
  bytes: Uint8Array,
  start: number,
  end: number,
  keepLease: boolean,
  target: Uint8Array | undefined,
): number => {
  const r = new Reader(bytes, start, end, DEPTH)
  let count = 0
  while (r.pos < end) {
    const from = r.pos
    const tag = r.tag(end)
    if (tag === VALUE || (tag === LEASE && !keepLease)) {
      r.skip(tag, end)
      continue
    }
    r.skip(tag, end)
    target?.set(bytes.subarray(from, r.pos), count)
    count += r.pos - from
  }
  return count
}

/** Bytes of a varint, 0 <= value < 2^53. */
const varintSize = (value: number): number => {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x200000) return 3
  if (value < 0x10000000) return 4
  let size = 5
  for (let rest = value / 2 ** 35; rest >= 1; rest /= 128) size++
  return size
}

const lengthSize = (length: number): number => (length === 0 ? 0 : 1 + varintSize(length) + length)
const counterSize = (value: number): number => (value === 0 ? 0 : 1 + varintSize(value))

const wideSize = (value: bigint): number => {
  splitInt64(value)
  const high = highWord()
  return high === 0 ? varintSize(lowWord()) : varintSize32(high)
}

/** Bytes of a 64-bit varint whose upper half is `high`, not 0. */
const varintSize32 = (high: number): number => (high < 8 ? 5 : Math.ceil((64 - Math.clz32(high)) / 7))

const putKey = (target: Uint8Array, start: number, key: Key): number => {
  const length = key.length
  if (length === 0) return start
  target[start] = KEY
  const pos = putVarint(target, start + 1, length)
  for (let i = 0; i < length; i++) target[pos + i] = key.charCodeAt(i)
  return pos + length
}

const putCounter = (target: Uint8Array, pos: number, tag: number, value: number): number => {
  if (value === 0) return pos
  target[pos] = tag
  return putVarint(target, pos + 1, value)
}

const putVarint = (target: Uint8Array, pos: number, value: number): number => {
  while (value >= TWO_32) {
    target[pos++] = (value & 127) | 128
    value = Math.floor(value / 128)
  }
  while (value > 127) {
    target[pos++] = (value & 127) | 128
    value >>>= 7
  }
  target[pos++] = value
  return pos
}

const putWide = (target: Uint8Array, pos: number, value: bigint): void => {
  splitInt64(value)
  let low = lowWord()
  let high = highWord()
  while (high !== 0 || low > 127) {
    target[pos++] = (low & 127) | 128
    low = ((low >>> 7) | (high << 25)) >>> 0
    high >>>= 7
  }
  target[pos] = low
}
