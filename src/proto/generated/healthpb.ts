// Generated from the package grpc.health.v1 in proto/ by scripts/generate-proto.mjs. Do not edit.

import { EMPTY_BYTES } from '../../base/index.js'
import { DEPTH_MAX, Reader, scratch, type WireCodec, type Writer } from '../wire.js'

export const ServingStatus = {
  UNKNOWN: 0,
  SERVING: 1,
  NOT_SERVING: 2,
  SERVICE_UNKNOWN: 3,
} as const
export type ServingStatus = (typeof ServingStatus)[keyof typeof ServingStatus]

export class HealthCheckRequest {
  /** Empty for the server as a whole. */
  service: string = ''
}

/** Merges the fields up to `end` into `m`. */
export function readHealthCheckRequest(r: Reader, end: number, m: HealthCheckRequest): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.service = r.string(end, 'grpc.health.v1.HealthCheckRequest.service')
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
export function writeHealthCheckRequest(w: Writer, m: HealthCheckRequest): void {
  if (m.service !== '') {
    w.string(m.service)
    w.varint32(10)
  }
}

export const HealthCheckRequestCodec: WireCodec<HealthCheckRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new HealthCheckRequest()
    readHealthCheckRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeHealthCheckRequest(scratch, message)
    return scratch.take()
  },
}

export class HealthCheckResponse {
  status: number = 0
}

/** Merges the fields up to `end` into `m`. */
export function readHealthCheckResponse(r: Reader, end: number, m: HealthCheckResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.status = r.int32(end)
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
export function writeHealthCheckResponse(w: Writer, m: HealthCheckResponse): void {
  if (m.status !== 0) {
    w.int32(m.status)
    w.varint32(8)
  }
}

export const HealthCheckResponseCodec: WireCodec<HealthCheckResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new HealthCheckResponse()
    readHealthCheckResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeHealthCheckResponse(scratch, message)
    return scratch.take()
  },
}

export class HealthListRequest {
}

export function readHealthListRequest(r: Reader, end: number, _: HealthListRequest): void {
  while (r.pos < end) r.skip(r.tag(end), end)
}

export function writeHealthListRequest(_w: Writer, _m: HealthListRequest): void {}

export const HealthListRequestCodec: WireCodec<HealthListRequest> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new HealthListRequest()
    readHealthListRequest(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode: () => EMPTY_BYTES,
}

export class StatusesEntry {
  key: string = ''
  value: HealthCheckResponse | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readStatusesEntry(r: Reader, end: number, m: StatusesEntry): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.key = r.string(end, 'grpc.health.v1.HealthListResponse.StatusesEntry.key')
        break
      }
      case 18: {
        const stop = r.enter(end)
        readHealthCheckResponse(r, stop, (m.value ??= new HealthCheckResponse()))
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
export function writeStatusesEntry(w: Writer, m: StatusesEntry): void {
  if (m.value !== undefined) {
    const size = w.size()
    writeHealthCheckResponse(w, m.value)
    w.length(size)
    w.varint32(18)
  }
  if (m.key !== '') {
    w.string(m.key)
    w.varint32(10)
  }
}

export const StatusesEntryCodec: WireCodec<StatusesEntry> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new StatusesEntry()
    readStatusesEntry(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeStatusesEntry(scratch, message)
    return scratch.take()
  },
}

/** Published as `map<string, HealthCheckResponse> statuses = 1`; this is the same on the wire. */
export class HealthListResponse {
  statuses: StatusesEntry[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readHealthListResponse(r: Reader, end: number, m: HealthListResponse): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        const item = new StatusesEntry()
        readStatusesEntry(r, stop, item)
        m.statuses.push(item)
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
export function writeHealthListResponse(w: Writer, m: HealthListResponse): void {
  for (let i = m.statuses.length - 1; i >= 0; i--) {
    const size = w.size()
    writeStatusesEntry(w, m.statuses[i]!)
    w.length(size)
    w.varint32(10)
  }
}

export const HealthListResponseCodec: WireCodec<HealthListResponse> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new HealthListResponse()
    readHealthListResponse(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeHealthListResponse(scratch, message)
    return scratch.take()
  },
}

export const HealthService = {
  name: 'grpc.health.v1.Health',
  methods: {
    check: {
      name: 'Check',
      kind: 'unary',
      request: HealthCheckRequestCodec,
      response: HealthCheckResponseCodec,
    },
    /** The current status of every service. */
    list: {
      name: 'List',
      kind: 'unary',
      request: HealthListRequestCodec,
      response: HealthListResponseCodec,
    },
    /** The status now and after each change. */
    watch: {
      name: 'Watch',
      kind: 'server_stream',
      request: HealthCheckRequestCodec,
      response: HealthCheckResponseCodec,
    },
  },
} as const
