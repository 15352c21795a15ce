// One stream that we dialled. Calls are made on the channel itself, below the stream objects of grpc-js: those add an object
// and two turns to every message.

import type { Socket } from 'node:net'
import {
  Channel,
  ChannelCredentials,
  type ChannelInterface,
  Metadata,
  type StatusObject,
  status as Status,
} from '@grpc/grpc-js'
import type { Codec } from '../../env/index.js'

/** A connection of its own to one URL; it is made when the first call starts. */
export class DialedChannel {
  readonly channel: ChannelInterface
  readonly #sockets: DialedSockets
  #isClosed = false

  constructor(url: string, secrets: ChannelCredentials, receiveBytesMax: number) {
    this.#sockets = new DialedSockets(secrets)
    this.channel = channelTo(url, this.#sockets, receiveBytesMax)
  }

  /** Begins nothing new; ends when what is under way has ended. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.channel.close()
  }

  /**
   * Ends at once. A channel that is only closed keeps the sockets of dials that nobody answers, and of connections that take
   * nothing any more, for as long as the system does. Idempotent.
   */
  cut(): void {
    this.close()
    this.#sockets.destroy()
  }
}

type SecureConnector = ReturnType<ChannelCredentials['_createSecureConnector']>
type ConnectorParameters = Parameters<ChannelCredentials['_createSecureConnector']>

/** Credentials that know the sockets that they were used for. */
class DialedSockets extends ChannelCredentials {
  readonly #secrets: ChannelCredentials
  readonly #sockets = new Set<Socket>()
  #isDestroyed = false

  constructor(secrets: ChannelCredentials) {
    super()
    this.#secrets = secrets
  }

  destroy(): void {
    this.#isDestroyed = true
    for (const socket of this.#sockets) socket.destroy()
  }

  override _isSecure(): boolean {
    return this.#secrets._isSecure()
  }

  override _equals(other: ChannelCredentials): boolean {
    return other === this
  }

  override _createSecureConnector(...parameters: ConnectorParameters): SecureConnector {
    const connector = this.#secrets._createSecureConnector(...parameters)
    return {
      connect: (socket) => {
        // Whoever called closes the socket then.
        if (this.#isDestroyed) return Promise.reject(new Error('the connection was given up'))
        this.#sockets.add(socket)
        socket.once('close', () => this.#sockets.delete(socket))
        return connector.connect(socket)
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    }
  }
}

function channelTo(url: string, secrets: ChannelCredentials, receiveBytesMax: number): ChannelInterface {
  return new Channel(targetOf(url), secrets, {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_channelz': 0,
    // Retries would keep a copy of what was sent, and report writes as done before they are.
    'grpc.enable_retries': 0,
    'grpc.per_rpc_retry_buffer_size': 0,
    'grpc.max_send_message_length': -1,
    'grpc.max_receive_message_length': receiveBytesMax,
    // Who waits for a connection dials again itself.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1000,
  })
}

export const insecureCredentials = (url: string): ChannelCredentials => {
  if (url.startsWith('https:') || url.startsWith('unixs:')) throw new Error(`no TLS for ${url}`)
  return ChannelCredentials.createInsecure()
}

function targetOf(url: string): string {
  const colon = url.indexOf('://')
  const [scheme, rest] = [url.slice(0, colon), url.slice(colon + 3)]
  return scheme === 'unix' || scheme === 'unixs' ? `unix:${rest}` : rest
}

export interface CallListener<Reply> {
  onReply(reply: Reply): void
  /** The write before is through. */
  onWritable(): void
  /** Nothing follows. */
  onEnd(reason: string): void
}

export class DialedCall<Reply> {
  readonly #call: ReturnType<ChannelInterface['createCall']>
  readonly #codec: Pick<Codec<Reply>, 'decode'>
  readonly #listener: CallListener<Reply>
  readonly #context = { callback: (): void => this.#onWritten() }
  #isWriting = false
  #isOver = false

  constructor(
    channel: ChannelInterface,
    path: string,
    codec: Pick<Codec<Reply>, 'decode'>,
    listener: CallListener<Reply>,
  ) {
    this.#codec = codec
    this.#listener = listener
    this.#call = channel.createCall(path, Infinity, null, null, null)
    this.#call.start(new Metadata(), {
      onReceiveMetadata: () => undefined,
      onReceiveMessage: (bytes: Buffer) => this.#onMessage(bytes),
      onReceiveStatus: (status) => this.#onStatus(status),
    })
    this.#call.startRead()
  }

  /** One write at a time: the next when the socket, or the receiver's window, has taken the one before. */
  get isWritable(): boolean {
    return !this.#isWriting && !this.#isOver
  }

  /** Only while `isWritable`. `bytes` stay as they are until it is so again: then grpc-js has copied them into its frame. */
  write(bytes: Uint8Array): void {
    this.#isWriting = true
    this.#call.sendMessageWithContext(this.#context, asBuffer(bytes))
  }

  /** Nothing is heard of it any more. Idempotent. */
  cancel(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#call.cancelWithStatus(Status.CANCELLED, 'the member ended the stream')
  }

  #onWritten(): void {
    this.#isWriting = false
    if (!this.#isOver) this.#listener.onWritable()
  }

  #onMessage(bytes: Buffer): void {
    if (this.#isOver) return
    let reply: Reply
    try {
      reply = this.#codec.decode(bytes, 0, bytes.length)
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'MalformedMessage') throw error
      this.cancel()
      this.#listener.onEnd('malformed answer')
      return
    }
    this.#call.startRead()
    this.#listener.onReply(reply)
  }

  #onStatus(status: StatusObject): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#listener.onEnd(status.code === Status.OK ? 'ended by the remote member' : status.details)
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
