// SETTINGS of both sides (RFC 9113, 6.5).

import { HTTP2_LIMITS } from './limits.js'
import {
  ErrorCode,
  FRAME_BYTES_MAX,
  FRAME_BYTES_MIN,
  FRAME_HEAD_BYTES,
  FrameType,
  Setting,
  WINDOW_BYTES_MAX,
  readUint32,
  writeFrameHead,
  writeUint32,
} from './protocol.js'
import type { Sender } from './sender.js'
import type { Http2Stream } from './stream.js'

const UNLIMITED_STREAMS = 2 ** 32 - 1

/** Our settings as a frame. Owned result. */
export function settingsFrame(concurrentStreamsMax: number): Uint8Array {
  const pairs: [number, number][] = [
    [Setting.initialWindowSize, HTTP2_LIMITS.streamWindowBytes],
    [Setting.maxHeaderListSize, HTTP2_LIMITS.headerListBytes],
  ]
  if (concurrentStreamsMax < UNLIMITED_STREAMS) pairs.push([Setting.maxConcurrentStreams, concurrentStreamsMax])
  const frame = new Uint8Array(FRAME_HEAD_BYTES + 6 * pairs.length)
  writeFrameHead(frame, 0, 6 * pairs.length, FrameType.settings, 0, 0)
  for (const [i, [name, value]] of pairs.entries()) {
    frame[FRAME_HEAD_BYTES + 6 * i + 1] = name
    writeUint32(frame, FRAME_HEAD_BYTES + 6 * i + 2, value)
  }
  return frame
}

/** Puts the client's settings into force, in their order; unknown ones are ignored. A code is that of the connection error. */
export function applySettings(
  sender: Sender,
  streams: Iterable<Http2Stream>,
  bytes: Uint8Array,
  start: number,
  end: number,
): ErrorCode | undefined {
  for (let pos = start; pos < end; pos += 6) {
    const name = (bytes[pos]! << 8) | bytes[pos + 1]!
    const value = readUint32(bytes, pos + 2)
    switch (name) {
      case Setting.headerTableSize:
        sender.onHeaderTableSize(value)
        break
      case Setting.enablePush:
        if (value > 1) return ErrorCode.protocolError
        break
      case Setting.initialWindowSize:
        if (value > WINDOW_BYTES_MAX || !sender.onInitialWindow(value, streams)) {
          return ErrorCode.flowControlError
        }
        break
      case Setting.maxFrameSize:
        if (value < FRAME_BYTES_MIN || value > FRAME_BYTES_MAX) return ErrorCode.protocolError
        sender.onMaxFrameSize(value)
        break
      default:
    }
  }
  return undefined
}
