// Splitting of large responses, for watchers that asked for it.
//
//   WatchResponse   0a len header, 10 watch_id, 18 created, 20 canceled, 28 compact_revision, 32 len cancel_reason,
//                   38 01 fragment, then per event: 5a len Event

import { varintSize } from './event.js'
import type { etcdserverpb } from '../../proto/index.js'

/** Bytes of `fragment = true`. */
const FRAGMENT_FLAG_BYTES = 2

const varint64Size = (value: bigint): number => {
  let size = 1
  for (let rest = BigInt.asUintN(64, value); rest >= 128n; rest >>= 7n) size++
  return size
}

const numberField = (value: number): number => (value === 0 ? 0 : 1 + varintSize(value))
const idField = (value: bigint): number => (value === 0n ? 0 : 1 + varint64Size(value))

/** Encoded bytes of a WatchResponse that has only a header, an id and events, without the events. */
export const frameSize = (header: etcdserverpb.ResponseHeader, watchId: bigint): number => {
  const { clusterId, memberId, revision, raftTerm } = header
  const inner = idField(clusterId) + idField(memberId) + numberField(revision) + numberField(raftTerm)
  return 1 + varintSize(inner) + inner + idField(watchId)
}

const eventSize = (event: Uint8Array): number => 1 + varintSize(event.length) + event.length

/**
 * Cuts `events` into the lists of the pieces, in order: one piece while the whole stays below `thresholdBytes` or holds a
 * single event; otherwise each piece holds as many as stay below it, and at least one.
 */
export const splitEvents = (events: Uint8Array[], frameBytes: number, thresholdBytes: number): Uint8Array[][] => {
  let total = frameBytes
  for (const event of events) total += eventSize(event)
  if (total < thresholdBytes || events.length < 2) return [events]
  const pieces: Uint8Array[][] = []
  let piece: Uint8Array[] = []
  let size = frameBytes + FRAGMENT_FLAG_BYTES
  for (const event of events) {
    const added = eventSize(event)
    if (piece.length > 0 && size + added >= thresholdBytes) {
      pieces.push(piece)
      piece = []
      size = frameBytes + FRAGMENT_FLAG_BYTES
    }
    piece.push(event)
    size += added
  }
  pieces.push(piece)
  return pieces
}
