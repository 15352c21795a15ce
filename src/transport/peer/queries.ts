// Questions between members: unary calls that say in their metadata which cluster they mean, who asks, and whom.

import { Client, Metadata, credentials } from '@grpc/grpc-js'
import { type ClusterId, type MemberId, hexId } from '../../base/index.js'
import {
  type CallMetadata,
  Code,
  type Method,
  PeerUnavailable,
  type QueryMethod,
  type Service,
  type Status,
} from '../../env/index.js'
import type { PeerContext } from './context.js'
import type { DialedChannel } from './dialed-call.js'
import { REMOVED_TEXT } from './handshake.js'
import { PEER_LIMITS } from './limits.js'

const CLUSTER = 'quorate-cluster-id'
const FROM = 'quorate-from-id'
const TO = 'quorate-to-id'

/** What the asked member checks of every question. */
export interface QueryGuard {
  readonly memberId: MemberId
  readonly clusterId: ClusterId
  isRemoved(id: MemberId): boolean
}

const WRONG_CLUSTER: Status = { code: Code.failedPrecondition, message: 'cluster ID mismatch' }
const REMOVED: Status = { code: Code.permissionDenied, message: REMOVED_TEXT }
const WRONG_MEMBER: Status = { code: Code.failedPrecondition, message: 'wrong to field' }

/** The service, open only to members of the cluster that mean this one. All its methods are unary. */
export const guardedQueries = (service: Service, guard: QueryGuard): Service => ({
  name: service.name,
  methods: service.methods.map((method) => guarded(method, guard)),
})

function guarded(method: Method, guard: QueryGuard): Method {
  if (method.kind !== 'unary') throw new TypeError(`${method.name} is a stream`)
  return {
    ...method,
    handle: (request, call) => {
      const refusal = refusalOf(call.metadata, guard)
      if (refusal === undefined) method.handle(request, call)
      else call.fail(refusal)
    },
  }
}

function refusalOf(metadata: CallMetadata, guard: QueryGuard): Status | undefined {
  const from = idOf(metadata.get(FROM))
  if (idOf(metadata.get(CLUSTER)) !== guard.clusterId || from === undefined) return WRONG_CLUSTER
  if (guard.isRemoved(from as MemberId)) return REMOVED
  return idOf(metadata.get(TO)) === guard.memberId ? undefined : WRONG_MEMBER
}

const idOf = (text: string | undefined): bigint | undefined =>
  text !== undefined && /^[0-9a-f]{1,16}$/.test(text) ? BigInt(`0x${text}`) : undefined

/** The questions to one member, on a connection of their own. */
export class QueryLane {
  readonly #context: PeerContext
  readonly #urls: () => readonly string[]
  readonly #metadata = new Metadata()
  #connection: Connection | undefined
  #urlPos = 0
  readonly #waiting = new Set<() => void>()
  #isStopped = false

  constructor(context: PeerContext, id: MemberId, urls: () => readonly string[]) {
    this.#context = context
    this.#urls = urls
    this.#metadata.set(CLUSTER, hexId(context.options.clusterId))
    this.#metadata.set(FROM, hexId(context.options.memberId))
    this.#metadata.set(TO, hexId(id))
  }

  /** @throws PeerUnavailable */
  ask<Req, Res>(service: string, method: QueryMethod<Req, Res>, request: Req, timeoutMs: number): Promise<Res> {
    return new Promise((resolve, reject) => {
      if (this.#isStopped || this.#waiting.size >= PEER_LIMITS.queries) {
        reject(new PeerUnavailable(this.#isStopped ? 'the link is closed' : 'too many questions wait for an answer'))
        return
      }
      let connection: Connection
      try {
        connection = this.#open()
      } catch (error) {
        reject(new PeerUnavailable('cannot dial', { cause: error }))
        return
      }
      const settle = (): void => {
        timer.cancel()
        this.#waiting.delete(give)
        connection.leave()
      }
      const giveUp = (reason: string, cause?: unknown): void => {
        settle()
        call.cancel()
        reject(new PeerUnavailable(reason, { cause }))
      }
      const give = (): void => giveUp('the link is closed')
      // The connection may be dead without a word, and would stay so for minutes: the next question dials.
      const timer = this.#context.options.clock.after(timeoutMs, () => {
        giveUp('no answer in time')
        this.#hangUp(connection)
      })
      this.#waiting.add(give)
      connection.enter()
      const call = connection.client.makeUnaryRequest(
        `/${service}/${method.name}`,
        (message: Req) => Buffer.from(method.request.encode(message)),
        (bytes: Buffer) => method.response.decode(bytes, 0, bytes.length),
        request,
        this.#metadata,
        (error, response) => {
          if (!this.#waiting.has(give)) return
          settle()
          if (error !== null) {
            if (Number(error.code) === Code.unavailable) this.#hangUp(connection)
            reject(new PeerUnavailable(error.details, { cause: error }))
          } else if (response === undefined) reject(new PeerUnavailable('no answer'))
          else resolve(response)
        },
      )
    })
  }

  /** Everything that waits fails. Idempotent. */
  stop(): void {
    this.#isStopped = true
    for (const give of [...this.#waiting]) give()
    this.#connection?.retire()
    this.#connection = undefined
  }

  #open(): Connection {
    if (this.#connection !== undefined) return this.#connection
    const urls = this.#urls()
    const url = urls[this.#urlPos % Math.max(1, urls.length)]
    if (url === undefined) throw new Error('no address')
    this.#connection = new Connection(url, this.#context.dial(url, this.#context.frameBytesMax))
    return this.#connection
  }

  /** The next question tries the next address; those under way end on the connection that they have. */
  #hangUp(connection: Connection): void {
    if (this.#connection !== connection) return
    this.#urlPos++
    connection.retire()
    this.#connection = undefined
  }
}

/** To one address; when it is retired it lasts as long as its questions. */
class Connection {
  readonly client: Client
  readonly #channel: DialedChannel
  #questions = 0
  #isRetired = false

  constructor(url: string, dialed: DialedChannel) {
    this.#channel = dialed
    this.client = new Client(url, credentials.createInsecure(), { channelOverride: dialed.channel })
  }

  enter(): void {
    this.#questions++
  }

  leave(): void {
    this.#questions--
    this.#cutIfUnused()
  }

  /** No question follows. */
  retire(): void {
    this.#isRetired = true
    this.#channel.close()
    this.#cutIfUnused()
  }

  #cutIfUnused(): void {
    if (this.#isRetired && this.#questions === 0) this.#channel.cut()
  }
}
