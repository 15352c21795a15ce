import { HOUR_NS, MILLISECOND_NS, parseDuration } from './duration.js'
import { type Parsed, failed, parsed } from './go-number.js'
import type { CompactionPolicy } from './server-config.js'

/** What --auto-compaction-retention means: also the number that the start line prints as a duration. */
export interface Retention {
  readonly policy: CompactionPolicy
  /** Nanoseconds, or revisions in revision mode. */
  readonly raw: number
}

/**
 * A plain number is hours or revisions; anything else is a duration, which revision mode takes for its nanoseconds.
 * Differs: etcd accepts a negative period and then spins; it is refused here.
 */
export const parseRetention = (mode: string, text: string): Parsed<Retention> => {
  const problem = (why: string) => failed(`error parsing CompactionRetention: ${why}`)
  let raw = 0
  // Beyond an int64 the reference reads the text as a duration, and misses the unit.
  if (/^\+?\d+$/.test(text) && Number(text) < 2 ** 63) raw = Number(text) * (mode === 'periodic' ? HOUR_NS : 1)
  else if (text !== '') {
    const duration = parseDuration(text)
    if (!duration.ok) return problem(duration.error)
    raw = duration.value
  }
  if (raw < 0) return problem(`negative duration "${text}"`)
  if (raw === 0) return parsed({ policy: { mode: 'off' }, raw })
  const policy: CompactionPolicy =
    mode === 'periodic' ? { mode, periodMs: raw / MILLISECOND_NS } : { mode: 'revision', revisions: raw }
  return parsed({ policy, raw })
}
