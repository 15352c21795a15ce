// The form of the conformance tables: topics of etcdctl steps.
import type { EtcdctlVersion } from '../support/etcdctl.js'

/** One etcdctl command: its words as a shell splits them ('..' quotes, \xNN escapes, $NAME saved by an earlier step). */
export interface Command {
  readonly run: string
  /** What it reads from its standard input. */
  readonly stdin?: string
  /** Name -> pattern whose first group is kept, for later steps; each side has its own value (generated ids). */
  readonly save?: Readonly<Record<string, RegExp>>
  /** Not etcdctl but another tool that takes no endpoint. */
  readonly tool?: 'etcdutl'
}

/** An etcdctl that goes on until it is stopped: watch, lock, elect, keep-alive. */
export interface Session {
  readonly session: string
  readonly save?: Readonly<Record<string, RegExp>>
  /** Lines typed into it, each once the output holds the pattern before it. */
  readonly say?: readonly (readonly [line: string, until: RegExp])[]
  /** Commands run beside it, each compared as a step of its own. Start it at a revision, or type until it answers, first. */
  readonly meanwhile?: readonly (string | Command)[]
  /** It is interrupted once its output holds this; without it, it is expected to end by itself. */
  readonly until?: RegExp
}

/** A command given again and again; only its last result is compared. */
export interface Repetition {
  readonly repeat: Command
  /** Ends it, found in either output; at the latest it ends after `timesMax`. */
  readonly until: RegExp
  readonly timesMax: number
}

export type Step = string | Command | Session | Repetition

/** Parts of the API that are not built yet; what clients see instead is proved in test/fuzz/bad-requests.test.ts. */
export const NOT_BUILT = ['snapshots', 'authentication'] as const

export interface Topic {
  readonly name: string
  /** Compared once this part is built (NOT_BUILT); until then named as skipped. */
  readonly needs?: (typeof NOT_BUILT)[number]
  readonly steps: readonly Step[]
  /** Clients that run it, each on fresh servers; default: 3.5 alone. */
  readonly clients?: readonly EtcdctlVersion[]
  readonly flags?: readonly string[]
}

export const isSession = (step: Step): step is Session => typeof step === 'object' && 'session' in step

export const isRepetition = (step: Step): step is Repetition => typeof step === 'object' && 'repeat' in step

export const commandOf = (step: string | Command): Command => (typeof step === 'string' ? { run: step } : step)

/** The input of `etcdctl txn`: compares, then the operations of both branches. */
export const txn = (options: string, compares: string[], success: string[], failure: string[]): Command => ({
  run: `txn ${options}`.trim(),
  stdin: [...compares, '', ...success, '', ...failure, '', ''].join('\n'),
})

/**
 * Splits as a shell would: blanks separate, '..' and ".." keep them, \xNN is a byte, adjacent parts join.
 * @throws on an open quote: a mistake in a table.
 */
export const splitWords = (text: string): string[] => {
  const words: string[] = []
  const pattern = /\s*((?:'[^']*'|"[^"]*"|[^\s'"])+)/gy
  let end = 0
  for (const match of text.matchAll(pattern)) {
    end = match.index + match[0].length
    words.push(
      (match[1] ?? '').replace(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ''),
    )
  }
  if (text.slice(end).trim() !== '') throw new Error(`cannot split: ${text}`)
  return words.map((word) =>
    word.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
  )
}
