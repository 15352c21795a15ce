// One server under measurement: real etcd or quorate, with its memory, CPU time and restarts. Needs a build.
//
// Linux only: memory and CPU time come from /proc.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../dist-test/test/support/ports.js'
import { Child } from '../../dist-test/test/support/child.js'
import { findTool } from '../../scripts/tools.mjs'
import { targetOf } from './load-connection.mjs'
import { RawClient, RawMethod } from './raw-client.mjs'
import { rangeRequest } from './requests.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const PROBE_MS = 10
const START_TIMEOUT_MS = 300_000
const TICKS_PER_SECOND = 100

export const rangeMethod = new RawMethod('/etcdserverpb.KV/Range')

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export class BenchServer {
  #kind
  #flags
  #nodeFlags
  #name
  #folder = mkdtempSync(join(tmpdir(), 'quorate-bench-'))
  #child
  port = 0
  #peerPort = 0
  #metricsPort = 0

  /** `ca`: the certificate (PEM) that clients check; the flags then have to name it and its key. */
  constructor(kind, { flags = [], nodeFlags = [], name = 'default', ca } = {}) {
    this.#kind = kind
    this.#flags = flags
    this.#nodeFlags = nodeFlags
    this.#name = name
    this.ca = ca
    process.once('exit', this.#remove)
  }

  get kind() {
    return this.#kind
  }

  get pid() {
    return this.#child.pid
  }

  get dataDir() {
    return join(this.#folder, 'data')
  }

  get target() {
    return targetOf(this.port, this.ca)
  }

  /** `name=peer URL`, for --initial-cluster. */
  async member() {
    this.#peerPort ||= await freePort()
    return `${this.#name}=http://127.0.0.1:${this.#peerPort}`
  }

  /** Milliseconds from the start of the process to the first successful linearizable read. */
  async start(initialCluster) {
    this.port ||= await freePort()
    this.#metricsPort ||= await freePort()
    const cluster = initialCluster ?? (await this.member())
    const [command, first] =
      this.#kind === 'etcd'
        ? [findTool('etcd'), []]
        : [process.execPath, [...this.#nodeFlags, join(root, 'dist/main.js')]]
    const client = `${this.ca === undefined ? 'http' : 'https'}://127.0.0.1:${this.port}`
    const peer = `http://127.0.0.1:${this.#peerPort}`
    const startedMs = performance.now()
    this.#child = new Child(command, [
      ...first,
      ...['--name', this.#name, '--data-dir', this.dataDir, '--log-level', 'warn'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', cluster],
      ...['--listen-metrics-urls', `http://127.0.0.1:${this.#metricsPort}`],
      ...this.#flags,
    ])
    while (performance.now() - startedMs < START_TIMEOUT_MS) {
      if (!this.#child.running) break
      if (await this.#answers()) return performance.now() - startedMs
      await delay(PROBE_MS)
    }
    throw new Error(`${this.#kind} did not start: ${lastWords(this.#child.stderr)}`)
  }

  async #answers() {
    let client
    try {
      client = await RawClient.open(this.target)
      const late = delay(60_000).then(() => Promise.reject(new Error('no answer')))
      late.catch(() => undefined)
      await Promise.race([client.call(rangeMethod, rangeRequest(Buffer.from('a'), Buffer.from('b'))), late])
      return true
    } catch {
      return false
    } finally {
      client?.close()
    }
  }

  async stop(signal = 'SIGTERM') {
    this.#child.signal(signal)
    await this.#child.exited
  }

  async close() {
    if (this.#child?.running) await this.stop('SIGKILL')
    process.off('exit', this.#remove)
    this.#remove()
  }

  /** MiB: resident now, and the most it ever was. */
  memory() {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    const mib = (name) => Math.round(Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024)
    return { rssMib: mib('VmRSS'), peakMib: mib('VmHWM') }
  }

  /** User and system time of the process so far. */
  cpuSeconds() {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  }

  /** `memory().peakMib` counts from now on. */
  resetPeak() {
    writeFileSync(`/proc/${this.pid}/clear_refs`, '5')
  }

  /** The page of /metrics. Quantiles of the event loop's delay begin anew with each collection. */
  async metrics() {
    const response = await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`)
    return response.text()
  }

  diskMib() {
    const sizes = readdirSync(this.dataDir, { recursive: true }).map((name) => statSync(join(this.dataDir, name)).size)
    return Math.round(sizes.reduce((sum, size) => sum + size, 0) / 2 ** 20)
  }

  /** Runs the load process against this server and returns what it reports. */
  load(options) {
    return runNode(join(root, 'bench/support/load-keys.mjs'), { port: this.port, ...options })
  }

  #remove = () => rmSync(this.#folder, { recursive: true, force: true })
}

/** What the last line of a log says, in JSON or not. */
const lastWords = (log) => {
  const line = log.trim().split('\n').at(-1)
  try {
    return JSON.parse(line).msg
  } catch {
    return line.slice(-1000)
  }
}

const runNode = (script, options) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (data) => (output += data))
    child.on('close', (code) =>
      code === 0 ? resolve(JSON.parse(output)) : reject(new Error(`${script}: exit code ${code}`)),
    )
  })
