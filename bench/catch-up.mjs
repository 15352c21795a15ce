// How members that are far behind catch up under load: one that was stopped for 200,000 entries and 500 MB, then one that is new
// and empty. Three members on this machine; real etcd and quorate in turn. Run after a build, on a quiet machine:
//
//   node bench/catch-up.mjs [--servers etcd,quorate] [--entries 200000] [--mb 500] [--rate 2000] [--json FILE]
//
// Writes of 256 bytes go to the leader at `--rate` per second all the time; latencies count from the moment that a write was
// due. A member has caught up when it has applied what the leader had committed when it was asked.
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { Workbench } from '../dist-test/test/support/workbench.js'
import { RawClient, RawMethod } from './support/raw-client.mjs'
import { putRequest } from './support/requests.mjs'

const { values: options } = parseArgs({
  options: {
    servers: { type: 'string', default: 'etcd,quorate' },
    entries: { type: 'string', default: '200000' },
    mb: { type: 'string', default: '500' },
    rate: { type: 'string', default: '2000' },
    json: { type: 'string' },
  },
})
const ENTRIES = Number(options.entries)
const VALUE_BYTES = Math.round((Number(options.mb) * 1e6) / ENTRIES)
const RATE = Number(options.rate)
const LOAD_CONNECTIONS = 8
const LOAD_IN_FLIGHT = 32
const WRITE_BYTES = 256
const WRITE_KEYS = 10_000
const TURN_MS = 5
/** Writes that wait for their answers; beyond it, the rate cannot be held and writes are left out and counted. */
const WAITING_MAX = 20_000
const BEFORE_MS = 8_000
const SETTLE_MS = 3_000
const POLL_MS = 50
const CATCH_UP_TIMEOUT_MS = 150_000

const PUT = new RawMethod('/etcdserverpb.KV/Put')
const noise = randomBytes(4 * 1024 * 1024)
const bytesAt = (i, size) => {
  const at = (i * 257) % (noise.length - size)
  return noise.subarray(at, at + size)
}
const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const percentile = (samples, share) => samples[Math.min(samples.length - 1, Math.floor(samples.length * share))] ?? 0

const openAll = (port, count) => Promise.all(Array.from({ length: count }, () => RawClient.open(port)))

/** Puts on `ENTRIES` keys as fast as they go; returns the seconds it took. */
const load = async (port) => {
  const clients = await openAll(port, LOAD_CONNECTIONS)
  const startedMs = performance.now()
  let next = 0
  const lane = async (client) => {
    while (next < ENTRIES) {
      const i = next++
      await client.call(PUT, putRequest(Buffer.from(`/bulk/${i}`), bytesAt(i, VALUE_BYTES)), true)
    }
  }
  await Promise.all(clients.flatMap((client) => Array.from({ length: LOAD_IN_FLIGHT }, () => lane(client))))
  for (const client of clients) client.close()
  return (performance.now() - startedMs) / 1000
}

/** Writes at a steady rate until it is stopped. */
class SteadyWriter {
  #clients
  #timer
  #startedMs = performance.now()
  #sent = 0
  #waiting = 0
  #samples = []
  #leftOut = 0
  #failed = 0

  constructor(clients) {
    this.#clients = clients
    this.#timer = setInterval(() => this.#turn(), TURN_MS)
  }

  /** Latencies since the last call. */
  take() {
    const samples = this.#samples.sort((a, b) => a - b)
    const [p50Ms, p99Ms, maxMs] = [0.5, 0.99, 1].map((share) => Number(percentile(samples, share).toFixed(1)))
    const taken = { writes: samples.length, leftOut: this.#leftOut, failed: this.#failed, p50Ms, p99Ms, maxMs }
    this.#samples = []
    this.#leftOut = 0
    this.#failed = 0
    return taken
  }

  close() {
    clearInterval(this.#timer)
    for (const client of this.#clients) client.close()
  }

  #turn() {
    const due = Math.floor(((performance.now() - this.#startedMs) / 1000) * RATE)
    for (; this.#sent < due; this.#sent++) {
      if (this.#waiting >= WAITING_MAX) this.#leftOut++
      else void this.#write(this.#sent)
    }
  }

  async #write(i) {
    const dueMs = this.#startedMs + (i / RATE) * 1000
    const client = this.#clients[i % this.#clients.length]
    this.#waiting++
    try {
      await client.call(PUT, putRequest(Buffer.from(`/steady/${i % WRITE_KEYS}`), bytesAt(i, WRITE_BYTES)), true)
      this.#samples.push(performance.now() - dueMs)
    } catch {
      this.#failed++
    } finally {
      this.#waiting--
    }
  }
}

const residentMib = (member) => {
  const status = readFileSync(`/proc/${member.pid}/status`, 'utf8')
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024)
}

/** Seconds until `member` has caught up, and the most memory that either side had meanwhile. */
const catchUp = async (leader, member, startedMs) => {
  let leaderPeakMib = 0
  let memberPeakMib = 0
  for (;;) {
    leaderPeakMib = Math.max(leaderPeakMib, residentMib(leader))
    memberPeakMib = Math.max(memberPeakMib, residentMib(member))
    const wanted = (await leader.status())?.raftIndex
    const applied = (await member.status())?.raftAppliedIndex
    if (wanted !== undefined && applied !== undefined && Number(applied) >= Number(wanted)) break
    if (performance.now() - startedMs > CATCH_UP_TIMEOUT_MS) {
      throw new Error(`${member.name} applied ${applied} of ${wanted}:\n${member.log.slice(-3000)}`)
    }
    await delay(POLL_MS)
  }
  const seconds = Number(((performance.now() - startedMs) / 1000).toFixed(1))
  return { seconds, leaderPeakMib, memberPeakMib, bySnapshot: member.log.includes('applied snapshot') }
}

const measure = async (name) => {
  const workbench = new Workbench()
  let writer
  try {
    const kind = name === 'etcd' ? 'reference' : 'quorate'
    const cluster = await workbench.startCluster({ kind, size: 3, flags: ['--quota-backend-bytes=8000000000'] })
    const [leader, , stopped] = cluster.members
    await cluster.lead(leader)
    await stopped.kill()
    const loadSeconds = Number((await load(leader.address.client)).toFixed(1))
    writer = new SteadyWriter(await openAll(leader.address.client, LOAD_CONNECTIONS))
    await delay(SETTLE_MS)
    writer.take()
    await delay(BEFORE_MS)
    const before = { ...writer.take(), leaderMib: residentMib(leader) }

    const restartedMs = performance.now()
    stopped.launch()
    const lagging = { ...(await catchUp(leader, stopped, restartedMs)), ...writer.take() }
    await delay(SETTLE_MS)
    writer.take()

    const old = [...cluster.members]
    const joined = await cluster.add(leader, old)
    writer.take()
    const joinedMs = performance.now()
    joined.launch()
    const empty = { ...(await catchUp(leader, joined, joinedMs)), ...writer.take() }
    writer.close()
    writer = undefined
    const hashes = new Set((await cluster.hashes()).map(({ hash }) => hash))
    if (hashes.size !== 1) throw new Error(`${name}: the members differ`)
    return { loadSeconds, before, lagging, empty }
  } finally {
    writer?.close()
    await workbench.close()
  }
}

const results = {}
for (const name of options.servers.split(',')) results[name] = await measure(name)

const rows = [
  ['load, s', (r) => r.loadSeconds],
  ['p50 / p99 / longest write before, ms', (r) => latency(r.before)],
  ['memory of the leader before, MiB', (r) => r.before.leaderMib],
  ...[
    ['stopped member', 'lagging'],
    ['empty member', 'empty'],
  ].flatMap(([what, phase]) => [
    [`${what}: caught up after, s`, (r) => `${r[phase].seconds}${r[phase].bySnapshot ? '' : ' (log)'}`],
    [`${what}: p50 / p99 / longest write meanwhile, ms`, (r) => latency(r[phase])],
    [
      `${what}: writes answered, left out, failed`,
      (r) => `${r[phase].writes}, ${r[phase].leftOut}, ${r[phase].failed}`,
    ],
    [`${what}: peak memory of it / of the leader, MiB`, (r) => `${r[phase].memberPeakMib} / ${r[phase].leaderPeakMib}`],
  ]),
]
const line = (cells) => `| ${cells.join(' | ')} |`
console.log(`${ENTRIES} entries of ${VALUE_BYTES} bytes behind, ${RATE} writes/s, Node.js ${process.version}, `)
console.log(`${cpus().length} x ${cpus()[0].model.trim()}, four processes of members at most\n`)
console.log(line(['', ...Object.keys(results)]))
console.log(line(['---', ...Object.keys(results).map(() => '---:')]))
for (const [name, read] of rows) console.log(line([name, ...Object.values(results).map(read)]))
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`)

function latency({ p50Ms, p99Ms, maxMs }) {
  return `${p50Ms} / ${p99Ms} / ${maxMs}`
}
