// What arrived on all lanes and waits to be decoded. Of what is here, control goes before appends and proposals of others come
// last; lanes are connections of their own, so one callback need not bring all that another member sent. Decoding gives way to
// the event loop every few milliseconds.

import { type MemberId, RingQueue } from '../../base/index.js'
import type { Clock, PeerReceiver } from '../../env/index.js'
import { MalformedMessage, raftpb } from '../../proto/index.js'
import type { ReceivedBatch } from './frames.js'
import { PEER_LIMITS } from './limits.js'
import { isForLanes, isForwarded } from './messages.js'

/** The stream that a batch came on. */
export interface BatchSource {
  readonly from: MemberId
  readonly isOpen: boolean
  /** The batch is decoded. */
  onConsumed(batch: ReceivedBatch): void
  /** The batch is not what members send each other. */
  onBadBatch(reason: string): void
  /** A proposal was dropped. */
  onOverflow(): void
}

interface Item {
  readonly source: BatchSource
  readonly batch: ReceivedBatch
}

export class Inbox {
  readonly #self: MemberId
  readonly #clock: Clock
  readonly #control = new RingQueue<Item>()
  readonly #appends = new RingQueue<Item>()
  readonly #proposals = new RingQueue<raftpb.Message>()
  #receiver: PeerReceiver<raftpb.Message> | undefined
  #isScheduled = false
  readonly #run = (): void => this.#decode()

  constructor(self: MemberId, clock: Clock) {
    this.#self = self
    this.#clock = clock
  }

  open(receiver: PeerReceiver<raftpb.Message>): void {
    this.#receiver = receiver
  }

  /** Nothing is handed on any more. */
  close(): void {
    this.#receiver = undefined
    this.#control.clear()
    this.#appends.clear()
    this.#proposals.clear()
  }

  /** Bounded by the credit of the source. */
  push(source: BatchSource, batch: ReceivedBatch, isControl: boolean): void {
    const queue = isControl ? this.#control : this.#appends
    queue.push({ source, batch })
    this.#schedule()
  }

  /** After the current callback: a turn later, what is answered would leave two turns later. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#clock.afterCallback(this.#run)
  }

  #decode(): void {
    this.#isScheduled = false
    const receiver = this.#receiver
    if (receiver === undefined) return
    const endMs = this.#clock.monotonicMs() + PEER_LIMITS.decodeMs
    const messages: raftpb.Message[] = []
    while (this.#control.length > 0 || this.#appends.length > 0) {
      const queue = this.#control.length > 0 ? this.#control : this.#appends
      if (this.#take(queue.peek()!, messages, endMs)) queue.shift()
      if (this.#clock.monotonicMs() >= endMs) break
    }
    for (let i = 0; i < PEER_LIMITS.proposalsPerTurn && this.#proposals.length > 0; i++) {
      messages.push(this.#proposals.shift()!)
    }
    if (this.#control.length > 0 || this.#appends.length > 0 || this.#proposals.length > 0) {
      this.#isScheduled = true
      this.#clock.soon(this.#run)
    }
    if (messages.length > 0) receiver.onMessages(messages)
  }

  /** True: the batch is done. */
  #take({ source, batch }: Item, messages: raftpb.Message[], endMs: number): boolean {
    if (!source.isOpen) return true
    try {
      for (let message = batch.next(); message !== undefined; message = batch.next()) {
        if (message.to !== this.#self || !isForLanes(message.type) || !this.#isFrom(message, source)) {
          source.onBadBatch('a message that is not for this member, or not of its sender')
          return true
        }
        if (message.type !== raftpb.MessageType.MsgProp) messages.push(message)
        else if (this.#proposals.length < PEER_LIMITS.proposals) this.#proposals.push(message)
        else source.onOverflow()
        if (this.#clock.monotonicMs() >= endMs) return false
      }
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      source.onBadBatch('a malformed message')
      return true
    }
    source.onConsumed(batch)
    return true
  }

  #isFrom(message: raftpb.Message, source: BatchSource): boolean {
    return message.from === source.from || isForwarded(message.type)
  }
}
