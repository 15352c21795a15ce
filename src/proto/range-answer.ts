// Answers of ranges whose pairs are encoded already: small ones are copied once, from the stored bytes into blocks that are
// sent as they are; large ones are sent from where they lie. A list of 75 MB then never exists in one piece, and its sender
// can free what was taken.

import { EMPTY_BYTES, invariant } from '../base/index.js'
import * as etcdserverpb from './generated/etcdserverpb.js'
import { keyBytesOf } from './key-value.js'
import type { WireCodec } from './wire.js'

/** Field `kvs` of RangeResponse. */
const PAIR_TAG = 0x12
/** Field `range_response` of RangeStreamResponse. */
const ANSWER_TAG = 0x0a
const FIRST_BLOCK_BYTES = 4 * 1024
const BLOCK_BYTES_MIN = 16 * 1024
const BLOCK_BYTES_MAX = 1024 * 1024
/** Room for tag and length of a pair. */
const PAIR_HEAD_BYTES = 6
/** Answers up to this size are not worth being sent in pieces. */
const SINGLE_PIECE_BYTES = 16 * 1024

/** Pairs of this size are not copied ... */
const SHARED_PAIR_BYTES = 4 * 1024
/** ... if that holds no more memory than so many times their size. */
const SHARED_WASTE_MAX = 2.5

/** The field `kvs`, tags and lengths included, in blocks. Pairs are added in the order of the answer. */
export class PairBlocks {
  readonly #expected: number
  readonly #blocks: Uint8Array[] = []
  #block: Uint8Array = EMPTY_BYTES
  /** What is in the block in work and not in the list yet is [#start, #pos). */
  #start = 0
  #pos = 0
  #fullBytes = 0
  #count = 0
  readonly #notesLastKey: boolean
  #lastKey: Uint8Array = EMPTY_BYTES

  /** `expected`: how many pairs there will be, for the size of the blocks. `notesLastKey`: `lastKey` will be asked for. */
  constructor(expected: number, notesLastKey = false) {
    this.#expected = expected
    this.#notesLastKey = notesLastKey
  }

  /** Pairs so far. */
  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return this.#fullBytes + this.#pos - this.#start
  }

  /** Adds the KeyValue at `source[start, end)`. True: a part of `source` was kept, which is frozen from now on. */
  add(source: Uint8Array, start: number, end: number): boolean {
    const length = end - start
    if (this.#block.length - this.#pos < PAIR_HEAD_BYTES) this.#nextBlock(length)
    this.#count++
    if (this.#notesLastKey && this.#count === this.#expected)
      this.#lastKey = Uint8Array.from(keyBytesOf(source, start, end))
    const block = this.#block
    let pos = this.#pos
    block[pos++] = PAIR_TAG
    let rest = length
    for (; rest > 127; rest >>>= 7) block[pos++] = (rest & 127) | 128
    block[pos++] = rest
    this.#pos = pos
    if (length >= SHARED_PAIR_BYTES && source.buffer.byteLength <= length * SHARED_WASTE_MAX) {
      this.#seal()
      this.#blocks.push(source.subarray(start, end))
      this.#fullBytes += length
      return true
    }
    this.#copy(source, start, end)
    return false
  }

  /** The key of the last of the expected pairs. */
  lastKey(): Uint8Array {
    invariant(this.#notesLastKey && this.#count >= this.#expected, 'the last pair was noted')
    return this.#lastKey
  }

  /** All blocks; nothing is added afterwards. Frozen. */
  take(): readonly Uint8Array[] {
    this.#seal()
    return this.#blocks
  }

  /** A pair that does not fit goes on in the next block. */
  #copy(source: Uint8Array, start: number, end: number): void {
    while (start < end) {
      const room = this.#block.length - this.#pos
      if (room === 0) {
        this.#nextBlock(end - start)
        continue
      }
      const taken = Math.min(room, end - start)
      this.#block.set(
        start === 0 && taken === source.length ? source : source.subarray(start, start + taken),
        this.#pos,
      )
      this.#pos += taken
      start += taken
    }
  }

  /** As large as the rest will be if it is like what there was. */
  #nextBlock(neededBytes: number): void {
    this.#seal()
    const left = this.#expected - this.#count
    const average = this.#count === 0 ? 0 : this.#fullBytes / this.#count
    const guess = neededBytes + PAIR_HEAD_BYTES + Math.ceil(left * average * GUESS_MARGIN)
    const least = this.#count === 0 ? FIRST_BLOCK_BYTES : BLOCK_BYTES_MIN
    this.#block = new Uint8Array(Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES_MAX, Math.max(least, guess))).buffer)
    this.#start = 0
    this.#pos = 0
  }

  #seal(): void {
    if (this.#pos === this.#start) return
    this.#blocks.push(this.#block.subarray(this.#start, this.#pos))
    this.#fullBytes += this.#pos - this.#start
    this.#start = this.#pos
  }
}

const GUESS_MARGIN = 1.05

/** A RangeResponse whose pairs are in `pairs`; `kvs` is empty. */
export class RangeAnswer extends etcdserverpb.RangeResponse {
  readonly pairs: PairBlocks

  constructor(pairs: PairBlocks) {
    super()
    this.pairs = pairs
  }
}

/** Number of pairs in an answer of either form. */
export const pairCount = (response: etcdserverpb.RangeResponse): number =>
  response instanceof RangeAnswer ? response.pairs.count : response.kvs.length

/** Encodes answers of both forms; decodes to the plain one. */
export const RangeAnswerCodec: PiecewiseCodec<etcdserverpb.RangeResponse> = {
  decode: etcdserverpb.RangeResponseCodec.decode,
  encode: (message) =>
    message instanceof RangeAnswer ? Buffer.concat(piecesOf(message)) : etcdserverpb.RangeResponseCodec.encode(message),
  encodedSize: (message) =>
    message instanceof RangeAnswer ? sizeOf(piecesOf(message)) : etcdserverpb.RangeResponseCodec.encode(message).length,
  pieces: (message) =>
    message instanceof RangeAnswer && message.pairs.sizeBytes > SINGLE_PIECE_BYTES ? piecesOf(message) : undefined,
}

export const RangeStreamAnswerCodec: PiecewiseCodec<etcdserverpb.RangeStreamResponse> = {
  decode: etcdserverpb.RangeStreamResponseCodec.decode,
  encode: (message) => {
    const pieces = streamPiecesOf(message)
    return pieces === undefined ? etcdserverpb.RangeStreamResponseCodec.encode(message) : Buffer.concat(pieces)
  },
  encodedSize: (message) => sizeOf(streamPiecesOf(message) ?? [etcdserverpb.RangeStreamResponseCodec.encode(message)]),
  pieces: streamPiecesOf,
}

/** A codec that need not put a large message together. */
export interface PiecewiseCodec<T> extends WireCodec<T> {
  /** What `encode` gives, in pieces; undefined where one piece is better. Owned list of frozen pieces. */
  pieces(message: T): Uint8Array[] | undefined
  encodedSize(message: T): number
}

/** header = 1, kvs = 2, more = 3, count = 4. */
function piecesOf(answer: RangeAnswer): Uint8Array[] {
  const head = new etcdserverpb.RangeResponse()
  head.header = answer.header
  const tail = new etcdserverpb.RangeResponse()
  tail.more = answer.more
  tail.count = answer.count
  const { encode } = etcdserverpb.RangeResponseCodec
  return [encode(head), ...answer.pairs.take(), encode(tail)]
}

function streamPiecesOf({ rangeResponse }: etcdserverpb.RangeStreamResponse): Uint8Array[] | undefined {
  if (!(rangeResponse instanceof RangeAnswer)) return undefined
  const pieces = piecesOf(rangeResponse)
  const head = [ANSWER_TAG]
  let rest = sizeOf(pieces)
  for (; rest > 127; rest = Math.floor(rest / 128)) head.push((rest % 128) | 128)
  head.push(rest)
  return [Uint8Array.from(head), ...pieces]
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  let size = 0
  for (const { length } of pieces) size += length
  return size
}
