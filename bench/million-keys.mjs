// A million keys (32-byte keys, 256-byte values): time to load, memory, restart to the first linearizable read, full lists;
// real etcd and quorate in turn. Run after a build, on a quiet machine:
//
//   node bench/million-keys.mjs [--keys 1000000] [--servers etcd,quorate] [--per-txn 100] [--single 100000] [--json FILE]
//
// `--per-txn 1` loads everything by single puts. `--single N` adds a run of N single puts on an empty store; 0 leaves it out.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { BenchServer, rangeMethod } from './support/bench-server.mjs'
import { RawClient } from './support/raw-client.mjs'
import { rangeRequest, readRange } from './support/requests.mjs'

const { values: options } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    servers: { type: 'string', default: 'etcd,quorate' },
    'per-txn': { type: 'string', default: '100' },
    single: { type: 'string', default: '100000' },
    'node-flags': { type: 'string', default: '' },
    json: { type: 'string' },
  },
})
const KEYS = Number(options.keys)
const PER_TXN = Number(options['per-txn'])
const SINGLE = Number(options.single)
const PAGE_KEYS = 10_000
const SETTLE_MS = 3000
/** The median counts. */
const RESTARTS = 3

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const seconds = (ms) => Number((ms / 1000).toFixed(2))
const spread = (perTxn) => (perTxn === 1 ? { connections: 50, inFlight: 10 } : { connections: 8, inFlight: 4 })

const listPages = async (port) => {
  const client = await RawClient.open(port)
  const startedMs = performance.now()
  const end = Buffer.of(0)
  let from = Buffer.of(0)
  let keys = 0
  let longestMs = 0
  for (;;) {
    const pageMs = performance.now()
    const page = readRange(await client.call(rangeMethod, rangeRequest(from, end, PAGE_KEYS)))
    longestMs = Math.max(longestMs, performance.now() - pageMs)
    keys += page.keys
    if (!page.more) break
    from = Buffer.concat([page.last, Buffer.of(0)])
  }
  client.close()
  return { keys, seconds: seconds(performance.now() - startedMs), longestMs: Math.round(longestMs) }
}

const listAll = async (port) => {
  const client = await RawClient.open(port)
  const startedMs = performance.now()
  const bytes = await client.call(rangeMethod, rangeRequest(Buffer.of(0), Buffer.of(0)), true)
  client.close()
  return { mib: Math.round(bytes / 2 ** 20), seconds: seconds(performance.now() - startedMs) }
}

const measure = async (kind) => {
  const server = new BenchServer(kind, { nodeFlags: options['node-flags'].split(' ').filter((flag) => flag !== '') })
  try {
    const result = { emptyStart: seconds(await server.start()) }
    const load = await server.load({ writes: KEYS, keys: KEYS, perTxn: PER_TXN, ...spread(PER_TXN) })
    result.load = { ...load, seconds: Number(load.seconds.toFixed(2)), putsPerSecond: Math.round(KEYS / load.seconds) }
    result.loadCpu = server.cpuSeconds()
    await delay(SETTLE_MS)
    result.loaded = server.memory()
    result.pages = await listPages(server.port)
    result.afterPages = server.memory()
    result.whole = await listAll(server.port)
    result.afterWhole = server.memory()
    result.diskMib = server.diskMib()
    const restarts = []
    for (let i = 0; i < RESTARTS; i++) {
      await server.stop()
      restarts.push({ seconds: seconds(await server.start()), cpu: server.cpuSeconds() })
    }
    restarts.sort((a, b) => a.seconds - b.seconds)
    result.restarts = restarts.map((restart) => restart.seconds)
    result.restart = restarts[RESTARTS >> 1].seconds
    result.restartCpu = restarts[RESTARTS >> 1].cpu
    await delay(SETTLE_MS)
    result.restarted = server.memory()
    await server.stop('SIGKILL')
    result.restartAfterKill = seconds(await server.start())
    if (result.pages.keys !== KEYS) throw new Error(`${kind} lists ${result.pages.keys} keys`)
    return result
  } finally {
    await server.close()
  }
}

const measureSingle = async (kind) => {
  const server = new BenchServer(kind)
  try {
    await server.start()
    const load = await server.load({ writes: SINGLE, keys: SINGLE, perTxn: 1, ...spread(1) })
    const memory = server.memory()
    await server.stop()
    const restart = seconds(await server.start())
    return { putsPerSecond: Math.round(SINGLE / load.seconds), longestMs: load.longestMs, ...memory, restart }
  } finally {
    await server.close()
  }
}

const results = {}
for (const kind of options.servers.split(',')) {
  results[kind] = await measure(kind)
  if (SINGLE > 0) results[kind].single = await measureSingle(kind)
}

const rows = [
  ['start on an empty directory, s', (r) => r.emptyStart],
  [`load by ${PER_TXN === 1 ? 'single puts' : `transactions of ${PER_TXN}`}, s`, (r) => r.load.seconds],
  ['puts per second', (r) => r.load.putsPerSecond],
  ['longest write, ms', (r) => r.load.longestMs],
  ['CPU of the server while loading, s', (r) => r.loadCpu],
  ['RSS after load, MiB', (r) => r.loaded.rssMib],
  ['peak RSS while loading, MiB', (r) => r.loaded.peakMib],
  [`list in pages of ${PAGE_KEYS}, s`, (r) => r.pages.seconds],
  ['slowest page, ms', (r) => r.pages.longestMs],
  ['peak RSS after pages, MiB', (r) => r.afterPages.peakMib],
  ['list as one range, s', (r) => r.whole.seconds],
  ['peak RSS after one range, MiB', (r) => r.afterWhole.peakMib],
  ['data directory, MiB', (r) => r.diskMib],
  [`restart to first read, s (median of ${RESTARTS})`, (r) => r.restart],
  ['CPU of the restart, s', (r) => r.restartCpu],
  ['restart after SIGKILL, s', (r) => r.restartAfterKill],
  ['RSS after restart, MiB', (r) => r.restarted.rssMib],
  ['peak RSS of the restart, MiB', (r) => r.restarted.peakMib],
  ...(SINGLE > 0
    ? [
        [`${SINGLE} single puts: per second`, (r) => r.single.putsPerSecond],
        [`${SINGLE} single puts: peak RSS, MiB`, (r) => r.single.peakMib],
        [`${SINGLE} single puts: restart, s`, (r) => r.single.restart],
      ]
    : []),
]
const kinds = Object.keys(results)
const both = kinds.includes('etcd') && kinds.includes('quorate')
const line = (cells) => `| ${cells.join(' | ')} |`
console.log(`${KEYS} keys, Node ${process.version}, ${cpus().length} x ${cpus()[0].model.trim()}\n`)
console.log(line(['', ...kinds, ...(both ? ['quorate / etcd'] : [])]))
console.log(line(['---', ...kinds.map(() => '---:'), ...(both ? ['---:'] : [])]))
for (const [name, read] of rows) {
  const cells = kinds.map((kind) => read(results[kind]))
  const ratio = both ? [(read(results.quorate) / read(results.etcd)).toFixed(2)] : []
  console.log(line([name, ...cells, ...ratio]))
}
const json = JSON.stringify({ keys: KEYS, perTxn: PER_TXN, node: process.version, results }, null, 2)
if (options.json !== undefined) writeFileSync(options.json, `${json}\n`)
else console.log(`\n${json}`)
