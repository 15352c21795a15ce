// A cluster of real processes whose links go through proxies.
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Exit } from '../../support/child.js'
import type { RangeResponse } from '../../support/messages.js'
import { freePort } from '../../support/ports.js'
import type { SeededRandom } from '../../support/random.js'
import { waitFor } from '../../support/wait.js'
import { Member, type Subject } from './member.js'
import { Network } from './network.js'

export const HEARTBEAT_MS = 100
export const ELECTION_TIMEOUT_MS = 1000

const HEALTHY_TIMEOUT_MS = 60_000
const MEMBER_CALL_TIMEOUT_MS = 8_000
/** A change of membership is refused until the cluster has been connected for 5 s. */
const MEMBER_CHANGE_TIMEOUT_MS = 60_000

export interface ClusterOptions {
  readonly subject: Subject
  readonly size: number
  readonly folder: string
  readonly random: SeededRandom
  readonly flags?: readonly string[]
}

interface MemberInfo {
  readonly ID: string
  readonly name: string
  readonly isLearner: boolean
  readonly peerURLs: readonly string[]
}

export class Cluster {
  readonly network: Network
  /** Processes that ended by themselves. */
  readonly accidents: string[] = []
  readonly #options: ClusterOptions
  #members: Member[] = []
  /** Removed, their processes may still run. */
  #former: Member[] = []
  #created = 0

  private constructor(options: ClusterOptions) {
    this.#options = options
    this.network = new Network(options.random.fork(), () => this.#processes())
  }

  /** Resolves once all members answer. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options)
    mkdirSync(options.folder, { recursive: true })
    const members: Member[] = []
    for (let i = 0; i < options.size; i++) members.push(await cluster.#create())
    cluster.#members = members
    const initialCluster = members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',')
    const token = randomBytes(8).toString('hex')
    try {
      for (const member of members) member.start({ initialCluster, state: 'new', token })
      await cluster.waitHealthy()
    } catch (error) {
      await cluster.close()
      throw error
    }
    return cluster
  }

  get members(): readonly Member[] {
    return this.#members
  }

  get names(): string[] {
    return this.#members.map(({ name }) => name)
  }

  /** Names of all but these. */
  others(...some: readonly Member[]): string[] {
    return this.#members.filter((member) => !some.includes(member)).map(({ name }) => name)
  }

  /** Who says of itself that it leads, with the highest term; undefined when nobody does. */
  async maybeLeader(): Promise<{ member: Member; term: number } | undefined> {
    const statuses = await Promise.all(this.#members.map(async (member) => ({ member, status: await member.status() })))
    let leader: { member: Member; term: number } | undefined
    for (const { member, status } of statuses) {
      if (status === undefined || status.leader === '0' || status.leader !== status.header.member_id) continue
      const term = Number(status.raftTerm)
      if (leader === undefined || term > leader.term) leader = { member, term }
    }
    return leader
  }

  async leader(): Promise<Member> {
    const found = await waitFor('leader', () => this.maybeLeader(), { timeoutMs: HEALTHY_TIMEOUT_MS, intervalMs: 20 })
    return found.member
  }

  /** Every member agrees on the leader and serves a linearizable read. @throws when that does not come about. */
  async waitHealthy(): Promise<void> {
    let last = ''
    await waitFor('healthy cluster', async () => (last = await this.#unhealthy()) === '', {
      timeoutMs: HEALTHY_TIMEOUT_MS,
      intervalMs: 50,
      detail: () => `(${last})`,
    })
  }

  /** Resolves to the milliseconds until somebody else leads in a later term. */
  async timeElection(old: Member, term: number, sinceMs: number): Promise<number> {
    await waitFor(
      'new leader',
      async () => {
        const leader = await this.maybeLeader()
        return leader !== undefined && leader.member !== old && leader.term > term
      },
      { timeoutMs: HEALTHY_TIMEOUT_MS, intervalMs: 10 },
    )
    return performance.now() - sinceMs
  }

  /** Makes a new member known to the cluster and starts it. It may still be catching up. */
  async add(learner: boolean): Promise<Member> {
    const member = await this.#create()
    await this.#join(member, learner)
    return member
  }

  /** A removed member comes back with the same name and addresses, an empty folder and a new id. */
  async addAgain(member: Member): Promise<void> {
    await member.kill()
    member.wipe()
    member.mayExit = false
    this.#former = this.#former.filter((other) => other !== member)
    await this.#join(member, false)
  }

  async #join(member: Member, learner: boolean): Promise<void> {
    const request = { peerURLs: [member.peerUrl], isLearner: learner }
    const { members } = await this.#change<{ members: MemberInfo[] }>('Cluster/MemberAdd', request)
    const known = members.map((info) => `${info.name === '' ? member.name : info.name}=${info.peerURLs[0]}`)
    this.#members = [...this.#members, member]
    member.start({ initialCluster: known.join(','), state: 'existing', token: 'of-the-cluster' })
  }

  async promote(member: Member): Promise<void> {
    await this.#change('Cluster/MemberPromote', { ID: (await this.#infoOf(member)).ID })
  }

  /** Removes a member; its process goes on until it learns that. */
  async remove(member: Member): Promise<void> {
    const { ID } = await this.#infoOf(member)
    member.mayExit = true
    this.#members = this.#members.filter((other) => other !== member)
    this.#former.push(member)
    await this.#change('Cluster/MemberRemove', { ID })
  }

  /** Ends what a removed member left behind. */
  async discard(member: Member): Promise<void> {
    await member.close()
    member.wipe()
    this.network.remove(member.name)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#members, ...this.#former].map((member) => member.close()))
    this.network.close()
  }

  async #create(): Promise<Member> {
    const { subject, folder, flags = [] } = this.#options
    const name = `m${++this.#created}`
    const [clientPort, peerPort] = [await freePort(), await freePort()]
    return new Member({
      subject,
      name,
      clientPort,
      peerPort,
      proxyPort: await this.network.add(name, peerPort),
      dataDir: join(folder, name),
      logPath: join(folder, `${name}.log`),
      flags: [
        ...[`--heartbeat-interval=${HEARTBEAT_MS}`, `--election-timeout=${ELECTION_TIMEOUT_MS}`],
        ...['--experimental-watch-progress-notify-interval=1s', '--logger=zap', '--log-level=info'],
        ...flags,
      ],
      onUnexpectedExit: (member, exit) => this.accidents.push(describeAccident(member, exit)),
    })
  }

  #processes(): ReadonlyMap<string, number> {
    const running = [...this.#members, ...this.#former].filter(({ pid }) => pid !== undefined)
    return new Map(running.map(({ name, pid }) => [name, pid!]))
  }

  /** What is wrong, in words; '' when nothing is. */
  async #unhealthy(): Promise<string> {
    const leaders = new Set<string>()
    for (const member of this.#members) {
      const status = await member.status()
      if (status === undefined || status.leader === '0') return `${member.name} knows no leader`
      leaders.add(`${status.leader} in term ${status.raftTerm}`)
    }
    if (leaders.size > 1) return `leaders ${[...leaders].join(' and ')}`
    const reads = await Promise.all(
      this.#members.map(async ({ name, client }) => {
        const read = await client.attempt<RangeResponse>('KV/Range', { key: Buffer.from('health') })
        return read.ok || read.failure.details === LEARNER_REFUSAL ? '' : `${name}: ${read.failure.message}`
      }),
    )
    return reads.find((text) => text !== '') ?? ''
  }

  async #infoOf(member: Member): Promise<MemberInfo> {
    const { members } = await this.#change<{ members: MemberInfo[] }>('Cluster/MemberList', {})
    const info = members.find(({ peerURLs }) => peerURLs.includes(member.peerUrl))
    if (info === undefined) throw new Error(`${member.name} is not in the member list`)
    return info
  }

  /** Asks the leader, again when refused for now. An addition or removal that happened unanswered counts as done. */
  async #change<T>(method: string, request: object): Promise<T> {
    let last = ''
    return waitFor(
      method,
      async () => {
        const leader = (await this.maybeLeader())?.member ?? [...this.#members, ...this.#former].find((m) => m.running)
        const outcome = await leader?.client.attempt<T>(method, request, { timeoutMs: MEMBER_CALL_TIMEOUT_MS })
        if (outcome?.ok === true) return outcome.value
        last = outcome?.failure.message ?? 'nobody to ask'
        return ALREADY_DONE.has(outcome?.failure.details ?? '') ? this.#listNow<T>(leader!) : undefined
      },
      { timeoutMs: MEMBER_CHANGE_TIMEOUT_MS, intervalMs: 200, detail: () => `(${last})` },
    )
  }

  async #listNow<T>(member: Member): Promise<T | undefined> {
    const list = await member.client.attempt<T>('Cluster/MemberList', {}, { timeoutMs: MEMBER_CALL_TIMEOUT_MS })
    return list.ok ? list.value : undefined
  }
}

const LEARNER_REFUSAL = 'etcdserver: rpc not supported for learner'
/** Refusals of a second try whose first one happened. */
const ALREADY_DONE = new Set([
  'etcdserver: Peer URLs already exists',
  'etcdserver: member not found',
  'etcdserver: can only promote a learner member',
])

const describeAccident = ({ name, log, incarnation }: Member, { code, signal }: Exit): string =>
  `${name} (process ${incarnation}) ended with ${signal ?? `code ${code}`}: ${log.slice(-3000)}`
