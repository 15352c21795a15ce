// Generated from the package quoratepeer in proto/ by scripts/generate-proto.mjs. Do not edit.

import type { ClusterId, LeaseId, MemberId } from '../../base/index.js'
import { EMPTY_BYTES, NO_CLUSTER, NO_LEASE, NO_MEMBER } from '../../base/index.js'
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

export const Lane = {
  LANE_UNKNOWN: 0,
  LANE_CONTROL: 1,
  LANE_APPEND: 2,
  LANE_SNAPSHOT: 3,
} as const
export type Lane = (typeof Lane)[keyof typeof Lane]

/** Why a stream is refused or ended. Text never decides. */
export const PeerCode = {
  ACCEPTED: 0,
  INCOMPATIBLE_VERSION: 1,
  CLUSTER_ID_MISMATCH: 2,
  MEMBER_REMOVED: 3,
  TO_MISMATCH: 4,
  UNKNOWN_MEMBER: 5,
  DUPLICATE_INCARNATION: 6,
  NOT_READY: 7,
  CLOSING: 8,
} as const
export type PeerCode = (typeof PeerCode)[keyof typeof PeerCode]

export const SnapshotCode = {
  SNAPSHOT_OK: 0,
  SNAPSHOT_REFUSED: 1,
  SNAPSHOT_BUSY: 2,
  SNAPSHOT_CHECKSUM: 3,
  SNAPSHOT_IO_ERROR: 4,
  SNAPSHOT_CANCELLED: 5,
} as const
export type SnapshotCode = (typeof SnapshotCode)[keyof typeof SnapshotCode]

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

/** The first frame of every stream. */
export class Hello {
  protocolVersion: number = 0
  lane: number = 0
  clusterId: ClusterId = NO_CLUSTER
  fromId: MemberId = NO_MEMBER
  toId: MemberId = NO_MEMBER
  /** `major.minor.patch`. */
  serverVersion: string = ''
  minClusterVersion: string = ''
  /** Random, new with every start of the process. */
  incarnationId: bigint = 0n
  /** Where the dialer can be reached. */
  peerUrls: string[] = []
  /** The largest frame that the dialer sends. */
  maxFrameBytes: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readHello(r: Reader, end: number, m: Hello): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.protocolVersion = r.uint32(end)
        break
      }
      case 16: {
        m.lane = r.int32(end)
        break
      }
      case 24: {
        m.clusterId = r.uint64(end) as ClusterId
        break
      }
      case 32: {
        m.fromId = r.uint64(end) as MemberId
        break
      }
      case 40: {
        m.toId = r.uint64(end) as MemberId
        break
      }
      case 50: {
        m.serverVersion = r.string(end, 'quoratepeer.Hello.server_version')
        break
      }
      case 58: {
        m.minClusterVersion = r.string(end, 'quoratepeer.Hello.min_cluster_version')
        break
      }
      case 64: {
        m.incarnationId = r.uint64(end)
        break
      }
      case 74: {
        m.peerUrls.push(r.string(end, 'quoratepeer.Hello.peer_urls'))
        break
      }
      case 80: {
        m.maxFrameBytes = r.uint32(end)
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
          case 7:
          case 8:
          case 9:
          case 10:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeHello(w: Writer, m: Hello): void {
  if (m.maxFrameBytes !== 0) {
    w.varint32(m.maxFrameBytes)
    w.varint32(80)
  }
  for (let i = m.peerUrls.length - 1; i >= 0; i--) {
    w.string(m.peerUrls[i]!)
    w.varint32(74)
  }
  if (m.incarnationId !== 0n) {
    w.int64(m.incarnationId)
    w.varint32(64)
  }
  if (m.minClusterVersion !== '') {
    w.string(m.minClusterVersion)
    w.varint32(58)
  }
  if (m.serverVersion !== '') {
    w.string(m.serverVersion)
    w.varint32(50)
  }
  if (m.toId !== 0n) {
    w.int64(m.toId)
    w.varint32(40)
  }
  if (m.fromId !== 0n) {
    w.int64(m.fromId)
    w.varint32(32)
  }
  if (m.clusterId !== 0n) {
    w.int64(m.clusterId)
    w.varint32(24)
  }
  if (m.lane !== 0) {
    w.int32(m.lane)
    w.varint32(16)
  }
  if (m.protocolVersion !== 0) {
    w.varint32(m.protocolVersion)
    w.varint32(8)
  }
}

export const HelloCodec: WireCodec<Hello> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Hello()
    readHello(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeHello(scratch, message)
    return scratch.take()
  },
}

export class HelloAck {
  code: number = 0
  message: string = ''
  clusterId: ClusterId = NO_CLUSTER
  memberId: MemberId = NO_MEMBER
  serverVersion: string = ''
  minClusterVersion: string = ''
  /** Bytes of batches that the dialer may send before it is given more. */
  creditBytes: number = 0
  retryAfterMs: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readHelloAck(r: Reader, end: number, m: HelloAck): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.code = r.int32(end)
        break
      }
      case 18: {
        m.message = r.string(end, 'quoratepeer.HelloAck.message')
        break
      }
      case 24: {
        m.clusterId = r.uint64(end) as ClusterId
        break
      }
      case 32: {
        m.memberId = r.uint64(end) as MemberId
        break
      }
      case 42: {
        m.serverVersion = r.string(end, 'quoratepeer.HelloAck.server_version')
        break
      }
      case 50: {
        m.minClusterVersion = r.string(end, 'quoratepeer.HelloAck.min_cluster_version')
        break
      }
      case 56: {
        m.creditBytes = r.uint53(end)
        break
      }
      case 64: {
        m.retryAfterMs = r.uint32(end)
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
          case 7:
          case 8:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeHelloAck(w: Writer, m: HelloAck): void {
  if (m.retryAfterMs !== 0) {
    w.varint32(m.retryAfterMs)
    w.varint32(64)
  }
  if (m.creditBytes !== 0) {
    w.int53(m.creditBytes)
    w.varint32(56)
  }
  if (m.minClusterVersion !== '') {
    w.string(m.minClusterVersion)
    w.varint32(50)
  }
  if (m.serverVersion !== '') {
    w.string(m.serverVersion)
    w.varint32(42)
  }
  if (m.memberId !== 0n) {
    w.int64(m.memberId)
    w.varint32(32)
  }
  if (m.clusterId !== 0n) {
    w.int64(m.clusterId)
    w.varint32(24)
  }
  if (m.message !== '') {
    w.string(m.message)
    w.varint32(18)
  }
  if (m.code !== 0) {
    w.int32(m.code)
    w.varint32(8)
  }
}

export const HelloAckCodec: WireCodec<HelloAck> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new HelloAck()
    readHelloAck(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeHelloAck(scratch, message)
    return scratch.take()
  },
}

export class RaftBatch {
  /** Counts the batches of a stream, from 1. */
  seq: number = 0
  /** Encoded raft messages, in order. Entries may stand behind the other fields of their message. */
  messages: Uint8Array[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readRaftBatch(r: Reader, end: number, m: RaftBatch): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.seq = r.uint53(end)
        break
      }
      case 18: {
        m.messages.push(r.view(end))
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
export function writeRaftBatch(w: Writer, m: RaftBatch): void {
  for (let i = m.messages.length - 1; i >= 0; i--) {
    w.bytes(m.messages[i]!)
    w.varint32(18)
  }
  if (m.seq !== 0) {
    w.int53(m.seq)
    w.varint32(8)
  }
}

export const RaftBatchCodec: WireCodec<RaftBatch> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new RaftBatch()
    readRaftBatch(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeRaftBatch(scratch, message)
    return scratch.take()
  },
}

export class Credit {
  consumedSeq: number = 0
  addBytes: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readCredit(r: Reader, end: number, m: Credit): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.consumedSeq = r.uint53(end)
        break
      }
      case 16: {
        m.addBytes = r.uint53(end)
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
export function writeCredit(w: Writer, m: Credit): void {
  if (m.addBytes !== 0) {
    w.int53(m.addBytes)
    w.varint32(16)
  }
  if (m.consumedSeq !== 0) {
    w.int53(m.consumedSeq)
    w.varint32(8)
  }
}

export const CreditCodec: WireCodec<Credit> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Credit()
    readCredit(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeCredit(scratch, message)
    return scratch.take()
  },
}

export class Ping {
  nonce: bigint = 0n
}

/** Merges the fields up to `end` into `m`. */
export function readPing(r: Reader, end: number, m: Ping): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.nonce = r.uint64(end)
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
export function writePing(w: Writer, m: Ping): void {
  if (m.nonce !== 0n) {
    w.int64(m.nonce)
    w.varint32(8)
  }
}

export const PingCodec: WireCodec<Ping> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Ping()
    readPing(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writePing(scratch, message)
    return scratch.take()
  },
}

export class Pong {
  nonce: bigint = 0n
  /** The answering server's clock. */
  unixMs: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readPong(r: Reader, end: number, m: Pong): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.nonce = r.uint64(end)
        break
      }
      case 16: {
        m.unixMs = r.uint53(end)
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
export function writePong(w: Writer, m: Pong): void {
  if (m.unixMs !== 0) {
    w.int53(m.unixMs)
    w.varint32(16)
  }
  if (m.nonce !== 0n) {
    w.int64(m.nonce)
    w.varint32(8)
  }
}

export const PongCodec: WireCodec<Pong> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Pong()
    readPong(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writePong(scratch, message)
    return scratch.take()
  },
}

export class GoAway {
  code: number = 0
  message: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readGoAway(r: Reader, end: number, m: GoAway): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.code = r.int32(end)
        break
      }
      case 18: {
        m.message = r.string(end, 'quoratepeer.GoAway.message')
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
export function writeGoAway(w: Writer, m: GoAway): void {
  if (m.message !== '') {
    w.string(m.message)
    w.varint32(18)
  }
  if (m.code !== 0) {
    w.int32(m.code)
    w.varint32(8)
  }
}

export const GoAwayCodec: WireCodec<GoAway> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new GoAway()
    readGoAway(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeGoAway(scratch, message)
    return scratch.take()
  },
}

/** Exactly one field. */
export class LaneFrame {
  hello: Hello | undefined = undefined
  batch: RaftBatch | undefined = undefined
  ping: Ping | undefined = undefined
  goAway: GoAway | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readLaneFrame(r: Reader, end: number, m: LaneFrame): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readHello(r, stop, (m.hello ??= new Hello()))
        r.leave()
        break
      }
      case 18: {
        const stop = r.enter(end)
        readRaftBatch(r, stop, (m.batch ??= new RaftBatch()))
        r.leave()
        break
      }
      case 26: {
        const stop = r.enter(end)
        readPing(r, stop, (m.ping ??= new Ping()))
        r.leave()
        break
      }
      case 34: {
        const stop = r.enter(end)
        readGoAway(r, stop, (m.goAway ??= new GoAway()))
        r.leave()
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
export function writeLaneFrame(w: Writer, m: LaneFrame): void {
  if (m.goAway !== undefined) {
    const size = w.size()
    writeGoAway(w, m.goAway)
    w.length(size)
    w.varint32(34)
  }
  if (m.ping !== undefined) {
    const size = w.size()
    writePing(w, m.ping)
    w.length(size)
    w.varint32(26)
  }
  if (m.batch !== undefined) {
    const size = w.size()
    writeRaftBatch(w, m.batch)
    w.length(size)
    w.varint32(18)
  }
  if (m.hello !== undefined) {
    const size = w.size()
    writeHello(w, m.hello)
    w.length(size)
    w.varint32(10)
  }
}

export const LaneFrameCodec: WireCodec<LaneFrame> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LaneFrame()
    readLaneFrame(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLaneFrame(scratch, message)
    return scratch.take()
  },
}

/** Exactly one field. */
export class LaneReply {
  ack: HelloAck | undefined = undefined
  credit: Credit | undefined = undefined
  pong: Pong | undefined = undefined
  goAway: GoAway | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readLaneReply(r: Reader, end: number, m: LaneReply): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readHelloAck(r, stop, (m.ack ??= new HelloAck()))
        r.leave()
        break
      }
      case 18: {
        const stop = r.enter(end)
        readCredit(r, stop, (m.credit ??= new Credit()))
        r.leave()
        break
      }
      case 26: {
        const stop = r.enter(end)
        readPong(r, stop, (m.pong ??= new Pong()))
        r.leave()
        break
      }
      case 34: {
        const stop = r.enter(end)
        readGoAway(r, stop, (m.goAway ??= new GoAway()))
        r.leave()
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
export function writeLaneReply(w: Writer, m: LaneReply): void {
  if (m.goAway !== undefined) {
    const size = w.size()
    writeGoAway(w, m.goAway)
    w.length(size)
    w.varint32(34)
  }
  if (m.pong !== undefined) {
    const size = w.size()
    writePong(w, m.pong)
    w.length(size)
    w.varint32(26)
  }
  if (m.credit !== undefined) {
    const size = w.size()
    writeCredit(w, m.credit)
    w.length(size)
    w.varint32(18)
  }
  if (m.ack !== undefined) {
    const size = w.size()
    writeHelloAck(w, m.ack)
    w.length(size)
    w.varint32(10)
  }
}

export const LaneReplyCodec: WireCodec<LaneReply> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LaneReply()
    readLaneReply(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLaneReply(scratch, message)
    return scratch.take()
  },
}

/** The raft message with the snapshot's metadata; its data follows in chunks. */
export class SnapshotBegin {
  transferId: bigint = 0n
  raftMessage: Uint8Array = EMPTY_BYTES
}

/** Merges the fields up to `end` into `m`. */
export function readSnapshotBegin(r: Reader, end: number, m: SnapshotBegin): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.transferId = r.uint64(end)
        break
      }
      case 18: {
        m.raftMessage = r.view(end)
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
export function writeSnapshotBegin(w: Writer, m: SnapshotBegin): void {
  if (m.raftMessage.length > 0) {
    w.bytes(m.raftMessage)
    w.varint32(18)
  }
  if (m.transferId !== 0n) {
    w.int64(m.transferId)
    w.varint32(8)
  }
}

export const SnapshotBeginCodec: WireCodec<SnapshotBegin> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new SnapshotBegin()
    readSnapshotBegin(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeSnapshotBegin(scratch, message)
    return scratch.take()
  },
}

export class SnapshotAccept {
  transferId: bigint = 0n
  /** Bytes that may be sent beyond what is confirmed as taken. */
  windowBytes: number = 0
  maxChunkBytes: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readSnapshotAccept(r: Reader, end: number, m: SnapshotAccept): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.transferId = r.uint64(end)
        break
      }
      case 16: {
        m.windowBytes = r.uint53(end)
        break
      }
      case 24: {
        m.maxChunkBytes = r.uint32(end)
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
export function writeSnapshotAccept(w: Writer, m: SnapshotAccept): void {
  if (m.maxChunkBytes !== 0) {
    w.varint32(m.maxChunkBytes)
    w.varint32(24)
  }
  if (m.windowBytes !== 0) {
    w.int53(m.windowBytes)
    w.varint32(16)
  }
  if (m.transferId !== 0n) {
    w.int64(m.transferId)
    w.varint32(8)
  }
}

export const SnapshotAcceptCodec: WireCodec<SnapshotAccept> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new SnapshotAccept()
    readSnapshotAccept(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeSnapshotAccept(scratch, message)
    return scratch.take()
  },
}

export class SnapshotChunk {
  offset: number = 0
  data: Uint8Array = EMPTY_BYTES
  /** CRC-32C of `data`. */
  crc: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readSnapshotChunk(r: Reader, end: number, m: SnapshotChunk): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.offset = r.uint53(end)
        break
      }
      case 18: {
        m.data = r.view(end)
        break
      }
      case 24: {
        m.crc = r.uint32(end)
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
export function writeSnapshotChunk(w: Writer, m: SnapshotChunk): void {
  if (m.crc !== 0) {
    w.varint32(m.crc)
    w.varint32(24)
  }
  if (m.data.length > 0) {
    w.bytes(m.data)
    w.varint32(18)
  }
  if (m.offset !== 0) {
    w.int53(m.offset)
    w.varint32(8)
  }
}

export const SnapshotChunkCodec: WireCodec<SnapshotChunk> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new SnapshotChunk()
    readSnapshotChunk(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeSnapshotChunk(scratch, message)
    return scratch.take()
  },
}

export class SnapshotEnd {
  totalBytes: number = 0
  /** SHA-256 of all data. */
  sha256: Uint8Array = EMPTY_BYTES
}

/** Merges the fields up to `end` into `m`. */
export function readSnapshotEnd(r: Reader, end: number, m: SnapshotEnd): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.totalBytes = r.uint53(end)
        break
      }
      case 18: {
        m.sha256 = r.view(end)
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
export function writeSnapshotEnd(w: Writer, m: SnapshotEnd): void {
  if (m.sha256.length > 0) {
    w.bytes(m.sha256)
    w.varint32(18)
  }
  if (m.totalBytes !== 0) {
    w.int53(m.totalBytes)
    w.varint32(8)
  }
}

export const SnapshotEndCodec: WireCodec<SnapshotEnd> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new SnapshotEnd()
    readSnapshotEnd(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeSnapshotEnd(scratch, message)
    return scratch.take()
  },
}

/** Everything in front of `offset` was taken by the receiver's storage. */
export class SnapshotProgress {
  offset: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readSnapshotProgress(r: Reader, end: number, m: SnapshotProgress): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.offset = r.uint53(end)
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
export function writeSnapshotProgress(w: Writer, m: SnapshotProgress): void {
  if (m.offset !== 0) {
    w.int53(m.offset)
    w.varint32(8)
  }
}

export const SnapshotProgressCodec: WireCodec<SnapshotProgress> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new SnapshotProgress()
    readSnapshotProgress(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeSnapshotProgress(scratch, message)
    return scratch.take()
  },
}

export class SnapshotResult {
  code: number = 0
  message: string = ''
  receivedBytes: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readSnapshotResult(r: Reader, end: number, m: SnapshotResult): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.code = r.int32(end)
        break
      }
      case 18: {
        m.message = r.string(end, 'quoratepeer.SnapshotResult.message')
        break
      }
      case 24: {
        m.receivedBytes = r.uint53(end)
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
export function writeSnapshotResult(w: Writer, m: SnapshotResult): void {
  if (m.receivedBytes !== 0) {
    w.int53(m.receivedBytes)
    w.varint32(24)
  }
  if (m.message !== '') {
    w.string(m.message)
    w.varint32(18)
  }
  if (m.code !== 0) {
    w.int32(m.code)
    w.varint32(8)
  }
}

export const SnapshotResultCodec: WireCodec<SnapshotResult> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new SnapshotResult()
    readSnapshotResult(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeSnapshotResult(scratch, message)
    return scratch.take()
  },
}

/** Exactly one field. */
export class SnapshotFrame {
  hello: Hello | undefined = undefined
  begin: SnapshotBegin | undefined = undefined
  chunk: SnapshotChunk | undefined = undefined
  end: SnapshotEnd | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readSnapshotFrame(r: Reader, end: number, m: SnapshotFrame): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readHello(r, stop, (m.hello ??= new Hello()))
        r.leave()
        break
      }
      case 18: {
        const stop = r.enter(end)
        readSnapshotBegin(r, stop, (m.begin ??= new SnapshotBegin()))
        r.leave()
        break
      }
      case 26: {
        const stop = r.enter(end)
        readSnapshotChunk(r, stop, (m.chunk ??= new SnapshotChunk()))
        r.leave()
        break
      }
      case 34: {
        const stop = r.enter(end)
        readSnapshotEnd(r, stop, (m.end ??= new SnapshotEnd()))
        r.leave()
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
export function writeSnapshotFrame(w: Writer, m: SnapshotFrame): void {
  if (m.end !== undefined) {
    const size = w.size()
    writeSnapshotEnd(w, m.end)
    w.length(size)
    w.varint32(34)
  }
  if (m.chunk !== undefined) {
    const size = w.size()
    writeSnapshotChunk(w, m.chunk)
    w.length(size)
    w.varint32(26)
  }
  if (m.begin !== undefined) {
    const size = w.size()
    writeSnapshotBegin(w, m.begin)
    w.length(size)
    w.varint32(18)
  }
  if (m.hello !== undefined) {
    const size = w.size()
    writeHello(w, m.hello)
    w.length(size)
    w.varint32(10)
  }
}

export const SnapshotFrameCodec: WireCodec<SnapshotFrame> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new SnapshotFrame()
    readSnapshotFrame(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeSnapshotFrame(scratch, message)
    return scratch.take()
  },
}

/** Exactly one field. */
export class SnapshotReply {
  ack: HelloAck | undefined = undefined
  accept: SnapshotAccept | undefined = undefined
  progress: SnapshotProgress | undefined = undefined
  result: SnapshotResult | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readSnapshotReply(r: Reader, end: number, m: SnapshotReply): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readHelloAck(r, stop, (m.ack ??= new HelloAck()))
        r.leave()
        break
      }
      case 18: {
        const stop = r.enter(end)
        readSnapshotAccept(r, stop, (m.accept ??= new SnapshotAccept()))
        r.leave()
        break
      }
      case 26: {
        const stop = r.enter(end)
        readSnapshotProgress(r, stop, (m.progress ??= new SnapshotProgress()))
        r.leave()
        break
      }
      case 34: {
        const stop = r.enter(end)
        readSnapshotResult(r, stop, (m.result ??= new SnapshotResult()))
        r.leave()
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
export function writeSnapshotReply(w: Writer, m: SnapshotReply): void {
  if (m.result !== undefined) {
    const size = w.size()
    writeSnapshotResult(w, m.result)
    w.length(size)
    w.varint32(34)
  }
  if (m.progress !== undefined) {
    const size = w.size()
    writeSnapshotProgress(w, m.progress)
    w.length(size)
    w.varint32(26)
  }
  if (m.accept !== undefined) {
    const size = w.size()
    writeSnapshotAccept(w, m.accept)
    w.length(size)
    w.varint32(18)
  }
  if (m.ack !== undefined) {
    const size = w.size()
    writeHelloAck(w, m.ack)
    w.length(size)
    w.varint32(10)
  }
}

export const SnapshotReplyCodec: WireCodec<SnapshotReply> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new SnapshotReply()
    readSnapshotReply(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeSnapshotReply(scratch, message)
    return scratch.take()
  },
}

/**
 * Streams of raft messages. Each member dials every other and sends only on the streams it dialled; the answers carry
 * nothing but the handshake, credit and signs of life.
 */
export const RaftService = {
  name: 'quoratepeer.Raft',
  methods: {
    /** Small and urgent messages: heartbeats, votes, acknowledgements, read indexes. */
    control: {
      name: 'Control',
      kind: 'bidi_stream',
      request: LaneFrameCodec,
      response: LaneReplyCodec,
    },
    /** Log entries and forwarded proposals. */
    append: {
      name: 'Append',
      kind: 'bidi_stream',
      request: LaneFrameCodec,
      response: LaneReplyCodec,
    },
    /** One snapshot. */
    installSnapshot: {
      name: 'InstallSnapshot',
      kind: 'bidi_stream',
      request: SnapshotFrameCodec,
      response: SnapshotReplyCodec,
    },
  },
} as const

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
