// Names of segments: `<sequence, 16 hex>-<index of the first entry it may hold, 16 hex>.wal`.

export interface SegmentName {
  readonly name: string
  readonly sequence: number
  /** Index of the first entry that it may hold. */
  readonly index: number
}

export const segmentName = (sequence: number, index: number): string => `${hex16(sequence)}-${hex16(index)}.wal`

/** Undefined for names of other files. */
export const parseSegmentName = (name: string): SegmentName | undefined => {
  const match = /^([0-9a-f]{16})-([0-9a-f]{16})\.wal$/.exec(name)
  if (match === null) return undefined
  const sequence = Number.parseInt(match[1]!, 16)
  const index = Number.parseInt(match[2]!, 16)
  return Number.isSafeInteger(sequence) && Number.isSafeInteger(index) ? { name, sequence, index } : undefined
}

/** All segments among `names`, in order. */
export const segmentsOf = (names: readonly string[]): SegmentName[] =>
  names
    .map(parseSegmentName)
    .filter((segment) => segment !== undefined)
    .sort((a, b) => a.sequence - b.sequence || a.index - b.index)

/**
 * The newest run of consecutive sequence numbers. What lies before a hole is what a purge, cut short by a crash, left over;
 * if it was needed after all, recovery finds that entries are missing.
 */
export const newestRun = (segments: readonly SegmentName[]): SegmentName[] => {
  let first = segments.length - 1
  while (first > 0 && segments[first - 1]!.sequence === segments[first]!.sequence - 1) first--
  return segments.slice(Math.max(first, 0))
}

export const hex16 = (value: number): string => value.toString(16).padStart(16, '0')
