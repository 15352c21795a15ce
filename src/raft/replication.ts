// What a leader sends on its own account: appends, snapshots and heartbeats.

import { EMPTY_BYTES, index as toIndex } from '../base/index.js'
import type { Index, MemberId } from '../base/index.js'
import { MessageType } from './pb.js'
import type { Entry } from './pb.js'
import { WantsAppend } from './progress.js'
import type { Progress } from './progress.js'
import type { Raft } from './raft.js'
import { encodePosition } from './read-index.js'

/** Builds everything that was asked for since the last flush. */
export const flushReplication = (raft: Raft): void => {
  if (raft.heartbeatWanted) {
    raft.heartbeatWanted = false
    sendHeartbeats(raft)
  }
  if (!raft.appendsWanted) return
  raft.appendsWanted = false
  for (const [id, peer] of raft.peers) {
    if (peer.wantsAppend === WantsAppend.no) continue
    let more = maybeSendAppend(raft, id, peer, peer.wantsAppend === WantsAppend.always)
    peer.wantsAppend = WantsAppend.no
    while (more) more = maybeSendAppend(raft, id, peer, false)
  }
}

/**
 * Tells each peer the commit index as far as that peer is known to hold the entries, never more, and the newest read that
 * waits for a quorum.
 */
const sendHeartbeats = (raft: Raft): void => {
  const newestRead = raft.reads.newest
  const context = newestRead === 0 ? EMPTY_BYTES : encodePosition(newestRead)
  for (const [id, peer] of raft.peers) {
    if (id === raft.id) continue
    const message = raft.newMessage(MessageType.MsgHeartbeat, id)
    message.commit = toIndex(Math.min(peer.match, raft.log.committed))
    message.context = context
    raft.send(message)
  }
}

/** One append or snapshot, if flow control allows. False when nothing was sent, or nothing more can be. */
const maybeSendAppend = (raft: Raft, to: MemberId, peer: Progress, evenEmpty: boolean): boolean => {
  if (peer.isPaused) return false
  const prev = toIndex(peer.next - 1)
  const prevTerm = raft.log.term(prev)
  if (prevTerm === undefined) return maybeSendSnapshot(raft, to, peer)
  const entries = entriesFor(raft, peer)
  if (entries.length === 0 && !evenEmpty) return false

  const message = raft.newMessage(MessageType.MsgApp, to)
  message.index = prev
  message.logTerm = prevTerm
  message.entries = entries
  message.commit = raft.log.committed
  raft.send(message)
  peer.sent(entries.length, payloadBytes(entries))
  peer.sentCommit(raft.log.committed)
  if (peer.state === 'replicate' && peer.paused) raft.trace({ kind: 'windowFull', to })
  return true
}

/** Nothing for a follower whose window is full: an empty append may still tell it the commit index. */
const entriesFor = (raft: Raft, peer: Progress): Entry[] => {
  if (peer.state === 'replicate' && peer.inflights.full) return []
  const end: Index = toIndex(raft.log.lastIndex + 1)
  return peer.next >= end ? [] : raft.log.slice(peer.next, end, raft.config.maxSizePerMessageBytes)
}

/** Only for a peer that answers, and only when storage has a snapshot at hand that reaches into the log. */
const maybeSendSnapshot = (raft: Raft, to: MemberId, peer: Progress): false => {
  if (!peer.recentActive) return false
  const snapshot = raft.config.snapshotSource()
  const at = snapshot?.metadata?.index
  if (snapshot === undefined || at === undefined || at < raft.log.firstIndex - 1 || at > raft.log.applied) return false
  const message = raft.newMessage(MessageType.MsgSnap, to)
  message.snapshot = snapshot
  peer.becomeSnapshot(at)
  raft.send(message)
  raft.trace({ kind: 'snapshotSent', to, index: at })
  return false
}

const payloadBytes = (entries: readonly Entry[]): number => entries.reduce((sum, { data }) => sum + data.length, 0)
