// A real server under each attack: a client that behaves well is served all along, memory stays within a bound, and whoever
// only costs is cut. Delays and CPU time are stated, not judged.
import { Client, credentials } from '@grpc/grpc-js'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { repositoryRoot } from '../support/repository.js'
import { waitFor } from '../support/wait.js'
import { Workbench } from '../support/workbench.js'
import { ATTACKS, type AttackResult, isServed } from './attacks.js'

const skip = process.platform === 'linux' ? false : 'memory and CPU time are read from /proc'
const RANGE = '/etcdserverpb.KV/Range'
const PUT = '/etcdserverpb.KV/Put'
/** Key "a", serializable. */
const ONE_KEY = Buffer.from('0a01613801', 'hex')
const VALUE_BYTES = 100_000
const VALUES = 5
/** Calls of the well-behaved client that have to be answered while a burden rests on the server. */
const CALLS_MIN = 200
/** Fewer than the attack with the most connections opens. */
const OPEN_FILES = 1000

const asIs = (bytes: Buffer): Buffer => bytes
const call = (client: Client, path: string, request: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, asIs, asIs, request, (error, answer) =>
      error === null ? resolve(answer ?? Buffer.alloc(0)) : reject(error),
    )
  })

const putRequest = (key: string, value: Buffer): Buffer =>
  Buffer.concat([Buffer.of(0x0a, key.length), Buffer.from(key), Buffer.of(0x12, 0xa0, 0x8d, 0x06), value])

t.test('floods', { skip }, async (t) => {
  const bench = new Workbench(t)
  const dataDir = join(bench.folder(), 'data')
  const server = await bench.start('quorate', { dataDir, openFilesMax: OPEN_FILES })
  const client = bench.own(new Client(server.endpoint, credentials.createInsecure()))
  for (let i = 0; i < VALUES; i++) await call(client, PUT, putRequest(`${'abcdefgh'[i]}`, Buffer.alloc(VALUE_BYTES, i)))

  for (const attack of ATTACKS) {
    await t.test(attack.name, async (t) => {
      writeFileSync(`/proc/${server.pid}/clear_refs`, '5')
      const before = processOf(server.pid)
      const worker = new Worker(join(repositoryRoot, 'dist-test/test/floods/attacker.js'), {
        workerData: { name: attack.name, port: server.clientPort },
      })
      let result: AttackResult | undefined
      let isStarted = false
      const failed = new Promise<never>((_resolve, reject) => worker.once('error', reject))
      worker.on('message', (message: AttackResult | 'started') => {
        if (message === 'started') isStarted = true
        else result = message
      })
      await Promise.race([failed, waitFor('the attack to start', () => isStarted)])
      const delaysMs: number[] = []
      while (result === undefined) {
        const startedMs = performance.now()
        await Promise.race([failed, call(client, RANGE, ONE_KEY)])
        delaysMs.push(performance.now() - startedMs)
        if (delaysMs.length === CALLS_MIN) worker.postMessage('release')
      }
      const after = processOf(server.pid)
      delaysMs.sort((a, b) => a - b)
      const p99 = delaysMs[Math.floor(delaysMs.length * 0.99)] ?? 0
      const growthBytes = after.peakBytes - before.residentBytes
      t.comment(
        `note: ${attack.name}: ${attack.connections} connections, ${result.sentBytes} bytes, ${result.cut} cut; ` +
          `${delaysMs.length} calls of others, p99 ${p99.toFixed(1)} ms; server ${after.cpuMs - before.cpuMs} ms CPU, ` +
          `${Math.round(growthBytes / 1024 / 1024)} MiB more at most`,
      )
      if (attack.isCut) t.equal(result.cut, attack.connections, 'every connection was cut')
      t.ok(growthBytes < attack.memoryBytes, `${growthBytes} bytes of ${attack.memoryBytes}`)
      t.ok(await isServed(server.clientPort), 'a new client is let in afterwards')
      await worker.terminate()
    })
  }
  t.ok(server.running)
})

/** Bytes, and milliseconds of CPU time. */
function processOf(pid: number): { residentBytes: number; peakBytes: number; cpuMs: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return {
    residentBytes: bytes('VmRSS'),
    peakBytes: bytes('VmHWM'),
    cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
  }
}
