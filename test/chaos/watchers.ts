// Watchers of a chaos run: each keeps a watch open, writes down every message, and resumes after the newest revision it knows
// when the stream ends.
import { GrpcClient, type Stream } from '../support/grpc-client.js'
import type { Event, WatchResponse } from '../support/messages.js'
import type { SeededRandom } from '../support/random.js'
import { delay } from '../support/wait.js'
import type { Member } from './cluster/member.js'
import { nowMs, type WatchEvent, type WatchFilter, type WatchSegment } from './history.js'
import { ALL_KEYS, KEYS } from './load.js'
import { keyRangeMessage, readKeyValue, type Recorder } from './recorder.js'

const PAUSE_BEFORE_RESUMING_MS = 100
/** A stream that says nothing is left for another one: there are progress notices every second. */
const SILENCE_MAX_MS = 5_000
const PROGRESS_REQUEST_PERCENT = 5

export interface WatcherOptions {
  readonly recorder: Recorder
  readonly random: SeededRandom
  readonly members: () => readonly Member[]
}

interface Plan {
  readonly name: string
  readonly filter: WatchFilter
  /** Position of the member; undefined: another one each time. */
  readonly pin: number | undefined
  /** Its streams end when the member has no leader. */
  readonly requireLeader: boolean
  /** Starts over from "now" instead of resuming. */
  readonly fromNow: boolean
}

const everything: WatchFilter = { ...ALL_KEYS, noPut: false, noDelete: false, previous: true }

/** One watcher of everything on every member, and some of other kinds. */
export class Watchers {
  readonly #watchers: Watcher[]
  readonly #done: Promise<unknown>

  constructor(options: WatcherOptions) {
    const pinned = options.members().map((_, pin): Plan => {
      const requireLeader = pin % 2 === 1
      return { name: `w-all-${pin}`, filter: everything, pin, requireLeader, fromNow: false }
    })
    const roaming = { pin: undefined, requireLeader: true, fromNow: false }
    const plans: Plan[] = [
      ...pinned,
      { name: 'w-roaming', filter: { ...everything, previous: false }, ...roaming },
      { name: 'w-key', filter: { ...everything, key: KEYS[0]!, end: undefined }, ...roaming },
      { name: 'w-deletes', filter: { ...everything, noPut: true }, ...roaming },
      { name: 'w-puts', filter: { ...everything, key: KEYS[2]!, end: KEYS[5]!, noDelete: true }, ...roaming },
      { name: 'w-now', filter: everything, pin: undefined, requireLeader: true, fromNow: true },
    ]
    this.#watchers = plans.map((plan) => new Watcher(plan, options))
    this.#done = Promise.all(this.#watchers.map((watcher) => watcher.run()))
    this.#done.catch(() => undefined) // told by stop()
  }

  /** Names of those that do not know yet that the store is at `revision`. Only while nothing is written. */
  behind(revision: number): string[] {
    return this.#watchers.filter(({ last }) => last < revision).map(({ name, last }) => `${name} is at ${last}`)
  }

  /** Resolves when all streams have ended. @throws what a watcher threw. */
  async stop(): Promise<void> {
    for (const watcher of this.#watchers) watcher.stop()
    await this.#done
  }
}

class Watcher {
  /** Everything up to this revision was delivered, as far as the server told. */
  last = 0
  readonly #plan: Plan
  readonly #options: WatcherOptions
  readonly #random: SeededRandom
  #stopping = false
  #stream: Stream<WatchResponse> | undefined
  #turn: number

  constructor(plan: Plan, options: WatcherOptions) {
    this.#plan = plan
    this.#options = options
    this.#random = options.random.fork()
    this.#turn = plan.pin ?? this.#random.below(100)
  }

  get name(): string {
    return this.#plan.name
  }

  stop(): void {
    this.#stopping = true
    this.#stream?.cancel()
  }

  async run(): Promise<void> {
    while (!this.#stopping) {
      const members = this.#options.members()
      const member = members[this.#turn % members.length]!
      if (this.#plan.pin === undefined) this.#turn++
      const client = new GrpcClient(member.endpoint)
      try {
        await this.#watch(member, client)
      } finally {
        client.close()
      }
      await delay(PAUSE_BEFORE_RESUMING_MS)
    }
  }

  async #watch(member: Member, client: GrpcClient): Promise<void> {
    const { filter, fromNow, requireLeader, name } = this.#plan
    const startRevision = fromNow ? 0 : Math.max(1, this.last + 1)
    const segment: WatchSegment = {
      watcher: name,
      member: `${member.name}/${member.incarnation}`,
      filter,
      startRevision,
      createdRevision: undefined,
      messages: [],
      ended: undefined,
    }
    this.#options.recorder.segments.push(segment)
    const metadata = requireLeader ? { hasleader: 'true' } : {}
    const stream = client.stream<WatchResponse>('Watch/Watch', { metadata })
    this.#stream = stream
    const sentRevision = this.#options.recorder.plant === 'missed-events' && this.last > 0 ? 0 : startRevision
    stream.send({ create_request: createRequest(filter, sentRevision) })
    try {
      while (segment.ended === undefined) {
        const response = await stream.next(SILENCE_MAX_MS)
        if (response === undefined) segment.ended = 'the server ended the stream'
        else this.#take(segment, response)
        if (this.#random.chance(PROGRESS_REQUEST_PERCENT)) stream.send({ progress_request: {} })
      }
    } catch (error) {
      segment.ended = String(error)
    } finally {
      stream.cancel()
    }
  }

  #take(segment: WatchSegment, response: WatchResponse): void {
    const revision = Number(response.header.revision)
    if (response.created) {
      segment.createdRevision = revision
      if (segment.startRevision === 0) this.last = Math.max(this.last, revision)
    }
    if (response.canceled) {
      segment.ended = `canceled: ${response.cancel_reason}`
      return
    }
    if (response.created) return
    const events = response.events.map(readEvent)
    segment.messages.push({ revision, events, fragment: response.fragment, atMs: nowMs() })
    const newest = events.length === 0 ? revision : events.at(-1)!.kv.modRevision
    if (!response.fragment) this.last = Math.max(this.last, newest)
  }
}

/** A watch on one stream alone: messages of its watch and answers to its progress requests need not be told apart. */
const createRequest = (filter: WatchFilter, startRevision: number): object => ({
  ...keyRangeMessage(filter),
  start_revision: startRevision,
  progress_notify: true,
  prev_kv: filter.previous,
  fragment: true,
  filters: [...(filter.noPut ? ['NOPUT'] : []), ...(filter.noDelete ? ['NODELETE'] : [])],
})

export const readEvent = ({ type, kv, prev_kv }: Event): WatchEvent => ({
  // The enum is a number here as in the definitions that tests load.
  type: type === 1 ? 'delete' : 'put',
  kv: readKeyValue(kv),
  previous: prev_kv === null ? null : readKeyValue(prev_kv),
})
