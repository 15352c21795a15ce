// From the command line, the environment and the file to one outcome: run with a configuration, or exit.

import { buildConfig, quotaLines } from './build-config.js'
import { parseCommandLine } from './command-line.js'
import { type ReadFile, applyConfigFile } from './config-file.js'
import { type DefaultHost, fillDefaultCluster } from './default-cluster.js'
import { MILLISECOND_NS, SECOND_NS } from './duration.js'
import { type Environment, applyEnvironment } from './environment.js'
import { applySuccessors, deprecationLines } from './successors.js'
import type { Part } from './flag-row.js'
import { quote } from './go-text.js'
import { type RuntimeNames, versionText } from './help.js'
import { loggingConfig } from './logging-config.js'
import { type ConfigOutcome, type ExitOutcome, type LogLine, type LoggingConfig, exit, line } from './outcome.js'
import { BUILT_PARTS } from './parts.js'
import type { StartRefusals } from './server-config.js'
import { parseRetention } from './retention.js'
import { Settings } from './settings.js'
import { startProblem, startRefusals, unbuiltWarnings, unsupported } from './start-checks.js'
import { UNSET_ADVERTISE, validate } from './validate.js'
import { type ListenUrl, parseCluster } from './urls.js'

/** Facts about the machine and the build that the outcome depends on. */
export interface Platform extends RuntimeNames {
  /** Asked at most once, and only when the flags are good. */
  readonly defaultHost: () => DefaultHost
  readonly builtParts: ReadonlySet<Part>
}

export const UNKNOWN_PLATFORM: Platform = {
  nodeVersion: 'unknown',
  os: 'linux',
  arch: 'amd64',
  defaultHost: () => ({ error: 'could not find default route' }),
  builtParts: BUILT_PARTS,
}

const RAFT_TIMEOUT_MIN_NS = 5 * SECOND_NS

/**
 * Reads everything that configures the server. `argv` is without the program's name. Never throws for any input; `readFile`
 * may throw as `node:fs` does. Does nothing to the outside but call `readFile` for a configuration file.
 */
export const loadConfig = (
  argv: readonly string[],
  env: Environment,
  readFile: ReadFile,
  platform: Platform = UNKNOWN_PLATFORM,
): ConfigOutcome => {
  const settings = new Settings()
  const command = parseCommandLine(argv, settings)
  if ('kind' in command) return command
  const loading = new Loading(argv, settings)
  if (command.stray !== undefined) return loading.refuse(`${quote(command.stray)} is not a valid flag`)
  if (settings.get('version')) return exit(0, { stdout: versionText(platform) })

  const fromCommandLine = settings.get('config-file')
  const path = fromCommandLine === '' ? (env['ETCD_CONFIG_FILE'] ?? '') : fromCommandLine
  const ended = path === '' ? loading.readFlags(env) : loading.readFile(path, readFile)
  if (ended !== undefined) return ended
  return loading.finish(platform)
}

/** The steps after the command line, with the lines that they leave. */
class Loading {
  #settings: Settings
  #logging: LoggingConfig | undefined
  readonly #argv: readonly string[]
  readonly #early: LogLine[] = []
  readonly #lines: LogLine[] = []

  constructor(argv: readonly string[], settings: Settings) {
    this.#argv = argv
    this.#settings = settings
  }

  readFlags(env: Environment): ExitOutcome | undefined {
    const settings = this.#settings
    const { lines, error, conflict } = applyEnvironment(env, settings)
    this.#early.push(...lines)
    if (conflict !== undefined) return exit(1, { earlyLines: [...this.#early, conflict] })
    if (error !== undefined) return this.refuse(error)
    this.#raiseRaftTimeouts()
    const advertiseMissing = settings.isSet('listen-client-urls') && !settings.isSet('advertise-client-urls')
    const discovers =
      settings.get('discovery-srv') !== '' ||
      settings.get('discovery-srv-name') !== '' ||
      settings.get('discovery-endpoints').length > 0
    if (discovers && !settings.isSet('initial-cluster')) settings.replace('initial-cluster', '')
    const clash = applySuccessors(settings)
    if (clash !== undefined) return this.refuse(clash)
    if (settings.get('discovery-fallback') === 'proxy') {
      return this.refuse(`v2 proxy is deprecated, and --discovery-fallback can't be configured as "proxy"`)
    }
    return this.#check(advertiseMissing)
  }

  readFile(path: string, readFile: ReadFile): ExitOutcome | undefined {
    // What the command line said is forgotten: only its syntax counted.
    this.#settings = new Settings()
    const settings = this.#settings
    const ended = applyConfigFile(path, readFile, settings)
    if (typeof ended === 'object') return ended
    if (ended !== undefined) return this.refuse(ended)
    const discovers = settings.get('discovery-srv') !== '' || settings.get('discovery-endpoints').length > 0
    if (discovers && !settings.isSet('initial-cluster')) settings.replace('initial-cluster', '')
    const clash = applySuccessors(settings)
    if (clash !== undefined) return this.refuse(clash)
    const logger = this.#openLogger()
    if (logger !== undefined) return logger
    const problem = validate(settings, false, this.#lines)
    const text =
      'loaded server configuration, other configuration command line flags and environment variables will be ignored if provided'
    this.#lines.push(line('info', text, { path }))
    this.#lines.push(...deprecationLines(settings))
    return problem === undefined ? undefined : this.refuse(problem)
  }

  /** After good flags: what the rest of the start derives from them. */
  finish(platform: Platform): ConfigOutcome {
    const settings = this.#settings
    const lines = this.#lines
    const logging = this.#logging!
    this.#sayRunning()
    fillDefaultCluster(settings, platform.defaultHost(), lines)
    const start = this.#startValues(platform)
    if ('problem' in start) return this.#end(line('fatal', start.problem, start.fields))
    lines.push(...unbuiltWarnings(settings, platform.builtParts))
    if (settings.get('unsafe-no-fsync')) {
      lines.push(
        line('warn', 'files are not synced (--unsafe-no-fsync): a crash of the machine loses acknowledged data'),
      )
    }
    const config = buildConfig({ settings, logging, ...start }, lines)
    lines.push(...quotaLines(config.quotaConfiguredBytes))
    return { kind: 'run', config, earlyLines: this.#early, lines }
  }

  /** Ends with exit code 1 and the line that tells what is wrong with the flags. */
  refuse(error: string): ExitOutcome {
    this.#sayRunning()
    this.#lines.push(line('warn', 'failed to verify flags', { error }))
    if (error === UNSET_ADVERTISE) this.#lines.push(line('warn', 'advertise client URLs are not set', { error }))
    return exit(1, { earlyLines: this.#early, logging: this.#logging, lines: this.#lines })
  }

  #sayRunning(): void {
    this.#lines.push(line('info', 'Running: ', { args: ['etcd', ...this.#argv] }))
  }

  #end(last: LogLine): ExitOutcome {
    return exit(1, { earlyLines: this.#early, logging: this.#logging, lines: [...this.#lines, last] })
  }

  #check(advertiseMissing: boolean): ExitOutcome | undefined {
    const logger = this.#openLogger()
    if (logger !== undefined) return logger
    const problem = validate(this.#settings, advertiseMissing, this.#lines)
    this.#lines.push(...deprecationLines(this.#settings))
    return problem === undefined ? undefined : this.refuse(problem)
  }

  #openLogger(): ExitOutcome | undefined {
    const logging = loggingConfig(this.#settings)
    if ('error' in logging) return this.refuse(logging.error)
    if ('kind' in logging) return { ...logging, earlyLines: this.#early }
    this.#logging = logging
    return undefined
  }

  #raiseRaftTimeouts(): void {
    for (const flag of ['raft-read-timeout', 'raft-write-timeout'] as const) {
      if (this.#settings.get(flag) >= RAFT_TIMEOUT_MIN_NS) continue
      this.#settings.replace(flag, RAFT_TIMEOUT_MIN_NS)
      this.#early.push(
        line('info', `${flag} increased to minimum value: ${RAFT_TIMEOUT_MIN_NS / MILLISECOND_NS / 1000}s`),
      )
    }
  }

  #startValues(platform: Platform): StartValues | StartProblem {
    const settings = this.#settings
    const failedStart = (error: string): StartProblem => ({ problem: 'discovery failed', fields: { error } })
    const early = startProblem(settings)
    if (early !== undefined) return failedStart(early)
    const cluster = parseCluster(settings.get('initial-cluster'))
    if (!cluster.ok) return failedStart(`error setting up initial cluster: ${cluster.error}`)
    const retention = parseRetention(settings.get('auto-compaction-mode'), settings.get('auto-compaction-retention'))
    if (!retention.ok) return failedStart(retention.error)
    const refused = unsupported(settings, platform.builtParts, platform.nodeVersion)
    if (refused !== undefined) return { problem: refused, fields: {} }
    const refusals = startRefusals(settings, cluster.value, platform.builtParts)
    return { cluster: cluster.value, retention: retention.value, refusals }
  }
}

interface StartValues {
  readonly cluster: ReadonlyMap<string, readonly ListenUrl[]>
  readonly retention: Extract<ReturnType<typeof parseRetention>, { readonly ok: true }>['value']
  readonly refusals: StartRefusals
}

interface StartProblem {
  readonly problem: string
  readonly fields: Readonly<Record<string, unknown>>
}
