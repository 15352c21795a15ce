// The `.snap` file: { crc=1 u32, data=2 bytes } around a raft Snapshot
// { data=1 bytes, metadata=2 { conf_state=1, index=2 u64, term=3 u64 } }; crc is the CRC-32C of the Snapshot's bytes.

import { crc32c } from '@node-rs/crc32'
import { EMPTY_BYTES, index, term } from '../../base/index.js'
import type { LogConfState, LogSnapshot } from '../../env/index.js'
import { MalformedRecord } from '../wal/errors.js'
import { decodeConfState, encodeConfState } from '../wal/messages.js'
import { FieldReader, putVarint, varintSize } from '../wal/protobuf.js'

const EMPTY_CONF_STATE: LogConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
}

/** Owned result. */
export const encodeSnapFile = (snapshot: LogSnapshot): Uint8Array => {
  const body = encodeSnapshot(snapshot)
  const crc = crc32c(body)
  const bytes = new Uint8Array(1 + varintSize(crc) + 1 + varintSize(body.length) + body.length)
  bytes[0] = 0x08
  let pos = putVarint(bytes, 1, crc)
  bytes[pos] = 0x12
  pos = putVarint(bytes, pos + 1, body.length)
  bytes.set(body, pos)
  return bytes
}

/**
 * `data` of the result is a view into `bytes`.
 * @throws MalformedRecord for a file that is empty, cut, or fails its checksum (a checksum of zero counts as none).
 */
export const decodeSnapFile = (bytes: Uint8Array): LogSnapshot => {
  const reader = new FieldReader(bytes, 0, bytes.length)
  let crc = 0
  let body: Uint8Array = EMPTY_BYTES
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) crc = reader.counter()
    else if (field === 2) body = reader.view()
    else reader.unknown()
  }
  if (body.length === 0 || crc === 0) throw new MalformedRecord('empty snapshot')
  if (crc32c(body) !== crc) throw new MalformedRecord('snapshot CRC mismatch')
  return decodeSnapshot(body)
}

const encodeSnapshot = ({ data, confState, index, term }: LogSnapshot): Uint8Array => {
  const conf = encodeConfState(confState)
  const metadataSize = 3 + varintSize(conf.length) + conf.length + varintSize(index) + varintSize(term)
  const dataField = data.length === 0 ? 0 : 1 + varintSize(data.length) + data.length
  const bytes = new Uint8Array(dataField + 1 + varintSize(metadataSize) + metadataSize)
  let pos = 0
  if (data.length > 0) {
    bytes[0] = 0x0a
    pos = putVarint(bytes, 1, data.length)
    bytes.set(data, pos)
    pos += data.length
  }
  bytes[pos] = 0x12
  pos = putVarint(bytes, pos + 1, metadataSize)
  bytes[pos] = 0x0a
  pos = putVarint(bytes, pos + 1, conf.length)
  bytes.set(conf, pos)
  pos += conf.length
  bytes[pos] = 0x10
  pos = putVarint(bytes, pos + 1, index)
  bytes[pos] = 0x18
  putVarint(bytes, pos + 1, term)
  return bytes
}

const decodeSnapshot = (bytes: Uint8Array): LogSnapshot => {
  const reader = new FieldReader(bytes, 0, bytes.length)
  let data: Uint8Array = EMPTY_BYTES
  let point = { index: index(0), term: term(0), confState: EMPTY_CONF_STATE }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) data = reader.view()
    else if (field === 2) point = decodePoint(reader.message())
    else reader.unknown()
  }
  return { ...point, data }
}

const decodePoint = (reader: FieldReader): Omit<LogSnapshot, 'data'> => {
  let confState = EMPTY_CONF_STATE
  let snapshotIndex = 0
  let snapshotTerm = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) confState = decodeConfState(reader.message())
    else if (field === 2) snapshotIndex = reader.counter()
    else if (field === 3) snapshotTerm = reader.counter()
    else reader.unknown()
  }
  return { index: index(snapshotIndex), term: term(snapshotTerm), confState }
}
