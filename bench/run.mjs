// End-to-end bench: loads real etcd and this server in alternation on the same disk and prints both figures and their ratio.
//
//   npm run bench -- [--rounds 5] [--seconds 2] [--warmup SECONDS] [--only put] [--contender quorate] [--members 3] [--json FILE] [--list]
//
// Each round gives every group of rows a fresh server of each contender, one after the other, warms it up with the load of one
// row, for 6 s per member unless `--warmup` says otherwise, and lets it rest for two: processes that share two cores and run code
// which is compiled as it runs are slower in their first seconds, and servers run for weeks. A row begins with a second of its
// own load unseen, or four per member where it is one client's, and one more after the page of metrics was read. Figures are
// medians of the rounds: answers (or events) per second; CPU is user and system time of the server per answer; peak memory is
// that of the row; loop is the delay of our event loop, and the line below the table has that of all rows together; load is the
// share of the load generator (this process) in all CPU time: where it nears one half, the figures say more about it than about
// the servers. A "!" marks what misses its goal.
// `--node-flags="--max-semi-space-size=32"` starts our server with these flags of Node.js.
// `--server-flags="--backend-batch-interval=500ms"` gives our server these flags of its own.
// `--only` takes words: rows whose name holds one of them, separated by "|".
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { missingTool } from '../scripts/tools.mjs'
import { BenchCluster } from './support/bench-cluster.mjs'
import { makeCertificate } from './support/certificate.mjs'
import { printTable, tableOf, wholeLoopDelay } from './support/report.mjs'
import { clusterGroups, singleGroups } from './support/rows.mjs'

const REST_MS = 2000
/** Under a row's own load, before it is measured. */
const LEAD_SECONDS = 1

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    warmup: { type: 'string' },
    only: { type: 'string', default: '' },
    contender: { type: 'string' },
    members: { type: 'string', default: '1' },
    json: { type: 'string' },
    'node-flags': { type: 'string' },
    'server-flags': { type: 'string' },
    list: { type: 'boolean', default: false },
  },
})
const rounds = Number(options.rounds)
const seconds = Number(options.seconds)
const members = Number(options.members)
const warmupSeconds = Number(options.warmup ?? 6 * members)
const words = options.only.split('|')
const nodeFlags = wordsOf(options['node-flags'])
const serverFlags = wordsOf(options['server-flags'])
const contenders = options.contender === undefined ? ['etcd', 'quorate'] : [options.contender]
if (!contenders.every((name) => ['etcd', 'quorate'].includes(name))) fail(`--contender is etcd or quorate`)
if (![1, 3, 5, 7].includes(members)) fail('--members is 1, 3, 5 or 7')

const groups = (members === 1 ? singleGroups(options.list ? {} : makeCertificate()) : clusterGroups())
  .map((group) => ({
    ...group,
    warming: group.rows.find(({ name }) => name === (group.warmedBy ?? group.rows[0].name)),
    rows: group.rows.filter(({ name }) => words.some((word) => name.includes(word))),
  }))
  .filter(({ rows }) => rows.length > 0)
const rows = groups.flatMap((group) => group.rows)
if (options.list) {
  for (const { name, target, note } of rows)
    console.log(`${name}${target > 0 ? `  (goal ${target})` : ''}${note ? `  (${note})` : ''}`)
  process.exit(0)
}
if (rows.length === 0) fail(`no row is called so; --list names them`)
const missing = contenders.includes('etcd') ? missingTool('etcd') : undefined
if (missing !== undefined) fail(missing)

const results = []
const failures = new Set()
const startedMs = performance.now()
let underWay = ''
process.on('uncaughtExceptionMonitor', () => console.error(`while measuring: ${underWay}`))
for (let round = 0; round < rounds; round++) {
  for (const group of groups) for (const contender of contenders) await runGroup(group, contender, round)
  const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1)
  console.error(`round ${round + 1} of ${rounds}, ${minutes} min`)
}
const table = tableOf(rows, results)
const machine = `${cpus().length} x ${cpus()[0]?.model}, Node.js ${process.version}`
const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1)
const who = members === 1 ? '' : `, ${members} members`
console.log(`${rounds} rounds of ${seconds} s${who}, ${machine}, ${minutes} min; etcd / quorate`)
printTable(table)
const loop = wholeLoopDelay(results)
if (loop.samples > 0)
  console.log(
    `our event loop, all rows: p99 ${loop.p99Ms.toFixed(1)} ms, p99.9 ${loop.p999Ms.toFixed(1)} ms late (${loop.samples} samples)`,
  )
for (const text of failures) console.log(`not measured: ${text}`)
if (options.json !== undefined) {
  writeFileSync(
    options.json,
    JSON.stringify({ machine, members, rounds, seconds, table, loop, results, failures: [...failures] }, null, 2),
  )
}
process.exit(failures.size === 0 ? 0 : 1)

/** What a contender cannot serve, or fails to, is named at the end. */
async function runGroup(group, contender, round) {
  const todo = group.rows.filter(({ only }) => only === undefined || only === contender)
  if (todo.length === 0) return
  if (group.tls?.missing !== undefined) {
    failures.add(`${group.name}: ${group.tls.missing}`)
    return
  }
  const own = contender === 'quorate' ? serverFlags : []
  const cluster = new BenchCluster(contender, {
    ...group.tls,
    members,
    nodeFlags,
    flags: [...(group.tls?.flags ?? []), ...own],
  })
  try {
    try {
      await cluster.start()
    } catch (error) {
      failures.add(`${group.name}, ${contender}: ${error.message}`)
      return
    }
    await group.prepare?.((await cluster.targets())[0])
    if (group.restart) {
      await cluster.stop()
      await cluster.start()
    }
    try {
      if (warmupSeconds > 0) await warmUp(group.warming, cluster, contender)
    } catch (error) {
      failures.add(`warm-up of ${group.name}, ${contender}: ${error.message}`)
      return
    }
    for (const row of todo) {
      try {
        await runRow(row, cluster, contender, round)
      } catch (error) {
        failures.add(`${row.name}, ${contender}: ${error.message}`)
      }
    }
  } finally {
    await cluster.close()
  }
}

async function warmUp(row, cluster, contender) {
  underWay = `${row.name}, ${contender}, warm-up`
  await row.run({ targets: await cluster.targets(row.place), seconds: 0, warmupSeconds })
  // What the load left behind (commits, compactions, collections) is not part of the next row.
  await new Promise((resolve) => setTimeout(resolve, REST_MS))
}

async function runRow(row, cluster, contender, round) {
  underWay = `${row.name}, ${contender}, round ${round + 1}`
  const targets = await cluster.targets(row.place)
  const run = await row.run({
    targets,
    seconds,
    warmupSeconds: Math.min(warmupSeconds, row.leadSeconds === undefined ? LEAD_SECONDS : row.leadSeconds * members),
    probe: cluster.probe(),
  })
  if (run.errors > 0) throw new Error(`${run.errors} calls failed`)
  if (run.calls === 0) throw new Error('nothing was answered')
  results.push({
    row: row.name,
    contender,
    round,
    ...run,
    cpuUsPerCall: (run.serverCpuSeconds * 1e6) / run.calls,
    loadShare: run.loadCpuSeconds / (run.loadCpuSeconds + run.serverCpuSeconds),
  })
}

function wordsOf(text = '') {
  return text.split(' ').filter((word) => word !== '')
}

function fail(text) {
  console.error(text)
  process.exit(1)
}
