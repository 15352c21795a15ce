// Memory over time: the same thousand keys written again and again, a compaction after each round. What compaction removes
// must leave memory too, so round after round looks alike. Real etcd beside it with `--servers etcd,quorate`.
//
//   node bench/rewrites.mjs [--puts 1000000] [--rounds 10] [--keys 1000] [--servers quorate] [--json FILE]
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { BenchServer, rangeMethod } from './support/bench-server.mjs'
import { RawClient, RawMethod } from './support/raw-client.mjs'
import { compactionRequest, rangeRequest, readRevision } from './support/requests.mjs'

const { values: options } = parseArgs({
  options: {
    puts: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '10' },
    keys: { type: 'string', default: '1000' },
    servers: { type: 'string', default: 'quorate' },
    json: { type: 'string' },
  },
})
const ROUNDS = Number(options.rounds)
const PUTS = Math.floor(Number(options.puts) / ROUNDS)
const KEYS = Number(options.keys)
const SETTLE_MS = 2000
const compactMethod = new RawMethod('/etcdserverpb.KV/Compact')

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Compacts at the newest revision and waits until the sweep is done. */
const compact = async (port) => {
  const client = await RawClient.open(port)
  const revision = readRevision(await client.call(rangeMethod, rangeRequest(Buffer.from('a'), Buffer.from('b'))))
  const startedMs = performance.now()
  await client.call(compactMethod, compactionRequest(revision), true)
  client.close()
  return performance.now() - startedMs
}

/** Bytes of live JavaScript objects after the last collection; only quorate tells. */
const heapMib = async (port) => {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const bytes = /^nodejs_heap_size_used_bytes (\S+)/m.exec(text)?.[1]
  return bytes === undefined ? undefined : Math.round(Number(bytes) / 2 ** 20)
}

const measure = async (kind) => {
  const server = new BenchServer(kind)
  try {
    await server.start()
    const rounds = []
    for (let round = 1; round <= ROUNDS; round++) {
      const load = await server.load({ writes: PUTS, keys: KEYS, perTxn: 1, connections: 50, inFlight: 10 })
      const loaded = server.memory()
      const compactMs = await compact(server.port)
      await delay(SETTLE_MS)
      const figures = {
        round,
        putsPerSecond: Math.round(PUTS / load.seconds),
        longestPutMs: load.longestMs,
        rssLoadedMib: loaded.rssMib,
        compactMs: Math.round(compactMs),
        rssMib: server.memory().rssMib,
        heapMib: await heapMib(server.port),
        diskMib: server.diskMib(),
      }
      rounds.push(figures)
    }
    return rounds
  } finally {
    await server.close()
  }
}

const results = {}
for (const kind of options.servers.split(',')) {
  results[kind] = await measure(kind)
  console.log(`${kind}: ${ROUNDS} rounds of ${PUTS} puts to ${KEYS} keys, each followed by a compaction`)
  console.table(results[kind])
}
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`)
