// How the latest closed streams ended: what a late frame on a closed stream means depends on it (RFC 9113, 5.1).

import { HTTP2_LIMITS } from './limits.js'

export const StreamEnd = {
  /** Not one of the remembered. */
  unknown: 0,
  /** Both sides ended it. */
  ended: 1,
  /** The peer reset it. */
  resetByPeer: 2,
  /** We reset it: what the peer had sent by then is on its way and means nothing. */
  resetByUs: 3,
} as const
export type StreamEnd = (typeof StreamEnd)[keyof typeof StreamEnd]

export class ClosedStreams {
  readonly #ids = new Uint32Array(HTTP2_LIMITS.closedStreams)
  readonly #ends = new Uint8Array(HTTP2_LIMITS.closedStreams)
  #pos = 0

  add(id: number, end: StreamEnd): void {
    this.#ids[this.#pos] = id
    this.#ends[this.#pos] = end
    this.#pos = (this.#pos + 1) % HTTP2_LIMITS.closedStreams
  }

  endOf(id: number): StreamEnd {
    const pos = this.#ids.indexOf(id)
    return pos === -1 ? StreamEnd.unknown : (this.#ends[pos] as StreamEnd)
  }
}
