// Generated from the package membershippb in proto/ by scripts/generate-proto.mjs. Do not edit.

import type { MemberId } from '../../base/index.js'
import { NO_MEMBER } from '../../base/index.js'
import { DEPTH_MAX, Reader, scratch, type WireCodec, type Writer } from '../wire.js'

/** What consensus needs to know of a member. */
export class RaftAttributes {
  peerUrls: string[] = []
  isLearner: boolean = false
}

/** Merges the fields up to `end` into `m`. */
export function readRaftAttributes(r: Reader, end: number, m: RaftAttributes): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.peerUrls.push(r.string(end, 'membershippb.RaftAttributes.peer_urls'))
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
export function writeRaftAttributes(w: Writer, m: RaftAttributes): void {
  if (m.isLearner) {
    w.bool(m.isLearner)
    w.varint32(16)
  }
  for (let i = m.peerUrls.length - 1; i >= 0; i--) {
    w.string(m.peerUrls[i]!)
    w.varint32(10)
  }
}

export const RaftAttributesCodec: WireCodec<RaftAttributes> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new RaftAttributes()
    readRaftAttributes(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeRaftAttributes(scratch, message)
    return scratch.take()
  },
}

/** What clients need to know of a member; it publishes them itself after it started. */
export class Attributes {
  name: string = ''
  clientUrls: string[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readAttributes(r: Reader, end: number, m: Attributes): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.name = r.string(end, 'membershippb.Attributes.name')
        break
      }
      case 18: {
        m.clientUrls.push(r.string(end, 'membershippb.Attributes.client_urls'))
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
export function writeAttributes(w: Writer, m: Attributes): void {
  for (let i = m.clientUrls.length - 1; i >= 0; i--) {
    w.string(m.clientUrls[i]!)
    w.varint32(18)
  }
  if (m.name !== '') {
    w.string(m.name)
    w.varint32(10)
  }
}

export const AttributesCodec: WireCodec<Attributes> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Attributes()
    readAttributes(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeAttributes(scratch, message)
    return scratch.take()
  },
}

export class Member {
  id: MemberId = NO_MEMBER
  raftAttributes: RaftAttributes | undefined = undefined
  memberAttributes: Attributes | undefined = undefined
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
        const stop = r.enter(end)
        readRaftAttributes(r, stop, (m.raftAttributes ??= new RaftAttributes()))
        r.leave()
        break
      }
      case 26: {
        const stop = r.enter(end)
        readAttributes(r, stop, (m.memberAttributes ??= new Attributes()))
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
export function writeMember(w: Writer, m: Member): void {
  if (m.memberAttributes !== undefined) {
    const size = w.size()
    writeAttributes(w, m.memberAttributes)
    w.length(size)
    w.varint32(26)
  }
  if (m.raftAttributes !== undefined) {
    const size = w.size()
    writeRaftAttributes(w, m.raftAttributes)
    w.length(size)
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

export class ClusterVersionSetRequest {
  /** For example "3.7.0". */
  ver: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readClusterVersionSetRequest(r: Reader, end: number, m: ClusterVersionSetRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.ver = r.string(end, 'membershippb.ClusterVersionSetRequest.ver')
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
export function writeClusterVersionSetRequest(w: Writer, m: ClusterVersionSetRequest): void {
  if (m.ver !== '') {
    w.string(m.ver)
    w.varint32(10)
  }
}

export const ClusterVersionSetRequestCodec: WireCodec<ClusterVersionSetRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new ClusterVersionSetRequest()
    readClusterVersionSetRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeClusterVersionSetRequest(scratch, message)
    return scratch.take()
  },
}

export class ClusterMemberAttrSetRequest {
  memberId: MemberId = NO_MEMBER
  memberAttributes: Attributes | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readClusterMemberAttrSetRequest(r: Reader, end: number, m: ClusterMemberAttrSetRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.memberId = r.uint64(end) as MemberId
        break
      }
      case 18: {
        const stop = r.enter(end)
        readAttributes(r, stop, (m.memberAttributes ??= new Attributes()))
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
export function writeClusterMemberAttrSetRequest(w: Writer, m: ClusterMemberAttrSetRequest): void {
  if (m.memberAttributes !== undefined) {
    const size = w.size()
    writeAttributes(w, m.memberAttributes)
    w.length(size)
    w.varint32(18)
  }
  if (m.memberId !== 0n) {
    w.int64(m.memberId)
    w.varint32(8)
  }
}

export const ClusterMemberAttrSetRequestCodec: WireCodec<ClusterMemberAttrSetRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new ClusterMemberAttrSetRequest()
    readClusterMemberAttrSetRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeClusterMemberAttrSetRequest(scratch, message)
    return scratch.take()
  },
}

export class DowngradeInfoSetRequest {
  enabled: boolean = false
  /** Target version. */
  ver: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readDowngradeInfoSetRequest(r: Reader, end: number, m: DowngradeInfoSetRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.enabled = r.bool(end)
        break
      }
      case 18: {
        m.ver = r.string(end, 'membershippb.DowngradeInfoSetRequest.ver')
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
export function writeDowngradeInfoSetRequest(w: Writer, m: DowngradeInfoSetRequest): void {
  if (m.ver !== '') {
    w.string(m.ver)
    w.varint32(18)
  }
  if (m.enabled) {
    w.bool(m.enabled)
    w.varint32(8)
  }
}

export const DowngradeInfoSetRequestCodec: WireCodec<DowngradeInfoSetRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new DowngradeInfoSetRequest()
    readDowngradeInfoSetRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeDowngradeInfoSetRequest(scratch, message)
    return scratch.take()
  },
}
