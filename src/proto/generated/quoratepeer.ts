// Generated from the package quoratepeer in proto/ by scripts/generate-proto.mjs. Do not edit.

import type { LeaseId, MemberId } from '../../base/index.js'
import { EMPTY_BYTES, NO_LEASE, NO_MEMBER } from '../../base/index.js'
import { DEPTH_MAX, Reader, scratch, type WireCodec, type Writer } from '../wire.js'
import * as etcdserverpb from './etcdserverpb.js'

/** How a question ended. Text never decides. */
export const QueryCode = {
  OK: 0,
  NOT_FOUND: 1,
  NOT_LEADER: 2,
  APPLY_TIMEOUT: 3,
  REFUSED: 4,
} as const
export type QueryCode = (typeof QueryCode)[keyof typeof QueryCode]

export class QueryStatus {
  code: number = 0
  grpcCode: number = 0
  error: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readQueryStatus(r: Reader, end: number, m: QueryStatus): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.code = r.int32(end)
        break
      }
      case 16: {
        m.grpcCode = r.uint32(end)
        break
      }
      case 26: {
        m.error = r.string(end, 'quoratepeer.QueryStatus.error')
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
export function writeQueryStatus(w: Writer, m: QueryStatus): void {
  if (m.error !== '') {
    w.string(m.error)
    w.varint32(26)
  }
  if (m.grpcCode !== 0) {
    w.varint32(m.grpcCode)
    w.varint32(16)
  }
  if (m.code !== 0) {
    w.int32(m.code)
    w.varint32(8)
  }
}

export const QueryStatusCodec: WireCodec<QueryStatus> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new QueryStatus()
    readQueryStatus(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeQueryStatus(scratch, message)
    return scratch.take()
  },
}

export class LeaseRenewRequest {
  id: LeaseId = NO_LEASE
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseRenewRequest(r: Reader, end: number, m: LeaseRenewRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.id = r.int64(end) as LeaseId
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
export function writeLeaseRenewRequest(w: Writer, m: LeaseRenewRequest): void {
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(8)
  }
}

export const LeaseRenewRequestCodec: WireCodec<LeaseRenewRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseRenewRequest()
    readLeaseRenewRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseRenewRequest(scratch, message)
    return scratch.take()
  },
}

export class LeaseRenewResponse {
  status: QueryStatus | undefined = undefined
  /** Seconds; 0: there is no such lease. */
  ttl: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseRenewResponse(r: Reader, end: number, m: LeaseRenewResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readQueryStatus(r, stop, (m.status ??= new QueryStatus()))
        r.leave()
        break
      }
      case 16: {
        m.ttl = r.int53(end)
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
export function writeLeaseRenewResponse(w: Writer, m: LeaseRenewResponse): void {
  if (m.ttl !== 0) {
    w.int53(m.ttl)
    w.varint32(16)
  }
  if (m.status !== undefined) {
    const size = w.size()
    writeQueryStatus(w, m.status)
    w.length(size)
    w.varint32(10)
  }
}

export const LeaseRenewResponseCodec: WireCodec<LeaseRenewResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseRenewResponse()
    readLeaseRenewResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseRenewResponse(scratch, message)
    return scratch.take()
  },
}

export class LeaseTimeToLiveRequest {
  id: LeaseId = NO_LEASE
  keys: boolean = false
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseTimeToLiveRequest(r: Reader, end: number, m: LeaseTimeToLiveRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.id = r.int64(end) as LeaseId
        break
      }
      case 16: {
        m.keys = r.bool(end)
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
export function writeLeaseTimeToLiveRequest(w: Writer, m: LeaseTimeToLiveRequest): void {
  if (m.keys) {
    w.bool(m.keys)
    w.varint32(16)
  }
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(8)
  }
}

export const LeaseTimeToLiveRequestCodec: WireCodec<LeaseTimeToLiveRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseTimeToLiveRequest()
    readLeaseTimeToLiveRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseTimeToLiveRequest(scratch, message)
    return scratch.take()
  },
}

export class LeaseTimeToLiveResponse {
  status: QueryStatus | undefined = undefined
  /** Seconds left; -1: there is no such lease. */
  ttl: number = 0
  grantedTtl: number = 0
  keys: Uint8Array[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseTimeToLiveResponse(r: Reader, end: number, m: LeaseTimeToLiveResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readQueryStatus(r, stop, (m.status ??= new QueryStatus()))
        r.leave()
        break
      }
      case 16: {
        m.ttl = r.int53(end)
        break
      }
      case 24: {
        m.grantedTtl = r.int53(end)
        break
      }
      case 34: {
        m.keys.push(r.view(end))
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
          case 3:
          case 4:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeLeaseTimeToLiveResponse(w: Writer, m: LeaseTimeToLiveResponse): void {
  for (let i = m.keys.length - 1; i >= 0; i--) {
    w.bytes(m.keys[i]!)
    w.varint32(34)
  }
  if (m.grantedTtl !== 0) {
    w.int53(m.grantedTtl)
    w.varint32(24)
  }
  if (m.ttl !== 0) {
    w.int53(m.ttl)
    w.varint32(16)
  }
  if (m.status !== undefined) {
    const size = w.size()
    writeQueryStatus(w, m.status)
    w.length(size)
    w.varint32(10)
  }
}

export const LeaseTimeToLiveResponseCodec: WireCodec<LeaseTimeToLiveResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseTimeToLiveResponse()
    readLeaseTimeToLiveResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseTimeToLiveResponse(scratch, message)
    return scratch.take()
  },
}

export class VersionRequest {
}

export function readVersionRequest(r: Reader, end: number, _: VersionRequest): void {
  while (r.pos < end) r.skip(r.tag(end), end)
}

export function writeVersionRequest(_w: Writer, _m: VersionRequest): void {}

export const VersionRequestCodec: WireCodec<VersionRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new VersionRequest()
    readVersionRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode: () => EMPTY_BYTES,
}

export class VersionResponse {
  status: QueryStatus | undefined = undefined
  /** `major.minor.patch`. */
  server: string = ''
  /** Empty while undecided. */
  cluster: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readVersionResponse(r: Reader, end: number, m: VersionResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readQueryStatus(r, stop, (m.status ??= new QueryStatus()))
        r.leave()
        break
      }
      case 18: {
        m.server = r.string(end, 'quoratepeer.VersionResponse.server')
        break
      }
      case 26: {
        m.cluster = r.string(end, 'quoratepeer.VersionResponse.cluster')
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
export function writeVersionResponse(w: Writer, m: VersionResponse): void {
  if (m.cluster !== '') {
    w.string(m.cluster)
    w.varint32(26)
  }
  if (m.server !== '') {
    w.string(m.server)
    w.varint32(18)
  }
  if (m.status !== undefined) {
    const size = w.size()
    writeQueryStatus(w, m.status)
    w.length(size)
    w.varint32(10)
  }
}

export const VersionResponseCodec: WireCodec<VersionResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new VersionResponse()
    readVersionResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeVersionResponse(scratch, message)
    return scratch.take()
  },
}

export class PromoteMemberRequest {
  id: MemberId = NO_MEMBER
}

/** Merges the fields up to `end` into `m`. */
export function readPromoteMemberRequest(r: Reader, end: number, m: PromoteMemberRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.id = r.uint64(end) as MemberId
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
export function writePromoteMemberRequest(w: Writer, m: PromoteMemberRequest): void {
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(8)
  }
}

export const PromoteMemberRequestCodec: WireCodec<PromoteMemberRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new PromoteMemberRequest()
    readPromoteMemberRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writePromoteMemberRequest(scratch, message)
    return scratch.take()
  },
}

export class PromoteMemberResponse {
  status: QueryStatus | undefined = undefined
  members: etcdserverpb.Member[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readPromoteMemberResponse(r: Reader, end: number, m: PromoteMemberResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readQueryStatus(r, stop, (m.status ??= new QueryStatus()))
        r.leave()
        break
      }
      case 18: {
        const stop = r.enter(end)
        const item = new etcdserverpb.Member()
        etcdserverpb.readMember(r, stop, item)
        m.members.push(item)
        r.leave()
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
export function writePromoteMemberResponse(w: Writer, m: PromoteMemberResponse): void {
  for (let i = m.members.length - 1; i >= 0; i--) {
    const size = w.size()
    etcdserverpb.writeMember(w, m.members[i]!)
    w.length(size)
    w.varint32(18)
  }
  if (m.status !== undefined) {
    const size = w.size()
    writeQueryStatus(w, m.status)
    w.length(size)
    w.varint32(10)
  }
}

export const PromoteMemberResponseCodec: WireCodec<PromoteMemberResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new PromoteMemberResponse()
    readPromoteMemberResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writePromoteMemberResponse(scratch, message)
    return scratch.take()
  },
}

export class HashKVRequest {
  revision: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readHashKVRequest(r: Reader, end: number, m: HashKVRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.revision = r.int53(end)
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
export function writeHashKVRequest(w: Writer, m: HashKVRequest): void {
  if (m.revision !== 0) {
    w.int53(m.revision)
    w.varint32(8)
  }
}

export const HashKVRequestCodec: WireCodec<HashKVRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new HashKVRequest()
    readHashKVRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeHashKVRequest(scratch, message)
    return scratch.take()
  },
}

export class HashKVResponse {
  status: QueryStatus | undefined = undefined
  hash: number = 0
  compactRevision: number = 0
  hashRevision: number = 0
  revision: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readHashKVResponse(r: Reader, end: number, m: HashKVResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readQueryStatus(r, stop, (m.status ??= new QueryStatus()))
        r.leave()
        break
      }
      case 16: {
        m.hash = r.uint32(end)
        break
      }
      case 24: {
        m.compactRevision = r.int53(end)
        break
      }
      case 32: {
        m.hashRevision = r.int53(end)
        break
      }
      case 40: {
        m.revision = r.int53(end)
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
          case 3:
          case 4:
          case 5:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeHashKVResponse(w: Writer, m: HashKVResponse): void {
  if (m.revision !== 0) {
    w.int53(m.revision)
    w.varint32(40)
  }
  if (m.hashRevision !== 0) {
    w.int53(m.hashRevision)
    w.varint32(32)
  }
  if (m.compactRevision !== 0) {
    w.int53(m.compactRevision)
    w.varint32(24)
  }
  if (m.hash !== 0) {
    w.varint32(m.hash)
    w.varint32(16)
  }
  if (m.status !== undefined) {
    const size = w.size()
    writeQueryStatus(w, m.status)
    w.length(size)
    w.varint32(10)
  }
}

export const HashKVResponseCodec: WireCodec<HashKVResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new HashKVResponse()
    readHashKVResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeHashKVResponse(scratch, message)
    return scratch.take()
  },
}

/** Questions that one member asks another; every call carries the cluster and the caller in its metadata. */
export const QueryService = {
  name: 'quoratepeer.Query',
  methods: {
    /** Renews a lease on the member that leads. */
    leaseRenew: {
      name: 'LeaseRenew',
      kind: 'unary',
      request: LeaseRenewRequestCodec,
      response: LeaseRenewResponseCodec,
    },
    /** What the leader knows of a lease. */
    leaseTimeToLive: {
      name: 'LeaseTimeToLive',
      kind: 'unary',
      request: LeaseTimeToLiveRequestCodec,
      response: LeaseTimeToLiveResponseCodec,
    },
    /** The versions of the asked member. */
    version: {
      name: 'Version',
      kind: 'unary',
      request: VersionRequestCodec,
      response: VersionResponseCodec,
    },
    /** Promotes a learner; only the leader knows whether it has caught up. */
    promoteMember: {
      name: 'PromoteMember',
      kind: 'unary',
      request: PromoteMemberRequestCodec,
      response: PromoteMemberResponseCodec,
    },
    /** The hash of the asked member's keys at a revision. */
    hashKv: {
      name: 'HashKV',
      kind: 'unary',
      request: HashKVRequestCodec,
      response: HashKVResponseCodec,
    },
  },
} as const
