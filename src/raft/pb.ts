// The records of raftpb as consensus uses them.

import { EMPTY_BYTES, NO_INDEX, NO_MEMBER, NO_TERM } from '../base/index.js'
import type { Index, MemberId, Term } from '../base/index.js'

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

export const EntryType = { EntryNormal: 0, EntryConfChange: 1, EntryConfChangeV2: 2 } as const
export type EntryType = (typeof EntryType)[keyof typeof EntryType]

export const ConfChangeType = {
  ConfChangeAddNode: 0,
  ConfChangeRemoveNode: 1,
  ConfChangeUpdateNode: 2,
  ConfChangeAddLearnerNode: 3,
} as const
export type ConfChangeType = (typeof ConfChangeType)[keyof typeof ConfChangeType]

export const ConfChangeTransition = {
  ConfChangeTransitionAuto: 0,
  ConfChangeTransitionJointImplicit: 1,
  ConfChangeTransitionJointExplicit: 2,
} as const
export type ConfChangeTransition = (typeof ConfChangeTransition)[keyof typeof ConfChangeTransition]

export class Entry {
  type: EntryType = EntryType.EntryNormal
  term: Term = NO_TERM
  index: Index = NO_INDEX
  data: Uint8Array = EMPTY_BYTES
}

export class HardState {
  term: Term = NO_TERM
  vote: MemberId = NO_MEMBER
  commit: Index = NO_INDEX
}

export class ConfState {
  voters: MemberId[] = []
  learners: MemberId[] = []
  votersOutgoing: MemberId[] = []
  learnersNext: MemberId[] = []
  autoLeave = false
}

export class SnapshotMetadata {
  confState: ConfState | undefined = undefined
  index: Index = NO_INDEX
  term: Term = NO_TERM
}

export class Snapshot {
  data: Uint8Array = EMPTY_BYTES
  metadata: SnapshotMetadata | undefined = undefined
}

export class Message {
  type: MessageType = MessageType.MsgHup
  to: MemberId = NO_MEMBER
  from: MemberId = NO_MEMBER
  term: Term = NO_TERM
  logTerm: Term = NO_TERM
  index: Index = NO_INDEX
  entries: Entry[] = []
  commit: Index = NO_INDEX
  vote: MemberId = NO_MEMBER
  snapshot: Snapshot | undefined = undefined
  reject = false
  rejectHint: Index = NO_INDEX
  context: Uint8Array = EMPTY_BYTES
  responses: Message[] = []
}

export class ConfChange {
  id = 0n
  type: ConfChangeType = ConfChangeType.ConfChangeAddNode
  nodeId: MemberId = NO_MEMBER
  context: Uint8Array = EMPTY_BYTES
}

export class ConfChangeSingle {
  type: ConfChangeType = ConfChangeType.ConfChangeAddNode
  nodeId: MemberId = NO_MEMBER
}

export class ConfChangeV2 {
  transition: ConfChangeTransition = ConfChangeTransition.ConfChangeTransitionAuto
  changes: ConfChangeSingle[] = []
  context: Uint8Array = EMPTY_BYTES
}

// --- interim codecs, replaced by src/proto ---

const pack = (value: unknown): Uint8Array =>
  Buffer.from(
    JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v instanceof Uint8Array ? [...v] : v)),
  )
const unpack = (bytes: Uint8Array, start: number, end: number): unknown =>
  JSON.parse(Buffer.from(bytes.subarray(start, end)).toString(), (key, v: unknown) =>
    typeof v === 'string' && /^\d+n$/.test(v)
      ? BigInt(v.slice(0, -1))
      : key === 'context'
        ? Uint8Array.from(v as number[])
        : v,
  )

export const ConfChangeCodec = {
  encode: (change: ConfChange): Uint8Array => pack(change),
  decode: (bytes: Uint8Array, start: number, end: number): ConfChange =>
    Object.assign(new ConfChange(), unpack(bytes, start, end)),
}
export const ConfChangeV2Codec = {
  encode: (change: ConfChangeV2): Uint8Array => pack(change),
  decode: (bytes: Uint8Array, start: number, end: number): ConfChangeV2 =>
    start === end ? new ConfChangeV2() : Object.assign(new ConfChangeV2(), unpack(bytes, start, end)),
}
