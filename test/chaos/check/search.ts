// Linearizability by trying every order: slow, obvious, and sharing nothing with place.ts and order.ts, which it tests.
import { describeRequest, inRange, type Action, type KeyValue, type Operation, type Request } from '../history.js'
import type { Change } from './truth.js'

interface State {
  readonly revision: number
  readonly keys: ReadonlyMap<string, KeyValue>
  /** What has changed so far, as text. */
  readonly log: readonly string[]
}

/** Whether some order that keeps real time explains all answers and ends with exactly these changes. */
export const isLinearizable = (operations: readonly Operation[], changes: readonly Change[]): boolean =>
  search(operations, { revision: 1, keys: new Map(), log: [] }, changes.map(textOf))

const search = (left: readonly Operation[], state: State, wanted: readonly string[]): boolean => {
  if (state.log.some((text, i) => text !== wanted[i])) return false
  if (left.every(({ answer }) => answer === undefined) && state.log.length === wanted.length) return true
  const firstReturn = Math.min(...left.map(({ returnedMs }) => returnedMs))
  return left.some((operation, i) => {
    // Somebody who returned before it was called must come first.
    if (operation.invokedMs > firstReturn) return false
    const after = step(state, operation)
    return after !== undefined && search(left.toSpliced(i, 1), after, wanted)
  })
}

/** undefined when the answer is not the one that this state gives. */
const step = (state: State, { request, answer }: Operation): State | undefined => {
  const { after, succeeded, results } = execute(state, request)
  if (answer === undefined) return after
  const same =
    answer.revision === after.revision &&
    answer.succeeded === succeeded &&
    JSON.stringify(answer.results) === JSON.stringify(results)
  return same ? after : undefined
}

const execute = (state: State, { compare, then, otherwise, ...request }: Request) => {
  const succeeded = compare === undefined || (state.keys.get(compare.key)?.modRevision ?? 0) === compare.modRevision
  const keys = new Map(state.keys)
  const log: string[] = []
  const results = (succeeded ? then : otherwise).map((action) => act(action, keys, state.revision + 1, log))
  if (request.serializable) throw new Error(`not for ${describeRequest({ then, otherwise, ...request })}`)
  const revision = log.length > 0 ? state.revision + 1 : state.revision
  return { after: { revision, keys, log: [...state.log, ...log] }, succeeded, results }
}

const act = (action: Action, keys: Map<string, KeyValue>, next: number, log: string[]): KeyValue[] => {
  if (action.type === 'get')
    return [...keys.values()]
      .filter(({ key }) => inRange(action, key))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(plain)
  const before = keys.get(action.key)
  if (action.type === 'delete') {
    if (before === undefined) return []
    keys.delete(action.key)
    log.push(`-${action.key}@${next}`)
    return [plain(before)]
  }
  const { key, value } = action
  const createRevision = before?.createRevision ?? next
  keys.set(key, { key, value, createRevision, modRevision: next, version: (before?.version ?? 0) + 1 })
  log.push(`${key}=${value}@${next}`)
  return before === undefined ? [] : [plain(before)]
}

const textOf = ({ type, kv }: Change): string =>
  type === 'put' ? `${kv.key}=${kv.value}@${kv.modRevision}` : `-${kv.key}@${kv.modRevision}`

/** Always the same fields in the same order. */
const plain = ({ key, value, createRevision, modRevision, version }: KeyValue): KeyValue => ({
  key,
  value,
  createRevision,
  modRevision,
  version,
})
