// The tree against a sorted list, with small nodes (deep trees, many splits and merges) and with large ones.
import t from 'tap'
import type { Key } from '../base/index.js'
import type { Random } from '../env/index.js'
import { KeyTree, NOTHING } from './key-tree.js'
import { finish } from './slices.js'
import { seededRandom } from './testing.js'

const OPEN_END = '\u0100' as Key
const pick = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)]!

/** Bytes that are likely to tie, to end early, or to sit at the ends of their range. */
const BYTES = ['\x00', '\x01', 'a', 'b', '\xfe', '\xff']
/** Beginnings that many keys share; some longer than an ordinal. */
const STEMS = [
  '',
  '',
  'a',
  '/registry/pods/default/',
  '/registry/pods/kube-system/',
  '\x00\x00\x00\x00\x00\x00\x00',
  'aaaaaaaa',
]

const randomKey = (random: Random): Key => {
  let key = pick(random, STEMS)
  for (let left = random.below(9); left > 0; left--) key += pick(random, BYTES)
  return key as Key
}

/** The obvious one. */
class Model {
  readonly values = new Map<Key, number>()
  sorted(): Key[] {
    return [...this.values.keys()].sort()
  }
}

const entries = (tree: KeyTree, lo: Key, hi: Key, max: number): [Key, number][] => {
  const found: [Key, number][] = []
  let from: Key | undefined = lo
  while (from !== undefined) {
    const last = tree.walk(from, hi, max, (key, value) => found.push([key, value]))
    from = last === undefined ? undefined : ((last + '\0') as Key)
  }
  return found
}

const agrees = (tree: KeyTree, model: Model, random: Random): string | undefined => {
  if (tree.size !== model.values.size) return `size ${tree.size}, not ${model.values.size}`
  const [lo, hi] = [randomKey(random), random.below(5) === 0 ? OPEN_END : randomKey(random)]
  const expected = model.sorted().filter((key) => key >= lo && key < hi)
  const found = entries(tree, lo, hi, 1 + random.below(20))
  const isEqual =
    found.length === expected.length &&
    found.every(([key, value], i) => key === expected[i] && value === model.values.get(key))
  return isEqual
    ? undefined
    : `walk of [${JSON.stringify(lo)}, ${JSON.stringify(hi)}): ${found.length} of ${expected.length}`
}

/** One random history; undefined when the tree did as the model. `growth`: additions among ten changes. */
const run = (seed: number, keysMax: number, steps: number): string | undefined => {
  const random = seededRandom(seed)
  let tree = new KeyTree(keysMax)
  const model = new Model()
  let growth = 7
  for (let step = 0; step < steps; step++) {
    if (step % 200 === 199) growth = 10 - growth
    const known = model.values.size > 0 && random.below(2) === 0 ? pick(random, [...model.values.keys()]) : undefined
    const key = known ?? randomKey(random)
    const found = tree.get(key)
    if (found !== (model.values.get(key) ?? NOTHING)) return `step ${step}: get of ${JSON.stringify(key)}`
    if (random.below(10) < growth) {
      if (found === NOTHING) {
        tree.add(key, step)
        model.values.set(key, step)
      }
      if (tree.get(key) !== model.values.get(key)) return `step ${step}: get after add`
    } else {
      const value = model.values.get(key) ?? NOTHING
      model.values.delete(key)
      if (tree.remove(key) !== value) return `step ${step}: remove of ${JSON.stringify(key)}`
    }
    if (step % 16 === 0) {
      const wrong = agrees(tree, model, random)
      if (wrong !== undefined) return `step ${step}: ${wrong}`
    }
    if (random.below(400) === 0) {
      const keys = model.sorted()
      tree = new KeyTree(keysMax)
      finish(
        tree.loadSteps(
          keys,
          keys.map((name) => model.values.get(name)!),
        ),
      )
    }
  }
  for (const key of model.sorted()) if (tree.remove(key) === NOTHING) return `end: remove of ${JSON.stringify(key)}`
  return tree.size === 0 && entries(tree, '' as Key, OPEN_END, 5).length === 0 ? undefined : 'not empty in the end'
}

t.test('random histories, in nodes of 2 to 64 keys', async (t) => {
  for (let seed = 1; seed <= 40; seed++) {
    const keysMax = [2, 3, 4, 5, 8, 64][seed % 6]!
    const wrong = run(seed, keysMax, 1500)
    t.equal(wrong, undefined, `seed ${seed}, nodes of ${keysMax}`)
  }
})

t.test('a hundred thousand keys: ascending, descending, scattered, loaded; then every second one goes', async (t) => {
  const COUNT = 100_000
  const numberOf = (key: Key): number => Number(key.slice(-6))
  const names = Array.from(
    { length: COUNT },
    (_, i) => `/registry/pods/default/pod-${String(i).padStart(6, '0')}` as Key,
  )
  const scattered = names.map((_, i) => names[(i * 7919) % COUNT]!)
  const orders = { ascending: names, descending: names.toReversed(), scattered, loaded: undefined }
  for (const [name, order] of Object.entries(orders)) {
    const tree = new KeyTree()
    if (order === undefined) finish(tree.loadSteps(names, names.map(numberOf)))
    else for (const key of order) tree.add(key, numberOf(key))
    t.equal(tree.size, COUNT)
    t.ok(
      names.every((key) => tree.get(key) === numberOf(key)),
      `${name}: all are found`,
    )
    for (let i = 0; i < COUNT; i += 2) tree.remove(names[i]!)
    const left: Key[] = []
    tree.walk('' as Key, OPEN_END, COUNT, (key) => left.push(key))
    t.ok(
      left.length === COUNT / 2 && left.every((key, i) => key === names[2 * i + 1]),
      `${name}: the others stay in order`,
    )
  }
})
