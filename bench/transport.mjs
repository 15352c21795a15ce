// Unary calls that do nothing, on our server and on one of grpc-js: calls per second and CPU time of the server per call.
//
//   node bench/transport.mjs [--seconds 4] [--rounds 2] [--calls 200] [--connections 20]
import { fork, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const self = fileURLToPath(import.meta.url)
const load = fileURLToPath(new URL('support/grpc-load.mjs', import.meta.url))

const { values } = parseArgs({
  options: {
    serve: { type: 'string' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '2' },
    calls: { type: 'string', default: '200' },
    connections: { type: 'string', default: '20' },
  },
})

if (values.serve !== undefined) await serve(values.serve)
else await compare()

/** A server process: tells its port, then its CPU time whenever asked. */
async function serve(kind) {
  const port = kind === 'ours' ? await serveOurs() : await serveGrpcJs()
  process.on('message', () => process.send(process.cpuUsage()))
  process.send(port)
}

const ANSWER = Buffer.alloc(24, 'r')

async function serveOurs() {
  const { ClientPort, createGrpcServer, listenSpecs } = await import('../dist/transport/index.js')
  const { silentLogger, unaryMethod } = await import('../dist/env/index.js')
  const { systemClock } = await import('../dist/host/index.js')
  const bytes = { decode: (chunk, start, end) => chunk.subarray(start, end), encode: (message) => message }
  const service = {
    name: 'bench.Nothing',
    methods: [
      unaryMethod({ name: 'Do', request: bytes, response: bytes, handle: (_request, call) => call.respond(ANSWER) }),
    ],
  }
  const port = new ClientPort({
    specs: listenSpecs(['http://127.0.0.1:0']),
    tls: undefined,
    clock: systemClock,
    logger: silentLogger,
    endpoint: 'client',
    connectionsMax: 10_000,
  })
  await port.open()
  port.serve({
    grpc: createGrpcServer({
      services: [service],
      clock: systemClock,
      receiveBytesMax: 2 ** 21,
      concurrentStreamsMax: 2 ** 32 - 1,
      keepaliveTimeMs: 7_200_000,
      keepaliveTimeoutMs: 20_000,
      keepaliveMinTimeMs: 5000,
      stoppedStatus: { code: 14, message: 'stopped' },
    }),
  })
  return port.listeners[0].port
}

async function serveGrpcJs() {
  const { Server, ServerCredentials } = await import('@grpc/grpc-js')
  const server = new Server({ 'grpc.enable_channelz': 0 })
  const asIs = (bytes) => bytes
  server.register('/bench.Nothing/Do', (_call, done) => done(null, ANSWER), asIs, asIs, 'unary')
  return new Promise((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure()
    server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error === null ? resolve(port) : reject(error)))
  })
}

async function compare() {
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const kind of ['grpc-js', 'ours']) {
      const server = fork(self, ['--serve', kind])
      const port = await new Promise((resolve) => server.once('message', resolve))
      const { result, cpuUs } = await measure(server, port)
      const perCall = (cpuUs / result.calls).toFixed(1)
      console.log(
        `${kind.padEnd(8)} ${String(result.rate).padStart(7)} calls/s  server ${perCall} us/call  ` +
          `p50 ${result.p50Ms} ms  p99 ${result.p99Ms} ms  errors ${result.errors}  (load ${result.cpuUsPerCall} us/call)`,
      )
      server.kill()
    }
  }
}

async function measure(server, port) {
  const usage = () =>
    new Promise((resolve) => {
      server.once('message', ({ user, system }) => resolve(user + system))
      server.send('cpu')
    })
  const args = ['--port', String(port), '--path', '/bench.Nothing/Do', '--payload', 'put:16:64']
  for (const name of ['seconds', 'calls', 'connections']) args.push(`--${name}`, values[name])
  const child = spawn(process.execPath, [load, ...args, '--warmup-seconds', '1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (data) => (output += data))
  await new Promise((resolve) => setTimeout(resolve, 1300)) // the load generator starts and warms up
  const before = await usage()
  const startedMs = performance.now()
  await new Promise((resolve) => child.on('exit', resolve))
  const after = await usage()
  const result = JSON.parse(output)
  // The generator measures a little less than we do; scale to its seconds.
  const share = (Number(values.seconds) * 1000) / (performance.now() - startedMs)
  return { result, cpuUs: (after - before) * Math.min(share, 1) }
}
