// Fills a store with a million keys through LevelDB, then reopens, walks and reads it. Prints one figure per line.
//
//   node --expose-gc bench/mvcc.mjs [--keys 1000000] [--value-bytes 256] [--batch 500] [--order random|ascending] [--no-sync]
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { OPEN_END, RangeQuery, Store } from '../dist/mvcc/index.js'
import { LevelBackend } from '../dist/storage/index.js'

const { values: flags } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    'value-bytes': { type: 'string', default: '256' },
    batch: { type: 'string', default: '500' },
    order: { type: 'string', default: 'random' },
    'no-sync': { type: 'boolean', default: false },
    dir: { type: 'string', default: tmpdir() },
  },
})
const KEYS = Number(flags.keys)
const BATCH = Number(flags.batch)
const NO_LEASE = 0n

const clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
  every: () => ({ cancel: () => undefined }),
  soon: (callback) => setImmediate(callback),
  afterCallback: (callback) => queueMicrotask(callback),
  yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
}
const silent = () => undefined
const logger = { debugEnabled: false, debug: silent, info: silent, warn: console.warn, error: console.error }

class Rows {
  rows = []
  put(bucket, key, value) {
    this.rows.push({ bucket, key, value })
  }
  delete(bucket, key) {
    this.rows.push({ bucket, key, value: undefined })
  }
}

const keyAt = (i) => {
  const spread = flags.order === 'random' ? Math.imul(i, 2654435761) >>> 0 : i
  return Buffer.from('/registry/pods/default/' + spread.toString(16).padStart(9, '0')).latin1Slice()
}

const say = (name, value, unit) => console.log(`${name.padEnd(44)} ${String(value).padStart(12)} ${unit}`)
const memory = (when) => {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  const status = readFileSync('/proc/self/status', 'latin1')
  const megabytes = (name) => Math.round((Number(new RegExp(`${name}:\\s*(\\d+)`).exec(status)?.[1]) * 1024) / 1e6)
  say(`${when}: RSS, mapped files aside`, megabytes('RssAnon'), 'MB')
  say(`${when}: mapped files`, megabytes('RssFile'), 'MB')
  say(`${when}: heap, external`, `${Math.round(heapUsed / 1e6)}, ${Math.round(external / 1e6)}`, 'MB')
}
/** Longest time between two turns while `work` runs. */
const withLongestStall = async (work) => {
  let longest = 0
  let last = performance.now()
  let over = false
  const turn = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
    if (!over) setImmediate(turn)
  }
  setImmediate(turn)
  const result = await work()
  over = true
  return [result, longest]
}

const folder = mkdtempSync(join(flags.dir, 'quorate-bench-'))
const path = join(folder, 'store')
const options = {
  clock,
  logger,
  onFailure: (error) => {
    throw error
  },
}
let backend = await LevelBackend.open(path, { syncWrites: !flags['no-sync'] })
let store = await Store.open(backend, options)

const commit = async () => {
  const sink = new Rows()
  const token = store.collectRows(sink)
  if (sink.rows.length > 0) await backend.write(sink.rows)
  store.flushed(token)
}

memory('empty')
// Hexadecimal noise: compresses to about half, as real objects do.
const VALUE_BYTES = Number(flags['value-bytes'])
let state = 1
const noise = Buffer.from(Array.from({ length: 1 << 20 }, () => '0123456789abcdef'.charCodeAt(random16())))
function random16() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return state >>> 28
}
const valueAt = (i) => {
  const from = (i * 7919) % (noise.length - VALUE_BYTES)
  return noise.subarray(from, from + VALUE_BYTES)
}
/** Milliseconds of processor time of this process, all threads. */
const cpuMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
let startedCpu = cpuMs()
let started = performance.now()
let applyMs = 0
let writing = Promise.resolve()
let writes = 0
for (let i = 0; i < KEYS;) {
  const begun = performance.now()
  for (let n = 0; n < BATCH && i < KEYS; n++, i++) {
    const txn = store.beginWrite()
    txn.put(keyAt(i), valueAt(i), NO_LEASE)
    txn.end()
  }
  applyMs += performance.now() - begun
  // The next batch is applied while this one is written, but no two are written at once.
  await writing
  writing = commit()
  writes++
}
await writing
await commit()
say('fill', Math.round(performance.now() - started), 'ms')
say('  processor', Math.round(cpuMs() - startedCpu), 'ms')
say('  of that in transactions', Math.round(applyMs), 'ms')
say('  per put in transactions', ((applyMs * 1000) / KEYS).toFixed(2), 'us')
say('batches written', writes, '')
memory('filled')
say('files', Math.round((await backend.fileBytes()) / 1e6), 'MB')
say('in use', Math.round(store.inUseBytes / 1e6), 'MB')

await store.close()
await backend.close()
started = performance.now()
backend = await LevelBackend.open(path)
say('open LevelDB', Math.round(performance.now() - started), 'ms')
started = performance.now()
startedCpu = cpuMs()
const [reopened, openStall] = await withLongestStall(() => Store.open(backend, options))
store = reopened
say('restore', Math.round(performance.now() - started), 'ms')
say('  processor', Math.round(cpuMs() - startedCpu), 'ms')
say('  longest stall', Math.round(openStall), 'ms')
memory('restored')

const range = (query) => new Promise((resolve) => store.range(query, resolve))
const query = (end, set) => Object.assign(new RangeQuery('\0', end), set)
for (const [name, set] of [
  ['count all', { countOnly: true }],
  ['list 500 of all', { limit: 500 }],
  ['keys only', { keysOnly: true }],
  ['list all', {}],
]) {
  started = performance.now()
  const [outcome, stall] = await withLongestStall(() => range(query(OPEN_END, set)))
  say(`${name} (${outcome.kvs.length} of ${outcome.count})`, Math.round(performance.now() - started), 'ms')
  say('  longest stall', stall.toFixed(1), 'ms')
}
memory('after lists')

let reads = 0
started = performance.now()
while (performance.now() - started < 2000) {
  for (let n = 0; n < 100; n++, reads++) store.get(keyAt((reads * 7919) % KEYS), store.revision)
}
say('random reads', Math.round(reads / ((performance.now() - started) / 1000)), '/s')
reads = 0
started = performance.now()
while (performance.now() - started < 1000) {
  for (let n = 0; n < 100; n++, reads++) store.get(keyAt((reads * 7919) % 1000), store.revision)
}
say('reads of 1000 warm keys', Math.round(reads / ((performance.now() - started) / 1000)), '/s')
memory('after reads')

started = performance.now()
const [hash, hashStall] = await withLongestStall(() => store.hashKv(0))
say(`HashKV ${hash.hash}`, Math.round(performance.now() - started), 'ms')
say('  longest stall', hashStall.toFixed(1), 'ms')

for (let i = 0; i < KEYS / 10; i++) {
  const txn = store.beginWrite()
  txn.put(keyAt(i * 3), valueAt(i), NO_LEASE)
  txn.end()
  if (i % BATCH === BATCH - 1) await commit()
}
await commit()
started = performance.now()
startedCpu = cpuMs()
const [, sweepStall] = await withLongestStall(async () => {
  let over = false
  const swept = store.compact(store.revision).swept.then(() => (over = true))
  while (!over) {
    await commit()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await swept
})
say('compaction', Math.round(performance.now() - started), 'ms')
say('  processor, with a loop that never rests', Math.round(cpuMs() - startedCpu), 'ms')
say('  longest stall', sweepStall.toFixed(1), 'ms')
say('in use', Math.round(store.inUseBytes / 1e6), 'MB')
started = performance.now()
await backend.reclaim()
say('reclaim', Math.round(performance.now() - started), 'ms')
say('files', Math.round((await backend.fileBytes()) / 1e6), 'MB')
{
  const txn = store.beginWrite()
  started = performance.now()
  const { length } = txn.deleteRange(keyAt(0), keyAt(0).slice(0, -8) + '4')
  txn.end()
  say(`delete ${length} keys in one go`, Math.round(performance.now() - started), 'ms')
  await commit()
}
memory('end')
await store.close()
await backend.close()
rmSync(folder, { recursive: true })
