// Whether a member may start: what the flags ask of a first start, and of a restart.

import { type LookupHost, type ServerConfig, newClusterProblem } from '../config/index.js'
import type { Clock, Logger } from '../env/index.js'

export interface StartCheckParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly lookup: LookupHost
}

/** How long names of the initial cluster may stay unknown: other members' DNS entries often appear with them. */
const RESOLVE_LIMIT_MS = 30_000
const RESOLVE_RETRY_MS = 1_000

/** @throws Error saying what speaks against the start. */
export async function checkStart(config: ServerConfig, hasLog: boolean, parts: StartCheckParts): Promise<void> {
  const { refusals, discovery } = config
  const refusal = hasLog ? refusals.withLog : refusals.withoutLog
  if (refusal !== undefined) throw new Error(refusal)
  if (hasLog) {
    // A restart looks at none of the flags that describe a new cluster.
    if (discovery.token !== '' || discovery.srvDomain !== '') {
      parts.logger.warn('discovery token is ignored since cluster already initialized; valid logs are found', {
        'wal-dir': config.walDir,
      })
    }
    return
  }
  const problem = await newClusterProblem(config, patientLookup(parts))
  if (problem !== undefined) throw new Error(problem)
}

/** Asks again each second for half a minute. */
export function patientLookup({ clock, logger, lookup }: StartCheckParts): LookupHost {
  const deadlineMs = clock.monotonicMs() + RESOLVE_LIMIT_MS
  return async (hostname) => {
    for (;;) {
      try {
        return await lookup(hostname)
      } catch (error) {
        if (clock.monotonicMs() >= deadlineMs) throw error
        logger.warn('failed to resolve URL Host', { host: hostname, 'retry-interval': '1s', error })
      }
      await new Promise<void>((resolve) => clock.after(RESOLVE_RETRY_MS, resolve))
    }
  }
}
