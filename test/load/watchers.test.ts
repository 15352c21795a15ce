// 1,000 watchers on 100 streams under a long load: every event once, in order, whole revisions, nothing missing; slow readers
// and a compaction in between; the server's memory stays bounded. FULL=1 makes ten times as many writes; SEED repeats the
// random choices.
import t from 'tap'
import { GrpcClient } from '../support/grpc-client.js'
import type { DeleteRangeResponse, PutResponse, RangeResponse, TxnResponse } from '../support/messages.js'
import { SeededRandom } from '../support/random.js'
import { delay } from '../support/wait.js'
import { Workbench } from '../support/workbench.js'
import { ClientStream, type WatchSpec } from './watch-client.js'
import { valueBytes, type WrittenKey, WriteLog } from './write-log.js'

const WRITES = process.env.FULL === '1' ? 100_000 : 10_000
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const HISTORY_WRITES = 1000
const HISTORY_BIG_WRITES = 6
const STREAMS = 100
const WATCHERS_PER_STREAM = 10
const STREAMS_PER_CONNECTION = 10
const SLOW_STREAMS = 12
const WRITERS = 48
const KEYS = 1000
const BIG_KEYS = 16
/** One revision of them fits a request (1.5 MiB), but with the previous values not a response in one piece (2 MiB). */
const BIG_VALUE_BYTES = 90_000
/** The server's resident memory stays below this, in MiB. */
const RESIDENT_MIB_MAX = 600

t.setTimeout(0)

t.test(`1,000 watchers, 100 streams, ${WRITES} writes`, async (t) => {
  t.comment(`note: seed ${SEED}`)
  const workbench = new Workbench(t)
  const server = await workbench.start('quorate', { flags: ['--watch-progress-notify-interval=1s'] })
  const random = new SeededRandom(SEED)
  const log = new WriteLog()
  const connect = (): GrpcClient => workbench.own(new GrpcClient(server.endpoint, { timeoutMs: 120_000 }))
  const writers = Array.from({ length: 4 }, connect)
  const load = new Load(writers, log, random.fork())
  let residentMaxBytes = 0
  const sampling = setInterval(() => (residentMaxBytes = Math.max(residentMaxBytes, server.residentBytes())), 100)
  t.teardown(() => clearInterval(sampling))

  await load.write(HISTORY_WRITES)
  await load.writeBig(HISTORY_BIG_WRITES)
  const historyEnd = await load.revision()
  const streams: ClientStream[] = []
  for (let i = 0, client = connect(); i < STREAMS; i++) {
    if (i % STREAMS_PER_CONNECTION === 0) client = connect()
    const specs = Array.from({ length: WATCHERS_PER_STREAM }, (_, j) =>
      specOf(i * WATCHERS_PER_STREAM + j, random, historyEnd),
    )
    streams.push(new ClientStream(client, specs))
  }
  // The first streams hold the watchers of everything, which fill buffers soonest.
  const slow = streams.slice(0, SLOW_STREAMS)
  const others = streams.slice(SLOW_STREAMS)
  await Promise.all(streams.map((stream) => stream.created()))
  const startedMs = performance.now()

  // First half: slow readers stop, and a compaction overtakes them while everybody else is in step.
  await load.write(WRITES / 4)
  for (const stream of slow) stream.pause()
  await load.write(WRITES / 4)
  const middle = await load.revision()
  await Promise.all(others.map((stream) => stream.progressTo(middle)))
  await load.compact(middle)
  await load.write(WRITES / 10)
  for (const stream of slow) stream.resume()

  // Second half: readers of all kinds stop for seconds and go on, with no compaction.
  await Promise.all([
    load.write(WRITES - WRITES / 2 - WRITES / 10),
    ...Array.from({ length: 3 * SLOW_STREAMS }, () =>
      nap(random.pick(streams), random.below(3000), 1000 + random.below(3000)),
    ),
  ])
  const last = await load.revision()
  await Promise.all(streams.map((stream) => stream.progressTo(last)))
  const seconds = (performance.now() - startedMs) / 1000

  log.complete(last)
  const watchers = streams.flatMap((stream) => stream.watchers)
  for (const watcher of watchers) watcher.check(log.changes, middle)
  const overtaken = watchers.filter(({ gap }) => gap !== undefined)
  const overtakenOthers = others.flatMap((stream) => stream.watchers).filter(({ gap }) => gap !== undefined)
  const sum = (of: (watcher: (typeof watchers)[number]) => number): number => watchers.reduce((n, w) => n + of(w), 0)
  const residentMib = Math.round(residentMaxBytes / 2 ** 20)
  t.comment(
    `note: ${log.changes.length} changes in ${last - 1} revisions, ${sum((w) => w.revisions.length)} events compared in ` +
      `${seconds.toFixed(1)} s, ${sum((w) => w.batches)} catch-up batches, ${sum((w) => w.fragments)} fragments, ` +
      `${sum((w) => w.progressNotices)} progress notices, ${overtaken.length} watchers overtaken by the compaction, ` +
      `server RSS at most ${residentMib} MiB`,
  )
  t.equal(overtakenOthers.length, 0, 'a compaction overtakes nobody who is in step')
  t.ok(overtaken.length > 0, 'slow readers were behind the compaction')
  t.ok(sum((w) => w.batches) > 0, 'some caught up from history')
  t.ok(sum((w) => w.fragments) > 0, 'some responses came in pieces')
  t.ok(sum((w) => w.progressNotices) > 0, 'progress was told')
  t.ok(residentMib <= RESIDENT_MIB_MAX, `the server stays below ${RESIDENT_MIB_MAX} MiB (${residentMib})`)
  for (const stream of streams) stream.close()
  await Promise.all(streams.map(({ ended }) => ended))
})

const nap = async (stream: ClientStream, afterMs: number, forMs: number): Promise<void> => {
  await delay(afterMs)
  stream.pause()
  await delay(forMs)
  stream.resume()
}

const keyAt = (i: number): string => `k/${String(i).padStart(3, '0')}`

const PLAIN = { prevKv: false, noPut: false, noDelete: false, progressNotify: false }

/** Few watch everything, most watch one key; options at random. */
const specOf = (i: number, random: SeededRandom, historyEnd: number): WatchSpec => {
  const [lo, end] = rangeOf(i, random)
  const fragment = random.chance(50) || i === 1
  // However the history is cut into batches, a revision of large values and those before them comes in pieces.
  if (lo === 'big/' && fragment) return { ...PLAIN, prevKv: true, lo, end, fragment, startRevision: 1 }
  return {
    lo,
    end,
    startRevision: random.weighted([
      [60, 0],
      [20, 1 + random.below(historyEnd)],
      [10, historyEnd + 1],
      [10, historyEnd + 1 + random.below(WRITES / 10)],
    ]),
    prevKv: random.chance(30),
    noPut: random.chance(8),
    noDelete: random.chance(8),
    progressNotify: random.chance(25),
    fragment,
  }
}

const rangeOf = (i: number, random: SeededRandom): [string, string] => {
  if (i % 10 === 0 && i < 30) return ['k', '\0']
  if (i % 10 === 1 && i < 80) return ['big/', 'big0']
  const key = keyAt(random.below(KEYS))
  const prefixLength = random.weighted([
    [70, key.length],
    [27, key.length - 1],
    [3, key.length - 2],
  ])
  if (prefixLength === key.length) return [key, '']
  const prefix = key.slice(0, prefixLength)
  return [prefix, prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefixLength - 1) + 1)]
}

/** Writes with many calls under way, and notes what each revision holds. */
class Load {
  readonly #clients: readonly GrpcClient[]
  readonly #log: WriteLog
  readonly #random: SeededRandom
  #sequence = 0

  constructor(clients: readonly GrpcClient[], log: WriteLog, random: SeededRandom) {
    this.#clients = clients
    this.#log = log
    this.#random = random
  }

  async write(count: number): Promise<void> {
    let left = count
    const lane = async (client: GrpcClient): Promise<void> => {
      while (left-- > 0) await this.#writeOne(client)
    }
    await Promise.all(Array.from({ length: WRITERS }, (_, i) => lane(this.#clients[i % this.#clients.length]!)))
  }

  async writeBig(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.#bigTxn(this.#clients[0]!)
  }

  async revision(): Promise<number> {
    const { header } = await this.#clients[0]!.call<RangeResponse>('KV/Range', { key: Buffer.from('k') })
    return Number(header.revision)
  }

  async compact(revision: number): Promise<void> {
    await this.#clients[0]!.call('KV/Compact', { revision, physical: true })
  }

  #writeOne(client: GrpcClient): Promise<void> {
    const kind = this.#random.weighted([
      [7400, 'put'],
      [1300, 'delete'],
      [1290, 'txn'],
      [10, 'big'],
    ] as const)
    switch (kind) {
      case 'put':
        return this.#put(client)
      case 'delete':
        return this.#delete(client)
      case 'txn':
        return this.#txn(client, this.#someKeys(2 + this.#random.below(4)), 100)
      case 'big':
        return this.#bigTxn(client)
    }
  }

  #bigTxn(client: GrpcClient): Promise<void> {
    const keys = Array.from({ length: BIG_KEYS }, (_, i) => `big/${i}`)
    return this.#txn(client, keys, BIG_VALUE_BYTES)
  }

  async #put(client: GrpcClient): Promise<void> {
    const key = keyAt(this.#random.below(KEYS))
    const valueId = this.#valueId()
    const request = { key: Buffer.from(key), value: valueBytes(valueId, 50 + this.#random.below(400)) }
    const { header } = await client.call<PutResponse>('KV/Put', request)
    this.#log.note(Number(header.revision), [{ key, valueId }])
  }

  async #delete(client: GrpcClient): Promise<void> {
    const key = keyAt(this.#random.below(KEYS))
    const request = { key: Buffer.from(key) }
    const { header, deleted } = await client.call<DeleteRangeResponse>('KV/DeleteRange', request)
    if (deleted !== '0') this.#log.note(Number(header.revision), [{ key, valueId: undefined }])
  }

  /** Deletes the last key and puts the others. */
  async #txn(client: GrpcClient, keys: readonly string[], sizeBytes: number): Promise<void> {
    const written: WrittenKey[] = keys.map((key, i) => ({
      key,
      valueId: i === keys.length - 1 ? undefined : this.#valueId(),
    }))
    const success = written.map(({ key, valueId }) =>
      valueId === undefined
        ? { request_delete_range: { key: Buffer.from(key) } }
        : { request_put: { key: Buffer.from(key), value: valueBytes(valueId, sizeBytes) } },
    )
    const { header } = await client.call<TxnResponse>('KV/Txn', { success })
    this.#log.note(Number(header.revision), written)
  }

  #someKeys(count: number): string[] {
    const first = this.#random.below(KEYS)
    return Array.from({ length: count }, (_, i) => keyAt((first + 37 * i) % KEYS))
  }

  #valueId(): string {
    return `${this.#sequence++};`
  }
}
