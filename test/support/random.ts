// Repeatable randomness: one seed, one sequence, on every machine.

/** sfc32: 128 bits of state, passes PractRand; seeded from one number. */
export class SeededRandom {
  #a: number
  #b: number
  #c: number
  #counter = 1
  readonly seed: number

  constructor(seed: number) {
    this.seed = seed
    this.#a = seed | 0
    this.#b = Math.floor(seed / 2 ** 32) | 0
    this.#c = 0x9e3779b9 | 0
    for (let i = 0; i < 15; i++) this.uint32()
  }

  uint32(): number {
    const result = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0
    return result >>> 0
  }

  /** Uniform in [0, bound), bound in 1..2^32. */
  below(bound: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * bound)
  }

  /** Uniform in [0, 2^64). */
  uint64(): bigint {
    return (BigInt(this.uint32()) << 32n) | BigInt(this.uint32())
  }

  /** True `percent` times in a hundred. */
  chance(percent: number): boolean {
    return this.uint32() < (percent / 100) * 2 ** 32
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('pick from nothing')
    return item
  }

  /** Picks by weight: `[[3, 'often'], [1, 'seldom']]`. */
  weighted<T>(choices: readonly (readonly [number, T])[]): T {
    let rest = this.below(choices.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, choice] of choices) {
      rest -= weight
      if (rest < 0) return choice
    }
    throw new RangeError('weights must be positive integers')
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    for (let i = 0; i < length; i++) bytes[i] = this.uint32() & 0xff
    return bytes
  }

  /** A generator of its own, so that one part's draws do not shift another's. */
  fork(): SeededRandom {
    return new SeededRandom(this.uint32())
  }
}
