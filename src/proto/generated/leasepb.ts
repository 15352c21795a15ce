// Generated from the package leasepb in proto/ by scripts/generate-proto.mjs. Do not edit.

import type { LeaseId } from '../../base/index.js'
import { NO_LEASE } from '../../base/index.js'
import { DEPTH_MAX, Reader, scratch, type WireCodec, type Writer } from '../wire.js'
import * as etcdserverpb from './etcdserverpb.js'

export class Lease {
  id: LeaseId = NO_LEASE
  /** Seconds. */
  ttl: number = 0
  /** Seconds, from the newest checkpoint; 0 when there was none. */
  remainingTtl: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readLease(r: Reader, end: number, m: Lease): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.id = r.int64(end) as LeaseId
        break
      }
      case 16: {
        m.ttl = r.int53(end)
        break
      }
      case 24: {
        m.remainingTtl = r.int53(end)
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
export function writeLease(w: Writer, m: Lease): void {
  if (m.remainingTtl !== 0) {
    w.int53(m.remainingTtl)
    w.varint32(24)
  }
  if (m.ttl !== 0) {
    w.int53(m.ttl)
    w.varint32(16)
  }
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(8)
  }
}

export const LeaseCodec: WireCodec<Lease> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Lease()
    readLease(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLease(scratch, message)
    return scratch.take()
  },
}

export class LeaseInternalRequest {
  leaseTimeToLiveRequest: etcdserverpb.LeaseTimeToLiveRequest | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseInternalRequest(r: Reader, end: number, m: LeaseInternalRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        etcdserverpb.readLeaseTimeToLiveRequest(r, stop, (m.leaseTimeToLiveRequest ??= new etcdserverpb.LeaseTimeToLiveRequest()))
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
export function writeLeaseInternalRequest(w: Writer, m: LeaseInternalRequest): void {
  if (m.leaseTimeToLiveRequest !== undefined) {
    const size = w.size()
    etcdserverpb.writeLeaseTimeToLiveRequest(w, m.leaseTimeToLiveRequest)
    w.length(size)
    w.varint32(10)
  }
}

export const LeaseInternalRequestCodec: WireCodec<LeaseInternalRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseInternalRequest()
    readLeaseInternalRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseInternalRequest(scratch, message)
    return scratch.take()
  },
}

export class LeaseInternalResponse {
  leaseTimeToLiveResponse: etcdserverpb.LeaseTimeToLiveResponse | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseInternalResponse(r: Reader, end: number, m: LeaseInternalResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        etcdserverpb.readLeaseTimeToLiveResponse(r, stop, (m.leaseTimeToLiveResponse ??= new etcdserverpb.LeaseTimeToLiveResponse()))
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
export function writeLeaseInternalResponse(w: Writer, m: LeaseInternalResponse): void {
  if (m.leaseTimeToLiveResponse !== undefined) {
    const size = w.size()
    etcdserverpb.writeLeaseTimeToLiveResponse(w, m.leaseTimeToLiveResponse)
    w.length(size)
    w.varint32(10)
  }
}

export const LeaseInternalResponseCodec: WireCodec<LeaseInternalResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseInternalResponse()
    readLeaseInternalResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseInternalResponse(scratch, message)
    return scratch.take()
  },
}
