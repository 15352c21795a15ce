// mvccpb.KeyValue as stored bytes, written and read field by field without a message object in between.
//
//   field  tag   content
//   1      0x0a  key, bytes
//   2      0x10  create_revision, int64
//   3      0x18  mod_revision, int64
//   4      0x20  version, int64
//   5      0x2a  value, bytes
//   6      0x30  lease, int64
//
// Fields ascend and zero or empty ones are left out: hashes cover these bytes, so they must equal etcd's.

import { type Key, keyOfRange, type LeaseId, leaseId, NO_LEASE } from '../base/index.js'
import { CorruptStore } from './corrupt-store.js'

const TAG_KEY = 0x0a
const TAG_CREATE = 0x10
const TAG_MOD = 0x18
const TAG_VERSION = 0x20
const TAG_VALUE = 0x2a
const TAG_LEASE = 0x30

const EMPTY = '' as Key

/** Bytes of `value` (a safe integer >= 0) as varint. */
const varintBytes = (value: number): number => {
  let bytes = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++
  return bytes
}

const writeVarint = (target: Uint8Array, at: number, value: number): number => {
  let rest = value
  while (rest >= 0x8000_0000) {
    target[at++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  while (rest >= 128) {
    target[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  target[at++] = rest
  return at
}

const writeLease = (target: Uint8Array, at: number, lease: LeaseId): number => {
  let rest = BigInt.asUintN(64, lease)
  while (rest >= 128n) {
    target[at++] = Number(rest & 0x7fn) | 0x80
    rest >>= 7n
  }
  target[at++] = Number(rest)
  return at
}

interface Latin1Writable {
  latin1Write(text: string, offset: number, length: number): number
}

/** Writes the bytes of `key` into a Buffer at `at`; returns the offset behind them. */
const writeKey = (target: Buffer, at: number, key: Key): number => {
  ;(target as unknown as Latin1Writable).latin1Write(key, at, key.length)
  return at + key.length
}

const TEN_VARINT_BYTES = 10

/** An upper bound of what `writeKeyValue` writes. */
export const keyValueBytesMax = (keyBytes: number, valueBytes: number): number =>
  keyBytes + valueBytes + 6 * (1 + TEN_VARINT_BYTES)

/** Writes a put's KeyValue at `at`, which has `keyValueBytesMax` bytes of room; returns the offset behind it. */
export const writeKeyValue = (
  target: Buffer,
  at: number,
  key: Key,
  create: number,
  mod: number,
  version: number,
  value: Uint8Array,
  lease: LeaseId,
): number => {
  at = writeStoredTombstone(target, at, key)
  at = writeCounter(target, at, TAG_CREATE, create)
  at = writeCounter(target, at, TAG_MOD, mod)
  at = writeCounter(target, at, TAG_VERSION, version)
  if (value.length > 0) {
    target[at++] = TAG_VALUE
    at = writeVarint(target, at, value.length)
    target.set(value, at)
    at += value.length
  }
  if (lease !== NO_LEASE) {
    target[at++] = TAG_LEASE
    at = writeLease(target, at, lease)
  }
  return at
}

const writeCounter = (target: Uint8Array, at: number, tag: number, value: number): number => {
  if (value === 0) return at
  target[at++] = tag
  return writeVarint(target, at, value)
}

/** The stored form of a deletion: the key alone. */
export const writeStoredTombstone = (target: Buffer, at: number, key: Key): number => {
  if (key.length === 0) return at
  target[at++] = TAG_KEY
  at = writeVarint(target, at, key.length)
  return writeKey(target, at, key)
}

/** The form of a deletion in events: the key and its mod_revision. Owned. */
export const encodeDeletion = (key: Key, mod: number): Uint8Array => {
  const bytes = Buffer.allocUnsafe(1 + varintBytes(key.length) + key.length + 1 + varintBytes(mod))
  const end = writeCounter(bytes, writeStoredTombstone(bytes, 0, key), TAG_MOD, mod)
  return bytes.subarray(0, end)
}

/** The form of a key in a keys-only answer: everything that the index knows. Owned. */
export const encodeKeyOnly = (key: Key, create: number, mod: number, version: number): Uint8Array => {
  const bytes = Buffer.allocUnsafe(keyValueBytesMax(key.length, 0))
  let at = writeStoredTombstone(bytes, 0, key)
  at = writeCounter(bytes, at, TAG_CREATE, create)
  at = writeCounter(bytes, at, TAG_MOD, mod)
  at = writeCounter(bytes, at, TAG_VERSION, version)
  return bytes.subarray(0, at)
}

/** What a stored KeyValue says. Reused from row to row by loops over many; the value is given as a position. */
export class KeyValueReader {
  key: Key = EMPTY
  create = 0
  mod = 0
  version = 0
  lease: LeaseId = NO_LEASE
  valueStart = 0
  valueEnd = 0
  #at = 0

  /**
   * Reads `bytes[start, end)` into the fields. No bytes at all read as an empty key (etcd's bumped revisions).
   * @throws CorruptStore
   */
  read(bytes: Uint8Array, start: number, end: number): void {
    this.key = EMPTY
    this.create = 0
    this.mod = 0
    this.version = 0
    this.lease = NO_LEASE
    this.valueStart = start
    this.valueEnd = start
    this.#at = start
    while (this.#at < end) this.#field(bytes, end)
    if (this.#at !== end) throw new CorruptStore('KeyValue ends within a field')
  }

  /** Only the key, which comes first in what is stored. */
  readKey(bytes: Uint8Array, start: number, end: number): Key {
    if (start === end || bytes[start] !== TAG_KEY) {
      this.read(bytes, start, end)
      return this.key
    }
    this.#at = start + 1
    const length = this.#varint(bytes, end)
    if (this.#at + length > end) throw new CorruptStore('KeyValue ends within its key')
    return keyOfRange(bytes, this.#at, this.#at + length)
  }

  #field(bytes: Uint8Array, end: number): void {
    const tag = bytes[this.#at++]
    if (tag === TAG_LEASE) {
      this.lease = this.#lease(bytes, end)
      return
    }
    const number = this.#varint(bytes, end)
    switch (tag) {
      case TAG_KEY:
        this.key = keyOfRange(bytes, this.#at, this.#skip(number, end))
        return
      case TAG_CREATE:
        this.create = number
        return
      case TAG_MOD:
        this.mod = number
        return
      case TAG_VERSION:
        this.version = number
        return
      case TAG_VALUE:
        this.valueStart = this.#at
        this.valueEnd = this.#skip(number, end)
        return
      default:
        throw new CorruptStore(`KeyValue with unknown tag ${tag}`)
    }
  }

  #skip(length: number, end: number): number {
    if (this.#at + length > end) throw new CorruptStore('KeyValue ends within a field')
    this.#at += length
    return this.#at
  }

  #varint(bytes: Uint8Array, end: number): number {
    let value = 0
    let scale = 1
    while (this.#at < end) {
      const byte = bytes[this.#at++]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) break
        return value
      }
      scale *= 128
    }
    throw new CorruptStore('KeyValue with a broken or too large number')
  }

  #lease(bytes: Uint8Array, end: number): LeaseId {
    let value = 0n
    for (let shift = 0n; this.#at < end && shift < 70n; shift += 7n) {
      const byte = bytes[this.#at++]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return leaseId(value)
    }
    throw new CorruptStore('KeyValue with a broken lease id')
  }
}

/** The KeyValue of `bytes` without its value. Owned unless there is no value. */
export const withoutValue = (bytes: Uint8Array): Uint8Array => {
  const reader = new KeyValueReader()
  reader.read(bytes, 0, bytes.length)
  if (reader.valueEnd === reader.valueStart) return bytes
  const head = reader.valueStart - 1 - varintBytes(reader.valueEnd - reader.valueStart)
  const result = new Uint8Array(head + bytes.length - reader.valueEnd)
  result.set(bytes.subarray(0, head))
  result.set(bytes.subarray(reader.valueEnd), head)
  return result
}
