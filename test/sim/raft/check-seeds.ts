// The test over many seeds, in parts that run beside each other.

import t from 'tap'
import { REGRESSION_SEEDS } from './regression-seeds.js'
import { replayCommand, simulate } from './simulate.js'
import { freshSeeds, sweep } from './sweep.js'

const PARTS = 2
/** Fixed seeds of all parts together; `SIM_SEEDS` and `SIM_FIRST_SEED` choose others. */
const SEEDS = Number(process.env['SIM_SEEDS'] ?? 2000)
const FIRST_SEED = Number(process.env['SIM_FIRST_SEED'] ?? 1)
const FRESH_SEEDS = 20
const STEPS = Number(process.env['SIM_STEPS'] ?? 5000)
/** 5 % of the seeds run twice. */
const REPEAT_EVERY = 20

/** How often each must happen in one part with 1000 seeds of 5000 steps, or the run proves little. */
const MUST_HAPPEN: Readonly<Record<string, number>> = {
  'role leader': 1000,
  'role preCandidate': 1000,
  crash: 1000,
  'crash of all at once': 100,
  'crash loop': 100,
  'crash before a write is handed out': 10,
  'writes lost in a crash': 100,
  'writes torn in a crash': 50,
  'state ahead of the commit index at restart': 20,
  pause: 500,
  'missed tick': 1000,
  'disk stall': 500,
  'connection broken': 500,
  'partition halves': 50,
  'partition minority': 50,
  'partition leaderAlone': 50,
  'partition oneWay': 50,
  'partition deaf': 50,
  'partition ring': 50,
  'partition bridge': 50,
  'partition swizzle': 50,
  entriesReplaced: 100,
  snapshotRestored: 100,
  voteIgnoredInLease: 100,
  quorumLost: 50,
  readParked: 100,
  read: 1000,
  windowFull: 1000,
  'transfer succeeded': 20,
  'transfer aborted': 20,
  'confChangeRefused pending': 100,
  'confChangeRefused joint': 5,
  membership: 1000,
  'joint membership': 100,
  'learner promoted': 20,
  'leader removed': 10,
  'member retired': 10,
  'only a quorum was healed': 100,
  healed: 900,
  'founded with 1 voters': 20,
  'founded with 2 voters': 20,
  'founded with 3 voters': 20,
  'founded with 4 voters': 20,
  'founded with 5 voters': 20,
  'founded with 7 voters': 20,
}

export const checkSeeds = (part: number): void => {
  t.setTimeout(600_000)
  const fixed = Array.from({ length: SEEDS }, (_, n) => FIRST_SEED + n).filter((seed) => seed % PARTS === part % PARTS)
  const fresh = freshSeeds(FRESH_SEEDS / PARTS, part)

  t.test(`${fixed.length} fixed and ${fresh.length} fresh seeds keep every promise`, async (t) => {
    const { failures, counts, stepsPerSecond, unequal, repeated } = sweep([...fixed, ...fresh], STEPS, REPEAT_EVERY)
    t.comment(`note: ${fixed.length + fresh.length} seeds of ${STEPS} steps, ${stepsPerSecond} steps/s`)
    t.comment(`note: fresh seeds ${fresh.join(' ')}`)
    for (const failure of failures) t.fail(failure)
    t.same(unequal, [], `${repeated} seeds do the same twice`)
    t.ok(repeated * REPEAT_EVERY >= fixed.length)
    if (failures.length > 0) return
    const scale = (fixed.length * STEPS) / (1000 * 5000)
    for (const [name, least] of Object.entries(MUST_HAPPEN)) {
      const count = counts.get(name) ?? 0
      t.ok(count > 0 && count >= Math.floor(least * scale), `${name} happened ${count} times`)
    }
  })

  const regressions = REGRESSION_SEEDS.filter((_, i) => i % PARTS === part % PARTS)
  t.test(`${regressions.length} seeds that failed once`, async (t) => {
    for (const { seed, steps, options, was } of regressions) {
      const { error } = simulate(seed, steps, { options })
      t.equal(error, undefined, `${replayCommand(seed, steps, options)}: ${was}`)
    }
  })
}
