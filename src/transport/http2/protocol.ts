// Names and numbers of RFC 9113.

export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const Flag = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const

export const ErrorCode = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  flowControlError: 0x3,
  settingsTimeout: 0x4,
  streamClosed: 0x5,
  frameSizeError: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compressionError: 0x9,
  connectError: 0xa,
  enhanceYourCalm: 0xb,
  inadequateSecurity: 0xc,
  http11Required: 0xd,
} as const
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

export const Setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const

/** Length (3 bytes), type, flags, stream id (4). */
export const FRAME_HEAD_BYTES = 9
export const INITIAL_WINDOW_BYTES = 65_535
export const WINDOW_BYTES_MAX = 2 ** 31 - 1
/** Both the value that holds until a setting says otherwise, and the least one allowed. */
export const FRAME_BYTES_MIN = 16_384
export const FRAME_BYTES_MAX = 2 ** 24 - 1
export const STREAM_ID_MAX = 2 ** 31 - 1

/** Writes the nine bytes in front of every frame. */
export function writeFrameHead(
  out: Uint8Array,
  pos: number,
  sizeBytes: number,
  type: number,
  flags: number,
  id: number,
): void {
  out[pos] = sizeBytes >>> 16
  out[pos + 1] = sizeBytes >>> 8
  out[pos + 2] = sizeBytes
  out[pos + 3] = type
  out[pos + 4] = flags
  writeUint32(out, pos + 5, id)
}

export function writeUint32(out: Uint8Array, pos: number, value: number): void {
  out[pos] = value >>> 24
  out[pos + 1] = value >>> 16
  out[pos + 2] = value >>> 8
  out[pos + 3] = value
}

export const readUint32 = (bytes: Uint8Array, pos: number): number =>
  ((bytes[pos]! << 24) | (bytes[pos + 1]! << 16) | (bytes[pos + 2]! << 8) | bytes[pos + 3]!) >>> 0

/** Without the reserved bit. */
export const readUint31 = (bytes: Uint8Array, pos: number): number => readUint32(bytes, pos) & 0x7fff_ffff
