// The `grpc-timeout` header: one to eight digits and a unit.

/** `reason` is the library text behind `malformed grpc-timeout: `. */
export type TimeoutHeader =
  { readonly kind: 'ok'; readonly ms: number } | { readonly kind: 'malformed'; readonly reason: string }

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }
const DIGITS_MAX = 8

export function parseTimeout(header: string): TimeoutHeader {
  if (header.length < 2) return malformed(`transport: timeout string is too short: ${JSON.stringify(header)}`)
  if (header.length > DIGITS_MAX + 1)
    return malformed(`transport: timeout string is too long: ${JSON.stringify(header)}`)
  const unitMs = UNIT_MS[header.at(-1) ?? '']
  if (unitMs === undefined) return malformed(`transport: timeout unit is not recognized: ${JSON.stringify(header)}`)
  const digits = header.slice(0, -1)
  if (!/^\d+$/.test(digits)) return malformed(`strconv.ParseUint: parsing ${JSON.stringify(digits)}: invalid syntax`)
  return { kind: 'ok', ms: Number(digits) * unitMs }
}

const malformed = (reason: string): TimeoutHeader => ({ kind: 'malformed', reason })
