// Gives every operation its place in the order of the ground truth, and judges what it answered there.
//
// A write that changed something is the only one at its revision; whatever changed nothing saw the state at the revision of
// its answer. So a place is a revision, and no search is left: writes without an answer are found by their values, which are
// unique, and deletes without an answer are matched with the deletions that nobody else claims, earliest call first. (Any
// call that began before everything later in the order had returned is good for a deletion, and that bound only grows with the
// revision: taking the earliest call leaves no other deletion worse off.)
import { describeOperation, isWriteRequest, type Answer, type Operation } from '../history.js'
import { describeAnswer, describeChanges, sameAnswer, sameChanges, type Truth } from './truth.js'
import { violation, type Violation } from './violation.js'

export interface Placed {
  readonly operation: Operation
  readonly revision: number
  /** It made this revision; else it saw the state at this revision. */
  readonly changed: boolean
}

export interface Placement {
  readonly placed: readonly Placed[]
  readonly violations: readonly Violation[]
  /** Writes that were answered as done and changed something. */
  readonly acknowledgedWrites: number
  /** Acknowledged writes that the truth does not hold. */
  readonly lostWrites: number
  /** Writes without an answer that happened all the same. */
  readonly unansweredApplied: number
}

export const placeOperations = (operations: readonly Operation[], truth: Truth): Placement => {
  const placing = new Placing(truth)
  for (const operation of operations) if (operation.answer !== undefined) placing.answered(operation, operation.answer)
  for (const operation of operations) if (operation.answer === undefined) placing.unanswered(operation)
  placing.rest()
  return placing
}

class Placing implements Placement {
  readonly placed: Placed[] = []
  readonly violations: Violation[] = []
  acknowledgedWrites = 0
  lostWrites = 0
  unansweredApplied = 0
  readonly #truth: Truth
  /** Who made each revision. */
  readonly #owners = new Map<number, Operation>()
  /** Deletes without an answer, of each key. */
  readonly #openDeletes = new Map<string, Operation[]>()

  constructor(truth: Truth) {
    this.#truth = truth
  }

  answered(operation: Operation, answer: Answer): void {
    const claims = claimsChange(operation, answer)
    if (claims) this.acknowledgedWrites++
    if (answer.revision > this.#truth.revision) {
      if (claims) this.lostWrites++
      const rule = claims ? 'lost write' : 'future read'
      this.#report(rule, operation, `the store ended at revision ${this.#truth.revision}`)
      return
    }
    if (claims) this.#placeWrite(operation, answer)
    else this.#placeRead(operation, answer)
    this.#checkOnce(operation)
  }

  #placeWrite(operation: Operation, answer: Answer): void {
    const { revision } = answer
    const expected = this.#truth.execute(operation.request, revision - 1)
    const found = this.#truth.changesAt(revision)
    if (!sameChanges(expected.changes, found)) {
      const text = `revision ${revision} holds ${describeChanges(found)}, expected ${describeChanges(expected.changes)}`
      const half = valuesOf(operation).some((value) => this.#truth.revisionsOf(value).includes(revision))
      if (!half) this.lostWrites++
      this.#report(half ? 'wrong answer' : 'lost write', operation, text)
      return
    }
    if (!sameAnswer(expected, answer)) this.#wrongAnswer(operation, expected, answer)
    this.#claim(operation, revision)
  }

  #placeRead(operation: Operation, answer: Answer): void {
    const expected = this.#truth.execute(operation.request, answer.revision)
    if (expected.changes.length > 0)
      this.#report('wrong answer', operation, `it should have changed ${describeChanges(expected.changes)}`)
    else if (!sameAnswer(expected, answer)) this.#wrongAnswer(operation, expected, answer)
    this.placed.push({ operation, revision: answer.revision, changed: false })
  }

  /** A unique value is in one revision: that of its own operation. */
  #checkOnce(operation: Operation): void {
    for (const value of valuesOf(operation)) {
      const others = this.#truth.revisionsOf(value).filter((revision) => this.#owners.get(revision) !== operation)
      if (others.length > 0)
        this.#report('applied twice', operation, `${value} is also in revision ${others.join(', ')}`)
    }
  }

  unanswered(operation: Operation): void {
    const { request } = operation
    if (!isWriteRequest(request)) return
    const values = valuesOf(operation)
    const onlyAction = request.then[0]
    if (values.length === 0) {
      if (onlyAction?.type !== 'delete' || request.then.length !== 1 || request.compare !== undefined)
        throw new Error(`a write without a unique value must be one delete: ${describeOperation(operation)}`)
      this.#openDeletes.set(onlyAction.key, [...(this.#openDeletes.get(onlyAction.key) ?? []), operation])
      return
    }
    const revision = this.#truth.revisionsOf(values[0]!)[0]
    if (revision === undefined) return
    const expected = this.#truth.execute(request, revision - 1)
    const found = this.#truth.changesAt(revision)
    if (!sameChanges(expected.changes, found))
      this.#report('wrong answer', operation, `revision ${revision} holds ${describeChanges(found)}`)
    this.unansweredApplied++
    this.#claim(operation, revision)
    this.#checkOnce(operation)
  }

  /** Revisions that nobody claimed: deletes without an answer, or nobody's. */
  rest(): void {
    for (const list of this.#openDeletes.values()) list.sort((a, b) => a.invokedMs - b.invokedMs)
    for (let revision = 2; revision <= this.#truth.revision; revision++) {
      if (this.#owners.has(revision)) continue
      const changes = this.#truth.changesAt(revision)
      if (changes.length === 0) continue // a gap, reported by checkTruth
      const [first] = changes
      const operation =
        changes.length === 1 && first?.type === 'delete' ? this.#openDeletes.get(first.kv.key)?.shift() : undefined
      if (operation === undefined) {
        const text = `revision ${revision}, ${describeChanges(changes)}, is of no operation`
        this.violations.push(violation('phantom', text))
        continue
      }
      this.unansweredApplied++
      this.#claim(operation, revision)
    }
  }

  #claim(operation: Operation, revision: number): void {
    const owner = this.#owners.get(revision)
    if (owner !== undefined) {
      this.#report('wrong answer', operation, `revision ${revision} is also the answer of ${describeOperation(owner)}`)
      return
    }
    this.#owners.set(revision, operation)
    this.placed.push({ operation, revision, changed: true })
  }

  #wrongAnswer(operation: Operation, expected: Omit<Answer, 'revision'>, answer: Answer): void {
    const text = `answered ${describeAnswer(answer)}, expected ${describeAnswer(expected)}`
    this.#report('wrong answer', operation, text)
  }

  #report(rule: Violation['rule'], operation: Operation, text: string): void {
    this.violations.push(violation(rule, `${describeOperation(operation)}: ${text}`))
  }
}

/** Whether an answer says that the operation made a revision of its own. */
const claimsChange = ({ request }: Operation, { succeeded, results }: Answer): boolean =>
  (succeeded ? request.then : request.otherwise).some(
    ({ type }, i) => type === 'put' || (type === 'delete' && (results[i]?.length ?? 0) > 0),
  )

const valuesOf = ({ request }: Operation): string[] =>
  [...request.then, ...request.otherwise].flatMap((action) => (action.type === 'put' ? [action.value] : []))
