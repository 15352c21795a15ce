// Seeded randomness for simulations.

import type { Random } from '#src/env/index.js'

/** 32 bits mixed so that neighbouring inputs give unrelated outputs (splitmix32 finaliser). */
export const mix32 = (value: number): number => {
  let z = (value + 0x9e3779b9) | 0
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
  return (z ^ (z >>> 15)) >>> 0
}

/** sfc32: small, fast, good enough for schedules. */
export class SeededRandom implements Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = mix32(seed)
    this.#b = mix32(seed ^ 0x5bd1e995)
    this.#c = mix32(seed ^ 0x1b873593)
    for (let n = 0; n < 12; n++) this.#next()
  }

  /** An independent stream that depends only on this one's seed state and `label`. */
  fork(label: number): SeededRandom {
    return new SeededRandom(mix32(this.#next() ^ label))
  }

  below(bound: number): number {
    return Math.floor((this.#next() / 0x1_0000_0000) * bound)
  }

  uint64(): bigint {
    return (BigInt(this.#next()) << 32n) | BigInt(this.#next())
  }

  /** In [0, 1). */
  fraction(): number {
    return this.#next() / 0x1_0000_0000
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    return sum >>> 0
  }
}
