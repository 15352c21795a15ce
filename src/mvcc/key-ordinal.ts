// What a node of the key tree keeps beside a key: six of its bytes as a number.

import type { Key } from '../base/index.js'

/** Bytes in an ordinal: as many as a double holds exactly. */
const ORDINAL_BYTES = 6

/** The bytes of `key` from `at` on as a number; those behind its end count as zero. */
export const ordinalOf = (key: Key, at: number): number => {
  const { length } = key
  if (at + ORDINAL_BYTES <= length) return threeBytes(key, at) * 0x1000000 + threeBytes(key, at + 3)
  let ordinal = 0
  for (let i = at; i < at + ORDINAL_BYTES; i++) ordinal = ordinal * 256 + (i < length ? key.charCodeAt(i) : 0)
  return ordinal
}

const threeBytes = (key: Key, at: number): number =>
  (key.charCodeAt(at) << 16) | (key.charCodeAt(at + 1) << 8) | key.charCodeAt(at + 2)

/** How many bytes every key at or above `low` and below `high` begins with; undefined: no bound. */
export const sharedLength = (low: Key | undefined, high: Key | undefined): number => {
  if (low === undefined || high === undefined) return 0
  const end = Math.min(low.length, high.length)
  let shared = 0
  while (shared < end && low.charCodeAt(shared) === high.charCodeAt(shared)) shared++
  return shared
}

/** Position in `ordinals[from, to)`, which never descend, of the first that is not below `ordinal`; `to` when all are. */
export const firstAtLeast = (ordinals: Float64Array, from: number, to: number, ordinal: number): number => {
  let lo = from
  let hi = to
  while (lo < hi) {
    const mid = (lo + hi) >>> 1
    if (ordinals[mid]! < ordinal) lo = mid + 1
    else hi = mid
  }
  return lo
}
