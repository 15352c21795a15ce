// The messages inside log records.
//
//   Metadata   NodeID=1 u64, ClusterID=2 u64
//   Snapshot   index=1 u64, term=2 u64, conf_state=3 ConfState (from 3.5 on)
//   Entry      Type=1 enum, Term=2 u64, Index=3 u64, Data=4 bytes (absent when empty)
//   HardState  term=1 u64, vote=2 u64, commit=3 u64
//
// Written: every scalar, zero or not, as etcd 3.4 to 3.6; zeros may be missing in what is read (3.7). Entries and hard states
// are written straight into the batch buffer, and read strictly: the checksum of a record does not cover its type, and one
// flipped bit makes the one type the other, whose fields would be taken without complaint.

import { index, term, type ClusterId, type Index, type MemberId, type Term } from '../../base/index.js'
import type { LogConfState, LogEntry, LogHardState } from '../../env/index.js'
import { etcdserverpb, raftpb, walpb } from '../../proto/index.js'
import { MalformedRecord } from './errors.js'
import { FieldReader, putVarint, putVarintOfId, varintSize, varintSizeOfId } from './protobuf.js'

export interface Metadata {
  readonly memberId: MemberId
  readonly clusterId: ClusterId
}

/** A snapshot record: 3.4 wrote no conf state. */
export interface SnapshotRecord {
  readonly index: Index
  readonly term: Term
  readonly confState: LogConfState | undefined
}

export const EMPTY_HARD_STATE: LogHardState = { term: term(0), vote: 0n as MemberId, commit: index(0) }

export const isEmptyHardState = (state: LogHardState): boolean =>
  state.term === 0 && state.vote === 0n && state.commit === 0

/** Normal, ConfChange, ConfChangeV2. */
const ENTRY_TYPE_MAX = 2

/** Owned result. */
export const encodeMetadata = ({ memberId, clusterId }: Metadata): Uint8Array => {
  const message = new etcdserverpb.Metadata()
  message.nodeId = memberId
  message.clusterId = clusterId
  return etcdserverpb.MetadataCodec.encode(message)
}

/** @throws MalformedMessage */
export const decodeMetadata = (bytes: Uint8Array): Metadata => {
  const { nodeId, clusterId } = etcdserverpb.MetadataCodec.decode(bytes, 0, bytes.length)
  return { memberId: nodeId, clusterId }
}

/** Owned result. */
export const encodeSnapshotRecord = ({ index, term, confState }: SnapshotRecord): Uint8Array => {
  const message = new walpb.Snapshot()
  message.index = index
  message.term = term
  message.confState = confState === undefined ? undefined : confStateMessage(confState)
  return walpb.SnapshotCodec.encode(message)
}

export const confStateMessage = (state: LogConfState): raftpb.ConfState => {
  const message = new raftpb.ConfState()
  message.voters = [...state.voters]
  message.learners = [...state.learners]
  message.votersOutgoing = [...state.votersOutgoing]
  message.learnersNext = [...state.learnersNext]
  message.autoLeave = state.autoLeave
  return message
}

export const hardStateSize = (state: LogHardState): number =>
  3 + varintSize(state.term) + varintSizeOfId(state.vote) + varintSize(state.commit)

export const putHardState = (bytes: Uint8Array, position: number, state: LogHardState): number => {
  bytes[position] = 0x08
  let pos = putVarint(bytes, position + 1, state.term)
  bytes[pos] = 0x10
  pos = putVarintOfId(bytes, pos + 1, state.vote)
  bytes[pos] = 0x18
  return putVarint(bytes, pos + 1, state.commit)
}

export const decodeHardState = (bytes: Uint8Array, start: number, end: number): LogHardState => {
  const reader = new FieldReader(bytes, start, end)
  let stateTerm = 0
  let vote = 0n
  let commit = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) stateTerm = reader.counter()
    else if (field === 2) vote = reader.id()
    else if (field === 3) commit = reader.counter()
    else reader.unknown()
  }
  return { term: term(stateTerm), vote: vote as MemberId, commit: index(commit) }
}

export const entrySize = (entry: LogEntry): number => {
  const dataSize = entry.data.length
  return (
    3 +
    varintSize(entry.type) +
    varintSize(entry.term) +
    varintSize(entry.index) +
    (dataSize === 0 ? 0 : 1 + varintSize(dataSize) + dataSize)
  )
}

export const putEntry = (bytes: Uint8Array, position: number, entry: LogEntry): number => {
  bytes[position] = 0x08
  let pos = putVarint(bytes, position + 1, entry.type)
  bytes[pos] = 0x10
  pos = putVarint(bytes, pos + 1, entry.term)
  bytes[pos] = 0x18
  pos = putVarint(bytes, pos + 1, entry.index)
  const { data } = entry
  if (data.length === 0) return pos
  bytes[pos] = 0x22
  pos = putVarint(bytes, pos + 1, data.length)
  bytes.set(data, pos)
  return pos + data.length
}

/** `data` is a view. @throws MalformedRecord */
export const decodeEntry = (bytes: Uint8Array, start: number, end: number): raftpb.Entry => {
  const reader = new FieldReader(bytes, start, end)
  const entry = new raftpb.Entry()
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) entry.type = reader.counter()
    else if (field === 2) entry.term = term(reader.counter())
    else if (field === 3) entry.index = index(reader.counter())
    else if (field === 4) entry.data = reader.view()
    else reader.unknown()
  }
  if (entry.type > ENTRY_TYPE_MAX) throw new MalformedRecord(`entry type ${entry.type}`)
  if (entry.term === 0 || entry.index === 0) throw new MalformedRecord('entry without term or index')
  return entry
}
