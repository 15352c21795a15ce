// Someone who runs a cluster: gives etcdctl commands and raw calls to chosen members and writes down what came of each.
import { status } from '@grpc/grpc-js'
import { normalise } from '../conformance/normalise.js'
import type { Observation } from '../conformance/observation.js'
import { splitWords } from '../conformance/step.js'
import type { Cluster, ClusterMember } from '../support/cluster.js'
import type { Exit } from '../support/child.js'
import { etcdctl, EtcdctlSession, type CommandResult, type EtcdctlVersion } from '../support/etcdctl.js'
import { CallFailure, type CallOptions, type Outcome } from '../support/grpc-client.js'
import { delay } from '../support/wait.js'

export interface Recorded {
  readonly title: string
  readonly observation: Observation
}

export interface ControlOptions {
  /** Members whose endpoints etcdctl gets, separated by commas; default: the first one. */
  readonly at?: string
  /** Name -> pattern whose first group is kept for later commands as $NAME. */
  readonly save?: Readonly<Record<string, RegExp>>
  /** For lists whose order says nothing (answers in order of arrival) or cannot be equal (ids that hold the time). */
  readonly anyOrder?: boolean
  /** Given again until the output is free of this: what passes with time and is not the point. */
  readonly whileShown?: RegExp
}

export interface RawCallOptions extends CallOptions {
  /** Member that gets the call; default: the first one. */
  readonly at?: string
  /** As for commands. */
  readonly whileShown?: RegExp
}

/** Longer than a server's own limit for a request. */
const CALL_TIMEOUT_MS = 20_000
/** By so much the server's clock for a deadline may be ahead of the client's. */
const DEADLINE_SLACK_MS = 100
const RETRY_PAUSE_MS = 200
const RETRIES_TIMEOUT_MS = 30_000
/** How long a process that should end by itself gets. */
const EXIT_TIMEOUT_MS = 20_000

export class Operator {
  readonly cluster: Cluster
  readonly recorded: Recorded[] = []
  readonly #version: EtcdctlVersion
  readonly #saved: Map<string, string>

  constructor(cluster: Cluster, version: EtcdctlVersion = '3.5', saved = new Map<string, string>()) {
    this.cluster = cluster
    this.#version = version
    this.#saved = saved
  }

  member(name: string): ClusterMember {
    return this.cluster.member(name)
  }

  /** Keeps the ids of all running members as $M1, $M2 ...: equal on both sides, since the peer URLs are. */
  async learnIds(): Promise<void> {
    for (const member of this.cluster.running) this.#saved.set(member.name.toUpperCase(), hexId(await member.id()))
  }

  /** One etcdctl command. `$NAME` stands for something saved, `$NAME-PEER` for the peer URL of a member. */
  async ctl(line: string, options: ControlOptions = {}): Promise<Observation> {
    const { at = 'm1', save = {}, anyOrder = false, whileShown } = options
    const words = this.#words(line)
    const deadline = Date.now() + RETRIES_TIMEOUT_MS
    let result: CommandResult
    for (;;) {
      result = await etcdctl(this.#endpoints(at), words, { version: this.#version })
      if (whileShown?.test(result.stdout + result.stderr) !== true || Date.now() > deadline) break
      await delay(RETRY_PAUSE_MS)
    }
    for (const [name, pattern] of Object.entries(save)) {
      const value = pattern.exec(result.stdout)?.[1]
      if (value === undefined) throw new Error(`no ${name} from ${line}: ${result.stdout}${result.stderr}`)
      this.#saved.set(name, value)
    }
    const ordered = anyOrder ? inOrder : (text: string): string => text
    return this.#record(`${line} (at ${at})`, {
      stdout: ordered(this.#normalise(result.stdout)),
      stderr: ordered(this.#normalise(result.stderr)),
      code: result.code,
    })
  }

  /** One call without etcdctl between: its gRPC code and text. */
  async call(method: string, request: object, options: RawCallOptions = {}): Promise<Observation> {
    const { at = 'm1', whileShown, ...callOptions } = options
    const deadline = Date.now() + RETRIES_TIMEOUT_MS
    for (;;) {
      const { timeoutMs = CALL_TIMEOUT_MS } = callOptions
      const startedMs = performance.now()
      const found = await this.member(at).client.attempt(method, request, { ...callOptions, timeoutMs })
      const outcome = performance.now() - startedMs >= timeoutMs - DEADLINE_SLACK_MS ? endedByDeadline(found) : found
      const shown = outcome.ok ? 'answered' : `${status[outcome.failure.code]}: ${outcome.failure.details}`
      if (whileShown?.test(shown) === true && Date.now() < deadline) {
        await delay(RETRY_PAUSE_MS)
        continue
      }
      const requirement = callOptions.metadata?.hasleader === undefined ? '' : ' requiring a leader'
      return this.#record(`${method} ${this.#shownRequest(request)}${requirement} (at ${at})`, {
        stdout: this.#normalise(shown),
        stderr: '',
        code: outcome.ok ? 0 : outcome.failure.code,
      })
    }
  }

  /** Calls at the same time, written down in the order given: for those that take their time to fail. */
  async callAll(calls: readonly (readonly [string, object, RawCallOptions?])[]): Promise<void> {
    const performed = calls.map(async ([method, request, options]) => {
      const alone = new Operator(this.cluster, this.#version, this.#saved)
      await alone.call(method, request, options)
      return alone.recorded
    })
    for (const recorded of await Promise.all(performed)) this.recorded.push(...recorded)
  }

  /** A long running etcdctl; give it to `endSession`. */
  session(line: string, at: string): EtcdctlSession {
    return new EtcdctlSession(this.#endpoints(at), this.#words(line), this.#version)
  }

  async endSession(title: string, session: EtcdctlSession): Promise<Observation> {
    const { stdout, stderr, code } = await session.interrupt()
    return this.#record(title, { stdout: this.#normalise(stdout), stderr: this.#normalise(stderr), code })
  }

  note(title: string, value: string | boolean): void {
    this.#record(title, { stdout: this.#normalise(String(value)), stderr: '', code: 0 })
  }

  /** How a member's process ends by itself; killed, and said so, when it does not. */
  async noteExit(member: ClusterMember): Promise<Exit> {
    const timer = setTimeout(() => void member.kill(), EXIT_TIMEOUT_MS)
    const exit = await member.exited
    clearTimeout(timer)
    this.note(`end of ${member.name}`, `code ${exit.code}, signal ${exit.signal}`)
    return exit
  }

  /** As $NAME in commands. */
  save(name: string, value: string): void {
    this.#saved.set(name, value)
  }

  saved(name: string): string {
    const value = this.#saved.get(name)
    if (value === undefined) throw new Error(`nothing was saved as ${name}`)
    return value
  }

  #record(title: string, observation: Observation): Observation {
    this.recorded.push({ title, observation })
    return observation
  }

  #shownRequest(request: object): string {
    const text = JSON.stringify(request, (_, value: unknown) =>
      isBuffer(value) ? Buffer.from(value.data).toString() : value,
    )
    return this.#normalise(text)
  }

  #endpoints(at: string): string {
    return at
      .split(',')
      .map((name) => this.member(name).endpoint)
      .join(',')
  }

  #words(line: string): string[] {
    const replaced = line.replace(/\$(\w+)(-PEER)?/g, (_, name: string, peer?: string) =>
      peer === undefined ? this.saved(name) : this.member(name.toLowerCase()).peerUrl,
    )
    return splitWords(replaced)
  }

  #normalise(text: string): string {
    const places = new Map<string, string>([[this.cluster.options.folder, '<folder>']])
    for (const { name, endpoint, address } of this.cluster.members) {
      places.set(endpoint, `<${name}>`)
      places.set(`127.0.0.1:${address.peer}`, `<peer ${name}>`)
      places.set(`localhost:${address.peer}`, `<localhost peer ${name}>`)
    }
    const result = normalise(withoutRetries(text), { places, saved: this.#saved })
    return RULES.reduce((changed, [pattern, replacement]) => changed.replace(pattern, replacement), result)
  }
}

/**
 * The server keeps the deadline of a call as well, and may be the first to end it: it resets the stream, and grpc-js calls that
 * cancelled.
 */
const endedByDeadline = <T>(outcome: Outcome<T>): Outcome<T> =>
  !outcome.ok && outcome.failure.code === status.CANCELLED
    ? { ok: false, failure: new CallFailure(status.DEADLINE_EXCEEDED, 'no answer in time') }
    : outcome

/** What JSON makes of a Buffer. */
const isBuffer = (value: unknown): value is { data: number[] } =>
  typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value

/** Terms too: they count elections, of which a run may have more than another. */
const RULES: readonly (readonly [RegExp, string])[] = [
  // Ids are padded to sixteen digits.
  [/Member +</g, 'Member <'],
  // The client's own words when its time is over.
  [/Deadline exceeded after .*/g, 'no answer in time'],
  [/("raft_?term":)\d+/gi, '$1<term>'],
  [/("RaftTerm" : )\d+/g, '$1<term>'],
  [/(true|false), \d+, <index>/g, '$1, <term>, <index>'],
  [/(true|false) ([|│]) \d+ [|│] <index>/g, '$1 $2 <term> $2 <index>'],
]

/** etcdctl's warnings about attempts that it repeats by itself: how many there are is chance. */
const withoutRetries = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !line.startsWith('{"level":"warn"'))
    .join('\n')

/** Lines, and within them the parts of lists, sorted. */
const inOrder = (text: string): string => text.split('\n').map(sortedList).sort().join('\n')

const sortedList = (line: string): string =>
  line.replace(/(ETCD_INITIAL_CLUSTER=")([^"]*)"/, (_, head: string, list: string) => {
    return `${head}${list.split(',').sort().join(',')}"`
  })

const hexId = (decimal: string): string => BigInt(decimal).toString(16)
