// Compaction by age or by number of revisions, as --auto-compaction-mode and --auto-compaction-retention ask for
// (reference: etcd server/etcdserver/api/v3compactor). Runs on the leader only.

import type { Clock, Logger, Timer } from '../env/index.js'

export interface CompactionTarget {
  revision(): number
  isLeader(): boolean
  /** Resolves when the compaction is applied, with false when it failed; "compacted already" counts as done. */
  compact(revision: number): Promise<boolean>
}

export interface AutoCompactor {
  close(): void
}

const HOUR_MS = 3_600_000
const SAMPLES_PER_INTERVAL = 10
const REVISION_CHECK_MS = 5 * 60_000

export interface Retention {
  readonly mode: 'periodic' | 'revision'
  /** Milliseconds, or revisions. */
  readonly retention: number
}

export function startCompactor(
  settings: Retention | undefined,
  clock: Clock,
  log: Logger,
  target: CompactionTarget,
): AutoCompactor | undefined {
  if (settings === undefined) return undefined
  const start = settings.mode === 'periodic' ? periodicCompactor : revisionCompactor
  return start(target, settings.retention, clock, log)
}

/** Keeps the revisions of the last `periodMs`: samples ten times per interval, compacts to the sample one period old. */
export function periodicCompactor(
  target: CompactionTarget,
  periodMs: number,
  clock: Clock,
  log: Logger,
): AutoCompactor {
  const intervalMs = Math.min(periodMs, HOUR_MS)
  const sampleMs = intervalMs / SAMPLES_PER_INTERVAL
  const samplesPerPeriod = Math.max(1, Math.round(periodMs / sampleMs))
  // From the start on, so that the oldest sample is a whole period old when the first compaction is due.
  const samples = [target.revision()]
  let lastRevision = 0
  let dueMs = clock.monotonicMs() + periodMs
  return repeat(clock, sampleMs, async () => {
    samples.push(target.revision())
    if (samples.length > samplesPerPeriod + 1) samples.shift()
    const nowMs = clock.monotonicMs()
    const revision = samples[0]
    if (nowMs < dueMs || revision === undefined || !target.isLeader()) return
    if (revision === lastRevision || revision <= 0) return
    if (await attempt(target, revision, 'periodic', log)) {
      lastRevision = revision
      dueMs = nowMs + intervalMs
    }
  })
}

/** Keeps the last `retention` revisions; looks every five minutes. */
export function revisionCompactor(
  target: CompactionTarget,
  retention: number,
  clock: Clock,
  log: Logger,
): AutoCompactor {
  let lastRevision = 0
  return repeat(clock, REVISION_CHECK_MS, async () => {
    const revision = target.revision() - retention
    if (!target.isLeader() || revision <= 0 || revision === lastRevision) return
    if (await attempt(target, revision, 'revision', log)) lastRevision = revision
  })
}

async function attempt(target: CompactionTarget, revision: number, mode: string, log: Logger): Promise<boolean> {
  log.info(`starting auto ${mode} compaction`, { revision })
  const done = await target.compact(revision)
  if (done) log.info(`completed auto ${mode} compaction`, { revision })
  else log.warn(`failed auto ${mode} compaction`, { revision })
  return done
}

function repeat(clock: Clock, periodMs: number, look: () => Promise<void>): AutoCompactor {
  let timer: Timer
  let closed = false
  const arm = (): void => {
    timer = clock.after(periodMs, () => {
      void look().finally(() => {
        if (!closed) arm()
      })
    })
  }
  arm()
  return {
    close: () => {
      closed = true
      timer.cancel()
    },
  }
}
