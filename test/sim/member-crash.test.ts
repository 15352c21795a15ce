// A single member through crashes, restarts and recoveries that crash (test/sim/member/world.ts). QUORATE_SEED=n replays one
// run; QUORATE_SIM_SEEDS sets how many fixed seeds there are.
import t from 'tap'
import { BUGS } from './member/bugs.js'
import { type Counts, World } from './member/world.js'

t.setTimeout(0)

const ONE_SEED = process.env['QUORATE_SEED']
const FIXED = Number(process.env['QUORATE_SIM_SEEDS'] ?? 300)
const FRESH = 20
/** Within how many seeds a planted mistake must show. */
const BUG_SEEDS = 60

const replayWith = (seed: number): string =>
  `replay with QUORATE_SEED=${seed} node dist-test/test/sim/member-crash.test.js`

t.test('every acknowledged write survives, every read fits the log, nothing is half applied', async (t) => {
  const first = ONE_SEED === undefined ? 1 : Number(ONE_SEED)
  const fresh = 1_000_000 + Math.floor(Math.random() * 1_000_000_000)
  const seeds =
    ONE_SEED !== undefined
      ? [first]
      : [...Array.from({ length: FIXED }, (_, i) => first + i), ...Array.from({ length: FRESH }, (_, i) => fresh + i)]
  const totals: Partial<Counts> = {}
  const problems: string[] = []
  for (const seed of seeds) {
    const { problem, trace, counts } = await new World(seed).run()
    if (ONE_SEED !== undefined) t.comment(trace)
    if (problem !== undefined) problems.push(`seed ${seed}: ${problem}\n${replayWith(seed)}`)
    for (const [name, count] of Object.entries(counts) as [keyof Counts, number][]) {
      totals[name] = (totals[name] ?? 0) + count
    }
    if (problems.length > 2) break
  }
  t.same(problems, [])
  t.comment(`note: ${seeds.length} seeds, ${JSON.stringify(totals)}`)
  if (ONE_SEED !== undefined) return
  for (const [name, count] of Object.entries(totals)) t.ok(count > FIXED / 30, `${name}: ${count}`)
})

t.test('a run depends on its seed alone', async (t) => {
  for (const seed of [3, 14, 15, 92]) {
    const runs = [await new World(seed).run(), await new World(seed).run()]
    t.ok(runs[0]!.trace.length > 1000)
    t.equal(runs[0]!.trace, runs[1]!.trace, `seed ${seed}`)
  }
})

t.test('planted mistakes are found', async (t) => {
  if (ONE_SEED !== undefined) return
  for (const [name, plants] of Object.entries(BUGS)) {
    let found: string | undefined
    let seed = 0
    while (found === undefined && seed < BUG_SEEDS) found = (await new World(++seed, plants).run()).problem
    t.ok(found, `${name}: seed ${seed}, ${found?.split('\n')[0]?.slice(0, 120)}`)
  }
})
