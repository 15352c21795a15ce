// Booleans and integers as Go's flag package reads them.

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string }

export const parsed = <T>(value: T): Parsed<T> => ({ ok: true, value })
export const failed = (error: string): { readonly ok: false; readonly error: string } => ({ ok: false, error })

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False'])

/** undefined when the text is none of Go's boolean words. */
export const parseBoolean = (text: string): boolean | undefined =>
  TRUE.has(text) ? true : FALSE.has(text) ? false : undefined

export type IntegerError = 'syntax' | 'range'

const DIGITS: Readonly<Record<number, RegExp>> = {
  2: /^[01]+$/,
  8: /^[0-7]+$/,
  10: /^[0-9]+$/,
  16: /^[0-9a-fA-F]+$/,
}

/** Limits of the integer types that flags have. */
export const INTEGER_RANGES = {
  int: [-(2n ** 63n), 2n ** 63n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint: [0n, 2n ** 64n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
} as const
export type IntegerType = keyof typeof INTEGER_RANGES

/**
 * Reads an integer with Go's base prefixes (`0x 0o 0b`, a leading 0 is octal) and `_` between digits.
 * The value beyond 2^53 is rounded to the nearest double: such flags only mean "practically unlimited".
 */
export const parseInteger = (text: string, type: IntegerType): number | IntegerError => {
  const signed = type === 'int' || type === 'int64'
  const match = /^([+-]?)(.*)$/s.exec(text)
  const [sign, body] = [match?.[1] ?? '', match?.[2] ?? '']
  if (sign !== '' && !signed) return 'syntax'
  const magnitude = parseMagnitude(body)
  if (magnitude === undefined) return 'syntax'
  const value = sign === '-' ? -magnitude : magnitude
  const [lowest, highest] = INTEGER_RANGES[type]
  if (value < lowest || value > highest) return 'range'
  return Number(value)
}

const parseMagnitude = (body: string): bigint | undefined => {
  const prefix = /^0[xXoObB]/.exec(body)?.[0].toLowerCase()
  let base = 10
  let digits = body
  if (prefix !== undefined) {
    base = prefix === '0x' ? 16 : prefix === '0o' ? 8 : 2
    digits = body.slice(2)
    if (digits.startsWith('_')) digits = digits.slice(1) // Go allows one separator after the prefix
  } else if (body.length > 1 && body.startsWith('0')) {
    base = 8
    digits = body.slice(1)
    if (digits.startsWith('_')) digits = digits.slice(1)
  }
  if (/^_|__|_$/.test(digits)) return undefined
  digits = digits.replaceAll('_', '')
  // A bound on work: more digits than any type holds are out of range whatever they are.
  if (DIGITS[base]?.test(digits) !== true) return undefined
  const significant = digits.replace(/^0+(?=.)/, '')
  if (significant.length > 64) return 2n ** 65n
  return base === 10 ? BigInt(significant) : BigInt(`${base === 16 ? '0x' : base === 8 ? '0o' : '0b'}${significant}`)
}
