// Generated from the package snappb in proto/ by scripts/generate-proto.mjs. Do not edit.

import { EMPTY_BYTES } from '../../base/index.js'
import { DEPTH_MAX, Reader, scratch, type WireCodec, type Writer } from '../wire.js'

export class Snapshot {
  /** CRC-32C of `data`; 0 means that the file is broken. */
  crc: number = 0
  /** A raftpb.Snapshot. */
  data: Uint8Array = EMPTY_BYTES
}

/** Merges the fields up to `end` into `m`. */
export function readSnapshot(r: Reader, end: number, m: Snapshot): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.crc = r.uint32(end)
        break
      }
      case 18: {
        m.data = r.view(end)
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeSnapshot(w: Writer, m: Snapshot): void {
  if (m.data.length > 0) {
    w.bytes(m.data)
    w.varint32(18)
  }
  w.varint32(m.crc)
  w.varint32(8)
}

export const SnapshotCodec: WireCodec<Snapshot> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Snapshot()
    readSnapshot(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeSnapshot(scratch, message)
    return scratch.take()
  },
}
