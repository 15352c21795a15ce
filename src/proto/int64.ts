// Moves 64-bit integers between bigint and two 32-bit halves without text or shifts on bigints.

const words = new Uint32Array(2)
const unsigned = new BigUint64Array(words.buffer)
const signed = new BigInt64Array(words.buffer)
const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1
const HIGH = 1 - LOW

export const uint64Of = (low: number, high: number): bigint => {
  if (high === 0) return BigInt(low)
  words[LOW] = low
  words[HIGH] = high
  return unsigned[0]!
}

export const int64Of = (low: number, high: number): bigint => {
  if (high === 0) return BigInt(low)
  words[LOW] = low
  words[HIGH] = high
  return signed[0]!
}

/** Splits `value` modulo 2^64; the halves are then in `lowWord()` and `highWord()`, valid until the next split. */
export const splitInt64 = (value: bigint): void => {
  unsigned[0] = value
}
export const lowWord = (): number => words[LOW]!
export const highWord = (): number => words[HIGH]!
