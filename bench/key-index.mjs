// The index of keys alone: scattered keys of 8 bytes that are looked up and put, looked up again, walked, and put again and again, which
// keeps what they were before. Run after a build:
//
//   node --expose-gc bench/key-index.mjs [--keys 3000000] [--again 2] [--dist DIR]
import { pathToFileURL } from 'node:url'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

const { values: flags } = parseArgs({
  options: {
    keys: { type: 'string', default: '3000000' },
    again: { type: 'string', default: '2' },
    dist: { type: 'string', default: 'dist' },
  },
})
const KEYS = Number(flags.keys)
const WALK_STEP = 4096
const MB = 1e6
const { KeyIndex, OPEN_END } = await import(pathToFileURL(resolve(flags.dist, 'mvcc/key-index.js')).href)

/** As it comes from a request: a string of its own. */
const keyAt = (i) =>
  Buffer.from((Math.imul(i + 1, 2654435761) >>> 0).toString(16).padStart(8, '0'), 'latin1').latin1Slice()

const microsecondsEach = (work) => {
  const startedMs = performance.now()
  for (let i = 0; i < KEYS; i++) work(i)
  return (((performance.now() - startedMs) / KEYS) * 1000).toFixed(2)
}

const index = new KeyIndex()
console.log(`making a key           ${microsecondsEach((i) => keyAt(i))} us`)
const cpuBefore = process.cpuUsage()
const put = microsecondsEach((i) => {
  const key = keyAt(i)
  index.get(key)
  index.put(key, i + 1, 0)
})
const { user, system } = process.cpuUsage(cpuBefore)
console.log(`look up and put        ${put} us, ${((user + system) / KEYS).toFixed(2)} us of all threads`)
const get = microsecondsEach((i) => {
  if (index.get(keyAt((i * 7919) % KEYS)) === undefined) throw new Error('a key is missing')
})
console.log(`look up                ${get} us`)

let from = ''
let visited = 0
const walkStartedMs = performance.now()
while (from !== undefined) from = index.walk(from, OPEN_END, WALK_STEP, () => visited++)
if (visited !== KEYS) throw new Error(`walked over ${visited} of ${KEYS} keys`)
console.log(`walk                   ${(((performance.now() - walkStartedMs) / KEYS) * 1000).toFixed(3)} us`)

const memory = () => {
  if (globalThis.gc === undefined) return
  globalThis.gc()
  const startedMs = performance.now()
  globalThis.gc()
  console.log(`full collection        ${(performance.now() - startedMs).toFixed(0)} ms`)
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  console.log(`heap and pages         ${(heapUsed / MB).toFixed(0)} and ${(arrayBuffers / MB).toFixed(0)} MB`)
}
memory()

for (let round = 1; round <= Number(flags.again); round++) {
  const before = process.cpuUsage()
  const again = microsecondsEach((i) => index.put(keyAt((i * 7919) % KEYS), KEYS * round + i + 1, 0))
  const { user, system } = process.cpuUsage(before)
  console.log(
    `put again, ${String(round).padEnd(11)} ${again} us, ${((user + system) / KEYS).toFixed(2)} us of all threads`,
  )
  memory()
}
