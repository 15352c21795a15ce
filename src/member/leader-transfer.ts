// Handing the leadership to another member: because an operator asks for it, or because this member is about to stop
// (reference: raft 2.12; etcd server/etcdserver/server.go).

import type { Membership } from '../apply/index.js'
import { type MemberId, hexId } from '../base/index.js'
import type { Clock, Logger, Status } from '../env/index.js'
import { errors } from '../proto/index.js'
import { type LinkActivity, longestConnected } from './connectivity.js'

export interface LeaderTransferHost {
  readonly self: MemberId
  readonly membership: Membership
  readonly links: LinkActivity
  readonly clock: Clock
  readonly logger: Logger
  readonly heartbeatMs: number
  /** Limit of one transfer. */
  readonly timeoutMs: number
  leader(): MemberId
  transferLeader(target: MemberId): void
}

export class LeaderTransfer {
  readonly #host: LeaderTransferHost

  constructor(host: LeaderTransferHost) {
    this.#host = host
  }

  /** Undefined once `target` leads. */
  async move(target: MemberId, signal?: AbortSignal): Promise<Status | undefined> {
    const { self, membership, logger, clock } = this.#host
    if (this.#host.leader() !== self) return errors.notLeader
    if (membership.get(target)?.isLearner !== false) return errors.badLeaderTransferee
    if (target === self) return undefined
    const startedMs = clock.monotonicMs()
    logger.info('leadership transfer starting', {
      'local-member-id': hexId(self),
      'current-leader-member-id': hexId(self),
      'transferee-member-id': hexId(target),
    })
    this.#host.transferLeader(target)
    if (!(await this.#leads(target, startedMs, signal))) return errors.timeoutLeaderTransfer
    logger.info('leadership transfer finished', {
      'local-member-id': hexId(self),
      'old-leader-member-id': hexId(self),
      'new-leader-member-id': hexId(target),
      took: `${(clock.monotonicMs() - startedMs).toFixed(3)}ms`,
    })
    return undefined
  }

  /** Before a leader stops: others need not wait for an election time-out then. Resolves when it is over, however. */
  async beforeStop(): Promise<void> {
    const { self, membership, links, logger } = this.#host
    const leader = this.#host.leader()
    const ids = { 'local-member-id': hexId(self), 'current-leader-member-id': hexId(leader) }
    if (leader !== self) return logger.info('skipped leadership transfer; local server is not leader', ids)
    const voters = membership.members().filter(({ isLearner }) => !isLearner)
    if (voters.length <= 1) return logger.info('skipped leadership transfer for single voting member cluster', ids)
    const target = longestConnected(
      links,
      voters.map(({ id }) => id),
    )
    const failure = target === undefined ? errors.unhealthy : await this.move(target)
    if (failure === undefined) return
    logger.warn('leadership transfer failed', { 'local-member-id': hexId(self), error: failure.message })
  }

  /** Looks once per heartbeat until `target` leads. */
  async #leads(target: MemberId, startedMs: number, signal: AbortSignal | undefined): Promise<boolean> {
    const { clock, heartbeatMs, timeoutMs } = this.#host
    while (this.#host.leader() !== target) {
      if (signal?.aborted === true || clock.monotonicMs() - startedMs >= timeoutMs) return false
      await new Promise<void>((resolve) => clock.after(heartbeatMs, resolve))
    }
    return true
  }
}
