// One server in the three ways that clients meet it: in clear, over TLS, and over TLS that asks for their certificate.
import type { Test } from 'tap'
import { CertificateLab, missingOpenssl } from '#src/transport/testing-certificates.js'
import { findTool } from '../support/repository.js'
import { type Server, type ServerKind, subjectKind } from '../support/server.js'
import { within } from '../support/wait.js'
import { Workbench } from '../support/workbench.js'

export const MODES = ['clear', 'tls', 'mutual'] as const
export type Mode = (typeof MODES)[number]

const COMMAND_TIMEOUT_MS = 60_000

/** Why tests with this command cannot run; false when they can. `packageName` is Debian's. */
export const missingCommand = (name: string, packageName: string): string | false => {
  if (missingOpenssl !== false) return missingOpenssl
  return findTool(name) === undefined ? `${name} is missing (apt-get install ${packageName})` : false
}

export interface Result {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export class Site {
  readonly workbench: Workbench
  readonly lab = new CertificateLab()

  constructor(t: Test) {
    this.workbench = new Workbench(t)
    this.workbench.own(this.lab)
    this.lab.authority('ca')
    this.lab.authority('other-ca')
    this.lab.certificate('ca', 'server')
    this.lab.certificate('ca', 'elsewhere', { names: 'DNS:elsewhere.example' })
    this.lab.certificate('ca', 'client', { usage: 'clientAuth' })
    this.lab.certificate('ca', 'revoked', { usage: 'clientAuth' })
    this.lab.certificate('other-ca', 'stranger', { usage: 'clientAuth' })
    this.lab.revoke('ca', 'revoked')
  }

  path(name: string): string {
    return this.lab.path(name)
  }

  start(mode: Mode, options: { kind?: ServerKind; flags?: readonly string[]; pair?: string } = {}): Promise<Server> {
    const { kind = subjectKind, flags = [], pair = 'server' } = options
    const secure = ['--cert-file', this.path(`${pair}.crt`), '--key-file', this.path(`${pair}.key`)]
    const mutual = ['--client-cert-auth', '--trusted-ca-file', this.path('ca.crt')]
    return this.workbench.start(kind, {
      clientScheme: mode === 'clear' ? 'http' : 'https',
      flags: [...(mode === 'clear' ? [] : secure), ...(mode === 'mutual' ? mutual : []), ...flags],
    })
  }

  /** What a client needs for a mode: authority and its own pair, as paths. */
  files(mode: Mode): { ca?: string; cert?: string; key?: string } {
    return {
      ...(mode !== 'clear' && { ca: this.path('ca.crt') }),
      ...(mode === 'mutual' && { cert: this.path('client.crt'), key: this.path('client.key') }),
    }
  }

  /** The same as PEM; undefined in clear. */
  pems(mode: Mode): { ca: Buffer; cert?: Buffer; key?: Buffer } | undefined {
    if (mode === 'clear') return undefined
    const ca = this.lab.read('ca.crt')
    return mode === 'tls' ? { ca } : { ca, cert: this.lab.read('client.crt'), key: this.lab.read('client.key') }
  }

  async run(command: string, args: readonly string[]): Promise<Result> {
    const path = findTool(command)
    if (path === undefined) throw new Error(`${command} is missing`)
    return this.runPath(path, args)
  }

  async runPath(path: string, args: readonly string[]): Promise<Result> {
    const child = this.workbench.spawn(path, args)
    child.endInput()
    const { code } = await within(`${path} ${args.join(' ')}`, COMMAND_TIMEOUT_MS, child.exited)
    return { code, stdout: child.stdout, stderr: child.stderr }
  }
}

/** One gRPC message as its five-byte prefix and itself. */
export const framed = (message: Uint8Array): Buffer => {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}
