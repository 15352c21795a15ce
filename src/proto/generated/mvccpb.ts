// Generated from the package mvccpb in proto/ by scripts/generate-proto.mjs. Do not edit.

import type { LeaseId } from '../../base/index.js'
import { EMPTY_BYTES, NO_LEASE } from '../../base/index.js'
import { DEPTH_MAX, Reader, scratch, type WireCodec, type Writer } from '../wire.js'

export const EventType = {
  PUT: 0,
  DELETE: 1,
} as const
export type EventType = (typeof EventType)[keyof typeof EventType]

export class KeyValue {
  key: Uint8Array = EMPTY_BYTES
  /** Store revision of the put that created the key, or created it again after a deletion. */
  createRevision: number = 0
  /** Store revision of the newest put. */
  modRevision: number = 0
  /** Number of puts since the creation; 1 for a fresh key. */
  version: number = 0
  value: Uint8Array = EMPTY_BYTES
  /** Lease that the key is attached to; 0 for none. */
  lease: LeaseId = NO_LEASE
}

/** Merges the fields up to `end` into `m`. */
export function readKeyValue(r: Reader, end: number, m: KeyValue): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.key = r.view(end)
        break
      }
      case 16: {
        m.createRevision = r.int53(end)
        break
      }
      case 24: {
        m.modRevision = r.int53(end)
        break
      }
      case 32: {
        m.version = r.int53(end)
        break
      }
      case 42: {
        m.value = r.view(end)
        break
      }
      case 48: {
        m.lease = r.int64(end) as LeaseId
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
          case 3:
          case 4:
          case 5:
          case 6:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeKeyValue(w: Writer, m: KeyValue): void {
  if (m.lease !== 0n) {
    w.int64(m.lease)
    w.varint32(48)
  }
  if (m.value.length > 0) {
    w.bytes(m.value)
    w.varint32(42)
  }
  if (m.version !== 0) {
    w.int53(m.version)
    w.varint32(32)
  }
  if (m.modRevision !== 0) {
    w.int53(m.modRevision)
    w.varint32(24)
  }
  if (m.createRevision !== 0) {
    w.int53(m.createRevision)
    w.varint32(16)
  }
  if (m.key.length > 0) {
    w.bytes(m.key)
    w.varint32(10)
  }
}

export const KeyValueCodec: WireCodec<KeyValue> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new KeyValue()
    readKeyValue(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeKeyValue(scratch, message)
    return scratch.take()
  },
}

export class Event {
  type: number = 0
  /** PUT: the pair as written. DELETE: key and mod_revision only. */
  kv: Uint8Array | undefined = undefined
  /** The pair as of the revision before; only when the watcher asked for it. */
  prevKv: Uint8Array | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readEvent(r: Reader, end: number, m: Event): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.type = r.int32(end)
        break
      }
      case 18: {
        m.kv = r.merged(m.kv, end)
        break
      }
      case 26: {
        m.prevKv = r.merged(m.prevKv, end)
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
          case 3:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeEvent(w: Writer, m: Event): void {
  if (m.prevKv !== undefined) {
    w.bytes(m.prevKv)
    w.varint32(26)
  }
  if (m.kv !== undefined) {
    w.bytes(m.kv)
    w.varint32(18)
  }
  if (m.type !== 0) {
    w.int32(m.type)
    w.varint32(8)
  }
}

export const EventCodec: WireCodec<Event> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Event()
    readEvent(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeEvent(scratch, message)
    return scratch.take()
  },
}
