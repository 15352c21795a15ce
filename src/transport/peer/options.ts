// What the links between members are made from.

import type { ChannelCredentials } from '@grpc/grpc-js'
import type { ClusterId, MemberId } from '../../base/index.js'
import type { Clock, LabelledMetrics, Logger, PeerNetwork, PeerReceiver, Random, Service } from '../../env/index.js'
import type { raftpb } from '../../proto/index.js'

export interface PeerNetworkOptions {
  readonly memberId: MemberId
  readonly clusterId: ClusterId
  /** `major.minor.patch`. */
  readonly serverVersion: string
  /** The oldest cluster that this server can join. */
  readonly minClusterVersion: string
  /** Where other members reach this one. */
  readonly peerUrls: readonly string[]
  /** The link is given up when the other member does not answer a dial for so long. */
  readonly dialTimeoutMs: number
  /** Bounds frames, see `peerFrameBytes`; the same on all members. */
  readonly maxRequestBytes: number
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: LabelledMetrics
  /** For an URL of a member; default: none for http, an error for https. Asked for every new connection. */
  readonly credentials?: ((url: string) => ChannelCredentials) | undefined
}

export interface RaftNetwork extends PeerNetwork<raftpb.Message> {
  /**
   * What other members call; goes to the gRPC server of the peer port, whose `receiveBytesMax` is `peerFrameBytes`. Answers
   * `not-ready` until `open`.
   */
  readonly services: readonly Service[]
  /** Starts to take messages for `receiver` and to dial. Called once. */
  open(receiver: PeerReceiver<raftpb.Message>): void
}
