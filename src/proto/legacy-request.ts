// Logs of etcd 3.4 and 3.5 hold v2 requests (etcdserverpb.Request) beside InternalRaftRequests, with nothing around
// either that tells them apart.

import { MalformedMessage } from './malformed.js'
import { DEPTH_MAX, Reader } from './reader.js'

const METHOD_TAG = 0x12
const METHODS = new Set(['PUT', 'POST', 'DELETE', 'QGET', 'SYNC'])

/**
 * True when the content of a normal log entry is a v2 request: its field 2 is then the text of a method, which an
 * InternalRaftRequest has never held there. Bytes that are no message at all are not one either.
 */
export const isLegacyRequest = (bytes: Uint8Array, start = 0, end = bytes.length): boolean => {
  const r = new Reader(bytes, start, end, DEPTH_MAX)
  try {
    while (r.pos < end) {
      const tag = r.tag(end)
      if (tag === METHOD_TAG) return METHODS.has(r.string(end, 'etcdserverpb.Request.Method'))
      r.skip(tag, end)
    }
    return false
  } catch (error) {
    if (error instanceof MalformedMessage) return false
    throw error
  }
}
