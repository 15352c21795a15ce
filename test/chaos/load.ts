// The clients of a chaos run: each has one call under way, on few keys, with values of its own.
import { GrpcClient } from '../support/grpc-client.js'
import type { SeededRandom } from '../support/random.js'
import { delay } from '../support/wait.js'
import type { Member } from './cluster/member.js'
import type { Request } from './history.js'
import type { Recorder } from './recorder.js'

export const KEYS = Array.from({ length: 10 }, (_, i) => `k${i}`)
export const ALL_KEYS = { key: 'k', end: 'l' }

/** How long clients wait for an answer: the impatient ones keep going, the patient ones get answers that are very late. */
const PATIENCE_MS = [400, 400, 1_500, 10_000]
const PAUSE_MAX_MS = 30
const PAUSE_AFTER_FAILURE_MS = 30
/** Old revisions that reads ask for. */
const OLD_REVISIONS_BACK = 50

export interface LoadOptions {
  readonly recorder: Recorder
  readonly random: SeededRandom
  readonly members: () => readonly Member[]
  readonly clients: number
}

/** Runs until it is told to stop. */
export class Load {
  readonly #clients: LoadClient[]
  readonly #done: Promise<unknown>

  constructor(options: LoadOptions) {
    this.#clients = Array.from({ length: options.clients }, (_, i) => new LoadClient(`c${i + 1}`, i, options))
    this.#done = Promise.all(this.#clients.map((client) => client.run()))
    this.#done.catch(() => undefined) // told by stop()
  }

  /** Resolves when the last call has ended. @throws what a client threw. */
  async stop(): Promise<void> {
    for (const client of this.#clients) client.stop()
    await this.#done
  }
}

class LoadClient {
  readonly #name: string
  readonly #options: LoadOptions
  readonly #random: SeededRandom
  readonly #timeoutMs: number
  /** The position of its member; undefined for a client that goes to another member when a call fails. */
  readonly #pin: number | undefined
  #position: number
  #member: Member | undefined
  #client: GrpcClient | undefined
  #stopping = false
  #sequence = 0
  /** The newest revision that it has heard of. */
  #newest = 1
  /** Mod revisions that it has read, for comparisons that mostly hold. */
  readonly #known = new Map<string, number>()

  constructor(name: string, i: number, options: LoadOptions) {
    this.#options = options
    this.#random = options.random.fork()
    this.#timeoutMs = PATIENCE_MS[i % PATIENCE_MS.length]!
    this.#pin = i % 2 === 0 ? i / 2 : undefined
    this.#position = this.#pin ?? this.#random.below(100)
    this.#name = `${name}${this.#pin === undefined ? '' : ' (pinned)'}`
  }

  stop(): void {
    this.#stopping = true
  }

  async run(): Promise<void> {
    try {
      while (!this.#stopping) await this.#step()
    } finally {
      this.#client?.close()
    }
  }

  async #step(): Promise<void> {
    const { recorder } = this.#options
    const { member, client } = this.#connection()
    const operation = await recorder.call(this.#name, member, client, this.#request(), this.#timeoutMs)
    const { answer } = operation
    if (answer === undefined) {
      if (this.#pin === undefined) this.#position++
      await delay(PAUSE_AFTER_FAILURE_MS)
      return
    }
    this.#newest = Math.max(this.#newest, answer.revision)
    const actions = answer.succeeded ? operation.request.then : operation.request.otherwise
    for (const [i, action] of actions.entries()) {
      if (action.type === 'get' && action.revision === 0)
        for (const { key, modRevision } of answer.results[i] ?? []) this.#known.set(key, modRevision)
      else if (action.type === 'put') this.#known.set(action.key, answer.revision)
      else if (action.type === 'delete') this.#known.set(action.key, 0)
    }
    await delay(this.#random.below(PAUSE_MAX_MS))
  }

  #connection(): { member: Member; client: GrpcClient } {
    const members = this.#options.members()
    const member = members[this.#position % members.length]!
    if (this.#client === undefined || member !== this.#member) {
      this.#client?.close()
      this.#member = member
      this.#client = new GrpcClient(member.endpoint)
    }
    return { member, client: this.#client }
  }

  #request(): Request {
    const random = this.#random
    const key = random.pick(KEYS)
    const value = (): string => `${this.#name.split(' ')[0]}.${++this.#sequence}`
    const get = { type: 'get', revision: 0 } as const
    return random.weighted<() => Request>([
      [28, () => plain({ type: 'put', key, value: value() })],
      [14, () => plain({ ...get, key })],
      [8, () => plain({ ...get, ...ALL_KEYS })],
      [8, () => ({ ...plain({ ...get, key }), serializable: true })],
      [6, () => ({ ...plain({ ...get, ...ALL_KEYS }), serializable: true })],
      [
        4,
        () => ({ ...plain({ ...get, ...ALL_KEYS, revision: this.#oldRevision() }), serializable: random.chance(50) }),
      ],
      [6, () => plain({ type: 'delete', key })],
      [
        14,
        () => ({
          compare: { key, modRevision: this.#known.get(key) ?? 0 },
          then: [{ type: 'put', key, value: value() }],
          otherwise: [{ ...get, key }],
          serializable: false,
        }),
      ],
      [6, () => this.#pair(key, value())],
      [6, () => this.#move(key, value())],
    ])()
  }

  /** Two keys change together. */
  #pair(key: string, value: string): Request {
    const other = this.#otherKey(key)
    return {
      then: [
        { type: 'put', key, value },
        { type: 'put', key: other, value },
        { type: 'get', ...ALL_KEYS, revision: 0 },
      ],
      otherwise: [],
      serializable: false,
    }
  }

  #move(key: string, value: string): Request {
    const other = this.#otherKey(key)
    return {
      then: [
        { type: 'delete', key },
        { type: 'put', key: other, value },
      ],
      otherwise: [],
      serializable: false,
    }
  }

  #otherKey(key: string): string {
    return this.#random.pick(KEYS.filter((candidate) => candidate !== key))
  }

  #oldRevision(): number {
    return Math.max(1, this.#newest - this.#random.below(OLD_REVISIONS_BACK))
  }
}

const plain = (action: Request['then'][number]): Request => ({ then: [action], otherwise: [], serializable: false })
