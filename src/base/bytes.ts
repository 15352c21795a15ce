// Byte strings and the in-memory form of keys.

import type { Brand } from './brand.js'

export const EMPTY_BYTES = new Uint8Array(0)

/**
 * A key of the store as a JavaScript string of one code unit (0..255) per byte.
 * Why not bytes: such strings are held with one byte per unit, compare by memcmp with `<` in unsigned byte order, and
 * serve as Map keys without hashing code of ours. A key takes this form once, where a request enters the store.
 */
export type Key = Brand<string, 'Key'>

/** Takes any bytes: a buffer made for the call alone would cost as much as the call. Its types in Node.js lack it. */
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice: (this: Uint8Array, start: number, end: number) => string
}

export const keyOf = (bytes: Uint8Array): Key => latin1Slice.call(bytes, 0, bytes.length) as Key

export const keyOfRange = (bytes: Uint8Array, start: number, end: number): Key =>
  latin1Slice.call(bytes, start, end) as Key

export const bytesOfKey = (key: Key): Uint8Array => Buffer.from(key, 'latin1')

/** Unsigned byte order; negative, zero or positive. */
export const compareBytes = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b)

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && Buffer.compare(a, b) === 0

/** A copy with memory of its own: what lives long must not pin the socket chunk or file block that it came in. */
export const copyBytes = (bytes: Uint8Array): Uint8Array => {
  const copy = new Uint8Array(bytes.length)
  copy.set(bytes)
  return copy
}

export const concatBytes = (parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts)
