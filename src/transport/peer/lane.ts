// One lane to one member: a connection of its own with one stream, dialled again whenever it breaks.
//
//   stopped --start--> dialing --ack--> open
//                         ^  \            |
//                      timer  refused,    broken
//                         |   failed      |
//                       waiting <---------+
//
// Messages are queued while the lane is dialing or open, and dropped while it waits: by then they would be stale. Forwarded
// proposals are kept for the next dial: they are sent once, and who waits for one would not learn that it was dropped.

import { type MemberId, hexId } from '../../base/index.js'
import type { Timer } from '../../env/index.js'
import { quoratepeer, type raftpb } from '../../proto/index.js'
import type { PeerContext } from './context.js'
import { type CallListener, DialedCall, type DialedChannel } from './dialed-call.js'
import { creditOf, helloFrame, pingFrame } from './frames.js'
import { PeerCode, codeText, helloOf } from './handshake.js'
import { LaneQueue } from './lane-queue.js'
import { PEER_LIMITS } from './limits.js'
import { isProposal, isUrgent, messageName } from './messages.js'
import type { PeerInstruments } from './peer-metrics.js'

export interface LaneOwner {
  readonly id: MemberId
  readonly urls: readonly string[]
  onOpen(lane: Lane): void
  /** It was open and is not any more. */
  onBroken(lane: Lane, reason: string): void
  /** Something was dropped; once per break. */
  onDropped(): void
  onRemoved(): void
  onRoundTrip(seconds: number, driftMs: number): void
}

export interface LaneKind {
  readonly lane: number
  /** In log lines. */
  readonly name: string
  readonly path: string
  readonly queueBytesMax: number
  /** Heartbeats and votes do not wait for credit. */
  readonly hasUrgent: boolean
}

const { Lane: LaneId, RaftService } = quoratepeer
const pathOf = (method: string): string => `/${RaftService.name}/${method}`

export const CONTROL_LANE: LaneKind = {
  lane: LaneId.LANE_CONTROL,
  name: 'control',
  path: pathOf(RaftService.methods.control.name),
  queueBytesMax: PEER_LIMITS.controlQueueBytes,
  hasUrgent: true,
}
export const APPEND_LANE: LaneKind = {
  lane: LaneId.LANE_APPEND,
  name: 'append',
  path: pathOf(RaftService.methods.append.name),
  queueBytesMax: PEER_LIMITS.appendQueueBytes,
  hasUrgent: false,
}

type State = 'stopped' | 'waiting' | 'dialing' | 'open'

/** The same complaint is repeated in the log after so long. */
const COMPLAIN_AGAIN_MS = 30_000

export class Lane implements CallListener<quoratepeer.LaneReply> {
  readonly #context: PeerContext
  readonly #owner: LaneOwner
  readonly #kind: LaneKind
  readonly #instruments: PeerInstruments
  readonly #queue: LaneQueue
  /** Heartbeats and votes while there is no credit. */
  readonly #urgent: LaneQueue
  readonly #batch: raftpb.Message[] = []
  #state: State = 'stopped'
  #channel: DialedChannel | undefined
  #call: DialedCall<quoratepeer.LaneReply> | undefined
  #redial: Timer | undefined
  #urlPos = 0
  #url = ''
  /** Since the dial began, or a frame was received. */
  #heardMs = 0
  #creditBytes = 0
  #seq = 0
  #pingNonce = 0n
  #pingSentMs = 0
  #isPingDue = false
  #isReported = false
  #complaint = ''
  #complainedMs = 0

  constructor(context: PeerContext, owner: LaneOwner, kind: LaneKind) {
    this.#context = context
    this.#owner = owner
    this.#kind = kind
    this.#instruments = context.metrics.of(owner.id)
    this.#queue = new LaneQueue(kind.queueBytesMax)
    this.#urgent = new LaneQueue(kind.queueBytesMax)
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** The address that answered, or is being tried. */
  get url(): string {
    return this.#url
  }

  /** Not dialled yet. */
  get isStopped(): boolean {
    return this.#state === 'stopped'
  }

  /** Dials unless it does already. */
  start(): void {
    if (this.#state === 'stopped' || this.#state === 'waiting') this.#dial()
  }

  /** Ends the lane for good; what waits is lost. Idempotent. */
  stop(): void {
    // An open one ends in good order.
    if (this.#state !== 'open') this.#channel?.cut()
    this.#hangUp()
    this.#state = 'stopped'
  }

  /** Queues the message for the next `flush`. */
  push(message: raftpb.Message): void {
    const isKept = this.#state === 'waiting' && isProposal(message.type)
    if (this.#state === 'open' || this.#state === 'dialing' || isKept) {
      const isFirst = this.#kind.hasUrgent && this.#creditBytes <= 0 && isUrgent(message.type)
      if ((isFirst ? this.#urgent : this.#queue).push(message)) return
      this.#context.options.logger.warn('dropped internal Raft message since sending buffer is full', {
        'message-type': messageName(message.type),
        'local-member-id': hexId(this.#context.options.memberId),
        'remote-peer-id': hexId(this.#owner.id),
        'remote-peer-active': this.#state === 'open',
      })
    }
    this.#drop(1)
  }

  /** Sends what may go. */
  flush(): void {
    if (this.#state !== 'open') return
    const call = this.#call!
    while (call.isWritable) {
      if (this.#isPingDue) this.#ping(call)
      else if (this.#urgent.length > 0) this.#write(call, this.#urgent)
      else if (this.#queue.length > 0 && this.#creditBytes > 0) this.#write(call, this.#queue)
      else return
    }
  }

  /** Called every now and then; for `pausedMs` of the time in between this process itself stood still. */
  check(nowMs: number, pausedMs: number): void {
    this.#heardMs += pausedMs
    if (this.#state === 'dialing') {
      if (nowMs - this.#heardMs > this.#context.options.dialTimeoutMs) this.#fail('dial timeout', PEER_LIMITS.redialMs)
    } else if (this.#state === 'open') {
      if (nowMs - this.#heardMs > PEER_LIMITS.silenceMs) this.#fail('no answer', PEER_LIMITS.redialMs)
      else if (nowMs - this.#pingSentMs >= PEER_LIMITS.pingMs) {
        this.#isPingDue = true
        this.flush()
      }
    }
  }

  // ---- what the call tells

  onReply(reply: quoratepeer.LaneReply): void {
    this.#heardMs = this.#context.nowMs()
    const { ack, credit, pong, goAway } = reply
    if (ack !== undefined) {
      if (this.#state === 'dialing') this.#onAck(ack)
    } else if (goAway !== undefined) {
      // Before the ack nothing says that it comes from a member of our cluster.
      if (this.#state === 'open') this.#onRefusal(goAway.code, goAway.message, 0)
      else this.#fail('bad answer', PEER_LIMITS.redialMs)
    } else if (this.#state === 'open' && credit !== undefined) {
      this.#creditBytes += credit.addBytes
      this.flush()
    } else if (this.#state === 'open' && pong !== undefined) this.#onPong(pong)
  }

  onWritable(): void {
    this.flush()
  }

  onEnd(reason: string): void {
    this.#fail(reason, PEER_LIMITS.redialMs)
  }

  // ---- dialling

  #dial(): void {
    this.#redial?.cancel()
    this.#redial = undefined
    const { urls } = this.#owner
    const { options } = this.#context
    if (urls.length === 0) {
      this.#state = 'waiting'
      return
    }
    this.#state = 'dialing'
    this.#heardMs = this.#context.nowMs()
    this.#url = urls[this.#urlPos % urls.length]!
    try {
      this.#channel = this.#context.dial(this.#url)
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error), PEER_LIMITS.refusedRedialMs)
      return
    }
    this.#call = new DialedCall(this.#channel.channel, this.#kind.path, quoratepeer.LaneReplyCodec, this)
    this.#call.write(helloFrame(helloOf(options, this.#kind.lane, this.#owner.id, this.#context.incarnationId)))
  }

  #onAck(ack: quoratepeer.HelloAck): void {
    const { options } = this.#context
    if (ack.code !== PeerCode.ACCEPTED) {
      const isOurs = ack.clusterId === options.clusterId && ack.memberId === this.#owner.id
      if (ack.code === PeerCode.MEMBER_REMOVED && !isOurs) this.#fail('bad answer', PEER_LIMITS.refusedRedialMs)
      else this.#onRefusal(ack.code, ack.message, ack.retryAfterMs, ack)
      return
    }
    if (ack.clusterId !== options.clusterId || ack.memberId !== this.#owner.id) {
      this.#fail('answer of another member', PEER_LIMITS.redialMs)
      return
    }
    this.#state = 'open'
    this.#creditBytes = ack.creditBytes
    this.#seq = 0
    this.#pingSentMs = this.#heardMs
    this.#isReported = false
    this.#complaint = ''
    options.logger.info('established TCP streaming connection with remote peer', {
      'stream-writer-type': this.#kind.name,
      'local-member-id': hexId(options.memberId),
      'remote-peer-id': hexId(this.#owner.id),
    })
    this.#owner.onOpen(this)
    this.flush()
  }

  #onRefusal(code: number, text: string, retryAfterMs: number, ack?: quoratepeer.HelloAck): void {
    const { options } = this.#context
    const remote = hexId(this.#owner.id)
    let delayMs: number = PEER_LIMITS.redialMs
    if (code === PeerCode.INCOMPATIBLE_VERSION) {
      delayMs = PEER_LIMITS.refusedRedialMs
      this.#complain('request sent was ignored by remote peer due to server version incompatibility', {
        'remote-peer-id': remote,
        'remote-peer-server-version': ack?.serverVersion,
        error: codeText(code),
      })
    } else if (code === PeerCode.CLUSTER_ID_MISMATCH) {
      delayMs = PEER_LIMITS.refusedRedialMs
      this.#complain('request sent was ignored by remote peer due to cluster ID mismatch', {
        'remote-peer-id': remote,
        'remote-peer-cluster-id': ack === undefined ? undefined : hexId(ack.clusterId),
        'local-member-cluster-id': hexId(options.clusterId),
        error: codeText(code),
      })
    } else if (code !== PeerCode.CLOSING) {
      if (retryAfterMs > 0) delayMs = Math.min(retryAfterMs, PEER_LIMITS.silenceMs)
      this.#complain('request sent was ignored by remote peer', { 'remote-peer-id': remote, error: codeText(code) })
    }
    if (code === PeerCode.MEMBER_REMOVED) {
      this.#fail(text, PEER_LIMITS.refusedRedialMs)
      this.#owner.onRemoved()
    } else this.#fail(text, delayMs)
  }

  #complain(message: string, fields: Readonly<Record<string, unknown>>): void {
    const nowMs = this.#context.nowMs()
    if (this.#complaint === message && nowMs - this.#complainedMs < COMPLAIN_AGAIN_MS) return
    this.#complaint = message
    this.#complainedMs = nowMs
    this.#context.options.logger.warn(message, { 'local-member-id': hexId(this.#context.options.memberId), ...fields })
  }

  #fail(reason: string, delayMs: number): void {
    if (this.#state !== 'open' && this.#state !== 'dialing') return
    const wasOpen = this.#state === 'open'
    this.#channel?.cut()
    const dropped = this.#hangUp()
    this.#state = 'waiting'
    if (!wasOpen) this.#urlPos++
    if (wasOpen || dropped > 0) this.#drop(dropped)
    this.#redial = this.#context.options.clock.after(this.#context.jittered(delayMs), () => this.start())
    if (!wasOpen) return
    this.#context.options.logger.warn('lost TCP streaming connection with remote peer', {
      'stream-writer-type': this.#kind.name,
      'local-member-id': hexId(this.#context.options.memberId),
      'remote-peer-id': hexId(this.#owner.id),
      error: reason,
    })
    this.#owner.onBroken(this, reason)
  }

  /** Ends the connection without a word to anybody; answers how many messages were lost. */
  #hangUp(): number {
    this.#redial?.cancel()
    this.#redial = undefined
    this.#call?.cancel()
    this.#call = undefined
    this.#channel?.close()
    this.#channel = undefined
    this.#isPingDue = false
    this.#pingNonce = 0n
    this.#creditBytes = 0
    return this.#queue.clear() + this.#urgent.clear()
  }

  // ---- sending

  #write(call: DialedCall<quoratepeer.LaneReply>, queue: LaneQueue): void {
    queue.take(this.#batch)
    const frame = this.#context.batches.write(this.#batch, ++this.#seq)
    this.#batch.length = 0
    this.#creditBytes -= creditOf(frame.length)
    this.#instruments.sentBytes.inc(frame.length)
    // What was dropped because the queue was full is over once there is room again.
    if (this.#isReported && queue.length === 0) this.#isReported = false
    call.write(frame)
  }

  #drop(count: number): void {
    if (count > 0) this.#instruments.sentFailures.inc(count)
    if (this.#isReported) return
    this.#isReported = true
    this.#owner.onDropped()
  }

  // ---- signs of life

  #ping(call: DialedCall<quoratepeer.LaneReply>): void {
    this.#isPingDue = false
    this.#pingNonce++
    this.#pingSentMs = this.#context.nowMs()
    call.write(pingFrame(this.#pingNonce))
  }

  #onPong(pong: quoratepeer.Pong): void {
    if (pong.nonce !== this.#pingNonce || this.#kind.lane !== LaneId.LANE_CONTROL) return
    const { clock } = this.#context.options
    const roundTripMs = this.#heardMs - this.#pingSentMs
    this.#owner.onRoundTrip(roundTripMs / 1000, clock.wallMs() - roundTripMs / 2 - pong.unixMs)
  }
}
