// What consensus and the running member need of the network between members. Messages are those of proto/raftpb; the type
// parameter keeps this folder free of it.

import type { MemberId } from '../base/index.js'
import type { Codec } from './method-table.js'

export interface PeerEndpoint {
  readonly id: MemberId
  /** Where the member can be reached, `scheme://host:port`; tried in turn. */
  readonly urls: readonly string[]
}

/** Of a method of the peers' query service; the generated descriptors satisfy it. */
export interface QueryMethod<Req, Res> {
  readonly name: string
  readonly request: Pick<Codec<Req>, 'encode'>
  readonly response: Pick<Codec<Res>, 'decode'>
}

/** The member could not be asked, or did not answer in time. */
export class PeerUnavailable extends Error {
  override readonly name = 'PeerUnavailable'
}

export interface PeerNetwork<Message> {
  /**
   * Never blocks, may lose any of them; in order per receiver within a lane (control, appends). Messages to members that are
   * no peers are dropped. Snapshot messages go by `sendSnapshot`. Frozen.
   */
  send(messages: readonly Message[]): void
  /** The members to reach from now on, and those that were removed for good. Links to others are ended. Idempotent. */
  setPeers(peers: readonly PeerEndpoint[], removed: readonly MemberId[]): void
  /** Monotonic milliseconds since when the member answers without a break; undefined while it does not. */
  activeSinceMs(id: MemberId): number | undefined
  /**
   * Streams one snapshot: the message and then `chunks`, each borrowed until the next is asked for. Resolves with true once
   * the receiver has everything durably and has stepped the message; with false however else it ends. Never rejects; ends
   * early when `signal` aborts, and always ends `chunks`.
   */
  sendSnapshot(message: Message, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<boolean>
  /** @throws PeerUnavailable */
  query<Req, Res>(to: MemberId, method: QueryMethod<Req, Res>, request: Req, timeoutMs: number): Promise<Res>
  /** Ends all links and transfers; nothing arrives any more. Idempotent. */
  close(): Promise<void>
}

/** Takes what other members send. */
export interface PeerReceiver<Message> {
  /** A batch in order; owned. Called in a turn of the receiver's choosing, never from within `send`. */
  onMessages(messages: readonly Message[]): void
  /** Something for `id` was dropped: its queue was full, or its link broke. Once per break. */
  onUnreachable(id: MemberId): void
  /** Another member of this cluster says that this member was removed for good. */
  onRemoved(): void
  /** Opens a place for a snapshot that is about to arrive; undefined: not wanted, or not now. */
  beginSnapshot(message: Message): Promise<SnapshotReceipt | undefined>
}

/** One incoming snapshot. Calls do not overlap; exactly one of `finish` and `abort` ends it. */
export interface SnapshotReceipt {
  /** `chunk` is borrowed until the promise settles. */
  write(chunk: Uint8Array): Promise<void>
  /** Everything arrived and was verified: makes it durable, and then hands the message to consensus. */
  finish(): Promise<void>
  abort(): Promise<void>
}
