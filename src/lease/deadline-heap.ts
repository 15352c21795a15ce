// A binary heap of alarms by time. An alarm knows its slot, so that moving or removing it needs no search.

/** One entry. Alarms of equal time ring in the order of their `order`. */
export class Alarm<T> {
  readonly owner: T
  readonly order: number
  timeMs = Infinity
  /** Position in the heap; -1 outside. Only the heap writes it. */
  slot = -1

  constructor(owner: T, order: number) {
    this.owner = owner
    this.order = order
  }
}

export class DeadlineHeap<T> {
  #alarms: Alarm<T>[] = []

  get size(): number {
    return this.#alarms.length
  }

  peek(): Alarm<T> | undefined {
    return this.#alarms[0]
  }

  /** Sets the time of an alarm and takes it in if it is not in yet. */
  set(alarm: Alarm<T>, timeMs: number): void {
    alarm.timeMs = timeMs
    if (alarm.slot < 0) {
      alarm.slot = this.#alarms.length
      this.#alarms.push(alarm)
    }
    this.#rise(alarm)
    this.#sink(alarm)
  }

  /** Does nothing if the alarm is not in. */
  delete(alarm: Alarm<T>): void {
    const { slot } = alarm
    if (slot < 0) return
    const last = this.#alarms.pop()!
    alarm.slot = -1
    if (last === alarm) return
    this.#put(last, slot)
    this.#rise(last)
    this.#sink(last)
  }

  clear(): void {
    for (const alarm of this.#alarms) alarm.slot = -1
    this.#alarms = []
  }

  /** Replaces the content by alarms in ascending order, which already are a heap. The array is owned from now on. */
  fill(ascending: Alarm<T>[]): void {
    this.clear()
    this.#alarms = ascending
    for (let slot = 0; slot < ascending.length; slot++) ascending[slot]!.slot = slot
  }

  #rise(alarm: Alarm<T>): void {
    for (;;) {
      const parent = this.#alarms[(alarm.slot - 1) >> 1]
      if (alarm.slot === 0 || parent === undefined || !before(alarm, parent)) return
      this.#swap(alarm, parent)
    }
  }

  #sink(alarm: Alarm<T>): void {
    for (;;) {
      const left = this.#alarms[2 * alarm.slot + 1]
      const right = this.#alarms[2 * alarm.slot + 2]
      if (left === undefined) return
      const child = right !== undefined && before(right, left) ? right : left
      if (!before(child, alarm)) return
      this.#swap(child, alarm)
    }
  }

  #swap(a: Alarm<T>, b: Alarm<T>): void {
    const { slot } = a
    this.#put(a, b.slot)
    this.#put(b, slot)
  }

  #put(alarm: Alarm<T>, slot: number): void {
    this.#alarms[slot] = alarm
    alarm.slot = slot
  }
}

const before = <T>(a: Alarm<T>, b: Alarm<T>): boolean =>
  a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.order < b.order)
