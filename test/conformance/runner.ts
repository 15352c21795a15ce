// Runs a topic's steps against two servers side by side and tells of each step what either showed.
import { join } from 'node:path'
import { Child } from '../support/child.js'
import { etcdctl, EtcdctlSession, type CommandResult, type EtcdctlVersion } from '../support/etcdctl.js'
import { mustFindTool } from '../support/repository.js'
import type { Server } from '../support/server.js'
import { translate, type AllowedDifference } from './allowed-differences.js'
import { normalise } from './normalise.js'
import type { Observation } from './observation.js'
import {
  commandOf,
  isRepetition,
  isSession,
  splitWords,
  type Command,
  type Repetition,
  type Session,
  type Step,
} from './step.js'

export interface Comparison {
  readonly title: string
  readonly expected: Observation
  readonly found: Observation
  readonly used: readonly AllowedDifference[]
}

/** Time that a session's output must reach its end in. */
const SESSION_TIMEOUT_MS = 15_000
/** Characters of a step's input in its title. */
const STDIN_SHOWN_MAX = 80

/** One server with what its steps saved. */
export class Party {
  readonly #server: Server
  readonly #version: EtcdctlVersion
  readonly #folder: string
  readonly #saved = new Map<string, string>()

  /** `folder` takes the files that steps write as $FOLDER/name. */
  constructor(server: Server, version: EtcdctlVersion, folder: string) {
    this.#server = server
    this.#version = version
    this.#folder = folder
  }

  async command({ run, stdin, save, tool }: Command): Promise<Observation> {
    const words = this.#words(run)
    const result =
      tool === undefined
        ? await etcdctl(this.#server.endpoint, words, {
            version: this.#version,
            ...(stdin === undefined ? {} : { stdin }),
          })
        : await runTool(tool, words)
    return this.#observe(result, save)
  }

  async repeat({ repeat, until, timesMax }: Repetition): Promise<Observation> {
    for (let times = 1; ; times++) {
      const shown = await this.command(repeat)
      if (times === timesMax || until.test(shown.stdout + shown.stderr)) return shown
    }
  }

  async startSession({ session, say = [] }: Session): Promise<EtcdctlSession> {
    const running = new EtcdctlSession(this.#server.endpoint, this.#words(session), this.#version)
    for (const [line, until] of say) {
      running.say(line)
      await running.expect(until, SESSION_TIMEOUT_MS)
    }
    return running
  }

  async endSession(running: EtcdctlSession, { until, save }: Session): Promise<Observation> {
    try {
      if (until === undefined) return this.#observe(await running.finish(), save)
      await running.expect(until, SESSION_TIMEOUT_MS)
      return this.#observe(await running.interrupt(), save)
    } finally {
      await running.close()
    }
  }

  #words(text: string): string[] {
    const replaced = text.replace(/\$([A-Z]+)\b/g, (_, name: string) => {
      if (name === 'FOLDER') return this.#folder
      if (name === 'ENDPOINT') return this.#server.endpoint
      const value = this.#saved.get(name)
      if (value === undefined) throw new Error(`nothing was saved as ${name}: ${text}`)
      return value
    })
    return splitWords(replaced)
  }

  #observe(result: CommandResult, save: Command['save'] = {}): Observation {
    for (const [name, pattern] of Object.entries(save)) {
      const value = pattern.exec(result.stdout)?.[1]
      if (value === undefined) throw new Error(`no ${name} in: ${result.stdout}${result.stderr}`)
      this.#saved.set(name, value)
    }
    const places = new Map([
      [this.#server.endpoint, '<endpoint>'],
      [this.#folder, '<folder>'],
    ])
    const names = { places, saved: this.#saved }
    return {
      stdout: normalise(result.stdout, names),
      stderr: normalise(result.stderr, names),
      code: result.code,
    }
  }
}

/** Runs the steps in order; a generator, so that a step that throws leaves the comparisons before it. */
export async function* compareSteps(
  steps: readonly Step[],
  reference: Party,
  subject: Party,
  allowDifferences: boolean,
): AsyncGenerator<Comparison> {
  const compare = (title: string, [expected, found]: readonly [Observation, Observation]): Comparison => ({
    title,
    found,
    ...(allowDifferences ? translate(title, expected) : { expected, used: [] }),
  })
  const both = async (step: string | Command): Promise<Comparison> => {
    const command = commandOf(step)
    return compare(titleOf(command), await Promise.all([reference.command(command), subject.command(command)]))
  }
  for (const step of steps) {
    if (isRepetition(step)) {
      yield compare(titleOf(step.repeat), await Promise.all([reference.repeat(step), subject.repeat(step)]))
      continue
    }
    if (!isSession(step)) {
      yield await both(step)
      continue
    }
    const [first, second] = await Promise.all([reference.startSession(step), subject.startSession(step)])
    try {
      for (const command of step.meanwhile ?? []) yield await both(command)
      yield compare(
        step.session,
        await Promise.all([reference.endSession(first, step), subject.endSession(second, step)]),
      )
    } finally {
      await Promise.all([first.close(), second.close()])
    }
  }
}

const titleOf = ({ run, stdin }: Command): string =>
  stdin === undefined ? run : `${run} <<< ${JSON.stringify(stdin).slice(0, STDIN_SHOWN_MAX)}`

const runTool = async (tool: string, words: readonly string[]): Promise<CommandResult> => {
  const child = new Child(mustFindTool(tool), words)
  child.endInput()
  const { code } = await child.exited
  return { stdout: child.stdout, stderr: child.stderr, code }
}

/** Where the parties' files go, so that their paths normalise alike. */
export const partyFolder = (folder: string, name: string): string => join(folder, name)
