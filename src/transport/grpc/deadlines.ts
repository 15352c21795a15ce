// Deadlines of all calls of a server on one timer: a wheel of lists. Setting and dropping one costs a few assignments.

import type { Clock, Timer } from '../../env/index.js'
import { GRPC_LIMITS } from './limits.js'

const TICK_MS = GRPC_LIMITS.deadlineTickMs
/** A power of two. A deadline further away than one round (10 s) is passed over until its round comes. */
const SLOTS = 1024

export interface DeadlineOwner {
  onDeadline(): void
}

/** One deadline; held by its call, linked into the wheel. */
export class Deadline {
  /** On the clock's monotonic scale. */
  readonly atMs: number
  readonly owner: DeadlineOwner
  previous: Deadline | undefined = undefined
  next: Deadline | undefined = undefined
  slot = -1

  constructor(atMs: number, owner: DeadlineOwner) {
    this.atMs = atMs
    this.owner = owner
  }
}

export class Deadlines {
  readonly #clock: Clock
  readonly #slots: (Deadline | undefined)[] = new Array<Deadline | undefined>(SLOTS).fill(undefined)
  #count = 0
  /** The last tick whose slot was looked at. */
  #tick = 0
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get count(): number {
    return this.#count
  }

  add(deadline: Deadline): void {
    if (this.#timer === undefined) {
      this.#tick = Math.floor(this.#clock.monotonicMs() / TICK_MS) - 1
      this.#timer = this.#clock.every(TICK_MS, () => this.#turn())
    }
    const slot = Math.floor(deadline.atMs / TICK_MS) % SLOTS
    const head = this.#slots[slot]
    deadline.slot = slot
    deadline.next = head
    if (head !== undefined) head.previous = deadline
    this.#slots[slot] = deadline
    this.#count++
  }

  /** Idempotent. */
  remove(deadline: Deadline): void {
    const { slot, previous, next } = deadline
    if (slot === -1) return
    if (previous === undefined) this.#slots[slot] = next
    else previous.next = next
    if (next !== undefined) next.previous = previous
    deadline.slot = -1
    deadline.previous = undefined
    deadline.next = undefined
    this.#count--
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** A slot is looked at once its tick is over, so nothing runs early. */
  #turn(): void {
    const nowMs = this.#clock.monotonicMs()
    const over = Math.floor(nowMs / TICK_MS) - 1
    const first = Math.max(this.#tick + 1, over - SLOTS + 1)
    this.#tick = Math.max(this.#tick, over)
    const due: Deadline[] = []
    for (let tick = first; tick <= over; tick++) {
      for (let entry = this.#slots[tick % SLOTS]; entry !== undefined; entry = entry.next) {
        if (entry.atMs <= nowMs) due.push(entry)
      }
    }
    for (const entry of due) {
      if (entry.slot === -1) continue // dropped by one before it
      this.remove(entry)
      entry.owner.onDeadline()
    }
    if (this.#count === 0) this.close()
  }
}
