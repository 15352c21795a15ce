// Chains against lists of pairs.
import t from 'tap'
import type { Random } from '../env/index.js'
import { NO_CHAIN, RevisionChains } from './revision-chains.js'
import { seededRandom } from './testing.js'

type Pair = readonly [main: number, sub: number]

interface Followed {
  chain: number
  pairs: Pair[]
}

const search = (chains: RevisionChains, { chain }: Followed, at: number): number[] | undefined =>
  chains.newestAt(chain, at) ? [chains.main, chains.sub, chains.newer] : undefined

const expectedAt = ({ pairs }: Followed, at: number): number[] | undefined => {
  const i = pairs.findLastIndex(([main]) => main <= at)
  return i < 0 ? undefined : [...pairs[i]!, pairs.length - 1 - i]
}

const holds = ({ pairs }: Followed, main: number, sub: number): boolean =>
  pairs.some((pair) => pair[0] === main && pair[1] === sub)

/** The next pair behind `last`: mostly of a later main revision. */
const following = (random: Random, last: Pair | undefined): Pair => {
  if (last === undefined) return [1 + random.below(5), random.below(3)]
  return random.below(4) === 0
    ? [last[0], last[1] + 1 + random.below(2)]
    : [last[0] + 1 + random.below(3), random.below(3)]
}

for (const seed of [1, 2, 3, 4, Date.now() % 1_000_000])
  t.test(`random chains, seed ${seed}`, async (t) => {
    const random = seededRandom(seed)
    const chains = new RevisionChains()
    const all: Followed[] = Array.from({ length: 8 }, () => ({ chain: NO_CHAIN, pairs: [] }))
    for (let step = 0; step < 3000; step++) {
      const one = all[random.below(all.length)]!
      const last = one.pairs.at(-1)?.[0] ?? 0
      const at = random.below(last + 3)
      const what = random.below(40)
      if (what === 0) {
        chains.giveBack(one.chain)
        Object.assign(one, { chain: NO_CHAIN, pairs: [] })
      } else if (what === 1) {
        chains.dropBefore(one.chain, at)
        one.pairs.splice(
          0,
          Math.max(
            0,
            one.pairs.findLastIndex(([main]) => main <= at),
          ),
        )
      } else {
        for (let count = random.below(what === 2 ? 1500 : 4); count > 0; count--) {
          const pair = following(random, one.pairs.at(-1))
          one.pairs.push(pair)
          one.chain = chains.push(one.chain, ...pair)
        }
      }
      if (search(chains, one, at)?.join() !== expectedAt(one, at)?.join())
        t.same(search(chains, one, at), expectedAt(one, at), `step ${step}: newest at ${at}`)
      const other = all[random.below(all.length)]!
      for (const [main, sub] of [
        other.pairs[random.below(other.pairs.length)] ?? [at, 0],
        [at, random.below(3)],
      ] as const)
        if (chains.has(other.chain, main, sub) !== holds(other, main, sub))
          t.fail(`step ${step}: has ${main}.${sub}, expected ${holds(other, main, sub)}`)
      if (step % 50 === 0) for (const { chain, pairs } of all) t.equal(chains.pairs(chain).join(), pairs.join())
    }
  })

t.test('main revisions beyond 32 bits', async (t) => {
  const chains = new RevisionChains()
  const first = 2 ** 52
  let chain = NO_CHAIN
  for (let i = 0; i < 100; i++) chain = chains.push(chain, first + i, 0)
  t.ok(chains.newestAt(chain, first + 41))
  t.equal(chains.main, first + 41)
  t.notOk(chains.newestAt(chain, first - 1))
})

t.test('what is given back is used again', async (t) => {
  const chains = new RevisionChains()
  const fill = (): number[] =>
    Array.from({ length: 500 }, (_, n) => {
      let chain = NO_CHAIN
      for (let i = 0; i <= n; i++) chain = chains.push(chain, i + 1, 0)
      return chain
    })
  let held = fill()
  const { bytes } = chains
  t.ok(bytes > 0)
  for (let round = 0; round < 5; round++) {
    // Half of the rounds leave one revision of each first.
    if (round % 2 === 0) for (const chain of held) chains.dropBefore(chain, 1e6)
    for (const chain of held) chains.giveBack(chain)
    held = fill()
    t.equal(chains.bytes, bytes)
  }
})

t.test('a key that was overwritten once costs 48 bytes', async (t) => {
  const chains = new RevisionChains()
  for (let i = 0; i < 100_000; i++) chains.push(NO_CHAIN, i + 1, 0)
  t.ok(chains.bytes < 50 * 100_000, `${chains.bytes} bytes`)
})
