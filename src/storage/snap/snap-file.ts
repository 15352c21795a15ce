// The `.snap` file: { crc=1 u32, data=2 bytes } around a raft Snapshot
// { data=1 bytes, metadata=2 { conf_state=1, index=2 u64, term=3 u64 } }; crc is the CRC-32C of the Snapshot's bytes.

import { crc32c } from '@node-rs/crc32'
import type { LogSnapshot } from '../../env/index.js'
import { MalformedMessage, raftpb, snappb } from '../../proto/index.js'
import { MalformedRecord } from '../wal/errors.js'
import { confStateMessage } from '../wal/messages.js'

/** Owned result. */
export const encodeSnapFile = ({ index, term, confState, data }: LogSnapshot): Uint8Array => {
  const snapshot = new raftpb.Snapshot()
  snapshot.data = data
  snapshot.metadata = new raftpb.SnapshotMetadata()
  snapshot.metadata.index = index
  snapshot.metadata.term = term
  snapshot.metadata.confState = confStateMessage(confState)
  const file = new snappb.Snapshot()
  file.data = raftpb.SnapshotCodec.encode(snapshot)
  file.crc = crc32c(file.data)
  return snappb.SnapshotCodec.encode(file)
}

/**
 * `data` of the result is a view into `bytes`.
 * @throws MalformedRecord for a file that is empty, cut, or fails its checksum (a checksum of zero counts as none).
 */
export const decodeSnapFile = (bytes: Uint8Array): LogSnapshot => {
  try {
    const { crc, data: body } = snappb.SnapshotCodec.decode(bytes, 0, bytes.length)
    if (body.length === 0 || crc === 0) throw new MalformedRecord('empty snapshot')
    if (crc32c(body) !== crc) throw new MalformedRecord('snapshot CRC mismatch')
    const { data, metadata = new raftpb.SnapshotMetadata() } = raftpb.SnapshotCodec.decode(body, 0, body.length)
    const { index, term, confState = new raftpb.ConfState() } = metadata
    return { index, term, confState, data }
  } catch (error) {
    throw error instanceof MalformedMessage ? new MalformedRecord(error.message) : error
  }
}
