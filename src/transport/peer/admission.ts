// Who may send to us: the handshake of every stream, and the streams of each member.

import type { MemberId } from '../../base/index.js'
import type { quoratepeer } from '../../proto/index.js'
import type { AcceptedStream, Admission } from './accepted-lane.js'
import type { PeerContext } from './context.js'
import { type Judge, PeerCode, judge, refusalLog } from './handshake.js'
import { PEER_LIMITS } from './limits.js'

/** What the list of members says. */
export interface MemberList {
  isRemoved(id: MemberId): boolean
  isMember(id: MemberId): boolean
  /** Answers a member that is in no list at these URLs, until `dropStranger`. False: there are too many. */
  adopt(id: MemberId, urls: readonly string[]): boolean
  dropStranger(id: MemberId): void
  /** A member can reach us, so we may reach it. */
  onHeard(id: MemberId): void
}

/** The same complaint about one member is repeated in the log after so long. */
const COMPLAIN_AGAIN_MS = 30_000
const COMPLAINTS_MAX = 256

export class AdmittedStreams implements Admission, Judge {
  readonly #context: PeerContext
  readonly #members: MemberList
  /** Streams that have not said whose they are. */
  readonly #nameless = new Set<AcceptedStream>()
  readonly #streams = new Map<MemberId, Set<AcceptedStream>>()
  readonly #complaints = new Map<string, number>()
  isReady = false
  #isClosed = false

  constructor(context: PeerContext, members: MemberList) {
    this.#context = context
    this.#members = members
  }

  /** False: there are too many that have not said whose they are. */
  add(stream: AcceptedStream): boolean {
    if (this.#isClosed || this.#nameless.size >= PEER_LIMITS.nameless) return false
    this.#nameless.add(stream)
    return true
  }

  admit(stream: AcceptedStream, hello: quoratepeer.Hello): PeerCode {
    const { options } = this.#context
    const code = judge(options, hello, stream.lane, this)
    if (code !== PeerCode.ACCEPTED) {
      this.#complain(code, hello)
      return code
    }
    this.#nameless.delete(stream)
    let streams = this.#streams.get(hello.fromId)
    if (streams === undefined) {
      streams = new Set()
      this.#streams.set(hello.fromId, streams)
    }
    streams.add(stream)
    // The dialer has given up the one before; we may not have noticed yet.
    for (const old of [...streams]) if (old !== stream && old.lane === stream.lane) old.goAway(PeerCode.CLOSING)
    this.#members.onHeard(hello.fromId)
    return code
  }

  forget(stream: AcceptedStream): void {
    this.#nameless.delete(stream)
    const streams = this.#streams.get(stream.from)
    if (streams === undefined || !streams.delete(stream) || streams.size > 0) return
    this.#streams.delete(stream.from)
    this.#members.dropStranger(stream.from)
  }

  /** Ends all streams of a member. */
  goAway(id: MemberId, code: PeerCode): void {
    for (const stream of [...(this.#streams.get(id) ?? [])]) stream.goAway(code)
  }

  check(nowMs: number, pausedMs: number): void {
    for (const stream of [...this.#nameless]) stream.check(nowMs, pausedMs)
    for (const streams of [...this.#streams.values()]) for (const stream of [...streams]) stream.check(nowMs, pausedMs)
  }

  close(): void {
    this.#isClosed = true
    for (const stream of [...this.#nameless]) stream.goAway(PeerCode.CLOSING)
    for (const id of [...this.#streams.keys()]) this.goAway(id, PeerCode.CLOSING)
  }

  // ---- what the handshake asks

  isRemoved(id: MemberId): boolean {
    return this.#members.isRemoved(id)
  }

  isMember(id: MemberId): boolean {
    return this.#members.isMember(id)
  }

  adopt(hello: quoratepeer.Hello): boolean {
    return this.#members.adopt(hello.fromId, hello.peerUrls)
  }

  hasOtherIncarnation(id: MemberId, incarnationId: bigint): boolean {
    for (const stream of this.#streams.get(id) ?? []) if (stream.incarnationId !== incarnationId) return true
    return false
  }

  #complain(code: PeerCode, hello: quoratepeer.Hello): void {
    // It passes by itself.
    if (code === PeerCode.NOT_READY) return
    const key = `${code} ${hello.fromId}`
    const nowMs = this.#context.nowMs()
    const lastMs = this.#complaints.get(key)
    if (lastMs !== undefined && nowMs - lastMs < COMPLAIN_AGAIN_MS) return
    if (this.#complaints.size >= COMPLAINTS_MAX) this.#complaints.clear()
    this.#complaints.set(key, nowMs)
    const [message, fields] = refusalLog(code, this.#context.options, hello)
    this.#context.options.logger.warn(message, fields)
  }
}
