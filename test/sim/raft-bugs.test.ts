// Every planted mistake is found within its budget of seeds: a simulator that cannot find them proves nothing.
import t from 'tap'
import { PLANTED_BUGS } from './raft/bugs.js'
import { simulate } from './raft/simulate.js'

t.setTimeout(600_000)

const STEPS = 5000

for (const { name, seeds, hooks } of PLANTED_BUGS) {
  t.test(`finds that ${name}`, async (t) => {
    for (let seed = 1; seed <= seeds; seed++) {
      const { world, error } = simulate(seed, STEPS, hooks)
      if (error === undefined) continue
      t.comment(`note: ${name}: seed ${seed}, step ${world.steps}: ${error.name}: ${error.message}`)
      t.pass('found')
      return
    }
    t.fail(`not found in ${seeds} seeds`)
  })
}
