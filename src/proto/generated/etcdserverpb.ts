// Generated from the package etcdserverpb in proto/ by scripts/generate-proto.mjs. Do not edit.

import type { ClusterId, LeaseId, MemberId } from '../../base/index.js'
import { EMPTY_BYTES, NO_CLUSTER, NO_LEASE, NO_MEMBER } from '../../base/index.js'
import { DEPTH_MARGIN, DEPTH_MAX, Reader, scratch, type WireCodec, type Writer } from '../wire.js'
import * as authpb from './authpb.js'
import * as membershippb from './membershippb.js'

export const SortOrder = {
  NONE: 0,
  ASCEND: 1,
  DESCEND: 2,
} as const
export type SortOrder = (typeof SortOrder)[keyof typeof SortOrder]

export const SortTarget = {
  KEY: 0,
  VERSION: 1,
  CREATE: 2,
  MOD: 3,
  VALUE: 4,
} as const
export type SortTarget = (typeof SortTarget)[keyof typeof SortTarget]

export const CompareResult = {
  EQUAL: 0,
  GREATER: 1,
  LESS: 2,
  NOT_EQUAL: 3,
} as const
export type CompareResult = (typeof CompareResult)[keyof typeof CompareResult]

export const CompareTarget = {
  VERSION: 0,
  CREATE: 1,
  MOD: 2,
  VALUE: 3,
  LEASE: 4,
} as const
export type CompareTarget = (typeof CompareTarget)[keyof typeof CompareTarget]

export const FilterType = {
  NOPUT: 0,
  NODELETE: 1,
} as const
export type FilterType = (typeof FilterType)[keyof typeof FilterType]

export const AlarmType = {
  NONE: 0,
  NOSPACE: 1,
  CORRUPT: 2,
} as const
export type AlarmType = (typeof AlarmType)[keyof typeof AlarmType]

export const AlarmAction = {
  GET: 0,
  ACTIVATE: 1,
  DEACTIVATE: 2,
} as const
export type AlarmAction = (typeof AlarmAction)[keyof typeof AlarmAction]

export const DowngradeAction = {
  VALIDATE: 0,
  ENABLE: 1,
  CANCEL: 2,
} as const
export type DowngradeAction = (typeof DowngradeAction)[keyof typeof DowngradeAction]

/** First record of every log segment: whose log it is. */
export class Metadata {
  nodeId: MemberId = NO_MEMBER
  clusterId: ClusterId = NO_CLUSTER
}

/** Merges the fields up to `end` into `m`. */
export function readMetadata(r: Reader, end: number, m: Metadata): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.nodeId = r.uint64(end) as MemberId
        break
      }
      case 16: {
        m.clusterId = r.uint64(end) as ClusterId
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
export function writeMetadata(w: Writer, m: Metadata): void {
  w.int64(m.clusterId)
  w.varint32(16)
  w.int64(m.nodeId)
  w.varint32(8)
}

export const MetadataCodec: WireCodec<Metadata> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Metadata()
    readMetadata(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeMetadata(scratch, message)
    return scratch.take()
  },
}

/** Requests of the v2 API. Logs of 3.4 and 3.5 hold them without an InternalRaftRequest around; they are only read. */
export class Request {
  id: bigint = 0n
  method: string = ''
  path: string = ''
  val: string = ''
  dir: boolean = false
  prevValue: string = ''
  prevIndex: number = 0
  prevExist: boolean | undefined = undefined
  /** Unix time in nanoseconds. */
  expiration: bigint = 0n
  wait: boolean = false
  since: number = 0
  recursive: boolean = false
  sorted: boolean = false
  quorum: boolean = false
  /** Unix time in nanoseconds. */
  time: bigint = 0n
  stream: boolean = false
  refresh: boolean | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readRequest(r: Reader, end: number, m: Request): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.id = r.uint64(end)
        break
      }
      case 18: {
        m.method = r.string(end, 'etcdserverpb.Request.Method')
        break
      }
      case 26: {
        m.path = r.string(end, 'etcdserverpb.Request.Path')
        break
      }
      case 34: {
        m.val = r.string(end, 'etcdserverpb.Request.Val')
        break
      }
      case 40: {
        m.dir = r.bool(end)
        break
      }
      case 50: {
        m.prevValue = r.string(end, 'etcdserverpb.Request.PrevValue')
        break
      }
      case 56: {
        m.prevIndex = r.uint53Saturated(end)
        break
      }
      case 64: {
        m.prevExist = r.bool(end)
        break
      }
      case 72: {
        m.expiration = r.int64(end)
        break
      }
      case 80: {
        m.wait = r.bool(end)
        break
      }
      case 88: {
        m.since = r.uint53Saturated(end)
        break
      }
      case 96: {
        m.recursive = r.bool(end)
        break
      }
      case 104: {
        m.sorted = r.bool(end)
        break
      }
      case 112: {
        m.quorum = r.bool(end)
        break
      }
      case 120: {
        m.time = r.int64(end)
        break
      }
      case 128: {
        m.stream = r.bool(end)
        break
      }
      case 136: {
        m.refresh = r.bool(end)
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
          case 11:
          case 12:
          case 13:
          case 14:
          case 15:
          case 16:
          case 17:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeRequest(w: Writer, m: Request): void {
  if (m.refresh !== undefined) {
    w.bool(m.refresh)
    w.varint32(136)
  }
  w.bool(m.stream)
  w.varint32(128)
  w.int64(m.time)
  w.varint32(120)
  w.bool(m.quorum)
  w.varint32(112)
  w.bool(m.sorted)
  w.varint32(104)
  w.bool(m.recursive)
  w.varint32(96)
  w.int53(m.since)
  w.varint32(88)
  w.bool(m.wait)
  w.varint32(80)
  w.int64(m.expiration)
  w.varint32(72)
  if (m.prevExist !== undefined) {
    w.bool(m.prevExist)
    w.varint32(64)
  }
  w.int53(m.prevIndex)
  w.varint32(56)
  w.string(m.prevValue)
  w.varint32(50)
  w.bool(m.dir)
  w.varint32(40)
  w.string(m.val)
  w.varint32(34)
  w.string(m.path)
  w.varint32(26)
  w.string(m.method)
  w.varint32(18)
  w.int64(m.id)
  w.varint32(8)
}

export const RequestCodec: WireCodec<Request> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Request()
    readRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeRequest(scratch, message)
    return scratch.take()
  },
}

export class RequestHeader {
  /** Names the request for the member that waits for its result. */
  id: bigint = 0n
  /** Who asked; empty without auth. */
  username: string = ''
  /** Revision of the auth store when the caller was identified; a stale one fails the request on every member. */
  authRevision: number = 0
  /** Since 3.7. */
  requesterMemberId: MemberId = NO_MEMBER
}

/** Merges the fields up to `end` into `m`. */
export function readRequestHeader(r: Reader, end: number, m: RequestHeader): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.id = r.uint64(end)
        break
      }
      case 18: {
        m.username = r.string(end, 'etcdserverpb.RequestHeader.username')
        break
      }
      case 24: {
        m.authRevision = r.uint53Saturated(end)
        break
      }
      case 32: {
        m.requesterMemberId = r.uint64(end) as MemberId
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
export function writeRequestHeader(w: Writer, m: RequestHeader): void {
  if (m.requesterMemberId !== 0n) {
    w.int64(m.requesterMemberId)
    w.varint32(32)
  }
  if (m.authRevision !== 0) {
    w.int53(m.authRevision)
    w.varint32(24)
  }
  if (m.username !== '') {
    w.string(m.username)
    w.varint32(18)
  }
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(8)
  }
}

export const RequestHeaderCodec: WireCodec<RequestHeader> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new RequestHeader()
    readRequestHeader(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeRequestHeader(scratch, message)
    return scratch.take()
  },
}

/** Exactly one of the requests is set. */
export class InternalRaftRequest {
  /** Used when there is no header. */
  id: bigint = 0n
  range: RangeRequest | undefined = undefined
  put: PutRequest | undefined = undefined
  deleteRange: DeleteRangeRequest | undefined = undefined
  txn: TxnRequest | undefined = undefined
  compaction: CompactionRequest | undefined = undefined
  leaseGrant: LeaseGrantRequest | undefined = undefined
  leaseRevoke: LeaseRevokeRequest | undefined = undefined
  alarm: AlarmRequest | undefined = undefined
  leaseCheckpoint: LeaseCheckpointRequest | undefined = undefined
  header: RequestHeader | undefined = undefined
  authEnable: AuthEnableRequest | undefined = undefined
  authDisable: AuthDisableRequest | undefined = undefined
  authenticate: InternalAuthenticateRequest | undefined = undefined
  authStatus: AuthStatusRequest | undefined = undefined
  authUserAdd: AuthUserAddRequest | undefined = undefined
  authUserDelete: AuthUserDeleteRequest | undefined = undefined
  authUserGet: AuthUserGetRequest | undefined = undefined
  authUserChangePassword: AuthUserChangePasswordRequest | undefined = undefined
  authUserGrantRole: AuthUserGrantRoleRequest | undefined = undefined
  authUserRevokeRole: AuthUserRevokeRoleRequest | undefined = undefined
  authUserList: AuthUserListRequest | undefined = undefined
  authRoleList: AuthRoleListRequest | undefined = undefined
  authRoleAdd: AuthRoleAddRequest | undefined = undefined
  authRoleDelete: AuthRoleDeleteRequest | undefined = undefined
  authRoleGet: AuthRoleGetRequest | undefined = undefined
  authRoleGrantPermission: AuthRoleGrantPermissionRequest | undefined = undefined
  authRoleRevokePermission: AuthRoleRevokePermissionRequest | undefined = undefined
  clusterVersionSet: membershippb.ClusterVersionSetRequest | undefined = undefined
  clusterMemberAttrSet: membershippb.ClusterMemberAttrSetRequest | undefined = undefined
  downgradeInfoSet: membershippb.DowngradeInfoSetRequest | undefined = undefined
  /** Only in tests of downgrades; changes nothing. */
  downgradeVersionTest: DowngradeVersionTestRequest | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readInternalRaftRequest(r: Reader, end: number, m: InternalRaftRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.id = r.uint64(end)
        break
      }
      case 26: {
        const stop = r.enter(end)
        readRangeRequest(r, stop, (m.range ??= new RangeRequest()))
        r.leave()
        break
      }
      case 34: {
        const stop = r.enter(end)
        readPutRequest(r, stop, (m.put ??= new PutRequest()))
        r.leave()
        break
      }
      case 42: {
        const stop = r.enter(end)
        readDeleteRangeRequest(r, stop, (m.deleteRange ??= new DeleteRangeRequest()))
        r.leave()
        break
      }
      case 50: {
        const stop = r.enter(end)
        readTxnRequest(r, stop, (m.txn ??= new TxnRequest()))
        r.leave()
        break
      }
      case 58: {
        const stop = r.enter(end)
        readCompactionRequest(r, stop, (m.compaction ??= new CompactionRequest()))
        r.leave()
        break
      }
      case 66: {
        const stop = r.enter(end)
        readLeaseGrantRequest(r, stop, (m.leaseGrant ??= new LeaseGrantRequest()))
        r.leave()
        break
      }
      case 74: {
        const stop = r.enter(end)
        readLeaseRevokeRequest(r, stop, (m.leaseRevoke ??= new LeaseRevokeRequest()))
        r.leave()
        break
      }
      case 82: {
        const stop = r.enter(end)
        readAlarmRequest(r, stop, (m.alarm ??= new AlarmRequest()))
        r.leave()
        break
      }
      case 90: {
        const stop = r.enter(end)
        readLeaseCheckpointRequest(r, stop, (m.leaseCheckpoint ??= new LeaseCheckpointRequest()))
        r.leave()
        break
      }
      case 802: {
        const stop = r.enter(end)
        readRequestHeader(r, stop, (m.header ??= new RequestHeader()))
        r.leave()
        break
      }
      case 8002: {
        const stop = r.enter(end)
        readAuthEnableRequest(r, stop, (m.authEnable ??= new AuthEnableRequest()))
        r.leave()
        break
      }
      case 8090: {
        const stop = r.enter(end)
        readAuthDisableRequest(r, stop, (m.authDisable ??= new AuthDisableRequest()))
        r.leave()
        break
      }
      case 8098: {
        const stop = r.enter(end)
        readInternalAuthenticateRequest(r, stop, (m.authenticate ??= new InternalAuthenticateRequest()))
        r.leave()
        break
      }
      case 8106: {
        const stop = r.enter(end)
        readAuthStatusRequest(r, stop, (m.authStatus ??= new AuthStatusRequest()))
        r.leave()
        break
      }
      case 8802: {
        const stop = r.enter(end)
        readAuthUserAddRequest(r, stop, (m.authUserAdd ??= new AuthUserAddRequest()))
        r.leave()
        break
      }
      case 8810: {
        const stop = r.enter(end)
        readAuthUserDeleteRequest(r, stop, (m.authUserDelete ??= new AuthUserDeleteRequest()))
        r.leave()
        break
      }
      case 8818: {
        const stop = r.enter(end)
        readAuthUserGetRequest(r, stop, (m.authUserGet ??= new AuthUserGetRequest()))
        r.leave()
        break
      }
      case 8826: {
        const stop = r.enter(end)
        readAuthUserChangePasswordRequest(r, stop, (m.authUserChangePassword ??= new AuthUserChangePasswordRequest()))
        r.leave()
        break
      }
      case 8834: {
        const stop = r.enter(end)
        readAuthUserGrantRoleRequest(r, stop, (m.authUserGrantRole ??= new AuthUserGrantRoleRequest()))
        r.leave()
        break
      }
      case 8842: {
        const stop = r.enter(end)
        readAuthUserRevokeRoleRequest(r, stop, (m.authUserRevokeRole ??= new AuthUserRevokeRoleRequest()))
        r.leave()
        break
      }
      case 8850: {
        const stop = r.enter(end)
        readAuthUserListRequest(r, stop, (m.authUserList ??= new AuthUserListRequest()))
        r.leave()
        break
      }
      case 8858: {
        const stop = r.enter(end)
        readAuthRoleListRequest(r, stop, (m.authRoleList ??= new AuthRoleListRequest()))
        r.leave()
        break
      }
      case 9602: {
        const stop = r.enter(end)
        readAuthRoleAddRequest(r, stop, (m.authRoleAdd ??= new AuthRoleAddRequest()))
        r.leave()
        break
      }
      case 9610: {
        const stop = r.enter(end)
        readAuthRoleDeleteRequest(r, stop, (m.authRoleDelete ??= new AuthRoleDeleteRequest()))
        r.leave()
        break
      }
      case 9618: {
        const stop = r.enter(end)
        readAuthRoleGetRequest(r, stop, (m.authRoleGet ??= new AuthRoleGetRequest()))
        r.leave()
        break
      }
      case 9626: {
        const stop = r.enter(end)
        readAuthRoleGrantPermissionRequest(r, stop, (m.authRoleGrantPermission ??= new AuthRoleGrantPermissionRequest()))
        r.leave()
        break
      }
      case 9634: {
        const stop = r.enter(end)
        readAuthRoleRevokePermissionRequest(r, stop, (m.authRoleRevokePermission ??= new AuthRoleRevokePermissionRequest()))
        r.leave()
        break
      }
      case 10402: {
        const stop = r.enter(end)
        membershippb.readClusterVersionSetRequest(r, stop, (m.clusterVersionSet ??= new membershippb.ClusterVersionSetRequest()))
        r.leave()
        break
      }
      case 10410: {
        const stop = r.enter(end)
        membershippb.readClusterMemberAttrSetRequest(r, stop, (m.clusterMemberAttrSet ??= new membershippb.ClusterMemberAttrSetRequest()))
        r.leave()
        break
      }
      case 10418: {
        const stop = r.enter(end)
        membershippb.readDowngradeInfoSetRequest(r, stop, (m.downgradeInfoSet ??= new membershippb.DowngradeInfoSetRequest()))
        r.leave()
        break
      }
      case 79202: {
        const stop = r.enter(end)
        readDowngradeVersionTestRequest(r, stop, (m.downgradeVersionTest ??= new DowngradeVersionTestRequest()))
        r.leave()
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 3:
          case 4:
          case 5:
          case 6:
          case 7:
          case 8:
          case 9:
          case 10:
          case 11:
          case 100:
          case 1000:
          case 1011:
          case 1012:
          case 1013:
          case 1100:
          case 1101:
          case 1102:
          case 1103:
          case 1104:
          case 1105:
          case 1106:
          case 1107:
          case 1200:
          case 1201:
          case 1202:
          case 1203:
          case 1204:
          case 1300:
          case 1301:
          case 1302:
          case 9900:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeInternalRaftRequest(w: Writer, m: InternalRaftRequest): void {
  if (m.downgradeVersionTest !== undefined) {
    const size = w.size()
    writeDowngradeVersionTestRequest(w, m.downgradeVersionTest)
    w.length(size)
    w.varint32(79202)
  }
  if (m.downgradeInfoSet !== undefined) {
    const size = w.size()
    membershippb.writeDowngradeInfoSetRequest(w, m.downgradeInfoSet)
    w.length(size)
    w.varint32(10418)
  }
  if (m.clusterMemberAttrSet !== undefined) {
    const size = w.size()
    membershippb.writeClusterMemberAttrSetRequest(w, m.clusterMemberAttrSet)
    w.length(size)
    w.varint32(10410)
  }
  if (m.clusterVersionSet !== undefined) {
    const size = w.size()
    membershippb.writeClusterVersionSetRequest(w, m.clusterVersionSet)
    w.length(size)
    w.varint32(10402)
  }
  if (m.authRoleRevokePermission !== undefined) {
    const size = w.size()
    writeAuthRoleRevokePermissionRequest(w, m.authRoleRevokePermission)
    w.length(size)
    w.varint32(9634)
  }
  if (m.authRoleGrantPermission !== undefined) {
    const size = w.size()
    writeAuthRoleGrantPermissionRequest(w, m.authRoleGrantPermission)
    w.length(size)
    w.varint32(9626)
  }
  if (m.authRoleGet !== undefined) {
    const size = w.size()
    writeAuthRoleGetRequest(w, m.authRoleGet)
    w.length(size)
    w.varint32(9618)
  }
  if (m.authRoleDelete !== undefined) {
    const size = w.size()
    writeAuthRoleDeleteRequest(w, m.authRoleDelete)
    w.length(size)
    w.varint32(9610)
  }
  if (m.authRoleAdd !== undefined) {
    const size = w.size()
    writeAuthRoleAddRequest(w, m.authRoleAdd)
    w.length(size)
    w.varint32(9602)
  }
  if (m.authRoleList !== undefined) {
    const size = w.size()
    writeAuthRoleListRequest(w, m.authRoleList)
    w.length(size)
    w.varint32(8858)
  }
  if (m.authUserList !== undefined) {
    const size = w.size()
    writeAuthUserListRequest(w, m.authUserList)
    w.length(size)
    w.varint32(8850)
  }
  if (m.authUserRevokeRole !== undefined) {
    const size = w.size()
    writeAuthUserRevokeRoleRequest(w, m.authUserRevokeRole)
    w.length(size)
    w.varint32(8842)
  }
  if (m.authUserGrantRole !== undefined) {
    const size = w.size()
    writeAuthUserGrantRoleRequest(w, m.authUserGrantRole)
    w.length(size)
    w.varint32(8834)
  }
  if (m.authUserChangePassword !== undefined) {
    const size = w.size()
    writeAuthUserChangePasswordRequest(w, m.authUserChangePassword)
    w.length(size)
    w.varint32(8826)
  }
  if (m.authUserGet !== undefined) {
    const size = w.size()
    writeAuthUserGetRequest(w, m.authUserGet)
    w.length(size)
    w.varint32(8818)
  }
  if (m.authUserDelete !== undefined) {
    const size = w.size()
    writeAuthUserDeleteRequest(w, m.authUserDelete)
    w.length(size)
    w.varint32(8810)
  }
  if (m.authUserAdd !== undefined) {
    const size = w.size()
    writeAuthUserAddRequest(w, m.authUserAdd)
    w.length(size)
    w.varint32(8802)
  }
  if (m.authStatus !== undefined) {
    const size = w.size()
    writeAuthStatusRequest(w, m.authStatus)
    w.length(size)
    w.varint32(8106)
  }
  if (m.authenticate !== undefined) {
    const size = w.size()
    writeInternalAuthenticateRequest(w, m.authenticate)
    w.length(size)
    w.varint32(8098)
  }
  if (m.authDisable !== undefined) {
    const size = w.size()
    writeAuthDisableRequest(w, m.authDisable)
    w.length(size)
    w.varint32(8090)
  }
  if (m.authEnable !== undefined) {
    const size = w.size()
    writeAuthEnableRequest(w, m.authEnable)
    w.length(size)
    w.varint32(8002)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeRequestHeader(w, m.header)
    w.length(size)
    w.varint32(802)
  }
  if (m.leaseCheckpoint !== undefined) {
    const size = w.size()
    writeLeaseCheckpointRequest(w, m.leaseCheckpoint)
    w.length(size)
    w.varint32(90)
  }
  if (m.alarm !== undefined) {
    const size = w.size()
    writeAlarmRequest(w, m.alarm)
    w.length(size)
    w.varint32(82)
  }
  if (m.leaseRevoke !== undefined) {
    const size = w.size()
    writeLeaseRevokeRequest(w, m.leaseRevoke)
    w.length(size)
    w.varint32(74)
  }
  if (m.leaseGrant !== undefined) {
    const size = w.size()
    writeLeaseGrantRequest(w, m.leaseGrant)
    w.length(size)
    w.varint32(66)
  }
  if (m.compaction !== undefined) {
    const size = w.size()
    writeCompactionRequest(w, m.compaction)
    w.length(size)
    w.varint32(58)
  }
  if (m.txn !== undefined) {
    const size = w.size()
    writeTxnRequest(w, m.txn)
    w.length(size)
    w.varint32(50)
  }
  if (m.deleteRange !== undefined) {
    const size = w.size()
    writeDeleteRangeRequest(w, m.deleteRange)
    w.length(size)
    w.varint32(42)
  }
  if (m.put !== undefined) {
    const size = w.size()
    writePutRequest(w, m.put)
    w.length(size)
    w.varint32(34)
  }
  if (m.range !== undefined) {
    const size = w.size()
    writeRangeRequest(w, m.range)
    w.length(size)
    w.varint32(26)
  }
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(8)
  }
}

export const InternalRaftRequestCodec: WireCodec<InternalRaftRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new InternalRaftRequest()
    readInternalRaftRequest(new Reader(bytes, start, end, DEPTH_MAX + DEPTH_MARGIN), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeInternalRaftRequest(scratch, message)
    return scratch.take()
  },
}

export class EmptyResponse {
}

export function readEmptyResponse(r: Reader, end: number, _: EmptyResponse): void {
  while (r.pos < end) r.skip(r.tag(end), end)
}

export function writeEmptyResponse(_w: Writer, _m: EmptyResponse): void {}

export const EmptyResponseCodec: WireCodec<EmptyResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new EmptyResponse()
    readEmptyResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode: () => EMPTY_BYTES,
}

/** An AuthenticateRequest with the token that the receiving member made up. */
export class InternalAuthenticateRequest {
  name: string = ''
  /** Empty in the log: the receiving member checks it. */
  password: string = ''
  simpleToken: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readInternalAuthenticateRequest(r: Reader, end: number, m: InternalAuthenticateRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.name = r.string(end, 'etcdserverpb.InternalAuthenticateRequest.name')
        break
      }
      case 18: {
        m.password = r.string(end, 'etcdserverpb.InternalAuthenticateRequest.password')
        break
      }
      case 26: {
        m.simpleToken = r.string(end, 'etcdserverpb.InternalAuthenticateRequest.simple_token')
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
export function writeInternalAuthenticateRequest(w: Writer, m: InternalAuthenticateRequest): void {
  if (m.simpleToken !== '') {
    w.string(m.simpleToken)
    w.varint32(26)
  }
  if (m.password !== '') {
    w.string(m.password)
    w.varint32(18)
  }
  if (m.name !== '') {
    w.string(m.name)
    w.varint32(10)
  }
}

export const InternalAuthenticateRequestCodec: WireCodec<InternalAuthenticateRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new InternalAuthenticateRequest()
    readInternalAuthenticateRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeInternalAuthenticateRequest(scratch, message)
    return scratch.take()
  },
}

export class ResponseHeader {
  clusterId: ClusterId = NO_CLUSTER
  /** The member that answers. */
  memberId: MemberId = NO_MEMBER
  /** Revision of the store; which moment's, depends on the call. 0 where the store was not asked. */
  revision: number = 0
  raftTerm: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readResponseHeader(r: Reader, end: number, m: ResponseHeader): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.clusterId = r.uint64(end) as ClusterId
        break
      }
      case 16: {
        m.memberId = r.uint64(end) as MemberId
        break
      }
      case 24: {
        m.revision = r.int53Saturated(end)
        break
      }
      case 32: {
        m.raftTerm = r.uint53Saturated(end)
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
export function writeResponseHeader(w: Writer, m: ResponseHeader): void {
  if (m.raftTerm !== 0) {
    w.int53(m.raftTerm)
    w.varint32(32)
  }
  if (m.revision !== 0) {
    w.int53(m.revision)
    w.varint32(24)
  }
  if (m.memberId !== 0n) {
    w.int64(m.memberId)
    w.varint32(16)
  }
  if (m.clusterId !== 0n) {
    w.int64(m.clusterId)
    w.varint32(8)
  }
}

export const ResponseHeaderCodec: WireCodec<ResponseHeader> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new ResponseHeader()
    readResponseHeader(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeResponseHeader(scratch, message)
    return scratch.take()
  },
}

export class RangeRequest {
  key: Uint8Array = EMPTY_BYTES
  rangeEnd: Uint8Array = EMPTY_BYTES
  /** Most pairs to return; 0 or less: all. */
  limit: number = 0
  /** Read the store as of this revision; 0 or less: the newest. */
  revision: number = 0
  sortOrder: number = 0
  sortTarget: number = 0
  /** Answer from this member's state without asking the others: fast, maybe stale. */
  serializable: boolean = false
  keysOnly: boolean = false
  countOnly: boolean = false
  /** Inclusive bounds; 0: none. */
  minModRevision: number = 0
  maxModRevision: number = 0
  minCreateRevision: number = 0
  maxCreateRevision: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readRangeRequest(r: Reader, end: number, m: RangeRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.key = r.view(end)
        break
      }
      case 18: {
        m.rangeEnd = r.view(end)
        break
      }
      case 24: {
        m.limit = r.int53Saturated(end)
        break
      }
      case 32: {
        m.revision = r.int53Saturated(end)
        break
      }
      case 40: {
        m.sortOrder = r.int32(end)
        break
      }
      case 48: {
        m.sortTarget = r.int32(end)
        break
      }
      case 56: {
        m.serializable = r.bool(end)
        break
      }
      case 64: {
        m.keysOnly = r.bool(end)
        break
      }
      case 72: {
        m.countOnly = r.bool(end)
        break
      }
      case 80: {
        m.minModRevision = r.int53Saturated(end)
        break
      }
      case 88: {
        m.maxModRevision = r.int53Saturated(end)
        break
      }
      case 96: {
        m.minCreateRevision = r.int53Saturated(end)
        break
      }
      case 104: {
        m.maxCreateRevision = r.int53Saturated(end)
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
          case 11:
          case 12:
          case 13:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeRangeRequest(w: Writer, m: RangeRequest): void {
  if (m.maxCreateRevision !== 0) {
    w.int53(m.maxCreateRevision)
    w.varint32(104)
  }
  if (m.minCreateRevision !== 0) {
    w.int53(m.minCreateRevision)
    w.varint32(96)
  }
  if (m.maxModRevision !== 0) {
    w.int53(m.maxModRevision)
    w.varint32(88)
  }
  if (m.minModRevision !== 0) {
    w.int53(m.minModRevision)
    w.varint32(80)
  }
  if (m.countOnly) {
    w.bool(m.countOnly)
    w.varint32(72)
  }
  if (m.keysOnly) {
    w.bool(m.keysOnly)
    w.varint32(64)
  }
  if (m.serializable) {
    w.bool(m.serializable)
    w.varint32(56)
  }
  if (m.sortTarget !== 0) {
    w.int32(m.sortTarget)
    w.varint32(48)
  }
  if (m.sortOrder !== 0) {
    w.int32(m.sortOrder)
    w.varint32(40)
  }
  if (m.revision !== 0) {
    w.int53(m.revision)
    w.varint32(32)
  }
  if (m.limit !== 0) {
    w.int53(m.limit)
    w.varint32(24)
  }
  if (m.rangeEnd.length > 0) {
    w.bytes(m.rangeEnd)
    w.varint32(18)
  }
  if (m.key.length > 0) {
    w.bytes(m.key)
    w.varint32(10)
  }
}

export const RangeRequestCodec: WireCodec<RangeRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new RangeRequest()
    readRangeRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeRangeRequest(scratch, message)
    return scratch.take()
  },
}

export class RangeResponse {
  header: ResponseHeader | undefined = undefined
  kvs: Uint8Array[] = []
  /** The limit left keys out. */
  more: boolean = false
  /** Keys in the range at that revision, whatever limit and bounds say. */
  count: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readRangeResponse(r: Reader, end: number, m: RangeResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        m.kvs.push(r.view(end))
        break
      }
      case 24: {
        m.more = r.bool(end)
        break
      }
      case 32: {
        m.count = r.int53Saturated(end)
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
export function writeRangeResponse(w: Writer, m: RangeResponse): void {
  if (m.count !== 0) {
    w.int53(m.count)
    w.varint32(32)
  }
  if (m.more) {
    w.bool(m.more)
    w.varint32(24)
  }
  for (let i = m.kvs.length - 1; i >= 0; i--) {
    w.bytes(m.kvs[i]!)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const RangeResponseCodec: WireCodec<RangeResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new RangeResponse()
    readRangeResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeRangeResponse(scratch, message)
    return scratch.take()
  },
}

/** Merging all messages of a stream gives the RangeResponse of the same request. */
export class RangeStreamResponse {
  rangeResponse: RangeResponse | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readRangeStreamResponse(r: Reader, end: number, m: RangeStreamResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readRangeResponse(r, stop, (m.rangeResponse ??= new RangeResponse()))
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
export function writeRangeStreamResponse(w: Writer, m: RangeStreamResponse): void {
  if (m.rangeResponse !== undefined) {
    const size = w.size()
    writeRangeResponse(w, m.rangeResponse)
    w.length(size)
    w.varint32(10)
  }
}

export const RangeStreamResponseCodec: WireCodec<RangeStreamResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new RangeStreamResponse()
    readRangeStreamResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeRangeStreamResponse(scratch, message)
    return scratch.take()
  },
}

export class PutRequest {
  key: Uint8Array = EMPTY_BYTES
  value: Uint8Array = EMPTY_BYTES
  /** Attach the key to this lease; 0: to none. */
  lease: LeaseId = NO_LEASE
  prevKv: boolean = false
  /** Keep the value that the key has; it must exist. */
  ignoreValue: boolean = false
  /** Keep the lease that the key has; it must exist. */
  ignoreLease: boolean = false
}

/** Merges the fields up to `end` into `m`. */
export function readPutRequest(r: Reader, end: number, m: PutRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.key = r.view(end)
        break
      }
      case 18: {
        m.value = r.view(end)
        break
      }
      case 24: {
        m.lease = r.int64(end) as LeaseId
        break
      }
      case 32: {
        m.prevKv = r.bool(end)
        break
      }
      case 40: {
        m.ignoreValue = r.bool(end)
        break
      }
      case 48: {
        m.ignoreLease = r.bool(end)
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
export function writePutRequest(w: Writer, m: PutRequest): void {
  if (m.ignoreLease) {
    w.bool(m.ignoreLease)
    w.varint32(48)
  }
  if (m.ignoreValue) {
    w.bool(m.ignoreValue)
    w.varint32(40)
  }
  if (m.prevKv) {
    w.bool(m.prevKv)
    w.varint32(32)
  }
  if (m.lease !== 0n) {
    w.int64(m.lease)
    w.varint32(24)
  }
  if (m.value.length > 0) {
    w.bytes(m.value)
    w.varint32(18)
  }
  if (m.key.length > 0) {
    w.bytes(m.key)
    w.varint32(10)
  }
}

export const PutRequestCodec: WireCodec<PutRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new PutRequest()
    readPutRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writePutRequest(scratch, message)
    return scratch.take()
  },
}

export class PutResponse {
  header: ResponseHeader | undefined = undefined
  prevKv: Uint8Array | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readPutResponse(r: Reader, end: number, m: PutResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        m.prevKv = r.merged(m.prevKv, end)
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
export function writePutResponse(w: Writer, m: PutResponse): void {
  if (m.prevKv !== undefined) {
    w.bytes(m.prevKv)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const PutResponseCodec: WireCodec<PutResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new PutResponse()
    readPutResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writePutResponse(scratch, message)
    return scratch.take()
  },
}

export class DeleteRangeRequest {
  key: Uint8Array = EMPTY_BYTES
  rangeEnd: Uint8Array = EMPTY_BYTES
  prevKv: boolean = false
}

/** Merges the fields up to `end` into `m`. */
export function readDeleteRangeRequest(r: Reader, end: number, m: DeleteRangeRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.key = r.view(end)
        break
      }
      case 18: {
        m.rangeEnd = r.view(end)
        break
      }
      case 24: {
        m.prevKv = r.bool(end)
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
export function writeDeleteRangeRequest(w: Writer, m: DeleteRangeRequest): void {
  if (m.prevKv) {
    w.bool(m.prevKv)
    w.varint32(24)
  }
  if (m.rangeEnd.length > 0) {
    w.bytes(m.rangeEnd)
    w.varint32(18)
  }
  if (m.key.length > 0) {
    w.bytes(m.key)
    w.varint32(10)
  }
}

export const DeleteRangeRequestCodec: WireCodec<DeleteRangeRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new DeleteRangeRequest()
    readDeleteRangeRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeDeleteRangeRequest(scratch, message)
    return scratch.take()
  },
}

export class DeleteRangeResponse {
  header: ResponseHeader | undefined = undefined
  deleted: number = 0
  prevKvs: Uint8Array[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readDeleteRangeResponse(r: Reader, end: number, m: DeleteRangeResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 16: {
        m.deleted = r.int53Saturated(end)
        break
      }
      case 26: {
        m.prevKvs.push(r.view(end))
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
export function writeDeleteRangeResponse(w: Writer, m: DeleteRangeResponse): void {
  for (let i = m.prevKvs.length - 1; i >= 0; i--) {
    w.bytes(m.prevKvs[i]!)
    w.varint32(26)
  }
  if (m.deleted !== 0) {
    w.int53(m.deleted)
    w.varint32(16)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const DeleteRangeResponseCodec: WireCodec<DeleteRangeResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new DeleteRangeResponse()
    readDeleteRangeResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeDeleteRangeResponse(scratch, message)
    return scratch.take()
  },
}

export class RequestOp {
  requestRange: RangeRequest | undefined = undefined
  requestPut: PutRequest | undefined = undefined
  requestDeleteRange: DeleteRangeRequest | undefined = undefined
  requestTxn: TxnRequest | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readRequestOp(r: Reader, end: number, m: RequestOp): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.requestPut = undefined
        m.requestDeleteRange = undefined
        m.requestTxn = undefined
        const stop = r.enter(end)
        readRangeRequest(r, stop, (m.requestRange ??= new RangeRequest()))
        r.leave()
        break
      }
      case 18: {
        m.requestRange = undefined
        m.requestDeleteRange = undefined
        m.requestTxn = undefined
        const stop = r.enter(end)
        readPutRequest(r, stop, (m.requestPut ??= new PutRequest()))
        r.leave()
        break
      }
      case 26: {
        m.requestRange = undefined
        m.requestPut = undefined
        m.requestTxn = undefined
        const stop = r.enter(end)
        readDeleteRangeRequest(r, stop, (m.requestDeleteRange ??= new DeleteRangeRequest()))
        r.leave()
        break
      }
      case 34: {
        m.requestRange = undefined
        m.requestPut = undefined
        m.requestDeleteRange = undefined
        const stop = r.enter(end)
        readTxnRequest(r, stop, (m.requestTxn ??= new TxnRequest()))
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
export function writeRequestOp(w: Writer, m: RequestOp): void {
  if (m.requestTxn !== undefined) {
    const size = w.size()
    writeTxnRequest(w, m.requestTxn)
    w.length(size)
    w.varint32(34)
  }
  if (m.requestDeleteRange !== undefined) {
    const size = w.size()
    writeDeleteRangeRequest(w, m.requestDeleteRange)
    w.length(size)
    w.varint32(26)
  }
  if (m.requestPut !== undefined) {
    const size = w.size()
    writePutRequest(w, m.requestPut)
    w.length(size)
    w.varint32(18)
  }
  if (m.requestRange !== undefined) {
    const size = w.size()
    writeRangeRequest(w, m.requestRange)
    w.length(size)
    w.varint32(10)
  }
}

export const RequestOpCodec: WireCodec<RequestOp> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new RequestOp()
    readRequestOp(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeRequestOp(scratch, message)
    return scratch.take()
  },
}

export class ResponseOp {
  responseRange: RangeResponse | undefined = undefined
  responsePut: PutResponse | undefined = undefined
  responseDeleteRange: DeleteRangeResponse | undefined = undefined
  responseTxn: TxnResponse | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readResponseOp(r: Reader, end: number, m: ResponseOp): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.responsePut = undefined
        m.responseDeleteRange = undefined
        m.responseTxn = undefined
        const stop = r.enter(end)
        readRangeResponse(r, stop, (m.responseRange ??= new RangeResponse()))
        r.leave()
        break
      }
      case 18: {
        m.responseRange = undefined
        m.responseDeleteRange = undefined
        m.responseTxn = undefined
        const stop = r.enter(end)
        readPutResponse(r, stop, (m.responsePut ??= new PutResponse()))
        r.leave()
        break
      }
      case 26: {
        m.responseRange = undefined
        m.responsePut = undefined
        m.responseTxn = undefined
        const stop = r.enter(end)
        readDeleteRangeResponse(r, stop, (m.responseDeleteRange ??= new DeleteRangeResponse()))
        r.leave()
        break
      }
      case 34: {
        m.responseRange = undefined
        m.responsePut = undefined
        m.responseDeleteRange = undefined
        const stop = r.enter(end)
        readTxnResponse(r, stop, (m.responseTxn ??= new TxnResponse()))
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
export function writeResponseOp(w: Writer, m: ResponseOp): void {
  if (m.responseTxn !== undefined) {
    const size = w.size()
    writeTxnResponse(w, m.responseTxn)
    w.length(size)
    w.varint32(34)
  }
  if (m.responseDeleteRange !== undefined) {
    const size = w.size()
    writeDeleteRangeResponse(w, m.responseDeleteRange)
    w.length(size)
    w.varint32(26)
  }
  if (m.responsePut !== undefined) {
    const size = w.size()
    writePutResponse(w, m.responsePut)
    w.length(size)
    w.varint32(18)
  }
  if (m.responseRange !== undefined) {
    const size = w.size()
    writeRangeResponse(w, m.responseRange)
    w.length(size)
    w.varint32(10)
  }
}

export const ResponseOpCodec: WireCodec<ResponseOp> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new ResponseOp()
    readResponseOp(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeResponseOp(scratch, message)
    return scratch.take()
  },
}

/** One condition: what is stored, compared with what is given here. */
export class Compare {
  result: number = 0
  target: number = 0
  key: Uint8Array = EMPTY_BYTES
  version: number | undefined = undefined
  createRevision: number | undefined = undefined
  modRevision: number | undefined = undefined
  value: Uint8Array | undefined = undefined
  lease: LeaseId | undefined = undefined
  /** The condition must hold for every key of the range. */
  rangeEnd: Uint8Array = EMPTY_BYTES
}

/** Merges the fields up to `end` into `m`. */
export function readCompare(r: Reader, end: number, m: Compare): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.result = r.int32(end)
        break
      }
      case 16: {
        m.target = r.int32(end)
        break
      }
      case 26: {
        m.key = r.view(end)
        break
      }
      case 32: {
        m.createRevision = undefined
        m.modRevision = undefined
        m.value = undefined
        m.lease = undefined
        m.version = r.int53Saturated(end)
        break
      }
      case 40: {
        m.version = undefined
        m.modRevision = undefined
        m.value = undefined
        m.lease = undefined
        m.createRevision = r.int53Saturated(end)
        break
      }
      case 48: {
        m.version = undefined
        m.createRevision = undefined
        m.value = undefined
        m.lease = undefined
        m.modRevision = r.int53Saturated(end)
        break
      }
      case 58: {
        m.version = undefined
        m.createRevision = undefined
        m.modRevision = undefined
        m.lease = undefined
        m.value = r.view(end)
        break
      }
      case 64: {
        m.version = undefined
        m.createRevision = undefined
        m.modRevision = undefined
        m.value = undefined
        m.lease = r.int64(end) as LeaseId
        break
      }
      case 514: {
        m.rangeEnd = r.view(end)
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
          case 64:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeCompare(w: Writer, m: Compare): void {
  if (m.rangeEnd.length > 0) {
    w.bytes(m.rangeEnd)
    w.varint32(514)
  }
  if (m.lease !== undefined) {
    w.int64(m.lease)
    w.varint32(64)
  }
  if (m.value !== undefined) {
    w.bytes(m.value)
    w.varint32(58)
  }
  if (m.modRevision !== undefined) {
    w.int53(m.modRevision)
    w.varint32(48)
  }
  if (m.createRevision !== undefined) {
    w.int53(m.createRevision)
    w.varint32(40)
  }
  if (m.version !== undefined) {
    w.int53(m.version)
    w.varint32(32)
  }
  if (m.key.length > 0) {
    w.bytes(m.key)
    w.varint32(26)
  }
  if (m.target !== 0) {
    w.int32(m.target)
    w.varint32(16)
  }
  if (m.result !== 0) {
    w.int32(m.result)
    w.varint32(8)
  }
}

export const CompareCodec: WireCodec<Compare> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Compare()
    readCompare(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeCompare(scratch, message)
    return scratch.take()
  },
}

export class TxnRequest {
  /** All must hold; none holds always. */
  compare: Compare[] = []
  success: RequestOp[] = []
  failure: RequestOp[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readTxnRequest(r: Reader, end: number, m: TxnRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        const item = new Compare()
        readCompare(r, stop, item)
        m.compare.push(item)
        r.leave()
        break
      }
      case 18: {
        const stop = r.enter(end)
        const item = new RequestOp()
        readRequestOp(r, stop, item)
        m.success.push(item)
        r.leave()
        break
      }
      case 26: {
        const stop = r.enter(end)
        const item = new RequestOp()
        readRequestOp(r, stop, item)
        m.failure.push(item)
        r.leave()
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
export function writeTxnRequest(w: Writer, m: TxnRequest): void {
  for (let i = m.failure.length - 1; i >= 0; i--) {
    const size = w.size()
    writeRequestOp(w, m.failure[i]!)
    w.length(size)
    w.varint32(26)
  }
  for (let i = m.success.length - 1; i >= 0; i--) {
    const size = w.size()
    writeRequestOp(w, m.success[i]!)
    w.length(size)
    w.varint32(18)
  }
  for (let i = m.compare.length - 1; i >= 0; i--) {
    const size = w.size()
    writeCompare(w, m.compare[i]!)
    w.length(size)
    w.varint32(10)
  }
}

export const TxnRequestCodec: WireCodec<TxnRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new TxnRequest()
    readTxnRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeTxnRequest(scratch, message)
    return scratch.take()
  },
}

export class TxnResponse {
  header: ResponseHeader | undefined = undefined
  succeeded: boolean = false
  /** One per operation of the branch taken, in order. */
  responses: ResponseOp[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readTxnResponse(r: Reader, end: number, m: TxnResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 16: {
        m.succeeded = r.bool(end)
        break
      }
      case 26: {
        const stop = r.enter(end)
        const item = new ResponseOp()
        readResponseOp(r, stop, item)
        m.responses.push(item)
        r.leave()
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
export function writeTxnResponse(w: Writer, m: TxnResponse): void {
  for (let i = m.responses.length - 1; i >= 0; i--) {
    const size = w.size()
    writeResponseOp(w, m.responses[i]!)
    w.length(size)
    w.varint32(26)
  }
  if (m.succeeded) {
    w.bool(m.succeeded)
    w.varint32(16)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const TxnResponseCodec: WireCodec<TxnResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new TxnResponse()
    readTxnResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeTxnResponse(scratch, message)
    return scratch.take()
  },
}

export class CompactionRequest {
  /** History before this revision goes. */
  revision: number = 0
  /** Answer only when this member has removed it from its store. */
  physical: boolean = false
}

/** Merges the fields up to `end` into `m`. */
export function readCompactionRequest(r: Reader, end: number, m: CompactionRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.revision = r.int53Saturated(end)
        break
      }
      case 16: {
        m.physical = r.bool(end)
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
export function writeCompactionRequest(w: Writer, m: CompactionRequest): void {
  if (m.physical) {
    w.bool(m.physical)
    w.varint32(16)
  }
  if (m.revision !== 0) {
    w.int53(m.revision)
    w.varint32(8)
  }
}

export const CompactionRequestCodec: WireCodec<CompactionRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new CompactionRequest()
    readCompactionRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeCompactionRequest(scratch, message)
    return scratch.take()
  },
}

export class CompactionResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readCompactionResponse(r: Reader, end: number, m: CompactionResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeCompactionResponse(w: Writer, m: CompactionResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const CompactionResponseCodec: WireCodec<CompactionResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new CompactionResponse()
    readCompactionResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeCompactionResponse(scratch, message)
    return scratch.take()
  },
}

export class HashRequest {
}

export function readHashRequest(r: Reader, end: number, _: HashRequest): void {
  while (r.pos < end) r.skip(r.tag(end), end)
}

export function writeHashRequest(_w: Writer, _m: HashRequest): void {}

export const HashRequestCodec: WireCodec<HashRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new HashRequest()
    readHashRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode: () => EMPTY_BYTES,
}

export class HashKVRequest {
  /** 0: the current one. */
  revision: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readHashKVRequest(r: Reader, end: number, m: HashKVRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.revision = r.int53Saturated(end)
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
  header: ResponseHeader | undefined = undefined
  hash: number = 0
  compactRevision: number = 0
  /** The revision that was hashed; since 3.6. */
  hashRevision: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readHashKVResponse(r: Reader, end: number, m: HashKVResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 16: {
        m.hash = r.uint32(end)
        break
      }
      case 24: {
        m.compactRevision = r.int53Saturated(end)
        break
      }
      case 32: {
        m.hashRevision = r.int53Saturated(end)
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
export function writeHashKVResponse(w: Writer, m: HashKVResponse): void {
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
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
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

export class HashResponse {
  header: ResponseHeader | undefined = undefined
  hash: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readHashResponse(r: Reader, end: number, m: HashResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 16: {
        m.hash = r.uint32(end)
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
export function writeHashResponse(w: Writer, m: HashResponse): void {
  if (m.hash !== 0) {
    w.varint32(m.hash)
    w.varint32(16)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const HashResponseCodec: WireCodec<HashResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new HashResponse()
    readHashResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeHashResponse(scratch, message)
    return scratch.take()
  },
}

export class SnapshotRequest {
}

export function readSnapshotRequest(r: Reader, end: number, _: SnapshotRequest): void {
  while (r.pos < end) r.skip(r.tag(end), end)
}

export function writeSnapshotRequest(_w: Writer, _m: SnapshotRequest): void {}

export const SnapshotRequestCodec: WireCodec<SnapshotRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new SnapshotRequest()
    readSnapshotRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode: () => EMPTY_BYTES,
}

export class SnapshotResponse {
  header: ResponseHeader | undefined = undefined
  /** What follows after this blob. */
  remainingBytes: number = 0
  blob: Uint8Array = EMPTY_BYTES
  /** Storage version of the sender; since 3.6. */
  version: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readSnapshotResponse(r: Reader, end: number, m: SnapshotResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 16: {
        m.remainingBytes = r.uint53Saturated(end)
        break
      }
      case 26: {
        m.blob = r.view(end)
        break
      }
      case 34: {
        m.version = r.string(end, 'etcdserverpb.SnapshotResponse.version')
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
export function writeSnapshotResponse(w: Writer, m: SnapshotResponse): void {
  if (m.version !== '') {
    w.string(m.version)
    w.varint32(34)
  }
  if (m.blob.length > 0) {
    w.bytes(m.blob)
    w.varint32(26)
  }
  if (m.remainingBytes !== 0) {
    w.int53(m.remainingBytes)
    w.varint32(16)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const SnapshotResponseCodec: WireCodec<SnapshotResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new SnapshotResponse()
    readSnapshotResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeSnapshotResponse(scratch, message)
    return scratch.take()
  },
}

export class WatchRequest {
  createRequest: WatchCreateRequest | undefined = undefined
  cancelRequest: WatchCancelRequest | undefined = undefined
  progressRequest: WatchProgressRequest | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readWatchRequest(r: Reader, end: number, m: WatchRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.cancelRequest = undefined
        m.progressRequest = undefined
        const stop = r.enter(end)
        readWatchCreateRequest(r, stop, (m.createRequest ??= new WatchCreateRequest()))
        r.leave()
        break
      }
      case 18: {
        m.createRequest = undefined
        m.progressRequest = undefined
        const stop = r.enter(end)
        readWatchCancelRequest(r, stop, (m.cancelRequest ??= new WatchCancelRequest()))
        r.leave()
        break
      }
      case 26: {
        m.createRequest = undefined
        m.cancelRequest = undefined
        const stop = r.enter(end)
        readWatchProgressRequest(r, stop, (m.progressRequest ??= new WatchProgressRequest()))
        r.leave()
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
export function writeWatchRequest(w: Writer, m: WatchRequest): void {
  if (m.progressRequest !== undefined) {
    const size = w.size()
    writeWatchProgressRequest(w, m.progressRequest)
    w.length(size)
    w.varint32(26)
  }
  if (m.cancelRequest !== undefined) {
    const size = w.size()
    writeWatchCancelRequest(w, m.cancelRequest)
    w.length(size)
    w.varint32(18)
  }
  if (m.createRequest !== undefined) {
    const size = w.size()
    writeWatchCreateRequest(w, m.createRequest)
    w.length(size)
    w.varint32(10)
  }
}

export const WatchRequestCodec: WireCodec<WatchRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new WatchRequest()
    readWatchRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeWatchRequest(scratch, message)
    return scratch.take()
  },
}

export class WatchCreateRequest {
  key: Uint8Array = EMPTY_BYTES
  rangeEnd: Uint8Array = EMPTY_BYTES
  /** First revision to report; 0: what comes from now on. */
  startRevision: number = 0
  /** Send an empty response from time to time when nothing happens. */
  progressNotify: boolean = false
  /** Events to leave out. */
  filters: number[] = []
  prevKv: boolean = false
  /** Chosen by the client; 0 lets the server choose. */
  watchId: bigint = 0n
  /** Responses may be split. */
  fragment: boolean = false
}

/** Merges the fields up to `end` into `m`. */
export function readWatchCreateRequest(r: Reader, end: number, m: WatchCreateRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.key = r.view(end)
        break
      }
      case 18: {
        m.rangeEnd = r.view(end)
        break
      }
      case 24: {
        m.startRevision = r.int53Saturated(end)
        break
      }
      case 32: {
        m.progressNotify = r.bool(end)
        break
      }
      case 40: {
        m.filters.push(r.int32(end))
        break
      }
      case 42: {
        const stop = r.stop(end)
        while (r.pos < stop) m.filters.push(r.int32(stop))
        break
      }
      case 48: {
        m.prevKv = r.bool(end)
        break
      }
      case 56: {
        m.watchId = r.int64(end)
        break
      }
      case 64: {
        m.fragment = r.bool(end)
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
export function writeWatchCreateRequest(w: Writer, m: WatchCreateRequest): void {
  if (m.fragment) {
    w.bool(m.fragment)
    w.varint32(64)
  }
  if (m.watchId !== 0n) {
    w.int64(m.watchId)
    w.varint32(56)
  }
  if (m.prevKv) {
    w.bool(m.prevKv)
    w.varint32(48)
  }
  if (m.filters.length > 0) {
    const size = w.size()
    for (let i = m.filters.length - 1; i >= 0; i--) w.int32(m.filters[i]!)
    w.length(size)
    w.varint32(42)
  }
  if (m.progressNotify) {
    w.bool(m.progressNotify)
    w.varint32(32)
  }
  if (m.startRevision !== 0) {
    w.int53(m.startRevision)
    w.varint32(24)
  }
  if (m.rangeEnd.length > 0) {
    w.bytes(m.rangeEnd)
    w.varint32(18)
  }
  if (m.key.length > 0) {
    w.bytes(m.key)
    w.varint32(10)
  }
}

export const WatchCreateRequestCodec: WireCodec<WatchCreateRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new WatchCreateRequest()
    readWatchCreateRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeWatchCreateRequest(scratch, message)
    return scratch.take()
  },
}

export class WatchCancelRequest {
  watchId: bigint = 0n
}

/** Merges the fields up to `end` into `m`. */
export function readWatchCancelRequest(r: Reader, end: number, m: WatchCancelRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.watchId = r.int64(end)
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
export function writeWatchCancelRequest(w: Writer, m: WatchCancelRequest): void {
  if (m.watchId !== 0n) {
    w.int64(m.watchId)
    w.varint32(8)
  }
}

export const WatchCancelRequestCodec: WireCodec<WatchCancelRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new WatchCancelRequest()
    readWatchCancelRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeWatchCancelRequest(scratch, message)
    return scratch.take()
  },
}

/** Asks for a response that tells how far the stream is. */
export class WatchProgressRequest {
}

export function readWatchProgressRequest(r: Reader, end: number, _: WatchProgressRequest): void {
  while (r.pos < end) r.skip(r.tag(end), end)
}

export function writeWatchProgressRequest(_w: Writer, _m: WatchProgressRequest): void {}

export const WatchProgressRequestCodec: WireCodec<WatchProgressRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new WatchProgressRequest()
    readWatchProgressRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode: () => EMPTY_BYTES,
}

export class WatchResponse {
  header: ResponseHeader | undefined = undefined
  watchId: bigint = 0n
  created: boolean = false
  canceled: boolean = false
  /** Not 0: the watcher wanted history before this revision, which is gone. */
  compactRevision: number = 0
  cancelReason: string = ''
  /** More of the same response follows. */
  fragment: boolean = false
  events: Uint8Array[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readWatchResponse(r: Reader, end: number, m: WatchResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 16: {
        m.watchId = r.int64(end)
        break
      }
      case 24: {
        m.created = r.bool(end)
        break
      }
      case 32: {
        m.canceled = r.bool(end)
        break
      }
      case 40: {
        m.compactRevision = r.int53Saturated(end)
        break
      }
      case 50: {
        m.cancelReason = r.string(end, 'etcdserverpb.WatchResponse.cancel_reason')
        break
      }
      case 56: {
        m.fragment = r.bool(end)
        break
      }
      case 90: {
        m.events.push(r.view(end))
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
          case 11:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeWatchResponse(w: Writer, m: WatchResponse): void {
  for (let i = m.events.length - 1; i >= 0; i--) {
    w.bytes(m.events[i]!)
    w.varint32(90)
  }
  if (m.fragment) {
    w.bool(m.fragment)
    w.varint32(56)
  }
  if (m.cancelReason !== '') {
    w.string(m.cancelReason)
    w.varint32(50)
  }
  if (m.compactRevision !== 0) {
    w.int53(m.compactRevision)
    w.varint32(40)
  }
  if (m.canceled) {
    w.bool(m.canceled)
    w.varint32(32)
  }
  if (m.created) {
    w.bool(m.created)
    w.varint32(24)
  }
  if (m.watchId !== 0n) {
    w.int64(m.watchId)
    w.varint32(16)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const WatchResponseCodec: WireCodec<WatchResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new WatchResponse()
    readWatchResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeWatchResponse(scratch, message)
    return scratch.take()
  },
}

export class LeaseGrantRequest {
  /** Seconds. */
  ttl: number = 0
  /** 0 lets the server choose. */
  id: LeaseId = NO_LEASE
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseGrantRequest(r: Reader, end: number, m: LeaseGrantRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.ttl = r.int53Saturated(end)
        break
      }
      case 16: {
        m.id = r.int64(end) as LeaseId
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
export function writeLeaseGrantRequest(w: Writer, m: LeaseGrantRequest): void {
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(16)
  }
  if (m.ttl !== 0) {
    w.int53(m.ttl)
    w.varint32(8)
  }
}

export const LeaseGrantRequestCodec: WireCodec<LeaseGrantRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseGrantRequest()
    readLeaseGrantRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseGrantRequest(scratch, message)
    return scratch.take()
  },
}

export class LeaseGrantResponse {
  header: ResponseHeader | undefined = undefined
  id: LeaseId = NO_LEASE
  /** Seconds, as granted. */
  ttl: number = 0
  error: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseGrantResponse(r: Reader, end: number, m: LeaseGrantResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 16: {
        m.id = r.int64(end) as LeaseId
        break
      }
      case 24: {
        m.ttl = r.int53Saturated(end)
        break
      }
      case 34: {
        m.error = r.string(end, 'etcdserverpb.LeaseGrantResponse.error')
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
export function writeLeaseGrantResponse(w: Writer, m: LeaseGrantResponse): void {
  if (m.error !== '') {
    w.string(m.error)
    w.varint32(34)
  }
  if (m.ttl !== 0) {
    w.int53(m.ttl)
    w.varint32(24)
  }
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(16)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const LeaseGrantResponseCodec: WireCodec<LeaseGrantResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseGrantResponse()
    readLeaseGrantResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseGrantResponse(scratch, message)
    return scratch.take()
  },
}

export class LeaseRevokeRequest {
  id: LeaseId = NO_LEASE
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseRevokeRequest(r: Reader, end: number, m: LeaseRevokeRequest): void {
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
export function writeLeaseRevokeRequest(w: Writer, m: LeaseRevokeRequest): void {
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(8)
  }
}

export const LeaseRevokeRequestCodec: WireCodec<LeaseRevokeRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseRevokeRequest()
    readLeaseRevokeRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseRevokeRequest(scratch, message)
    return scratch.take()
  },
}

export class LeaseRevokeResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseRevokeResponse(r: Reader, end: number, m: LeaseRevokeResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeLeaseRevokeResponse(w: Writer, m: LeaseRevokeResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const LeaseRevokeResponseCodec: WireCodec<LeaseRevokeResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseRevokeResponse()
    readLeaseRevokeResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseRevokeResponse(scratch, message)
    return scratch.take()
  },
}

export class LeaseCheckpoint {
  id: LeaseId = NO_LEASE
  /** Seconds left. */
  remainingTtl: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseCheckpoint(r: Reader, end: number, m: LeaseCheckpoint): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.id = r.int64(end) as LeaseId
        break
      }
      case 16: {
        m.remainingTtl = r.int53Saturated(end)
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
export function writeLeaseCheckpoint(w: Writer, m: LeaseCheckpoint): void {
  if (m.remainingTtl !== 0) {
    w.int53(m.remainingTtl)
    w.varint32(16)
  }
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(8)
  }
}

export const LeaseCheckpointCodec: WireCodec<LeaseCheckpoint> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseCheckpoint()
    readLeaseCheckpoint(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseCheckpoint(scratch, message)
    return scratch.take()
  },
}

export class LeaseCheckpointRequest {
  checkpoints: LeaseCheckpoint[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseCheckpointRequest(r: Reader, end: number, m: LeaseCheckpointRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        const item = new LeaseCheckpoint()
        readLeaseCheckpoint(r, stop, item)
        m.checkpoints.push(item)
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
export function writeLeaseCheckpointRequest(w: Writer, m: LeaseCheckpointRequest): void {
  for (let i = m.checkpoints.length - 1; i >= 0; i--) {
    const size = w.size()
    writeLeaseCheckpoint(w, m.checkpoints[i]!)
    w.length(size)
    w.varint32(10)
  }
}

export const LeaseCheckpointRequestCodec: WireCodec<LeaseCheckpointRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseCheckpointRequest()
    readLeaseCheckpointRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseCheckpointRequest(scratch, message)
    return scratch.take()
  },
}

export class LeaseCheckpointResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseCheckpointResponse(r: Reader, end: number, m: LeaseCheckpointResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeLeaseCheckpointResponse(w: Writer, m: LeaseCheckpointResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const LeaseCheckpointResponseCodec: WireCodec<LeaseCheckpointResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseCheckpointResponse()
    readLeaseCheckpointResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseCheckpointResponse(scratch, message)
    return scratch.take()
  },
}

export class LeaseKeepAliveRequest {
  id: LeaseId = NO_LEASE
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseKeepAliveRequest(r: Reader, end: number, m: LeaseKeepAliveRequest): void {
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
export function writeLeaseKeepAliveRequest(w: Writer, m: LeaseKeepAliveRequest): void {
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(8)
  }
}

export const LeaseKeepAliveRequestCodec: WireCodec<LeaseKeepAliveRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseKeepAliveRequest()
    readLeaseKeepAliveRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseKeepAliveRequest(scratch, message)
    return scratch.take()
  },
}

export class LeaseKeepAliveResponse {
  header: ResponseHeader | undefined = undefined
  id: LeaseId = NO_LEASE
  /** Seconds from now; 0: there is no such lease. */
  ttl: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseKeepAliveResponse(r: Reader, end: number, m: LeaseKeepAliveResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 16: {
        m.id = r.int64(end) as LeaseId
        break
      }
      case 24: {
        m.ttl = r.int53Saturated(end)
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
export function writeLeaseKeepAliveResponse(w: Writer, m: LeaseKeepAliveResponse): void {
  if (m.ttl !== 0) {
    w.int53(m.ttl)
    w.varint32(24)
  }
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(16)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const LeaseKeepAliveResponseCodec: WireCodec<LeaseKeepAliveResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseKeepAliveResponse()
    readLeaseKeepAliveResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseKeepAliveResponse(scratch, message)
    return scratch.take()
  },
}

export class LeaseTimeToLiveRequest {
  id: LeaseId = NO_LEASE
  /** List the attached keys. */
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
  header: ResponseHeader | undefined = undefined
  id: LeaseId = NO_LEASE
  /** Seconds left; -1: there is no such lease. */
  ttl: number = 0
  /** Seconds, as granted. */
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
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 16: {
        m.id = r.int64(end) as LeaseId
        break
      }
      case 24: {
        m.ttl = r.int53Saturated(end)
        break
      }
      case 32: {
        m.grantedTtl = r.int53Saturated(end)
        break
      }
      case 42: {
        m.keys.push(r.view(end))
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
export function writeLeaseTimeToLiveResponse(w: Writer, m: LeaseTimeToLiveResponse): void {
  for (let i = m.keys.length - 1; i >= 0; i--) {
    w.bytes(m.keys[i]!)
    w.varint32(42)
  }
  if (m.grantedTtl !== 0) {
    w.int53(m.grantedTtl)
    w.varint32(32)
  }
  if (m.ttl !== 0) {
    w.int53(m.ttl)
    w.varint32(24)
  }
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(16)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
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

export class LeaseLeasesRequest {
}

export function readLeaseLeasesRequest(r: Reader, end: number, _: LeaseLeasesRequest): void {
  while (r.pos < end) r.skip(r.tag(end), end)
}

export function writeLeaseLeasesRequest(_w: Writer, _m: LeaseLeasesRequest): void {}

export const LeaseLeasesRequestCodec: WireCodec<LeaseLeasesRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseLeasesRequest()
    readLeaseLeasesRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode: () => EMPTY_BYTES,
}

export class LeaseStatus {
  id: LeaseId = NO_LEASE
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseStatus(r: Reader, end: number, m: LeaseStatus): void {
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
export function writeLeaseStatus(w: Writer, m: LeaseStatus): void {
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(8)
  }
}

export const LeaseStatusCodec: WireCodec<LeaseStatus> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseStatus()
    readLeaseStatus(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseStatus(scratch, message)
    return scratch.take()
  },
}

export class LeaseLeasesResponse {
  header: ResponseHeader | undefined = undefined
  leases: LeaseStatus[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readLeaseLeasesResponse(r: Reader, end: number, m: LeaseLeasesResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        const stop = r.enter(end)
        const item = new LeaseStatus()
        readLeaseStatus(r, stop, item)
        m.leases.push(item)
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
export function writeLeaseLeasesResponse(w: Writer, m: LeaseLeasesResponse): void {
  for (let i = m.leases.length - 1; i >= 0; i--) {
    const size = w.size()
    writeLeaseStatus(w, m.leases[i]!)
    w.length(size)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const LeaseLeasesResponseCodec: WireCodec<LeaseLeasesResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaseLeasesResponse()
    readLeaseLeasesResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaseLeasesResponse(scratch, message)
    return scratch.take()
  },
}

export class Member {
  id: MemberId = NO_MEMBER
  /** Empty until the member has started once. */
  name: string = ''
  peerUrls: string[] = []
  clientUrls: string[] = []
  isLearner: boolean = false
}

/** Merges the fields up to `end` into `m`. */
export function readMember(r: Reader, end: number, m: Member): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.id = r.uint64(end) as MemberId
        break
      }
      case 18: {
        m.name = r.string(end, 'etcdserverpb.Member.name')
        break
      }
      case 26: {
        m.peerUrls.push(r.string(end, 'etcdserverpb.Member.peerURLs'))
        break
      }
      case 34: {
        m.clientUrls.push(r.string(end, 'etcdserverpb.Member.clientURLs'))
        break
      }
      case 40: {
        m.isLearner = r.bool(end)
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
export function writeMember(w: Writer, m: Member): void {
  if (m.isLearner) {
    w.bool(m.isLearner)
    w.varint32(40)
  }
  for (let i = m.clientUrls.length - 1; i >= 0; i--) {
    w.string(m.clientUrls[i]!)
    w.varint32(34)
  }
  for (let i = m.peerUrls.length - 1; i >= 0; i--) {
    w.string(m.peerUrls[i]!)
    w.varint32(26)
  }
  if (m.name !== '') {
    w.string(m.name)
    w.varint32(18)
  }
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(8)
  }
}

export const MemberCodec: WireCodec<Member> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Member()
    readMember(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeMember(scratch, message)
    return scratch.take()
  },
}

export class MemberAddRequest {
  peerUrls: string[] = []
  isLearner: boolean = false
}

/** Merges the fields up to `end` into `m`. */
export function readMemberAddRequest(r: Reader, end: number, m: MemberAddRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.peerUrls.push(r.string(end, 'etcdserverpb.MemberAddRequest.peerURLs'))
        break
      }
      case 16: {
        m.isLearner = r.bool(end)
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
export function writeMemberAddRequest(w: Writer, m: MemberAddRequest): void {
  if (m.isLearner) {
    w.bool(m.isLearner)
    w.varint32(16)
  }
  for (let i = m.peerUrls.length - 1; i >= 0; i--) {
    w.string(m.peerUrls[i]!)
    w.varint32(10)
  }
}

export const MemberAddRequestCodec: WireCodec<MemberAddRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new MemberAddRequest()
    readMemberAddRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeMemberAddRequest(scratch, message)
    return scratch.take()
  },
}

export class MemberAddResponse {
  header: ResponseHeader | undefined = undefined
  member: Member | undefined = undefined
  /** All members after the change. */
  members: Member[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readMemberAddResponse(r: Reader, end: number, m: MemberAddResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        const stop = r.enter(end)
        readMember(r, stop, (m.member ??= new Member()))
        r.leave()
        break
      }
      case 26: {
        const stop = r.enter(end)
        const item = new Member()
        readMember(r, stop, item)
        m.members.push(item)
        r.leave()
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
export function writeMemberAddResponse(w: Writer, m: MemberAddResponse): void {
  for (let i = m.members.length - 1; i >= 0; i--) {
    const size = w.size()
    writeMember(w, m.members[i]!)
    w.length(size)
    w.varint32(26)
  }
  if (m.member !== undefined) {
    const size = w.size()
    writeMember(w, m.member)
    w.length(size)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const MemberAddResponseCodec: WireCodec<MemberAddResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new MemberAddResponse()
    readMemberAddResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeMemberAddResponse(scratch, message)
    return scratch.take()
  },
}

export class MemberRemoveRequest {
  id: MemberId = NO_MEMBER
}

/** Merges the fields up to `end` into `m`. */
export function readMemberRemoveRequest(r: Reader, end: number, m: MemberRemoveRequest): void {
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
export function writeMemberRemoveRequest(w: Writer, m: MemberRemoveRequest): void {
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(8)
  }
}

export const MemberRemoveRequestCodec: WireCodec<MemberRemoveRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new MemberRemoveRequest()
    readMemberRemoveRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeMemberRemoveRequest(scratch, message)
    return scratch.take()
  },
}

export class MemberRemoveResponse {
  header: ResponseHeader | undefined = undefined
  members: Member[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readMemberRemoveResponse(r: Reader, end: number, m: MemberRemoveResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        const stop = r.enter(end)
        const item = new Member()
        readMember(r, stop, item)
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
export function writeMemberRemoveResponse(w: Writer, m: MemberRemoveResponse): void {
  for (let i = m.members.length - 1; i >= 0; i--) {
    const size = w.size()
    writeMember(w, m.members[i]!)
    w.length(size)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const MemberRemoveResponseCodec: WireCodec<MemberRemoveResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new MemberRemoveResponse()
    readMemberRemoveResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeMemberRemoveResponse(scratch, message)
    return scratch.take()
  },
}

export class MemberUpdateRequest {
  id: MemberId = NO_MEMBER
  peerUrls: string[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readMemberUpdateRequest(r: Reader, end: number, m: MemberUpdateRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.id = r.uint64(end) as MemberId
        break
      }
      case 18: {
        m.peerUrls.push(r.string(end, 'etcdserverpb.MemberUpdateRequest.peerURLs'))
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
export function writeMemberUpdateRequest(w: Writer, m: MemberUpdateRequest): void {
  for (let i = m.peerUrls.length - 1; i >= 0; i--) {
    w.string(m.peerUrls[i]!)
    w.varint32(18)
  }
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(8)
  }
}

export const MemberUpdateRequestCodec: WireCodec<MemberUpdateRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new MemberUpdateRequest()
    readMemberUpdateRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeMemberUpdateRequest(scratch, message)
    return scratch.take()
  },
}

export class MemberUpdateResponse {
  header: ResponseHeader | undefined = undefined
  members: Member[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readMemberUpdateResponse(r: Reader, end: number, m: MemberUpdateResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        const stop = r.enter(end)
        const item = new Member()
        readMember(r, stop, item)
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
export function writeMemberUpdateResponse(w: Writer, m: MemberUpdateResponse): void {
  for (let i = m.members.length - 1; i >= 0; i--) {
    const size = w.size()
    writeMember(w, m.members[i]!)
    w.length(size)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const MemberUpdateResponseCodec: WireCodec<MemberUpdateResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new MemberUpdateResponse()
    readMemberUpdateResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeMemberUpdateResponse(scratch, message)
    return scratch.take()
  },
}

export class MemberListRequest {
  linearizable: boolean = false
}

/** Merges the fields up to `end` into `m`. */
export function readMemberListRequest(r: Reader, end: number, m: MemberListRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.linearizable = r.bool(end)
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
export function writeMemberListRequest(w: Writer, m: MemberListRequest): void {
  if (m.linearizable) {
    w.bool(m.linearizable)
    w.varint32(8)
  }
}

export const MemberListRequestCodec: WireCodec<MemberListRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new MemberListRequest()
    readMemberListRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeMemberListRequest(scratch, message)
    return scratch.take()
  },
}

export class MemberListResponse {
  header: ResponseHeader | undefined = undefined
  members: Member[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readMemberListResponse(r: Reader, end: number, m: MemberListResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        const stop = r.enter(end)
        const item = new Member()
        readMember(r, stop, item)
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
export function writeMemberListResponse(w: Writer, m: MemberListResponse): void {
  for (let i = m.members.length - 1; i >= 0; i--) {
    const size = w.size()
    writeMember(w, m.members[i]!)
    w.length(size)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const MemberListResponseCodec: WireCodec<MemberListResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new MemberListResponse()
    readMemberListResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeMemberListResponse(scratch, message)
    return scratch.take()
  },
}

export class MemberPromoteRequest {
  id: MemberId = NO_MEMBER
}

/** Merges the fields up to `end` into `m`. */
export function readMemberPromoteRequest(r: Reader, end: number, m: MemberPromoteRequest): void {
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
export function writeMemberPromoteRequest(w: Writer, m: MemberPromoteRequest): void {
  if (m.id !== 0n) {
    w.int64(m.id)
    w.varint32(8)
  }
}

export const MemberPromoteRequestCodec: WireCodec<MemberPromoteRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new MemberPromoteRequest()
    readMemberPromoteRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeMemberPromoteRequest(scratch, message)
    return scratch.take()
  },
}

export class MemberPromoteResponse {
  header: ResponseHeader | undefined = undefined
  members: Member[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readMemberPromoteResponse(r: Reader, end: number, m: MemberPromoteResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        const stop = r.enter(end)
        const item = new Member()
        readMember(r, stop, item)
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
export function writeMemberPromoteResponse(w: Writer, m: MemberPromoteResponse): void {
  for (let i = m.members.length - 1; i >= 0; i--) {
    const size = w.size()
    writeMember(w, m.members[i]!)
    w.length(size)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const MemberPromoteResponseCodec: WireCodec<MemberPromoteResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new MemberPromoteResponse()
    readMemberPromoteResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeMemberPromoteResponse(scratch, message)
    return scratch.take()
  },
}

export class DefragmentRequest {
}

export function readDefragmentRequest(r: Reader, end: number, _: DefragmentRequest): void {
  while (r.pos < end) r.skip(r.tag(end), end)
}

export function writeDefragmentRequest(_w: Writer, _m: DefragmentRequest): void {}

export const DefragmentRequestCodec: WireCodec<DefragmentRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new DefragmentRequest()
    readDefragmentRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode: () => EMPTY_BYTES,
}

export class DefragmentResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readDefragmentResponse(r: Reader, end: number, m: DefragmentResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeDefragmentResponse(w: Writer, m: DefragmentResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const DefragmentResponseCodec: WireCodec<DefragmentResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new DefragmentResponse()
    readDefragmentResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeDefragmentResponse(scratch, message)
    return scratch.take()
  },
}

export class MoveLeaderRequest {
  targetId: MemberId = NO_MEMBER
}

/** Merges the fields up to `end` into `m`. */
export function readMoveLeaderRequest(r: Reader, end: number, m: MoveLeaderRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.targetId = r.uint64(end) as MemberId
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
export function writeMoveLeaderRequest(w: Writer, m: MoveLeaderRequest): void {
  if (m.targetId !== 0n) {
    w.int64(m.targetId)
    w.varint32(8)
  }
}

export const MoveLeaderRequestCodec: WireCodec<MoveLeaderRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new MoveLeaderRequest()
    readMoveLeaderRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeMoveLeaderRequest(scratch, message)
    return scratch.take()
  },
}

export class MoveLeaderResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readMoveLeaderResponse(r: Reader, end: number, m: MoveLeaderResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeMoveLeaderResponse(w: Writer, m: MoveLeaderResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const MoveLeaderResponseCodec: WireCodec<MoveLeaderResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new MoveLeaderResponse()
    readMoveLeaderResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeMoveLeaderResponse(scratch, message)
    return scratch.take()
  },
}

export class AlarmRequest {
  action: number = 0
  memberId: MemberId = NO_MEMBER
  alarm: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readAlarmRequest(r: Reader, end: number, m: AlarmRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.action = r.int32(end)
        break
      }
      case 16: {
        m.memberId = r.uint64(end) as MemberId
        break
      }
      case 24: {
        m.alarm = r.int32(end)
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
export function writeAlarmRequest(w: Writer, m: AlarmRequest): void {
  if (m.alarm !== 0) {
    w.int32(m.alarm)
    w.varint32(24)
  }
  if (m.memberId !== 0n) {
    w.int64(m.memberId)
    w.varint32(16)
  }
  if (m.action !== 0) {
    w.int32(m.action)
    w.varint32(8)
  }
}

export const AlarmRequestCodec: WireCodec<AlarmRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AlarmRequest()
    readAlarmRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAlarmRequest(scratch, message)
    return scratch.take()
  },
}

export class AlarmMember {
  memberId: MemberId = NO_MEMBER
  alarm: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readAlarmMember(r: Reader, end: number, m: AlarmMember): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.memberId = r.uint64(end) as MemberId
        break
      }
      case 16: {
        m.alarm = r.int32(end)
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
export function writeAlarmMember(w: Writer, m: AlarmMember): void {
  if (m.alarm !== 0) {
    w.int32(m.alarm)
    w.varint32(16)
  }
  if (m.memberId !== 0n) {
    w.int64(m.memberId)
    w.varint32(8)
  }
}

export const AlarmMemberCodec: WireCodec<AlarmMember> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AlarmMember()
    readAlarmMember(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAlarmMember(scratch, message)
    return scratch.take()
  },
}

export class AlarmResponse {
  header: ResponseHeader | undefined = undefined
  alarms: AlarmMember[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readAlarmResponse(r: Reader, end: number, m: AlarmResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        const stop = r.enter(end)
        const item = new AlarmMember()
        readAlarmMember(r, stop, item)
        m.alarms.push(item)
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
export function writeAlarmResponse(w: Writer, m: AlarmResponse): void {
  for (let i = m.alarms.length - 1; i >= 0; i--) {
    const size = w.size()
    writeAlarmMember(w, m.alarms[i]!)
    w.length(size)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AlarmResponseCodec: WireCodec<AlarmResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AlarmResponse()
    readAlarmResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAlarmResponse(scratch, message)
    return scratch.take()
  },
}

export class DowngradeRequest {
  action: number = 0
  /** Target, for example "3.6". */
  version: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readDowngradeRequest(r: Reader, end: number, m: DowngradeRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.action = r.int32(end)
        break
      }
      case 18: {
        m.version = r.string(end, 'etcdserverpb.DowngradeRequest.version')
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
export function writeDowngradeRequest(w: Writer, m: DowngradeRequest): void {
  if (m.version !== '') {
    w.string(m.version)
    w.varint32(18)
  }
  if (m.action !== 0) {
    w.int32(m.action)
    w.varint32(8)
  }
}

export const DowngradeRequestCodec: WireCodec<DowngradeRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new DowngradeRequest()
    readDowngradeRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeDowngradeRequest(scratch, message)
    return scratch.take()
  },
}

export class DowngradeResponse {
  header: ResponseHeader | undefined = undefined
  /** Version of the cluster. */
  version: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readDowngradeResponse(r: Reader, end: number, m: DowngradeResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        m.version = r.string(end, 'etcdserverpb.DowngradeResponse.version')
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
export function writeDowngradeResponse(w: Writer, m: DowngradeResponse): void {
  if (m.version !== '') {
    w.string(m.version)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const DowngradeResponseCodec: WireCodec<DowngradeResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new DowngradeResponse()
    readDowngradeResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeDowngradeResponse(scratch, message)
    return scratch.take()
  },
}

/** Only in tests of downgrades. */
export class DowngradeVersionTestRequest {
  ver: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readDowngradeVersionTestRequest(r: Reader, end: number, m: DowngradeVersionTestRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.ver = r.string(end, 'etcdserverpb.DowngradeVersionTestRequest.ver')
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
export function writeDowngradeVersionTestRequest(w: Writer, m: DowngradeVersionTestRequest): void {
  if (m.ver !== '') {
    w.string(m.ver)
    w.varint32(10)
  }
}

export const DowngradeVersionTestRequestCodec: WireCodec<DowngradeVersionTestRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new DowngradeVersionTestRequest()
    readDowngradeVersionTestRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeDowngradeVersionTestRequest(scratch, message)
    return scratch.take()
  },
}

export class StatusRequest {
}

export function readStatusRequest(r: Reader, end: number, _: StatusRequest): void {
  while (r.pos < end) r.skip(r.tag(end), end)
}

export function writeStatusRequest(_w: Writer, _m: StatusRequest): void {}

export const StatusRequestCodec: WireCodec<StatusRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new StatusRequest()
    readStatusRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode: () => EMPTY_BYTES,
}

export class StatusResponse {
  header: ResponseHeader | undefined = undefined
  /** Version of the server, for example "3.7.0". */
  version: string = ''
  /** Bytes that the backend occupies. */
  dbSize: number = 0
  /** The leader as this member sees it; 0: none. */
  leader: MemberId = NO_MEMBER
  /** Committed index. */
  raftIndex: number = 0
  raftTerm: number = 0
  raftAppliedIndex: number = 0
  /** Missing leader and alarms, as text. */
  errors: string[] = []
  /** Bytes of the backend that hold data. */
  dbSizeInUse: number = 0
  isLearner: boolean = false
  /** Since 3.6; empty until the member has decided. */
  storageVersion: string = ''
  /** Bytes; since 3.6. */
  dbSizeQuota: number = 0
  /** Since 3.6. */
  downgradeInfo: DowngradeInfo | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readStatusResponse(r: Reader, end: number, m: StatusResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        m.version = r.string(end, 'etcdserverpb.StatusResponse.version')
        break
      }
      case 24: {
        m.dbSize = r.int53Saturated(end)
        break
      }
      case 32: {
        m.leader = r.uint64(end) as MemberId
        break
      }
      case 40: {
        m.raftIndex = r.uint53Saturated(end)
        break
      }
      case 48: {
        m.raftTerm = r.uint53Saturated(end)
        break
      }
      case 56: {
        m.raftAppliedIndex = r.uint53Saturated(end)
        break
      }
      case 66: {
        m.errors.push(r.string(end, 'etcdserverpb.StatusResponse.errors'))
        break
      }
      case 72: {
        m.dbSizeInUse = r.int53Saturated(end)
        break
      }
      case 80: {
        m.isLearner = r.bool(end)
        break
      }
      case 90: {
        m.storageVersion = r.string(end, 'etcdserverpb.StatusResponse.storageVersion')
        break
      }
      case 96: {
        m.dbSizeQuota = r.int53Saturated(end)
        break
      }
      case 106: {
        const stop = r.enter(end)
        readDowngradeInfo(r, stop, (m.downgradeInfo ??= new DowngradeInfo()))
        r.leave()
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
          case 11:
          case 12:
          case 13:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeStatusResponse(w: Writer, m: StatusResponse): void {
  if (m.downgradeInfo !== undefined) {
    const size = w.size()
    writeDowngradeInfo(w, m.downgradeInfo)
    w.length(size)
    w.varint32(106)
  }
  if (m.dbSizeQuota !== 0) {
    w.int53(m.dbSizeQuota)
    w.varint32(96)
  }
  if (m.storageVersion !== '') {
    w.string(m.storageVersion)
    w.varint32(90)
  }
  if (m.isLearner) {
    w.bool(m.isLearner)
    w.varint32(80)
  }
  if (m.dbSizeInUse !== 0) {
    w.int53(m.dbSizeInUse)
    w.varint32(72)
  }
  for (let i = m.errors.length - 1; i >= 0; i--) {
    w.string(m.errors[i]!)
    w.varint32(66)
  }
  if (m.raftAppliedIndex !== 0) {
    w.int53(m.raftAppliedIndex)
    w.varint32(56)
  }
  if (m.raftTerm !== 0) {
    w.int53(m.raftTerm)
    w.varint32(48)
  }
  if (m.raftIndex !== 0) {
    w.int53(m.raftIndex)
    w.varint32(40)
  }
  if (m.leader !== 0n) {
    w.int64(m.leader)
    w.varint32(32)
  }
  if (m.dbSize !== 0) {
    w.int53(m.dbSize)
    w.varint32(24)
  }
  if (m.version !== '') {
    w.string(m.version)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const StatusResponseCodec: WireCodec<StatusResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new StatusResponse()
    readStatusResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeStatusResponse(scratch, message)
    return scratch.take()
  },
}

export class DowngradeInfo {
  enabled: boolean = false
  targetVersion: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readDowngradeInfo(r: Reader, end: number, m: DowngradeInfo): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.enabled = r.bool(end)
        break
      }
      case 18: {
        m.targetVersion = r.string(end, 'etcdserverpb.DowngradeInfo.targetVersion')
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
export function writeDowngradeInfo(w: Writer, m: DowngradeInfo): void {
  if (m.targetVersion !== '') {
    w.string(m.targetVersion)
    w.varint32(18)
  }
  if (m.enabled) {
    w.bool(m.enabled)
    w.varint32(8)
  }
}

export const DowngradeInfoCodec: WireCodec<DowngradeInfo> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new DowngradeInfo()
    readDowngradeInfo(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeDowngradeInfo(scratch, message)
    return scratch.take()
  },
}

export class AuthEnableRequest {
}

export function readAuthEnableRequest(r: Reader, end: number, _: AuthEnableRequest): void {
  while (r.pos < end) r.skip(r.tag(end), end)
}

export function writeAuthEnableRequest(_w: Writer, _m: AuthEnableRequest): void {}

export const AuthEnableRequestCodec: WireCodec<AuthEnableRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthEnableRequest()
    readAuthEnableRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode: () => EMPTY_BYTES,
}

export class AuthDisableRequest {
}

export function readAuthDisableRequest(r: Reader, end: number, _: AuthDisableRequest): void {
  while (r.pos < end) r.skip(r.tag(end), end)
}

export function writeAuthDisableRequest(_w: Writer, _m: AuthDisableRequest): void {}

export const AuthDisableRequestCodec: WireCodec<AuthDisableRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthDisableRequest()
    readAuthDisableRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode: () => EMPTY_BYTES,
}

export class AuthStatusRequest {
}

export function readAuthStatusRequest(r: Reader, end: number, _: AuthStatusRequest): void {
  while (r.pos < end) r.skip(r.tag(end), end)
}

export function writeAuthStatusRequest(_w: Writer, _m: AuthStatusRequest): void {}

export const AuthStatusRequestCodec: WireCodec<AuthStatusRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthStatusRequest()
    readAuthStatusRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode: () => EMPTY_BYTES,
}

export class AuthenticateRequest {
  name: string = ''
  password: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readAuthenticateRequest(r: Reader, end: number, m: AuthenticateRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.name = r.string(end, 'etcdserverpb.AuthenticateRequest.name')
        break
      }
      case 18: {
        m.password = r.string(end, 'etcdserverpb.AuthenticateRequest.password')
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
export function writeAuthenticateRequest(w: Writer, m: AuthenticateRequest): void {
  if (m.password !== '') {
    w.string(m.password)
    w.varint32(18)
  }
  if (m.name !== '') {
    w.string(m.name)
    w.varint32(10)
  }
}

export const AuthenticateRequestCodec: WireCodec<AuthenticateRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthenticateRequest()
    readAuthenticateRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthenticateRequest(scratch, message)
    return scratch.take()
  },
}

export class AuthUserAddRequest {
  name: string = ''
  /** Only from the client; the log carries `hashedPassword`. */
  password: string = ''
  options: authpb.UserAddOptions | undefined = undefined
  /** Base64 of the bcrypt text. */
  hashedPassword: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readAuthUserAddRequest(r: Reader, end: number, m: AuthUserAddRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.name = r.string(end, 'etcdserverpb.AuthUserAddRequest.name')
        break
      }
      case 18: {
        m.password = r.string(end, 'etcdserverpb.AuthUserAddRequest.password')
        break
      }
      case 26: {
        const stop = r.enter(end)
        authpb.readUserAddOptions(r, stop, (m.options ??= new authpb.UserAddOptions()))
        r.leave()
        break
      }
      case 34: {
        m.hashedPassword = r.string(end, 'etcdserverpb.AuthUserAddRequest.hashedPassword')
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
export function writeAuthUserAddRequest(w: Writer, m: AuthUserAddRequest): void {
  if (m.hashedPassword !== '') {
    w.string(m.hashedPassword)
    w.varint32(34)
  }
  if (m.options !== undefined) {
    const size = w.size()
    authpb.writeUserAddOptions(w, m.options)
    w.length(size)
    w.varint32(26)
  }
  if (m.password !== '') {
    w.string(m.password)
    w.varint32(18)
  }
  if (m.name !== '') {
    w.string(m.name)
    w.varint32(10)
  }
}

export const AuthUserAddRequestCodec: WireCodec<AuthUserAddRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthUserAddRequest()
    readAuthUserAddRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthUserAddRequest(scratch, message)
    return scratch.take()
  },
}

export class AuthUserGetRequest {
  name: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readAuthUserGetRequest(r: Reader, end: number, m: AuthUserGetRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.name = r.string(end, 'etcdserverpb.AuthUserGetRequest.name')
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
export function writeAuthUserGetRequest(w: Writer, m: AuthUserGetRequest): void {
  if (m.name !== '') {
    w.string(m.name)
    w.varint32(10)
  }
}

export const AuthUserGetRequestCodec: WireCodec<AuthUserGetRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthUserGetRequest()
    readAuthUserGetRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthUserGetRequest(scratch, message)
    return scratch.take()
  },
}

export class AuthUserDeleteRequest {
  name: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readAuthUserDeleteRequest(r: Reader, end: number, m: AuthUserDeleteRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.name = r.string(end, 'etcdserverpb.AuthUserDeleteRequest.name')
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
export function writeAuthUserDeleteRequest(w: Writer, m: AuthUserDeleteRequest): void {
  if (m.name !== '') {
    w.string(m.name)
    w.varint32(10)
  }
}

export const AuthUserDeleteRequestCodec: WireCodec<AuthUserDeleteRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthUserDeleteRequest()
    readAuthUserDeleteRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthUserDeleteRequest(scratch, message)
    return scratch.take()
  },
}

export class AuthUserChangePasswordRequest {
  name: string = ''
  /** Only from the client; the log carries `hashedPassword`. */
  password: string = ''
  /** Base64 of the bcrypt text. */
  hashedPassword: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readAuthUserChangePasswordRequest(r: Reader, end: number, m: AuthUserChangePasswordRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.name = r.string(end, 'etcdserverpb.AuthUserChangePasswordRequest.name')
        break
      }
      case 18: {
        m.password = r.string(end, 'etcdserverpb.AuthUserChangePasswordRequest.password')
        break
      }
      case 26: {
        m.hashedPassword = r.string(end, 'etcdserverpb.AuthUserChangePasswordRequest.hashedPassword')
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
export function writeAuthUserChangePasswordRequest(w: Writer, m: AuthUserChangePasswordRequest): void {
  if (m.hashedPassword !== '') {
    w.string(m.hashedPassword)
    w.varint32(26)
  }
  if (m.password !== '') {
    w.string(m.password)
    w.varint32(18)
  }
  if (m.name !== '') {
    w.string(m.name)
    w.varint32(10)
  }
}

export const AuthUserChangePasswordRequestCodec: WireCodec<AuthUserChangePasswordRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthUserChangePasswordRequest()
    readAuthUserChangePasswordRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthUserChangePasswordRequest(scratch, message)
    return scratch.take()
  },
}

export class AuthUserGrantRoleRequest {
  user: string = ''
  role: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readAuthUserGrantRoleRequest(r: Reader, end: number, m: AuthUserGrantRoleRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.user = r.string(end, 'etcdserverpb.AuthUserGrantRoleRequest.user')
        break
      }
      case 18: {
        m.role = r.string(end, 'etcdserverpb.AuthUserGrantRoleRequest.role')
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
export function writeAuthUserGrantRoleRequest(w: Writer, m: AuthUserGrantRoleRequest): void {
  if (m.role !== '') {
    w.string(m.role)
    w.varint32(18)
  }
  if (m.user !== '') {
    w.string(m.user)
    w.varint32(10)
  }
}

export const AuthUserGrantRoleRequestCodec: WireCodec<AuthUserGrantRoleRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthUserGrantRoleRequest()
    readAuthUserGrantRoleRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthUserGrantRoleRequest(scratch, message)
    return scratch.take()
  },
}

export class AuthUserRevokeRoleRequest {
  name: string = ''
  role: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readAuthUserRevokeRoleRequest(r: Reader, end: number, m: AuthUserRevokeRoleRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.name = r.string(end, 'etcdserverpb.AuthUserRevokeRoleRequest.name')
        break
      }
      case 18: {
        m.role = r.string(end, 'etcdserverpb.AuthUserRevokeRoleRequest.role')
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
export function writeAuthUserRevokeRoleRequest(w: Writer, m: AuthUserRevokeRoleRequest): void {
  if (m.role !== '') {
    w.string(m.role)
    w.varint32(18)
  }
  if (m.name !== '') {
    w.string(m.name)
    w.varint32(10)
  }
}

export const AuthUserRevokeRoleRequestCodec: WireCodec<AuthUserRevokeRoleRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthUserRevokeRoleRequest()
    readAuthUserRevokeRoleRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthUserRevokeRoleRequest(scratch, message)
    return scratch.take()
  },
}

export class AuthRoleAddRequest {
  name: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readAuthRoleAddRequest(r: Reader, end: number, m: AuthRoleAddRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.name = r.string(end, 'etcdserverpb.AuthRoleAddRequest.name')
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
export function writeAuthRoleAddRequest(w: Writer, m: AuthRoleAddRequest): void {
  if (m.name !== '') {
    w.string(m.name)
    w.varint32(10)
  }
}

export const AuthRoleAddRequestCodec: WireCodec<AuthRoleAddRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthRoleAddRequest()
    readAuthRoleAddRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthRoleAddRequest(scratch, message)
    return scratch.take()
  },
}

export class AuthRoleGetRequest {
  role: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readAuthRoleGetRequest(r: Reader, end: number, m: AuthRoleGetRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.role = r.string(end, 'etcdserverpb.AuthRoleGetRequest.role')
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
export function writeAuthRoleGetRequest(w: Writer, m: AuthRoleGetRequest): void {
  if (m.role !== '') {
    w.string(m.role)
    w.varint32(10)
  }
}

export const AuthRoleGetRequestCodec: WireCodec<AuthRoleGetRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthRoleGetRequest()
    readAuthRoleGetRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthRoleGetRequest(scratch, message)
    return scratch.take()
  },
}

export class AuthUserListRequest {
}

export function readAuthUserListRequest(r: Reader, end: number, _: AuthUserListRequest): void {
  while (r.pos < end) r.skip(r.tag(end), end)
}

export function writeAuthUserListRequest(_w: Writer, _m: AuthUserListRequest): void {}

export const AuthUserListRequestCodec: WireCodec<AuthUserListRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthUserListRequest()
    readAuthUserListRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode: () => EMPTY_BYTES,
}

export class AuthRoleListRequest {
}

export function readAuthRoleListRequest(r: Reader, end: number, _: AuthRoleListRequest): void {
  while (r.pos < end) r.skip(r.tag(end), end)
}

export function writeAuthRoleListRequest(_w: Writer, _m: AuthRoleListRequest): void {}

export const AuthRoleListRequestCodec: WireCodec<AuthRoleListRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthRoleListRequest()
    readAuthRoleListRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode: () => EMPTY_BYTES,
}

export class AuthRoleDeleteRequest {
  role: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readAuthRoleDeleteRequest(r: Reader, end: number, m: AuthRoleDeleteRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.role = r.string(end, 'etcdserverpb.AuthRoleDeleteRequest.role')
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
export function writeAuthRoleDeleteRequest(w: Writer, m: AuthRoleDeleteRequest): void {
  if (m.role !== '') {
    w.string(m.role)
    w.varint32(10)
  }
}

export const AuthRoleDeleteRequestCodec: WireCodec<AuthRoleDeleteRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthRoleDeleteRequest()
    readAuthRoleDeleteRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthRoleDeleteRequest(scratch, message)
    return scratch.take()
  },
}

export class AuthRoleGrantPermissionRequest {
  /** The role. */
  name: string = ''
  perm: authpb.Permission | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readAuthRoleGrantPermissionRequest(r: Reader, end: number, m: AuthRoleGrantPermissionRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.name = r.string(end, 'etcdserverpb.AuthRoleGrantPermissionRequest.name')
        break
      }
      case 18: {
        const stop = r.enter(end)
        authpb.readPermission(r, stop, (m.perm ??= new authpb.Permission()))
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
export function writeAuthRoleGrantPermissionRequest(w: Writer, m: AuthRoleGrantPermissionRequest): void {
  if (m.perm !== undefined) {
    const size = w.size()
    authpb.writePermission(w, m.perm)
    w.length(size)
    w.varint32(18)
  }
  if (m.name !== '') {
    w.string(m.name)
    w.varint32(10)
  }
}

export const AuthRoleGrantPermissionRequestCodec: WireCodec<AuthRoleGrantPermissionRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthRoleGrantPermissionRequest()
    readAuthRoleGrantPermissionRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthRoleGrantPermissionRequest(scratch, message)
    return scratch.take()
  },
}

export class AuthRoleRevokePermissionRequest {
  role: string = ''
  key: Uint8Array = EMPTY_BYTES
  rangeEnd: Uint8Array = EMPTY_BYTES
}

/** Merges the fields up to `end` into `m`. */
export function readAuthRoleRevokePermissionRequest(r: Reader, end: number, m: AuthRoleRevokePermissionRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.role = r.string(end, 'etcdserverpb.AuthRoleRevokePermissionRequest.role')
        break
      }
      case 18: {
        m.key = r.view(end)
        break
      }
      case 26: {
        m.rangeEnd = r.view(end)
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
export function writeAuthRoleRevokePermissionRequest(w: Writer, m: AuthRoleRevokePermissionRequest): void {
  if (m.rangeEnd.length > 0) {
    w.bytes(m.rangeEnd)
    w.varint32(26)
  }
  if (m.key.length > 0) {
    w.bytes(m.key)
    w.varint32(18)
  }
  if (m.role !== '') {
    w.string(m.role)
    w.varint32(10)
  }
}

export const AuthRoleRevokePermissionRequestCodec: WireCodec<AuthRoleRevokePermissionRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthRoleRevokePermissionRequest()
    readAuthRoleRevokePermissionRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthRoleRevokePermissionRequest(scratch, message)
    return scratch.take()
  },
}

export class AuthEnableResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readAuthEnableResponse(r: Reader, end: number, m: AuthEnableResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeAuthEnableResponse(w: Writer, m: AuthEnableResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthEnableResponseCodec: WireCodec<AuthEnableResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthEnableResponse()
    readAuthEnableResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthEnableResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthDisableResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readAuthDisableResponse(r: Reader, end: number, m: AuthDisableResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeAuthDisableResponse(w: Writer, m: AuthDisableResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthDisableResponseCodec: WireCodec<AuthDisableResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthDisableResponse()
    readAuthDisableResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthDisableResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthStatusResponse {
  header: ResponseHeader | undefined = undefined
  enabled: boolean = false
  /** Revision of the auth store; it has nothing to do with the keys' revision. */
  authRevision: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readAuthStatusResponse(r: Reader, end: number, m: AuthStatusResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 16: {
        m.enabled = r.bool(end)
        break
      }
      case 24: {
        m.authRevision = r.uint53Saturated(end)
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
export function writeAuthStatusResponse(w: Writer, m: AuthStatusResponse): void {
  if (m.authRevision !== 0) {
    w.int53(m.authRevision)
    w.varint32(24)
  }
  if (m.enabled) {
    w.bool(m.enabled)
    w.varint32(16)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthStatusResponseCodec: WireCodec<AuthStatusResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthStatusResponse()
    readAuthStatusResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthStatusResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthenticateResponse {
  header: ResponseHeader | undefined = undefined
  /** To be sent as metadata `token` with later calls. */
  token: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readAuthenticateResponse(r: Reader, end: number, m: AuthenticateResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        m.token = r.string(end, 'etcdserverpb.AuthenticateResponse.token')
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
export function writeAuthenticateResponse(w: Writer, m: AuthenticateResponse): void {
  if (m.token !== '') {
    w.string(m.token)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthenticateResponseCodec: WireCodec<AuthenticateResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthenticateResponse()
    readAuthenticateResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthenticateResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthUserAddResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readAuthUserAddResponse(r: Reader, end: number, m: AuthUserAddResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeAuthUserAddResponse(w: Writer, m: AuthUserAddResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthUserAddResponseCodec: WireCodec<AuthUserAddResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthUserAddResponse()
    readAuthUserAddResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthUserAddResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthUserGetResponse {
  header: ResponseHeader | undefined = undefined
  roles: string[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readAuthUserGetResponse(r: Reader, end: number, m: AuthUserGetResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        m.roles.push(r.string(end, 'etcdserverpb.AuthUserGetResponse.roles'))
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
export function writeAuthUserGetResponse(w: Writer, m: AuthUserGetResponse): void {
  for (let i = m.roles.length - 1; i >= 0; i--) {
    w.string(m.roles[i]!)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthUserGetResponseCodec: WireCodec<AuthUserGetResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthUserGetResponse()
    readAuthUserGetResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthUserGetResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthUserDeleteResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readAuthUserDeleteResponse(r: Reader, end: number, m: AuthUserDeleteResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeAuthUserDeleteResponse(w: Writer, m: AuthUserDeleteResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthUserDeleteResponseCodec: WireCodec<AuthUserDeleteResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthUserDeleteResponse()
    readAuthUserDeleteResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthUserDeleteResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthUserChangePasswordResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readAuthUserChangePasswordResponse(r: Reader, end: number, m: AuthUserChangePasswordResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeAuthUserChangePasswordResponse(w: Writer, m: AuthUserChangePasswordResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthUserChangePasswordResponseCodec: WireCodec<AuthUserChangePasswordResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthUserChangePasswordResponse()
    readAuthUserChangePasswordResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthUserChangePasswordResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthUserGrantRoleResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readAuthUserGrantRoleResponse(r: Reader, end: number, m: AuthUserGrantRoleResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeAuthUserGrantRoleResponse(w: Writer, m: AuthUserGrantRoleResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthUserGrantRoleResponseCodec: WireCodec<AuthUserGrantRoleResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthUserGrantRoleResponse()
    readAuthUserGrantRoleResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthUserGrantRoleResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthUserRevokeRoleResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readAuthUserRevokeRoleResponse(r: Reader, end: number, m: AuthUserRevokeRoleResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeAuthUserRevokeRoleResponse(w: Writer, m: AuthUserRevokeRoleResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthUserRevokeRoleResponseCodec: WireCodec<AuthUserRevokeRoleResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthUserRevokeRoleResponse()
    readAuthUserRevokeRoleResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthUserRevokeRoleResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthRoleAddResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readAuthRoleAddResponse(r: Reader, end: number, m: AuthRoleAddResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeAuthRoleAddResponse(w: Writer, m: AuthRoleAddResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthRoleAddResponseCodec: WireCodec<AuthRoleAddResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthRoleAddResponse()
    readAuthRoleAddResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthRoleAddResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthRoleGetResponse {
  header: ResponseHeader | undefined = undefined
  perm: authpb.Permission[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readAuthRoleGetResponse(r: Reader, end: number, m: AuthRoleGetResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        const stop = r.enter(end)
        const item = new authpb.Permission()
        authpb.readPermission(r, stop, item)
        m.perm.push(item)
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
export function writeAuthRoleGetResponse(w: Writer, m: AuthRoleGetResponse): void {
  for (let i = m.perm.length - 1; i >= 0; i--) {
    const size = w.size()
    authpb.writePermission(w, m.perm[i]!)
    w.length(size)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthRoleGetResponseCodec: WireCodec<AuthRoleGetResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthRoleGetResponse()
    readAuthRoleGetResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthRoleGetResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthRoleListResponse {
  header: ResponseHeader | undefined = undefined
  roles: string[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readAuthRoleListResponse(r: Reader, end: number, m: AuthRoleListResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        m.roles.push(r.string(end, 'etcdserverpb.AuthRoleListResponse.roles'))
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
export function writeAuthRoleListResponse(w: Writer, m: AuthRoleListResponse): void {
  for (let i = m.roles.length - 1; i >= 0; i--) {
    w.string(m.roles[i]!)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthRoleListResponseCodec: WireCodec<AuthRoleListResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthRoleListResponse()
    readAuthRoleListResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthRoleListResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthUserListResponse {
  header: ResponseHeader | undefined = undefined
  users: string[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readAuthUserListResponse(r: Reader, end: number, m: AuthUserListResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
        r.leave()
        break
      }
      case 18: {
        m.users.push(r.string(end, 'etcdserverpb.AuthUserListResponse.users'))
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
export function writeAuthUserListResponse(w: Writer, m: AuthUserListResponse): void {
  for (let i = m.users.length - 1; i >= 0; i--) {
    w.string(m.users[i]!)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthUserListResponseCodec: WireCodec<AuthUserListResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthUserListResponse()
    readAuthUserListResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthUserListResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthRoleDeleteResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readAuthRoleDeleteResponse(r: Reader, end: number, m: AuthRoleDeleteResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeAuthRoleDeleteResponse(w: Writer, m: AuthRoleDeleteResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthRoleDeleteResponseCodec: WireCodec<AuthRoleDeleteResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthRoleDeleteResponse()
    readAuthRoleDeleteResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthRoleDeleteResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthRoleGrantPermissionResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readAuthRoleGrantPermissionResponse(r: Reader, end: number, m: AuthRoleGrantPermissionResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeAuthRoleGrantPermissionResponse(w: Writer, m: AuthRoleGrantPermissionResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthRoleGrantPermissionResponseCodec: WireCodec<AuthRoleGrantPermissionResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthRoleGrantPermissionResponse()
    readAuthRoleGrantPermissionResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthRoleGrantPermissionResponse(scratch, message)
    return scratch.take()
  },
}

export class AuthRoleRevokePermissionResponse {
  header: ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readAuthRoleRevokePermissionResponse(r: Reader, end: number, m: AuthRoleRevokePermissionResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readResponseHeader(r, stop, (m.header ??= new ResponseHeader()))
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
export function writeAuthRoleRevokePermissionResponse(w: Writer, m: AuthRoleRevokePermissionResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const AuthRoleRevokePermissionResponseCodec: WireCodec<AuthRoleRevokePermissionResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new AuthRoleRevokePermissionResponse()
    readAuthRoleRevokePermissionResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAuthRoleRevokePermissionResponse(scratch, message)
    return scratch.take()
  },
}

export const KVService = {
  name: 'etcdserverpb.KV',
  methods: {
    range: {
      name: 'Range',
      kind: 'unary',
      request: RangeRequestCodec,
      response: RangeResponseCodec,
    },
    /** Range in pieces, all of one revision; since 3.7. */
    rangeStream: {
      name: 'RangeStream',
      kind: 'server_stream',
      request: RangeRequestCodec,
      response: RangeStreamResponseCodec,
    },
    put: {
      name: 'Put',
      kind: 'unary',
      request: PutRequestCodec,
      response: PutResponseCodec,
    },
    deleteRange: {
      name: 'DeleteRange',
      kind: 'unary',
      request: DeleteRangeRequestCodec,
      response: DeleteRangeResponseCodec,
    },
    txn: {
      name: 'Txn',
      kind: 'unary',
      request: TxnRequestCodec,
      response: TxnResponseCodec,
    },
    compact: {
      name: 'Compact',
      kind: 'unary',
      request: CompactionRequestCodec,
      response: CompactionResponseCodec,
    },
  },
} as const

export const WatchService = {
  name: 'etcdserverpb.Watch',
  methods: {
    watch: {
      name: 'Watch',
      kind: 'bidi_stream',
      request: WatchRequestCodec,
      response: WatchResponseCodec,
    },
  },
} as const

export const LeaseService = {
  name: 'etcdserverpb.Lease',
  methods: {
    leaseGrant: {
      name: 'LeaseGrant',
      kind: 'unary',
      request: LeaseGrantRequestCodec,
      response: LeaseGrantResponseCodec,
    },
    leaseRevoke: {
      name: 'LeaseRevoke',
      kind: 'unary',
      request: LeaseRevokeRequestCodec,
      response: LeaseRevokeResponseCodec,
    },
    leaseKeepAlive: {
      name: 'LeaseKeepAlive',
      kind: 'bidi_stream',
      request: LeaseKeepAliveRequestCodec,
      response: LeaseKeepAliveResponseCodec,
    },
    leaseTimeToLive: {
      name: 'LeaseTimeToLive',
      kind: 'unary',
      request: LeaseTimeToLiveRequestCodec,
      response: LeaseTimeToLiveResponseCodec,
    },
    leaseLeases: {
      name: 'LeaseLeases',
      kind: 'unary',
      request: LeaseLeasesRequestCodec,
      response: LeaseLeasesResponseCodec,
    },
  },
} as const

export const ClusterService = {
  name: 'etcdserverpb.Cluster',
  methods: {
    memberAdd: {
      name: 'MemberAdd',
      kind: 'unary',
      request: MemberAddRequestCodec,
      response: MemberAddResponseCodec,
    },
    memberRemove: {
      name: 'MemberRemove',
      kind: 'unary',
      request: MemberRemoveRequestCodec,
      response: MemberRemoveResponseCodec,
    },
    memberUpdate: {
      name: 'MemberUpdate',
      kind: 'unary',
      request: MemberUpdateRequestCodec,
      response: MemberUpdateResponseCodec,
    },
    memberList: {
      name: 'MemberList',
      kind: 'unary',
      request: MemberListRequestCodec,
      response: MemberListResponseCodec,
    },
    memberPromote: {
      name: 'MemberPromote',
      kind: 'unary',
      request: MemberPromoteRequestCodec,
      response: MemberPromoteResponseCodec,
    },
  },
} as const

export const MaintenanceService = {
  name: 'etcdserverpb.Maintenance',
  methods: {
    alarm: {
      name: 'Alarm',
      kind: 'unary',
      request: AlarmRequestCodec,
      response: AlarmResponseCodec,
    },
    status: {
      name: 'Status',
      kind: 'unary',
      request: StatusRequestCodec,
      response: StatusResponseCodec,
    },
    defragment: {
      name: 'Defragment',
      kind: 'unary',
      request: DefragmentRequestCodec,
      response: DefragmentResponseCodec,
    },
    /** Checksum of the whole backend; for tests. */
    hash: {
      name: 'Hash',
      kind: 'unary',
      request: HashRequestCodec,
      response: HashResponseCodec,
    },
    /** Checksum of the keys up to a revision; equal on all members. */
    hashKv: {
      name: 'HashKV',
      kind: 'unary',
      request: HashKVRequestCodec,
      response: HashKVResponseCodec,
    },
    snapshot: {
      name: 'Snapshot',
      kind: 'server_stream',
      request: SnapshotRequestCodec,
      response: SnapshotResponseCodec,
    },
    moveLeader: {
      name: 'MoveLeader',
      kind: 'unary',
      request: MoveLeaderRequestCodec,
      response: MoveLeaderResponseCodec,
    },
    downgrade: {
      name: 'Downgrade',
      kind: 'unary',
      request: DowngradeRequestCodec,
      response: DowngradeResponseCodec,
    },
  },
} as const

export const AuthService = {
  name: 'etcdserverpb.Auth',
  methods: {
    authEnable: {
      name: 'AuthEnable',
      kind: 'unary',
      request: AuthEnableRequestCodec,
      response: AuthEnableResponseCodec,
    },
    authDisable: {
      name: 'AuthDisable',
      kind: 'unary',
      request: AuthDisableRequestCodec,
      response: AuthDisableResponseCodec,
    },
    authStatus: {
      name: 'AuthStatus',
      kind: 'unary',
      request: AuthStatusRequestCodec,
      response: AuthStatusResponseCodec,
    },
    authenticate: {
      name: 'Authenticate',
      kind: 'unary',
      request: AuthenticateRequestCodec,
      response: AuthenticateResponseCodec,
    },
    userAdd: {
      name: 'UserAdd',
      kind: 'unary',
      request: AuthUserAddRequestCodec,
      response: AuthUserAddResponseCodec,
    },
    userGet: {
      name: 'UserGet',
      kind: 'unary',
      request: AuthUserGetRequestCodec,
      response: AuthUserGetResponseCodec,
    },
    userList: {
      name: 'UserList',
      kind: 'unary',
      request: AuthUserListRequestCodec,
      response: AuthUserListResponseCodec,
    },
    userDelete: {
      name: 'UserDelete',
      kind: 'unary',
      request: AuthUserDeleteRequestCodec,
      response: AuthUserDeleteResponseCodec,
    },
    userChangePassword: {
      name: 'UserChangePassword',
      kind: 'unary',
      request: AuthUserChangePasswordRequestCodec,
      response: AuthUserChangePasswordResponseCodec,
    },
    userGrantRole: {
      name: 'UserGrantRole',
      kind: 'unary',
      request: AuthUserGrantRoleRequestCodec,
      response: AuthUserGrantRoleResponseCodec,
    },
    userRevokeRole: {
      name: 'UserRevokeRole',
      kind: 'unary',
      request: AuthUserRevokeRoleRequestCodec,
      response: AuthUserRevokeRoleResponseCodec,
    },
    roleAdd: {
      name: 'RoleAdd',
      kind: 'unary',
      request: AuthRoleAddRequestCodec,
      response: AuthRoleAddResponseCodec,
    },
    roleGet: {
      name: 'RoleGet',
      kind: 'unary',
      request: AuthRoleGetRequestCodec,
      response: AuthRoleGetResponseCodec,
    },
    roleList: {
      name: 'RoleList',
      kind: 'unary',
      request: AuthRoleListRequestCodec,
      response: AuthRoleListResponseCodec,
    },
    roleDelete: {
      name: 'RoleDelete',
      kind: 'unary',
      request: AuthRoleDeleteRequestCodec,
      response: AuthRoleDeleteResponseCodec,
    },
    roleGrantPermission: {
      name: 'RoleGrantPermission',
      kind: 'unary',
      request: AuthRoleGrantPermissionRequestCodec,
      response: AuthRoleGrantPermissionResponseCodec,
    },
    roleRevokePermission: {
      name: 'RoleRevokePermission',
      kind: 'unary',
      request: AuthRoleRevokePermissionRequestCodec,
      response: AuthRoleRevokePermissionResponseCodec,
    },
  },
} as const
