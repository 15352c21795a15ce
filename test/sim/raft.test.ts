// The raft simulator: many seeds keep every promise, and every planted mistake is found.
import t from 'tap'
import { PLANTED_BUGS } from './raft/bugs.js'
import { simulate, World } from './raft/world.js'

t.setTimeout(600_000)

const SEEDS = Number(process.env['SIM_SEEDS'] ?? 1000)
const FIRST_SEED = Number(process.env['SIM_FIRST_SEED'] ?? 1)
const STEPS = 1500

/** What a run over all seeds must have seen, or it proves little. */
const MUST_HAPPEN = [
  'role leader',
  'role preCandidate',
  'crash',
  'entriesReplaced',
  'snapshotRestored',
  'voteIgnoredInLease',
  'quorumLost',
  'readParked',
  'read',
  'windowFull',
  'transfer timeoutNow',
  'transfer aborted',
  'confChangeRefused',
  'membership',
]

t.test(`${SEEDS} seeds keep every invariant and make progress once faults end`, async (t) => {
  const counts = new Map<string, number>()
  const started = process.hrtime.bigint()
  let steps = 0
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const { world, error } = simulate(seed, STEPS)
    steps += world.steps
    for (const [name, count] of world.counts) counts.set(name, (counts.get(name) ?? 0) + count)
    if (error === undefined) continue
    t.fail(`npm run sim -- --seed ${seed} --steps ${STEPS}: ${error.stack}`)
    return
  }
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  t.comment(`note: ${SEEDS} seeds, ${Math.round(steps / seconds)} steps/s`)
  for (const name of MUST_HAPPEN)
    t.ok((counts.get(name) ?? 0) >= SEEDS / 50, `${name} happened ${counts.get(name) ?? 0} times`)
})

t.test('one seed does the same twice', async (t) => {
  for (let seed = 1; seed <= 40; seed++) {
    const [first, second] = [simulate(seed, STEPS).world, simulate(seed, STEPS).world]
    t.equal(first.traceHash, second.traceHash, `seed ${seed}`)
  }
  t.not(simulate(1, STEPS).world.traceHash, simulate(2, STEPS).world.traceHash, 'seeds differ')
})

t.test('watching a run does not change it', async (t) => {
  const lines: string[] = []
  const watched = simulate(7, STEPS, {}, (line) => lines.push(line)).world
  t.equal(watched.traceHash, simulate(7, STEPS).world.traceHash)
  t.ok(lines.length > 100)
})

for (const { name, seeds, hooks } of PLANTED_BUGS) {
  t.test(`finds that ${name}`, async (t) => {
    for (let seed = 1; seed <= seeds; seed++) {
      const { world, error } = simulate(seed, STEPS, hooks)
      if (error === undefined) continue
      t.comment(`note: seed ${seed}, step ${world.steps}: ${error.name}: ${error.message}`)
      t.pass('found')
      return
    }
    t.fail(`not found in ${seeds} seeds`)
  })
}

t.test('a mistake of the simulator itself is not a pass', async (t) => {
  const { error } = simulate(1, STEPS, {
    beforeEvent: () => {
      throw new Error('broken hook')
    },
  })
  t.match(error, /broken hook/)
  t.doesNotThrow(() => new World(1))
})
