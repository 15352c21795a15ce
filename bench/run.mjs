// End-to-end bench: loads real etcd and this server in alternation on the same disk and prints both figures and their ratio.
//
//   npm run bench -- [--rounds 5] [--seconds 4] [--only put] [--json FILE]
//
// Each round starts both servers anew with empty folders and runs every row on one, then on the other. Figures are medians of
// the rounds; CPU is the server's user and system time per call. The load generator runs in this process and is cheaper than
// either server.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { missingTool } from '../scripts/tools.mjs'
import { BenchServer } from './support/bench-server.mjs'
import { runLoad } from './support/grpc-load.mjs'
import { putRequest, singleRangeRequest } from './support/requests.mjs'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
  },
})
const rounds = Number(options.rounds)
const seconds = Number(options.seconds)
const VALUE = Buffer.alloc(256, 'v')
const KEYS_READ = 10_000

/** 8-byte keys in scattered order; the first ones are those that the range rows read. */
const keyOf = (i) => Buffer.from((Math.imul(i + 1, 2654435761) >>> 0).toString(16).padStart(8, '0'))
const put = (i) => putRequest(keyOf(i), VALUE)
const linearizable = (i) => singleRangeRequest(keyOf(i % KEYS_READ), false)
const serializable = (i) => singleRangeRequest(keyOf(i % KEYS_READ), true)
const PUT = '/etcdserverpb.KV/Put'
const RANGE = '/etcdserverpb.KV/Range'

const ROWS = [
  { name: 'put, 1 client', path: PUT, payload: put, connections: 1, calls: 1 },
  { name: 'put, 100 clients on 100 connections', path: PUT, payload: put, connections: 100, calls: 100 },
  { name: 'put, 1000 clients on 100 connections', path: PUT, payload: put, connections: 100, calls: 1000 },
  { name: 'range of one key, linearizable, 1 client', path: RANGE, payload: linearizable, connections: 1, calls: 1 },
  { name: 'range, linearizable, 1000 clients', path: RANGE, payload: linearizable, connections: 100, calls: 1000 },
  { name: 'range, serializable, 1000 clients', path: RANGE, payload: serializable, connections: 100, calls: 1000 },
].filter((row) => row.name.includes(options.only))

const missing = missingTool('etcd')
if (missing !== undefined) {
  console.error(missing)
  process.exit(1)
}

const results = []
for (let round = 0; round < rounds; round++) {
  for (const contender of ['etcd', 'quorate']) {
    const server = new BenchServer(contender)
    try {
      await server.start()
      for (const row of ROWS) {
        const cpuBefore = server.cpuSeconds()
        const run = await runLoad({ ...row, address: `127.0.0.1:${server.port}`, seconds })
        if (run.errors > 0) throw new Error(`${contender}: ${run.errors} calls failed in "${row.name}"`)
        // The warm-up second is in the CPU time but not in the calls.
        const cpuSeconds = ((server.cpuSeconds() - cpuBefore) * seconds) / (seconds + 1)
        results.push({ row: row.name, contender, round, ...run, cpuUsPerCall: (cpuSeconds * 1e6) / run.calls })
      }
      results.push({ row: 'peak memory, MiB', contender, round, rate: server.memory().peakMib })
    } finally {
      await server.close()
    }
  }
}

const table = [...new Set(results.map(({ row }) => row))].map((row) => {
  const of = (contender, field) =>
    median(results.filter((r) => r.row === row && r.contender === contender).map((r) => r[field]))
  const [theirs, ours] = [of('etcd', 'rate'), of('quorate', 'rate')]
  return {
    row,
    etcd: Math.round(theirs),
    quorate: Math.round(ours),
    ratio: Number((ours / theirs).toFixed(2)),
    'p50 ms': `${fixed(of('etcd', 'p50Ms'))} / ${fixed(of('quorate', 'p50Ms'))}`,
    'p99 ms': `${fixed(of('etcd', 'p99Ms'))} / ${fixed(of('quorate', 'p99Ms'))}`,
    'CPU us': `${fixed(of('etcd', 'cpuUsPerCall'))} / ${fixed(of('quorate', 'cpuUsPerCall'))}`,
  }
})
console.log(
  `${rounds} rounds of ${seconds} s, ${cpus().length} x ${cpus()[0]?.model}, Node.js ${process.version}; rates per second, etcd / quorate`,
)
console.table(table)
if (options.json !== undefined) writeFileSync(options.json, JSON.stringify({ table, results }, null, 2))

function median(numbers) {
  const sorted = numbers.filter((n) => n !== undefined).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

function fixed(number) {
  return number === undefined ? '' : number.toFixed(2)
}
