// The first words on every stream: who the dialer is, and whether it is taken.

import { hexId } from '../../base/index.js'
import type { LogFields } from '../../env/index.js'
import { quoratepeer } from '../../proto/index.js'
import { PEER_LIMITS, peerFrameBytes } from './limits.js'
import type { PeerNetworkOptions } from './options.js'

export const { PeerCode, Lane } = quoratepeer
export type PeerCode = quoratepeer.PeerCode

export const PROTOCOL_VERSION = 1
export const REMOVED_TEXT = 'the member has been permanently removed from the cluster'

const TEXTS: Readonly<Record<PeerCode, string>> = {
  [PeerCode.ACCEPTED]: '',
  [PeerCode.INCOMPATIBLE_VERSION]: 'incompatible version',
  [PeerCode.CLUSTER_ID_MISMATCH]: 'cluster ID mismatch',
  [PeerCode.MEMBER_REMOVED]: REMOVED_TEXT,
  [PeerCode.TO_MISMATCH]: 'wrong to field',
  [PeerCode.UNKNOWN_MEMBER]: 'sender not found',
  [PeerCode.DUPLICATE_INCARNATION]: 'another process is the same member',
  [PeerCode.NOT_READY]: 'the member is starting',
  [PeerCode.CLOSING]: 'the member closes the link',
}
/** For logs and answers; also for codes of a newer member. */
export const codeText = (code: number): string => (TEXTS as Readonly<Record<number, string>>)[code] ?? `code ${code}`

export function helloOf(
  options: PeerNetworkOptions,
  lane: number,
  to: quoratepeer.Hello['toId'],
  incarnationId: bigint,
): quoratepeer.Hello {
  const hello = new quoratepeer.Hello()
  hello.protocolVersion = PROTOCOL_VERSION
  hello.lane = lane
  hello.clusterId = options.clusterId
  hello.fromId = options.memberId
  hello.toId = to
  hello.serverVersion = options.serverVersion
  hello.minClusterVersion = options.minClusterVersion
  hello.incarnationId = incarnationId
  hello.peerUrls = [...options.peerUrls]
  hello.maxFrameBytes = peerFrameBytes(options.maxRequestBytes)
  return hello
}

export function ackOf(options: PeerNetworkOptions, code: PeerCode, creditBytes: number): quoratepeer.HelloAck {
  const ack = new quoratepeer.HelloAck()
  ack.code = code
  ack.message = codeText(code)
  ack.clusterId = options.clusterId
  ack.memberId = options.memberId
  ack.serverVersion = options.serverVersion
  ack.minClusterVersion = options.minClusterVersion
  ack.creditBytes = creditBytes
  if (code === PeerCode.DUPLICATE_INCARNATION) ack.retryAfterMs = PEER_LIMITS.refusedRedialMs
  return ack
}

/** What the accepting member knows of the cluster. */
export interface Judge {
  readonly isReady: boolean
  isRemoved(id: quoratepeer.Hello['fromId']): boolean
  isMember(id: quoratepeer.Hello['fromId']): boolean
  /** Takes up a member that is in no list yet, to answer it at its URLs. False: there are too many. */
  adopt(hello: quoratepeer.Hello): boolean
  /** A stream of another process with that member id is alive. */
  hasOtherIncarnation(id: quoratepeer.Hello['fromId'], incarnationId: bigint): boolean
}

/** In etcd's order, as far as etcd has the check. */
export function judge(options: PeerNetworkOptions, hello: quoratepeer.Hello, lane: number, cluster: Judge): PeerCode {
  const { fromId } = hello
  if (!isCompatible(options, hello)) return PeerCode.INCOMPATIBLE_VERSION
  if (hello.clusterId !== options.clusterId) return PeerCode.CLUSTER_ID_MISMATCH
  if (cluster.isRemoved(fromId)) return PeerCode.MEMBER_REMOVED
  if (hello.toId !== options.memberId || hello.lane !== lane) return PeerCode.TO_MISMATCH
  if (!cluster.isReady) return PeerCode.NOT_READY
  if (cluster.hasOtherIncarnation(fromId, hello.incarnationId)) return PeerCode.DUPLICATE_INCARNATION
  if (fromId === options.memberId) return PeerCode.DUPLICATE_INCARNATION
  if (!cluster.isMember(fromId) && !(areUrls(hello.peerUrls) && cluster.adopt(hello))) return PeerCode.UNKNOWN_MEMBER
  return PeerCode.ACCEPTED
}

function isCompatible(options: PeerNetworkOptions, hello: quoratepeer.Hello): boolean {
  if (hello.protocolVersion < PROTOCOL_VERSION) return false
  const [ours, oursMin] = [minorOf(options.serverVersion), minorOf(options.minClusterVersion)]
  const [theirs, theirsMin] = [minorOf(hello.serverVersion), minorOf(hello.minClusterVersion)]
  return theirs !== undefined && theirsMin !== undefined && theirs >= (oursMin ?? 0) && theirsMin <= (ours ?? 0)
}

/** Major and minor version as one comparable number. */
function minorOf(version: string): number | undefined {
  const match = /^(\d{1,4})\.(\d{1,4})\.\d{1,6}/.exec(version)
  return match === null ? undefined : Number(match[1]) * 10_000 + Number(match[2])
}

const areUrls = (urls: readonly string[]): boolean =>
  urls.length > 0 &&
  urls.length <= PEER_LIMITS.strangerUrls &&
  urls.every((url) => url.length <= PEER_LIMITS.strangerUrlChars && /^(https?|unixs?):\/\/[^/\s]+$/.test(url))

/** etcd's log line for a refused stream. */
export function refusalLog(code: PeerCode, options: PeerNetworkOptions, hello: quoratepeer.Hello): [string, LogFields] {
  const local = hexId(options.memberId)
  const from = hexId(hello.fromId)
  switch (code) {
    case PeerCode.INCOMPATIBLE_VERSION:
      return [
        'failed to check version compatibility',
        {
          'local-member-id': local,
          'local-member-cluster-id': hexId(options.clusterId),
          'local-member-server-version': options.serverVersion,
          'local-member-server-minimum-cluster-version': options.minClusterVersion,
          'remote-peer-server-name': from,
          'remote-peer-server-version': hello.serverVersion,
          'remote-peer-server-minimum-cluster-version': hello.minClusterVersion,
          error: codeText(code),
        },
      ]
    case PeerCode.CLUSTER_ID_MISMATCH:
      return [
        'request cluster ID mismatch',
        {
          'local-member-id': local,
          'local-member-cluster-id': hexId(options.clusterId),
          'remote-peer-server-name': from,
          'remote-peer-cluster-id': hexId(hello.clusterId),
        },
      ]
    case PeerCode.MEMBER_REMOVED:
      return [
        'rejected stream from remote peer because it was removed',
        { 'local-member-id': local, 'remote-peer-id-stream-handler': local, 'remote-peer-id-from': from },
      ]
    case PeerCode.TO_MISMATCH:
      return [
        'ignored streaming request; ID mismatch',
        {
          'local-member-id': local,
          'remote-peer-id-stream-handler': local,
          'remote-peer-id-header': hexId(hello.toId),
          'remote-peer-id-from': from,
          'cluster-id': hexId(options.clusterId),
        },
      ]
    case PeerCode.UNKNOWN_MEMBER:
      return [
        'failed to find remote peer in cluster',
        {
          'local-member-id': local,
          'remote-peer-id-stream-handler': local,
          'remote-peer-id-from': from,
          'cluster-id': hexId(options.clusterId),
        },
      ]
    case PeerCode.DUPLICATE_INCARNATION:
      return [
        'rejected stream from remote peer; another process runs with its member ID (cloned data directory?)',
        { 'local-member-id': local, 'remote-peer-id-from': from },
      ]
    default:
      return ['rejected stream from remote peer', { 'remote-peer-id-from': from, error: codeText(code) }]
  }
}
