// Unary calls, so and so many open at any time: cheap enough to measure servers of our speed.
//
//   node bench/support/grpc-load.mjs --port 2379 --connections 10 --calls 100 \
//     --path /etcdserverpb.KV/Put --payload put:16:256 --seconds 5
//
// Prints one line of JSON: { calls, errors, rate, p50Ms, p99Ms, maxMs, cpuUsPerCall }. As a module: `runLoad(options)`.
// Payloads: `empty`, `hex:0a0161`, `put:KEYBYTES:VALUEBYTES` (a PutRequest, keys counted up), `range:KEYBYTES` (a RangeRequest
// of one of the keys that `put` made).
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { LoadConnection, targetOf } from './load-connection.mjs'
import { Measurement } from './measurement.mjs'

const KEYS = 100_000

/**
 * Keeps `calls` calls open over `connections` connections, which go to the `targets` in turn. `payload(i)` is the message of the
 * i-th call, `path` its method or, as a function of i, the methods. A call whose grpc-status is not 0 counts as error. With more
 * connections than calls, a call moves on to the next connection when it is answered.
 */
export async function runLoad({ targets, connections, calls, path, payload, seconds, warmupSeconds = 1, probe }) {
  const measurement = new Measurement()
  const run = { measurement, next: 0, path: typeof path === 'function' ? path : () => path, payload }
  const clients = Array.from({ length: connections }, (_, i) => new UnaryClient(run, targets[i % targets.length]))
  if (calls < connections)
    for (const [i, client] of clients.entries()) client.successor = clients[(i + 1) % connections]
  try {
    await Promise.all(clients.map((client) => client.open()))
    for (let i = 0; i < calls; i++) clients[i % connections].call()
    return await measurement.take(seconds, warmupSeconds, probe)
  } finally {
    measurement.running = false
    for (const client of clients) client.close()
  }
}

class UnaryClient {
  /** Whose turn it is after an answer. */
  successor = this
  #run
  #connection
  #startedMs = new Map()

  constructor(run, target) {
    this.#run = run
    this.#connection = new LoadConnection(target, this)
  }

  open() {
    return this.#connection.open()
  }

  close() {
    this.#connection.close()
  }

  call() {
    const run = this.#run
    const i = run.next++
    this.#startedMs.set(this.#connection.call(run.path(i), run.payload(i)), performance.now())
  }

  onEnd(id, status) {
    const startedMs = this.#startedMs.get(id)
    this.#startedMs.delete(id)
    this.#run.measurement.note(performance.now() - startedMs, status !== '0')
    if (this.#run.measurement.running) this.successor.call()
  }

  /** A failed call, unless it was answered before (RFC 9113 section 8.1). */
  onReset(id, code) {
    if (!this.#startedMs.has(id)) return
    console.error(`RST_STREAM with code ${code} instead of an answer`)
    this.onEnd(id, undefined)
  }
}

const keyOf = (i, bytes) => Buffer.from(String(i % KEYS).padStart(bytes, 'k'))

/** The generator that a `--payload` names. */
export function payloadOf(text) {
  const [kind, first = '0', second = '0'] = text.split(':')
  if (kind === 'empty') return () => Buffer.alloc(0)
  if (kind === 'hex') return () => Buffer.from(first, 'hex')
  const keyBytes = Number(first)
  if (kind === 'range') return (i) => Buffer.concat([Buffer.of(0x0a, keyBytes), keyOf(i, keyBytes)])
  if (kind !== 'put') throw new Error(`unknown payload ${text}`)
  const value = Buffer.alloc(Number(second), 'v')
  const length = []
  let rest = value.length
  for (; rest >= 128; rest >>>= 7) length.push((rest & 0x7f) | 0x80)
  length.push(rest)
  const tail = Buffer.concat([Buffer.of(0x12, ...length), value])
  return (i) => Buffer.concat([Buffer.of(0x0a, keyBytes), keyOf(i, keyBytes), tail])
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '2379' },
      connections: { type: 'string', default: '10' },
      calls: { type: 'string', default: '100' },
      path: { type: 'string', default: '/etcdserverpb.KV/Put' },
      payload: { type: 'string', default: 'put:16:256' },
      seconds: { type: 'string', default: '5' },
      'warmup-seconds': { type: 'string', default: '1' },
    },
  })
  const { loadCpuSeconds, ...result } = await runLoad({
    targets: [targetOf(Number(values.port))],
    connections: Number(values.connections),
    calls: Number(values.calls),
    path: values.path,
    payload: payloadOf(values.payload),
    seconds: Number(values.seconds),
    warmupSeconds: Number(values['warmup-seconds']),
  })
  const cpuUsPerCall = Math.round((loadCpuSeconds * 1e9) / Math.max(result.calls, 1)) / 1000
  console.log(JSON.stringify({ ...result, rate: Math.round(result.rate), cpuUsPerCall }))
  process.exit(0)
}
