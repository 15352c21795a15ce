// SIGKILL at any moment under load loses nothing that was acknowledged, leaves nothing half done, and never gives a
// revision to something else. ROUNDS sets the number of kills, SEED repeats a run's random choices (not its timing).
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { GrpcClient } from '../support/grpc-client.js'
import type { HashKVResponse, LeaseLeasesResponse, LeaseTimeToLiveResponse } from '../support/messages.js'
import { SeededRandom } from '../support/random.js'
import type { Server } from '../support/server.js'
import { delay } from '../support/wait.js'
import { Workbench } from '../support/workbench.js'
import { Ledger } from './kill-ledger.js'
import { Compactions, Writer } from './kill-load.js'
import { currentRevision, Observer, readAll } from './kill-observer.js'

const ROUNDS = Number(process.env.ROUNDS ?? 20)
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const WRITERS = 8
/** Writes that each writer has under way, on keys of their own. */
const LANES_PER_WRITER = 4
const CONNECTIONS = 4
const SNAPSHOT_COUNT = 700
/** Every so many rounds the load goes on for longer than the pause between two removals of old log files. */
const LONG_ROUND_EVERY = 60
const LONG_ROUND_MS = 33_000

t.setTimeout(0)

t.test(`${ROUNDS} kills under load`, async (t) => {
  t.comment(`note: seed ${SEED}`)
  const workbench = new Workbench(t)
  const flags = [
    `--snapshot-count=${SNAPSHOT_COUNT}`,
    '--snapshot-catchup-entries=100',
    '--max-wals=2',
    '--max-snapshots=2',
  ]
  const server = await workbench.start('quorate', { flags })
  const run = new KillRun(server, new SeededRandom(SEED))
  for (let round = 0; round < ROUNDS; round++) {
    await run.round(round)
    if (round % 20 === 19) t.comment(`round ${round + 1}: revision ${run.ledger.verified}`)
  }
  t.comment(
    `note: ${ROUNDS} rounds, ${run.ledger.acknowledged} acknowledged writes, revision ${run.ledger.verified}, ` +
      `${run.compactions.count} compactions to ${run.compactions.acknowledged}, ${run.killedStarts} kills while starting, ` +
      `${run.hashesCompared} hashes compared, slowest start ${run.slowestStartMs} ms, log files ${run.logFiles().join(' ')}`,
  )
  t.ok(run.ledger.acknowledged > ROUNDS * 10, 'the load was real')
  t.ok(run.ledger.verified >= run.ledger.newestAnswered, 'everything answered was compared')
})

class KillRun {
  readonly ledger = new Ledger()
  readonly compactions = new Compactions()
  killedStarts = 0
  hashesCompared = 0
  slowestStartMs = 0
  readonly #server: Server
  readonly #random: SeededRandom
  #lastHash: HashKVResponse | undefined

  constructor(server: Server, random: SeededRandom) {
    this.#server = server
    this.#random = random
  }

  /** @throws at the first thing that is wrong. */
  async round(round: number): Promise<void> {
    const seen = await this.#loadAndKill(round)
    await this.#restart()
    const client = new GrpcClient(this.#server.endpoint)
    try {
      await this.#verify(client, seen)
    } catch (error) {
      throw new Error(`round ${round}, seed ${SEED}`, { cause: error })
    } finally {
      client.close()
    }
  }

  logFiles(): string[] {
    return readdirSync(join(this.#server.options.dataDir, 'member/wal'))
  }

  /** Returns the newest revision that a watcher had seen when the server died. */
  async #loadAndKill(round: number): Promise<number> {
    const { ledger } = this
    const clients = Array.from({ length: CONNECTIONS }, () => new GrpcClient(this.#server.endpoint))
    const watching = new GrpcClient(this.#server.endpoint)
    const observer = new Observer(watching, ledger.verified + 1)
    let killed = false
    const lanes = Array.from({ length: WRITERS * LANES_PER_WRITER }, (_, lane) =>
      new Writer(
        {
          ledger,
          client: clients[lane % CONNECTIONS]!,
          random: this.#random.fork(),
          name: `${round}.${lane}`,
          lane,
          killed: () => killed,
          compactable: () => observer.last,
        },
        this.compactions,
      ).run(),
    )
    const writing = Promise.all(lanes)
    try {
      await Promise.race([delay(this.#loadMs(round)), writing])
    } finally {
      killed = true
      await this.#server.kill()
    }
    await writing
    await observer.ended
    for (const client of [...clients, watching]) client.close()
    this.#observed = observer
    return observer.last
  }

  #observed: Observer | undefined

  #loadMs(round: number): number {
    if (round % LONG_ROUND_EVERY === LONG_ROUND_EVERY - 1) return LONG_ROUND_MS
    return this.#random.chance(50) ? this.#random.below(300) : 300 + this.#random.below(1500)
  }

  /** Some starts are killed themselves. */
  async #restart(): Promise<void> {
    while (this.#random.chance(25)) {
      const starting = this.#server.restart().catch(() => undefined)
      await delay(150 + this.#random.below(400))
      await this.#server.kill()
      await starting
      this.killedStarts++
    }
    const startedMs = performance.now()
    await this.#server.restart()
    this.slowestStartMs = Math.max(this.slowestStartMs, Math.round(performance.now() - startedMs))
  }

  async #verify(client: GrpcClient, seen: number): Promise<void> {
    const { ledger, compactions } = this
    const current = await currentRevision(client)
    if (current < Math.max(ledger.newestAnswered, seen))
      throw new Error(`revision went back to ${current} from ${Math.max(ledger.newestAnswered, seen)}`)
    const hash = await client.call<HashKVResponse>('Maintenance/HashKV', { revision: current })
    // -1 when nothing was ever compacted.
    const compacted = Math.max(0, Number(hash.compact_revision))
    if (compacted < compactions.acknowledged || compacted > compactions.asked)
      throw new Error(`compacted at ${compacted}, acknowledged ${compactions.acknowledged}, asked ${compactions.asked}`)

    // What a watcher saw before the crash and what history says now must be the same, and older history as it was.
    const oldestWhole = Math.max(2, compacted + 1)
    const observer = new Observer(client, Math.max(oldestWhole, 1 + this.#random.below(ledger.verified + 1)))
    await observer.until(current)
    const history = new Map([...this.#observed!.history, ...observer.history])
    ledger.verify(history, current)
    ledger.compareAgain(this.#observed!.history)
    ledger.compareAgain(observer.history)
    ledger.forget(compacted)
    await this.#verifyState(client)
    observer.close()
    await observer.ended
  }

  async #verifyState(client: GrpcClient): Promise<void> {
    const { ledger } = this
    const found = await readAll(client, ledger.verified)
    const expected = ledger.model.describe()
    if (found.join('\n') !== expected.join('\n')) {
      const missing = expected.filter((key) => !found.includes(key))
      const extra = found.filter((key) => !expected.includes(key))
      throw new Error(`state differs: missing\n${missing.join('\n')}\nextra\n${extra.join('\n')}`)
    }
    const { leases } = await client.call<LeaseLeasesResponse>('Lease/LeaseLeases')
    ledger.verifyLeases(new Set(leases.map(({ ID }) => ID)))
    await this.#verifyLeaseKeys(client)
    await this.#verifyHash(client)
  }

  async #verifyLeaseKeys(client: GrpcClient): Promise<void> {
    const lasting = [...this.ledger.leases].filter(([, { expires }]) => !expires).map(([id]) => id)
    if (lasting.length === 0) return
    for (let i = 0; i < 3; i++) {
      const id = this.#random.pick(lasting)
      const { keys } = await client.call<LeaseTimeToLiveResponse>('Lease/LeaseTimeToLive', { ID: id, keys: true })
      const found = keys.map((key) => key.toString('latin1')).sort()
      const expected = this.ledger.model.keysOfLease(id)
      if (found.join() !== expected.join())
        throw new Error(`lease ${id} has ${found.join()}, expected ${expected.join()}`)
    }
  }

  /** A hash taken after an earlier crash is the same now, as long as no compaction came between. */
  async #verifyHash(client: GrpcClient): Promise<void> {
    const hashAt = (revision: string): Promise<HashKVResponse> => client.call('Maintenance/HashKV', { revision })
    const before = this.#lastHash
    if (before !== undefined && this.compactions.asked <= Number(before.hash_revision)) {
      const again = await hashAt(before.hash_revision)
      if (again.compact_revision === before.compact_revision) {
        this.hashesCompared++
        if (again.hash !== before.hash) throw new Error(`hash at ${before.hash_revision} changed`)
      }
    }
    this.#lastHash = await hashAt(String(this.ledger.verified))
  }
}
