/** FIFO on a circular array that doubles when full: push and shift without moving elements. */
export class RingQueue<T> {
  #slots: (T | undefined)[]
  #head = 0
  #length = 0

  /** `capacity` is a power of two and only the starting size; callers bound the length themselves. */
  constructor(capacity = 16) {
    this.#slots = new Array<T | undefined>(capacity).fill(undefined)
  }

  get length(): number {
    return this.#length
  }

  push(item: T): void {
    if (this.#length === this.#slots.length) this.#grow()
    this.#slots[(this.#head + this.#length) & (this.#slots.length - 1)] = item
    this.#length++
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined
    const item = this.#slots[this.#head]
    this.#slots[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#slots.length - 1)
    this.#length--
    return item
  }

  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#slots[this.#head]
  }

  /** `pos` counts from the oldest, in 0..length-1. */
  at(pos: number): T {
    return this.#slots[(this.#head + pos) & (this.#slots.length - 1)]!
  }

  /** Takes everything, oldest first. */
  drain(): T[] {
    const items: T[] = []
    for (let item = this.shift(); item !== undefined; item = this.shift()) items.push(item)
    return items
  }

  clear(): void {
    this.#slots.fill(undefined)
    this.#head = 0
    this.#length = 0
  }

  #grow(): void {
    const old = this.#slots
    const slots = new Array<T | undefined>(old.length * 2).fill(undefined)
    for (let i = 0; i < this.#length; i++) slots[i] = old[(this.#head + i) & (old.length - 1)]
    this.#slots = slots
    this.#head = 0
  }
}
