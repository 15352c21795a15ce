// Configuration changes as log entries carry them.

import { MalformedMessage } from '../proto/index.js'
import { asV2 } from './config-change.js'
import { ConfChangeCodec, ConfChangeV2Codec, EntryType } from './pb.js'
import type { ConfChange, ConfChangeV2 } from './pb.js'
import type { Payload } from './raft.js'

export const encodeConfChange = (change: ConfChange | ConfChangeV2): Payload =>
  'changes' in change
    ? { type: EntryType.EntryConfChangeV2, data: ConfChangeV2Codec.encode(change) }
    : { type: EntryType.EntryConfChange, data: ConfChangeCodec.encode(change) }

/** The change in an entry of either configuration type; undefined when type or bytes are malformed. */
export const decodeConfChange = (type: number, data: Uint8Array): ConfChangeV2 | undefined => {
  try {
    if (type === EntryType.EntryConfChange) return asV2(ConfChangeCodec.decode(data, 0, data.length))
    if (type === EntryType.EntryConfChangeV2) return ConfChangeV2Codec.decode(data, 0, data.length)
    return undefined
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error
    return undefined // a peer's bytes: the caller refuses them
  }
}
