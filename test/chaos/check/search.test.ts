// The fast checker and the search through all orders agree on many small histories, legal and damaged.
import t from 'tap'
import { SeededRandom } from '../../support/random.js'
import type { Operation } from '../history.js'
import { HandMade, type Interval } from './hand-made.js'
import { checkRealTime } from './order.js'
import { placeOperations } from './place.js'
import { isLinearizable } from './search.js'
import { checkTruth } from './truth.js'

const HISTORIES = 3000
const OPERATIONS_MAX = 7

/** What happens, in order: words of a write, or what only reads. */
const script = (random: SeededRandom): string[] => {
  const alive = new Set<string>()
  return Array.from({ length: 1 + random.below(OPERATIONS_MAX) }, (_, i) => {
    const key = random.pick(['a', 'b'])
    const kind = random.pick(['put', 'put', 'delete', 'read', 'read', 'pair'])
    if (kind === 'read' || (kind === 'delete' && !alive.has(key))) return `read ${key}`
    if (kind === 'delete') {
      alive.delete(key)
      return `-${key}`
    }
    if (kind === 'pair') {
      alive.add('a').add('b')
      return `a=${i} b=${i}`
    }
    alive.add(key)
    return `${key}=${i}`
  })
}

/** A legal history: each operation takes effect at 10, 20, 30 ... within its interval. */
const legalHistory = (random: SeededRandom): HandMade => {
  const words = script(random)
  const history = new HandMade(...words.filter((word) => !word.startsWith('read')))
  let revision = 1
  for (const [i, word] of words.entries()) {
    const at = 10 * (i + 1)
    const answered = random.chance(75)
    const invokedMs = at - 1 - random.below(30)
    const interval: Interval = answered ? [invokedMs, at + 1 + random.below(30)] : [invokedMs]
    if (word.startsWith('read')) history.read(word.slice(5), interval, revision)
    else history.write(word, interval, ++revision)
  }
  // Unanswered writes that never happened.
  if (random.chance(30)) history.write('a=never', [random.below(60)])
  return history
}

/** Moves one operation in time, or gives it the answer of another revision. */
const damage = (history: HandMade, random: SeededRandom): void => {
  const operations = history.operations
  const i = random.below(operations.length)
  const operation = operations[i]!
  const { answer } = operation
  const shift = (random.below(9) - 4) * 10
  let changed: Operation = {
    ...operation,
    invokedMs: operation.invokedMs + shift,
    returnedMs: operation.returnedMs + shift,
  }
  if (answer !== undefined && random.chance(50)) {
    const revision = 1 + random.below(history.truth.revision + 1)
    const { succeeded, results } = history.truth.execute(operation.request, Math.max(1, revision - random.below(2)))
    changed = { ...operation, answer: { revision, succeeded, results } }
  }
  operations.splice(i, 1, changed)
}

t.test('the fast checker agrees with the search', async (t) => {
  const counts = { legal: 0, illegal: 0 }
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const random = new SeededRandom(seed)
    const history = legalHistory(random)
    const damaged = random.chance(70)
    if (damaged) damage(history, random)
    const { placed, violations } = placeOperations(history.operations, history.truth)
    const fast = [...checkTruth(history.changes), ...violations, ...checkRealTime(placed)]
    const slow = isLinearizable(history.operations, history.changes)
    counts[slow ? 'legal' : 'illegal']++
    if ((fast.length === 0) === slow && (slow || damaged)) continue
    t.fail(`seed ${seed}: the search says ${slow ? 'legal' : 'illegal'}, the checker ${JSON.stringify(fast)}`)
    break
  }
  t.ok(counts.legal > HISTORIES / 4 && counts.illegal > HISTORIES / 10, `both kinds came: ${JSON.stringify(counts)}`)
})
