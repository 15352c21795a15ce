import { randomBytes, randomInt } from 'node:crypto'
import type { Random } from '../env/index.js'

/** Randomness of the operating system; ids and election timeouts of members must never coincide. */
export const systemRandom: Random = {
  below: (bound) => randomInt(bound),
  uint64: () => randomBytes(8).readBigUInt64LE(),
}
