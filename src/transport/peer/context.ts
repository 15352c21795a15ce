// What all parts of a server's links share.

import type { MemberId } from '../../base/index.js'
import { DialedChannel, insecureCredentials } from './dialed-call.js'
import { BatchWriter } from './frames.js'
import { PEER_LIMITS, peerFrameBytes } from './limits.js'
import type { PeerNetworkOptions } from './options.js'
import { PeerMetrics } from './peer-metrics.js'

export class PeerContext {
  readonly options: PeerNetworkOptions
  readonly metrics: PeerMetrics
  readonly batches = new BatchWriter()
  /** Tells this process from another one that runs with the same member id. */
  readonly incarnationId: bigint
  readonly frameBytesMax: number

  constructor(options: PeerNetworkOptions) {
    this.options = options
    this.metrics = new PeerMetrics(options.metrics, options.memberId)
    this.incarnationId = options.random.uint64()
    this.frameBytesMax = peerFrameBytes(options.maxRequestBytes)
  }

  /** @throws what the provider of credentials throws. */
  dial(url: string, receiveBytesMax: number = PEER_LIMITS.replyBytes): DialedChannel {
    return new DialedChannel(url, (this.options.credentials ?? insecureCredentials)(url), receiveBytesMax)
  }

  /** `delayMs`, 20 % more or less. */
  jittered(delayMs: number): number {
    return delayMs * (0.8 + (0.4 * this.options.random.below(1000)) / 1000)
  }

  nowMs(): number {
    return this.options.clock.monotonicMs()
  }
}

/** What the links tell their owner. */
export interface NetworkHooks {
  /** Something for the member was dropped. */
  onUnreachable(id: MemberId): void
  /** A member of our cluster says that we were removed. */
  onRemoved(): void
}
