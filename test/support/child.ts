// One child process: started, listened to, ended by its process id.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { createWriteStream, existsSync } from 'node:fs'

/** Output kept per stream; older output is dropped. */
const OUTPUT_MAX_BYTES = 4 * 1024 * 1024
const TERMINATE_GRACE_MS = 20_000
/** Lets the kernel end the child when we die in a way that runs no code of ours (SIGKILL). Linux only. */
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))

export interface Exit {
  /** null when a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface ChildOptions {
  readonly cwd?: string
  /** Complete environment; default: ours without the variables that etcd and etcdctl read. */
  readonly env?: Record<string, string>
  /** Everything that the child prints is also added to this file. */
  readonly logPath?: string
}

/** Our environment without what would change the behaviour of the tools. */
export const cleanEnvironment = (): Record<string, string> => {
  const entries = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^(ETCD|QUORATE|NODE_OPTIONS|TAP)/.test(entry[0]),
  )
  return { ...Object.fromEntries(entries), TZ: 'UTC' }
}

export class Child {
  readonly exited: Promise<Exit>
  #process: ChildProcessWithoutNullStreams
  #stdout = ''
  #stderr = ''
  #exit: Exit | undefined

  constructor(command: string, args: readonly string[], { cwd, env, logPath }: ChildOptions = {}) {
    const guarded = SETPRIV === undefined ? [command, ...args] : [SETPRIV, '--pdeathsig', 'KILL', command, ...args]
    this.#process = spawn(guarded[0]!, guarded.slice(1), {
      ...(cwd === undefined ? {} : { cwd }),
      env: env ?? cleanEnvironment(),
      stdio: 'pipe',
    })
    this.#process.stdin.on('error', () => {
      // EPIPE: the child ended before it read everything. Its exit code tells the story.
    })
    const { stdout, stderr } = this.#process
    stdout.setEncoding('utf8').on('data', (text: string) => (this.#stdout = keepTail(this.#stdout + text)))
    stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr = keepTail(this.#stderr + text)))
    if (logPath !== undefined) {
      const log = createWriteStream(logPath, { flags: 'a' })
      for (const stream of [stdout, stderr]) stream.pipe(log, { end: false })
      this.#process.once('close', () => log.end())
    }
    this.exited = new Promise((resolve, reject) => {
      this.#process.once('error', reject)
      // `close` comes after the last output, unlike `exit`.
      this.#process.once('close', (code, signal) => {
        this.#exit = { code, signal }
        resolve(this.#exit)
      })
    })
    this.exited.catch(() => undefined)
  }

  /** @throws when the child could not be started. */
  get pid(): number {
    const { pid } = this.#process
    if (pid === undefined) throw new Error('the process did not start')
    return pid
  }

  get running(): boolean {
    return this.#exit === undefined
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  write(text: string): void {
    this.#process.stdin.write(text)
  }

  endInput(text = ''): void {
    this.#process.stdin.end(text)
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#process.kill(signal)
  }

  /** SIGTERM, and SIGKILL when that does not end it in time. */
  async terminate(graceMs = TERMINATE_GRACE_MS): Promise<Exit> {
    this.signal('SIGTERM')
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs)
    try {
      return await this.exited
    } finally {
      clearTimeout(timer)
    }
  }

  async kill(): Promise<Exit> {
    this.signal('SIGKILL')
    return this.exited
  }
}

const keepTail = (text: string): string => (text.length > OUTPUT_MAX_BYTES ? text.slice(-OUTPUT_MAX_BYTES / 2) : text)
