// Every bound of the links between members, and what happens at it.

const KIB = 1024
const MIB = 1024 * KIB

export const PEER_LIMITS = {
  /** Messages that wait for one lane of one member. Beyond: the newest is dropped, the member reported as unreachable. */
  queueMessages: 4096,
  /** The same in bytes, of the control lane ... */
  controlQueueBytes: 4 * MIB,
  /** ... and of the append lane. */
  appendQueueBytes: 64 * MIB,
  /** Messages of a batch, in bytes. One larger message goes alone. */
  batchBytes: 256 * KIB,
  /** Bytes of batches sent and not yet decoded by the receiver, on the control lane. Beyond: only heartbeats and votes go. */
  controlCreditBytes: MIB,
  /** The same on the append lane. Beyond: the sender waits. */
  appendCreditBytes: 16 * MIB,
  /** What heartbeats and votes may take beyond their credit. A stream that exceeds it, or its credit by a frame, is ended. */
  urgentBytes: 4 * MIB,
  /** Decoding gives way to the event loop after so long. */
  decodeMs: 2,
  /** Forwarded proposals that wait for the member. Beyond: dropped; who proposed them times out. */
  proposals: 4096,
  /** Forwarded proposals handed to the member in one turn. */
  proposalsPerTurn: 1024,
  /** A lane is asked for a sign of life this often ... */
  pingMs: 1600,
  /** ... and is broken after so long without any frame. */
  silenceMs: 5000,
  /** How often lanes are looked at. */
  checkMs: 200,
  /** A broken lane is dialled again after so long, 20 % more or less. */
  redialMs: 100,
  /** The same after a refusal that will not pass by itself. */
  refusedRedialMs: 1000,
  /** Streams that have not said yet whose they are. Beyond: refused with RESOURCE_EXHAUSTED. */
  nameless: 256,
  /** Members that are not in our list, but say where they can be reached. Beyond: refused as unknown. */
  strangers: 16,
  /** Addresses of one such member, and characters of each. Beyond: refused as unknown. */
  strangerUrls: 8,
  strangerUrlChars: 512,
  /** Members with metrics of their own since the start. Beyond: those of the member 0. */
  measuredMembers: 256,
  /** Questions to one member that wait for an answer. Beyond: `PeerUnavailable`. */
  queries: 64,
  /** Answers on a lane, which are small. */
  replyBytes: 4 * MIB,
  /** Snapshots taken in at once, and sent at once. */
  snapshots: 4,
  /** A piece of a snapshot. */
  snapshotChunkBytes: 256 * KIB,
  /** Bytes of a snapshot sent and not yet taken by the receiver's storage. Beyond: the sender waits. */
  snapshotWindowBytes: 4 * MIB,
  /** The receiver says how far it is after so many bytes. */
  snapshotProgressBytes: MIB,
  /** A snapshot that gets no further for so long is given up. */
  snapshotStallMs: 30_000,
} as const

/** The largest frame between members: what their gRPC server has to take. */
export const peerFrameBytes = (maxRequestBytes: number): number => Math.max(16 * MIB, 2 * maxRequestBytes)
