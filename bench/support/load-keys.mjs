// Load process: writes keys and prints how long it took. Its own process, so that it shares no event loop with anything.
//
//   node bench/support/load-keys.mjs '{"port":2379,"writes":1000000,"keys":1000000,"perTxn":100,"connections":8,"inFlight":4}'
import { randomBytes } from 'node:crypto'
import { RawClient, RawMethod } from './raw-client.mjs'
import { putRequest, txnOfPuts } from './requests.mjs'

const { port, writes, keys, perTxn, connections, inFlight } = JSON.parse(process.argv[2])
const VALUE_BYTES = 256
/** Prime, so that stepping by it visits all keys in an order that is none. */
const STEP = 7_368_787
/** Longer than what any compression looks back, so that values do not shrink. */
const noise = randomBytes(4 * 1024 * 1024)

const keyAt = (i) => Buffer.from(`/registry/pods/${String((i * STEP) % keys).padStart(17, '0')}`)
const valueAt = (i) => {
  const at = (i * 257) % (noise.length - VALUE_BYTES)
  return noise.subarray(at, at + VALUE_BYTES)
}

const single = new RawMethod('/etcdserverpb.KV/Put')
const txn = new RawMethod('/etcdserverpb.KV/Txn')
const clients = await Promise.all(Array.from({ length: connections }, () => RawClient.open(port)))
let next = 0
let longestMs = 0

const lane = async (client) => {
  while (next < writes) {
    const first = next
    next += perTxn
    const startedMs = performance.now()
    if (perTxn === 1) await client.call(single, putRequest(keyAt(first), valueAt(first)), true)
    else {
      const puts = []
      for (let i = first; i < Math.min(first + perTxn, writes); i++) puts.push(putRequest(keyAt(i), valueAt(i)))
      await client.call(txn, txnOfPuts(puts), true)
    }
    longestMs = Math.max(longestMs, performance.now() - startedMs)
  }
}

const startedMs = performance.now()
const cpuBefore = process.cpuUsage()
await Promise.all(clients.flatMap((client) => Array.from({ length: inFlight }, () => lane(client))))
const { user, system } = process.cpuUsage(cpuBefore)
for (const client of clients) client.close()
const seconds = (performance.now() - startedMs) / 1000
console.log(JSON.stringify({ seconds, longestMs: Math.round(longestMs), loaderCpuSeconds: (user + system) / 1e6 }))
