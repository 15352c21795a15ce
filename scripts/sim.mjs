// Replays simulated raft clusters.
//
//   npm run sim -- --seed 7                  one seed, every event printed, then the members' state
//   npm run sim -- --seed 1 --count 5000     many seeds, failures only
//   --options '{"crashes":0}'              in place of what the seed draws (test/sim/raft/options.ts)
//   --steps N                                events before the faults end (5000, as in the tests)
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    options: { type: 'string', default: '{}' },
    steps: { type: 'string', default: '5000' },
  },
})
const [seed, count, steps] = [values.seed, values.count, values.steps].map(Number)
if (![seed, count, steps].every((value) => Number.isSafeInteger(value) && value >= 0)) {
  console.error('--seed, --count and --steps take whole numbers')
  process.exit(2)
}

const hooks = { options: JSON.parse(values.options) }

const build = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit' })
if (build.status !== 0) process.exit(build.status ?? 1)
const { simulate } = await import('../dist-test/test/sim/raft/simulate.js')

process.exit(count === 1 ? replay() : sweep())

function replay() {
  const { world, error } = simulate(seed, steps, hooks, (line) => console.log(line))
  for (const member of world.members.values()) {
    const { id, role, term, commit, applied, lastIndex } = member.node.status()
    const state = member.up ? role : 'down'
    console.log(`${id}: ${state} term=${term} commit=${commit} applied=${applied} last=${lastIndex}`)
  }
  console.log(`trace hash ${world.traceHash.toString(16)}`)
  console.log(error === undefined ? 'kept every promise' : (error.stack ?? error))
  return error === undefined ? 0 : 1
}

function sweep() {
  const started = performance.now()
  let failures = 0
  let done = 0
  for (let next = seed; next < seed + count; next++) {
    const { world, error } = simulate(next, steps, hooks)
    done += world.steps
    if (error === undefined) continue
    failures++
    console.log(`npm run sim -- --seed ${next} --steps ${steps}: step ${world.steps}: ${error}`)
  }
  const seconds = (performance.now() - started) / 1000
  console.log(`${failures} of ${count} seeds failed; ${Math.round(done / seconds)} steps/s`)
  return failures === 0 ? 0 : 1
}
