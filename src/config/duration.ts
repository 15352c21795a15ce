// Durations in Go's syntax (`1h30m`, `0.5s`, `100ms`), held as nanoseconds in a number.
// Beyond 2^53 ns (104 days) the value is rounded to the nearest double.

import { quote } from './go-text.js'
import { type Parsed, failed, parsed } from './go-number.js'

export const MICROSECOND_NS = 1e3
export const MILLISECOND_NS = 1e6
export const SECOND_NS = 1e9
export const MINUTE_NS = 60e9
export const HOUR_NS = 3600e9

/** The largest Go duration, about 292 years. */
const MAX_NS = 2n ** 63n - 1n

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n, // U+00B5, micro sign
  μs: 1_000n, // U+03BC, Greek mu
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
}

/** Nanoseconds of `text`; errors carry Go's text (`time: invalid duration "abc"` and its kin). */
export const parseDuration = (text: string): Parsed<number> => {
  const invalid = failed(`time: invalid duration ${quote(text)}`)
  const negative = text.startsWith('-')
  let rest = negative || text.startsWith('+') ? text.slice(1) : text
  if (rest === '0') return parsed(0)
  if (rest === '') return invalid
  const limit = negative ? MAX_NS + 1n : MAX_NS
  let total = 0n
  while (rest !== '') {
    const number = /^(\d*)(?:(\.)(\d*))?/.exec(rest)
    const [whole, fraction] = [number?.[1] ?? '', number?.[3] ?? '']
    if (whole === '' && fraction === '') return invalid
    if (whole.replace(/^0+/, '').length > 19) return invalid
    rest = rest.slice(number?.[0].length ?? 0)
    const unit = /^[^.\d]*/.exec(rest)?.[0] ?? ''
    if (unit === '') return failed(`time: missing unit in duration ${quote(text)}`)
    rest = rest.slice(unit.length)
    const scale = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined
    if (scale === undefined) return failed(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`)
    total += BigInt(whole === '' ? '0' : whole) * scale + fractionOf(fraction, scale)
    if (total > limit) return invalid
  }
  return parsed(Number(negative ? -total : total))
}

/** Go's `Duration.String()`: `7s`, `1m0s`, `100.955916ms`, `1µs`, `0s`. */
export const formatDuration = (nanoseconds: number): string => {
  if (nanoseconds === 0) return '0s'
  const sign = nanoseconds < 0 ? '-' : ''
  const value = BigInt(Math.round(Math.abs(nanoseconds)))
  if (value < 1_000n) return `${sign}${value}ns`
  if (value < 1_000_000n) return `${sign}${decimal(value, 1_000n)}µs`
  if (value < 1_000_000_000n) return `${sign}${decimal(value, 1_000_000n)}ms`
  const seconds = `${decimal(value % 60_000_000_000n, 1_000_000_000n)}s`
  const minutes = value / 60_000_000_000n
  if (minutes === 0n) return sign + seconds
  if (minutes < 60n) return `${sign}${minutes}m${seconds}`
  return `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`
}

/** Text of a duration held in milliseconds. */
export const formatMs = (milliseconds: number): string => formatDuration(milliseconds * MILLISECOND_NS)

const fractionOf = (digits: string, scale: bigint): bigint => {
  const kept = digits.slice(0, 18) // finer than a nanosecond for every unit
  return kept === '' ? 0n : (BigInt(kept) * scale) / 10n ** BigInt(kept.length)
}

const decimal = (value: bigint, unit: bigint): string => {
  const fraction = (value % unit)
    .toString()
    .padStart(unit.toString().length - 1, '0')
    .replace(/0+$/, '')
  return fraction === '' ? `${value / unit}` : `${value / unit}.${fraction}`
}
