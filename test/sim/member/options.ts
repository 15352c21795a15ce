// What one simulated run of a member is like, drawn from its seed.
import type { SeededRandom } from '../random.js'

export interface LifeOptions {
  /** Virtual milliseconds until the machine stops by itself. */
  readonly lastsMs: number
  /** Ends by `close` instead of by losing power. */
  readonly closes: boolean
  /** The file operation at which the machine stops; undefined: by time only. */
  readonly crashAt: number | undefined
  /** Longest time of one file operation, and of one write of the backend, milliseconds. */
  readonly fileMsMax: number
  readonly backendMsMax: number
  readonly clients: number
  /** Longest time that a client thinks between two calls. */
  readonly thinkMsMax: number
  /** Now and then the process stands still. */
  readonly stalls: boolean
}

export interface RunOptions {
  readonly lives: number
  readonly segmentBytes: number
  readonly snapshotEvery: number
  readonly snapshotBytes: number
  readonly catchUpEntries: number
  readonly commitMs: number
  readonly commitOperations: number
  readonly unflushedBytesMax: number
  readonly checkpoints: boolean
}

export const runOptions = (random: SeededRandom): RunOptions => ({
  lives: 2 + random.below(4),
  segmentBytes: 4096 * (1 + random.below(4)),
  snapshotEvery: random.pick([3, 10, 40, 1000]),
  snapshotBytes: random.pick([500, 1_000_000]),
  catchUpEntries: random.pick([1, 10, 200]),
  commitMs: random.pick([1, 20, 100]),
  commitOperations: random.pick([1, 20, 10_000]),
  unflushedBytesMax: random.pick([500, 4000, 1_000_000]),
  checkpoints: random.chance(0.5),
})

export const lifeOptions = (random: SeededRandom): LifeOptions => {
  const isSlow = random.chance(0.15)
  return {
    lastsMs: isSlow ? 20_000 + random.below(60_000) : 50 + random.below(2500),
    closes: random.chance(0.2),
    crashAt: random.chance(0.6) ? 1 + random.below(random.pick([20, 100, 600])) : undefined,
    fileMsMax: random.pick([0, 2, 10]),
    backendMsMax: random.pick([0, 30, 300]),
    clients: 1 + random.below(6),
    thinkMsMax: isSlow ? 1500 : random.pick([0, 5, 60]),
    stalls: random.chance(0.2),
  }
}
