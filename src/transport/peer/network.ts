// The links between the members of a cluster, as consensus and the running member use them.
//
// Every member dials every other and sends only on the streams that it dialled; the answers on them carry the handshake,
// credit and signs of life. So two members are joined by streams in both directions, and no dial needs to yield to another.

import { type MemberId, hexId } from '../../base/index.js'
import {
  Code,
  type PeerEndpoint,
  type PeerReceiver,
  PeerUnavailable,
  type QueryMethod,
  type Service,
  type StreamCall,
  type StreamHandler,
  type Timer,
  streamMethod,
} from '../../env/index.js'
import { quoratepeer, type raftpb } from '../../proto/index.js'
import { AcceptedLane } from './accepted-lane.js'
import { AdmittedStreams, type MemberList } from './admission.js'
import { type NetworkHooks, PeerContext } from './context.js'
import { type ReceivedFrame, receivedFrameCodec } from './frames.js'
import { PeerCode } from './handshake.js'
import { Inbox } from './inbox.js'
import { PEER_LIMITS } from './limits.js'
import { isForLanes } from './messages.js'
import type { PeerNetworkOptions, RaftNetwork } from './options.js'
import { Peer } from './peer.js'
import { AcceptedSnapshot, SnapshotDesk } from './snapshot-receiver.js'
import { SnapshotSender } from './snapshot-sender.js'

const { RaftService, QueryService } = quoratepeer

/** The loop itself stood still for so long: what looks like silence of the others is not. */
const OWN_PAUSE_MS = 1000

export const createPeerNetwork = (options: PeerNetworkOptions): RaftNetwork => new GrpcPeerNetwork(options)

class GrpcPeerNetwork implements RaftNetwork, NetworkHooks, MemberList {
  readonly services: readonly Service[]
  readonly #context: PeerContext
  readonly #inbox: Inbox
  readonly #admitted: AdmittedStreams
  readonly #peers = new Map<MemberId, Peer>()
  #removed: ReadonlySet<MemberId> = new Set()
  #receiver: PeerReceiver<raftpb.Message> | undefined
  readonly #unreachable = new Set<MemberId>()
  readonly #desk = new SnapshotDesk()
  readonly #senders = new Map<MemberId, { readonly sender: SnapshotSender; readonly task: Promise<boolean> }>()
  #check: Timer | undefined
  #checkedMs = 0
  #isFlushDue = false
  #isClosed = false
  #closing: Promise<void> | undefined
  #wasRemoved = false

  constructor(options: PeerNetworkOptions) {
    this.#context = new PeerContext(options)
    this.#inbox = new Inbox(options.memberId, options.clock)
    this.#admitted = new AdmittedStreams(this.#context, this)
    this.services = [this.#raftService()]
  }

  open(receiver: PeerReceiver<raftpb.Message>): void {
    if (this.#isClosed || this.#receiver !== undefined) return
    this.#receiver = receiver
    this.#inbox.open(receiver)
    this.#desk.receiver = receiver
    this.#admitted.isReady = true
    this.#checkedMs = this.#context.nowMs()
    this.#check = this.#context.options.clock.every(PEER_LIMITS.checkMs, () => this.#checkAll())
    for (const peer of this.#peers.values()) peer.start()
  }

  // ---- sending

  send(messages: readonly raftpb.Message[]): void {
    if (this.#isClosed) return
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i]!
      const peer = this.#peers.get(message.to)
      if (peer !== undefined && isForLanes(message.type)) peer.send(message)
    }
    this.#scheduleFlush()
  }

  activeSinceMs(id: MemberId): number | undefined {
    return this.#peers.get(id)?.activeSinceMs
  }

  async sendSnapshot(
    message: raftpb.Message,
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const peer = this.#peers.get(message.to)
    const url = peer?.url
    const isFree = !this.#isClosed && this.#senders.size < PEER_LIMITS.snapshots && !this.#senders.has(message.to)
    if (url === undefined || this.#receiver === undefined || !isFree) {
      const { logger } = this.#context.options
      const error = url === undefined ? 'no such peer' : 'too many snapshots under way'
      if (!this.#isClosed) {
        logger.warn('failed to send database snapshot', { 'remote-peer-id': hexId(message.to), error })
      }
      return refuseChunks(chunks)
    }
    const sender = new SnapshotSender(this.#context, message.to, url)
    const { snapshotsSending } = this.#context.metrics.of(message.to)
    const task = sender.run(message, chunks, signal)
    this.#senders.set(message.to, { sender, task })
    snapshotsSending.set(1)
    const isDone = await task
    snapshotsSending.set(0)
    this.#senders.delete(message.to)
    return isDone
  }

  async query<Req, Res>(to: MemberId, method: QueryMethod<Req, Res>, request: Req, timeoutMs: number): Promise<Res> {
    const peer = this.#peers.get(to)
    if (peer === undefined || this.#receiver === undefined) throw new PeerUnavailable('no such peer')
    return peer.queries.ask(QueryService.name, method, request, timeoutMs)
  }

  // ---- members

  setPeers(peers: readonly PeerEndpoint[], removed: readonly MemberId[]): void {
    if (this.#isClosed) return
    const { options } = this.#context
    this.#removed = new Set(removed)
    const wanted = new Map(peers.map((peer) => [peer.id, peer] as const))
    wanted.delete(options.memberId)
    for (const id of removed) wanted.delete(id)
    for (const peer of [...this.#peers.values()]) {
      if (wanted.has(peer.id) || (peer.isStranger && !this.#removed.has(peer.id))) continue
      this.#peers.delete(peer.id)
      peer.stop()
      this.#senders.get(peer.id)?.sender.end('the member is no peer any more')
      options.logger.info('removed remote peer', {
        'local-member-id': hexId(options.memberId),
        'removed-remote-peer-id': hexId(peer.id),
      })
    }
    for (const { id, urls } of wanted.values()) this.#setPeer(id, urls)
    for (const id of removed) this.#admitted.goAway(id, PeerCode.MEMBER_REMOVED)
  }

  #setPeer(id: MemberId, urls: readonly string[]): void {
    const { options } = this.#context
    const fields = {
      'local-member-id': hexId(options.memberId),
      'remote-peer-id': hexId(id),
      'remote-peer-urls': urls,
    }
    const known = this.#peers.get(id)
    if (known !== undefined) {
      known.isStranger = false
      if (known.urls.length === urls.length && known.urls.every((url, i) => url === urls[i])) return
      known.urls = [...urls]
      options.logger.info('updated remote peer', fields)
      return
    }
    this.#addPeer(id, urls, false)
    options.logger.info('added remote peer', fields)
  }

  #addPeer(id: MemberId, urls: readonly string[], isStranger: boolean): void {
    const peer = new Peer(this.#context, this, id, [...urls], isStranger)
    this.#peers.set(id, peer)
    if (this.#receiver !== undefined) peer.start()
  }

  isRemoved(id: MemberId): boolean {
    return this.#removed.has(id)
  }

  isMember(id: MemberId): boolean {
    return this.#peers.get(id)?.isStranger === false
  }

  adopt(id: MemberId, urls: readonly string[]): boolean {
    if (this.#peers.has(id)) return true
    let strangers = 0
    for (const peer of this.#peers.values()) if (peer.isStranger) strangers++
    if (strangers >= PEER_LIMITS.strangers) return false
    this.#addPeer(id, urls, true)
    return true
  }

  dropStranger(id: MemberId): void {
    const peer = this.#peers.get(id)
    if (peer === undefined || !peer.isStranger) return
    this.#peers.delete(id)
    peer.stop()
  }

  onHeard(id: MemberId): void {
    this.#peers.get(id)?.start()
  }

  // ---- what the links tell

  onUnreachable(id: MemberId): void {
    this.#unreachable.add(id)
    this.#scheduleFlush()
  }

  onRemoved(): void {
    if (this.#wasRemoved || this.#isClosed) return
    this.#wasRemoved = true
    this.#receiver?.onRemoved()
  }

  // ---- turns

  /** Everything that is sent while the current callback runs goes out together. */
  #scheduleFlush(): void {
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    this.#context.options.clock.afterCallback(this.#flush)
  }

  readonly #flush = (): void => {
    this.#isFlushDue = false
    if (this.#isClosed) return
    for (const peer of this.#peers.values()) peer.flush()
    this.#context.batches.endTurn()
    if (this.#unreachable.size === 0) return
    const unreachable = [...this.#unreachable]
    this.#unreachable.clear()
    for (const id of unreachable) if (this.#peers.has(id)) this.#receiver?.onUnreachable(id)
  }

  #checkAll(): void {
    const nowMs = this.#context.nowMs()
    const sinceMs = nowMs - this.#checkedMs
    this.#checkedMs = nowMs
    // What the others sent meanwhile is still to be read, and nobody asked them for a sign of life.
    const pausedMs = sinceMs > OWN_PAUSE_MS ? sinceMs : 0
    for (const peer of this.#peers.values()) peer.check(nowMs, pausedMs)
    this.#admitted.check(nowMs, pausedMs)
    this.#context.batches.endTurn()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#isClosed = true
    this.#check?.cancel()
    this.#receiver = this.#desk.receiver = undefined
    this.#inbox.close()
    this.#admitted.close()
    for (const peer of this.#peers.values()) peer.stop()
    this.#peers.clear()
    this.#unreachable.clear()
    for (const { sender } of this.#senders.values()) sender.end('the network is closed')
    await Promise.all([...this.#senders.values()].map(({ task }) => task))
    await this.#desk.idle()
  }

  // ---- accepting

  #raftService(): Service {
    const { control, append, installSnapshot } = RaftService.methods
    const lane = (method: { readonly name: string }, id: number) =>
      streamMethod<ReceivedFrame, quoratepeer.LaneReply>({
        name: method.name,
        kind: 'bidi_stream',
        endless: true,
        request: receivedFrameCodec,
        response: quoratepeer.LaneReplyCodec,
        open: (call) => this.#accept(id, call),
      })
    return {
      name: RaftService.name,
      methods: [
        lane(control, quoratepeer.Lane.LANE_CONTROL),
        lane(append, quoratepeer.Lane.LANE_APPEND),
        streamMethod<quoratepeer.SnapshotFrame, quoratepeer.SnapshotReply>({
          name: installSnapshot.name,
          kind: 'bidi_stream',
          endless: true,
          request: quoratepeer.SnapshotFrameCodec,
          response: quoratepeer.SnapshotReplyCodec,
          open: (call) => this.#acceptSnapshot(call),
        }),
      ],
    }
  }

  #accept(lane: number, call: StreamCall<quoratepeer.LaneReply>): StreamHandler<ReceivedFrame> {
    const stream = new AcceptedLane(this.#context, lane, call, this.#admitted, this.#inbox)
    if (!this.#admitted.add(stream)) call.fail(TOO_MANY)
    return stream
  }

  #acceptSnapshot(call: StreamCall<quoratepeer.SnapshotReply>): StreamHandler<quoratepeer.SnapshotFrame> {
    const stream = new AcceptedSnapshot(this.#context, call, this.#admitted, this.#desk)
    if (!this.#admitted.add(stream)) call.fail(TOO_MANY)
    return stream
  }
}

/** Ends what will not be sent. */
function refuseChunks(chunks: AsyncIterable<Uint8Array>): Promise<boolean> {
  const end = chunks[Symbol.asyncIterator]().return?.() ?? Promise.resolve()
  const refused = (): boolean => false
  return Promise.resolve(end).then(refused, refused)
}

const TOO_MANY = { code: Code.resourceExhausted, message: 'peer: too many streams' } as const
