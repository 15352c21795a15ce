// The records of raftpb under their short names: consensus speaks of nothing else.

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
export type ConfChangeV2 = raftpb.ConfChangeV2
export type ConfState = raftpb.ConfState
export type Entry = raftpb.Entry
export type EntryType = raftpb.EntryType
export type HardState = raftpb.HardState
export type Message = raftpb.Message
export type MessageType = raftpb.MessageType
export type Snapshot = raftpb.Snapshot
export type SnapshotMetadata = raftpb.SnapshotMetadata
