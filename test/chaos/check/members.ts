// What all members must agree on once the faults are over.
import { describeChanges, sameChanges, type Change } from './truth.js'
import { violation, type Violation } from './violation.js'

export interface MemberHash {
  readonly member: string
  readonly revision: number
  readonly hash: number
  readonly compactRevision: number
}

/** Taken at one revision from every member. */
export const checkHashes = (hashes: readonly MemberHash[]): Violation[] => {
  const [first, ...others] = hashes
  if (first === undefined) return []
  const differs = others.some(
    ({ revision, hash, compactRevision }) =>
      revision !== first.revision || hash !== first.hash || compactRevision !== first.compactRevision,
  )
  if (!differs) return []
  const list = hashes.map(
    ({ member, revision, hash, compactRevision }) =>
      `${member}: ${hash} at ${revision}, compacted at ${compactRevision}`,
  )
  return [violation('hash', list.join('; '))]
}

/** The whole history as each member tells it. The first difference of each member is reported. */
export const checkSameHistory = (histories: ReadonlyMap<string, readonly Change[]>): Violation[] => {
  const [first, ...others] = [...histories]
  if (first === undefined) return []
  const [name, expected] = first
  return others.flatMap(([member, changes]) => {
    const length = Math.max(changes.length, expected.length)
    for (let i = 0; i < length; i++) {
      const [mine, theirs] = [changes.slice(i, i + 1), expected.slice(i, i + 1)]
      if (sameChanges(mine, theirs)) continue
      const at = (mine[0] ?? theirs[0])!.kv.modRevision
      const text = `revision ${at}: ${member} tells ${describeChanges(mine)}, ${name} tells ${describeChanges(theirs)}`
      return [violation('members differ', text)]
    }
    return []
  })
}
