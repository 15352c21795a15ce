// When leadership changes, all leases of one age would expire in the same moment, and their revocations would queue up in
// front of everything else in the log. So a new leader pushes deadlines apart, never towards the present.

/** From this number of leases on, deadlines are spread. */
export const SPREAD_MIN_LEASES = 1000
/** A quarter less than the 1000 revocations that a second has room for: leases granted since then need some. */
export const SPREAD_PER_SECOND = 750

/**
 * Moves deadlines so that any 1000 ms hold at most `perSecond` of them: each is at least a second after the one that many
 * places before it. In place; `ascendingMs` stays ascending, no deadline gets earlier.
 */
export const spreadDeadlines = (ascendingMs: Float64Array, perSecond = SPREAD_PER_SECOND): void => {
  for (let i = perSecond; i < ascendingMs.length; i++) {
    ascendingMs[i] = Math.max(ascendingMs[i]!, ascendingMs[i - perSecond]! + 1000)
  }
}
