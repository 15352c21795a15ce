// How V8 should treat a server whose objects live for one request.

import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'

/**
 * Allocation-site pretenuring off. Where nearly all objects of one place in the code survive a collection, as requests do while a
 * thousand of them wait for the disk, V8 makes the next ones old from the start: a hundred megabytes a second of garbage that only
 * full collections take. Read by V8 at every collection, so it may be set in a process that runs.
 */
export const keepYoungObjectsYoung = (): void => {
  setFlagsFromString('--no-allocation-site-pretenuring')
}

/**
 * One half of the young generation. V8 lets it grow to 16 MiB, more than the caches of a core hold: then a collection waits for
 * memory with every object that it copies.
 */
const SEMI_SPACE_BYTES = 8 * 1024 * 1024
const LOOK_MS = 10

/**
 * Stops the growth of the young generation at `SEMI_SPACE_BYTES` a half. Its largest size is fixed when a process starts, but the factor
 * by which it grows is read each time, after collections that many objects survived. V8 may shrink it later, so this goes on; a step
 * that comes between two looks is one too many, which only makes the pauses longer. Whoever has told Node.js a size keeps it.
 */
export const boundYoungGeneration = (): void => {
  const given = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ')
  if (given.includes('semi-space')) return
  let factor = 0
  const look = (): void => {
    const next = growthFactor(newSpaceBytes())
    if (next !== factor) setFlagsFromString(`--semi-space-growth-factor=${next}`)
    factor = next
  }
  look()
  setInterval(look, LOOK_MS).unref()
}

/** For a young generation of so many bytes, both halves: V8's own factor below the bound, none from there on. */
export const growthFactor = (bytes: number): number => (bytes < 2 * SEMI_SPACE_BYTES ? 2 : 1)

const newSpaceBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 2 * SEMI_SPACE_BYTES
