// Takes in one snapshot that another member sends. What arrives waits in a short queue that the sender's window bounds, goes
// to the receipt chunk by chunk, and counts only when its length and hash are those that the sender says at the end.

import { createHash } from 'node:crypto'
import { crc32c } from '@node-rs/crc32'
import { type MemberId, NO_MEMBER, RingQueue, equalBytes, hexId } from '../../base/index.js'
import {
  type CancelCause,
  Code,
  type PeerReceiver,
  type SnapshotReceipt,
  type StreamCall,
  type StreamHandler,
} from '../../env/index.js'
import { MalformedMessage, quoratepeer, raftpb } from '../../proto/index.js'
import type { AcceptedStream, Admission } from './accepted-lane.js'
import type { PeerContext } from './context.js'
import { Lane, PeerCode, ackOf, codeText } from './handshake.js'
import { PEER_LIMITS } from './limits.js'

const { SnapshotCode, SnapshotReply } = quoratepeer

/** What all incoming snapshots of a server share. */
export class SnapshotDesk {
  readonly #tasks = new Set<Promise<void>>()
  /** Undefined before the network is open, and after. */
  receiver: PeerReceiver<raftpb.Message> | undefined
  active = 0

  /** `close` waits for it. */
  track(task: Promise<void>): void {
    this.#tasks.add(task)
    void task.finally(() => this.#tasks.delete(task))
  }

  /** Resolves when no receipt is open. */
  async idle(): Promise<void> {
    await Promise.all(this.#tasks)
  }
}

/** Why a transfer failed, for the sender. */
class TransferFailed extends Error {
  override readonly name = 'TransferFailed'
  readonly code: quoratepeer.SnapshotCode

  constructor(code: quoratepeer.SnapshotCode, message: string) {
    super(message)
    this.code = code
  }
}

type Step = quoratepeer.SnapshotChunk | quoratepeer.SnapshotEnd

export class AcceptedSnapshot implements StreamHandler<quoratepeer.SnapshotFrame>, AcceptedStream {
  readonly lane = Lane.LANE_SNAPSHOT
  readonly #context: PeerContext
  readonly #call: StreamCall<quoratepeer.SnapshotReply>
  readonly #admission: Admission
  readonly #desk: SnapshotDesk
  readonly #queue = new RingQueue<Step>()
  #queuedBytes = 0
  #isAdmitted = false
  #hasBegun = false
  /** The stream is over. */
  #isOver = false
  #problem: TransferFailed | undefined
  #wake: (() => void) | undefined
  #progressMs: number
  from: MemberId = NO_MEMBER
  incarnationId = 0n

  constructor(
    context: PeerContext,
    call: StreamCall<quoratepeer.SnapshotReply>,
    admission: Admission,
    desk: SnapshotDesk,
  ) {
    this.#context = context
    this.#call = call
    this.#admission = admission
    this.#desk = desk
    this.#progressMs = context.nowMs()
  }

  goAway(code: PeerCode): void {
    this.#stop(SnapshotCode.SNAPSHOT_CANCELLED, codeText(code))
  }

  check(nowMs: number, pausedMs: number): void {
    this.#progressMs += pausedMs
    const limitMs = this.#hasBegun ? PEER_LIMITS.snapshotStallMs : PEER_LIMITS.silenceMs
    if (nowMs - this.#progressMs > limitMs) this.#stop(SnapshotCode.SNAPSHOT_CANCELLED, 'no progress')
  }

  // ---- what the sender sends

  onMessage({ hello, begin, chunk, end }: quoratepeer.SnapshotFrame): void {
    if (this.#isOver || this.#problem !== undefined) return
    this.#progressMs = this.#context.nowMs()
    if (!this.#isAdmitted) {
      if (hello === undefined) this.#refuse('no hello')
      else this.#onHello(hello)
    } else if (!this.#hasBegun) {
      if (begin === undefined) this.#refuse('no begin')
      else this.#onBegin(begin)
    } else if (chunk !== undefined) {
      this.#context.metrics.of(this.from).receivedBytes.inc(chunk.data.length)
      this.#queuedBytes += costOf(chunk)
      if (this.#queuedBytes > PEER_LIMITS.snapshotWindowBytes + PEER_LIMITS.snapshotChunkBytes) {
        this.#refuse('more than the window')
      } else this.#enqueue(chunk)
    } else if (end !== undefined) this.#enqueue(end)
    else this.#refuse('an unexpected frame')
  }

  onHalfClose(): void {
    this.#stop(SnapshotCode.SNAPSHOT_CANCELLED, 'ended by the sender')
  }

  onCancel(_cause: CancelCause): void {
    this.#leave()
    this.#fail(SnapshotCode.SNAPSHOT_CANCELLED, 'the stream broke')
  }

  onDrain(): void {
    // Answers are few and small; nobody waits for room.
  }

  // ----

  #onHello(hello: quoratepeer.Hello): void {
    this.from = hello.fromId
    this.incarnationId = hello.incarnationId
    const code = this.#admission.admit(this, hello)
    this.#isAdmitted = code === PeerCode.ACCEPTED
    const reply = new SnapshotReply()
    reply.ack = ackOf(this.#context.options, code, 0)
    this.#call.send(reply)
    if (!this.#isAdmitted) this.#end()
  }

  #onBegin(begin: quoratepeer.SnapshotBegin): void {
    this.#hasBegun = true
    const { memberId } = this.#context.options
    let message: raftpb.Message
    try {
      message = raftpb.MessageCodec.decode(begin.raftMessage)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.#refuse('a malformed message')
      return
    }
    const isSnapshot = message.type === raftpb.MessageType.MsgSnap && message.snapshot?.metadata !== undefined
    if (!isSnapshot || message.to !== memberId || message.from !== this.from) {
      this.#refuse('a message that is no snapshot, not for this member, or not of its sender')
      return
    }
    this.#desk.track(this.#receive(message, begin.transferId))
  }

  /** Never rejects. */
  async #receive(message: raftpb.Message, transferId: bigint): Promise<void> {
    const { logger, memberId } = this.#context.options
    const instruments = this.#context.metrics.of(this.from)
    const startMs = this.#context.nowMs()
    const fields = {
      'local-member-id': hexId(memberId),
      'remote-snapshot-sender-id': hexId(this.from),
      'incoming-snapshot-index': message.snapshot?.metadata?.index ?? 0,
    }
    const desk = this.#desk
    instruments.snapshotsReceiving.set(1)
    desk.active++
    try {
      if (desk.active > PEER_LIMITS.snapshots)
        throw new TransferFailed(SnapshotCode.SNAPSHOT_BUSY, 'too many snapshots')
      const receipt = await desk.receiver?.beginSnapshot(message)
      if (receipt === undefined) throw new TransferFailed(SnapshotCode.SNAPSHOT_REFUSED, 'the snapshot is not wanted')
      logger.info('receiving database snapshot', fields)
      const sizeBytes = await this.#write(receipt, transferId)
      logger.info('successfully received and saved database snapshot', { ...fields, 'snapshot-size-bytes': sizeBytes })
      instruments.snapshotReceived.inc()
      instruments.snapshotReceiveSeconds.observe((this.#context.nowMs() - startMs) / 1000)
      this.#finish(SnapshotCode.SNAPSHOT_OK, '', sizeBytes)
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      logger.warn('failed to save incoming database snapshot', { ...fields, error: text })
      instruments.snapshotReceiveFailures.inc()
      this.#finish(error instanceof TransferFailed ? error.code : SnapshotCode.SNAPSHOT_IO_ERROR, text, 0)
    } finally {
      desk.active--
      instruments.snapshotsReceiving.set(0)
    }
  }

  /** Everything from the first chunk to the finished receipt. Answers the size. */
  async #write(receipt: SnapshotReceipt, transferId: bigint): Promise<number> {
    let sizeBytes: number
    try {
      sizeBytes = await this.#copy(receipt, transferId)
      if (this.#problem !== undefined) throw this.#problem
    } catch (error) {
      await receipt.abort()
      throw error
    }
    await receipt.finish()
    return sizeBytes
  }

  /** Writes and verifies all chunks. */
  async #copy(receipt: SnapshotReceipt, transferId: bigint): Promise<number> {
    const reply = new SnapshotReply()
    reply.accept = new quoratepeer.SnapshotAccept()
    reply.accept.transferId = transferId
    reply.accept.windowBytes = PEER_LIMITS.snapshotWindowBytes
    reply.accept.maxChunkBytes = PEER_LIMITS.snapshotChunkBytes
    if (!this.#isOver) this.#call.send(reply)
    const hash = createHash('sha256')
    let takenBytes = 0
    let toldBytes = 0
    for (;;) {
      const step = await this.#next()
      if (step instanceof quoratepeer.SnapshotEnd) {
        if (step.totalBytes === takenBytes && equalBytes(step.sha256, hash.digest())) return takenBytes
        throw wrongHash()
      }
      const { data } = step
      if (step.offset !== takenBytes || crc32c(data) !== step.crc) throw wrongHash()
      hash.update(data)
      await receipt.write(data)
      takenBytes += data.length
      this.#queuedBytes -= costOf(step)
      this.#progressMs = this.#context.nowMs()
      if (takenBytes - toldBytes < PEER_LIMITS.snapshotProgressBytes || this.#isOver) continue
      const progress = new SnapshotReply()
      progress.progress = new quoratepeer.SnapshotProgress()
      progress.progress.offset = toldBytes = takenBytes
      this.#call.send(progress)
    }
  }

  async #next(): Promise<Step> {
    for (;;) {
      if (this.#problem !== undefined) throw this.#problem
      const step = this.#queue.shift()
      if (step !== undefined) return step
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #enqueue(step: Step): void {
    this.#queue.push(step)
    this.#wakeUp()
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  #refuse(reason: string): void {
    this.#fail(SnapshotCode.SNAPSHOT_REFUSED, reason)
    if (this.#isOver) return
    this.#call.fail({ code: Code.invalidArgument, message: `peer: ${reason}` })
    this.#leave()
  }

  #stop(code: quoratepeer.SnapshotCode, reason: string): void {
    this.#fail(code, reason)
    this.#finish(code, reason, 0)
  }

  #fail(code: quoratepeer.SnapshotCode, reason: string): void {
    this.#problem ??= new TransferFailed(code, reason)
    this.#queue.clear()
    this.#wakeUp()
  }

  #finish(code: quoratepeer.SnapshotCode, text: string, receivedBytes: number): void {
    if (this.#isOver) return
    const reply = new SnapshotReply()
    reply.result = new quoratepeer.SnapshotResult()
    reply.result.code = code
    reply.result.message = text
    reply.result.receivedBytes = receivedBytes
    this.#call.send(reply)
    this.#end()
  }

  #end(): void {
    if (this.#isOver) return
    this.#call.end()
    this.#leave()
  }

  #leave(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#admission.forget(this)
  }
}

/** Of a chunk that waits: also empty ones have to end somewhere. */
const costOf = (chunk: quoratepeer.SnapshotChunk): number => chunk.data.length + 64

const wrongHash = (): TransferFailed =>
  new TransferFailed(SnapshotCode.SNAPSHOT_CHECKSUM, 'what arrived is not what was sent')
