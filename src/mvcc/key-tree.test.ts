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
  readonly ids = new Map<Key, number>()
  readonly #names = new Map<number, Key>()

  sorted(): Key[] {
    return [...this.ids.keys()].sort()
  }

  add(key: Key, id: number): void {
    this.ids.set(key, id)
    this.#names.set(id, key)
  }

  /** After the tree: until then the id stands for the key. */
  remove(key: Key): void {
    const id = this.ids.get(key)
    this.ids.delete(key)
    if (id !== undefined) this.#names.delete(id)
  }

  /** What a tree is made with: ids of others it must not ask for. */
  keyOf(id: number): Key {
    const key = this.#names.get(id)
    if (key === undefined) throw new Error(`asked for ${id}, which is gone`)
    return key
  }
}

const idsIn = (tree: KeyTree, lo: Key, hi: Key, max: number): number[] => {
  const found: number[] = []
  let from: Key | undefined = lo
  while (from !== undefined) {
    const last = tree.walk(from, hi, max, (id) => found.push(id))
    from = last === undefined ? undefined : ((last + '\0') as Key)
  }
  return found
}

const agrees = (tree: KeyTree, model: Model, random: Random): string | undefined => {
  if (tree.size !== model.ids.size) return `size ${tree.size}, not ${model.ids.size}`
  const [lo, hi] = [randomKey(random), random.below(5) === 0 ? OPEN_END : randomKey(random)]
  const expected = model.sorted().filter((key) => key >= lo && key < hi)
  const found = idsIn(tree, lo, hi, 1 + random.below(20))
  const isEqual = found.length === expected.length && found.every((id, i) => id === model.ids.get(expected[i]!))
  return isEqual
    ? undefined
    : `walk of [${JSON.stringify(lo)}, ${JSON.stringify(hi)}): ${found.length} of ${expected.length}`
}

/** One random history; undefined when the tree did as the model. `growth`: additions among ten changes. */
const run = (seed: number, keysMax: number, steps: number): string | undefined => {
  const random = seededRandom(seed)
  const model = new Model()
  let tree = new KeyTree(model, keysMax)
  let growth = 7
  for (let step = 0; step < steps; step++) {
    if (step % 200 === 199) growth = 10 - growth
    const known = model.ids.size > 0 && random.below(2) === 0 ? pick(random, [...model.ids.keys()]) : undefined
    const key = known ?? randomKey(random)
    const found = tree.get(key)
    if (found !== (model.ids.get(key) ?? NOTHING)) return `step ${step}: get of ${JSON.stringify(key)}`
    if (random.below(10) < growth) {
      if (found === NOTHING) {
        model.add(key, step)
        tree.add(key, step)
      }
      if (tree.get(key) !== model.ids.get(key)) return `step ${step}: get after add`
    } else {
      if (tree.remove(key) !== (model.ids.get(key) ?? NOTHING)) return `step ${step}: remove of ${JSON.stringify(key)}`
      model.remove(key)
    }
    if (step % 16 === 0) {
      const wrong = agrees(tree, model, random)
      if (wrong !== undefined) return `step ${step}: ${wrong}`
    }
    if (random.below(400) === 0) {
      tree = new KeyTree(model, keysMax)
      finish(tree.loadSteps(model.sorted().map((name) => model.ids.get(name)!)))
    }
  }
  for (const key of model.sorted()) if (tree.remove(key) === NOTHING) return `end: remove of ${JSON.stringify(key)}`
  return tree.size === 0 && idsIn(tree, '' as Key, OPEN_END, 5).length === 0 ? undefined : 'not empty in the end'
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
  const keyOf = (id: number): Key => names[id]!
  const names = Array.from(
    { length: COUNT },
    (_, i) => `/registry/pods/default/pod-${String(i).padStart(6, '0')}` as Key,
  )
  const scattered = names.map((_, i) => names[(i * 7919) % COUNT]!)
  const orders = { ascending: names, descending: names.toReversed(), scattered, loaded: undefined }
  for (const [name, order] of Object.entries(orders)) {
    const tree = new KeyTree({ keyOf })
    if (order === undefined) finish(tree.loadSteps(names.map(numberOf)))
    else for (const key of order) tree.add(key, numberOf(key))
    t.equal(tree.size, COUNT)
    t.ok(
      names.every((key) => tree.get(key) === numberOf(key)),
      `${name}: all are found`,
    )
    for (let i = 0; i < COUNT; i += 2) tree.remove(names[i]!)
    const left: number[] = []
    tree.walk('' as Key, OPEN_END, COUNT, (id) => left.push(id))
    t.ok(left.length === COUNT / 2 && left.every((id, i) => id === 2 * i + 1), `${name}: the others stay in order`)
  }
})
