// Clients repeat their header blocks byte for byte once the fields are in the table. What such a block means is remembered for
// as long as the table stands still.

/** Blocks that are remembered, and their longest: enough for the few methods that a client has in use. */
const ENTRIES_MAX = 8
const BLOCK_BYTES_MAX = 64

export class BlockCache<T> {
  readonly #blocks: Buffer[] = []
  readonly #values: T[] = []
  #generation = -1
  #oldest = 0

  /** What `bytes[start, end)` meant in the same generation of the table. */
  get(generation: number, bytes: Buffer, start: number, end: number): T | undefined {
    if (generation !== this.#generation) return undefined
    const blocks = this.#blocks
    for (let i = 0; i < blocks.length; i++) {
      if (equals(blocks[i]!, bytes, start, end)) return this.#values[i]
    }
    return undefined
  }

  /** `bytes` is borrowed. `generation` held before and after decoding them. */
  add(generation: number, bytes: Buffer, start: number, end: number, value: T): void {
    if (generation !== this.#generation) {
      this.#generation = generation
      this.#blocks.length = 0
      this.#values.length = 0
      this.#oldest = 0
    }
    if (end - start > BLOCK_BYTES_MAX) return
    const block = Buffer.from(bytes.subarray(start, end))
    if (this.#blocks.length < ENTRIES_MAX) {
      this.#blocks.push(block)
      this.#values.push(value)
      return
    }
    this.#blocks[this.#oldest] = block
    this.#values[this.#oldest] = value
    this.#oldest = (this.#oldest + 1) % ENTRIES_MAX
  }
}

function equals(block: Buffer, bytes: Buffer, start: number, end: number): boolean {
  const { length } = block
  if (length !== end - start) return false
  for (let i = 0; i < length; i++) if (block[i] !== bytes[start + i]) return false
  return true
}
