// The messages inside log records (walpb.Metadata, walpb.Snapshot, raftpb.Entry, HardState, ConfState).
//
//   Metadata   NodeID=1 u64, ClusterID=2 u64
//   Snapshot   index=1 u64, term=2 u64, conf_state=3 ConfState (from 3.5 on)
//   Entry      Type=1 enum, Term=2 u64, Index=3 u64, Data=4 bytes (absent when empty)
//   HardState  term=1 u64, vote=2 u64, commit=3 u64
//   ConfState  voters=1, learners=2, voters_outgoing=3, learners_next=4 repeated u64 (unpacked), auto_leave=5 bool
//
// Written: every scalar, zero or not, as etcd 3.4 to 3.6. Read: any order, zeros may be missing (3.7), nothing unknown.

import { EMPTY_BYTES, index, term, type ClusterId, type Index, type MemberId, type Term } from '../../base/index.js'
import type { LogConfState, LogEntry, LogHardState } from '../../env/index.js'
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

/** One log entry as read back; `data` is a view into a block of the file, which its neighbours share. */
export class WalEntry implements LogEntry {
  readonly type: number
  readonly term: Term
  readonly index: Index
  readonly data: Uint8Array

  constructor(type: number, term: Term, index: Index, data: Uint8Array) {
    this.type = type
    this.term = term
    this.index = index
    this.data = data
  }
}

export const EMPTY_HARD_STATE: LogHardState = { term: term(0), vote: 0n as MemberId, commit: index(0) }

export const isEmptyHardState = (state: LogHardState): boolean =>
  state.term === 0 && state.vote === 0n && state.commit === 0

/** Normal, ConfChange, ConfChangeV2. */
const ENTRY_TYPE_MAX = 2

export const encodeMetadata = ({ memberId, clusterId }: Metadata): Uint8Array => {
  const bytes = new Uint8Array(2 + varintSizeOfId(memberId) + varintSizeOfId(clusterId))
  bytes[0] = 0x08
  const pos = putVarintOfId(bytes, 1, memberId)
  bytes[pos] = 0x10
  putVarintOfId(bytes, pos + 1, clusterId)
  return bytes
}

export const decodeMetadata = (bytes: Uint8Array): Metadata => {
  const reader = new FieldReader(bytes, 0, bytes.length)
  let memberId = 0n
  let clusterId = 0n
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) memberId = reader.id()
    else if (field === 2) clusterId = reader.id()
    else reader.unknown()
  }
  return { memberId: memberId as MemberId, clusterId: clusterId as ClusterId }
}

export const encodeConfState = (state: LogConfState): Uint8Array => {
  const lists = [state.voters, state.learners, state.votersOutgoing, state.learnersNext]
  const size = lists.flat().reduce((sum, id) => sum + 1 + varintSizeOfId(id), 2)
  const bytes = new Uint8Array(size)
  let pos = 0
  lists.forEach((ids, i) => {
    for (const id of ids) {
      bytes[pos] = ((i + 1) << 3) | 0
      pos = putVarintOfId(bytes, pos + 1, id)
    }
  })
  bytes[pos] = 0x28
  bytes[pos + 1] = state.autoLeave ? 1 : 0
  return bytes
}

export const decodeConfState = (reader: FieldReader): LogConfState => {
  const lists: [bigint[], bigint[], bigint[], bigint[]] = [[], [], [], []]
  let autoLeave = false
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field <= 4) reader.idsInto(lists[field - 1]!)
    else if (field === 5) autoLeave = reader.bool()
    else reader.unknown()
  }
  const [voters, learners, votersOutgoing, learnersNext] = lists as [MemberId[], MemberId[], MemberId[], MemberId[]]
  return { voters, learners, votersOutgoing, learnersNext, autoLeave }
}

export const encodeSnapshotRecord = ({ index, term, confState }: SnapshotRecord): Uint8Array => {
  const conf = confState === undefined ? EMPTY_BYTES : encodeConfState(confState)
  const confSize = confState === undefined ? 0 : 1 + varintSize(conf.length) + conf.length
  const bytes = new Uint8Array(2 + varintSize(index) + varintSize(term) + confSize)
  bytes[0] = 0x08
  let pos = putVarint(bytes, 1, index)
  bytes[pos] = 0x10
  pos = putVarint(bytes, pos + 1, term)
  if (confState !== undefined) {
    bytes[pos] = 0x1a
    bytes.set(conf, putVarint(bytes, pos + 1, conf.length))
  }
  return bytes
}

export const decodeSnapshotRecord = (bytes: Uint8Array, start: number, end: number): SnapshotRecord => {
  const reader = new FieldReader(bytes, start, end)
  let snapshotIndex = 0
  let snapshotTerm = 0
  let confState: LogConfState | undefined
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) snapshotIndex = reader.counter()
    else if (field === 2) snapshotTerm = reader.counter()
    else if (field === 3) confState = decodeConfState(reader.message())
    else reader.unknown()
  }
  return { index: index(snapshotIndex), term: term(snapshotTerm), confState }
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

export const decodeEntry = (bytes: Uint8Array, start: number, end: number): WalEntry => {
  const reader = new FieldReader(bytes, start, end)
  let type = 0
  let entryTerm = 0
  let entryIndex = 0
  let data: Uint8Array = EMPTY_BYTES
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) type = reader.counter()
    else if (field === 2) entryTerm = reader.counter()
    else if (field === 3) entryIndex = reader.counter()
    else if (field === 4) data = reader.view()
    else reader.unknown()
  }
  if (type > ENTRY_TYPE_MAX) throw new MalformedRecord(`entry type ${type}`)
  if (entryTerm === 0 || entryIndex === 0) throw new MalformedRecord('entry without term or index')
  return new WalEntry(type, term(entryTerm), index(entryIndex), data)
}
