import type { MemberId } from '../base/index.js'

/**
 * Ids that connect a proposal with its result: 16 bits of the member id, 40 bits of the start time in milliseconds, and a
 * counter from the low 8 bits up (etcd pkg/idutil). Unique across restarts as long as a member makes fewer than 256
 * proposals per millisecond of its life.
 */
export class RequestIds {
  readonly #prefix: bigint
  #suffix: bigint

  constructor(memberId: MemberId, startedWallMs: number) {
    this.#prefix = BigInt.asUintN(16, memberId) << 48n
    this.#suffix = BigInt.asUintN(40, BigInt(Math.floor(startedWallMs))) << 8n
  }

  next(): bigint {
    this.#suffix += 1n
    return this.#prefix | BigInt.asUintN(48, this.#suffix)
  }
}
