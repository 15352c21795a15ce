// Watch responses that several streams send alike: encoded once, by whichever sends it first.

import { WatchResponse, WatchResponseCodec } from './generated/etcdserverpb.js'
import type { WireCodec } from './wire.js'

/** Frozen from its first encoding on. */
export class SharedWatchResponse extends WatchResponse {
  encoded: Uint8Array | undefined = undefined
}

/** `encode` gives frozen bytes: those of a shared response go to many streams. */
export const WatchAnswerCodec: WireCodec<WatchResponse> = {
  decode: (bytes, start, end) => WatchResponseCodec.decode(bytes, start, end),
  encode(message) {
    if (!(message instanceof SharedWatchResponse)) return WatchResponseCodec.encode(message)
    return (message.encoded ??= WatchResponseCodec.encode(message))
  },
}
