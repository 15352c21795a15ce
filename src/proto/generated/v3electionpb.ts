// Generated from the package v3electionpb in proto/ by scripts/generate-proto.mjs. Do not edit.

import type { LeaseId } from '../../base/index.js'
import { EMPTY_BYTES, NO_LEASE } from '../../base/index.js'
import { DEPTH_MAX, Reader, scratch, type WireCodec, type Writer } from '../wire.js'
import * as etcdserverpb from './etcdserverpb.js'

export class CampaignRequest {
  name: Uint8Array = EMPTY_BYTES
  /** Leadership ends with this lease; 0 lets the server grant one. */
  lease: LeaseId = NO_LEASE
  value: Uint8Array = EMPTY_BYTES
}

/** Merges the fields up to `end` into `m`. */
export function readCampaignRequest(r: Reader, end: number, m: CampaignRequest): void {
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
      case 26: {
        m.value = r.view(end)
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
export function writeCampaignRequest(w: Writer, m: CampaignRequest): void {
  if (m.value.length > 0) {
    w.bytes(m.value)
    w.varint32(26)
  }
  if (m.lease !== 0n) {
    w.int64(m.lease)
    w.varint32(16)
  }
  if (m.name.length > 0) {
    w.bytes(m.name)
    w.varint32(10)
  }
}

export const CampaignRequestCodec: WireCodec<CampaignRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new CampaignRequest()
    readCampaignRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeCampaignRequest(scratch, message)
    return scratch.take()
  },
}

export class CampaignResponse {
  header: etcdserverpb.ResponseHeader | undefined = undefined
  leader: LeaderKey | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readCampaignResponse(r: Reader, end: number, m: CampaignResponse): void {
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
        const stop = r.enter(end)
        readLeaderKey(r, stop, (m.leader ??= new LeaderKey()))
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
export function writeCampaignResponse(w: Writer, m: CampaignResponse): void {
  if (m.leader !== undefined) {
    const size = w.size()
    writeLeaderKey(w, m.leader)
    w.length(size)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    etcdserverpb.writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const CampaignResponseCodec: WireCodec<CampaignResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new CampaignResponse()
    readCampaignResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeCampaignResponse(scratch, message)
    return scratch.take()
  },
}

/** Proof of leadership. */
export class LeaderKey {
  name: Uint8Array = EMPTY_BYTES
  /** Exists as long as the leadership lasts. */
  key: Uint8Array = EMPTY_BYTES
  /** Create revision of `key`. */
  rev: number = 0
  lease: LeaseId = NO_LEASE
}

/** Merges the fields up to `end` into `m`. */
export function readLeaderKey(r: Reader, end: number, m: LeaderKey): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.name = r.view(end)
        break
      }
      case 18: {
        m.key = r.view(end)
        break
      }
      case 24: {
        m.rev = r.int53Saturated(end)
        break
      }
      case 32: {
        m.lease = r.int64(end) as LeaseId
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
export function writeLeaderKey(w: Writer, m: LeaderKey): void {
  if (m.lease !== 0n) {
    w.int64(m.lease)
    w.varint32(32)
  }
  if (m.rev !== 0) {
    w.int53(m.rev)
    w.varint32(24)
  }
  if (m.key.length > 0) {
    w.bytes(m.key)
    w.varint32(18)
  }
  if (m.name.length > 0) {
    w.bytes(m.name)
    w.varint32(10)
  }
}

export const LeaderKeyCodec: WireCodec<LeaderKey> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaderKey()
    readLeaderKey(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaderKey(scratch, message)
    return scratch.take()
  },
}

export class LeaderRequest {
  name: Uint8Array = EMPTY_BYTES
}

/** Merges the fields up to `end` into `m`. */
export function readLeaderRequest(r: Reader, end: number, m: LeaderRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.name = r.view(end)
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
export function writeLeaderRequest(w: Writer, m: LeaderRequest): void {
  if (m.name.length > 0) {
    w.bytes(m.name)
    w.varint32(10)
  }
}

export const LeaderRequestCodec: WireCodec<LeaderRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaderRequest()
    readLeaderRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaderRequest(scratch, message)
    return scratch.take()
  },
}

export class LeaderResponse {
  header: etcdserverpb.ResponseHeader | undefined = undefined
  kv: Uint8Array | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readLeaderResponse(r: Reader, end: number, m: LeaderResponse): void {
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
        m.kv = r.merged(m.kv, end)
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
export function writeLeaderResponse(w: Writer, m: LeaderResponse): void {
  if (m.kv !== undefined) {
    w.bytes(m.kv)
    w.varint32(18)
  }
  if (m.header !== undefined) {
    const size = w.size()
    etcdserverpb.writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const LeaderResponseCodec: WireCodec<LeaderResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new LeaderResponse()
    readLeaderResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeLeaderResponse(scratch, message)
    return scratch.take()
  },
}

export class ResignRequest {
  leader: LeaderKey | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readResignRequest(r: Reader, end: number, m: ResignRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readLeaderKey(r, stop, (m.leader ??= new LeaderKey()))
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
export function writeResignRequest(w: Writer, m: ResignRequest): void {
  if (m.leader !== undefined) {
    const size = w.size()
    writeLeaderKey(w, m.leader)
    w.length(size)
    w.varint32(10)
  }
}

export const ResignRequestCodec: WireCodec<ResignRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new ResignRequest()
    readResignRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeResignRequest(scratch, message)
    return scratch.take()
  },
}

export class ResignResponse {
  header: etcdserverpb.ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readResignResponse(r: Reader, end: number, m: ResignResponse): void {
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
export function writeResignResponse(w: Writer, m: ResignResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    etcdserverpb.writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const ResignResponseCodec: WireCodec<ResignResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new ResignResponse()
    readResignResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeResignResponse(scratch, message)
    return scratch.take()
  },
}

export class ProclaimRequest {
  leader: LeaderKey | undefined = undefined
  value: Uint8Array = EMPTY_BYTES
}

/** Merges the fields up to `end` into `m`. */
export function readProclaimRequest(r: Reader, end: number, m: ProclaimRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readLeaderKey(r, stop, (m.leader ??= new LeaderKey()))
        r.leave()
        break
      }
      case 18: {
        m.value = r.view(end)
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
export function writeProclaimRequest(w: Writer, m: ProclaimRequest): void {
  if (m.value.length > 0) {
    w.bytes(m.value)
    w.varint32(18)
  }
  if (m.leader !== undefined) {
    const size = w.size()
    writeLeaderKey(w, m.leader)
    w.length(size)
    w.varint32(10)
  }
}

export const ProclaimRequestCodec: WireCodec<ProclaimRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new ProclaimRequest()
    readProclaimRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeProclaimRequest(scratch, message)
    return scratch.take()
  },
}

export class ProclaimResponse {
  header: etcdserverpb.ResponseHeader | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readProclaimResponse(r: Reader, end: number, m: ProclaimResponse): void {
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
export function writeProclaimResponse(w: Writer, m: ProclaimResponse): void {
  if (m.header !== undefined) {
    const size = w.size()
    etcdserverpb.writeResponseHeader(w, m.header)
    w.length(size)
    w.varint32(10)
  }
}

export const ProclaimResponseCodec: WireCodec<ProclaimResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new ProclaimResponse()
    readProclaimResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeProclaimResponse(scratch, message)
    return scratch.take()
  },
}

export const ElectionService = {
  name: 'v3electionpb.Election',
  methods: {
    /** Waits until the caller is elected. */
    campaign: {
      name: 'Campaign',
      kind: 'unary',
      request: CampaignRequestCodec,
      response: CampaignResponseCodec,
    },
    /** Changes the value that the elected one announces. */
    proclaim: {
      name: 'Proclaim',
      kind: 'unary',
      request: ProclaimRequestCodec,
      response: ProclaimResponseCodec,
    },
    leader: {
      name: 'Leader',
      kind: 'unary',
      request: LeaderRequestCodec,
      response: LeaderResponseCodec,
    },
    /** Sends the announcements of all who get elected, in order. */
    observe: {
      name: 'Observe',
      kind: 'server_stream',
      request: LeaderRequestCodec,
      response: LeaderResponseCodec,
    },
    resign: {
      name: 'Resign',
      kind: 'unary',
      request: ResignRequestCodec,
      response: ResignResponseCodec,
    },
  },
} as const
