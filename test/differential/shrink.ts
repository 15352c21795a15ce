// Makes a diverging history short: drops earlier calls as long as the last one is still answered differently.
import type { Operation } from './operation.js'

/**
 * `diverges` plays a list on fresh servers and tells whether its last call (and no earlier one) is answered differently.
 * First without the reads, then halves, then quarters and so on down to single calls (delta debugging), until `deadline` (ms since the epoch).
 */
export const shrink = async (
  operations: readonly Operation[],
  diverges: (operations: readonly Operation[]) => Promise<boolean>,
  deadline: number,
): Promise<readonly Operation[]> => {
  const last = operations.at(-1)
  if (last === undefined) return operations
  let earlier = operations.slice(0, -1)
  const writes = earlier.filter(({ reads }) => !reads)
  if (Date.now() < deadline && (await diverges([...writes, last]))) earlier = writes
  let size = Math.ceil(earlier.length / 2)
  while (size >= 1 && earlier.length > 0) {
    let removed = false
    for (let start = 0; start < earlier.length && Date.now() < deadline;) {
      const rest = [...earlier.slice(0, start), ...earlier.slice(start + size)]
      if (await diverges([...rest, last])) {
        earlier = rest
        removed = true
      } else {
        start += size
      }
    }
    if (Date.now() >= deadline || (size === 1 && !removed)) break
    if (!removed || size > earlier.length) size = Math.min(Math.ceil(size / 2), size - 1 || 1)
  }
  return [...earlier, last]
}
