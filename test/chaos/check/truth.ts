// The ground truth of a run: every change of the store in the order of its revisions, as the final watch from revision 1 told
// it. Everything else in a history is judged against it.
import {
  inRange,
  type Action,
  type Answer,
  type KeyRange,
  type KeyValue,
  type Request,
  type Result,
} from '../history.js'
import { violation, type Violation } from './violation.js'

/** An empty store is at revision 1; the first change makes revision 2. */
export const FIRST_REVISION = 1

export interface Change {
  readonly type: 'put' | 'delete'
  /** Of a delete: the tombstone, only key and modRevision count. */
  readonly kv: KeyValue
}

/** The outcome that a request has on a known state. */
export interface Outcome {
  readonly changes: readonly Change[]
  readonly succeeded: boolean
  readonly results: readonly Result[]
}

export class Truth {
  /** The newest revision. */
  readonly revision: number
  readonly #changes = new Map<number, Change[]>()
  /** Changes of each key, oldest first. */
  readonly #keys = new Map<string, Change[]>()
  readonly #revisionsOfValue = new Map<string, number[]>()

  /** `changes` in the order of their revisions. */
  constructor(changes: readonly Change[]) {
    for (const change of changes) {
      pushTo(this.#changes, change.kv.modRevision, change)
      pushTo(this.#keys, change.kv.key, change)
      if (change.type === 'put') {
        const revisions = this.#revisionsOfValue.get(change.kv.value) ?? []
        if (revisions.at(-1) !== change.kv.modRevision) revisions.push(change.kv.modRevision)
        this.#revisionsOfValue.set(change.kv.value, revisions)
      }
    }
    this.revision = changes.at(-1)?.kv.modRevision ?? FIRST_REVISION
  }

  changesAt(revision: number): readonly Change[] {
    return this.#changes.get(revision) ?? []
  }

  /** Revisions that put this value, oldest first. */
  revisionsOf(value: string): readonly number[] {
    return this.#revisionsOfValue.get(value) ?? []
  }

  /** A key as it was at a revision. */
  at(key: string, revision: number): KeyValue | undefined {
    const changes = this.#keys.get(key) ?? []
    let lo = 0
    let hi = changes.length
    while (lo < hi) {
      const middle = (lo + hi) >> 1
      if (changes[middle]!.kv.modRevision <= revision) lo = middle + 1
      else hi = middle
    }
    const newest = changes[lo - 1]
    return newest?.type === 'put' ? newest.kv : undefined
  }

  /** Keys of the range as they were at a revision, in key order. */
  range(range: KeyRange, revision: number): KeyValue[] {
    return [...this.#keys.keys()]
      .filter((key) => inRange(range, key))
      .sort()
      .map((key) => this.at(key, revision))
      .filter((kv) => kv !== undefined)
  }

  /** What `request` does to the state at `revision`: its changes get the next revision. */
  execute(request: Request, revision: number): Outcome {
    const { compare } = request
    const succeeded =
      compare === undefined || (this.at(compare.key, revision)?.modRevision ?? 0) === compare.modRevision
    const changes: Change[] = []
    const results = (succeeded ? request.then : request.otherwise).map((action) => this.#act(action, revision, changes))
    return { changes, succeeded, results }
  }

  /** Actions of one request see the earlier ones. */
  #act(action: Action, revision: number, changes: Change[]): Result {
    const current = (key: string): KeyValue | undefined => {
      const own = changes.findLast(({ kv }) => kv.key === key)
      if (own === undefined) return this.at(key, revision)
      return own.type === 'put' ? own.kv : undefined
    }
    switch (action.type) {
      case 'get': {
        if (action.revision !== 0) return this.range(action, action.revision)
        const keys = new Set([...this.#keys.keys(), ...changes.map(({ kv }) => kv.key)])
        const found = [...keys].filter((key) => inRange(action, key)).sort()
        return found.map(current).filter((kv) => kv !== undefined)
      }
      case 'put': {
        const before = current(action.key)
        const modRevision = revision + 1
        const createRevision = before?.createRevision ?? modRevision
        const version = (before?.version ?? 0) + 1
        changes.push({
          type: 'put',
          kv: { key: action.key, value: action.value, createRevision, modRevision, version },
        })
        return before === undefined ? [] : [before]
      }
      case 'delete': {
        const before = current(action.key)
        if (before === undefined) return []
        changes.push({ type: 'delete', kv: tombstone(action.key, revision + 1) })
        return [before]
      }
    }
  }
}

export const tombstone = (key: string, modRevision: number): KeyValue => ({
  key,
  value: '',
  createRevision: 0,
  modRevision,
  version: 0,
})

/** Whether an event list is one that a store can have: no gaps, right versions, only existing keys deleted. */
export const checkTruth = (changes: readonly Change[]): Violation[] => {
  const violations: Violation[] = []
  const alive = new Map<string, KeyValue>()
  let revision = FIRST_REVISION
  for (const { type, kv } of changes) {
    if (kv.modRevision !== revision && kv.modRevision !== revision + 1)
      violations.push(violation('truth', `the final watch has revision ${kv.modRevision} after ${revision}`))
    revision = kv.modRevision
    const before = alive.get(kv.key)
    if (type === 'delete') {
      if (before === undefined) violations.push(violation('truth', `revision ${revision} deletes absent ${kv.key}`))
      alive.delete(kv.key)
      continue
    }
    const expected = { ...kv, createRevision: before?.createRevision ?? revision, version: (before?.version ?? 0) + 1 }
    if (!sameKv(kv, expected))
      violations.push(violation('truth', `revision ${revision}: ${describeKv(kv)}, expected ${describeKv(expected)}`))
    alive.set(kv.key, kv)
  }
  return violations
}

export const sameKv = (a: KeyValue, b: KeyValue): boolean =>
  a.key === b.key &&
  a.value === b.value &&
  a.createRevision === b.createRevision &&
  a.modRevision === b.modRevision &&
  a.version === b.version

export const sameChanges = (a: readonly Change[], b: readonly Change[]): boolean =>
  a.length === b.length && a.every(({ type, kv }, i) => type === b[i]!.type && sameKv(kv, b[i]!.kv))

export const sameAnswer = (a: Omit<Answer, 'revision'>, b: Omit<Answer, 'revision'>): boolean =>
  a.succeeded === b.succeeded &&
  a.results.length === b.results.length &&
  a.results.every((result, i) => sameResult(result, b.results[i]!))

const sameResult = (a: Result, b: Result): boolean => a.length === b.length && a.every((kv, i) => sameKv(kv, b[i]!))

export const describeKv = ({ key, value, createRevision, modRevision, version }: KeyValue): string =>
  `${key}=${value} (create ${createRevision}, mod ${modRevision}, version ${version})`

export const describeChanges = (changes: readonly Change[]): string =>
  changes.length === 0
    ? 'nothing'
    : changes.map(({ type, kv }) => (type === 'put' ? `put ${describeKv(kv)}` : `delete ${kv.key}`)).join(', ')

const describeResult = (result: Result): string => `[${result.map(describeKv).join(', ')}]`

export const describeAnswer = ({ succeeded, results }: Omit<Answer, 'revision'>): string =>
  `${succeeded ? '' : 'compare failed, '}${results.map(describeResult).join(' ')}`

const pushTo = <K, V>(map: Map<K, V[]>, key: K, value: V): void => {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
