// Tells the cluster a member's name and client URLs, on every start (reference: cluster 1.3).

import { type ClusterId, type MemberId, hexId } from '../base/index.js'
import type { Clock, Logger, Status } from '../env/index.js'
import type { MemberRecord, etcdserverpb } from '../proto/index.js'
import { publishRequest } from './requests.js'

export interface PublisherOptions {
  readonly memberId: MemberId
  readonly clusterId: ClusterId
  readonly name: string
  readonly clientUrls: readonly string[]
  /** Pause after a failure: a refusal may come at once. */
  readonly retryMs: number
  readonly requestTimeoutMs: number
  readonly clock: Clock
  readonly logger: Logger
  /** Undefined once the request is applied. */
  readonly propose: (request: etcdserverpb.InternalRaftRequest) => Promise<Status | undefined>
  /** What the cluster knows of this member. */
  readonly known: () => MemberRecord | undefined
}

export class Publisher {
  readonly #options: PublisherOptions
  #closed = false
  #wake: (() => void) | undefined
  /** Ends the attempt under way as one that succeeded. */
  #succeed: (() => void) | undefined

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** Tries until it succeeds, or until `close`. */
  async publish(): Promise<void> {
    const { memberId, clusterId, name, clientUrls, logger, requestTimeoutMs } = this.#options
    while (!this.#closed) {
      const succeeded = new Promise<undefined>((resolve) => (this.#succeed = () => resolve(undefined)))
      const refusal = await Promise.race([this.#options.propose(publishRequest(memberId, name, clientUrls)), succeeded])
      if (this.#closed) return
      if (refusal === undefined) {
        logger.info('published local member to cluster through raft', {
          'local-member-id': hexId(memberId),
          'local-member-attributes': `{Name:${name} ClientURLs:[${clientUrls.join(' ')}]}`,
          'cluster-id': hexId(clusterId),
          'publish-timeout': `${requestTimeoutMs / 1000}s`,
        })
        return
      }
      logger.warn('failed to publish local member to cluster through raft', { error: refusal.message })
      await this.#pause()
    }
  }

  /** A snapshot has taken the place of entries. Where the request was one of them, nothing else tells that it was applied. */
  onInstalled(): void {
    const { name, clientUrls } = this.#options
    const known = this.#options.known()
    if (known?.name === name && known.clientUrls.join() === clientUrls.join()) this.#succeed?.()
  }

  close(): void {
    this.#closed = true
    this.#wake?.()
  }

  #pause(): Promise<void> {
    const { clock, retryMs } = this.#options
    return new Promise((resolve) => {
      const timer = clock.after(retryMs, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }
}
