// What arrives for many connections at once is read a few milliseconds per turn: a thousand requests that came together would
// otherwise hold up everything else for as long as their decoding takes.

import { RingQueue } from '../../base/index.js'
import type { Clock } from '../../env/index.js'
import { HTTP2_LIMITS } from './limits.js'

export interface ChunkReader {
  /** Called once for each chunk, in the order of their arrival. */
  readChunk(chunk: Buffer): void
}

/** Reading that began so much after the last one ended is of another turn. */
const GAP_MS = 1

/** Shared by the connections of a server. */
export class ReadTurns {
  readonly #clock: Clock
  readonly #readers = new RingQueue<ChunkReader>()
  readonly #chunks = new RingQueue<Buffer>()
  /** Time that the turn has spent on reading so far, and when that ended. */
  #spentMs = 0
  #endedMs = 0
  readonly #run = (): void => this.#goOn()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Hands `chunk` to `reader`: now, or in one of the next turns when this one has read for long enough. */
  add(reader: ChunkReader, chunk: Buffer): void {
    if (this.#chunks.length === 0) {
      const nowMs = this.#clock.monotonicMs()
      if (nowMs - this.#endedMs > GAP_MS) this.#spentMs = 0
      if (this.#spentMs < HTTP2_LIMITS.readTurnMs) {
        this.#read(reader, chunk, nowMs)
        return
      }
      this.#clock.soon(this.#run)
    }
    this.#readers.push(reader)
    this.#chunks.push(chunk)
  }

  #read(reader: ChunkReader, chunk: Buffer, startedMs: number): number {
    reader.readChunk(chunk)
    const nowMs = this.#clock.monotonicMs()
    this.#spentMs += nowMs - startedMs
    this.#endedMs = nowMs
    return nowMs
  }

  #goOn(): void {
    this.#spentMs = 0
    let nowMs = this.#clock.monotonicMs()
    while (this.#chunks.length > 0 && this.#spentMs < HTTP2_LIMITS.readTurnMs) {
      nowMs = this.#read(this.#readers.shift()!, this.#chunks.shift()!, nowMs)
    }
    if (this.#chunks.length > 0) this.#clock.soon(this.#run)
  }
}
