// Load on a gRPC server from frames that were encoded before: cheap enough to measure servers of our speed.
//
//   node bench/support/grpc-load.mjs --address 127.0.0.1:2379 --connections 10 --calls 100 \
//     --path /etcdserverpb.KV/Put --payload put:16:256 --seconds 5
//
// Prints one line of JSON: { calls, errors, rate, p50Ms, p99Ms, maxMs, cpuUsPerCall }. As a module: `runLoad(options)`.
// Payloads: `empty`, `hex:0a0161`, `put:KEYBYTES:VALUEBYTES` (a PutRequest, keys counted up), `range:KEYBYTES` (a RangeRequest
// of one of the keys that `put` made).
import { connect } from 'node:net'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { HpackDecoder } from '../../dist/transport/hpack/index.js'

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
const FRAME_HEAD = 9
const WINDOW = 2 ** 31 - 1
const SAMPLES_MAX = 1_000_000
const KEYS = 100_000

/**
 * Keeps `calls` unary calls open over `connections` connections for `seconds` after `warmupSeconds` unmeasured ones.
 * `payload(i)` gives the i-th request message. A call whose grpc-status is not 0 counts as error.
 */
export async function runLoad({ address, connections, calls, path, payload, seconds, warmupSeconds = 1 }) {
  const colon = address.lastIndexOf(':')
  const target = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
  const run = {
    nextCall: 0,
    payload,
    path,
    authority: address,
    measuring: false,
    running: true,
    done: 0,
    errors: 0,
    samples: new Float64Array(SAMPLES_MAX),
    sampleCount: 0,
  }
  const clients = []
  for (let i = 0; i < connections; i++) {
    const share = Math.floor(calls / connections) + (i < calls % connections ? 1 : 0)
    clients.push(new LoadConnection(run, target, share))
  }
  await Promise.all(clients.map((client) => client.open()))
  await pause(warmupSeconds * 1000)
  run.measuring = true
  const cpu = process.cpuUsage()
  const startMs = performance.now()
  await pause(seconds * 1000)
  run.measuring = false
  run.running = false
  const elapsedMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(cpu)
  for (const client of clients) client.close()
  const samples = run.samples.subarray(0, run.sampleCount).sort()
  const at = (share) => round(samples[Math.min(samples.length - 1, Math.floor(samples.length * share))] ?? 0)
  return {
    calls: run.done,
    errors: run.errors,
    rate: Math.round((run.done * 1000) / elapsedMs),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
    cpuUsPerCall: round((user + system) / Math.max(run.done, 1)),
  }
}

const round = (value) => Math.round(value * 1000) / 1000
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

class LoadConnection {
  constructor(run, target, share) {
    this.run = run
    this.target = target
    this.share = share
    this.decoder = new HpackDecoder(4096, 1 << 20)
    this.nextId = 1
    this.startedMs = new Map()
    this.out = []
    this.outBytes = 0
    this.flushDue = false
    this.rest = undefined
    this.owed = 0
    this.block = undefined
    this.status = ''
  }

  open() {
    const literals = [
      [0x44, this.run.path], // :path, joins the table
      [0x41, this.run.authority], // :authority
      [0x5f, 'application/grpc'], // content-type
      [0x7a, 'quorate-load'], // user-agent
    ].map(([head, value]) => Buffer.concat([Buffer.of(head, value.length), Buffer.from(value)]))
    const te = Buffer.concat([Buffer.of(0x40, 2), Buffer.from('te'), Buffer.of(8), Buffer.from('trailers')])
    this.firstBlock = Buffer.concat([Buffer.of(0x83, 0x86), ...literals, te])
    // The same fields by their indexes: te is the newest.
    this.laterBlock = Buffer.of(0x83, 0x86, 66 | 0x80, 65 | 0x80, 64 | 0x80, 63 | 0x80, 62 | 0x80)
    return new Promise((resolve, reject) => {
      this.socket = connect(this.target, () => {
        const settings = Buffer.concat([Buffer.of(0, 4), uint32(WINDOW)])
        this.send(PREFACE)
        this.send(frame(4, 0, 0, settings))
        this.send(frame(8, 0, 0, uint32(WINDOW - 65535)))
        for (let i = 0; i < this.share; i++) this.call()
        resolve()
      })
      this.socket.setNoDelay(true)
      this.socket.on('error', reject)
      this.socket.on('close', () => {
        if (this.run.running) throw new Error('the server closed a connection')
      })
      this.socket.on('data', (chunk) => this.read(chunk))
    })
  }

  close() {
    this.socket.destroy()
  }

  call() {
    if (!this.run.running) return
    const message = this.run.payload(this.run.nextCall++)
    const block = this.nextId === 1 ? this.firstBlock : this.laterBlock
    const id = this.nextId
    this.nextId += 2
    const bytes = Buffer.allocUnsafe(FRAME_HEAD + block.length + FRAME_HEAD + 5 + message.length)
    writeHead(bytes, 0, block.length, 1, 4, id)
    bytes.set(block, FRAME_HEAD)
    const data = FRAME_HEAD + block.length
    writeHead(bytes, data, 5 + message.length, 0, 1, id)
    bytes[data + FRAME_HEAD] = 0
    bytes.writeUInt32BE(message.length, data + FRAME_HEAD + 1)
    bytes.set(message, data + FRAME_HEAD + 5)
    this.startedMs.set(id, performance.now())
    this.send(bytes)
  }

  send(bytes) {
    this.out.push(bytes)
    if (this.flushDue) return
    this.flushDue = true
    setImmediate(() => {
      this.flushDue = false
      if (this.socket.destroyed) return
      this.socket.write(this.out.length === 1 ? this.out[0] : Buffer.concat(this.out))
      this.out = []
    })
  }

  read(chunk) {
    const bytes = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk])
    let pos = 0
    while (bytes.length - pos >= FRAME_HEAD) {
      const size = bytes.readUIntBE(pos, 3)
      const end = pos + FRAME_HEAD + size
      if (end > bytes.length) break
      this.onFrame(bytes[pos + 3], bytes[pos + 4], bytes.readUInt32BE(pos + 5), bytes, pos + FRAME_HEAD, end)
      pos = end
    }
    this.rest = pos === bytes.length ? undefined : bytes.subarray(pos)
    if (this.owed > 1 << 20) {
      this.send(frame(8, 0, 0, uint32(this.owed)))
      this.owed = 0
    }
  }

  onFrame(type, flags, id, bytes, start, end) {
    if (type === 0) this.owed += end - start
    else if (type === 1) {
      for (const { name, value } of this.decoder.decode(bytes, start, end)) {
        if (name === 'grpc-status') this.status = value
      }
    } else if (type === 4 && (flags & 1) === 0) this.send(frame(4, 1, 0, Buffer.alloc(0)))
    else if (type === 6 && (flags & 1) === 0) this.send(frame(6, 1, 0, Buffer.from(bytes.subarray(start, end))))
    else if (type === 3 || type === 7) {
      if (this.run.running) throw new Error(type === 3 ? 'RST_STREAM' : `GOAWAY ${bytes.latin1Slice(start + 8, end)}`)
    }
    if (type <= 1 && (flags & 1) !== 0) this.onEnd(id)
  }

  onEnd(id) {
    const { run } = this
    const startedMs = this.startedMs.get(id)
    this.startedMs.delete(id)
    if (run.measuring) {
      run.done++
      if (this.status !== '0') run.errors++
      if (run.sampleCount < SAMPLES_MAX) run.samples[run.sampleCount++] = performance.now() - startedMs
    }
    this.call()
  }
}

function writeHead(out, pos, size, type, flags, id) {
  out[pos] = size >>> 16
  out[pos + 1] = size >>> 8
  out[pos + 2] = size
  out[pos + 3] = type
  out[pos + 4] = flags
  out.writeUInt32BE(id, pos + 5)
}

function frame(type, flags, id, payload) {
  const bytes = Buffer.alloc(FRAME_HEAD + payload.length)
  writeHead(bytes, 0, payload.length, type, flags, id)
  bytes.set(payload, FRAME_HEAD)
  return bytes
}

function uint32(value) {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
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
      address: { type: 'string', default: '127.0.0.1:2379' },
      connections: { type: 'string', default: '10' },
      calls: { type: 'string', default: '100' },
      path: { type: 'string', default: '/etcdserverpb.KV/Put' },
      payload: { type: 'string', default: 'put:16:256' },
      seconds: { type: 'string', default: '5' },
      'warmup-seconds': { type: 'string', default: '1' },
    },
  })
  const result = await runLoad({
    address: values.address,
    connections: Number(values.connections),
    calls: Number(values.calls),
    path: values.path,
    payload: payloadOf(values.payload),
    seconds: Number(values.seconds),
    warmupSeconds: Number(values['warmup-seconds']),
  })
  console.log(JSON.stringify(result))
  process.exit(0)
}
