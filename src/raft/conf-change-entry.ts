// Configuration changes as log entries carry them.

import { asV2 } from './config-change.js'
import { ConfChangeCodec, ConfChangeV2Codec, EntryType } from './pb.js'
import type { ConfChange, ConfChangeV2 } from './pb.js'
import type { Payload } from './raft.js'

export const encodeConfChange = (change: ConfChange | ConfChangeV2): Payload =>
  'changes' in change
    ? { type: EntryType.EntryConfChangeV2, data: ConfChangeV2Codec.encode(change) }
    : { type: EntryType.EntryConfChange, data: ConfChangeCodec.encode(change) }

/** The change in an entry of either configuration type; undefined when its bytes are malformed. */
export const decodeConfChange = (type: EntryType, data: Uint8Array): ConfChangeV2 | undefined => {
  try {
    return type === EntryType.EntryConfChange
      ? asV2(ConfChangeCodec.decode(data, 0, data.length))
      : ConfChangeV2Codec.decode(data, 0, data.length)
  } catch {
    return undefined // a peer's bytes: the caller refuses them
  }
}
