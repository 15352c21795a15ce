// Random transactions: every compare target and operator, nested to three levels, sometimes invalid.
import type { SeededRandom } from '../support/random.js'
import type { Generator } from './generator.js'

const DEPTH_MAX = 3
/** One more operation than the default --max-txn-ops. */
const TOO_MANY_OPERATIONS = 129

/**
 * An open-ended delete escapes etcd's overlap check. Followed by a put that keeps the value or lease of a key that the delete removed, it
 * ends the process of real etcd. So one transaction has open-ended deletes or such puts, never both.
 */
interface Style {
  readonly openEnds: boolean
  readonly ignoring: boolean
}

export class TxnGenerator {
  readonly #random: SeededRandom
  readonly #parts: Generator

  constructor(random: SeededRandom, parts: Generator) {
    this.#random = random
    this.#parts = parts
  }

  txn(): object {
    const openEnds = this.#random.chance(40)
    const style = { openEnds, ignoring: !openEnds }
    return this.#random.chance(1) ? this.#tooLarge() : this.#node(1, style)
  }

  #node(depth: number, style: Style): object {
    const random = this.#random
    // Ranges alone make it a read, which takes another way through the server.
    const readsOnly = depth === 1 && random.chance(20)
    const operations = (): object[] =>
      Array.from({ length: random.below(4) }, () =>
        readsOnly ? { request_range: this.#parts.range() } : this.#operation(depth, style),
      )
    return {
      compare: Array.from({ length: random.below(3) }, () => this.#compare()),
      success: operations(),
      failure: operations(),
    }
  }

  #operation(depth: number, style: Style): object {
    return this.#random.weighted<() => object>([
      [35, () => ({ request_put: this.#parts.put(style) })],
      [25, () => ({ request_range: this.#wellSorted(this.#parts.range()) })],
      [14, () => ({ request_delete_range: this.#parts.deleteRange(style) })],
      [depth < DEPTH_MAX ? 14 : 0, () => ({ request_txn: this.#node(depth + 1, style) })],
      [1, () => ({})],
    ])()
  }

  /** Ranges inside a writing transaction mostly ask for the newest state: an error would undo the whole of it. */
  #wellSorted(range: object): object {
    return this.#random.chance(80) ? { ...range, revision: '0' } : range
  }

  #compare(): object {
    const random = this.#random
    const target = random.below(5)
    const compare = {
      ...(random.chance(30) ? this.#parts.keyRange() : { key: this.#parts.key() }),
      result: random.chance(2) ? 9 : random.below(4),
      target: random.chance(1) ? 9 : target,
    }
    // Sometimes the operand is missing or belongs to another target.
    const operand = random.chance(5) ? random.below(6) : target
    return { ...compare, ...this.#operand(operand) }
  }

  #operand(target: number): object {
    if (target === 0) return { version: String(this.#random.below(4)) }
    if (target === 1) return { create_revision: this.#parts.counter() }
    if (target === 2) return { mod_revision: this.#parts.counter() }
    if (target === 3) return { value: this.#parts.value() }
    if (target === 4) return { lease: String(this.#random.below(4)) }
    return {}
  }

  #tooLarge(): object {
    const many = Array.from({ length: TOO_MANY_OPERATIONS - this.#random.below(2) }, (_, i) => ({
      request_put: { key: Buffer.from(`many/${i}`), value: Buffer.from('x') },
    }))
    return this.#random.chance(50) ? { success: many } : { success: [{ request_txn: { success: many } }] }
  }
}
