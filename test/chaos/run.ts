// One fault, several rounds: a cluster under load, hurt and healed again and again, then judged.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SeededRandom } from '../support/random.js'
import { delay } from '../support/wait.js'
import { judge, type Finish, type Verdict } from './check/index.js'
import type { RoundTimes } from './check/timing.js'
import { violation, type Violation } from './check/violation.js'
import { Cluster, ELECTION_TIMEOUT_MS } from './cluster/cluster.js'
import type { Subject } from './cluster/member.js'
import type { Fault } from './faults/index.js'
import { finishRun } from './finish.js'
import { nowMs } from './history.js'
import { Load } from './load.js'
import { Recorder, type Plant } from './recorder.js'
import { Watchers } from './watchers.js'

const CLIENTS = 12
const CALM_MS = 1000
/** Fewer acknowledged writes before a fault say nothing about it. */
const WRITES_BEFORE_MIN = 10
/** Entries are dropped while a member is away, sometimes. */
const DEFAULT_FLAGS = ['--snapshot-count=500', '--experimental-snapshot-catchup-entries=500']

export const LIMITS = { electionMaxMs: 3 * ELECTION_TIMEOUT_MS, writeGapMaxMs: 5_000 }

export interface RunOptions {
  readonly subject: Subject
  readonly fault: Fault
  readonly rounds: number
  readonly members: number
  readonly seed: number
  /** Holds data, logs and histories; removed when nothing is wrong. */
  readonly folder: string
  /** Keep the folder also then. */
  readonly keep?: boolean
  /** Safety alone: how long things took is told and not judged. */
  readonly ignoreTimes?: boolean
  readonly plant?: Plant
  readonly clients?: number
  readonly say?: (line: string) => void
}

export interface RunReport extends Verdict {
  readonly fault: string
  readonly rounds: number
  readonly operations: number
  readonly seconds: number
  /** From the end of the fault until all members were well, per round. */
  readonly recoveriesMs: readonly number[]
}

export const runFault = async (options: RunOptions): Promise<RunReport> => {
  mkdirSync(options.folder, { recursive: true })
  const run = new Run(options)
  const report = await run.run()
  run.save(report, options.keep !== true && report.violations.length === 0)
  return report
}

class Run {
  readonly #options: RunOptions
  readonly #random: SeededRandom
  readonly #recorder: Recorder
  readonly #rounds: RoundTimes[] = []
  readonly #recoveriesMs: number[] = []
  readonly #others: Violation[] = []
  readonly #timeline: string[] = []
  #finish: Finish = { histories: new Map(), hashes: [] }

  constructor(options: RunOptions) {
    this.#options = options
    this.#recorder = new Recorder(options.plant)
    this.#random = new SeededRandom(options.seed)
  }

  async run(): Promise<RunReport> {
    const { fault, subject, members, folder } = this.#options
    const startedMs = nowMs()
    const flags = [...DEFAULT_FLAGS, ...(fault.flags ?? [])]
    const cluster = await Cluster.start({ subject, size: members, folder, random: this.#random.fork(), flags })
    const finished = await this.#hurt(cluster).finally(() => cluster.close())
    for (const text of cluster.accidents) this.#others.push(violation('process', text))
    return {
      ...this.#judge(finished),
      fault: fault.name,
      rounds: this.#rounds.length,
      operations: this.#recorder.operations.length,
      seconds: (nowMs() - startedMs) / 1000,
      recoveriesMs: this.#recoveriesMs,
    }
  }

  /** True when the end was reached and the members told what they hold. */
  async #hurt(cluster: Cluster): Promise<boolean> {
    const members = (): Cluster['members'] => cluster.members
    const load = new Load({
      recorder: this.#recorder,
      random: this.#random.fork(),
      members,
      clients: this.#options.clients ?? CLIENTS,
    })
    const watchers = new Watchers({ recorder: this.#recorder, random: this.#random.fork(), members })
    const random = this.#random.fork()
    try {
      for (let round = 1; round <= this.#options.rounds; round++) await this.#round(cluster, round, random)
      await load.stop()
      await cluster.waitHealthy()
      this.#finish = await finishRun(cluster, watchers, (found) => this.#others.push(found))
      return true
    } catch (error) {
      this.#note(`given up: ${String(error)}`)
      this.#others.push(violation('recovery', `round ${this.#rounds.length + 1}: ${String(error)}`))
      return false
    } finally {
      await load.stop()
      await watchers.stop()
    }
  }

  /** @throws when the cluster does not recover. */
  async #round(cluster: Cluster, round: number, random: SeededRandom): Promise<void> {
    const { fault } = this.#options
    this.#note(`round ${round}`)
    const before = this.#recorder.operations.length
    await delay(CALM_MS)
    const acknowledged = this.#recorder.operations.slice(before).filter(({ answer }) => answer !== undefined).length
    if (acknowledged < WRITES_BEFORE_MIN) throw new Error(`only ${acknowledged} calls were answered before the fault`)
    const report = (found: Violation): void => void this.#others.push(found)
    const marks = await fault.run({ cluster, random, note: (text) => this.#note(text), report })
    const healedMs = nowMs()
    cluster.network.heal()
    await cluster.waitHealthy()
    this.#recoveriesMs.push(nowMs() - healedMs)
    this.#note('healthy')
    await delay(CALM_MS)
    this.#rounds.push({
      round,
      quorumFromMs: marks.quorumFromMs,
      endMs: nowMs(),
      electionMs: marks.electionMs,
    })
  }

  #judge(finished: boolean): Verdict {
    const limits = {
      electionMaxMs: this.#options.ignoreTimes === true ? Infinity : LIMITS.electionMaxMs,
      writeGapMaxMs:
        this.#options.ignoreTimes === true || this.#options.fault.slowsWrites === true
          ? Infinity
          : LIMITS.writeGapMaxMs,
    }
    if (finished) return judge(this.#recorder, this.#finish, this.#rounds, limits, this.#others)
    // Without the truth nothing can be said about the history.
    const nothing = judge({ operations: [], segments: [] }, this.#finish, [], limits, this.#others)
    return { ...nothing, violations: this.#others }
  }

  #note(text: string): void {
    this.#timeline.push(`${nowMs().toFixed(1)} ${new Date().toISOString()} ${text}`)
    this.#options.say?.(text)
  }

  save({ violations }: RunReport, remove: boolean): void {
    const { folder } = this.#options
    if (remove) return rmSync(folder, { recursive: true, force: true })
    const write = (name: string, lines: readonly string[]): void =>
      writeFileSync(join(folder, name), lines.map((line) => `${line}\n`).join(''))
    const json = (value: unknown): string => JSON.stringify(value)
    write(
      'violations.txt',
      violations.map(({ rule, text }) => `${rule}: ${text}`),
    )
    write('timeline.txt', this.#timeline)
    write('operations.jsonl', this.#recorder.operations.map(json))
    write('watches.jsonl', this.#recorder.segments.map(json))
    for (const [member, changes] of this.#finish.histories) write(`history-${member}.jsonl`, changes.map(json))
  }
}
