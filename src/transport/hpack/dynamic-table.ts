// The fields that a connection taught us (RFC 7541, 2.3.2): newest first, oldest evicted when the size runs over.

import type { HeaderField } from './field.js'

export class DynamicTable {
  /** Ring; the newest entry lies at `#newest`. Its length is a power of two. */
  #slots: (HeaderField | undefined)[] = new Array<HeaderField | undefined>(32).fill(undefined)
  #newest = 0
  #count = 0
  #sizeBytes = 0
  #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get maxBytes(): number {
    return this.#maxBytes
  }

  /** `age` 0 is the newest entry; undefined beyond the oldest. */
  at(age: number): HeaderField | undefined {
    return age < this.#count ? this.#slots[(this.#newest - age) & (this.#slots.length - 1)] : undefined
  }

  /** A field larger than the whole table empties it and is not kept. */
  add(field: HeaderField): void {
    this.#evict(this.#maxBytes - field.sizeBytes)
    if (field.sizeBytes > this.#maxBytes) return
    if (this.#count === this.#slots.length) this.#grow()
    this.#newest = (this.#newest + 1) & (this.#slots.length - 1)
    this.#slots[this.#newest] = field
    this.#count++
    this.#sizeBytes += field.sizeBytes
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes
    this.#evict(maxBytes)
  }

  #evict(allowedBytes: number): void {
    while (this.#sizeBytes > allowedBytes && this.#count > 0) {
      const oldest = (this.#newest - this.#count + 1) & (this.#slots.length - 1)
      this.#sizeBytes -= this.#slots[oldest]!.sizeBytes
      this.#slots[oldest] = undefined
      this.#count--
    }
  }

  #grow(): void {
    const slots = new Array<HeaderField | undefined>(this.#slots.length * 2).fill(undefined)
    for (let age = 0; age < this.#count; age++) slots[this.#count - 1 - age] = this.at(age)
    this.#slots = slots
    this.#newest = this.#count - 1
  }
}
