// Generated from the package raftpb in proto/ by scripts/generate-proto.mjs. Do not edit.

import type { Index, MemberId, Term } from '../../base/index.js'
import { EMPTY_BYTES, NO_INDEX, NO_MEMBER, NO_TERM } from '../../base/index.js'
import { DEPTH_MARGIN, DEPTH_MAX, Reader, scratch, type WireCodec, type Writer } from '../wire.js'

export const EntryType = {
  EntryNormal: 0,
  EntryConfChange: 1,
  EntryConfChangeV2: 2,
} as const
export type EntryType = (typeof EntryType)[keyof typeof EntryType]

export const MessageType = {
  MsgHup: 0,
  MsgBeat: 1,
  MsgProp: 2,
  MsgApp: 3,
  MsgAppResp: 4,
  MsgVote: 5,
  MsgVoteResp: 6,
  MsgSnap: 7,
  MsgHeartbeat: 8,
  MsgHeartbeatResp: 9,
  MsgUnreachable: 10,
  MsgSnapStatus: 11,
  MsgCheckQuorum: 12,
  MsgTransferLeader: 13,
  MsgTimeoutNow: 14,
  MsgReadIndex: 15,
  MsgReadIndexResp: 16,
  MsgPreVote: 17,
  MsgPreVoteResp: 18,
  MsgStorageAppend: 19,
  MsgStorageAppendResp: 20,
  MsgStorageApply: 21,
  MsgStorageApplyResp: 22,
  MsgForgetLeader: 23,
} as const
export type MessageType = (typeof MessageType)[keyof typeof MessageType]

export const ConfChangeTransition = {
  ConfChangeTransitionAuto: 0,
  ConfChangeTransitionJointImplicit: 1,
  ConfChangeTransitionJointExplicit: 2,
} as const
export type ConfChangeTransition = (typeof ConfChangeTransition)[keyof typeof ConfChangeTransition]

export const ConfChangeType = {
  ConfChangeAddNode: 0,
  ConfChangeRemoveNode: 1,
  ConfChangeUpdateNode: 2,
  ConfChangeAddLearnerNode: 3,
} as const
export type ConfChangeType = (typeof ConfChangeType)[keyof typeof ConfChangeType]

export class Entry {
  type: number = 0
  term: Term = NO_TERM
  index: Index = NO_INDEX
  data: Uint8Array = EMPTY_BYTES
}

/** Merges the fields up to `end` into `m`. */
export function readEntry(r: Reader, end: number, m: Entry): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.type = r.int32(end)
        break
      }
      case 16: {
        m.term = r.uint53(end) as Term
        break
      }
      case 24: {
        m.index = r.uint53(end) as Index
        break
      }
      case 34: {
        m.data = r.view(end)
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
          case 3:
          case 4:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeEntry(w: Writer, m: Entry): void {
  if (m.data.length > 0) {
    w.bytes(m.data)
    w.varint32(34)
  }
  w.int53(m.index)
  w.varint32(24)
  w.int53(m.term)
  w.varint32(16)
  w.int32(m.type)
  w.varint32(8)
}

export const EntryCodec: WireCodec<Entry> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Entry()
    readEntry(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeEntry(scratch, message)
    return scratch.take()
  },
}

export class SnapshotMetadata {
  confState: ConfState | undefined = undefined
  index: Index = NO_INDEX
  term: Term = NO_TERM
}

/** Merges the fields up to `end` into `m`. */
export function readSnapshotMetadata(r: Reader, end: number, m: SnapshotMetadata): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        const stop = r.enter(end)
        readConfState(r, stop, (m.confState ??= new ConfState()))
        r.leave()
        break
      }
      case 16: {
        m.index = r.uint53(end) as Index
        break
      }
      case 24: {
        m.term = r.uint53(end) as Term
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
export function writeSnapshotMetadata(w: Writer, m: SnapshotMetadata): void {
  w.int53(m.term)
  w.varint32(24)
  w.int53(m.index)
  w.varint32(16)
  {
    const size = w.size()
    writeConfState(w, m.confState ?? EMPTY_SNAPSHOTMETADATA_CONFSTATE)
    w.length(size)
    w.varint32(10)
  }
}

export const SnapshotMetadataCodec: WireCodec<SnapshotMetadata> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new SnapshotMetadata()
    readSnapshotMetadata(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeSnapshotMetadata(scratch, message)
    return scratch.take()
  },
}

export class Snapshot {
  data: Uint8Array = EMPTY_BYTES
  metadata: SnapshotMetadata | undefined = undefined
}

/** Merges the fields up to `end` into `m`. */
export function readSnapshot(r: Reader, end: number, m: Snapshot): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 10: {
        m.data = r.view(end)
        break
      }
      case 18: {
        const stop = r.enter(end)
        readSnapshotMetadata(r, stop, (m.metadata ??= new SnapshotMetadata()))
        r.leave()
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
  {
    const size = w.size()
    writeSnapshotMetadata(w, m.metadata ?? EMPTY_SNAPSHOT_METADATA)
    w.length(size)
    w.varint32(18)
  }
  if (m.data.length > 0) {
    w.bytes(m.data)
    w.varint32(10)
  }
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

export class Message {
  type: number = 0
  to: MemberId = NO_MEMBER
  from: MemberId = NO_MEMBER
  /** 0 for messages that stay inside a member, and for forwarded proposals and read requests. */
  term: Term = NO_TERM
  /** Term of the entry at `index`. */
  logTerm: Term = NO_TERM
  /** Append: the entry before the first one sent. Answers: the entry that is acknowledged or refused. */
  index: Index = NO_INDEX
  entries: Entry[] = []
  commit: Index = NO_INDEX
  /** Only in MsgSnap; old servers send an empty one in others too. */
  snapshot: Snapshot | undefined = undefined
  reject: boolean = false
  /** With `reject`: where the follower's log may match. */
  rejectHint: Index = NO_INDEX
  context: Uint8Array = EMPTY_BYTES
  /** Only in MsgStorageAppend. */
  vote: MemberId = NO_MEMBER
  /** Only in storage messages: what to send once the write is done. */
  responses: Message[] = []
}

/** Merges the fields up to `end` into `m`. */
export function readMessage(r: Reader, end: number, m: Message): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.type = r.int32(end)
        break
      }
      case 16: {
        m.to = r.uint64(end) as MemberId
        break
      }
      case 24: {
        m.from = r.uint64(end) as MemberId
        break
      }
      case 32: {
        m.term = r.uint53(end) as Term
        break
      }
      case 40: {
        m.logTerm = r.uint53(end) as Term
        break
      }
      case 48: {
        m.index = r.uint53(end) as Index
        break
      }
      case 58: {
        const stop = r.enter(end)
        const item = new Entry()
        readEntry(r, stop, item)
        m.entries.push(item)
        r.leave()
        break
      }
      case 64: {
        m.commit = r.uint53(end) as Index
        break
      }
      case 74: {
        const stop = r.enter(end)
        readSnapshot(r, stop, (m.snapshot ??= new Snapshot()))
        r.leave()
        break
      }
      case 80: {
        m.reject = r.bool(end)
        break
      }
      case 88: {
        m.rejectHint = r.uint53(end) as Index
        break
      }
      case 98: {
        m.context = r.view(end)
        break
      }
      case 104: {
        m.vote = r.uint64(end) as MemberId
        break
      }
      case 114: {
        const stop = r.enter(end)
        const item = new Message()
        readMessage(r, stop, item)
        m.responses.push(item)
        r.leave()
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
          case 3:
          case 4:
          case 5:
          case 6:
          case 7:
          case 8:
          case 9:
          case 10:
          case 11:
          case 12:
          case 13:
          case 14:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeMessage(w: Writer, m: Message): void {
  for (let i = m.responses.length - 1; i >= 0; i--) {
    const size = w.size()
    writeMessage(w, m.responses[i]!)
    w.length(size)
    w.varint32(114)
  }
  w.int64(m.vote)
  w.varint32(104)
  if (m.context.length > 0) {
    w.bytes(m.context)
    w.varint32(98)
  }
  w.int53(m.rejectHint)
  w.varint32(88)
  w.bool(m.reject)
  w.varint32(80)
  if (m.snapshot !== undefined) {
    const size = w.size()
    writeSnapshot(w, m.snapshot)
    w.length(size)
    w.varint32(74)
  }
  w.int53(m.commit)
  w.varint32(64)
  for (let i = m.entries.length - 1; i >= 0; i--) {
    const size = w.size()
    writeEntry(w, m.entries[i]!)
    w.length(size)
    w.varint32(58)
  }
  w.int53(m.index)
  w.varint32(48)
  w.int53(m.logTerm)
  w.varint32(40)
  w.int53(m.term)
  w.varint32(32)
  w.int64(m.from)
  w.varint32(24)
  w.int64(m.to)
  w.varint32(16)
  w.int32(m.type)
  w.varint32(8)
}

export const MessageCodec: WireCodec<Message> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new Message()
    readMessage(new Reader(bytes, start, end, DEPTH_MAX + DEPTH_MARGIN), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeMessage(scratch, message)
    return scratch.take()
  },
}

export class HardState {
  term: Term = NO_TERM
  vote: MemberId = NO_MEMBER
  commit: Index = NO_INDEX
}

/** Merges the fields up to `end` into `m`. */
export function readHardState(r: Reader, end: number, m: HardState): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.term = r.uint53(end) as Term
        break
      }
      case 16: {
        m.vote = r.uint64(end) as MemberId
        break
      }
      case 24: {
        m.commit = r.uint53(end) as Index
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
export function writeHardState(w: Writer, m: HardState): void {
  w.int53(m.commit)
  w.varint32(24)
  w.int64(m.vote)
  w.varint32(16)
  w.int53(m.term)
  w.varint32(8)
}

export const HardStateCodec: WireCodec<HardState> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new HardState()
    readHardState(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeHardState(scratch, message)
    return scratch.take()
  },
}

export class ConfState {
  voters: MemberId[] = []
  learners: MemberId[] = []
  /** The old majority of a joint configuration; empty otherwise. */
  votersOutgoing: MemberId[] = []
  /** Voters of the old half that become learners when the joint configuration ends. */
  learnersNext: MemberId[] = []
  autoLeave: boolean = false
}

/** Merges the fields up to `end` into `m`. */
export function readConfState(r: Reader, end: number, m: ConfState): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.voters.push(r.uint64(end) as MemberId)
        break
      }
      case 10: {
        const stop = r.stop(end)
        while (r.pos < stop) m.voters.push(r.uint64(stop) as MemberId)
        break
      }
      case 16: {
        m.learners.push(r.uint64(end) as MemberId)
        break
      }
      case 18: {
        const stop = r.stop(end)
        while (r.pos < stop) m.learners.push(r.uint64(stop) as MemberId)
        break
      }
      case 24: {
        m.votersOutgoing.push(r.uint64(end) as MemberId)
        break
      }
      case 26: {
        const stop = r.stop(end)
        while (r.pos < stop) m.votersOutgoing.push(r.uint64(stop) as MemberId)
        break
      }
      case 32: {
        m.learnersNext.push(r.uint64(end) as MemberId)
        break
      }
      case 34: {
        const stop = r.stop(end)
        while (r.pos < stop) m.learnersNext.push(r.uint64(stop) as MemberId)
        break
      }
      case 40: {
        m.autoLeave = r.bool(end)
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
          case 3:
          case 4:
          case 5:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeConfState(w: Writer, m: ConfState): void {
  w.bool(m.autoLeave)
  w.varint32(40)
  for (let i = m.learnersNext.length - 1; i >= 0; i--) {
    w.int64(m.learnersNext[i]!)
    w.varint32(32)
  }
  for (let i = m.votersOutgoing.length - 1; i >= 0; i--) {
    w.int64(m.votersOutgoing[i]!)
    w.varint32(24)
  }
  for (let i = m.learners.length - 1; i >= 0; i--) {
    w.int64(m.learners[i]!)
    w.varint32(16)
  }
  for (let i = m.voters.length - 1; i >= 0; i--) {
    w.int64(m.voters[i]!)
    w.varint32(8)
  }
}

export const ConfStateCodec: WireCodec<ConfState> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new ConfState()
    readConfState(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeConfState(scratch, message)
    return scratch.take()
  },
}

export class ConfChange {
  /** Request id of the proposer. */
  id: bigint = 0n
  type: number = 0
  nodeId: MemberId = NO_MEMBER
  /** JSON of the member. */
  context: Uint8Array = EMPTY_BYTES
}

/** Merges the fields up to `end` into `m`. */
export function readConfChange(r: Reader, end: number, m: ConfChange): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.id = r.uint64(end)
        break
      }
      case 16: {
        m.type = r.int32(end)
        break
      }
      case 24: {
        m.nodeId = r.uint64(end) as MemberId
        break
      }
      case 34: {
        m.context = r.view(end)
        break
      }
      default:
        switch (tag >>> 3) {
          case 1:
          case 2:
          case 3:
          case 4:
            r.wrongType()
        }
        r.skip(tag, end)
    }
  }
}

/** Writes the fields from the last to the first: the writer runs backwards. */
export function writeConfChange(w: Writer, m: ConfChange): void {
  if (m.context.length > 0) {
    w.bytes(m.context)
    w.varint32(34)
  }
  w.int64(m.nodeId)
  w.varint32(24)
  w.int32(m.type)
  w.varint32(16)
  w.int64(m.id)
  w.varint32(8)
}

export const ConfChangeCodec: WireCodec<ConfChange> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new ConfChange()
    readConfChange(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeConfChange(scratch, message)
    return scratch.take()
  },
}

export class ConfChangeSingle {
  type: number = 0
  nodeId: MemberId = NO_MEMBER
}

/** Merges the fields up to `end` into `m`. */
export function readConfChangeSingle(r: Reader, end: number, m: ConfChangeSingle): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.type = r.int32(end)
        break
      }
      case 16: {
        m.nodeId = r.uint64(end) as MemberId
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
export function writeConfChangeSingle(w: Writer, m: ConfChangeSingle): void {
  w.int64(m.nodeId)
  w.varint32(16)
  w.int32(m.type)
  w.varint32(8)
}

export const ConfChangeSingleCodec: WireCodec<ConfChangeSingle> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new ConfChangeSingle()
    readConfChangeSingle(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeConfChangeSingle(scratch, message)
    return scratch.take()
  },
}

export class ConfChangeV2 {
  transition: number = 0
  changes: ConfChangeSingle[] = []
  context: Uint8Array = EMPTY_BYTES
}

/** Merges the fields up to `end` into `m`. */
export function readConfChangeV2(r: Reader, end: number, m: ConfChangeV2): void {
  while (r.pos < end) {
    const tag = r.tag(end)
    switch (tag) {
      case 8: {
        m.transition = r.int32(end)
        break
      }
      case 18: {
        const stop = r.enter(end)
        const item = new ConfChangeSingle()
        readConfChangeSingle(r, stop, item)
        m.changes.push(item)
        r.leave()
        break
      }
      case 26: {
        m.context = r.view(end)
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
export function writeConfChangeV2(w: Writer, m: ConfChangeV2): void {
  if (m.context.length > 0) {
    w.bytes(m.context)
    w.varint32(26)
  }
  for (let i = m.changes.length - 1; i >= 0; i--) {
    const size = w.size()
    writeConfChangeSingle(w, m.changes[i]!)
    w.length(size)
    w.varint32(18)
  }
  w.int32(m.transition)
  w.varint32(8)
}

export const ConfChangeV2Codec: WireCodec<ConfChangeV2> = {
  decode(bytes, start = 0, end = bytes.length) {
    const message = new ConfChangeV2()
    readConfChangeV2(new Reader(bytes, start, end, DEPTH_MAX), end, message)
    return message
  },
  encode(message) {
    scratch.clear()
    writeConfChangeV2(scratch, message)
    return scratch.take()
  },
}

const EMPTY_SNAPSHOTMETADATA_CONFSTATE = new ConfState()

const EMPTY_SNAPSHOT_METADATA = new SnapshotMetadata()
