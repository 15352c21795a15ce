// For how long this member has been connected to others, and what follows from it (etcd server/etcdserver/util.go).

import type { MemberId } from '../base/index.js'
import type { PeerNetwork } from '../env/index.js'

/** What the network knows of its links. */
export type LinkActivity = Pick<PeerNetwork<never>, 'activeSinceMs'>

/** Voters of `count` that have to agree. */
export const quorumOf = (count: number): number => Math.floor(count / 2) + 1

/** Whether the link to `id` was up before `sinceMs`, and still is. */
export function isConnectedSince(links: LinkActivity, sinceMs: number, id: MemberId): boolean {
  const activeMs = links.activeSinceMs(id)
  return activeMs !== undefined && activeMs < sinceMs
}

/** How many of `ids` have been reachable since then; this member itself always is. */
export const countConnectedSince = (
  links: LinkActivity,
  sinceMs: number,
  self: MemberId,
  ids: readonly MemberId[],
): number => ids.filter((id) => id === self || isConnectedSince(links, sinceMs, id)).length

/** The one of `ids` with the oldest unbroken link; undefined when none has a link. */
export function longestConnected(links: LinkActivity, ids: readonly MemberId[]): MemberId | undefined {
  let longest: { readonly id: MemberId; readonly activeMs: number } | undefined
  for (const id of ids) {
    const activeMs = links.activeSinceMs(id)
    if (activeMs !== undefined && (longest === undefined || activeMs < longest.activeMs)) longest = { id, activeMs }
  }
  return longest?.id
}
