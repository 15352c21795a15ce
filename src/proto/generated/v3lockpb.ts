// Generated from the package v3lockpb in proto/ by scripts/generate-proto.mjs. Do not edit.

import type { LeaseId } from '../../base/index.js'
import { EMPTY_BYTES, NO_LEASE } from '../../base/index.js'
import { DEPTH_MAX, Reader, scratch, type WireCodec, type Writer } from '../wire.js'
import * as etcdserverpb from './etcdserverpb.js'

export class LockRequest {
  name: Uint8Array = EMPTY_BYTES
  /** The lock is given up when this lease ends; 0 lets the server grant one. */
  lease: LeaseId = NO_LEASE
}

/** Merges the fields up to `end` into `m`. */
export function readLockRequest(r: Reader, end: number, m: LockRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.name = r.view(end)
        break
      }
      case 16: {
        m.lease = r.int64(end) as LeaseId
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeLockRequest(w: Writer, m: LockRequest): void {
  if (m.lease !== 0n) {
    w.int64(m.lease)
    w.varint32(16)
  }
  if (m.name.length > 0) {
    w.bytes(m.name)
    w.varint32(10)
  }
}

export const LockRequestCodec: WireCodec<LockRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LockRequest()
    readLockRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLockRequest(scratch, message)
    return scratch.take()
  },
}

export class LockResponse {
  header: etcdserverpb.ResponseHeader | undefined = undefined
  /** Exists as long as the lock is held; names the lock in Unlock and in transactions. */
  key: Uint8Array = EMPTY_BYTES
}

/** Merges the fields up to `end` into `m`. */
export function readLockResponse(r: Reader, end: number, m: LockResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        etcdserverpb.readResponseHeader(r, stop, (m.header ??= new etcdserverpb.ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        m.key = r.view(end)
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeLockResponse(w: Writer, m: LockResponse): void {
  if (m.key.length > 0) {
    w.bytes(m.key)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    etcdserverpb.writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const LockResponseCodec: WireCodec<LockResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LockResponse()
    readLockResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLockResponse(scratch, message)
    return scratch.take()
  },
}

export class UnlockRequest {
  key: Uint8Array = EMPTY_BYTES
}

/** Merges the fields up to `end` into `m`. */
export function readUnlockRequest(r: Reader, end: number, m: UnlockRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.key = r.view(end)
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeUnlockRequest(w: Writer, m: UnlockRequest): void {
  if (m.key.length > 0) {
    w.bytes(m.key)
    w.varint32(10)
  }
}

export const UnlockRequestCodec: WireCodec<UnlockRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new UnlockRequest()
    readUnlockRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeUnlockRequest(scratch, message)
    return scratch.take()
  },
}

export class UnlockResponse {
  header: etcdserverpb.ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readUnlockResponse(r: Reader, end: number, m: UnlockResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        etcdserverpb.readResponseHeader(r, stop, (m.header ??= new etcdserverpb.ResponseHeader()))
        r.leave()
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeUnlockResponse(w: Writer, m: UnlockResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    etcdserverpb.writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const UnlockResponseCodec: WireCodec<UnlockResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new UnlockResponse()
    readUnlockResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeUnlockResponse(scratch, message)
    return scratch.take()
  },
}

export const LockService = {
  name: 'v3lockpb.Lock',
  methods: {
    /** Waits until the caller owns the lock. */
    lock: {
      name: 'Lock',
      kind: 'unary',
      request: LockRequestCodec,
      response: LockResponseCodec,
    },
    unlock: {
      name: 'Unlock',
      kind: 'unary',
      request: UnlockRequestCodec,
      response: UnlockResponseCodec,
    },
  },
} as const
