// The `grpc-timeout` header: one to eight digits and a unit.

import type { Clock, Timer } from '../env/index.js'

/** `reason` is the library text behind `malformed grpc-timeout: `. */
export type TimeoutHeader =
  { readonly kind: 'ok'; readonly ms: number } | { readonly kind: 'malformed'; readonly reason: string }

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }
const DIGITS_MAX = 8
/** Longest delay that a timer takes (24.8 days). */
const TIMER_MAX_MS = 2 ** 31 - 1

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

/** Runs `callback` at `deadlineMs` of the clock's monotonic scale, however far away that is. */
export class DeadlineTimer {
  readonly #clock: Clock
  readonly #deadlineMs: number
  readonly #callback: () => void
  #timer: Timer | undefined

  constructor(clock: Clock, deadlineMs: number, callback: () => void) {
    this.#clock = clock
    this.#deadlineMs = deadlineMs
    this.#callback = callback
    this.#arm()
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    const leftMs = this.#deadlineMs - this.#clock.monotonicMs()
    this.#timer = this.#clock.after(Math.min(Math.max(Math.ceil(leftMs), 0), TIMER_MAX_MS), () => {
      if (this.#deadlineMs > this.#clock.monotonicMs() + 1) this.#arm()
      else this.#callback()
    })
  }
}
