// Generated from the package walpb in proto/ by scripts/generate-proto.mjs. Do not edit.

import type { Index, Term } from '../../base/index.js'
import { EMPTY_BYTES, NO_INDEX, NO_TERM } from '../../base/index.js'
import { DEPTH_MAX, Reader, scratch, type WireCodec, type Writer } from '../wire.js'
import * as raftpb from './raftpb.js'

export class Record {
  /** 1 metadata, 2 entry, 3 state, 4 crc, 5 snapshot. */
  type: number = 0
  /** CRC-32C of the data of all records up to and with this one. */
  crc: number = 0
  data: Uint8Array = EMPTY_BYTES
}

/** Merges the fields up to `end` into `m`. */
export function readRecord(r: Reader, end: number, m: Record): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.type = r.int53(end)
        break
      }
      case 16: {
        m.crc = r.uint32(end)
        break
      }
      case 26: {
        m.data = r.view(end)
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
          case 3:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeRecord(w: Writer, m: Record): void {
  if (m.data.length > 0) {
    w.bytes(m.data)
    w.varint32(26)
  }
  w.varint32(m.crc)
  w.varint32(16)
  w.int53(m.type)
  w.varint32(8)
}

export const RecordCodec: WireCodec<Record> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Record()
    readRecord(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeRecord(scratch, message)
    return scratch.take()
  },
}

/** Says that a snapshot file of this point was written. */
export class Snapshot {
  index: Index = NO_INDEX
  term: Term = NO_TERM
  /** Since 3.5. */
  confState: raftpb.ConfState | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readSnapshot(r: Reader, end: number, m: Snapshot): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.index = r.uint53(end) as Index
        break
      }
      case 16: {
        m.term = r.uint53(end) as Term
        break
      }
      case 26: {
        const stop = r.enter(end)
        raftpb.readConfState(r, stop, (m.confState ??= new raftpb.ConfState()))
        r.leave()
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
          case 3:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeSnapshot(w: Writer, m: Snapshot): void {
  if (m.confState !== undefined) {
    const size = w.size()
    raftpb.writeConfState(w, m.confState)
    w.length(size)
    w.varint32(26)
  }
  w.int53(m.term)
  w.varint32(16)
  w.int53(m.index)
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
