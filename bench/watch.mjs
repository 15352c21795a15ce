// What it costs to publish a transaction to watchers, and to catch watchers up from history. Run after a build:
//
//   node bench/watch.mjs
//
// One change of a 256-byte value per transaction; sinks only count. Publishing is timed without the making of the change.
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import { etcdserverpb } from '#src/proto/index.js'
import { WatchHub } from '#src/mvcc/watch/index.js'
import { createRequest, headerFor, MemorySource, put } from '#src/mvcc/watch/testing.js'
import { bytesOfKey } from '#src/base/index.js'

const VALUE = bytesOfKey('v'.repeat(256))
const ROUNDS = 5

const newHub = (source) =>
  new WatchHub(source, {
    random: { below: () => 0, uint64: () => 0n },
    header: headerFor,
    onWork: () => undefined,
    fragmentBytes: 2 << 20,
    progressIntervalMs: 600_000,
  })

let received = 0
let encodedBytes = 0
const countingSink = (encode) => ({
  send: (response) => {
    received += response.events.length
    if (encode) encodedBytes += etcdserverpb.WatchResponseCodec.encode(response).length
    return true
  },
  onOverflow: () => undefined,
})

/** Median and spread over rounds of `run`, which returns microseconds per publish. */
const measure = (name, run) => {
  const results = Array.from({ length: ROUNDS }, run).sort((a, b) => a - b)
  const median = results[ROUNDS >> 1]
  const text = `${median.toFixed(2).padStart(9)} us  (${results[0].toFixed(2)} .. ${results.at(-1).toFixed(2)})`
  console.log(`${name.padEnd(58)} ${text}`)
}

const publishCost = ({ watchers, others = 0, ranges = false, prevKv = false, encode = false, streams = 1 }) => {
  const source = new MemorySource()
  const hub = newHub(source)
  const open = Array.from({ length: streams }, () => hub.openStream(countingSink(encode), 0))
  for (let i = 0; i < watchers; i++) {
    open[i % streams].create(createRequest({ on: '/registry/pods/a', end: ranges ? '/registry/pods/b' : '', prevKv }))
  }
  for (let i = 0; i < others; i++) {
    const on = `/other/${String(i).padStart(7, '0')}`
    open[i % streams].create(createRequest({ on, end: ranges ? `${on}/~` : '' }))
  }
  const count = Math.max(200, Math.min(20_000, Math.floor(400_000 / (watchers + 1))))
  const made = []
  for (let i = 0; i < count; i++) made.push(source.commit([put('/registry/pods/a')], VALUE))
  const start = performance.now()
  for (let i = 0; i < count; i++) hub.publish(i + 2, made[i])
  return ((performance.now() - start) * 1000) / count
}

const catchUpCost = (watchers) => {
  const source = new MemorySource()
  const hub = newHub(source)
  const revisions = 20_000
  for (let i = 0; i < revisions; i++) {
    const changes = source.commit([put(`/registry/pods/${i % 1000}`)], VALUE)
    hub.publish(source.revision, changes)
  }
  const stream = hub.openStream(countingSink(false), 0)
  for (let i = 0; i < watchers; i++) {
    stream.create(createRequest({ on: '/registry/pods/', end: '/registry/pods0', startRevision: 2 }))
  }
  received = 0
  let slices = 0
  let longestMs = 0
  const start = performance.now()
  for (let more = true; more; slices++) {
    const before = performance.now()
    more = hub.catchUp(1000)
    longestMs = Math.max(longestMs, performance.now() - before)
  }
  const totalMs = performance.now() - start
  const name = `catch-up, ${revisions} revisions, ${watchers} watchers`
  const rate = `${((received / totalMs) * 1000).toExponential(2)} events/s`
  console.log(
    `${name.padEnd(58)} ${totalMs.toFixed(0).padStart(9)} ms  ${rate}, longest of ${slices} slices ${longestMs.toFixed(1)} ms`,
  )
}

console.log(`Node ${process.version}, ${cpus()[0]?.model}`)
console.log('publish, per transaction:')
for (const watchers of [0, 1, 100, 1000]) {
  measure(`${watchers} watchers of the key`, () => publishCost({ watchers }))
  measure(`${watchers} watchers of a prefix, 100 streams`, () => publishCost({ watchers, ranges: true, streams: 100 }))
}
measure('1 watcher, 10 000 of other keys', () => publishCost({ watchers: 1, others: 10_000 }))
measure('1 watcher, 10 000 of other ranges', () => publishCost({ watchers: 1, others: 10_000, ranges: true }))
measure('100 watchers with prev_kv', () => publishCost({ watchers: 100, prevKv: true }))
measure('1000 watchers, responses encoded', () => publishCost({ watchers: 1000, encode: true, streams: 100 }))
for (const watchers of [1, 100, 1000]) catchUpCost(watchers)
if (encodedBytes === 0) throw new Error('nothing was encoded')
