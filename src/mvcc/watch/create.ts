// The checks of a create request, in etcd's order, as far as they need nothing of the stream.

import { Code, type Status } from '../../env/index.js'
import { keyOf } from '../../base/index.js'
import type { etcdserverpb } from '../../proto/index.js'
import type { WatchRange } from './watcher.js'

/** Reasons in canceled responses; clients match on the text. */
export const CANCEL_REASON = {
  negativeStart: 'etcdserver: mvcc: required revision has been compacted',
  emptyRange: 'mvcc: watcher range is empty',
  duplicateId: 'mvcc: duplicate watch ID provided on the WatchStream',
  tooManyWatchers: 'etcdserver: too many requests',
} as const

/**
 * Whether the caller of this stream may watch the range. Both arguments are borrowed and as sent, except that an empty key
 * is already the key 0x00. Undefined allows it.
 */
export type WatchPermission = (key: Uint8Array, rangeEnd: Uint8Array) => Status | undefined

const ZERO_KEY = new Uint8Array([0])

/** The range to watch, or why the request is refused. */
export const checkCreate = (
  request: etcdserverpb.WatchCreateRequest,
  permission: WatchPermission | undefined,
): WatchRange | string => {
  const keyBytes = request.key.length === 0 ? ZERO_KEY : request.key
  if (request.startRevision < 0) return CANCEL_REASON.negativeStart
  const denied = permission?.(keyBytes, request.rangeEnd)
  if (denied !== undefined) return goErrorText(denied)
  const lo = keyOf(keyBytes)
  if (request.rangeEnd.length === 0) return { lo, hi: undefined, single: true }
  const hi = keyOf(request.rangeEnd)
  if (hi === '\0') return { lo, hi: undefined, single: false }
  return hi <= lo ? CANCEL_REASON.emptyRange : { lo, hi, single: false }
}

/** A status as Go's gRPC prints it, which is what etcd puts into the cancel reason. */
const goErrorText = (status: Status): string => `rpc error: code = ${goCodeName(status.code)} desc = ${status.message}`

const goCodeName = (code: Code): string => {
  if (code === Code.ok) return 'OK'
  const [name = 'unknown'] = Object.entries(Code).find(([, value]) => value === code) ?? []
  return name.charAt(0).toUpperCase() + name.slice(1)
}
