// Sends one snapshot on a connection of its own: hello, the raft message, the data in chunks, its hash; then waits for the
// receiver to have it durably. Holds one chunk; the rest is not asked for before the receiver has room.
//
//   -> Hello            <- HelloAck
//   -> SnapshotBegin    <- SnapshotAccept: so many bytes may be on their way
//   -> SnapshotChunk*   <- SnapshotProgress*: so many were taken
//   -> SnapshotEnd      <- SnapshotResult

import { createHash } from 'node:crypto'
import { crc32c } from '@node-rs/crc32'
import { type MemberId, hexId } from '../../base/index.js'
import { Writer, quoratepeer, raftpb } from '../../proto/index.js'
import type { PeerContext } from './context.js'
import { type CallListener, DialedCall, type DialedChannel } from './dialed-call.js'
import { Lane, PeerCode, codeText, helloOf } from './handshake.js'
import { PEER_LIMITS } from './limits.js'

const { RaftService, SnapshotCode } = quoratepeer
const PATH = `/${RaftService.name}/${RaftService.methods.installSnapshot.name}`
const CHECK_MS = 500
/** More than a frame has beside the data of its chunk. */
const FRAME_HEAD_BYTES = 64

export class SnapshotSender implements CallListener<quoratepeer.SnapshotReply> {
  readonly #context: PeerContext
  readonly #to: MemberId
  readonly #url: string
  #channel: DialedChannel | undefined
  #call: DialedCall<quoratepeer.SnapshotReply> | undefined
  #problem: string | undefined
  #isAcknowledged = false
  #accept: quoratepeer.SnapshotAccept | undefined
  #result: quoratepeer.SnapshotResult | undefined
  #takenBytes = 0
  #sentBytes = 0
  #progressMs: number
  /** The one who waits for a change. */
  #wake: (() => void) | undefined

  constructor(context: PeerContext, to: MemberId, url: string) {
    this.#context = context
    this.#to = to
    this.#url = url
    this.#progressMs = context.nowMs()
  }

  /** Called once. True: the receiver has everything durably and has stepped the message. Never rejects. */
  async run(message: raftpb.Message, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<boolean> {
    const { logger, memberId, clock } = this.#context.options
    const instruments = this.#context.metrics.of(this.#to)
    const startMs = this.#context.nowMs()
    const onAbort = (): void => this.end('canceled')
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    const check = clock.every(CHECK_MS, () => this.#check())
    const fields = (): Record<string, unknown> => ({
      'local-member-id': hexId(memberId),
      'remote-peer-id': hexId(this.#to),
      'snapshot-index': message.snapshot?.metadata?.index ?? 0,
      bytes: this.#sentBytes,
    })
    logger.info('sending database snapshot', fields())
    const source = new ChunkSource(chunks)
    let isDone = false
    try {
      isDone = await this.#transfer(message, source)
    } catch (error) {
      this.#problem ??= error instanceof Error ? error.message : String(error)
    } finally {
      check.cancel()
      signal.removeEventListener('abort', onAbort)
      this.#call?.cancel()
      this.#channel?.cut()
    }
    const tookMs = this.#context.nowMs() - startMs
    const sourceProblem = await source.close()
    if (sourceProblem !== undefined) logger.warn('cannot close a snapshot', { error: sourceProblem })
    if (isDone) {
      logger.info('sent database snapshot', { ...fields(), took: `${Math.round(tookMs)}ms` })
      instruments.snapshotSent.inc()
      instruments.snapshotSendSeconds.observe(tookMs / 1000)
    } else {
      logger.warn('failed to send database snapshot', { ...fields(), error: this.#problem ?? 'ended' })
      instruments.snapshotSendFailures.inc()
    }
    return isDone
  }

  /** Gives the transfer up. */
  end(reason: string): void {
    this.#problem ??= reason
    this.#changed()
  }

  async #transfer(message: raftpb.Message, source: ChunkSource): Promise<boolean> {
    if (this.#problem !== undefined) return false
    this.#channel = this.#context.dial(this.#url)
    const call = new DialedCall(this.#channel.channel, PATH, quoratepeer.SnapshotReplyCodec, this)
    this.#call = call
    const frame = new quoratepeer.SnapshotFrame()
    frame.hello = helloOf(this.#context.options, Lane.LANE_SNAPSHOT, this.#to, this.#context.incarnationId)
    call.write(quoratepeer.SnapshotFrameCodec.encode(frame))
    await this.#until(() => this.#isAcknowledged && call.isWritable)
    const begin = new quoratepeer.SnapshotFrame()
    begin.begin = new quoratepeer.SnapshotBegin()
    begin.begin.raftMessage = raftpb.MessageCodec.encode(message)
    begin.begin.transferId = this.#context.options.random.uint64()
    call.write(quoratepeer.SnapshotFrameCodec.encode(begin))
    await this.#until(() => this.#accept !== undefined && call.isWritable)
    const windowBytes = Math.max(this.#accept?.windowBytes ?? 0, 1)
    const chunkBytes = Math.max(1, Math.min(this.#accept?.maxChunkBytes ?? 1, PEER_LIMITS.snapshotChunkBytes))

    const hash = createHash('sha256')
    const chunk = Buffer.allocUnsafeSlow(chunkBytes)
    // One memory for all frames, which the call lets go of when it is writable again. New ones would be another copy of all rows in
    // what V8 counts as external memory, beside LevelDB's and grpc-js', and a full collection follows on 64 MiB of it.
    const frames = new Writer(chunkBytes + FRAME_HEAD_BYTES)
    for (;;) {
      const sizeBytes = await this.#fill(source, chunk)
      if (sizeBytes === 0) break
      const data = chunk.subarray(0, sizeBytes)
      hash.update(data)
      const next = new quoratepeer.SnapshotFrame()
      next.chunk = new quoratepeer.SnapshotChunk()
      next.chunk.offset = this.#sentBytes
      next.chunk.data = data
      next.chunk.crc = crc32c(data)
      await this.#until(
        () =>
          call.isWritable &&
          (this.#sentBytes === this.#takenBytes || this.#sentBytes + sizeBytes - this.#takenBytes <= windowBytes),
      )
      frames.clear()
      quoratepeer.writeSnapshotFrame(frames, next)
      call.write(frames.view())
      this.#sentBytes += sizeBytes
      this.#context.metrics.of(this.#to).sentBytes.inc(sizeBytes)
      this.#progressMs = this.#context.nowMs()
    }
    await this.#until(() => call.isWritable)
    const last = new quoratepeer.SnapshotFrame()
    last.end = new quoratepeer.SnapshotEnd()
    last.end.totalBytes = this.#sentBytes
    last.end.sha256 = hash.digest()
    call.write(quoratepeer.SnapshotFrameCodec.encode(last))
    await this.#until(() => this.#result !== undefined)
    return this.#result?.code === SnapshotCode.SNAPSHOT_OK
  }

  /** Fills `chunk` from the source; answers how many bytes there were. */
  async #fill(source: ChunkSource, chunk: Buffer): Promise<number> {
    let filled = 0
    while (filled < chunk.length) {
      if (source.restBytes === 0) {
        const arrival = source.next()
        arrival.then(
          () => this.#changed(),
          () => this.#changed(),
        )
        await this.#until(() => !source.isPending)
        if (!(await arrival)) break
      }
      filled += source.take(chunk, filled)
    }
    return filled
  }

  /** Waits for a change that makes it true. @throws when the transfer is over instead. */
  async #until(condition: () => boolean): Promise<void> {
    while (this.#problem === undefined && !condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#problem !== undefined) throw new Error(this.#problem)
  }

  #changed(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  #check(): void {
    const idleMs = this.#context.nowMs() - this.#progressMs
    if (!this.#isAcknowledged && idleMs > this.#context.options.dialTimeoutMs) this.end('dial timeout')
    else if (idleMs > PEER_LIMITS.snapshotStallMs) this.end('no progress')
  }

  // ---- what the call tells

  onReply({ ack, accept, progress, result }: quoratepeer.SnapshotReply): void {
    if (ack !== undefined) {
      if (ack.code === PeerCode.ACCEPTED) this.#isAcknowledged = true
      else this.end(codeText(ack.code))
    } else if (accept !== undefined) this.#accept ??= accept
    else if (progress !== undefined) {
      // Never more than was sent, never back.
      if (progress.offset <= this.#takenBytes || progress.offset > this.#sentBytes) return
      this.#takenBytes = progress.offset
    } else if (result !== undefined) {
      this.#result ??= result
      if (result.code !== SnapshotCode.SNAPSHOT_OK) this.end(result.message)
    }
    this.#progressMs = this.#context.nowMs()
    this.#changed()
  }

  onWritable(): void {
    this.#changed()
  }

  onEnd(reason: string): void {
    if (this.#result === undefined) this.end(reason)
  }
}

/** The snapshot's data, taken in pieces of any size. */
class ChunkSource {
  readonly #iterator: AsyncIterator<Uint8Array>
  #rest: Uint8Array | undefined
  #isEnded = false
  /** `next` has not answered. */
  isPending = false

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#iterator = chunks[Symbol.asyncIterator]()
  }

  get restBytes(): number {
    return this.#rest?.length ?? 0
  }

  /** Only when there is no rest. False: there is nothing more. */
  async next(): Promise<boolean> {
    if (this.#isEnded) return false
    this.isPending = true
    try {
      const result = await this.#iterator.next()
      this.#isEnded = result.done === true
      this.#rest = result.done === true ? undefined : result.value
    } catch (error) {
      this.#isEnded = true
      throw error
    } finally {
      this.isPending = false
    }
    return !this.#isEnded
  }

  /** Copies what fits into `target` at `pos`; answers how much. */
  take(target: Uint8Array, pos: number): number {
    const rest = this.#rest
    if (rest === undefined) return 0
    const sizeBytes = Math.min(rest.length, target.length - pos)
    target.set(rest.subarray(0, sizeBytes), pos)
    this.#rest = rest.subarray(sizeBytes)
    return sizeBytes
  }

  /** Tells the source that no more is wanted; a source that hangs is not waited for. A text is what went wrong. */
  async close(): Promise<string | undefined> {
    if (this.#isEnded) return undefined
    const end = Promise.resolve(this.#iterator.return?.()).then(
      () => undefined,
      (error: unknown) => String(error),
    )
    return this.isPending ? undefined : end
  }
}
