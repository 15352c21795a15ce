// One server under measurement: real etcd or quorate, with its memory, CPU time and restarts. Needs a build.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../dist-test/test/support/ports.js'
import { Child } from '../../dist-test/test/support/child.js'
import { findTool } from '../../scripts/tools.mjs'
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
  #folder = mkdtempSync(join(tmpdir(), 'quorate-bench-'))
  #child
  port = 0
  #peerPort = 0

  constructor(kind, { flags = [], nodeFlags = [] } = {}) {
    this.#kind = kind
    this.#flags = flags
    this.#nodeFlags = nodeFlags
    process.once('exit', () => this.#remove())
  }

  get pid() {
    return this.#child.pid
  }

  get dataDir() {
    return join(this.#folder, 'data')
  }

  /** Milliseconds from the start of the process to the first successful linearizable read. */
  async start() {
    this.port ||= await freePort()
    this.#peerPort ||= await freePort()
    const [command, first] =
      this.#kind === 'etcd'
        ? [findTool('etcd'), []]
        : [process.execPath, [...this.#nodeFlags, join(root, 'dist/main.js')]]
    const client = `http://127.0.0.1:${this.port}`
    const peer = `http://127.0.0.1:${this.#peerPort}`
    const startedMs = performance.now()
    this.#child = new Child(command, [
      ...first,
      ...['--data-dir', this.dataDir, '--log-level', 'warn'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`],
      ...this.#flags,
    ])
    while (performance.now() - startedMs < START_TIMEOUT_MS) {
      if (!this.#child.running) break
      if (await this.#answers()) return performance.now() - startedMs
      await delay(PROBE_MS)
    }
    throw new Error(`${this.#kind} did not start:\n${this.#child.stderr.slice(-4000)}`)
  }

  async #answers() {
    let client
    try {
      client = await RawClient.open(this.port)
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

  diskMib() {
    const sizes = readdirSync(this.dataDir, { recursive: true }).map((name) => statSync(join(this.dataDir, name)).size)
    return Math.round(sizes.reduce((sum, size) => sum + size, 0) / 2 ** 20)
  }

  /** Runs the load process against this server and returns what it reports. */
  load(options) {
    return runNode(join(root, 'bench/support/load-keys.mjs'), { port: this.port, ...options })
  }

  #remove() {
    rmSync(this.#folder, { recursive: true, force: true })
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
