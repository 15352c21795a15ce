// Real time against the order of places (place.ts).
//
// A history is linearizable when its operations can be put in one order that keeps real time (whoever returned before another
// was called comes first) and explains all answers. Places already explain the answers, so what is left is: no operation has
// a place behind one that was called after it returned. Within one revision the write comes first, then its readers; readers of
// one revision may be put in any order.
import { describeOperation, isWriteRequest } from '../history.js'
import type { Placed } from './place.js'
import { violation, type Rule, type Violation } from './violation.js'

/** Reported of each kind; one broken promise is seen by many operations. */
const REPORTED_MAX = 20

/** Writes and linearizable reads. Reads of older revisions are part of it: their answers carry the newest revision. */
export const checkRealTime = (placed: readonly Placed[]): Violation[] => {
  const strict = placed.filter(({ operation }) => !operation.request.serializable)
  return checkAgainstEarlier(strict, strict, ({ operation: earlier }, { changed }) => {
    if (!changed) return 'stale read'
    return isWriteRequest(earlier.request) ? 'real-time order' : 'future read'
  })
}

/** Serializable reads may be old, but never newer than what had begun when they returned. */
export const checkNotFromTheFuture = (placed: readonly Placed[]): Violation[] =>
  checkAgainstEarlier(
    placed.filter(({ operation }) => operation.request.serializable),
    placed.filter(({ changed }) => changed),
    () => 'future read',
  )

/** What one process answers never goes back: not even its serializable reads. */
export const checkMembersGoForward = (placed: readonly Placed[]): Violation[] => {
  const processes = new Map<string, Placed[]>()
  for (const item of placed) {
    const { member, incarnation, incarnationAtReturn, answer } = item.operation
    if (answer === undefined || incarnation !== incarnationAtReturn) continue
    const name = `${member}/${incarnation}`
    processes.set(name, [...(processes.get(name) ?? []), item])
  }
  return [...processes.values()].flatMap((items) => checkAgainstEarlier(items, items, () => 'member went back'))
}

/** Stale linearizable reads: how many, not only the reported ones. */
export const countStaleReads = (placed: readonly Placed[]): number => {
  const strict = placed.filter(({ operation }) => !operation.request.serializable)
  return pairs(strict, strict).filter(({ later }) => !later.changed).length
}

const checkAgainstEarlier = (
  first: readonly Placed[],
  second: readonly Placed[],
  ruleOf: (earlier: Placed, later: Placed) => Rule,
): Violation[] =>
  pairs(first, second)
    .slice(0, REPORTED_MAX)
    .map(({ earlier, later }) => {
      const text = `${describe(earlier)}; returned before ${describe(later)}`
      return violation(ruleOf(earlier, later), text)
    })

interface Pair {
  readonly earlier: Placed
  readonly later: Placed
}

/** For each of `second` the farthest of `first` that had returned before it was called, when that one's place is behind it. */
const pairs = (first: readonly Placed[], second: readonly Placed[]): Pair[] => {
  const byReturn = [...first].sort((a, b) => a.operation.returnedMs - b.operation.returnedMs)
  const byCall = [...second].sort((a, b) => a.operation.invokedMs - b.operation.invokedMs)
  const found: Pair[] = []
  let returned = 0
  let farthest: Placed | undefined
  for (const later of byCall) {
    for (; (byReturn[returned]?.operation.returnedMs ?? Infinity) < later.operation.invokedMs; returned++) {
      const candidate = byReturn[returned]!
      if (farthest === undefined || place(candidate) > place(farthest)) farthest = candidate
    }
    if (farthest !== undefined && place(farthest) > place(later)) found.push({ earlier: farthest, later })
  }
  return found
}

/** The write of a revision stands before those that saw it. */
const place = ({ revision, changed }: Placed): number => 2 * revision + (changed ? 0 : 1)

const describe = ({ operation, revision, changed }: Placed): string =>
  `${describeOperation(operation)} (${changed ? 'made' : 'saw'} revision ${revision})`
