// Rows of the bucket `lease`: key = lease id, 8 bytes, i64 big-endian; value = leasepb.Lease, whose remaining TTL is 0
// unless a checkpoint left one.

import { type LeaseId, leaseId, NO_LEASE } from '../base/index.js'
import type { RowSink } from '../env/index.js'
import { leasepb, MalformedMessage } from '../proto/index.js'

const KEY_BYTES = 8

export const leaseRowKey = (id: LeaseId): Uint8Array => {
  const key = new Uint8Array(KEY_BYTES)
  new DataView(key.buffer).setBigInt64(0, id)
  return key
}

export const putLeaseRow = (rows: RowSink, id: LeaseId, ttlSeconds: number, remainingSeconds: number): void => {
  const row = new leasepb.Lease()
  row.id = id
  row.ttl = ttlSeconds
  row.remainingTtl = remainingSeconds
  rows.put('lease', leaseRowKey(id), leasepb.LeaseCodec.encode(row))
}

export const deleteLeaseRow = (rows: RowSink, id: LeaseId): void => {
  rows.delete('lease', leaseRowKey(id))
}

/** @throws MalformedMessage when the row is not what `putLeaseRow` writes. */
export const readLeaseRow = (key: Uint8Array, value: Uint8Array): leasepb.Lease => {
  const row = leasepb.LeaseCodec.decode(value, 0, value.length)
  if (key.length !== KEY_BYTES) throw new MalformedMessage(`lease row key of ${key.length} bytes`)
  const id = leaseId(new DataView(key.buffer, key.byteOffset, KEY_BYTES).getBigInt64(0))
  if (id !== row.id || id === NO_LEASE) throw new MalformedMessage(`lease row of ${row.id} under the key of ${id}`)
  return row
}
