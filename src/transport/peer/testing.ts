// For tests and benchmarks of this folder: members on loopback sockets, each with its own port, that note what they receive.

import { clusterId, index, memberId, term, type MemberId } from '../../base/index.js'
import {
  type Clock,
  type LabelledMetrics,
  type LogFields,
  type Logger,
  type PeerReceiver,
  type Random,
  type Service,
  type SnapshotReceipt,
  type Timer,
} from '../../env/index.js'
import { raftpb } from '../../proto/index.js'
import { listenSpecs } from '../address.js'
import { ClientPort } from '../client-port.js'
import { createGrpcServer } from '../grpc/index.js'
import { grpcOptions, realClock } from '../testing.js'
import { peerFrameBytes } from './limits.js'
import { createPeerNetwork } from './network.js'
import type { PeerNetworkOptions, RaftNetwork } from './options.js'

/** Numbers that look random and are the same in every run. */
export function seeded(seed: number): Random {
  let state = seed >>> 0 || 1
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
  return {
    below: (bound) => Math.floor((next() / 2 ** 32) * bound),
    uint64: () => (BigInt(next()) << 32n) | BigInt(next()),
  }
}

/** Time moves by hand; turns are those of the process. */
export class HandClock implements Clock {
  #nowMs = 1000
  readonly #timers = new Set<{ atMs: number; readonly periodMs: number | undefined; readonly callback: () => void }>()
  /** Added to the wall clock. */
  wallAheadMs = 0

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs + this.wallAheadMs
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#add(delayMs, undefined, callback)
  }

  every(periodMs: number, callback: () => void): Timer {
    return this.#add(periodMs, periodMs, callback)
  }

  readonly soon = realClock.soon
  readonly afterCallback = realClock.afterCallback
  readonly yieldTurn = realClock.yieldTurn

  get timerCount(): number {
    return this.#timers.size
  }

  /** Runs what falls due, in order. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms
    for (;;) {
      let next: { atMs: number; readonly periodMs: number | undefined; readonly callback: () => void } | undefined
      for (const timer of this.#timers) {
        if (timer.atMs <= endMs && (next === undefined || timer.atMs < next.atMs)) next = timer
      }
      if (next === undefined) break
      this.#nowMs = next.atMs
      if (next.periodMs === undefined) this.#timers.delete(next)
      else next.atMs += next.periodMs
      next.callback()
    }
    this.#nowMs = endMs
  }

  /** Time passes and no timer has run yet, as when the loop stands still: what was due runs late, periods start over. */
  jump(ms: number): void {
    this.#nowMs += ms
    for (const timer of this.#timers) timer.atMs = Math.max(timer.atMs, this.#nowMs)
  }

  #add(delayMs: number, periodMs: number | undefined, callback: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, periodMs, callback }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }
}

/** Counters and gauges by `name{values}`; histograms count. */
export class TestMetrics implements LabelledMetrics {
  readonly values = new Map<string, number>()

  of(name: string, ...labels: string[]): number {
    return this.values.get(`${name}{${labels.join(',')}}`) ?? 0
  }

  readonly #cell = (key: string) => ({
    inc: (by = 1) => void this.values.set(key, (this.values.get(key) ?? 0) + by),
    set: (value: number) => void this.values.set(key, value),
    observe: () => void this.values.set(key, (this.values.get(key) ?? 0) + 1),
  })

  counter = (name: string) => this.#cell(`${name}{}`)
  gauge = (name: string) => this.#cell(`${name}{}`)
  gaugeFrom = () => undefined
  histogram = (name: string) => this.#cell(`${name}{}`)
  readonly #family =
    (name: string) =>
    (...labels: string[]) =>
      this.#cell(`${name}{${labels.join(',')}}`)
  counters = this.#family
  gauges = this.#family
  histograms = this.#family
}

export class TestLog implements Logger {
  readonly debugEnabled = false
  readonly lines: { readonly message: string; readonly fields: LogFields }[] = []

  count(message: string): number {
    return this.lines.filter((line) => line.message === message).length
  }

  readonly #add = (message: string, fields: LogFields = {}): void => void this.lines.push({ message, fields })
  debug = this.#add
  info = this.#add
  warn = this.#add
  error = this.#add
}

/** Keeps everything. */
export class TestReceiver implements PeerReceiver<raftpb.Message> {
  readonly messages: raftpb.Message[] = []
  readonly batches: number[] = []
  readonly unreachable: MemberId[] = []
  removed = 0
  /** What `beginSnapshot` answers. */
  receipt: ((message: raftpb.Message) => Promise<SnapshotReceipt | undefined>) | undefined

  onMessages(messages: readonly raftpb.Message[]): void {
    this.batches.push(messages.length)
    for (const message of messages) this.messages.push(message)
  }

  onUnreachable(id: MemberId): void {
    this.unreachable.push(id)
  }

  onRemoved(): void {
    this.removed++
  }

  async beginSnapshot(message: raftpb.Message): Promise<SnapshotReceipt | undefined> {
    return this.receipt?.(message)
  }
}

export interface TestMember {
  readonly id: MemberId
  readonly url: string
  readonly port: number
  readonly network: RaftNetwork
  readonly receiver: TestReceiver
  readonly metrics: TestMetrics
  readonly log: TestLog
  /** The peer port goes away; the network stays. */
  closePort(): Promise<void>
  close(): Promise<void>
}

export const CLUSTER = clusterId(0xc1n)
const PORT_GRACE_MS = 200

/** A member that listens and has opened its network, but knows nobody. */
export async function startMember(
  id: number,
  overrides: Partial<PeerNetworkOptions> & {
    readonly port?: number
    readonly isClosed?: boolean
    readonly services?: (network: RaftNetwork) => readonly Service[]
  } = {},
): Promise<TestMember> {
  const clock = overrides.clock ?? realClock
  const peerPort = new ClientPort({
    specs: listenSpecs([`http://127.0.0.1:${overrides.port ?? 0}`]),
    tls: undefined,
    clock: realClock,
    logger: new TestLog(),
    endpoint: 'peer',
    connectionsMax: 1000,
  })
  await peerPort.open()
  const { port } = peerPort.listeners[0]!
  const url = `http://127.0.0.1:${port}`
  const metrics = new TestMetrics()
  const log = new TestLog()
  const maxRequestBytes = overrides.maxRequestBytes ?? 1_572_864
  const network = createPeerNetwork({
    memberId: memberId(BigInt(id)),
    clusterId: CLUSTER,
    serverVersion: '3.7.0',
    minClusterVersion: '3.0.0',
    peerUrls: [url],
    dialTimeoutMs: 2000,
    maxRequestBytes,
    clock,
    random: seeded(id),
    logger: log,
    metrics,
    ...overrides,
  })
  const grpc = createGrpcServer({
    ...grpcOptions([...network.services, ...(overrides.services?.(network) ?? [])]),
    receiveBytesMax: peerFrameBytes(maxRequestBytes),
  })
  peerPort.serve({ grpc })
  const receiver = new TestReceiver()
  if (overrides.isClosed !== true) network.open(receiver)
  return {
    id: memberId(BigInt(id)),
    url,
    port,
    network,
    receiver,
    metrics,
    log,
    closePort: () => peerPort.close(PORT_GRACE_MS),
    close: async () => {
      await network.close()
      await peerPort.close(PORT_GRACE_MS)
    },
  }
}

/** Tells all members of each other. */
export function join(...members: TestMember[]): void {
  const peers = members.map(({ id, url }) => ({ id, urls: [url] }))
  for (const { network } of members) network.setPeers(peers, [])
}

/** Polls a condition that other turns make true. */
export async function until(condition: () => boolean, limitMs = 10_000): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never came true: ${condition.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

export const connected = (...members: TestMember[]): Promise<void> =>
  until(() => members.every((a) => members.every((b) => a === b || a.network.activeSinceMs(b.id) !== undefined)))

export function message(
  type: number,
  from: TestMember | MemberId,
  to: TestMember | MemberId,
  fields: Partial<raftpb.Message> = {},
): raftpb.Message {
  const made = new raftpb.Message()
  made.type = type
  made.from = typeof from === 'bigint' ? from : from.id
  made.to = typeof to === 'bigint' ? to : to.id
  made.term = term(7)
  return Object.assign(made, fields)
}

export function entries(first: number, count: number, dataBytes: number): raftpb.Entry[] {
  return Array.from({ length: count }, (_, i) => {
    const entry = new raftpb.Entry()
    entry.term = term(7)
    entry.index = index(first + i)
    entry.data = new Uint8Array(dataBytes).fill((first + i) & 0xff)
    return entry
  })
}
