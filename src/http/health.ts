// /health, /livez and /readyz: what load balancers and orchestrators ask.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Counter, Gauge, Logger } from '../env/index.js'
import type { MetricsRegistry } from './metrics-registry.js'
import { type Respond, goJson, onlyGet, sendError, sendGuessed, sendText, targetOf } from './respond.js'

/** What the endpoints ask of the member. Failed reads reject; the error's message is shown to the client. */
export interface HealthSource {
  /** Kinds of the active alarms, of any member: `NOSPACE`, `CORRUPT`, or another name. */
  alarms(): readonly string[]
  leaderKnown(): boolean
  isLearner(): boolean
  /** Reads one key of the local state. */
  serializableRead(signal: AbortSignal): Promise<void>
  /** Reads one key as of now. `limitMs` is when to give up, undefined for never but by `signal`. */
  linearizableRead(limitMs: number | undefined, signal: AbortSignal): Promise<void>
}

export interface HealthOptions {
  readonly source: HealthSource
  readonly metrics: MetricsRegistry
  readonly logger: Logger
  /** Limit of the read behind /health. */
  readonly requestTimeoutMs: number
}

/** All paths of the three endpoints. */
export const healthPaths = (options: HealthOptions): Map<string, Respond> => {
  const checks = new Checks(options)
  const paths = new Map<string, Respond>([['/health', onlyGet(health(options))]])
  for (const type of ['livez', 'readyz'] as const) {
    const names = type === 'livez' ? LIVEZ : READYZ
    paths.set(`/${type}`, onlyGet(checks.endpoint(type, names, true)))
    for (const name of names) paths.set(`/${type}/${name}`, onlyGet(checks.endpoint(type, [name], false)))
  }
  return paths
}

/** Alarms that the answer names; there are no others so far. */
const ALARMS = new Set(['NOSPACE', 'CORRUPT'])

const health = ({ source, metrics, logger, requestTimeoutMs }: HealthOptions): Respond => {
  const successes = metrics.counter('etcd_server_health_success', '')
  const failures = metrics.counter('etcd_server_health_failures', '')
  const reasonOf = async (request: IncomingMessage, signal: AbortSignal): Promise<string> => {
    const query = targetOf(request)?.query
    const excluded = new Set(query?.getAll('exclude') ?? [])
    const alarm = source.alarms().find((kind) => !excluded.has(kind))
    if (alarm !== undefined) return `ALARM ${ALARMS.has(alarm) ? alarm : 'UNKNOWN'}`
    const serializable = query?.get('serializable') === 'true'
    if (!serializable && !source.leaderKnown()) return 'RAFT NO LEADER'
    try {
      await (serializable ? source.serializableRead(signal) : source.linearizableRead(requestTimeoutMs, signal))
      return ''
    } catch (error) {
      return `RANGE ERROR:${textOf(error)}`
    }
  }
  return (request, response) => {
    const work = reasonOf(request, goneSignal(response)).then((reason) => {
      const body = goJson({ health: reason === '' ? 'true' : 'false', reason })
      if (reason === '') {
        successes.inc()
        logger.debug('/health OK', { 'status-code': 200 })
        sendGuessed(response, body)
        return
      }
      failures.inc()
      logger.warn('/health error', { output: body, 'status-code': 503 })
      sendError(response, 503, body)
    })
    answerFailure(work, response)
  }
}

const LIVEZ = ['serializable_read'] as const
const READYZ = ['data_corruption', 'serializable_read', 'linearizable_read', 'non_learner'] as const
type CheckName = (typeof READYZ)[number]

class Checks {
  readonly #source: HealthSource
  readonly #logger: Logger
  readonly #results: (...labels: string[]) => Gauge
  readonly #runs: (...labels: string[]) => Counter

  constructor({ source, logger, metrics }: HealthOptions) {
    this.#source = source
    this.#logger = logger
    this.#results = metrics.gauges('etcd_server_healthcheck', '', ['type', 'name'])
    this.#runs = metrics.counters('etcd_server_healthchecks_total', '', ['type', 'name', 'status'])
  }

  /** `root`: the page of all checks, from which some can be excluded. */
  endpoint(type: 'livez' | 'readyz', names: readonly CheckName[], root: boolean): Respond {
    const path = root ? `/${type}` : `/${type}/${names.join()}`
    return (request, response) => {
      const query = targetOf(request)?.query
      const excluded = new Set(root ? query?.getAll('exclude') : [])
      for (const name of excluded) {
        if (names.some((known) => known === name)) continue
        this.#logger.warn('some health checks cannot be excluded', { path, 'missing-health-checks': name })
      }
      const chosen = names.filter((name) => !excluded.has(name))
      const work = this.#run(type, chosen, goneSignal(response)).then(({ ok, details }) => {
        if (!ok) {
          this.#logger.error('Health check error', { path, reason: details, 'status-code': 503 })
          sendError(response, 503, details)
          return
        }
        this.#logger.debug('Health check OK', { path, reason: details, 'status-code': 200 })
        sendText(response, query?.has('verbose') === true ? `${details}ok\n` : 'ok\n')
      })
      answerFailure(work, response)
    }
  }

  async #run(
    type: string,
    names: readonly CheckName[],
    signal: AbortSignal,
  ): Promise<{ readonly ok: boolean; readonly details: string }> {
    let ok = true
    let details = ''
    for (const name of names) {
      const error = await this.#check(name, signal)
      if (error !== undefined) ok = false
      details += error === undefined ? `[+]${name} ok\n` : `[-]${name} failed: ${error}\n`
      this.#results(type, name).set(error === undefined ? 1 : 0)
      this.#runs(type, name, error === undefined ? 'success' : 'error').inc()
    }
    return { ok, details }
  }

  /** What is wrong, or undefined. */
  async #check(name: CheckName, signal: AbortSignal): Promise<string | undefined> {
    const source = this.#source
    try {
      switch (name) {
        case 'data_corruption':
          return source.alarms().includes('CORRUPT') ? 'alarm activated: CORRUPT' : undefined
        case 'serializable_read':
          await source.serializableRead(signal)
          return undefined
        case 'linearizable_read':
          await source.linearizableRead(undefined, signal)
          return undefined
        case 'non_learner':
          return source.isLearner() ? 'not supported for learner' : undefined
      }
    } catch (error) {
      return textOf(error)
    }
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Aborted when the client is gone before it was answered. */
const goneSignal = (response: ServerResponse): AbortSignal => {
  const controller = new AbortController()
  response.once('close', () => {
    controller.abort()
  })
  return controller.signal
}

/** A bug in a check must not leave the client waiting. */
const answerFailure = (work: Promise<void>, response: ServerResponse): void => {
  work.catch((error: unknown) => {
    sendError(response, 500, textOf(error))
  })
}
