// Real etcd on a given data directory, for tests of the files that both read and write.
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './ports.js'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../../../.reference')

export type ReferenceVersion = '3.4' | '3.5'

/** Why tests with this version cannot run; false when they can. */
export const missingReference = (version: ReferenceVersion): string | false =>
  ['etcd', 'etcdctl'].every((tool) => existsSync(join(root, version, tool)))
    ? false
    : `etcd ${version} is missing (scripts/reference-etcd.sh gets it)`

export class ReferenceEtcd {
  readonly clientUrl: string
  readonly #version: ReferenceVersion
  readonly #process: ReturnType<typeof spawn>
  readonly #exited: Promise<void>
  #output = ''

  private constructor(version: ReferenceVersion, clientUrl: string, args: readonly string[]) {
    this.#version = version
    this.clientUrl = clientUrl
    this.#process = spawn(join(root, version, 'etcd'), args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (data: Buffer) => (this.#output += data.toString()))
    }
    this.#exited = new Promise((resolve) => {
      this.#process.once('close', () => {
        resolve()
      })
    })
  }

  /** Resolves once it answers. @throws with the end of its log when it does not come up. */
  static async start(
    version: ReferenceVersion,
    dataDir: string,
    extra: readonly string[] = [],
    peerUrl?: string,
  ): Promise<ReferenceEtcd> {
    const clientUrl = `http://127.0.0.1:${await freePort()}`
    const peer = peerUrl ?? `http://127.0.0.1:${await freePort()}`
    const etcd = new ReferenceEtcd(version, clientUrl, [
      ...[
        '--name',
        'm1',
        '--data-dir',
        dataDir,
        '--listen-client-urls',
        clientUrl,
        '--advertise-client-urls',
        clientUrl,
      ],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `m1=${peer}`],
      ...['--logger', 'zap', '--log-level', 'warn'],
      ...extra,
    ])
    for (let attempt = 0; attempt < 100; attempt++) {
      if (etcd.#process.exitCode !== null) break
      try {
        await etcd.ctl('--command-timeout=500ms', 'get', 'no-such-key')
        return etcd
      } catch {
        // Not ready yet; the next attempt finds out.
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    await etcd.stop('SIGKILL')
    throw new Error(`etcd ${version} did not start:\n${etcd.#output.slice(-4000)}`)
  }

  async ctl(...args: string[]): Promise<string> {
    const env = { PATH: process.env.PATH, ETCDCTL_API: '3' }
    const { stdout } = await run(join(root, this.#version, 'etcdctl'), ['--endpoints', this.clientUrl, ...args], {
      env,
    })
    return stdout
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#process.kill(signal)
    await this.#exited
  }
}
