// Messages that wait for one lane.

import { RingQueue } from '../../base/index.js'
import type { raftpb } from '../../proto/index.js'
import { messageBytes } from './frames.js'
import { PEER_LIMITS } from './limits.js'

export class LaneQueue {
  readonly #bytesMax: number
  readonly #messages = new RingQueue<raftpb.Message>(64)
  readonly #sizes = new RingQueue<number>(64)
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get length(): number {
    return this.#messages.length
  }

  /** False: the queue is full. One message of any size fits an empty queue. */
  push(message: raftpb.Message): boolean {
    const size = messageBytes(message)
    const length = this.#messages.length
    if (length >= PEER_LIMITS.queueMessages || (length > 0 && this.#bytes + size > this.#bytesMax)) return false
    this.#messages.push(message)
    this.#sizes.push(size)
    this.#bytes += size
    return true
  }

  /** Moves the messages of one batch into `batch`, which is emptied first. */
  take(batch: raftpb.Message[]): void {
    batch.length = 0
    let total = 0
    for (let size = this.#sizes.peek(); size !== undefined; size = this.#sizes.peek()) {
      if (batch.length > 0 && total + size > PEER_LIMITS.batchBytes) break
      batch.push(this.#messages.shift()!)
      this.#sizes.shift()
      total += size
    }
    this.#bytes -= total
  }

  /** Drops everything; answers how many messages. */
  clear(): number {
    const { length } = this.#messages
    this.#messages.clear()
    this.#sizes.clear()
    this.#bytes = 0
    return length
  }
}
