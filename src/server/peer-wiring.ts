// The peer port: links between members, their questions, and the plain pages, all on one port.

import type { ServerConfig } from '../config/index.js'
import { SERVER_VERSION } from '../config/index.js'
import type { PeerReceiver, Service } from '../env/index.js'
import type { Member, MemberFacade, Started } from '../member/index.js'
import { errors, type raftpb } from '../proto/index.js'
import { peerQueryService } from '../rpc/index.js'
import {
  type GrpcServer,
  type PeerDialTls,
  type RaftNetwork,
  type RequestListener,
  createGrpcServer,
  createPeerNetwork,
  guardedQueries,
  peerChannelCredentials,
  peerFrameBytes,
} from '../transport/index.js'
import { MIN_CLUSTER_VERSION } from './new-member.js'
import type { ServerEnvironment } from './server.js'

/** Streams and questions that one member has open here at once, with room. */
const PEER_STREAMS_MAX = 1024
/** HTTP/2 pings of the dialling side are its own liveness check: any pace is welcome between members. */
const PEER_PING_MIN_MS = 100

export function createNetwork(
  config: ServerConfig,
  env: ServerEnvironment,
  started: Started,
  tls: PeerDialTls,
): RaftNetwork {
  return createPeerNetwork({
    ...env,
    memberId: started.memberId,
    clusterId: started.clusterId,
    serverVersion: SERVER_VERSION,
    minClusterVersion: MIN_CLUSTER_VERSION,
    peerUrls: config.advertisePeerUrls.map(({ text }) => text),
    dialTimeoutMs: config.peerDialTimeoutMs,
    maxRequestBytes: config.maxRequestBytes,
    credentials: (url) => peerChannelCredentials(url, tls),
  })
}

/** Hands what arrives to the member. */
export const receiverOf = (member: Member): PeerReceiver<raftpb.Message> => ({
  onMessages: (messages) => member.receive(messages),
  onUnreachable: (id) => member.onUnreachable(id),
  onRemoved: () => member.onRemoved(),
  beginSnapshot: (message) => member.beginSnapshot(message),
})

/** What other members of this cluster may ask. */
export const queriesOf = (member: Member, facade: MemberFacade): Service =>
  guardedQueries(peerQueryService(facade), {
    memberId: member.id,
    clusterId: member.clusterId,
    isRemoved: (id) => member.parts.membership.isRemoved(id),
  })

/** `http`: what is no gRPC, over TLS. */
export function createPeerGrpc(
  config: ServerConfig,
  env: ServerEnvironment,
  services: readonly Service[],
  http: RequestListener,
): GrpcServer {
  return createGrpcServer({
    services,
    clock: env.clock,
    receiveBytesMax: peerFrameBytes(config.maxRequestBytes),
    concurrentStreamsMax: PEER_STREAMS_MAX,
    keepaliveTimeMs: 0,
    keepaliveTimeoutMs: 0,
    keepaliveMinTimeMs: PEER_PING_MIN_MS,
    stoppedStatus: errors.stopped,
    http,
  })
}
