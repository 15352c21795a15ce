// One direction of a proxied connection: bytes from one socket to another as the link's condition lets them.
import type { Socket } from 'node:net'
import type { SeededRandom } from '../../support/random.js'

export type Condition =
  | { readonly kind: 'open' }
  /** Bytes wait, as packets do that are sent again until the link heals. */
  | { readonly kind: 'hold' }
  /** Bytes vanish. A connection that lost bytes is reset when the link heals. */
  | { readonly kind: 'drop' }
  /** Each chunk comes `ms` ± `jitterMs` later, in order. */
  | { readonly kind: 'delay'; readonly ms: number; readonly jitterMs: number }
  /** Each chunk resets its connection with this probability. */
  | { readonly kind: 'lossy'; readonly percent: number }
  /** Connections are reset, new ones refused. */
  | { readonly kind: 'closed' }

export const OPEN: Condition = { kind: 'open' }

/** Whether a new connection can come about over a link in this condition. */
export const passes = ({ kind }: Condition): boolean => kind !== 'hold' && kind !== 'drop'

/** What may wait in a delayed pipe before its source is not read any more. */
const QUEUED_MAX_BYTES = 16 * 1024 * 1024

/** `end`: no more bytes come. `gone`: the socket is closed, so it takes none either. */
type Item = Buffer | 'end' | 'gone'

interface Queued {
  readonly item: Item
  readonly dueMs: number
}

export class Pipe {
  readonly #source: Socket
  readonly #sink: Socket
  readonly #random: SeededRandom
  readonly #reset: () => void
  #condition: Condition
  #queue: Queued[] = []
  #queuedBytes = 0
  #lastDueMs = 0
  #timer: NodeJS.Timeout | undefined
  #lostBytes = false
  #closed = false

  /** `reset` ends the whole connection. */
  constructor(source: Socket, sink: Socket, condition: Condition, random: SeededRandom, reset: () => void) {
    this.#source = source
    this.#sink = sink
    this.#condition = condition
    this.#random = random
    this.#reset = reset
    source.on('data', (bytes) => this.#onBytes(bytes))
    // The other side learns of an end when the link lets it through, as of everything else.
    source.once('end', () => this.#add('end'))
    source.once('close', () => this.#add('gone'))
    sink.on('drain', () => this.#pump())
    source.resume()
  }

  set(condition: Condition): void {
    this.#condition = condition
    if (condition.kind === 'closed' || (this.#lostBytes && condition.kind !== 'drop')) this.#reset()
    else this.#pump()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#queue = []
  }

  #onBytes(bytes: Buffer): void {
    switch (this.#condition.kind) {
      case 'drop':
        this.#lostBytes = true
        return
      case 'lossy':
        if (this.#random.chance(this.#condition.percent)) return this.#reset()
        break
      default:
    }
    this.#add(bytes)
  }

  #add(item: Item): void {
    if (this.#closed) return
    const condition = this.#condition
    const spread = this.#random.below(2001) / 1000 - 1
    const delayMs = condition.kind === 'delay' ? condition.ms + spread * condition.jitterMs : 0
    if (condition.kind === 'drop') this.#lostBytes = true
    this.#lastDueMs = Math.max(this.#lastDueMs, performance.now() + delayMs)
    this.#queue.push({ item, dueMs: this.#lastDueMs })
    this.#queuedBytes += item.length
    this.#pump()
  }

  /** Passes on what is due. */
  #pump(): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    const now = performance.now()
    while (this.#mayWrite()) {
      const first = this.#queue[0]
      if (first === undefined) break
      if (this.#condition.kind === 'delay' && first.dueMs > now) {
        this.#timer = setTimeout(() => this.#pump(), first.dueMs - now)
        break
      }
      this.#queue.shift()
      this.#queuedBytes -= first.item.length
      if (first.item === 'end') this.#sink.end()
      else if (first.item === 'gone') this.#sink.destroySoon()
      else this.#sink.write(first.item)
    }
    const stuck = !this.#mayWrite() && this.#condition.kind !== 'drop'
    if (stuck || this.#queuedBytes > QUEUED_MAX_BYTES) this.#source.pause()
    else this.#source.resume()
  }

  #mayWrite(): boolean {
    return passes(this.#condition) && !this.#sink.writableNeedDrain && !this.#sink.destroyed
  }
}
