// Real etcdctl: one command with its result, or a session that is talked to line by line.
import { setTimeout as delay } from 'node:timers/promises'
import { Child, cleanEnvironment } from './child.js'
import { mustFindTool } from './repository.js'
import { waitFor } from './wait.js'

export type EtcdctlVersion = '3.4' | '3.5'

export interface CommandResult {
  readonly stdout: string
  readonly stderr: string
  /** null when it had to be killed after the time limit. */
  readonly code: number | null
}

export interface CommandOptions {
  readonly version?: EtcdctlVersion
  readonly stdin?: string
  readonly timeoutMs?: number
}

const COMMAND_TIMEOUT_MS = 30_000
const SESSION_END_TIMEOUT_MS = 10_000
/** A session that printed nothing for so long has printed all. */
const QUIET_MS = 50

const launch = (endpoint: string, args: readonly string[], version: EtcdctlVersion): Child =>
  new Child(mustFindTool('etcdctl', version), [`--endpoints=${endpoint}`, ...args], {
    env: { ...cleanEnvironment(), ETCDCTL_API: '3' },
  })

export const etcdctl = async (
  endpoint: string,
  args: readonly string[],
  { version = '3.5', stdin = '', timeoutMs = COMMAND_TIMEOUT_MS }: CommandOptions = {},
): Promise<CommandResult> => {
  const child = launch(endpoint, args, version)
  child.endInput(stdin)
  const timer = setTimeout(() => child.signal('SIGKILL'), timeoutMs)
  const { code } = await child.exited
  clearTimeout(timer)
  return { stdout: child.stdout, stderr: child.stderr, code }
}

/** A running etcdctl (watch, lock, elect, keep-alive ...) with its standard input open. */
export class EtcdctlSession {
  readonly #child: Child
  readonly #name: string

  constructor(endpoint: string, args: readonly string[], version: EtcdctlVersion = '3.5') {
    this.#child = launch(endpoint, args, version)
    this.#name = `etcdctl ${args.join(' ')}`
  }

  get stdout(): string {
    return this.#child.stdout
  }

  get stderr(): string {
    return this.#child.stderr
  }

  get running(): boolean {
    return this.#child.running
  }

  say(line: string): void {
    this.#child.write(`${line}\n`)
  }

  /** Waits until standard output holds `pattern`. */
  async expect(pattern: RegExp, timeoutMs = 10_000): Promise<RegExpExecArray> {
    return waitFor(`${pattern} from ${this.#name}`, () => pattern.exec(this.stdout) ?? undefined, {
      timeoutMs,
      detail: () => `\n${this.stdout}${this.stderr}`,
    })
  }

  /** Ends its input and waits for its own end; `code` is null when that did not come in time. */
  async finish(): Promise<CommandResult> {
    this.#child.endInput()
    return this.#result()
  }

  /** As Ctrl-C does, once nothing more is printed: etcdctl writes one event in several pieces. */
  async interrupt(): Promise<CommandResult> {
    let printed = -1
    for (let length = this.#printed; length !== printed; length = this.#printed) {
      printed = length
      await delay(QUIET_MS)
    }
    this.#child.signal('SIGINT')
    return this.#result()
  }

  async close(): Promise<void> {
    await this.#child.kill()
  }

  get #printed(): number {
    return this.stdout.length + this.stderr.length
  }

  async #result(): Promise<CommandResult> {
    const timer = setTimeout(() => this.#child.signal('SIGKILL'), SESSION_END_TIMEOUT_MS)
    const { code } = await this.#child.exited
    clearTimeout(timer)
    return { stdout: this.stdout, stderr: this.stderr, code }
  }
}
