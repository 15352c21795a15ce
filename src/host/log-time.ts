// Time stamps of log lines: `2006-01-02T15:04:05.000000Z0700` in Go's notation, local time, six decimals.

/** How far the fine clock may drift from the wall clock before it is set again. */
const DRIFT_MAX_MS = 2

/** Wall-clock milliseconds with fractions: the wall clock, refined by the monotonic one. */
export class FineWallClock {
  readonly #wallMs: () => number
  readonly #monotonicMs: () => number
  #offsetMs = Number.NaN

  constructor(wallMs: () => number = Date.now, monotonicMs: () => number = () => performance.now()) {
    this.#wallMs = wallMs
    this.#monotonicMs = monotonicMs
  }

  now(): number {
    const wall = this.#wallMs()
    const monotonic = this.#monotonicMs()
    const fine = monotonic + this.#offsetMs
    if (Math.abs(fine - wall) <= DRIFT_MAX_MS) return fine
    this.#offsetMs = wall - monotonic
    return wall
  }
}

const two = (value: number): string => (value < 10 ? `0${value}` : `${value}`)

/** `epochMs` with fractions; digits beyond microseconds are cut. */
export const formatLogTime = (epochMs: number): string => {
  const whole = Math.floor(epochMs)
  const date = new Date(whole)
  const micros = date.getMilliseconds() * 1000 + Math.floor((epochMs - whole) * 1000)
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  return `${day}T${time}.${String(micros).padStart(6, '0')}${zone(-date.getTimezoneOffset())}`
}

const zone = (eastMinutes: number): string => {
  if (eastMinutes === 0) return 'Z'
  const minutes = Math.abs(eastMinutes)
  return `${eastMinutes < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`
}
