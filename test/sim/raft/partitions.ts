// Ways in which a network falls apart.

import type { MemberId } from '#src/base/index.js'
import type { SeededRandom } from '../random.js'
import { direction } from './network.js'
import type { Direction } from './network.js'

export type PartitionKind = 'halves' | 'minority' | 'leaderAlone' | 'oneWay' | 'deaf' | 'ring' | 'bridge' | 'swizzle'

export const PARTITION_KINDS: readonly PartitionKind[] = [
  'halves',
  'minority',
  'leaderAlone',
  'leaderAlone',
  'oneWay',
  'deaf',
  'ring',
  'bridge',
  'swizzle',
]

/** The directions that a partition of this kind cuts among `ids`, which ascend. */
export const drawPartition = (
  random: SeededRandom,
  kind: PartitionKind,
  ids: readonly MemberId[],
  leader: MemberId | undefined,
): Set<Direction> => {
  switch (kind) {
    case 'halves':
      return apart(ids, new Set(ids.filter(() => random.chance(0.5))))
    case 'minority': {
      const size = random.below(Math.ceil(ids.length / 2)) + (ids.length > 2 ? 0 : 1)
      return apart(ids, new Set(shuffled(random, ids).slice(0, size)))
    }
    case 'leaderAlone':
      return apart(ids, new Set([leader ?? random.pick(ids)]))
    case 'oneWay': {
      const side = new Set(ids.filter(() => random.chance(0.5)))
      return cutsWhere(ids, (from, to) => side.has(from) && !side.has(to))
    }
    case 'deaf': {
      // One member that hears nobody, or that nobody hears: often the leader.
      const lonely = leader !== undefined && random.chance(0.6) ? leader : random.pick(ids)
      const hears = random.chance(0.5)
      return cutsWhere(ids, (from, to) => (hears ? from : to) === lonely)
    }
    case 'ring': {
      const ring = shuffled(random, ids)
      return cutsWhere(ids, (from, to) => {
        const distance = Math.abs(ring.indexOf(from) - ring.indexOf(to))
        return distance !== 1 && distance !== ring.length - 1
      })
    }
    case 'bridge': {
      const bridge = random.pick(ids)
      const side = new Set(ids.filter(() => random.chance(0.5)))
      return cutsWhere(ids, (from, to) => from !== bridge && to !== bridge && side.has(from) !== side.has(to))
    }
    case 'swizzle':
      return cutsWhere(ids, () => random.chance(0.3))
  }
}

const apart = (ids: readonly MemberId[], side: ReadonlySet<MemberId>): Set<Direction> =>
  cutsWhere(ids, (from, to) => side.has(from) !== side.has(to))

const cutsWhere = (ids: readonly MemberId[], isCut: (from: MemberId, to: MemberId) => boolean): Set<Direction> => {
  const cuts = new Set<Direction>()
  for (const from of ids) for (const to of ids) if (from !== to && isCut(from, to)) cuts.add(direction(from, to))
  return cuts
}

export const shuffled = <T>(random: SeededRandom, items: readonly T[]): T[] => {
  const rest = [...items]
  const order: T[] = []
  while (rest.length > 0) order.push(...rest.splice(random.below(rest.length), 1))
  return order
}
