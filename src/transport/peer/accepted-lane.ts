// The other end of a lane: one stream that another member dialled.

import { type MemberId, NO_MEMBER, hexId } from '../../base/index.js'
import { type CancelCause, Code, type StreamCall, type StreamHandler } from '../../env/index.js'
import { quoratepeer } from '../../proto/index.js'
import type { PeerContext } from './context.js'
import { ReceivedBatch, type ReceivedFrame, creditOf } from './frames.js'
import { PeerCode, ackOf, codeText } from './handshake.js'
import type { BatchSource, Inbox } from './inbox.js'
import { PEER_LIMITS } from './limits.js'
import type { PeerInstruments } from './peer-metrics.js'

/** Any stream of another member, as the one who admits them sees it. */
export interface AcceptedStream {
  readonly lane: number
  readonly from: MemberId
  readonly incarnationId: bigint
  /** Ends the stream with a word to its dialer. Idempotent. */
  goAway(code: PeerCode): void
  /** Ends a stream that has been silent for too long, not counting `pausedMs` in which this process stood still. */
  check(nowMs: number, pausedMs: number): void
}

export interface Admission {
  /** Judges the dialer and, when it is accepted, keeps `stream`. */
  admit(stream: AcceptedStream, hello: quoratepeer.Hello): PeerCode
  /** The stream is over, admitted or not. Once. */
  forget(stream: AcceptedStream): void
}

const STREAM_BROKEN = { code: Code.invalidArgument, message: 'peer: not the frames of a member' } as const
const STREAM_OVERFLOW = { code: Code.resourceExhausted, message: 'peer: sent more than its credit' } as const

export class AcceptedLane implements StreamHandler<ReceivedFrame>, BatchSource, AcceptedStream {
  readonly lane: number
  readonly #context: PeerContext
  readonly #call: StreamCall<quoratepeer.LaneReply>
  readonly #admission: Admission
  readonly #inbox: Inbox
  readonly #creditBytes: number
  readonly #isControl: boolean
  #instruments: PeerInstruments | undefined
  #isOver = false
  #heardMs: number
  /** Received and not decoded. */
  #heldBytes = 0
  /** Decoded and not given back. */
  #owedBytes = 0
  from: MemberId = NO_MEMBER
  incarnationId = 0n

  constructor(
    context: PeerContext,
    lane: number,
    call: StreamCall<quoratepeer.LaneReply>,
    admission: Admission,
    inbox: Inbox,
  ) {
    this.#context = context
    this.lane = lane
    this.#call = call
    this.#admission = admission
    this.#inbox = inbox
    this.#isControl = lane === quoratepeer.Lane.LANE_CONTROL
    this.#creditBytes = this.#isControl ? PEER_LIMITS.controlCreditBytes : PEER_LIMITS.appendCreditBytes
    this.#heardMs = context.nowMs()
  }

  get isOpen(): boolean {
    return !this.#isOver
  }

  check(nowMs: number, pausedMs: number): void {
    this.#heardMs += pausedMs
    if (nowMs - this.#heardMs > PEER_LIMITS.silenceMs) this.#leave(() => this.#call.end())
  }

  goAway(code: PeerCode): void {
    this.#leave(() => {
      const reply = new quoratepeer.LaneReply()
      reply.goAway = new quoratepeer.GoAway()
      reply.goAway.code = code
      reply.goAway.message = codeText(code)
      this.#call.send(reply)
      this.#call.end()
    })
  }

  // ---- what the dialer sends

  onMessage(frame: ReceivedFrame): void {
    if (this.#isOver) return
    this.#heardMs = this.#context.nowMs()
    if (this.#instruments === undefined) {
      if (frame instanceof ReceivedBatch || frame.hello === undefined) this.#refuse('no hello')
      else this.#onHello(frame.hello)
    } else if (frame instanceof ReceivedBatch) this.#onBatch(frame, this.#instruments)
    else if (frame.ping !== undefined) this.#onPing(frame.ping)
    else if (frame.hello !== undefined) this.#refuse('a second hello')
    else if (frame.goAway !== undefined) this.#leave(() => this.#call.end())
  }

  onHalfClose(): void {
    this.#leave(() => this.#call.end())
  }

  onCancel(_cause: CancelCause): void {
    this.#leave(() => undefined)
  }

  onDrain(): void {
    // Answers are few and small; nobody waits for room.
  }

  // ---- what the inbox tells

  onConsumed(batch: ReceivedBatch): void {
    const credit = creditOf(batch.sizeBytes)
    this.#heldBytes -= credit
    this.#owedBytes += credit
    if (this.#owedBytes < this.#creditBytes / 4 || this.#isOver) return
    const reply = new quoratepeer.LaneReply()
    reply.credit = new quoratepeer.Credit()
    reply.credit.consumedSeq = batch.seq
    reply.credit.addBytes = this.#owedBytes
    this.#owedBytes = 0
    this.#call.send(reply)
  }

  onBadBatch(reason: string): void {
    this.#instruments?.receivedFailures.inc()
    this.#refuse(reason)
  }

  onOverflow(): void {
    this.#instruments?.receivedFailures.inc()
  }

  // ----

  #onHello(hello: quoratepeer.Hello): void {
    this.from = hello.fromId
    this.incarnationId = hello.incarnationId
    const code = this.#admission.admit(this, hello)
    if (code === PeerCode.ACCEPTED) this.#instruments = this.#context.metrics.of(hello.fromId)
    const reply = new quoratepeer.LaneReply()
    reply.ack = ackOf(this.#context.options, code, code === PeerCode.ACCEPTED ? this.#creditBytes : 0)
    this.#call.send(reply)
    if (code !== PeerCode.ACCEPTED) this.#leave(() => this.#call.end())
  }

  #onBatch(batch: ReceivedBatch, instruments: PeerInstruments): void {
    instruments.receivedBytes.inc(batch.sizeBytes)
    // A sender overdraws its credit by one frame at most, and by what is urgent.
    const boundBytes = this.#creditBytes + this.#context.frameBytesMax + PEER_LIMITS.urgentBytes
    if (this.#heldBytes > boundBytes) {
      this.#leave(() => this.#call.fail(STREAM_OVERFLOW))
      return
    }
    this.#heldBytes += creditOf(batch.sizeBytes)
    this.#inbox.push(this, batch, this.#isControl)
  }

  #onPing(ping: quoratepeer.Ping): void {
    const reply = new quoratepeer.LaneReply()
    reply.pong = new quoratepeer.Pong()
    reply.pong.nonce = ping.nonce
    reply.pong.unixMs = Math.max(0, Math.round(this.#context.options.clock.wallMs()))
    this.#call.send(reply)
  }

  #refuse(reason: string): void {
    const { logger, memberId } = this.#context.options
    logger.warn('closed a stream that sent what members do not send', {
      'local-member-id': hexId(memberId),
      'remote-peer-id': hexId(this.from),
      'remote-address': this.#call.peer,
      error: reason,
    })
    this.#leave(() => this.#call.fail(STREAM_BROKEN))
  }

  #leave(end: () => void): void {
    if (this.#isOver) return
    this.#isOver = true
    end()
    this.#admission.forget(this)
  }
}
