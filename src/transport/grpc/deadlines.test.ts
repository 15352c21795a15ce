import t from 'tap'
import type { Clock, Timer } from '../../env/index.js'
import { Deadline, Deadlines } from './deadlines.js'

/** A clock whose time is moved by hand; only `every` is needed. */
class HandClock implements Clock {
  nowMs = 0
  readonly #tickers = new Set<{ atMs: number; periodMs: number; callback: () => void }>()

  monotonicMs(): number {
    return this.nowMs
  }
  wallMs(): number {
    return this.nowMs
  }
  after(): Timer {
    throw new Error('not needed')
  }
  every(periodMs: number, callback: () => void): Timer {
    const ticker = { atMs: this.nowMs + periodMs, periodMs, callback }
    this.#tickers.add(ticker)
    return { cancel: () => this.#tickers.delete(ticker) }
  }
  soon(): void {
    throw new Error('not needed')
  }
  afterCallback(callback: () => void): void {
    queueMicrotask(callback)
  }

  yieldTurn(): Promise<void> {
    return Promise.resolve()
  }
  get tickerCount(): number {
    return this.#tickers.size
  }
  /** Moves on; a late loop runs every ticker once for all the time that passed. */
  advance(ms: number): void {
    this.nowMs += ms
    for (const ticker of [...this.#tickers]) {
      if (ticker.atMs > this.nowMs) continue
      ticker.atMs = this.nowMs + ticker.periodMs
      ticker.callback()
    }
  }
}

t.test('deadlines run soon after their time, never before, and in spite of each other', async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.comment(`seed ${seed}`)
  let state = seed | 1
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return state % below
  }
  const clock = new HandClock()
  clock.nowMs = 123_456.7
  const wheel = new Deadlines(clock)
  const open = new Map<Deadline, number>()
  let ran = 0
  for (let round = 0; round < 3000; round++) {
    for (let n = random(4); n > 0; n--) {
      const atMs = clock.nowMs + (random(10) === 0 ? random(60_000) : random(300))
      const deadline: Deadline = new Deadline(atMs, {
        onDeadline: () => {
          ran++
          if (!open.delete(deadline)) t.fail('ran twice, or after it was removed')
          if (clock.nowMs < atMs) t.fail(`ran ${atMs - clock.nowMs} ms early`)
          // One call's end may drop another's deadline.
          const [other] = open.keys()
          if (other !== undefined && random(4) === 0) {
            open.delete(other)
            wheel.remove(other)
          }
        },
      })
      open.set(deadline, atMs)
      wheel.add(deadline)
    }
    if (random(3) === 0) {
      const [oldest] = open.keys()
      if (oldest !== undefined) {
        open.delete(oldest)
        wheel.remove(oldest)
        wheel.remove(oldest)
      }
    }
    clock.advance(random(50) === 0 ? random(30_000) : 10)
    for (const atMs of open.values()) if (clock.nowMs - atMs > 30) t.fail(`${clock.nowMs - atMs} ms late`)
    if (wheel.count !== open.size) t.fail('count')
  }
  t.ok(ran > 1000)
  clock.advance(100_000)
  clock.advance(10)
  t.equal(open.size, 0)
  t.equal(clock.tickerCount, 0, 'without deadlines no timer runs')
})
