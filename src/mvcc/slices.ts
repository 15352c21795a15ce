// Long work in slices. A step function is a generator that yields wherever it may be interrupted; whoever runs it decides
// how long it goes on. What it reads must be fixed (a revision), since writes happen between its slices.

import type { Clock } from '../env/index.js'

export type Steps<T> = Generator<undefined, T, undefined>

/** Runs `steps` to its end without a pause. */
export const finish = <T>(steps: Steps<T>): T => {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** How long one slice goes on. Steps yield about every 100 us, so a slice ends close to its budget. */
const SLICE_MS = 5
/** The first slice of work that arrives while other work waits. */
const CROWDED_SLICE_MS = 0.5

interface Task {
  /** One slice; true when the work is done. */
  readonly run: (budgetMs: number) => boolean
  readonly fail: (error: unknown) => void
}

/**
 * Gives sliced work turns, one slice per turn of the event loop, in rotation. The number of tasks is bounded by the
 * callers, who hold a request each.
 */
export class SliceRunner {
  readonly #clock: Clock
  readonly #onFailure: (error: unknown) => void
  #tasks: Task[] = []
  #running: Promise<void> | undefined

  /** `onFailure` hears of errors in later slices, where no caller is left to catch them; the task is dropped. */
  constructor(clock: Clock, onFailure: (error: unknown) => void) {
    this.#clock = clock
    this.#onFailure = onFailure
  }

  get waiting(): number {
    return this.#tasks.length
  }

  /** Calls `done` before it returns when one slice is enough; what the first slice throws reaches the caller. */
  run<T>(steps: Steps<T>, done: (result: T) => void): void {
    this.#start({ run: (budgetMs) => advance(steps, this.#clock, budgetMs, done), fail: this.#onFailure })
  }

  /** As `run`; errors of any slice reject the promise. */
  runAsync<T>(steps: Steps<T>): Promise<T> {
    return new Promise((resolve, fail) => {
      this.#start({ run: (budgetMs) => advance(steps, this.#clock, budgetMs, resolve), fail })
    })
  }

  /** Resolves when no work is left. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  #start(task: Task): void {
    if (task.run(this.#tasks.length === 0 ? SLICE_MS : CROWDED_SLICE_MS)) return
    this.#tasks.push(task)
    this.#running ??= this.#drain()
  }

  async #drain(): Promise<void> {
    while (this.#tasks.length > 0) {
      await this.#clock.yieldTurn()
      const task = this.#tasks.shift()
      if (task === undefined) break
      try {
        if (!task.run(SLICE_MS)) this.#tasks.push(task)
      } catch (error) {
        task.fail(error)
      }
    }
    this.#running = undefined
  }
}

const advance = <T>(steps: Steps<T>, clock: Clock, budgetMs: number, done: (result: T) => void): boolean => {
  const end = clock.monotonicMs() + budgetMs
  for (;;) {
    const step = steps.next()
    if (step.done === true) {
      done(step.value)
      return true
    }
    if (clock.monotonicMs() >= end) return false
  }
}

/** Longest run that is sorted in one go: about 2 ms. */
const RUN_LENGTH = 4096
const YIELD_EVERY = 1024

/** Sorts the positions in `order` by `compare`, which never ties: short runs first, then merges that pause. */
export function* sortSteps(order: Uint32Array, compare: (a: number, b: number) => number): Steps<Uint32Array> {
  for (let lo = 0; lo < order.length; lo += RUN_LENGTH) {
    order.subarray(lo, lo + RUN_LENGTH).sort(compare)
    yield
  }
  let source: Uint32Array = order
  let target: Uint32Array = new Uint32Array(source.length > RUN_LENGTH ? source.length : 0)
  for (let width = RUN_LENGTH; width < source.length; width *= 2) {
    for (let lo = 0; lo < source.length; lo += 2 * width) yield* mergeSteps(source, target, lo, width, compare)
    const swap = source
    source = target
    target = swap
  }
  return source
}

/** Merges source[lo, lo+width) with source[lo+width, lo+2*width) into the same places of `target`. */
function* mergeSteps(
  source: Uint32Array,
  target: Uint32Array,
  lo: number,
  width: number,
  compare: (a: number, b: number) => number,
): Steps<void> {
  const mid = Math.min(lo + width, source.length)
  const hi = Math.min(lo + 2 * width, source.length)
  let left = lo
  let right = mid
  for (let at = lo; at < hi; at++) {
    const takeLeft = left < mid && (right >= hi || compare(source[left]!, source[right]!) < 0)
    target[at] = takeLeft ? source[left++]! : source[right++]!
    if (at % YIELD_EVERY === 0) yield
  }
}
