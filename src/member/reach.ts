// Whom a member links to, and what it does with the first links after a start.

import { type MemberId, NO_MEMBER } from '../base/index.js'
import type { PeerEndpoint, Timer } from '../env/index.js'
import type { MemberParts } from './member-parts.js'

const ADVANCE_CHECK_MS = 50
const ADVANCE_LIMIT_MS = 5000
const ADVANCE_LEFT_TICKS = 2

/** Links to all other members; for one that joins, also to those that it knows before the log has told it. */
export function reachPeers({
  membership,
  network,
  started,
}: Pick<MemberParts, 'membership' | 'network' | 'started'>): void {
  const peers = new Map<MemberId, PeerEndpoint>()
  for (const peer of started.remotes) if (!membership.isRemoved(peer.id)) peers.set(peer.id, peer)
  for (const { id, peerUrls } of membership.members()) peers.set(id, { id, urls: peerUrls })
  peers.delete(started.memberId)
  network.setPeers([...peers.values()], membership.removedIds())
}

/**
 * A member that restarts need not wait for a whole time-out when its cluster has lost the leader: once it is connected, all
 * but two ticks of it pass at once, which still lets a living leader be heard first (etcd server/etcdserver/server.go).
 */
export function advanceTicks(
  { clock, membership, network }: Pick<MemberParts, 'clock' | 'membership' | 'network'>,
  electionTicks: number,
  leader: () => MemberId,
  tick: () => void,
): Timer {
  const startedMs = clock.monotonicMs()
  const timer = clock.every(ADVANCE_CHECK_MS, () => {
    const isConnected = membership.members().some(({ id }) => network.activeSinceMs(id) !== undefined)
    const isOver = leader() !== NO_MEMBER || clock.monotonicMs() - startedMs >= ADVANCE_LIMIT_MS
    if (!isConnected && !isOver) return
    timer.cancel()
    if (isOver) return
    for (let i = 0; i < electionTicks - ADVANCE_LEFT_TICKS; i++) tick()
  })
  return timer
}
