// A range answered in pieces, all of one revision. Put together, the messages are what Range answers: pairs in key order,
// and header, count and more in the last message only.
//
// One piece is read, sent, and only then the next one is read: at most one is in memory beside what the transport buffers,
// and other work gets its turn in between. Each reading checks the revision again, so a compaction that passes it ends the
// stream.

import type { CancelCause, Clock, Status, StreamCall, StreamHandler } from '../env/index.js'
import type { MemberApi, ResultWaiter } from '../member/index.js'
import { RangeAnswer, etcdserverpb, keyBytesOf, pairCount } from '../proto/index.js'
import { completeResponse } from './answers.js'
import { checkRangeStream } from './validate.js'

export interface RangeStreamOptions {
  readonly member: MemberApi
  readonly clock: Clock
  /** Pieces should have between half and twice this size. */
  readonly requestBytesMax: number
}

const FIRST_CHUNK_KEYS = 10

export class RangeStream implements StreamHandler<etcdserverpb.RangeRequest> {
  readonly #options: RangeStreamOptions
  readonly #call: StreamCall<etcdserverpb.RangeStreamResponse>
  #chunks: RangeChunks | undefined
  #waitsForDrain = false
  #over = false

  constructor(options: RangeStreamOptions, call: StreamCall<etcdserverpb.RangeStreamResponse>) {
    this.#options = options
    this.#call = call
  }

  onMessage(request: etcdserverpb.RangeRequest): void {
    const refusal = checkRangeStream(request)
    if (refusal !== undefined) {
      this.#call.fail(refusal)
      return
    }
    this.#chunks = new RangeChunks(request, this.#options.requestBytesMax)
    if (request.serializable) this.#readNext()
    else {
      this.#options.member.readBarrier({ onReady: () => this.#readNext(), onFailed: (status) => this.#fail(status) })
    }
  }

  onHalfClose(): void {
    // The only request is here already; answers go on.
  }

  onCancel(_cause: CancelCause): void {
    this.#over = true
  }

  onDrain(): void {
    if (!this.#waitsForDrain) return
    this.#waitsForDrain = false
    this.#readNext()
  }

  #readNext(): void {
    if (this.#over || this.#chunks === undefined) return
    const waiter: ResultWaiter<etcdserverpb.RangeResponse> = {
      onResult: (response) => this.#sendChunk(response),
      onFailed: (status) => this.#fail(status),
    }
    this.#options.member.range(this.#chunks.nextRequest(), waiter, !this.#chunks.counted)
  }

  #sendChunk(read: etcdserverpb.RangeResponse): void {
    if (this.#over || this.#chunks === undefined) return
    const response = this.#chunks.take(read)
    if (this.#chunks.done) completeResponse(this.#options.member, response)
    const message = new etcdserverpb.RangeStreamResponse()
    message.rangeResponse = response
    const mayGoOn = this.#call.send(message)
    if (this.#chunks.done) {
      this.#over = true
      this.#call.end()
    } else if (mayGoOn) this.#options.clock.soon(() => this.#readNext())
    else this.#waitsForDrain = true
  }

  #fail(status: Status): void {
    if (this.#over) return
    this.#over = true
    this.#call.fail(status)
  }
}

/** Cuts a range into pieces of adaptive size. Call `nextRequest` and `take` in turns until `done`. */
export class RangeChunks {
  readonly #request: etcdserverpb.RangeRequest
  readonly #targetBytes: number
  /** Keys still wanted; Infinity without limit. */
  #left: number
  #chunkKeys: number
  /** Of the first piece: what the last message reports. */
  #storeRevision = 0
  #count = 0
  #started = false
  #done = false

  /** `request` is given away. */
  constructor(request: etcdserverpb.RangeRequest, targetBytes: number) {
    this.#request = copyRange(request)
    // Without order by value and the like, key order is the only one that can be continued from piece to piece.
    this.#request.sortOrder = etcdserverpb.SortOrder.NONE
    this.#request.sortTarget = etcdserverpb.SortTarget.KEY
    this.#targetBytes = targetBytes
    this.#left = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY
    // A negative limit asks for everything in one message (as in etcd).
    this.#chunkKeys = request.limit < 0 ? Number.POSITIVE_INFINITY : Math.min(FIRST_CHUNK_KEYS, this.#left)
  }

  get done(): boolean {
    return this.#done
  }

  /** The first piece told how many keys there are in all; later ones need not count again. */
  get counted(): boolean {
    return this.#started
  }

  nextRequest(): etcdserverpb.RangeRequest {
    const request = copyRange(this.#request)
    request.limit = Number.isFinite(this.#chunkKeys) ? this.#chunkKeys : 0
    return request
  }

  /** Turns what was read into the message to send; `read` is given away. */
  take(read: etcdserverpb.RangeResponse): etcdserverpb.RangeResponse {
    if (!this.#started) {
      this.#started = true
      this.#storeRevision = read.header?.revision ?? 0
      this.#count = read.count
      if (this.#request.revision <= 0) this.#request.revision = this.#storeRevision
    }
    this.#left -= pairCount(read)
    this.#done = !read.more || this.#left <= 0 || this.#request.countOnly
    const response = onlyPairs(read)
    if (this.#done) {
      response.header = new etcdserverpb.ResponseHeader()
      response.header.revision = this.#storeRevision
      response.more = read.more
      response.count = this.#count
    } else {
      this.#request.key = keyAfter(read)
      this.#chunkKeys = Math.min(nextChunkKeys(this.#chunkKeys, sizeOf(read), this.#targetBytes), this.#left)
    }
    return response
  }
}

/** Doubles small pieces and halves large ones; at least one key. */
export function nextChunkKeys(keys: number, sizeBytes: number, targetBytes: number): number {
  if (sizeBytes < targetBytes / 2) return keys * 2
  if (sizeBytes > targetBytes * 2) return Math.max(1, Math.floor(keys / 2))
  return keys
}

/** The pairs of a response in one without anything else. */
function onlyPairs(read: etcdserverpb.RangeResponse): etcdserverpb.RangeResponse {
  if (read instanceof RangeAnswer) return new RangeAnswer(read.pairs)
  const response = new etcdserverpb.RangeResponse()
  response.kvs = read.kvs
  return response
}

/** Encoded size of the repeated field, up to two bytes for each pair. */
function sizeOf(read: etcdserverpb.RangeResponse): number {
  if (read instanceof RangeAnswer) return read.pairs.sizeBytes
  let bytes = 0
  for (const kv of read.kvs) bytes += kv.length + 3
  return bytes
}

/** The smallest key greater than that of the last pair. */
function keyAfter(read: etcdserverpb.RangeResponse): Uint8Array {
  const key = read instanceof RangeAnswer ? read.pairs.lastKey() : keyBytesOf(read.kvs.at(-1)!)
  const after = new Uint8Array(key.length + 1)
  after.set(key)
  return after
}

const copyRange = (request: etcdserverpb.RangeRequest): etcdserverpb.RangeRequest =>
  Object.assign(new etcdserverpb.RangeRequest(), request)
