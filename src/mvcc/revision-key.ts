// Revisions as bytes. The layout is etcd's, which hashes depend on:
//
//   offset  size  content
//   0       8     main revision, u64 big-endian
//   8       1     0x5f '_'
//   9       8     sub revision, u64 big-endian
//   17      1     0x74 't', only for a tombstone

import { CorruptStore } from './corrupt-store.js'

export const REVISION_KEY_BYTES = 17
export const TOMBSTONE_KEY_BYTES = 18

const SEPARATOR = 0x5f
const TOMBSTONE_MARK = 0x74
const UINT32 = 0x1_0000_0000
/** High words from here on would not fit a safe integer. */
const HIGH_MAX = 0x1f_ffff

/** Negative, zero or positive as revision a is before, at or after b. */
export const compareRevisions = (aMain: number, aSub: number, bMain: number, bSub: number): number =>
  aMain === bMain ? aSub - bSub : aMain - bMain

const writeUint64 = (target: Uint8Array, at: number, value: number): void => {
  const high = Math.floor(value / UINT32)
  const low = value >>> 0
  target[at] = high >>> 24
  target[at + 1] = high >>> 16
  target[at + 2] = high >>> 8
  target[at + 3] = high
  target[at + 4] = low >>> 24
  target[at + 5] = low >>> 16
  target[at + 6] = low >>> 8
  target[at + 7] = low
}

// Both words are in bounds: every caller holds a slice that was measured when its row was checked.
const readUint64 = (bytes: Uint8Array, at: number): number => {
  const high = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  const low = (bytes[at + 4]! << 24) | (bytes[at + 5]! << 16) | (bytes[at + 6]! << 8) | bytes[at + 7]!
  if (high >>> 0 > HIGH_MAX) throw new CorruptStore('revision beyond 2^53-1')
  return high * UINT32 + (low >>> 0)
}

/** Writes 17 or 18 bytes at `at` and returns the offset behind them. */
export const writeRevisionKey = (
  target: Uint8Array,
  at: number,
  main: number,
  sub: number,
  tombstone: boolean,
): number => {
  writeUint64(target, at, main)
  target[at + 8] = SEPARATOR
  writeUint64(target, at + 9, sub)
  if (!tombstone) return at + REVISION_KEY_BYTES
  target[at + REVISION_KEY_BYTES] = TOMBSTONE_MARK
  return at + TOMBSTONE_KEY_BYTES
}

/** Owned, 17 bytes. */
export const revisionKey = (main: number, sub: number): Uint8Array => {
  const bytes = new Uint8Array(REVISION_KEY_BYTES)
  writeRevisionKey(bytes, 0, main, sub, false)
  return bytes
}

export const mainOf = (bytes: Uint8Array, at: number): number => readUint64(bytes, at)

export const subOf = (bytes: Uint8Array, at: number): number => readUint64(bytes, at + 9)

/**
 * Whether `bytes` is a whole revision key; `true` for a tombstone's.
 * @throws CorruptStore when it is neither.
 */
export const isTombstoneKey = (bytes: Uint8Array): boolean => {
  const tombstone = bytes.length === TOMBSTONE_KEY_BYTES && bytes[REVISION_KEY_BYTES] === TOMBSTONE_MARK
  if ((bytes.length !== REVISION_KEY_BYTES && !tombstone) || bytes[8] !== SEPARATOR)
    throw new CorruptStore(`malformed revision key of ${bytes.length} bytes`)
  return tombstone
}
