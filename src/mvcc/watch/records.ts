// The records of etcdserverpb that the hub reads and writes, in the shape that the generated codecs use.

import type { ClusterId, MemberId, Term } from '../../base/index.js'

export class ResponseHeader {
  clusterId: ClusterId | bigint = 0n
  memberId: MemberId | bigint = 0n
  revision = 0
  raftTerm: Term | number = 0
}

export class WatchCreateRequest {
  key: Uint8Array = new Uint8Array(0)
  rangeEnd: Uint8Array = new Uint8Array(0)
  startRevision = 0
  progressNotify = false
  filters: number[] = []
  prevKv = false
  watchId = 0n
  fragment = false
}

export class WatchCancelRequest {
  watchId = 0n
}

export type WatchProgressRequest = object

export class WatchRequest {
  createRequest: WatchCreateRequest | undefined = undefined
  cancelRequest: WatchCancelRequest | undefined = undefined
  progressRequest: WatchProgressRequest | undefined = undefined
}

export class WatchResponse {
  header: ResponseHeader | undefined = undefined
  watchId = 0n
  created = false
  canceled = false
  compactRevision = 0
  cancelReason = ''
  fragment = false
  /** Encoded mvccpb.Event messages, frozen: watchers share them. */
  events: Uint8Array[] = []
}
