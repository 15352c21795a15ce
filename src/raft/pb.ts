// The records of raftpb as consensus uses them, by short names.

import { raftpb } from '../proto/index.js'

export const {
  ConfChange,
  ConfChangeCodec,
  ConfChangeSingle,
  ConfChangeTransition,
  ConfChangeType,
  ConfChangeV2,
  ConfChangeV2Codec,
  ConfState,
  Entry,
  EntryType,
  HardState,
  Message,
  MessageType,
  Snapshot,
  SnapshotMetadata,
} = raftpb

export type ConfChange = raftpb.ConfChange
export type ConfChangeSingle = raftpb.ConfChangeSingle
export type ConfChangeType = raftpb.ConfChangeType
export type ConfChangeTransition = raftpb.ConfChangeTransition
export type ConfChangeV2 = raftpb.ConfChangeV2
export type ConfState = raftpb.ConfState
export type Entry = raftpb.Entry
export type EntryType = number
export type HardState = raftpb.HardState
export type Message = raftpb.Message
export type MessageType = number
export type Snapshot = raftpb.Snapshot
export type SnapshotMetadata = raftpb.SnapshotMetadata
